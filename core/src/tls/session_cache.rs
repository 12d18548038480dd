//! The server's cache of sessions for resumption.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::std::sync::{Mutex, MutexGuard, PoisonError};

/// A session as it is kept, and when its last full handshake was, in seconds since the Unix epoch.
pub(super) struct Kept {
    pub(super) session: Vec<u8>,
    pub(super) since: u64,
}

/// A cache of limited size that removes the oldest session first.
pub(super) struct SessionCache {
    capacity: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    next: u64,
    by_age: BTreeMap<u64, (Vec<u8>, Kept)>,
    by_key: BTreeMap<Vec<u8>, u64>,
}

impl SessionCache {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, sessions: Mutex::default() }
    }

    /// The largest number of sessions.
    pub(super) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// The number of cached sessions.
    pub(super) fn len(&self) -> usize {
        self.lock().by_key.len()
    }

    /// Keeps a session. Returns whether the oldest one had to be removed for it.
    pub(super) fn put(&self, key: Vec<u8>, kept: Kept) -> bool {
        let mut sessions = self.lock();
        sessions.insert(key, kept);
        let is_full = sessions.by_key.len() > self.capacity;
        if is_full {
            sessions.forget_oldest();
        }
        is_full
    }

    /// A copy of a session.
    pub(super) fn get(&self, key: &[u8]) -> Option<Kept> {
        let sessions = self.lock();
        let (_, Kept { session, since }) = sessions.by_age.get(sessions.by_key.get(key)?)?;
        Some(Kept { session: session.clone(), since: *since })
    }

    /// Removes a session.
    pub(super) fn take(&self, key: &[u8]) -> Option<Kept> {
        self.lock().remove(key)
    }

    /// Ignores poisoning: a thread that panicked here can have left at worst one session half stored, which is then found or not.
    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sessions {
    fn remove(&mut self, key: &[u8]) -> Option<Kept> {
        let age = self.by_key.remove(key)?;
        self.by_age.remove(&age).map(|(_, kept)| kept)
    }

    fn insert(&mut self, key: Vec<u8>, kept: Kept) {
        self.remove(&key);
        self.by_key.insert(key.clone(), self.next);
        self.by_age.insert(self.next, (key, kept));
        self.next = self.next.wrapping_add(1);
    }

    fn forget_oldest(&mut self) {
        if let Some((_, (key, _))) = self.by_age.pop_first() {
            self.by_key.remove(&key);
        }
    }
}
