//! Serves the certificate for the name that the client asks for, and records what the ClientHello tells only here: the SNI, and ciphers that do not fit the key.
//!
//! An unbuffered session of rustls 0.23 gives the SNI only to the certificate resolver (`server_name()` exists on its other sessions only).
//! So each connection has its own resolver, in a copy of the server's configuration, which costs a few pointers.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificates::Certificates;
use super::ciphers::{CipherName, cipher_of};
use super::std::sync::OnceLock;
use crate::facts::TlsVersion;

/// Selects the certificate for the ClientHello of one connection.
#[derive(Debug)]
pub(super) struct Resolver {
    certificates: Arc<Certificates>,
    /// The enabled ciphers.
    ciphers: Arc<[&'static CipherName]>,
    server_name: OnceLock<String>,
    unfit: OnceLock<&'static CipherName>,
}

impl Resolver {
    pub(super) const fn new(certificates: Arc<Certificates>, ciphers: Arc<[&'static CipherName]>) -> Self {
        Self { certificates, ciphers, server_name: OnceLock::new(), unfit: OnceLock::new() }
    }

    /// The SNI of the ClientHello, if it had one.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(String::as_str)
    }

    /// If the client offered no enabled cipher of TLS 1.2 that fits the certificate's key: the first enabled one that it offered.
    pub(super) fn unfit(&self) -> Option<&'static CipherName> {
        self.unfit.get().copied()
    }

    fn note_unfit(&self, certificate: &CertifiedKey, hello: &ClientHello<'_>) {
        let is_rsa = certificate.key.algorithm() == SignatureAlgorithm::RSA;
        let mut first = None;
        for cipher in hello.cipher_suites().iter().filter_map(|suite| cipher_of(*suite)) {
            // A cipher of TLS 1.3 fits every key, and some clients offer ciphers of versions that they do not offer.
            if cipher.version == TlsVersion::V1_3 || !self.ciphers.iter().any(|one| core::ptr::eq(*one, cipher)) {
                continue;
            }
            if cipher.needs_rsa() == is_rsa {
                return;
            }
            first = first.or(Some(cipher));
        }
        if let Some(cipher) = first {
            // A second ClientHello has the same ciphers.
            let _ = self.unfit.set(cipher);
        }
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            // A second ClientHello has the same SNI, because rustls refuses another one.
            let _ = self.server_name.set(name.to_owned());
        }
        let certificate = self.certificates.of(hello.server_name());
        self.note_unfit(certificate, &hello);
        Some(Arc::clone(certificate))
    }
}
