//! Describes the kind of a private key, for the message that it can't be used.

use alloc::string::{String, ToString as _};

use rustls::pki_types::PrivateKeyDer;

use super::asn1::{Field, Fields, Malformed, tag};
use super::certificate::{curve_name, rsa_bits};

/// Explains why a provider can't use a key, given the provider's error: by type and size of the key, if they can be read.
pub fn unusable_key(key: &PrivateKeyDer<'_>) -> impl Fn(&rustls::Error) -> String + use<> {
    let described = match key {
        PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => sec1(key.secret_sec1_der()),
        PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der()),
        _ => Err(Malformed),
    };
    move |error| match &described {
        Ok(kind) => alloc::format!(
            "it is {kind}, and RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519 is needed"
        ),
        Err(Malformed) => error.to_string(),
    }
}

fn pkcs8(der: &[u8]) -> Result<String, Malformed> {
    let mut fields = Field::only(der, tag::SEQUENCE)?.fields();
    fields.next(tag::INTEGER)?;
    let mut algorithm = fields.next(tag::SEQUENCE)?.fields();
    let key = fields.next(tag::OCTET_STRING)?.value;
    Ok(match algorithm.next(tag::OID)?.oid()?.to_string().as_str() {
        "1.2.840.113549.1.1.1" => rsa(key)?,
        "1.2.840.113549.1.1.10" => alloc::format!("for RSA-PSS alone, {}", rsa(key)?),
        "1.2.840.10045.2.1" => ecdsa(algorithm)?,
        "1.2.840.10040.4.1" => "DSA".to_string(),
        "1.2.840.113549.1.3.1" => "Diffie-Hellman".to_string(),
        "1.3.101.110" => "X25519".to_string(),
        "1.3.101.111" => "X448".to_string(),
        "1.3.101.112" => "Ed25519".to_string(),
        "1.3.101.113" => "Ed448".to_string(),
        other => alloc::format!("of the kind {other}"),
    })
}

/// `SEQUENCE { version, modulus, … }`
fn rsa(der: &[u8]) -> Result<String, Malformed> {
    let mut fields = Field::only(der, tag::SEQUENCE)?.fields();
    fields.next(tag::INTEGER)?;
    Ok(alloc::format!("RSA {}", rsa_bits(fields.next(tag::INTEGER)?.value)))
}

/// `SEQUENCE { version, key, [0] curve, … }`
fn sec1(der: &[u8]) -> Result<String, Malformed> {
    let mut fields = Field::only(der, tag::SEQUENCE)?.fields();
    fields.next(tag::INTEGER)?;
    fields.next(tag::OCTET_STRING)?;
    ecdsa(fields.next(tag::context(0))?.fields())
}

fn ecdsa(mut parameters: Fields<'_>) -> Result<String, Malformed> {
    Ok(match parameters.optional(tag::OID)? {
        Some(curve) => alloc::format!("ECDSA {}", curve_name(&curve.oid()?.to_string())),
        None => "ECDSA with the numbers of its curve instead of the curve's name".to_string(),
    })
}
