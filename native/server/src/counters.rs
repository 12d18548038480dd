//! What the server counts, and since when.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The server's counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connections tried.
    pub(crate) connections: AtomicU64,
    /// Those that did not log in.
    pub(crate) aborted_connects: AtomicU64,
    /// Those that ended without saying goodbye.
    pub(crate) aborted_clients: AtomicU64,
    /// Those refused because there were too many.
    pub(crate) refused_connections: AtomicU64,
    /// Logins refused.
    pub(crate) access_denied: AtomicU64,
    /// Statements and commands.
    pub(crate) questions: AtomicU64,
    /// Bytes received.
    pub(crate) bytes_received: AtomicU64,
    /// Bytes sent.
    pub(crate) bytes_sent: AtomicU64,
    /// The most connections there were at a time.
    pub(crate) max_used_connections: AtomicU64,
    /// Statements that the engine runs now.
    pub(crate) threads_running: AtomicU64,
    /// SELECT statements.
    pub(crate) com_select: AtomicU64,
    /// SHOW STATUS statements.
    pub(crate) com_show_status: AtomicU64,
    /// Prepared statements that sessions have now.
    pub(crate) prepared_statements: Arc<AtomicU64>,
    /// Statements prepared.
    pub(crate) com_stmt_prepare: AtomicU64,
    /// Prepared statements executed.
    pub(crate) com_stmt_execute: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// How long the server runs, and how long the status variables count.
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
