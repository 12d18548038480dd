//! The columns of a stored table as the binary log has them.

use rusqlite::Connection;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use super::logged_values::{self, Checked};
use super::stored_definitions::StoredTable;
use crate::engine::annotations::Annotation;
use crate::engine::translate::quote;
use crate::replication::LoggedColumn;

/// The names by which SQLite numbers the rows of a table, as far as no column has them.
pub(super) const ROW_NUMBERS: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// The columns of a table, in their order.
pub(super) struct LoggedColumns {
    /// The table's name as it was defined.
    pub(super) table: String,
    pub(super) columns: Vec<LoggedColumn>,
    pub(super) checks: Vec<Checked>,
    /// The indexes of the primary key's columns, in the key's order.
    pub(super) key: Vec<usize>,
    /// The name by which SQLite numbers the rows; `None` where columns have all these names.
    pub(super) row_number: Option<&'static str>,
}

impl LoggedColumns {
    /// Reads the columns of a table; `None` where the schema has no such table.
    ///
    /// # Errors
    /// SQLite's.
    pub(super) fn read(
        connection: &Connection,
        schema: &str,
        table: &str,
        flavour: Flavour,
    ) -> Result<Option<Self>, SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let sql = format!(
            "SELECT name, sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            quote(schema)?
        );
        let read = connection.query_row(&sql, [table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        let Ok((table, definition)) = read else { return Ok(None) };
        let mut stored = StoredTable::read(&definition);
        let (mut columns, mut checks, mut key) = (Vec::new(), Vec::new(), Vec::new());
        let mut is_numbering = false;
        let mut statement = connection
            .prepare(
                "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, ?2) WHERE hidden IN (0, 2, 3) ORDER BY cid",
            )
            .map_err(failed)?;
        let mut rows = statement.query([table.as_str(), schema]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let read = || -> rusqlite::Result<(String, String, bool, i64, i64)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            };
            let (column, declared, not_null, primary, hidden) = read().map_err(failed)?;
            let annotations = stored.take(&column);
            let annotated = annotations.annotations.get(Annotation::Type);
            let is_nullable = !not_null && primary == 0;
            if primary > 0 {
                is_numbering = declared.eq_ignore_ascii_case("INTEGER");
                key.push((primary, columns.len()));
            }
            let (column, mut check) =
                logged_values::column(column, &declared, annotated, annotations.charset, is_nullable, flavour);
            check.is_generated = hidden != 0;
            columns.push(column);
            checks.push(check);
        }
        drop(rows);
        drop(statement);
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, index)| index).collect();
        if let ([at], true) = (key.as_slice(), is_numbering)
            && let Some(check) = checks.get_mut(*at)
        {
            check.is_row_number = true;
        }
        let is_free = |name: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        let row_number = ROW_NUMBERS.into_iter().find(is_free);
        Ok(Some(Self { table, columns, checks, key, row_number }))
    }
}
