//! Gives way to the applier of a source's log: rolls the session's transaction back, and tells its client.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::TransactionState;
use sealwire_core::error::SqlError;

use super::super::writers::{GivesWay, Writer, gave_way};
use super::SqliteSession;
use crate::engine::translate::{StatementKind, Translated, schema_of};
use crate::engine::{Done, interrupted};

impl SqliteSession {
    /// The part of the session that others see.
    pub(in super::super) fn writer(&self) -> Arc<Writer> {
        Arc::clone(&self.writer)
    }

    /// Notes the databases whose locks a statement takes, after waiting for those that an applier is to have before.
    ///
    /// # Errors
    /// Those of [`Writer::queue`].
    pub(super) fn queue_for_change(&self, translated: &Translated, most: Duration) -> Result<(), SqlError> {
        if translated.kind != StatementKind::Query {
            let databases = translated.changed_databases();
            self.writer.queue(&databases, most)?;
            self.writer.begin(databases.into_iter());
        }
        Ok(())
    }

    /// Notes that a statement has ended. One that was stopped to give way ends its transaction.
    pub(super) fn settle_change(&mut self, done: Result<Done, SqlError>) -> Result<Done, SqlError> {
        let asked = self.writer.take_asked();
        let done = done.map_err(|error| match asked {
            Some(database) if error.code == interrupted().code => {
                self.end_for(&database);
                gave_way(&database)
            }
            _ => error,
        });
        self.note_locks();
        done
    }

    /// Notes which databases the open transaction has locked.
    pub(super) fn note_locks(&self) {
        self.writer.end(|database| self.has_locked(database));
    }

    fn has_locked(&self, database: &str) -> bool {
        !self.connection.is_autocommit()
            && self
                .connection
                .transaction_state(Some(schema_of(database).as_ref()))
                .is_ok_and(|state| state == TransactionState::Write)
    }

    /// Rolls the transaction back, and forgets that it was begun.
    fn end_for(&mut self, database: &str) {
        tracing::warn!(
            "a transaction of a client is rolled back, because the replica's applier needs the database '{database}'"
        );
        if !self.connection.is_autocommit() {
            // The connection is as good as closed where this fails.
            let _ = self.run_batch("ROLLBACK");
        } else if let Some(capture) = &self.capture {
            capture.roll_back();
        }
        (self.is_begun, self.is_rolled_back) = (false, false);
        self.transaction.close();
        self.forget_dropped_temporaries();
    }
}

impl GivesWay for SqliteSession {
    fn give_way(&mut self, database: &str) {
        if self.has_locked(database) {
            self.end_for(database);
            self.end_uses();
            self.gave_way = Some(database.to_owned());
        }
        self.note_locks();
    }
}
