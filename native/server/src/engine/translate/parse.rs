//! Parses statements, and counts the memory that this takes.

use sealwire_core::error::SqlError;
use sqlparser::ast::Statement;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::conditions;
use crate::engine::{Interruption, stopped};
use crate::memory::{self, Held};
use crate::sql::{depth, syntax_error_near};

/// Counts the memory for parsing, and checks for stops.
pub(in crate::engine) trait ParseBudget {
    /// Counts memory for parsing until the result is dropped.
    ///
    /// # Errors
    /// 1041 where there is none, and those of [`ParseBudget::check_stop`].
    fn reserve(&self, bytes: usize) -> Result<Held, SqlError>;

    /// Fails where the statement must stop.
    ///
    /// # Errors
    /// 1317 or 3024.
    fn check_stop(&self) -> Result<(), SqlError>;
}

impl ParseBudget for Interruption {
    fn reserve(&self, _: usize) -> Result<Held, SqlError> {
        Ok(Held::default())
    }

    fn check_stop(&self) -> Result<(), SqlError> {
        if self.is_stopped() { Err(stopped(self)) } else { Ok(()) }
    }
}

/// A parsed statement, and the memory that counts for it.
pub(in crate::engine) struct Tree {
    pub(in crate::engine) statement: Statement,
    pub(super) parameters: u16,
    /// The operations of ALTER TABLE that have IF EXISTS or IF NOT EXISTS, which the parser does not know.
    pub(super) conditions: Vec<usize>,
    /// The most memory that parsing takes.
    pub(super) bytes: usize,
    pub(super) held: Held,
}

impl Tree {
    /// Checks for a stop between steps on a large statement. Steps on a small one take no time.
    pub(super) fn check_stop(bytes: usize, budget: &dyn ParseBudget) -> Result<(), SqlError> {
        if bytes < memory::LARGE { Ok(()) } else { budget.check_stop() }
    }
}

/// Parses a statement and numbers its parameters from 1, so that an expression that moves keeps its value.
///
/// # Errors
/// As [`super::translate`].
pub(in crate::engine) fn tree(sql: &str, budget: &dyn ParseBudget) -> Result<Tree, SqlError> {
    let bytes = depth::check(sql)?;
    let held = budget.reserve(bytes)?;
    let dialect = MySqlDialect {};
    let syntax_error = || syntax_error_near(sql, sql);
    let mut tokens = Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|_| syntax_error())?;
    let mut parameters = 0u16;
    for token in &mut tokens {
        if let Token::Placeholder(text) = &mut token.token {
            if text != "?" {
                return Err(syntax_error());
            }
            parameters = parameters
                .checked_add(1)
                .ok_or_else(|| SqlError::new(1390, b"HY000", "Prepared statement contains too many placeholders"))?;
            *text = format!("?{parameters}");
        }
    }
    let conditions = conditions::take(&mut tokens);
    Tree::check_stop(bytes, budget)?;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let parsed = parser.parse_statement();
    Tree::check_stop(bytes, budget)?;
    let statement = match parsed {
        Ok(statement) if parser.peek_token_ref().token == Token::EOF => statement,
        _ => {
            let rest = rest_from(sql, parser.peek_token_ref());
            // If the first word begins no statement, the error is at that word.
            let is_first_word = sql.strip_suffix(rest).is_some_and(|before| before.split_whitespace().count() == 1);
            return Err(syntax_error_near(sql, if is_first_word { sql } else { rest }));
        }
    };
    Ok(Tree { statement, parameters, conditions, bytes, held })
}

/// The text from a token on, where MySQL says the error is.
fn rest_from<'a>(sql: &'a str, token: &TokenWithSpan) -> &'a str {
    let start = token.span.start;
    let Ok(line) = usize::try_from(start.line) else { return sql };
    if line == 0 {
        // The parser gives no place for the end of the text.
        return "";
    }
    let before: usize = sql.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = sql.get(before..).unwrap_or_default();
    let column = usize::try_from(start.column).unwrap_or(1).saturating_sub(1);
    let offset = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    rest.get(offset..).unwrap_or_default()
}
