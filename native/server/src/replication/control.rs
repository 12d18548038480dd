//! The reasons for which a running dump ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sealwire_core::error::SqlError;

use crate::sync::{Condvar, Mutex, PoisonError};

/// The other threads' end of a dump, by which they end it.
#[derive(Debug, Default)]
pub(crate) struct Control {
    reason: Mutex<Option<SqlError>>,
    is_left: AtomicBool,
    file: Mutex<Arc<str>>,
    /// Whether a part waits for the connection.
    is_queued: Mutex<bool>,
    taken: Condvar,
}

impl Control {
    /// Ends the dump with this error. Wake the readers of the log afterwards.
    pub(super) fn end(&self, reason: SqlError) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    pub(super) fn is_reading(&self, file: &str) -> bool {
        **self.file.lock().unwrap_or_else(PoisonError::into_inner) == *file
    }

    /// Notes that the connection is gone.
    pub(super) fn leave(&self) {
        self.is_left.store(true, Ordering::Release);
        self.take();
    }

    /// Notes that a part waits for the connection.
    pub(super) fn queue(&self) {
        *self.is_queued.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Notes that the connection has taken the part.
    pub(super) fn take(&self) {
        *self.is_queued.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.taken.notify_all();
    }

    /// Waits until no part waits for the connection.
    pub(super) fn wait_for_taker(&self) {
        let mut is_queued = self.is_queued.lock().unwrap_or_else(PoisonError::into_inner);
        while *is_queued && !self.is_left.load(Ordering::Acquire) {
            is_queued = self.taken.wait(is_queued).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes which file is read.
    pub(super) fn read(&self, file: &Arc<str>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(file);
    }

    /// Whether the dump may go on.
    pub(super) fn check(&self) -> Result<(), Stop> {
        if self.is_left.load(Ordering::Acquire) {
            return Err(Stop::Left);
        }
        match self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(reason) => Err(Stop::Refused(reason)),
            None => Ok(()),
        }
    }
}

/// Why a dump stops.
pub(super) enum Stop {
    /// The connection is gone.
    Left,
    /// The client asked for the log up to its end, or the end of the file.
    Done,
    Refused(SqlError),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Self {
        Self::Refused(error)
    }
}
