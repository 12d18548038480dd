//! Work of a session that would keep the event loop: it is done on a thread of the pool, and answered when the session is back.

use sealwire_core::error::Error;
use sealwire_core::server::Connection;

use super::Session;
use super::work::Errand;

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
