//! MySQL's lexical rules over bytes: where words, strings, names and comments begin and end.
//!
//! A text may come in parts, as when a terminal reads it line by line: [`Lexer::open`] tells what is still open at the end of a part, and
//! [`Lexer::resume`] continues there with the next part.
//!
//! Source: MySQL Reference Manual, "Language Structure" (string literals, identifiers, comments).

use alloc::borrow::Cow;
use alloc::vec::Vec;

use memchr::{memchr2, memmem};

use super::Mode;

/// The newest server version whose comments `/*!NNNNN … */` count as SQL.
const VERSION: u32 = 80099;

/// A lexical element of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// Spaces and line ends.
    Space,
    /// `-- …` or `# …` with its line end, or `/* … */`.
    Comment,
    /// The start of `/*!` or `/*!50000`, whose contents are SQL.
    ExecutableComment,
    /// The `*/` that ends an executable comment.
    ExecutableCommentEnd,
    /// `/*+ … */`, which is distinguished from a comment for clients only: see [`Lexer::for_client`].
    Hint,
    /// A word, a number, an `@@variable` or another sequence of name characters.
    Word,
    /// `'…'` or `"…"`.
    Text,
    /// `` `…` ``.
    QuotedName,
    /// Any other single byte.
    Symbol(u8),
}

impl Piece {
    /// Whether the piece only separates other pieces.
    pub const fn is_blank(self) -> bool {
        matches!(self, Self::Space | Self::Comment)
    }
}

/// The elements that are still open at the end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LexerState {
    /// The quote or comment that has not ended.
    pub inside: Inside,
    /// Whether an executable comment (`/*!`) has not ended.
    pub executable_comment: bool,
}

/// A quote or comment that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Inside {
    /// No quote and no comment.
    #[default]
    Nothing,
    /// A string or a name in this quote.
    Quote(u8),
    /// `/*`.
    Comment,
    /// `/*+`.
    Hint,
}

