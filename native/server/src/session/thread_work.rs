//! Work of a session that would block the event loop. It is done in a thread of the pool, and answered when the session returns.

use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::Session;
use super::answer::Answer;
use super::text::Reserved;
use super::work::Errand;
use crate::engine::interrupted;

impl Session {
    /// Does the work, in another thread. Returns false where there is no memory for it now, and it `may_wait` for memory.
    pub(super) fn run_errand(&mut self, may_wait: bool) -> bool {
        // The connection may have been killed while the work waited for its turn.
        let refusal = if self.presence.is_stopped() {
            Some(interrupted())
        } else {
            match self.reserve_for_text() {
                Reserved::Counted => None,
                Reserved::Later if may_wait => return false,
                Reserved::Later => Some(self.no_memory_for_text()),
                Reserved::Refused(error) => Some(error),
            }
        };
        match refusal {
            Some(error) => self.refuse_errand(error),
            None => self.do_errand(),
        }
        true
    }

    /// Returns an error as the result of the work.
    pub(super) fn refuse_errand(&mut self, error: SqlError) {
        self.errand = None;
        self.queue.clear();
        self.forget_diagnostics();
        self.brought = Some((Err(error), false));
    }

    /// Whether the work need not wait for memory any longer, because there is some or because it was stopped.
    pub(super) fn is_errand_ready(&mut self) -> bool {
        self.presence.is_stopped() || !matches!(self.reserve_for_text(), Reserved::Later)
    }

    fn do_errand(&mut self) {
        let Some(errand) = self.errand.take() else { return };
        let (answer, binary) = match errand {
            Errand::Query(sql) => {
                let text = self.begin_query(sql);
                match self.read_on(text) {
                    Some(answer) => (answer, false),
                    None => return,
                }
            }
            Errand::Next => {
                let text = self.next_text().map(Some);
                match self.read_on(text) {
                    Some(answer) => (answer, false),
                    None => return,
                }
            }
            Errand::Statement(text) => (self.statement_of(text), false),
            Errand::Prepare(sql) => (self.begin_prepare(sql.rest()).and_then(|text| self.prepare(text)), false),
            Errand::PrepareStatement(text) => (self.prepare(text), false),
            Errand::Execute(id, parameters) => (self.execute(id, parameters), true),
            Errand::SetOn(pending, value) => (self.set_on(*pending, value), false),
        };
        // The engine's task is checked in this thread too, because its text may be long.
        let answer = answer.and_then(|answer| self.approve(answer));
        self.brought = Some((answer, binary));
    }

    /// Executes a statement whose text was read. A statement that may wait for others is handed to another thread once more, because texts
    /// of other sessions are waiting to be read in this one.
    fn read_on(&mut self, text: Result<Option<String>, SqlError>) -> Option<Result<Answer, SqlError>> {
        match text {
            Ok(Some(text)) if Self::is_slow(&text) => {
                self.errand = Some(Errand::Statement(text));
                None
            }
            text => Some(text.and_then(|text| self.answer_text(text))),
        }
    }

    /// Answers with the result of the work.
    pub(super) fn conclude_errand(&mut self, connection: &mut Connection) -> Result<(), Error> {
        match self.brought.take() {
            Some((answer, binary)) => self.conclude(answer, binary, connection),
            None => Ok(()),
        }
    }
}
