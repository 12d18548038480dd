//! Runs the statements of a source's log, with the values on which they depended at the source.

use std::sync::Arc;

use sealwire_core::error::SqlError;

use super::Session;
use super::dispatch;
use crate::engine::{Done, EngineSession, Limits, NamedTable, Request, SessionContext, Task, TransactionStep};
use crate::replication::Origin;
use crate::settings::{self, Value};
use crate::sql::charset::of_collation;
use crate::sql::{Datum, lex, mode};
use crate::state::Server;

/// The user for whom a channel applies.
const USER: &str = "system user";
/// Modes of MariaDB's that no statement of a log depends on: IGNORE_BAD_TABLE_OPTIONS, NO_KEY_OPTIONS, NO_TABLE_OPTIONS, NO_FIELD_OPTIONS,
/// MYSQL323 and MYSQL40.
const WITHOUT_EFFECT: u64 = 1 << 4 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 17;

/// The values on which a statement depended at the source.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Surroundings {
    /// The current database.
    pub(crate) database: Option<String>,
    /// `sql_mode`, as its bits; `None` for the default.
    pub(crate) sql_mode: Option<u64>,
    /// The number of a collation of `character_set_client`, and `collation_connection`; `None` for utf8mb4.
    pub(crate) charset: Option<(u16, u16)>,
    /// The number of `collation_server`, which databases have that name none; `None` for utf8mb4.
    pub(crate) collation_server: Option<u16>,
    /// Whether `foreign_key_checks` was off.
    pub(crate) skips_foreign_keys: bool,
    /// The moment at which it began, in microseconds since 1970.
    pub(crate) moment: Option<i64>,
    /// `LAST_INSERT_ID()`.
    pub(crate) last_insert_id: Option<u64>,
    /// The first AUTO_INCREMENT value that it generated.
    pub(crate) insert_id: Option<u64>,
    /// The numbers from which RAND() went on.
    pub(crate) random_seeds: Option<(u64, u64)>,
    /// User variables, by their names in lower case.
    pub(crate) user_variables: Vec<(String, Datum)>,
}

impl Session {
    /// The session with which a channel applies a source's log. It has all privileges, and `read_only` does not bind it.
    pub(crate) fn of_replica(server: &Arc<Server>, is_logged: bool) -> Self {
        let process = server.registry.unlisted();
        let mut session =
            Self::new(Arc::clone(server), process, sealwire_accounts::ClientHost::Socket, Arc::new(|| {}));
        session.view.user = USER.to_owned();
        session.is_logged_in = true;
        let variables = Arc::make_mut(&mut session.view.variables);
        variables.sql_log_bin = is_logged;
        // Global values that are meant for clients must not stop a channel.
        variables.autocommit = true;
        variables.transaction_read_only = false;
        variables.sql_safe_updates = false;
        session
    }

    /// Notes the server at which what follows was done first.
    pub(crate) fn set_origin(&mut self, origin: Option<Origin>) {
        self.origin = origin;
    }

    /// The session's part of the engine.
    ///
    /// # Errors
    /// Where resources are short.
    pub(crate) fn own_engine(&mut self) -> Result<&mut Box<dyn EngineSession>, SqlError> {
        if self.engine.is_none() {
            self.engine = Some(self.view.server.engine_session()?);
        }
        self.engine.as_mut().ok_or_else(crate::engine::interrupted)
    }

    /// The limits of row events.
    pub(crate) fn row_limits(&self) -> Limits {
        Limits {
            skips_foreign_keys: false,
            insert_id: None,
            ..self.limits(&Task::Transaction(TransactionStep::Commit))
        }
    }

    /// Performs a step of a transaction.
    ///
    /// # Errors
    /// MySQL's.
    pub(crate) fn take_step(&mut self, step: TransactionStep) -> Result<(), SqlError> {
        self.run_in_engine(&Task::Transaction(step), None).map(drop)
    }

