//! MySQL's SQL to SQLite's: plain and honest. A construct that has no equal in SQLite is refused with 1235, never run as something else.
//!
//! Each statement is parsed, and then written anew by [`writer::Writer`], node by node. No `Display` of the parser takes part, because
//! a printer made for people may guess how a name is quoted, and a wrong guess is an injection into SQLite.

mod definition;
mod expression;
pub(super) mod frozen;
mod function;
mod manipulation;
mod query;
mod source;
pub(super) mod titles;
pub(super) mod weight;
mod writer;

use std::borrow::Cow;
use std::collections::BTreeSet;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sqlparser::ast::{ObjectName, ObjectNamePart, SetExpr, Statement};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

pub(super) use definition::{MOST_KEYS, too_many_keys};
pub(super) use function::is_allowed;
pub(super) use writer::{READ, quote, quote_text};

use super::{Interruption, stopped};
use crate::memory::{self, Held};
use crate::sql::{Names, depth, syntax_error_near};

/// The kind of a statement, as far as its answer and its rights depend on it.
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
    /// Changes rows.
    Update,
    /// Deletes rows.
    Delete,
    /// Changes the schema: commits first, as in MySQL.
    Definition,
}

/// A table that a statement names, and the privileges that MySQL's manual demands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// Its database.
    pub(crate) database: String,
    /// The table; `None` where the privileges are needed on the database.
    pub(crate) table: Option<String>,
    /// All of them are needed.
    pub(crate) privileges: &'static [Privilege],
}

/// A statement in SQLite's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Translated {
    /// One statement or, for a definition, several that belong together.
    pub(crate) statements: Vec<String>,
    /// Tables whose rows a locking clause locks: databases and names.
    pub(crate) locked: Vec<(String, String)>,
    /// A query to compile before the statements, because SQLite does not look into a view's body when it creates the view.
    pub(crate) check: Option<String>,
    /// Its kind.
    pub(crate) kind: Kind,
    /// The tables that it names, with the privileges that it needs on them.
    pub(crate) accesses: Vec<Access>,
    /// The names that its WITH clauses define.
    pub(crate) common: Vec<String>,
    /// Whether its expressions name columns: those of ON DUPLICATE KEY UPDATE where it has that clause. Where they name none, the table that
    /// is changed needs no SELECT.
    pub(crate) reads_columns: bool,
    /// How many `?` it has.
    pub(crate) parameters: u16,
    /// The titles of its result columns as MySQL gives them, where they are known.
    pub(crate) titles: Vec<Option<String>>,
    /// Temporary tables that it creates.
    pub(crate) creates: Vec<(String, String)>,
    /// Temporary tables that it drops.
    pub(crate) drops: Vec<(String, String)>,
    /// Whether an object that is there already, or is not there, makes a note and no error: `IF NOT EXISTS`, `IF EXISTS`.
    pub(crate) forgives: bool,
    /// Whether a row that would break a constraint makes a warning and no error: `IGNORE`; and how many rows it adds, where that is known.
    pub(crate) ignores: Option<Ignores>,
    /// What the translation itself has to note.
    pub(crate) notes: Vec<SqlError>,
    /// Columns that it renames, each with its schema and its table as SQLite names them.
    pub(crate) renames: Vec<(String, String, String)>,
    /// Whether it may be too complex for SQLite, so that its tables are to be looked at: see [`weight`].
    pub(crate) is_heavy: bool,
    /// What reading it takes at most.
    pub(crate) tree_bytes: usize,
}

/// A change with IGNORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ignores {
    /// The change as it would be without IGNORE, which says what is wrong with a row.
    pub(crate) strict: String,
    /// How many rows stand in its VALUES.
    pub(crate) rows: Option<u64>,
}

impl Translated {
    /// The databases that it names, each once.
    pub(crate) fn databases(&self) -> BTreeSet<&str> {
        self.accesses.iter().map(|access| access.database.as_str()).collect()
    }

    /// Whether all that it defines is temporary, so that no transaction is committed for it.
    pub(crate) const fn is_temporary(&self) -> bool {
        !self.creates.is_empty() || !self.drops.is_empty() || self.statements.is_empty()
    }
}

/// A session's temporary tables: databases and names.
pub(crate) type Temporaries = BTreeSet<(String, String)>;

/// The name of a temporary table in SQLite's one schema for them. A database's name holds no control character.
pub(super) fn temporary_name(database: &str, table: &str) -> String {
    format!("{database}\u{1}{table}")
}

/// A database's name as SQLite's name of the schema to which its file is attached: its own, unless SQLite uses that one itself.
pub(super) fn schema_of(database: &str) -> Cow<'_, str> {
    if ["main", "temp"].iter().any(|own| own.eq_ignore_ascii_case(database)) {
        return Cow::Owned(format!("{database}{OTHERWISE}"));
    }
    Cow::Borrowed(database)
}

