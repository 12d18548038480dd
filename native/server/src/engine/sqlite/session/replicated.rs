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
use sealwire_binlog::{Problem, Row, RowIter, Rows, RowsFlags, RowsKind, Table};
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::{replica_places, wal};
use super::replica::Kept;
use super::replica::plan::Plan;
use super::replica::target::Target;
use super::{LOCK_WAIT_TIMEOUT, SqliteSession};
use crate::engine::replicated::{ReplicatedGroup, RowChange};
use crate::engine::translate::{StatementKind, Translated, no_such_table, quote, schema_of};
use crate::engine::{Limits, Request, is_system_database, unknown_database};

/// MySQL's numbers.
const DUPLICATE: u16 = 1062;
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
            let rows = change.rows.iter().map_err(malformed)?;
            self.apply_all(&kept.plan, change, rows, &limits)
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

    fn apply_all(
        &self,
        plan: &Plan,
        change: &RowChange<'_>,
        rows: RowIter<'_>,
        limits: &Limits,
    ) -> Result<(), SqlError> {
        let is_update = matches!(change.rows.kind, RowsKind::Update | RowsKind::PartialUpdate);
        // Rows of one event may exchange the values of a unique key, and SQLite checks the key at each row.
        if !(is_update && plan.moves_keys() && has_several(change.rows)?) {
            return self.apply_each(plan, change, rows);
        }
        self.run_batch(&format!("SAVEPOINT {EVENT}"))?;
        let mut applied = self.apply_each(plan, change, rows);
        if applied.as_ref().is_err_and(|error| error.code == DUPLICATE) {
            self.run_batch(&format!("ROLLBACK TO {EVENT}"))?;
            if let Some(capture) = &self.capture {
                capture.restart();
            }
            let first = applied;
            applied = self.exchange(plan, change, limits);
            // The first error names the row.
            applied = if applied.as_ref().is_err_and(|error| error.code == DUPLICATE) { first } else { applied };
        }
        if !self.connection.is_autocommit() {
            self.run_batch(&format!("RELEASE {EVENT}"))?;
        }
        applied
    }

    /// Has the statement generate the AUTO_INCREMENT values that it generated at the source, the first of which is in the limits.
    pub(super) fn start_keys(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        let (Some(first), Some(access)) = (request.limits.insert_id, translated.accesses.first()) else {
            return Ok(());
        };
        let Some(table) = access.table.as_deref().filter(|_| self.generates_keys(translated)) else { return Ok(()) };
        let schema = quote(&schema_of(&access.database))?;
        let failed = |error: rusqlite::Error| self.explain(&error, request.sql);
        let last = i64::try_from(first).unwrap_or(i64::MAX).saturating_sub(1);
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

    /// Applies rows one after the other.
    fn apply_each(&self, plan: &Plan, change: &RowChange<'_>, mut rows: RowIter<'_>) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| self.explain(&error, "");
        let mut statement = self.connection.prepare_cached(&plan.sql).map_err(failed)?;
        let mut row = Row::default();
        while rows.next_into(&mut row).map_err(malformed)? {
            plan.bind(&mut statement, &row)?;
            let changed = statement.raw_execute().map_err(failed)?;
            if changed == 0 && change.rows.kind != RowsKind::Write {
                return Err(missing_row(change));
            }
        }
        Ok(())
    }

    /// Applies the updates of an event all at once: takes the old rows away, then adds the new ones.
    fn exchange(&self, plan: &Plan, change: &RowChange<'_>, limits: &Limits) -> Result<(), SqlError> {
        let failed = |error: rusqlite::Error| self.explain(&error, "");
        // Rows that come back at once must not change those that refer to them.
        self.limit(&Limits { skips_foreign_keys: true, ..*limits })?;
        let mut kept: Vec<Vec<rusqlite::types::Value>> = Vec::new();
        let each = |act: &mut dyn FnMut(usize, &Row<'_>) -> Result<(), SqlError>| -> Result<(), SqlError> {
            let mut rows = change.rows.iter().map_err(malformed)?;
            let (mut row, mut number) = (Row::default(), 0);
            while rows.next_into(&mut row).map_err(malformed)? {
                act(number, &row)?;
                number += 1;
            }
            Ok(())
        };
        let moves = &plan.moves;
        let mut find = self.connection.prepare_cached(&moves.find).map_err(failed)?;
        let mut take = self.connection.prepare_cached(&moves.take).map_err(failed)?;
        each(&mut |_, row| {
            plan.bind_place(&mut find, row, 0)?;
            let mut found = find.raw_query();
            let old = found.next().map_err(failed)?.ok_or_else(|| missing_row(change))?;
            let values = (0..moves.columns).map(|index| old.get(index)).collect::<rusqlite::Result<Vec<_>>>();
            kept.push(values.map_err(failed)?);
            drop(found);
            plan.bind_place(&mut take, row, 0)?;
            take.raw_execute().map(drop).map_err(failed)
        })?;
        let mut add = self.connection.prepare_cached(&moves.add).map_err(failed)?;
        each(&mut |number, row| {
            let old = kept.get(number).map(Vec::as_slice).unwrap_or_default();
            plan.bind_moved(&mut add, row, old)?;
            add.raw_execute().map(drop).map_err(failed)
        })?;
        self.limit(limits)
    }
}

/// One bit for each column that any row of an event changes. SQLite leaves the indexes of the other columns alone.
fn changed_columns(rows: &Rows<'_>) -> Result<Vec<u8>, SqlError> {
    if !matches!(rows.kind, RowsKind::Update | RowsKind::PartialUpdate) {
        return Ok(rows.after.to_vec());
    }
    let mut changed = vec![0; rows.after.len()];
    let (mut rows, mut row) = (rows.iter().map_err(malformed)?, Row::default());
    while rows.next_into(&mut row).map_err(malformed)? {
        for (index, after) in row.after.iter().enumerate() {
            if after.is_some()
                && row.before.get(index) != Some(after)
                && let Some(byte) = changed.get_mut(index / 8)
            {
                *byte |= 1 << (index % 8);
            }
        }
    }
    Ok(changed)
}

/// Whether an event has more than one row.
fn has_several(rows: &Rows<'_>) -> Result<bool, SqlError> {
    let (mut rows, mut row) = (rows.iter().map_err(malformed)?, Row::default());
    Ok(rows.next_into(&mut row).map_err(malformed)? && rows.next_into(&mut row).map_err(malformed)?)
}

/// The savepoint around an event.
const EVENT: &str = "`\u{1}event`";

/// The error of an event whose bytes are wrong.
fn malformed(problem: Problem) -> SqlError {
    SqlError::new(1594, b"HY000", format!("Relay log read failure: Could not parse relay log event entry: {problem}"))
}

fn missing_row(change: &RowChange<'_>) -> SqlError {
    SqlError::new(1032, b"HY000", format!("Can't find record in '{}'", change.table))
}
