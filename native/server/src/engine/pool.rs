//! Threads that run statements, so that a slow statement delays no other connection.
//!
//! Each statement gets an idle thread or a new one. The number has no limit of its own, because statements that wait for a lock would
//! otherwise keep out the statement that releases it; `max_connections` limits it, because a connection runs one statement at a time.
//! A client that does not read delays its own statement alone: see [`super::delivery`].

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

/// The work of a job.
pub(crate) enum Task {
    /// Run a statement.
    Execute {
        /// The statement.
        sql: String,
        /// The values of its `?`.
        parameters: Vec<Datum>,
        /// Whether rows are encoded as binary rows.
        binary: bool,
    },
    /// Compute the value of a SELECT of one expression.
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
    /// Begin a transaction with a snapshot of all databases.
    Snapshot,
}

/// A task with its session and context.
pub(crate) struct Job {
    /// The session; the last delivery returns it.
    pub(crate) session: Box<dyn EngineSession>,
    /// The task.
    pub(crate) task: Task,
    /// The current database.
    pub(crate) database: Option<String>,
    /// The variables, system tables and privileges at this moment.
    pub(crate) context: Arc<dyn SessionContext>,
    /// Whether each statement is its own transaction.
    pub(crate) autocommit: bool,
    /// The limits of the statement.
    pub(crate) limits: Limits,
    /// The connection's entry in the registry, which is held until the task has ended.
    pub(crate) entry: Option<Arc<Entry>>,
    /// Wakes the connection after each delivery.
    pub(crate) wake: Box<dyn Fn() + Send>,
}

/// The first batch of rows is sent at this size: it is small, so that the client soon has something to read.
const FIRST_BATCH: usize = 16 * 1024;
/// The size of all later batches.
const BATCH: usize = 128 * 1024;

/// The work of a thread.
enum Work {
    /// A job, and the sender of its deliveries.
    Job(Box<Job>, DeliverySender),
    /// Another long computation.
    Call(Box<dyn FnOnce() + Send>),
}

/// The threads that run statements.
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
    /// Runs a job on another thread.
    ///
    /// # Errors
    /// 1135 where the system gives no more threads.
    pub(crate) fn run(&self, job: Job) -> Result<Deliveries, SqlError> {
        let (sender, deliveries) = delivery_channel(job.session.interruption());
        self.start(Work::Job(Box::new(job), sender)).map(|()| deliveries)
    }

    /// Calls a function on another thread.
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
        // No stop keeps a transaction from ending, because the client takes it for ended.
        Task::Transaction(step) => session.step(step, autocommit).map(|()| Outcome::Stepped),
        Task::Snapshot => session.begin_snapshot(context.as_ref()).map(|()| Outcome::Stepped),
        // A stop that came before the engine began reached nothing of the engine's.
        _ if session.interruption().is_stopped() => Err(stopped(&session.interruption())),
        Task::Execute { sql, parameters, binary } => {
            #[cfg(test)]
            assert!(sql != "SELECT bug_in_the_engine()", "a bug that a test puts here");
            #[cfg(test)]
            if sql == "SELECT deaf_in_the_engine()" {
                // A channel may have left a token, with which one call returns at once.
                loop {
                    std::thread::park();
                }
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
                // The sink ended the statement, because `sql_select_limit` was reached.
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
    };
    // Dropped before the answer is sent, because the client's next statement may change what would otherwise be copied for this one.
    drop(context);
    drop(entry);
    if let Some(awaited) = session.take_awaited() {
        awaited.wait(&session.interruption());
    }
    // Where the connection is gone, this drops the session, which rolls an open transaction back.
    sender.send(Delivery::Finished(session, outcome));
}

/// Runs a SELECT of one expression and returns its value.
pub(crate) fn evaluate(session: &mut dyn EngineSession, request: &Request<'_>) -> Result<Datum, SqlError> {
    let mut first = FirstValue::default();
    match session.execute(request, &mut first) {
        Err(error) if error.code == interrupted().code => Err(stopped(&session.interruption())),
        // A function that was stopped may have returned a value.
        Ok(_) if session.interruption().is_stopped() => Err(stopped(&session.interruption())),
        done => done.map(|_| first.datum()),
    }
}

/// Closes the channel and wakes the connection when the job ends, also by a panic, so that nobody waits for a thread that is gone.
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

/// Collects rows into batches and sends them.
struct BatchingSink<'a> {
    sender: &'a DeliverySender,
    wake: &'a dyn Fn(),
    context: &'a dyn SessionContext,
    batch: RowBatch,
    /// A batch is sent at this size.
    batch_size: usize,
    /// How many more rows the client may get; `None` for all.
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
