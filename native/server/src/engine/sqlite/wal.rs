//! The write-ahead log beside a database. SQLite keeps changes in it as long as anybody reads the state before them.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use crate::engine::translate::{quote, quote_text};
use crate::memory::LARGE;

/// How much others may write while a statement waits for its client.
pub(super) const MOST_WRITTEN: u64 = 1 << 30;
/// The length to which SQLite shortens the log when nobody reads old states.
pub(super) const KEPT: u64 = 64 << 20;
/// How long a change waits for others that read old states, so that a long log can begin anew. Those who begin to read meanwhile read the
/// newest state, so that the wait is over when the last statement or transaction that was running has ended.
const READERS_WAIT: Duration = Duration::from_secs(2);
/// The least that a log grows between two such waits, so that a transaction which is left open delays few changes even on a full disk.
const LEAST_GROWTH: u64 = KEPT / 8;
/// The end of the log's file name.
pub(super) const SUFFIX: &str = ".sqlite-wal";

/// Has SQLite shorten the log when it restarts it.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_size(connection: &Connection, schema: &str) -> Result<(), SqlError> {
    let set = format!("PRAGMA {}.journal_size_limit = {KEPT}", quote(schema)?);
    connection.query_row(&set, [], |_| Ok(())).map_err(|error| to_mysql(&error, ""))
}

/// The lengths of long logs when a change last waited for readers.
#[derive(Debug, Default)]
pub(super) struct ReadersWaits(Mutex<HashMap<PathBuf, u64>>);

impl ReadersWaits {
    /// How long a change may wait now for those who read old states, with a log of this length, which should not be longer than `most`.
    fn next(&self, database: &Path, length: u64, most: u64) -> Duration {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = waits.get(database).copied().filter(|last| *last <= length);
        if last.is_none() {
            waits.remove(database);
        }
        if length < last.unwrap_or(most).saturating_add(most.max(LEAST_GROWTH)) {
            return Duration::ZERO;
        }
        waits.insert(database.to_owned(), length);
        READERS_WAIT
    }
}

/// Writes the log's changes to the database and empties the log, where it is longer than `most`. While others read an old state the log stays,
/// and a later call tries again. `wait_for_locks` sets how long the connection waits for them.
pub(super) fn shrink(
    connection: &Connection,
    schema: &str,
    database: &Path,
    most: u64,
    waits: &ReadersWaits,
    wait_for_locks: impl FnOnce(Duration),
) {
    let length = length(database);
    if length > most {
        wait_for_locks(waits.next(database, length, most));
        empty(connection, schema, length);
    }
}

fn length(database: &Path) -> u64 {
    wal_of(database).metadata().map_or(0, |file| file.len())
}

fn empty(connection: &Connection, schema: &str, length: u64) {
    if let Err(error) = checkpoint(connection, schema) {
        tracing::warn!("the write-ahead log of the database '{schema}' keeps its {length} bytes: {error}");
    }
}

/// Writes back each long log of the databases that a connection has open.
pub(super) fn write_back(connection: &Connection) {
    let open = || -> rusqlite::Result<Vec<(String, String)>> {
        connection.prepare("PRAGMA database_list")?.query_map([], |row| Ok((row.get(1)?, row.get(2)?)))?.collect()
    };
    for (schema, file) in open().unwrap_or_default() {
        let length = length(Path::new(&file));
        if length > LARGE as u64 {
            empty(connection, &schema, length);
        }
    }
}

/// The pages of a log from which on SQLite writes it back within a commit: its default.
pub(super) const CHECKPOINT_EACH: u32 = 1000;

/// Writes back what no reader needs, as SQLite does within a commit.
pub(super) fn write_back_behind_readers(connection: &Connection, schema: &str) {
    let sql = format!("PRAGMA {}.wal_checkpoint(PASSIVE)", quote_text(schema));
    if let Err(error) = connection.query_row(&sql, [], |_| Ok(())) {
        tracing::warn!("the write-ahead log of the database '{schema}' is not written back: {error}");
    }
}

pub(super) fn checkpoint(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA {}.wal_checkpoint(TRUNCATE)", quote_text(schema)), [], |_| Ok(()))
}

/// Writes the log of a killed server to its database, and removes the log. No other connection may be open: SQLite then needs no space for an
/// index of the log, so that this works on a full disk.
///
/// # Errors
/// SQLite's.
pub(super) fn recover(database: &Path) -> rusqlite::Result<()> {
    if !wal_of(database).exists() {
        return Ok(());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    checkpoint(&connection, "main")
}

/// Measures what others write while a statement waits for its client. SQLite keeps all of it, because the statement reads the old state.
pub(super) struct WalGrowth {
    files: Vec<PathBuf>,
    before: Cell<Option<u64>>,
    most: u64,
}

impl WalGrowth {
    /// Measures the logs of these databases, and allows `most` bytes.
    pub(super) fn new(databases: impl Iterator<Item = PathBuf>, most: u64) -> Self {
        Self { files: databases.map(|database| wal_of(&database)).collect(), before: Cell::new(None), most }
    }

    /// Checks the growth since the first call.
    ///
    /// # Errors
    /// 1317 where it is too much.
    pub(super) fn check(&self) -> Result<(), SqlError> {
        let length = self.files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum();
        let before = self.before.get().unwrap_or(length);
        self.before.set(Some(before));
        if length.saturating_sub(before) <= self.most {
            return Ok(());
        }
        let message = format!(
            "Query execution was interrupted: its client did not read, while others wrote more than {} bytes which SQLite had to keep for it; read results faster, or select less",
            self.most
        );
        Err(SqlError::new(1317, b"70100", message))
    }
}

/// The write-ahead log of a database.
pub(super) fn wal_of(database: &Path) -> PathBuf {
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}
