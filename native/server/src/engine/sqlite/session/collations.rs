//! The collations that texts of new tables and columns have.

use sealwire_core::error::SqlError;

use super::super::schema::{Column, Table, columns_of};
use super::super::stored_definitions::StoredTable;
use super::SqliteSession;
use crate::engine::translate::{Collations, quote};
use crate::sql::TextCharset;

impl Collations for SqliteSession {
    fn of_database(&self, database: &str) -> Result<Option<String>, SqlError> {
        self.shared.databases.collation(database)
    }

    fn of_table(&self, schema: &str, table: &str) -> Option<(TextCharset, Option<String>)> {
        let stored = StoredTable::read(&self.definition_of(schema, table)?);
        Some((stored.charset, stored.collation))
    }

    fn telling_case(&self, schema: &str, table: &str) -> Vec<String> {
        let Some(definition) = self.definition_of(schema, table) else { return Vec::new() };
        let table = Table { schema: schema.to_owned(), name: table.to_owned(), is_view: false, sql: definition };
        let mut columns = columns_of(&self.connection, &table).unwrap_or_default();
        columns.retain(Column::tells_case);
        columns.into_iter().map(|column| column.name).collect()
    }
}

impl SqliteSession {
    /// The statement that made a table, as SQLite keeps it.
    fn definition_of(&self, schema: &str, table: &str) -> Option<String> {
        let sql = format!(
            "SELECT sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            quote(schema).ok()?
        );
        self.connection.query_row(&sql, [table], |row| row.get(0)).ok()
    }
}
