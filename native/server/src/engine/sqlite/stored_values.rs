//! The form in which SQLite stores a value, where a statement wrote it in another: `Small` for an ENUM's `small`, the members of a SET in their
//! order, CHAR without the spaces at its end, a FLOAT's own number, a number's digits in a column of bytes. Replicas get the value of the column's type from the log, so this server
//! stores the same one.

use std::borrow::Cow;

use rusqlite::types::{Value as Stored, ValueRef};
use sealwire_binlog::{ColumnKind, Value};

use super::uuids;
use crate::replication::{BINARY, LoggedColumn};

/// The part of a column's type that its kind in the log does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing more.
    Plain,
    /// BINARY, whose values have all this many bytes.
    Padded(usize),
    /// UUID.
    Uuid,
}

/// Whether a column has some values in another form than statements write them.
pub(super) fn has_form(column: &LoggedColumn) -> bool {
    match column.kind {
        // SQLite itself makes texts of the numbers in columns of texts.
        ColumnKind::VarChar { .. } | ColumnKind::Blob { .. } => column.collation == BINARY,
        ColumnKind::Json { .. } | ColumnKind::Geometry { .. } | ColumnKind::Year => false,
        _ => true,
    }
}

/// The value that SQLite has in the place of the one that was written; `None` where it is the same.
pub(super) fn stored(column: &LoggedColumn, form: Form, written: ValueRef<'_>, logged: Value<'_>) -> Option<Stored> {
    let text = |own: Cow<'_, str>| match written {
        ValueRef::Text(bytes) if bytes == own.as_bytes() => None,
        _ => Some(Stored::Text(own.into_owned())),
    };
    let real = |own: f64| match written {
        ValueRef::Real(number) if number.to_bits() == own.to_bits() => None,
        ValueRef::Integer(number) if number as f64 == own => None,
        _ => Some(Stored::Real(own)),
    };
    let integer = |own: i64| match written {
        ValueRef::Integer(number) if number == own => None,
        _ => Some(Stored::Integer(own)),
    };
    match (column.kind, logged) {
        (_, Value::Int(number)) => integer(number),
        (_, Value::UInt(number)) => integer(i64::try_from(number).ok()?),
        (_, Value::Bit(number)) => match (i64::try_from(number), written) {
            (Ok(number), _) => integer(number),
            (Err(_), ValueRef::Blob(_)) => None,
            (Err(_), _) => Some(Stored::Blob(number.to_be_bytes().to_vec())),
        },
        (_, Value::Float(number)) => real(shortest(number)),
        (_, Value::Double(number)) => real(number),
        (ColumnKind::Decimal { .. }, Value::Bytes(digits)) => match written {
            // The sum with 0 is the number without the sign of -0.
            ValueRef::Real(_) => real(std::str::from_utf8(digits).ok()?.parse::<f64>().ok()? + 0.0),
            _ => None,
        },
        (_, Value::Date(date)) => text(date.to_string().into()),
        (_, Value::Time(time)) => text(time.to_string().into()),
        (_, Value::DateTime(at)) => text(at.to_string().into()),
        (_, Value::Timestamp(at)) => text(at.to_utc().to_string().into()),
        (_, Value::Enum(number)) => {
            text(column.members.get(usize::from(number).checked_sub(1)?).map(String::as_str)?.into())
        }
        (_, Value::Set(bits)) => text(of_set(&column.members, bits).into()),
        (ColumnKind::VarChar { .. } | ColumnKind::Blob { .. }, Value::Bytes(bytes)) => match written {
            ValueRef::Integer(_) | ValueRef::Real(_) => text(std::str::from_utf8(bytes).ok()?.into()),
            _ => None,
        },
        (ColumnKind::Char { .. }, Value::Bytes(bytes)) => match (form, written) {
            (Form::Padded(length), ValueRef::Integer(_) | ValueRef::Real(_)) => {
                let mut padded = bytes.to_vec();
                padded.resize(length, 0);
                Some(Stored::Blob(padded))
            }
            (Form::Padded(length), ValueRef::Text(own) | ValueRef::Blob(own)) if own.len() < length => {
                let mut padded = own.to_vec();
                padded.resize(length, 0);
                Some(Stored::Blob(padded))
            }
            (Form::Uuid, _) => text(uuids::text(bytes)?.into()),
            (Form::Plain, ValueRef::Text(own)) if own.ends_with(b" ") => {
                text(std::str::from_utf8(own).ok()?.trim_end_matches(' ').into())
            }
            _ => None,
        },
        _ => None,
    }
}

/// The number that a statement would have stored: the one with the fewest digits that is the same FLOAT.
pub(super) fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

/// The members whose bits are set, in their order.
fn of_set(members: &[String], bits: u64) -> String {
    let is_in = |(number, _): &(usize, &String)| bits.checked_shr(*number as u32).is_some_and(|rest| rest & 1 == 1);
    let all: Vec<&str> = members.iter().enumerate().filter(is_in).map(|(_, member)| member.as_str()).collect();
    all.join(",")
}
