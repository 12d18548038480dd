//! ALTER TABLE … ADD COLUMN in a table that has rows. SQLite gives them the default as it is written, MySQL in the form of the column; and
//! without a default a NOT NULL column gets the implicit default of its type there.

use std::borrow::Cow;

use rusqlite::OptionalExtension as _;
use rusqlite::types::Value;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::logged_columns::LoggedColumns;
use super::super::logged_values;
use super::super::stored_definitions::TableText;
use super::SqliteSession;
use crate::engine::Request;
use crate::engine::translate::{NewDefault, Translated, quote};
use crate::replication::Image;

/// The end of a statement that adds a column with an implicit default.
fn end_of(implicit: &str) -> String {
    format!(" DEFAULT {implicit}")
}

/// The statement, with the implicit default of the column that it adds.
pub(super) fn with_implicit<'s>(sql: &'s str, new: Option<&NewDefault>) -> Cow<'s, str> {
    match new.and_then(|new| new.implicit.as_deref()) {
        Some(implicit) => format!("{sql}{}", end_of(implicit)).into(),
        None => sql.into(),
    }
}

impl SqliteSession {
    /// Brings the value of a new column to the column's form in all rows, because a replica without a key looks for rows by the values that
    /// the source has, which are in their form. Later rows do not get the implicit default.
    pub(super) fn fill_new_column(
        &self,
        new: Option<&NewDefault>,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<(), SqlError> {
        let (Some(new), Some((schema, table))) = (new, translated.targets.first()) else { return Ok(()) };
        self.form_default(&new.column, (schema, table))?;
        let Some(implicit) = &new.implicit else { return Ok(()) };
        let sql = format!(
            "SELECT sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            quote(schema)?
        );
        let text: rusqlite::Result<String> = self.connection.query_row(&sql, [table], |row| row.get(0));
        let Some(mut text) = TableText::read(&text.map_err(|error| to_mysql(&error, ""))?) else { return Ok(()) };
        text.cut_end(&new.column, &end_of(implicit));
        self.rebuild((schema, table), &text, request.limits.skips_foreign_keys)
    }

    fn form_default(&self, name: &str, (schema, table): (&str, &str)) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let flavour = self.capture.as_ref().map_or(Flavour::MariaDb, |capture| capture.log.format.flavour);
        let Some(LoggedColumns { columns, checks, .. }) =
            LoggedColumns::read(&self.connection, schema, table, flavour)?
        else {
            return Ok(());
        };
        let of_name = columns.iter().zip(&checks).find(|(column, _)| column.name.eq_ignore_ascii_case(name));
        let Some((column, check)) = of_name.filter(|(column, check)| check.has_form(column)) else { return Ok(()) };
        let (target, name) = (format!("{}.{}", quote(schema)?, quote(table)?), quote(name)?);
        // All rows have the same value, because SQLite adds no column whose default is another one for each.
        let sql = format!("SELECT {name} FROM {target} LIMIT 1");
        let given: Option<Value> = self.connection.query_row(&sql, [], |row| row.get(0)).optional().map_err(failed)?;
        let Some(given) = given else { return Ok(()) };
        // A source's own default is taken as it is where this server can't read it.
        let formed = logged_values::add(&mut Image::default(), column, check, (&given).into(), (1, true));
        let Ok(Some(formed)) = formed else { return Ok(()) };
        let updated = self.connection.execute(&format!("UPDATE {target} SET {name} = ?1"), [formed]);
        updated.map(drop).map_err(failed)
    }
}
