//! TLS errors, with the reason and the remedy for the user.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use rustls::AlertDescription;

use crate::printable;

/// The reason why TLS failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsError {
    /// This side rejected the peer's certificate.
    CertificateRejected {
        /// The check that failed.
        problem: CertificateProblem,
        /// The SHA-256 fingerprint of the certificate, upper-case hex with colons.
        fingerprint_sha256: String,
        /// The certificate's subject in slash form, `/C=FI/O=…/CN=…`.
        subject: String,
    },
    /// The peer sent a fatal alert: its name in RFC 8446, for example `unknown_ca`.
    AlertReceived(&'static str),
    /// The two sides share no TLS version.
    NoCommonVersion,
    /// The two sides share no cipher suite.
    NoCommonCipher,
    /// Of the enabled cipher suites the client offers only some that need a server's certificate with a key of another kind.
    NoCipherForKey {
        /// The first such suite that the client offers, with OpenSSL's name.
        cipher: &'static str,
        /// The kind of key that the suite needs: `RSA` or `ECDSA`.
        needed: &'static str,
    },
    /// The two sides share no key exchange group or no signature scheme; the text says which.
    NoCommonParameters(&'static str),
    /// The bytes from the peer are not TLS.
    NotTls,
    /// The peer violated the TLS protocol; the text says how.
    Protocol(String),
    /// The TLS session is closed.
    Closed,
    /// The caller tried to send data before the handshake was complete.
    HandshakeNotComplete,
    /// The settings are invalid; the text names the file or option and the remedy.
    Config(String),
}

/// The check that a certificate failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// No trusted CA issued the certificate.
    UnknownIssuer {
        /// The issuer named in the last certificate of the chain, in slash form.
        issuer: String,
    },
    /// The certificate is signed by its own key and is not trusted.
    SelfSigned,
    /// The certificate, or a CA above it, has expired.
    Expired {
        /// The subject of the expired certificate, in slash form.
        certificate: String,
        /// The end of its validity period, as OpenSSL prints dates.
        not_after: String,
    },
    /// The validity period of the certificate, or of a CA above it, has not begun.
    NotYetValid {
        /// The subject of that certificate, in slash form.
        certificate: String,
        /// The beginning of its validity period, as OpenSSL prints dates.
        not_before: String,
    },
    /// The certificate does not carry the host's name.
    NotValidForName {
        /// The host that the client connected to.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The certificate, or a CA above it, is revoked.
    Revoked,
    /// Revocation lists were given, but none of this issuer is current.
    RevocationUnknown {
        /// The issuer whose CRL is missing or out of date, in slash form.
        issuer: String,
        /// The period of its newest CRL, if there is one.
        given: Option<ListPeriod>,
    },
    /// The CA's certificate has a key usage that does not allow the CA to sign its revocation list: OpenSSL's error 35.
    MayNotSignLists {
        /// The CA, in slash form.
        issuer: String,
    },
    /// A signature in the chain is invalid.
    BadSignature,
    /// The certificate is a CA's and is not itself trusted.
    CaUsedAsEndEntity,
    /// The certificate, or a CA above it, is not allowed for this purpose.
    WrongPurpose {
        /// The subject of the certificate with that (extended) key usage, in slash form.
        certificate: String,
    },
    /// The certificate's fingerprint is not the one that was given or remembered.
    FingerprintMismatch,
    /// No CA and no remembered fingerprint verifies the certificate, and no fingerprint was given.
    NotPinned,
    /// The certificate uses a signature algorithm or key that is too weak or unknown.
    UnsupportedAlgorithm {
        /// The algorithm or key.
        algorithm: String,
    },
    /// A certificate of the chain violates a constraint, or has a critical extension that is not implemented.
    Constraint {
        /// The subject of that certificate, in slash form.
        certificate: String,
        /// The violation.
        violation: ConstraintViolation,
    },
    /// The certificate can't be parsed.
    Unreadable,
}

/// The period of a CRL that is not current, with dates as OpenSSL prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListPeriod {
    /// It ended at this date.
    Ended(String),
    /// It begins at this date.
    Begins(String),
}

