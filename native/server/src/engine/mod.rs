//! The engine behind the server: databases, statements, rows. SQLite is the one there is.

mod annotations;
mod delivery;
mod first_value;
mod interruption;
mod pool;
mod sqlite;
mod threads;
mod translate;
mod types;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;

use super::sql::{Datum, Names};

pub(crate) use delivery::{Deliveries, Delivery, Outcome};
pub(crate) use interruption::Interruption;
pub(crate) use pool::{Job, Pool, Task, evaluate};
pub(crate) use sqlite::{SqliteEngine, allow_descriptors, zone as time_zone};

/// MySQL's longest name, in characters.
pub(crate) const LONGEST_NAME: usize = 64;

/// A place where databases are kept.
pub(crate) trait Engine: Debug + Send + Sync {
    /// Opens a session: what one connection needs to run statements.
    ///
    /// # Errors
    /// Where there are no resources for it.
    fn session(&self) -> Result<Box<dyn EngineSession>, SqlError>;

    /// The databases there are, sorted.
    ///
    /// # Errors
    /// Where they can't be read.
    fn databases(&self) -> Result<Vec<String>, SqlError>;

    /// Whether there is a database of that name.
    fn has_database(&self, name: &str) -> bool;

    /// Makes a database.
    ///
    /// # Errors
    /// 1007 where it exists, 1102 where its name can't be one.
    fn create_database(&self, name: &str) -> Result<(), SqlError>;

    /// Removes a database with all that is in it, when no transaction has changed it and is still open.
    ///
    /// # Errors
    /// 1008 where there is none, 1205 where such a transaction lasts longer than one may wait, 1317 where the wait is stopped.
    fn drop_database(&self, name: &str, wait: LockWait) -> Result<(), SqlError>;

    /// A table as CREATE TABLE or CREATE VIEW would make it.
    ///
    /// # Errors
    /// 1146 where there is no such table.
    fn table_definition(&self, database: &str, table: &str) -> Result<TableDefinition, SqlError>;
}

/// A table's name as it is kept, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    /// Its name.
    pub(crate) name: String,
    /// The statement.
    pub(crate) statement: String,
    /// Whether it is a view.
    pub(crate) is_view: bool,
}

/// A table of which `information_schema` does not tell: a temporary one, or one that the server makes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnlistedTable {
    /// Its name and statement.
    pub(crate) definition: TableDefinition,
    /// What would be its rows of `information_schema.COLUMNS`.
    pub(crate) columns: SystemTable,
    /// The same of `information_schema.STATISTICS`.
    pub(crate) keys: SystemTable,
}

/// One connection's part of the engine. Moves between threads, works on one at a time.
pub(crate) trait EngineSession: Send {
    /// What a statement takes and gives, without running it.
    ///
    /// # Errors
    /// As for running it.
    fn describe(&mut self, request: &Request<'_>) -> Result<Description, SqlError>;

    /// Runs a statement; rows go to `rows` as they come.
    ///
    /// # Errors
    /// With MySQL's code.
    fn execute(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError>;

    /// Begins, ends or marks a transaction.
    ///
    /// # Errors
    /// With MySQL's code.
    fn transaction(&mut self, step: &TransactionStep) -> Result<(), SqlError>;

    /// Whether a transaction is open.
    fn is_in_transaction(&self) -> bool;

    /// The session's own temporary table of that name, where it has one.
    ///
    /// # Errors
    /// With MySQL's code.
    fn temporary_table(&self, database: &str, table: &str) -> Result<Option<UnlistedTable>, SqlError>;

    /// What stops a running statement from another thread.
    fn interruption(&self) -> Arc<Interruption>;
}

/// A statement to run, with all that it may look at.
pub(crate) struct Request<'a> {
    /// One statement, as `sql::lex::normalise` made it.
    pub(crate) sql: &'a str,
    /// Values for its `?`.
    pub(crate) parameters: &'a [Datum],
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// Variables, system tables and rights.
    pub(crate) context: &'a Arc<dyn SessionContext>,
    /// Whether rows are wanted in binary form.
    pub(crate) binary: bool,
    /// Whether each statement is its own transaction.
    pub(crate) autocommit: bool,
    /// What the statement may not do, and how long it may take.
    pub(crate) limits: Limits,
}

/// What the session's variables forbid to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Why nothing may be changed; `None` where changes are allowed.
    pub(crate) read_only: Option<ReadOnly>,
    /// How long a SELECT may run: `max_execution_time`.
    pub(crate) time: Option<Duration>,
    /// How many rows a SELECT gives at most: `sql_select_limit`.
    pub(crate) rows: Option<u64>,
    /// How long a statement waits for another's lock.
    pub(crate) lock_wait: Duration,
    /// Whether foreign keys are passed over: `foreign_key_checks` is off.
    pub(crate) skips_foreign_keys: bool,
    /// Bytes of memory that count for the account already, with a long text and what is made from it.
    pub(crate) reserved: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { read_only: None, time: None, rows: None, lock_wait: LOCK_WAIT, skips_foreign_keys: false, reserved: 0 }
    }
}

/// How a statement outside of a session of the engine waits for another's lock.
pub(crate) struct LockWait {
    /// How long.
    pub(crate) most: Duration,
    /// Whether somebody has stopped the statement meanwhile.
    pub(crate) is_stopped: Box<dyn Fn() -> bool + Send>,
}

