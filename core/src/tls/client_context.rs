//! A client's TLS settings, built once and shared by its connections.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, KeyLog};

use super::clock::Clock;
use super::{Fingerprint, NamedPem, TlsError};
use crate::secret::Secret;

/// What a server's certificate must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Nothing: the connection is encrypted, to whoever answers.
    NoVerification,
    /// Its chain ends at one of [`ClientOptions::ca`]; its names are not looked at. `VERIFY_CA`.
    Ca,
    /// The same, and it carries the host's name. `VERIFY_IDENTITY`.
    CaAndIdentity,
    /// Its chain ends at one of these roots and it carries the host's name; or it is a certificate that is known.
    SystemRoots {
        /// The roots, usually the operating system's.
        roots: Vec<CertificateDer<'static>>,
        /// Fingerprints remembered for this host, as ssh does.
        known: Vec<Fingerprint>,
    },
    /// It has one of these fingerprints. Neither its chain nor its names are looked at, but its period is, and CRLs if given.
    Fingerprint(Vec<Fingerprint>),
}

/// Everything that a [`ClientContext`] is built from.
#[derive(Clone)]
pub struct ClientOptions {
    /// The cryptography, chosen by the program.
    pub provider: Arc<CryptoProvider>,
    /// What a server's certificate must satisfy.
    pub trust: Trust,
    /// The CAs of [`Trust::Ca`] and [`Trust::CaAndIdentity`]: `--ssl-ca`, and each file of `--ssl-capath`.
    pub ca: Vec<NamedPem>,
    /// Revocation lists. Where there are any, every certificate of a chain needs a current one.
    pub crls: Vec<NamedPem>,
    /// Our certificate, followed by intermediates: `--ssl-cert`. Where only one of `cert` and `key` is given it holds both.
    pub cert: Option<NamedPem>,
    /// Our private key: `--ssl-key`.
    pub key: Option<NamedPem>,
    /// What the private key is encrypted with.
    pub passphrase: Option<Secret>,
    /// `--ssl-cipher`: OpenSSL's or IANA's names, separated by colons, first the preferred.
    pub ciphers: Option<String>,
    /// `--tls-ciphersuites`: the same for TLS 1.3.
    pub ciphersuites: Option<String>,
    /// `--tls-version`: `TLSv1.2,TLSv1.3`.
    pub versions: Option<String>,
    /// Application protocols offered by ALPN, first the preferred.
    pub alpn: Vec<Vec<u8>>,
    /// Where to write session keys for Wireshark.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// Whether to resume earlier sessions of the same context.
    pub resumption: bool,
}

impl ClientOptions {
    /// Options with everything else at its default.
    pub fn new(provider: Arc<CryptoProvider>, trust: Trust) -> Self {
        Self {
            provider,
            trust,
            ca: Vec::new(),
            crls: Vec::new(),
            cert: None,
            key: None,
            passphrase: None,
            ciphers: None,
            ciphersuites: None,
            versions: None,
            alpn: Vec::new(),
            key_log: None,
            resumption: true,
        }
    }
}

/// A client's TLS settings. Cloning it is cheap and shares the session cache.
#[derive(Debug, Clone)]
pub struct ClientContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<ClientConfig>,
    clock: Arc<Clock>,
}

impl ClientContext {
    /// Checks the options and reads certificates and keys.
    pub fn build(options: ClientOptions) -> Result<Self, TlsError> {
        let _ = options;
        Err(TlsError::Config("not written yet".into()))
    }

    /// What was accepted although it has no effect, one sentence each, to be shown as warnings.
    pub fn notes(&self) -> &[String] {
        &[]
    }

    /// The configuration and the name to hand to rustls for a connection to `host`.
    pub(super) fn config_for(
        &self,
        host: &str,
        sni: Option<&str>,
    ) -> Result<(Arc<ClientConfig>, ServerName<'static>), TlsError> {
        let name = ServerName::try_from(sni.unwrap_or(host).to_owned())
            .map_err(|_| TlsError::Config(alloc::format!("'{host}' is no host name")))?;
        Ok((Arc::clone(&self.0.config), name))
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}