/// The constraint that a certificate of the chain violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConstraintViolation {
    /// The certificate issued another one, but is not a CA's.
    NotCa,
    /// More CAs stand below the certificate than its path length allows.
    PathLength,
    /// The certificate's name constraints exclude a certificate below it, or use a kind of name that is not implemented.
    Names,
    /// The certificate has a critical extension that is not implemented.
    CriticalExtension,
    /// The path from the certificate to a trusted CA is too long, or there are too many paths to try.
    TooLong,
}

impl fmt::Display for ConstraintViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotCa => {
                "issued a certificate but is not a CA (basicConstraints CA:TRUE, and keyCertSign if it has a \
             keyUsage)"
            }
            Self::PathLength => "allows fewer CAs below it (its path length)",
            Self::Names => "may not certify the name, or has name constraints of a kind that is not implemented",
            Self::CriticalExtension => "has a critical extension that is not implemented",
            Self::TooLong => "is too far from a trusted CA",
        })
    }
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer { issuer } => write!(f, "its issuer {issuer} is not a CA that was named as trusted"),
            Self::SelfSigned => f.write_str("it is self-signed and was not named as trusted"),
            Self::Expired { certificate, not_after } => write!(f, "{certificate} expired at {not_after}"),
            Self::NotYetValid { certificate, not_before } => write!(f, "{certificate} is valid only from {not_before}"),
            Self::NotValidForName { expected, presented } if presented.is_empty() => {
                write!(f, "it names no host at all, and so not '{expected}'")
            }
            Self::NotValidForName { expected, presented } => {
                // Escape the names, because the certificate's author chose them and a terminal may show them.
                write!(f, "it is for {}, not for '{expected}'", printable::line(&presented.join(", ")))
            }
            Self::Revoked => f.write_str("its issuer has revoked it"),
            Self::RevocationUnknown { issuer, given } => {
                write!(f, "no current CRL of its issuer {issuer} was given")?;
                match given {
                    None => Ok(()),
                    Some(ListPeriod::Ended(date)) => write!(f, ": the given one is out of date since {date}"),
                    Some(ListPeriod::Begins(date)) => write!(f, ": the given one is valid only from {date}"),
                }
            }
            Self::MayNotSignLists { issuer } => {
                write!(f, "the key usage of its issuer {issuer} does not allow it to sign CRLs (cRLSign)")
            }
            Self::BadSignature => f.write_str("a signature in its chain is wrong"),
            Self::CaUsedAsEndEntity => f.write_str("it is the certificate of a CA that is not trusted"),
            Self::WrongPurpose { certificate } => {
                write!(f, "the extended key usage or key usage of {certificate} does not allow this use")
            }
            Self::FingerprintMismatch => f.write_str("its fingerprint is not the expected one"),
            Self::NotPinned => f.write_str("no trusted CA and no known fingerprint matches it"),
            Self::UnsupportedAlgorithm { algorithm } => write!(f, "{algorithm} is too weak or unknown"),
            Self::Constraint { certificate, violation } => write!(f, "in its chain, {certificate} {violation}"),
            Self::Unreadable => f.write_str("it can't be read"),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateRejected { problem, subject, .. } => {
                write!(f, "the peer's certificate {subject} was not accepted: {problem}")
            }
            Self::AlertReceived(name) => write!(f, "the peer sent the alert {name}: {}", alert_meaning(name)),
            Self::NoCommonVersion => f.write_str("the peer speaks no TLS version that is enabled here"),
            Self::NoCommonCipher => f.write_str("the peer offers no cipher that is enabled here"),
            Self::NoCipherForKey { cipher, needed } => write!(
                f,
                "the peer offers ciphers that are enabled here, as {cipher}, but they need a certificate with an {needed} key, and this \
                 server's has a key of another kind"
            ),
            Self::NoCommonParameters(what) => write!(f, "the peer and this side share no {what}"),
            Self::NotTls => f.write_str("the peer answered with something that is not TLS"),
            Self::Protocol(what) => write!(f, "the peer broke TLS: {what}"),
            Self::Closed => f.write_str("the TLS session is closed"),
            Self::HandshakeNotComplete => f.write_str("the TLS handshake is not complete"),
            Self::Config(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for TlsError {}

impl TlsError {
    /// The remedy in one line, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::CertificateRejected { problem, fingerprint_sha256, .. } => problem.hint(fingerprint_sha256),
            Self::AlertReceived(name) => alert_hint(name).map(ToString::to_string),
            Self::NoCommonVersion => {
                Some("Sealwire speaks TLSv1.2 and TLSv1.3; look at tls-version on both sides.".to_string())
            }
            Self::NoCommonCipher | Self::NoCipherForKey { .. } => {
                Some("Look at ssl-cipher and tls-ciphersuites on both sides.".to_string())
            }
            Self::NotTls => Some("Is the port MySQL's, does a proxy in between understand TLS, and is it a port for --ssl-negotiation=direct if that is given?".to_string()),
            _ => None,
        }
    }
}

