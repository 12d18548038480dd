//! Places in a source's log, and what applying an event comes to.

use sealwire_core::error::SqlError;

/// The place behind an event in the source's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourcePlace<'a> {
    /// The name of the source's file.
    pub(crate) file: &'a [u8],
    /// The position behind the event, in bytes.
    pub(crate) end_position: u64,
}

/// The place behind the last group that was applied whole. Empty fields: nothing was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The name of the source's file.
    pub(crate) file: Vec<u8>,
    /// The position in it, in bytes.
    pub(crate) position: u64,
    /// The GTIDs of all groups so far: the last of each domain as `0-11-20,1-11-3` for MariaDB's, a set as `uuid:1-5` for MySQL's.
    pub(crate) gtids: String,
}

/// The end that an event made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Nothing: the event is part of a group, or stands between groups.
    None,
    /// A group, which is committed. [`super::Applier::positions`] is behind it.
    Applied(GroupKind),
    /// A group that was left out, because of filters, or because it was applied before. [`super::Applier::positions`] is behind it.
    Skipped,
}

/// Kinds of groups, which SHOW REPLICA STATUS counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// A definition of a table or a database.
    Definition,
    /// Another statement that is no transaction.
    NonTransactional,
    /// A transaction.
    Transactional,
}

/// Why an event was not applied. The group is rolled back, and [`super::Applier::positions`] stays before it: its events must be passed again from
/// its first one on.
#[derive(Debug, Clone)]
pub(crate) struct ApplierError {
    /// The number and the text for Last_SQL_Errno and Last_SQL_Error.
    pub(crate) error: SqlError,
    /// Whether the same group may succeed later, because another session had a lock.
    pub(crate) is_temporary: bool,
}

impl ApplierError {
    pub(super) fn new(error: SqlError) -> Self {
        // A lock did not come in time, or SQLite's snapshot was too old.
        let is_temporary = matches!(error.code, 1205 | 1213);
        Self { error, is_temporary }
    }
}
