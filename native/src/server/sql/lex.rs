//! MySQL's lexical rules over bytes: where a statement ends, what is comment, and text made fit for a parser of UTF-8.
//!
//! Source: MySQL Reference Manual, "Language Structure" (string literals, comments, character set introducers).

use std::borrow::Cow;

/// A piece of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Spaces and comments.
    Space,
    /// The start of `/*!` or `/*!50000`, whose contents are executed.
    ExecutableComment,
    /// The `*/` that ends one.
    ExecutableCommentEnd,
    /// A word, number, `@@variable` or other run of name characters.
    Word,
    /// `'…'` or `"…"`.
    Text,
    /// `` `…` ``.
    QuotedName,
    /// Any other single byte.
    Symbol(u8),
}

/// Walks over a statement's pieces.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    sql: &'a [u8],
    at: usize,
    in_executable_comment: bool,
}

/// The newest server version whose `/*!NNNNN … */` are executed.
const VERSION: u32 = 80099;

impl<'a> Lexer<'a> {
    /// Starts at the front.
    pub(crate) const fn new(sql: &'a [u8]) -> Self {
        Self { sql, at: 0, in_executable_comment: false }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.sql.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts_with(&self, what: &[u8]) -> bool {
        self.sql.get(self.at..).is_some_and(|rest| rest.starts_with(what))
    }

    /// Moves behind the next `end`, or to the end of the text.
    fn skip_past(&mut self, from: usize, end: &[u8]) {
        let rest = self.sql.get(from..).unwrap_or_default();
        let found = memchr::memmem::find(rest, end);
        self.at = found.map_or(self.sql.len(), |found| from + found + end.len());
    }

    fn skip_quoted(&mut self, quote: u8) {
        // In a name a backslash is a character like any other.
        let escape = if quote == b'`' { quote } else { b'\\' };
        self.at += 1;
        while let Some(found) = memchr::memchr2(quote, escape, self.sql.get(self.at..).unwrap_or_default()) {
            self.at += found;
            if self.byte(0) == quote && self.byte(1) != quote {
                self.at += 1;
                return;
            }
            // An escape and what it escapes.
            self.at += 2;
        }
        self.at = self.sql.len();
    }

    fn comment(&mut self) -> Piece {
        if self.starts_with(b"/*!") {
            let digits = self
                .sql
                .get(self.at + 3..)
                .unwrap_or_default()
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count()
                .min(6);
            let number = self.sql.get(self.at + 3..self.at + 3 + digits).unwrap_or_default();
            let version = number.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            if version <= VERSION {
                self.at += 3 + digits;
                self.in_executable_comment = true;
                return Piece::ExecutableComment;
            }
        }
        self.skip_past(self.at + 2, b"*/");
        Piece::Space
    }

    fn piece(&mut self) -> Option<Piece> {
        let byte = *self.sql.get(self.at)?;
        Some(match byte {
            b'\'' | b'"' => {
                self.skip_quoted(byte);
                Piece::Text
            }
            b'`' => {
                self.skip_quoted(byte);
                Piece::QuotedName
            }
            b'#' => {
                self.skip_past(self.at, b"\n");
                Piece::Space
            }
            b'-' if self.byte(1) == b'-' && self.byte(2) <= b' ' => {
                self.skip_past(self.at, b"\n");
                Piece::Space
            }
            b'/' if self.byte(1) == b'*' => self.comment(),
            b'*' if self.in_executable_comment && self.byte(1) == b'/' => {
                self.at += 2;
                self.in_executable_comment = false;
                Piece::ExecutableCommentEnd
            }
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
                while matches!(self.sql.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)) {
                    self.at += 1;
                }
                Piece::Space
            }
            _ if is_name(byte) || byte == b'@' => {
                while self.sql.get(self.at).is_some_and(|&byte| is_name(byte) || byte == b'@') {
                    self.at += 1;
                }
                Piece::Word
            }
            _ => {
                self.at += 1;
                Piece::Symbol(byte)
            }
        })
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = (Piece, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let piece = self.piece()?;
        Some((piece, self.sql.get(start..self.at).unwrap_or_default()))
    }
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// Splits the first statement off: it and what follows its semicolon.
pub(crate) fn first_statement(sql: &[u8]) -> (&[u8], &[u8]) {
    let mut end = 0;
    for (piece, text) in Lexer::new(sql) {
        if piece == Piece::Symbol(b';') {
            return (sql.get(..end).unwrap_or_default(), sql.get(end + 1..).unwrap_or_default());
        }
        end += text.len();
    }
    (sql, &[])
}

/// Whether there is nothing but spaces, comments and semicolons.
pub(crate) fn is_blank(sql: &[u8]) -> bool {
    Lexer::new(sql).all(|(piece, _)| matches!(piece, Piece::Space | Piece::Symbol(b';')))
}

/// The statement as UTF-8 without comments; texts that are not UTF-8 or marked `_binary` become `X'…'`.
pub(crate) fn normalise(statement: &[u8]) -> String {
    let mut out = String::with_capacity(statement.len());
    let mut introducer: Option<&[u8]> = None;
    for (piece, text) in Lexer::new(statement) {
        if piece != Piece::Space
            && piece != Piece::Text
            && let Some(word) = introducer.take()
        {
            out.push_str(&String::from_utf8_lossy(word));
            out.push(' ');
        }
        match piece {
            Piece::Space => out.push_str(if introducer.is_some() || out.is_empty() { "" } else { " " }),
            Piece::ExecutableComment | Piece::ExecutableCommentEnd => out.push(' '),
            Piece::Word if is_introducer(text) => introducer = Some(text),
            Piece::Text => {
                let binary = introducer.take().is_some_and(|word| word.eq_ignore_ascii_case(b"_binary"));
                match std::str::from_utf8(text) {
                    Ok(text) if !binary => out.push_str(text),
                    _ => push_hex(&unquote(text), &mut out),
                }
            }
            _ => out.push_str(&String::from_utf8_lossy(text)),
        }
    }
    if let Some(word) = introducer {
        out.push_str(&String::from_utf8_lossy(word));
    }
    out.truncate(out.trim_end().len());
    out
}

fn is_introducer(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"_binary", b"_utf8mb4", b"_utf8mb3", b"_utf8", b"_latin1", b"_ascii"];
    NAMES.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    out.reserve(bytes.len() * 2 + 3);
    out.push_str("X'");
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out.push('\'');
}

