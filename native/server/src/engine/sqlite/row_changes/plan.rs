//! The statement by which SQLite applies the rows of an event, and the places of the rows' values in it.

use rusqlite::Statement;
use rusqlite::types::Value as Stored;
use sealwire_binlog::{ColumnKind, Row, Rows, RowsKind, Table, Value};
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::json_patch;
use super::target::{Target, TargetColumn};
use super::values::{Bound, Conversion, neighbours};

/// How the rows of an event are applied.
pub(in super::super) struct Plan {
    pub(in super::super) sql: String,
    /// The values of the image after the change, in the order of the parameters.
    assigned: Vec<Assigned>,
    /// The values that find the row.
    found: Vec<Condition>,
    /// Whether rows of one event may be in each other's way.
    is_keyed_update: bool,
    pub(in super::super) moves: Moves,
}

/// The statements that take rows away and add them again.
#[derive(Default)]
pub(in super::super) struct Moves {
    /// Reads the values of a row.
    pub(in super::super) find: String,
    /// Deletes a row.
    pub(in super::super) take: String,
    /// Inserts a row.
    pub(in super::super) add: String,
    /// The number of values of a row.
    pub(in super::super) columns: usize,
    /// For each of them the assigned value that replaces it.
    replaced: Vec<Option<usize>>,
}

/// A value of the image after the change.
struct Assigned {
    index: usize,
    conversion: Conversion,
}

impl Assigned {
    /// Whether the value may be changes to the stored document.
    fn may_be_partial(&self, rows: &Rows<'_>) -> bool {
        rows.kind == RowsKind::PartialUpdate && self.conversion.is_json()
    }
}

/// A value of the image before the change.
struct Condition {
    index: usize,
    conversion: Conversion,
    kind: ColumnKind,
}

impl Condition {
    /// Whether it has two parameters: the neighbours of a FLOAT, or a BIT as number and as bytes, because statements store it in both forms.
    const fn has_two(&self) -> bool {
        matches!(self.kind, ColumnKind::Float | ColumnKind::Bit { .. })
    }
}

fn bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
}

impl Plan {
    /// Plans an event for a table. `changed` has a bit for each column whose values the event changes.
    ///
    /// # Errors
    /// 1535 where the source's table has more columns, 1677 where a column can't hold the source's values.
    pub(in super::super) fn new(
        target: &Target,
        source: &Table,
        rows: &Rows<'_>,
        changed: &[u8],
    ) -> Result<Self, SqlError> {
        let (database, table) = (&target.database, &target.table);
        if rows.columns > target.columns.len() {
            let message = format!(
                "Table definition on master and slave does not match: Column count mismatch: '{database}.{table}' has {} columns here and {} at the source",
                target.columns.len(),
                rows.columns
            );
            return Err(SqlError::new(1535, b"HY000", message));
        }
        let conversion = |index: usize, column: &TargetColumn| {
            let missing = || SqlError::new(1535, b"HY000", "Table definition on master and slave does not match");
            let from = source.columns().get(index).ok_or_else(missing)?;
            let members = source.members(index).map(|all| all.map(<[u8]>::to_vec).collect::<Vec<_>>());
            Conversion::new(from, members, column).ok_or_else(|| {
                let message = format!(
                    "Column {index} of table '{database}.{table}' cannot be converted from type '{}' to type '{}'",
                    super::values::type_text(from.kind),
                    column.type_text
                );
                SqlError::new(1677, b"HY000", message)
            })
        };
        let writable =
            || target.columns.iter().enumerate().filter(|(_, column)| !column.is_generated).map(|(index, _)| index);
        let mut assigned = Vec::new();
        for index in writable().filter(|index| *index < rows.columns && bit(changed, *index)) {
            if let Some(column) = target.columns.get(index) {
                assigned.push(Assigned { index, conversion: conversion(index, column)? });
            }
        }
        let names = |indexes: &mut dyn Iterator<Item = usize>| -> Vec<&str> {
            indexes.filter_map(|index| target.columns.get(index)).map(|column| column.quoted.as_str()).collect()
        };
        let insert = |columns: &[&str]| match columns {
            [] => format!("INSERT INTO {} DEFAULT VALUES", target.quoted),
            columns => {
                let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
                format!("INSERT INTO {} ({}) VALUES ({})", target.quoted, columns.join(", "), places.join(", "))
            }
        };
        if rows.kind == RowsKind::Write {
            let sql = insert(&names(&mut assigned.iter().map(|value| value.index)));
            return Ok(Self { sql, assigned, found: Vec::new(), is_keyed_update: false, moves: Moves::default() });
        }
        let (indexes, is_key) = found_by(target, rows);
        let mut found = Vec::new();
        for index in indexes {
            if let Some(column) = target.columns.get(index) {
                found.push(Condition { index, conversion: conversion(index, column)?, kind: column.kind });
            }
        }
        let place = |first: usize| condition(target, &found, is_key, first);
        let delete = format!("DELETE FROM {} WHERE {}", target.quoted, place(1)?);
        if rows.kind == RowsKind::Delete {
            return Ok(Self { sql: delete, assigned, found, is_keyed_update: false, moves: Moves::default() });
        }
        let mut sets: Vec<String> = names(&mut assigned.iter().map(|value| value.index))
            .iter()
            .enumerate()
            .map(|(number, name)| match assigned.get(number) {
                Some(value) if value.may_be_partial(rows) => {
                    format!("{name} = {}({name}, ?{})", json_patch::FUNCTION, number + 1)
                }
                _ => format!("{name} = ?{}", number + 1),
            })
            .collect();
        if sets.is_empty() {
            // The row must be there, though nothing of it is stored.
            sets.extend(names(&mut writable()).first().map(|name| format!("{name} = {name}")));
        }
        let sql = format!("UPDATE {} SET {} WHERE {}", target.quoted, sets.join(", "), place(assigned.len() + 1)?);
        let all = names(&mut writable());
        let moves = Moves {
            find: format!("SELECT {} FROM {} WHERE {}", all.join(", "), target.quoted, place(1)?),
            take: delete,
            add: insert(&all),
            columns: all.len(),
            replaced: writable().map(|index| assigned.iter().position(|value| value.index == index)).collect(),
        };
        let is_keyed_update =
            target.has_other_key || assigned.iter().any(|value| target.unique_columns.contains(&value.index));
        Ok(Self { sql, assigned, found, is_keyed_update, moves })
    }

