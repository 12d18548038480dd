//! A value that many read and few replace.

use std::sync::Arc;

use super::sync::{Mutex, PoisonError, RwLock};

/// See the module. Replacements come one after the other, each made from what it finds when its turn comes, so a slow one never
/// undoes a later one. Readers do not wait for one that is being made.
#[derive(Debug)]
pub(crate) struct Published<T> {
    current: RwLock<Arc<T>>,
    turn: Mutex<()>,
}

impl<T> Published<T> {
    /// The first value.
    pub(crate) fn new(value: T) -> Self {
        Self { current: RwLock::new(Arc::new(value)), turn: Mutex::new(()) }
    }

    /// The value as it is now.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value by one that `make` makes. What was changed before the call is in the value from its return on, whoever
    /// else replaces it meanwhile.
    ///
    /// # Errors
    /// Those of `make`; then nothing is changed.
    pub(crate) fn replace<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::new(make()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = value;
        Ok(())
    }
}
