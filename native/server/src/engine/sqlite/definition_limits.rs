//! The limits of a table as a whole, which are MySQL's with InnoDB. SQLite has none, but a replica refuses a definition that breaks them.

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::{Value, ValueRef};
use sealwire_binlog::Flavour;
use sealwire_core::error::SqlError;

use super::definition_charsets;
use super::errors::to_mysql;
use super::generated_limits;
use super::logged_values;
use super::schema::{Column, DefaultValue, Index, Table, columns_of, indexes_of};
use super::stored_definitions::{StoredTable, names_column};
use crate::engine::annotations::Annotation;
use crate::replication::Image;

/// The most columns of a table, and the most columns and bytes of a key.
const MOST_COLUMNS: usize = 1017;
const MOST_PARTS: usize = 16;
const LONGEST_KEY: u32 = 3072;
/// The most bytes of a row without its TEXTs and BLOBs.
const LONGEST_ROW: u32 = 65_535;
/// The most bytes of a row in its page, and those of a column that is in another page: its address and its length. Columns of up to
/// `LONGEST_SHORT` bytes stay in the page. Measured with MariaDB 10.11.
const LONGEST_IN_PAGE: u32 = 8126;
const OUT_OF_PAGE: u32 = 21;
/// The bytes of such a value in its page if it is short. MariaDB counts them when the row is written.
const SHORT_IN_PAGE: u32 = 42;
const LONGEST_SHORT: u32 = 255;
/// The bytes of a row's header, number, transaction and undo pointer in its page.
const HEADER: u32 = 5 + 6 + 6 + 7;

/// Words whose value is another one each time. An expression with one of them is no constant.
const CHANGING: [&str; 15] = [
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURTIME",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "NOW",
    "RAND",
    "UNIX_TIMESTAMP",
    "USER",
    "UTC_DATE",
    "UTC_TIMESTAMP",
    "UUID",
];

/// Checks a table that was created or altered. One of a source is taken with the defaults that the source takes.
///
/// # Errors
/// 1060 for two columns of a name, 3109 and 3818 for expressions of the AUTO_INCREMENT column, 1067 for a default that the column can't hold, 1070, 1071, 1089, 1170 and 1391 for a key, 1117 and 1118 for the row.
pub(super) fn check(
    connection: &Connection,
    table: &Table,
    (flavour, is_made_here): (Flavour, bool),
) -> Result<(), SqlError> {
    let failed = |error: rusqlite::Error| to_mysql(&error, "");
    let columns = columns_of(connection, table).map_err(failed)?;
    if columns.len() > MOST_COLUMNS {
        return Err(SqlError::new(1117, b"42000", "Too many columns"));
    }
    let mut names = BTreeSet::new();
    // SQLite ignores the case of ASCII alone.
    if let Some(column) = columns.iter().find(|column| !names.insert(column.name.to_lowercase())) {
        return Err(SqlError::new(1060, b"42S21", format!("Duplicate column name '{}'", column.name)));
    }
    let stored = StoredTable::read(&table.sql);
    check_counter(&columns, &stored.checks)?;
    if is_made_here && flavour == Flavour::MariaDb && table.schema != "temp" {
        definition_charsets::check(&columns, &stored)?;
    }
    check_row(&columns, if is_made_here && flavour == Flavour::MariaDb { SHORT_IN_PAGE } else { OUT_OF_PAGE })?;
    for column in columns.iter().filter(|_| is_made_here) {
        check_default(column, flavour)?;
        if flavour == Flavour::MariaDb {
            check_constant(connection, column)?;
        }
    }
    let find = |name: &str| columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
    let mut keys: Vec<Vec<(Option<String>, Option<u32>)>> = Vec::new();
    let mut primary: Vec<&Column> = columns.iter().filter(|column| column.primary > 0).collect();
    primary.sort_by_key(|column| column.primary);
    let mut prefixes = stored.primary_prefixes.iter().copied();
    keys.push(primary.iter().map(|column| (Some(column.name.clone()), prefixes.next().flatten())).collect());
    for index in indexes_of(connection, table).map_err(failed)? {
        let mut prefixes = index.prefixes.into_iter();
        keys.push(index.columns.into_iter().map(|column| (column, prefixes.next().flatten())).collect());
    }
    if flavour == Flavour::MariaDb && table.schema != "temp" {
        let is_in_key = |column: &Column| {
            keys.iter().flatten().any(|(name, _)| name.as_deref().is_some_and(|name| name == column.name))
        };
        if is_made_here {
            generated_limits::check_expressions(&columns, &stored.checks, &is_in_key)?;
        }
        generated_limits::check_virtual(&columns, has_row_key(connection, table, &columns)?, &is_in_key, is_made_here)?;
    }
    // MariaDB makes prefixes and hashes of long keys, which a source has taken.
    for key in keys.into_iter().filter(|_| is_made_here) {
        if key.len() > MOST_PARTS {
            let message = format!("Too many key parts specified; max {MOST_PARTS} parts allowed");
            return Err(SqlError::new(1070, b"42000", message));
        }
        let mut bytes = 0u32;
        for (name, prefix) in key {
            // An expression's length is not known.
            let Some(column) = name.as_deref().and_then(find) else { continue };
            bytes = bytes.saturating_add(key_bytes(column, prefix)?);
        }
        if bytes > LONGEST_KEY {
            let message = format!("Specified key was too long; max key length is {LONGEST_KEY} bytes");
            return Err(SqlError::new(1071, b"42000", message));
        }
    }
    Ok(())
}

