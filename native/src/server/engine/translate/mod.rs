//! MySQL's SQL to SQLite's: plain and honest. What has no equal in SQLite is refused with 1235, never run as something else.

mod definition;
mod manipulation;
mod rewrite;
pub(super) mod titles;

use sealwire_core::error::SqlError;
use sqlparser::ast::{ObjectName, ObjectNamePart, Statement, VisitMut};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::server::sql::{Names, depth, lex, syntax_error_near};

/// What a statement does, as far as its answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Gives rows.
    Query,
    /// Adds rows; the answer names the last generated key.
    Insert,
    /// As [`Kind::Insert`], where an existing row is changed instead.
    Upsert,
    /// As [`Kind::Insert`], where an existing row is deleted first.
    Replace,
    /// Changes or deletes rows.
    Change,
    /// Changes the schema: commits first, as in MySQL.
    Definition,
}

/// A statement in SQLite's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translated {
    /// One statement or, for a definition, several that belong together.
    pub(crate) statements: Vec<String>,
    /// What it does.
    pub(crate) kind: Kind,
    /// The databases that it names.
    pub(crate) databases: Vec<String>,
    /// The tables that it reads or writes, with their databases.
    pub(crate) tables: Vec<(String, String)>,
    /// How many `?` it has.
    pub(crate) parameters: u16,
    /// The titles of its result columns as MySQL gives them, where they are known.
    pub(crate) titles: Vec<Option<String>>,
}

/// What a translation may look at.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// Variables and the session's functions.
    pub(crate) names: &'a dyn Names,
}

/// Translates one statement.
///
/// # Errors
/// 1064 where it is not SQL, 1235 where SQLite has nothing like it, 1046 where it needs a database and none is current.
pub(crate) fn translate(sql: &str, scope: Scope<'_>) -> Result<Translated, SqlError> {
    let (mut statement, parameters) = parse(sql)?;
    let mut rewriter = rewrite::Rewriter::new(scope);
    let titles = if matches!(statement, Statement::Query(_)) { titles::of(sql) } else { Vec::new() };
    if let Statement::Query(query) = &mut statement {
        titles::prepare(query);
    }
    if let std::ops::ControlFlow::Break(error) = statement.visit(&mut rewriter) {
        return Err(*error);
    }
    let (statements, kind) = match statement {
        Statement::Query(query) => (vec![query.to_string()], Kind::Query),
        Statement::Insert(insert) => manipulation::insert(insert)?,
        Statement::Update(update) => manipulation::update(update)?,
        Statement::Delete(delete) => manipulation::delete(delete)?,
        Statement::Truncate(truncate) => (manipulation::truncate(&truncate), Kind::Definition),
        other => (definition::translate(other, &mut rewriter)?, Kind::Definition),
    };
    Ok(Translated { statements, kind, databases: rewriter.databases(), tables: rewriter.tables, parameters, titles })
}

/// Parses and numbers the parameters from 1, so that moving an expression does not move its value.
fn parse(sql: &str) -> Result<(Statement, u16), SqlError> {
    depth::check(sql)?;
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
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let parsed = parser.parse_statement();
    let statement = match parsed {
        Ok(statement) if parser.peek_token_ref().token == Token::EOF => statement,
        _ => {
            let rest = rest_from(sql, parser.peek_token_ref());
            // A first word that begins no statement is itself the error.
            let is_first_word = sql.strip_suffix(rest).is_some_and(|before| before.split_whitespace().count() == 1);
            return Err(syntax_error_near(sql, if is_first_word { sql } else { rest }));
        }
    };
    Ok((statement, parameters))
}

/// The text from a token on, which is where MySQL says the error is.
fn rest_from<'a>(sql: &'a str, token: &TokenWithSpan) -> &'a str {
    let start = token.span.start;
    let Ok(line) = usize::try_from(start.line) else { return sql };
    if line == 0 {
        // The end of the text has no place of its own.
        return "";
    }
    let before: usize = sql.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = sql.get(before..).unwrap_or_default();
    let column = usize::try_from(start.column).unwrap_or(1).saturating_sub(1);
    let offset = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    rest.get(offset..).unwrap_or_default()
}

/// MySQL's refusal of what this server does not do.
fn unsupported(what: &str) -> SqlError {
    SqlError::new(1235, b"42000", format!("This version of Sealwire doesn't yet support '{what}'"))
}

/// A name in the quotes that SQLite and MySQL share.
pub(crate) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQLite writes it.
pub(crate) fn quote_text(text: &str) -> String {
    if text.contains('\0') {
        use std::fmt::Write as _;
        let hex = text.bytes().fold(String::new(), |mut hex, byte| {
            // Writing to a String can't fail.
            let _ = write!(hex, "{byte:02X}");
            hex
        });
        return format!("CAST(X'{hex}' AS TEXT)");
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// The plain texts of a name's parts.
fn parts(name: &ObjectName) -> Vec<&str> {
    name.0.iter().filter_map(ObjectNamePart::as_ident).map(|part| part.value.as_str()).collect()
}

/// The last part of a name: the table without its database.
fn last_part(name: &ObjectName) -> &str {
    parts(name).last().copied().unwrap_or_default()
}

/// The front of a qualified name: the database, quoted, with its point.
fn database_prefix(name: &ObjectName) -> String {
    match parts(name).as_slice() {
        [database, _] => format!("{}.", quote(database)),
        _ => String::new(),
    }
}

/// Whether a statement's first word is this one; cheap, for choices made before parsing.
pub(crate) fn begins_with(sql: &str, word: &str) -> bool {
    lex::Lexer::new(sql.as_bytes())
        .find(|(piece, _)| *piece != lex::Piece::Space)
        .is_some_and(|(_, text)| text.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests;
