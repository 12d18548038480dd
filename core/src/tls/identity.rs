//! Distinguished names, compared by their structure, and a summary of a certificate for display.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::asn1::{Field, Malformed, tag};
use super::attribute_names::{known_kind, short_name};
use super::certificate::{Certificate, key_description};
use super::purpose::Purpose;
use super::{CertificateProblem, Fingerprint};

/// A distinguished name: its attributes in the certificate's order.
///
/// Two names are equal if their attributes are equal, one by one. Comparing the slash form of OpenSSL 1.1 would be weaker, because there
/// the organisation `x/CN=root` and the organisation `x` followed by the common name `root` look the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name(Vec<Attribute>);

/// One attribute of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// OpenSSL's short name, `CN`, `O`, `emailAddress`, …, or the object identifier in dotted form.
    pub kind: String,
    /// The bytes of the value; UTF-8 or ASCII in all but very old certificates.
    pub value: Vec<u8>,
    /// Whether the attribute is in the same set (RDN) as the one before it.
    pub joined: bool,
    /// The value converted to UTF-8, if the certificate has it in UTF-16 or UTF-32.
    text: Option<Vec<u8>>,
}

/// Longer than every short name and every object identifier in use.
const LONGEST_KIND: usize = 80;

/// The ways in which OpenSSL and MySQL write a name.
#[cfg_attr(not(any(feature = "server", test)), expect(dead_code, reason = "the server compares names in all forms"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As `X509_NAME_oneline` of OpenSSL 1.1: a slash within a value looks like the slash between two attributes.
    OpenSsl1,
    /// As `X509_NAME_oneline` of OpenSSL 3: `\/` and `\+` within values, `+` between the attributes of a set.
    OpenSsl3,
    /// As `OpenSsl3`, and with `\x5C` for a backslash that could be read as the start of an escape.
    Exact,
}

