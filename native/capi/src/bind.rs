//! The buffers that programs bind to the parameters and columns of a statement.

use std::ffi::{CStr, c_int, c_uint, c_ulong};

use sealwire_core::SqlError;
use sealwire_core::message::{ColumnDefinition, ColumnType, ParamType, Value};

use super::abi::{MyBool, MysqlBind, MysqlTime};
use super::convert;
use super::failure;
use super::lengths;

/// The bind's flag with which ODBC skips a column.
pub(crate) const SKIPPED: c_uint = 1;
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
///
/// # Errors
/// 2036 where there is no such type, and as [`lengths::check`].
pub(crate) unsafe fn parameter<'v>(bind: &MysqlBind, number: usize) -> Result<(Value<'v>, ParamType), SqlError> {
    let kind = buffer_type(bind).ok_or_else(|| unsupported(bind, number))?;
    let unsigned = bind.is_unsigned != 0;
    let param_type = ParamType { column_type: kind, unsigned };
    // SAFETY: the caller promises it.
    let is_null = unsafe { bind.is_null.as_ref() }.is_some_and(|null| *null != 0);
    if kind == ColumnType::NULL || is_null || bind.buffer.is_null() {
        return Ok((Value::Null, param_type));
    }
    if bind.long_data_used != 0 {
        // The server takes what it was sent before, and looks at neither the NULL bitmap nor a value.
        return Ok((Value::Null, param_type));
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
                let told = bind.length.as_ref().copied().unwrap_or(bind.buffer_length);
                // As in the original, the length -1 means up to the NUL.
                let length =
                    if told == c_ulong::MAX { CStr::from_ptr(bind.buffer.cast()).count_bytes() } else { told as usize };
                lengths::check(length)?;
                Value::Bytes(std::slice::from_raw_parts(bind.buffer.cast(), length))
            }
        }
    };
    Ok((value, param_type))
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

/// Writes a value that is not NULL straight from the row, where the types need no conversion and the value fits. `bytes` begins with the
/// value. Returns how many bytes it has there, and whether text was cut; `None` leaves the value to [`deliver`].
///
/// # Safety
/// As [`deliver`].
#[inline]
pub(crate) unsafe fn deliver_at_once(
    bytes: &[u8],
    column: &ColumnDefinition,
    bind: &mut MysqlBind,
) -> Option<(usize, bool)> {
    if bind.buffer.is_null() || bind.flags & SKIPPED != 0 {
        return None;
    }
    let wanted = ColumnType(u8::try_from(bind.buffer_type).ok()?);
    let (used, length, truncated) = match column.column_type {
        ColumnType::TINY
        | ColumnType::SHORT
        | ColumnType::YEAR
        | ColumnType::LONG
        | ColumnType::INT24
        | ColumnType::LONGLONG => {
            let (number, used) = whole_number(bytes, column.column_type, column.is_unsigned())?;
            let size = match wanted {
                ColumnType::LONGLONG => 8,
                ColumnType::LONG | ColumnType::INT24 => 4,
                ColumnType::SHORT | ColumnType::YEAR => 2,
                ColumnType::TINY => 1,
                _ => return None,
            };
            // Of a LONGLONG beyond i64, `number` has the same bits and the sign, so that it only fits into its own type.
            let fits = match (size, bind.is_unsigned != 0) {
                (8, unsigned) if column.column_type == ColumnType::LONGLONG && unsigned == column.is_unsigned() => true,
                _ if number < 0 && column.is_unsigned() => false,
                (8, unsigned) => !unsigned || number >= 0,
                (4, false) => i32::try_from(number).is_ok(),
                (4, true) => u32::try_from(number).is_ok(),
                (2, false) => i16::try_from(number).is_ok(),
                (2, true) => u16::try_from(number).is_ok(),
                (_, false) => i8::try_from(number).is_ok(),
                (_, true) => u8::try_from(number).is_ok(),
            };
            if !fits {
                return None;
            }
            // SAFETY: the buffer has the size of its type, of which the number's lowest bytes are copied.
            unsafe { bind.buffer.cast::<u8>().copy_from_nonoverlapping(number.to_le_bytes().as_ptr(), size) };
            (used, size, false)
        }
        ColumnType::DOUBLE if wanted == ColumnType::DOUBLE => {
            let number = bytes.first_chunk::<8>()?;
            // SAFETY: the buffer has the size of its type.
            unsafe { bind.buffer.cast::<[u8; 8]>().write(*number) };
            (8, 8, false)
        }
        ColumnType::FLOAT if wanted == ColumnType::FLOAT => {
            let number = bytes.first_chunk::<4>()?;
            // SAFETY: the buffer has the size of its type.
            unsafe { bind.buffer.cast::<[u8; 4]>().write(*number) };
            (4, 4, false)
        }
        kind if is_text(kind) && is_text(wanted) => {
            let (&length, rest) = bytes.split_first()?;
            // Only a short length stands in one byte.
            let length = Some(usize::from(length)).filter(|length| *length < 0xfb)?;
            // SAFETY: the caller promises it.
            let (length, truncated) = unsafe { put_text(rest.get(..length)?, bind, 0) };
            (1 + length, length, truncated)
        }
        _ => return None,
    };
    // SAFETY: the caller promises it.
    unsafe { tell(bind, false, length, truncated) };
    Some((used, truncated))
}

