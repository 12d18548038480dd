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

/// Appends the base64 form of an event, in lines.
pub(super) fn encode(event: &[u8], out: &mut Vec<u8>) {
    for line in event.chunks(LINE) {
        put(format_args!("{}\n", Base64::encode_string(line)), out);
    }
}
