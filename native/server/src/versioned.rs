//! A value that is replaced whole, and what is remembered about it: nothing of the one before outlives a change.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::sync::{Mutex, PoisonError, RwLock};

/// See the module. Locks are taken in the order of the fields.
#[derive(Debug)]
pub(crate) struct Versioned<T, K, V> {
    current: RwLock<Arc<T>>,
    remembered: Mutex<HashMap<K, V>>,
}

impl<T, K: Eq + Hash, V: Copy> Versioned<T, K, V> {
    /// The first value, of which nothing is known.
    pub(crate) fn new(value: T) -> Self {
        Self { current: RwLock::new(Arc::new(value)), remembered: Mutex::new(HashMap::new()) }
    }

    /// The value as it is now.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value by what `next` makes of it, `None` leaves it; changes come one after the other.
    ///
    /// # Errors
    /// Those of `next`; then nothing is changed.
    pub(crate) fn change<R, E>(&self, next: impl FnOnce(&T) -> Result<(Option<T>, R), E>) -> Result<R, E> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let (value, outcome) = next(&current)?;
        if let Some(value) = value {
            *current = Arc::new(value);
            self.forget();
        }
        Ok(outcome)
    }

    /// What is remembered for `key` of the value as it is now. Ask after [`current`](Self::current), never before: what is
    /// remembered may then be newer than the value, and is nothing, but never older.
    pub(crate) fn recall(&self, key: &K) -> Option<V> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Remembers what was found out about the value `seen`, unless it was replaced meanwhile.
    pub(crate) fn remember(&self, key: K, found: V, seen: &Arc<T>) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, seen) {
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found);
        }
    }

    /// Forgets all that is remembered.
    pub(crate) fn forget(&self) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
