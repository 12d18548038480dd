//! Work of a session that would keep the event loop: it is done on a thread of the pool, and answered when the session is back.

use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::Session;
use super::answer::Answer;
use super::text::Reserved;
use super::work::Errand;
use crate::engine::interrupted;

impl Session {
    /// Does the errand, on another thread; false where there is no memory for it now, and it `may_wait` for some.
    pub(super) fn run_errand(&mut self, may_wait: bool) -> bool {
        // It may have waited for its turn.
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

    /// Brings an error back instead of an answer.
    pub(super) fn refuse_errand(&mut self, error: SqlError) {
        self.errand = None;
        self.queue.clear();
        self.forget_diagnostics();
        self.brought = Some((Err(error), false));
    }

    /// Whether the errand need not wait for memory any longer: there is some, or it is stopped.
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
        // What the engine is to do is looked at here, too: the text may be long.
        let answer = answer.and_then(|answer| self.approve(answer));
        self.brought = Some((answer, binary));
    }

    /// Answers a statement that was read. One that may wait for others goes away once more: here others wait to read their texts.
    fn read_on(&mut self, text: Result<Option<String>, SqlError>) -> Option<Result<Answer, SqlError>> {
        match text {
            Ok(Some(text)) if Self::is_slow(&text) => {
                self.errand = Some(Errand::Statement(text));
                None
            }
            text => Some(text.and_then(|text| self.answer_text(text))),
        }
    }

    /// Answers with what the errand brought.
    pub(super) fn conclude_errand(&mut self, connection: &mut Connection) -> Result<(), Error> {
        match self.brought.take() {
            Some((answer, binary)) => self.conclude(answer, binary, connection),
            None => Ok(()),
        }
    }
}