impl Name {
    /// Parses a name in DER.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Self::parse(der).ok()
    }

    fn parse(der: &[u8]) -> Result<Self, Malformed> {
        let mut attributes = Vec::new();
        let mut sets = Field::only(der, tag::SEQUENCE)?.fields();
        while !sets.is_finished() {
            let mut set = sets.next(tag::SET)?.fields();
            let mut joined = false;
            while !set.is_finished() {
                let mut fields = set.next(tag::SEQUENCE)?.fields();
                let oid = fields.next(tag::OID)?.oid()?.to_string();
                let (value, text) = value_of(fields.any()?);
                fields.end()?;
                attributes.push(Attribute { kind: short_name(&oid).to_owned(), value, joined, text });
                joined = true;
            }
        }
        Ok(Self(attributes))
    }

    /// Parses the slash form, `/C=FI/O=MariaDB/CN=client`, in which MySQL's `REQUIRE SUBJECT` and `ISSUER` are written. A slash, or a plus
    /// within a set, starts an attribute only if an attribute name and `=` follow. Otherwise, or after a backslash, it is part of the
    /// value.
    pub fn from_slash(text: &str) -> Option<Self> {
        let mut attributes: Vec<Attribute> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.bytes().next() {
            let begun = if matches!(first, b'/' | b'+') { rest.get(1..).and_then(beginning) } else { None };
            match (begun, attributes.last_mut()) {
                (Some((kind, value)), last) if first == b'/' || last.is_some() => {
                    let (kind, joined) = (kind.to_owned(), first == b'+');
                    attributes.push(Attribute { kind, value: Vec::new(), joined, text: None });
                    rest = value;
                }
                (_, None) => return None,
                (_, Some(last)) if first == b'\\' => rest = unescape(rest, &mut last.value),
                (_, Some(last)) => {
                    let (one, after) = rest.split_at_checked(rest.chars().next().map_or(1, char::len_utf8))?;
                    last.value.extend(one.bytes());
                    rest = after;
                }
            }
        }
        (!attributes.is_empty()).then_some(Self(attributes))
    }

    /// The slash form as `X509_NAME_oneline` of OpenSSL 3 writes it: bytes outside printable ASCII as `\xC3`, and a backslash before a
    /// slash or plus within a value. A backslash that could be read as such an escape becomes `\x5C`.
    pub fn to_slash(&self) -> String {
        self.write(Form::Exact)
    }

    fn write(&self, form: Form) -> String {
        let mut text = String::new();
        for Attribute { kind, value, joined, .. } in &self.0 {
            text.push(if *joined && form != Form::OpenSsl1 { '+' } else { '/' });
            text.push_str(kind);
            text.push('=');
            for (index, &byte) in value.iter().enumerate() {
                let looks_like_escape = || matches!(value.get(index + 1), None | Some(b'/' | b'+' | b'x'));
                match byte {
                    b'/' | b'+' if form != Form::OpenSsl1 => text.extend(['\\', char::from(byte)]),
                    b'\\' if form == Form::Exact && looks_like_escape() => text.push_str("\\x5C"),
                    b' '..=b'~' => text.push(char::from(byte)),
                    // Writing to a String can't fail.
                    _ => _ = write!(text, "\\x{byte:02X}"),
                }
            }
        }
        text
    }

    /// Whether `text` is this name as OpenSSL 1.1 or OpenSSL 3 writes it, which MySQL compares, or as [`Name::to_slash`] does.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn is_written(&self, text: &str) -> bool {
        [Form::OpenSsl3, Form::OpenSsl1, Form::Exact].into_iter().any(|form| self.write(form) == text)
    }

    /// Whether `text`, which is this name in writing, can be parsed as this name only. OpenSSL 1.1 does not mark sets, so attributes of a
    /// set may be separate in the text.
    #[cfg(any(feature = "server", test))]
    pub(crate) fn is_read_from(&self, text: &str) -> bool {
        let Some(read) = Self::from_slash(text) else { return self.0.is_empty() && text.is_empty() };
        read.0.len() == self.0.len()
            && read
                .0
                .iter()
                .zip(&self.0)
                .all(|(read, own)| read.kind == own.kind && read.value == own.value && (own.joined || !read.joined))
            && self.0.iter().all(Attribute::shows_its_width)
    }

    /// The attributes in order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.0
    }

    /// The values of the common names, in order.
    pub fn common_names(&self) -> impl Iterator<Item = &[u8]> {
        let of_kind = self.0.iter().filter(|attribute| attribute.kind == "CN");
        of_kind.map(|attribute| attribute.text.as_ref().unwrap_or(&attribute.value).as_slice())
    }
}

impl Attribute {
    /// Whether the written bytes tell a string of two or four bytes a character from one of ASCII or UTF-8: U+726F U+6F74 are the bytes of
    /// "root". A zero byte stands in the wide ones alone.
    #[cfg(any(feature = "server", test))]
    fn shows_its_width(&self) -> bool {
        self.value.is_empty() || self.text.is_some() == self.value.contains(&0)
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

/// The value of an attribute, and its UTF-8 text if the value is in another encoding.
fn value_of(field: Field<'_>) -> (Vec<u8>, Option<Vec<u8>>) {
    let value = field.value;
    let units =
        |size| value.chunks(size).map(|unit| unit.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)));
    let text = match field.tag {
        // Some old CAs wrote UTF-16 or UTF-32.
        tag::BMP_STRING => char::decode_utf16(units(2).map(|unit| u16::try_from(unit).unwrap_or(0)))
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect::<String>(),
        tag::UNIVERSAL_STRING => {
            units(4).map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        // OpenSSL does not print the count of unused bits.
        tag::BIT_STRING => return (value.get(1..).unwrap_or_default().to_vec(), None),
        // Like OpenSSL, drop the first three of every four bytes if they are all zero.
        tag::GENERAL_STRING if is_wide(value) => return (value.iter().skip(3).step_by(4).copied().collect(), None),
        _ => return (value.to_vec(), None),
    };
    (value.to_vec(), Some(text.into_bytes()))
}

fn is_wide(value: &[u8]) -> bool {
    value.len().is_multiple_of(4) && value.chunks(4).all(|unit| matches!(unit, [0, 0, 0, _]))
}

/// Decodes the escape at the start of `rest`, appends its bytes to `value` and returns the text after it.
fn unescape<'a>(rest: &'a str, value: &mut Vec<u8>) -> &'a str {
    let after = rest.get(1..).unwrap_or_default();
    if let Some(escaped) = after.strip_prefix(['/', '+']) {
        value.extend(after.bytes().take(1));
        return escaped;
    }
    let digits = after.strip_prefix('x').and_then(|digits| digits.split_at_checked(2));
    let byte = digits
        .filter(|(hex, _)| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|(hex, rest)| Some((u8::from_str_radix(hex, 16).ok()?, rest)));
    match byte {
        Some((byte, rest)) => {
            value.push(byte);
            rest
        }
        None => {
            value.push(b'\\');
            after
        }
    }
}

