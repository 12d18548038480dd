//! Values of rows as `mariadb-binlog --verbose` prints them.

use sealwire_binlog::{ColumnKind, DateTime, Value, json};

use super::digits::{number, signed, two};
use super::float;
use super::writing::put;

/// Appends a value of a column of this kind.
pub(super) fn value(value: &Value<'_>, kind: ColumnKind, out: &mut Vec<u8>) {
    match *value {
        Value::Null => out.extend_from_slice(b"NULL"),
        // The log need not say whether a number is unsigned, so a number below zero is printed in both ways.
        Value::Int(number) => integer(number.cast_unsigned(), kind, out),
        Value::UInt(number) => integer(number, kind, out),
        Value::Float(number) => {
            let end = out.len() + 20;
            float::general(f64::from(number), 6, out);
            out.resize(end.max(out.len()), b' ');
        }
        Value::Double(number) => float::general(number, 20, out),
        Value::Decimal(number) => put(number, out),
        Value::Bit(bits) => {
            let width = match kind {
                ColumnKind::Bit { bits } => usize::from(bits),
                _ => 64,
            };
            put(format_args!("b'{bits:0width$b}'"), out);
        }
        Value::Year(0) => put(1900, out),
        Value::Year(year) => put(format_args!("{year:04}"), out),
        Value::Date(date) => put(format_args!("'{:04}:{:02}:{:02}'", date.year, date.month, date.day), out),
        Value::Time(time) => put(format_args!("'{time}'"), out),
        Value::DateTime(time) => date_time(&time, out),
        Value::Timestamp(time) => {
            number(time.seconds.into(), out);
            let digits = usize::from(time.digits);
            if digits > 0 {
                let micros = format!("{:06}", time.micros);
                put(format_args!(".{}", micros.get(..digits).unwrap_or(&micros)), out);
            }
        }
        Value::Bytes(text) | Value::Compressed(text) => quoted(text, out),
        Value::Json(document) => {
            let mut text = String::new();
            match json::to_text(document, &mut text) {
                Ok(()) => quoted(text.as_bytes(), out),
                Err(_) => quoted(document, out),
            }
        }
        Value::JsonDiff(diffs) => quoted(diffs, out),
        Value::Enum(index) => number(index.into(), out),
        Value::Set(bits) => {
            let bytes = match kind {
                ColumnKind::Set { bytes } => usize::from(bytes),
                _ => 8,
            };
            out.extend_from_slice(b"b'");
            bits.to_le_bytes().iter().take(bytes).for_each(|byte| put(format_args!("{byte:08b}"), out));
            out.push(b'\'');
        }
    }
}

/// A number of a column's width: signed, and unsigned behind it where the two differ.
fn integer(stored: u64, kind: ColumnKind, out: &mut Vec<u8>) {
    let unused = match kind {
        ColumnKind::TinyInt => 56,
        ColumnKind::SmallInt => 48,
        ColumnKind::MediumInt => 40,
        ColumnKind::Int => 32,
        _ => 0,
    };
    let shifted = stored << unused;
    let value = shifted.cast_signed() >> unused;
    signed(value, out);
    if value < 0 {
        out.extend_from_slice(b" (");
        number(shifted >> unused, out);
        out.push(b')');
    }
}

/// A date and time in quotes.
fn date_time(time: &DateTime, out: &mut Vec<u8>) {
    let parts = [time.month, time.day, time.hour, time.minute, time.second];
    if time.digits > 0 || time.year > 9999 || parts.iter().any(|part| *part > 99) {
        put(format_args!("'{time}'"), out);
        return;
    }
    let ([c1, c2], [y1, y2]) = (two((time.year / 100) as u8), two((time.year % 100) as u8));
    let [[m1, m2], [d1, d2], [h1, h2], [n1, n2], [s1, s2]] = parts.map(two);
    out.extend_from_slice(&[
        b'\'', c1, c2, y1, y2, b'-', m1, m2, b'-', d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2, b'\'',
    ]);
}

/// A text in quotes, with control characters as `\x00`.
pub(super) fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    // All bytes are compared, also behind a control character, because the processor compares many at a time.
    if text.iter().fold(true, |is_plain, byte| is_plain & (*byte > 0x1f)) {
        out.extend_from_slice(text);
    } else {
        for byte in text {
            if *byte > 0x1f { out.push(*byte) } else { put(format_args!("\\x{byte:02x}"), out) }
        }
    }
    out.push(b'\'');
}