impl CertificateProblem {
    fn hint(&self, fingerprint: &str) -> Option<String> {
        let text = match self {
            Self::UnknownIssuer { .. } | Self::SelfSigned | Self::NotPinned | Self::CaUsedAsEndEntity => format!(
                "Name the CA with --ssl-ca, or, if you know this certificate, trust it with --ssl-fp={fingerprint}"
            ),
            Self::FingerprintMismatch => {
                format!(
                    "An attacker may be in between, or the certificate was renewed; its fingerprint is {fingerprint}"
                )
            }
            Self::NotValidForName { .. } => {
                "Connect by one of these names, or check the CA only with --ssl-mode=VERIFY_CA.".to_string()
            }
            Self::Expired { .. } => "The certificate must be renewed; check this machine's clock too.".to_string(),
            Self::NotYetValid { .. } => {
                "Check this machine's clock; if it is right, the certificate can't be used before that time."
                    .to_string()
            }
            Self::RevocationUnknown { given: None, .. } => {
                "Give its CRL with --ssl-crl, and renew it before it expires.".to_string()
            }
            Self::RevocationUnknown { given: Some(ListPeriod::Ended(_)), .. } => {
                "Give a newer CRL of that issuer with --ssl-crl; check this machine's clock too.".to_string()
            }
            Self::RevocationUnknown { given: Some(ListPeriod::Begins(_)), .. } => {
                "Check this machine's clock, or give an older CRL of that issuer with --ssl-crl.".to_string()
            }
            Self::MayNotSignLists { .. } => {
                "Renew the CA's certificate with cRLSign in its keyUsage, and the same name and key.".to_string()
            }
            Self::UnsupportedAlgorithm { .. } => {
                "Make the certificate anew with SHA-256 and an RSA key of 2048 bits or more, ECDSA or Ed25519."
                    .to_string()
            }
            Self::WrongPurpose { .. } => {
                "Make the certificate with extendedKeyUsage serverAuth (servers) or clientAuth (clients).".to_string()
            }
            Self::BadSignature => {
                "A CA of the right name was named, but its key is another one: is the ssl-ca file out of date?"
                    .to_string()
            }
            Self::Revoked | Self::Constraint { .. } | Self::Unreadable => return None,
        };
        Some(text)
    }
}

/// The alert's name in RFC 8446, or in RFC 5246 if RFC 8446 no longer has it.
pub(super) fn alert_name(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CloseNotify => "close_notify",
        AlertDescription::UnexpectedMessage => "unexpected_message",
        AlertDescription::BadRecordMac => "bad_record_mac",
        AlertDescription::DecryptionFailed => "decryption_failed",
        AlertDescription::RecordOverflow => "record_overflow",
        AlertDescription::DecompressionFailure => "decompression_failure",
        AlertDescription::HandshakeFailure => "handshake_failure",
        AlertDescription::NoCertificate => "no_certificate",
        AlertDescription::BadCertificate => "bad_certificate",
        AlertDescription::UnsupportedCertificate => "unsupported_certificate",
        AlertDescription::CertificateRevoked => "certificate_revoked",
        AlertDescription::CertificateExpired => "certificate_expired",
        AlertDescription::CertificateUnknown => "certificate_unknown",
        AlertDescription::IllegalParameter => "illegal_parameter",
        AlertDescription::UnknownCA => "unknown_ca",
        AlertDescription::AccessDenied => "access_denied",
        AlertDescription::DecodeError => "decode_error",
        AlertDescription::DecryptError => "decrypt_error",
        AlertDescription::ExportRestriction => "export_restriction",
        AlertDescription::ProtocolVersion => "protocol_version",
        AlertDescription::InsufficientSecurity => "insufficient_security",
        AlertDescription::InternalError => "internal_error",
        AlertDescription::InappropriateFallback => "inappropriate_fallback",
        AlertDescription::UserCanceled => "user_canceled",
        AlertDescription::NoRenegotiation => "no_renegotiation",
        AlertDescription::MissingExtension => "missing_extension",
        AlertDescription::UnsupportedExtension => "unsupported_extension",
        AlertDescription::CertificateUnobtainable => "certificate_unobtainable",
        AlertDescription::UnrecognisedName => "unrecognized_name",
        AlertDescription::BadCertificateStatusResponse => "bad_certificate_status_response",
        AlertDescription::BadCertificateHashValue => "bad_certificate_hash_value",
        AlertDescription::UnknownPSKIdentity => "unknown_psk_identity",
        AlertDescription::CertificateRequired => "certificate_required",
        AlertDescription::NoApplicationProtocol => "no_application_protocol",
        AlertDescription::EncryptedClientHelloRequired => "ech_required",
        _ => "unknown",
    }
}

