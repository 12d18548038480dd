//! An X.509 certificate taken apart, version 1 or 3.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use der::asn1::ObjectIdentifier;

use super::asn1::{Extension, Field, Fields, Malformed, Signed, for_each_extension, tag};

/// The parts of a certificate that verification and reports look at.
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
    /// Seconds since the Unix epoch, as the next.
    pub(super) not_before: u64,
    pub(super) not_after: u64,
    /// The SubjectPublicKeyInfo in DER.
    pub(super) public_key: &'a [u8],
    pub(super) names: AlternativeNames<'a>,
    /// `None` without the extension.
    pub(super) basic_constraints: Option<BasicConstraints>,
    /// Whether it may sign certificates; `None` without the extension.
    pub(super) signs_certificates: Option<bool>,
    /// Extended key usages; empty without the extension.
    pub(super) purposes: Vec<ObjectIdentifier>,
    /// Whether it has name constraints, or a critical extension that is not read here.
    pub(super) unhandled_constraint: bool,
}

/// What the certificate may do as CA.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BasicConstraints {
    pub(super) ca: bool,
    pub(super) path_length: Option<u32>,
}

/// The names of the subjectAltName extension.
#[derive(Debug, Default)]
pub(super) struct AlternativeNames<'a> {
    pub(super) dns: Vec<&'a [u8]>,
    pub(super) ip: Vec<IpAddr>,
    /// Mail addresses and URIs, with the kind before them; nothing here decides by them.
    pub(super) other: Vec<String>,
}

impl AlternativeNames<'_> {
    /// Whether there is a name that a host could have: then the subject's CN no longer counts.
    pub(super) fn names_hosts(&self) -> bool {
        !self.dns.is_empty() || !self.ip.is_empty()
    }
}

const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

impl<'a> Certificate<'a> {
    /// Takes a certificate in DER apart.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let signed = Signed::parse(der)?;
        let mut fields = signed.message.fields()?;
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
        let mut validity = fields.next(tag::SEQUENCE)?.fields()?;
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
            signs_certificates: None,
            purposes: Vec::new(),
            unhandled_constraint: false,
        };
        certificate.read_tail(fields)?;
        Ok(certificate)
    }

    /// The optional unique identifiers, which are skipped, and the extensions.
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
            SUBJECT_ALT_NAME => self.names = alternative_names(extension.value)?,
            BASIC_CONSTRAINTS => self.basic_constraints = Some(basic_constraints(extension.value)?),
            KEY_USAGE => self.signs_certificates = Some(has_key_cert_sign(extension.value)?),
            EXTENDED_KEY_USAGE => self.purposes = purposes(extension.value)?,
            NAME_CONSTRAINTS => self.unhandled_constraint = true,
            _ => self.unhandled_constraint |= extension.critical,
        }
        Ok(())
    }

    /// Whether it names itself as its issuer.
    pub(super) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The bits of the public key, without the algorithm.
    pub(super) fn public_key_bits(&self) -> Result<&'a [u8], Malformed> {
        key_bits(self.public_key)
    }

    /// The names for hosts that a message can list.
    pub(super) fn host_names(&self) -> Vec<String> {
        let dns = self.names.dns.iter().map(|name| String::from_utf8_lossy(name).into_owned());
        dns.chain(self.names.ip.iter().map(ToString::to_string)).collect()
    }
}

/// The key's bits in a SubjectPublicKeyInfo.
pub(super) fn key_bits(public_key_info: &[u8]) -> Result<&[u8], Malformed> {
    let mut fields = Field::only(public_key_info, tag::SEQUENCE)?.fields()?;
    fields.next(tag::SEQUENCE)?;
    fields.next(tag::BIT_STRING)?.bits()
}

/// Names the key as people do: `RSA 2048`, `ECDSA P-256`, `Ed25519`, or the algorithm's number.
pub(super) fn key_description(public_key_info: &[u8]) -> Result<String, Malformed> {
    let mut fields = Field::only(public_key_info, tag::SEQUENCE)?.fields()?;
    let mut algorithm = fields.next(tag::SEQUENCE)?.fields()?;
    let bits = fields.next(tag::BIT_STRING)?.bits()?;
    let oid = algorithm.next(tag::OID)?.oid()?.to_string();
    Ok(match oid.as_str() {
        "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" => {
            let modulus = Field::only(bits, tag::SEQUENCE)?.fields()?.next(tag::INTEGER)?.value;
            alloc::format!("RSA {}", rsa_bits(modulus))
        }
        "1.2.840.10045.2.1" => {
            let curve = algorithm.next(tag::OID)?.oid()?.to_string();
            let name = match curve.as_str() {
                "1.2.840.10045.3.1.7" => "P-256",
                "1.3.132.0.34" => "P-384",
                "1.3.132.0.35" => "P-521",
                other => other,
            };
            alloc::format!("ECDSA {name}")
        }
        "1.3.101.112" => "Ed25519".to_string(),
        "1.3.101.113" => "Ed448".to_string(),
        other => other.to_string(),
    })
}

fn rsa_bits(modulus: &[u8]) -> usize {
    let significant: &[u8] = match modulus.split_first() {
        Some((0, rest)) => rest,
        _ => modulus,
    };
    let leading = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len().saturating_mul(8).saturating_sub(leading)
}

fn alternative_names(value: &[u8]) -> Result<AlternativeNames<'_>, Malformed> {
    let mut names = AlternativeNames::default();
    let mut fields = Field::only(value, tag::SEQUENCE)?.fields()?;
    while !fields.is_finished() {
        let field = fields.any()?;
        let text = || String::from_utf8_lossy(field.value);
        match field.tag {
            0x81 => names.other.push(alloc::format!("email:{}", text())),
            0x82 => names.dns.push(field.value),
            0x86 => names.other.push(alloc::format!("URI:{}", text())),
            0x87 => names.ip.push(ip_address(field.value)?),
            _ => {}
        }
    }
    Ok(names)
}

fn ip_address(bytes: &[u8]) -> Result<IpAddr, Malformed> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).map_err(|_| Malformed)
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, Malformed> {
    let mut fields = Field::only(value, tag::SEQUENCE)?.fields()?;
    let ca = fields.optional(tag::BOOLEAN)?.is_some_and(|field| field.value != [0]);
    let path_length = fields.optional(tag::INTEGER)?.map(|field| field.small_number()).transpose()?;
    fields.end()?;
    Ok(BasicConstraints { ca, path_length })
}

/// KeyUsage is a bit string; keyCertSign is its bit 5.
fn has_key_cert_sign(value: &[u8]) -> Result<bool, Malformed> {
    let bits = Field::only(value, tag::BIT_STRING)?.value;
    Ok(bits.get(1).is_some_and(|byte| byte & 0x04 != 0))
}

fn purposes(value: &[u8]) -> Result<Vec<ObjectIdentifier>, Malformed> {
    let mut fields = Field::only(value, tag::SEQUENCE)?.fields()?;
    let mut purposes = Vec::new();
    while !fields.is_finished() {
        purposes.push(fields.next(tag::OID)?.oid()?);
    }
    Ok(purposes)
}