/// The type's name and its metadata as one number, for `--verbose --verbose`.
pub(super) fn column_type(kind: ColumnKind) -> (String, u32) {
    let blob = |length_bytes: u8, suffix: &str| {
        let name = match length_bytes {
            1 => "TINYBLOB/TINYTEXT",
            2 => "BLOB/TEXT",
            3 => "MEDIUMBLOB/MEDIUMTEXT",
            _ => "LONGBLOB/LONGTEXT",
        };
        (format!("{name}{suffix}"), u32::from(length_bytes))
    };
    match kind {
        ColumnKind::TinyInt => ("TINYINT".to_owned(), 0),
        ColumnKind::SmallInt => ("SHORTINT".to_owned(), 0),
        ColumnKind::MediumInt => ("MEDIUMINT".to_owned(), 0),
        ColumnKind::Int => ("INT".to_owned(), 0),
        ColumnKind::BigInt => ("LONGINT".to_owned(), 0),
        ColumnKind::Year => ("YEAR".to_owned(), 0),
        ColumnKind::Float => ("FLOAT".to_owned(), 4),
        ColumnKind::Double => ("DOUBLE".to_owned(), 8),
        ColumnKind::Decimal { precision, scale } => {
            (format!("DECIMAL({precision},{scale})"), u32::from(precision) << 8 | u32::from(scale))
        }
        ColumnKind::Bit { bits } => (format!("BIT({bits})"), u32::from(bits / 8) << 8 | u32::from(bits % 8)),
        ColumnKind::Date => ("DATE".to_owned(), 0),
        ColumnKind::Time { digits } => (format!("TIME({digits})"), u32::from(digits)),
        ColumnKind::DateTime { digits } => (format!("DATETIME({digits})"), u32::from(digits)),
        ColumnKind::Timestamp { digits } => (format!("TIMESTAMP({digits})"), u32::from(digits)),
        ColumnKind::OldTime => ("TIME".to_owned(), 0),
        ColumnKind::OldDateTime => ("DATETIME".to_owned(), 0),
        ColumnKind::OldTimestamp => ("TIMESTAMP".to_owned(), 0),
        ColumnKind::Char { bytes } => {
            // The upper bits of the length are in the type's byte, inverted.
            let first = 0xfe ^ (u32::from(bytes) >> 8 << 4);
            (format!("STRING({bytes})"), first << 8 | u32::from(bytes) & 0xff)
        }
        ColumnKind::VarChar { bytes } => (format!("VARSTRING({bytes})"), u32::from(bytes)),
        ColumnKind::CompressedVarChar { bytes } => (format!("VARSTRING({bytes}) COMPRESSED"), u32::from(bytes)),
        ColumnKind::Blob { length_bytes } => blob(length_bytes, ""),
        ColumnKind::CompressedBlob { length_bytes } => blob(length_bytes, " COMPRESSED"),
        ColumnKind::Json { length_bytes } => ("JSON".to_owned(), u32::from(length_bytes)),
        ColumnKind::Geometry { length_bytes } => ("GEOMETRY".to_owned(), u32::from(length_bytes)),
        ColumnKind::Vector { length_bytes } => ("VECTOR".to_owned(), u32::from(length_bytes)),
        ColumnKind::Enum { bytes: 1 } => ("ENUM(1 byte)".to_owned(), 0xf701),
        ColumnKind::Enum { bytes } => (format!("ENUM({bytes} bytes)"), 0xf700 | u32::from(bytes)),
        ColumnKind::Set { bytes } => (format!("SET({bytes} bytes)"), 0xf800 | u32::from(bytes)),
        ColumnKind::TypedArray => ("ARRAY".to_owned(), 0),
        ColumnKind::Null => ("NULL".to_owned(), 0),
        ColumnKind::Unknown(number) => (format!("TYPE {number}"), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(of: Value<'_>, kind: ColumnKind) -> String {
        let mut out = Vec::new();
        value(&of, kind, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_below_zero_are_printed_in_both_ways() {
        assert_eq!(text(Value::Int(-1), ColumnKind::TinyInt), "-1 (255)");
        assert_eq!(text(Value::UInt(200), ColumnKind::TinyInt), "-56 (200)");
        assert_eq!(text(Value::Int(7), ColumnKind::Int), "7");
        assert_eq!(text(Value::Int(-2), ColumnKind::MediumInt), "-2 (16777214)");
        assert_eq!(text(Value::Int(-2), ColumnKind::BigInt), "-2 (18446744073709551614)");
    }

    #[test]
    fn other_values_are_printed_as_mariadb_binlog_prints_them() {
        assert_eq!(text(Value::Null, ColumnKind::Int), "NULL");
        assert_eq!(text(Value::Float(1.5), ColumnKind::Float), "1.5                 ");
        assert_eq!(text(Value::Double(0.1), ColumnKind::Double), "0.10000000000000000555");
        assert_eq!(text(Value::Bit(5), ColumnKind::Bit { bits: 4 }), "b'0101'");
        assert_eq!(text(Value::Set(0x0102), ColumnKind::Set { bytes: 2 }), "b'0000001000000001'");
        assert_eq!(text(Value::Year(0), ColumnKind::Year), "1900");
        let (date, zero) = ((2026, 11, 9), (0, 0, 0));
        for ((year, month, day), digits, expected) in [
            (date, 0, "'2026-11-09 00:01:59'"),
            (zero, 0, "'0000-00-00 00:01:59'"),
            (date, 2, "'2026-11-09 00:01:59.25'"),
        ] {
            let time = DateTime { year, month, day, hour: 0, minute: 1, second: 59, micros: 250_000, digits };
            assert_eq!(text(Value::DateTime(time), ColumnKind::DateTime { digits }), expected);
        }
        assert_eq!(text(Value::Bytes(b"a'\\\x01\n"), ColumnKind::Blob { length_bytes: 1 }), "'a'\\\\x01\\x0a'");
    }

    #[test]
    fn a_types_metadata_is_printed_as_one_number() {
        assert_eq!(column_type(ColumnKind::Char { bytes: 400 }), ("STRING(400)".to_owned(), 0xee90));
        assert_eq!(column_type(ColumnKind::Char { bytes: 2 }), ("STRING(2)".to_owned(), 0xfe02));
        assert_eq!(column_type(ColumnKind::Decimal { precision: 10, scale: 2 }), ("DECIMAL(10,2)".to_owned(), 2562));
    }
}
