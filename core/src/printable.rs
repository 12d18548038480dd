//! Makes a peer's text safe for a terminal or a log: control characters are escaped, because a terminal obeys them.
//!
//! C0, DEL and C1 characters become `\x1B` and so on. Marks that change the direction of writing become `\u{202E}` and so on, because they
//! make a text look like another.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Whether a terminal obeys this character instead of displaying it.
pub const fn is_control(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f'
            | '\x7f'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2028}'..='\u{2029}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Escapes a text of one line, such as a name or a version. Line feeds and tabs are escaped, too.
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, is_control)
}

/// Escapes a text of several lines, such as a message or a page of help. Line feeds and tabs stay.
pub fn text(text: &str) -> Cow<'_, str> {
    shown(text, is_not_layout)
}

/// As [`text`], for bytes in any encoding. A byte that is not part of valid UTF-8 stays, unless it is a C1 control character by itself.
pub fn bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    // Fast path: most text is plain ASCII.
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(text(chunk.valid()).as_bytes());
        for &byte in chunk.invalid() {
            match byte {
                0x80..=0x9f => out.extend_from_slice(escape(char::from(byte)).as_bytes()),
                _ => out.push(byte),
            }
        }
    }
    Cow::Owned(out)
}

const fn is_not_layout(character: char) -> bool {
    is_control(character) && !matches!(character, '\n' | '\t')
}

fn shown(text: &str, hides: fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if hides(character) {
            out.push_str(&escape(character));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

fn escape(character: char) -> String {
    let mut out = String::new();
    let number = u32::from(character);
    // Writing to a String can't fail.
    let _ = if number <= 0xff { write!(out, "\\x{number:02X}") } else { write!(out, "\\u{{{number:04X}}}") };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        assert_eq!(line("a\x1b]0;title\x07b\r\n\tc"), r"a\x1B]0;title\x07b\x0D\x0A\x09c");
        assert_eq!(text("a\x1b[2J\n\tb\x7f"), "a\\x1B[2J\n\tb\\x7F");
        assert_eq!(line("\u{9b}31m \u{202e}gnp.exe \u{2066}\u{200f}"), r"\x9B31m \u{202E}gnp.exe \u{2066}\u{200F}");
        assert!(matches!(line("plain: Grüße, 日本 😀"), Cow::Borrowed(_)));
    }

    #[test]
    fn bytes_of_any_encoding_keep_all_but_controls() {
        assert_eq!(*bytes("é\u{9b}\u{202e}".as_bytes()), *"é\\x9B\\u{202E}".as_bytes());
        assert_eq!(*bytes(b"caf\xe9 \x9b31m\x1b\n\0"), *b"caf\xe9 \\x9B31m\\x1B\n\\x00");
        // An incomplete mark is not a mark, but its bytes are control characters by themselves.
        assert_eq!(*bytes(b"\xe2\x80"), *b"\xe2\\x80");
        assert_eq!(*bytes(b"\x80\xae"), *b"\\x80\xae");
        assert!(matches!(bytes(b"plain"), Cow::Borrowed(_)));
    }
}
