//! What the server counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
