//! The databases of a data directory: one file for each, and the files that SQLite keeps beside it while it is open.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rusqlite::{Connection, OpenFlags};
use sealwire_core::error::SqlError;

use super::bounds::LockRetries;
use super::disk_space;
use super::errors::to_mysql;
use super::open_files::{self, AllOpenFiles, FileId, FilesInUse, OpenFiles};
use super::wal;
use crate::engine::{
    Around, LOCK_WAIT, LONGEST_NAME, LockWait, SYSTEM_DATABASES, interrupted, is_system_database, unknown_database,
};
use crate::sql::collations;

/// The databases of a data directory.
#[derive(Debug)]
pub(super) struct Databases {
    directory: Arc<PathBuf>,
    /// Held for reading while a connection opens or closes a database's files, and for writing while a database is created or dropped.
    /// SQLite finds the files beside a database by name, so it would otherwise map or remove those of a new database of the same name.
    names: RwLock<()>,
    /// The number of the next file that is made.
    made: AtomicU64,
    open: AllOpenFiles,
}

const EXTENSION: &str = "sqlite";
/// The extension of a database's file that is being made.
const UNNAMED: &str = "unnamed";
/// The extension of the file beside a database that names its collation. A database without that file has the server's.
const OPTIONS: &str = "opt";
/// Stands before the collation in that file, as in mysqld's `db.opt`.
const COLLATION: &str = "default-collation=";
/// Only the owner may read and write.
const OWNER_ONLY: u32 = 0o600;

