//! Checks signatures of certificates, CRLs and handshakes with the bare public key, because webpki can't do it for X.509 v1.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, PeerMisbehaved};
use webpki::RawPublicKeyEntity;

use super::CertificateProblem;
use super::asn1::{Field, Signed, tag};
use super::certificate::{Certificate, key_description};

/// Checks the signature of a certificate or CRL with its issuer's key.
pub(super) fn verify_signed(
    signed: &Signed<'_>,
    issuer_key: &[u8],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), CertificateProblem> {
    if let Some(weak) = weak_key(issuer_key) {
        return Err(weak);
    }
    let key = SubjectPublicKeyInfoDer::from(issuer_key);
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateProblem::Unreadable)?;
    let fitting = algorithms.all.iter().filter(|algorithm| algorithm.signature_alg_id().as_ref() == signed.algorithm);
    for algorithm in fitting {
        match key.verify_signature(*algorithm, signed.message.whole, signed.signature) {
            Ok(()) => return Ok(()),
            // The list may hold the same signature algorithm once per curve.
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(CertificateProblem::BadSignature),
        }
    }
    Err(CertificateProblem::UnsupportedAlgorithm { algorithm: algorithm_name(signed.algorithm) })
}

/// Checks that the key of the certificate `issuer` signed `issued`, a certificate or a revocation list, with one of the algorithms. Both
/// are in DER. Names and validity periods are not checked.
pub fn verify_issued_by(
    issued: &[u8],
    issuer: &[u8],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), CertificateProblem> {
    let issuer = Certificate::parse(issuer).map_err(|_| CertificateProblem::Unreadable)?;
    let issued = Signed::parse(issued).map_err(|_| CertificateProblem::Unreadable)?;
    verify_signed(&issued, issuer.public_key, algorithms)
}

/// The problem with a public key that is too small for every algorithm, if it is.
pub(super) fn weak_key(public_key: &[u8]) -> Option<CertificateProblem> {
    let description = key_description(public_key).ok()?;
    let bits: u32 = description.strip_prefix("RSA ")?.parse().ok()?;
    (bits < 2048)
        .then(|| CertificateProblem::UnsupportedAlgorithm { algorithm: alloc::format!("the key {description}") })
}

/// The name of a signature algorithm that is known but not supported, otherwise its object identifier.
pub(super) fn algorithm_name(algorithm: &[u8]) -> alloc::string::String {
    use alloc::string::ToString;
    let oid = super::asn1::Fields::of(algorithm).next(tag::OID).and_then(|field: Field<'_>| field.oid());
    let Ok(oid) = oid else { return "an unreadable algorithm".to_string() };
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption".to_string(),
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption".to_string(),
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1".to_string(),
        other => other.to_string(),
    };
    alloc::format!("the signature algorithm {name}")
}

/// Checks the peer's signature in a TLS 1.2 handshake. The signature scheme does not determine the curve, so every matching algorithm is
/// tried.
pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    let key = public_key(certificate)?;
    let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
    let mapping = algorithms.mapping.iter().find(|(scheme, _)| *scheme == dss.scheme);
    let Some((_, candidates)) = mapping else {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    };
    let valid = candidates.iter().any(|algorithm| key.verify_signature(*algorithm, message, dss.signature()).is_ok());
    if valid { Ok(HandshakeSignatureValid::assertion()) } else { Err(CertificateError::BadSignature.into()) }
}

/// Checks the peer's signature in a TLS 1.3 handshake.
pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, rustls::Error> {
    verify_tls13_signature_with_raw_key(message, &public_key(certificate)?, dss, algorithms)
}

fn public_key<'a>(certificate: &'a CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'a>, rustls::Error> {
    let parsed = Certificate::parse(certificate).map_err(|_| CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(parsed.public_key))
}
