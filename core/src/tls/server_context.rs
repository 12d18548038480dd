//! A server's TLS settings, built once and shared by its connections.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{KeyLog, ProtocolVersion, ServerConfig, SupportedProtocolVersion};

use super::certificate::Certificate;
use super::certificates::{Certificates, NamedCertificate};
use super::chain::Authority;
use super::ciphers::{CipherName, NO_CIPHER_FOR_VERSION, cipher_of, restrict};
use super::clock::Clock;
use super::counters::Counters;
use super::resolver::Resolver;
use super::resumption::{ConnectionSessions, Sessions};
use super::server_verifier::{ClientVerifier, verify_client};
use super::session_cache::SessionCache;
use super::tickets::{self, TicketKeys, Tickets};
use super::versions::versions;
use super::{CertificateInfo, Name, NamedPem, TlsError, own_identity};
use crate::facts::TlsVersion;
use crate::secret::Secret;

/// The options from which a [`ServerContext`] is built.
#[derive(Clone)]
pub struct ServerOptions {
    /// The cryptography, chosen by the program.
    pub provider: Arc<CryptoProvider>,
    /// The server's certificate, followed by intermediate certificates: `--ssl-cert`. If only one of `cert` and `key` is given, it holds
    /// both.
    pub cert: Option<NamedPem>,
    /// The server's private key: `--ssl-key`.
    pub key: Option<NamedPem>,
    /// The certificates for clients that ask for a host name by SNI; all others get `cert`.
    pub named: Vec<NamedCertificate>,
    /// The passphrase of the private keys.
    pub passphrase: Option<Secret>,
    /// The CAs that issue client certificates: `--ssl-ca`, and each file of `--ssl-capath`. If empty, clients are not asked for a
    /// certificate.
    pub ca: Vec<NamedPem>,
    /// Whether a client must have a certificate of these CAs. Otherwise it may omit the certificate, because in MySQL each account decides
    /// whether it needs one (`REQUIRE X509`).
    pub demands_client_certificate: bool,
    /// Certificate revocation lists. If any are given, every certificate of a client's chain needs a current one.
    pub crls: Vec<NamedPem>,
    /// `--ssl-cipher`: OpenSSL's or IANA's names, separated by colons.
    pub ciphers: Option<String>,
    /// `--tls-ciphersuites`: the same for TLS 1.3.
    pub ciphersuites: Option<String>,
    /// `--tls-version`: `TLSv1.2,TLSv1.3`.
    pub versions: Option<String>,
    /// Whether the server's order of ciphers decides instead of the client's.
    pub prefer_own_order: bool,
    /// The application protocols that the server accepts by ALPN, in order of preference.
    pub alpn: Vec<Vec<u8>>,
    /// Receives the session keys, for Wireshark.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// The number of sessions to keep for resumption; 0 keeps none.
    pub session_cache_size: usize,
    /// For how many seconds a session may be resumed.
    pub session_timeout: u64,
    /// The keys of session tickets, with which resumption needs no memory on the server. Another context with the same keys resumes the
    /// sessions of this one if it has the same certificates, CAs, revocation lists, versions and ciphers.
    pub ticket_keys: Option<Arc<dyn TicketKeys>>,
}

impl ServerOptions {
    /// Options with this provider, and every other field at its default.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self {
            provider,
            cert: None,
            key: None,
            named: Vec::new(),
            passphrase: None,
            ca: Vec::new(),
            demands_client_certificate: false,
            crls: Vec::new(),
            ciphers: None,
            ciphersuites: None,
            versions: None,
            prefer_own_order: false,
            alpn: Vec::new(),
            key_log: None,
            session_cache_size: 128,
            session_timeout: 300,
            ticket_keys: None,
        }
    }
}

/// A revocation list's summary, for administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListInfo {
    /// The CA that issued the list.
    pub issuer: Name,
    /// When the next list is due, in seconds since the Unix epoch. This list is out of date afterwards.
    pub next_update: Option<u64>,
    /// The number of revoked certificates.
    pub revoked: usize,
}

/// One of the server's certificates, for administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnCertificate<'a> {
    /// The host name for which clients get it; `None` for the default.
    pub host: Option<&'a str>,
    /// The certificate.
    pub info: &'a CertificateInfo,
    /// The subject of the certificate, or of one above it, that a loaded revocation list names.
    pub revoked: Option<Name>,
}

