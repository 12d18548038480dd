//! Values in their binary form, and into the type of their column.
//!
//! Source: "Binary Protocol Value".

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{ColumnType, Value};
use crate::wire::{Error, Put, Reader, Result};

/// Reads one binary value that is not NULL.
#[inline]
pub(super) fn read_value<'a>(reader: &mut Reader<'a>, column_type: ColumnType, unsigned: bool) -> Result<Value<'a>> {
    let what = "binary value";
    Ok(match column_type {
        ColumnType::LONGLONG if unsigned => Value::UInt(reader.u64(what)?),
        ColumnType::LONGLONG => Value::Int(reader.array(what).map(i64::from_le_bytes)?),
        ColumnType::LONG | ColumnType::INT24 if unsigned => Value::UInt(reader.u32(what)?.into()),
        ColumnType::LONG | ColumnType::INT24 => Value::Int(reader.array(what).map(i32::from_le_bytes)?.into()),
        ColumnType::SHORT | ColumnType::YEAR if unsigned => Value::UInt(reader.u16(what)?.into()),
        ColumnType::SHORT | ColumnType::YEAR => Value::Int(reader.array(what).map(i16::from_le_bytes)?.into()),
        ColumnType::TINY if unsigned => Value::UInt(reader.u8(what)?.into()),
        ColumnType::TINY => Value::Int(reader.array(what).map(i8::from_le_bytes)?.into()),
        ColumnType::FLOAT => Value::Float(reader.array(what).map(f32::from_le_bytes)?),
        ColumnType::DOUBLE => Value::Double(reader.array(what).map(f64::from_le_bytes)?),
        ColumnType::DATE | ColumnType::DATETIME | ColumnType::TIMESTAMP => read_date(reader, column_type)?,
        ColumnType::TIME => read_time(reader)?,
        ColumnType::NULL => Value::Null,
        _ => Value::Bytes(reader.lenenc_bytes(what)?),
    })
}

fn read_date<'a>(reader: &mut Reader<'a>, column_type: ColumnType) -> Result<Value<'a>> {
    let what = "binary date";
    let length = reader.u8(what)?;
    let mut field = Reader::new(reader.bytes(usize::from(length), what)?);
    if !matches!(length, 0 | 4 | 7 | 11) {
        return Err(Error::Malformed(what));
    }
    let (mut year, mut month, mut day) = (0, 0, 0);
    if length >= 4 {
        (year, month, day) = (field.u16(what)?, field.u8(what)?, field.u8(what)?);
    }
    if column_type == ColumnType::DATE {
        return Ok(Value::Date { year, month, day });
    }
    let [mut hour, mut minute, mut second] = [0; 3];
    if length >= 7 {
        [hour, minute, second] = field.array(what)?;
    }
    let micros = if length >= 11 { read_micros(&mut field)? } else { 0 };
    Ok(Value::DateTime { year, month, day, hour, minute, second, micros })
}

fn read_time<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>> {
    let what = "binary time";
    let length = reader.u8(what)?;
    let mut field = Reader::new(reader.bytes(usize::from(length), what)?);
    if length == 0 {
        return Ok(Value::Time { negative: false, days: 0, hours: 0, minutes: 0, seconds: 0, micros: 0 });
    }
    if !matches!(length, 8 | 12) {
        return Err(Error::Malformed(what));
    }
    let negative = field.u8(what)? != 0;
    let days = field.u32(what)?;
    let [hours, minutes, seconds] = field.array(what)?;
    let micros = if length == 12 { read_micros(&mut field)? } else { 0 };
    Ok(Value::Time { negative, days, hours, minutes, seconds, micros })
}

fn read_micros(reader: &mut Reader<'_>) -> Result<u32> {
    match reader.u32("microseconds")? {
        micros @ 0..=999_999 => Ok(micros),
        _ => Err(Error::Malformed("microseconds")),
    }
}

