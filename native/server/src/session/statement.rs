//! Which part answers a statement: the server itself, the accounts, or the engine.

use sealwire_core::error::SqlError;

use super::{Answer, Reply, Session};
use crate::engine::{Task, TransactionStep};
use crate::sql::Cursor;
use crate::status::count;

/// Statements that the server answers itself, by their first word.
const OWN: &[&str] = &[
    "ALTER",
    "BEGIN",
    "COMMIT",
    "DESC",
    "DESCRIBE",
    "DO",
    "EXPLAIN",
    "FLUSH",
    "GRANT",
    "KILL",
    "LOCK",
    "RELEASE",
    "RENAME",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHOW",
    "SHUTDOWN",
    "START",
    "UNLOCK",
    "USE",
    "XA",
    "SELECT",
    "CREATE",
    "DROP",
    "HELP",
    "CALL",
    "HANDLER",
    "INSTALL",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "LOAD",
];

/// SHOW looks at each row with its condition, on the event loop's thread.
const MOST_SHOW_BYTES: usize = 4096;
/// Statements about accounts are carried out there as well; longer ones are none that the engine knows.
const MOST_ACCOUNT_BYTES: usize = 1024 * 1024;

/// Whether a prepared statement is the server's own to answer.
pub(super) fn is_own(sql: &str) -> bool {
    let words = Cursor::new(sql);
    if words.peek("SELECT") {
        // The engine knows better what a value's type is.
        return super::select::may_be_constant(sql) && super::prepared::places(sql).next().is_none();
    }
    if words.peek("CREATE") || words.peek("DROP") || words.peek("ALTER") || words.peek("RENAME") {
        let mut words = words;
        words.skip();
        return words.accept_one(&["USER", "DATABASE", "SCHEMA", "INSTANCE", "ROLE"]).is_some();
    }
    OWN.iter().any(|word| words.peek(word))
}

/// Whether a statement of the server's own only reads, so that it may be tried to learn its columns.
pub(super) fn only_reads(sql: &str) -> bool {
    let words = Cursor::new(sql);
    ["SHOW", "SELECT", "DESCRIBE", "DESC", "EXPLAIN"].iter().any(|word| words.peek(word))
}

impl Session {
    /// What a statement answers. What it changes is changed when this returns, unless the engine is to do it.
    pub(super) fn statement(&mut self, sql: &str) -> Result<Answer, SqlError> {
        #[cfg(test)]
        assert!(sql != "SELECT bug_in_the_session()", "a bug that a test puts here");
        #[cfg(test)]
        if sql.ends_with(" endless_in_the_session()") {
            loop {
                std::thread::park();
            }
        }
        let mut words = Cursor::new(sql);
        self.begin_diagnostics(sql);
        self.demand_writable(sql)?;
        if sql.len() <= MOST_ACCOUNT_BYTES
            && let Some(parsed) = sealwire_accounts::parse_statement(sql)
        {
            return self.account_statement(parsed?);
        }
        if words.peek("SELECT") {
            count(&self.view.server.counters.com_select);
            if let Some(answer) = self.constant_select(sql)? {
                return Ok(answer);
            }
            return Ok(engine(sql));
        }
        if words.peek("SHOW") && sql.len() > MOST_SHOW_BYTES {
            let message =
                format!("This version of Sealwire doesn't yet support 'SHOW of more than {MOST_SHOW_BYTES} bytes'");
            return Err(SqlError::new(1235, b"42000", message));
        }
        if words.accept("SHOW") {
            return self.show(&mut words);
        }
        if words.accept("SET") {
            return self.set(&words);
        }
        if words.accept("USE") {
            let name = words.name()?;
            words.expect_end()?;
            return self.use_database(&name).map(Answer::Ok);
        }
        if words.accept_all(&["START", "TRANSACTION"]) {
            return self.start_transaction(&mut words);
        }
        if let Some(answer) = transaction(&mut words)? {
            return Ok(answer);
        }
        if words.accept("DESC") || words.accept("DESCRIBE") || words.accept("EXPLAIN") {
            return self.describe(&mut words);
        }
        if words.accept("DO") {
            let sql = format!("SELECT {}", words.rest());
            return Ok(match self.constant_select(&sql)? {
                Some(_) => Answer::Ok(Reply::default()),
                None => Answer::Unheard(Task::Execute { sql, parameters: Vec::new(), binary: false }),
            });
        }
        self.administer(sql, words)
    }
}

/// The engine's answer to a statement.
pub(super) fn engine(sql: &str) -> Answer {
    Answer::Engine(Task::Execute { sql: sql.to_owned(), parameters: Vec::new(), binary: false })
}

/// BEGIN, COMMIT, ROLLBACK, SAVEPOINT and RELEASE.
fn transaction(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    let step = if words.accept("BEGIN") {
        words.accept("WORK");
        TransactionStep::Begin
    } else if words.accept("COMMIT") {
        finish(words);
        TransactionStep::Commit
    } else if words.accept("ROLLBACK") {
        words.accept("WORK");
        if words.accept("TO") {
            words.accept("SAVEPOINT");
            TransactionStep::RollbackTo(words.name()?)
        } else {
            finish(words);
            TransactionStep::Rollback
        }
    } else if words.accept("SAVEPOINT") {
        TransactionStep::Savepoint(words.name()?)
    } else if words.accept_all(&["RELEASE", "SAVEPOINT"]) {
        TransactionStep::Release(words.name()?)
    } else {
        return Ok(None);
    };
    words.expect_end()?;
    Ok(Some(Answer::Engine(Task::Transaction(step))))
}

/// What may follow COMMIT and ROLLBACK.
fn finish(words: &mut Cursor<'_>) {
    while words.accept_one(&["WORK", "AND", "NO", "CHAIN", "RELEASE"]).is_some() {}
}
