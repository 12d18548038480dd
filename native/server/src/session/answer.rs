//! What a statement answers, and what the engine's answer to it is for.

use std::sync::Arc;

use sealwire_core::message::{ColumnDefinition, SessionChange};

use crate::engine::{Description, Limits, Task};
use crate::settings::SystemVariable;
use crate::sql::Datum;

/// Longer texts are read on a thread of their own: reading takes some nanoseconds a byte.
pub(super) const LONG: usize = 64 * 1024;

/// What a statement answers.
pub(super) enum Answer {
    /// OK with a count and a text.
    Ok(Reply),
    /// Rows that are all there.
    Rows(Table),
    /// The engine answers.
    Engine(Task),
    /// The engine runs a statement whose rows nobody reads, and the answer is OK.
    Unheard(Task),
    /// The engine answers a statement that may run, within these limits.
    Approved(Task, Limits, Purpose),
    /// A statement of the server's own is prepared.
    Prepared {
        /// Its text.
        sql: String,
        /// What it takes and gives.
        description: Description,
    },
    /// The engine prepares a statement.
    Describe(String),
    /// SET, which goes on when the engine has found a value.
    Set(Box<Pending>),
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
    /// Tells the client of a change of its session.
    pub(super) fn tell(&mut self, change: &SessionChange<'_>) {
        change.encode(&mut self.changes);
    }
}

/// Rows made by the server itself.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) rows: Vec<Vec<Datum>>,
}

/// What the engine's answer is for.
pub(super) enum Purpose {
    /// The client's statement.
    Statement,
    /// The client's statement, whose rows it does not get.
    Unheard,
    /// A statement that is prepared.
    Prepare {
        /// Its text.
        sql: String,
    },
    /// COM_FIELD_LIST.
    FieldList,
    /// A value for SET.
    Set(Box<Pending>),
    /// A statement of `init_connect`, or its SET.
    InitConnect(Option<Box<Pending>>),
}

/// A SET whose next value the engine has to find.
pub(super) struct Pending {
    /// A SELECT of the value.
    pub(super) sql: String,
    pub(super) target: Target,
    /// All assignments of the statement, and where those that follow begin; nothing where none do.
    pub(super) assignments: Arc<str>,
    pub(super) rest: usize,
    pub(super) reply: Reply,
    pub(super) was_autocommit: bool,
}

impl Pending {
    /// Whether what follows is so long that reading it would keep the event loop.
    pub(super) fn is_long(&self) -> bool {
        self.assignments.len().saturating_sub(self.rest) > LONG
    }

    /// What the engine is to do, once: the text may be long.
    pub(super) fn take_task(&mut self) -> Task {
        Task::Evaluate { sql: std::mem::take(&mut self.sql) }
    }
}

/// What a value is for.
pub(super) enum Target {
    /// A variable of the user's.
    User(String),
    /// A system variable, and whether it is the server's value.
    System(&'static SystemVariable, bool),
}
