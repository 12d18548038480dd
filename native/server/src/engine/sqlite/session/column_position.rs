//! ALTER TABLE … ADD COLUMN … FIRST or AFTER. SQLite appends columns, so the table is made again with the column in its place.

use rusqlite::config::DbConfig;
use rusqlite::{OptionalExtension as _, params};
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::stored_definitions::TableText;
use super::SqliteSession;
use crate::engine::translate::{ColumnMove, quote};

/// The name of the new table until the old one is gone. No table of a user's has it.
const REBUILT: &str = "\u{1}rebuilt";

impl SqliteSession {
    /// Moves the last column of a table to its place, within the definition's transaction.
    ///
    /// # Errors
    /// 1054 where the column before it does not exist.
    pub(super) fn move_column(&self, column: &ColumnMove, skips_foreign_keys: bool) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let schema = quote(&column.schema)?;
        let sql = format!("SELECT sql FROM {schema}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
        let text: Option<String> =
            self.connection.query_row(&sql, [&column.table], |row| row.get(0)).optional().map_err(failed)?;
        let Some(mut text) = text.as_deref().and_then(TableText::read) else { return Ok(()) };
        let unknown = |name: &str| {
            let table = column.table.rsplit('\u{1}').next().unwrap_or_default();
            SqlError::new(1054, b"42S22", format!("Unknown column '{name}' in '{table}'"))
        };
        let is_in_place = text.move_item(&column.column, column.after.as_deref()).map_err(|name| unknown(&name))?;
        if is_in_place {
            return Ok(());
        }
        self.rebuild((&column.schema, &column.table), &text, skips_foreign_keys)
    }

    /// Makes a table again with this text, its rows, its indexes and its AUTO_INCREMENT.
    pub(super) fn rebuild(
        &self,
        table: (&str, &str),
        text: &TableText,
        skips_foreign_keys: bool,
    ) -> Result<(), SqlError> {
        // Without foreign keys, because dropping the old table would delete or change the rows that refer to it.
        self.use_foreign_keys(false)?;
        let rebuilt = self.make_again(table, text);
        self.use_foreign_keys(!skips_foreign_keys)?;
        rebuilt
    }

    fn use_foreign_keys(&self, uses: bool) -> Result<(), SqlError> {
        let set = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, uses);
        set.map(|_| ()).map_err(|error| to_mysql(&error, ""))
    }

    fn make_again(&self, (schema_name, name): (&str, &str), text: &TableText) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let (schema, table, rebuilt) = (quote(schema_name)?, quote(name)?, quote(REBUILT)?);
        let read = |sql: &str| -> rusqlite::Result<Vec<String>> {
            let mut statement = self.connection.prepare(sql)?;
            let texts = statement.query_map([name], |row| row.get(0))?;
            texts.collect()
        };
        let indexes = read(&format!(
            "SELECT sql FROM {schema}.sqlite_master WHERE type = 'index' AND tbl_name = ?1 COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid"
        ));
        let indexes = indexes.map_err(failed)?;
        let counts = text.has_counter();
        let last: Option<i64> = if counts {
            let sql = format!("SELECT seq FROM {schema}.sqlite_sequence WHERE name = ?1 COLLATE NOCASE");
            self.connection.query_row(&sql, [name], |row| row.get(0)).optional().map_err(failed)?
        } else {
            None
        };
        let mut statement = self
            .connection
            .prepare("SELECT name FROM pragma_table_xinfo(?1, ?2) WHERE hidden = 0 ORDER BY cid")
            .map_err(failed)?;
        let names: rusqlite::Result<Vec<String>> =
            statement.query_map([name, schema_name], |row| row.get(0)).and_then(Iterator::collect);
        drop(statement);
        let names: Vec<String> =
            names.map_err(failed)?.iter().map(|name| quote(name)).collect::<Result<_, SqlError>>()?;
        let names = names.join(", ");
        self.run_batch(&format!("CREATE TABLE {schema}.{rebuilt} {}", text.body()))?;
        self.run_batch(&format!(
            "INSERT INTO {schema}.{rebuilt} ({names}) SELECT {names} FROM {schema}.{table} ORDER BY rowid"
        ))?;
        self.run_batch(&format!("DROP TABLE {schema}.{table}"))?;
        self.run_batch(&format!("ALTER TABLE {schema}.{rebuilt} RENAME TO {table}"))?;
        for index in indexes {
            for front in ["CREATE INDEX ", "CREATE UNIQUE INDEX "] {
                if let Some(rest) = index.strip_prefix(front) {
                    self.run_batch(&format!("{front}{schema}.{rest}"))?;
                }
            }
        }
        if let Some(last) = last {
            let delete = format!("DELETE FROM {schema}.sqlite_sequence WHERE name = ?1");
            self.connection.execute(&delete, [name]).map_err(failed)?;
            let insert = format!("INSERT INTO {schema}.sqlite_sequence (name, seq) VALUES (?1, ?2)");
            self.connection.execute(&insert, params![name, last]).map_err(failed)?;
        }
        Ok(())
    }
}