/// The contents of a quoted text or name, escapes resolved.
pub(crate) fn unquote(quoted: &[u8]) -> Cow<'_, [u8]> {
    let (Some(&quote), true) = (quoted.first(), quoted.len() >= 2) else { return Cow::Borrowed(quoted) };
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    if !inner.contains(&quote) && (quote == b'`' || !inner.contains(&b'\\')) {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if quote != b'`' => match bytes.next() {
                Some(b'0') => out.push(0),
                Some(b'b') => out.push(8),
                Some(b'n') => out.push(b'\n'),
                Some(b'r') => out.push(b'\r'),
                Some(b't') => out.push(b'\t'),
                Some(b'Z') => out.push(0x1a),
                // These two keep their backslash: they are for LIKE.
                Some(wildcard @ (b'%' | b'_')) => out.extend([b'\\', wildcard]),
                Some(other) => out.push(other),
                None => {}
            },
            _ if byte == quote => {
                out.push(quote);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut sql: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        while !is_blank(sql) {
            let (first, rest) = first_statement(sql);
            found.push(normalise(first));
            sql = rest;
        }
        found
    }

    #[test]
    fn semicolons_in_quotes_and_comments_do_not_split() {
        let sql = b"SELECT ';', \"a;b\", `c;d` /* ; */ -- ;\n, 1; # ;\n SELECT 'it''s; \\';' ;;";
        assert_eq!(all(sql), ["SELECT ';', \"a;b\", `c;d`    , 1", "SELECT 'it''s; \\';'"]);
    }

    #[test]
    fn executable_comments_are_executed_and_newer_ones_are_not() {
        assert_eq!(normalise(b"/*!40101 SET NAMES utf8 */"), "  SET NAMES utf8");
        assert_eq!(normalise(b"SELECT 1 /*!99999 ,2 */"), "SELECT 1");
        assert_eq!(normalise(b"SELECT 1 /*M! ,2 */"), "SELECT 1");
    }

    #[test]
    fn two_minus_signs_are_a_comment_only_before_a_space() {
        assert_eq!(normalise(b"SELECT 5--1"), "SELECT 5--1");
        assert_eq!(normalise(b"SELECT 5 -- 1"), "SELECT 5");
    }

    #[test]
    fn binary_texts_become_hexadecimal() {
        assert_eq!(normalise(b"SELECT _binary'a\\0\xff', _utf8mb4 'x', _binary"), "SELECT X'6100FF', 'x', _binary");
        assert_eq!(normalise(b"SELECT '\xff'"), "SELECT X'FF'");
    }

    #[test]
    fn unterminated_quotes_end_with_the_text() {
        assert_eq!(first_statement(b"SELECT 'a; b\\"), (&b"SELECT 'a; b\\"[..], &b""[..]));
        assert_eq!(normalise(b"/* never closed"), "");
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unquote(b"'a\\n\\%''\\\\'").as_ref(), b"a\n\\%'\\");
        assert_eq!(unquote(b"`a``b\\n`").as_ref(), b"a`b\\n");
    }
}
