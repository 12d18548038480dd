//! The savepoints of a transaction, and a transaction that begins anew with them.

use sealwire_core::error::SqlError;

use super::SqliteSession;
use crate::engine::translate::{Translated, quote};
use crate::engine::{Request, TransactionStep};

/// The most savepoints with which a transaction begins anew.
const MOST_SAVEPOINTS: usize = 100;

impl SqliteSession {
    /// Begins SQLite's transaction anew with its savepoints, and fills again the system tables that were filled within it.
    pub(super) fn begin_again(&self, translated: &Translated, request: &Request<'_>) -> Result<(), SqlError> {
        self.run_batch("BEGIN")?;
        let savepoint = |name: &String| {
            if let Some(capture) = &self.capture {
                capture.save(name);
            }
            self.run_batch(&format!("SAVEPOINT {}", quote(name)?))
        };
        let is_whole = self.savepoints.iter().try_for_each(savepoint);
        let is_whole = is_whole.and_then(|()| self.fill_system_tables(translated, request));
        if is_whole.is_err() && !self.connection.is_autocommit() {
            // The client is told that its transaction is over, because a savepoint may be missing.
            self.run_batch("ROLLBACK")?;
        }
        is_whole
    }

    /// Runs a step of a savepoint, and keeps the list of savepoints.
    pub(super) fn step_savepoint(&mut self, step: &TransactionStep) -> Result<(), SqlError> {
        let (verb, name) = match step {
            TransactionStep::Savepoint(name) => ("SAVEPOINT", name),
            TransactionStep::RollbackTo(name) => ("ROLLBACK TO", name),
            TransactionStep::Release(name) => ("RELEASE", name),
            _ => return Ok(()),
        };
        self.run_batch(&format!("{verb} {}", quote(name)?))?;
        if let Some(capture) = &self.capture {
            match step {
                TransactionStep::Savepoint(name) => capture.save(name),
                TransactionStep::RollbackTo(name) => capture.roll_back_to(name),
                TransactionStep::Release(name) => capture.release(name),
                _ => {}
            }
        }
        if self.savepoints.len() >= MOST_SAVEPOINTS {
            // Making them all again would take too long.
            self.has_worked.set(true);
        }
        if self.has_worked.get() {
            self.savepoints.clear();
            return Ok(());
        }
        let last = self.savepoints.iter().rposition(|open| open.eq_ignore_ascii_case(name));
        match (step, last) {
            (TransactionStep::Savepoint(_), _) => self.savepoints.push(name.clone()),
            (TransactionStep::Release(_), Some(last)) => self.savepoints.truncate(last),
            (_, Some(last)) => self.savepoints.truncate(last + 1),
            (_, None) => {}
        }
        Ok(())
    }
}
