//! `sql_safe_updates`: changes of rows that no key finds are refused.

use std::sync::Arc;

use sealwire_core::error::SqlError;

use super::super::authorizer::AllowedActions;
use super::SqliteSession;
use crate::engine::Request;
use crate::engine::translate::{StatementKind, Translated};

/// How a line of SQLite's query plan begins that reads a table by a key, and one that reads all of it.
const BY_KEY: [&str; 2] = ["SEARCH ", "MULTI-INDEX OR"];
const ALL: &str = "SCAN ";

impl SqliteSession {
    /// Refuses an UPDATE or DELETE whose rows no key finds, where the session demands one.
    ///
    /// # Errors
    /// 1175, and those of compiling the statement.
    pub(super) fn demand_key(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        if !request.limits.demands_key || !matches!(translated.kind, StatementKind::Update | StatementKind::Delete) {
            return Ok(());
        }
        let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
        // A plan reads no table, so SQLite would not notice that others have changed the keys.
        self.refresh_schemas(translated)?;
        if self.retry_while_changed(|| self.finds_by_key(sql, translated, request))? {
            return Ok(());
        }
        let message =
            "You are using safe update mode and you tried to update a table without a WHERE that uses a KEY column";
        Err(SqlError::new(1175, b"HY000", message))
    }

    /// Whether a key finds the rows that a statement changes; `None` where another connection changed the table meanwhile.
    fn finds_by_key(
        &self,
        sql: &str,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<Option<bool>, SqlError> {
        let allowed = || AllowedActions::new(translated, Arc::clone(request.context));
        let plan = format!("EXPLAIN QUERY PLAN {sql}");
        let (_guard, mut statement) = self.compile(&plan, allowed, translated, request)?;
        let mut lines = statement.raw_query();
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                // SQLite empties a whole table without a loop over its rows.
                Ok(None) => return Ok(Some(false)),
                Err(error) if self.has_changed(&error) => return Ok(None),
                Err(error) => return Err(self.explain(&error, request.sql)),
            };
            let of_line = (line.get::<_, i64>("parent"), line.get::<_, String>("detail"));
            let (Ok(parent), Ok(detail)) = of_line else { return Ok(Some(false)) };
            // The lines of subqueries have a parent, and those of foreign keys follow the changed table's.
            if parent == 0 && BY_KEY.iter().any(|front| detail.starts_with(front)) {
                return Ok(Some(true));
            }
            if parent == 0 && detail.starts_with(ALL) {
                return Ok(Some(false));
            }
        }
    }
}
