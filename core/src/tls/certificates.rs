//! A server's own certificates: the default, and those for clients that ask for a host name by SNI (RFC 6066, section 3).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, DnsName};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;
use super::hostname::{check_host, matches_dns};
use super::{CertificateInfo, NamedPem, TlsError, own_identity};
use crate::secret::Secret;

/// A certificate for the clients that ask for a host name by SNI: `--ssl-sni-cert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCertificate {
    /// The host name. `*.example.com` stands for all names with one more label (RFC 6125, section 6.4.3).
    pub host: String,
    /// The certificate, followed by intermediate certificates.
    pub cert: NamedPem,
    /// Its private key.
    pub key: NamedPem,
}

/// A certificate with its chain and key.
#[derive(Debug)]
pub(super) struct Own {
    /// The name that clients ask for; `None` for the default.
    pub(super) host: Option<String>,
    pub(super) pair: Arc<CertifiedKey>,
    pub(super) info: CertificateInfo,
}

/// The server's certificates.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) default: Own,
    pub(super) named: Vec<Own>,
}

impl Certificates {
    /// Reads the default certificate with its key, and those for names. Appends to `notes` which of these do not carry their name.
    pub(super) fn load(
        provider: &CryptoProvider,
        default: (Option<&NamedPem>, Option<&NamedPem>),
        for_names: &[NamedCertificate],
        passphrase: Option<&Secret>,
        notes: &mut Vec<String>,
    ) -> Result<Self, TlsError> {
        let default = load(provider, None, default, passphrase)?;
        let mut named: Vec<Own> = Vec::new();
        for NamedCertificate { host, cert, key } in for_names {
            let failed = |text: &str| TlsError::Config(format!("option '--ssl-sni-cert' for '{host}': {text}"));
            check(host).map_err(failed)?;
            if named.iter().any(|other| other.host.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(host))) {
                return Err(failed("it is given twice: leave one of them out"));
            }
            let own = load(provider, Some(host), (Some(cert), Some(key)), passphrase).map_err(|error| match error {
                TlsError::Config(text) => failed(&text),
                other => other,
            })?;
            if !carries(&own.pair, host) {
                notes.push(format!(
                    "the certificate '{}' of ssl-sni-cert does not carry the name '{host}': clients that check names refuse it",
                    cert.name
                ));
            }
            named.push(own);
        }
        Ok(Self { default, named })
    }

    /// The certificate for a client that asks for this name. The whole name goes before a wildcard.
    pub(super) fn of(&self, asked: Option<&str>) -> &Arc<CertifiedKey> {
        let find = |is_wildcard: bool| {
            let asked = asked?;
            let fits = |host: &str| host.starts_with('*') == is_wildcard && matches_dns(host.as_bytes(), asked);
            self.named.iter().find(|own| own.host.as_deref().is_some_and(fits))
        };
        &find(false).or_else(|| find(true)).unwrap_or(&self.default).pair
    }

    /// All of them, the default first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Own> {
        core::iter::once(&self.default).chain(&self.named)
    }

    /// All certificates with their chains, the default's first.
    pub(super) fn chains(&self) -> Vec<CertificateDer<'static>> {
        self.all().flat_map(|own| own.pair.cert.iter().cloned()).collect()
    }
}

fn load(
    provider: &CryptoProvider,
    host: Option<&str>,
    (cert, key): (Option<&NamedPem>, Option<&NamedPem>),
    passphrase: Option<&Secret>,
) -> Result<Own, TlsError> {
    let Some(pair) = own_identity::load(provider, cert, key, passphrase)? else {
        let text = "SSL context is not usable without certificate and private key: give ssl-cert and ssl-key";
        return Err(TlsError::Config(text.to_owned()));
    };
    let info = pair.cert.first().map(|leaf| CertificateInfo::from_der(leaf));
    let Some(Ok(info)) = info else {
        let unreadable = |file: &NamedPem| file.error("holds a certificate that can't be read");
        return Err(cert.or(key).map_or_else(|| TlsError::Config("ssl-cert can't be read".to_owned()), unreadable));
    };
    Ok(Own { host: host.map(ToOwned::to_owned), pair: Arc::new(pair), info })
}

/// Checks that clients can ask for a name, or for one that a wildcard stands for.
fn check(host: &str) -> Result<(), &'static str> {
    let below = host.strip_prefix("*.");
    if below.is_some_and(|below| !below.contains('.')) {
        return Err("a wildcard needs a domain of two labels at least, as *.example.com");
    }
    if DnsName::try_from(below.unwrap_or(host)).is_err() {
        return Err(
            "it is no host name that clients can ask for: give one as db.example.com or *.example.com, in ASCII and no address",
        );
    }
    Ok(())
}

/// Whether the certificate carries this name, or one that the wildcard stands for.
fn carries(pair: &CertifiedKey, host: &str) -> bool {
    let leaf = pair.cert.first().map(|leaf| Certificate::parse(leaf));
    let Some(Ok(leaf)) = leaf else { return false };
    match host.strip_prefix("*.") {
        None => check_host(&leaf, host).is_ok(),
        Some(below) => leaf
            .host_names()
            .iter()
            .any(|name| name.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(below))),
    }
}
