//! The columns and the values of a table as the binary log has them.
//!
//! SQLite stores any value in any column. The log's row images have MySQL's types, so a value that the column's type can't hold is refused
//! when it is written: a replica would otherwise get another value than this server has.

use std::borrow::Cow;

use rusqlite::types::{Value as Stored, ValueRef};
use sealwire_binlog::{ColumnKind, Date, DateTime, Flavour, Time, Timestamp, Value, json};
use sealwire_core::error::SqlError;

use super::stored_values::{Form, has_form, stored};
use super::{geometry, uuids};
use crate::engine::types::DeclaredType;
use crate::replication::{BINARY, Image, LoggedColumn};
use crate::sql::TextCharset;
use crate::sql::lex::{Lexer, Piece, unquote};

/// utf8mb4_general_ci and utf8mb4_bin.
const GENERAL: u16 = 45;
const BIN: u16 = 46;
/// The bytes of a UUID.
const UUID: u16 = uuids::LENGTH as u16;

/// A column of a table that is logged, with what its values are checked by.
#[derive(Debug)]
pub(super) struct Checked {
    declared: DeclaredType,
    /// The most characters of a text, or bytes.
    longest: u32,
    /// The character set of a text; `None` for other values.
    charset: Option<TextCharset>,
    /// Whether the engine makes the values of the column.
    pub(super) is_generated: bool,
    /// Whether SQLite numbers the table's rows by the column, in which it then takes whole numbers alone.
    pub(super) is_row_number: bool,
}

impl Checked {
    /// Whether a statement can write a value in another form than the column has.
    pub(super) fn has_form(&self, column: &LoggedColumn) -> bool {
        !self.is_generated && !self.is_row_number && has_form(column)
    }

    /// How SQLite stores the values.
    fn form(&self) -> Form {
        match self.declared.name() {
            "BINARY" => Form::Padded(self.longest as usize),
            "UUID" => Form::Uuid,
            _ => Form::Plain,
        }
    }
}

