//! Splits account statements into tokens, as MySQL's lexer does with its default `sql_mode`. A server converts statements in other modes to
//! this one first.

use alloc::string::String;
use alloc::vec::Vec;

use sealwire_core::sql::{self, Inside, Mode, Piece};

/// A token and where it starts in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) start: usize,
}

/// The kind of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A keyword or an unquoted name.
    Word(&'a str),
    /// A name in backticks.
    Name(String),
    /// A string in single or double quotes.
    Text(String),
    /// `0x…` or `x'…'`.
    Hex(Vec<u8>),
    /// A number: digits only.
    Number(&'a str),
    /// Any other character.
    Symbol(char),
    /// A quote or comment that does not end.
    Unterminated,
    /// The end of the text.
    End,
}

/// Reads tokens from the start of a text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    pieces: sql::Lexer<'a>,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, pieces: sql::Lexer::new(text.as_bytes()) }
    }

    /// The next token. After the last token it is always `End`.
    pub(super) fn next(&mut self) -> Token<'a> {
        loop {
            let start = self.pieces.position();
            let Some((piece, _)) = self.pieces.next() else { return Token { kind: Kind::End, start } };
            if self.pieces.open().inside != Inside::Nothing {
                return Token { kind: Kind::Unterminated, start };
            }
            let text = self.text.get(start..self.pieces.position()).unwrap_or_default();
            let kind = match piece {
                Piece::Word => self.word(start, text),
                Piece::Text => Kind::Text(unquoted(text)),
                Piece::QuotedName => Kind::Name(unquoted(text)),
                Piece::Symbol(byte) => Kind::Symbol(char::from(byte)),
                Piece::Space | Piece::Comment | Piece::Hint => continue,
                Piece::ExecutableComment | Piece::ExecutableCommentEnd => continue,
            };
            return Token { kind, start };
        }
    }

    /// The next token after `@`. An unquoted host may contain dots and must follow without blanks.
    pub(super) fn next_host(&mut self) -> Token<'a> {
        let start = self.pieces.position();
        let rest = self.text.get(start..).unwrap_or_default();
        let host = rest.split(|c: char| !is_host(c)).next().unwrap_or_default();
        if host.is_empty() {
            return self.next();
        }
        self.go_to(start + host.len());
        Token { kind: Kind::Word(host), start }
    }

    fn go_to(&mut self, at: usize) {
        self.pieces = self.pieces.clone().resume(at, self.pieces.open());
    }

    /// A word, a number or a hexadecimal literal. For the SQL lexer `@` is part of a word; here it separates user and host.
    fn word(&mut self, start: usize, text: &'a str) -> Kind<'a> {
        let word = text.split('@').next().unwrap_or_default();
        if word.is_empty() {
            self.go_to(start + 1);
            return Kind::Symbol('@');
        }
        self.go_to(start + word.len());
        if let Some(bytes) = word.strip_prefix("0x").and_then(hex_bytes) {
            return Kind::Hex(bytes);
        }
        if word.eq_ignore_ascii_case("x") {
            let behind = self.text.get(start + 1..).and_then(|behind| behind.strip_prefix('\''));
            let digits = behind.and_then(|behind| behind.split_once('\'')).map(|(digits, _)| digits);
            if let Some((digits, bytes)) = digits.and_then(|digits| Some((digits, hex_bytes(digits)?))) {
                self.go_to(start + digits.len() + 3);
                return Kind::Hex(bytes);
            }
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) { Kind::Number(word) } else { Kind::Word(word) }
    }
}

fn is_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.') || !c.is_ascii()
}

fn unquoted(quoted: &str) -> String {
    String::from_utf8_lossy(&sql::unquote(quoted.as_bytes(), Mode::default())).into_owned()
}

fn hex_bytes(digits: &str) -> Option<Vec<u8>> {
    let nibbles: Vec<u8> = digits.chars().map(|c| c.to_digit(16).map(|n| n as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = nibbles.as_chunks::<2>();
    (!pairs.is_empty() && rest.is_empty()).then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let mut lexer = Lexer::new(text);
        let mut kinds = Vec::new();
        loop {
            match lexer.next().kind {
                Kind::End => return kinds,
                kind => kinds.push(kind),
            }
        }
    }

    fn text(text: &str) -> Kind<'_> {
        Kind::Text(text.into())
    }

    #[test]
    fn strings_honour_doubled_quotes_and_backslashes() {
        assert_eq!(kinds(r"'it''s' 'it\'s'"), [text("it's"), text("it's")]);
        assert_eq!(kinds(r#""a""b" "it's""#), [text("a\"b"), text("it's")]);
        assert_eq!(kinds(r"'\0\b\n\r\t\Z\\\q'"), [text("\0\u{8}\n\r\t\u{1a}\\q")]);
        assert_eq!(kinds(r"'\%\_'"), [text(r"\%\_")]);
        assert_eq!(kinds(r"`a``b\n`"), [Kind::Name(r"a`b\n".into())]);
    }

    #[test]
    fn what_never_ends_is_said_so() {
        for open in ["'a", "\"a", "`a", "/* a", "'a\\", "'a''"] {
            assert_eq!(kinds(open), [Kind::Unterminated], "{open}");
        }
    }

    #[test]
    fn comments_are_blanks_and_executable_ones_are_not() {
        let word = Kind::Word;
        assert_eq!(kinds("a/* x */b -- c\n#d\ne --"), [word("a"), word("b"), word("e")]);
        assert_eq!(kinds("a /*!50706 b */ c"), [word("a"), word("b"), word("c")]);
        assert_eq!(kinds("a /*M! b */ /*!99999 b */ c"), [word("a"), word("c")]);
        assert_eq!(kinds("a--b"), [word("a"), Kind::Symbol('-'), Kind::Symbol('-'), word("b")]);
        assert_eq!(kinds("a */"), [word("a"), Kind::Symbol('*'), Kind::Symbol('/')]);
    }

    #[test]
    fn hex_numbers_and_hosts() {
        assert_eq!(
            kinds("0x2A x'2a' X'FF'"),
            [Kind::Hex([0x2a].into()), Kind::Hex([0x2a].into()), Kind::Hex([0xff].into())]
        );
        assert_eq!(kinds("0x2 12 1a"), [Kind::Word("0x2"), Kind::Number("12"), Kind::Word("1a")]);
        let mut lexer = Lexer::new("192.168.1.1 x");
        assert_eq!(lexer.next_host().kind, Kind::Word("192.168.1.1"));
        assert_eq!(Lexer::new("'%'").next_host().kind, text("%"));
    }
}
