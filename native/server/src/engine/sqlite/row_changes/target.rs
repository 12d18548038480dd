//! A table to which rows of a source's log are applied.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sealwire_binlog::{ColumnKind, Flavour};
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::key_weight::MARK;
use super::super::logged_columns::ROW_NUMBERS;
use super::super::logged_values;
use super::super::stored_definitions::StoredTable;
use crate::engine::annotations::Annotation;
use crate::engine::translate::quote;
use crate::engine::types::DeclaredType;
use crate::replication::BINARY;

/// A table, and how its rows are found.
pub(in super::super) struct Target {
    pub(in super::super) database: String,
    pub(in super::super) table: String,
    /// The table's name with its schema, quoted.
    pub(in super::super) quoted: String,
    pub(in super::super) columns: Vec<TargetColumn>,
    /// The columns that identify a row: the primary key, else a unique key without NULL. Empty where there is none.
    pub(in super::super) key: Vec<usize>,
    /// The columns that the index of this key compares by their bytes.
    pub(in super::super) by_bytes: BTreeSet<usize>,
    /// The columns of all unique keys.
    pub(in super::super) unique_columns: BTreeSet<usize>,
    /// Whether there is a unique key of expressions, or of a part of the rows.
    pub(in super::super) has_other_key: bool,
    /// The name by which SQLite numbers the rows; `None` where columns have all these names, or the table has no such numbers.
    pub(in super::super) row_number: Option<&'static str>,
}

/// A column of the table.
pub(in super::super) struct TargetColumn {
    pub(in super::super) quoted: String,
    pub(in super::super) name: String,
    pub(in super::super) kind: ColumnKind,
    /// The type in MySQL's notation.
    pub(in super::super) type_text: String,
    pub(in super::super) is_unsigned: bool,
    /// Whether it holds texts, and not bytes.
    pub(in super::super) is_text: bool,
    pub(in super::super) is_uuid: bool,
    pub(in super::super) is_generated: bool,
    /// Whether the column is BINARY, whose values have all the same length.
    pub(in super::super) fixed_bytes: Option<usize>,
    pub(in super::super) members: Vec<String>,
    is_nullable: bool,
}

impl Target {
    /// Reads a table; `None` where there is none. `schema` is quoted.
    pub(in super::super) fn read(
        connection: &Connection,
        schema: &str,
        database: &str,
        table: &str,
    ) -> Result<Option<Self>, SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        // The server's own tables are no source's.
        if table.starts_with('\u{1}') {
            return Ok(None);
        }
        let sql =
            format!("SELECT name, sql FROM {schema}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE");
        let read = connection.query_row(&sql, [table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        let (name, definition) = match read {
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
            read => read.map_err(failed)?,
        };
        let mut stored = StoredTable::read(&definition);
        let (mut columns, mut primary) = (Vec::new(), Vec::new());
        let sql = format!("PRAGMA {schema}.table_xinfo({})", quote(&name)?);
        let mut statement = connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let read = || -> rusqlite::Result<(String, String, bool, i64, i64)> {
                Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(5)?, row.get(6)?))
            };
            let (column, declared, not_null, key, hidden) = read().map_err(failed)?;
            if hidden == 1 {
                continue;
            }
            let annotations = stored.take(&column);
            let annotated = annotations.annotations.get(Annotation::Type);
            if key > 0 {
                primary.push((key, columns.len()));
            }
            columns.push(TargetColumn::new(column, &declared, annotated, !not_null && key == 0, hidden != 0)?);
        }
        drop(rows);
        primary.sort_unstable();
        let mut key: Vec<usize> = primary.into_iter().map(|(_, index)| index).collect();
        let mut unique_columns: BTreeSet<usize> = key.iter().copied().collect();
        let (mut has_other_key, mut by_bytes) = (false, BTreeSet::new());
        for unique in unique_keys(connection, schema, &name).map_err(failed)? {
            let at = |name: &Option<String>| columns.iter().position(|column| Some(&column.name) == name.as_ref());
            let found: Option<Vec<usize>> = unique.columns.iter().map(at).collect();
            let Some(found) = found.filter(|_| !unique.is_partial) else {
                has_other_key = true;
                continue;
            };
            if unique.is_primary {
                by_bytes = unique.by_bytes(&found);
                continue;
            }
            unique_columns.extend(&found);
            let is_nullable = |index: &usize| columns.get(*index).is_none_or(|column| column.is_nullable);
            if key.is_empty() && !found.iter().any(is_nullable) {
                by_bytes = unique.by_bytes(&found);
                key = found;
            }
        }
        let is_free = |name: &&str| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
        Ok(Some(Self {
            database: database.to_owned(),
            quoted: format!("{schema}.{}", quote(&name)?),
            table: name,
            key,
            by_bytes,
            unique_columns,
            has_other_key,
            row_number: ROW_NUMBERS.into_iter().find(is_free),
            columns,
        }))
    }
}

