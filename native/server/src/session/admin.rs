//! Statements about the server: accounts, databases, KILL, FLUSH, ALTER INSTANCE, SHUTDOWN.

use std::cell::Cell;
use std::sync::Arc;

use sealwire_accounts::{
    AccountName, AccountStatement, Accounts, GrantLevel, Level, Outcome, Privilege, Session as Asker,
};
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::{Answer, Reply, Table};
use super::execution::Execution;
use super::show;
use crate::accounts::Write;
use crate::engine::{Interruption, declared_column, interrupted, is_system_database, unknown_database};
use crate::sql::charset::default_collation;
use crate::sql::collations::{self, compares_bytes};
use crate::sql::database_options::{DatabaseOptions, database_options};
use crate::sql::{Cursor, Datum, KeyCollation, TextCharset, backquoted};
use crate::status_variables;

impl Session {
    /// Executes an account statement.
    pub(super) fn account_statement(&mut self, statement: AccountStatement) -> Result<Answer, SqlError> {
        let server = &self.view.server;
        if statement == AccountStatement::FlushPrivileges {
            server.accounts.forget_digests();
        }
        self.check_granted_table(&statement)?;
        let interruption = Arc::new(Interruption::default());
        self.process.begin_statement(Arc::clone(&interruption));
        let asker = Asker {
            account: self.view.account.as_ref(),
            database: self.view.database.as_deref(),
            default_plugin: server.default_plugin,
            stop: &*interruption,
        };
        let left_out = Cell::new(0);
        let record = |before: &Accounts, after: &Accounts, write: Write<'_>| {
            self.log_accounts((before, after), write, &left_out)
        };
        let outcome =
            server.accounts.execute(&statement, &asker, &server.random, &interruption, self.lock_wait(), &record)?;
        match outcome {
            Outcome::Done { notes, .. } => {
                server.check_dumps();
                for note in notes {
                    self.note("Note", note);
                }
                if left_out.get() > 0 {
                    let message = "The binary log does not have this account, because MariaDB has no plugin of its name: create it on each \
                                   replica, or give it mysql_native_password";
                    self.note("Warning", SqlError::new(1105, b"HY000", message));
                }
                Ok(Answer::Ok(Reply::default()))
            }
            Outcome::Rows { column, rows } => Ok(Answer::Rows(Table {
                columns: vec![declared_column(&column, "VARCHAR(1024)")],
                rows: rows.into_iter().map(|text| vec![Datum::Text(text)]).collect(),
            })),
        }
    }

    /// Checks that the table of a GRANT is there, unless it may be created. An account that may not grant on it learns nothing of it here.
    ///
    /// # Errors
    /// 1146.
    fn check_granted_table(&self, statement: &AccountStatement) -> Result<(), SqlError> {
        let AccountStatement::Grant { privileges: Some(privileges), on, .. } = statement else { return Ok(()) };
        let (database, table) = match on {
            GrantLevel::Level(Level::Table(database, table)) => (database.as_str(), table),
            GrantLevel::TableInCurrentDatabase(table) => (self.view.database.as_deref().unwrap_or_default(), table),
            _ => return Ok(()),
        };
        let is_checked = !privileges.contains(Privilege::CREATE)
            && !database.is_empty()
            && !is_system_database(database)
            && self.view.is_granted(Privilege::GRANT_OPTION, database, table);
        if is_checked {
            self.view.server.engine.table_definition(database, table)?;
        }
        Ok(())
    }

    /// KILL [QUERY | CONNECTION].
    pub(super) fn kill_statement(&self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        let query_only = words.accept("QUERY");
        if !query_only {
            words.accept("CONNECTION");
        }
        let id = words.number().and_then(|id| u32::try_from(id).ok()).ok_or_else(|| words.syntax_error())?;
        words.expect_end()?;
        self.kill(id, query_only).map(|reply| Some(Answer::Ok(reply)))
    }

    /// SHUTDOWN.
    pub(super) fn shutdown(&self, words: &Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        words.expect_end()?;
        self.view.demand(&[Privilege::SHUTDOWN])?;
        tracing::info!("SHUTDOWN by {}", self.view.user);
        self.view.server.stop();
        Ok(Some(Answer::Ok(Reply::default())))
    }

    /// KILL and COM_PROCESS_KILL.
    pub(super) fn kill(&self, id: u32, query_only: bool) -> Result<Reply, SqlError> {
        let server = &self.view.server;
        let unknown = || SqlError::new(1094, b"HY000", format!("Unknown thread id: {id}"));
        let target = server.registry.find(id).ok_or_else(unknown)?;
        let own = self.view.own_account();
        let is_own = own.is_some() && target.state().account.as_ref() == own;
        if !is_own && !self.view.may(Privilege::SUPER) && !self.view.may(Privilege::CONNECTION_ADMIN) {
            return Err(SqlError::new(1095, b"HY000", format!("You are not owner of thread {id}")));
        }
        if query_only {
            target.stop_statement();
        } else {
            target.kill();
        }
        Ok(Reply::default())
    }

    /// COM_REFRESH, but for the accounts. This server caches nothing else than the counters, so the other bits change nothing, as with FLUSH.
    pub(super) fn refresh(&self, bits: u8) -> Result<Reply, SqlError> {
        const STATUS: u8 = 16;
        self.view.demand(&[Privilege::RELOAD])?;
        if bits & STATUS != 0 {
            status_variables::flush(&self.view.server);
        }
        Ok(Reply::default())
    }

    /// COM_DEBUG: the server's log gets its line of statistics.
    pub(super) fn write_state(&self) -> Result<(), SqlError> {
        self.view.demand(&[Privilege::SUPER])?;
        tracing::info!("COM_DEBUG by {}: {}", self.view.user, status_variables::statistics(&self.view.server));
        Ok(())
    }

    /// Reads a FLUSH.
    pub(super) fn read_flush(words: &mut Cursor<'_>) -> Result<Execution, SqlError> {
        words.accept("NO_WRITE_TO_BINLOG");
        words.accept("LOCAL");
        let what = words.accept_one(&[
            "SSL",
            "STATUS",
            "HOSTS",
            "LOGS",
            "TABLES",
            "TABLE",
            "USER_RESOURCES",
            "BINARY",
            "ERROR",
            "GENERAL",
            "SLOW",
        ]);
        let what = what.ok_or_else(|| words.syntax_error())?;
        if what == "BINARY" {
            words.expect("LOGS")?;
            words.expect_end()?;
        }
        if matches!(what, "SSL" | "STATUS") {
            words.expect_end()?;
        }
        if matches!(what, "TABLES" | "TABLE") {
            while !words.is_at_end() {
                // The lock on some tables is the lock on all.
                if words.accept_all(&["WITH", "READ", "LOCK"]) || words.accept_all(&["FOR", "EXPORT"]) {
                    words.expect_end()?;
                    return Ok(Box::new(|session| session.lock_all_tables().map(Answer::Ok)));
                }
                words.skip();
            }
        }
        Ok(Box::new(move |session| session.flush(what).map(Answer::Ok)))
    }

    fn flush(&self, what: &str) -> Result<Reply, SqlError> {
        match what {
            "SSL" => {
                self.view.demand(&[Privilege::RELOAD])?;
                self.view.server.reload_tls()?;
            }
            "STATUS" => {
                self.view.demand(&[Privilege::RELOAD, Privilege::FLUSH_STATUS])?;
                status_variables::flush(&self.view.server);
            }
            "LOGS" | "BINARY" => {
                self.view.demand(&[Privilege::RELOAD])?;
                self.flush_binary_log()?;
            }
            _ => self.view.demand(&[Privilege::RELOAD, Privilege::FLUSH_TABLES, Privilege::FLUSH_USER_RESOURCES])?,
        }
        Ok(Reply::default())
    }

    /// FLUSH TABLES WITH READ LOCK.
    fn lock_all_tables(&mut self) -> Result<Reply, SqlError> {
        self.view.demand(&[Privilege::RELOAD])?;
        if self.read_lock.is_none() {
            self.read_lock = Some(self.view.server.engine.read_lock().hold(&self.wait_for_locks())?);
        }
        Ok(Reply::default())
    }

    /// ALTER INSTANCE RELOAD TLS [FOR CHANNEL mysql_main] [NO ROLLBACK ON ERROR].
    pub(super) fn alter_instance(&mut self, words: &mut Cursor<'_>) -> Result<Reply, SqlError> {
        if !words.accept_all(&["RELOAD", "TLS"]) {
            return Err(words.syntax_error());
        }
        if words.accept_all(&["FOR", "CHANNEL"]) {
            let channel = words.name_or_text()?;
            if !channel.eq_ignore_ascii_case("mysql_main") {
                let message = format!("The channel '{channel}' does not exist or can't be configured for TLS");
                return Err(SqlError::new(3958, b"HY000", message));
            }
        }
        let keeps_going = words.accept_all(&["NO", "ROLLBACK", "ON", "ERROR"]);
        words.expect_end()?;
        self.view.demand(&[Privilege::CONNECTION_ADMIN, Privilege::SUPER])?;
        match self.view.server.reload_tls() {
            Err(error) if keeps_going => {
                self.view.server.switch_tls_off();
                self.note("Warning", error);
                Ok(Reply::default())
            }
            reloaded => reloaded.map(|()| Reply::default()),
        }
    }

    /// Reads a CREATE DATABASE.
    pub(super) fn read_create_database(words: &mut Cursor<'_>) -> Result<Execution, SqlError> {
        let if_not_exists = words.accept_all(&["IF", "NOT", "EXISTS"]);
        let name = words.name()?;
        let options = DatabaseOptions::read(words)?;
        Ok(Box::new(move |session| session.create_database(&name, if_not_exists, &options).map(Answer::Ok)))
    }

    fn create_database(
        &mut self,
        name: &str,
        if_not_exists: bool,
        options: &DatabaseOptions,
    ) -> Result<Reply, SqlError> {
        self.view.demand_on_database(Privilege::CREATE, name)?;
        let collation = self.collation_of(options)?.or_else(|| self.server_collation());
        let _change = self.begin_own_change()?;
        let condition = if if_not_exists { "IF NOT EXISTS " } else { "" };
        let named = collation.as_deref().map(|collation| format!(" {}", database_options(collation)));
        let statement = format!("CREATE DATABASE {condition}{}{}", backquoted(name), named.unwrap_or_default());
        let engine = &self.view.server.engine;
        let create = || engine.create_database(name, collation.as_deref());
        // Not logged, because a server that is killed in between gives the database of its log's last statement the collation in it.
        let made = if engine.has_database(name) { create() } else { self.log_with(&statement, true, create) };
        match made {
            Err(error) if if_not_exists && error.code == 1007 => self.note("Note", error),
            made => made?,
        }
        Ok(Reply { affected_rows: 1, ..Reply::default() })
    }

    /// Reads an ALTER DATABASE.
    pub(super) fn read_alter_database(&self, words: &mut Cursor<'_>) -> Result<Execution, SqlError> {
        let is_current = words.peek_one(&["CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "ENCRYPTION", "READ"]);
        let name = if is_current { self.current_database()? } else { words.name()? };
        let options = DatabaseOptions::read(words)?;
        Ok(Box::new(move |session| session.alter_database(&name, &options).map(Answer::Ok)))
    }

    /// Changes the collation of a database, which new tables have that name none.
    fn alter_database(&self, name: &str, options: &DatabaseOptions) -> Result<Reply, SqlError> {
        self.view.demand_on_database(Privilege::ALTER, name)?;
        let server = &self.view.server;
        if !server.engine.has_database(name) {
            return Err(unknown_database(name));
        }
        let collation = self.collation_of(options)?.filter(|_| !is_system_database(name));
        if let Some(collation) = collation {
            let _change = self.begin_own_change()?;
            let statement = format!("ALTER DATABASE {} {}", backquoted(name), database_options(&collation));
            self.log_with(&statement, true, || server.engine.alter_database(name, &collation))?;
        }
        Ok(Reply { affected_rows: 1, ..Reply::default() })
    }

    /// `collation_server`, where a database that names no collation has it: one that tells case must not take more texts for the same than the
    /// source of a replica does, and all others are the same here.
    fn server_collation(&self) -> Option<String> {
        let collation = &*self.view.variables.collation_server;
        let log = self.view.server.log.as_ref().map(|log| log.format.flavour);
        let counts = compares_bytes(collation) && collations::check(collation, log).is_ok();
        counts.then(|| collation.to_owned())
    }

    /// The collation that a statement gives a database. One whose weights are not known has no effect on keys here, so that a server which
    /// writes a log takes its character set's default instead, which replicas get.
    fn collation_of(&self, options: &DatabaseOptions) -> Result<Option<String>, SqlError> {
        let log = self.view.server.log.as_ref().map(|log| log.format.flavour);
        let Some(collation) = options.collation(log)? else { return Ok(None) };
        if log.is_none() || self.origin.is_some() || KeyCollation::named(&collation).is_some() {
            return Ok(Some(collation));
        }
        let charset = TextCharset::of_collation(&collation).unwrap_or_default();
        default_collation(charset.name()).map(|collation| Some(collation.to_owned()))
    }

    /// Reads a LOCK TABLES, and checks the privileges. It locks nothing, because SQLite locks as it needs.
    pub(super) fn read_lock_tables(&self, words: &mut Cursor<'_>) -> Result<Execution, SqlError> {
        words.accept_one(&["TABLES", "TABLE"]).ok_or_else(|| words.syntax_error())?;
        loop {
            if self.process.is_stopped() {
                return Err(interrupted());
            }
            let (database, table) = self.table_name(words)?;
            if words.accept("AS") || !words.peek_one(&["READ", "LOW_PRIORITY", "WRITE"]) {
                words.name()?;
            }
            let is_read = words.accept("READ");
            if is_read {
                words.accept("LOCAL");
            } else {
                words.accept("LOW_PRIORITY");
                words.expect("WRITE")?;
            }
            self.view.demand_on_database(Privilege::LOCK_TABLES, &database)?;
            self.view.demand_on_table(Privilege::SELECT, &database, &table)?;
            if !is_system_database(&database) {
                self.view.server.engine.table_definition(&database, &table)?;
            }
            if !words.accept(",") {
                break;
            }
        }
        words.expect_end()?;
        Ok(Box::new(|session| {
            session.has_locked_tables = true;
            Ok(Answer::Ok(Reply::default()))
        }))
    }

    /// UNLOCK TABLES ends FLUSH TABLES WITH READ LOCK, and commits if LOCK TABLES came before.
    pub(super) fn unlock_tables(&mut self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        words.accept_one(&["TABLES", "TABLE"]).ok_or_else(|| words.syntax_error())?;
        words.expect_end()?;
        self.read_lock = None;
        let commits = std::mem::take(&mut self.has_locked_tables) && self.in_transaction;
        Ok(Some(if commits { Answer::commit() } else { Answer::Ok(Reply::default()) }))
    }

    /// Reads a DROP DATABASE.
    pub(super) fn read_drop_database(words: &mut Cursor<'_>) -> Result<Execution, SqlError> {
        let if_exists = words.accept_all(&["IF", "EXISTS"]);
        let name = words.name()?;
        words.expect_end()?;
        Ok(Box::new(move |session| session.drop_database(&name, if_exists).map(Answer::Ok)))
    }

    fn drop_database(&mut self, name: &str, if_exists: bool) -> Result<Reply, SqlError> {
        self.view.demand_on_database(Privilege::DROP, name)?;
        let _change = self.begin_own_change()?;
        let wait = self.wait_for_locks();
        let statement = format!("DROP DATABASE IF EXISTS {}", backquoted(name));
        // Logged only when no transaction is waited for any more, because transactions wait for the log when they commit.
        let dropped =
            self.view.server.engine.drop_database(name, wait, &mut |remove| self.log_with(&statement, true, remove));
        match dropped {
            Err(error) if if_exists && error.code == 1008 => self.note("Note", error),
            dropped => dropped?,
        }
        if self.view.database.as_deref() == Some(name) {
            self.view.database = None;
            self.process.update(|state| state.database = None);
        }
        Ok(Reply::default())
    }
}

/// SET DEFAULT ROLE. There are no roles, so it changes nothing.
pub(super) fn set_default_role(words: &mut Cursor<'_>) -> Execution {
    while !words.is_at_end() {
        words.skip();
    }
    Box::new(|_| Ok(Answer::Ok(Reply::default())))
}

impl Session {
    /// Refuses a CREATE of a stored program and one for another account, and leaves any other CREATE to the engine.
    ///
    /// # Errors
    /// 1235 for a stored program, 1227 for another account without the privilege for that.
    pub(super) fn check_creation(&mut self, _: &str, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        if let Some(kind) = stored_program(words) {
            return Err(unsupported(&format!("CREATE {kind}")));
        }
        let mut words = words.clone();
        words.accept_all(&["OR", "REPLACE"]);
        if words.accept_all(&["ALGORITHM", "="]) {
            words.skip();
        }
        if words.accept_all(&["DEFINER", "="]) && !words.accept("CURRENT_USER") {
            let definer = account(&mut words)?;
            if self.view.own_account().is_none_or(|own| *own.name() != definer) {
                self.view.demand(&[
                    Privilege::SUPER,
                    Privilege::SET_USER,
                    Privilege::SET_USER_ID,
                    Privilege::SET_ANY_DEFINER,
                ])?;
            }
        }
        Ok(None)
    }
}

/// Takes an account's name. A part that is not quoted is one word with the character between the parts.
fn account(words: &mut Cursor<'_>) -> Result<AccountName, SqlError> {
    let mut text = words.name_or_text()?;
    if words.rest().trim_start().starts_with('@') {
        text.push_str(&words.name()?);
    }
    if text.ends_with('@') {
        text.push_str(&words.name_or_text()?);
    }
    let (user, host) = text.rsplit_once('@').unwrap_or((&text, "%"));
    Ok(AccountName::new(user, host))
}

/// The error for a statement of MySQL that this server lacks.
fn unsupported(statement: &str) -> SqlError {
    SqlError::new(1235, b"42000", format!("This version of Sealwire doesn't yet support '{statement}'"))
}

/// Refuses LOAD DATA and LOAD XML. MySQL's 3948 would send the user to the option `local_infile`, which this server lacks too.
///
/// # Errors
/// 1235; 1064 for another LOAD.
pub(super) fn refuse_load(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    let kind = words.accept_one(&["DATA", "XML"]).ok_or_else(|| words.syntax_error())?;
    Err(unsupported(&format!("LOAD {kind}")))
}

/// Refuses CHECK TABLE and the like; `statement` is its first words.
///
/// # Errors
/// 1235.
pub(super) fn refuse_upkeep(statement: &str) -> Result<Option<Answer>, SqlError> {
    Err(unsupported(statement))
}

/// Refuses EXPLAIN of a statement, and leaves that of a table. DESCRIBE and DESC are the same word to MySQL.
///
/// # Errors
/// 1235 for EXPLAIN of a statement or of a connection.
pub(super) fn refuse_plan(words: &Cursor<'_>) -> Result<(), SqlError> {
    // These words are reserved, so that no table has them as name without backquotes.
    const OF_STATEMENT: [&str; 9] =
        ["ANALYZE", "DELETE", "FOR", "INSERT", "REPLACE", "SELECT", "UPDATE", "VALUES", "WITH"];
    let mut format = words.clone();
    let is_plan = words.peek_one(&OF_STATEMENT) || words.peek_one(&["("]) || format.accept_all(&["FORMAT", "="]);
    if is_plan { Err(unsupported("EXPLAIN")) } else { Ok(()) }
}

/// HELP: as MySQL answers where its help tables are empty.
///
/// # Errors
/// 1064 where no topic follows.
pub(super) fn help(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    words.name_or_text()?;
    words.expect_end()?;
    let columns = show::columns(&[("name", "VARCHAR(64)"), ("is_it_category", "VARCHAR(1)")]);
    Ok(Some(Answer::Rows(Table { columns, rows: Vec::new() })))
}

/// The kind of stored program that a CREATE would make; the word CREATE is already taken.
fn stored_program(words: &Cursor<'_>) -> Option<&'static str> {
    const PROGRAMS: [&str; 4] = ["EVENT", "FUNCTION", "PROCEDURE", "TRIGGER"];
    // DEFINER and its account may come before the kind.
    const KINDS: [&str; 12] = [
        "EVENT",
        "FUNCTION",
        "PROCEDURE",
        "TRIGGER",
        "DATABASE",
        "INDEX",
        "ROLE",
        "SCHEMA",
        "TABLE",
        "TEMPORARY",
        "USER",
        "VIEW",
    ];
    words.first_outside(&KINDS).filter(|kind| PROGRAMS.contains(kind))
}
