//! A value that is replaced as a whole, and data about its parts that is remembered until the part changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use super::engine::{Interruption, WaitEnd};
use super::sync::{Mutex, PoisonError, RwLock};
use super::turns::{Turn, Turns};

/// A value that is replaced as a whole, and data about its parts, each of which has a key. Locks are taken in the order of the fields.
#[derive(Debug)]
pub(crate) struct Versioned<T, K, V> {
    /// Held while a change is made, which may write files. Readers do not take it, so that they never wait for a change.
    change: Turns,
    current: RwLock<Arc<T>>,
    remembered: Mutex<HashMap<K, V>>,
    is_same: fn(&T, &T, &K) -> bool,
}

impl<T, K: Eq + Hash, V: Copy> Versioned<T, K, V> {
    /// The first value, without remembered data. `is_same` tells whether two values have the same part with this key.
    pub(crate) fn new(value: T, is_same: fn(&T, &T, &K) -> bool) -> Self {
        let current = RwLock::new(Arc::new(value));
        Self { change: Turns::default(), current, remembered: Mutex::new(HashMap::new()), is_same }
    }

    /// The current value.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the turn of this account to make a change, at most for `most`. Changes are made one after the other.
    ///
    /// # Errors
    /// Why the wait ended without the turn.
    pub(crate) fn turn(
        &self,
        account: &str,
        interruption: &Arc<Interruption>,
        most: Duration,
    ) -> Result<Turn<'_>, WaitEnd> {
        self.change.take(account, interruption, most)
    }

    /// Replaces the value by the result of `next`, where that is `Some`.
    ///
    /// # Errors
    /// Those of `next`; the value is then unchanged.
    pub(crate) fn change<R, E>(
        &self,
        _turn: &Turn<'_>,
        next: impl FnOnce(&T) -> Result<(Option<T>, R), E>,
    ) -> Result<R, E> {
        let old = self.current();
        let (value, outcome) = next(&old)?;
        if let Some(value) = value {
            let value = Arc::new(value);
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = Arc::clone(&value);
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.retain(|key, _| (self.is_same)(&old, &value, key));
        }
        Ok(outcome)
    }

    /// The remembered data for `key` of the current value. Call [`current`](Self::current) first, never afterwards: a change in between can
    /// make this `None`, but never older than the value.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Remembers data about a part of the value `seen`, unless that part was changed meanwhile.
    pub(crate) fn remember(&self, key: K, found: V, seen: &T) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if (self.is_same)(seen, &current, &key) {
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found);
        }
    }

    /// Forgets all remembered data.
    pub(crate) fn clear(&self) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
