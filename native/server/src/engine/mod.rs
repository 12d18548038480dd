//! The engine: databases, statements and rows. [`SqliteEngine`] implements it.

mod annotations;
mod applied_places;
mod background_close;
mod delivery;
mod first_value;
mod interruption;
mod pool;
mod read_lock;
pub(crate) mod replicated;
mod sqlite;
mod threads;
mod translate;
mod types;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use sealwire_accounts::Privilege;
use sealwire_binlog::RowMetadata;
use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;

use super::replication::{Awaited, Place, RowImage};
use super::sql::{Datum, Names};
use replicated::{AppliedGroups, GroupEnd, KeptPlace, ReplicatedGroup, RowChange};

pub(crate) use applied_places::{AppliedPlaces, Arrival, Wanted};
pub(crate) use background_close::ClosedInBackground;
pub(crate) use delivery::{Deliveries, Delivery, Outcome};
pub(crate) use interruption::{Interruption, WaitEnd};
pub(crate) use pool::{Job, Pool, Task, evaluate};
pub(crate) use read_lock::{Commit, HeldReadLock, OwnChange, ReadLock};
pub(crate) use sqlite::{SqliteEngine, allow_descriptors, date_time, unix_seconds, zone as time_zone, zone_offset};
pub(crate) use threads::STACK;

/// MySQL's limit for names, in characters.
pub(crate) const LONGEST_NAME: usize = 64;

/// A store of databases.
pub(crate) trait Engine: Debug + Send + Sync {
    /// Opens a session, with which one connection runs statements.
    ///
    /// # Errors
    /// Where resources are short.
    fn session(&self) -> Result<Box<dyn EngineSession>, SqlError>;

    /// The names of all databases, sorted.
    ///
    /// # Errors
    /// Where the databases can't be listed.
    fn databases(&self) -> Result<Vec<String>, SqlError>;

    /// Whether a database exists.
    fn has_database(&self, name: &str) -> bool;

    /// Creates a database; `None` gives it the server's collation.
    ///
    /// # Errors
    /// 1007 where it exists, 1102 where the name is not allowed.
    fn create_database(&self, name: &str, collation: Option<&str>) -> Result<(), SqlError>;

    /// Gives a database another collation, which tables have that are created later.
    ///
    /// # Errors
    /// 1049 where it does not exist, 1005 where the collation can't be written.
    fn alter_database(&self, name: &str, collation: &str) -> Result<(), SqlError>;

    /// The collation of a database, the server's if it has none of its own.
    ///
    /// # Errors
    /// Where it can't be read.
    fn database_collation(&self, name: &str) -> Result<String, SqlError>;

    /// Removes a database with all its tables once no open transaction has changed it. `around` is called when nobody can change it any more,
    /// and calls the function that removes it.
    ///
    /// # Errors
    /// 1008 where it does not exist, 1205 where such a transaction lasts longer than `wait` allows, 1317 where the wait is stopped, and those
    /// of `around`.
    fn drop_database(&self, name: &str, wait: LockWait, around: &mut Around<'_>) -> Result<(), SqlError>;

    /// The statement that makes a table or a view, as SHOW CREATE prints it.
    ///
    /// # Errors
    /// 1146 where there is no such table.
    fn table_definition(&self, database: &str, table: &str) -> Result<TableDefinition, SqlError>;

    /// The lock of FLUSH TABLES WITH READ LOCK.
    fn read_lock(&self) -> &Arc<ReadLock>;

    /// The groups of a source that a channel has applied.
    ///
    /// # Errors
    /// Where a database can't be read.
    fn applied_groups(&self, channel: &str) -> Result<AppliedGroups, SqlError>;

    /// Forgets all places of a channel.
    ///
    /// # Errors
    /// Where a database can't be written.
    fn forget_places(&self, channel: &str) -> Result<(), SqlError>;

    /// Keeps a part of the events of an XA transaction of a source, which wait for its second phase. Part 0 begins anew.
    ///
    /// # Errors
    /// Where it can't be written.
    fn hold_events(&self, channel: &str, xid: &str, part: u64, events: &[u8]) -> Result<(), SqlError>;

    /// Notes that the parts of an XA transaction are whole, so that they wait for its second phase whatever happens.
    ///
    /// # Errors
    /// Where it can't be written.
    fn prepare_events(&self, channel: &str, xid: &str) -> Result<(), SqlError>;

    /// Notes that a prepared XA transaction is about to be applied as the group of this number; returns whether there is such a transaction.
    ///
    /// # Errors
    /// Where it can't be written.
    fn begin_prepared(&self, channel: &str, xid: &str, number: u64) -> Result<bool, SqlError>;

    /// A part of the events of an XA transaction; `None` behind the last one.
    ///
    /// # Errors
    /// Where it can't be read.
    fn held_events(&self, channel: &str, xid: &str, part: u64) -> Result<Option<Vec<u8>>, SqlError>;

    /// Forgets the events of an XA transaction.
    ///
    /// # Errors
    /// Where they can't be removed.
    fn release_events(&self, channel: &str, xid: &str) -> Result<(), SqlError>;
}

/// A table that a statement names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedTable {
    /// Its database.
    pub(crate) database: String,
    /// Its name.
    pub(crate) table: String,
    /// Whether the statement changes it.
    pub(crate) is_changed: bool,
}

