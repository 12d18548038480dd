//! SQL's words, names, strings and comments, as MySQL's lexer splits them with its default `sql_mode`. A server writes statements of other
//! modes in this one before they come here.

use alloc::string::String;
use alloc::vec::Vec;

/// A token and where it starts in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) start: usize,
}

/// What a token is.
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
    /// Digits.
    Number(&'a str),
    /// Any other character.
    Symbol(char),
    /// A quote or comment that never ends.
    Unterminated,
    /// The end of the text.
    End,
}

/// Splits a text from its start.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Inside `/*! … */`, whose content is SQL to MySQL.
    in_executable_comment: bool,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, in_executable_comment: false }
    }

    /// The next token; `End` again and again after the last one.
    pub(super) fn next(&mut self) -> Token<'a> {
        if let Err(start) = self.skip_blanks() {
            self.at = self.text.len();
            return Token { kind: Kind::Unterminated, start };
        }
        let start = self.at;
        let kind = self.token();
        Token { kind, start }
    }

    /// The next token after `@`: an unquoted host may hold dots, and may not be set off by blanks.
    pub(super) fn next_host(&mut self) -> Token<'a> {
        let start = self.at;
        let host = self.take_while(|c| is_word(c) || c == '.');
        if host.is_empty() { self.next() } else { Token { kind: Kind::Word(host), start } }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    /// Skips blanks and comments; `Err` is where a comment starts that never ends.
    fn skip_blanks(&mut self) -> Result<(), usize> {
        loop {
            self.take_while(is_space);
            let rest = self.rest();
            let dashes = rest.strip_prefix("--").is_some_and(|after| after.is_empty() || after.starts_with(is_blank));
            if dashes || rest.starts_with('#') {
                self.take_while(|c| c != '\n');
            } else if self.in_executable_comment && rest.starts_with("*/") {
                self.in_executable_comment = false;
                self.at += 2;
            } else if let Some(marker) = ["/*!", "/*M!"].into_iter().find(|marker| rest.starts_with(marker)) {
                self.in_executable_comment = true;
                self.at += marker.len();
                self.take_while(|c| c.is_ascii_digit());
            } else if rest.starts_with("/*") {
                let end = rest.get(2..).and_then(|body| body.find("*/")).ok_or(self.at)?;
                self.at += end + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Kind<'a> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Kind::End };
        if let Some(hex) = self.hex() {
            return hex;
        }
        match first {
            '\'' | '"' | '`' => self.quoted(first),
            c if is_word(c) => {
                let word = self.take_while(is_word);
                if word.chars().all(|c| c.is_ascii_digit()) { Kind::Number(word) } else { Kind::Word(word) }
            }
            c => {
                self.at += c.len_utf8();
                Kind::Symbol(c)
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Kind<'a> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                if chars.next_if(|(_, next)| *next == quote).is_none() {
                    self.at += at + quote.len_utf8();
                    return if quote == '`' { Kind::Name(text) } else { Kind::Text(text) };
                }
                text.push(quote);
            } else if c == '\\' && quote != '`' {
                let Some((_, escaped)) = chars.next() else { break };
                unescape(escaped, &mut text);
            } else {
                text.push(c);
            }
        }
        self.at = self.text.len();
        Kind::Unterminated
    }

    /// A hexadecimal literal, if one stands here. Another `0x…` or `x…` is a word.
    fn hex(&mut self) -> Option<Kind<'a>> {
        let rest = self.rest();
        let (digits, length) = if let Some(after) = rest.strip_prefix("0x") {
            let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
            (after.get(..end)?, end + 2)
        } else {
            let body = rest.strip_prefix("x'").or_else(|| rest.strip_prefix("X'"))?;
            let end = body.find('\'')?;
            (body.get(..end)?, end + 3)
        };
        let bytes = hex_bytes(digits)?;
        self.at += length;
        Some(Kind::Hex(bytes))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Spaces of Unicode are characters of names, as in MySQL.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}')
}

/// What makes two minus signs before it a comment.
const fn is_blank(c: char) -> bool {
    c == ' ' || c.is_ascii_control()
}

/// What a backslash and `c` stand for. Before `%` and `_` the backslash stays: it is meant for LIKE and grants.
fn unescape(c: char, out: &mut String) {
    match c {
        '0' => out.push('\0'),
        'b' => out.push('\u{8}'),
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        't' => out.push('\t'),
        'Z' => out.push('\u{1a}'),
        '%' | '_' => {
            out.push('\\');
            out.push(c);
        }
        c => out.push(c),
    }
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
