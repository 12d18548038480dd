//! Attaches the databases of a statement, and detaches others.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::TransactionState;
use sealwire_core::error::SqlError;

use super::super::descriptors::{self, OpenDatabase};
use super::super::errors::{tables_changed, to_mysql};
use super::super::{databases, wal};
use super::{AttachedDatabase, SqliteSession};
use crate::engine::translate::{quote, quote_text, schema_of, unsupported};
use crate::engine::{is_system_database, unknown_database};

/// SQLite attaches at most ten databases.
pub(super) const MOST_ATTACHED: usize = 9;

impl SqliteSession {
    /// Attaches databases, and checks that attached ones still are the same files. None of them loses its contents until
    /// [`SqliteSession::end_uses`].
    pub(super) fn attach(&mut self, names: &BTreeSet<&str>) -> Result<(), SqlError> {
        let databases = Arc::clone(&self.shared.databases);
        let _names = databases.lock_names();
        self.begin_uses();
        for database in names {
            let file = if is_system_database(database) { None } else { databases.file_of(database) };
            if let Some(at) = self.attached.iter().position(|attached| attached.database == *database) {
                let used = self.attached.remove(at);
                let is_same = used.file == file;
                self.attached.push(used);
                // Another session may have dropped the database and created it again.
                if is_same && (file.is_some() || is_system_database(database)) {
                    continue;
                }
                if !self.connection.is_autocommit() {
                    return Err(tables_changed());
                }
                self.detach(database)?;
            }
            if file.is_none() && !is_system_database(database) {
                return Err(unknown_database(database));
            }
            self.detach_others(database, names)?;
            let descriptors = file.map(|_| OpenDatabase::count()).transpose()?;
            let open = file.map(|file| databases.open_files(file));
            let in_use = open.as_ref().and_then(|open| open.begin_use());
            let path = if is_system_database(database) {
                ":memory:".to_owned()
            } else {
                databases.path(database).display().to_string()
            };
            self.run_batch(&format!("ATTACH DATABASE {} AS {}", quote_text(&path), quote(&schema_of(database))?))?;
            let limited_at = Cell::new(None);
            let database_name = (*database).to_owned();
            self.attached.push(AttachedDatabase {
                database: database_name,
                file,
                limited_at,
                is_relaxed: Cell::new(false),
                open,
                in_use,
                _descriptors: descriptors,
            });
            if file.is_some() {
                wal::limit_size(&self.connection, &schema_of(database))?;
            }
            databases::open_all(&self.connection, &schema_of(database)).map_err(|error| to_mysql(&error, ""))?;
        }
        Ok(())
    }

    /// Keeps the contents of the attached databases, because SQLite may read any of them. Those that are gone are detached.
    pub(super) fn begin_uses(&mut self) {
        for attached in self.attached.iter_mut().filter(|attached| attached.in_use.is_none()) {
            attached.in_use = attached.open.as_ref().and_then(|open| open.begin_use());
        }
        let gone = self.attached.iter().filter(|attached| attached.is_gone());
        for database in gone.map(|attached| attached.database.clone()).collect::<Vec<_>>() {
            if let Err(error) = self.detach(&database) {
                // One that stays is found to have another file when it is named.
                tracing::warn!("the dropped database '{database}' stays attached: {error}");
            }
        }
    }

    /// Gives the contents of attached databases up, except of those that the open transaction reads.
    pub(super) fn end_uses(&mut self) {
        let is_autocommit = self.connection.is_autocommit();
        for attached in self.attached.iter_mut().filter(|attached| attached.in_use.is_some()) {
            let state = || self.connection.transaction_state(Some(schema_of(&attached.database).as_ref()));
            if is_autocommit || state().is_ok_and(|state| state == TransactionState::None) {
                attached.in_use = None;
            }
        }
    }

    /// Detaches databases to make place for another: the least recently used ones, and one whose name differs in case alone.
    fn detach_others(&mut self, database: &str, needed: &BTreeSet<&str>) -> Result<(), SqlError> {
        let same = self.attached.iter().find(|other| other.database.eq_ignore_ascii_case(database));
        if let Some(same) = same.map(|same| same.database.clone()) {
            if needed.contains(same.as_str()) {
                let what = format!(
                    "the databases '{same}' and '{database}', whose names differ in case alone, in one statement"
                );
                return Err(unsupported(&what));
            }
            self.detach(&same)?;
        }
        while self.attached.len() >= descriptors::share(MOST_ATTACHED) {
            let is_full = self.attached.len() >= MOST_ATTACHED;
            let mut others = self.attached.iter().filter(|other| is_full || !needed.contains(other.database.as_str()));
            let oldest = others.next().map(|oldest| oldest.database.clone()).ok_or_else(descriptors::none_left)?;
            // SQLite keeps a database attached while the transaction uses it.
            self.detach(&oldest).map_err(|error| if is_full { error } else { descriptors::none_left() })?;
        }
        Ok(())
    }

    fn detach(&mut self, database: &str) -> Result<(), SqlError> {
        self.sync_changed()?;
        self.run_batch(&format!("DETACH DATABASE {}", quote(&schema_of(database))?))?;
        if let Some(capture) = &self.capture {
            // SQLite keeps the triggers and calls them no more.
            capture.forget(database);
        }
        self.attached.retain(|attached| attached.database != database);
        Ok(())
    }
}