/// A table or view, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    /// The name.
    pub(crate) name: String,
    /// The statement.
    pub(crate) statement: String,
    /// Whether this is a view.
    pub(crate) is_view: bool,
}

/// A table that `information_schema` does not list: a temporary table, or one that the server makes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UnlistedTable {
    /// The name and the statement.
    pub(crate) definition: TableDefinition,
    /// Its rows of `information_schema.COLUMNS`, as they would be.
    pub(crate) columns: SystemTable,
    /// Its rows of `information_schema.STATISTICS`, as they would be.
    pub(crate) keys: SystemTable,
}

/// One connection's session with the engine. It moves between threads, and one thread uses it at a time.
pub(crate) trait EngineSession: Send {
    /// Describes a statement's parameters and result columns without running it.
    ///
    /// # Errors
    /// Those of running it.
    fn describe(&mut self, request: &Request<'_>) -> Result<Description, SqlError>;

    /// Runs a statement and writes its rows to `rows`.
    ///
    /// # Errors
    /// MySQL's.
    fn execute(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError>;

    /// Performs a step of a transaction.
    ///
    /// # Errors
    /// MySQL's.
    fn transaction(&mut self, step: &TransactionStep) -> Result<(), SqlError>;

    /// Performs a step of a transaction for a client. Without autocommit a savepoint begins the transaction, as every statement does.
    ///
    /// # Errors
    /// MySQL's.
    fn step(&mut self, step: &TransactionStep, autocommit: bool) -> Result<(), SqlError> {
        if !autocommit && matches!(step, TransactionStep::Savepoint(_)) && !self.is_in_transaction() {
            self.transaction(&TransactionStep::Begin)?;
        }
        self.transaction(step)
    }

    /// Begins a transaction. With a binary log it reads the databases as they are now, up to the nine that one transaction can have.
    ///
    /// # Errors
    /// MySQL's.
    fn begin_snapshot(&mut self, context: &dyn SessionContext) -> Result<(), SqlError>;

    /// The last commit whose answer is to wait for a replica, if it has not been taken.
    fn take_awaited(&mut self) -> Option<Awaited>;

    /// The place in the binary log of the open transaction's snapshot; `None` where it has none of all databases.
    fn snapshot(&self) -> Option<Place>;

    /// Whether a transaction is open.
    fn is_in_transaction(&self) -> bool;

    /// Notes the group of a source to which what follows belongs. A commit keeps the group's place in each database that it changes.
    fn set_group(&mut self, group: ReplicatedGroup);

    /// Ends the group; returns whether a commit kept its place.
    fn end_group(&mut self) -> bool;

    /// Keeps the place behind a group that changed no database.
    ///
    /// # Errors
    /// Where it can't be written.
    fn keep_place(&mut self, channel: &str, place: &KeptPlace) -> Result<(), SqlError>;

    /// Notes that a statement is about to be carried out that is no transaction of the databases, such as CREATE DATABASE.
    ///
    /// # Errors
    /// Where it can't be written.
    fn begin_outside(&mut self, channel: &str, end: &GroupEnd) -> Result<(), SqlError>;

    /// The tables that a statement names. Nothing is run.
    ///
    /// # Errors
    /// Those of reading the statement.
    fn named_tables(&mut self, request: &Request<'_>) -> Result<Vec<NamedTable>, SqlError>;

    /// Applies a row event within the transaction, which it begins where none is open.
    ///
    /// # Errors
    /// 1032 where a row is missing, 1062 where one is there already, 1146, 1535 and 1677 where the table is missing or another one.
    fn apply_rows(&mut self, change: &RowChange<'_>, limits: &Limits) -> Result<(), SqlError>;

    /// The session's temporary table of this name; `None` where there is none.
    ///
    /// # Errors
    /// MySQL's.
    fn temporary_table(&self, database: &str, table: &str) -> Result<Option<UnlistedTable>, SqlError>;

    /// Stops the running statement from another thread.
    fn interruption(&self) -> Arc<Interruption>;
}

/// A statement to run, with its context.
pub(crate) struct Request<'a> {
    /// One statement, normalised by `sql::lex::normalise`.
    pub(crate) sql: &'a str,
    /// The values of its `?`.
    pub(crate) parameters: &'a [Datum],
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// The variables, system tables and privileges of the session.
    pub(crate) context: &'a Arc<dyn SessionContext>,
    /// Whether rows are encoded as binary rows.
    pub(crate) binary: bool,
    /// Whether each statement is its own transaction.
    pub(crate) autocommit: bool,
    /// The limits of the statement.
    pub(crate) limits: Limits,
}

/// Limits that the session's variables set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Why the statement must not change anything; `None` where it may.
    pub(crate) read_only: Option<ReadOnly>,
    /// The longest time of a SELECT: `max_execution_time`.
    pub(crate) time: Option<Duration>,
    /// The most rows of a SELECT: `sql_select_limit`.
    pub(crate) rows: Option<u64>,
    /// The longest wait for a lock of another session.
    pub(crate) lock_wait: Duration,
    /// Whether foreign keys are ignored, because `foreign_key_checks` is off.
    pub(crate) skips_foreign_keys: bool,
    /// Whether a key must find the rows of an UPDATE or DELETE: `sql_safe_updates` is on, and the statement has no LIMIT.
    pub(crate) demands_key: bool,
    /// Bytes that the account was charged for the statement's text before the engine got it.
    pub(crate) reserved: usize,
    /// Whether changes are written into the binary log.
    pub(crate) is_logged: bool,
    /// Whether the binary log gets the statement's text, too.
    pub(crate) annotates: bool,
    /// How much the binary log tells of tables.
    pub(crate) row_metadata: RowMetadata,
    /// Which columns of a row the binary log has.
    pub(crate) row_image: RowImage,
    /// Whether the binary log gets a change as its statement, where replicas repeat the statement exactly.
    pub(crate) repeats_statements: bool,
    /// The number of the session's connection.
    pub(crate) connection: u32,
    /// The first AUTO_INCREMENT value that the statement must generate, because it did so at the source.
    pub(crate) insert_id: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            read_only: None,
            time: None,
            rows: None,
            lock_wait: LOCK_WAIT,
            skips_foreign_keys: false,
            demands_key: false,
            reserved: 0,
            is_logged: false,
            annotates: false,
            row_metadata: RowMetadata::Full,
            row_image: RowImage::Full,
            repeats_statements: false,
            connection: 0,
            insert_id: None,
        }
    }
}