    /// Whether a transaction is open.
    pub(crate) fn has_transaction(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.is_in_transaction())
    }

    /// Takes over the values on which the next statement depends.
    ///
    /// # Errors
    /// 1115 for a character set that this server lacks, 1231 and 1235 for such a mode.
    pub(crate) fn surround(&mut self, with: &Surroundings) -> Result<(), SqlError> {
        let view = &mut self.view;
        view.database.clone_from(&with.database);
        let bits = with.sql_mode.unwrap_or(0) & !WITHOUT_EFFECT;
        let modes = mode::canonical(&Datum::UInt(bits))?;
        view.set_variable(settings::find("sql_mode")?, &Value::Text(modes.into()));
        let (client, connection) = with.charset.unwrap_or((UTF8MB4, UTF8MB4));
        let (charset, _) = of_collation(client)?;
        let (_, collation) = of_collation(connection)?;
        view.set_charset(charset, collation);
        let (_, of_server) = of_collation(with.collation_server.unwrap_or(UTF8MB4))?;
        if *view.variables.collation_server != *of_server {
            Arc::make_mut(&mut view.variables).collation_server = of_server.into();
        }
        if view.variables.foreign_key_checks == with.skips_foreign_keys {
            Arc::make_mut(&mut view.variables).foreign_key_checks = !with.skips_foreign_keys;
        }
        (view.moment, view.random_seeds) = (with.moment, with.random_seeds);
        view.last_insert_id = with.last_insert_id.unwrap_or(0);
        if !(view.user_variables.is_empty() && with.user_variables.is_empty()) {
            view.user_variables = Arc::new(with.user_variables.iter().cloned().collect());
        }
        self.insert_id = with.insert_id;
        Ok(())
    }

    /// The text of a statement in its canonical form, by the mode and the character set that were taken over. The semicolon behind it, which
    /// MariaDB logs for statements of `--init-file`, is left out.
    ///
    /// # Errors
    /// 1064, 1300 and 3170.
    pub(crate) fn canonical_text(&self, sql: &[u8]) -> Result<String, SqlError> {
        let (first, rest) = lex::first_statement(sql, self.view.syntax.mode)?;
        lex::normalise(if lex::is_blank(rest) { first } else { sql }, self.view.syntax)
    }

    /// Runs a statement whose text is canonical.
    ///
    /// # Errors
    /// The statement's.
    pub(crate) fn replicate(&mut self, sql: &str) -> Result<Done, SqlError> {
        self.run_statement(sql)
    }

    /// The tables that a statement changes, each with its database.
    ///
    /// # Errors
    /// Those of reading the statement.
    pub(crate) fn tables_changed(&mut self, sql: &str) -> Result<Vec<(String, String)>, SqlError> {
        let changed = self.tables_named(sql)?.into_iter().filter(|named| named.is_changed);
        Ok(changed.map(|named| (named.database, named.table)).collect())
    }

    /// The tables that a statement names.
    ///
    /// # Errors
    /// Those of reading the statement.
    pub(crate) fn tables_named(&mut self, sql: &str) -> Result<Vec<NamedTable>, SqlError> {
        if Self::is_outside(sql) {
            return Ok(Vec::new());
        }
        let context: Arc<dyn SessionContext> = Arc::new(self.view.clone());
        let (database, limits) = (self.view.database.clone(), self.row_limits());
        let request = Request {
            sql,
            parameters: &[],
            database: database.as_deref(),
            context: &context,
            binary: false,
            autocommit: true,
            limits,
        };
        self.own_engine()?.named_tables(&request)
    }

    /// Whether a statement changes the server outside of the databases' transactions, such as CREATE DATABASE and CREATE USER.
    pub(crate) fn is_outside(sql: &str) -> bool {
        dispatch::commits_by_itself(sql)
    }
}

/// utf8mb4_general_ci.
const UTF8MB4: u16 = 45;