/// The column as the log describes it. `annotated` is the type in MySQL's notation, where SQLite's differs.
pub(super) fn column(
    name: String,
    declared: &str,
    annotated: Option<&str>,
    charset: TextCharset,
    is_nullable: bool,
    flavour: Flavour,
) -> (LoggedColumn, Checked) {
    let declared = DeclaredType::parse(annotated.unwrap_or(declared));
    let members = annotated.map(members).unwrap_or_default();
    let arguments = declared.arguments();
    let first = arguments.first().copied();
    let small =
        |number: Option<u32>, otherwise: u8| number.map_or(otherwise, |number| u8::try_from(number).unwrap_or(u8::MAX));
    let digits = small(first, 0).min(6);
    let bytes_of = |length: u32, charset: TextCharset| {
        u16::try_from(length.saturating_mul(charset.bytes_of_a_character())).unwrap_or(u16::MAX)
    };
    let characters = |length| bytes_of(length, charset);
    let own = charset.collation();
    let bytes = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let length = first.unwrap_or(255);
    let blob = |length_bytes| ColumnKind::Blob { length_bytes };
    let (kind, longest, collation) = match declared.name() {
        "TINYINT" => (ColumnKind::TinyInt, 0, BINARY),
        "SMALLINT" => (ColumnKind::SmallInt, 0, BINARY),
        "MEDIUMINT" => (ColumnKind::MediumInt, 0, BINARY),
        "INT" => (ColumnKind::Int, 0, BINARY),
        "BIGINT" => (ColumnKind::BigInt, 0, BINARY),
        "FLOAT" => (ColumnKind::Float, 0, BINARY),
        "DOUBLE" => (ColumnKind::Double, 0, BINARY),
        "DECIMAL" => {
            (ColumnKind::Decimal { precision: small(first, 10), scale: small(arguments.get(1).copied(), 0) }, 0, BINARY)
        }
        "BIT" => (ColumnKind::Bit { bits: small(first, 1) }, 0, BINARY),
        "YEAR" => (ColumnKind::Year, 0, BINARY),
        "DATE" => (ColumnKind::Date, 0, BINARY),
        "TIME" => (ColumnKind::Time { digits }, 0, BINARY),
        "DATETIME" => (ColumnKind::DateTime { digits }, 0, BINARY),
        "TIMESTAMP" => (ColumnKind::Timestamp { digits }, 0, BINARY),
        "CHAR" => (ColumnKind::Char { bytes: characters(length) }, length, own),
        "BINARY" => (ColumnKind::Char { bytes: bytes(length) }, length, BINARY),
        "VARBINARY" => (ColumnKind::VarChar { bytes: bytes(length) }, length, BINARY),
        "VARCHAR" => (ColumnKind::VarChar { bytes: characters(length) }, length, own),
        "TINYTEXT" => (blob(1), 255, own),
        "TEXT" => (blob(2), 65_535, own),
        "MEDIUMTEXT" => (blob(3), 16_777_215, own),
        "LONGTEXT" => (blob(4), u32::MAX, own),
        "TINYBLOB" => (blob(1), 255, BINARY),
        "BLOB" => (blob(2), 65_535, BINARY),
        "MEDIUMBLOB" => (blob(3), 16_777_215, BINARY),
        "LONGBLOB" => (blob(4), u32::MAX, BINARY),
        // MariaDB's JSON is a text with a CHECK.
        "JSON" if flavour == Flavour::MariaDb => (blob(4), u32::MAX, BIN),
        "JSON" => (ColumnKind::Json { length_bytes: 4 }, u32::MAX, BIN),
        "ENUM" if !members.is_empty() => {
            (ColumnKind::Enum { bytes: if members.len() < 256 { 1 } else { 2 } }, 0, GENERAL)
        }
        "SET" if !members.is_empty() => (ColumnKind::Set { bytes: set_bytes(members.len()) }, 0, GENERAL),
        // Another program's table does not say the members.
        "ENUM" | "SET" => (ColumnKind::VarChar { bytes: bytes_of(255, TextCharset::Utf8mb4) }, 255, GENERAL),
        "UUID" if flavour == Flavour::MariaDb => (ColumnKind::Char { bytes: UUID }, 0, BINARY),
        "UUID" => (ColumnKind::VarChar { bytes: bytes_of(36, TextCharset::Utf8mb4) }, 36, GENERAL),
        _ => (ColumnKind::Geometry { length_bytes: 4 }, u32::MAX, BINARY),
    };
    let charset = if collation == own { charset } else { TextCharset::Utf8mb4 };
    let charset = Some(charset).filter(|_| collation != BINARY);
    let checked = Checked { longest, charset, declared: declared.clone(), is_generated: false, is_row_number: false };
    let is_unsigned = declared.is_unsigned();
    (LoggedColumn { name, kind, is_nullable, is_unsigned, collation, members }, checked)
}

const fn set_bytes(members: usize) -> u8 {
    match members {
        0..=8 => 1,
        9..=16 => 2,
        17..=24 => 3,
        25..=32 => 4,
        _ => 8,
    }
}

/// The texts in `enum('a','b')`.
fn members(annotated: &str) -> Vec<String> {
    let is_list = ["enum(", "set("]
        .iter()
        .any(|front| annotated.get(..front.len()).is_some_and(|own| own.eq_ignore_ascii_case(front)));
    if !is_list {
        return Vec::new();
    }
    let texts = Lexer::new(annotated.as_bytes()).filter(|(piece, _)| *piece == Piece::Text);
    texts.map(|(_, text)| String::from_utf8_lossy(&unquote(text)).into_owned()).collect()
}

/// Adds a value to a row's image. `is_old` says that the value is there already, here or at a source, so that it is not judged anew. Returns the
/// value that SQLite has in the place of this one; `None` where it is the same.
///
/// # Errors
/// 1048, 1264, 1265, 1292, 1366, 1406 or 1416 where the column's type can't hold the value.
pub(super) fn add(
    image: &mut Image,
    column: &LoggedColumn,
    checked: &Checked,
    value: ValueRef<'_>,
    (row, is_old): (u64, bool),
) -> Result<Option<Stored>, SqlError> {
    let refused = |problem: Refusal| problem.error(column, checked, value, row);
    let mut made = Vec::new();
    let logged = logged(column, checked, value, is_old, &mut made).map_err(refused)?;
    image.add(column, logged).map_err(|_| refused(Refusal::OutOfRange))?;
    Ok(stored(column, checked.form(), value, logged))
}

