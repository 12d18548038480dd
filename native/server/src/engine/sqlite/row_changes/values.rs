//! Values of a source's log as SQLite stores them, which is as a statement with the same literals would.

use std::borrow::Cow;

use rusqlite::Statement;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use sealwire_binlog::{Column, ColumnKind, Inflate, Value, json};
use sealwire_core::error::SqlError;

use super::super::stored_values::shortest;
use super::super::uuids;
use super::target::TargetColumn;
use crate::sql::charset::{Charset, of_collation};

/// A value to bind.
pub(super) enum Bound<'v> {
    Null,
    Int(i64),
    Real(f64),
    Text(Cow<'v, str>),
    Bytes(Cow<'v, [u8]>),
}

impl Bound<'_> {
    /// Binds the value to a parameter, the first of which is 1.
    pub(super) fn bind(&self, statement: &mut Statement<'_>, place: usize) -> rusqlite::Result<()> {
        match self {
            Bound::Null => statement.raw_bind_parameter(place, Null),
            Bound::Int(number) => statement.raw_bind_parameter(place, number),
            Bound::Real(number) => statement.raw_bind_parameter(place, number),
            Bound::Text(text) => {
                statement.raw_bind_parameter(place, ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())))
            }
            Bound::Bytes(bytes) => statement.raw_bind_parameter(place, ToSqlOutput::Borrowed(ValueRef::Blob(bytes))),
        }
    }
}

/// The bytes of a source's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Latin1,
    Bytes,
    /// The log does not say it.
    Unknown,
    /// A character set that this server lacks, as a collation's number.
    Other(u32),
}

impl Encoding {
    fn of(collation: Option<u32>) -> Self {
        let Some(number) = collation else { return Self::Unknown };
        match u16::try_from(number).map_err(|_| ()).and_then(|number| of_collation(number).map_err(|_| ())) {
            Ok(("latin1", _)) => Self::Latin1,
            Ok(("binary", _)) => Self::Bytes,
            Ok(_) => Self::Utf8,
            Err(()) => Self::Other(number),
        }
    }
}

/// How the values of a column become values of SQLite.
pub(super) struct Conversion {
    name: String,
    from: ColumnKind,
    is_unsigned: bool,
    /// Whether the log says whether numbers are unsigned.
    knows_sign: bool,
    encoding: Encoding,
    is_text: bool,
    is_uuid: bool,
    fixed_bytes: Option<usize>,
    /// The members of an ENUM or SET: the source's where the log has them, else this server's.
    members: Vec<String>,
}

impl Conversion {
    /// The conversion from the source's column; `None` where values could be lost.
    pub(super) fn new(from: &Column, members: Option<Vec<Vec<u8>>>, to: &TargetColumn) -> Option<Self> {
        let encoding = Encoding::of(from.collation);
        let decoded = |member: &Vec<u8>| match encoding {
            Encoding::Latin1 => Charset::Latin1.decode(member).map(Cow::into_owned),
            _ => String::from_utf8(member.clone()).ok(),
        };
        let members = members.and_then(|members| members.iter().map(decoded).collect::<Option<Vec<String>>>());
        let all = Self {
            name: to.name.clone(),
            from: from.kind,
            is_unsigned: from.unsigned.unwrap_or(to.is_unsigned),
            knows_sign: from.unsigned.is_some(),
            encoding,
            is_text: to.is_text,
            is_uuid: to.is_uuid,
            fixed_bytes: to.fixed_bytes,
            members: members.unwrap_or_else(|| to.members.clone()),
        };
        fits(from.kind, to, &all).then_some(all)
    }

    /// Whether the source's values are documents of MySQL's, of which it may log changes to parts.
    pub(super) const fn is_json(&self) -> bool {
        matches!(self.from, ColumnKind::Json { .. })
    }

