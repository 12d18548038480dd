//! The server's side of session resumption: one object for each connection, because a session's age counts from its last full handshake,
//! in which both sides proved their identities, however often it is resumed (RFC 8446 §4.6.1).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use rustls::server::{ProducesTickets, StoresServerSessions};

use super::clock::Clock;
use super::counters::Counters;
use super::session_cache::{Kept, SessionCache};
use super::tickets::Tickets;

/// The state that all connections of a context share.
pub(super) struct Sessions {
    pub(super) cache: SessionCache,
    /// Tickets with the session in them; without them a ticket names a session of the cache.
    pub(super) tickets: Option<Tickets>,
    /// The lifetime of a session in seconds.
    pub(super) timeout: u64,
    pub(super) clock: Arc<Clock>,
    pub(super) counters: Arc<Counters>,
}

/// The sessions for one connection.
pub(super) struct ConnectionSessions {
    shared: Arc<Sessions>,
    /// The last full handshake of the session that the client offered; 0 where it offered none.
    since: AtomicU64,
}

impl ConnectionSessions {
    pub(super) const fn new(shared: Arc<Sessions>) -> Self {
        Self { shared, since: AtomicU64::new(0) }
    }

    fn now(&self) -> u64 {
        self.shared.clock.now().as_secs()
    }

    /// The last full handshake of this connection's session. Where rustls refuses an offered session, this is earlier than the handshake,
    /// and the session is kept for a shorter time than it could be.
    fn since(&self) -> u64 {
        match self.since.load(Ordering::Relaxed) {
            0 => self.now(),
            since => since,
        }
    }

    /// Returns a kept session that may be resumed, and counts those that may not.
    fn offer(&self, found: Option<Kept>) -> Option<Vec<u8>> {
        let counters = &self.shared.counters;
        let Some(Kept { session, since }) = found else {
            counters.cache_misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        // A server whose clock was ahead kept sessions with a future time; refuse them, because they would live too long.
        if self.now().abs_diff(since) > self.shared.timeout {
            counters.cache_timeouts.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.since.store(since, Ordering::Relaxed);
        Some(session)
    }
}

impl StoresServerSessions for ConnectionSessions {
    fn put(&self, key: Vec<u8>, session: Vec<u8>) -> bool {
        if self.shared.cache.put(key, Kept { session, since: self.since() }) {
            self.shared.counters.cache_overflows.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.can_cache().then(|| self.offer(self.shared.cache.get(key)))?
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.can_cache().then(|| self.offer(self.shared.cache.take(key)))?
    }

    fn can_cache(&self) -> bool {
        self.shared.cache.capacity() > 0
    }
}

impl ProducesTickets for ConnectionSessions {
    fn enabled(&self) -> bool {
        self.shared.tickets.as_ref().is_some_and(Tickets::are_enabled)
    }

    fn lifetime(&self) -> u32 {
        let left = self.shared.timeout.saturating_sub(self.now().saturating_sub(self.since()));
        u32::try_from(left).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        self.shared.tickets.as_ref()?.encrypt(session, self.since())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.offer(self.shared.tickets.as_ref()?.decrypt(ticket))
    }
}

/// Shows neither sessions nor keys, because they are secrets.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("cached", &self.cache.len())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ConnectionSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}