/// Why a column can't hold a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    OutOfRange,
    /// Digits or a member would be lost.
    Truncated,
    Incorrect,
    InvalidJson,
    TooLong,
    Geometry(geometry::Problem),
    /// They are bytes of an unknown character set.
    NoCharset,
}

impl Refusal {
    fn error(self, column: &LoggedColumn, checked: &Checked, value: ValueRef<'_>, row: u64) -> SqlError {
        let name = &column.name;
        let shown = shown(value);
        match self {
            Self::OutOfRange => {
                SqlError::new(1264, b"22003", format!("Out of range value for column '{name}' at row {row}"))
            }
            Self::Truncated => SqlError::new(
                1265,
                b"01000",
                format!(
                    "Data truncated for column '{name}' at row {row}: {} can't hold {shown}, and the binary log needs values of the column's type",
                    checked.declared.to_mysql()
                ),
            ),
            Self::InvalidJson => {
                SqlError::new(3140, b"22032", format!("Invalid JSON text: {shown} for column '{name}' at row {row}"))
            }
            Self::TooLong => SqlError::new(1406, b"22001", format!("Data too long for column '{name}' at row {row}")),
            Self::NoCharset => {
                let message = format!(
                    "Incorrect string value: {shown} for column '{name}' at row {row}: the binary log needs their character set; write _latin1 X'...'"
                );
                SqlError::new(1366, b"HY000", message)
            }
            Self::Geometry(geometry::Problem::Malformed) => {
                let message = format!(
                    "Cannot get geometry object from data you send to the GEOMETRY field: column '{name}' at row {row} needs an SRID and WKB, lowest bytes first"
                );
                SqlError::new(1416, b"22003", message)
            }
            Self::Geometry(geometry::Problem::Kind(kind)) => {
                let declared = checked.declared.name();
                let message = format!("Incorrect {declared} value: '{kind}' for column '{name}' at row {row}");
                SqlError::new(1366, b"HY000", message)
            }
            Self::Incorrect => {
                let kind = match checked.declared.name() {
                    "DATE" => "date",
                    "TIME" => "time",
                    "DATETIME" | "TIMESTAMP" => "datetime",
                    "DECIMAL" => "decimal",
                    "DOUBLE" | "FLOAT" => "double",
                    _ if checked.charset.is_some() => "string",
                    _ => "integer",
                };
                let (code, state) =
                    if matches!(kind, "date" | "time" | "datetime") { (1292, b"22007") } else { (1366, b"HY000") };
                SqlError::new(code, state, format!("Incorrect {kind} value: {shown} for column '{name}' at row {row}"))
            }
        }
    }
}

/// A value for an error's text, shortened.
fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => format!("'{number}'"),
        ValueRef::Real(number) => format!("'{number}'"),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(256)).unwrap_or_default());
            let short: String = text.chars().take(64).collect();
            let more = if short.len() < bytes.len() { "..." } else { "" };
            format!("'{short}{more}'")
        }
    }
}

