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

#[cfg(test)]
mod tests {
    use super::*;
    use der::asn1::ObjectIdentifier;

    const UTF8_STRING: u8 = 0x0c;
    const C: &str = "2.5.4.6";
    const O: &str = "2.5.4.10";
    const CN: &str = "2.5.4.3";

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short names only");
        let mut bytes = if length < 128 { Vec::from([tag, length]) } else { Vec::from([tag, 0x81, length]) };
        bytes.extend(content);
        bytes
    }

    /// A name in DER, each attribute in a set of its own.
    fn name(attributes: &[(&str, u8, &[u8])]) -> Name {
        let sets = attributes.iter().flat_map(|(oid, string, value)| {
            let oid = ObjectIdentifier::new_unwrap(oid);
            let attribute = [wrap(tag::OID, oid.as_bytes()), wrap(*string, value)].concat();
            wrap(tag::SET, &wrap(tag::SEQUENCE, &attribute))
        });
        Name::from_der(&wrap(tag::SEQUENCE, &sets.collect::<Vec<u8>>())).unwrap()
    }

    #[test]
    fn the_slash_form_is_openssls() {
        let name = name(&[
            (C, 0x13, b"FI"),
            (O, UTF8_STRING, "Müller & Söhne".as_bytes()),
            ("1.2.840.113549.1.9.1", 0x16, b"a@example.com"),
            ("1.3.6.1.4.1.99999.1", UTF8_STRING, b"x"),
            (CN, UTF8_STRING, b"client"),
        ]);
        let slash = r"/C=FI/O=M\xC3\xBCller & S\xC3\xB6hne/emailAddress=a@example.com/1.3.6.1.4.1.99999.1=x/CN=client";
        assert_eq!(name.to_slash(), slash);
        assert_eq!(Name::from_slash(slash), Some(name.clone()));
        assert_eq!(Name::from_slash(&slash.replace(r"\xC3\xBC", "ü")), Some(name));
    }

    #[test]
    fn an_attribute_inside_a_value_is_not_an_attribute() {
        let forged = name(&[(O, UTF8_STRING, b"x/CN=root")]);
        let genuine = name(&[(O, UTF8_STRING, b"x"), (CN, UTF8_STRING, b"root")]);
        // MySQL compares this text, in which the two can't be told apart.
        assert_eq!(forged.to_slash(), genuine.to_slash());
        let required = Name::from_slash("/O=x/CN=root").unwrap();
        assert_eq!(required, genuine);
        assert_ne!(required, forged);
    }

    #[test]
    fn a_literal_backslash_is_not_an_escape() {
        let literal = name(&[(CN, UTF8_STRING, br"\xC3")]);
        let byte = name(&[(CN, UTF8_STRING, b"\xC3")]);
        assert_eq!(literal.to_slash(), byte.to_slash());
        assert_eq!(Name::from_slash(r"/CN=\xC3"), Some(byte));
        assert_eq!(Name::from_slash(r"/CN=a\xZZ\x").unwrap().attributes()[0].value, br"a\xZZ\x");
    }

    #[test]
    fn a_slash_that_begins_no_attribute_belongs_to_the_value() {
        let name = name(&[(O, UTF8_STRING, b"AC/DC a=b/c=d"), (CN, UTF8_STRING, b"")]);
        assert_eq!(Name::from_slash("/O=AC/DC a=b/c=d/CN="), Some(name));
    }

    #[test]
    fn the_order_the_case_and_the_number_of_attributes_count() {
        let parse = |text| Name::from_slash(text).unwrap();
        assert_ne!(parse("/C=FI/CN=a"), parse("/CN=a/C=FI"));
        assert_ne!(parse("/CN=a"), parse("/CN=A"));
        assert_ne!(parse("/CN=a"), parse("/CN=a/CN=a"));
        assert_eq!(parse("/Email=a@b"), parse("/emailAddress=a@b"));
        assert_eq!(parse("/2.5.4.3=a"), parse("/CN=a"));
        assert_eq!(Name::from_slash("CN=a"), None);
        assert_eq!(Name::from_slash("/a/CN=b"), None);
    }

    #[test]
    fn old_string_types_are_read_as_text() {
        assert_eq!(name(&[(CN, tag::BMP_STRING, b"\0a\0b")]), name(&[(CN, UTF8_STRING, b"ab")]));
        assert_eq!(name(&[(CN, 0x14, b"ab")]), name(&[(CN, 0x13, b"ab")]));
    }

    fn v1() -> Vec<u8> {
        pem::parse(include_str!("../../tests/data/client-cert.pem")).unwrap().into_contents()
    }

    #[test]
    fn a_version_1_certificate_is_summed_up() {
        let info = CertificateInfo::from_der(&v1()).unwrap();
        assert_eq!(info.subject.to_slash(), "/C=FI/O=Sealwire/CN=client");
        assert_eq!(info.issuer.to_slash(), "/C=FI/O=Sealwire/CN=Test CA");
        assert_eq!((info.version, info.serial.as_str(), info.key.as_str()), (1, "02", "RSA 2048"));
        assert!(info.san.is_empty());
        assert!(info.not_before < info.not_after);
    }

    #[test]
    fn a_version_3_certificate_is_summed_up() {
        let mut params = rcgen::CertificateParams::new(["db.example.com".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        params.serial_number = Some(0x0102_0304u64.into());
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let info = CertificateInfo::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        assert_eq!(info.san, ["db.example.com", "10.0.0.1"]);
        assert_eq!((info.version, info.serial.as_str(), info.key.as_str()), (3, "01020304", "Ed25519"));
        assert_eq!(info.subject, info.issuer);
    }

    #[test]
    fn no_cut_certificate_is_read_and_no_damaged_one_panics() {
        let whole = v1();
        for length in 0..whole.len() {
            assert_eq!(CertificateInfo::from_der(&whole[..length]), Err(CertificateProblem::Unreadable), "{length}");
        }
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 0x21;
            // Much of a certificate is free text: what matters is that this returns.
            _ = CertificateInfo::from_der(&damaged);
        }
    }
}
