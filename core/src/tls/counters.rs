//! Counters of a server's TLS context, summed over its connections.

use core::sync::atomic::AtomicU64;

/// Counters of a server's TLS context, summed over its connections.
#[derive(Debug, Default)]
pub struct Counters {
    /// Handshakes begun.
    pub accepts: AtomicU64,
    /// Handshakes completed.
    pub finished_accepts: AtomicU64,
    /// Sessions resumed.
    pub cache_hits: AtomicU64,
    /// Resumptions that clients asked for with a session that the server did not know.
    pub cache_misses: AtomicU64,
    /// Sessions that were too old to resume.
    pub cache_timeouts: AtomicU64,
    /// Sessions removed because the cache was full.
    pub cache_overflows: AtomicU64,
}
