//! A session: a SQLite connection with an empty main database, to which the databases of its statements are attached.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::types::Type;
use rusqlite::{Connection, OpenFlags};
use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;
use sealwire_core::message::ColumnDefinition;

use super::authorizer::{AllowedActions, Authorizer};
use super::bounds::{self, Bounds};
use super::descriptors::OpenDatabase;
use super::disk_space::SpaceWatch;
use super::errors::{self, to_mysql};
use super::foreign_keys::ForeignKeys;
use super::information_schema;
use super::open_files::{FileId, FilesInUse, OpenFiles};
use super::open_transactions::TransactionEntry;
use super::privileges::{authorise, authorise_lock};
use super::rows::{bind, column_sources, length_of, put_row};
use super::shared::Shared;
use super::temporary;
use super::writers::{Writer, gave_way};
use crate::engine::replicated::{GroupEnd, KeptPlace, ReplicatedGroup, RowChange};
use crate::engine::translate::{
    Access, Scope, StatementKind, Temporaries, Translated, quote, schema_of, temporary_name, translate,
};
use crate::engine::{
    Description, Done, EngineSession, Interruption, Limits, NamedTable, Request, RowSink, SessionContext,
    TransactionStep, UnlistedTable, interrupted, is_system_database, stopped,
};
use crate::replication::{Awaited, Place};
use capture::Capture;
use replica::Replica;

mod attaching;
mod capture;
mod collations;
mod column_position;
mod compiling;
mod definition;
mod disk;
mod foreign_key_indexes;
mod giving_way;
mod last_keys;
mod like;
mod logging;
mod new_defaults;
mod read_lock;
mod repeatable_table;
mod repeated;
mod replica;
mod replicated;
mod safe_updates;
mod savepoints;
mod settling;
mod snapshot;
mod system_tables;

/// One connection's session with the engine.
pub(super) struct SqliteSession {
    shared: Shared,
    connection: Connection,
    authorizer: Authorizer,
    bounds: Arc<Bounds>,
    has_limits: bool,
    space: Arc<SpaceWatch>,
    /// The attached databases, the most recently used at the end.
    attached: Vec<AttachedDatabase>,
    temporaries: Temporaries,
    transaction: TransactionEntry,
    /// Collects changes for the binary log; `None` without one.
    capture: Option<Capture>,
    /// The state of a session that applies a source's log.
    replica: Replica,
    /// Whether the client has begun a transaction that SQLite begins with the first statement, because the preparations of a statement
    /// would read in it, and a transaction that has read does not wait for a lock.
    is_begun: bool,
    /// Whether SQLite has rolled the client's transaction back, which the client has not ended yet.
    is_rolled_back: bool,
    /// The session's locks, as other sessions see them.
    writer: Arc<Writer>,
    /// The database for which the client's transaction was rolled back, until its next statement is told.
    gave_way: Option<String>,
    /// Whether the client has learned or changed anything in SQLite's transaction, which otherwise can begin anew unnoticed.
    has_worked: Cell<bool>,
    /// The place of the open transaction's snapshot in the binary log.
    snapshot: Option<Place>,
    /// The savepoints of SQLite's transaction while it can begin anew, the oldest first.
    savepoints: Vec<String>,
    /// Called by tests between weighing and compiling.
    #[cfg(test)]
    test_hook: Box<dyn Fn(&str) + Send>,
}

/// An attached database with the file that it had then; a system database has none.
struct AttachedDatabase {
    database: String,
    file: Option<FileId>,
    /// When its growth was last limited; `None` where it is not.
    limited_at: Cell<Option<Instant>>,
    /// Whether commits do not wait for the disk.
    is_relaxed: Cell<bool>,
    /// Its open files, and their use by a statement or a transaction.
    open: Option<Arc<OpenFiles>>,
    in_use: Option<FilesInUse>,
    _descriptors: Option<OpenDatabase>,
}

impl AttachedDatabase {
    /// Whether the database was dropped, and its contents may be gone.
    fn is_gone(&self) -> bool {
        self.in_use.is_none() && self.open.as_ref().is_some_and(|open| open.is_dropped())
    }
}