/// Whether a table has a key by which a replica finds a row: the primary one, or a unique one of whole columns that are never NULL.
fn has_row_key(connection: &Connection, table: &Table, columns: &[Column]) -> Result<bool, SqlError> {
    let indexes = indexes_of(connection, table).map_err(|error| to_mysql(&error, ""))?;
    // AUTO_INCREMENT makes a primary key here, and at a replica it may have a plain one alone.
    let has_plain_key = |column: &Column| {
        let leads = |name: &Option<String>| name.as_deref() == Some(&*column.name);
        let is_plain = |own: &Index| !own.unique && !own.is_for_foreign_key;
        column.auto_increment && indexes.iter().any(|own| is_plain(own) && own.columns.first().is_some_and(leads))
    };
    let mut primary = columns.iter().filter(|column| column.primary > 0).peekable();
    if primary.peek().is_some() && !primary.any(has_plain_key) {
        return Ok(true);
    }
    let is_never_null =
        |name: &Option<String>| columns.iter().any(|column| Some(&column.name) == name.as_ref() && column.not_null);
    Ok(indexes.iter().any(|index| {
        index.unique && index.prefixes.iter().all(Option::is_none) && index.columns.iter().all(is_never_null)
    }))
}

/// Refuses expressions that name the AUTO_INCREMENT column, whose value is not known yet when they are computed.
fn check_counter(columns: &[Column], checks: &[String]) -> Result<(), SqlError> {
    let Some(counter) = columns.iter().find(|column| column.auto_increment) else { return Ok(()) };
    let names = |text: &str| names_column(text, &counter.name);
    if let Some(column) = columns.iter().find(|column| column.stored.generated.as_deref().is_some_and(names)) {
        let message = format!("Generated column '{}' cannot refer to auto-increment column.", column.name);
        return Err(SqlError::new(3109, b"HY000", message));
    }
    match checks.iter().find(|check| names(check)) {
        Some(check) => {
            let message = format!("Check constraint '{check}' cannot refer to an auto-increment column.");
            Err(SqlError::new(3818, b"HY000", message))
        }
        None => Ok(()),
    }
}

