//! The smallest parts of the output.

use std::fmt::Display;
use std::io::Write as _;

use base64ct::{Base64, Encoding as _};

/// The bytes whose base64 form fills one line.
const LINE: usize = 57;

/// The delimiter of statements.
pub(super) const END: &str = "/*!*/;";

/// Appends the text of anything printable. A vector takes all bytes.
pub(super) fn put(text: impl Display, out: &mut Vec<u8>) {
    let _ = write!(out, "{text}");
}

/// Appends a name in backticks.
pub(super) fn identifier(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'`');
    for byte in name {
        if *byte == b'`' {
            out.push(b'`');
        }
        out.push(*byte);
    }
    out.push(b'`');
}

/// Appends a text that needs no escape in quotes, and any other in hexadecimal, because the SQL mode decides what a backslash means.
pub(super) fn plain_text(text: &[u8], out: &mut Vec<u8>) {
    if text.iter().all(|byte| byte.is_ascii_graphic() && !b"'\\".contains(byte)) {
        put("'", out);
        out.extend_from_slice(text);
        put("'", out);
    } else {
        put("0x", out);
        text.iter().for_each(|byte| put(format_args!("{byte:02X}"), out));
    }
}

/// Escapes the control characters of a comment that begins at `start`, because a name with a line break would end the comment: the rest would
/// be run as statements. A line that begins as a comment again stays.
pub(super) fn keep_in_comment(out: &mut Vec<u8>, start: usize) {
    let ends = |at: usize, byte: u8| {
        let goes_on = || out.get(at + 1..).is_some_and(|rest| rest.starts_with(b"# ") || rest.starts_with(b"###"));
        byte.is_ascii_control() && byte != b'\t' && !(byte == b'\n' && goes_on())
    };
    let text = out.get(start..).unwrap_or_default();
    if !text.iter().enumerate().any(|(at, byte)| ends(start + at, *byte)) {
        return;
    }
    let mut escaped = Vec::with_capacity(text.len() + 16);
    for (at, byte) in text.iter().enumerate() {
        if ends(start + at, *byte) {
            escaped.extend(byte.escape_ascii());
        } else {
            escaped.push(*byte);
        }
    }
    out.truncate(start);
    out.append(&mut escaped);
}

/// Appends the base64 form of an event, in lines.
pub(super) fn encode(event: &[u8], out: &mut Vec<u8>) {
    for line in event.chunks(LINE) {
        put(format_args!("{}\n", Base64::encode_string(line)), out);
    }
}
