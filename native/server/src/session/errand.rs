//! Work of a session that would keep the event loop: it is done on a thread of the pool, and answered when the session is back.

use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::set::Pending;
use super::{Answer, Session};
use crate::sql::Datum;

/// Longer texts are read on a thread of their own: reading takes some nanoseconds a byte.
pub(super) const LONG: usize = 64 * 1024;

/// What is to be done.
pub(super) enum Errand {
    /// COM_QUERY.
    Query(Vec<u8>),
    /// The next statement of a COM_QUERY, to be found in what is left of it.
    Next,
    /// A statement that was read already.
    Statement(String),
    /// COM_STMT_PREPARE.
    Prepare(Vec<u8>),
    /// A statement to prepare that was read already.
    PrepareStatement(String),
    /// COM_STMT_EXECUTE.
    Execute(u32, Vec<Datum>),
    /// A SET that goes on with a value that the engine has found.
    SetOn(Box<Pending>, Datum),
}

/// An answer, and whether its rows are binary.
pub(super) type Brought = (Result<Answer, SqlError>, bool);

impl Session {
    /// Does the errand, on another thread.
    pub(super) fn run_errand(&mut self) {
        let Some(errand) = self.errand.take() else { return };
        let (answer, binary) = match errand {
            Errand::Query(sql) => (self.begin_query(sql).and_then(|text| self.answer_text(text)), false),
            Errand::Next => (self.next_text().and_then(|text| self.statement(&text)), false),
            Errand::Statement(text) => (self.statement(&text), false),
            Errand::Prepare(sql) => (self.begin_prepare(&sql).and_then(|text| self.prepare(text)), false),
            Errand::PrepareStatement(text) => (self.prepare(text), false),
            Errand::Execute(id, parameters) => (self.execute(id, parameters), true),
            Errand::SetOn(pending, value) => (self.set_on(*pending, value), false),
        };
        // What the engine is to do is looked at here, too: the text may be long.
        let answer = answer.and_then(|answer| self.approve(answer));
        self.brought = Some((answer, binary));
    }

    /// Answers with what the errand brought.
    pub(super) fn conclude_errand(&mut self, connection: &mut Connection) -> Result<(), Error> {
        match self.brought.take() {
            Some((answer, binary)) => self.conclude(answer, binary, connection),
            None => Ok(()),
        }
    }
}
