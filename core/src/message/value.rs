//! Values of binary rows, statement parameters and query attributes.
//!
//! Their text form is that of the text protocol (`my_gcvt`, `my_datetime_to_str` of MySQL's source).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{ColumnDefinition, ColumnFlags, ColumnType};
use crate::wire::{Put, Reader, Result};

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
        /// Whether it is before zero.
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
    /// The type as which this value is sent as a parameter.
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

    /// The text of this value in that column, as the text protocol has it: with the column's decimals and zeros.
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
    /// As the text protocol prints it, with as many decimals as the value needs.
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
    /// Writes DATETIME or TIME with that many decimals.
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

/// A value with its column, to be printed. Made by [`Value::text_in`].
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

/// The flag for unsigned in the second byte of a parameter's type.
const UNSIGNED: u8 = 0x80;

impl ParamType {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let [column_type, flags] = reader.array("parameter type")?;
        Ok(Self { column_type: ColumnType(column_type), unsigned: flags & UNSIGNED != 0 })
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.put_u8(self.column_type.0);
        out.put_u8(if self.unsigned { UNSIGNED } else { 0 });
    }
}

/// FLOAT has six significant digits in the text protocol.
fn write_float(f: &mut fmt::Formatter<'_>, number: f32) -> fmt::Result {
    if !number.is_finite() {
        return write!(f, "{number}");
    }
    write_scientific(f, &alloc::format!("{:.5e}", f64::from(number)))
}

/// DOUBLE has as few digits as give the same number back.
fn write_double(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if !number.is_finite() {
        return write!(f, "{number}");
    }
    write_scientific(f, &alloc::format!("{number:e}"))
}

/// From `d.ddde±x` to the form of `my_gcvt`: fixed where the point is within 15 places, else `d.ddde±x`.
fn write_scientific(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let digits = match digits.trim_end_matches('0') {
        "" => return write!(f, "{sign}0"),
        digits => digits,
    };
    // Where the point stands, counted from the first digit.
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

/// Any value; bytes are those given.
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
    use alloc::string::ToString;

    const NOON: Value<'_> =
        Value::DateTime { year: 2026, month: 11, day: 22, hour: 12, minute: 0, second: 5, micros: 0 };

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
}
