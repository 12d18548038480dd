//! Carries the reason of our verifiers through rustls. A verifier may only return rustls's errors, which lack the details that a user
//! needs, so this module keeps the details and adds them to the [`TlsError`].

use alloc::format;
use alloc::string::{String, ToString};
use core::cell::RefCell;
use core::fmt;

use rustls::{CertificateError, PeerIncompatible};

use super::certificate::Certificate;
use super::error::alert_name;
use super::identity::slash_of;
use super::std::thread_local;
use super::{CertificateProblem, ConstraintViolation, Fingerprint, TlsError};

thread_local! {
    /// The last rejection of our verifiers on this thread. rustls sends the right alert only for its own errors, which can't carry a
    /// rejection, and it calls our verifiers and returns their error on the same thread.
    static REJECTION: RefCell<Option<Rejection>> = const { RefCell::new(None) };
}

/// A certificate problem together with the certificate that has it.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    pub(super) problem: CertificateProblem,
    pub(super) fingerprint_sha256: String,
    pub(super) subject: String,
}

impl Rejection {
    pub(super) fn of(problem: CertificateProblem, certificate: &[u8]) -> Self {
        let subject = Certificate::parse(certificate).map(|certificate| slash_of(certificate.subject));
        Self {
            problem,
            fingerprint_sha256: Fingerprint::sha256_of(certificate).to_string(),
            subject: subject.unwrap_or_else(|_| "(unreadable)".to_string()),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl core::error::Error for Rejection {}

/// Stores a rejection and returns the rustls error whose alert tells the peer the reason. The conversion to [`TlsError`] gets the rejection
/// back.
pub(super) fn through_rustls(verdict: Result<(), Rejection>) -> Result<(), rustls::Error> {
    REJECTION.set(None);
    let Err(rejection) = verdict else { return Ok(()) };
    let error = match &rejection.problem {
        // Includes a wrong signature: a CA of that name is trusted, but with another key.
        CertificateProblem::UnknownIssuer { .. }
        | CertificateProblem::SelfSigned
        | CertificateProblem::NotPinned
        | CertificateProblem::BadSignature
        | CertificateProblem::Constraint {
            violation: ConstraintViolation::NotCa | ConstraintViolation::PathLength | ConstraintViolation::TooLong,
            ..
        } => CertificateError::UnknownIssuer,
        CertificateProblem::Constraint { violation: ConstraintViolation::CriticalExtension, .. } => {
            CertificateError::UnhandledCriticalExtension
        }
        CertificateProblem::Expired { .. } => CertificateError::Expired,
        CertificateProblem::NotYetValid { .. } => CertificateError::NotValidYet,
        CertificateProblem::NotValidForName { .. } => CertificateError::NotValidForName,
        CertificateProblem::Revoked => CertificateError::Revoked,
        CertificateProblem::RevocationUnknown { .. } => CertificateError::UnknownRevocationStatus,
        CertificateProblem::CaUsedAsEndEntity | CertificateProblem::WrongPurpose { .. } => {
            CertificateError::InvalidPurpose
        }
        CertificateProblem::UnsupportedAlgorithm { .. } | CertificateProblem::Unreadable => {
            CertificateError::BadEncoding
        }
        CertificateProblem::FingerprintMismatch
        | CertificateProblem::MayNotSignLists { .. }
        | CertificateProblem::Constraint { violation: ConstraintViolation::Names, .. } => {
            CertificateError::Other(rustls::OtherError(alloc::sync::Arc::new(rejection.clone())))
        }
    };
    REJECTION.set(Some(rejection));
    Err(rustls::Error::InvalidCertificate(error))
}

impl From<&Rejection> for TlsError {
    fn from(rejection: &Rejection) -> Self {
        Self::CertificateRejected {
            problem: rejection.problem.clone(),
            fingerprint_sha256: rejection.fingerprint_sha256.clone(),
            subject: rejection.subject.clone(),
        }
    }
}

impl From<&rustls::Error> for TlsError {
    /// Converts rustls's errors. If one of our verifiers rejected a certificate, the result has all details.
    fn from(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => match REJECTION.take() {
                Some(rejection) => (&rejection).into(),
                None => Self::Protocol(why.to_string()),
            },
            rustls::Error::AlertReceived(alert) => Self::AlertReceived(alert_name(*alert)),
            rustls::Error::PeerIncompatible(what) => incompatible(what),
            rustls::Error::InvalidMessage(
                rustls::InvalidMessage::InvalidContentType | rustls::InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            other => Self::Protocol(other.to_string()),
        }
    }
}

fn incompatible(what: &PeerIncompatible) -> TlsError {
    match what {
        PeerIncompatible::NoCipherSuitesInCommon => TlsError::NoCommonCipher,
        PeerIncompatible::NoKxGroupsInCommon | PeerIncompatible::NamedGroupsExtensionRequired => {
            TlsError::NoCommonParameters("key exchange group")
        }
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => TlsError::NoCommonParameters("signature scheme"),
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired
        | PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled => TlsError::NoCommonVersion,
        other => TlsError::Protocol(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_rejection_comes_back_through_rustls_with_its_data() {
        let problem = CertificateProblem::NotValidForName { expected: "db".into(), presented: Vec::new() };
        let error = through_rustls(Err(Rejection::of(problem.clone(), b"no certificate"))).unwrap_err();
        let TlsError::CertificateRejected { problem: returned, fingerprint_sha256, .. } = TlsError::from(&error) else {
            panic!("{error:?}");
        };
        assert_eq!(returned, problem);
        assert_eq!(fingerprint_sha256.len(), 32 * 3 - 1);
        assert_eq!(returned.to_string(), "it names no host at all, and so not 'db'");
    }

    #[test]
    fn what_rustls_finds_is_no_rejection_of_ours() {
        let signature = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
        _ = through_rustls(Err(Rejection::of(CertificateProblem::Revoked, b"")));
        _ = through_rustls(Ok(()));
        assert!(matches!(TlsError::from(&signature), TlsError::Protocol(_)), "the verdict before was another");
    }
}
