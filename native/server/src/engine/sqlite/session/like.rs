//! CREATE TABLE … LIKE: the definition of another table, under a new name.

use rusqlite::OptionalExtension as _;
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::schema::{Table, indexes_of};
use super::super::show_create::table_statement;
use super::SqliteSession;
use crate::engine::annotations::{Annotation, Annotations};
use crate::engine::translate::{Access, Translated, no_such_table, quote, schema_of, temporary_name, unsupported};
use crate::engine::{Request, is_system_database};
use crate::sql::backquoted;

impl SqliteSession {
    /// Translates the definition of a table, without its foreign keys, as that of a new table.
    ///
    /// # Errors
    /// 1146 where the table does not exist, 1347 where it is a view.
    pub(super) fn translate_like(
        &self,
        translated: &Translated,
        (database, table): (&str, &str),
        request: &Request<'_>,
    ) -> Result<Translated, SqlError> {
        if is_system_database(database) {
            return Err(unsupported("CREATE TABLE … LIKE a system table"));
        }
        let is_temporary = self.temporaries.contains(&(database.to_owned(), table.to_owned()));
        let (schema, name) = if is_temporary {
            ("temp".to_owned(), temporary_name(database, table))
        } else {
            (schema_of(database).into_owned(), table.to_owned())
        };
        let sql = format!(
            "SELECT name, type = 'view', coalesce(sql, '') FROM {}.sqlite_master WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE",
            quote(&schema)?
        );
        let read = self.connection.query_row(&sql, [&name], |row| {
            Ok(Table { schema: schema.clone(), name: row.get(0)?, is_view: row.get(1)?, sql: row.get(2)? })
        });
        let found = read.optional().map_err(|error| to_mysql(&error, ""))?;
        let found = found.ok_or_else(|| no_such_table(database, table))?;
        if found.is_view {
            return Err(SqlError::new(1347, b"HY000", format!("'{database}.{table}' is not BASE TABLE")));
        }
        let definition = table_statement(&self.connection, &found, false).map_err(|error| to_mysql(&error, ""))?;
        let body = definition.statement.strip_prefix(&format!("CREATE TABLE {}", backquoted(&found.name)));
        let (database, target) = match (translated.creates.first(), translated.accesses.first()) {
            (Some((database, table)), _) => (database, table),
            (None, Some(Access { database, table: Some(table), .. })) => (database, table),
            _ => return Err(unsupported("this form of CREATE TABLE … LIKE")),
        };
        let text = format!(
            "CREATE {}TABLE {}{}.{}{}",
            if translated.creates.is_empty() { "" } else { "TEMPORARY " },
            if translated.is_conditional { "IF NOT EXISTS " } else { "" },
            backquoted(database),
            backquoted(target),
            body.unwrap_or_default()
        );
        let mut made = self.translate(&text, request)?;
        let indexes = indexes_of(&self.connection, &found).map_err(|error| to_mysql(&error, ""))?;
        for index in indexes.iter().filter(|index| index.is_for_foreign_key) {
            mark(
                &mut made.statements,
                &format!(".{} ON {} (", quote(&format!("{target}.{}", index.name))?, quote(target)?),
            );
        }
        // A replica has no temporary table of this session, and compares names with their letter case.
        let logged_text = (is_temporary || found.name != table).then(|| made.logged_text.clone().unwrap_or(text));
        Ok(Translated { logged_text, ..made })
    }
}

/// Marks an index among the statements as made for a foreign key, because MariaDB copies the mark without the foreign key. `head` is the text from
/// the index's name to its parts.
fn mark(statements: &mut [String], head: &str) {
    let mut mark = Annotations::default();
    mark.add(Annotation::ForForeignKey, "");
    for sql in statements.iter_mut().filter(|sql| sql.starts_with("CREATE INDEX ")) {
        if let Some((front, parts)) = sql.split_once(head) {
            *sql = format!("{front}{head}{}{parts}", mark.to_comment());
        }
    }
}
