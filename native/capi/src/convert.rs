//! Conversions of a column's value to the type of a program's buffer.

use sealwire_core::message::{ColumnType, Value};

use super::abi::MysqlTime;

/// `MYSQL_TIMESTAMP_NONE`, `_DATE`, `_DATETIME`, `_TIME`.
const NONE: i32 = -2;
const DATE: i32 = 0;
const DATETIME: i32 = 1;
const TIME: i32 = 2;

/// A value as a whole number, and whether that is not all of it.
pub(crate) fn integer(value: Value<'_>) -> (i128, bool) {
    match value {
        Value::Null => (0, false),
        Value::Int(number) => (number.into(), false),
        Value::UInt(number) => (number.into(), false),
        Value::Float(_) | Value::Double(_) => {
            let (number, _) = double(value);
            // As in the original, only a number that is out of range is reported.
            (number as i128, !number.is_finite())
        }
        Value::Bytes(text) => {
            let text = text.trim_ascii();
            let digits = text.iter().skip(usize::from(text.first().is_some_and(|sign| matches!(sign, b'-' | b'+'))));
            let length = text.len() - digits.clone().count() + digits.take_while(|byte| byte.is_ascii_digit()).count();
            let (number, rest) = text.split_at_checked(length).unwrap_or((text, &[]));
            let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
            (number.unwrap_or(0), number.is_none() || !rest.is_empty())
        }
        Value::Date { .. } | Value::DateTime { .. } | Value::Time { .. } => {
            let digits: String = value.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
            (digits.parse().unwrap_or(0), false)
        }
    }
}

/// A whole number's bytes for a buffer of this type and their count, where the number is one already and fits.
#[inline]
pub(crate) fn small(value: Value<'_>, kind: ColumnType, unsigned: bool) -> Option<([u8; 8], usize)> {
    let size = match kind {
        ColumnType::LONGLONG => 8,
        ColumnType::LONG | ColumnType::INT24 => 4,
        _ => return None,
    };
    let number = match value {
        Value::Int(number) if !unsigned || number >= 0 => number,
        Value::UInt(number) if unsigned && size == 8 => return Some((number.to_le_bytes(), 8)),
        Value::UInt(number) => i64::try_from(number).ok()?,
        _ => return None,
    };
    let fits = size == 8 || if unsigned { u32::try_from(number).is_ok() } else { i32::try_from(number).is_ok() };
    fits.then(|| (number.to_le_bytes(), size))
}

/// A number in as many bytes as a buffer has, and whether it does not fit.
pub(crate) const fn wrapped(number: i128, size: usize, unsigned: bool) -> ([u8; 16], bool) {
    let bits = size as u32 * 8;
    let fits = if unsigned {
        number >= 0 && number < 1 << bits
    } else {
        number >= -(1 << (bits - 1)) && number < 1 << (bits - 1)
    };
    (number.to_le_bytes(), !fits)
}

/// A value as a floating-point number, and whether that is not all of it.
pub(crate) fn double(value: Value<'_>) -> (f64, bool) {
    match value {
        Value::Null => (0.0, false),
        Value::Int(number) => (number as f64, (number as f64) as i128 != i128::from(number)),
        Value::UInt(number) => (number as f64, (number as f64) as i128 != i128::from(number)),
        Value::Float(number) => (number.into(), false),
        Value::Double(number) => (number, false),
        Value::Bytes(text) => {
            let text = std::str::from_utf8(text.trim_ascii()).unwrap_or_default();
            let longest =
                text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-' | '+' | 'e' | 'E')).unwrap_or(text.len());
            let number = text.get(..longest).and_then(|number| number.parse().ok());
            (number.unwrap_or(0.0), number.is_none() || longest < text.len())
        }
        other => (integer(other).0 as f64, false),
    }
}

