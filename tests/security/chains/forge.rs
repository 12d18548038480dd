//! Makes certificates and revocation lists with any content, byte by byte, as a forger may send them.

use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SigningKey as _};

/// ecdsa-with-SHA256.
const ALGORITHM: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// Object identifiers in DER, without tag and length.
pub(crate) mod oid {
    pub(crate) const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    pub(crate) const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
    pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
    pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    pub(crate) const EMAIL_PROTECTION: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 4];
    pub(crate) const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0];
}

/// An element of DER.
pub(crate) fn der(tag: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ 0..0x80) => bytes.push(short),
        Ok(byte) => bytes.extend([0x81, byte]),
        Err(_) => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend(content);
    bytes
}

/// A distinguished name of UTF-8 values, each in a set of its own; a mail address is ASCII.
pub(crate) fn name(attributes: &[(&[u8], &str)]) -> Vec<u8> {
    let sets = attributes.iter().flat_map(|(oid, text)| {
        let kind = if *oid == oid::EMAIL { 0x16 } else { 0x0c };
        der(0x31, der(0x30, [der(6, oid), der(kind, text)].concat()))
    });
    der(0x30, sets.collect::<Vec<u8>>())
}

fn time(year: u32) -> Vec<u8> {
    der(0x17, format!("{:02}0101000000Z", year % 100))
}

/// A certificate extension.
#[derive(Clone)]
pub(crate) struct Extension(Vec<u8>);

impl Extension {
    fn new(oid: &[u8], critical: bool, value: impl AsRef<[u8]>) -> Self {
        let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
        Self(der(0x30, [der(6, oid), critical.to_vec(), der(4, value)].concat()))
    }

    pub(crate) fn basic_constraints(ca: bool, path_length: Option<u8>) -> Self {
        let ca: &[u8] = if ca { &[1, 1, 0xff] } else { &[] };
        let path_length = path_length.map_or_else(Vec::new, |limit| der(2, [limit]));
        Self::new(&[0x55, 0x1d, 19], true, der(0x30, [ca.to_vec(), path_length].concat()))
    }

    /// The key usage; the bits are those of its first byte, with digitalSignature the highest.
    pub(crate) fn key_usage(bits: u8) -> Self {
        Self::new(&[0x55, 0x1d, 15], true, der(3, [0, bits]))
    }

    pub(crate) fn purposes(purposes: &[&[u8]]) -> Self {
        let list: Vec<u8> = purposes.iter().flat_map(|purpose| der(6, purpose)).collect();
        Self::new(&[0x55, 0x1d, 37], false, der(0x30, list))
    }

    /// Subject alternative names, each with its tag.
    pub(crate) fn names(names: &[(u8, &[u8])]) -> Self {
        let list: Vec<u8> = names.iter().flat_map(|(tag, name)| der(*tag, name)).collect();
        Self::new(&[0x55, 0x1d, 17], false, der(0x30, list))
    }

    /// Name constraints: bases with their tags.
    pub(crate) fn name_constraints(permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> Self {
        let subtrees = |tag, list: &[(u8, &[u8])]| {
            let bases: Vec<u8> = list.iter().flat_map(|(kind, base)| der(0x30, der(*kind, base))).collect();
            if bases.is_empty() { bases } else { der(tag, bases) }
        };
        let both = [subtrees(0xa0, permitted), subtrees(0xa1, excluded)].concat();
        Self::new(&[0x55, 0x1d, 30], true, der(0x30, both))
    }

    /// The subject key identifier.
    pub(crate) fn subject_key(id: u8) -> Self {
        Self::new(&[0x55, 0x1d, 14], false, der(4, [id]))
    }

    /// The authority key identifier.
    pub(crate) fn authority_key(id: u8) -> Self {
        Self::new(&[0x55, 0x1d, 35], false, der(0x30, der(0x80, [id])))
    }

    /// requireExplicitPolicy 5: critical, and without effect on a short chain.
    pub(crate) fn policy_constraints() -> Self {
        Self::new(&[0x55, 0x1d, 36], true, der(0x30, der(0x80, [5])))
    }

    /// Netscape's certificate type.
    pub(crate) fn netscape_type(bits: u8) -> Self {
        Self::new(&[0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1, 1], false, der(3, [0, bits]))
    }

    /// An extension that no verifier knows.
    pub(crate) fn unknown(critical: bool) -> Self {
        Self::new(&[0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, 1], critical, der(5, []))
    }
}

/// The content of a certificate to make.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(crate) version: u8,
    pub(crate) serial: u8,
    pub(crate) subject: Vec<u8>,
    /// The years in which the validity period begins and ends, each at 1 January.
    pub(crate) years: (u32, u32),
    pub(crate) extensions: Vec<Extension>,
}

