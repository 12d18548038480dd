//! Renews a CA's certificate: the same name, key and extensions for a new period, so that the certificates it has issued stay valid.

use std::fmt;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};
use der::asn1::{AnyRef, BitString, ObjectIdentifier, OctetString};
use der::oid::AssociatedOid as _;
use der::{Decode as _, Encode as _, Tag, TagNumber};
use rcgen::{KeyPair, SigningKey as _};
use sealwire_core::secret::Secret;
use sealwire_core::tls::{CertificateInfo, date_text, verify_issued_by};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};

use super::authority::Authority;
use super::make::{impossible, params};
use super::place::{PUBLIC_MODE, replace};
use super::random::hex;
use super::{CertsError, Options};
use sealwire_net::provider::provider;

/// A renewed CA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewedCa {
    /// The file of the CA's certificate.
    pub path: PathBuf,
    /// The contents of the new certificate.
    pub info: CertificateInfo,
}

/// Replaces the CA's certificate in `directory`, expired or not, by one with the same name and key that is valid from now on for `days`. Its
/// key usage then allows it to sign revocation lists, because servers refuse the lists of a CA without that usage.
pub fn renew_ca(directory: &Path, passphrase: Option<&Secret>, days: u32) -> Result<RenewedCa, CertsError> {
    let options = Options { days, ..Options::default() };
    super::make::check(&options)?;
    let authority = Authority::open_at_any_time(directory, passphrase)?;
    let (path, info) = (authority.path(), authority.info());
    let wrong = |why: String| CertsError::Impossible(format!("'{}' {why}", path.display()));
    if info.issuer != info.subject {
        return Err(wrong(format!("was issued by {}, which alone can renew it", info.issuer)));
    }
    if authority.certificates() != 1 {
        return Err(wrong(format!(
            "holds {} certificates, and one is renewed: leave the CA's own in it, and keep the others in another file for --ssl-ca",
            authority.certificates()
        )));
    }
    let old = Certificate::from_der(authority.der()).map_err(|_| wrong("can't be read".to_owned()))?;
    let der = renewed(&old, authority.key(), &options)?;
    verify_issued_by(&der, authority.der(), &provider().signature_verification_algorithms)
        .map_err(|problem| wrong(format!("can't be renewed: {problem}")))?;
    let info = CertificateInfo::from_der(&der).map_err(|problem| wrong(format!("can't be renewed: {problem}")))?;
    replace(path, &pem(&der), PUBLIC_MODE)?;
    Ok(RenewedCa { path: path.to_owned(), info })
}

/// The certificate with a new period and serial number, signed again.
fn renewed(old: &Certificate, key: &KeyPair, options: &Options) -> Result<Vec<u8>, CertsError> {
    // The serial number, the period and the algorithm identifier of the new certificate come from this pattern.
    let pattern = params(&hex(b"pattern"), options)?.self_signed(key).map_err(impossible)?;
    let encoded = || {
        let pattern = Certificate::from_der(pattern.der())?;
        let (old, new) = (old.tbs_certificate(), pattern.tbs_certificate());
        let mut parts = match old.version() {
            Version::V1 => Vec::new(),
            version => tagged(0, &version.to_der()?)?,
        };
        parts.extend(new.serial_number().to_der()?);
        parts.extend(new.signature().to_der()?);
        parts.extend(old.issuer().to_der()?);
        parts.extend(new.validity().to_der()?);
        parts.extend(old.subject().to_der()?);
        parts.extend(old.subject_public_key_info().to_der()?);
        let mut extensions = old.extensions().cloned().unwrap_or_default();
        // The identifier may name the CA's old serial number, and OpenSSL would then take the certificate to be issued by another CA.
        extensions.retain(|extension| extension.extn_id != AUTHORITY_KEY_IDENTIFIER);
        for extension in extensions.iter_mut().filter(|extension| extension.extn_id == KeyUsage::OID) {
            let usage = KeyUsage::from_der(extension.extn_value.as_bytes())?;
            extension.extn_value = OctetString::new(KeyUsage(usage.0 | KeyUsages::CRLSign).to_der()?)?;
        }
        if !extensions.is_empty() {
            parts.extend(tagged(3, &extensions.to_der()?)?);
        }
        let content = AnyRef::new(Tag::Sequence, &parts)?.to_der()?;
        Ok::<_, der::Error>((content, new.signature().to_der()?))
    };
    let unwritable =
        |error: der::Error| CertsError::Impossible(format!("the certificate of the CA can't be written: {error}"));
    let (mut content, algorithm) = encoded().map_err(unwritable)?;
    let signature = key.sign(&content).map_err(impossible)?;
    content.extend(algorithm);
    content.extend(BitString::from_bytes(&signature).and_then(|signature| signature.to_der()).map_err(unwritable)?);
    AnyRef::new(Tag::Sequence, &content).and_then(|whole| whole.to_der()).map_err(unwritable)
}

const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");

/// An element under an explicit, context-specific tag.
fn tagged(number: u32, element: &[u8]) -> der::Result<Vec<u8>> {
    AnyRef::new(Tag::ContextSpecific { constructed: true, number: TagNumber(number) }, element)?.to_der()
}

fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in der.chunks(48) {
        text.push_str(&Base64::encode_string(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

impl fmt::Display for RenewedCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, info } = self;
        write!(
            f,
            "{}: {}, valid until {}; its key is the same, so that what it has issued stays valid",
            path.display(),
            info.subject,
            date_text(info.not_after)
        )
    }
}
