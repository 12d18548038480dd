//! Statements about the binary log, and what the session writes into it beside the engine's changes.

use std::cell::Cell;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use sealwire_accounts::{Accounts, Dialect, Privilege, Replayed, replay};
use sealwire_binlog::{Flavour, RowMetadata};
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::{Answer, Reply, Table};
use super::execution::Execution;
use super::{binlog_events, replica, show};
use crate::accounts::Write;
use crate::engine::Interruption;
use crate::replication::{BinaryLog, FIRST_POSITION, Group, RowImage, Statement};
use crate::settings::variable;
use crate::sql::{Cursor, Datum, optional, text};

/// Either of these privileges shows the log's state.
const SEES_LOG: &[Privilege] = &[Privilege::SUPER, Privilege::REPLICATION_CLIENT];
/// Either of these privileges reads the log, which has all statements and rows, and the hashes of passwords. MySQL's rule, also for MariaDB's
/// flavour: REPLICATION CLIENT is what monitoring has.
const READS_LOG: &[Privilege] = &[Privilege::SUPER, Privilege::REPLICATION_SLAVE];
/// One of these privileges changes the log.
const CHANGES_LOG: &[Privilege] = &[Privilege::SUPER, Privilege::BINLOG_ADMIN, Privilege::MARIADB_BINLOG_ADMIN];
/// One of these privileges resets or goes on with the log.
const RELOADS: &[Privilege] = &[Privilege::RELOAD, Privilege::BINLOG_ADMIN, Privilege::MARIADB_BINLOG_ADMIN];
/// One of these privileges lists the replicas.
const SEES_REPLICAS: &[Privilege] =
    &[Privilege::REPLICATION_SLAVE, Privilege::REPLICATION_MASTER_ADMIN, Privilege::SUPER];

/// The error where there is no log.
fn not_open() -> SqlError {
    SqlError::new(1381, b"HY000", "You are not using binary logging")
}

/// The error for a file that is not in the index.
fn unknown_file() -> SqlError {
    SqlError::new(1373, b"HY000", "Target log not found in binlog index")
}

impl Session {
    fn binary_log(&self) -> Result<&BinaryLog, SqlError> {
        self.view.server.log.as_deref().ok_or_else(not_open)
    }

    /// SHOW of the binary log and of replicas; `None` for another SHOW.
    pub(super) fn show_binary_log(&self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        let status: [&[&str]; 3] = [&["MASTER", "STATUS"], &["BINLOG", "STATUS"], &["BINARY", "LOG", "STATUS"]];
        let logs: [&[&str]; 2] = [&["BINARY", "LOGS"], &["MASTER", "LOGS"]];
        let hosts: [&[&str]; 3] = [&["SLAVE", "HOSTS"], &["REPLICA", "HOSTS"], &["REPLICAS"]];
        let mut takes = |forms: &[&[&str]]| forms.iter().any(|form| words.accept_all(form));
        let table = if takes(&status) {
            words.expect_end()?;
            self.log_status()?
        } else if takes(&logs) {
            words.expect_end()?;
            self.log_files()?
        } else if takes(&hosts) {
            words.expect_end()?;
            self.replica_hosts()?
        } else if words.accept_all(&["BINLOG", "EVENTS"]) {
            self.log_events(words)?
        } else {
            return Ok(None);
        };
        Ok(Some(Answer::Rows(table)))
    }

    fn log_status(&self) -> Result<Table, SqlError> {
        self.view.demand(SEES_LOG)?;
        let is_mariadb = self.view.server.globals.version.get().contains("MariaDB");
        let mut titles = vec![
            ("File", "VARCHAR(255)"),
            ("Position", "BIGINT UNSIGNED"),
            ("Binlog_Do_DB", "VARCHAR(255)"),
            ("Binlog_Ignore_DB", "VARCHAR(255)"),
        ];
        if !is_mariadb {
            titles.push(("Executed_Gtid_Set", "VARCHAR(1024)"));
        }
        let mut rows = Vec::new();
        if let Some(log) = &self.view.server.log {
            let (end, _) = log.end();
            let mut row = vec![text(&*end.file), Datum::UInt(end.position), text(""), text("")];
            if !is_mariadb {
                row.push(Datum::Text(self.view.server.executed().to_string()));
            }
            rows.push(row);
        }
        Ok(Table { columns: show::columns(&titles), rows })
    }

    fn log_files(&self) -> Result<Table, SqlError> {
        self.view.demand(SEES_LOG)?;
        let log = self.binary_log()?;
        let is_mariadb = self.view.server.globals.version.get().contains("MariaDB");
        let mut titles = vec![("Log_name", "VARCHAR(255)"), ("File_size", "BIGINT UNSIGNED")];
        if !is_mariadb {
            titles.push(("Encrypted", "VARCHAR(3)"));
        }
        let row = |(name, size): (String, u64)| {
            let mut row = vec![Datum::Text(name), Datum::UInt(size)];
            if !is_mariadb {
                row.push(text("No"));
            }
            row
        };
        Ok(Table { columns: show::columns(&titles), rows: log.list().into_iter().map(row).collect() })
    }

