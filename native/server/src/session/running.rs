//! Runs a statement in another thread and forwards its rows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::TryRecvError;

use sealwire_core::error::{Error, SqlError};
use sealwire_core::server::Connection;

use super::answer::{Answer, Purpose, Reply};
use super::work::{Running, ThreadWork};
use super::{ENOUGH, Session};
use crate::engine::{Delivery, Done, Job, Limits, Outcome, Task, TransactionStep};
use crate::memory::Held;
use crate::sql::backquoted;

impl Session {
    /// Checks whether a task may run; returns its limits.
    ///
    /// # Errors
    /// Those of [`Session::demand_writable`].
    fn limits_of(&self, task: &Task) -> Result<Limits, SqlError> {
        if let Task::Execute { sql, .. } = task {
            self.demand_writable(sql)?;
        }
        Ok(self.limits(task))
    }

    /// Checks whether the engine's task in an answer may run.
    ///
    /// # Errors
    /// Those of [`Session::demand_writable`].
    pub(super) fn approve(&self, answer: Answer) -> Result<Answer, SqlError> {
        match answer {
            Answer::Engine(task) => {
                self.limits_of(&task).map(|limits| Answer::Approved(task, limits, Purpose::Statement))
            }
            Answer::Discarded(task) => {
                self.limits_of(&task).map(|limits| Answer::Approved(task, limits, Purpose::Discarded))
            }
            answer => Ok(answer),
        }
    }

    /// Checks a task, and starts it in another thread.
    pub(super) fn submit(&mut self, task: Task, purpose: Purpose) -> Result<(), SqlError> {
        let limits = self.limits_of(&task)?;
        self.submit_approved(task, limits, purpose)
    }

    /// Starts a task that was checked.
    pub(super) fn submit_approved(&mut self, task: Task, limits: Limits, purpose: Purpose) -> Result<(), SqlError> {
        let begins = matches!(task, Task::Transaction(TransactionStep::Begin) | Task::Snapshot);
        let session = match self.engine.take() {
            Some(session) => session,
            None => self.view.server.engine_session()?,
        };
        self.process.begin_statement(session.interruption());
        let wake = Arc::clone(&self.wake);
        let mut view = self.view.clone();
        if limits.repeats_statements {
            view.fix_moment();
        }
        let job = Job {
            session,
            task,
            database: self.view.database.clone(),
            context: Arc::new(view),
            autocommit: self.view.autocommit(),
            limits,
            entry: self.entry.clone(),
            wake: Box::new(move || wake()),
        };
        let deliveries = self.view.server.pool.run(job)?;
        self.view.server.counters.threads_running.fetch_add(1, Ordering::Relaxed);
        self.running = Some(Running { deliveries, purpose, begins });
        Ok(())
    }

