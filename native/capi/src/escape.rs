//! `mysql_real_escape_string` and its relatives.

use super::multibyte::Family;

/// Escapes a text for a string literal. `quotes_alone` is for a session in which a backslash is an ordinary character.
///
/// A byte that begins a character of several bytes, but stands without its rest, is escaped, because otherwise it would make a character
/// together with the escape of the byte behind it.
pub(crate) fn escape(text: &[u8], family: Family, quotes_alone: bool, out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let length = family.character(rest);
        if let (2.., Some((character, after))) = (length, rest.split_at_checked(length)) {
            out.extend_from_slice(character);
            rest = after;
            continue;
        }
        rest = after;
        if quotes_alone {
            if byte == b'\'' {
                out.push(b'\'');
            }
            out.push(byte);
            continue;
        }
        let escaped = match byte {
            0 => Some(b'0'),
            b'\n' => Some(b'n'),
            b'\r' => Some(b'r'),
            26 => Some(b'Z'),
            b'\\' | b'\'' | b'"' => Some(byte),
            _ if family.by_lead(byte) > 1 => Some(byte),
            _ => None,
        };
        match escaped {
            Some(letter) => out.extend([b'\\', letter]),
            None => out.push(byte),
        }
    }
}

/// The bytes in upper-case hexadecimal.
pub(crate) fn hexadecimal(text: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    out.extend(text.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &[u8], family: Family, quotes_alone: bool) -> Vec<u8> {
        let mut out = Vec::new();
        escape(text, family, quotes_alone, &mut out);
        assert!(out.len() <= 2 * text.len(), "callers give room for twice the length");
        out
    }

    #[test]
    fn special_bytes_are_escaped() {
        let all = escaped(b"a\0\n\r\x1a\\'\"b", Family::Utf8(4), false);
        assert_eq!(all, b"a\\0\\n\\r\\Z\\\\\\'\\\"b");
        assert_eq!(escaped(b"a\\'\"", Family::Single, true), b"a\\''\"");
        assert_eq!(escaped("é'".as_bytes(), Family::Utf8(4), false), "é\\'".as_bytes());
    }

    #[test]
    fn a_backslash_within_a_character_is_no_backslash() {
        assert_eq!(escaped(b"\xbf\x5c'", Family::Gbk, false), b"\xbf\x5c\\'", "0xbf5c is a character");
        assert_eq!(escaped(b"\xbf'", Family::Gbk, false), b"\\\xbf\\'", "0xbf27 is none, and 0xbf5c must not arise");
        assert_eq!(escaped(b"\xbf'", Family::Single, false), b"\xbf\\'");
    }

    #[test]
    fn bytes_become_hexadecimal() {
        let mut out = Vec::new();
        hexadecimal(b"\x00\xff\x1a", &mut out);
        assert_eq!(out, b"00FF1A");
    }
}
