//! ALTER TABLE … ADD COLUMN … DEFAULT. SQLite gives the rows of the table the default as it is written, MySQL in the form of the column.

use rusqlite::OptionalExtension as _;
use rusqlite::types::Value;
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::logged_columns::LoggedColumns;
use super::super::logged_values;
use super::SqliteSession;
use crate::engine::translate::{Translated, quote};
use crate::replication::Image;

impl SqliteSession {
    /// Brings the default of the column that a statement has added to the column's form in all rows, because a replica without a key looks
    /// for rows by the values that the source has, which are in their form.
    pub(super) fn form_default(&self, statement: usize, translated: &Translated) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let added = translated.defaults.iter().find(|(own, _)| *own == statement);
        let Some((_, name)) = added else { return Ok(()) };
        let Some((schema, table)) = translated.targets.first() else { return Ok(()) };
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