/// Writes one binary value as that type, turned into it where it is another. NULL is nothing here: the bitmap says it.
pub(super) fn put_value(value: Value<'_>, column_type: ColumnType, unsigned: bool, out: &mut Vec<u8>) {
    if value == Value::Null || column_type == ColumnType::NULL {
        return;
    }
    match column_type {
        ColumnType::TINY => out.put(&clamped::<1>(value, unsigned)),
        ColumnType::SHORT | ColumnType::YEAR => out.put(&clamped::<2>(value, unsigned)),
        ColumnType::LONG | ColumnType::INT24 => out.put(&clamped::<4>(value, unsigned)),
        ColumnType::LONGLONG => out.put(&clamped::<8>(value, unsigned)),
        ColumnType::FLOAT => out.put(&to_float(value).to_le_bytes()),
        ColumnType::DOUBLE => out.put(&to_double(value).to_le_bytes()),
        ColumnType::DATE | ColumnType::DATETIME | ColumnType::TIMESTAMP => {
            put_date(value, column_type == ColumnType::DATE, out);
        }
        ColumnType::TIME => put_time(value, out),
        _ => match value {
            Value::Bytes(bytes) => out.put_lenenc_bytes(bytes),
            other => out.put_lenenc_bytes(other.to_string().as_bytes()),
        },
    }
}

/// The number in `N` bytes, the nearest that fits.
fn clamped<const N: usize>(value: Value<'_>, unsigned: bool) -> [u8; N] {
    let bits = N as u32 * 8;
    let (low, high) =
        if unsigned { (0, (1i128 << bits) - 1) } else { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) };
    let number = to_integer(value).clamp(low, high);
    // Two's complement: the low bytes of a number in range are the number.
    number.to_le_bytes().first_chunk::<N>().copied().unwrap_or([0; N])
}

fn to_integer(value: Value<'_>) -> i128 {
    match value {
        Value::Int(number) => number.into(),
        Value::UInt(number) => number.into(),
        Value::Bytes(bytes) => match core::str::from_utf8(bytes).unwrap_or_default().trim().parse() {
            Ok(number) => number,
            Err(_) => round(to_double(value)),
        },
        other => round(to_double(other)),
    }
}

/// Half away from zero, as MySQL rounds; `as` saturates.
fn round(number: f64) -> i128 {
    let whole = number as i128;
    let fraction = number - whole as f64;
    if fraction >= 0.5 {
        whole.saturating_add(1)
    } else if fraction <= -0.5 {
        whole.saturating_sub(1)
    } else {
        whole
    }
}

fn to_float(value: Value<'_>) -> f32 {
    match value {
        Value::Float(number) => number,
        other => to_double(other) as f32,
    }
}

fn to_double(value: Value<'_>) -> f64 {
    match value {
        Value::Int(number) => number as f64,
        Value::UInt(number) => number as f64,
        Value::Float(number) => number.into(),
        Value::Double(number) => number,
        Value::Bytes(bytes) => core::str::from_utf8(bytes).unwrap_or_default().trim().parse().unwrap_or(0.0),
        // 20261122184500, as MySQL turns a date into a number.
        other => {
            let digits: String = other.to_string().chars().filter(|c| !matches!(c, ':' | ' ')).collect();
            let digits = match other {
                Value::Time { .. } => digits,
                _ => digits.replace('-', ""),
            };
            digits.parse().unwrap_or(0.0)
        }
    }
}

fn put_date(value: Value<'_>, date_only: bool, out: &mut Vec<u8>) {
    let (date, [hour, minute, second], micros) = match value {
        Value::Date { year, month, day } => ((year, month, day), [0; 3], 0),
        Value::DateTime { year, month, day, hour, minute, second, micros } => {
            ((year, month, day), [hour, minute, second], micros)
        }
        Value::Bytes(text) => match parse_date_time(text) {
            Some(Value::DateTime { year, month, day, hour, minute, second, micros }) => {
                ((year, month, day), [hour, minute, second], micros)
            }
            _ => ((0, 0, 0), [0; 3], 0),
        },
        _ => ((0, 0, 0), [0; 3], 0),
    };
    let no_clock = date_only || ([hour, minute, second] == [0; 3] && micros == 0);
    let length = match (date, micros) {
        ((0, 0, 0), _) if no_clock => 0,
        _ if no_clock => 4,
        (_, 0) => 7,
        _ => 11,
    };
    out.put_u8(length);
    if length >= 4 {
        let (year, month, day) = date;
        out.put_u16(year);
        out.put(&[month, day]);
    }
    if length >= 7 {
        out.put(&[hour, minute, second]);
    }
    if length >= 11 {
        out.put_u32(micros);
    }
}