impl Wanted {
    /// A proper CA of version 3, with further extensions.
    pub(crate) fn ca(common_name: &str, extensions: &[Extension]) -> Self {
        Self::bare(common_name, &[&[Extension::basic_constraints(true, None)], extensions].concat())
    }

    /// A certificate of version 3 with these extensions alone.
    pub(crate) fn bare(common_name: &str, extensions: &[Extension]) -> Self {
        let subject = name(&[(oid::COMMON_NAME, common_name)]);
        Self { version: 3, serial: 1, subject, years: (2026, 2040), extensions: extensions.to_vec() }
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) der: Vec<u8>,
    pub(crate) key: Arc<KeyPair>,
    subject: Vec<u8>,
}

pub(crate) fn key() -> Arc<KeyPair> {
    Arc::new(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
}

/// A certificate signed by itself.
pub(crate) fn self_signed(wanted: &Wanted) -> Made {
    let key = key();
    make(wanted, Arc::clone(&key), &wanted.subject, &key)
}

/// A certificate signed by `by`, which need not be a CA.
pub(crate) fn issue(by: &Made, wanted: &Wanted) -> Made {
    make(wanted, key(), &by.subject, &by.key)
}

/// A new certificate of the same CA, with the same name and key, signed by itself.
pub(crate) fn renew(ca: &Made, wanted: &Wanted) -> Made {
    make(wanted, Arc::clone(&ca.key), &wanted.subject, &ca.key)
}

fn make(wanted: &Wanted, key: Arc<KeyPair>, issuer: &[u8], issuer_key: &KeyPair) -> Made {
    let version = if wanted.version == 1 { Vec::new() } else { der(0xa0, der(2, [wanted.version - 1])) };
    let extensions: Vec<u8> = wanted.extensions.iter().flat_map(|extension| extension.0.clone()).collect();
    let extensions = if extensions.is_empty() { extensions } else { der(0xa3, der(0x30, extensions)) };
    let message = der(
        0x30,
        [
            version,
            der(2, [wanted.serial]),
            ALGORITHM.to_vec(),
            issuer.to_vec(),
            der(0x30, [time(wanted.years.0), time(wanted.years.1)].concat()),
            wanted.subject.clone(),
            key.subject_public_key_info(),
            extensions,
        ]
        .concat(),
    );
    Made { der: signed(message, issuer_key), key, subject: wanted.subject.clone() }
}

/// A revocation list of version 1 with these serial numbers.
pub(crate) fn revocations(by: &Made, serials: &[u8], years: (u32, u32)) -> Vec<u8> {
    let list: Vec<u8> =
        serials.iter().flat_map(|serial| der(0x30, [der(2, [*serial]), time(years.0)].concat())).collect();
    let list = if list.is_empty() { list } else { der(0x30, list) };
    let parts = [ALGORITHM.to_vec(), by.subject.clone(), time(years.0), time(years.1), list];
    signed(der(0x30, parts.concat()), &by.key)
}

fn signed(message: Vec<u8>, key: &KeyPair) -> Vec<u8> {
    let signature = key.sign(&message).unwrap();
    der(0x30, [message, ALGORITHM.to_vec(), der(3, [&[0], signature.as_slice()].concat())].concat())
}