/// If an attribute starts here, behind a slash or plus, its type and the text after `=`.
fn beginning(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().take(LONGEST_KIND).position(|byte| byte == b'=')?;
    let (kind, value) = text.split_at_checked(end)?;
    Some((known_kind(kind)?, value.get(1..).unwrap_or_default()))
}

/// A summary of a certificate, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// The subject: the certificate's owner.
    pub subject: Name,
    /// The issuer: the CA that signed the certificate.
    pub issuer: Name,
    /// The beginning of the validity period, in seconds since the Unix epoch. [`date_text`](super::date_text) formats it as OpenSSL does.
    pub not_before: u64,
    /// The end of the validity period, in seconds since the Unix epoch.
    pub not_after: u64,
    /// SHA-256 fingerprint in upper-case hex with colons.
    pub fingerprint_sha256: String,
    /// The alternative names: hosts and addresses as they are, others with their kind in front (`URI:…`, `email:…`).
    pub san: Vec<String>,
    /// The URIs among the alternative names, such as a SPIFFE id, without their kind.
    pub uris: Vec<String>,
    /// Serial number in upper-case hex.
    pub serial: String,
    /// X.509 version, 1 or 3.
    pub version: u32,
    /// Type and size of the key: `RSA 2048`, `ECDSA P-256`, `Ed25519`.
    pub key: String,
    /// Whether the extended key usage permits a server's certificate (RFC 5280, section 4.2.1.12).
    pub is_for_servers: bool,
    /// Whether the key usage, if there is one, allows the owner to sign revocation lists (RFC 5280, section 4.2.1.3).
    pub may_sign_lists: bool,
}

