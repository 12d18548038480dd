//! Keeps a session within the disk space: limits changes, shortens write-ahead logs, and records open transactions.

use std::time::{Duration, Instant};

use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::open_transactions::ReadDatabase;
use super::super::{disk_space, temporary, wal};
use super::SqliteSession;
use crate::engine::translate::{StatementKind, Translated, schema_of};
use crate::engine::{Done, LOCK_WAIT, Request, RowSink, is_system_database};

/// How long a limit of growth stays in force. It is a length of the file, so that changes of others do not move it.
const LIMIT_LASTS: Duration = Duration::from_millis(5);

/// The error of a change that finds no room.
const FULL: u16 = 1114;

impl SqliteSession {
    /// Runs a statement; a change must stay within the free disk space.
    pub(super) fn run_within_space(
        &mut self,
        translated: &Translated,
        request: &Request<'_>,
        rows: &mut dyn RowSink,
        fills_temporary: bool,
    ) -> Result<Done, SqlError> {
        if translated.kind == StatementKind::Query || fills_temporary {
            return self.run_translated(translated, request, rows);
        }
        // Dropped when the change is committed.
        let _own = self.begin_own_change(translated, request)?;
        let is_limited = self.limit_growth(translated)?;
        let done = self.run_translated(translated, request, rows);
        self.space.stop();
        if self.connection.is_autocommit() {
            self.shrink_wals();
        }
        done.map_err(|error| self.space.explain(error, translated, is_limited))
    }

    /// Measures what others write to the databases of which the statement needs the old state.
    pub(super) fn growth(&self, translated: &Translated) -> wal::WalGrowth {
        let is_read = |database: &str| {
            !self.connection.is_autocommit() || translated.accesses.iter().any(|access| access.database == database)
        };
        let kept = self.attached.iter().filter(|attached| attached.file.is_some() && is_read(&attached.database));
        wal::WalGrowth::new(
            kept.map(|attached| self.shared.databases.path(&attached.database)),
            self.shared.most_written,
        )
    }

    /// Records whether a transaction is open, and the databases that it reads. After a change, and where one has found no room, ends idle
    /// transactions of other sessions for which too much is kept.
    pub(super) fn note_transaction(
        &mut self,
        translated: &Translated,
        request: &Request<'_>,
        done: &Result<Done, SqlError>,
    ) {
        if self.connection.is_autocommit() {
            self.transaction.close();
            if translated.kind != StatementKind::Query
                && done.as_ref().map_or_else(|error| error.code == FULL, |_| true)
            {
                self.end_idle_transactions();
            }
        } else {
            let read = |database: &&str| !is_system_database(database);
            let databases = translated.databases().into_iter().filter(read).map(|database| {
                let attached = self.attached.iter().find(|attached| attached.database == database);
                let files = attached.and_then(|attached| attached.open.clone());
                ReadDatabase::new(wal::wal_of(&self.shared.databases.path(database)), files)
            });
            self.transaction.open(databases, || request.context.end());
        }
    }

    /// Ends idle transactions of other sessions for which too much is kept.
    pub(super) fn end_idle_transactions(&self) {
        let is_short = || temporary::is_short_in(self.shared.databases.directory());
        self.transaction.end_idle_others(self.shared.most_written, self.shared.idle, is_short);
    }

    /// Limits the growth of the databases by the free space; returns whether there is a limit.
    fn limit_growth(&self, translated: &Translated) -> Result<bool, SqlError> {
        let most = self.space.begin(translated, &self.shared.wal_bytes)?;
        for attached in self.attached.iter().filter(|attached| attached.in_use.is_some()) {
            let holds = |at: Instant| translated.kind != StatementKind::Definition && at.elapsed() < LIMIT_LASTS;
            let is_current = match (most, attached.limited_at.get()) {
                (None, last) => last.is_none(),
                (Some(_), last) => last.is_some_and(holds),
            };
            if is_current {
                continue;
            }
            attached.limited_at.set(most.map(|_| Instant::now()));
            let limited = disk_space::limit_growth(&self.connection, &schema_of(&attached.database), most);
            limited.map_err(|error| to_mysql(&error, ""))?;
        }
        Ok(most.is_some())
    }

    /// Shortens the write-ahead logs after a change or a rollback, where they are long.
    pub(super) fn shrink_wals(&self) {
        let most = self.space.most_wal();
        for attached in self.attached.iter().filter(|attached| attached.in_use.is_some()) {
            let (schema, file) = (schema_of(&attached.database), self.shared.databases.path(&attached.database));
            wal::shrink(&self.connection, &schema, &file, most, &self.shared.readers_waits, |time| {
                self.bounds.wait_for_locks(time);
            });
        }
        self.bounds.wait_for_locks(LOCK_WAIT);
    }
}
