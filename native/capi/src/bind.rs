//! The buffers that programs bind to the parameters and columns of a statement.

use std::ffi::{c_int, c_ulong};

use sealwire_core::SqlError;
use sealwire_core::message::{ColumnDefinition, ColumnType, ParamType, Value};

use super::abi::{MyBool, MysqlBind, MysqlTime};
use super::convert;
use super::failure;

/// `MYSQL_TIME::time_type` of a value that is no time.
const TIME_NONE: c_int = -2;

/// The type of a program's buffer; `None` for a number that is no type.
pub(crate) fn buffer_type(bind: &MysqlBind) -> Option<ColumnType> {
    match bind.buffer_type {
        kind @ (0..=13 | 15 | 16 | 245..=255) => u8::try_from(kind).ok().map(ColumnType),
        _ => None,
    }
}

/// The size of a buffer whose type fixes it.
pub(crate) const fn fixed_size(kind: ColumnType) -> Option<usize> {
    match kind {
        ColumnType::TINY => Some(1),
        ColumnType::SHORT | ColumnType::YEAR => Some(2),
        ColumnType::LONG | ColumnType::INT24 | ColumnType::FLOAT => Some(4),
        ColumnType::LONGLONG | ColumnType::DOUBLE => Some(8),
        ColumnType::DATE | ColumnType::TIME | ColumnType::DATETIME | ColumnType::TIMESTAMP => {
            Some(size_of::<MysqlTime>())
        }
        ColumnType::NULL => Some(0),
        _ => None,
    }
}

/// The error for a buffer's type that does not exist.
pub(crate) fn unsupported(bind: &MysqlBind, number: usize) -> SqlError {
    failure::hy000(2036, format!("Using unsupported buffer type: {}  (parameter: {})", bind.buffer_type, number + 1))
}

/// The value of a parameter, and the type in which it is sent.
///
/// # Safety
/// The bind's pointers are NULL or valid for its type and length, and stay as they are while the value is used.
pub(crate) unsafe fn parameter<'v>(bind: &MysqlBind) -> Option<(Value<'v>, ParamType)> {
    let kind = buffer_type(bind)?;
    let unsigned = bind.is_unsigned != 0;
    let param_type = ParamType { column_type: kind, unsigned };
    // SAFETY: the caller promises it.
    let is_null = unsafe { bind.is_null.as_ref() }.is_some_and(|null| *null != 0);
    if kind == ColumnType::NULL || is_null || bind.buffer.is_null() {
        return Some((Value::Null, param_type));
    }
    if bind.long_data_used != 0 {
        // The server takes what it was sent before, and looks at neither the NULL bitmap nor a value.
        return Some((Value::Null, param_type));
    }
    // SAFETY: the caller says so; programs' buffers need not be aligned.
    let value = unsafe {
        match kind {
            ColumnType::TINY if unsigned => Value::UInt(bind.buffer.cast::<u8>().read().into()),
            ColumnType::TINY => Value::Int(bind.buffer.cast::<i8>().read().into()),
            ColumnType::SHORT | ColumnType::YEAR if unsigned => {
                Value::UInt(bind.buffer.cast::<u16>().read_unaligned().into())
            }
            ColumnType::SHORT | ColumnType::YEAR => Value::Int(bind.buffer.cast::<i16>().read_unaligned().into()),
            ColumnType::LONG | ColumnType::INT24 if unsigned => {
                Value::UInt(bind.buffer.cast::<u32>().read_unaligned().into())
            }
            ColumnType::LONG | ColumnType::INT24 => Value::Int(bind.buffer.cast::<i32>().read_unaligned().into()),
            ColumnType::LONGLONG if unsigned => Value::UInt(bind.buffer.cast::<u64>().read_unaligned()),
            ColumnType::LONGLONG => Value::Int(bind.buffer.cast::<i64>().read_unaligned()),
            ColumnType::FLOAT => Value::Float(bind.buffer.cast::<f32>().read_unaligned()),
            ColumnType::DOUBLE => Value::Double(bind.buffer.cast::<f64>().read_unaligned()),
            ColumnType::DATE | ColumnType::TIME | ColumnType::DATETIME | ColumnType::TIMESTAMP => {
                time_value(kind, bind.buffer.cast::<MysqlTime>().read_unaligned())
            }
            _ => {
                let length = bind.length.as_ref().copied().unwrap_or(bind.buffer_length);
                Value::Bytes(std::slice::from_raw_parts(bind.buffer.cast(), length as usize))
            }
        }
    };
    Some((value, param_type))
}