/// The value as the log has it. `made` holds bytes that are made here.
fn logged<'v>(
    column: &LoggedColumn,
    checked: &Checked,
    value: ValueRef<'v>,
    is_old: bool,
    made: &'v mut Vec<u8>,
) -> Result<Value<'v>, Refusal> {
    if matches!(value, ValueRef::Null) {
        return Ok(Value::Null);
    }
    Ok(match column.kind {
        ColumnKind::TinyInt | ColumnKind::SmallInt | ColumnKind::MediumInt | ColumnKind::Int | ColumnKind::BigInt => {
            integer(column, value)?
        }
        ColumnKind::Float => {
            let number = real(column, checked, value, is_old)?;
            let float = number as f32;
            if float.is_infinite() {
                return Err(Refusal::OutOfRange);
            }
            Value::Float(float)
        }
        ColumnKind::Double => Value::Double(real(column, checked, value, is_old)?),
        ColumnKind::Decimal { scale, .. } => {
            *made = decimal(value, scale)?.into_bytes();
            if column.is_unsigned && made.starts_with(b"-") && !is_old {
                return Err(Refusal::OutOfRange);
            }
            Value::Bytes(made)
        }
        ColumnKind::Bit { bits } => bit(value, bits)?,
        ColumnKind::Year => match value {
            ValueRef::Integer(0) => Value::Year(0),
            ValueRef::Integer(year @ 1901..=2155) => Value::Year(year as u16),
            ValueRef::Integer(_) => return Err(Refusal::OutOfRange),
            _ => return Err(Refusal::Incorrect),
        },
        ColumnKind::Date => Value::Date(temporal(value, parse_date)?),
        ColumnKind::Time { digits } => Value::Time(temporal(value, |text| parse_time(text, digits))?),
        ColumnKind::DateTime { digits } => Value::DateTime(temporal(value, |text| parse_datetime(text, digits))?),
        ColumnKind::Timestamp { digits } => {
            let at = temporal(value, |text| parse_datetime(text, digits))?;
            Value::Timestamp(timestamp(at).ok_or(Refusal::OutOfRange)?)
        }
        ColumnKind::Enum { .. } => {
            let text = text_of(value, made)?;
            let index = member(&column.members, text).ok_or(Refusal::Truncated)?;
            Value::Enum(u16::try_from(index + 1).map_err(|_| Refusal::Truncated)?)
        }
        ColumnKind::Set { .. } => {
            let text = text_of(value, made)?;
            let mut set = 0;
            for part in text.split(|byte| *byte == b',').filter(|_| !text.is_empty()) {
                let index = member(&column.members, part).ok_or(Refusal::Truncated)?;
                set |= 1u64.checked_shl(index as u32).ok_or(Refusal::Truncated)?;
            }
            Value::Set(set)
        }
        ColumnKind::Char { bytes: UUID } if checked.declared.name() == "UUID" => {
            *made = uuids::bytes(text_of(value, &mut Vec::new())?).ok_or(Refusal::Incorrect)?;
            Value::Bytes(without_end(made, 0))
        }
        ColumnKind::Char { .. } => {
            let end = if checked.charset.is_some() { b' ' } else { 0 };
            let value = match value {
                ValueRef::Text(bytes) => ValueRef::Text(without_end(bytes, end)),
                other => other,
            };
            Value::Bytes(without_end(checked.text(value, is_old, made)?, end))
        }
        ColumnKind::Json { .. } => {
            let mut text = Vec::new();
            let text = std::str::from_utf8(text_of(value, &mut text)?).map_err(|_| Refusal::InvalidJson)?;
            json::from_text(text, made).map_err(|_| Refusal::InvalidJson)?;
            Value::Json(made)
        }
        ColumnKind::Geometry { .. } => {
            let bytes = checked.text(value, is_old, made)?;
            if !is_old {
                geometry::check(bytes, checked.declared.name()).map_err(Refusal::Geometry)?;
            }
            Value::Bytes(bytes)
        }
        _ => Value::Bytes(checked.text(value, is_old, made)?),
    })
}

impl Checked {
    /// A text or bytes of the column's length.
    fn text<'v>(&self, value: ValueRef<'v>, is_old: bool, made: &'v mut Vec<u8>) -> Result<&'v [u8], Refusal> {
        let Some(charset) = self.charset else {
            let bytes = text_of(value, made)?;
            return if bytes.len() > self.longest as usize { Err(Refusal::TooLong) } else { Ok(bytes) };
        };
        if let (ValueRef::Blob(bytes), TextCharset::Latin1, false) = (value, charset, is_ascii(value)) {
            // MySQL takes bytes without a character set for those of the column's. Here those that are UTF-8, too, are another text.
            if std::str::from_utf8(bytes).is_err() {
                return if bytes.len() > self.longest as usize { Err(Refusal::TooLong) } else { Ok(bytes) };
            }
            if !is_old {
                return Err(Refusal::NoCharset);
            }
        }
        let encoded = {
            let text = std::str::from_utf8(text_of(value, made)?).map_err(|_| Refusal::Incorrect)?;
            let encoded = charset.encode(text).ok_or(Refusal::Incorrect)?;
            // TEXT and its kinds count bytes.
            let is_counted = matches!(self.declared.name(), "CHAR" | "VARCHAR" | "ENUM" | "SET" | "UUID");
            let length = if is_counted { text.chars().count() } else { encoded.len() };
            if length > self.longest as usize {
                return Err(Refusal::TooLong);
            }
            match encoded {
                Cow::Borrowed(_) => None,
                Cow::Owned(bytes) => Some(bytes),
            }
        };
        match encoded {
            None => text_of(value, made),
            Some(bytes) => {
                *made = bytes;
                Ok(made)
            }
        }
    }
}

