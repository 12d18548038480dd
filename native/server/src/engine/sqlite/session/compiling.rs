//! Compiles statements with the same tables and views with which they were weighed.
//!
//! SQLite compiles with the schema that it has read before, and notices at a statement's first step only that another connection has changed a
//! table or a view; it then compiles the statement again by itself. The names and types of the result would be those of the old schema, and a
//! view would not have been weighed. Therefore SQLite must not compile again: the engine begins the statement anew.

use std::collections::HashMap;

use rusqlite::{Statement, StatementStatus};
use sealwire_core::error::SqlError;

use super::super::authorizer::{self, AllowedActions};
use super::super::bounds;
use super::super::errors::{tables_changed, to_mysql, wrong_count};
use super::super::foreign_keys::ForeignKeys;
use super::super::rows::bind;
use super::super::stored_relations::{StoredRelations, ViewsAllowed};
use super::{AttachedDatabase, DEADLOCK, LOCK_WAIT_TIMEOUT, SqliteSession};
use crate::engine::translate::{
    ParseBudget as _, StatementKind, Translated, no_such_table, quote, schema_of, wildcards,
};
use crate::engine::{Request, is_system_database, stopped};

/// Guards that are held while a compiled statement exists.
pub(super) struct Compiled<'a> {
    _authorizer: authorizer::StatementGuard<'a>,
    _views: Option<ViewsAllowed<'a>>,
    is_weighed: bool,
}

/// Why a statement did not compile.
enum CompileError {
    /// It reads a view, so it must be weighed first.
    View,
    Other(SqlError),
}

/// Whether a table, a column or a function does not exist.
const fn is_name_error(error: &SqlError) -> bool {
    matches!(error.code, 1054 | 1146 | 1305)
}

fn broken_view(database: &str, view: &str) -> SqlError {
    let message = format!(
        "View '{database}.{view}' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them"
    );
    SqlError::new(1356, b"HY000", message)
}

/// How often a statement is compiled while others change its tables and views.
const MOST_CHANGES: usize = 20;

/// The memory of the parser's tree, divided by this, is what SQLite needs to compile the statement.
const TREE_TO_PROGRAM: usize = 4;
/// The memory to compile a weighed statement, in bytes for each node.
const BYTES_OF_A_NODE: usize = 1_000;

impl SqliteSession {
    /// Weighs a statement with its tables and views as they are now; refuses one that would take SQLite too long to compile.
    pub(super) fn weigh(&self, request: &Request<'_>) -> Result<u64, SqlError> {
        let budget = self.bounds.budget(request);
        StoredRelations::new(&self.connection, request.database, &self.temporaries, &budget).check(request.sql)
    }

