//! Parses X.509 certificates of version 1 and 3.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use der::asn1::ObjectIdentifier;

use super::asn1::{Extension, Field, Fields, Malformed, Signed, for_each_extension, tag};

/// The parts of a certificate that verification and reports need.
#[derive(Debug)]
pub(super) struct Certificate<'a> {
    pub(super) der: &'a [u8],
    pub(super) signed: Signed<'a>,
    /// 1 or 3; 2 was never used.
    pub(super) version: u32,
    pub(super) serial: &'a [u8],
    /// The issuer's name in DER.
    pub(super) issuer: &'a [u8],
    /// The subject's name in DER.
    pub(super) subject: &'a [u8],
    /// The beginning of the validity period, in seconds since the Unix epoch. `not_after` has the same unit.
    pub(super) not_before: u64,
    pub(super) not_after: u64,
    /// The SubjectPublicKeyInfo in DER.
    pub(super) public_key: &'a [u8],
    pub(super) names: AlternativeNames<'a>,
    /// `None` if the certificate lacks the extension; the same holds for the next three fields.
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) key_usage: Option<KeyUsage>,
    /// Extended key usages.
    pub(super) purposes: Option<Vec<ObjectIdentifier>>,
    /// The name constraints in DER.
    pub(super) name_constraints: Option<&'a [u8]>,
    /// Whether the certificate has a critical extension that this parser does not know.
    pub(super) unknown_critical_extension: bool,
}

/// The key usage extension (RFC 5280, section 4.2.1.3).
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyUsage(u8);

impl KeyUsage {
    /// digitalSignature, bit 0 of the bit string.
    pub(super) const DIGITAL_SIGNATURE: u8 = 0x80;
    /// keyEncipherment, bit 2.
    pub(super) const KEY_ENCIPHERMENT: u8 = 0x20;
    /// keyAgreement, bit 4.
    pub(super) const KEY_AGREEMENT: u8 = 0x08;
    /// keyCertSign, bit 5.
    pub(super) const CERTIFICATE_SIGN: u8 = 0x04;
    /// cRLSign, bit 6.
    pub(super) const LIST_SIGN: u8 = 0x02;

    /// Whether any of these bits is set.
    pub(super) const fn has(self, bits: u8) -> bool {
        self.0 & bits != 0
    }
}

/// The basic constraints extension: whether the certificate is a CA's, and how many CAs may stand below it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BasicConstraints {
    pub(super) ca: bool,
    pub(super) path_length: Option<u32>,
}

/// The names in the subjectAltName extension.
#[derive(Debug, Default)]
pub(super) struct AlternativeNames<'a> {
    /// Whether the certificate has the extension.
    are_given: bool,
    pub(super) dns: Vec<&'a [u8]>,
    pub(super) ip: Vec<IpAddr>,
    /// Mail addresses, URIs and other names, each with its kind in front, for display.
    pub(super) other: Vec<String>,
    /// The GeneralName tags of all names that are neither host names nor IP addresses.
    pub(super) other_kinds: Vec<u8>,
}

impl AlternativeNames<'_> {
    /// Whether the extension holds a host name or an IP address. If so, the subject's CN is ignored.
    pub(super) fn names_hosts(&self) -> bool {
        !self.dns.is_empty() || !self.ip.is_empty()
    }
}

/// The tags of GeneralName that this parser distinguishes.
pub(super) mod general_name {
    pub(in super::super) const EMAIL: u8 = 0x81;
    pub(in super::super) const DNS: u8 = 0x82;
    pub(in super::super) const DIRECTORY: u8 = 0xa4;
    pub(in super::super) const URI: u8 = 0x86;
    pub(in super::super) const IP_ADDRESS: u8 = 0x87;
}

const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

impl<'a> Certificate<'a> {
    /// Parses a certificate in DER.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let signed = Signed::parse(der)?;
        let mut fields = signed.message.fields();
        let version = match fields.optional(tag::context(0))? {
            Some(field) => Field::only(field.value, tag::INTEGER)?.small_number()?.saturating_add(1),
            None => 1,
        };
        let serial = fields.next(tag::INTEGER)?.value;
        let inner_algorithm = fields.next(tag::SEQUENCE)?.value;
        if inner_algorithm != signed.algorithm {
            return Err(Malformed);
        }
        let issuer = fields.next(tag::SEQUENCE)?.whole;
        let mut validity = fields.next(tag::SEQUENCE)?.fields();
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        validity.end()?;
        let subject = fields.next(tag::SEQUENCE)?.whole;
        let public_key = fields.next(tag::SEQUENCE)?.whole;
        let mut certificate = Self {
            der,
            signed,
            version,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            public_key,
            names: AlternativeNames::default(),
            basic_constraints: None,
            key_usage: None,
            purposes: None,
            name_constraints: None,
            unknown_critical_extension: false,
        };
        certificate.read_tail(fields)?;
        Ok(certificate)
    }

    /// Skips the optional unique identifiers and reads the extensions.
    fn read_tail(&mut self, mut fields: Fields<'a>) -> Result<(), Malformed> {
        while !fields.is_finished() {
            let field = fields.any()?;
            if field.tag == tag::context(3) {
                let list = Field::only(field.value, tag::SEQUENCE)?;
                for_each_extension(list, |extension| self.read_extension(&extension))?;
            }
        }
        Ok(())
    }

    fn read_extension(&mut self, extension: &Extension<'a>) -> Result<(), Malformed> {
        match extension.oid {
            SUBJECT_ALT_NAME if self.names.are_given => Err(Malformed),
            SUBJECT_ALT_NAME => {
                self.names = alternative_names(extension.value)?;
                Ok(())
            }
            BASIC_CONSTRAINTS => once(&mut self.basic_constraints, basic_constraints(extension.value)?),
            KEY_USAGE => once(&mut self.key_usage, key_usage(extension.value)?),
            EXTENDED_KEY_USAGE => once(&mut self.purposes, purposes(extension.value)?),
            NAME_CONSTRAINTS => once(&mut self.name_constraints, extension.value),
            _ => {
                self.unknown_critical_extension |= extension.critical;
                Ok(())
            }
        }
    }

    /// Whether subject and issuer are the same name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether the key usage, if there is one, allows the key to sign revocation lists.
    pub(super) fn may_sign_lists(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.has(KeyUsage::LIST_SIGN))
    }

    /// The bits of the public key, without the algorithm identifier.
    pub(super) fn public_key_bits(&self) -> Result<&'a [u8], Malformed> {
        key_bits(self.public_key)
    }

    /// The host names and IP addresses of the certificate, for error messages.
    pub(super) fn host_names(&self) -> Vec<String> {
        let dns = self.names.dns.iter().map(|name| String::from_utf8_lossy(name).into_owned());
        dns.chain(self.names.ip.iter().map(ToString::to_string)).collect()
    }
}