/// Whether a value has no byte above 127.
fn is_ascii(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Text(bytes) | ValueRef::Blob(bytes) if bytes.is_ascii())
}

fn text_of<'v>(value: ValueRef<'v>, made: &'v mut Vec<u8>) -> Result<&'v [u8], Refusal> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => return Ok(bytes),
        ValueRef::Integer(number) => *made = number.to_string().into_bytes(),
        ValueRef::Real(number) => *made = number.to_string().into_bytes(),
        ValueRef::Null => {}
    }
    Ok(made)
}

/// The place of the member that a text names: exactly, or else in another letter case.
fn member(members: &[String], text: &[u8]) -> Option<usize> {
    let exactly = members.iter().position(|member| member.as_bytes() == text);
    exactly.or_else(|| members.iter().position(|member| same_text(member, text)))
}

/// Members of ENUM and SET compare without regard to case and spaces at the end, as their collation does.
fn same_text(member: &str, text: &[u8]) -> bool {
    let text = without_end(text, b' ');
    std::str::from_utf8(text).is_ok_and(|text| member == text || member.to_lowercase() == text.to_lowercase())
}

pub(super) fn without_end(mut bytes: &[u8], end: u8) -> &[u8] {
    while let Some((last, front)) = bytes.split_last()
        && *last == end
    {
        bytes = front;
    }
    bytes
}

fn integer(column: &LoggedColumn, value: ValueRef<'_>) -> Result<Value<'static>, Refusal> {
    let number = match value {
        ValueRef::Integer(number) => i128::from(number),
        // SQLite keeps integers from 2^63 on as real numbers.
        ValueRef::Real(number) if number.abs() < 1e19 => number.round() as i128,
        ValueRef::Real(_) => return Err(Refusal::OutOfRange),
        _ => return Err(Refusal::Incorrect),
    };
    let bits = match column.kind {
        ColumnKind::TinyInt => 8,
        ColumnKind::SmallInt => 16,
        ColumnKind::MediumInt => 24,
        ColumnKind::Int => 32,
        _ => 64,
    };
    let range =
        if column.is_unsigned { 0..=(1i128 << bits) - 1 } else { -(1i128 << (bits - 1))..=(1i128 << (bits - 1)) - 1 };
    if !range.contains(&number) {
        return Err(Refusal::OutOfRange);
    }
    Ok(if column.is_unsigned {
        Value::UInt(u64::try_from(number).map_err(|_| Refusal::OutOfRange)?)
    } else {
        Value::Int(i64::try_from(number).map_err(|_| Refusal::OutOfRange)?)
    })
}

fn real(column: &LoggedColumn, checked: &Checked, value: ValueRef<'_>, is_old: bool) -> Result<f64, Refusal> {
    let number = match value {
        ValueRef::Integer(number) => number as f64,
        ValueRef::Real(number) => number,
        _ => return Err(Refusal::Incorrect),
    };
    if !number.is_finite() || (column.is_unsigned && number < 0.0 && !is_old) {
        return Err(Refusal::OutOfRange);
    }
    let &[digits, decimals] = checked.declared.arguments() else { return Ok(number) };
    // As MySQL rounds DOUBLE(M,D): the fraction alone, to the even digit.
    let scale = 10f64.powi(decimals.cast_signed());
    let rounded = number.floor() + ((number - number.floor()) * scale).round_ties_even() / scale;
    let most = 10f64.powi(digits.cast_signed() - decimals.cast_signed()) - 1.0 / scale;
    if rounded.abs() > most && !is_old { Err(Refusal::OutOfRange) } else { Ok(rounded) }
}

/// A number with so many decimals, as text. A real number counts as the decimal one that it was made of.
fn decimal(value: ValueRef<'_>, scale: u8) -> Result<String, Refusal> {
    match value {
        ValueRef::Integer(number) => Ok(number.to_string()),
        ValueRef::Real(number) if !number.is_finite() => Err(Refusal::OutOfRange),
        ValueRef::Real(number) => Ok(rounded(&number.to_string(), scale.into())),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Refusal::Incorrect),
        _ => Err(Refusal::Incorrect),
    }
}