/// The reverse of [`schema_of`].
pub(super) fn database_of(schema: &str) -> &str {
    schema.trim_end_matches(OTHERWISE)
}

/// Marks a schema that could not have its database's name: no such name holds a control character.
const OTHERWISE: char = '\u{1}';

/// What a translation may look at.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// Variables and the session's functions.
    pub(crate) names: &'a dyn Names,
    /// The session's temporary tables.
    pub(crate) temporaries: &'a Temporaries,
    /// What is asked before memory is taken, and between two steps that take time.
    pub(crate) reading: &'a dyn Reading,
}

/// What reading a statement asks of who has it read.
pub(crate) trait Reading {
    /// Counts memory for reading a statement, until the result is dropped.
    ///
    /// # Errors
    /// 1041 where there is none, and those of [`Reading::go_on`].
    fn room(&self, bytes: usize) -> Result<Held, SqlError>;

    /// Looks whether the statement is to stop.
    ///
    /// # Errors
    /// 1317 and 3024 where it is.
    fn go_on(&self) -> Result<(), SqlError>;
}

impl Reading for Interruption {
    fn room(&self, _: usize) -> Result<Held, SqlError> {
        Ok(Held::default())
    }

    fn go_on(&self) -> Result<(), SqlError> {
        if self.is_stopped() { Err(stopped(self)) } else { Ok(()) }
    }
}

/// A tree, and the memory that counts for it.
pub(super) struct Tree {
    pub(super) statement: Statement,
    parameters: u16,
    /// What reading it takes at most.
    bytes: usize,
    _held: Held,
}

impl Tree {
    /// Looks whether a large statement is to stop: a step on a small one takes no time.
    fn go_on(bytes: usize, reading: &dyn Reading) -> Result<(), SqlError> {
        if bytes < memory::LARGE { Ok(()) } else { reading.go_on() }
    }
}

/// Translates one statement.
///
/// # Errors
/// 1064 where it is not SQL, 1235 where SQLite has nothing like it, 1046 where it needs a database and none is current.
pub(crate) fn translate(sql: &str, scope: Scope<'_>) -> Result<Translated, SqlError> {
    let Tree { statement, parameters, bytes, _held: held } = tree(sql, scope.reading)?;
    let is_heavy = weight::may_be_heavy(sql, &statement);
    Tree::go_on(bytes, scope.reading)?;
    let mut writer = writer::Writer::new(scope);
    let mut titles = Vec::new();
    let mut statements = Vec::new();
    let mut check = None;
    let kind = match statement {
        Statement::Query(mut query) => match query.body.as_ref() {
            SetExpr::Insert(change) | SetExpr::Update(change) | SetExpr::Delete(change) => {
                manipulation::change(query.with.as_ref(), change, &mut writer)?
            }
            _ => {
                titles = titles::of(sql);
                titles::prepare(&mut query);
                query::query(&query, &mut writer)?;
                Kind::Query
            }
        },
        change @ (Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_)) => {
            manipulation::change(None, &change, &mut writer)?
        }
        Statement::Truncate(truncate) => {
            manipulation::truncate(&truncate, &mut writer, &mut statements)?;
            Kind::Definition
        }
        other => {
            check = definition::translate(other, &source::Source::of(sql), &mut writer, &mut statements)?;
            Kind::Definition
        }
    };
    drop(held);
    Tree::go_on(bytes, scope.reading)?;
    if kind != Kind::Definition {
        statements.push(writer.take());
    }
    Ok(Translated { is_heavy, tree_bytes: bytes, ..writer.finish(statements, check, kind, parameters, titles) })
}

/// Parses and numbers the parameters from 1, so that moving an expression does not move its value.
///
/// # Errors
/// As [`translate`].
pub(super) fn tree(sql: &str, reading: &dyn Reading) -> Result<Tree, SqlError> {
    let bytes = depth::check(sql)?;
    let held = reading.room(bytes)?;
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
    Tree::go_on(bytes, reading)?;
    let mut parser = Parser::new(&dialect).with_tokens_with_locations(tokens);
    let parsed = parser.parse_statement();
    Tree::go_on(bytes, reading)?;
    let statement = match parsed {
        Ok(statement) if parser.peek_token_ref().token == Token::EOF => statement,
        _ => {
            let rest = rest_from(sql, parser.peek_token_ref());
            // A first word that begins no statement is itself the error.
            let is_first_word = sql.strip_suffix(rest).is_some_and(|before| before.split_whitespace().count() == 1);
            return Err(syntax_error_near(sql, if is_first_word { sql } else { rest }));
        }
    };
    Ok(Tree { statement, parameters, bytes, _held: held })
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

/// The plain texts of a name's parts.
fn parts(name: &ObjectName) -> Vec<&str> {
    name.0.iter().filter_map(ObjectNamePart::as_ident).map(|part| part.value.as_str()).collect()
}

/// The last part of a name: the table without its database.
fn last_part(name: &ObjectName) -> &str {
    parts(name).last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
