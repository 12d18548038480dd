//! Threads that run statements, so that a slow one holds up no other connection.
//!
//! A statement gets an idle thread or a new one: a bound would let statements that wait for a lock keep out the one that would release it.
//! `max_connections` bounds them, since a connection runs one statement at a time. A client that does not read stops its own statement
//! and nothing else: see [`flow`].

use std::sync::Arc;

use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;
use sealwire_core::server::RowBatch;

use super::delivery::{Deliveries, Delivery, DeliverySender, Outcome, delivery_channel};
use super::first_value::FirstValue;
use super::threads::Threads;
use super::{Done, EngineSession, Limits, Request, RowSink, SessionContext, TransactionStep, interrupted, stopped};
use crate::memory::{self, Held};
use crate::registry::Entry;
use crate::sql::Datum;

/// What a thread is to do.
pub(crate) enum Task {
    /// Run a statement.
    Execute {
        /// The statement.
        sql: String,
        /// Values for its `?`.
        parameters: Vec<Datum>,
        /// Whether rows are wanted in binary form.
        binary: bool,
    },
    /// Find the value of a SELECT of one expression.
    Evaluate {
        /// The SELECT.
        sql: String,
    },
    /// Describe a statement.
    Describe {
        /// The statement.
        sql: String,
    },
    /// A step of a transaction.
    Transaction(TransactionStep),
}

/// A task with all that it needs.
pub(crate) struct Job {
    /// The connection's part of the engine; it comes back with the last delivery.
    pub(crate) session: Box<dyn EngineSession>,
    /// What to do.
    pub(crate) task: Task,
    /// The current database.
    pub(crate) database: Option<String>,
    /// Variables, system tables and rights as they are now.
    pub(crate) context: Arc<dyn SessionContext>,
    /// Whether each statement is its own transaction.
    pub(crate) autocommit: bool,
    /// What the statement may not do, and how long it may take.
    pub(crate) limits: Limits,
    /// The connection's place, which is taken until the task is done.
    pub(crate) entry: Option<Arc<Entry>>,
    /// Called after each delivery, so that the connection looks at it.
    pub(crate) wake: Box<dyn Fn() + Send>,
}

/// A result's first delivery of rows is sent when it has this many bytes, so that the client has something to read soon.
const FIRST_BATCH: usize = 16 * 1024;
/// As for the others.
const BATCH: usize = 128 * 1024;

/// What a thread is given.
enum Work {
    /// A job, and where its deliveries go.
    Job(Box<Job>, DeliverySender),
    /// Something else that takes long.
    Call(Box<dyn FnOnce() + Send>),
}

/// The threads.
#[derive(Clone)]
pub(crate) struct Pool(Threads<Work>);

impl Default for Pool {
    fn default() -> Self {
        Self(Threads::new(|work| match work {
            Work::Job(job, sender) => perform(*job, sender),
            Work::Call(call) => call(),
        }))
    }
}

impl Pool {
    /// Runs a job on a thread of its own; what it gives is received from the result.
    ///
    /// # Errors
    /// 1135 where the system gives no more threads.
    pub(crate) fn run(&self, job: Job) -> Result<Deliveries, SqlError> {
        let (sender, deliveries) = delivery_channel(job.session.interruption());
        self.start(Work::Job(Box::new(job), sender)).map(|()| deliveries)
    }

    /// Calls something on a thread of its own.
    ///
    /// # Errors
    /// 1135 where the system gives no more threads.
    pub(crate) fn call(&self, call: Box<dyn FnOnce() + Send>) -> Result<(), SqlError> {
        self.start(Work::Call(call))
    }

    fn start(&self, work: Work) -> Result<(), SqlError> {
        let refused = |error| SqlError::new(1135, b"HY000", format!("Can't create a new thread ({error})"));
        self.0.run(work).map_err(refused)
    }
}

