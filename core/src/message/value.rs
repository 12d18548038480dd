//! The values in binary rows, statement parameters and query attributes.
//!
//! Source: "Binary Protocol Value"; the text format is that of the text protocol (`my_gcvt`, `my_datetime_to_str`).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::{ColumnDefinition, ColumnFlags, ColumnType};
use crate::wire::{Error, Put, Reader, Result};

/// One value. Text and bytes are borrowed from the packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// NULL.
    Null,
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// Text, bytes, DECIMAL, BIT, ENUM, SET, JSON, GEOMETRY.
    Bytes(&'a [u8]),
    /// DATE.
    Date {
        /// 0 to 9999.
        year: u16,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
    },
    /// DATETIME and TIMESTAMP.
    DateTime {
        /// 0 to 9999.
        year: u16,
        /// 0 to 12.
        month: u8,
        /// 0 to 31.
        day: u8,
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
        /// 0 to 59.
        second: u8,
        /// 0 to 999999.
        micros: u32,
    },
    /// TIME.
    Time {
        /// Whether the time is negative.
        negative: bool,
        /// Whole days.
        days: u32,
        /// 0 to 23.
        hours: u8,
        /// 0 to 59.
        minutes: u8,
        /// 0 to 59.
        seconds: u8,
        /// 0 to 999999.
        micros: u32,
    },
}

impl<'a> Value<'a> {
    /// The type in which this value is sent as a parameter.
    pub const fn parameter_type(&self) -> ParamType {
        let column_type = match self {
            Self::Null => ColumnType::NULL,
            Self::Int(_) | Self::UInt(_) => ColumnType::LONGLONG,
            Self::Float(_) => ColumnType::FLOAT,
            Self::Double(_) => ColumnType::DOUBLE,
            Self::Bytes(_) => ColumnType::VAR_STRING,
            Self::Date { .. } => ColumnType::DATE,
            Self::DateTime { .. } => ColumnType::DATETIME,
            Self::Time { .. } => ColumnType::TIME,
        };
        ParamType { column_type, unsigned: matches!(self, Self::UInt(_)) }
    }

    /// Formats this value for a column as the text protocol does, with the column's decimals and zeros.
    pub const fn text_in<'c>(&self, column: &'c ColumnDefinition) -> ValueText<'a, 'c> {
        ValueText { value: *self, column }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl fmt::Display for Value<'_> {
    /// Formats the value as the text protocol does, with as many decimals as the value needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Null => f.write_str("NULL"),
            Self::Int(number) => write!(f, "{number}"),
            Self::UInt(number) => write!(f, "{number}"),
            Self::Float(number) => write_float(f, number),
            Self::Double(number) => write_double(f, number),
            Self::Bytes(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Date { year, month, day } => write!(f, "{year:04}-{month:02}-{day:02}"),
            Self::DateTime { micros, .. } | Self::Time { micros, .. } => {
                self.write_clock(f, if micros == 0 { 0 } else { 6 })
            }
        }
    }
}

impl Value<'_> {
    /// Writes DATETIME or TIME with this many decimals.
    fn write_clock(&self, f: &mut fmt::Formatter<'_>, decimals: u8) -> fmt::Result {
        let micros = match *self {
            Self::DateTime { year, month, day, hour, minute, second, micros } => {
                write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
                micros
            }
            Self::Time { negative, days, hours, minutes, seconds, micros } => {
                let sign = if negative { "-" } else { "" };
                let hours = u64::from(days) * 24 + u64::from(hours);
                write!(f, "{sign}{hours:02}:{minutes:02}:{seconds:02}")?;
                micros
            }
            _ => return Ok(()),
        };
        let decimals = decimals.min(6);
        if decimals == 0 {
            return Ok(());
        }
        let digits = micros / 10u32.pow(u32::from(6 - decimals));
        write!(f, ".{digits:0width$}", width = usize::from(decimals))
    }
}

/// A value and its column, for display. Made by [`Value::text_in`].
#[derive(Debug, Clone, Copy)]
pub struct ValueText<'v, 'c> {
    value: Value<'v>,
    column: &'c ColumnDefinition,
}

