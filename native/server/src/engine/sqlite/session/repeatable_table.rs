//! Whether replicas store the constants of an INSERT exactly as this engine does.
//!
//! CHECK constraints, foreign keys, generated columns and defaults that are expressions are computed at the replica, by its arithmetic and its
//! comparisons. Unique keys are compared by its collations. So tables with any of them are logged by rows; so are constants that are
//! not of their column's kind, because they are converted there.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use crate::engine::sqlite::errors::to_mysql;
use crate::engine::sqlite::foreign_keys::ForeignKeys;
use crate::engine::sqlite::schema::{self, Column, Table};
use crate::engine::sqlite::stored_definitions::StoredTable;
use crate::engine::translate::{quote, schema_of};
use crate::sql::lex::{Lexer, Piece};
use crate::sql::{Datum, TextCharset};

/// A constant that an INSERT gives a column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    NullOrDefault,
    /// A whole number that fits a BIGINT, a truth value or LAST_INSERT_ID().
    Integer,
    Text,
    /// RAND().
    Random,
    /// NOW().
    Moment,
    /// The value of the user variable.
    Variable(String),
}

/// The kinds of columns in which a replica stores a constant exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Float,
    Text,
    Moment,
    /// None of these: it takes NULL and its default.
    Other,
}

impl Kind {
    fn of(column: &Column) -> Self {
        let is_whole = column.stored.charset == TextCharset::Utf8mb4;
        match column.declared.name() {
            "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "INTEGER" | "BIGINT" => Self::Integer,
            "FLOAT" | "DOUBLE" => Self::Float,
            "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" if is_whole => Self::Text,
            "DATETIME" | "TIMESTAMP" => Self::Moment,
            _ => Self::Other,
        }
    }

    fn takes(self, given: &Given, variable: impl FnOnce(&str) -> Option<Datum>) -> bool {
        match given {
            Given::NullOrDefault => true,
            Given::Integer => self == Self::Integer,
            Given::Text => self == Self::Text,
            Given::Random => matches!(self, Self::Integer | Self::Float),
            Given::Moment => self == Self::Moment,
            Given::Variable(name) => match variable(name) {
                None | Some(Datum::Null) => true,
                Some(Datum::Int(_) | Datum::UInt(_)) => self == Self::Integer,
                Some(Datum::Real(_)) => self == Self::Float,
                Some(Datum::Text(_)) => self == Self::Text,
                Some(Datum::Blob(_)) => false,
            },
        }
    }
}

/// Whether replicas store what an INSERT gives a table's columns exactly as this engine does. `columns` are those that it names; none means all.
/// `given` are the places in the lists of values and what stands there.
///
/// # Errors
/// SQLite's.
pub(super) fn takes(
    connection: &Connection,
    (database, table): (&str, &str),
    columns: &[String],
    given: &BTreeSet<(usize, Given)>,
    variable: impl Fn(&str) -> Option<Datum>,
) -> Result<bool, SqlError> {
    let failed = |error: rusqlite::Error| to_mysql(&error, "");
    let schema = schema_of(database);
    let sql = format!(
        "SELECT name, sql FROM {}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
        quote(&schema)?
    );
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Table { schema: schema.to_string(), name: row.get(0)?, is_view: false, sql: row.get(1)? })
    };
    let Ok(found) = connection.query_row(&sql, [table], read) else { return Ok(false) };
    // Replicas compare names with their letter case.
    if found.name != table {
        return Ok(false);
    }
    let table = found;
    let all = schema::columns_of(connection, &table).map_err(failed)?;
    let is_kept = |column: &Column| column.generated.is_none() && column.default.as_deref().is_none_or(is_constant);
    let has_checks = !StoredTable::read(&table.sql).checks.is_empty();
    if has_checks || !all.iter().all(is_kept) || !ForeignKeys::read(connection, database).is_empty() {
        return Ok(false);
    }
    let find = |name: &str| all.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    let is_integer =
        |name: &Option<String>| name.as_deref().and_then(find).is_some_and(|own| Kind::of(own) == Kind::Integer);
    let unique = schema::indexes_of(connection, &table).map_err(failed)?.into_iter().filter(|index| index.unique);
    let primary: Vec<_> = schema::primary_key(&all).into_iter().map(Some).collect();
    if !unique.map(|index| index.columns).chain([primary]).all(|key| key.iter().all(is_integer)) {
        return Ok(false);
    }
    let column = |at: usize| match columns.get(at) {
        Some(name) => find(name),
        None if columns.is_empty() => all.get(at),
        None => None,
    };
    Ok(given.iter().all(|(at, given)| column(*at).is_some_and(|column| Kind::of(column).takes(given, &variable))))
}

/// Whether a default is a constant or the current time.
fn is_constant(default: &str) -> bool {
    const WORDS: [&str; 4] = ["NULL", "TRUE", "FALSE", "CURRENT_TIMESTAMP"];
    Lexer::new(default.as_bytes()).all(|(piece, text)| match piece {
        Piece::Text | Piece::Space | Piece::Symbol(b'(' | b')') => true,
        Piece::Word => {
            text.iter().all(u8::is_ascii_digit) || WORDS.iter().any(|own| text.eq_ignore_ascii_case(own.as_bytes()))
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_told_from_expressions() {
        for default in ["'a'", "5", "NULL", "(7)", "CURRENT_TIMESTAMP"] {
            assert!(is_constant(default), "{default}");
        }
        for default in ["(1 / 0)", "(300 + 1)", "upper('a')", "1.5", "-1"] {
            assert!(!is_constant(default), "{default}");
        }
    }
}
