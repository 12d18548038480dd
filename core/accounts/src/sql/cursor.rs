//! A position in a text of tokens: inspects or consumes the current token, and reports syntax errors in MySQL's words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::statement::Target;
use super::token::{Kind, Lexer, Token};
use crate::AccountName;
use sealwire_core::SqlError;

/// The number of characters of a statement that an error message quotes.
const NEAR_LENGTH: usize = 80;
/// The longest user name in characters: MariaDB's older limit. MySQL's limit is 32.
const USER_LENGTH: usize = 80;
/// The most items of a list. MySQL has no such limit.
const MOST_ITEMS: usize = 1000;
/// The longest host name in characters.
const HOST_LENGTH: usize = 255;

/// A text and its current token.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    sql: &'a str,
    lexer: Lexer<'a>,
    token: Token<'a>,
}

pub(super) type Parsed<T> = Result<T, SqlError>;

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        let mut lexer = Lexer::new(sql);
        let token = lexer.next();
        Self { sql, lexer, token }
    }

    /// Error 1064 at the current token.
    pub(super) fn syntax_error(&self) -> SqlError {
        let near: String = self.sql.get(self.token.start..).unwrap_or("").chars().take(NEAR_LENGTH).collect();
        SqlError::syntax(format!(
            "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server \
                 version for the right syntax to use near '{near}' at line {}",
            self.line()
        ))
    }

    pub(super) fn kind(&self) -> &Kind<'a> {
        &self.token.kind
    }

    pub(super) fn at_end(&self) -> bool {
        self.token.kind == Kind::End
    }

    pub(super) fn line(&self) -> usize {
        self.sql.get(..self.token.start).map_or(1, |before| before.matches('\n').count() + 1)
    }

    pub(super) fn advance(&mut self) {
        self.token = self.lexer.next();
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        matches!(self.token.kind, Kind::Word(here) if here.eq_ignore_ascii_case(word))
    }

    /// The current token if it is a word.
    pub(super) const fn word(&self) -> Option<&'a str> {
        match self.token.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) const fn at_symbol(&self, symbol: char) -> bool {
        matches!(self.token.kind, Kind::Symbol(here) if here == symbol)
    }

    pub(super) fn eat_symbol(&mut self, symbol: char) -> bool {
        let here = self.at_symbol(symbol);
        if here {
            self.advance();
        }
        here
    }

    /// Consumes all of `words`, or none.
    pub(super) fn eat_words(&mut self, words: &[&str]) -> bool {
        let mut ahead = self.clone();
        for word in words {
            if !ahead.at_word(word) {
                return false;
            }
            ahead.advance();
        }
        *self = ahead;
        true
    }

    pub(super) fn expect_words(&mut self, words: &[&str]) -> Parsed<()> {
        for word in words {
            if !self.eat_words(&[word]) {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    pub(super) fn expect_symbol(&mut self, symbol: char) -> Parsed<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.syntax_error()) }
    }

    pub(super) fn expect_end(&self) -> Parsed<()> {
        if self.at_end() { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Parses a string.
    pub(super) fn text(&mut self) -> Parsed<String> {
        match &self.token.kind {
            Kind::Text(text) => {
                let text = text.clone();
                self.advance();
                Ok(text)
            }
            _ => Err(self.syntax_error()),
        }
    }

    /// Parses a string, or a hexadecimal literal for one.
    pub(super) fn text_or_hex(&mut self) -> Parsed<String> {
        match &self.token.kind {
            Kind::Hex(bytes) => {
                let text = String::from_utf8(bytes.clone()).map_err(|_| self.syntax_error())?;
                self.advance();
                Ok(text)
            }
            _ => self.text(),
        }
    }

    /// Parses a whole number.
    pub(super) fn number(&mut self) -> Parsed<u32> {
        match self.token.kind {
            Kind::Number(digits) => {
                let number = digits.parse().map_err(|_| self.syntax_error())?;
                self.advance();
                Ok(number)
            }
            _ => Err(self.syntax_error()),
        }
    }

    /// Parses a name, quoted or not.
    pub(super) fn name(&mut self) -> Parsed<String> {
        let name = match &self.token.kind {
            Kind::Word(word) if !is_reserved(word) => (*word).to_string(),
            Kind::Name(name) => name.clone(),
            _ => return Err(self.syntax_error()),
        };
        self.advance();
        Ok(name)
    }

    /// Parses a name or a string.
    pub(super) fn name_or_text(&mut self) -> Parsed<String> {
        if matches!(self.token.kind, Kind::Text(_)) { self.text() } else { self.name() }
    }

    /// Parses `'u'@'h'`, `u@h`, `'u'`, CURRENT_USER, CURRENT_USER() or USER().
    pub(super) fn target(&mut self) -> Parsed<Target> {
        if self.eat_words(&["CURRENT_USER"]) {
            if self.eat_symbol('(') {
                self.expect_symbol(')')?;
            }
            return Ok(Target::Current);
        }
        let mut ahead = self.clone();
        if ahead.eat_words(&["USER"]) && ahead.eat_symbol('(') && ahead.eat_symbol(')') {
            *self = ahead;
            return Ok(Target::Current);
        }
        self.account_name().map(Target::Named)
    }

    /// Parses `'u'@'h'`, `u@h`, or `'u'`, which means `'u'@'%'`.
    pub(super) fn account_name(&mut self) -> Parsed<AccountName> {
        let user = self.name_or_text()?;
        let host = if self.at_symbol('@') {
            self.token = self.lexer.next_host();
            self.name_or_text()?
        } else {
            "%".to_string()
        };
        check_length(&user, "user name", USER_LENGTH)?;
        check_length(&host, "host name", HOST_LENGTH)?;
        Ok(AccountName::new(user, &host))
    }

    /// Parses one or more items separated by commas.
    ///
    /// # Errors
    /// 1235 where there are too many, because a statement that changes accounts keeps others waiting.
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        loop {
            items.push(item(self)?);
            if !self.eat_symbol(',') {
                return Ok(items);
            }
            if items.len() >= MOST_ITEMS {
                return Err(SqlError::not_supported_yet(format!(
                    "An account statement can list at most {MOST_ITEMS} users or privileges; send it in parts"
                )));
            }
        }
    }
}

/// Error 1235: MySQL supports this, Sealwire does not.
pub(super) fn unsupported(what: &str) -> SqlError {
    SqlError::not_supported_yet(format!("This version of Sealwire doesn't yet support '{what}'"))
}

fn check_length(text: &str, what: &str, limit: usize) -> Parsed<()> {
    if text.chars().count() <= limit {
        return Ok(());
    }
    let message = format!("String '{text}' is too long for {what} (should be no longer than {limit})");
    Err(SqlError::wrong_string_length(message))
}

/// Whether the word is one of MySQL's reserved words that could stand in the place of a name in account statements.
fn is_reserved(word: &str) -> bool {
    const RESERVED: &[&str] = &[
        "ALL", "ALTER", "AND", "AS", "BY", "CREATE", "DROP", "EXISTS", "FOR", "FROM", "GRANT", "IF", "IN", "INTO",
        "NOT", "NULL", "ON", "OPTION", "OR", "RENAME", "REQUIRE", "REVOKE", "SELECT", "SET", "SHOW", "SSL", "TABLE",
        "TO", "USAGE", "USING", "WITH",
    ];
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}
