//! The answer to a statement, and the purpose of a task that the engine executes.

use std::sync::Arc;

use sealwire_core::message::{ColumnDefinition, SessionChange};

use crate::engine::{Description, Limits, Task, TransactionStep};
use crate::settings::SystemVariable;
use crate::sql::Datum;

/// A longer text is read in another thread, because reading takes some nanoseconds for each byte.
pub(super) const LONG: usize = 64 * 1024;

/// The answer to a statement.
pub(super) enum Answer {
    /// OK with a count and a text.
    Ok(Reply),
    /// Rows that are complete.
    Rows(Table),
    /// The engine executes the task and answers.
    Engine(Task),
    /// The engine executes the task, its rows are discarded, and the answer is OK.
    Discarded(Task),
    /// The engine executes a task that was checked, within these limits.
    Approved(Task, Limits, Purpose),
    /// A prepared statement that the server executes itself.
    Prepared {
        /// Its text.
        sql: String,
        /// The number of its parameters, and its columns.
        description: Description,
    },
    /// The engine describes a statement to prepare.
    Describe {
        /// The text of the prepared statement.
        sql: String,
        /// The text that the engine describes, where the server makes it of the statement anew at each execution.
        made: Option<String>,
    },
    /// A SET that continues when the engine has computed a value.
    Set(Box<Pending>),
}

impl Answer {
    /// The answer of a statement that does nothing but end the transaction.
    pub(super) const fn commit() -> Self {
        Self::Engine(Task::Transaction(TransactionStep::Commit))
    }
}

/// The contents of an OK packet.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) affected_rows: u64,
    pub(super) last_insert_id: u64,
    pub(super) info: String,
    pub(super) changes: Vec<u8>,
}

impl Reply {
    /// Reports a change of the session to the client.
    pub(super) fn report_change(&mut self, change: &SessionChange<'_>) {
        change.encode(&mut self.changes);
    }
}

/// Rows that the server itself makes.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) rows: Vec<Vec<Datum>>,
}

/// The purpose of a task of the engine.
pub(super) enum Purpose {
    /// The client's statement.
    Statement,
    /// The client's statement, whose rows are discarded.
    Discarded,
    /// A statement to prepare.
    Prepare {
        /// Its text.
        sql: String,
        /// Whether the server executes it itself.
        is_own: bool,
    },
    /// COM_FIELD_LIST.
    FieldList,
    /// A value of a SET.
    Set(Box<Pending>),
    /// A statement of `init_connect`, or a SET in it.
    InitConnect(Option<Box<Pending>>),
}

/// A SET whose next value the engine must compute.
pub(super) struct Pending {
    /// A SELECT that computes the value.
    pub(super) sql: String,
    pub(super) target: Target,
    /// All assignments of the statement, and the offset of the next one; empty where no assignment follows.
    pub(super) assignments: Arc<str>,
    pub(super) rest: usize,
    pub(super) reply: Reply,
    pub(super) was_autocommit: bool,
}

impl Pending {
    /// Whether the remaining assignments are so long that reading them would block the event loop.
    pub(super) fn is_long(&self) -> bool {
        self.assignments.len().saturating_sub(self.rest) > LONG
    }

    /// Takes the task for the engine out, because its text may be long. To be called once.
    pub(super) fn take_task(&mut self) -> Task {
        Task::Evaluate { sql: std::mem::take(&mut self.sql) }
    }
}

/// The target of an assignment.
pub(super) enum Target {
    /// A user variable.
    User(String),
    /// A system variable, and whether the assignment is to the server's value.
    System(&'static SystemVariable, bool),
}
