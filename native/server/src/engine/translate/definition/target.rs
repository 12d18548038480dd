//! The table that a definition creates, changes or drops.

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::ObjectName;

use super::super::names::{schema_of, temporary_name};
use super::super::writer::{READ, WriteResult, Writer};

/// A table that a definition creates, changes or drops.
pub(super) struct Target {
    pub(super) database: String,
    pub(super) table: String,
    pub(super) is_temporary: bool,
    /// Whether it existed before the statement.
    pub(super) exists: bool,
}

impl Target {
    /// An existing table.
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

    /// Requires SELECT, because expressions of a definition are computed from existing rows and their errors reveal values. A new table has
    /// no rows.
    pub(super) fn require_read(&self, writer: &mut Writer<'_>) -> WriteResult {
        if self.is_temporary || !self.exists {
            return Ok(());
        }
        writer.require(&self.database, &self.table, READ)
    }

    /// Notes that the statement creates or alters the table, which is checked when it has run. The columns of a source's table say how its new keys
    /// compare.
    pub(super) fn note(&self, writer: &mut Writer<'_>) {
        let (schema, name) = self.in_sqlite();
        if self.exists && writer.scope.is_replicated {
            writer.keyed_by_bytes = writer.scope.collations.telling_case(&schema, &name);
        }
        writer.targets.push((schema, name));
    }

    /// The table's schema, and its name in it.
    pub(super) fn in_sqlite(&self) -> (String, String) {
        let schema = if self.is_temporary { "temp".to_owned() } else { schema_of(&self.database).into_owned() };
        (schema, self.name_in_schema())
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

    /// Writes an index's name. SQLite's must be unique within the database, so the table's name is put in front.
    pub(super) fn index(&self, index: &str, writer: &mut Writer<'_>) -> WriteResult {
        self.schema(writer)?;
        writer.name(&format!("{}.{index}", self.name_in_schema()))
    }
}
