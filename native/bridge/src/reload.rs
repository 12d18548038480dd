//! TLS settings whose files can be read again while the bridge runs.

use std::sync::{Arc, Mutex, PoisonError};

use sealwire_core::tls::ServerContext;
use sealwire_options::tls::watch::FileContents;

/// TLS settings, and the files that they were made from.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub(super) context: ServerContext,
    /// The files as they were just before they were read.
    pub(super) files: FileContents,
}

/// The TLS settings in use. New connections take the current ones; existing connections keep theirs.
#[derive(Debug, Clone)]
pub struct ReloadableTls(Arc<Mutex<Tls>>);

impl ReloadableTls {
    pub(super) fn new(tls: Tls) -> Self {
        Self(Arc::new(Mutex::new(tls)))
    }

    /// The current settings.
    pub(super) fn context(&self) -> ServerContext {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).context.clone()
    }

    /// The files of the current settings.
    pub(super) fn files(&self) -> FileContents {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).files.clone()
    }

    pub(super) fn replace(&self, tls: Tls) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tls;
    }
}