impl CertificateInfo {
    /// Parses a certificate in DER.
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
            uris: certificate
                .names
                .other
                .iter()
                .filter_map(|name| name.strip_prefix("URI:"))
                .map(ToString::to_string)
                .collect(),
            serial: certificate.serial.iter().map(|byte| alloc::format!("{byte:02X}")).collect(),
            version: certificate.version,
            key: key_description(certificate.public_key)?,
            is_for_servers: Purpose::Server.is_allowed_by(&certificate),
            may_sign_lists: certificate.may_sign_lists(),
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
        // MySQL on OpenSSL 1.1 compares this text, in which the two names look the same.
        let text = "/O=x/CN=root";
        assert!(forged.is_written(text) && genuine.is_written(text));
        assert!(genuine.is_read_from(text) && !forged.is_read_from(text));
        assert_eq!(forged.to_slash(), r"/O=x\/CN=root");
        assert!(forged.is_read_from(&forged.to_slash()));
    }

    #[test]
    fn attributes_of_a_set_are_joined_by_a_plus() {
        let joined = Name::from_slash("/O=x/CN=a+UID=b").unwrap();
        assert_eq!(joined.attributes().iter().map(|one| one.joined).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(joined.to_slash(), "/O=x/CN=a+UID=b");
        // OpenSSL 1.1 writes the attributes of a set like separate attributes.
        assert!(joined.is_written("/O=x/CN=a/UID=b") && joined.is_read_from("/O=x/CN=a/UID=b"));
        let apart = Name::from_slash("/O=x/CN=a/UID=b").unwrap();
        assert!(!apart.is_written("/O=x/CN=a+UID=b") && !apart.is_read_from("/O=x/CN=a+UID=b"));
        assert_eq!(Name::from_slash("/CN=a+b=c+UID").unwrap().attributes().len(), 1);
    }

    #[test]
    fn every_name_has_a_text_that_reads_as_that_name_alone() {
        for value in [r"a\", r"\x41", r"a\/CN=b", r"a\+UID=b", r"\\x41", "/", "+", "a+UID=b", r"\\", "é\u{1}\\"] {
            let name = name(&[(O, UTF8_STRING, value.as_bytes()), (CN, UTF8_STRING, b"z")]);
            assert_eq!(Name::from_slash(&name.to_slash()), Some(name.clone()), "{value}");
            assert!(name.is_written(&name.to_slash()) && name.is_read_from(&name.to_slash()), "{value}");
        }
    }

    #[test]
    fn a_literal_backslash_is_not_an_escape() {
        let literal = name(&[(CN, UTF8_STRING, br"\xC3")]);
        let byte = name(&[(CN, UTF8_STRING, b"\xC3")]);
        let text = r"/CN=\xC3";
        assert!(literal.is_written(text) && byte.is_written(text));
        assert!(byte.is_read_from(text) && !literal.is_read_from(text));
        assert_eq!(literal.to_slash(), r"/CN=\x5CxC3");
        assert_eq!(Name::from_slash(r"/CN=a\xZZ\x").unwrap().attributes()[0].value, br"a\xZZ\x");
    }

    #[test]
    fn a_slash_that_begins_no_attribute_belongs_to_the_value() {
        let name = name(&[(O, UTF8_STRING, b"AC/DC a=b/c=d"), (CN, UTF8_STRING, b"")]);
        for text in ["/O=AC/DC a=b/c=d/CN=", r"/O=AC\/DC a=b\/c=d/CN="] {
            assert!(name.is_written(text) && name.is_read_from(text), "{text}");
        }
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
        for (kind, value) in [
            (tag::BMP_STRING, b"\0a\0b".as_slice()),
            (tag::UNIVERSAL_STRING, b"\0\0\0a\0\0\0b"),
            (0x14, b"ab"),
            (0x13, b"ab"),
        ] {
            assert_eq!(name(&[(CN, kind, value)]).common_names().collect::<Vec<_>>(), [b"ab"]);
        }
        // OpenSSL writes it like this.
        assert_eq!(name(&[(CN, tag::BMP_STRING, b"\0a\0b")]).to_slash(), r"/CN=\x00a\x00b");
        assert_eq!(name(&[("2.5.4.45", tag::BIT_STRING, b"\0ab")]).to_slash(), "/x500UniqueIdentifier=ab");
        assert_eq!(name(&[(CN, tag::GENERAL_STRING, b"\0\0\0a\0\0\0b")]).to_slash(), "/CN=ab");
    }

    #[test]
    fn a_wide_string_is_not_taken_for_the_text_of_its_bytes() {
        for (kind, value, reads) in [
            (UTF8_STRING, b"root".as_slice(), true),
            (tag::BMP_STRING, b"root", false),
            (tag::UNIVERSAL_STRING, b"root", false),
            (tag::BMP_STRING, b"\0r\0t", true),
            (UTF8_STRING, b"\0r\0t", false),
            (tag::BMP_STRING, b"", true),
            (UTF8_STRING, b"", true),
        ] {
            let name = name(&[(CN, kind, value)]);
            assert!(name.is_written(&name.to_slash()));
            assert_eq!(name.is_read_from(&name.to_slash()), reads, "{kind:#x} {value:?}");
        }
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
            // Much of a certificate is free text, so only the return matters, not the result.
            _ = CertificateInfo::from_der(&damaged);
        }
    }
}
