//! START TRANSACTION WITH CONSISTENT SNAPSHOT: the state of all databases at one place of the binary log.

use std::collections::BTreeSet;
use std::sync::Arc;

use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::open_transactions::ReadDatabase;
use super::super::{databases, wal};
use super::SqliteSession;
use super::attaching::MOST_ATTACHED;
use crate::engine::translate::schema_of;
use crate::engine::{SessionContext, is_system_database};

impl SqliteSession {
    /// Takes the snapshot of a transaction that has begun and read nothing. Without a binary log the first statement takes it, and so it does where
    /// there are more databases than SQLite attaches.
    pub(super) fn take_snapshot(&mut self, context: &dyn SessionContext) -> Result<(), SqlError> {
        let Some(log) = self.capture.as_ref().map(|capture| Arc::clone(&capture.log)) else { return Ok(()) };
        let mut names = self.shared.databases.list()?;
        names.retain(|name| !is_system_database(name));
        if names.len() > MOST_ATTACHED {
            return Ok(());
        }
        self.attach(&names.iter().map(String::as_str).collect::<BTreeSet<&str>>())?;
        self.begin()?;
        let connection = &self.connection;
        let read = |name: &String| databases::open_all(connection, &schema_of(name));
        let taken = log.snapshot(|| names.iter().try_for_each(read).map_err(|error| to_mysql(&error, "")));
        if taken.is_err() {
            self.run_batch("ROLLBACK")?;
        }
        self.snapshot = Some(taken?);
        // The transaction must not begin anew, with another state.
        self.has_worked.set(true);
        let read = self.attached.iter().filter(|attached| names.contains(&attached.database)).map(|attached| {
            ReadDatabase::new(wal::wal_of(&self.shared.databases.path(&attached.database)), attached.open.clone())
        });
        self.transaction.open(read, || context.end());
        Ok(())
    }
}
