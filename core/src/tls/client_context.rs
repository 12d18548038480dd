//! A client's TLS settings, built once and shared by its connections.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use core::sync::atomic::{AtomicBool, Ordering};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, DnsName, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, KeyLog, SignatureScheme};

use super::chain::Authority;
use super::ciphers::{NO_CIPHER_FOR_VERSION, restrict};
use super::client_verifier::{Demand, ServerVerifier};
use super::clock::Clock;
use super::versions::versions;
use super::{Fingerprint, NamedPem, TlsError, own_identity};
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
    /// Sends SNI.
    with_sni: Arc<ClientConfig>,
    /// The same, and sends none. Both share verifier and sessions.
    without_sni: Arc<ClientConfig>,
    demand: Arc<Demand>,
    algorithms: WebPkiSupportedAlgorithms,
    clock: Arc<Clock>,
    absent: Arc<Absent>,
    notes: Vec<String>,
}

/// In place of a certificate that was not given: notes that one was asked for.
#[derive(Debug, Default)]
struct Absent {
    was_asked_for: AtomicBool,
}

impl ResolvesClientCert for Absent {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked_for.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl ClientContext {
    /// A client that accepts a server whose certificate is issued by one of these CAs, in PEM format, and carries the host's name:
    /// `VERIFY_IDENTITY`.
    ///
    /// # Errors
    /// Where the CAs can't be read.
    pub fn from_pem(provider: Arc<CryptoProvider>, ca: impl Into<Vec<u8>>) -> Result<Self, TlsError> {
        let ca = Vec::from([NamedPem::new("CA", ca)]);
        Self::build(ClientOptions { ca, ..ClientOptions::new(provider, Trust::CaAndIdentity) })
    }

    /// Checks the options and reads certificates and keys.
    pub fn build(options: ClientOptions) -> Result<Self, TlsError> {
        let mut notes = Vec::new();
        let (ciphers, ciphersuites) = (options.ciphers.as_deref(), options.ciphersuites.as_deref());
        let provider = Arc::new(restrict(&options.provider, ciphers, ciphersuites, &mut notes)?);
        let versions = versions(options.versions.as_deref(), &mut notes)?;
        let algorithms = provider.signature_verification_algorithms;
        let demand = Arc::new(demand(&options, algorithms)?);
        let clock = Arc::new(Clock::default());
        let verifier = ServerVerifier::new(Arc::clone(&demand), algorithms, None);
        let own =
            own_identity::load(&provider, options.cert.as_ref(), options.key.as_ref(), options.passphrase.as_ref())?;
        let time_provider: Arc<dyn TimeProvider> = clock.clone();
        let builder = ClientConfig::builder_with_details(provider, time_provider)
            .with_protocol_versions(&versions)
            .map_err(|_| TlsError::Config(NO_CIPHER_FOR_VERSION.to_owned()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let absent = Arc::new(Absent::default());
        let mut config = match own {
            Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
            None => builder.with_client_cert_resolver(Arc::clone(&absent) as Arc<dyn ResolvesClientCert>),
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
        Ok(Self(Arc::new(Inner { with_sni, without_sni, demand, algorithms, clock, absent, notes })))
    }

    /// What was accepted although it has no effect, one sentence each, to be shown as warnings.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// Whether a server has asked for a certificate where none was given.
    pub fn lacked_certificate(&self) -> bool {
        self.0.absent.was_asked_for.load(Ordering::Relaxed)
    }

    /// The configuration and the name to hand to rustls for a connection to `host`. rustls sends the name that it verifies, so
    /// another SNI needs a verifier that knows the host, and a configuration with it.
    pub(super) fn config_for(
        &self,
        host: &str,
        sni: Option<&str>,
    ) -> Result<(Arc<ClientConfig>, ServerName<'static>), TlsError> {
        let inner = &self.0;
        let no_name = |name: &str| TlsError::Config(format!("'{name}' is no host name"));
        if let Some(sni) = sni.filter(|sni| *sni != host) {
            let name = DnsName::try_from(sni.to_owned()).map_err(|_| no_name(sni))?;
            let verifier = ServerVerifier::new(Arc::clone(&inner.demand), inner.algorithms, Some(host));
            let mut config = ClientConfig::clone(&inner.with_sni);
            config.dangerous().set_certificate_verifier(Arc::new(verifier));
            config.resumption = Resumption::disabled();
            return Ok((Arc::new(config), ServerName::DnsName(name)));
        }
        let config = if sni.is_some() { &inner.with_sni } else { &inner.without_sni };
        match ServerName::try_from(host.to_owned()) {
            Ok(name) => Ok((Arc::clone(config), name)),
            Err(_) if sni.is_some() || inner.demand.checks_identity() => Err(no_name(host)),
            // Nobody looks at the name: any will do, but sessions must not be found under it.
            Err(_) => {
                let mut config = ClientConfig::clone(&inner.without_sni);
                config.resumption = Resumption::disabled();
                Ok((Arc::new(config), ServerName::from(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
            }
        }
    }

    pub(super) fn demand(&self) -> &Demand {
        &self.0.demand
    }

    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.0.clock
    }
}

fn demand(options: &ClientOptions, algorithms: WebPkiSupportedAlgorithms) -> Result<Demand, TlsError> {
    let lists = own_identity::load_revocation_lists(&options.crls)?;
    Ok(match &options.trust {
        Trust::NoVerification => Demand::Nothing,
        Trust::Ca | Trust::CaAndIdentity => {
            let identity = options.trust == Trust::CaAndIdentity;
            if options.ca.is_empty() {
                let text =
                    "CA certificate is required if ssl-mode is VERIFY_CA or VERIFY_IDENTITY: give it with ssl-ca";
                return Err(TlsError::Config(text.to_owned()));
            }
            Demand::Ca { authority: own_identity::named_authority(&options.ca, algorithms, lists)?, identity }
        }
        Trust::SystemRoots { roots, known } => {
            let mut authority = Authority::new(algorithms, lists, false);
            for root in roots {
                // Systems carry roots that can't be read; no certificate can chain to those.
                _ = authority.add(root.clone());
            }
            Demand::Roots { authority, known: known.clone() }
        }
        Trust::Fingerprint(accepted) if accepted.is_empty() => {
            return Err(TlsError::Config("ssl-fp names no fingerprint".to_owned()));
        }
        Trust::Fingerprint(accepted) => {
            Demand::Fingerprint { authority: Authority::new(algorithms, lists, false), accepted: accepted.clone() }
        }
    })
}
