//! The limits that a session's variables and its transaction set for a statement.

use std::sync::Arc;
use std::time::Duration;

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::Answer;
use crate::engine::{Limits, LockWait, OwnChange, ReadOnly, Task, TransactionStep};
use crate::sql::Cursor;

/// First words of the statements that change tables, databases or accounts.
const CHANGES: &[&str] = &[
    "ALTER", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "LOAD", "RENAME", "REPLACE", "REVOKE", "TRUNCATE", "UPDATE",
];

/// Whether a statement changes tables, databases or accounts. The engine checks once more after compiling it.
pub(super) fn changes(sql: &str) -> bool {
    let mut words = Cursor::new(sql);
    if words.peek("SELECT") {
        return false;
    }
    if words.accept("WITH") {
        return words
            .first_outside(&["DELETE", "INSERT", "REPLACE", "SELECT", "TABLE", "UPDATE", "VALUES"])
            .is_some_and(|word| CHANGES.contains(&word));
    }
    if words.accept_all(&["ALTER", "INSTANCE"]) {
        return false;
    }
    words.peek_one(CHANGES) || words.accept_all(&["SET", "PASSWORD"])
}

impl Session {
    /// Why no changes are allowed now; `None` where they are.
    fn read_only(&self) -> Option<ReadOnly> {
        if self.read_lock.is_some() {
            return Some(ReadOnly::ReadLock);
        }
        let globals = &self.view.server.globals;
        // The server's own session, which runs the init file, has no limits.
        if self.view.account.is_some() && globals.read_only.is_on() {
            if globals.super_read_only.is_on() {
                return Some(ReadOnly::ServerForAll);
            }
            if !self.view.may(Privilege::SUPER) && !self.view.may(Privilege::CONNECTION_ADMIN) {
                return Some(ReadOnly::Server);
            }
        }
        let reads = if self.in_transaction { self.access.open_reads } else { self.next_reads() };
        reads.then_some(ReadOnly::Transaction)
    }

    /// Whether a transaction that begins now is read-only.
    fn next_reads(&self) -> bool {
        self.access.next_reads.unwrap_or_else(|| self.view.variables.transaction_read_only)
    }

    /// Refuses a statement that makes changes while none are allowed.
    ///
    /// # Errors
    /// 1290 where the server is read-only, 1792 where the transaction is.
    pub(super) fn demand_writable(&self, sql: &str) -> Result<(), SqlError> {
        match changes(sql).then(|| self.read_only()).flatten() {
            Some(read_only) => Err(read_only.refusal()),
            None => Ok(()),
        }
    }

    /// The limits within which the engine executes a task.
    pub(super) fn limits(&self, task: &Task) -> Limits {
        let variables = &self.view.variables;
        let mut limits = Limits {
            read_only: self.read_only(),
            lock_wait: self.lock_wait(),
            skips_foreign_keys: !variables.foreign_key_checks,
            reserved: self.held_text.bytes(),
            is_logged: self.is_logged(),
            annotates: self.annotates(),
            row_metadata: self.row_metadata(),
            row_image: self.row_image(),
            repeats_statements: self.repeats_statements(),
            connection: self.view.id,
            insert_id: self.insert_id,
            ..Limits::default()
        };
        if let Task::Evaluate { .. } = task {
            limits.time = self.execution_time();
        }
        if let Task::Execute { sql, .. } = task {
            let is_limited = || Cursor::new(sql).first_outside(&["LIMIT"]).is_some();
            if changes(sql) {
                limits.demands_key = variables.sql_safe_updates && !is_limited();
            } else {
                limits.time = self.execution_time();
                let rows = variables.sql_select_limit;
                limits.rows = (rows < u64::MAX && !is_limited()).then_some(rows);
            }
        }
        limits
    }

    /// How long a statement waits for the end of others' transactions.
    pub(super) fn lock_wait(&self) -> Duration {
        let variables = &self.view.variables;
        Duration::from_secs(variables.innodb_lock_wait_timeout.min(variables.lock_wait_timeout))
    }

