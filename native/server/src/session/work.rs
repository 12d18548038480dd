//! The work in progress of a session: a running statement, work for another thread, `init_connect`, a transaction.

use sealwire_core::error::SqlError;

use super::answer::{Answer, Pending, Purpose};
use crate::engine::Deliveries;
use crate::sql::Datum;

/// A statement that runs in another thread.
pub(super) struct Running {
    pub(super) deliveries: Deliveries,
    pub(super) purpose: Purpose,
    /// Whether the statement begins a transaction.
    pub(super) begins: bool,
}

/// Work that would block the event loop, so that another thread does it.
pub(super) enum ThreadWork {
    /// COM_QUERY.
    Query(Queue),
    /// The next statement of a COM_QUERY, to be read from the rest of its text.
    Next,
    /// A statement whose text was read already.
    Statement(String),
    /// COM_STMT_PREPARE.
    Prepare(Queue),
    /// A statement to prepare whose text was read already.
    PrepareStatement(String),
    /// COM_STMT_EXECUTE.
    Execute(u32, Vec<Datum>),
    /// A SET that continues with a value that the engine has computed.
    ContinueSet(Box<Pending>, Datum),
}

/// The answer that the other thread returned, and whether its rows are binary.
pub(super) type ReturnedAnswer = (Result<Answer, SqlError>, bool);

/// The progress of the statements of `init_connect`.
#[derive(Debug, Default)]
pub(super) struct InitConnect {
    /// The statements that are still to run.
    pub(super) left: Vec<u8>,
    /// Whether a statement failed: then the session lacks settings on which the administrator relies.
    pub(super) failed: bool,
}

/// Whether the session's transactions are read-only.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// Whether the open transaction is.
    pub(super) open_reads: bool,
    /// Whether the next one is, by SET TRANSACTION; forgotten when that one ends.
    pub(super) next_reads: Option<bool>,
    /// Whether the one that START TRANSACTION begins is.
    pub(super) begun_reads: Option<bool>,
}

/// The statements of a COM_QUERY, from `at` on; each is read in place.
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

    /// Notes that the last `left` bytes are still to run.
    pub(super) fn keep(&mut self, left: usize) {
        self.at = self.sql.len().saturating_sub(left);
        if left == 0 {
            self.clear();
        }
    }
}