/// A decimal number with at most so many decimals; a half is rounded away from 0.
fn rounded(text: &str, scale: usize) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Some((kept, lost)) = fraction.split_at_checked(scale).filter(|(_, lost)| !lost.is_empty()) else {
        return text.to_owned();
    };
    let mut digits = [whole, kept].concat().into_bytes();
    if lost >= "5" {
        // The digits behind the last one that is not 9 become 0, and that one is the next.
        let mut carries = true;
        for digit in digits.iter_mut().rev().filter(|digit| digit.is_ascii_digit()) {
            carries = *digit == b'9';
            *digit = if carries { b'0' } else { *digit + 1 };
            if !carries {
                break;
            }
        }
        if carries {
            digits.insert(usize::from(whole.starts_with('-')), b'1');
        }
    }
    let point = digits.len() - kept.len();
    if scale > 0 {
        digits.insert(point, b'.');
    }
    // There is no -0.
    if digits.starts_with(b"-") && digits.iter().all(|digit| matches!(digit, b'-' | b'0' | b'.')) {
        digits.remove(0);
    }
    String::from_utf8(digits).unwrap_or_default()
}

fn bit(value: ValueRef<'_>, bits: u8) -> Result<Value<'static>, Refusal> {
    let number = match value {
        ValueRef::Integer(number) if number < 0 && bits < 64 => return Err(Refusal::TooLong),
        ValueRef::Integer(number) => number.cast_unsigned(),
        ValueRef::Real(number) if (0.0..9e18).contains(&number) => number.round() as u64,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) if bytes.len() <= 8 => {
            bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
        }
        _ => return Err(Refusal::TooLong),
    };
    if bits < 64 && number >> bits != 0 { Err(Refusal::TooLong) } else { Ok(Value::Bit(number)) }
}

fn temporal<T>(value: ValueRef<'_>, parse: impl FnOnce(&str) -> Result<T, Refusal>) -> Result<T, Refusal> {
    let ValueRef::Text(bytes) = value else { return Err(Refusal::Incorrect) };
    parse(std::str::from_utf8(bytes).map_err(|_| Refusal::Incorrect)?)
}

/// A number of digits alone.
fn number<N: TryFrom<u32>>(text: &str) -> Result<N, Refusal> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if is_number { text.parse::<u32>().ok() } else { None };
    number.and_then(|number| N::try_from(number).ok()).ok_or(Refusal::Incorrect)
}

fn parse_date(text: &str) -> Result<Date, Refusal> {
    let mut parts = text.splitn(3, '-');
    let mut part = || parts.next().unwrap_or_default();
    let year = part();
    if year.len() != 4 {
        // MySQL takes two digits for a year near 2000; stored as they are, they would be one near 0.
        return Err(Refusal::Incorrect);
    }
    let date = Date { year: number(year)?, month: number(part())?, day: number(part())? };
    // Days of months are as MySQL has them: 0 stands for an unknown part.
    let days = match date.month {
        2 if date.year.is_multiple_of(4) && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if date.year > 9999 || date.month > 12 || date.day > days { Err(Refusal::Incorrect) } else { Ok(date) }
}

/// The microseconds of a fraction, all of whose digits beyond `digits` must be 0.
fn micros(text: &str, digits: u8) -> Result<u32, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::Incorrect);
    }
    let (kept, lost) = text.split_at_checked(usize::from(digits)).unwrap_or((text, ""));
    if lost.bytes().any(|byte| byte != b'0') {
        return Err(Refusal::Truncated);
    }
    number(&format!("{kept:0<6}"))
}

fn parse_datetime(text: &str, digits: u8) -> Result<DateTime, Refusal> {
    let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let date = parse_date(date)?;
    let clock = parse_time(clock, digits)?;
    if clock.negative || clock.hours > 23 {
        return Err(Refusal::Incorrect);
    }
    Ok(DateTime {
        year: date.year,
        month: date.month,
        day: date.day,
        hour: clock.hours as u8,
        minute: clock.minutes,
        second: clock.seconds,
        micros: clock.micros,
        digits,
    })
}