    /// Begins a change that is not the engine's.
    ///
    /// # Errors
    /// 1223 where the session has FLUSH TABLES WITH READ LOCK; 1205 and 1317 where another has it.
    pub(super) fn begin_own_change(&self) -> Result<OwnChange, SqlError> {
        if self.read_lock.is_some() {
            return Err(ReadOnly::ReadLock.refusal());
        }
        self.view.server.engine.read_lock().begin_change(&self.wait_for_locks())
    }

    /// A wait for others' transactions and changes.
    pub(super) fn wait_for_locks(&self) -> LockWait {
        let process = Arc::clone(&self.process);
        LockWait {
            most: self.lock_wait(),
            is_stopped: Box::new(move || process.is_stopped()),
            is_appliers: self.origin.is_some(),
        }
    }

    fn execution_time(&self) -> Option<Duration> {
        let milliseconds = self.view.variables.max_execution_time;
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }

    /// Parses the characteristics of START TRANSACTION, up to the end of the statement, and starts the transaction.
    ///
    /// # Errors
    /// 1064 where they contradict each other; 1290 where the server is read-only and READ WRITE is requested.
    pub(super) fn start_transaction(&mut self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let (mut reads, mut is_snapshot) = (None, false);
        while !words.is_at_end() {
            let before = words.clone();
            let asked = if words.accept_all(&["READ", "ONLY"]) {
                Some(true)
            } else if words.accept_all(&["READ", "WRITE"]) {
                Some(false)
            } else {
                words.expect("WITH")?;
                words.expect("CONSISTENT")?;
                words.expect("SNAPSHOT")?;
                is_snapshot = true;
                None
            };
            if let Some(asked) = asked
                && reads.replace(asked).is_some()
            {
                return Err(before.syntax_error());
            }
            if !words.accept(",") {
                break;
            }
        }
        words.expect_end()?;
        if reads == Some(false)
            && let Some(read_only @ (ReadOnly::Server | ReadOnly::ServerForAll)) = self.read_only()
        {
            return Err(read_only.refusal());
        }
        self.access.begun_reads = reads;
        Ok(Answer::Engine(if is_snapshot { Task::Snapshot } else { Task::Transaction(TransactionStep::Begin) }))
    }

    /// SET TRANSACTION READ ONLY or READ WRITE, for the next transaction alone.
    ///
    /// # Errors
    /// 1568 within a transaction.
    pub(super) fn set_next_transaction(&mut self, reads: Option<bool>) -> Result<(), SqlError> {
        if self.in_transaction {
            let message = "Transaction characteristics can't be changed while a transaction is in progress";
            return Err(SqlError::new(1568, b"25001", message));
        }
        self.access.next_reads = reads.or(self.access.next_reads);
        Ok(())
    }

    /// Notes whether a transaction is open after a task of the engine, and whether it is read-only.
    pub(super) fn note_transaction(&mut self, is_open: bool, begins: bool) {
        let begun = self.access.begun_reads.take();
        self.has_locked_tables &= !begins;
        if is_open && (begins || !self.in_transaction) {
            self.access.open_reads = begun.unwrap_or_else(|| self.next_reads());
        }
        self.in_transaction = is_open;
        // A statement outside of a transaction is a transaction of its own.
        self.access.next_reads = None;
    }

    /// Whether the open transaction is read-only, for the status flags.
    pub(super) const fn is_in_read_only_transaction(&self) -> bool {
        self.in_transaction && self.access.open_reads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_change_something_are_told_by_their_words() {
        for sql in [
            "INSERT INTO t VALUES (1)",
            "replace into t values (1)",
            "DROP USER u",
            "SET PASSWORD = 'x'",
            "GRANT ALL ON a.* TO u",
            "WITH x AS (SELECT 1) DELETE FROM t",
            "WITH x AS (SELECT 1), y (a) AS (SELECT 2) UPDATE t SET a = 1",
            "CREATE VIEW v AS SELECT 1",
            "ALTER USER u ACCOUNT LOCK",
        ] {
            assert!(changes(sql), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "SHOW CREATE TABLE t",
            "SET autocommit = 0",
            "ALTER INSTANCE RELOAD TLS",
            "WITH `delete` AS (SELECT 1) SELECT 1",
            "DO 1",
            "USE d",
            "VALUES ROW(1)",
        ] {
            assert!(!changes(sql), "{sql}");
        }
    }
}
