//! TLS files that are read again while the bridge runs.

use std::sync::{Arc, Mutex, PoisonError};

use sealwire_core::tls::ServerContext;

/// The TLS settings in use: each new connection takes them, and connections that are there keep theirs.
#[derive(Debug, Clone)]
pub struct ReloadableTls(Arc<Mutex<ServerContext>>);

impl ReloadableTls {
    pub(super) fn new(context: ServerContext) -> Self {
        Self(Arc::new(Mutex::new(context)))
    }

    /// The settings as they are now.
    pub(super) fn context(&self) -> ServerContext {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, context: ServerContext) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = context;
    }
}