fn parse_time(text: &str, digits: u8) -> Result<Time, Refusal> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.split(':');
    let hours = number(parts.next().unwrap_or_default())?;
    let minutes = number(parts.next().ok_or(Refusal::Incorrect)?)?;
    let seconds = parts.next().map_or(Ok(0), number)?;
    let micros = fraction.map_or(Ok(0), |fraction| micros(fraction, digits))?;
    if hours > 838 || minutes > 59 || seconds > 59 || parts.next().is_some() {
        return Err(Refusal::Incorrect);
    }
    Ok(Time { negative, hours, minutes, seconds, micros, digits })
}

/// A time of this server's time zone, which is UTC, in seconds since 1970.
fn timestamp(at: DateTime) -> Option<Timestamp> {
    let is_zero = (at.year, at.month, at.day, at.hour, at.minute, at.second, at.micros) == (0, 0, 0, 0, 0, 0, 0);
    if is_zero {
        return Some(Timestamp { seconds: 0, micros: 0, digits: at.digits });
    }
    let days = super::time::days_from_civil(at.year.into(), at.month.into(), at.day.into());
    let seconds = ((days * 24 + i64::from(at.hour)) * 60 + i64::from(at.minute)) * 60 + i64::from(at.second);
    // MySQL's TIMESTAMP ends with 31 bits.
    let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0 && *seconds <= 0x7fff_ffff)?;
    (at.month > 0 && at.day > 0).then_some(Timestamp { seconds, micros: at.micros, digits: at.digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_binary_in_a_log_of_mysqls() {
        let (column, checked) = column("c".to_owned(), "TEXT JSON", None, TextCharset::Utf8mb4, true, Flavour::MySql);
        let add = |text: &'static str| {
            add(&mut Image::default(), &column, &checked, ValueRef::Text(text.as_bytes()), (1, false))
                .map(drop)
                .map_err(|error| error.code)
        };
        assert_eq!(add(r#"{"a": [1, null, "x", 1.5e3]}"#), Ok(()));
        assert_eq!(add("{a}"), Err(3140));
    }

    fn check(declared: &str, value: ValueRef<'_>) -> Result<(), u16> {
        check_in(TextCharset::Utf8mb4, declared, value)
    }

    fn check_in(charset: TextCharset, declared: &str, value: ValueRef<'_>) -> Result<(), u16> {
        let annotated = Some(declared).filter(|declared| declared.contains('\''));
        let (column, checked) = column("c".to_owned(), declared, annotated, charset, true, Flavour::MariaDb);
        add(&mut Image::default(), &column, &checked, value, (1, false)).map(drop).map_err(|error| error.code)
    }

    #[test]
    fn a_character_that_the_set_lacks_is_refused() {
        use TextCharset::{Ascii, Latin1, Utf8mb3};
        for (charset, declared, text, expected) in [
            (Latin1, "VARCHAR(3)", "äé€", Ok(())),
            (Latin1, "VARCHAR(3)", "ж", Err(1366)),
            (Latin1, "VARCHAR(3)", "äéüx", Err(1406)),
            (Ascii, "TEXT", "ä", Err(1366)),
            (Utf8mb3, "CHAR(3)", "ж€a", Ok(())),
            (Utf8mb3, "CHAR(3)", "😀", Err(1366)),
            (Latin1, "enum('ж')", "ж", Ok(())),
        ] {
            assert_eq!(check_in(charset, declared, ValueRef::Text(text.as_bytes())), expected, "{charset:?} {text}");
        }
    }

    #[test]
    fn bytes_that_could_be_another_text_go_into_no_column_of_latin1() {
        let latin1 = TextCharset::Latin1;
        assert_eq!(check_in(latin1, "CHAR(3)", ValueRef::Blob(b"a\xe9")), Ok(()));
        assert_eq!(check_in(latin1, "CHAR(3)", ValueRef::Blob(b"\xc3\xa4")), Err(1366));
        assert_eq!(check_in(latin1, "CHAR(3)", ValueRef::Blob(b"abcd")), Err(1406));
        assert_eq!(check("CHAR(3)", ValueRef::Blob(b"\xe9")), Err(1366));
    }

    #[test]
    fn a_value_that_the_type_can_not_hold_is_refused() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        for (declared, value, expected) in [
            ("TINYINT", ValueRef::Integer(127), Ok(())),
            ("TINYINT", ValueRef::Integer(128), Err(1264)),
            ("TINYINT UNSIGNED", ValueRef::Integer(255), Ok(())),
            ("TINYINT UNSIGNED", ValueRef::Integer(-1), Err(1264)),
            ("INT", text("abc"), Err(1366)),
            ("INT", ValueRef::Real(1.5), Ok(())),
            ("TINYINT", ValueRef::Real(127.5), Err(1264)),
            ("FLOAT(5,2)", ValueRef::Real(999.995), Err(1264)),
            ("DOUBLE UNSIGNED", ValueRef::Real(-0.5), Err(1264)),
            ("BIGINT UNSIGNED", ValueRef::Real(9_223_372_036_854_775_808.0), Ok(())),
            ("BIGINT UNSIGNED", ValueRef::Real(18_446_744_073_709_551_616.0), Err(1264)),
            ("DECIMAL(5,2)", ValueRef::Real(123.45), Ok(())),
            ("DECIMAL(5,2)", ValueRef::Real(0.1 + 0.2), Ok(())),
            ("DECIMAL(5,2)", ValueRef::Real(999.995), Err(1264)),
            ("DECIMAL(5,2)", ValueRef::Integer(1000), Err(1264)),
            ("DECIMAL(5,2)", text("x"), Err(1264)),
            ("FLOAT", ValueRef::Real(1e300), Err(1264)),
            ("VARCHAR(3)", text("abc"), Ok(())),
            ("VARCHAR(3)", text("äöü"), Ok(())),
            ("VARCHAR(3)", text("abcd"), Err(1406)),
            ("CHAR(3)", text("abc  "), Ok(())),
            ("VARCHAR(3)", ValueRef::Blob(b"\xff"), Err(1366)),
            ("TINYBLOB", ValueRef::Blob(&[0; 256]), Err(1406)),
            ("BLOB VARBINARY(2)", ValueRef::Blob(b"abc"), Err(1406)),
            ("TEXT DATE", text("2024-02-29"), Ok(())),
            ("TEXT DATE", text("2023-02-29"), Err(1292)),
            ("TEXT DATE", text("0000-00-00"), Ok(())),
            ("TEXT DATE", text("20-01-01"), Err(1292)),
            ("TEXT DATE", ValueRef::Integer(20_240_101), Err(1292)),
            ("TEXT DATETIME", text("2024-02-29 12:00:00"), Ok(())),
            ("TEXT DATETIME", text("2024-02-29 12:00:00.5"), Err(1265)),
            ("TEXT DATETIME(3)", text("2024-02-29 12:00:00.500000"), Ok(())),
            ("TEXT DATETIME", text("2024-02-29 24:00:00"), Err(1292)),
            ("TEXT TIME", text("-838:59:59"), Ok(())),
            ("TEXT TIME", text("839:00:00"), Err(1292)),
            ("TEXT TIMESTAMP", text("1960-01-01 00:00:00"), Err(1264)),
            ("TEXT TIMESTAMP", text("2038-01-19 03:14:07"), Ok(())),
            ("YEAR", ValueRef::Integer(1900), Err(1264)),
            ("BLOB BIT(3)", ValueRef::Integer(7), Ok(())),
            ("BLOB BIT(3)", ValueRef::Integer(8), Err(1406)),
            ("enum('a','b')", text("B"), Ok(())),
            ("enum('a','b')", text("c"), Err(1265)),
            ("set('a','b')", text("b,a"), Ok(())),
            ("set('a','b')", text("a,c"), Err(1265)),
            ("UUID", text("123e4567-e89b-12d3-a456-426614174000"), Ok(())),
            ("UUID", text("123"), Err(1366)),
            ("INT", ValueRef::Null, Ok(())),
        ] {
            assert_eq!(check(declared, value), expected, "{declared} {value:?}");
        }
    }
}
