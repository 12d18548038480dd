//! Serves the configured certificate and records the SNI that the client sent.
//!
//! An unbuffered session of rustls 0.23 gives the SNI only to the certificate resolver (`server_name()` exists on its other sessions only).
//! So each connection has its own resolver, in a copy of the server's configuration, which costs a few pointers.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::std::sync::OnceLock;

/// Selects the certificate for the ClientHello of one connection.
#[derive(Debug)]
pub(super) struct Resolver {
    certificate: Arc<CertifiedKey>,
    server_name: OnceLock<String>,
}

impl Resolver {
    pub(super) const fn new(certificate: Arc<CertifiedKey>) -> Self {
        Self { certificate, server_name: OnceLock::new() }
    }

    /// The SNI of the ClientHello, if it had one.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(String::as_str)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            // A second ClientHello has the same SNI, because rustls refuses another one.
            let _ = self.server_name.set(name.to_owned());
        }
        Some(Arc::clone(&self.certificate))
    }
}
