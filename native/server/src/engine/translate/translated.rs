//! A translated statement: its text for SQLite, and the facts that the engine needs to run it.

use std::collections::BTreeSet;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use crate::memory::Held;

/// The kind of a statement, which decides its answer and its privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementKind {
    /// Returns rows.
    Query,
    /// Adds rows; the answer has the last generated key.
    Insert,
    /// Adds rows or changes existing ones: INSERT … ON DUPLICATE KEY UPDATE.
    Upsert,
    /// Adds rows and deletes existing ones with the same key.
    Replace,
    /// Changes rows.
    Update,
    /// Deletes rows.
    Delete,
    /// Changes the schema, and commits first, as in MySQL.
    Definition,
}

/// A table that a statement names, and the privileges that it needs by MySQL's manual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    /// Its database.
    pub(crate) database: String,
    /// The table; `None` where the privileges are needed on the database.
    pub(crate) table: Option<String>,
    /// The privileges, all of which are needed.
    pub(crate) privileges: &'static [Privilege],
}

/// A new column whose place is not behind the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnMove {
    /// The table's schema and its name in SQLite.
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) column: String,
    /// The column before it; `None` for the first place.
    pub(crate) after: Option<String>,
    /// The number of the statement that adds it.
    pub(crate) statement: usize,
}

/// A new table with the default collation, which its text does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collated {
    pub(crate) database: String,
    /// The text that names it, for the binary log of a database that has another default by then.
    pub(crate) text: String,
}

/// A new column that has a value in the rows that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewDefault {
    /// The number of the statement that adds it.
    pub(crate) statement: usize,
    pub(crate) column: String,
    /// The literal that only the rows that exist get, because the column is NOT NULL and has no default.
    pub(crate) implicit: Option<String>,
}

/// A renamed column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnRename {
    /// The table's schema and its name in SQLite.
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// A key that CREATE INDEX or ALTER TABLE adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddedKey {
    pub(crate) name: String,
    /// Its columns, in lower case; `None` for a part that is no whole column.
    pub(crate) columns: Vec<Option<String>>,
    /// The number of the statement that adds it.
    pub(crate) statement: usize,
}

/// Whether a key of these columns begins with those. Names are in lower case; `None` is a part that is no whole column.
pub(crate) fn begins(columns: &[Option<String>], with: &[Option<String>]) -> bool {
    columns.len() >= with.len() && columns.iter().zip(with).all(|(one, other)| one.is_some() && one == other)
}

/// A statement of a definition that is skipped with a note where the object exists already, or is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skippable {
    /// Its number among the statements.
    pub(crate) statement: usize,
    /// The errors that become notes.
    pub(crate) errors: &'static [u16],
}

/// A statement translated for SQLite.
#[derive(Debug)]
pub(crate) struct Translated {
    /// One statement or, for a definition, one or several.
    pub(crate) statements: Vec<String>,
    /// Tables that FOR UPDATE locks: databases and names.
    pub(crate) locked: Vec<(String, String)>,
    /// The query of a view, which is compiled first, because SQLite does not check it in CREATE VIEW.
    pub(crate) check: Option<String>,
    /// The statement's kind.
    pub(crate) kind: StatementKind,
    /// The tables that it names, with the privileges that it needs.
    pub(crate) accesses: Vec<Access>,
    /// The names that its WITH clauses define.
    pub(crate) cte_names: Vec<String>,
    /// Whether its expressions name columns; of INSERT, only those of ON DUPLICATE KEY UPDATE count. Otherwise the changed table needs no
    /// SELECT privilege.
    pub(crate) reads_columns: bool,
    /// How many `?` it has.
    pub(crate) parameters: u16,
    /// The titles of the result columns by MySQL's rules, where they differ from SQLite's.
    pub(crate) titles: Vec<Option<String>>,
    /// Temporary tables that the statement creates.
    pub(crate) creates: Vec<(String, String)>,
    /// Temporary tables that the statement drops.
    pub(crate) drops: Vec<(String, String)>,
    /// The text for the binary log, where the statement's own text does not suit.
    pub(crate) logged_text: Option<String>,
    /// The new table whose text for the binary log depends on the database.
    pub(crate) collated: Option<Collated>,
    /// Whether it names a temporary table that exists, which replicas do not have.
    pub(crate) names_temporary: bool,
    /// Whether an existing or missing object makes a note instead of an error: `IF NOT EXISTS`, `IF EXISTS`.
    pub(crate) is_conditional: bool,
    /// The table that an INSERT without a list of columns fills, by its schema and its name in SQLite.
    pub(crate) fills: Option<(String, String)>,
    /// Statements with a condition of their own: `ADD COLUMN IF NOT EXISTS`.
    pub(crate) skippable: Vec<Skippable>,
    /// IGNORE, by which a row that breaks a constraint makes a warning instead of an error.
    pub(crate) ignore: Option<IgnoreClause>,
    /// Notes of the translation.
    pub(crate) notes: Vec<SqlError>,
    /// The keys that it adds to a table that exists.
    pub(crate) keys: Vec<AddedKey>,
    /// The columns that ALTER TABLE drops, each with the number of its statement.
    pub(crate) dropped_columns: Vec<(usize, String)>,
    /// The columns that ALTER TABLE adds with a value for the rows that exist.
    pub(crate) defaults: Vec<NewDefault>,
    /// New columns that SQLite appends, and that then move to their places.
    pub(crate) moves: Vec<ColumnMove>,
    /// The table of CREATE TABLE … LIKE, by its database and name, whose definition replaces the statement.
    pub(crate) like: Option<(String, String)>,
    /// The titles of the columns that CREATE VIEW names.
    pub(crate) view_columns: Vec<String>,
    /// The tables that it creates or alters, each with its schema and its name in SQLite.
    pub(crate) targets: Vec<(String, String)>,
    /// The columns that it renames.
    pub(crate) renames: Vec<ColumnRename>,
    /// Whether it may be too complex for SQLite, so that it must be weighed with its tables: see [`super::weight`].
    pub(crate) is_heavy: bool,
    /// The most memory that parsing takes.
    pub(crate) tree_bytes: usize,
    /// The memory of the values that stand in the statements, counted for the account until this is dropped.
    #[expect(dead_code, reason = "it counts until it is dropped")]
    pub(crate) values: Held,
}

/// A change with IGNORE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IgnoreClause {
    /// The change without IGNORE, whose error says what is wrong with a row.
    pub(crate) strict: String,
    /// The number of rows in VALUES, if the statement has VALUES.
    pub(crate) rows: Option<u64>,
}

impl Translated {
    /// The databases that the statement names, each once.
    pub(crate) fn databases(&self) -> BTreeSet<&str> {
        self.accesses.iter().map(|access| access.database.as_str()).collect()
    }

    /// The databases that the statement changes, each once.
    pub(crate) fn changed_databases(&self) -> BTreeSet<&str> {
        self.changed().map(|access| access.database.as_str()).collect()
    }

    /// The tables and databases that the statement changes. Temporary tables are not among them.
    fn changed(&self) -> impl Iterator<Item = &Access> {
        let reads = |privilege: &Privilege| [Privilege::SELECT, Privilege::REFERENCES].contains(privilege);
        self.accesses.iter().filter(move |access| !access.privileges.iter().all(reads))
    }

    /// Whether all that the statement defines is temporary, so that it commits nothing.
    pub(crate) fn is_temporary(&self) -> bool {
        let is_own = !self.creates.is_empty() || !self.drops.is_empty() || self.statements.is_empty();
        is_own && self.changed().all(|access| access.table.is_none())
    }
}