/// Whether values of this type are bytes on the wire and in a buffer.
const fn is_text(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::VARCHAR
            | ColumnType::VAR_STRING
            | ColumnType::STRING
            | ColumnType::NEWDECIMAL
            | ColumnType::TINY_BLOB
            | ColumnType::MEDIUM_BLOB
            | ColumnType::LONG_BLOB
            | ColumnType::BLOB
    )
}

/// The whole number at the front, and its size on the wire.
#[inline]
fn whole_number(bytes: &[u8], kind: ColumnType, unsigned: bool) -> Option<(i64, usize)> {
    Some(match kind {
        ColumnType::LONGLONG => (i64::from_le_bytes(*bytes.first_chunk()?), 8),
        ColumnType::LONG | ColumnType::INT24 if unsigned => (u32::from_le_bytes(*bytes.first_chunk()?).into(), 4),
        ColumnType::LONG | ColumnType::INT24 => (i32::from_le_bytes(*bytes.first_chunk()?).into(), 4),
        ColumnType::TINY if unsigned => ((*bytes.first()?).into(), 1),
        ColumnType::TINY => (bytes.first()?.cast_signed().into(), 1),
        _ if unsigned => (u16::from_le_bytes(*bytes.first_chunk()?).into(), 2),
        _ => (i16::from_le_bytes(*bytes.first_chunk()?).into(), 2),
    })
}

/// Tells the program whether a value is NULL, its length, and whether something was lost.
///
/// # Safety
/// The pointers are NULL or valid.
#[inline]
unsafe fn tell(bind: &mut MysqlBind, is_null: bool, length: usize, truncated: bool) {
    bind.is_null_value = MyBool::from(is_null);
    bind.error_value = MyBool::from(truncated);
    bind.length_value = length as c_ulong;
    // SAFETY: the caller promises it.
    unsafe {
        if let Some(null) = bind.is_null.as_mut() {
            *null = MyBool::from(is_null);
        }
        if let Some(error) = bind.error.as_mut() {
            *error = MyBool::from(truncated);
        }
        if let Some(told) = bind.length.as_mut() {
            *told = length as c_ulong;
        }
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
                    // Rounding to the nearest FLOAT is no loss, as in the original; a whole number that is not a FLOAT is one.
                    let is_whole = matches!(value, Value::Int(_) | Value::UInt(_));
                    let is_narrowed = is_whole && f64::from(number as f32) != number;
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
#[inline]
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