/// The size of a column's values.
enum Size {
    /// All have so many bytes.
    Fixed(u32),
    /// They have up to so many.
    Variable(u32),
    /// They are in pages of their own.
    Large,
}

fn size(column: &Column) -> Size {
    let arguments = column.declared.arguments();
    let first = arguments.first().copied();
    let fraction = first.unwrap_or(0).div_ceil(2);
    let of_character = column.stored.charset.bytes_of_a_character();
    match column.declared.name() {
        "TINYINT" | "YEAR" => Size::Fixed(1),
        "SMALLINT" | "ENUM" => Size::Fixed(2),
        "MEDIUMINT" | "DATE" => Size::Fixed(3),
        "INT" | "FLOAT" => Size::Fixed(4),
        "BIGINT" | "DOUBLE" | "SET" => Size::Fixed(8),
        "DECIMAL" => {
            let scale = arguments.get(1).copied().unwrap_or(0);
            let digits = first.unwrap_or(10).saturating_sub(scale);
            Size::Fixed(digits.div_ceil(9) * 4 + scale.div_ceil(9) * 4)
        }
        "BIT" => Size::Fixed(first.unwrap_or(1).div_ceil(8)),
        "TIME" => Size::Fixed(3 + fraction),
        "TIMESTAMP" => Size::Fixed(4 + fraction),
        "DATETIME" => Size::Fixed(5 + fraction),
        "BINARY" => Size::Fixed(first.unwrap_or(1)),
        "UUID" => Size::Fixed(16),
        "CHAR" if of_character == 1 => Size::Fixed(first.unwrap_or(1)),
        "CHAR" | "VARCHAR" => Size::Variable(first.unwrap_or(1).saturating_mul(of_character)),
        "VARBINARY" => Size::Variable(first.unwrap_or(1)),
        _ => Size::Large,
    }
}

/// Checks the length of a row, by MySQL's count of all bytes and InnoDB's of those in the row's page, of which long values take `out_of_page`.
fn check_row(columns: &[Column], out_of_page: u32) -> Result<(), SqlError> {
    let nulls = columns.iter().filter(|column| !column.not_null).count().div_ceil(8) as u32;
    let (mut row, mut in_page) = (nulls, nulls + HEADER);
    for column in columns {
        let is_stored = column.generated != Some(false);
        let (bytes, kept) = match size(column) {
            Size::Fixed(bytes) => (bytes, bytes),
            Size::Variable(bytes) => {
                let length = if bytes > LONGEST_SHORT { 2 } else { 1 };
                (bytes.saturating_add(length), if bytes > LONGEST_SHORT { out_of_page } else { bytes + length })
            }
            Size::Large => (12, out_of_page),
        };
        row = row.saturating_add(bytes);
        in_page = in_page.saturating_add(if is_stored { kept } else { 0 });
    }
    if row > LONGEST_ROW {
        let message = format!(
            "Row size too large. The maximum row size for the used table type, not counting BLOBs, is {LONGEST_ROW}. This includes storage overhead, \
             check the manual. You have to change some columns to TEXT or BLOBs"
        );
        return Err(SqlError::new(1118, b"42000", message));
    }
    if in_page >= LONGEST_IN_PAGE {
        let message = format!(
            "Row size too large (> {LONGEST_IN_PAGE}). Changing some columns to TEXT or BLOB may help. In current row format, BLOB prefix of 0 bytes is \
             stored inline."
        );
        return Err(SqlError::new(1118, b"42000", message));
    }
    Ok(())
}

