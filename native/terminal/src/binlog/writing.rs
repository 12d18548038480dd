//! The smallest parts of the output.

use std::fmt::Display;
use std::io::Write as _;

/// The bytes whose base64 form fills one line.
const LINE: usize = 57;

/// The two characters of base64 for each 12 bits.
#[expect(clippy::indexing_slicing, reason = "the compiler runs this and refuses an index that is out of bounds")]
static BASE64: [[u8; 2]; 1 << 12] = {
    let (mut pairs, mut bits) = ([[0; 2]; 1 << 12], 0_u16);
    while bits < 1 << 12 {
        pairs[bits as usize] = [character(bits >> 6), character(bits & 63)];
        bits += 1;
    }
    pairs
};

/// The character of base64 for six bits.
const fn character(bits: u16) -> u8 {
    match bits as u8 {
        value @ 0..26 => b'A' + value,
        value @ 26..52 => b'a' + (value - 26),
        value @ 52..62 => b'0' + (value - 52),
        62 => b'+',
        _ => b'/',
    }
}

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

/// Appends the base64 form of an event, in lines. It is no secret, so that it needs no code whose time is the same for all bytes.
pub(super) fn encode(event: &[u8], out: &mut Vec<u8>) {
    out.reserve(event.len().div_ceil(LINE) * (LINE / 3 * 4 + 1));
    for line in event.chunks(LINE) {
        let mut text = [b'='; LINE / 3 * 4 + 1];
        let (triples, rest) = line.as_chunks::<3>();
        let mut quads = text.as_chunks_mut::<4>().0.iter_mut();
        // The quads are second, because a pair takes from the first even where the second has no more.
        for (triple, quad) in triples.iter().zip(quads.by_ref()) {
            *quad = base64(*triple);
        }
        let (last, length) = match *rest {
            [first] => (Some([first, 0, 0]), 2),
            [first, second] => (Some([first, second, 0]), 3),
            _ => (None, 0),
        };
        if let (Some(last), Some(quad)) = (last, quads.next()) {
            quad.iter_mut().zip(base64(last)).take(length).for_each(|(to, from)| *to = from);
        }
        let end = line.len().div_ceil(3) * 4;
        if let Some(line_end) = text.get_mut(end) {
            *line_end = b'\n';
        }
        out.extend_from_slice(text.get(..=end).unwrap_or_default());
    }
}

/// The base64 form of three bytes.
fn base64([first, second, third]: [u8; 3]) -> [u8; 4] {
    let pair = |bits: u16| BASE64.get(usize::from(bits)).copied().unwrap_or_default();
    let [a, b] = pair(u16::from_be_bytes([first, second]) >> 4);
    let [c, d] = pair(u16::from_be_bytes([second & 15, third]));
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding as _};

    use super::*;

    #[test]
    fn an_event_in_base64_has_lines_of_76_characters() {
        let bytes: Vec<u8> = (0..400_u32).map(|number| ((number * 167) >> 2) as u8).collect();
        for length in 0..bytes.len() {
            let mut lines = Vec::new();
            encode(&bytes[..length], &mut lines);
            let expected: String =
                bytes[..length].chunks(57).map(|line| format!("{}\n", Base64::encode_string(line))).collect();
            assert_eq!(String::from_utf8(lines).unwrap(), expected);
        }
    }
}