impl SqliteSession {
    pub(super) fn open(shared: Shared) -> Result<Self, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let interruption = Arc::new(Interruption::default());
        let writer = shared.writers.writer(Arc::clone(&interruption));
        let bounds = Bounds::new(interruption, Arc::clone(&writer));
        let authorizer = Authorizer::default();
        let open = || -> rusqlite::Result<(Connection, Arc<SpaceWatch>, Option<Capture>)> {
            let mut connection = Connection::open_in_memory_with_flags(flags)?;
            super::functions::register(&connection, &bounds)?;
            configure(&connection)?;
            authorizer.install(&mut connection)?;
            bounds.install(&mut connection)?;
            let space = SpaceWatch::install(Arc::clone(shared.databases.directory()), &mut connection)?;
            let capture =
                shared.log.clone().map(|log| Capture::install(log, &connection, &bounds.interruption)).transpose()?;
            Ok((connection, space, capture))
        };
        let (connection, space, capture) = open().map_err(|error| to_mysql(&error, ""))?;
        let handle = connection.get_interrupt_handle();
        let transaction = shared.transactions.register();
        bounds.interruption.connect(move || handle.interrupt());
        Ok(Self {
            shared,
            connection,
            authorizer,
            bounds,
            has_limits: false,
            space,
            attached: Vec::new(),
            temporaries: Temporaries::new(),
            transaction,
            capture,
            replica: Replica::default(),
            is_begun: false,
            is_rolled_back: false,
            writer,
            gave_way: None,
            has_worked: Cell::new(false),
            snapshot: None,
            savepoints: Vec::new(),
            #[cfg(test)]
            test_hook: Box::new(|_| {}),
        })
    }

    fn run_batch(&self, sql: &str) -> Result<(), SqlError> {
        if let Some(capture) = self.capture.as_ref().filter(|_| sql == "ROLLBACK") {
            capture.roll_back();
        }
        self.connection.execute_batch(sql).map_err(|error| match to_mysql(&error, sql) {
            // The statement was stopped while it waited for a lock.
            waited if waited.code == 1205 && self.bounds.interruption.is_stopped() => {
                stopped(&self.bounds.interruption)
            }
            error => error,
        })
    }

    /// Applies limits that session variables set.
    fn limit(&self, limits: &Limits) -> Result<(), SqlError> {
        self.bounds.wait_for_locks(limits.lock_wait.max(self.least_wait()));
        let set = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, !limits.skips_foreign_keys);
        set.map(|_| ()).map_err(|error| to_mysql(&error, ""))
    }

    fn translated(&self, request: &Request<'_>) -> Result<Translated, SqlError> {
        self.translate(request.sql, request)
    }

    /// Translates a text that stands for a request's own, or is that.
    fn translate(&self, sql: &str, request: &Request<'_>) -> Result<Translated, SqlError> {
        translate(
            sql,
            Scope {
                database: request.database,
                names: request.context.as_ref(),
                temporaries: &self.temporaries,
                collations: self,
                log: self.capture.as_ref().map(|capture| capture.log.format.flavour),
                is_replicated: self.group().is_some(),
                budget: &self.bounds.budget(request),
            },
        )
    }

    /// Translates a statement, checks the privileges and attaches its databases.
    fn prepare_request(&mut self, request: &Request<'_>) -> Result<Translated, SqlError> {
        if !self.has_limits {
            let read = self.bounds.read_session_limits(&self.connection, request.context.as_ref());
            read.map_err(|error| to_mysql(&error, ""))?;
            self.has_limits = true;
        }
        let translated = self.translated(request)?;
        for access in &translated.accesses {
            authorise(access, request)?;
        }
        for (database, table) in &translated.locked {
            authorise_lock(database, table, request)?;
        }
        if Self::is_made_by_server(&translated, request) {
            return Ok(translated);
        }
        self.attach(&translated.databases())?;
        self.lock_for_group(&translated, request)?;
        self.fill_system_tables(&translated, request)?;
        // Refused here, because a definition commits the open transaction first.
        if translated.is_heavy && translated.kind == StatementKind::Definition {
            self.weigh(request)?;
        }
        if let Some((database, table)) = &translated.like {
            return self.translate_like(&translated, (database, table), request);
        }
        // A new column has the collation of its table, and a key of a source's table those of its columns, which can be read only now.
        let needs_table = |sql: &String| {
            sql.starts_with("ALTER TABLE ") && sql.contains(" ADD COLUMN ")
                || self.group().is_some() && sql.starts_with("CREATE UNIQUE INDEX ")
        };
        if translated.statements.iter().any(needs_table) {
            return self.translated(request);
        }
        let Some(text) = self.expand_wildcards(request)? else { return Ok(translated) };
        self.translate(&text, request)
    }

    /// Like [`Self::explain`], for a statement that did not compile.
    fn explain_compiling(&self, error: &rusqlite::Error, sql: &str) -> SqlError {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::OutOfMemory) => bounds::program_too_long(sql),
            _ => self.explain(error, sql),
        }
    }

    /// The error of a user's statement that failed: a limit's, the authorizer's, or SQLite's.
    fn explain(&self, error: &rusqlite::Error, sql: &str) -> SqlError {
        let refused = || self.capture.as_ref().and_then(Capture::take_error);
        let own = self.bounds.take_error().or_else(|| self.authorizer.take_denial()).or_else(refused);
        match own {
            Some(own) => own,
            None if self.bounds.interruption.is_stopped() => stopped(&self.bounds.interruption),
            None => to_mysql(error, sql),
        }
    }

    /// Runs a statement without result rows; returns how many rows it changed.
    fn run(
        &self,
        sql: &str,
        allowed: impl Fn() -> AllowedActions,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<u64, SqlError> {
        let run_once = || self.run_once(sql, &allowed, translated, request);
        let ran = self.retry_while_changed(|| self.captured(translated, request, run_once));
        let ran = ran.map_err(|error| self.used_up(&error, translated, request).unwrap_or(error));
        // The foreign keys are read without checks, because the engine reads them.
        ran.map_err(|error| match translated.accesses.first() {
            Some(Access { database, table: Some(table), .. }) if errors::is_foreign_key_violation(&error) => {
                let of_parent =
                    error.code == 1451 || matches!(translated.kind, StatementKind::Delete | StatementKind::Definition);
                ForeignKeys::read(&self.connection, database).violation(of_parent, table, request.context.as_ref())
            }
            _ => error,
        })
    }

    fn change(&self, translated: &Translated, request: &Request<'_>) -> Result<Done, SqlError> {
        self.demand_key(translated, request)?;
        self.start_keys(translated, request)?;
        let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
        let before = self.connection.last_insert_rowid();
        let allowed = || AllowedActions::new(translated, Arc::clone(request.context));
        let mut ignored = None;
        let affected_rows = match &translated.ignore {
            None => self.run(sql, allowed, translated, request)?,
            // SQLite does not say which rows IGNORE skipped or why, so the statement runs without IGNORE first.
            Some(ignore) => match self.run(&ignore.strict, allowed, translated, request) {
                Err(error) if errors::is_constraint_violation(&error) => {
                    ignored = Some(error);
                    self.run(sql, allowed, translated, request)?
                }
                ran => ran?,
            },
        };
        let mut done = Done { affected_rows, warnings: self.bounds.end(), ..Done::default() };
        if let Some(error) = ignored {
            let rows = translated.ignore.as_ref().and_then(|ignore| ignore.rows);
            let ignored = rows.map_or(1, |rows| rows.saturating_sub(affected_rows).max(1));
            done.warnings.extend(bounds::repeated(error, ignored));
        }
        let warnings = done.warnings.len();
        match translated.kind {
            StatementKind::Update => {
                done.info = format!("Rows matched: {affected_rows}  Changed: {affected_rows}  Warnings: {warnings}");
            }
            StatementKind::Delete => {}
            _ => {
                let last = self.connection.last_insert_rowid();
                if affected_rows > 0 && self.generates_keys(translated) {
                    // MySQL reports the first value of several.
                    done.last_insert_id = u64::try_from(last).unwrap_or(0).saturating_sub(affected_rows - 1);
                }
                if translated.kind == StatementKind::Upsert && last == before {
                    // MySQL counts an updated row twice.
                    done.affected_rows *= 2;
                }
                let rows = translated.ignore.as_ref().and_then(|ignore| ignore.rows).unwrap_or(affected_rows);
                if rows > 1 {
                    let duplicates = rows.saturating_sub(affected_rows);
                    done.info = format!("Records: {rows}  Duplicates: {duplicates}  Warnings: {warnings}");
                }
            }
        }
        Ok(done)
    }

    /// Whether the changed table has an AUTO_INCREMENT column.
    fn generates_keys(&self, translated: &Translated) -> bool {
        let (schema, table) = match (temporary::temporary_target(translated), translated.accesses.first()) {
            (Some(table), _) => ("temp".to_owned(), table),
            (None, Some(Access { database, table: Some(table), .. })) => {
                let Ok(schema) = quote(&schema_of(database)) else { return false };
                (schema, table.clone())
            }
            _ => return false,
        };
        let sql = format!(
            "SELECT sql LIKE '%AUTOINCREMENT%' FROM {schema}.sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE"
        );
        let found = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([&table], |row| row.get(0)));
        found.unwrap_or(false)
    }

    fn query(&self, translated: &Translated, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        self.retry_while_changed(|| self.query_once(translated, request, rows))
    }

    /// One try of [`Self::query`]; `None` where others have changed tables or views since the statement was compiled.
    fn query_once(
        &self,
        translated: &Translated,
        request: &Request<'_>,
        rows: &mut dyn RowSink,
    ) -> Result<Option<Done>, SqlError> {
        let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
        let allowed = || AllowedActions::new(translated, Arc::clone(request.context));
        let (_guard, mut statement) = self.compile(sql, allowed, translated, request)?;
        let failed = |error: rusqlite::Error| self.explain(&error, request.sql);
        let column_sources = column_sources(&statement, &translated.titles);
        bind(&mut statement, request.parameters).map_err(failed)?;
        let mut found = statement.raw_query();
        let mut next = match found.next() {
            Err(error) if self.has_changed(&error) => return Ok(None),
            next => next.map_err(failed)?,
        };
        let columns: Vec<ColumnDefinition> = column_sources
            .iter()
            .enumerate()
            .map(|(index, source)| {
                source
                    .column(next.and_then(|row| row.get_ref(index).ok()).map_or(Type::Null, |value| value.data_type()))
            })
            .collect();
        if translated.accesses.iter().any(|access| !is_system_database(&access.database)) {
            self.has_worked.set(true);
        }
        rows.begin(columns.clone())?;
        let growth = self.growth(translated);
        while let Some(row) = next {
            let length = length_of(row, columns.len());
            if length > self.bounds.longest_row() {
                let message = format!(
                    "Got a packet bigger than 'max_allowed_packet' bytes: a row of {length} bytes; select fewer or shorter columns"
                );
                return Err(SqlError::packet_too_large(message));
            }
            rows.wait(&|| growth.check())?;
            self.bounds.begin_row(length)?;
            put_row(row, &columns, request.binary, rows.buffer());
            rows.end_row()?;
            self.bounds.end_row();
            next = found.next().map_err(failed)?;
        }
        Ok(Some(Done { has_rows: true, warnings: self.bounds.end(), ..Done::default() }))
    }

    /// Runs a statement. The memory counts until [`Bounds::release`].
    fn run_request(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        if self.is_rolled_back {
            return Err(rolled_back());
        }
        if let Some(database) = self.gave_way.take() {
            return Err(gave_way(&database));
        }
        let translated = self.prepare_request(request)?;
        if usize::from(translated.parameters) != request.parameters.len() {
            return Err(SqlError::wrong_arguments("Incorrect arguments to mysqld_stmt_execute"));
        }
        let fills_temporary = temporary::fills_temporary(&translated);
        self.bounds.begin(request, translated.kind == StatementKind::Query || fills_temporary);
        if fills_temporary {
            self.bounds.require_space_for_tables()?;
        }
        if translated.kind != StatementKind::Query
            && let Some(read_only) = request.limits.read_only
        {
            return Err(read_only.refusal());
        }
        self.limit(&request.limits)?;
        self.ignore_checks(false)?;
        if self.is_done(&translated) {
            return Ok(Done::default());
        }
        self.queue_for_change(&translated, request.limits.lock_wait)?;
        let commits_first = self.is_own_transaction(&translated);
        let was_begun = self.is_begun && !commits_first;
        let was_open = !self.connection.is_autocommit() && !commits_first;
        let done = self.run_within_space(&translated, request, rows, fills_temporary);
        let done = done.map_err(|error| self.settle_failure(error, was_begun, was_open));
        self.note_transaction(&translated, request, &done);
        if fills_temporary {
            self.bounds.count_tables(&self.connection, request.context.as_ref());
        }
        done
    }

    /// Ends the transaction of a statement that failed, where it has ended. SQLite rolls back whole where a change was stopped, or the disk
    /// or the memory was full; MySQL does so after a deadlock.
    fn settle_failure(&mut self, mut error: SqlError, was_begun: bool, was_open: bool) -> SqlError {
        if error.code == DEADLOCK && !self.connection.is_autocommit() {
            // The connection is as good as closed where this fails.
            let _ = self.run_batch("ROLLBACK");
            self.forget_dropped_temporaries();
        } else if was_begun && self.connection.is_autocommit() {
            // Nothing is lost with the first statement, so the transaction goes on.
            self.is_begun = true;
        } else if was_open && self.connection.is_autocommit() {
            self.is_rolled_back = true;
            if let Some(capture) = &self.capture {
                capture.roll_back();
            }
            error.message.push_str("; the transaction was rolled back: end it with ROLLBACK");
            self.forget_dropped_temporaries();
        }
        error
    }

    fn run_translated(
        &mut self,
        translated: &Translated,
        request: &Request<'_>,
        rows: &mut dyn RowSink,
    ) -> Result<Done, SqlError> {
        if self.is_own_transaction(translated) {
            self.is_begun = false;
            return self.define(translated, request);
        }
        if (self.is_begun || !request.autocommit) && self.connection.is_autocommit() {
            self.begin()?;
        }
        match translated.kind {
            StatementKind::Definition => self.define(translated, request),
            StatementKind::Query => self.query(translated, request, rows),
            _ if self.connection.is_autocommit() && self.is_logged(translated, request) => {
                self.change_logged(translated, request)
            }
            _ if !self.connection.is_autocommit() && !self.has_worked.get() => self.change_first(translated, request),
            _ => self.change(translated, request),
        }
    }

    /// Whether a statement commits before and after itself.
    fn is_own_transaction(&self, translated: &Translated) -> bool {
        translated.kind == StatementKind::Definition && !translated.is_temporary() && !self.is_within_group()
    }

    /// Begins SQLite's transaction.
    fn begin(&mut self) -> Result<(), SqlError> {
        self.relax()?;
        self.run_batch("BEGIN")?;
        self.replica.forget_locks();
        self.is_begun = false;
        self.has_worked.set(false);
        self.snapshot = None;
        self.savepoints.clear();
        Ok(())
    }

    /// Ends SQLite's transaction. A stop has no effect, and what can't be committed is rolled back: the transaction is over in any case.
    fn end_transaction(&self, sql: &str) -> Result<(), SqlError> {
        self.writer.commit();
        let ended = loop {
            self.bounds.interruption.reset();
            match if sql == "COMMIT" { self.commit() } else { self.run_batch(sql) } {
                Err(error) if error.code == interrupted().code => {}
                ended => break ended,
            }
        };
        if ended.is_err() && !self.connection.is_autocommit() {
            self.run_batch("ROLLBACK")?;
        }
        ended
    }

    /// Runs the first change of a transaction. Where SQLite has read before, it waits for no lock; the client has learned nothing, so that the
    /// transaction can begin anew.
    fn change_first(&mut self, translated: &Translated, request: &Request<'_>) -> Result<Done, SqlError> {
        const PAUSE: Duration = Duration::from_millis(5);
        let begun = Instant::now();
        loop {
            let error = match self.change(translated, request) {
                Err(error) if matches!(error.code, LOCK_WAIT_TIMEOUT | DEADLOCK) => error,
                done => return done,
            };
            if self.bounds.interruption.is_stopped() {
                return Err(stopped(&self.bounds.interruption));
            }
            if begun.elapsed() >= request.limits.lock_wait || self.connection.is_autocommit() {
                return Err(error);
            }
            self.run_batch("ROLLBACK")?;
            self.transaction.close();
            self.writer.wait(begun.elapsed(), || self.bounds.interruption.sleep(PAUSE));
            self.begin_again(translated, request)?;
        }
    }

    /// Describes a statement. The memory counts until [`Bounds::release`].
    fn describe_request(&mut self, request: &Request<'_>) -> Result<Description, SqlError> {
        let translated = self.prepare_request(request)?;
        self.bounds.begin(request, false);
        // SQLite notices changes of others at a first step only, and a description takes none.
        self.refresh_schemas(&translated)?;
        let allowed = || AllowedActions::new(&translated, Arc::clone(request.context));
        let mut description = Description { parameters: translated.parameters, columns: Vec::new() };
        if translated.kind == StatementKind::Query {
            let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
            let (_guard, statement) = self.compile(sql, allowed, &translated, request)?;
            description.columns =
                column_sources(&statement, &translated.titles).iter().map(|source| source.column(Type::Null)).collect();
        } else if translated.kind != StatementKind::Definition {
            let sql = translated.statements.first().map(String::as_str).unwrap_or_default();
            self.compile(sql, allowed, &translated, request)?;
        }
        Ok(description)
    }

    /// Removes the temporary tables that a rollback has dropped from the list.
    fn forget_dropped_temporaries(&mut self) {
        if self.temporaries.is_empty() {
            return;
        }
        let read = || -> rusqlite::Result<BTreeSet<String>> {
            let mut statement = self.connection.prepare("SELECT name FROM temp.sqlite_master WHERE type = 'table'")?;
            let names = statement.query_map([], |row| row.get(0))?;
            names.collect()
        };
        if let Ok(names) = read() {
            self.temporaries.retain(|(database, table)| names.contains(&temporary_name(database, table)));
        }
    }
}