impl fmt::Display for ValueText<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self.column;
        let width = if column.column_type == ColumnType::YEAR {
            4
        } else if column.flags.contains(ColumnFlags::ZEROFILL) {
            column.length as usize
        } else {
            0
        };
        let fixed = column.decimals < super::DECIMALS_NOT_FIXED;
        let decimals = usize::from(column.decimals);
        match self.value {
            Value::Int(number) => write!(f, "{number:0width$}"),
            Value::UInt(number) => write!(f, "{number:0width$}"),
            Value::Float(number) if fixed => write!(f, "{number:0width$.decimals$}"),
            Value::Double(number) if fixed => write!(f, "{number:0width$.decimals$}"),
            Value::DateTime { .. } | Value::Time { .. } if decimals > 0 => self.value.write_clock(f, column.decimals),
            value => value.fmt(f),
        }
    }
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParamType {
    /// The type's number.
    pub column_type: ColumnType,
    /// Whether an integer is unsigned.
    pub unsigned: bool,
}

/// The flag for unsigned integers in the second byte of a parameter's type.
const UNSIGNED: u8 = 0x80;

impl ParamType {
    /// Whether the value can be encoded in this type without a conversion. An integer may be narrower than its type, because it is clamped.
    pub(super) fn holds(self, value: Value<'_>) -> bool {
        let column_type = self.column_type;
        match value {
            Value::Null => true,
            Value::Int(_) | Value::UInt(_) => column_type.is_integer(),
            Value::Float(_) => column_type == ColumnType::FLOAT,
            Value::Double(_) => column_type == ColumnType::DOUBLE,
            Value::Bytes(_) => {
                let has_own_format = column_type.is_integer() || column_type.is_temporal();
                !has_own_format && !matches!(column_type, ColumnType::FLOAT | ColumnType::DOUBLE | ColumnType::NULL)
            }
            Value::Date { .. } | Value::DateTime { .. } => column_type.is_temporal() && column_type != ColumnType::TIME,
            Value::Time { .. } => column_type == ColumnType::TIME,
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let [column_type, flags] = reader.array("parameter type")?;
        Ok(Self { column_type: ColumnType(column_type), unsigned: flags & UNSIGNED != 0 })
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.put_u8(self.column_type.0);
        out.put_u8(if self.unsigned { UNSIGNED } else { 0 });
    }
}

/// Decodes one binary value that is not NULL.
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
    let sign = field.u8(what)?;
    let days = field.u32(what)?;
    let [hours, minutes, seconds] = field.array(what)?;
    let micros = if length == 12 { read_micros(&mut field)? } else { 0 };
    let is_zero = (days, hours, minutes, seconds, micros) == (0, 0, 0, 0, 0);
    let negative = sign != 0 && !is_zero;
    Ok(Value::Time { negative, days, hours, minutes, seconds, micros })
}

fn read_micros(reader: &mut Reader<'_>) -> Result<u32> {
    match reader.u32("microseconds")? {
        micros @ 0..=999_999 => Ok(micros),
        _ => Err(Error::Malformed("microseconds")),
    }
}

/// Encodes one value in binary format, converted to this type. NULL is encoded in the bitmap only, so nothing is written for it.
pub(super) fn put_converted(value: Value<'_>, column_type: ColumnType, unsigned: bool, out: &mut Vec<u8>) {
    if value == Value::Null || column_type == ColumnType::NULL {
        return;
    }
    match column_type {
        ColumnType::FLOAT => out.put(&to_float(value).to_le_bytes()),
        ColumnType::DOUBLE => out.put(&to_double(value).to_le_bytes()),
        ColumnType::DATE | ColumnType::DATETIME | ColumnType::TIMESTAMP => {
            put_date(to_date(value), column_type == ColumnType::DATE, out);
        }
        ColumnType::TIME => put_time(to_time(value), out),
        _ if column_type.is_integer() => put_integer(to_integer(value), column_type, unsigned, out),
        _ => match value {
            Value::Bytes(bytes) => out.put_lenenc_bytes(bytes),
            other => out.put_lenenc_bytes(other.to_string().as_bytes()),
        },
    }
}

/// Encodes one value in binary format, in a type that [holds](ParamType::holds) it. This needs no conversion, so that a client's program
/// does without the tables for parsing numbers.
pub(super) fn put_held(value: Value<'_>, ParamType { column_type, unsigned }: ParamType, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Int(number) => put_integer(number.into(), column_type, unsigned, out),
        Value::UInt(number) => put_integer(number.into(), column_type, unsigned, out),
        Value::Float(number) => out.put(&number.to_le_bytes()),
        Value::Double(number) => out.put(&number.to_le_bytes()),
        Value::Bytes(bytes) => out.put_lenenc_bytes(bytes),
        Value::Date { .. } | Value::DateTime { .. } => put_date(value, column_type == ColumnType::DATE, out),
        Value::Time { .. } => put_time(value, out),
    }
}