impl Databases {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory: Arc::new(directory),
            names: RwLock::new(()),
            made: AtomicU64::new(0),
            open: AllOpenFiles::default(),
        }
    }

    pub(super) const fn directory(&self) -> &Arc<PathBuf> {
        &self.directory
    }

    /// The file of a database, whether it exists or not.
    pub(super) fn path(&self, database: &str) -> PathBuf {
        self.directory.join(format!("{}.{EXTENSION}", file_name(database)))
    }

    /// The file that names a database's collation, whether it exists or not.
    fn options_path(&self, database: &str) -> PathBuf {
        self.directory.join(format!("{}.{OPTIONS}", file_name(database)))
    }

    /// The collation of a database; `None` where it is the server's.
    ///
    /// # Errors
    /// 1018 where its file can't be read, 1273 where the file names no collation.
    pub(super) fn collation(&self, database: &str) -> Result<Option<String>, SqlError> {
        if !is_name(database) || is_system_database(database) {
            return Ok(None);
        }
        let path = self.options_path(database);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(|error| unreadable(&path, &error))?,
        };
        let name = text.lines().find_map(|line| line.strip_prefix(COLLATION)).unwrap_or_default();
        collations::check(name, None)?;
        Ok(Some(name.to_owned()))
    }

    /// Gives a database another collation.
    ///
    /// # Errors
    /// 1049 where there is no such database, 1005 where the file can't be written.
    pub(super) fn set_collation(&self, name: &str, collation: &str) -> Result<(), SqlError> {
        let file = self.file_of(name).ok_or_else(|| unknown_database(name))?;
        let failed = |error: io::Error| {
            SqlError::new(1005, b"HY000", format!("Can't write the collation of the database '{name}' ({error})"))
        };
        let options = self.make_options(Some(collation)).map_err(failed)?;
        let renamed = {
            let _names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            if self.file_of(name) != Some(file) {
                remove_unused(options.as_deref());
                return Err(unknown_database(name));
            }
            self.place_options(name, options.as_deref())
        };
        if renamed.is_err() {
            remove_unused(options.as_deref());
        }
        renamed.and_then(|()| self.sync()).map_err(failed)
    }

    /// Makes a file that names a collation and has no name yet; `None` for the server's collation, which needs none.
    fn make_options(&self, collation: Option<&str>) -> io::Result<Option<PathBuf>> {
        let Some(collation) = collation.filter(|collation| *collation != collations::DEFAULT) else { return Ok(None) };
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{number}.{UNNAMED}"));
        let write = || -> io::Result<()> {
            let mut file = File::options().write(true).create_new(true).mode(OWNER_ONLY).open(&path)?;
            writeln!(file, "{COLLATION}{collation}")?;
            file.sync_all()
        };
        if let Err(error) = write() {
            remove_unused(Some(&path));
            return Err(error);
        }
        Ok(Some(path))
    }

    /// Gives the file that names a collation its name, or removes the one that is there. To be called while the names are locked.
    fn place_options(&self, name: &str, made: Option<&Path>) -> io::Result<()> {
        let path = self.options_path(name);
        match made {
            Some(made) => std::fs::rename(made, path),
            None => match std::fs::remove_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        }
    }

    /// Waits until the names of the files are on the disk.
    fn sync(&self) -> io::Result<()> {
        File::open(self.directory.as_path()).and_then(|directory| directory.sync_all())
    }

    /// The file that a database has now; `None` where there is no such database.
    pub(super) fn file_of(&self, database: &str) -> Option<FileId> {
        if !is_name(database) {
            return None;
        }
        std::fs::metadata(self.path(database)).ok().map(|file| FileId::of(&file))
    }

    /// Keeps databases from being created or dropped while a connection opens or closes their files.
    pub(super) fn lock_names(&self) -> RwLockReadGuard<'_, ()> {
        self.names.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a database to read it.
    ///
    /// # Errors
    /// 1049 where there is no such database, and SQLite's.
    pub(super) fn open(&self, database: &str) -> Result<DatabaseReader<'_>, SqlError> {
        let _names = self.lock_names();
        let file = if is_system_database(database) { None } else { self.file_of(database) };
        let file = file.ok_or_else(|| unknown_database(database))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<Connection> {
            let connection = Connection::open_with_flags(self.path(database), flags)?;
            open_all(&connection, "main")?;
            // All that is read of the tables then is of the same time.
            connection.execute_batch("BEGIN")?;
            Ok(connection)
        };
        let in_use = self.open.of(file).begin_use();
        Ok(DatabaseReader {
            connection: open().map_err(|error| to_mysql(&error, ""))?,
            databases: self,
            _in_use: in_use,
        })
    }

    /// Changes a database without a session.
    ///
    /// # Errors
    /// 1049 where there is no such database, and SQLite's.
    pub(super) fn change<T>(
        &self,
        database: &str,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SqlError> {
        let open = || -> Result<(Connection, Option<FilesInUse>), SqlError> {
            let _names = self.lock_names();
            let file = self.file_of(database).ok_or_else(|| unknown_database(database))?;
            let in_use = self.open.of(file).begin_use();
            let connection = Connection::open_with_flags(self.path(database), OpenFlags::SQLITE_OPEN_READ_WRITE)
                .and_then(|connection| {
                    open_all(&connection, "main")?;
                    connection.busy_timeout(LOCK_WAIT)?;
                    Ok(connection)
                });
            Ok((connection.map_err(|error| to_mysql(&error, ""))?, in_use))
        };
        let (mut connection, _in_use) = open()?;
        let changed = act(&connection).map_err(|error| to_mysql(&error, ""));
        self.close(&mut connection);
        changed
    }

    /// The open files of the database that has this file. To be called while the names are locked.
    pub(super) fn open_files(&self, file: FileId) -> Arc<OpenFiles> {
        self.open.of(file)
    }

    /// Closes a connection's files while no database is created or dropped. SQLite writes the log of a database back when its last connection
    /// is closed; a long one is written before, because others wait for the names meanwhile.
    pub(super) fn close(&self, connection: &mut Connection) {
        wal::write_back(connection);
        let _names = self.lock_names();
        if let Ok(empty) = Connection::open_in_memory() {
            *connection = empty;
        }
    }

    /// The names of all databases, with the system databases, sorted.
    ///
    /// # Errors
    /// 1018 where the directory can't be read.
    pub(super) fn list(&self) -> Result<Vec<String>, SqlError> {
        let entries =
            std::fs::read_dir(self.directory.as_path()).map_err(|error| unreadable(&self.directory, &error))?;
        let mut names: Vec<String> = SYSTEM_DATABASES.iter().map(|name| (*name).to_owned()).collect();
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.extend(database_name(stem));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Whether there is a database of that name, a system database included.
    pub(super) fn has(&self, name: &str) -> bool {
        is_system_database(name) || self.file_of(name).is_some()
    }

    /// Creates a database; `None` gives it the server's collation.
    ///
    /// # Errors
    /// 1007 where it exists, 1102 where the name is not allowed, 1006 where a file can't be made.
    pub(super) fn create(&self, name: &str, collation: Option<&str>) -> Result<(), SqlError> {
        if !is_name(name) {
            return Err(SqlError::new(1102, b"42000", format!("Incorrect database name '{name}'")));
        }
        let exists = || SqlError::new(1007, b"HY000", format!("Can't create database '{name}'; database exists"));
        let failed = |error: &dyn std::fmt::Display| {
            SqlError::new(1006, b"HY000", format!("Can't create database '{name}' ({error})"))
        };
        if self.has(name) {
            return Err(exists());
        }
        disk_space::refuse_if_short(&self.directory).map_err(|reason| failed(&reason))?;
        let options = self.make_options(collation).map_err(|error| failed(&error))?;
        let unnamed = self.make_unnamed().map_err(|error| {
            remove_unused(options.as_deref());
            failed(&error)
        })?;
        let named = {
            let _names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            if self.has(name) {
                Err(exists())
            } else {
                // A crash in DROP DATABASE may have left the log of another database, which SQLite would apply to this one, and its collation.
                remove_wal(&self.path(name));
                let placed = self.place_options(name, options.as_deref());
                placed.and_then(|()| std::fs::rename(&unnamed, self.path(name))).map_err(|error| failed(&error))
            }
        };
        if named.is_err() {
            remove_unused(Some(&unnamed));
            remove_unused(options.as_deref());
            return named;
        }
        self.sync().map_err(|error| failed(&error))
    }

    /// Makes the file of an empty database that has no name yet. Nobody waits for it, because it is no database.
    fn make_unnamed(&self) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("{number}.{UNNAMED}"));
        // SQLite gives the files beside it the same mode.
        File::options().write(true).create_new(true).mode(OWNER_ONLY).open(&path)?;
        let made = Connection::open(&path)
            .and_then(|connection| connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 1;"));
        if let Err(error) = made {
            let _ = std::fs::remove_file(&path);
            remove_wal(&path);
            return Err(error.into());
        }
        Ok(path)
    }

    /// Removes the files that a killed server was about to give names.
    pub(super) fn remove_unnamed(&self) {
        for entry in std::fs::read_dir(self.directory.as_path()).into_iter().flatten().flatten() {
            let path = entry.path();
            // SQLite's files beside it have longer ends: `-journal`, `-wal`, `-shm`.
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if extension.split('-').next() == Some(UNNAMED) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    /// Removes a database with its files once no open transaction has changed it. `around` is called when nobody can change it any more, and
    /// calls the function that removes it.
    ///
    /// # Errors
    /// 1008 where there is none, 1205 where such a transaction lasts longer than `wait` allows, 1317 where the wait is stopped, and those of
    /// `around`.
    pub(super) fn remove(&self, name: &str, wait: LockWait, around: &mut Around<'_>) -> Result<(), SqlError> {
        if is_system_database(name) {
            return Err(SqlError::database_access_denied(format!(
                "Access denied to database '{name}': it is a system database"
            )));
        }
        let missing = || SqlError::new(1008, b"HY000", format!("Can't drop database '{name}'; database doesn't exist"));
        let path = self.path(name);
        let file = self.file_of(name).ok_or_else(missing)?;
        // From here on no transaction can change the database, so no committed change is lost without an error.
        let lock = self.lock_writers(&path, wait)?;
        let mut removed = None;
        around(&mut || {
            let _names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            if self.file_of(name) != Some(file) {
                return Err(missing());
            }
            let files = open_files::open_to_drop(&path);
            std::fs::remove_file(&path).map_err(|error| {
                let message = format!("Error dropping database (can't delete '{}': {error})", path.display());
                SqlError::new(1009, b"HY000", message)
            })?;
            remove_wal(&path);
            // A new database of this name removes what stays.
            let _ = self.place_options(name, None);
            removed = Some(files);
            Ok(())
        })?;
        // The names must be gone from the disk before the contents are, because a crash must not leave an empty database.
        if let Some(files) = removed
            && self.sync().is_ok()
        {
            self.open.drop_files(file, files, lock);
        }
        Ok(())
    }

    /// Locks a database against writers until the result is dropped; `None` where the file is damaged.
    ///
    /// # Errors
    /// 1205 where another session holds the lock for longer than `wait` allows, 1317 where the wait is stopped.
    fn lock_writers(&self, path: &Path, wait: LockWait) -> Result<Option<Connection>, SqlError> {
        let open = || -> rusqlite::Result<Connection> {
            let _names = self.lock_names();
            let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            open_all(&connection, "main")?;
            Ok(connection)
        };
        let was_stopped = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&was_stopped);
        let take = || -> rusqlite::Result<Connection> {
            let mut connection = open()?;
            let mut retries = LockRetries::default();
            connection.busy_handler(Some(move |count| {
                retries.keep_waiting(count, wait.most, |step, _| {
                    std::thread::sleep(step);
                    let is_stopped = (wait.is_stopped)();
                    stopped.store(is_stopped, Ordering::Relaxed);
                    is_stopped
                })
            }))?;
            connection.execute_batch("BEGIN IMMEDIATE")?;
            Ok(connection)
        };
        match take().map_err(|error| to_mysql(&error, "")) {
            Ok(connection) => Ok(Some(connection)),
            Err(error) if error.code == 1205 => {
                Err(if was_stopped.load(Ordering::Relaxed) { interrupted() } else { error })
            }
            // A damaged database can still be removed.
            Err(_) => Ok(None),
        }
    }
}

/// A database that is open for reading.
pub(super) struct DatabaseReader<'a> {
    pub(super) connection: Connection,
    databases: &'a Databases,
    /// Dropped last, when the files are closed.
    _in_use: Option<FilesInUse>,
}

