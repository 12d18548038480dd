//! How a server verifies clients: it asks for a certificate, accepts a client without one, and refuses an invalid one.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

use super::chain::Authority;
use super::purpose::Purpose;
use super::rejection::{Rejection, through_rustls};
use super::signature::{verify_tls12, verify_tls13};

/// The certificate verifier that a server gives to rustls.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    authority: Arc<Authority>,
    algorithms: WebPkiSupportedAlgorithms,
    hints: Vec<DistinguishedName>,
    demands_certificate: bool,
}

impl ClientVerifier {
    pub(super) fn new(
        authority: Arc<Authority>,
        algorithms: WebPkiSupportedAlgorithms,
        demands_certificate: bool,
    ) -> Self {
        let hints = authority.subjects().map(|subject| DistinguishedName::from(subject.to_vec())).collect();
        Self { authority, algorithms, hints, demands_certificate }
    }
}

/// Checks a client's chain.
pub(super) fn verify_client(
    authority: &Authority,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Rejection> {
    authority.verify(leaf, intermediates, Purpose::Client, now).map_err(|problem| Rejection::of(problem, leaf))
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.demands_certificate
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        through_rustls(verify_client(&self.authority, end_entity, intermediates, now))?;
        Ok(ClientCertVerified::assertion())
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