/// The wait for a lock by a statement that has no session of the engine.
pub(crate) struct LockWait {
    /// The longest wait.
    pub(crate) most: Duration,
    /// Whether the statement was stopped meanwhile.
    pub(crate) is_stopped: Box<dyn Fn() -> bool + Send>,
    /// Whether the statement is a source's, to which clients give way.
    pub(crate) is_appliers: bool,
}

/// The default of the longest wait for a lock.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Why a statement may change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadOnly {
    /// The session has FLUSH TABLES WITH READ LOCK.
    ReadLock,
    /// The transaction is READ ONLY.
    Transaction,
    /// `read_only` is on, and the account has no privilege that exempts it.
    Server,
    /// `super_read_only` is on.
    ServerForAll,
}

impl ReadOnly {
    /// The error of a statement that would have changed something.
    pub(crate) fn refusal(self) -> SqlError {
        let option = match self {
            Self::ReadLock => {
                let message = "Can't execute the query because you have a conflicting read lock";
                return SqlError::new(1223, b"HY000", message);
            }
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

/// The error of a stopped statement: 3024 where its time is over, else 1317.
pub(crate) fn stopped(interruption: &Interruption) -> SqlError {
    if interruption.is_timed_out() {
        let message = "Query execution was interrupted, maximum statement execution time exceeded";
        return SqlError::new(3024, b"HY000", message);
    }
    interrupted()
}

/// Ends a connection; the argument is the number of bytes that SQLite keeps for its transaction.
pub(crate) type EndConnection = Arc<dyn Fn(u64) + Send + Sync>;

/// The session as the engine sees it: variables, system tables and privileges.
pub(crate) trait SessionContext: Names + Send + Sync {
    /// `user@host` of the account that large values are charged to.
    fn account(&self) -> String {
        match self.function("CURRENT_USER") {
            Some(Datum::Text(account)) => account,
            _ => String::new(),
        }
    }

    /// A table of `information_schema`, `performance_schema`, `sys` or `mysql`; `None` where it does not exist.
    fn system_table(&self, schema: &str, table: &str) -> Option<SystemTable>;

    /// Whether the session has a privilege on a table, or on a database where `table` is `None`.
    fn may(&self, privilege: Privilege, database: &str, table: Option<&str>) -> bool;

    /// Whether the session has any privilege on a database or on something in it.
    fn sees_database(&self, database: &str) -> bool;

    /// Whether the session has any privilege on a table, and so may learn that it exists.
    fn sees(&self, database: &str, table: &str) -> bool;

    /// The error for a missing privilege: 1142 for a table, 1044 for a database.
    fn denied(&self, privilege: Privilege, database: &str, table: Option<&str>) -> SqlError;

    /// The moment that the statement takes for now, in microseconds since 1970; `None` for the clock's.
    fn moment(&self) -> Option<i64> {
        None
    }

    /// The numbers from which RAND() goes on, as MySQL's `rand_seed1` and `rand_seed2`; `None` for a random start.
    fn random_seeds(&self) -> Option<(u64, u64)> {
        None
    }

    /// The places that this server has applied as a replica.
    fn applied_places(&self) -> Option<Arc<dyn AppliedPlaces>> {
        None
    }

    /// A function that ends the session's connection; `None` where the connection must stay.
    fn end(&self) -> Option<EndConnection> {
        None
    }
}

/// A table that the server computes for each statement that reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SystemTable {
    /// The names and types of the columns.
    pub(crate) columns: Vec<(&'static str, &'static str)>,
    /// The rows.
    pub(crate) rows: Vec<Vec<Datum>>,
}

/// The parameters and result columns of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Description {
    /// The number of `?`.
    pub(crate) parameters: u16,
    /// The result columns; empty where the statement gives no rows.
    pub(crate) columns: Vec<ColumnDefinition>,
}

/// The result of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Done {
    /// Whether it has rows.
    pub(crate) has_rows: bool,
    /// The number of changed rows.
    pub(crate) affected_rows: u64,
    /// The first AUTO_INCREMENT value that the statement generated.
    pub(crate) last_insert_id: u64,
    /// The info text of the OK packet.
    pub(crate) info: String,
    /// Warnings for SHOW WARNINGS.
    pub(crate) warnings: Vec<SqlError>,
    /// Notes for SHOW WARNINGS.
    pub(crate) notes: Vec<SqlError>,
}