fn alert_meaning(name: &str) -> &'static str {
    match name {
        "unknown_ca" => "it does not trust the CA of our certificate, or has no current CRL of it",
        "bad_certificate" | "unsupported_certificate" | "certificate_unknown" => "it does not accept our certificate",
        "certificate_expired" => "it says that our certificate has expired, or is not valid yet",
        "certificate_revoked" => "it says that our certificate is revoked",
        "certificate_required" => "it requires a certificate and received none",
        "protocol_version" => "it speaks no TLS version that is enabled here",
        "handshake_failure" | "insufficient_security" => "it accepts none of the ciphers and parameters offered",
        "decrypt_error" => "it could not verify a signature or finish the key exchange",
        "bad_record_mac" | "decryption_failed" => "it could not decrypt our records",
        "unrecognized_name" => "it does not serve the host name that was sent (SNI)",
        "no_application_protocol" => "it speaks none of the application protocols offered",
        "access_denied" => "it denies access to our certificate",
        "internal_error" => "it has an internal error",
        "user_canceled" | "close_notify" => "it ended the session",
        _ => "it gave up",
    }
}

fn alert_hint(name: &str) -> Option<&'static str> {
    match name {
        // A server also sends unknown_ca if its revocation list of this CA is out of date.
        "unknown_ca" => Some(
            "The certificate given with --ssl-cert must chain to the CA that the other side names with ssl-ca, and a revocation list \
             there must not be out of date; the other side's log says which.",
        ),
        "bad_certificate" | "certificate_unknown" => {
            Some("The other side's log says why it rejects the certificate given with --ssl-cert.")
        }
        "unsupported_certificate" => Some(
            "The certificate given with --ssl-cert must be one for clients: extended key usage clientAuth, or none.",
        ),
        "certificate_expired" => {
            Some("Have the certificate given with --ssl-cert renewed; look at the clocks of both machines too.")
        }
        "certificate_revoked" => Some("Have a new certificate issued, and give it with --ssl-cert and --ssl-key."),
        "certificate_required" => Some("Give a certificate and its key with --ssl-cert and --ssl-key."),
        "protocol_version" => Some("Sealwire speaks TLSv1.2 and TLSv1.3; look at tls-version on both sides."),
        "handshake_failure" | "insufficient_security" => {
            Some("Look at ssl-cipher, tls-ciphersuites and tls-version on both sides.")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_explained_with_the_way_out() {
        let error = TlsError::AlertReceived(alert_name(AlertDescription::UnknownCA));
        assert_eq!(
            error.to_string(),
            "the peer sent the alert unknown_ca: it does not trust the CA of our certificate, or has no current CRL of it"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("--ssl-cert")));
        for (alert, way_out) in [
            ("unknown_ca", "must chain to the CA"),
            ("certificate_revoked", "Have a new certificate issued"),
            ("certificate_expired", "renewed"),
            ("certificate_required", "Give a certificate and its key"),
            ("unsupported_certificate", "clientAuth"),
            ("bad_certificate", "log"),
        ] {
            let hint = TlsError::AlertReceived(alert).hint().unwrap();
            assert!(hint.contains(way_out), "{alert}: {hint}");
            assert_eq!(hint.contains("chain to"), alert == "unknown_ca", "{alert}: {hint}");
        }
        assert_eq!(TlsError::AlertReceived("internal_error").hint(), None);
    }
}