    /// The value as SQLite stores it.
    ///
    /// # Errors
    /// 1265, 1366, 3140 and 1235 where the column can't hold it.
    pub(super) fn convert<'v>(&self, value: Value<'v>) -> Result<Bound<'v>, SqlError> {
        Ok(match value {
            Value::Null => Bound::Null,
            Value::Int(number) if number < 0 && !self.knows_sign && self.is_unsigned => {
                unsigned(number.cast_unsigned() & mask(self.from))
            }
            Value::Int(number) => Bound::Int(number),
            Value::UInt(number) => unsigned(number),
            Value::Float(number) if number.is_finite() => Bound::Real(shortest(number)),
            Value::Double(number) if number.is_finite() => Bound::Real(number),
            Value::Float(_) | Value::Double(_) => return Err(self.incorrect("double", "which is not a number")),
            Value::Decimal(number) => Bound::Text(number.to_string().into()),
            Value::Bit(bits) => match i64::try_from(bits) {
                Ok(number) => Bound::Int(number),
                Err(_) => Bound::Bytes(bits.to_be_bytes().to_vec().into()),
            },
            Value::Year(year) => Bound::Int(year.into()),
            Value::Date(date) => Bound::Text(date.to_string().into()),
            Value::Time(time) => Bound::Text(time.to_string().into()),
            Value::DateTime(at) => Bound::Text(at.to_string().into()),
            Value::Timestamp(at) => Bound::Text(at.to_utc().to_string().into()),
            Value::Bytes(bytes) => self.bytes(Cow::Borrowed(bytes))?,
            Value::Compressed(stored) => {
                let plain = Inflate::default().column(stored);
                self.bytes(plain.map_err(|_| self.incorrect("string", "whose compression is invalid"))?)?
            }
            Value::Json(document) => {
                let mut text = String::new();
                json::to_text(document, &mut text).map_err(|_| {
                    SqlError::new(3140, b"22032", format!("Invalid JSON text in the log for column '{}'", self.name))
                })?;
                Bound::Text(text.into())
            }
            // The statement changes the stored document by them: see [`super::json_patch`].
            Value::JsonDiff(changes) => Bound::Bytes(changes.into()),
            Value::Enum(0) => Bound::Text("".into()),
            Value::Enum(number) => {
                let member = self.members.get(usize::from(number) - 1).ok_or_else(|| self.truncated())?;
                Bound::Text(member.clone().into())
            }
            Value::Set(bits) => {
                let mut text = String::new();
                for number in (0..u64::BITS).filter(|number| bits >> number & 1 == 1) {
                    let member = self.members.get(number as usize).ok_or_else(|| self.truncated())?;
                    if bits & ((1 << number) - 1) != 0 {
                        text.push(',');
                    }
                    text.push_str(member);
                }
                Bound::Text(text.into())
            }
        })
    }

    /// A text or bytes.
    fn bytes<'v>(&self, bytes: Cow<'v, [u8]>) -> Result<Bound<'v>, SqlError> {
        if self.is_uuid && matches!(self.from, ColumnKind::Char { bytes: 16 }) {
            let text = uuids::text(&bytes).ok_or_else(|| self.incorrect("uuid", "which is too long"))?;
            return Ok(Bound::Text(text.into()));
        }
        if !self.is_text {
            let missing = self.fixed_bytes.unwrap_or(0).saturating_sub(bytes.len());
            // The log has BINARY without the zeros at its end.
            let padded = || [&bytes, vec![0; missing].as_slice()].concat();
            return Ok(Bound::Bytes(if missing > 0 { padded().into() } else { bytes }));
        }
        if self.encoding == Encoding::Latin1 {
            let text = Charset::Latin1.decode(&bytes).map(Cow::into_owned);
            return text.map(|text| Bound::Text(text.into())).ok_or_else(|| self.not_text());
        }
        if let Encoding::Other(number) = self.encoding {
            if bytes.is_ascii() && !is_wide(number) {
                return self.utf8(bytes);
            }
            let message = format!(
                "This version of Sealwire doesn't yet support the character set of the collation {number}, which column '{}' has at the source: convert the column to utf8mb4",
                self.name
            );
            return Err(SqlError::new(1235, b"42000", message));
        }
        self.utf8(bytes)
    }

    fn utf8<'v>(&self, bytes: Cow<'v, [u8]>) -> Result<Bound<'v>, SqlError> {
        let text = match bytes {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).ok(),
            Cow::Owned(bytes) => String::from_utf8(bytes).map(Cow::Owned).ok(),
        };
        text.map(Bound::Text).ok_or_else(|| self.not_text())
    }

    fn not_text(&self) -> SqlError {
        let way = if self.encoding == Encoding::Unknown {
            "which is not UTF-8, and the log does not say the character set: set binlog_row_metadata=FULL at the source"
        } else {
            "which is not UTF-8"
        };
        self.incorrect("string", way)
    }

    fn incorrect(&self, kind: &str, reason: &str) -> SqlError {
        SqlError::new(
            1366,
            b"HY000",
            format!("Incorrect {kind} value in the log, {reason}, for column '{}'", self.name),
        )
    }

    fn truncated(&self) -> SqlError {
        let message = format!("Data truncated for column '{}': it has fewer members than at the source", self.name);
        SqlError::new(1265, b"01000", message)
    }
}

/// Whether the characters of a collation's set have two bytes at least: ucs2, utf16, utf32 and utf16le.
const fn is_wide(collation: u32) -> bool {
    matches!(collation, 35 | 54..=56 | 60..=62 | 90 | 101..=124 | 128..=151 | 159..=183)
}

/// SQLite's integers end at 2^63 - 1.
fn unsigned(number: u64) -> Bound<'static> {
    i64::try_from(number).map_or(Bound::Real(number as f64), Bound::Int)
}

const fn bits_of(kind: ColumnKind) -> Option<u32> {
    Some(match kind {
        ColumnKind::TinyInt => 8,
        ColumnKind::SmallInt => 16,
        ColumnKind::MediumInt => 24,
        ColumnKind::Int => 32,
        ColumnKind::BigInt => 64,
        _ => return None,
    })
}

