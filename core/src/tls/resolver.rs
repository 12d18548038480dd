//! Serves the configured certificate, and takes down the name that the client calls the server by.
//!
//! rustls 0.23 tells that name to a session over the caller's buffers nowhere but in the question for a certificate (only its other sessions
//! have `server_name()`). So each connection has a resolver of its own, in a copy of the server's settings that is some pointers large.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::std::sync::OnceLock;

/// Answers the ClientHello of one connection.
#[derive(Debug)]
pub(super) struct Resolver {
    certificate: Arc<CertifiedKey>,
    server_name: OnceLock<String>,
}

impl Resolver {
    pub(super) const fn new(certificate: Arc<CertifiedKey>) -> Self {
        Self { certificate, server_name: OnceLock::new() }
    }

    /// The name in the ClientHello, where there was one.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(String::as_str)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            // A second ClientHello has the same name, or rustls refuses it.
            let _ = self.server_name.set(name.to_owned());
        }
        Some(Arc::clone(&self.certificate))
    }
}