fn put_time(value: Value<'_>, out: &mut Vec<u8>) {
    let time = match value {
        Value::Bytes(text) => parse_time(text),
        other => Some(other),
    };
    let Some(Value::Time { negative, days, hours, minutes, seconds, micros }) = time else {
        return out.put_u8(0);
    };
    let length = match (days, [hours, minutes, seconds], micros) {
        (0, [0, 0, 0], 0) => 0,
        (_, _, 0) => 8,
        _ => 12,
    };
    out.put_u8(length);
    if length >= 8 {
        out.put_u8(u8::from(negative));
        out.put_u32(days);
        out.put(&[hours, minutes, seconds]);
    }
    if length >= 12 {
        out.put_u32(micros);
    }
}

/// `YYYY-MM-DD`, optionally a space or `T` and `HH:MM:SS`, optionally a fraction.
fn parse_date_time(text: &[u8]) -> Option<Value<'static>> {
    let text = core::str::from_utf8(text).ok()?.trim();
    let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (hour, [minute, second], micros) = parse_clock(clock)?;
    Some(Value::DateTime { year, month, day, hour: hour.try_into().ok()?, minute, second, micros })
}

/// `[-]H:MM:SS` with hours beyond a day, optionally a fraction.
fn parse_time(text: &[u8]) -> Option<Value<'static>> {
    let text = core::str::from_utf8(text).ok()?.trim();
    let (negative, clock) = text.strip_prefix('-').map_or((false, text), |clock| (true, clock));
    let (hours, [minutes, seconds], micros) = parse_clock(clock)?;
    // The remainder is below 24.
    Some(Value::Time { negative, days: hours / 24, hours: (hours % 24) as u8, minutes, seconds, micros })
}

