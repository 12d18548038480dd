//! How long the server runs, and how long the status variables count.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug)]
pub(crate) struct Uptime {
    started: Instant,
    flushed: Mutex<Instant>,
}

impl Uptime {
    /// A server that was started at that time.
    pub(crate) const fn since(started: Instant) -> Self {
        Self { started, flushed: Mutex::new(started) }
    }

    /// How long the server runs: `Uptime`.
    pub(crate) fn total(&self) -> Duration {
        self.started.elapsed()
    }

    /// FLUSH STATUS: the status variables begin to count anew.
    pub(crate) fn flush(&self) {
        *self.flushed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the last FLUSH STATUS was, or the start where there was none: `Uptime_since_flush_status`.
    pub(crate) fn since_flush(&self) -> Duration {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
