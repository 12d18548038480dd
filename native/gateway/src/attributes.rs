//! The connection attributes by which a server learns of the client behind the gateway.

use std::net::SocketAddr;

use sealwire_core::facts::Facts;
use sealwire_core::tls::CertificateInfo;

use super::announce::tls_of_client;

/// The names of MySQL Router for what both have, and those of the gateway.
pub(super) fn of_client(peer: SocketAddr, connection_id: u32, facts: Option<&Facts>) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("_client_ip", peer.ip().to_canonical().to_string()),
        ("_client_port", peer.port().to_string()),
        ("_gateway", concat!("sealwire-gateway ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("_gateway_connection_id", connection_id.to_string()),
    ];
    let tls = tls_of_client(facts);
    // Without TLS the values are empty, so that a client can't claim others.
    all.push(("_client_ssl_cipher", tls.cipher.unwrap_or_default()));
    all.push(("_client_ssl_version", tls.version.unwrap_or_default()));
    let verified = tls.certificate.filter(|_| tls.is_verified);
    let certificate = verified.and_then(|der| CertificateInfo::from_der(&der).ok());
    all.push((
        "_client_ssl_subject",
        certificate.map(|certificate| certificate.subject.to_slash()).unwrap_or_default(),
    ));
    all
}
