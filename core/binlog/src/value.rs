//! The values in row images.
//!
//! Source: MySQL's sql/log_event.cc, `log_event_print_value`; MariaDB, "Rows Event".

use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::column::ColumnKind;
use crate::decimal::{self, Decimal};
use crate::error::{Problem, Result};
use crate::temporal::{Date, DateTime, Time, Timestamp};

/// One value. Texts and bytes are borrowed from the event; a text is in its column's charset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A signed integer, or one of which the log does not say whether it is unsigned: see [`crate::Column::unsigned`].
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL.
    Decimal(Decimal<'a>),
    /// BIT.
    Bit(u64),
    /// YEAR: 1901 to 2155, or 0.
    Year(u16),
    /// DATE.
    Date(Date),
    /// TIME.
    Time(Time),
    /// DATETIME.
    DateTime(DateTime),
    /// TIMESTAMP.
    Timestamp(Timestamp),
    /// CHAR, VARCHAR, TEXT, BLOB and their kinds. A GEOMETRY is its SRID of four bytes and WKB, a VECTOR floats of four bytes.
    Bytes(&'a [u8]),
    /// A compressed column of MariaDB: see [`crate::Inflate::column`].
    Compressed(&'a [u8]),
    /// JSON in MySQL's binary form: see [`crate::json`].
    Json(&'a [u8]),
    /// The changes to a JSON document: see [`crate::json::diffs`].
    JsonDiff(&'a [u8]),
    /// ENUM: the number of the value, from 1 on; 0 is the empty text of invalid values.
    Enum(u16),
    /// SET: one bit for each value.
    Set(u64),
}

impl<'a> Value<'a> {
    /// Reads a value of a column; `index` is the column's, for the error.
    pub(crate) fn read(reader: &mut Reader<'a>, kind: ColumnKind, unsigned: bool, index: usize) -> Result<Self> {
        let what = "a number";
        Ok(match kind {
            ColumnKind::TinyInt => {
                let value = reader.u8(what)?;
                if unsigned { Self::UInt(u64::from(value)) } else { Self::Int(i64::from(value.cast_signed())) }
            }
            ColumnKind::SmallInt => {
                let value = reader.u16(what)?;
                if unsigned { Self::UInt(u64::from(value)) } else { Self::Int(i64::from(value.cast_signed())) }
            }
            ColumnKind::MediumInt => {
                let value = reader.u24(what)?;
                if unsigned { Self::UInt(u64::from(value)) } else { Self::Int(i64::from((value << 8) as i32 >> 8)) }
            }
            ColumnKind::Int => {
                let value = reader.u32(what)?;
                if unsigned { Self::UInt(u64::from(value)) } else { Self::Int(i64::from(value.cast_signed())) }
            }
            ColumnKind::BigInt => {
                let value = reader.u64(what)?;
                if unsigned { Self::UInt(value) } else { Self::Int(value.cast_signed()) }
            }
            ColumnKind::Year => match reader.u8(what)? {
                0 => Self::Year(0),
                year => Self::Year(1900 + u16::from(year)),
            },
            ColumnKind::Float => Self::Float(f32::from_bits(reader.u32(what)?)),
            ColumnKind::Double => Self::Double(f64::from_bits(reader.u64(what)?)),
            ColumnKind::Decimal { precision, scale } => Self::Decimal(Decimal::read(reader, precision, scale)?),
            ColumnKind::Bit { bits } => {
                let bytes = reader.bytes(usize::from(bits.div_ceil(8)), "a BIT")?;
                Self::Bit(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
            }
            ColumnKind::Date => Self::Date(Date::read(reader)?),
            ColumnKind::Time { digits } => Self::Time(Time::read(reader, digits)?),
            ColumnKind::DateTime { digits } => Self::DateTime(DateTime::read(reader, digits)?),
            ColumnKind::Timestamp { digits } => Self::Timestamp(Timestamp::read(reader, digits)?),
            ColumnKind::OldTime => Self::Time(Time::read_old(reader)?),
            ColumnKind::OldDateTime => Self::DateTime(DateTime::read_old(reader)?),
            ColumnKind::OldTimestamp => Self::Timestamp(Timestamp::read_old(reader)?),
            ColumnKind::Char { bytes } | ColumnKind::VarChar { bytes } => {
                Self::Bytes(counted(reader, length_bytes(bytes))?)
            }
            ColumnKind::CompressedVarChar { bytes } => Self::Compressed(counted(reader, length_bytes(bytes))?),
            ColumnKind::Blob { length_bytes }
            | ColumnKind::Geometry { length_bytes }
            | ColumnKind::Vector { length_bytes } => Self::Bytes(counted(reader, length_bytes)?),
            ColumnKind::CompressedBlob { length_bytes } => Self::Compressed(counted(reader, length_bytes)?),
            ColumnKind::Json { length_bytes } => Self::Json(counted(reader, length_bytes)?),
            ColumnKind::TypedArray => Self::Json(counted(reader, 4)?),
            ColumnKind::Enum { bytes: 1 } => Self::Enum(u16::from(reader.u8("an ENUM")?)),
            ColumnKind::Enum { .. } => Self::Enum(reader.u16("an ENUM")?),
            ColumnKind::Set { bytes } => Self::Set(little_endian(reader, bytes, "a SET")?),
            ColumnKind::Null => Self::Null,
            ColumnKind::Unknown(_) => return Err(Problem::ColumnType(index)),
        })
    }

    /// Appends the value as a column of this kind holds it; `index` is the column's, for the error. NULL has no bytes.
    ///
    /// # Errors
    /// If a column of this kind can't hold the value.
    pub fn encode(&self, kind: ColumnKind, index: usize, out: &mut Vec<u8>) -> Result<()> {
        let fits = match (*self, kind) {
            (Self::Null, _) => true,
            (Self::Int(value), kind) => put_integer(value.into(), kind, out),
            (Self::UInt(value), kind) => put_integer(value.into(), kind, out),
            (Self::Float(value), ColumnKind::Float) => put(&value.to_bits().to_le_bytes(), out),
            (Self::Double(value), ColumnKind::Double) => put(&value.to_bits().to_le_bytes(), out),
            (Self::Decimal(value), ColumnKind::Decimal { precision, scale }) => {
                value.precision() == precision && value.scale() == scale && put(value.bytes(), out)
            }
            // A number as text, which is how most engines keep it.
            (Self::Bytes(text), ColumnKind::Decimal { precision, scale }) => {
                core::str::from_utf8(text).is_ok_and(|text| decimal::encode(text, precision, scale, out))
            }
            (Self::Bit(value), ColumnKind::Bit { bits }) => {
                let bytes = value.to_be_bytes();
                out.put(bytes.get(8 - usize::from(bits.div_ceil(8)).min(8)..).unwrap_or_default());
                bits >= 64 || value >> bits == 0
            }
            (Self::Year(0), ColumnKind::Year) => put(&[0], out),
            (Self::Year(year @ 1901..=2155), ColumnKind::Year) => put(&[(year - 1900) as u8], out),
            (Self::Date(value), ColumnKind::Date) => value.encode(out),
            (Self::Time(value), ColumnKind::Time { digits }) => value.encode(digits, out),
            (Self::DateTime(value), ColumnKind::DateTime { digits }) => value.encode(digits, out),
            (Self::Timestamp(value), ColumnKind::Timestamp { digits }) => value.encode(digits, out),
            (Self::Time(value), ColumnKind::OldTime) => value.encode_old(out),
            (Self::DateTime(value), ColumnKind::OldDateTime) => value.encode_old(out),
            (Self::Timestamp(value), ColumnKind::OldTimestamp) => {
                value.micros == 0 && put(&value.seconds.to_le_bytes(), out)
            }
            (Self::Bytes(value), ColumnKind::Char { bytes } | ColumnKind::VarChar { bytes })
            | (Self::Compressed(value), ColumnKind::CompressedVarChar { bytes }) => {
                value.len() <= usize::from(bytes) && put_counted(value, length_bytes(bytes), out)
            }
            (
                Self::Bytes(value),
                ColumnKind::Blob { length_bytes }
                | ColumnKind::Geometry { length_bytes }
                | ColumnKind::Vector { length_bytes },
            )
            | (Self::Compressed(value), ColumnKind::CompressedBlob { length_bytes })
            | (Self::Json(value), ColumnKind::Json { length_bytes }) => put_counted(value, length_bytes, out),
            (Self::Json(value), ColumnKind::TypedArray) => put_counted(value, 4, out),
            (Self::Enum(value), ColumnKind::Enum { bytes }) => put_little_endian(value.into(), bytes, out),
            (Self::Set(value), ColumnKind::Set { bytes }) => put_little_endian(value, bytes, out),
            _ => false,
        };
        if fits { Ok(()) } else { Err(Problem::Value(index)) }
    }
}

/// The bytes of the length of a text of at most so many bytes.
const fn length_bytes(most: u16) -> u8 {
    if most < 256 { 1 } else { 2 }
}

fn little_endian(reader: &mut Reader<'_>, bytes: u8, what: &'static str) -> Result<u64> {
    let bytes = reader.bytes(usize::from(bytes), what)?;
    Ok(bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// Bytes behind their length of 1 to 4 bytes.
fn counted<'a>(reader: &mut Reader<'a>, length_bytes: u8) -> Result<&'a [u8]> {
    let what = "a text";
    let length = match length_bytes {
        1 => u32::from(reader.u8(what)?),
        2 => u32::from(reader.u16(what)?),
        3 => reader.u24(what)?,
        _ => reader.u32(what)?,
    };
    Ok(reader.bytes(length as usize, what)?)
}

fn put(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    out.put(bytes);
    true
}

fn put_counted(value: &[u8], length_bytes: u8, out: &mut Vec<u8>) -> bool {
    put_little_endian(value.len() as u64, length_bytes, out) && put(value, out)
}

/// Appends an integer of so many bytes, and returns whether it fits.
fn put_little_endian(value: u64, bytes: u8, out: &mut Vec<u8>) -> bool {
    let all = value.to_le_bytes();
    out.put(all.get(..usize::from(bytes)).unwrap_or(&all));
    bytes >= 8 || value >> (8 * bytes) == 0
}

/// Appends an integer, signed or unsigned, of the column's width, and returns whether it fits.
fn put_integer(value: i128, kind: ColumnKind, out: &mut Vec<u8>) -> bool {
    let bytes = match kind {
        ColumnKind::TinyInt => 1,
        ColumnKind::SmallInt => 2,
        ColumnKind::MediumInt => 3,
        ColumnKind::Int => 4,
        ColumnKind::BigInt => 8,
        _ => return false,
    };
    let all = value.to_le_bytes();
    out.put(all.get(..bytes).unwrap_or_default());
    let bits = 8 * bytes as u32;
    (-(1_i128 << (bits - 1))..1_i128 << bits).contains(&value)
}
