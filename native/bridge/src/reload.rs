//! TLS settings whose files can be read again while the bridge runs.

use std::sync::{Arc, Mutex, PoisonError};

use sealwire_core::tls::ServerContext;

/// The TLS settings in use. New connections take the current ones; existing connections keep theirs.
#[derive(Debug, Clone)]
pub struct ReloadableTls(Arc<Mutex<ServerContext>>);

impl ReloadableTls {
    pub(super) fn new(context: ServerContext) -> Self {
        Self(Arc::new(Mutex::new(context)))
    }

    /// The current settings.
    pub(super) fn context(&self) -> ServerContext {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, context: ServerContext) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = context;
    }
}
