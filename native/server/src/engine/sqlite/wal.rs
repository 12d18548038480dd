//! The file beside a database in which SQLite keeps changes until nobody reads what was there before them, and how long it becomes.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use sealwire_core::error::SqlError;

use super::errors::to_mysql;
use crate::engine::translate::{quote, quote_text};

/// So much may others write while a statement waits for its client.
pub(super) const MOST_WRITTEN: u64 = 1 << 30;
/// So much of the file is kept when nobody reads old changes any more.
pub(super) const KEPT: u64 = 64 << 20;
/// What the file's name has behind the database's.
pub(super) const SUFFIX: &str = ".sqlite-wal";

/// Gives the file back when it has become long.
///
/// # Errors
/// SQLite's.
pub(super) fn limit_size(connection: &Connection, schema: &str) -> Result<(), SqlError> {
    let set = format!("PRAGMA {}.journal_size_limit = {KEPT}", quote(schema)?);
    connection.query_row(&set, [], |_| Ok(())).map_err(|error| to_mysql(&error, ""))
}

/// Writes a database's changes back and gives the file's room back, where the file is longer than that. Where somebody still reads what was there
/// before, the file stays: whoever comes next tries again. The connection waits for nobody meanwhile.
pub(super) fn shrink(connection: &Connection, schema: &str, database: &Path, most: u64) {
    let length = wal_of(database).metadata().map_or(0, |file| file.len());
    if length <= most {
        return;
    }
    if let Err(error) = checkpoint(connection, schema) {
        tracing::warn!("the file beside the database '{schema}' keeps its {length} bytes: {error}");
    }
}

fn checkpoint(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA {}.wal_checkpoint(TRUNCATE)", quote_text(schema)), [], |_| Ok(()))
}

/// Writes back what a server that did not end well has left beside a database, and removes the file. Nobody else may have it open: SQLite then needs
/// no room for an index of the file, so that this works on a full disk.
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

/// What is written to databases while a statement that reads them waits: it is all kept, because the statement may still read what was
/// there before.
pub(super) struct WalGrowth {
    files: Vec<PathBuf>,
    before: Cell<Option<u64>>,
    most: u64,
}

impl WalGrowth {
    /// Of these databases' files, and how much it may be.
    pub(super) fn new(databases: impl Iterator<Item = PathBuf>, most: u64) -> Self {
        Self { files: databases.map(|database| wal_of(&database)).collect(), before: Cell::new(None), most }
    }

    /// Looks how much it is since this was asked for the first time.
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
            "Query execution was interrupted: its client did not read, while others wrote more than {} bytes that had to be kept for it",
            self.most
        );
        Err(SqlError::new(1317, b"70100", message))
    }
}

/// The file beside a database's.
pub(super) fn wal_of(database: &Path) -> PathBuf {
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    wal.into()
}