    /// Whether rows of one event may exchange the values of a unique key.
    pub(in super::super) const fn moves_keys(&self) -> bool {
        self.is_keyed_update
    }

    /// Binds the values of a row.
    pub(in super::super) fn bind(&self, statement: &mut Statement<'_>, row: &Row<'_>) -> Result<(), SqlError> {
        for (number, assigned) in self.assigned.iter().enumerate() {
            bind(statement, number + 1, &assigned.conversion.convert(value(&row.after, assigned.index))?)?;
        }
        self.bind_place(statement, row, self.assigned.len())
    }

    /// Binds the values that find a row, behind so many other parameters.
    pub(in super::super) fn bind_place(
        &self,
        statement: &mut Statement<'_>,
        row: &Row<'_>,
        behind: usize,
    ) -> Result<(), SqlError> {
        let mut place = behind;
        for condition in &self.found {
            let bound = condition.conversion.convert(value(&row.before, condition.index))?;
            place += 1;
            match (condition.kind, value(&row.before, condition.index)) {
                (ColumnKind::Float, Value::Float(number)) => {
                    let (low, high) = neighbours(number);
                    bind(statement, place, &Bound::Real(low))?;
                    bind(statement, place + 1, &Bound::Real(high))?;
                }
                (ColumnKind::Bit { bits: width }, Value::Bit(bits)) => {
                    let bytes = bits.to_be_bytes();
                    let front = bytes.len().saturating_sub(usize::from(width.div_ceil(8)));
                    bind(statement, place, &bound)?;
                    bind(statement, place + 1, &Bound::Bytes(bytes.get(front..).unwrap_or_default().into()))?;
                }
                (ColumnKind::Bit { .. }, _) => {
                    bind(statement, place, &bound)?;
                    bind(statement, place + 1, &bound)?;
                }
                _ => bind(statement, place, &bound)?,
            }
            place += usize::from(condition.has_two());
        }
        Ok(())
    }

