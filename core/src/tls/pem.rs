//! Reads certificates, private keys and revocation lists from PEM.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroize;

use super::TlsError;
use crate::secret::Secret;

/// The beginning of every PEM block.
const BEGIN: &[u8] = b"-----BEGIN ";

/// The content of a PEM file, with its name for messages. The core opens no file; the driver reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedPem {
    /// The name in messages, usually the path.
    pub name: String,
    /// The content.
    pub pem: Vec<u8>,
    /// The option that named the file, without its dashes.
    option: Option<&'static str>,
}

impl fmt::Debug for NamedPem {
    /// Shows the name only, because the content may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedPem({})", self.name)
    }
}

impl NamedPem {
    /// A PEM text with a name.
    pub fn new(name: impl Into<String>, pem: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), pem: pem.into(), option: None }
    }

    /// The same with the option that named the file, as `ssl-ca`, for messages.
    #[must_use]
    pub const fn of_option(mut self, option: &'static str) -> Self {
        self.option = Some(option);
        self
    }

    /// An error that names the file, and the option if it is known.
    pub(super) fn error(&self, what: impl fmt::Display) -> TlsError {
        TlsError::Config(match self.option {
            Some(option) => format!("option '--{option}': '{}' {what}", self.name),
            None => format!("'{}' {what}", self.name),
        })
    }

    /// Whether the content has a PEM block of that kind.
    pub(super) fn has(&self, kind: &str) -> bool {
        self.pem.windows(kind.len()).any(|window| window == kind.as_bytes())
    }

    fn sections(&self) -> Result<Vec<pem::Pem>, TlsError> {
        let sections = pem::parse_many(&self.pem).map_err(|error| self.error(format_args!("is not PEM: {error}")))?;
        let begun = self.pem.windows(BEGIN.len()).filter(|window| *window == BEGIN).count();
        if begun > sections.len() {
            return Err(self.error(format_args!(
                "is cut short or damaged: {begun} blocks begin in it, and {} can be read up to their line -----END …-----",
                sections.len()
            )));
        }
        Ok(sections)
    }

    /// The certificates in the content, in order; at least one.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let sections = self.sections()?.into_iter();
        let certificates: Vec<CertificateDer<'static>> = sections
            .filter(|section| matches!(section.tag(), "CERTIFICATE" | "X509 CERTIFICATE"))
            .map(|section| CertificateDer::from(section.into_contents()))
            .collect();
        if certificates.is_empty() {
            return Err(self.error("holds no certificate: there is no line -----BEGIN CERTIFICATE-----"));
        }
        Ok(certificates)
    }

    /// The revocation lists in the content, in order; at least one.
    pub fn revocation_lists(&self) -> Result<Vec<Vec<u8>>, TlsError> {
        let sections = self.sections()?.into_iter();
        let lists: Vec<Vec<u8>> =
            sections.filter(|section| section.tag() == "X509 CRL").map(pem::Pem::into_contents).collect();
        if lists.is_empty() {
            return Err(self.error("holds no revocation list: there is no line -----BEGIN X509 CRL-----"));
        }
        Ok(lists)
    }

    /// The first private key in the content: PKCS#8 (encrypted or not), PKCS#1 or SEC1.
    pub fn private_key(&self, passphrase: Option<&Secret>) -> Result<PrivateKeyDer<'static>, TlsError> {
        let mut sections = self.sections()?.into_iter();
        let Some(section) = sections.find(|section| section.tag().ends_with("PRIVATE KEY")) else {
            return Err(self.error("holds no private key: there is no line -----BEGIN PRIVATE KEY-----"));
        };
        if section.headers().iter().any(|(key, value)| key == "Proc-Type" && value.contains("ENCRYPTED")) {
            return Err(self.error(format_args!(
                "is encrypted in the old way of OpenSSL, which hashes the passphrase with MD5 and is not read here; convert it: \
                 openssl pkcs8 -topk8 -v2 aes-256-cbc -in '{0}' -out '{0}.new'",
                self.name
            )));
        }
        match section.tag() {
            "ENCRYPTED PRIVATE KEY" => self.decrypt(section.contents(), passphrase),
            "PRIVATE KEY" => Ok(PrivatePkcs8KeyDer::from(section.into_contents()).into()),
            "RSA PRIVATE KEY" => Ok(PrivateKeyDer::Pkcs1(section.into_contents().into())),
            "EC PRIVATE KEY" => Ok(PrivateKeyDer::Sec1(section.into_contents().into())),
            other => {
                Err(self
                    .error(format_args!("holds a key of the kind '{other}'; an RSA, ECDSA or Ed25519 key is needed")))
            }
        }
    }

    fn decrypt(&self, der: &[u8], passphrase: Option<&Secret>) -> Result<PrivateKeyDer<'static>, TlsError> {
        let Some(passphrase) = passphrase else {
            return Err(self.error("is encrypted and no passphrase was given; give it with ssl-passphrase"));
        };
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| {
            self.error(
                "is encrypted in a way that is not read here; PBES2 with AES is: openssl pkcs8 -topk8 -v2 aes-256-cbc",
            )
        })?;
        let plain = encrypted
            .decrypt(passphrase.expose())
            .map_err(|_| self.error("can't be decrypted: the passphrase is wrong, or the file is damaged"))?;
        Ok(PrivatePkcs8KeyDer::from(plain.as_bytes().to_vec()).into())
    }
}

impl Drop for NamedPem {
    /// Wipes the memory, because the content may be a private key.
    fn drop(&mut self) {
        self.pem.zeroize();
    }
}