impl Drop for SqliteSession {
    fn drop(&mut self) {
        if !self.connection.is_autocommit() {
            // Closing the connection rolls back, too.
            let _ = self.run_batch("ROLLBACK");
            self.shrink_wals();
        }
        self.shared.databases.close(&mut self.connection);
    }
}

impl EngineSession for SqliteSession {
    fn describe(&mut self, request: &Request<'_>) -> Result<Description, SqlError> {
        let described = self.describe_request(request);
        self.end_uses();
        self.bounds.release();
        described
    }

    fn execute(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        let done = self.run_request(request, rows);
        let done = self.settle_change(done);
        self.end_uses();
        self.bounds.release();
        done
    }

    fn transaction(&mut self, step: &TransactionStep) -> Result<(), SqlError> {
        let open = !self.connection.is_autocommit();
        if let Some(database) = self.gave_way.take() {
            return if *step == TransactionStep::Rollback { Ok(()) } else { Err(gave_way(&database)) };
        }
        if self.is_rolled_back {
            // BEGIN commits, too. The client learns of the rollback before another transaction begins; other statements that commit leave it to
            // the client to end the transaction.
            let ends = matches!(step, TransactionStep::Begin | TransactionStep::Commit | TransactionStep::Rollback);
            self.is_rolled_back = !ends;
            return if *step == TransactionStep::Rollback { Ok(()) } else { Err(rolled_back()) };
        }
        if matches!(step, TransactionStep::Commit | TransactionStep::ImplicitCommit) && self.is_within_group() && open {
            return Err(replica::cut_group());
        }
        if matches!(step, TransactionStep::Savepoint(_)) {
            let databases = Arc::clone(&self.shared.databases);
            let _names = databases.lock_names();
            self.begin_uses();
        }
        let done = match step {
            TransactionStep::Begin | TransactionStep::Commit | TransactionStep::ImplicitCommit if open => {
                self.end_transaction("COMMIT")
            }
            TransactionStep::Rollback if open => self.end_transaction("ROLLBACK"),
            TransactionStep::Begin
            | TransactionStep::Commit
            | TransactionStep::ImplicitCommit
            | TransactionStep::Rollback => Ok(()),
            TransactionStep::Savepoint(_) if self.is_begun => self.begin().and_then(|()| self.step_savepoint(step)),
            // In autocommit mode a savepoint ends with its own statement.
            TransactionStep::Savepoint(_) if !open => Ok(()),
            TransactionStep::Savepoint(_) | TransactionStep::RollbackTo(_) | TransactionStep::Release(_) => {
                self.step_savepoint(step)
            }
        };
        match step {
            TransactionStep::Begin => self.is_begun = done.is_ok(),
            TransactionStep::Commit | TransactionStep::ImplicitCommit | TransactionStep::Rollback => {
                self.is_begun = false
            }
            _ => {}
        }
        if self.connection.is_autocommit() {
            self.transaction.close();
            if matches!(step, TransactionStep::Commit | TransactionStep::ImplicitCommit) && done.is_ok() {
                self.end_idle_transactions();
            }
        }
        if matches!(step, TransactionStep::Rollback | TransactionStep::RollbackTo(_)) {
            self.forget_dropped_temporaries();
        }
        if self.connection.is_autocommit() {
            self.shrink_wals();
        }
        self.note_locks();
        self.end_uses();
        done
    }