    fn replica_hosts(&self) -> Result<Table, SqlError> {
        self.view.demand(SEES_REPLICAS)?;
        let server_id = self.view.server.globals.server_id.get();
        let titles = [
            ("Server_id", "INT UNSIGNED"),
            ("Host", "VARCHAR(255)"),
            ("Port", "INT UNSIGNED"),
            ("Master_id", "INT UNSIGNED"),
            ("Replica_UUID", "VARCHAR(36)"),
        ];
        let is_mariadb = self.view.server.globals.version.get().contains("MariaDB");
        let shown = if is_mariadb { titles.len() - 1 } else { titles.len() };
        let row = |replica: crate::replication::Registered| {
            let all = [
                Datum::UInt(replica.server_id.into()),
                Datum::Text(replica.host),
                Datum::UInt(replica.port.into()),
                Datum::UInt(server_id),
                Datum::Text(replica.uuid),
            ];
            all.into_iter().take(shown).collect()
        };
        let registered = self.view.server.log.as_ref().map(|log| log.replicas.registered()).unwrap_or_default();
        let rows = registered.into_iter().map(row).collect();
        Ok(Table { columns: show::columns(titles.get(..shown).unwrap_or(&titles)), rows })
    }

    fn log_events(&self, words: &mut Cursor<'_>) -> Result<Table, SqlError> {
        self.view.demand(READS_LOG)?;
        let log = self.binary_log()?;
        let names = log.names();
        let file = if words.accept("IN") { Some(words.name_or_text()?) } else { None };
        let number = |words: &mut Cursor<'_>| words.number().ok_or_else(|| words.syntax_error());
        let position = if words.accept("FROM") { number(words)? } else { FIRST_POSITION };
        let (mut skipped, mut most) = (0, u64::MAX);
        if words.accept("LIMIT") {
            most = number(words)?;
            if words.accept(",") {
                (skipped, most) = (most, number(words)?);
            }
        }
        words.expect_end()?;
        let failed = |reason: &str| {
            SqlError::new(1220, b"HY000", format!("Error when executing command SHOW BINLOG EVENTS: {reason}"))
        };
        let name = match &file {
            Some(file) => names.iter().find(|name| *name == file),
            None => names.first(),
        };
        let name = name.ok_or_else(|| failed("Could not find target log"))?;
        binlog_events::rows(log, name, position, skipped, most).map_err(|reason| failed(&reason))
    }

    /// Reads a PURGE.
    pub(super) fn read_purge(words: &mut Cursor<'_>) -> Result<Execution, SqlError> {
        words.accept_one(&["BINARY", "MASTER"]).ok_or_else(|| words.syntax_error())?;
        words.expect("LOGS")?;
        if words.accept("TO") {
            let name = words.name_or_text()?;
            words.expect_end()?;
            return Ok(Box::new(move |session| session.purge_to(&name).map(Answer::Ok)));
        }
        words.expect("BEFORE")?;
        let moment = words.name_or_text()?;
        words.expect_end()?;
        Ok(Box::new(move |session| session.purge_before(&moment).map(Answer::Ok)))
    }

    fn purge_to(&self, name: &str) -> Result<Reply, SqlError> {
        self.view.demand(CHANGES_LOG)?;
        let log = self.binary_log()?;
        if !log.names().iter().any(|own| own == name) {
            return Err(unknown_file());
        }
        log.purge(&|own| own == name)?;
        Ok(Reply::default())
    }

    fn purge_before(&self, moment: &str) -> Result<Reply, SqlError> {
        self.view.demand(CHANGES_LOG)?;
        let log = self.binary_log()?;
        let seconds = crate::engine::unix_seconds(moment)
            .ok_or_else(|| SqlError::wrong_arguments("Incorrect arguments to PURGE LOGS BEFORE"))?;
        log.purge(&|own| {
            let changed = log.changed_at(own).and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            changed.is_none_or(|at| i64::try_from(at.as_secs()).unwrap_or(i64::MAX) >= seconds)
        })?;
        Ok(Reply::default())
    }

    /// Reads a RESET of the log or of a channel; `None` for a RESET of something else.
    pub(super) fn read_reset(words: &mut Cursor<'_>) -> Result<Option<Execution>, SqlError> {
        if !words.accept("MASTER") && !words.accept_all(&["BINARY", "LOGS", "AND", "GTIDS"]) {
            return replica::read_reset_statement(words);
        }
        let number = if words.accept("TO") { words.number().ok_or_else(|| words.syntax_error())? } else { 1 };
        words.expect_end()?;
        Ok(Some(Box::new(move |session| {
            session.view.demand(RELOADS)?;
            session.reset_binary_log(number.max(1))?;
            session.view.server.channels.forget_gtids_of_mysql()?;
            Ok(Answer::Ok(Reply::default()))
        })))
    }

