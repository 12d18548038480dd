//! A translated statement: its text for SQLite, and what the engine must know to run it.

use std::collections::BTreeSet;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

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
    pub(crate) cte_names: Vec<String>,
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
    pub(crate) is_conditional: bool,
    /// Whether a row that would break a constraint makes a warning and no error: `IGNORE`; and how many rows it adds, where that is known.
    pub(crate) ignores: Option<Ignores>,
    /// What the translation itself has to note.
    pub(crate) notes: Vec<SqlError>,
    /// Columns that it renames, each with its schema and its table as SQLite names them.
    pub(crate) renames: Vec<(String, String, String)>,
    /// Whether it may be too complex for SQLite, so that its tables are to be looked at: see [`super::weight`].
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