impl Drop for DatabaseReader<'_> {
    fn drop(&mut self) {
        self.databases.close(&mut self.connection);
    }
}

/// Opens the files beside a database now. SQLite would open them at the first read, when the name may be that of another database.
pub(super) fn open_all(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    connection.pragma_query_value(Some(schema), "schema_version", |_| Ok(()))
}

/// The file name of a database. Letters, digits and `_` stay; every other character becomes `@` and four digits for each UTF-16 unit, as in
/// mysqld. Different databases have different file names.
fn file_name(database: &str) -> String {
    let mut name = String::new();
    for c in database.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            name.push_str(&format!("@{unit:04x}"));
        }
    }
    name
}

/// The reverse of [`file_name`]; `None` for a file that is not named so.
fn database_name(file: &str) -> Option<String> {
    let mut units = Vec::new();
    let mut rest = file.chars();
    while let Some(c) = rest.next() {
        if c == '@' {
            let digits: String = rest.by_ref().take(4).collect();
            units.push(u16::from_str_radix(&digits, 16).ok()?);
        } else {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    let name = String::from_utf16(&units).ok()?;
    (file_name(&name) == file).then_some(name)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.ends_with(' ')
        && !name.chars().any(char::is_control)
}

/// Removes a file that got no name.
fn remove_unused(path: Option<&Path>) {
    if let Some(path) = path {
        let _ = std::fs::remove_file(path);
    }
}

/// Removes the files that SQLite keeps beside a database.
fn remove_wal(path: &Path) {
    for suffix in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        // They exist only while the database is open.
        let _ = std::fs::remove_file(beside);
    }
}

fn unreadable(path: &Path, error: &io::Error) -> SqlError {
    SqlError::new(1018, b"HY000", format!("Can't read dir of '{}' ({error})", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_file_of_its_own() {
        for name in ["test", "a-b", "ä/..", "x@y", "A_1", "\u{1f600}", "\u{1f60}0", "..", "a@0062"] {
            let file = file_name(name);
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@')), "{file}");
            assert_eq!(database_name(&file).as_deref(), Some(name));
        }
        // All of Unicode, alone and before a digit that may end another name's code.
        let mut seen = std::collections::HashSet::new();
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            for name in [c.to_string(), format!("{c}0"), format!("{c}f")] {
                let file = file_name(&name);
                assert_eq!(database_name(&file).as_deref(), Some(name.as_str()));
                assert!(seen.insert(file), "{name}");
            }
        }
        for file in ["@12", "@zzzz", "a-b", "@d83d", "@0061"] {
            assert_eq!(database_name(file), None, "{file}");
        }
    }

    /// Making a file takes several waits for the disk, and every statement that opens a table takes the lock.
    #[test]
    fn a_file_is_made_while_others_read_the_names() {
        let directory = tempfile::tempdir().unwrap();
        let databases = Databases::new(directory.path().to_owned());
        let names = databases.lock_names();
        let made = databases.make_unnamed().unwrap();
        drop(names);
        assert!(!databases.has("0") && databases.list().unwrap().len() == 4);
        std::fs::write(made.with_extension("unnamed-journal"), "").unwrap();
        databases.remove_unnamed();
        assert!(!made.exists());
        databases.create("shop", None).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn databases_come_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let databases = Databases::new(directory.path().to_owned());
        databases.create("shop-1", None).unwrap();
        assert_eq!(databases.create("shop-1", None).unwrap_err().code, 1007);
        assert!(databases.has("shop-1"));
        assert_eq!(databases.list().unwrap(), ["information_schema", "mysql", "performance_schema", "shop-1", "sys"]);
        let wait = || LockWait { most: std::time::Duration::ZERO, is_stopped: Box::new(|| false), is_appliers: false };
        let remove = |name| databases.remove(name, wait(), &mut |remove| remove());
        let refused = SqlError::new(1026, b"HY000", "no log");
        assert_eq!(databases.remove("shop-1", wait(), &mut |_| Err(refused.clone())), Err(refused.clone()));
        assert!(databases.has("shop-1"));
        remove("shop-1").unwrap();
        assert_eq!(remove("shop-1").unwrap_err().code, 1008);
        assert_eq!(remove("mysql").unwrap_err().code, 1044);
        assert_eq!(databases.create("", None).unwrap_err().code, 1102);
    }

    #[test]
    fn a_database_keeps_its_collation_until_it_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let databases = Databases::new(directory.path().to_owned());
        let files = || std::fs::read_dir(directory.path()).unwrap().count();
        let wait = || LockWait { most: std::time::Duration::ZERO, is_stopped: Box::new(|| false), is_appliers: false };
        let collation = |name| databases.collation(name).unwrap();
        databases.create("a-b", Some("latin1_bin")).unwrap();
        databases.create("c", Some(collations::DEFAULT)).unwrap();
        assert_eq!((collation("a-b").as_deref(), collation("c"), files()), (Some("latin1_bin"), None, 3));
        assert_eq!(databases.create("a-b", Some("binary")).unwrap_err().code, 1007);
        assert_eq!((collation("a-b").as_deref(), files()), (Some("latin1_bin"), 3));
        databases.set_collation("c", "utf8mb4_bin").unwrap();
        assert_eq!(collation("c").as_deref(), Some("utf8mb4_bin"));
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(directory.path().join("c.opt")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, OWNER_ONLY);
        databases.set_collation("c", collations::DEFAULT).unwrap();
        assert_eq!((collation("c"), files()), (None, 3));
        assert_eq!(databases.set_collation("missing", "binary").unwrap_err().code, 1049);
        assert_eq!(databases.list().unwrap().len(), 6, "its file is no database");
        databases.remove("a-b", wait(), &mut |remove| remove()).unwrap();
        assert_eq!(files(), 1);
        // A crash within DROP DATABASE may leave the file.
        std::fs::write(directory.path().join("d.opt"), "default-collation=utf8mb4_bin\n").unwrap();
        databases.create("d", None).unwrap();
        assert_eq!(collation("d"), None);
        std::fs::write(directory.path().join("d.opt"), "default-collation=nonsense\n").unwrap();
        assert_eq!(databases.collation("d").unwrap_err().code, 1273);
    }
}