fn put_integer(number: i128, column_type: ColumnType, unsigned: bool, out: &mut Vec<u8>) {
    match column_type {
        ColumnType::TINY => out.put(&clamped::<1>(number, unsigned)),
        ColumnType::SHORT | ColumnType::YEAR => out.put(&clamped::<2>(number, unsigned)),
        ColumnType::LONG | ColumnType::INT24 => out.put(&clamped::<4>(number, unsigned)),
        _ => out.put(&clamped::<8>(number, unsigned)),
    }
}

/// The number in `N` bytes, or the nearest one that fits.
fn clamped<const N: usize>(number: i128, unsigned: bool) -> [u8; N] {
    let bits = N as u32 * 8;
    let (low, high) =
        if unsigned { (0, (1i128 << bits) - 1) } else { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) };
    // In two's complement the low bytes of a number in range represent the number.
    number.clamp(low, high).to_le_bytes().first_chunk::<N>().copied().unwrap_or([0; N])
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

/// Rounds half away from zero, as MySQL does; `as` saturates.
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
        // MySQL converts a date to a number such as 20261122184500.
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

/// The text's date, or the value itself.
fn to_date(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bytes(text) => parse_date_time(text).unwrap_or(value),
        other => other,
    }
}

/// The text's time, or the value itself.
fn to_time(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Bytes(text) => parse_time(text).unwrap_or(value),
        other => other,
    }
}

