//! Certificates and private keys as they stand in PEM files.

use std::fmt;
use std::path::{Path, PathBuf};

use der::Decode as _;
use der::asn1::ObjectIdentifier;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use sealwire_core::secret::Secret;
use sealwire_core::tls::{CertificateInfo, NamedPem, unusable_key};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::list::{List, serial};
use sealwire_net::files::open_mode;
use sealwire_net::provider::provider;

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// Signature algorithms with a hash in which collisions can be made.
const WEAK: &[(ObjectIdentifier, &str)] = &[
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.2"), "MD2"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "MD5"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "SHA-1"),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.3"), "SHA-1"),
];

/// The use of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ca,
    Server,
    Client,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "CA",
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

#[derive(Debug)]
pub(super) struct CertificatePart {
    pub path: PathBuf,
    /// The certificate's index in its file, from 0.
    pub position: usize,
    pub der: Vec<u8>,
    pub info: CertificateInfo,
    /// The serial number; `None` where it is negative, which no serial number may be.
    pub serial: Option<Vec<u8>>,
    /// The bits of the public key, without the algorithm.
    pub public: Vec<u8>,
    /// The CA flag of basicConstraints; `None` where the certificate has no such extension.
    pub ca: Option<bool>,
    pub for_server: bool,
    pub for_client: bool,
    pub weak_hash: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct KeyPart {
    pub path: PathBuf,
    /// The bits of the public key, as in [`CertificatePart::public`]; `None` where the key is encrypted and no passphrase was given.
    pub public: Option<Vec<u8>>,
    /// The file's mode if others than owner and group may read it, or others than the owner write it.
    pub open_mode: Option<u32>,
}

impl KeyPart {
    /// Whether the file names pair key and certificate: `x-key.pem` with `x-cert.pem` or `x.pem`, or one file for both.
    pub(super) fn is_paired_with(&self, certificate: &CertificatePart) -> bool {
        let stem = |path: &Path, suffix: &str| {
            let stem = path.file_stem().and_then(|stem| stem.to_str())?;
            Some((path.parent()?.to_owned(), stem.strip_suffix(suffix)?.to_owned()))
        };
        let key = stem(&self.path, "-key");
        self.path == certificate.path
            || key.is_some() && (key == stem(&certificate.path, "-cert") || key == stem(&certificate.path, ""))
    }
}

/// A revocation list in a file.
#[derive(Debug)]
pub(super) struct ListPart {
    pub path: PathBuf,
    pub list: List,
}

#[derive(Debug, Default)]
pub(super) struct Parts {
    pub certificates: Vec<CertificatePart>,
    pub keys: Vec<KeyPart>,
    pub lists: Vec<ListPart>,
}

impl Parts {
    /// Whether a file holds a certificate, a key or a revocation list.
    pub(super) fn are_in(pem: &[u8]) -> bool {
        has_certificate(pem) || has_key(pem) || has_list(pem)
    }

    /// Adds the parts of a file; returns a sentence for each part that can't be read.
    pub(super) fn add(&mut self, path: &Path, file: &NamedPem, passphrase: Option<&Secret>) -> Vec<String> {
        let mut problems = Vec::new();
        if !Self::are_in(&file.pem) {
            problems.push(
                "it holds neither a certificate nor a private key nor a revocation list in PEM format".to_owned(),
            );
        }
        if has_certificate(&file.pem) {
            match file.certificates() {
                Ok(certificates) => {
                    for (position, der) in certificates.iter().enumerate() {
                        match certificate(path, position, der) {
                            Some(certificate) => self.certificates.push(certificate),
                            None => problems.push(format!("certificate {} of the file can't be read", position + 1)),
                        }
                    }
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        if has_list(&file.pem) {
            match file.revocation_lists() {
                Ok(lists) => {
                    for (position, der) in lists.iter().enumerate() {
                        match List::from_der(der) {
                            Some(list) => self.lists.push(ListPart { path: path.to_owned(), list }),
                            None => {
                                problems.push(format!("revocation list {} of the file can't be read", position + 1))
                            }
                        }
                    }
                }
                Err(error) => problems.push(error.to_string()),
            }
        }
        if has_key(&file.pem) {
            match public_of(file, passphrase) {
                Ok(public) => self.keys.push(KeyPart { path: path.to_owned(), public, open_mode: open_mode(path) }),
                Err(problem) => problems.push(problem),
            }
        }
        problems
    }
}

fn certificate(path: &Path, position: usize, der: &[u8]) -> Option<CertificatePart> {
    let info = CertificateInfo::from_der(der).ok()?;
    let certificate = Certificate::from_der(der).ok()?;
    let content = certificate.tbs_certificate();
    let constraints = content.get_extension::<BasicConstraints>().ok()?;
    let purposes = content.get_extension::<ExtendedKeyUsage>().ok()?;
    let may = |purpose| {
        purposes.as_ref().is_none_or(|(_, purposes)| purposes.0.contains(&purpose) || purposes.0.contains(&ANY_PURPOSE))
    };
    let algorithm = certificate.signature_algorithm().oid;
    Some(CertificatePart {
        path: path.to_owned(),
        position,
        der: der.to_vec(),
        info,
        serial: serial(content.serial_number().as_bytes()),
        public: content.subject_public_key_info().subject_public_key.raw_bytes().to_vec(),
        ca: constraints.map(|(_, constraints)| constraints.ca),
        for_server: may(SERVER_AUTH),
        for_client: may(CLIENT_AUTH),
        weak_hash: WEAK.iter().find(|(weak, _)| *weak == algorithm).map(|(_, hash)| *hash),
    })
}

/// The public key of the private key in the file; `None` where it is encrypted and no passphrase was given.
fn public_of(file: &NamedPem, passphrase: Option<&Secret>) -> Result<Option<Vec<u8>>, String> {
    let is_encrypted = contains(&file.pem, b"BEGIN ENCRYPTED PRIVATE KEY-----");
    if is_encrypted && passphrase.is_none() {
        return Ok(None);
    }
    let private = file.private_key(passphrase).map_err(|error| error.to_string())?;
    let unusable = unusable_key(&private);
    let key = provider()
        .key_provider
        .load_private_key(private)
        .map_err(|error| format!("its private key can't be used: {}", unusable(&error)))?;
    let info: SubjectPublicKeyInfoDer<'_> = key.public_key().ok_or("its private key contains no public key")?;
    let info = SubjectPublicKeyInfoRef::from_der(&info).map_err(|_| "its public key can't be read")?;
    Ok(Some(info.subject_public_key.raw_bytes().to_vec()))
}

fn has_certificate(pem: &[u8]) -> bool {
    contains(pem, b"BEGIN CERTIFICATE-----") || contains(pem, b"BEGIN X509 CERTIFICATE-----")
}

fn has_list(pem: &[u8]) -> bool {
    contains(pem, b"BEGIN X509 CRL-----")
}

fn has_key(pem: &[u8]) -> bool {
    contains(pem, b"PRIVATE KEY-----")
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