/// A value as a time for a buffer of this type, and whether that is not all of it.
pub(crate) fn time(value: Value<'_>, wanted: ColumnType) -> (MysqlTime, bool) {
    let mut time =
        MysqlTime { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, second_part: 0, neg: 0, time_type: NONE };
    match value {
        Value::Date { year, month, day } => {
            (time.year, time.month, time.day, time.time_type) = (year.into(), month.into(), day.into(), DATE);
        }
        Value::DateTime { year, month, day, hour, minute, second, micros } => {
            (time.year, time.month, time.day) = (year.into(), month.into(), day.into());
            (time.hour, time.minute, time.second) = (hour.into(), minute.into(), second.into());
            (time.second_part, time.time_type) = (micros.into(), DATETIME);
        }
        Value::Time { negative, days, hours, minutes, seconds, micros } => {
            // As in the original, whole days are hours.
            time.hour = days.saturating_mul(24).saturating_add(hours.into());
            (time.minute, time.second, time.second_part) = (minutes.into(), seconds.into(), micros.into());
            (time.neg, time.time_type) = (i8::from(negative), TIME);
        }
        Value::Bytes(text) => match parse(std::str::from_utf8(text).unwrap_or_default().trim()) {
            Some(parsed) => time = parsed,
            None => return (time, true),
        },
        Value::Null => return (time, false),
        number => {
            let Some(parsed) = from_number(integer(number).0) else { return (time, true) };
            time = parsed;
        }
    }
    match wanted {
        // As in the original, the clock stays and the loss of a date is not reported.
        ColumnType::DATE => time.time_type = DATE,
        ColumnType::TIME if time.time_type != TIME => {
            (time.year, time.month, time.day) = (0, 0, 0);
            time.time_type = TIME;
        }
        ColumnType::DATETIME | ColumnType::TIMESTAMP if time.time_type == DATE => time.time_type = DATETIME,
        _ => {}
    }
    (time, false)
}

/// Parses a date, a date with a time, or a time.
fn parse(text: &str) -> Option<MysqlTime> {
    let empty = time(Value::Null, ColumnType::NULL).0;
    let (date, clock) = match text.split_once([' ', 'T']) {
        Some((date, clock)) => (Some(date), Some(clock)),
        None if text.contains(':') => (None, Some(text)),
        None if text.contains('-') => (Some(text), None),
        None => return from_number(text.parse().ok()?),
    };
    let mut parsed = empty;
    if let Some(date) = date {
        let mut parts = date.split('-').map(|part| part.parse::<u32>().ok());
        (parsed.year, parsed.month, parsed.day) = (parts.next()??, parts.next()??, parts.next()??);
        parsed.time_type = DATE;
    }
    if let Some(clock) = clock {
        let (negative, clock) = clock.strip_prefix('-').map_or((false, clock), |clock| (true, clock));
        let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
        let mut parts = clock.split(':').map(|part| part.parse::<u32>().ok());
        (parsed.hour, parsed.minute) = (parts.next()??, parts.next()??);
        parsed.second = parts.next().unwrap_or(Some(0))?;
        let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
        parsed.second_part = digits.parse().ok()?;
        parsed.neg = i8::from(negative);
        parsed.time_type = if date.is_some() { DATETIME } else { TIME };
    }
    Some(parsed)
}