fn mask(kind: ColumnKind) -> u64 {
    u64::MAX >> (u64::BITS - bits_of(kind).unwrap_or(u64::BITS))
}

/// The limits of the numbers that are the same FLOAT.
pub(super) fn neighbours(number: f32) -> (f64, f64) {
    let middle = |other: f32| f64::midpoint(f64::from(number), f64::from(other));
    (middle(number.next_down()), middle(number.next_up()))
}

/// Whether a column can hold all values of the source's. Integers may become longer, and so may texts; nothing else changes its kind.
fn fits(from: ColumnKind, to: &TargetColumn, conversion: &Conversion) -> bool {
    use ColumnKind as Kind;
    if let (Some(own), Some(needed)) = (bits_of(to.kind), bits_of(from)) {
        return own >= needed;
    }
    match (from, to.kind) {
        (Kind::Float, Kind::Float | Kind::Double)
        | (Kind::Double, Kind::Double)
        | (Kind::Year, Kind::Year)
        | (Kind::Date, Kind::Date)
        | (Kind::OldTime, Kind::Time { .. })
        | (Kind::OldDateTime, Kind::DateTime { .. })
        | (Kind::OldTimestamp, Kind::Timestamp { .. })
        | (Kind::Geometry { .. }, Kind::Geometry { .. })
        | (Kind::Json { .. }, Kind::Json { .. } | Kind::Blob { .. })
        | (Kind::Enum { .. }, Kind::Enum { .. })
        | (Kind::Set { .. }, Kind::Set { .. })
        | (Kind::Null, _) => true,
        (Kind::Enum { .. } | Kind::Set { .. }, Kind::VarChar { .. }) => !conversion.members.is_empty(),
        (Kind::Decimal { precision, scale }, Kind::Decimal { precision: own, scale: own_scale }) => {
            own_scale >= scale && own.saturating_sub(own_scale) >= precision.saturating_sub(scale)
        }
        (Kind::Bit { bits }, Kind::Bit { bits: own }) => own >= bits,
        (Kind::Time { digits }, Kind::Time { digits: own })
        | (Kind::DateTime { digits }, Kind::DateTime { digits: own })
        | (Kind::Timestamp { digits }, Kind::Timestamp { digits: own }) => own >= digits,
        (Kind::Char { bytes: 16 }, Kind::VarChar { .. }) if to.is_uuid => true,
        (Kind::Char { bytes } | Kind::VarChar { bytes }, Kind::Char { bytes: own } | Kind::VarChar { bytes: own }) => {
            own >= bytes
        }
        (
            Kind::Char { .. }
            | Kind::VarChar { .. }
            | Kind::CompressedVarChar { .. }
            | Kind::Blob { .. }
            | Kind::CompressedBlob { .. },
            Kind::Char { .. } | Kind::VarChar { .. } | Kind::Blob { .. } | Kind::Json { .. },
        ) => true,
        _ => false,
    }
}

/// A type of the log, for errors.
pub(super) fn type_text(kind: ColumnKind) -> String {
    use ColumnKind as Kind;
    let digits = |name: &str, digits: u8| if digits > 0 { format!("{name}({digits})") } else { name.to_owned() };
    match kind {
        Kind::TinyInt => "tinyint".to_owned(),
        Kind::SmallInt => "smallint".to_owned(),
        Kind::MediumInt => "mediumint".to_owned(),
        Kind::Int => "int".to_owned(),
        Kind::BigInt => "bigint".to_owned(),
        Kind::Year => "year".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Double => "double".to_owned(),
        Kind::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        Kind::Bit { bits } => format!("bit({bits})"),
        Kind::Date => "date".to_owned(),
        Kind::Time { digits: own } => digits("time", own),
        Kind::DateTime { digits: own } => digits("datetime", own),
        Kind::Timestamp { digits: own } => digits("timestamp", own),
        Kind::OldTime => "time".to_owned(),
        Kind::OldDateTime => "datetime".to_owned(),
        Kind::OldTimestamp => "timestamp".to_owned(),
        Kind::Char { bytes } => format!("char({bytes}(bytes))"),
        Kind::VarChar { bytes } => format!("varchar({bytes}(bytes))"),
        Kind::CompressedVarChar { bytes } => format!("varchar({bytes}(bytes)) compressed"),
        Kind::Blob { length_bytes } => match length_bytes {
            1 => "tinyblob".to_owned(),
            2 => "blob".to_owned(),
            3 => "mediumblob".to_owned(),
            _ => "longblob".to_owned(),
        },
        Kind::CompressedBlob { .. } => "blob compressed".to_owned(),
        Kind::Json { .. } => "json".to_owned(),
        Kind::Geometry { .. } => "geometry".to_owned(),
        Kind::Vector { .. } => "vector".to_owned(),
        Kind::TypedArray => "array".to_owned(),
        Kind::Enum { .. } => "enum".to_owned(),
        Kind::Set { .. } => "set".to_owned(),
        Kind::Null => "null".to_owned(),
        Kind::Unknown(number) => format!("type {number}"),
    }
}
