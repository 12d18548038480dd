//! Changes wait while another session has FLUSH TABLES WITH READ LOCK.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::TransactionState;
use sealwire_core::error::SqlError;

use super::SqliteSession;
use crate::engine::translate::Translated;
use crate::engine::{Commit, LockWait, OwnChange, Request};

impl SqliteSession {
    /// Begins a change, where it is a transaction of its own.
    pub(super) fn begin_own_change(
        &self,
        translated: &Translated,
        request: &Request<'_>,
    ) -> Result<Option<OwnChange>, SqlError> {
        let is_single = self.connection.is_autocommit() && !self.is_begun && request.autocommit;
        if !is_single && !self.is_own_transaction(translated) {
            return Ok(None);
        }
        self.shared.read_lock.begin_change(&self.wait(request.limits.lock_wait)).map(Some)
    }

    /// Begins the commit of a transaction that has changed something. It waits as long as the lock lasts, because no client expects a commit
    /// to fail.
    pub(super) fn begin_commit(&self) -> Result<Option<Commit>, SqlError> {
        let state = self.connection.transaction_state(None::<&str>);
        if !state.is_ok_and(|state| state == TransactionState::Write) {
            return Ok(None);
        }
        self.shared.read_lock.begin_commit(&self.wait(Duration::MAX)).map(Some)
    }

    fn wait(&self, most: Duration) -> LockWait {
        let interruption = Arc::clone(&self.bounds.interruption);
        LockWait { most, is_stopped: Box::new(move || interruption.is_stopped()), is_appliers: self.group().is_some() }
    }
}
