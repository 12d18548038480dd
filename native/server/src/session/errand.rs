//! Work of a session that would keep the event loop: it is done on a thread of the pool, and answered when the session is back.

use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::Session;
use super::answer::Answer;
use super::work::Errand;
use crate::engine::interrupted;

impl Session {
    /// Does the errand, on another thread.
    pub(super) fn run_errand(&mut self) {
        let length = self.text_to_read();
        let Some(errand) = self.errand.take() else { return };
        // It may have waited for its turn.
        let ready = if self.presence.is_stopped() { Err(interrupted()) } else { self.reserve_for_text(length) };
        if let Err(error) = ready {
            self.queue.clear();
            self.forget_diagnostics();
            self.brought = Some((Err(error), false));
            return;
        }
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
