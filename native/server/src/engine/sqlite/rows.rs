//! Converts values between SQLite and the wire: parameters, rows and column definitions.

use rusqlite::Statement;
use rusqlite::types::{Type, ValueRef};
use sealwire_core::message::{ColumnDefinition, ColumnFlags, ColumnType, Value, encode_binary_row};
use sealwire_core::wire::Put;

use crate::engine::translate::{database_of, titles};
use crate::engine::types::{self, DeclaredType};
use crate::sql::Datum;

/// The decimals of a FLOAT or DOUBLE that has as many as each value needs.
const DECIMALS_NOT_FIXED: u8 = 31;
/// NULL in a text row.
const NULL: u8 = 0xfb;

/// The source of a result column.
pub(super) struct ColumnSource {
    title: String,
    declared: Option<String>,
    database: Vec<u8>,
    table: Vec<u8>,
    column: Vec<u8>,
}

impl ColumnSource {
    /// The column definition; `first` is the type of the first value.
    pub(super) fn column(&self, first: Type) -> ColumnDefinition {
        let Some(declared) = &self.declared else { return types::expression(&self.title, first) };
        let mut column = DeclaredType::parse(declared).column(&self.title);
        self.database.clone_into(&mut column.schema);
        self.table.clone_into(&mut column.table);
        self.table.clone_into(&mut column.org_table);
        self.column.clone_into(&mut column.org_name);
        if declared == "INTEGER" {
            // Only AUTO_INCREMENT keys are declared so.
            column.flags |= ColumnFlags::PRI_KEY | ColumnFlags::AUTO_INCREMENT | ColumnFlags::NOT_NULL;
        }
        column
    }
}

/// The sources of a statement's result columns.
pub(super) fn column_sources(statement: &Statement<'_>, titles: &[Option<String>]) -> Vec<ColumnSource> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    statement
        .columns()
        .zip(statement.columns_with_metadata())
        .map(|(column, metadata)| {
            let schema = database_of(metadata.database_name().unwrap_or_default());
            let table = metadata.table_name().unwrap_or_default();
            // The name of a temporary table holds its database's.
            let (database, table) =
                if schema == "temp" { table.split_once('\u{1}').unwrap_or((schema, table)) } else { (schema, table) };
            ColumnSource {
                title: titles::resolve(column.name(), titles),
                declared: column.decl_type().map(str::to_owned),
                database: bytes(database),
                table: bytes(table),
                column: bytes(metadata.origin_name().unwrap_or_default()),
            }
        })
        .collect()
}

/// Binds a statement's parameters.
///
/// # Errors
/// SQLite's.
pub(super) fn bind(statement: &mut Statement<'_>, values: &[Datum]) -> rusqlite::Result<()> {
    for (index, value) in values.iter().enumerate() {
        let place = index + 1;
        match value {
            Datum::Null => statement.raw_bind_parameter(place, rusqlite::types::Null)?,
            Datum::Int(number) => statement.raw_bind_parameter(place, number)?,
            Datum::UInt(number) => match i64::try_from(*number) {
                Ok(number) => statement.raw_bind_parameter(place, number)?,
                // SQLite's integers end at 2^63 - 1.
                Err(_) => statement.raw_bind_parameter(place, *number as f64)?,
            },
            Datum::Real(number) => statement.raw_bind_parameter(place, number)?,
            Datum::Text(text) => statement.raw_bind_parameter(place, text)?,
            Datum::Blob(bytes) => statement.raw_bind_parameter(place, bytes)?,
        }
    }
    Ok(())
}

/// Appends a row in the text or binary form.
pub(super) fn put_row(row: &rusqlite::Row<'_>, columns: &[ColumnDefinition], is_binary: bool, out: &mut Vec<u8>) {
    let value_at = |index| {
        let value = row.get_ref(index).unwrap_or(ValueRef::Null);
        columns.get(index).map_or(value, |column| whole(value, column))
    };
    if !is_binary {
        for (index, column) in columns.iter().enumerate() {
            put_text(value_at(index), column, out);
        }
        return;
    }
    let made: Vec<Option<Vec<u8>>> =
        columns.iter().enumerate().map(|(index, column)| made_bytes(value_at(index), column)).collect();
    let values: Vec<Value<'_>> = made
        .iter()
        .enumerate()
        .map(|(index, made)| made.as_deref().map_or_else(|| wire_value(value_at(index)), Value::Bytes))
        .collect();
    encode_binary_row(columns, &values, out);
}

/// The number of bytes in a row's texts and blobs.
pub(super) fn length_of(row: &rusqlite::Row<'_>, columns: usize) -> usize {
    (0..columns)
        .map(|index| match row.get_ref(index) {
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => bytes.len(),
            _ => 8,
        })
        .sum()
}

