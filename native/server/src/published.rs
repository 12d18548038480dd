//! A value that many threads read and few replace.

use std::sync::Arc;

use super::sync::{Mutex, PoisonError, RwLock};

/// A value that many threads read and few replace. Replacements are made one after the other, each from the state that it finds when its
/// turn comes, so that a slow one never undoes a later one. Readers do not wait for a replacement.
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

    /// The current value.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the value by one that `make` makes. When this returns, the value reflects every change that was made before the call, even
    /// if another thread replaces it meanwhile.
    ///
    /// # Errors
    /// Those of `make`; the value is then unchanged.
    pub(crate) fn replace<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::new(make()?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = value;
        Ok(())
    }
}
