//! Work of a session that would block the event loop. It is done in a thread of the pool, and answered when the session returns.

use std::sync::Arc;

use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::Session;
use super::answer::Answer;
use super::text::Reservation;
use super::work::ThreadWork;
use crate::engine::{Interruption, interrupted};

impl Session {
    /// Does the work, in another thread. Returns false where there is no memory for it now, and it `may_wait` for memory.
    pub(super) fn run_thread_work(&mut self, may_wait: bool) -> bool {
        // The connection may have been killed while the work waited for its turn.
        let refusal = if self.process.is_stopped() {
            Some(interrupted())
        } else {
            match self.reserve_for_text() {
                Reservation::Counted => None,
                Reservation::Later if may_wait => return false,
                Reservation::Later => Some(self.no_memory_for_text()),
                Reservation::Refused(error) => Some(error),
            }
        };
        match refusal {
            Some(error) => self.refuse_thread_work(error),
            None => self.do_thread_work(),
        }
        true
    }

    /// Returns an error as the result of the work.
    pub(super) fn refuse_thread_work(&mut self, error: SqlError) {
        self.thread_work = None;
        self.queue.clear();
        self.forget_diagnostics();
        self.returned_answer = Some((Err(error), false));
    }

    /// Whether the work need not wait for memory any longer, because there is some or because it was stopped.
    pub(super) fn is_thread_work_ready(&mut self) -> bool {
        self.process.is_stopped() || !matches!(self.reserve_for_text(), Reservation::Later)
    }

    fn do_thread_work(&mut self) {
        let Some(thread_work) = self.thread_work.take() else { return };
        let (answer, binary) = match thread_work {
            ThreadWork::Query(sql) => {
                let text = self.begin_query(sql);
                match self.read_on(text) {
                    Some(answer) => (answer, false),
                    None => return,
                }
            }
            ThreadWork::Next => {
                let text = self.next_text().map(Some);
                match self.read_on(text) {
                    Some(answer) => (answer, false),
                    None => return,
                }
            }
            ThreadWork::Statement(text) => (self.statement_of(text), false),
            ThreadWork::Prepare(sql) => (self.begin_prepare(sql.rest()).and_then(|text| self.prepare(text)), false),
            ThreadWork::PrepareStatement(text) => (self.prepare(text), false),
            ThreadWork::Execute(id, parameters) => (self.execute(id, parameters), true),
            ThreadWork::ContinueSet(pending, value) => (self.continue_set(*pending, value), false),
        };
        self.await_replicas();
        // The engine's task is checked in this thread too, because its text may be long.
        let answer = answer.and_then(|answer| self.approve(answer));
        self.returned_answer = Some((answer, binary));
    }

    /// Waits for a replica where the work has committed.
    fn await_replicas(&mut self) {
        let of_engine = self.engine.as_mut().and_then(|engine| engine.take_awaited());
        // Of two commits the session's own is the later one.
        let Some(awaited) = self.awaited.take().or(of_engine) else { return };
        let interruption = Arc::<Interruption>::default();
        self.process.begin_statement(Arc::clone(&interruption));
        awaited.wait(&interruption);
    }

    /// Executes a statement whose text was read. A statement that may wait for others is handed to another thread once more, because texts
    /// of other sessions are waiting to be read in this one.
    fn read_on(&mut self, text: Result<Option<String>, SqlError>) -> Option<Result<Answer, SqlError>> {
        match text {
            Ok(Some(text)) if Self::is_slow(&text) => {
                self.thread_work = Some(ThreadWork::Statement(text));
                None
            }
            text => Some(text.and_then(|text| self.answer_text(text))),
        }
    }

    /// Answers with the result of the work.
    pub(super) fn conclude_thread_work(&mut self, connection: &mut Connection) -> Result<(), Error> {
        match self.returned_answer.take() {
            Some((answer, binary)) => self.conclude(answer, binary, connection),
            None => Ok(()),
        }
    }
}