fn parse_clock(text: &str) -> Option<(u32, [u8; 2], u32)> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let hours = parts.next()?.parse().ok()?;
    let minutes = parts.next()?.parse().ok()?;
    let seconds = parts.next().unwrap_or("0").parse().ok()?;
    let mut micros = 0;
    for digit in fraction.bytes().chain(core::iter::repeat(b'0')).take(6) {
        micros = micros * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
    }
    Some((hours, [minutes, seconds], micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Value<'_> =
        Value::DateTime { year: 2026, month: 11, day: 22, hour: 12, minute: 0, second: 5, micros: 0 };

    fn written(value: Value<'_>, column_type: ColumnType) -> Vec<u8> {
        let mut out = Vec::new();
        put_value(value, column_type, false, &mut out);
        out
    }

    fn read(bytes: &[u8], column_type: ColumnType, unsigned: bool) -> Result<Value<'_>> {
        let mut reader = Reader::new(bytes);
        let value = read_value(&mut reader, column_type, unsigned)?;
        reader.finish("bytes behind the value").map(|()| value)
    }

    #[test]
    fn integers_of_every_width_keep_their_sign() {
        let cases: [(&[u8], _, _); 5] = [
            (&[0xff], ColumnType::TINY, 0xff),
            (&[0xff; 2], ColumnType::SHORT, 0xffff),
            (&[0xff; 4], ColumnType::INT24, 0xffff_ffff),
            (&[0xff; 4], ColumnType::LONG, 0xffff_ffff),
            (&[0xff; 8], ColumnType::LONGLONG, u64::MAX),
        ];
        for (bytes, column_type, unsigned) in cases {
            assert_eq!(read(bytes, column_type, false), Ok(Value::Int(-1)), "{column_type:?}");
            assert_eq!(read(bytes, column_type, true), Ok(Value::UInt(unsigned)), "{column_type:?}");
            assert_eq!(written(Value::Int(-1), column_type), bytes, "{column_type:?}");
        }
    }

    #[test]
    fn dates_have_the_manuals_lengths() {
        let date_time = Value::DateTime { year: 2010, month: 10, day: 17, hour: 19, minute: 27, second: 30, micros: 1 };
        let cases: [(&[u8], _); 4] = [
            (b"\x0b\xda\x07\x0a\x11\x13\x1b\x1e\x01\0\0\0", date_time),
            (b"\x07\xea\x07\x0b\x16\x0c\0\x05", NOON),
            (
                b"\x04\xda\x07\x0a\x11",
                Value::DateTime { year: 2010, month: 10, day: 17, hour: 0, minute: 0, second: 0, micros: 0 },
            ),
            (b"\0", Value::DateTime { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0 }),
        ];
        for (bytes, value) in cases {
            assert_eq!(read(bytes, ColumnType::DATETIME, false), Ok(value));
            assert_eq!(written(value, ColumnType::TIMESTAMP), bytes);
        }
        let date = Value::Date { year: 2010, month: 10, day: 17 };
        assert_eq!(read(b"\x04\xda\x07\x0a\x11", ColumnType::DATE, false), Ok(date));
        assert_eq!(written(date_time, ColumnType::DATE), b"\x04\xda\x07\x0a\x11");
    }

    #[test]
    fn times_have_the_manuals_lengths() {
        let time = |micros| Value::Time { negative: true, days: 120, hours: 19, minutes: 27, seconds: 30, micros };
        let zero = Value::Time { negative: false, days: 0, hours: 0, minutes: 0, seconds: 0, micros: 0 };
        let cases: [(&[u8], _); 3] = [
            (b"\x0c\x01\x78\0\0\0\x13\x1b\x1e\x01\0\0\0", time(1)),
            (b"\x08\x01\x78\0\0\0\x13\x1b\x1e", time(0)),
            (b"\0", zero),
        ];
        for (bytes, value) in cases {
            assert_eq!(read(bytes, ColumnType::TIME, false), Ok(value));
            assert_eq!(written(value, ColumnType::TIME), bytes);
        }
    }

    #[test]
    fn impossible_dates_and_times_are_malformed() {
        for bytes in [&b"\x05\xda\x07\x0a\x11\0"[..], b"\x0b\xda\x07\x0a\x11\x13\x1b\x1e\xff\xff\xff\xff", b"\x04\xda"]
        {
            assert!(read(bytes, ColumnType::DATETIME, false).is_err(), "{bytes:02x?}");
        }
        assert!(read(b"\x04\0\0\0\0", ColumnType::TIME, false).is_err());
    }

    #[test]
    fn text_becomes_what_the_column_is() {
        assert_eq!(written(Value::Bytes(b"2010-10-17 19:27:30.000001"), ColumnType::DATETIME).len(), 12);
        assert_eq!(written(Value::Bytes(b"2010-10-17"), ColumnType::DATE), b"\x04\xda\x07\x0a\x11");
        assert_eq!(written(Value::Bytes(b"-2899:27:30"), ColumnType::TIME), b"\x08\x01\x78\0\0\0\x13\x1b\x1e");
        assert_eq!(written(Value::Bytes(b"-42"), ColumnType::LONG), [0xd6, 0xff, 0xff, 0xff]);
        assert_eq!(written(Value::Bytes(b"1.5"), ColumnType::TINY), [2]);
        assert_eq!(written(Value::Bytes(b"1.5"), ColumnType::DOUBLE), 1.5f64.to_le_bytes());
        assert_eq!(written(Value::Bytes(b"nonsense"), ColumnType::DATE), [0]);
        assert_eq!(written(Value::Int(7), ColumnType::VAR_STRING), b"\x017");
        assert_eq!(written(NOON, ColumnType::LONGLONG), 20_261_122_120_005i64.to_le_bytes());
    }

    #[test]
    fn numbers_that_do_not_fit_are_the_nearest_that_do() {
        assert_eq!(written(Value::Int(300), ColumnType::TINY), [127]);
        assert_eq!(written(Value::Int(-300), ColumnType::TINY), [128]);
        assert_eq!(written(Value::UInt(u64::MAX), ColumnType::LONGLONG), i64::MAX.to_le_bytes());
        assert_eq!(written(Value::Double(1e300), ColumnType::LONGLONG), i64::MAX.to_le_bytes());
        let mut out = Vec::new();
        put_value(Value::Int(-1), ColumnType::LONGLONG, true, &mut out);
        assert_eq!(out, [0; 8]);
    }
}
