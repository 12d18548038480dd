//! Applies the rows of a source's log, and keeps the place of each group in the databases that it changes.
//!
//! The rows of an event go through one prepared statement, which a session keeps as long as the table and the images are described alike.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::TransactionState;
use sealwire_accounts::Privilege;
use sealwire_binlog::{Problem, RowsFlags, Table};
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::row_changes::{Plan, RowChanges, Target, changed_columns, malformed};
use super::super::{replica_places, wal};
use super::replica::Kept;
use super::{LOCK_WAIT_TIMEOUT, SqliteSession};
use crate::engine::replicated::{ReplicatedGroup, RowChange};
use crate::engine::translate::{StatementKind, Translated, no_such_table, quote, schema_of};
use crate::engine::{Limits, Request, interrupted, is_system_database, unknown_database};

/// The most plans that a session keeps.
const MOST_PLANS: usize = 64;
/// The most statements that SQLite keeps compiled for a replica.
const MOST_STATEMENTS: usize = 128;
/// The least time that an applier waits for a lock.
const LEAST_WAIT: Duration = Duration::from_secs(5);
/// The pause between two tries for a lock for which SQLite does not wait.
const PAUSE: Duration = Duration::from_millis(20);

impl SqliteSession {
    pub(super) fn note_group(&mut self, group: ReplicatedGroup) {
        if self.replica.group.is_none() {
            self.connection.set_prepared_statement_cache_capacity(MOST_STATEMENTS);
            self.replica.is_kept.set(false);
            self.writer.set_applier();
        }
        self.replica.group = Some(group);
    }

    pub(super) fn forget_group(&mut self) -> bool {
        self.replica.group = None;
        self.replica.is_kept.take()
    }

    /// The group that is being applied.
    pub(super) const fn group(&self) -> Option<&ReplicatedGroup> {
        self.replica.group.as_ref()
    }

    /// Whether more events of the group are to come, so that nothing of it may be committed.
    pub(super) fn is_within_group(&self) -> bool {
        self.group().is_some_and(|group| group.end.is_none())
    }

    /// Whether all that a statement changes was changed before the server was killed.
    pub(super) fn is_done(&self, translated: &Translated) -> bool {
        let changed = translated.accesses.iter().find(|access| access.privileges != [Privilege::SELECT]);
        translated.kind != StatementKind::Query && changed.is_some_and(|access| self.has_group(&access.database))
    }

    /// Whether a database has the group already.
    pub(super) fn has_group(&self, database: &str) -> bool {
        self.group().is_some_and(|group| group.done.contains(database))
    }

    /// Has commits not wait for the disk where the session is a replica's without a log of its own. A power failure then takes the last groups
    /// from a database together with their places, and they are applied again. At any time this holds for the databases of one group alone,
    /// because the places of others would say that the last groups were applied.
    pub(super) fn relax(&self) -> Result<(), SqlError> {
        if self.group().is_none() || self.capture.is_some() {
            return Ok(());
        }
        for attached in self.attached.iter().filter(|attached| attached.file.is_some() && !attached.is_relaxed.get()) {
            let schema = schema_of(&attached.database);
            let relaxed = self.connection.pragma_update(Some(schema.as_ref()), "synchronous", "NORMAL");
            relaxed.map_err(|error| to_mysql(&error, ""))?;
            attached.is_relaxed.set(true);
        }
        Ok(())
    }

