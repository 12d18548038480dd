//! Fills the system tables that a statement reads, in databases in memory.

use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::information_schema;
use super::super::rows::bind;
use super::super::table_filter::TableFilter;
use super::SqliteSession;
use crate::engine::translate::{Access, READ, Translated, quote};
use crate::engine::types::DeclaredType;
use crate::engine::{Request, SystemTable, is_system_database, stopped};

impl SqliteSession {
    /// Fills the system tables that a statement reads.
    pub(super) fn fill_system_tables(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let context = request.context.as_ref();
        for Access { database, table, privileges } in &translated.accesses {
            if !is_system_database(database) {
                continue;
            }
            let (Some(table), true) = (table, *privileges == READ) else {
                return Err(SqlError::database_access_denied(format!(
                    "Access denied to database '{database}': system databases are read-only"
                )));
            };
            let made = match (database.as_str(), table.to_lowercase().as_str()) {
                ("information_schema", name @ ("tables" | "columns" | "statistics")) => {
                    let filter = TableFilter::of(request.sql);
                    information_schema::table(
                        &self.shared.databases,
                        name,
                        &filter,
                        context,
                        &self.bounds.interruption,
                    )?
                }
                _ => context.system_table(database, table),
            };
            let Some(made) = made else {
                return Err(SqlError::new(1109, b"42S02", format!("Unknown table '{table}' in {database}")));
            };
            self.fill(database, table, &made)?;
        }
        Ok(())
    }

    fn fill(&self, database: &str, table: &str, made: &SystemTable) -> Result<(), SqlError> {
        let name = format!("{}.{}", quote(database)?, quote(table)?);
        let columns: Vec<String> = made
            .columns
            .iter()
            .map(|(name, kind)| {
                Ok(format!(
                    "{} {} COLLATE {}",
                    quote(name)?,
                    DeclaredType::parse(kind).to_sqlite(),
                    // The names of databases differ in case, as on Linux in MySQL.
                    if is_database(name) { "BINARY" } else { "NOCASE" }
                ))
            })
            .collect::<Result<_, SqlError>>()?;
        let places = vec!["?"; made.columns.len()].join(", ");
        let fill = || -> rusqlite::Result<()> {
            self.connection.execute_batch(&format!(
                "DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({});",
                columns.join(", ")
            ))?;
            let mut insert = self.connection.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?;
            for row in made.rows.iter().take_while(|_| !self.bounds.interruption.is_stopped()) {
                bind(&mut insert, row)?;
                insert.raw_execute()?;
            }
            Ok(())
        };
        fill().map_err(|error| to_mysql(&error, ""))?;
        if self.bounds.interruption.is_stopped() { Err(stopped(&self.bounds.interruption)) } else { Ok(()) }
    }
}

/// Whether a column of a system table has names of databases.
fn is_database(column: &str) -> bool {
    column == "SCHEMA_NAME" || column.ends_with("_SCHEMA")
}
