//! Executes SELECT, SHOW, USE, DO and the statements about transactions and accounts.

use sealwire_accounts::parse_statement;
use sealwire_core::error::SqlError;

use super::Session;
use super::answer::{Answer, Reply};
use super::execution::Execution;
use crate::counters::count;
use crate::engine::{Task, TransactionStep};
use crate::sql::Cursor;

/// The longest SHOW that is executed, because its condition is evaluated for each row in the event loop's thread.
const MOST_SHOW_BYTES: usize = 4096;
/// The longest account statement that is parsed, because that happens in the event loop's thread. A longer one goes to the engine, which
/// refuses it.
const MOST_ACCOUNT_BYTES: usize = 1024 * 1024;

impl Session {
    /// Executes an account statement that only reads.
    pub(super) fn accounts(&mut self, sql: &str, _: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        match if sql.len() <= MOST_ACCOUNT_BYTES { parse_statement(sql) } else { None } {
            Some(parsed) => self.account_statement(parsed?).map(Some),
            None => Ok(None),
        }
    }

    /// Reads an account statement that changes something.
    pub(super) fn read_account_change(&mut self, sql: &str, _: &mut Cursor<'_>) -> Result<Option<Execution>, SqlError> {
        let parsed = if sql.len() <= MOST_ACCOUNT_BYTES { parse_statement(sql) } else { None }.transpose()?;
        Ok(parsed.map(|parsed| Box::new(|session: &mut Self| session.account_statement(parsed)) as Execution))
    }

    pub(super) fn select(&self, sql: &str) -> Result<Option<Answer>, SqlError> {
        count(&self.view.server.counters.com_select);
        self.constant_select(sql)
    }

    pub(super) fn show_statement(&mut self, sql: &str, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        if sql.len() > MOST_SHOW_BYTES {
            let message =
                format!("This version of Sealwire doesn't yet support 'SHOW of more than {MOST_SHOW_BYTES} bytes'");
            return Err(SqlError::new(1235, b"42000", message));
        }
        self.show(words).map(Some)
    }

    pub(super) fn use_statement(&mut self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        let name = words.name()?;
        words.expect_end()?;
        self.use_database(&name).map(|reply| Some(Answer::Ok(reply)))
    }

    /// Executes DO: its values are computed and discarded.
    pub(super) fn do_expressions(&self, words: &Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        let sql = format!("SELECT {}", words.rest());
        Ok(Some(match self.constant_select(&sql)? {
            Some(_) => Answer::Ok(Reply::default()),
            None => Answer::Discarded(Task::Execute { sql, parameters: Vec::new(), binary: false }),
        }))
    }
}

/// The answer to a statement that the engine executes.
pub(super) fn engine(sql: String) -> Answer {
    Answer::Engine(Task::Execute { sql, parameters: Vec::new(), binary: false })
}

/// BEGIN [WORK].
pub(super) fn begin(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    words.accept("WORK");
    step(TransactionStep::Begin, words)
}

/// COMMIT.
pub(super) fn commit(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    finish(words, "COMMIT")?;
    step(TransactionStep::Commit, words)
}

/// ROLLBACK, as a whole or to a savepoint.
pub(super) fn rollback(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    words.accept("WORK");
    if words.accept("TO") {
        words.accept("SAVEPOINT");
        return step(TransactionStep::RollbackTo(words.name()?), words);
    }
    finish(words, "ROLLBACK")?;
    step(TransactionStep::Rollback, words)
}

/// SAVEPOINT.
pub(super) fn savepoint(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    step(TransactionStep::Savepoint(words.name()?), words)
}

/// RELEASE SAVEPOINT.
pub(super) fn release_savepoint(words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    step(TransactionStep::Release(words.name()?), words)
}

fn step(step: TransactionStep, words: &Cursor<'_>) -> Result<Option<Answer>, SqlError> {
    words.expect_end()?;
    Ok(Some(Answer::Engine(Task::Transaction(step))))
}

/// Parses the options of COMMIT and ROLLBACK.
///
/// # Errors
/// 1235 for those that would begin another transaction or end the connection.
fn finish(words: &mut Cursor<'_>, statement: &str) -> Result<(), SqlError> {
    let unsupported = |option: &str| {
        SqlError::new(1235, b"42000", format!("This version of Sealwire doesn't yet support '{statement} {option}'"))
    };
    words.accept("WORK");
    if words.accept("AND") && !words.accept_all(&["NO", "CHAIN"]) {
        words.expect("CHAIN")?;
        return Err(unsupported("AND CHAIN"));
    }
    if !words.accept_all(&["NO", "RELEASE"]) && words.accept("RELEASE") {
        return Err(unsupported("RELEASE"));
    }
    Ok(())
}