/// Stores the value of an extension and refuses a repeated extension, because some programs read the first one and some the last.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if place.replace(value).is_some() { Err(Malformed) } else { Ok(()) }
}

/// The bits of the key in a SubjectPublicKeyInfo.
pub(super) fn key_bits(public_key_info: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Field::only(public_key_info, tag::SEQUENCE)?.fields();
    fields.next(tag::SEQUENCE)?;
    fields.next(tag::BIT_STRING)?.bits()
}

/// Describes the key in the usual words: `RSA 2048`, `ECDSA P-256`, `Ed25519`. An unknown algorithm is given by its object identifier.
pub(super) fn key_description(public_key_info: &[u8]) -> Result<String, Malformed> {
    let mut fields = Field::only(public_key_info, tag::SEQUENCE)?.fields();
    let mut algorithm = fields.next(tag::SEQUENCE)?.fields();
    let bits = fields.next(tag::BIT_STRING)?.bits()?;
    let oid = algorithm.next(tag::OID)?.oid()?.to_string();
    Ok(match oid.as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => {
            let modulus = Field::only(bits, tag::SEQUENCE)?.fields().next(tag::INTEGER)?.value;
            alloc::format!("RSA {}", rsa_bits(modulus))
        }
        "1.2.840.10045.2.1" => match algorithm.optional(tag::OID)? {
            Some(curve) => alloc::format!("ECDSA {}", curve_name(&curve.oid()?.to_string())),
            None => "ECDSA on an unnamed curve".to_string(),
        },
        "1.3.101.112" => "Ed25519".to_string(),
        "1.3.101.113" => "Ed448".to_string(),
        other => other.to_string(),
    })
}

/// The usual name of a curve, or its object identifier.
pub(super) fn curve_name(oid: &str) -> &str {
    match oid {
        "1.2.840.10045.3.1.7" => "P-256",
        "1.3.132.0.34" => "P-384",
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        "1.3.36.3.3.2.8.1.1.7" => "brainpoolP256r1",
        "1.3.36.3.3.2.8.1.1.11" => "brainpoolP384r1",
        "1.3.36.3.3.2.8.1.1.13" => "brainpoolP512r1",
        other => other,
    }
}

pub(super) fn rsa_bits(modulus: &[u8]) -> usize {
    let significant: &[u8] = match modulus.split_first() {
        Some((0, rest)) => rest,
        _ => modulus,
    };
    let leading = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len().saturating_mul(8).saturating_sub(leading)
}

fn alternative_names(value: &[u8]) -> Result<AlternativeNames<'_>, Malformed> {
    let mut names = AlternativeNames { are_given: true, ..AlternativeNames::default() };
    let mut fields = Field::only(value, tag::SEQUENCE)?.fields();
    while !fields.is_finished() {
        let field = fields.any()?;
        let text = || String::from_utf8_lossy(field.value);
        match field.tag {
            general_name::EMAIL => names.other.push(alloc::format!("email:{}", text())),
            general_name::DNS => names.dns.push(field.value),
            general_name::URI => names.other.push(alloc::format!("URI:{}", text())),
            general_name::IP_ADDRESS => names.ip.push(ip_address(field.value)?),
            _ => {}
        }
        if !matches!(field.tag, general_name::DNS | general_name::IP_ADDRESS) {
            names.other_kinds.push(field.tag);
        }
    }
    Ok(names)
}

fn ip_address(bytes: &[u8]) -> Result<IpAddr, Malformed> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).map_err(|_| Malformed)
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, Malformed> {
    let mut fields = Field::only(value, tag::SEQUENCE)?.fields();
    let ca = fields.optional(tag::BOOLEAN)?.is_some_and(|field| field.value != [0]);
    let path_length = fields.optional(tag::INTEGER)?.map(|field| field.small_number()).transpose()?;
    fields.end()?;
    Ok(BasicConstraints { ca, path_length })
}

/// Reads the first byte of the bit string only, because it holds every bit that is checked here.
fn key_usage(value: &[u8]) -> Result<KeyUsage, Malformed> {
    let bits = Field::only(value, tag::BIT_STRING)?.value;
    Ok(KeyUsage(bits.get(1).copied().unwrap_or(0)))
}

fn purposes(value: &[u8]) -> Result<Vec<ObjectIdentifier>, Malformed> {
    let mut fields = Field::only(value, tag::SEQUENCE)?.fields();
    let mut purposes = Vec::new();
    while !fields.is_finished() {
        purposes.push(fields.next(tag::OID)?.oid()?);
    }
    Ok(purposes)
}
