//! A client's TLS settings, built once and shared by its connections.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, DnsName, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, KeyLog, SignatureScheme};

use super::chain::Authority;
use super::ciphers::{NO_CIPHER_FOR_VERSION, restrict};
use super::client_verifier::{ServerVerifier, VerifyPolicy};
use super::clock::Clock;
use super::versions::versions;
use super::{Fingerprint, NamedPem, TlsError, own_identity};
use crate::secret::Secret;

/// The checks that a server's certificate must pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// No check: the connection is encrypted, but the server may be anybody.
    NoVerification,
    /// The chain must end at one of [`ClientOptions::ca`]; names are not checked. `VERIFY_CA`.
    Ca,
    /// As `Ca`, and the certificate must carry the host's name. `VERIFY_IDENTITY`.
    CaAndIdentity,
    /// The chain must end at one of these roots and the certificate carry the host's name, or its fingerprint must be known.
    SystemRoots {
        /// The roots, usually the operating system's.
        roots: Vec<CertificateDer<'static>>,
        /// The fingerprints remembered for this host, as ssh's `known_hosts` does.
        known: Vec<Fingerprint>,
    },
    /// As `Ca` or `CaAndIdentity`, and the certificate must have one of the fingerprints, as Connector/C 3.3 has it.
    CaAndFingerprint {
        /// Whether the host's name is checked.
        identity: bool,
        /// The fingerprints.
        accepted: Vec<Fingerprint>,
    },
    /// The certificate must have one of these fingerprints. Chain and names are not checked; the validity period and any CRLs are.
    Fingerprint(Vec<Fingerprint>),
}

/// The options from which a [`ClientContext`] is built.
#[derive(Clone)]
pub struct ClientOptions {
    /// The cryptography, chosen by the program.
    pub provider: Arc<CryptoProvider>,
    /// The checks that a server's certificate must pass.
    pub trust: Trust,
    /// The CAs of [`Trust::Ca`], [`Trust::CaAndIdentity`] and [`Trust::CaAndFingerprint`]: `--ssl-ca`, and each file of `--ssl-capath`.
    pub ca: Vec<NamedPem>,
    /// Certificate revocation lists. If any are given, every certificate of a chain needs a current one.
    pub crls: Vec<NamedPem>,
    /// The client's certificate, followed by intermediate certificates: `--ssl-cert`. If only one of `cert` and `key` is given, it holds
    /// both.
    pub cert: Option<NamedPem>,
    /// The client's private key: `--ssl-key`.
    pub key: Option<NamedPem>,
    /// The passphrase of the private key.
    pub passphrase: Option<Secret>,
    /// `--ssl-cipher`: OpenSSL's or IANA's names, separated by colons, in order of preference.
    pub ciphers: Option<String>,
    /// `--tls-ciphersuites`: the same for TLS 1.3.
    pub ciphersuites: Option<String>,
    /// `--tls-version`: `TLSv1.2,TLSv1.3`.
    pub versions: Option<String>,
    /// The application protocols to offer by ALPN, in order of preference.
    pub alpn: Vec<Vec<u8>>,
    /// Receives the session keys, for Wireshark.
    pub key_log: Option<Arc<dyn KeyLog>>,
    /// Whether connections may resume earlier sessions of the same context.
    pub resumption: bool,
}

impl ClientOptions {
    /// Options with this provider and these checks, and every other field at its default.
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
    /// The configuration that sends SNI.
    with_sni: Arc<ClientConfig>,
    /// The configuration that sends no SNI. Both share the verifier and the session cache.
    without_sni: Arc<ClientConfig>,
    verify_policy: Arc<VerifyPolicy>,
    algorithms: WebPkiSupportedAlgorithms,
    clock: Arc<Clock>,
    no_certificate: Arc<NoClientCertificate>,
    notes: Vec<String>,
}

/// Used when no client certificate was given. It records that the server asked for one.
#[derive(Debug, Default)]
struct NoClientCertificate {
    was_asked_for: AtomicBool,
}

impl ResolvesClientCert for NoClientCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked_for.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl ClientContext {
    /// A client that accepts a server if one of these CAs (PEM) issued its certificate and the certificate carries the host's name:
    /// `VERIFY_IDENTITY`.
    ///
    /// # Errors
    /// If the CAs can't be read.
    pub fn from_pem(provider: Arc<CryptoProvider>, ca: impl Into<Vec<u8>>) -> Result<Self, TlsError> {
        let ca = Vec::from([NamedPem::new("CA", ca)]);
        Self::build(ClientOptions { ca, ..ClientOptions::new(provider, Trust::CaAndIdentity) })
    }