/// Splits a statement into pieces. The bytes of all pieces, concatenated, are the statement.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    sql: &'a [u8],
    at: usize,
    mode: Mode,
    is_client: bool,
    open: LexerState,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning of a statement. Reads it like a server with an empty `sql_mode`: the contents of `/*!` comments, and of
    /// `/*!NNNNN` comments up to the server's own version, are SQL. All other comments are comments.
    #[inline]
    pub const fn new(sql: &'a [u8]) -> Self {
        let mode = Mode { no_backslash_escapes: false, ansi_quotes: false, pipes_as_concat: false };
        let open = LexerState { inside: Inside::Nothing, executable_comment: false };
        Self { sql, at: 0, mode, is_client: false, open }
    }

    /// Reads the statement under this `sql_mode`.
    #[inline]
    #[must_use]
    pub const fn in_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Reads the statement as a client that does not know the server's version or vendor: the contents of every `/*!` comment and of
    /// MariaDB's `/*M!` are SQL, and `/*+ … */` is a hint for the server.
    #[inline]
    #[must_use]
    pub const fn for_client(self) -> Self {
        Self { is_client: true, ..self }
    }

    /// Continues at position `at`, where `open` is open.
    #[must_use]
    pub const fn resume(self, at: usize, open: LexerState) -> Self {
        Self { at, open, ..self }
    }

    /// The position at which the next piece begins.
    #[inline]
    pub const fn position(&self) -> usize {
        self.at
    }

    /// The elements that are open at the current position. A quote or comment can be open at the end of the statement only.
    #[inline]
    pub const fn open(&self) -> LexerState {
        self.open
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.sql.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self, from: usize) -> &'a [u8] {
        self.sql.get(from..).unwrap_or_default()
    }

    /// Moves after the next `*/`, or to the end, where the comment stays open.
    fn skip_comment(&mut self, from: usize, inside: Inside) {
        match memmem::find(self.rest(from), b"*/") {
            Some(found) => (self.at, self.open.inside) = (from + found + 2, Inside::Nothing),
            None => (self.at, self.open.inside) = (self.sql.len(), inside),
        }
    }

    fn skip_line(&mut self) {
        self.at = memchr::memchr(b'\n', self.rest(self.at)).map_or(self.sql.len(), |found| self.at + found + 1);
    }

    /// Moves after the end of a string or name, or to the end of the statement, where it stays open.
    fn skip_quoted(&mut self, from: usize, quote: u8) -> Piece {
        let is_name = self.mode.quotes_name(quote);
        let escape = if is_name || self.mode.no_backslash_escapes { quote } else { b'\\' };
        self.at = from;
        self.open.inside = Inside::Quote(quote);
        while let Some(found) = memchr2(quote, escape, self.rest(self.at)) {
            self.at += found;
            if self.byte(0) == quote && self.byte(1) != quote {
                self.at += 1;
                self.open.inside = Inside::Nothing;
                break;
            }
            // Skip the escape character and the escaped byte.
            self.at += 2;
        }
        if self.open.inside != Inside::Nothing {
            self.at = self.sql.len();
        }
        if is_name { Piece::QuotedName } else { Piece::Text }
    }

    fn comment(&mut self) -> Piece {
        let marker = match self.byte(2) {
            b'!' => 3,
            b'M' if self.is_client && self.byte(3) == b'!' => 4,
            b'+' if self.is_client => {
                self.skip_comment(self.at + 2, Inside::Hint);
                return Piece::Hint;
            }
            _ => {
                self.skip_comment(self.at + 2, Inside::Comment);
                return Piece::Comment;
            }
        };
        let digits = self.rest(self.at + marker).iter().take_while(|byte| byte.is_ascii_digit()).count().min(6);
        // MySQL's versions have five or six digits. Fewer digits belong to the statement itself.
        let digits = if digits < 5 { 0 } else { digits };
        let number = self.rest(self.at + marker).get(..digits).unwrap_or_default();
        let version = number.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        if !self.is_client && version > VERSION {
            self.skip_comment(self.at + 2, Inside::Comment);
            return Piece::Comment;
        }
        self.at += marker + digits;
        self.open.executable_comment = true;
        Piece::ExecutableComment
    }

    /// The rest of a piece that was open at the end of the previous part of the text.
    fn go_on(&mut self) -> Piece {
        match self.open.inside {
            Inside::Quote(quote) => self.skip_quoted(self.at, quote),
            Inside::Hint => {
                self.skip_comment(self.at, Inside::Hint);
                Piece::Hint
            }
            Inside::Comment | Inside::Nothing => {
                self.skip_comment(self.at, Inside::Comment);
                Piece::Comment
            }
        }
    }

    #[inline]
    fn piece(&mut self) -> Option<Piece> {
        let byte = *self.sql.get(self.at)?;
        if self.open.inside != Inside::Nothing {
            return Some(self.go_on());
        }
        Some(match byte {
            b'\'' | b'"' | b'`' => self.skip_quoted(self.at + 1, byte),
            b'#' => {
                self.skip_line();
                Piece::Comment
            }
            b'-' if self.byte(1) == b'-' && (self.byte(2) <= b' ' || self.byte(2) == 0x7f) => {
                self.skip_line();
                Piece::Comment
            }
            b'/' if self.byte(1) == b'*' => self.comment(),
            b'*' if self.open.executable_comment && self.byte(1) == b'/' => {
                self.at += 2;
                self.open.executable_comment = false;
                Piece::ExecutableCommentEnd
            }
            _ if is_space(byte) => {
                self.at += 1;
                while self.sql.get(self.at).is_some_and(|&byte| is_space(byte)) {
                    self.at += 1;
                }
                Piece::Space
            }
            _ if is_name(byte) || byte == b'@' => {
                self.at += 1;
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

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let piece = self.piece()?;
        Some((piece, self.sql.get(start..self.at).unwrap_or_default()))
    }
}

/// Spaces of Unicode count as name characters, as in MySQL.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The contents of a quoted string or name.
pub fn unquote(quoted: &[u8], mode: Mode) -> Cow<'_, [u8]> {
    let (Some(&quote), true) = (quoted.first(), quoted.len() >= 2) else { return Cow::Borrowed(quoted) };
    let plain_backslash = mode.no_backslash_escapes || mode.quotes_name(quote);
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    if !inner.contains(&quote) && (plain_backslash || !inner.contains(&b'\\')) {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if !plain_backslash => match bytes.next() {
                Some(b'0') => out.push(0),
                Some(b'b') => out.push(8),
                Some(b'n') => out.push(b'\n'),
                Some(b'r') => out.push(b'\r'),
                Some(b't') => out.push(b'\t'),
                Some(b'Z') => out.push(0x1a),
                // These two keep their backslash, because LIKE interprets it.
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
    use alloc::string::String;
    use alloc::vec;

    use super::*;

    fn lexer(sql: &str) -> Lexer<'_> {
        Lexer::new(sql.as_bytes())
    }

    fn pieces(lexer: Lexer<'_>) -> Vec<(Piece, &str)> {
        lexer.map(|(piece, text)| (piece, core::str::from_utf8(text).unwrap())).collect()
    }

    fn server(sql: &str) -> Vec<(Piece, &str)> {
        pieces(lexer(sql)).into_iter().filter(|(piece, _)| *piece != Piece::Space).collect()
    }

    fn client(sql: &str) -> Vec<(Piece, &str)> {
        pieces(lexer(sql).for_client()).into_iter().filter(|(piece, _)| *piece != Piece::Space).collect()
    }

    #[test]
    fn words_texts_names_and_symbols_are_told_apart() {
        use Piece::{QuotedName, Symbol, Text, Word};
        assert_eq!(
            server(r#"a$1 @@x.y 'it''s' "\"" `b``\` é+"#),
            [
                (Word, "a$1"),
                (Word, "@@x"),
                (Symbol(b'.'), "."),
                (Word, "y"),
                (Text, "'it''s'"),
                (Text, r#""\"""#),
                (QuotedName, r"`b``\`"),
                (Word, "é"),
                (Symbol(b'+'), "+"),
            ]
        );
    }

    #[test]
    fn a_mode_changes_what_a_quote_and_a_backslash_are() {
        let mode = Mode { no_backslash_escapes: true, ansi_quotes: true, ..Mode::default() };
        let found = pieces(lexer(r#"'\'"a""b\""#).in_mode(mode));
        assert_eq!(found, [(Piece::Text, r"'\'"), (Piece::QuotedName, r#""a""b\""#)]);
        assert_eq!(unquote(br"'\'", mode).as_ref(), br"\");
        assert_eq!(unquote(br#""a""b\""#, mode).as_ref(), br#"a"b\"#);
        assert_eq!(unquote(br"'a\n\%''\\'", Mode::default()).as_ref(), b"a\n\\%'\\");
        assert_eq!(unquote(br"`a``b\n`", Mode::default()).as_ref(), br"a`b\n");
    }

    #[test]
    fn comments_end_where_mysql_ends_them() {
        use Piece::{Comment, Symbol, Word};
        let minus = (Symbol(b'-'), "-");
        assert_eq!(
            server("a/* x */b -- c\n#d\ne --"),
            [
                (Word, "a"),
                (Comment, "/* x */"),
                (Word, "b"),
                (Comment, "-- c\n"),
                (Comment, "#d\n"),
                (Word, "e"),
                (Comment, "--"),
            ]
        );
        assert_eq!(server("5--1"), [(Word, "5"), minus, minus, (Word, "1")]);
        assert_eq!(server("*/"), [(Symbol(b'*'), "*"), (Symbol(b'/'), "/")]);
    }

    #[test]
    fn server_and_client_differ_in_the_comments_that_are_more() {
        use Piece::{Comment, ExecutableComment, ExecutableCommentEnd, Hint, Word};
        for sql in ["/*!99999 a */", "/*M! a */", "/*M!100100 a */", "/*+ a */"] {
            assert_eq!(server(sql), [(Comment, sql)]);
        }
        for (sql, start) in [("/*! a */", "/*!"), ("/*!50000 a */", "/*!50000"), ("/*!080000 a */", "/*!080000")] {
            let expected = [(ExecutableComment, start), (Word, "a"), (ExecutableCommentEnd, "*/")];
            assert_eq!(server(sql), expected);
            assert_eq!(client(sql), expected);
        }
        for (sql, start) in [("/*!99999 a */", "/*!99999"), ("/*M! a */", "/*M!"), ("/*M!100100 a */", "/*M!100100")] {
            assert_eq!(client(sql), [(ExecutableComment, start), (Word, "a"), (ExecutableCommentEnd, "*/")]);
        }
        assert_eq!(client("/*+ 'a */ 1"), [(Hint, "/*+ 'a */"), (Word, "1")]);
    }

    #[test]
    fn a_quote_or_a_comment_without_an_end_is_open() {
        for (sql, inside) in [
            ("1 'a", Inside::Quote(b'\'')),
            ("'a\\'", Inside::Quote(b'\'')),
            ("'a\\", Inside::Quote(b'\'')),
            ("\"a\"\"", Inside::Quote(b'"')),
            ("`a", Inside::Quote(b'`')),
            ("/*", Inside::Comment),
            ("/*/", Inside::Comment),
            ("/*+ a", Inside::Hint),
            ("-- a", Inside::Nothing),
            ("/*! a", Inside::Nothing),
        ] {
            let mut lexer = lexer(sql).for_client();
            lexer.by_ref().for_each(drop);
            assert_eq!(lexer.open().inside, inside, "{sql}");
            assert_eq!(lexer.position(), sql.len());
        }
    }

    /// All short texts over an alphabet of the elements that the rules distinguish.
    fn texts(alphabet: &[&str], length: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        for _ in 0..length {
            all = all.iter().flat_map(|text| alphabet.iter().map(move |part| [text.as_str(), part].concat())).collect();
        }
        all
    }

    #[test]
    fn pieces_are_the_whole_text_whatever_it_is() {
        let alphabet = ["'", "\"", "`", "\\", "/*", "/*!", "*/", "-- ", "#", "\n", "a", "é", ";", "/*!50000"];
        for mode in [Mode::default(), Mode { ansi_quotes: true, no_backslash_escapes: true, pipes_as_concat: true }] {
            for text in texts(&alphabet, 3) {
                for read in [lexer(&text), lexer(&text).for_client()] {
                    let found = pieces(read.in_mode(mode));
                    assert_eq!(found.iter().map(|(_, text)| *text).collect::<String>(), text);
                    assert!(found.iter().all(|(_, text)| !text.is_empty()), "{text}");
                }
            }
        }
    }

    /// Reads a text line by line, and returns for each byte the piece to which it belongs.
    fn by_lines(text: &str) -> Vec<Piece> {
        let (mut open, mut kinds) = (LexerState::default(), Vec::new());
        for line in text.split_inclusive('\n') {
            let mut lexer = lexer(line).for_client().resume(0, open);
            for (piece, text) in lexer.by_ref() {
                kinds.extend(text.iter().map(|_| piece));
            }
            open = lexer.open();
        }
        kinds
    }

    #[test]
    fn a_text_in_lines_is_read_as_the_whole() {
        // No backslash before a line end is tested, because the caller has to keep it: see the terminal's splitter.
        for text in texts(&["'a", "`", "/*", "/*+", "/*!", "*/", "-- ", "\n", "b"], 4) {
            let whole = lexer(&text).for_client();
            let whole: Vec<Piece> = whole.flat_map(|(piece, text)| text.iter().map(move |_| piece)).collect();
            assert_eq!(by_lines(&text), whole, "{text}");
        }
    }
}