/// How long a statement waits for another's lock where the session says nothing else.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Why a statement may change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOnly {
    /// The transaction was begun as one that only reads.
    Transaction,
    /// `read_only` is on, and the account has no privilege to write nevertheless.
    Server,
    /// `super_read_only` is on, for everybody.
    ServerForAll,
}

impl ReadOnly {
    /// What a statement answers that would have changed something.
    pub(crate) fn refusal(self) -> SqlError {
        let option = match self {
            Self::Transaction => {
                return SqlError::new(1792, b"25006", "Cannot execute statement in a READ ONLY transaction.");
            }
            Self::Server => "--read-only",
            Self::ServerForAll => "--super-read-only",
        };
        let message =
            format!("The MySQL server is running with the {option} option so it cannot execute this statement");
        SqlError::new(1290, b"HY000", message)
    }
}

/// What a statement answers that was stopped, or whose time is over.
pub(crate) fn stopped(interruption: &Interruption) -> SqlError {
    if interruption.is_timed_out() {
        let message = "Query execution was interrupted, maximum statement execution time exceeded";
        return SqlError::new(3024, b"HY000", message);
    }
    interrupted()
}

/// Ends a connection, because so many bytes are kept for its transaction.
pub(crate) type EndConnection = Arc<dyn Fn(u64) + Send + Sync>;

/// What a statement sees of the server around it.
pub(crate) trait SessionContext: Names + Send + Sync {
    /// `user@host` of the account for which large values count.
    fn account(&self) -> String {
        match self.function("CURRENT_USER") {
            Some(Datum::Text(account)) => account,
            _ => String::new(),
        }
    }

    /// A table of `information_schema`, `performance_schema`, `sys` or `mysql`; `None` where there is none of that name.
    fn system_table(&self, schema: &str, table: &str) -> Option<SystemTable>;

    /// Whether the session has a privilege on a table, or on a whole database.
    fn may(&self, privilege: Privilege, database: &str, table: Option<&str>) -> bool;

    /// Whether the session has any privilege on a database or on something in it.
    fn sees_database(&self, database: &str) -> bool;

    /// Whether the session has any privilege on a table, so that it may know that the table is there.
    fn sees(&self, database: &str, table: &str) -> bool;

    /// The error for a privilege that the session has not: 1142 for a table, 1044 for a database.
    fn denied(&self, privilege: Privilege, database: &str, table: Option<&str>) -> SqlError;

    /// Ends the session's connection; `None` where it may not be ended.
    fn end(&self) -> Option<EndConnection> {
        None
    }
}

/// A table that is made when it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SystemTable {
    /// Names and types of its columns.
    pub(crate) columns: Vec<(&'static str, &'static str)>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<Datum>>,
}

/// What a statement takes and gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Description {
    /// How many `?` it has.
    pub(crate) parameters: u16,
    /// Its result columns; empty where it gives no rows.
    pub(crate) columns: Vec<ColumnDefinition>,
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Done {
    /// Whether it gave rows.
    pub(crate) has_rows: bool,
    /// Rows changed.
    pub(crate) affected_rows: u64,
    /// The first key that it generated.
    pub(crate) last_insert_id: u64,
    /// Text for the user.
    pub(crate) info: String,
    /// What SHOW WARNINGS shows of it as warnings.
    pub(crate) warnings: Vec<SqlError>,
    /// As [`Done::warnings`], as notes.
    pub(crate) notes: Vec<SqlError>,
}

/// Where rows go.
pub(crate) trait RowSink {
    /// The result begins.
    ///
    /// # Errors
    /// Where nobody wants it any more.
    fn begin(&mut self, columns: Vec<ColumnDefinition>) -> Result<(), SqlError>;

    /// Waits until the row that comes next may be made; `check` is asked again and again meanwhile.
    ///
    /// # Errors
    /// Where nobody wants it any more, and those of `check`.
    fn wait(&mut self, _check: &dyn Fn() -> Result<(), SqlError>) -> Result<(), SqlError> {
        Ok(())
    }

    /// Where the next row's payload is to be appended.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// The row is complete.
    ///
    /// # Errors
    /// Where nobody wants more.
    fn end_row(&mut self) -> Result<(), SqlError>;
}

/// A step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransactionStep {
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// SAVEPOINT.
    Savepoint(String),
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// RELEASE SAVEPOINT.
    Release(String),
}

/// The titles of a SELECT's columns as MySQL gives them: the texts of their expressions.
pub(crate) fn title_texts(sql: &str) -> Vec<Option<String>> {
    translate::titles::of(sql)
}

/// A column of a type in MySQL's words.
pub(crate) fn declared_column(title: &str, declared: &str) -> ColumnDefinition {
    types::DeclaredType::parse(declared).column(title)
}

/// What a stopped statement answers.
pub(crate) fn interrupted() -> SqlError {
    SqlError::new(1317, b"70100", "Query execution was interrupted")
}

/// The error for a database that is not there.
pub(crate) fn unknown_database(name: &str) -> SqlError {
    SqlError::new(1049, b"42000", format!("Unknown database '{name}'"))
}

/// Databases whose tables are made when they are asked for.
pub(crate) const SYSTEM_DATABASES: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// Tables of `mysql` that `information_schema.TABLES` lists. Dumps have their definitions, and read no rows of them.
pub(crate) const LOG_TABLES: [&str; 2] = ["general_log", "slow_log"];

/// Whether a database is the server's own, in letters of either case.
pub(crate) fn is_system_database(name: &str) -> bool {
    SYSTEM_DATABASES.iter().any(|system| system.eq_ignore_ascii_case(name))
}
