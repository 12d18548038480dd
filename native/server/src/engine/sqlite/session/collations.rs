//! The collations that texts of new tables and columns have.

use sealwire_core::error::SqlError;

use super::super::stored_definitions::StoredTable;
use super::SqliteSession;
use crate::engine::translate::{Collations, quote};
use crate::sql::TextCharset;

impl Collations for SqliteSession {
    fn of_database(&self, database: &str) -> Result<Option<String>, SqlError> {
        self.shared.databases.collation(database)
    }

    fn of_table(&self, schema: &str, table: &str) -> Option<(TextCharset, Option<String>)> {
        let sql = format!(
            "SELECT sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            quote(schema).ok()?
        );
        let definition: String = self.connection.query_row(&sql, [table], |row| row.get(0)).ok()?;
        let stored = StoredTable::read(&definition);
        Some((stored.charset, stored.collation))
    }
}