    /// Forwards the rows of the running statement as long as the client takes them, and begins the next statement when it has ended.
    /// Returns true where anything was forwarded.
    ///
    /// # Errors
    /// The connection's error.
    pub(super) fn advance(&mut self, connection: &mut Connection) -> Result<bool, Error> {
        if self.dump.is_some() {
            return self.advance_dump(connection);
        }
        let mut moved = false;
        if connection.unsent() < ENOUGH {
            self.held_answer = Held::default();
        }
        while connection.unsent() < ENOUGH {
            let Some(running) = &mut self.running else { break };
            match running.deliveries.next() {
                Ok(delivery) => self.deliver(delivery, connection)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    let error = SqlError::new(1105, b"HY000", "The statement's thread ended; see the server's log");
                    match self.finish_running() {
                        Some(Purpose::InitConnect(_)) => self.fail_init_connect(&error),
                        _ => self.fail(&error, connection)?,
                    }
                }
            }
            moved = true;
        }
        // Begin only one statement per call, so that its answer is sent and other connections advance meanwhile.
        if !moved
            && self.running.is_none()
            && self.thread_work.is_none()
            && !self.queue.is_empty()
            && connection.unsent() < ENOUGH
        {
            self.run_next(connection)?;
            moved = true;
        }
        Ok(moved)
    }

    fn finish_running(&mut self) -> Option<Purpose> {
        let running = self.running.take()?;
        self.view.server.counters.threads_running.fetch_sub(1, Ordering::Relaxed);
        Some(running.purpose)
    }

    fn deliver(&mut self, delivery: Delivery, connection: &mut Connection) -> Result<(), Error> {
        let is_discarded = self
            .running
            .as_ref()
            .is_some_and(|running| matches!(running.purpose, Purpose::InitConnect(_) | Purpose::Discarded));
        match delivery {
            Delivery::Columns(_) | Delivery::Rows(..) if is_discarded => Ok(()),
            Delivery::Columns(columns) => connection.begin_rows(&columns),
            Delivery::Rows(batch, _) => connection.rows(batch),
            Delivery::Finished(session, outcome) => {
                let begins = self.running.as_ref().is_some_and(|running| running.begins);
                self.note_transaction(session.is_in_transaction(), begins);
                self.view.snapshot = session.snapshot();
                self.engine = Some(session);
                let Some(purpose) = self.finish_running() else { return Ok(()) };
                self.finished(purpose, outcome, connection)
            }
        }
    }

    fn finished(
        &mut self,
        purpose: Purpose,
        outcome: Result<Outcome, SqlError>,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        match (purpose, outcome) {
            (Purpose::InitConnect(pending), outcome) => {
                self.init_connect_done(pending, outcome);
                Ok(())
            }
            (_, Err(error)) => self.fail(&error, connection),
            (_, Ok(Outcome::Stepped)) => self.reply_ok(&Reply::default(), connection),
            (Purpose::Discarded, Ok(Outcome::Executed(done))) => {
                self.executed(Done { has_rows: false, ..done }, connection)
            }
            (_, Ok(Outcome::Executed(done))) => self.executed(done, connection),
            (Purpose::Prepare { sql, is_own }, Ok(Outcome::Described(description))) => {
                self.keep_prepared(sql, &description, is_own, connection)
            }
            (Purpose::FieldList, Ok(Outcome::Described(description))) => {
                connection.field_list(&description.columns, self.status())?;
                self.rest_if_done();
                Ok(())
            }
            (Purpose::Set(pending), Ok(Outcome::Value(value))) if pending.is_long() => {
                self.thread_work = Some(ThreadWork::ContinueSet(pending, value));
                Ok(())
            }
            (Purpose::Set(pending), Ok(Outcome::Value(value))) => {
                let answer = self.continue_set(*pending, value);
                self.conclude(answer, false, connection)
            }
            (Purpose::Statement | Purpose::Discarded | Purpose::Set(_), Ok(Outcome::Described(_)))
            | (
                Purpose::Statement | Purpose::Discarded | Purpose::Prepare { .. } | Purpose::FieldList,
                Ok(Outcome::Value(_)),
            ) => self.reply_ok(&Reply::default(), connection),
        }
    }

    fn executed(&mut self, done: Done, connection: &mut Connection) -> Result<(), Error> {
        for note in done.notes {
            self.note("Note", note);
        }
        for warning in done.warnings {
            self.note("Warning", warning);
        }
        if done.has_rows {
            self.view.row_count = -1;
            connection.end_rows(self.status_before_next(), self.warning_count())?;
            self.rest_if_done();
            return Ok(());
        }
        let reply = Reply {
            affected_rows: done.affected_rows,
            last_insert_id: done.last_insert_id,
            info: done.info,
            changes: Vec::new(),
        };
        self.reply_ok(&reply, connection)
    }

    /// COM_FIELD_LIST: the columns of a table.
    pub(super) fn field_list(&mut self, table: &str, connection: &mut Connection) -> Result<(), Error> {
        let sql = format!("SELECT * FROM {}", backquoted(table));
        self.start(Task::Describe { sql }, Purpose::FieldList, connection)
    }
}
