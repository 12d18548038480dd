//! Loads our own certificate and private key.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, key_bits};
use super::chain::Authority;
use super::private_key::unusable_key;
use super::revocation::RevocationList;
use super::{NamedPem, TlsError};
use crate::secret::Secret;

/// Reads certificate and key and checks that they belong together. One file may hold both. Returns `None` if neither is given.
///
/// rustls's own constructors can't be used, because they parse the certificate with webpki, which refuses X.509 v1.
pub(super) fn load(
    provider: &CryptoProvider,
    cert: Option<&NamedPem>,
    key: Option<&NamedPem>,
    passphrase: Option<&Secret>,
) -> Result<Option<CertifiedKey>, TlsError> {
    let (is_certificate_alone, is_key_alone) = (key.is_none(), cert.is_none());
    let (Some(cert), Some(key)) = (cert.or(key), key.or(cert)) else { return Ok(None) };
    let chain = cert.certificates().map_err(|error| match () {
        () if !cert.has("CERTIFICATE-----") && key.has("CERTIFICATE-----") && cert != key => cert.error(format_args!(
            "holds no certificate, and '{}' does: are --ssl-cert and --ssl-key swapped?",
            key.name
        )),
        () if is_key_alone && !cert.has("CERTIFICATE-----") => {
            cert.error("holds no certificate, but a private key alone: give its certificate with --ssl-cert")
        }
        () => error,
    })?;
    let private_key = key.private_key(passphrase).map_err(|error| match () {
        () if is_certificate_alone && !key.has("PRIVATE KEY-----") => {
            key.error("holds a certificate and no private key: give its key with --ssl-key")
        }
        () => error,
    })?;
    let unusable = unusable_key(&private_key);
    let signing_key = provider
        .key_provider
        .load_private_key(private_key)
        .map_err(|error| key.error(format_args!("holds a private key that can't be used: {}", unusable(&error))))?;
    let leaf = chain.first().map(|leaf| Certificate::parse(leaf).and_then(|leaf| leaf.public_key_bits()));
    let Some(Ok(certified)) = leaf else {
        return Err(cert.error("holds a certificate that can't be read"));
    };
    let public_key = signing_key.public_key();
    if let Some(Ok(own)) = public_key.as_ref().map(|info| key_bits(info))
        && own != certified
    {
        return Err(TlsError::Config(alloc::format!(
            "Private key does not match the certificate public key: '{}' is not the key of '{}'; give the two that were made together ('sealwire-certs --check' with \
             files tells whose key each is)",
            key.name,
            cert.name
        )));
    }
    Ok(Some(CertifiedKey::new(chain, Arc::clone(&signing_key))))
}

/// Creates an authority that trusts the CAs in the files that a user named.
pub(super) fn named_authority(
    files: &[NamedPem],
    algorithms: WebPkiSupportedAlgorithms,
    lists: Vec<RevocationList>,
) -> Result<Authority, TlsError> {
    let mut authority = Authority::new(algorithms, lists, true);
    for file in files {
        for certificate in file.certificates()? {
            authority.add(certificate).map_err(|problem| {
                file.error(format_args!("holds a certificate that can't be used as CA: {problem}"))
            })?;
        }
    }
    Ok(authority)
}

/// Reads the revocation lists in the files.
pub(super) fn load_revocation_lists(files: &[NamedPem]) -> Result<Vec<RevocationList>, TlsError> {
    let mut lists = Vec::new();
    for file in files {
        for der in file.revocation_lists()? {
            match RevocationList::parse(der) {
                Ok(Some(list)) => lists.push(list),
                Ok(None) => {
                    return Err(file.error(
                        "is a revocation list with a critical extension (a delta or partial list), which is not supported",
                    ));
                }
                Err(_) => return Err(file.error("holds a revocation list that can't be read")),
            }
        }
    }
    Ok(lists)
}