    /// Checks the options and reads the certificates and keys.
    pub fn build(options: ClientOptions) -> Result<Self, TlsError> {
        let mut notes = Vec::new();
        let (ciphers, ciphersuites) = (options.ciphers.as_deref(), options.ciphersuites.as_deref());
        let provider = Arc::new(restrict(&options.provider, ciphers, ciphersuites, &mut notes)?);
        let versions = versions(options.versions.as_deref(), &mut notes)?;
        let algorithms = provider.signature_verification_algorithms;
        let verify_policy = Arc::new(verify_policy(&options, algorithms)?);
        let clock = Arc::new(Clock::default());
        let verifier = ServerVerifier::new(Arc::clone(&verify_policy), algorithms, None);
        let own =
            own_identity::load(&provider, options.cert.as_ref(), options.key.as_ref(), options.passphrase.as_ref())?;
        let time_provider: Arc<dyn TimeProvider> = clock.clone();
        let builder = ClientConfig::builder_with_details(provider, time_provider)
            .with_protocol_versions(&versions)
            .map_err(|_| TlsError::Config(NO_CIPHER_FOR_VERSION.to_owned()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let no_certificate = Arc::new(NoClientCertificate::default());
        let mut config = match own {
            Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
            None => builder.with_client_cert_resolver(Arc::clone(&no_certificate) as Arc<dyn ResolvesClientCert>),
        };
        config.alpn_protocols = options.alpn;
        if let Some(key_log) = options.key_log {
            config.key_log = key_log;
        }
        if !options.resumption {
            config.resumption = Resumption::disabled();
        }
        let mut without_sni = config.clone();
        without_sni.enable_sni = false;
        let (with_sni, without_sni) = (Arc::new(config), Arc::new(without_sni));
        Ok(Self(Arc::new(Inner { with_sni, without_sni, verify_policy, algorithms, clock, no_certificate, notes })))
    }

    /// Warnings about options that were accepted but have no effect, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// Whether a server has asked for a client certificate although none was configured.
    pub fn server_asked_for_certificate(&self) -> bool {
        self.0.no_certificate.was_asked_for.load(Ordering::Relaxed)
    }

    /// Verifies the certificates of a connected server once more, its own first, because time has passed or the settings have changed; `host`
    /// is the one that the client connected to.
    ///
    /// # Errors
    /// [`TlsError::CertificateRejected`], as at the handshake.
    pub fn check_server(&self, chain: &[Vec<u8>], host: &str, now: Duration) -> Result<(), TlsError> {
        let mut chain = chain.iter().map(|der| CertificateDer::from(der.as_slice()));
        let Some(leaf) = chain.next() else { return Ok(()) };
        let intermediates: Vec<CertificateDer<'_>> = chain.collect();
        let verified = self.0.verify_policy.verify(&leaf, &intermediates, host, UnixTime::since_unix_epoch(now));
        verified.map_err(|rejection| TlsError::from(&rejection))
    }

    /// The configuration and server name to give to rustls for a connection to `host`. rustls verifies the name that it sends as SNI, so
    /// another SNI needs its own configuration, with a verifier that knows `host`.
    pub(super) fn config_for(
        &self,
        host: &str,
        sni: Option<&str>,
    ) -> Result<(Arc<ClientConfig>, ServerName<'static>), TlsError> {
        let inner = &self.0;
        let no_name = |name: &str| TlsError::Config(format!("'{name}' is no host name"));
        if let Some(sni) = sni.filter(|sni| *sni != host) {
            let name = DnsName::try_from(sni.to_owned()).map_err(|_| no_name(sni))?;
            let verifier = ServerVerifier::new(Arc::clone(&inner.verify_policy), inner.algorithms, Some(host));
            let mut config = ClientConfig::clone(&inner.with_sni);
            config.dangerous().set_certificate_verifier(Arc::new(verifier));
            config.resumption = Resumption::disabled();
            return Ok((Arc::new(config), ServerName::DnsName(name)));
        }
        let config = if sni.is_some() { &inner.with_sni } else { &inner.without_sni };
        match ServerName::try_from(host.to_owned()) {
            Ok(name) => Ok((Arc::clone(config), name)),
            Err(_) if sni.is_some() || inner.verify_policy.checks_identity() => Err(no_name(host)),
            // No check reads the name, so any name will do. Resumption is off, because sessions are cached by name.
            Err(_) => {
                let mut config = ClientConfig::clone(&inner.without_sni);
                config.resumption = Resumption::disabled();
                Ok((Arc::new(config), ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
            }
        }
    }

    pub(super) fn verify_policy(&self) -> &VerifyPolicy {
        &self.0.verify_policy
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}

fn verify_policy(options: &ClientOptions, algorithms: WebPkiSupportedAlgorithms) -> Result<VerifyPolicy, TlsError> {
    let lists = own_identity::load_revocation_lists(&options.crls)?;
    Ok(match &options.trust {
        Trust::NoVerification => VerifyPolicy::Nothing,
        Trust::Ca | Trust::CaAndIdentity | Trust::CaAndFingerprint { .. } => {
            let (identity, pinned) = match &options.trust {
                Trust::CaAndFingerprint { identity, accepted } => (*identity, Some(accepted.clone())),
                trust => (*trust == Trust::CaAndIdentity, None),
            };
            if options.ca.is_empty() {
                let text =
                    "CA certificate is required if ssl-mode is VERIFY_CA or VERIFY_IDENTITY: give it with ssl-ca";
                return Err(TlsError::Config(text.to_owned()));
            }
            let authority = own_identity::named_authority(&options.ca, algorithms, lists)?;
            VerifyPolicy::Ca { authority, identity, pinned }
        }
        Trust::SystemRoots { roots, known } => {
            let mut authority = Authority::new(algorithms, lists, false);
            for root in roots {
                // Skip roots that can't be parsed, because operating systems ship some and no certificate can chain to them.
                _ = authority.add(root.clone());
            }
            VerifyPolicy::Roots { authority, known: known.clone() }
        }
        Trust::Fingerprint(accepted) if accepted.is_empty() => {
            return Err(TlsError::Config("ssl-fp names no fingerprint".to_owned()));
        }
        Trust::Fingerprint(accepted) => VerifyPolicy::Fingerprint {
            authority: Authority::new(algorithms, lists, false),
            accepted: accepted.clone(),
        },
    })
}
