//! Carries the last transaction of the binary log out in a database that lacks it.
//!
//! SQLite commits a transaction over several databases in one after the other. A server that is killed in between has it in some of them. Each
//! of the others is as it was before the transaction, because nobody else could change it, so that the log's rows fit it one by one.

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};
use sealwire_binlog::{ColumnKind, Flavour, Row, Rows, RowsKind, Value, json};
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use super::logged_columns::LoggedColumns;
use super::logged_values::Checked;
use crate::engine::translate::quote;
use crate::replication::LoggedColumn;

/// Applies the rows of an event to their table in a connection's main database.
///
/// # Errors
/// A sentence: the table or a row is not as the log has it.
pub(super) fn apply(connection: &Connection, rows: &Rows<'_>, flavour: Flavour) -> Result<(), String> {
    let described = rows.table.as_deref().ok_or("its table is not described")?;
    let name = String::from_utf8_lossy(described.name()).into_owned();
    let told = |error: &SqlError| format!("the table '{name}': {}", error.message);
    let table = LoggedColumns::read(connection, "main", &name, flavour).map_err(|error| told(&error))?;
    let table = table.filter(|table| table.columns.len() == rows.columns);
    let table = table.ok_or_else(|| format!("there is no table '{name}' with {} columns", rows.columns))?;
    let mut all = rows.iter().map_err(|problem| problem.to_string())?;
    let mut row = Row::default();
    while all.next_into(&mut row).map_err(|problem| problem.to_string())? {
        let change = Change::of(&table, rows.kind, &row)?;
        let changed = change.run(connection).map_err(|error| told(&to_mysql(&error, "")))?;
        if changed != 1 {
            return Err(format!("the table '{name}' has not the row that the log changes"));
        }
    }
    Ok(())
}

/// A statement that changes one row.
struct Change {
    sql: String,
    values: Vec<Stored>,
}

impl Change {
    fn of(table: &LoggedColumns, kind: RowsKind, row: &Row<'_>) -> Result<Self, String> {
        let failed = |error: SqlError| error.message;
        let name = quote(&table.table).map_err(failed)?;
        let mut values = Vec::new();
        let mut pairs = |image: &[Option<Value<'_>>], wanted: &dyn Fn(usize) -> bool| {
            let mut names = Vec::new();
            for (index, column) in table.columns.iter().enumerate().filter(|(index, _)| wanted(*index)) {
                if let Some(Some(value)) = image.get(index) {
                    names.push(quote(&column.name).map_err(failed)?);
                    let is_uuid = table.checks.get(index).is_some_and(Checked::is_uuid);
                    values.push(stored(column, value, is_uuid)?);
                }
            }
            Ok::<_, String>(names)
        };
        let is_written = |index: usize| !table.generated.get(index).copied().unwrap_or_default();
        let sql = if kind == RowsKind::Write {
            let names = pairs(&row.after, &is_written)?;
            let places = vec!["?"; names.len()].join(", ");
            format!("INSERT INTO {name} ({}) VALUES ({places})", names.join(", "))
        } else {
            // A stored number need not have the digits of the log's.
            let is_exact = |index: usize| {
                let kind = table.columns.get(index).map(|column| column.kind);
                !matches!(kind, Some(ColumnKind::Float | ColumnKind::Double | ColumnKind::Decimal { .. }))
            };
            let is_sought =
                |index: usize| if table.key.is_empty() { is_exact(index) } else { table.key.contains(&index) };
            let sought = |names: Vec<String>| {
                let all: Vec<String> = names.iter().map(|name| format!("{name} IS ?")).collect();
                let found = if all.is_empty() { "TRUE".to_owned() } else { all.join(" AND ") };
                // A table without a key may have the same row twice, and has row numbers.
                if table.key.is_empty() {
                    format!("rowid = (SELECT rowid FROM {name} WHERE {found} LIMIT 1)")
                } else {
                    found
                }
            };
            if kind == RowsKind::Delete {
                format!("DELETE FROM {name} WHERE {}", sought(pairs(&row.before, &is_sought)?))
            } else {
                let is_changed = |index: usize| is_written(index) && row.before.get(index) != row.after.get(index);
                let names = pairs(&row.after, &is_changed)?;
                let set: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
                if set.is_empty() {
                    return Err("a change of nothing".to_owned());
                }
                format!("UPDATE {name} SET {} WHERE {}", set.join(", "), sought(pairs(&row.before, &is_sought)?))
            }
        };
        Ok(Self { sql, values })
    }

    fn run(self, connection: &Connection) -> rusqlite::Result<usize> {
        connection.prepare_cached(&self.sql)?.execute(params_from_iter(self.values))
    }
}

/// The value as the engine stores it.
fn stored(column: &LoggedColumn, value: &Value<'_>, is_uuid: bool) -> Result<Stored, String> {
    let wrong = || format!("the column '{}' has a value that can't be stored", column.name);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map(Stored::Text).map_err(|_| wrong());
    Ok(match *value {
        Value::Null => Stored::Null,
        Value::Int(number) if column.is_unsigned => unsigned(column, number),
        Value::Int(number) => Stored::Integer(number),
        // SQLite keeps integers from 2^63 on as real numbers.
        Value::UInt(number) => i64::try_from(number).map_or(Stored::Real(number as f64), Stored::Integer),
        // The shortest digits of a FLOAT are those that it was made of.
        Value::Float(number) => Stored::Real(number.to_string().parse().map_err(|_| wrong())?),
        Value::Double(number) => Stored::Real(number),
        Value::Decimal(number) => Stored::Text(number.to_string()),
        Value::Bit(bits) => {
            let ColumnKind::Bit { bits: width } = column.kind else { return Err(wrong()) };
            let bytes = bits.to_be_bytes();
            Stored::Blob(bytes.get(8 - usize::from(width.div_ceil(8)).min(8)..).unwrap_or_default().to_vec())
        }
        Value::Year(year) => Stored::Integer(year.into()),
        Value::Date(date) => Stored::Text(date.to_string()),
        Value::Time(time) => Stored::Text(time.to_string()),
        Value::DateTime(at) => Stored::Text(at.to_string()),
        Value::Timestamp(at) => Stored::Text(at.to_utc().to_string()),
        Value::Bytes(bytes) if is_uuid => super::logged_values::uuid_text(bytes).map(Stored::Text).ok_or_else(wrong)?,
        Value::Bytes(bytes) if column.is_text() => text(bytes)?,
        Value::Bytes(bytes) => Stored::Blob(bytes.to_vec()),
        Value::Json(document) => {
            let mut out = String::new();
            json::to_text(document, &mut out).map_err(|_| wrong())?;
            Stored::Text(out)
        }
        Value::Enum(number) => {
            let member = usize::from(number).checked_sub(1).and_then(|index| column.members.get(index));
            Stored::Text(member.ok_or_else(wrong)?.clone())
        }
        Value::Set(bits) => {
            let chosen = column.members.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
            Stored::Text(chosen.map(|(_, member)| member.as_str()).collect::<Vec<_>>().join(","))
        }
        _ => return Err(wrong()),
    })
}

/// An unsigned number of a log that does not tell signs.
fn unsigned(column: &LoggedColumn, number: i64) -> Stored {
    let bits = match column.kind {
        ColumnKind::TinyInt => 8,
        ColumnKind::SmallInt => 16,
        ColumnKind::MediumInt => 24,
        ColumnKind::Int => 32,
        _ if number < 0 => return Stored::Real(number.cast_unsigned() as f64),
        _ => return Stored::Integer(number),
    };
    Stored::Integer(number & ((1 << bits) - 1))
}