/// Receives the rows of a statement.
pub(crate) trait RowSink {
    /// Receives the columns, before the first row.
    ///
    /// # Errors
    /// Where nobody reads the result any more.
    fn begin(&mut self, columns: Vec<ColumnDefinition>) -> Result<(), SqlError>;

    /// Waits until the reader wants another row; runs `check` at intervals.
    ///
    /// # Errors
    /// Where nobody reads the result any more, and those of `check`.
    fn wait(&mut self, _check: &dyn Fn() -> Result<(), SqlError>) -> Result<(), SqlError> {
        Ok(())
    }

    /// The buffer to which the next row's payload is appended.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Completes the row.
    ///
    /// # Errors
    /// Where nobody reads more rows.
    fn end_row(&mut self) -> Result<(), SqlError>;
}

/// A step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransactionStep {
    /// BEGIN.
    Begin,
    /// COMMIT.
    Commit,
    /// The commit before a statement that ends the open transaction.
    ImplicitCommit,
    /// ROLLBACK.
    Rollback,
    /// SAVEPOINT.
    Savepoint(String),
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// RELEASE SAVEPOINT.
    Release(String),
}

/// The titles that MySQL gives to a SELECT's columns: the texts of their expressions.
pub(crate) fn title_texts(sql: &str) -> Vec<Option<String>> {
    translate::titles::of(sql)
}

/// A column definition from a type in MySQL's notation.
pub(crate) fn declared_column(title: &str, declared: &str) -> ColumnDefinition {
    types::DeclaredType::parse(declared).column(title)
}

/// The error of a statement that KILL stopped.
pub(crate) fn interrupted() -> SqlError {
    SqlError::new(1317, b"70100", "Query execution was interrupted")
}

/// The error of a statement that has waited too long for others.
pub(crate) fn lock_wait_timeout() -> SqlError {
    SqlError::new(1205, b"HY000", "Lock wait timeout exceeded; try restarting transaction")
}

/// The error for a database that does not exist.
pub(crate) fn unknown_database(name: &str) -> SqlError {
    SqlError::new(1049, b"42000", format!("Unknown database '{name}'"))
}

/// A function that does more around a change, which it must call once.
pub(crate) type Around<'a> = dyn FnMut(&mut dyn FnMut() -> Result<(), SqlError>) -> Result<(), SqlError> + 'a;

/// Databases whose tables the server computes.
pub(crate) const SYSTEM_DATABASES: [&str; 4] = ["information_schema", "mysql", "performance_schema", "sys"];

/// Tables of `mysql` that `information_schema.TABLES` lists, because dumps hold their definitions. Nobody reads their rows.
pub(crate) const LOG_TABLES: [&str; 2] = ["general_log", "slow_log"];

/// Whether a database is a system database; names compare without regard to case.
pub(crate) fn is_system_database(name: &str) -> bool {
    SYSTEM_DATABASES.iter().any(|system| system.eq_ignore_ascii_case(name))
}
