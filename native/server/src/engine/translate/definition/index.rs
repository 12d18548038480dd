//! Indexes and their parts.

use std::collections::BTreeSet;

use sealwire_core::error::SqlError;
use sqlparser::ast::{Expr, IndexColumn};

use super::super::names::last_part;
use super::super::source::{PieceRange, Source};
use super::super::translated::AddedKey;
use super::super::weight;
use super::super::writer::{WriteResult, Writer, check_new_name};
use super::target::Target;
use crate::engine::annotations::{Annotation, Annotations};

pub(super) fn drop_index(table: &Target, index: &str, writer: &mut Writer<'_>) -> Result<String, SqlError> {
    writer.push("DROP INDEX ");
    table.index(index, writer)?;
    Ok(writer.take())
}

/// The parts of an index, and their place in the statement.
pub(super) struct IndexParts<'p> {
    pub(super) columns: &'p [IndexColumn],
    pub(super) source: &'p Source<'p>,
    pub(super) range: Option<PieceRange>,
}

/// The purpose of an index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IndexKind {
    Unique,
    Plain,
    /// The server makes it, because a parent's row is else compared with every row of the table.
    ForForeignKey,
}

pub(super) fn index(
    table: &Target,
    name: &str,
    parts: &IndexParts<'_>,
    kind: IndexKind,
    writer: &mut Writer<'_>,
) -> Result<String, SqlError> {
    // InnoDB's own.
    if name.eq_ignore_ascii_case("GEN_CLUST_INDEX") {
        return Err(SqlError::new(1280, b"42000", format!("Incorrect index name '{name}'")));
    }
    check_new_name(name, 1280, "index")?;
    if name.eq_ignore_ascii_case("PRIMARY") {
        return Err(SqlError::new(1280, b"42000", format!("Incorrect index name '{name}'")));
    }
    weight::check_parts(&[], &parts.columns.iter().map(|part| &part.column.expr).collect::<Vec<_>>())?;
    writer.push(if kind == IndexKind::Unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " });
    table.index(name, writer)?;
    if parts.columns.iter().any(|column| column_name(column).is_none()) {
        table.require_read(writer)?;
    }
    writer.push(" ON ");
    writer.name(&table.name_in_schema())?;
    writer.push(" (");
    if kind == IndexKind::ForForeignKey {
        let mut mark = Annotations::default();
        mark.add(Annotation::ForForeignKey, "");
        writer.annotations(&mark);
    }
    key_parts(parts, kind == IndexKind::Unique, writer)?;
    writer.push(")");
    Ok(writer.take())
}

/// A key that a statement of this number adds to its table.
pub(super) fn added(name: &str, parts: &[IndexColumn], statement: usize) -> AddedKey {
    AddedKey { name: name.to_owned(), columns: whole_columns(parts), statement }
}

/// The error for a name that another key has.
pub(super) fn duplicate(name: &str) -> SqlError {
    SqlError::new(1061, b"42000", format!("Duplicate key name '{name}'"))
}

/// The columns of an index's parts, in lower case; `None` for a part that is no whole column.
pub(super) fn whole_columns(parts: &[IndexColumn]) -> Vec<Option<String>> {
    let whole = |part: &IndexColumn| match &part.column.expr {
        Expr::Identifier(name) => Some(name.value.to_lowercase()),
        _ => None,
    };
    parts.iter().map(whole).collect()
}

/// Writes the parts of an index; prefixes and expressions get annotations.
pub(super) fn key_parts(parts: &IndexParts<'_>, is_unique: bool, writer: &mut Writer<'_>) -> WriteResult {
    let ranges = parts.range.as_ref().map(|range| parts.source.items(range)).unwrap_or_default();
    let mut ranges = ranges.into_iter();
    let mut seen = BTreeSet::new();
    writer.list(parts.columns, |writer, column| {
        if let Some(name) = column_name(column)
            && !seen.insert(name.to_lowercase())
        {
            return Err(SqlError::new(1060, b"42S21", format!("Duplicate column name '{name}'")));
        }
        let range = ranges.next();
        let value = &column.column.expr;
        if matches!(value, Expr::Identifier(_)) {
            return key_part(column, is_unique, writer);
        }
        let mut annotations = Annotations::default();
        match value {
            Expr::Function(_) => {
                let length = range.and_then(|range| parts.source.group(&range));
                annotations.add(Annotation::Prefix, parts.source.number(length)?);
            }
            _ => annotations.add(Annotation::KeyPart, parts.source.expression(range, value)?),
        }
        writer.annotations(&annotations);
        key_part(column, is_unique, writer)
    })
}

/// Writes a part of an index without its prefix length (`name(10)`), so that SQLite indexes the whole column.
pub(super) fn key_part(column: &IndexColumn, is_unique: bool, writer: &mut Writer<'_>) -> WriteResult {
    let Some(name) = column_name(column) else { return writer.operand(&column.column.expr) };
    writer.name(name)?;
    if is_unique && writer.keyed_by_bytes.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        writer.push(" COLLATE BINARY");
    }
    Ok(())
}

/// The column that a part of an index names; `None` for an expression.
pub(super) fn column_name(column: &IndexColumn) -> Option<&str> {
    match &column.column.expr {
        Expr::Function(prefix) => Some(last_part(&prefix.name)),
        Expr::Identifier(name) => Some(&name.value),
        _ => None,
    }
}
