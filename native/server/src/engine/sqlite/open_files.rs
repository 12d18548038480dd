//! The files of databases that connections have open. A connection keeps the files of a dropped database open until it detaches them, so that
//! the space is given back by emptying the database, as soon as nobody reads it.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rusqlite::Connection;

use super::wal;

/// How long emptying waits for a statement that waited for the same lock.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// The flag in the count of uses which says that the database was dropped.
const DROPPED: usize = 1 << (usize::BITS - 1);

/// Identifies a file without its name: a new file of the same name differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    pub(super) fn of(file: &Metadata) -> Self {
        Self { device: file.dev(), number: file.ino() }
    }
}

/// The files of one database.
#[derive(Debug, Default)]
pub(super) struct OpenFiles {
    /// How many statements and transactions may read the files, and [`DROPPED`].
    uses: AtomicUsize,
    /// The dropped files, until their space is given back.
    dropped: Mutex<Option<DroppedFiles>>,
}

impl OpenFiles {
    /// Keeps the contents of the files until the result is dropped; `None` where the database was dropped.
    pub(super) fn begin_use(self: &Arc<Self>) -> Option<FilesInUse> {
        let before = self.uses.fetch_add(1, Ordering::AcqRel);
        let in_use = FilesInUse(Arc::clone(self));
        (before & DROPPED == 0).then_some(in_use)
    }

    /// The space that a dropped database keeps for its readers.
    pub(super) fn dropped_bytes(&self) -> u64 {
        self.lock_dropped().as_ref().map_or(0, DroppedFiles::bytes)
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.uses.load(Ordering::Acquire) & DROPPED != 0
    }

    fn end_use(&self) {
        if self.uses.fetch_sub(1, Ordering::AcqRel) == DROPPED + 1 {
            self.give_back();
        }
    }

    fn drop_files(&self, files: DroppedFiles) {
        *self.lock_dropped() = Some(files);
        if self.uses.fetch_or(DROPPED, Ordering::AcqRel) == 0 {
            self.give_back();
        }
    }

    fn give_back(&self) {
        let dropped = self.lock_dropped().take();
        if let Some(Err(error)) = dropped.map(DroppedFiles::give_back) {
            tracing::warn!("the space of a dropped database is free only when all its readers have left: {error}");
        }
    }

    fn lock_dropped(&self) -> MutexGuard<'_, Option<DroppedFiles>> {
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files of a dropped database, which have no names any more.
#[derive(Debug)]
pub(super) struct DroppedFiles {
    files: Vec<File>,
    /// A connection that has emptied the database; `None` where it is damaged.
    emptied: Option<Connection>,
}

impl DroppedFiles {
    /// Empties the database. Connections that have it attached still find an empty one, because SQLite may read its schema again before they
    /// can detach it. `lock` holds the write lock.
    pub(super) fn new(files: Vec<File>, lock: Option<Connection>) -> Self {
        let is_emptied = |connection: &Connection| {
            empty(connection).inspect_err(|error| tracing::warn!("a dropped database was not emptied: {error}")).is_ok()
        };
        Self { files, emptied: lock.filter(is_emptied) }
    }

    fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }

    /// Gives the space back, when nobody reads the database any more.
    fn give_back(self) -> Result<(), Box<dyn std::error::Error>> {
        match &self.emptied {
            Some(connection) => {
                connection.busy_timeout(Duration::ZERO)?;
                wal::checkpoint(connection, "main")?;
            }
            None => self.files.iter().try_for_each(|file| file.set_len(0))?,
        }
        Ok(())
    }
}

/// Empties a database; readers keep what they have read. The version of the schema goes up, so that nobody looks for tables at their old places.
fn empty(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(LOCK_WAIT)?;
    let version: i32 = connection.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    connection.execute_batch("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema")?;
    connection.pragma_update(None, "schema_version", version.wrapping_add(1))?;
    connection.execute_batch("COMMIT; PRAGMA writable_schema = RESET; VACUUM")
}

/// A use of a database's files.
#[derive(Debug)]
pub(super) struct FilesInUse(Arc<OpenFiles>);

impl Drop for FilesInUse {
    fn drop(&mut self) {
        self.0.end_use();
    }
}

/// The open files of all databases.
#[derive(Debug, Default)]
pub(super) struct AllOpenFiles(Mutex<HashMap<FileId, Weak<OpenFiles>>>);

impl AllOpenFiles {
    /// The files of the database that has this file. To be called while no database is dropped.
    pub(super) fn of(&self, file: FileId) -> Arc<OpenFiles> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The number of a dropped file may have been given to a new one.
        if let Some(open) = all.get(&file).and_then(Weak::upgrade).filter(|open| !open.is_dropped()) {
            return open;
        }
        if all.len() == all.capacity() {
            all.retain(|_, open| open.strong_count() > 0);
        }
        let open = Arc::new(OpenFiles::default());
        all.insert(file, Arc::downgrade(&open));
        open
    }

    /// Gives back the space of a database that has no name any more, now or when its last reader ends.
    pub(super) fn drop_files(&self, file: FileId, files: Vec<File>, lock: Option<Connection>) {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&file);
        if let Some(open) = found.and_then(|open| open.upgrade()) {
            open.drop_files(DroppedFiles::new(files, lock));
        }
    }
}

/// Opens the files of a database that is to be dropped. The index of the log stays as it is, because connections have it mapped into memory.
pub(super) fn open_to_drop(database: &Path) -> Vec<File> {
    let open = |path: &Path| File::options().write(true).open(path).ok();
    [open(database), open(&wal::wal_of(database))].into_iter().flatten().collect()
}
