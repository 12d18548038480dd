//! AUTO_INCREMENT columns whose numbers are used up. SQLite's end at 2^63 - 1, and its error for that is the one of a full disk.

use sealwire_core::error::SqlError;

use super::SqliteSession;
use crate::engine::Request;
use crate::engine::translate::{Access, Translated, quote, schema_of};

/// SQLite's error, in MySQL's numbers.
const DISK_FULL: u16 = 1021;
/// A table is used up where no more numbers are left than this, because one statement may have asked for as many.
const LAST: i64 = i64::MAX - (1 << 20);

impl SqliteSession {
    /// The error of an INSERT for which there is no number; `None` where the error is another one.
    pub(super) fn used_up(&self, error: &SqlError, translated: &Translated, request: &Request<'_>) -> Option<SqlError> {
        let Some(Access { database, table: Some(table), .. }) = translated.accesses.first() else { return None };
        if error.code != DISK_FULL || !self.generates_keys(translated) {
            return None;
        }
        let schema = quote(&schema_of(database)).ok()?;
        let sql = format!("SELECT seq FROM {schema}.sqlite_sequence WHERE name = ?1 COLLATE NOCASE");
        let last = self.connection.query_row(&sql, [table], |row| row.get::<_, i64>(0)).unwrap_or(0);
        // The number that a source's statement begins with is gone from the table with the statement.
        let first = request.limits.insert_id.map_or(0, |first| i64::try_from(first).unwrap_or(i64::MAX));
        (last.max(first) > LAST).then(|| {
            let message = format!(
                "Failed to read auto-increment value from storage engine: those of '{database}.{table}' end at {}; give the rows numbers",
                i64::MAX
            );
            SqlError::new(1467, b"HY000", message)
        })
    }
}