fn time_value<'v>(kind: ColumnType, time: MysqlTime) -> Value<'v> {
    let small = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    let year = u16::try_from(time.year).unwrap_or(u16::MAX);
    let (month, day) = (small(time.month), small(time.day));
    let micros = u32::try_from(time.second_part).unwrap_or(0).min(999_999);
    match kind {
        ColumnType::DATE => Value::Date { year, month, day },
        ColumnType::TIME => Value::Time {
            negative: time.neg != 0,
            days: time.day.saturating_add(time.hour / 24),
            hours: small(time.hour % 24),
            minutes: small(time.minute),
            seconds: small(time.second),
            micros,
        },
        _ => Value::DateTime {
            year,
            month,
            day,
            hour: small(time.hour),
            minute: small(time.minute),
            second: small(time.second),
            micros,
        },
    }
}

/// Writes a column's value into a program's buffer, converted to the buffer's type, from `offset` on where it is text. Returns whether
/// something was lost.
///
/// # Safety
/// The bind's pointers are NULL or valid for its type and length.
pub(crate) unsafe fn deliver(value: Value<'_>, column: &ColumnDefinition, bind: &mut MysqlBind, offset: usize) -> bool {
    let is_null = value == Value::Null;
    // SAFETY: the caller says so; programs' buffers need not be aligned.
    unsafe {
        if let Some(null) = bind.is_null.as_mut() {
            *null = MyBool::from(is_null);
        }
        bind.is_null_value = MyBool::from(is_null);
        let truncated = if is_null { false } else { write(value, column, bind, offset) };
        bind.error_value = MyBool::from(truncated);
        if let Some(error) = bind.error.as_mut() {
            *error = MyBool::from(truncated);
        }
        truncated
    }
}

/// Writes a value that is not NULL.
///
/// # Safety
/// As [`deliver`].
unsafe fn write(value: Value<'_>, column: &ColumnDefinition, bind: &mut MysqlBind, offset: usize) -> bool {
    let Some(kind) = buffer_type(bind) else { return true };
    let unsigned = bind.is_unsigned != 0;
    let has_room = !bind.buffer.is_null();
    // SAFETY: the caller promises it.
    unsafe {
        let (length, truncated) = match (kind, convert::small(value, kind, unsigned)) {
            // A whole number that fits into its buffer needs no further look.
            (_, Some((bytes, size))) => {
                if has_room {
                    bind.buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), size);
                }
                (size, false)
            }
            (kind, None) => match kind {
                ColumnType::NULL => (0, false),
                _ if kind.is_integer() => {
                    let (number, inexact) = convert::integer(value);
                    let size = fixed_size(kind).unwrap_or(8);
                    let (bytes, out_of_range) = convert::wrapped(number, size, unsigned);
                    if has_room {
                        bind.buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), size);
                    }
                    (size, inexact || out_of_range)
                }
                ColumnType::FLOAT => {
                    let (number, inexact) = convert::double(value);
                    if has_room {
                        bind.buffer.cast::<f32>().write_unaligned(number as f32);
                    }
                    let is_narrowed =
                        !matches!(value, Value::Float(_)) && f64::from(number as f32) != number && !number.is_nan();
                    (4, inexact || is_narrowed)
                }
                ColumnType::DOUBLE => {
                    let (number, inexact) = convert::double(value);
                    if has_room {
                        bind.buffer.cast::<f64>().write_unaligned(number);
                    }
                    (8, inexact)
                }
                ColumnType::DATE | ColumnType::TIME | ColumnType::DATETIME | ColumnType::TIMESTAMP => {
                    let (time, inexact) = convert::time(value, kind);
                    if has_room {
                        bind.buffer.cast::<MysqlTime>().write_unaligned(time);
                    }
                    (size_of::<MysqlTime>(), inexact || time.time_type == TIME_NONE)
                }
                _ => match value {
                    Value::Bytes(bytes) => put_text(bytes, bind, offset),
                    other => put_text(other.text_in(column).to_string().as_bytes(), bind, offset),
                },
            },
        };
        bind.length_value = length as c_ulong;
        if let Some(told) = bind.length.as_mut() {
            *told = length as c_ulong;
        }
        truncated
    }
}

/// Copies text from `offset` on, with a NUL where there is room for one. Returns the whole length, and whether the text was cut.
///
/// # Safety
/// The buffer has room for `buffer_length` bytes, or is NULL.
unsafe fn put_text(text: &[u8], bind: &MysqlBind, offset: usize) -> (usize, bool) {
    let rest = text.get(offset..).unwrap_or_default();
    let room = bind.buffer_length as usize;
    let copied = rest.len().min(room);
    if !bind.buffer.is_null() {
        // SAFETY: the caller says that there is room for `room` bytes, and no more are written.
        unsafe {
            let buffer = bind.buffer.cast::<u8>();
            buffer.copy_from_nonoverlapping(rest.as_ptr(), copied);
            if copied < room {
                buffer.add(copied).write(0);
            }
        }
    }
    (text.len(), rest.len() > room)
}