    /// Waits until the commits are on the disk.
    pub(super) fn sync_changed(&self) -> Result<(), SqlError> {
        for database in self.replica.unsynced.take() {
            let file = wal::wal_of(&self.shared.databases.path(&database));
            match File::open(&file).and_then(|file| file.sync_data()) {
                // A checkpoint has written the log back.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("Error writing file '{}' ({error})", file.display());
                    return Err(SqlError::new(1026, b"HY000", message));
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Notes the databases that a commit is about to change, and has earlier ones be on the disk before.
    fn note_unsynced(&self, changed: &[&str]) -> Result<(), SqlError> {
        let is_same = changed.len() == 1 && *self.replica.unsynced.borrow() == *changed;
        if is_same || changed.is_empty() {
            return Ok(());
        }
        self.sync_changed()?;
        let is_relaxed = |database: &str| {
            self.attached.iter().any(|attached| attached.database == database && attached.is_relaxed.get())
        };
        let relaxed = changed.iter().filter(|database| is_relaxed(database)).map(|database| (*database).to_owned());
        self.replica.unsynced.replace(relaxed.collect());
        Ok(())
    }

    /// Writes the place of the group into each database that SQLite's transaction has changed, within this transaction.
    pub(super) fn keep_places(&self) -> Result<(), SqlError> {
        let Some(ReplicatedGroup { channel, end: Some(end), .. }) = &self.replica.group else { return Ok(()) };
        let names = self.attached.iter().map(|attached| attached.database.as_str());
        let is_changed = |name: &&str| {
            let state = self.connection.transaction_state(Some(schema_of(name).as_ref()));
            !is_system_database(name) && state.is_ok_and(|state| state == TransactionState::Write)
        };
        let changed: Vec<&str> = names.filter(is_changed).collect();
        self.note_unsynced(&changed)?;
        if changed.len() > 1 {
            let directory = self.shared.databases.directory();
            self.shared.replica_places.begin(directory, channel, end, &changed)?;
        }
        for database in &changed {
            let schema = quote(&schema_of(database))?;
            let put = || replica_places::put(&self.connection, &schema, channel, &end.place);
            let kept = put().or_else(|_| replica_places::make_table(&self.connection, &schema).and_then(|()| put()));
            kept.map_err(|error| to_mysql(&error, ""))?;
        }
        self.replica.is_kept.set(self.replica.is_kept.get() || !changed.is_empty());
        Ok(())
    }

    /// Applies a row event.
    pub(super) fn apply_rows_of(&mut self, change: &RowChange<'_>, mut limits: Limits) -> Result<(), SqlError> {
        if self.has_group(change.database) {
            return Ok(());
        }
        let source = change.rows.table.as_ref().ok_or_else(|| malformed(Problem::NoTable(change.rows.table_id)))?;
        if is_system_database(change.database) {
            return Err(no_such_table(change.database, change.table));
        }
        let missing = |error: SqlError| {
            if error.code == unknown_database("").code { no_such_table(change.database, change.table) } else { error }
        };
        self.attach(&BTreeSet::from([change.database])).map_err(missing)?;
        if self.connection.is_autocommit() {
            self.begin()?;
        }
        self.has_worked.set(true);
        limits.skips_foreign_keys |= change.rows.flags.contains(RowsFlags::NO_FOREIGN_KEY_CHECKS);
        self.limit(&limits)?;
        let schema = quote(&schema_of(change.database))?;
        self.lock_database(change.database, limits.lock_wait)?;
        self.ignore_checks(true)?;
        let kept = self.plan(change, source, &schema)?;
        self.captured_rows(change, &limits, || {
            let changes = RowChanges {
                connection: &self.connection,
                plan: &kept.plan,
                rows: change.rows,
                table: change.table,
                failed: &|error| self.explain(&error, ""),
                // Rows that come back at once must not change those that refer to them.
                ignore_keys: &|is_on| {
                    let skips_foreign_keys = is_on || limits.skips_foreign_keys;
                    self.limit(&Limits { skips_foreign_keys, ..limits })
                },
                go_on: &|| if self.bounds.interruption.is_stopped() { Err(interrupted()) } else { Ok(()) },
                undone: &|| {
                    if let Some(capture) = &self.capture {
                        capture.restart();
                    }
                },
            };
            changes.apply()
        })
    }

    /// The least time that the session waits for a lock: an applier waits until others have given way.
    pub(super) const fn least_wait(&self) -> Duration {
        if self.group().is_some() { LEAST_WAIT } else { Duration::ZERO }
    }

    /// Locks the databases that a statement of a source's transaction changes.
    pub(super) fn lock_for_group(&mut self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let is_within = self.is_begun || !self.connection.is_autocommit();
        if self.group().is_none() || !is_within || self.is_own_transaction(translated) {
            return Ok(());
        }
        let is_wanted = |database: &&str| !is_system_database(database) && !self.has_group(database);
        let databases: Vec<&str> = translated.changed_databases().into_iter().filter(is_wanted).collect();
        if databases.is_empty() {
            return Ok(());
        }
        self.limit(&request.limits)?;
        if self.connection.is_autocommit() {
            self.begin()?;
        }
        let most = request.limits.lock_wait;
        databases.iter().try_for_each(|database| self.lock_database(database, most))?;
        // The transaction must not begin anew, without the locks.
        self.has_worked.set(true);
        Ok(())
    }

    /// Locks a database for the open transaction, before anything of it is read where that can be, because SQLite waits for a lock only then.
    fn lock_database(&mut self, database: &str, most: Duration) -> Result<(), SqlError> {
        if self.replica.locked.contains(database) {
            return Ok(());
        }
        let (schema, begun) = (quote(&schema_of(database))?, Instant::now());
        let locked = loop {
            self.writer.begin(std::iter::once(database));
            let locked = replica_places::lock(&self.connection, &schema).map_err(|error| self.explain(&error, ""));
            let is_held = locked.as_ref().is_err_and(|error| error.code == LOCK_WAIT_TIMEOUT);
            if !is_held || begun.elapsed() >= most.max(LEAST_WAIT) {
                break locked;
            }
            if self.writer.wait(begun.elapsed(), || self.bounds.interruption.sleep(PAUSE)) {
                break locked;
            }
        };
        locked?;
        self.replica.locked.insert(database.to_owned());
        Ok(())
    }

    /// Has SQLite ignore CHECK constraints, or check them again. It compiles all statements anew then.
    pub(super) fn ignore_checks(&mut self, is_on: bool) -> Result<(), SqlError> {
        if self.replica.ignores_checks == is_on {
            return Ok(());
        }
        let set = self.connection.pragma_update(None, "ignore_check_constraints", is_on);
        set.map_err(|error| to_mysql(&error, ""))?;
        self.replica.ignores_checks = is_on;
        Ok(())
    }

    /// The plan of a row event, as it was kept or made anew.
    fn plan(&mut self, change: &RowChange<'_>, source: &Arc<Table>, schema: &str) -> Result<Arc<Kept>, SqlError> {
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let version: i64 = {
            let mut asked =
                self.connection.prepare_cached(&format!("PRAGMA {schema}.schema_version")).map_err(failed)?;
            asked.query_row([], |row| row.get(0)).map_err(failed)?
        };
        let changed = changed_columns(change.rows)?;
        if let Some(at) = self.replica.plans.iter().rposition(|kept| kept.is_for(change, source, version, &changed)) {
            let kept = self.replica.plans.remove(at);
            self.replica.plans.push(Arc::clone(&kept));
            return Ok(kept);
        }
        let target = Target::read(&self.connection, schema, change.database, change.table)?
            .ok_or_else(|| no_such_table(change.database, change.table))?;
        let rows = change.rows;
        let kept = Arc::new(Kept {
            database: change.database.to_owned(),
            version,
            source: Arc::clone(source),
            kind: rows.kind,
            before: rows.before.to_vec(),
            after: rows.after.to_vec(),
            plan: Plan::new(&target, source, rows, &changed)?,
            changed,
        });
        if self.replica.plans.len() >= MOST_PLANS {
            self.replica.plans.remove(0);
        }
        self.replica.plans.push(Arc::clone(&kept));
        Ok(kept)
    }

    /// Has the statement generate the AUTO_INCREMENT values that it generated at the source, the first of which is in the limits.
    pub(super) fn start_keys(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let (Some(first), Some(access)) = (request.limits.insert_id, translated.accesses.first()) else {
            return Ok(());
        };
        let Some(table) = access.table.as_deref().filter(|_| self.generates_keys(translated)) else { return Ok(()) };
        let schema = quote(&schema_of(&access.database))?;
        let failed = |error: rusqlite::Error| self.explain(&error, request.sql);
        let Ok(last) = i64::try_from(first).map(|first| first.saturating_sub(1)) else {
            let message = format!(
                "Failed to read auto-increment value from storage engine: this server's end at {}, and '{}.{table}' has {first} at the source; \
                 leave the statement out by sql_slave_skip_counter, or the table by replicate_ignore_table",
                i64::MAX,
                access.database
            );
            return Err(SqlError::new(1467, b"HY000", message));
        };
        // The change comes first, because SQLite waits for a lock only before it has read.
        let set = format!("UPDATE {schema}.sqlite_sequence SET seq = ?1 WHERE name = ?2 COLLATE NOCASE");
        let is_set = self.connection.execute(&set, rusqlite::params![last, table]).map_err(failed)? > 0;
        if !is_set {
            let add = format!("INSERT INTO {schema}.sqlite_sequence (name, seq) VALUES (?2, ?1)");
            self.connection.execute(&add, rusqlite::params![last, table]).map_err(failed)?;
        }
        let most = format!("SELECT coalesce(max(_rowid_), 0) FROM {schema}.{}", quote(table)?);
        let most: i64 = self.connection.query_row(&most, [], |row| row.get(0)).map_err(failed)?;
        if most <= last {
            return Ok(());
        }
        let message = format!(
            "The statement can't generate the AUTO_INCREMENT value {first} as at the source, because '{}.{table}' has the value {most} already: set binlog_format=ROW at the source",
            access.database
        );
        Err(SqlError::new(1467, b"HY000", message))
    }
}
