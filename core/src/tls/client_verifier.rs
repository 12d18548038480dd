//! How a client verifies a server's certificate.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};

use super::certificate::Certificate;
use super::chain::Authority;
use super::hostname::check_host;
use super::purpose::Purpose;
use super::rejection::{Rejection, through_rustls};
use super::signature::{verify_tls12, verify_tls13};
use super::{CertificateProblem, Fingerprint};
use crate::facts::Verification;

/// The checks that a server's certificate must pass, with CAs and lists loaded. Built from [`Trust`](super::Trust).
#[derive(Debug)]
pub(super) enum VerifyPolicy {
    Nothing,
    /// `pinned` are the fingerprints of which the certificate must have one, too.
    Ca {
        authority: Authority,
        identity: bool,
        pinned: Option<Vec<Fingerprint>>,
    },
    Roots {
        authority: Authority,
        known: Vec<Fingerprint>,
    },
    Fingerprint {
        authority: Authority,
        accepted: Vec<Fingerprint>,
    },
}

impl VerifyPolicy {
    /// The kind of verification that a certificate has passed once [`verify`](Self::verify) accepted it.
    pub(super) fn verification(&self, leaf: &[u8]) -> Verification {
        match self {
            Self::Nothing => Verification::None,
            Self::Ca { identity: false, .. } => Verification::Ca,
            Self::Ca { identity: true, .. } => Verification::CaAndIdentity,
            Self::Roots { known, .. } if is_among(known, leaf) => Verification::Fingerprint,
            Self::Roots { .. } => Verification::SystemRootsAndIdentity,
            Self::Fingerprint { .. } => Verification::Fingerprint,
        }
    }

    /// Whether the host's name is checked.
    pub(super) fn checks_identity(&self) -> bool {
        matches!(self, Self::Ca { identity: true, .. } | Self::Roots { .. })
    }

    /// Checks the certificate chain that `host` presented.
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &str,
        now: UnixTime,
    ) -> Result<(), Rejection> {
        self.check(leaf, intermediates, host, now).map_err(|problem| Rejection::of(problem, leaf))
    }

    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &str,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        match self {
            Self::Nothing => Ok(()),
            Self::Ca { pinned: Some(accepted), .. } if !is_among(accepted, leaf) => {
                Err(CertificateProblem::FingerprintMismatch)
            }
            Self::Ca { authority, identity, .. } => {
                authority.verify(leaf, intermediates, Purpose::Server, now)?;
                if *identity { check_identity(leaf, host) } else { Ok(()) }
            }
            Self::Roots { authority, known } if is_among(known, leaf) => authority.verify_pinned(leaf, now),
            Self::Roots { authority, known } => {
                let verified = authority.verify(leaf, intermediates, Purpose::Server, now);
                verified
                    .and_then(|()| check_identity(leaf, host))
                    .map_err(|problem| fingerprint_problem(problem, known))
            }
            Self::Fingerprint { authority, accepted } if is_among(accepted, leaf) => authority.verify_pinned(leaf, now),
            Self::Fingerprint { .. } => Err(CertificateProblem::FingerprintMismatch),
        }
    }
}

fn check_identity(leaf: &CertificateDer<'_>, host: &str) -> Result<(), CertificateProblem> {
    let certificate = Certificate::parse(leaf).map_err(|_| CertificateProblem::Unreadable)?;
    check_host(&certificate, host)
}

/// The problem to report when the system's roots reject a certificate: a fingerprint mismatch if another certificate was known for this
/// host.
fn fingerprint_problem(problem: CertificateProblem, known: &[Fingerprint]) -> CertificateProblem {
    match problem {
        CertificateProblem::Revoked => problem,
        _ if !known.is_empty() => CertificateProblem::FingerprintMismatch,
        CertificateProblem::UnknownIssuer { .. } | CertificateProblem::SelfSigned => CertificateProblem::NotPinned,
        other => other,
    }
}

fn is_among(fingerprints: &[Fingerprint], certificate: &[u8]) -> bool {
    fingerprints.iter().any(|fingerprint| fingerprint.matches(certificate))
}

/// The certificate verifier that a client gives to rustls.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    verify_policy: Arc<VerifyPolicy>,
    algorithms: WebPkiSupportedAlgorithms,
    /// The host whose name the certificate must carry, if it is not the one sent as SNI.
    host: Option<String>,
}

impl ServerVerifier {
    pub(super) fn new(
        verify_policy: Arc<VerifyPolicy>,
        algorithms: WebPkiSupportedAlgorithms,
        host: Option<&str>,
    ) -> Self {
        Self { verify_policy, algorithms, host: host.map(ToOwned::to_owned) }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let name = server_name.to_str();
        let host = self.host.as_deref().unwrap_or(&name);
        through_rustls(self.verify_policy.verify(end_entity, intermediates, host, now))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
