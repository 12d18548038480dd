//! Converts values between SQLite and the wire: parameters, rows and column definitions.

use rusqlite::Statement;
use rusqlite::types::{Type, ValueRef};
use sealwire_core::message::{ColumnDefinition, ColumnFlags, ColumnType, Value, encode_binary_row};
use sealwire_core::wire::Put;

use crate::engine::translate::{database_of, titles};
use crate::engine::types::{self, DeclaredType};
use crate::sql::Datum;

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
    let value_at = |index| row.get_ref(index).unwrap_or(ValueRef::Null);
    if !is_binary {
        for (index, column) in columns.iter().enumerate() {
            put_text(value_at(index), column, out);
        }
        return;
    }
    let decimals: Vec<Option<String>> =
        columns.iter().enumerate().map(|(index, column)| decimal_text(value_at(index), column)).collect();
    let values: Vec<Value<'_>> = decimals
        .iter()
        .enumerate()
        .map(|(index, text)| text.as_deref().map_or_else(|| wire_value(value_at(index)), Value::from))
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

/// Appends a value of a text row.
fn put_text(value: ValueRef<'_>, column: &ColumnDefinition, out: &mut Vec<u8>) {
    if let Some(text) = decimal_text(value, column) {
        return out.put_lenenc_bytes(text.as_bytes());
    }
    match wire_value(value) {
        Value::Null => out.put_u8(NULL),
        Value::Bytes(bytes) => out.put_lenenc_bytes(bytes),
        other => out.put_lenenc_bytes(other.text_in(column).to_string().as_bytes()),
    }
}

/// The text of a number in a DECIMAL column, with all its decimals.
fn decimal_text(value: ValueRef<'_>, column: &ColumnDefinition) -> Option<String> {
    if column.column_type != ColumnType::NEWDECIMAL {
        return None;
    }
    match value {
        ValueRef::Integer(number) if column.decimals == 0 => Some(number.to_string()),
        ValueRef::Integer(number) => {
            Some(format!("{number}.{:0decimals$}", 0, decimals = usize::from(column.decimals)))
        }
        ValueRef::Real(number) => Some(format!("{number:.decimals$}", decimals = usize::from(column.decimals))),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}
