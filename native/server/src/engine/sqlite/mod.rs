//! The engine on SQLite: one file for each database in the data directory.

mod authorizer;
mod bounds;
mod capture_names;
mod databases;
mod definition_charsets;
mod definition_limits;
mod descriptors;
mod disk_space;
mod errors;
mod foreign_key_limits;
mod foreign_keys;
mod functions;
mod generated_limits;
mod geometry;
mod information_schema;
mod key_weight;
mod logged_columns;
mod logged_values;
mod open_files;
mod open_transactions;
mod prepared_transactions;
mod privileges;
mod redo;
mod replica_functions;
mod replica_places;
mod row_changes;
mod rows;
mod schema;
mod session;
mod shared;
mod shared_session;
mod show_create;
mod stored_definitions;
mod stored_relations;
mod stored_values;
mod table_filter;
mod temporary;
mod time;
mod unique_keys;
mod uuids;
mod wal;
mod writers;
mod zone_files;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use sealwire_core::error::SqlError;

use super::replicated::AppliedGroups;
use super::{Around, Engine, EngineSession, LockWait, ReadLock, TableDefinition, is_system_database};
use crate::replication::{self, BinaryLog, CommitMark, GroupRows};
use crate::sql::collations;
use shared::Shared;
use shared_session::SharedSession;

pub(crate) use descriptors::allow_descriptors;
pub(crate) use time::{date_time, unix_seconds, zone};
pub(crate) use zone_files::zone_offset;

/// The engine of a data directory.
#[derive(Debug)]
pub(crate) struct SqliteEngine {
    shared: Shared,
}

impl SqliteEngine {
    /// Makes the engine of a data directory.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { shared: Shared::new(directory.into()) }
    }

    /// Applies the write-ahead logs that a killed server left behind, before the first session.
    pub(crate) fn recover(&self) {
        self.shared.databases.remove_unnamed();
        for database in self.shared.databases.list().unwrap_or_default().iter().filter(|name| !is_system_database(name))
        {
            if let Err(error) = wal::recover(&self.shared.databases.path(database)) {
                tracing::warn!("the write-ahead log of the database '{database}' can't be applied: {error}");
            }
        }
    }

    /// Logs all changes of the sessions that are opened from now on.
    pub(crate) fn log_to(&mut self, log: Arc<BinaryLog>) {
        self.shared.log = Some(log);
    }

    /// Limits SQLite's memory for all connections of the process; `most` is `global_connection_memory_limit`.
    pub(crate) fn limit_memory(most: u64) {
        let limited = Connection::open_in_memory().and_then(|connection| bounds::limit_heap(&connection, most));
        if let Err(error) = limited {
            tracing::warn!("SQLite's memory can't be limited: {error}");
        }
    }

    /// Runs an act on the engine's own file. `is_durable` says whether a power failure must not undo it.
    fn own_file<T>(
        &self,
        is_durable: bool,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SqlError> {
        self.shared.replica_places.with(self.shared.databases.directory(), is_durable, act)
    }

    /// A wait for the lock of a database in which others give way, where an applier waits.
    fn clearing_way(&self, database: &str, wait: LockWait) -> LockWait {
        if !wait.is_appliers {
            return wait;
        }
        let (writers, begun, wanted) = (self.shared.writers.clone(), Instant::now(), [database.to_owned()]);
        let is_stopped = move || {
            writers.clear_way(&wanted, begun.elapsed());
            (wait.is_stopped)()
        };
        LockWait { is_stopped: Box::new(is_stopped), ..wait }
    }
}

/// Call [`SqliteEngine::recover`] before.
impl replication::Databases for SqliteEngine {
    fn is_committed(&self, database: &str, mark: CommitMark) -> bool {
        let opened = self.shared.databases.open(database);
        opened.is_ok_and(|reader| {
            let version = reader.connection.pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
            version.is_ok_and(|version| version.cast_unsigned() == mark)
        })
    }