/// A unique key, or the primary key where it is no row's number.
struct UniqueKey {
    is_primary: bool,
    /// The columns; an expression has no name.
    columns: Vec<Option<String>>,
    /// For each of them whether it is compared by its bytes.
    is_by_bytes: Vec<bool>,
    /// Whether it is of a part of the rows.
    is_partial: bool,
}

impl UniqueKey {
    /// Those of these columns that are compared by their bytes.
    fn by_bytes(&self, columns: &[usize]) -> BTreeSet<usize> {
        columns
            .iter()
            .zip(&self.is_by_bytes)
            .filter(|(_, is_by_bytes)| **is_by_bytes)
            .map(|(index, _)| *index)
            .collect()
    }
}

fn unique_keys(connection: &Connection, schema: &str, table: &str) -> rusqlite::Result<Vec<UniqueKey>> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let mut statement = connection.prepare(&format!("PRAGMA {schema}.index_list({})", quoted(table)))?;
    let indexes = statement.query_map([], |row| {
        Ok((row.get::<_, String>(1)?, row.get::<_, bool>(2)?, row.get::<_, String>(3)?, row.get::<_, bool>(4)?))
    })?;
    let mut keys = Vec::new();
    for index in indexes {
        let (name, is_unique, origin, is_partial) = index?;
        if !is_unique || name.starts_with(MARK) {
            continue;
        }
        let mut statement = connection.prepare(&format!("PRAGMA {schema}.index_xinfo({})", quoted(&name)))?;
        let parts = statement.query_map([], |row| {
            Ok((row.get::<_, Option<String>>(2)?, row.get::<_, String>(4)?, row.get::<_, bool>(5)?))
        })?;
        let (mut columns, mut is_by_bytes) = (Vec::new(), Vec::new());
        for part in parts {
            let (column, collation, is_of_key) = part?;
            if is_of_key {
                columns.push(column);
                is_by_bytes.push(collation.eq_ignore_ascii_case("BINARY"));
            }
        }
        keys.push(UniqueKey { is_primary: origin == "pk", columns, is_by_bytes, is_partial });
    }
    Ok(keys)
}

impl TargetColumn {
    fn new(
        name: String,
        declared: &str,
        annotated: Option<&str>,
        is_nullable: bool,
        is_generated: bool,
    ) -> Result<Self, SqlError> {
        let own = DeclaredType::parse(annotated.unwrap_or(declared));
        let charset = crate::sql::TextCharset::default();
        let (column, _) = logged_values::column(name, declared, annotated, charset, is_nullable, Flavour::MySql);
        let is_fixed = own.name() == "BINARY";
        Ok(Self {
            quoted: quote(&column.name)?,
            type_text: annotated.map_or_else(|| own.to_mysql(), str::to_owned),
            is_unsigned: column.is_unsigned,
            is_text: column.collation != BINARY,
            is_uuid: own.name() == "UUID",
            is_generated,
            fixed_bytes: own.arguments().first().filter(|_| is_fixed).map(|bytes| *bytes as usize),
            members: column.members,
            kind: column.kind,
            name: column.name,
            is_nullable,
        })
    }
}
