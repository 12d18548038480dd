//! Carries the last transaction of the binary log out in a database that lacks it.
//!
//! SQLite commits a transaction over several databases in one after the other. A server that is killed in between has it in some of them. Each
//! of the others is as it was before the transaction, because nobody else could change it, so that the log's rows fit it one by one.

use rusqlite::Connection;
use sealwire_binlog::Rows;
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use super::row_changes::{Plan, RowChanges, Target, changed_columns};

/// Applies the rows of an event to their table in a connection's main database, which minds no foreign keys.
///
/// # Errors
/// A sentence: the table or a row is not as the log has it.
pub(super) fn apply(connection: &Connection, rows: &Rows<'_>) -> Result<(), String> {
    let described = rows.table.as_deref().ok_or("its table is not described")?;
    let (database, table) = (String::from_utf8_lossy(described.database()), String::from_utf8_lossy(described.name()));
    let told = |error: SqlError| format!("the table '{table}': {}", error.message);
    let target = Target::read(connection, "main", &database, &table).map_err(told)?;
    let target = target.filter(|target| target.columns.len() == rows.columns);
    let target = target.ok_or_else(|| format!("there is no table '{table}' with {} columns", rows.columns))?;
    let changed = changed_columns(rows).map_err(told)?;
    let changes = RowChanges {
        connection,
        plan: &Plan::new(&target, described, rows, &changed).map_err(told)?,
        rows,
        table: &table,
        failed: &|error| to_mysql(&error, ""),
        ignore_keys: &|_| Ok(()),
        go_on: &|| Ok(()),
        undone: &|| {},
    };
    changes.apply().map_err(told)
}
