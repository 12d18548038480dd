//! What a server counts over all connections of a context.

use core::sync::atomic::AtomicU64;

/// What a server counts over all connections of a context.
#[derive(Debug, Default)]
pub struct Counters {
    /// Handshakes begun.
    pub accepts: AtomicU64,
    /// Handshakes completed.
    pub finished_accepts: AtomicU64,
    /// Sessions resumed.
    pub cache_hits: AtomicU64,
    /// Sessions that a client wanted to resume and that were not known.
    pub cache_misses: AtomicU64,
    /// Sessions that were too old to resume.
    pub cache_timeouts: AtomicU64,
    /// Sessions that were forgotten because the cache was full.
    pub cache_overflows: AtomicU64,
}
