//! How a running statement is stopped from another thread.

use std::fmt;
use std::time::Duration;

use crate::server::sync::{Condvar, Mutex, PoisonError};

/// Stops a running statement.
#[derive(Default)]
pub(crate) struct Interruption {
    stopped: Mutex<bool>,
    changed: Condvar,
    engine: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl fmt::Debug for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interruption").field("stopped", &self.is_stopped()).finish_non_exhaustive()
    }
}

impl Interruption {
    /// How the engine's own work is stopped.
    pub(crate) fn connect(&self, stop: impl Fn() + Send + 'static) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
    }

    /// Stops the running statement.
    pub(crate) fn stop(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
        if let Some(stop) = self.engine.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            stop();
        }
    }

    /// Forgets an earlier stop: a new statement begins.
    pub(crate) fn reset(&self) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Whether the statement is to stop.
    pub(crate) fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; true where the wait was cut short by a stop.
    pub(crate) fn sleep(&self, duration: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(stopped, duration, |stopped| !*stopped);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
