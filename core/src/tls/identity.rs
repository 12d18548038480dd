//! Who a certificate speaks of: names that are compared by structure, and a summary to show.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::asn1::{Field, Malformed, tag};
use super::certificate::{Certificate, key_description};
use super::{CertificateProblem, Fingerprint};

/// A distinguished name: its attributes in the certificate's order.
///
/// Two names are equal when their attributes are, one by one. That is stricter than comparing the slash form, in which the
/// organisation `x/CN=root` and the organisation `x` followed by the common name `root` look the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name(Vec<Attribute>);

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// OpenSSL's short name, `CN`, `O`, `emailAddress`, …, or the object identifier in dotted form.
    pub kind: String,
    /// The value's bytes; UTF-8 or ASCII in all but very old certificates.
    pub value: Vec<u8>,
}

/// OpenSSL's short names of the attributes that occur.
const SHORT_NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
];

impl Name {
    /// Reads a name in DER.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Self::parse(der).ok()
    }

    fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let mut attributes = Vec::new();
        let mut sets = Field::only(der, tag::SEQUENCE)?.fields()?;
        while !sets.is_finished() {
            let mut set = sets.next(tag::SET)?.fields()?;
            while !set.is_finished() {
                let mut fields = set.next(tag::SEQUENCE)?.fields()?;
                let oid = fields.next(tag::OID)?.oid()?.to_string();
                let value = text_bytes(fields.any()?);
                fields.end()?;
                attributes.push(Attribute { kind: short_name(&oid).to_owned(), value });
            }
        }
        Ok(Self(attributes))
    }

    /// Reads the slash form, `/C=FI/O=MariaDB/CN=client`, in which MySQL's `REQUIRE SUBJECT` and `ISSUER` are written.
    /// A slash begins an attribute only where the name of one and `=` follow; any other slash belongs to the value.
    pub fn from_slash(text: &str) -> Option<Self> {
        let mut attributes: Vec<Attribute> = Vec::new();
        for piece in text.strip_prefix('/')?.split('/') {
            let split = piece.split_once('=').and_then(|(kind, value)| Some((known_kind(kind)?, value)));
            match (split, attributes.last_mut()) {
                (Some((kind, value)), _) => {
                    attributes.push(Attribute { kind: kind.to_owned(), value: unescape(value) });
                }
                (None, Some(last)) => {
                    last.value.push(b'/');
                    last.value.extend(unescape(piece));
                }
                (None, None) => return None,
            }
        }
        Some(Self(attributes))
    }

    /// The slash form as OpenSSL's `X509_NAME_oneline` writes it: bytes that are no printable ASCII as `\xC3`.
    pub fn to_slash(&self) -> String {
        let mut text = String::new();
        for Attribute { kind, value } in &self.0 {
            text.push('/');
            text.push_str(kind);
            text.push('=');
            for &byte in value {
                match byte {
                    b' '..=b'~' => text.push(char::from(byte)),
                    // Writing to a String can't fail.
                    _ => _ = write!(text, "\\x{byte:02X}"),
                }
            }
        }
        text
    }

    /// The attributes in order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.0
    }

    /// The values of the common names, in order.
    pub fn common_names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(|attribute| attribute.kind == "CN").map(|attribute| attribute.value.as_slice())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_slash())
    }
}

/// The slash form of a name in DER, for messages.
pub(super) fn slash_of(der: &[u8]) -> String {
    Name::from_der(der).map_or_else(|| "(unreadable name)".to_owned(), |name| name.to_slash())
}

fn short_name(oid: &str) -> &str {
    SHORT_NAMES.iter().find(|(dotted, _)| *dotted == oid).map_or(oid, |(_, short)| short)
}

/// The name of an attribute as we keep it: a short name, OpenSSL 0.9's `Email`, or an object identifier.
fn known_kind(kind: &str) -> Option<&str> {
    if kind == "Email" {
        return Some("emailAddress");
    }
    if SHORT_NAMES.iter().any(|(_, short)| *short == kind) {
        return Some(kind);
    }
    let dotted = kind.contains('.') && kind.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    dotted.then(|| short_name(kind))
}

/// The value of an attribute; UTF-16, in which some old CAs wrote, becomes UTF-8.
fn text_bytes(field: Field<'_>) -> Vec<u8> {
    if field.tag != tag::BMP_STRING {
        return field.value.to_vec();
    }
    let units = field.value.chunks(2).map(|pair| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    });
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes()
}

/// Undoes the `\xC3` of the slash form.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        match after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.extend(b"\\x");
                rest = after;
            }
        }
    }
    bytes.extend(rest.bytes());
    bytes
}

/// What a certificate says, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Whose it is.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// Beginning of its period, seconds since the Unix epoch. [`date_text`](super::date_text) writes it as OpenSSL does.
    pub not_before: u64,
    /// End of its period, seconds since the Unix epoch.
    pub not_after: u64,
    /// SHA-256 fingerprint in upper-case hex with colons.
    pub fingerprint_sha256: String,
    /// Alternative names: hosts and addresses plain, others with their kind before them (`URI:…`, `email:…`).
    pub san: Vec<String>,
    /// Serial number in upper-case hex.
    pub serial: String,
    /// X.509 version, 1 or 3.
    pub version: u32,
    /// Kind and size of the key: `RSA 2048`, `ECDSA P-256`, `Ed25519`.
    pub key: String,
}

impl CertificateInfo {
    /// Reads a certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateProblem> {
        Self::parse(der).map_err(|Malformed| CertificateProblem::Unreadable)
    }

    fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let certificate = Certificate::parse(der)?;
        let mut san = certificate.host_names();
        san.extend(certificate.names.other.iter().cloned());
        Ok(Self {
            subject: Name::parse(certificate.subject)?,
            issuer: Name::parse(certificate.issuer)?,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            fingerprint_sha256: Fingerprint::sha256_of(der).to_string(),
            san,
            serial: certificate.serial.iter().map(|byte| alloc::format!("{byte:02X}")).collect(),
            version: certificate.version,
            key: key_description(certificate.public_key)?,
        })
    }
}
