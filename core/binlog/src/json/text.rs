//! The text of a document, as MySQL prints it.

use alloc::string::String;
use core::fmt::Write as _;

use sealwire_core::message::ColumnType;
use sealwire_core::wire::Reader;

use super::MOST_DEPTH;
use super::binary::{Node, parse};
use crate::decimal::Decimal;
use crate::error::{Problem, Result};

/// Appends the text of a document: `{"a": 1, "b": [true, null]}`. A byte that is not UTF-8 becomes U+FFFD.
pub fn to_text(document: &[u8], out: &mut String) -> Result<()> {
    // No part of a document that a server wrote is there twice. A malformed one could name a part again and again.
    let mut left = document.len();
    print(parse(document)?, 0, &mut left, out)
}

fn print(node: Node<'_>, depth: usize, left: &mut usize, out: &mut String) -> Result<()> {
    let spend = |left: &mut usize, bytes: usize| -> Result<()> {
        *left = left.checked_sub(bytes).ok_or(Problem::Malformed("a JSON document whose parts overlap"))?;
        Ok(())
    };
    match node {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Node::Int(value) => drop(write!(out, "{value}")),
        Node::UInt(value) => drop(write!(out, "{value}")),
        Node::Double(value) => double(value, out),
        Node::String(text) => {
            spend(left, text.len())?;
            quote(text, out);
        }
        Node::Opaque { column_type, data } => {
            spend(left, data.len())?;
            opaque(column_type, data, out)?;
        }
        Node::Array(elements) | Node::Object(elements) => {
            if depth >= MOST_DEPTH {
                let (size, limit) = (depth as u64 + 1, MOST_DEPTH as u64);
                return Err(Problem::TooBig { what: "the depth of a JSON document", size, limit });
            }
            spend(left, elements.own_bytes())?;
            let is_object = matches!(node, Node::Object(_));
            out.push(if is_object { '{' } else { '[' });
            for index in 0..elements.len() {
                if index > 0 {
                    out.push_str(", ");
                }
                if is_object {
                    let key = elements.key(index)?;
                    spend(left, key.len())?;
                    quote(key, out);
                    out.push_str(": ");
                }
                print(elements.value(index)?, depth + 1, left, out)?;
            }
            out.push(if is_object { '}' } else { ']' });
        }
    }
    Ok(())
}

/// MySQL prints the shortest number that reads back the same, with `.0` where it looks like an integer.
fn double(value: f64, out: &mut String) {
    let magnitude = if value < 0.0 { -value } else { value };
    if value != 0.0 && !(1e-15..1e15).contains(&magnitude) {
        let _ = write!(out, "{value:e}");
    } else {
        let _ = write!(out, "{value:?}");
    }
}

/// Appends a text in quotes.
pub(super) fn quote(text: &[u8], out: &mut String) {
    out.push('"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                control if control < ' ' => drop(write!(out, "\\u{:04x}", u32::from(control))),
                other => out.push(other),
            }
        }
        if !chunk.invalid().is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
    }
    out.push('"');
}

fn opaque(column_type: u8, data: &[u8], out: &mut String) -> Result<()> {
    let mut reader = Reader::new(data);
    let what = "a JSON value of an SQL type";
    match ColumnType(column_type) {
        ColumnType::NEWDECIMAL => {
            let (precision, scale) = (reader.u8(what)?, reader.u8(what)?);
            if !(1..=65).contains(&precision) || scale > precision {
                return Err(Problem::Malformed(what));
            }
            let _ = write!(out, "{}", Decimal::read(&mut reader, precision, scale)?);
        }
        ColumnType::DATE => {
            let (time, _) = packed(&mut reader)?;
            let (year, month, day) = date(time);
            let _ = write!(out, "\"{year:04}-{month:02}-{day:02}\"");
        }
        ColumnType::DATETIME | ColumnType::TIMESTAMP => {
            let (time, micros) = packed(&mut reader)?;
            let (year, month, day) = date(time);
            let (hour, minute, second) = (time >> 12 & 31, time >> 6 & 63, time & 63);
            let _ = write!(out, "\"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}\"");
        }
        ColumnType::TIME => {
            let value = reader.u64(what)?.cast_signed();
            let (time, micros) = (value.unsigned_abs() >> 24, value.unsigned_abs() & 0xff_ffff);
            let sign = if value < 0 { "-" } else { "" };
            let (hours, minutes, seconds) = (time >> 12 & 0x3ff, time >> 6 & 63, time & 63);
            let _ = write!(out, "\"{sign}{hours:02}:{minutes:02}:{seconds:02}.{micros:06}\"");
        }
        _ => {
            let _ = write!(out, "\"base64:type{column_type}:");
            base64(data, out);
            out.push('"');
        }
    }
    Ok(())
}

/// A date and time packed into 8 bytes, without the microseconds, and these.
fn packed(reader: &mut Reader<'_>) -> Result<(u64, u64)> {
    let value = reader.u64("a JSON value of an SQL type")?;
    Ok((value >> 24, value & 0xff_ffff))
}

/// The year, month and day of a packed date and time.
const fn date(time: u64) -> (u64, u64, u64) {
    let months = time >> 22;
    (months / 13, months % 13, time >> 17 & 31)
}

fn base64(data: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in data.chunks(3) {
        let group = chunk.iter().chain([&0; 2]).take(3).fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        for place in 0..4 {
            let digit = DIGITS.get((group >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            out.push(char::from(if place <= chunk.len() { digit } else { b'=' }));
        }
    }
}