fn put_date(value: Value<'_>, date_only: bool, out: &mut Vec<u8>) {
    let (date, [hour, minute, second], micros) = match value {
        Value::Date { year, month, day } => ((year, month, day), [0; 3], 0),
        Value::DateTime { year, month, day, hour, minute, second, micros } => {
            ((year, month, day), [hour, minute, second], micros)
        }
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
    let Value::Time { negative, days, hours, minutes, seconds, micros } = value else {
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

/// Parses `YYYY-MM-DD`, optionally followed by a space or `T` and `HH:MM:SS`, and optionally by a fraction.
fn parse_date_time(text: &[u8]) -> Option<Value<'static>> {
    let text = core::str::from_utf8(text).ok()?.trim();
    let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let (hour, [minute, second], micros) = parse_clock(clock)?;
    Some(Value::DateTime { year, month, day, hour: hour.try_into().ok()?, minute, second, micros })
}

/// Parses `[-]H:MM:SS`, where the hours may exceed a day, optionally followed by a fraction.
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

/// Writes FLOAT, which has six significant digits in the text protocol.
fn write_float(f: &mut fmt::Formatter<'_>, number: f32) -> fmt::Result {
    if !number.is_finite() {
        return write!(f, "{number}");
    }
    write_scientific(f, &alloc::format!("{:.5e}", f64::from(number)))
}

/// Writes DOUBLE with as few digits as give the same number when parsed.
fn write_double(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if !number.is_finite() {
        return write!(f, "{number}");
    }
    write_scientific(f, &alloc::format!("{number:e}"))
}

/// Converts `d.ddde±x` to the form of `my_gcvt`: fixed-point if the point is within 15 places, otherwise `d.ddde±x`.
fn write_scientific(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let digits = match digits.trim_end_matches('0') {
        "" => return write!(f, "{sign}0"),
        digits => digits,
    };
    // The position of the point, counted from the first digit.
    let point = exponent + 1;
    f.write_str(sign)?;
    match usize::try_from(point) {
        _ if !(-14..=15).contains(&point) => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            write!(f, "{first}{dot}{rest}e{exponent}")
        }
        Ok(0) | Err(_) => write!(f, "0.{:0>width$}", digits, width = digits.len() + point.unsigned_abs() as usize),
        Ok(point) => match digits.split_at_checked(point) {
            Some((whole, "")) => f.write_str(whole),
            Some((whole, fraction)) => write!(f, "{whole}.{fraction}"),
            None => write!(f, "{digits:0<point$}"),
        },
    }
}

/// A random value; text and bytes are `bytes`.
#[cfg(test)]
pub(super) fn random_value<'a>(random: &mut super::generator::Generator, bytes: &'a [u8]) -> Value<'a> {
    let mut small = |bound| random.below(bound) as u8;
    let (month, day, hour, minute, second) = (small(13), small(32), small(24), small(60), small(60));
    let micros = if random.flag() { 0 } else { random.below(1_000_000) as u32 };
    let year = random.below(10_000) as u16;
    match random.below(9) {
        0 => Value::Null,
        1 => Value::Int(random.u64() as i64),
        2 => Value::UInt(random.number()),
        3 => Value::Float(random.below(1000) as f32 / 8.0),
        4 => Value::Double(random.below(1 << 50) as f64 / 8.0),
        5 => Value::Bytes(bytes),
        6 => Value::Date { year, month, day },
        7 => Value::DateTime { year, month, day, hour, minute, second, micros },
        _ => Value::Time {
            negative: random.flag(),
            days: 1 + random.below(34) as u32,
            hours: hour,
            minutes: minute,
            seconds: second,
            micros,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Value<'_> =
        Value::DateTime { year: 2026, month: 11, day: 22, hour: 12, minute: 0, second: 5, micros: 0 };

    fn written(value: Value<'_>, column_type: ColumnType) -> Vec<u8> {
        let mut out = Vec::new();
        put_converted(value, column_type, false, &mut out);
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
    fn no_time_is_a_negative_zero() {
        let zero = Value::Time { negative: false, days: 0, hours: 0, minutes: 0, seconds: 0, micros: 0 };
        assert_eq!(read(b"\x08\x01\0\0\0\0\0\0\0", ColumnType::TIME, false), Ok(zero));
        assert_eq!(read(b"\x0c\x01\0\0\0\0\0\0\0\0\0\0\0", ColumnType::TIME, false), Ok(zero));
    }

    #[test]
    fn values_print_as_the_text_protocol_has_them() {
        let time =
            |negative, days, hours, micros| Value::Time { negative, days, hours, minutes: 5, seconds: 9, micros };
        let cases = [
            (Value::Null, "NULL"),
            (Value::Int(i64::MIN), "-9223372036854775808"),
            (Value::UInt(u64::MAX), "18446744073709551615"),
            (Value::Bytes(b"text"), "text"),
            (Value::Date { year: 26, month: 1, day: 2 }, "0026-01-02"),
            (NOON, "2026-11-22 12:00:05"),
            (time(false, 0, 3, 0), "03:05:09"),
            (time(true, 34, 22, 0), "-838:05:09"),
            (time(false, 0, 0, 1500), "00:05:09.001500"),
            (Value::Double(0.0), "0"),
            (Value::Double(-0.0), "-0"),
            (Value::Double(10.2), "10.2"),
            (Value::Double(-1234.5), "-1234.5"),
            (Value::Double(0.001), "0.001"),
            (Value::Double(0.1 + 0.2), "0.30000000000000004"),
            (Value::Double(1e14), "100000000000000"),
            (Value::Double(1e15), "1e15"),
            (Value::Double(1.5e-15), "0.0000000000000015"),
            (Value::Double(1.5e-16), "1.5e-16"),
            (Value::Double(1.797_693_134_862_315_7e308), "1.7976931348623157e308"),
            (Value::Float(0.1), "0.1"),
            (Value::Float(1.0 / 3.0), "0.333333"),
            (Value::Float(16_777_216.0), "16777200"),
            (Value::Float(1e20), "1e20"),
        ];
        for (value, text) in cases {
            assert_eq!(value.to_string(), text);
        }
    }

    #[test]
    fn values_in_a_column_have_its_decimals_and_zeros() {
        let mut column = ColumnDefinition::new("c", ColumnType::DATETIME);
        column.decimals = 3;
        assert_eq!(NOON.text_in(&column).to_string(), "2026-11-22 12:00:05.000");
        let mut column = ColumnDefinition::new("c", ColumnType::DOUBLE);
        assert_eq!(Value::Double(1.5).text_in(&column).to_string(), "1.5");
        column.decimals = 2;
        assert_eq!(Value::Double(1.5).text_in(&column).to_string(), "1.50");
        let mut column = ColumnDefinition::new("c", ColumnType::LONG);
        column.flags |= ColumnFlags::ZEROFILL;
        column.length = 5;
        assert_eq!(Value::UInt(42).text_in(&column).to_string(), "00042");
        let column = ColumnDefinition::new("c", ColumnType::YEAR);
        assert_eq!(Value::UInt(0).text_in(&column).to_string(), "0000");
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
        put_converted(Value::Int(-1), ColumnType::LONGLONG, true, &mut out);
        assert_eq!(out, [0; 8]);
    }
}
