//! What a session is doing: a statement that runs, an errand, `init_connect`, a transaction.

use sealwire_core::error::SqlError;

use super::answer::{Answer, Pending, Purpose};
use crate::engine::Deliveries;
use crate::sql::Datum;

/// A statement that runs on another thread.
pub(super) struct Running {
    pub(super) deliveries: Deliveries,
    pub(super) purpose: Purpose,
    /// Whether it begins a transaction.
    pub(super) begins: bool,
}

/// Work that would keep the event loop.
pub(super) enum Errand {
    /// COM_QUERY.
    Query(Queue),
    /// The next statement of a COM_QUERY, to be found in what is left of it.
    Next,
    /// A statement that was read already.
    Statement(String),
    /// COM_STMT_PREPARE.
    Prepare(Queue),
    /// A statement to prepare that was read already.
    PrepareStatement(String),
    /// COM_STMT_EXECUTE.
    Execute(u32, Vec<Datum>),
    /// A SET that goes on with a value that the engine has found.
    SetOn(Box<Pending>, Datum),
}

/// The answer to an errand, and whether its rows are binary.
pub(super) type Brought = (Result<Answer, SqlError>, bool);

/// Where the statements of `init_connect` stand.
#[derive(Debug, Default)]
pub(super) struct InitConnect {
    /// Those that are still to run.
    pub(super) left: Vec<u8>,
    /// Whether one of them failed: the session then has nothing that it counts on.
    pub(super) failed: bool,
}

/// Whether the session's transactions only read.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// The open one does.
    pub(super) open_reads: bool,
    /// SET TRANSACTION said so of the next one, which then forgets it.
    pub(super) next_reads: Option<bool>,
    /// START TRANSACTION said so of the one that it begins.
    pub(super) begun_reads: Option<bool>,
}

/// The statements of a COM_QUERY, from `at` on: each is read where it stands.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) sql: Vec<u8>,
    pub(super) at: usize,
}

impl Queue {
    pub(super) const fn is_empty(&self) -> bool {
        self.at >= self.sql.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.sql.get(self.at..).unwrap_or_default()
    }

    /// So many bytes at the end are still to run.
    pub(super) fn keep(&mut self, left: usize) {
        self.at = self.sql.len().saturating_sub(left);
        if left == 0 {
            self.clear();
        }
    }
}
