//! The state of a session that applies a source's log, and the plans by which it applies rows.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;

use sealwire_binlog::{RowsKind, Table};
use sealwire_core::error::SqlError;

use super::super::row_changes::Plan;
use crate::engine::replicated::{ReplicatedGroup, RowChange};

/// The state of a session that applies a source's log.
#[derive(Default)]
pub(super) struct Replica {
    pub(super) group: Option<ReplicatedGroup>,
    /// Whether a commit has kept the group's place.
    pub(super) is_kept: Cell<bool>,
    /// The databases of the last commits, which may not be on the disk yet.
    pub(super) unsynced: RefCell<Vec<String>>,
    /// Whether SQLite ignores CHECK constraints, because the source has checked the rows.
    pub(super) ignores_checks: bool,
    /// The databases that the transaction has locked.
    pub(super) locked: BTreeSet<String>,
    /// The plans, the last one used at the end.
    pub(super) plans: Vec<Arc<Kept>>,
}

/// A plan, with all that it was made for.
pub(super) struct Kept {
    pub(super) database: String,
    pub(super) version: i64,
    pub(super) source: Arc<Table>,
    pub(super) kind: RowsKind,
    pub(super) before: Vec<u8>,
    pub(super) after: Vec<u8>,
    pub(super) changed: Vec<u8>,
    pub(super) plan: Plan,
}

impl Kept {
    pub(super) fn is_for(&self, change: &RowChange<'_>, source: &Arc<Table>, version: i64, changed: &[u8]) -> bool {
        let rows = change.rows;
        Arc::ptr_eq(&self.source, source)
            && self.version == version
            && self.kind == rows.kind
            && self.before == rows.before
            && self.after == rows.after
            && self.changed == changed
            && self.database == change.database
    }
}

impl Replica {
    /// Notes that another transaction begins.
    pub(super) fn forget_locks(&mut self) {
        self.locked.clear();
    }
}

/// The error of a statement that commits within a source's transaction.
pub(super) fn cut_group() -> SqlError {
    let message = "The statement commits, but the transaction of the source goes on behind it, and a part of a transaction is never applied";
    SqlError::new(1105, b"HY000", message)
}