/// A date, or a date with a time, written as a number: 20261129 or 20261129083000.
fn from_number(number: i128) -> Option<MysqlTime> {
    let number = u64::try_from(number).ok()?;
    let mut parsed = time(Value::Null, ColumnType::NULL).0;
    let (date, clock) = if number > 99_999_999 { (number / 1_000_000, number % 1_000_000) } else { (number, 0) };
    parsed.year = u32::try_from(date / 10_000).ok().filter(|year| *year <= 9999)?;
    (parsed.month, parsed.day) = ((date / 100 % 100) as u32, (date % 100) as u32);
    (parsed.hour, parsed.minute, parsed.second) =
        ((clock / 10_000) as u32, (clock / 100 % 100) as u32, (clock % 100) as u32);
    parsed.time_type = if number > 99_999_999 { DATETIME } else { DATE };
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_told_to_be_cut() {
        assert_eq!(integer(Value::Bytes(b" -12 ")), (-12, false));
        assert_eq!(integer(Value::Bytes(b"12abc")), (12, true));
        assert_eq!(integer(Value::Bytes(b"3.7")), (3, true));
        assert_eq!(integer(Value::Bytes(b"")), (0, true));
        assert_eq!(integer(Value::Double(3.5)), (3, false));
        assert_eq!(integer(Value::Double(f64::INFINITY)), (i128::MAX, true));
        assert_eq!(integer(Value::UInt(u64::MAX)), (u64::MAX.into(), false));
        assert!(wrapped(200, 1, false).1);
        assert_eq!(wrapped(200, 1, true), (200i128.to_le_bytes(), false));
        assert_eq!(wrapped(-1, 8, false).0[..8], [255; 8]);
        assert!(wrapped(-1, 4, true).1);
        for (value, kind, unsigned, fits) in [
            (Value::Int(-1), ColumnType::LONGLONG, false, true),
            (Value::Int(-1), ColumnType::LONGLONG, true, false),
            (Value::UInt(u64::MAX), ColumnType::LONGLONG, true, true),
            (Value::UInt(u64::MAX), ColumnType::LONGLONG, false, false),
            (Value::Int(1 << 31), ColumnType::LONG, false, false),
            (Value::Int(1 << 31), ColumnType::LONG, true, true),
            (Value::Int(-(1 << 31)), ColumnType::INT24, false, true),
            (Value::Int(1), ColumnType::TINY, false, false),
            (Value::Double(1.0), ColumnType::LONGLONG, false, false),
        ] {
            let found = small(value, kind, unsigned);
            assert_eq!(found.is_some(), fits, "{value:?} {kind:?} {unsigned}");
            let (number, _) = integer(value);
            assert!(found.is_none_or(|(bytes, size)| bytes[..size] == wrapped(number, size, unsigned).0[..size]));
        }
        assert_eq!(double(Value::Bytes(b"1.5e2x")), (150.0, true));
        assert!(double(Value::Int((1 << 53) + 1)).1);
    }

    #[test]
    fn texts_and_numbers_become_times() {
        let shown = |value, kind| {
            let (time, lost) = time(value, kind);
            let sign = if time.neg == 1 { "-" } else { "" };
            let text = format!(
                "{sign}{}-{}-{} {}:{}:{}.{} {}",
                time.year, time.month, time.day, time.hour, time.minute, time.second, time.second_part, time.time_type
            );
            (text, lost)
        };
        let text = Value::Bytes(b"2026-11-29 08:30:01.5");
        assert_eq!(shown(text, ColumnType::DATETIME), ("2026-11-29 8:30:1.500000 1".into(), false));
        assert_eq!(shown(text, ColumnType::DATE), ("2026-11-29 8:30:1.500000 0".into(), false));
        assert_eq!(shown(text, ColumnType::TIME), ("0-0-0 8:30:1.500000 2".into(), false));
        assert_eq!(shown(Value::Bytes(b"-100:00:01"), ColumnType::TIME), ("-0-0-0 100:0:1.0 2".into(), false));
        assert_eq!(shown(Value::Int(20_261_129), ColumnType::DATE), ("2026-11-29 0:0:0.0 0".into(), false));
        assert_eq!(shown(Value::Bytes(b"no"), ColumnType::DATE), ("0-0-0 0:0:0.0 -2".into(), true));
        let days = Value::Time { negative: true, days: 2, hours: 3, minutes: 4, seconds: 5, micros: 6 };
        assert_eq!(shown(days, ColumnType::TIME), ("-0-0-0 51:4:5.6 2".into(), false));
    }
}
