//! A cursor over the words of a statement, for the statements that the server executes itself.

use sealwire_core::error::SqlError;

use super::lex::{Lexer, Piece, unquote};

/// One token: its kind and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    piece: Piece,
    text: &'a str,
    /// Its offset in the statement.
    start: usize,
}

/// Reads a statement word by word, and no further than requested, because the first word identifies most statements.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    sql: &'a str,
    /// The offset up to which the statement is read.
    at: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the front of a statement that [`super::lex::normalise`] made.
    pub(crate) const fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    fn token(&self) -> Option<Token<'a>> {
        let mut start = self.at;
        for (piece, text) in Lexer::new(self.sql.get(start..)?.as_bytes()) {
            if piece != Piece::Space {
                return Some(Token { piece, text: self.sql.get(start..start + text.len()).unwrap_or_default(), start });
            }
            start += text.len();
        }
        None
    }

    /// Whether the next token begins with a word. The token's end is searched only where that matters, because it may be megabytes away.
    fn begins_with(&self, word: &str) -> bool {
        let rest = self.sql.get(self.at..).unwrap_or_default().trim_start();
        rest.get(..word.len()).is_some_and(|front| front.eq_ignore_ascii_case(word))
    }

    /// The next token, if it is this word or symbol.
    fn token_if(&self, word: &str) -> Option<Token<'a>> {
        if !self.begins_with(word) {
            return None;
        }
        self.token().filter(|token| token.text.eq_ignore_ascii_case(word))
    }

    fn pass(&mut self, token: Token<'_>) {
        self.at = token.start + token.text.len();
    }

    /// Whether the end of the statement is reached.
    pub(crate) fn is_at_end(&self) -> bool {
        self.token().is_none()
    }

    /// Whether the next word is this one; the word is not taken.
    pub(crate) fn peek(&self, word: &str) -> bool {
        self.token_if(word).is_some()
    }

    /// Whether the next word is one of these; the word is not taken.
    pub(crate) fn peek_one(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.peek(word))
    }

    /// The first of these words that occurs outside of parentheses.
    pub(crate) fn first_outside(&self, words: &[&'static str]) -> Option<&'static str> {
        let mut depth = 0usize;
        for (piece, text) in Lexer::new(self.sql.get(self.at..)?.as_bytes()) {
            match piece {
                Piece::Symbol(b'(') => depth += 1,
                Piece::Symbol(b')') => depth = depth.saturating_sub(1),
                Piece::Word if depth == 0 => {
                    let found = words.iter().find(|word| text.eq_ignore_ascii_case(word.as_bytes()));
                    if found.is_some() {
                        return found.copied();
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Takes the next token if it is this word or symbol.
    pub(crate) fn accept(&mut self, word: &str) -> bool {
        let found = self.token_if(word);
        if let Some(token) = found {
            self.pass(token);
        }
        found.is_some()
    }

    /// Takes these words if all of them come next, else none.
    pub(crate) fn accept_all(&mut self, words: &[&str]) -> bool {
        let start = self.at;
        let found = words.iter().all(|word| self.accept(word));
        if !found {
            self.at = start;
        }
        found
    }

    /// Takes one of these words and returns it.
    pub(crate) fn accept_one(&mut self, words: &[&'static str]) -> Option<&'static str> {
        words.iter().find(|word| self.accept(word)).copied()
    }

    /// Takes this word.
    ///
    /// # Errors
    /// 1064 where another token comes.
    pub(crate) fn expect(&mut self, word: &str) -> Result<(), SqlError> {
        if self.accept(word) { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Checks that the statement ends here.
    ///
    /// # Errors
    /// 1064 where it goes on.
    pub(crate) fn expect_end(&self) -> Result<(), SqlError> {
        if self.is_at_end() { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// Takes a name, quoted or not.
    ///
    /// # Errors
    /// 1064 where no name comes.
    pub(crate) fn name(&mut self) -> Result<String, SqlError> {
        let token = self.token().filter(|token| matches!(token.piece, Piece::Word | Piece::QuotedName));
        let token = token.ok_or_else(|| self.syntax_error())?;
        self.pass(token);
        Ok(text_of(&token))
    }

    /// Takes a name or a string, as values of options may be either.
    ///
    /// # Errors
    /// 1064 where neither comes.
    pub(crate) fn name_or_text(&mut self) -> Result<String, SqlError> {
        if let Some(text) = self.text() { Ok(text) } else { self.name() }
    }

    /// Takes a string.
    pub(crate) fn text(&mut self) -> Option<String> {
        let token = self.token().filter(|token| token.piece == Piece::Text)?;
        self.pass(token);
        Some(text_of(&token))
    }

    /// Takes a whole number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let token = self.token().filter(|token| token.piece == Piece::Word)?;
        let number = token.text.parse().ok()?;
        self.pass(token);
        Some(number)
    }

    /// Skips one token.
    pub(crate) fn skip(&mut self) {
        if let Some(token) = self.token() {
            self.pass(token);
        }
    }

    /// The unread part of the statement.
    pub(crate) fn rest(&self) -> &'a str {
        self.token().and_then(|token| self.sql.get(token.start..)).unwrap_or_default()
    }

    /// Takes the text up to a comma or a closing parenthesis outside of parentheses.
    pub(crate) fn expression(&mut self) -> &'a str {
        let start = self.token().map_or(self.sql.len(), |token| token.start);
        let mut depth = 0usize;
        while let Some(token) = self.token() {
            match token.piece {
                Piece::Symbol(b'(') => depth += 1,
                Piece::Symbol(b')' | b',') if depth == 0 => break,
                Piece::Symbol(b')') => depth -= 1,
                _ => {}
            }
            self.pass(token);
        }
        let end = self.token().map_or(self.sql.len(), |token| token.start);
        self.sql.get(start..end).unwrap_or_default().trim_end()
    }

    /// MySQL's syntax error for this position.
    pub(crate) fn syntax_error(&self) -> SqlError {
        super::error::syntax_error_near(self.sql, self.rest())
    }
}

fn text_of(token: &Token<'_>) -> String {
    match token.piece {
        Piece::Text | Piece::QuotedName => String::from_utf8_lossy(&unquote(token.text.as_bytes())).into_owned(),
        _ => token.text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_texts_and_numbers_are_taken_in_order() {
        let mut cursor = Cursor::new("SHOW session Status LIKE 'Ssl%' 12 `a``b`");
        assert!(cursor.accept("show"));
        assert!(!cursor.accept_all(&["SESSION", "VARIABLES"]));
        assert!(cursor.accept_all(&["SESSION", "STATUS"]));
        assert_eq!(cursor.rest(), "LIKE 'Ssl%' 12 `a``b`");
        cursor.expect("LIKE").unwrap();
        assert_eq!(cursor.text().as_deref(), Some("Ssl%"));
        assert_eq!(cursor.number(), Some(12));
        assert_eq!(cursor.name().unwrap(), "a`b");
        assert!(cursor.expect_end().is_ok());
    }

    #[test]
    fn an_expression_ends_at_a_comma_outside_of_parentheses() {
        let mut cursor = Cursor::new("CONCAT(a, ',') , b");
        assert_eq!(cursor.expression(), "CONCAT(a, ',')");
        assert!(cursor.accept(","));
        assert_eq!(cursor.expression(), "b");
        assert!(cursor.is_at_end());
    }

    #[test]
    fn a_syntax_error_quotes_what_follows() {
        let mut cursor = Cursor::new("USE 12 34\n x");
        cursor.accept("USE");
        let error = cursor.expect("nothing").unwrap_err();
        assert_eq!((error.code, error.sqlstate_str()), (1064, "42000"));
        assert!(error.message.ends_with("near '12 34\n x' at line 1"), "{}", error.message);
    }
}