    /// Removes the binary log, and begins another one with this number.
    fn reset_binary_log(&self, number: u64) -> Result<(), SqlError> {
        let log = self.binary_log()?;
        let interruption = Arc::new(Interruption::default());
        self.process.begin_statement(Arc::clone(&interruption));
        let account = self.view.account.as_ref().map_or_else(String::new, |account| account.name().to_string());
        self.view.server.accounts.reset_log(&account, &interruption, self.lock_wait(), &|| {
            log.reset(number)?;
            Ok(log.end().0)
        })
    }

    /// FLUSH BINARY LOGS, and the part of FLUSH LOGS for the binary log.
    pub(super) fn flush_binary_log(&self) -> Result<(), SqlError> {
        match &self.view.server.log {
            Some(log) => log.rotate(),
            None => Ok(()),
        }
    }

    /// Whether changes of this session are logged.
    pub(super) fn is_logged(&self) -> bool {
        self.view.server.log.is_some() && self.view.variables.sql_log_bin
    }

    /// Whether the log gets the texts of statements that change rows.
    pub(super) fn annotates(&self) -> bool {
        let Some(log) = &self.view.server.log else { return false };
        let variables = &self.view.variables;
        match log.format.flavour {
            Flavour::MariaDb => variables.binlog_annotate_row_events,
            Flavour::MySql => variables.binlog_rows_query_log_events,
        }
    }

    /// How much the log tells of tables.
    pub(super) fn row_metadata(&self) -> RowMetadata {
        match &*self.view.server.globals.binlog_row_metadata.get() {
            "NO_LOG" => RowMetadata::NoLog,
            "MINIMAL" => RowMetadata::Minimal,
            _ => RowMetadata::Full,
        }
    }

    /// Whether the log gets a change as its statement, where replicas repeat the statement exactly.
    pub(super) fn repeats_statements(&self) -> bool {
        self.is_logged() && &*self.view.variables.binlog_format != "ROW"
    }

    /// Which columns of a row the log has.
    pub(super) fn row_image(&self) -> RowImage {
        match &*self.view.variables.binlog_row_image {
            "MINIMAL" => RowImage::Minimal,
            "NOBLOB" => RowImage::NoBlob,
            _ => RowImage::Full,
        }
    }

    /// Executes a change that is not the engine's, and logs the statement for it. `change` comes after the statement is written, and before
    /// replicas get it.
    pub(super) fn log_with(
        &self,
        statement: &str,
        is_definition: bool,
        change: impl FnOnce() -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let Some(log) = self.view.server.log.as_deref().filter(|_| self.is_logged()) else { return change() };
        let account = self.view.account_text();
        let statement = self.logged_statement(statement, &account, is_definition);
        *self.awaited.borrow_mut() = log.commit(Group::Statement(&statement), |_| Ok(()), change)?;
        Ok(())
    }

    /// A statement as the log gets it that is for no database's file.
    fn logged_statement<'s>(&self, text: &'s str, account: &'s str, is_definition: bool) -> Statement<'s> {
        Statement {
            text,
            database: None,
            databases: &[],
            thread: self.view.id,
            invoker: account,
            is_definition,
            skips_foreign_keys: false,
            moment: None,
            origin: self.origin,
        }
    }

    /// Logs a change of accounts, with hashes in the place of passwords, because whoever receives the log reads it, and writes the accounts.
    /// Counts accounts that the servers for which the log is lack the plugin of.
    pub(super) fn log_accounts(
        &self,
        (before, after): (&Accounts, &Accounts),
        write: Write<'_>,
        left_out: &Cell<usize>,
    ) -> Result<(), SqlError> {
        let Some(log) = self.view.server.log.as_deref().filter(|_| self.is_logged()) else { return write(None) };
        let dialect = match log.format.flavour {
            Flavour::MariaDb => Dialect::MariaDb,
            Flavour::MySql => Dialect::MySql,
        };
        let (statements, others) = replay(before, after, dialect);
        left_out.set(others.len());
        if statements.is_empty() {
            return write(None);
        }
        let logged = |statement: Replayed| match dialect {
            Dialect::MariaDb if statement.is_on_table => optional::write_grant(statement.sql),
            _ => statement.sql,
        };
        let statements: Vec<String> = statements.into_iter().map(logged).collect();
        let account = self.view.account_text();
        let statements: Vec<Statement<'_>> =
            statements.iter().map(|text| self.logged_statement(text, &account, true)).collect();
        *self.awaited.borrow_mut() = log.commit_statements(&statements, |place| write(Some(place)))?;
        Ok(())
    }

    /// SET sql_log_bin, binlog_row_image and binlog_format need a privilege, because all replicas lack what is not logged.
    pub(super) fn demand_unlogged(&self, variable: &str) -> Result<(), SqlError> {
        if self.view.server.log.is_none() {
            return Ok(());
        }
        self.view.demand(&[
            Privilege::SUPER,
            Privilege::BINLOG_ADMIN,
            Privilege::MARIADB_BINLOG_ADMIN,
            Privilege::SYSTEM_VARIABLES_ADMIN,
        ])?;
        if self.in_transaction && variable == variable::sql_log_bin.name {
            let message = "Cannot modify @@session.sql_log_bin inside a transaction";
            return Err(SqlError::new(1694, b"HY000", message));
        }
        Ok(())
    }
}
