//! Rows that a statement writes in another form than their columns have.
//!
//! No trigger can change the row that is written. So the trigger behind it changes the row again, before SQLite goes on with the statement's next
//! one: unique keys and CHECKs see the form of each row in the order in which replicas get the rows. The log has no row of the first change.

use sealwire_core::error::SqlError;

use crate::replication::{Change, Image};

/// A change whose row does not have the form of its columns yet.
pub(super) struct UnsettledRow {
    /// The table's number.
    pub(super) table: i64,
    /// The row's number.
    pub(super) row: i64,
    pub(super) change: Change,
    /// The row before the change; empty for a new one.
    pub(super) before: Image,
}

/// The error of a row that did not get its form, because IGNORE left the change out.
pub(super) fn not_settled(table: &str) -> SqlError {
    let message = format!(
        "Duplicate entry for a key of '{table}', or a CHECK that fails: a value of the statement is another one in its column's type; write the \
         values as the columns have them"
    );
    SqlError::new(1062, b"23000", message)
}

/// The error of a row that the triggers can't find again.
pub(super) fn no_row_number(table: &str) -> SqlError {
    let message = format!(
        "A value can't be in the binary log that is another one in its column's type, because columns of '{table}' have the names rowid, _rowid_ \
         and oid; write the value as the column has it, or rename a column"
    );
    SqlError::new(1235, b"42000", message)
}