    fn begin_snapshot(&mut self, context: &dyn SessionContext) -> Result<(), SqlError> {
        self.transaction(&TransactionStep::Begin)?;
        self.take_snapshot(context)
    }

    fn take_awaited(&mut self) -> Option<Awaited> {
        self.capture.as_ref().and_then(|capture| capture.state().awaited.take())
    }

    fn snapshot(&self) -> Option<Place> {
        self.snapshot.clone().filter(|_| !self.connection.is_autocommit())
    }

    fn is_in_transaction(&self) -> bool {
        self.is_begun || self.is_rolled_back || self.gave_way.is_some() || !self.connection.is_autocommit()
    }

    fn set_group(&mut self, group: ReplicatedGroup) {
        self.note_group(group);
    }

    fn end_group(&mut self) -> bool {
        self.forget_group()
    }

    fn keep_place(&mut self, channel: &str, place: &KeptPlace) -> Result<(), SqlError> {
        self.sync_changed()?;
        self.shared.replica_places.keep(self.shared.databases.directory(), channel, place)
    }

    fn begin_outside(&mut self, channel: &str, end: &GroupEnd) -> Result<(), SqlError> {
        self.sync_changed()?;
        self.shared.replica_places.begin(self.shared.databases.directory(), channel, end, &[])
    }

