//! SQLite as the engine: one file for each database in the data directory.

mod errors;
mod functions;
mod schema;
mod session;
mod time;

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealwire_core::error::SqlError;

use super::{Engine, EngineSession, SYSTEM_DATABASES, TableDefinition};

/// The databases of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct SqliteEngine {
    directory: Arc<PathBuf>,
}

const EXTENSION: &str = "sqlite";
/// Readable and writable by its owner alone.
const OWNER_ONLY: u32 = 0o600;

impl SqliteEngine {
    /// The engine of this data directory.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: Arc::new(directory.into()) }
    }

    fn path(&self, database: &str) -> PathBuf {
        self.directory.join(format!("{}.{EXTENSION}", file_name(database)))
    }
}

/// A database's name as a file's: letters, digits and `_` stay, all else becomes `@` and its number, as mysqld does.
fn file_name(database: &str) -> String {
    let mut name = String::new();
    for c in database.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c);
        } else {
            name.push_str(&format!("@{:04x}", u32::from(c)));
        }
    }
    name
}

/// The reverse of [`file_name`].
fn database_name(file: &str) -> String {
    let mut name = String::new();
    let mut rest = file;
    while let Some((before, after)) = rest.split_once('@') {
        name.push_str(before);
        let number = after.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match number {
            Some(c) => {
                name.push(c);
                rest = after.get(4..).unwrap_or_default();
            }
            None => {
                name.push('@');
                rest = after;
            }
        }
    }
    name.push_str(rest);
    name
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 64 && !name.ends_with(' ') && !name.chars().any(char::is_control)
}

impl Engine for SqliteEngine {
    fn session(&self) -> Result<Box<dyn EngineSession>, SqlError> {
        Ok(Box::new(session::SqliteSession::open(self.clone())?))
    }

    fn databases(&self) -> Result<Vec<String>, SqlError> {
        let entries =
            std::fs::read_dir(self.directory.as_path()).map_err(|error| unreadable(&self.directory, &error))?;
        let mut names: Vec<String> = SYSTEM_DATABASES.iter().map(|name| (*name).to_owned()).collect();
        for entry in entries.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            {
                names.push(database_name(stem));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn has_database(&self, name: &str) -> bool {
        is_system(name) || (is_name(name) && self.path(name).exists())
    }

    fn create_database(&self, name: &str) -> Result<(), SqlError> {
        if !is_name(name) {
            return Err(SqlError::new(1102, b"42000", format!("Incorrect database name '{name}'")));
        }
        if self.has_database(name) {
            return Err(SqlError::new(1007, b"HY000", format!("Can't create database '{name}'; database exists")));
        }
        let path = self.path(name);
        let failed = |error: &dyn std::fmt::Display| {
            SqlError::new(1006, b"HY000", format!("Can't create database '{name}' ({error})"))
        };
        // SQLite gives the files beside it the same mode.
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(OWNER_ONLY)
            .open(&path)
            .map_err(|error| failed(&error))?;
        rusqlite::Connection::open(&path)
            .and_then(|connection| connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 1;"))
            .map_err(|error| {
                // Half a database would count as one.
                let _ = std::fs::remove_file(&path);
                remove_beside(&path);
                failed(&error)
            })
    }

    fn drop_database(&self, name: &str) -> Result<(), SqlError> {
        if is_system(name) {
            return Err(SqlError::new(
                1044,
                b"42000",
                format!("Access denied to database '{name}': it is the server's own"),
            ));
        }
        if !self.has_database(name) {
            return Err(SqlError::new(1008, b"HY000", format!("Can't drop database '{name}'; database doesn't exist")));
        }
        let path = self.path(name);
        std::fs::remove_file(&path).map_err(|error| {
            SqlError::new(
                1009,
                b"HY000",
                format!("Error dropping database (can't delete '{}': {error})", path.display()),
            )
        })?;
        remove_beside(&path);
        Ok(())
    }

    fn table_definition(&self, database: &str, table: &str) -> Result<TableDefinition, SqlError> {
        schema::create_statement(self, database, table)
    }
}

/// Removes what SQLite keeps beside a database's file.
fn remove_beside(path: &Path) {
    for suffix in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        // They are there only while the database is open.
        let _ = std::fs::remove_file(beside);
    }
}

fn is_system(name: &str) -> bool {
    SYSTEM_DATABASES.iter().any(|system| system.eq_ignore_ascii_case(name))
}

fn unreadable(path: &Path, error: &std::io::Error) -> SqlError {
    SqlError::new(1018, b"HY000", format!("Can't read dir of '{}' ({error})", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_as_file_names() {
        for name in ["test", "a-b", "ä/..", "x@y", "A_1"] {
            let file = file_name(name);
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '@')), "{file}");
            assert_eq!(database_name(&file), name);
        }
    }

    #[test]
    fn databases_come_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::new(directory.path());
        engine.create_database("shop-1").unwrap();
        assert_eq!(engine.create_database("shop-1").unwrap_err().code, 1007);
        assert!(engine.has_database("shop-1"));
        assert_eq!(engine.databases().unwrap(), ["information_schema", "mysql", "performance_schema", "shop-1", "sys"]);
        engine.drop_database("shop-1").unwrap();
        assert_eq!(engine.drop_database("shop-1").unwrap_err().code, 1008);
        assert_eq!(engine.drop_database("mysql").unwrap_err().code, 1044);
        assert_eq!(engine.create_database("").unwrap_err().code, 1102);
    }
}