    fn redo(&self, (database, whole): (&str, &str), mark: CommitMark, rows: &mut GroupRows<'_>) -> Result<(), String> {
        let failed = |error: rusqlite::Error| error.to_string();
        let connection = Connection::open(self.shared.databases.path(database)).map_err(failed)?;
        key_weight::register(&connection).map_err(failed)?;
        // The rows that foreign keys change are in the log, too.
        connection.pragma_update(None, "foreign_keys", false).map_err(failed)?;
        connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        // Dropping the connection rolls back.
        rows(&mut |rows| {
            let is_own = rows.table.as_ref().is_some_and(|table| table.database() == database.as_bytes());
            if is_own { redo::apply(&connection, rows) } else { Ok(()) }
        })?;
        let whole = self.shared.databases.open(whole).map_err(|error| error.to_string())?;
        replica_places::catch_up(&whole.connection, &connection).map_err(failed)?;
        connection.pragma_update(None, "user_version", mark.cast_signed()).map_err(failed)?;
        connection.execute_batch("COMMIT").map_err(failed)
    }

    fn has(&self, database: &str) -> bool {
        self.shared.databases.has(database)
    }

    fn create(&self, database: &str, collation: Option<&str>) -> Result<(), String> {
        self.shared.databases.create(database, collation).map_err(|error| error.message)
    }

    fn set_collation(&self, database: &str, collation: &str) -> Result<(), String> {
        self.shared.databases.set_collation(database, collation).map_err(|error| error.message)
    }

    fn remove(&self, database: &str) -> Result<(), String> {
        let wait = LockWait { most: Duration::ZERO, is_stopped: Box::new(|| false), is_appliers: false };
        self.shared.databases.remove(database, wait, &mut |remove| remove()).map_err(|error| error.message)
    }
}

impl Engine for SqliteEngine {
    fn session(&self) -> Result<Box<dyn EngineSession>, SqlError> {
        Ok(Box::new(SharedSession::open(self.shared.clone())?))
    }

    fn databases(&self) -> Result<Vec<String>, SqlError> {
        self.shared.databases.list()
    }

    fn has_database(&self, name: &str) -> bool {
        self.shared.databases.has(name)
    }

    fn create_database(&self, name: &str, collation: Option<&str>) -> Result<(), SqlError> {
        self.shared.databases.create(name, collation)
    }

    fn alter_database(&self, name: &str, collation: &str) -> Result<(), SqlError> {
        self.shared.databases.set_collation(name, collation)
    }

    fn database_collation(&self, name: &str) -> Result<String, SqlError> {
        let own = self.shared.databases.collation(name)?;
        Ok(own.unwrap_or_else(|| collations::DEFAULT.to_owned()))
    }

    fn drop_database(&self, name: &str, wait: LockWait, around: &mut Around<'_>) -> Result<(), SqlError> {
        replica_places::save(&self.shared.databases, &self.shared.replica_places, name)?;
        self.shared.databases.remove(name, self.clearing_way(name, wait), around)
    }

    fn table_definition(&self, database: &str, table: &str) -> Result<TableDefinition, SqlError> {
        show_create::create_statement(&self.shared.databases, database, table)
    }

    fn read_lock(&self) -> &Arc<ReadLock> {
        &self.shared.read_lock
    }

    fn applied_groups(&self, channel: &str) -> Result<AppliedGroups, SqlError> {
        replica_places::applied(&self.shared.databases, &self.shared.replica_places, channel)
    }

    fn forget_places(&self, channel: &str) -> Result<(), SqlError> {
        replica_places::forget(&self.shared.databases, &self.shared.replica_places, channel)
    }

    fn hold_events(&self, channel: &str, xid: &str, part: u64, events: &[u8]) -> Result<(), SqlError> {
        self.own_file(false, |own| prepared_transactions::hold(own, channel, xid, part, events))
    }

    fn prepare_events(&self, channel: &str, xid: &str) -> Result<(), SqlError> {
        self.own_file(true, |own| prepared_transactions::prepare(own, channel, xid))
    }

    fn begin_prepared(&self, channel: &str, xid: &str, number: u64) -> Result<bool, SqlError> {
        self.own_file(false, |own| prepared_transactions::begin_commit(own, channel, xid, number))
    }

    fn held_events(&self, channel: &str, xid: &str, part: u64) -> Result<Option<Vec<u8>>, SqlError> {
        self.own_file(false, |own| prepared_transactions::part(own, channel, xid, part))
    }

    fn release_events(&self, channel: &str, xid: &str) -> Result<(), SqlError> {
        self.own_file(false, |own| prepared_transactions::release(own, channel, xid))
    }
}
