//! The server's counters, and the start of counting.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The server's counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Connection attempts.
    pub(crate) connections: AtomicU64,
    /// Connections that ended before a login.
    pub(crate) aborted_connects: AtomicU64,
    /// Connections that ended without COM_QUIT after a login.
    pub(crate) aborted_clients: AtomicU64,
    /// Connections refused because there were too many.
    pub(crate) refused_connections: AtomicU64,
    /// Refused logins.
    pub(crate) access_denied: AtomicU64,
    /// Statements and commands.
    pub(crate) questions: AtomicU64,
    /// Bytes received.
    pub(crate) bytes_received: AtomicU64,
    /// Bytes sent.
    pub(crate) bytes_sent: AtomicU64,
    /// The greatest number of simultaneous connections.
    pub(crate) max_used_connections: AtomicU64,
    /// Statements that the engine is running now.
    pub(crate) threads_running: AtomicU64,
    /// SELECT statements.
    pub(crate) com_select: AtomicU64,
    /// SHOW STATUS statements.
    pub(crate) com_show_status: AtomicU64,
    /// Prepared statements that all sessions have now.
    pub(crate) prepared_statements: Arc<AtomicU64>,
    /// Statements prepared.
    pub(crate) com_stmt_prepare: AtomicU64,
    /// Prepared statements executed.
    pub(crate) com_stmt_execute: AtomicU64,
}

/// Adds one to a counter.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// The times from which the uptime and the status variables count.
#[derive(Debug)]
pub(crate) struct Uptime {
    started: Instant,
    flushed: Mutex<Instant>,
}

impl Uptime {
    /// The uptime of a server that was started at `started`.
    pub(crate) const fn since(started: Instant) -> Self {
        Self { started, flushed: Mutex::new(started) }
    }

    /// The time since the start: `Uptime`.
    pub(crate) fn total(&self) -> Duration {
        self.started.elapsed()
    }

    /// Restarts the time of the status variables, for FLUSH STATUS.
    pub(crate) fn flush(&self) {
        *self.flushed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// The time since the last FLUSH STATUS, or since the start where there was none: `Uptime_since_flush_status`.
    pub(crate) fn since_flush(&self) -> Duration {
        self.flushed.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}