    /// Compiles a user's statement; the authorizer checks it until the result is dropped.
    pub(super) fn compile(
        &self,
        sql: &str,
        allowed: impl Fn() -> AllowedActions,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<(Compiled<'_>, Statement<'_>), SqlError> {
        bounds::limit_program(&self.connection, sql).map_err(|error| to_mysql(&error, ""))?;
        if !translated.is_heavy {
            let _held = self.bounds.budget(request).reserve(translated.tree_bytes / TREE_TO_PROGRAM)?;
            match self.prepare(sql, &allowed, translated) {
                Err(CompileError::View) => {}
                Err(CompileError::Other(error)) => return Err(self.error_of_view(error, &allowed, translated)),
                Ok((guard, statement)) => {
                    self.seal(translated);
                    #[cfg(test)]
                    self.authorizer.suspended(|| (self.test_hook)("compiled"));
                    return Ok((Compiled { _authorizer: guard, _views: None, is_weighed: false }, statement));
                }
            }
        }
        self.retry_while_changed(|| self.compile_weighed(sql, &allowed, translated, request))
    }

    /// Weighs and compiles a statement; `None` where another connection changed tables or views in between.
    fn compile_weighed(
        &self,
        sql: &str,
        allowed: &impl Fn() -> AllowedActions,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<Option<(Compiled<'_>, Statement<'_>)>, SqlError> {
        let before = self.versions()?;
        let weight = usize::try_from(self.weigh(request)?).unwrap_or(usize::MAX);
        let _held = self.bounds.budget(request).reserve(weight.saturating_mul(BYTES_OF_A_NODE))?;
        #[cfg(test)]
        (self.test_hook)("weighed");
        let views = ViewsAllowed::allow(&self.connection).map_err(|error| to_mysql(&error, ""))?;
        let (guard, statement) = self.prepare(sql, allowed, translated).map_err(|failed| match failed {
            CompileError::View => tables_changed(),
            CompileError::Other(error) => self.error_of_view(error, allowed, translated),
        })?;
        if self.authorizer.suspended(|| self.versions())? != before {
            return Ok(None);
        }
        self.seal(translated);
        #[cfg(test)]
        self.authorizer.suspended(|| (self.test_hook)("compiled"));
        Ok(Some((Compiled { _authorizer: guard, _views: Some(views), is_weighed: true }, statement)))
    }

    /// Has SQLite refuse to compile a statement again by itself.
    fn seal(&self, translated: &Translated) {
        // A definition holds the write lock, so nobody else can change its schema.
        if translated.kind != StatementKind::Definition {
            self.authorizer.seal();
        }
    }

    /// Has SQLite read the schemas of a statement's databases again where others have changed them; returns whether any was changed.
    pub(super) fn refresh_schemas(&self, translated: &Translated) -> Result<bool, SqlError> {
        let mut is_changed = false;
        for database in translated.databases() {
            if is_system_database(database) || !self.attached.iter().any(|attached| attached.database == database) {
                continue;
            }
            let sql = format!("SELECT 1 FROM {}.sqlite_master LIMIT 1", quote(&schema_of(database))?);
            let step = || -> rusqlite::Result<bool> {
                let mut statement = self.connection.prepare(&sql)?;
                statement.raw_query().next()?;
                // SQLite compiles this again, too, where the schema has changed.
                Ok(statement.get_status(StatementStatus::RePrepare) > 0)
            };
            is_changed |= step().map_err(|error| self.explain(&error, ""))?;
        }
        Ok(is_changed)
    }

    /// The error of a statement that reads an outdated view. MySQL names the view, and nothing that the view reads.
    fn error_of_view(
        &self,
        error: SqlError,
        allowed: &impl Fn() -> AllowedActions,
        translated: &Translated,
    ) -> SqlError {
        if translated.kind == StatementKind::Definition || !is_name_error(&error) {
            return error;
        }
        for access in &translated.accesses {
            let Some(table) = access.table.as_deref().filter(|_| !is_system_database(&access.database)) else {
                continue;
            };
            let (Ok(schema), Ok(name)) = (quote(&schema_of(&access.database)), quote(table)) else { continue };
            let is_view =
                format!("SELECT 1 FROM {schema}.sqlite_master WHERE type = 'view' AND name = ?1 COLLATE NOCASE");
            if self.connection.query_row(&is_view, [table], |_| Ok(())).is_err() {
                continue;
            }
            let guard = self.authorizer.begin(allowed());
            let compiled = self.connection.prepare(&format!("SELECT 1 FROM {schema}.{name}")).map(drop);
            drop(guard);
            // The denial of this test must not become the statement's error.
            let _ = self.authorizer.take_denial();
            if compiled.is_err_and(|error| is_name_error(&to_mysql(&error, ""))) {
                return broken_view(&access.database, table);
            }
        }
        error
    }

    /// The text of a CREATE VIEW in which names replace each `*`; `None` for all other statements.
    pub(super) fn expand_wildcards(&self, request: &Request<'_>) -> Result<Option<String>, SqlError> {
        if !wildcards::may_have_wildcard(request.sql) {
            return Ok(None);
        }
        let mut known: HashMap<(String, String), Vec<String>> = HashMap::new();
        let mut columns = |database: Option<&str>, table: &str| {
            let database = database.or(request.database).unwrap_or_default();
            let key = (database.to_owned(), table.to_owned());
            if let Some(columns) = known.get(&key) {
                return Ok(columns.clone());
            }
            // SQLite must read a view to name its columns.
            self.weigh(request)?;
            let _views = ViewsAllowed::allow(&self.connection).map_err(|error| to_mysql(&error, ""))?;
            let read = || -> rusqlite::Result<Vec<String>> {
                let sql = "SELECT name FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1 ORDER BY cid";
                let mut statement = self.connection.prepare(sql)?;
                statement.query_map([table, &schema_of(database)], |row| row.get(0))?.collect()
            };
            let columns = match read() {
                Ok(columns) if columns.is_empty() => {
                    return Err(no_such_table(database, table));
                }
                Ok(columns) => columns,
                Err(error) => match to_mysql(&error, "") {
                    error if is_name_error(&error) => return Err(broken_view(database, table)),
                    error => return Err(error),
                },
            };
            known.insert(key, columns.clone());
            Ok(columns)
        };
        wildcards::expand(request.sql, &self.bounds.budget(request), &mut columns)
    }

    /// The schema versions of all attached databases, which change with every table and view.
    fn versions(&self) -> Result<Vec<i64>, SqlError> {
        let of = |attached: &AttachedDatabase| {
            let schema = schema_of(&attached.database);
            self.connection.pragma_query_value(Some(schema.as_ref()), "schema_version", |row| row.get(0))
        };
        self.attached.iter().map(of).collect::<rusqlite::Result<_>>().map_err(|error| to_mysql(&error, ""))
    }

    /// Repeats an attempt until no other connection changes tables or views meanwhile.
    pub(super) fn retry_while_changed<T>(
        &self,
        mut attempt: impl FnMut() -> Result<Option<T>, SqlError>,
    ) -> Result<T, SqlError> {
        for _ in 0..MOST_CHANGES {
            if let Some(done) = attempt()? {
                return Ok(done);
            }
            if self.bounds.interruption.is_stopped() {
                return Err(stopped(&self.bounds.interruption));
            }
        }
        Err(tables_changed())
    }

    /// Whether a statement failed because others changed a table or view since it was compiled.
    pub(super) fn has_changed(&self, error: &rusqlite::Error) -> bool {
        self.authorizer.is_recompiled() || ViewsAllowed::is_refusal(error)
    }

    /// Compiles a statement with the schema as it is now, where it does not compile with the one that SQLite has read before.
    fn prepare(
        &self,
        sql: &str,
        allowed: &impl Fn() -> AllowedActions,
        translated: &Translated,
    ) -> Result<(authorizer::StatementGuard<'_>, Statement<'_>), CompileError> {
        match self.prepare_once(sql, allowed, translated) {
            // The statement's own error is told where the schema can't be read.
            Err(CompileError::Other(_)) if self.refresh_schemas(translated).unwrap_or(false) => {
                self.prepare_once(sql, allowed, translated)
            }
            done => done,
        }
    }

    fn prepare_once(
        &self,
        sql: &str,
        allowed: &impl Fn() -> AllowedActions,
        translated: &Translated,
    ) -> Result<(authorizer::StatementGuard<'_>, Statement<'_>), CompileError> {
        let guard = self.authorizer.begin(allowed());
        let error = match self.connection.prepare(sql) {
            Ok(statement) => return Ok((guard, statement)),
            Err(error) if ViewsAllowed::is_refusal(&error) => return Err(CompileError::View),
            Err(error) => error,
        };
        drop(guard);
        if translated.kind == StatementKind::Query {
            return Err(CompileError::Other(self.explain_compiling(&error, sql)));
        }
        // A foreign key needs no privilege, so the statement is compiled again with the tables of its foreign keys allowed.
        let denial = self.authorizer.take_denial();
        let Some(denial) = denial else { return Err(CompileError::Other(self.explain_compiling(&error, sql))) };
        let keys = translated.accesses.first().map(|access| ForeignKeys::read(&self.connection, &access.database));
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else { return Err(CompileError::Other(denial)) };
        let guard = self.authorizer.begin(allowed().with_keys(&keys));
        match self.connection.prepare(sql) {
            Ok(statement) => Ok((guard, statement)),
            Err(error) if ViewsAllowed::is_refusal(&error) => Err(CompileError::View),
            Err(error) => Err(CompileError::Other(self.explain_compiling(&error, sql))),
        }
    }

    /// Begins a transaction and takes the write locks of the databases that the statement changes. BEGIN IMMEDIATE would take those of all
    /// attached databases, so that others' changes of a database that the session has once read would keep it waiting.
    pub(super) fn begin_change(&self, translated: &Translated) -> Result<(), SqlError> {
        self.run_batch("BEGIN")?;
        for database in translated.changed_databases() {
            // SQLite has no statement that takes one lock. Every database has this number already; `user_version` is the binary log's mark.
            let lock = quote(&schema_of(database)).map(|schema| format!("PRAGMA {schema}.application_id = 0"));
            if let Err(error) = lock.and_then(|lock| self.run_batch(&lock)) {
                self.run_batch("ROLLBACK")?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// One try of [`Self::run`]; `None` where others have changed tables or views since the statement was compiled.
    pub(super) fn run_once(
        &self,
        sql: &str,
        allowed: &impl Fn() -> AllowedActions,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<Option<u64>, SqlError> {
        let compiled = self.compile(sql, allowed, translated, request)?;
        self.authorizer.suspended(|| self.check_filled(translated))?;
        // SQLite reads the views of an UPDATE before it calls the authorizer, so a transaction keeps others from changing them.
        if compiled.0.is_weighed && translated.kind == StatementKind::Update && self.connection.is_autocommit() {
            drop(compiled);
            self.begin_change(translated)?;
            let ran = self
                .compile(sql, allowed, translated, request)
                .and_then(|compiled| self.step_to_end(compiled, request));
            let is_done = matches!(ran, Ok(Some(_)));
            self.run_batch(if is_done { "COMMIT" } else { "ROLLBACK" })?;
            return ran;
        }
        self.step_to_end(compiled, request)
    }

    /// Refuses an INSERT without a list of columns into a table with generated columns. SQLite leaves these out; MySQL counts all columns.
    fn check_filled(&self, translated: &Translated) -> Result<(), SqlError> {
        let Some((schema, table)) = &translated.fills else { return Ok(()) };
        let sql = "SELECT COUNT(*) FROM pragma_table_xinfo(?1, ?2) WHERE hidden IN (2, 3)";
        let count = || self.connection.prepare_cached(sql)?.query_row([table, schema], |row| row.get(0));
        let generated: u32 = count().map_err(|error| to_mysql(&error, ""))?;
        if generated == 0 { Ok(()) } else { Err(wrong_count()) }
    }

    fn step_to_end(
        &self,
        (guard, mut statement): (Compiled<'_>, Statement<'_>),
        request: &Request<'_>,
    ) -> Result<Option<u64>, SqlError> {
        let ran = bind(&mut statement, request.parameters).and_then(|()| statement.raw_execute());
        drop(statement);
        let ran = match ran {
            Ok(changed) => Ok(Some(changed as u64)),
            Err(error) if self.has_changed(&error) => Ok(None),
            Err(error) => Err(self.explain(&error, request.sql)),
        };
        // A change that waited in vain for its lock has not begun; another's error may tell of rows.
        let has_begun = match &ran {
            Ok(done) => done.is_some(),
            Err(error) => !matches!(error.code, LOCK_WAIT_TIMEOUT | DEADLOCK),
        };
        if has_begun {
            self.has_worked.set(true);
        }
        drop(guard);
        ran
    }
}
