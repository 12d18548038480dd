//! A server's TLS settings, built once and shared by its connections.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::AtomicU64;

use rustls::crypto::CryptoProvider;
use rustls::server::ProducesTickets;
use rustls::{KeyLog, ServerConfig};

use super::clock::Clock;
use super::{NamedPem, TlsError};
use crate::secret::Secret;

/// Everything that a [`ServerContext`] is built from.
#[derive(Clone)]
pub struct ServerOptions {
    /// The cryptography, chosen by the program.
    pub provider: Arc<CryptoProvider>,
    /// The server's certificate, followed by intermediates: `--ssl-cert`. Where only one of `cert` and `key` is given it holds both.
    pub cert: Option<NamedPem>,
    /// Its private key: `--ssl-key`.
    pub key: Option<NamedPem>,
    /// What the private key is encrypted with.
    pub passphrase: Option<Secret>,
    /// The CAs of client certificates: `--ssl-ca`, and each file of `--ssl-capath`. Empty: clients are not asked for one.
    pub ca: Vec<NamedPem>,
    /// Revocation lists. Where there are any, every certificate of a client's chain needs a current one.
    pub crls: Vec<NamedPem>,
    /// `--ssl-cipher`: OpenSSL's or IANA's names, separated by colons.
    pub ciphers: Option<String>,
    /// `--tls-ciphersuites`: the same for TLS 1.3.
    pub ciphersuites: Option<String>,
    /// `--tls-version`: `TLSv1.2,TLSv1.3`.
    pub versions: Option<String>,
    /// Whether our order of ciphers decides, and not the client's.
    pub prefer_own_order: bool,
    /// Application protocols accepted by ALPN, first the preferred.
    pub alpn: Vec<Vec<u8>>,
    /// Where to write session keys for Wireshark.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// How many sessions to remember for resumption; 0 remembers none.
    pub session_cache_size: usize,
    /// For how many seconds a remembered session may be resumed.
    pub session_timeout: u64,
    /// Encrypts session tickets, so that resumption needs no memory. A new context needs a new one.
    pub ticketer: Option<Arc<dyn ProducesTickets>>,
}

impl ServerOptions {
    /// Options with everything else at its default.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            cert: None,
            key: None,
            passphrase: None,
            ca: Vec::new(),
            crls: Vec::new(),
            ciphers: None,
            ciphersuites: None,
            versions: None,
            prefer_own_order: false,
            alpn: Vec::new(),
            key_log: None,
            session_cache_size: 128,
            session_timeout: 300,
            ticketer: None,
        }
    }
}

/// What a server counts over all connections of a context.
#[derive(Debug, Default)]
pub struct Counters {
    /// Handshakes begun.
    pub accepts: AtomicU64,
    /// Handshakes completed.
    pub finished_accepts: AtomicU64,
    /// Sessions resumed.
    pub cache_hits: AtomicU64,
    /// Sessions that a client wanted to resume and that were not known.
    pub cache_misses: AtomicU64,
    /// Sessions that were too old to resume.
    pub cache_timeouts: AtomicU64,
    /// Sessions that were forgotten because the cache was full.
    pub cache_overflows: AtomicU64,
}

/// A server's TLS settings. Cloning it is cheap and shares session cache and counters.
#[derive(Debug, Clone)]
pub struct ServerContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Arc<ServerConfig>,
    clock: Arc<Clock>,
    counters: Arc<Counters>,
}

impl ServerContext {
    /// Checks the options and reads certificates and keys.
    pub fn build(options: ServerOptions) -> Result<Self, TlsError> {
        let _ = options;
        Err(TlsError::Config("not written yet".into()))
    }

    /// What was counted since the context was built.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    /// What was accepted although it has no effect, one sentence each, to be shown as warnings.
    pub fn notes(&self) -> &[String] {
        &[]
    }

    pub(super) fn config(&self) -> &Arc<ServerConfig> {
        &self.0.config
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}
