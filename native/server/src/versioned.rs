//! A value that is replaced as a whole, and data about it that is remembered until the value changes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::sync::{Mutex, PoisonError, RwLock};

/// A value that is replaced as a whole, and data about it. Locks are taken in the order of the fields.
#[derive(Debug)]
pub(crate) struct Versioned<T, K, V> {
    current: RwLock<Arc<T>>,
    remembered: Mutex<HashMap<K, V>>,
}

impl<T, K: Eq + Hash, V: Copy> Versioned<T, K, V> {
    /// The first value, without remembered data.
    pub(crate) fn new(value: T) -> Self {
        Self { current: RwLock::new(Arc::new(value)), remembered: Mutex::new(HashMap::new()) }
    }

    /// The current value.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value by the result of `next`, where that is `Some`. Changes are made one after the other.
    ///
    /// # Errors
    /// Those of `next`; the value is then unchanged.
    pub(crate) fn change<R, E>(&self, next: impl FnOnce(&T) -> Result<(Option<T>, R), E>) -> Result<R, E> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let (value, outcome) = next(&current)?;
        if let Some(value) = value {
            *current = Arc::new(value);
            self.forget();
        }
        Ok(outcome)
    }

    /// The remembered data for `key` of the current value. Call [`current`](Self::current) first, never afterwards: a change in between can
    /// make this `None`, but never older than the value.
    pub(crate) fn recall(&self, key: &K) -> Option<V> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    /// Remembers data about the value `seen`, unless the value was replaced meanwhile.
    pub(crate) fn remember(&self, key: K, found: V, seen: &Arc<T>) {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, seen) {
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found);
        }
    }

    /// Forgets all remembered data.
    pub(crate) fn forget(&self) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
