//! Account statements: a tokenizer with MySQL's quoting, the parser, and what the statements do.

mod authority;
mod cursor;
mod execute;
mod grammar;
mod show;
mod statement;
mod token;

pub(super) use execute::apply;
pub use execute::{Outcome, Session, execute};
pub(super) use show::{Style, create_user, grants};
pub use statement::{AccountStatement, Identified, On, Target, UserOptions, UserSpec};

use alloc::vec::Vec;
use core::str::FromStr;

use crate::account::Requirement;
use crate::message::SqlError;
use cursor::Cursor;

/// Reads one statement, with or without a `;` at its end. `None`: it is not about accounts.
pub fn parse_statement(sql: &str) -> Option<Result<AccountStatement, SqlError>> {
    let mut cursor = Cursor::new(sql);
    let statement = grammar::statement(&mut cursor)?;
    Some(statement.and_then(|statement| {
        while cursor.eat_symbol(';') {}
        cursor.expect_end().map(|()| statement)
    }))
}

/// Reads account statements that end with `;`, each with the number of the line it starts on. The error carries the
/// number of the line too.
pub(super) fn parse_script(sql: &str) -> Result<Vec<(usize, AccountStatement)>, (usize, SqlError)> {
    let mut cursor = Cursor::new(sql);
    let mut statements = Vec::new();
    loop {
        while cursor.eat_symbol(';') {}
        if cursor.at_end() {
            return Ok(statements);
        }
        let line = cursor.line();
        let statement = grammar::statement(&mut cursor).unwrap_or_else(|| Err(cursor.syntax_error()));
        let ended = statement.and_then(|statement| cursor.expect_symbol(';').map(|()| statement));
        match ended {
            Ok(statement) => statements.push((line, statement)),
            Err(error) => return Err((cursor.line(), error)),
        }
    }
}

/// Reads a REQUIRE clause that stands alone.
pub fn parse_requirement(clause: &str) -> Result<Requirement, SqlError> {
    let mut cursor = Cursor::new(clause);
    let requirement = grammar::requirement(&mut cursor)?.ok_or_else(|| cursor.syntax_error())?;
    cursor.expect_end().map(|()| requirement)
}

impl FromStr for Requirement {
    type Err = SqlError;

    /// Reads a whole REQUIRE clause, with MySQL's errors 1064 and 1225.
    fn from_str(clause: &str) -> Result<Self, SqlError> {
        parse_requirement(clause)
    }
}
