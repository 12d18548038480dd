//! The table that a definition is about.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::ObjectName;

use super::super::names::temporary_name;
use super::super::writer::{READ, Writer};

type WriteResult = Result<(), SqlError>;

/// A table that a definition is about, as SQLite names it: the schema, and the table in it.
pub(super) struct Target {
    pub(super) database: String,
    pub(super) table: String,
    pub(super) is_temporary: bool,
    /// Whether it was there before the statement.
    pub(super) exists: bool,
}

impl Target {
    /// A table that is there.
    pub(super) fn existing(
        name: &ObjectName,
        privileges: &'static [Privilege],
        writer: &mut Writer<'_>,
    ) -> Result<Self, SqlError> {
        let (database, table) = writer.resolve(name)?;
        let is_temporary = writer.is_temporary(&database, &table);
        if !is_temporary {
            writer.require(&database, &table, privileges)?;
        }
        Ok(Self { database, table, is_temporary, exists: true })
    }

    /// Expressions are computed from the rows that are there, and their errors tell of them: this needs the right to read. A table that the statement
    /// makes has none.
    pub(super) fn require_read(&self, writer: &mut Writer<'_>) -> WriteResult {
        if self.is_temporary || !self.exists {
            return Ok(());
        }
        writer.require(&self.database, &self.table, READ)
    }

    /// The table's name within its schema.
    pub(super) fn name_in_schema(&self) -> String {
        if self.is_temporary { temporary_name(&self.database, &self.table) } else { self.table.clone() }
    }

    pub(super) fn schema(&self, writer: &mut Writer<'_>) -> WriteResult {
        if self.is_temporary {
            writer.push("temp.");
            return Ok(());
        }
        writer.schema(&self.database)
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) -> WriteResult {
        self.schema(writer)?;
        writer.name(&self.name_in_schema())
    }

    /// An index's name in SQLite, where it must be the only one of its database and not only of its table.
    pub(super) fn index(&self, index: &str, writer: &mut Writer<'_>) -> WriteResult {
        self.schema(writer)?;
        writer.name(&format!("{}.{index}", self.name_in_schema()))
    }
}