    /// Binds a row's old values, and the new ones in the place of those that the event changes.
    pub(in super::super) fn bind_moved(
        &self,
        statement: &mut Statement<'_>,
        row: &Row<'_>,
        old: &[Stored],
    ) -> Result<(), SqlError> {
        for (number, (old, replaced)) in old.iter().zip(&self.moves.replaced).enumerate() {
            match replaced.and_then(|at| self.assigned.get(at)) {
                Some(assigned) => {
                    let bound = match (value(&row.after, assigned.index), old) {
                        (Value::JsonDiff(changes), Stored::Text(old)) => {
                            Bound::Text(json_patch::patched(old, changes)?.into())
                        }
                        (new, _) => assigned.conversion.convert(new)?,
                    };
                    bind(statement, number + 1, &bound)?;
                }
                None => {
                    statement.raw_bind_parameter(number + 1, old).map_err(|error| to_mysql(&error, ""))?;
                }
            }
        }
        Ok(())
    }
}

fn value<'v>(image: &[Option<Value<'v>>], index: usize) -> Value<'v> {
    image.get(index).copied().flatten().unwrap_or(Value::Null)
}

fn bind(statement: &mut Statement<'_>, place: usize, value: &Bound<'_>) -> Result<(), SqlError> {
    value.bind(statement, place).map_err(|error| to_mysql(&error, ""))
}

/// The columns that find a row: the key where the image has all of it, else all columns that the image has. Says whether it is the key.
fn found_by(target: &Target, rows: &Rows<'_>) -> (Vec<usize>, bool) {
    let has = |index: &usize| *index < rows.columns && bit(rows.before, *index);
    if !target.key.is_empty() && target.key.iter().all(has) {
        return (target.key.clone(), true);
    }
    let is_stored = |index: &usize| target.columns.get(*index).is_some_and(|column| !column.is_generated);
    ((0..rows.columns).filter(has).filter(is_stored).collect(), false)
}

/// The condition that finds a row, whose parameters begin with the one of this number.
fn condition(target: &Target, found: &[Condition], is_key: bool, first: usize) -> Result<String, SqlError> {
    let mut place = first;
    let mut parts = Vec::new();
    for condition in found {
        let Some(column) = target.columns.get(condition.index) else { continue };
        let name = &column.quoted;
        parts.push(if matches!(condition.kind, ColumnKind::Bit { .. }) {
            format!("({name} IS ?{place} OR {name} IS ?{})", place + 1)
        } else if condition.kind == ColumnKind::Float {
            format!("({name} BETWEEN ?{place} AND ?{} OR (?{place} IS NULL AND {name} IS NULL))", place + 1)
        } else if is_key && holds_bytes(column) {
            // A statement may have stored the bytes as a text.
            format!("({name} = ?{place} OR {name} = CAST(?{place} AS TEXT))")
        } else if is_key && column.is_text && target.by_bytes.contains(&condition.index) {
            // The column may ignore the case by which the source tells its rows apart.
            format!("{name} = ?{place} COLLATE BINARY")
        } else if is_key {
            format!("{name} = ?{place}")
        } else if holds_bytes(column) {
            format!("CAST({name} AS BLOB) IS ?{place}")
        } else if matches!(column.kind, ColumnKind::Char { .. }) && column.is_text {
            // The log has CHAR without the spaces at its end.
            format!("rtrim({name}) IS ?{place} COLLATE BINARY")
        } else if column.is_text {
            format!("{name} IS ?{place} COLLATE BINARY")
        } else {
            format!("{name} IS ?{place}")
        });
        place += 1 + usize::from(condition.has_two());
    }
    if parts.is_empty() {
        // Each row is as good as any other.
        parts.push("1".to_owned());
    }
    let all = parts.join(" AND ");
    if is_key {
        return Ok(all);
    }
    let Some(number) = target.row_number else {
        let message = format!(
            "The row of '{}.{}' can't be found: the table has no key without NULL, and columns with the names rowid, _rowid_ and oid; add a primary key",
            target.database, target.table
        );
        return Err(SqlError::new(1235, b"42000", message));
    };
    Ok(format!("{number} = (SELECT {number} FROM {} WHERE {all} LIMIT 1)", target.quoted))
}

const fn holds_bytes(column: &TargetColumn) -> bool {
    !column.is_text
        && matches!(
            column.kind,
            ColumnKind::Char { .. }
                | ColumnKind::VarChar { .. }
                | ColumnKind::Blob { .. }
                | ColumnKind::Geometry { .. }
        )
}