/// A server's TLS settings. Cloning it is cheap and shares session cache and counters.
#[derive(Debug, Clone)]
pub struct ServerContext(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The configuration from which each connection gets a copy with its own resolver.
    config: ServerConfig,
    own: Arc<Certificates>,
    /// The CAs that issue client certificates; `None` if clients are not asked for a certificate.
    authority: Option<Arc<Authority>>,
    ciphers: Arc<[&'static CipherName]>,
    versions: Vec<TlsVersion>,
    sessions: Arc<Sessions>,
    clock: Arc<Clock>,
    counters: Arc<Counters>,
    notes: Vec<String>,
    /// The number of session ticket secrets; 0 without tickets of the caller's keys.
    ticket_secrets: usize,
}

impl ServerContext {
    /// A server with this certificate chain and private key, both in PEM, and MySQL's defaults for all other options.
    ///
    /// # Errors
    /// If the certificate or the key can't be used; the text calls them `certificate` and `key`.
    pub fn from_pem(
        provider: Arc<CryptoProvider>,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Result<Self, TlsError> {
        let (cert, key) = (NamedPem::new("certificate", certificate), NamedPem::new("key", key));
        Self::build(ServerOptions { cert: Some(cert), key: Some(key), ..ServerOptions::new(provider) })
    }

    /// Checks the options and reads the certificates and keys.
    pub fn build(options: ServerOptions) -> Result<Self, TlsError> {
        let mut notes = Vec::new();
        let (ciphers, ciphersuites) = (options.ciphers.as_deref(), options.ciphersuites.as_deref());
        let provider = Arc::new(restrict(&options.provider, ciphers, ciphersuites, &mut notes)?);
        let protocol_versions = versions(options.versions.as_deref(), &mut notes)?;
        let algorithms = provider.signature_verification_algorithms;
        let own = Arc::new(Certificates::load(
            &provider,
            (options.cert.as_ref(), options.key.as_ref()),
            &options.named,
            options.passphrase.as_ref(),
            &mut notes,
        )?);
        let lists = own_identity::load_revocation_lists(&options.crls)?;
        if options.ca.is_empty() && !lists.is_empty() {
            notes.push(
                "ssl-crl and ssl-crlpath have no effect, because without ssl-ca or ssl-capath no client is asked for a certificate: give \
                 the CA of the clients' certificates"
                    .to_owned(),
            );
        }
        let authority = match options.ca.as_slice() {
            [] => None,
            files => Some(Arc::new(own_identity::named_authority(files, algorithms, lists)?)),
        };
        let versions = enabled(&protocol_versions);
        let context = tickets::digest(&own.chains(), authority.as_deref(), &versions, &provider);
        let clock = Arc::new(Clock::default());
        let counters = Arc::new(Counters::default());
        let ciphers = provider.cipher_suites.iter().filter_map(|suite| cipher_of(suite.suite()));
        let ciphers: Arc<[&'static CipherName]> = ciphers.filter(|cipher| versions.contains(&cipher.version)).collect();
        let time_provider: Arc<dyn TimeProvider> = clock.clone();
        let builder = ServerConfig::builder_with_details(Arc::clone(&provider), time_provider)
            .with_protocol_versions(&protocol_versions)
            .map_err(|_| TlsError::Config(NO_CIPHER_FOR_VERSION.to_owned()))?;
        let builder = match &authority {
            Some(authority) => builder.with_client_cert_verifier(Arc::new(ClientVerifier::new(
                Arc::clone(authority),
                algorithms,
                options.demands_client_certificate,
            ))),
            None => builder.with_no_client_auth(),
        };
        let resolver = Resolver::new(Arc::clone(&own), Arc::clone(&ciphers));
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        let (size, timeout) = (options.session_cache_size, options.session_timeout);
        let ticket_secrets = options.ticket_keys.as_ref().map_or(0, |keys| keys.count());
        let tickets = match options.ticket_keys {
            Some(keys) => Some(Tickets(keys.ticketer(&context)?)),
            None => None,
        };
        if size == 0 && tickets.is_none() {
            config.send_tls13_tickets = 0;
        }
        let cache = SessionCache::new(size);
        let sessions = Sessions { cache, tickets, timeout, clock: Arc::clone(&clock), counters: Arc::clone(&counters) };
        config.ignore_client_order = options.prefer_own_order;
        config.alpn_protocols = options.alpn;
        if let Some(key_log) = options.key_log {
            config.key_log = key_log;
        }
        Ok(Self(Arc::new(Inner {
            config,
            own,
            authority,
            ciphers,
            versions,
            sessions: Arc::new(sessions),
            clock,
            counters,
            notes,
            ticket_secrets,
        })))
    }

    /// The server's own certificate, which clients get that ask for no other.
    pub fn certificate(&self) -> &CertificateInfo {
        &self.0.own.default.info
    }

    /// All of the server's certificates, the default first.
    pub fn own_certificates(&self) -> impl Iterator<Item = OwnCertificate<'_>> {
        self.0.own.all().map(|own| OwnCertificate {
            host: own.host.as_deref(),
            info: &own.info,
            revoked: self.revoked(&own.pair.cert),
        })
    }

    /// The CAs that issue client certificates.
    pub fn authorities(&self) -> impl Iterator<Item = CertificateInfo> {
        let anchors = self.0.authority.iter().flat_map(|authority| authority.trusted());
        anchors.filter_map(|der| CertificateInfo::from_der(der).ok())
    }

    /// The revocation lists against which client certificates are checked.
    pub fn revocation_lists(&self) -> impl Iterator<Item = ListInfo> {
        self.0.authority.iter().flat_map(|authority| authority.lists()).filter_map(|list| {
            let issuer = Name::from_der(&list.issuer)?;
            Some(ListInfo { issuer, next_update: list.next_update, revoked: list.len() })
        })
    }

    /// The ciphers that a client may choose from, with OpenSSL's names.
    pub fn ciphers(&self) -> impl Iterator<Item = &'static str> {
        self.0.ciphers.iter().map(|cipher| cipher.openssl)
    }

    /// The enabled TLS versions, oldest first.
    pub fn versions(&self) -> &[TlsVersion] {
        &self.0.versions
    }

    /// Whether clients are asked for a certificate.
    pub fn asks_for_client_certificate(&self) -> bool {
        self.0.authority.is_some()
    }

    /// The subject of the first certificate of a chain that a loaded revocation list names.
    fn revoked(&self, chain: &[CertificateDer<'_>]) -> Option<Name> {
        let authority = self.0.authority.as_deref()?;
        let own = chain.iter().filter_map(|der| Certificate::parse(der).ok());
        let mut revoked = own.filter(|certificate| authority.check_listed(certificate).is_err());
        revoked.next().and_then(|certificate| Name::from_der(certificate.subject))
    }

    /// Verifies the certificates of a connected client once more, its own first, because time has passed or the settings have changed.
    ///
    /// # Errors
    /// A sentence: the certificate has expired, was revoked, or has no trusted issuer.
    pub fn check_client(&self, chain: &[Vec<u8>], now: Duration) -> Result<(), String> {
        let Some(authority) = self.authority() else { return Ok(()) };
        let mut chain = chain.iter().map(|der| CertificateDer::from(der.as_slice()));
        let Some(leaf) = chain.next() else { return Ok(()) };
        let intermediates: Vec<CertificateDer<'_>> = chain.collect();
        verify_client(authority, &leaf, &intermediates, UnixTime::since_unix_epoch(now))
            .map_err(|error| error.to_string())
    }

    /// The number of session ticket secrets in use; 0 where the server makes its tickets' keys itself, or issues none.
    pub fn ticket_secrets(&self) -> usize {
        self.0.ticket_secrets
    }

    /// The number of cached sessions, their maximum, and their lifetime in seconds.
    pub fn sessions(&self) -> (usize, usize, u64) {
        let Sessions { cache, timeout, .. } = &*self.0.sessions;
        (cache.len(), cache.capacity(), *timeout)
    }

    /// The counters since the context was built.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    /// Warnings about options that were accepted but have no effect, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// The configuration of one connection, which has its own sessions, and the resolver that records its SNI.
    pub(super) fn connection_config(&self) -> (ServerConfig, Arc<Resolver>) {
        let resolver = Arc::new(Resolver::new(Arc::clone(&self.0.own), Arc::clone(&self.0.ciphers)));
        let mut config = self.0.config.clone();
        config.cert_resolver = resolver.clone();
        let sessions = Arc::new(ConnectionSessions::new(Arc::clone(&self.0.sessions)));
        config.session_storage = sessions.clone();
        config.ticketer = sessions;
        (config, resolver)
    }

    pub(super) fn authority(&self) -> Option<&Authority> {
        self.0.authority.as_deref()
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}

fn enabled(versions: &[&'static SupportedProtocolVersion]) -> Vec<TlsVersion> {
    let has = |wanted| versions.iter().any(|version| version.version == wanted);
    let pairs = [(ProtocolVersion::TLSv1_2, TlsVersion::V1_2), (ProtocolVersion::TLSv1_3, TlsVersion::V1_3)];
    pairs.into_iter().filter(|(wanted, _)| has(*wanted)).map(|(_, version)| version).collect()
}