/// The bytes of a column in a key.
fn key_bytes(column: &Column, prefix: Option<u32>) -> Result<u32, SqlError> {
    let name = &column.name;
    let of_character = if column.declared.is_text() { column.stored.charset.bytes_of_a_character() } else { 1 };
    let is_bytes = matches!(column.declared.name(), "CHAR" | "VARCHAR" | "BINARY" | "VARBINARY");
    let wrong = || {
        let message = "Incorrect prefix key; the used key part isn't a string, the used length is longer than the key part, or the storage engine \
                       doesn't support unique prefix keys";
        SqlError::new(1089, b"HY000", message)
    };
    let all = match size(column) {
        Size::Fixed(bytes) | Size::Variable(bytes) => bytes,
        Size::Large if prefix.is_none() || column.declared.is_geometry() => {
            let message = format!("BLOB/TEXT column '{name}' used in key specification without a key length");
            return Err(SqlError::new(1170, b"42000", message));
        }
        Size::Large => column.declared.extent().octets.unwrap_or(u32::MAX),
    };
    if all == 0 {
        let message = format!("The used storage engine can't index column '{name}'");
        return Err(SqlError::new(1167, b"42000", message));
    }
    let Some(prefix) = prefix else { return Ok(all) };
    if prefix == 0 {
        return Err(SqlError::new(1391, b"HY000", format!("Key part '{name}' length cannot be 0")));
    }
    let bytes = prefix.saturating_mul(of_character);
    let is_large = matches!(size(column), Size::Large);
    if !is_large && (!is_bytes || bytes > all) {
        return Err(wrong());
    }
    Ok(bytes)
}

/// Tries the default of a column that is a value.
fn check_default(column: &Column, flavour: Flavour) -> Result<(), SqlError> {
    let text = match column.default_value() {
        Some(DefaultValue::Text(text) | DefaultValue::Number(text)) => text,
        Some(DefaultValue::Literal(word)) if word.eq_ignore_ascii_case("TRUE") => "1".to_owned(),
        Some(DefaultValue::Literal(word)) if word.eq_ignore_ascii_case("FALSE") => "0".to_owned(),
        _ => return Ok(()),
    };
    try_default(column, flavour, ValueRef::Text(text.as_bytes()))
}

/// Computes a constant expression that is a column's default, as MariaDB does when it makes the table.
fn check_constant(connection: &Connection, column: &Column) -> Result<(), SqlError> {
    let Some(DefaultValue::Expression(text) | DefaultValue::Literal(text)) = column.default_value() else {
        return Ok(());
    };
    let (Some(sqlite), false) = (&column.default, CHANGING.iter().any(|word| names_column(&text, word))) else {
        return Ok(());
    };
    let value: rusqlite::Result<Value> = connection.query_row(&format!("SELECT {sqlite}"), [], |row| row.get(0));
    match value.map_err(|error| to_mysql(&error, ""))? {
        Value::Null if column.not_null => Err(wrong_default(column)),
        value => try_default(column, Flavour::MariaDb, ValueRef::from(&value)),
    }
}

/// Tries a default.
fn try_default(column: &Column, flavour: Flavour, value: ValueRef<'_>) -> Result<(), SqlError> {
    let annotated = column.stored.annotations.get(Annotation::Type);
    let is_number = |name: &str| {
        matches!(
            name,
            "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" | "FLOAT" | "DOUBLE" | "DECIMAL" | "BIT" | "YEAR"
        )
    };
    let text = if let ValueRef::Text(text) = value { std::str::from_utf8(text).ok() } else { None };
    let number = text.filter(|_| is_number(column.declared.name()));
    let integer = number.and_then(|text| text.parse().ok()).map(ValueRef::Integer);
    let number = integer.or_else(|| number.and_then(|text| text.parse().ok()).map(ValueRef::Real));
    let value = number.unwrap_or(value);
    let declared = column.declared.to_sqlite();
    let (logged, checked) =
        logged_values::column(column.name.clone(), &declared, annotated, column.stored.charset, true, flavour);
    let tried = logged_values::add(&mut Image::default(), &logged, &checked, value, (1, false));
    tried.map(drop).map_err(|_| wrong_default(column))
}

fn wrong_default(column: &Column) -> SqlError {
    SqlError::new(1067, b"42000", format!("Invalid default value for '{}'", column.name))
}