    fn named_tables(&mut self, request: &Request<'_>) -> Result<Vec<NamedTable>, SqlError> {
        let translated = self.translated(request)?;
        let named = |Access { database, table, privileges }| {
            let is_changed = privileges != [Privilege::SELECT];
            table.map(|table| NamedTable { database, table, is_changed })
        };
        Ok(translated.accesses.into_iter().filter_map(named).collect())
    }

    fn apply_rows(&mut self, change: &RowChange<'_>, limits: &Limits) -> Result<(), SqlError> {
        let applied = self.apply_rows_of(change, *limits);
        self.note_locks();
        self.end_uses();
        if self.connection.is_autocommit()
            && let Some(capture) = &self.capture
        {
            // SQLite has rolled back by itself.
            capture.roll_back();
        }
        applied
    }

    fn temporary_table(&self, database: &str, table: &str) -> Result<Option<UnlistedTable>, SqlError> {
        if !self.temporaries.contains(&(database.to_owned(), table.to_owned())) {
            return Ok(None);
        }
        information_schema::temporary_table(&self.connection, database, table).map_err(|error| to_mysql(&error, ""))
    }

    fn interruption(&self) -> Arc<Interruption> {
        Arc::clone(&self.bounds.interruption)
    }
}

/// MySQL's numbers for a lock that did not come in time, and for a deadlock.
const LOCK_WAIT_TIMEOUT: u16 = 1205;
const DEADLOCK: u16 = 1213;

/// The error of whatever continues a transaction that was rolled back.
fn rolled_back() -> SqlError {
    let message = "The transaction was rolled back when a statement of it was stopped or found no room: end it with ROLLBACK, and begin it anew";
    SqlError::new(3101, b"40000", message)
}

/// Has SQLite refuse everything that no statement may do.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    for (config, on) in [
        // No SQL writes to SQLite's own tables or damages its files.
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        // Views and defaults call harmless functions alone.
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // A name in quotes never counts as a text.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        // Views are allowed once the statement has been weighed.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        // A parameter's value does not make SQLite compile a statement again, which only the change of a schema may.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        // Renaming a table changes no view, as in MySQL, and an outdated view does not prevent it.
        (DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, true),
    ] {
        connection.set_db_config(config, on)?;
    }
    bounds::limit_temporary(connection)
}

#[cfg(test)]
mod tests;