const fn wire_value(value: ValueRef<'_>) -> Value<'_> {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Double(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::Bytes(bytes),
    }
}

/// A number that an expression made for a column of whole numbers, rounded as MySQL rounds it: a half away from 0. There is no -0.
fn whole<'v>(value: ValueRef<'v>, column: &ColumnDefinition) -> ValueRef<'v> {
    match (column.column_type, value) {
        (
            ColumnType::TINY | ColumnType::SHORT | ColumnType::INT24 | ColumnType::LONG | ColumnType::LONGLONG,
            ValueRef::Real(number),
        ) => ValueRef::Real(number.round() + 0.0),
        _ => value,
    }
}

/// Appends a value of a text row.
fn put_text(value: ValueRef<'_>, column: &ColumnDefinition, out: &mut Vec<u8>) {
    if let Some(made) = made_bytes(value, column).or_else(|| float_text(value, column)) {
        return out.put_lenenc_bytes(&made);
    }
    match wire_value(value) {
        Value::Null => out.put_u8(NULL),
        Value::Bytes(bytes) => out.put_lenenc_bytes(bytes),
        other => out.put_lenenc_bytes(other.text_in(column).to_string().as_bytes()),
    }
}

/// The value of a number whose column has bytes in both forms: the text of a DECIMAL with all its decimals, and the bits of a BIT.
fn made_bytes(value: ValueRef<'_>, column: &ColumnDefinition) -> Option<Vec<u8>> {
    let decimals = usize::from(column.decimals);
    let text = match (column.column_type, value) {
        (ColumnType::BIT, ValueRef::Integer(number)) => {
            let bytes = number.to_be_bytes();
            let front = bytes.len().saturating_sub(column.length.div_ceil(8) as usize);
            return bytes.get(front..).map(<[u8]>::to_vec);
        }
        (ColumnType::NEWDECIMAL, ValueRef::Integer(number)) if decimals == 0 => number.to_string(),
        (ColumnType::NEWDECIMAL, ValueRef::Integer(number)) => format!("{number}.{:0decimals$}", 0),
        (ColumnType::NEWDECIMAL, ValueRef::Real(number)) => format!("{number:.decimals$}"),
        _ => return None,
    };
    Some(text.into_bytes())
}

/// The text of a FLOAT, which has six digits: MySQL's `Field_float::val_str`.
fn float_text(value: ValueRef<'_>, column: &ColumnDefinition) -> Option<Vec<u8>> {
    let is_float = column.column_type == ColumnType::FLOAT && column.decimals >= DECIMALS_NOT_FIXED;
    let ValueRef::Real(number) = value else { return None };
    let shown: f64 = format!("{:.5e}", number as f32).parse().ok().filter(|_| is_float)?;
    Some(Value::Double(shown).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts and the bytes are those of MariaDB 10.11.
    #[test]
    fn numbers_have_the_texts_of_their_columns() {
        for (declared, value, expected) in [
            ("FLOAT", ValueRef::Real(123_456_789.0), &b"123457000"[..]),
            ("FLOAT", ValueRef::Real(99_999.95), b"100000"),
            ("FLOAT", ValueRef::Real(0.333_333_34), b"0.333333"),
            ("FLOAT", ValueRef::Real(3.402_823_5e38), b"3.40282e38"),
            ("FLOAT", ValueRef::Real(1e-45), b"1.4013e-45"),
            ("FLOAT", ValueRef::Real(1e14), b"100000000000000"),
            ("FLOAT", ValueRef::Real(1e15), b"1e15"),
            ("FLOAT", ValueRef::Real(-1.5), b"-1.5"),
            ("FLOAT(7,3)", ValueRef::Real(-1.0), b"-1.000"),
            ("DOUBLE(10,2)", ValueRef::Real(1.5), b"1.50"),
            ("DOUBLE", ValueRef::Real(123_456_789.0), b"123456789"),
            ("DECIMAL(10,3)", ValueRef::Integer(5), b"5.000"),
            ("INT", ValueRef::Real(24.5), b"25"),
            ("TINYINT", ValueRef::Real(-0.4), b"0"),
            ("BIGINT", ValueRef::Real(-2.5), b"-3"),
            ("BLOB BIT(1)", ValueRef::Integer(1), b"\x01"),
            ("BLOB BIT(12)", ValueRef::Integer(255), b"\0\xff"),
            ("BLOB BIT(64)", ValueRef::Integer(-1), b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ] {
            let mut out = Vec::new();
            let column = DeclaredType::parse(declared).column("c");
            put_text(whole(value, &column), &column, &mut out);
            assert_eq!(out.get(1..), Some(expected), "{declared} {value:?}");
        }
    }
}