fn perform(job: Job, sender: DeliverySender) {
    let Job { mut session, task, database, context, autocommit, limits, entry, wake } = job;
    let finish = FinishGuard { sender: Some(sender), wake };
    let FinishGuard { sender: Some(sender), wake } = &finish else { return };
    let request = |sql, parameters, binary| Request {
        sql,
        parameters,
        database: database.as_deref(),
        context: &context,
        binary,
        autocommit,
        limits,
    };
    session.interruption().limit(limits.time);
    let outcome = match &task {
        // Nothing of the engine's runs yet that a stop could have reached.
        _ if session.interruption().is_stopped() => Err(stopped(&session.interruption())),
        Task::Execute { sql, parameters, binary } => {
            #[cfg(test)]
            assert!(sql != "SELECT bug_in_the_engine()", "a bug that a test puts here");
            #[cfg(test)]
            if sql == "SELECT deaf_in_the_engine()" {
                std::thread::park();
            }
            let mut rows = BatchingSink {
                sender,
                wake,
                context: context.as_ref(),
                batch: RowBatch::default(),
                batch_size: FIRST_BATCH,
                left: limits.rows,
                session: session.interruption(),
            };
            let done = match session.execute(&request(sql, parameters, *binary), &mut rows) {
                // It was ended because the client wants no more.
                Err(_) if rows.left == Some(0) => Ok(Done { has_rows: true, ..Done::default() }),
                Err(error) if error.code == interrupted().code && rows.session.is_stopped() => {
                    Err(stopped(&rows.session))
                }
                done => done,
            };
            done.and_then(|done| rows.flush().map(|()| Outcome::Executed(done)))
        }
        Task::Evaluate { sql } => evaluate(session.as_mut(), &request(sql, &[], false)).map(Outcome::Value),
        Task::Describe { sql } => session.describe(&request(sql, &[], true)).map(Outcome::Described),
        Task::Transaction(step) => session.transaction(step).map(|()| Outcome::Stepped),
    };
    // Before the answer: who has read it may come again, and change what else would be copied for that.
    drop(context);
    drop(entry);
    // A connection that is gone takes the session with it: an open transaction is rolled back when it is dropped.
    sender.send(Delivery::Finished(session, outcome));
}

/// The value of a SELECT of one expression.
pub(crate) fn evaluate(session: &mut dyn EngineSession, request: &Request<'_>) -> Result<Datum, SqlError> {
    let mut first = FirstValue::default();
    match session.execute(request, &mut first) {
        Err(error) if error.code == interrupted().code => Err(stopped(&session.interruption())),
        // A function that was stopped may give a value nevertheless.
        Ok(_) if session.interruption().is_stopped() => Err(stopped(&session.interruption())),
        done => done.map(|_| first.datum()),
    }
}

/// Hangs up and wakes the connection when the statement is over, be it by a panic: nobody waits for a thread that is gone.
struct FinishGuard {
    sender: Option<DeliverySender>,
    wake: Box<dyn Fn() + Send>,
}

impl Drop for FinishGuard {
    fn drop(&mut self) {
        self.sender = None;
        (self.wake)();
    }
}

/// Rows on their way to the connection.
struct BatchingSink<'a> {
    sender: &'a DeliverySender,
    wake: &'a dyn Fn(),
    context: &'a dyn SessionContext,
    batch: RowBatch,
    /// The bytes that make a delivery.
    batch_size: usize,
    /// How many rows may still come; `None` is all.
    left: Option<u64>,
    session: Arc<super::Interruption>,
}

impl BatchingSink<'_> {
    fn send(&self, delivery: Delivery) -> Result<(), SqlError> {
        if self.session.is_stopped() || !self.sender.send(delivery) {
            return Err(stopped(&self.session));
        }
        (self.wake)();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SqlError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.batch_size = BATCH;
        let batch = std::mem::take(&mut self.batch);
        let mut held = Held::default();
        if batch.len() >= memory::LARGE {
            held.set(&self.context.account(), batch.len());
        }
        self.send(Delivery::Rows(batch, held))
    }
}

impl RowSink for BatchingSink<'_> {
    fn begin(&mut self, columns: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        self.send(Delivery::Columns(columns))?;
        if self.left == Some(0) { Err(interrupted()) } else { Ok(()) }
    }

    fn wait(&mut self, check: &dyn Fn() -> Result<(), SqlError>) -> Result<(), SqlError> {
        self.sender.wait(check)
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        self.batch.row()
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        self.batch.end_row();
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return Err(interrupted());
            }
        }
        if self.batch.len() >= self.batch_size { self.flush() } else { Ok(()) }
    }
}
