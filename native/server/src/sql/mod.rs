//! The server's own part of SQL: splitting statements, parsing the statements that it executes itself, and evaluating constant expressions.

mod allowances;
mod ascii_case;
mod canonical;
pub(crate) mod charset;
pub(crate) mod collations;
mod cursor;
pub(crate) mod database_options;
mod datum;
pub(crate) mod depth;
mod error;
mod evaluate;
pub(crate) mod general_ci;
mod key_collation;
pub(crate) mod lex;
pub(crate) mod like;
pub(crate) mod mode;
pub(crate) mod optional;
mod size;
mod text_charset;

pub(crate) use allowances::Allowances;
pub(crate) use ascii_case::{AsciiCase, without_case};
pub(crate) use canonical::canonical_text;
pub(crate) use cursor::Cursor;
pub(crate) use datum::{Datum, text};
pub(crate) use error::syntax_error_near;
pub(crate) use evaluate::{Budget, Names, evaluate, is_true};
pub(crate) use key_collation::KeyCollation;
pub(crate) use like::Pattern;
pub(crate) use text_charset::TextCharset;

pub(crate) use sealwire_core::sql::{backquoted, text_literal};

use sealwire_core::error::SqlError;
use sqlparser::ast::Expr;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

/// The deepest expression that is evaluated in the event loop's thread, whose stack is small.
pub(crate) const MOST_EVALUATED_DEPTH: u32 = 250;

/// Parses a single expression.
///
/// # Errors
/// 1064 where the text is no expression, or more follows it; 1436 where it is nested too deeply.
pub(crate) fn parse_expression(text: &str) -> Result<Expr, SqlError> {
    depth::check_to(text, MOST_EVALUATED_DEPTH)?;
    let parsed = Parser::new(&MySqlDialect {}).try_with_sql(text).and_then(|mut parser| {
        let expression = parser.parse_expr()?;
        parser.expect_token(&sqlparser::tokenizer::Token::EOF)?;
        Ok(expression)
    });
    parsed.map_err(|_| syntax_error_near(text, text))
}
