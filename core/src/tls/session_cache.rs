//! The server's cache of sessions for resumption.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::Ordering;

use rustls::server::StoresServerSessions;

use super::clock::Clock;
use super::counters::Counters;
use super::std::sync::{Mutex, MutexGuard, PoisonError};

/// A cache of limited size that removes the oldest session first.
pub(super) struct SessionCache {
    capacity: usize,
    timeout: u64,
    clock: Arc<Clock>,
    counters: Arc<Counters>,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    next: u64,
    by_age: BTreeMap<u64, Session>,
    by_key: BTreeMap<Vec<u8>, u64>,
}

#[derive(Clone)]
struct Session {
    key: Vec<u8>,
    value: Vec<u8>,
    stored: u64,
}

impl SessionCache {
    pub(super) fn new(capacity: usize, timeout: u64, clock: Arc<Clock>, counters: Arc<Counters>) -> Self {
        Self { capacity, timeout, clock, counters, sessions: Mutex::default() }
    }

    /// The number of cached sessions.
    pub(super) fn len(&self) -> usize {
        self.lock().by_key.len()
    }

    /// Ignores poisoning: a thread that panicked here can have left at worst one session half stored, which is then found or not.
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_too_old(&self, session: &Session) -> bool {
        self.clock.now().as_secs().saturating_sub(session.stored) > self.timeout
    }

    fn count(&self, found: Option<Session>) -> Option<Vec<u8>> {
        let Some(session) = found else {
            self.counters.cache_misses.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        if self.is_too_old(&session) {
            self.counters.cache_timeouts.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(session.value)
    }
}

impl Sessions {
    fn find(&self, key: &[u8]) -> Option<&Session> {
        self.by_age.get(self.by_key.get(key)?)
    }

    fn remove(&mut self, key: &[u8]) -> Option<Session> {
        let age = self.by_key.remove(key)?;
        self.by_age.remove(&age)
    }

    fn insert(&mut self, session: Session) {
        self.remove(&session.key);
        self.by_key.insert(session.key.clone(), self.next);
        self.by_age.insert(self.next, session);
        self.next = self.next.wrapping_add(1);
    }

    fn forget_oldest(&mut self) {
        if let Some((_, session)) = self.by_age.pop_first() {
            self.by_key.remove(&session.key);
        }
    }
}

impl StoresServerSessions for SessionCache {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let mut sessions = self.lock();
        sessions.insert(Session { key, value, stored: self.clock.now().as_secs() });
        if sessions.by_key.len() > self.capacity {
            sessions.forget_oldest();
            self.counters.cache_overflows.fetch_add(1, Ordering::Relaxed);
        }
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.lock().find(key).cloned();
        self.count(found)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.lock().remove(key);
        self.count(found)
    }

    fn can_cache(&self) -> bool {
        self.capacity > 0
    }
}

impl fmt::Debug for SessionCache {
    /// Shows no sessions, because they are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionCache({} of {})", self.len(), self.capacity)
    }
}
