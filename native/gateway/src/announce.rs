//! The PROXY header by which a server learns of the client behind the gateway.

use std::net::SocketAddr;

use sealwire_core::facts::{Facts, TlsFacts};
use sealwire_core::proxy_protocol::{ClientTls, Endpoints, Header};
use sealwire_core::tls::CertificateInfo;

/// A server that refuses the header answers behind its greeting or where TLS is due, or closes.
pub(super) const NO_HEADER: &str =
    "; perhaps it accepts no PROXY header from the gateway's address: see its proxy_protocol_networks";

/// The header that the servers of a pool get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Announce {
    /// None.
    Nothing,
    /// Version 1: the addresses.
    Line,
    /// Version 2: the addresses.
    Binary,
    /// Version 2 with the client's TLS and server name.
    BinaryWithTls,
}

impl Announce {
    pub(super) const NAMES: [(&'static str, Self); 4] =
        [("none", Self::Nothing), ("v1", Self::Line), ("v2", Self::Binary), ("v2-ssl", Self::BinaryWithTls)];

    /// The header for a connection of the gateway's own, which checks the server.
    pub(super) fn of_gateway(self) -> Vec<u8> {
        self.encode(&Header::default())
    }

    /// The header for a client: the address that it comes from, and the address that it connected to.
    pub(super) fn of_client(self, source: SocketAddr, destination: SocketAddr, facts: Option<&Facts>) -> Vec<u8> {
        let mut header = Header { endpoints: Some(Endpoints { source, destination }), ..Header::default() };
        if self == Self::BinaryWithTls {
            header.authority = facts.and_then(|facts| facts.tls.as_ref()).and_then(|tls| tls.sni.clone());
            // A server must not take the gateway's own TLS and certificate for those of a client that has none.
            header.tls = Some(tls_of_client(facts));
        }
        self.encode(&header)
    }

    fn encode(self, header: &Header) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Nothing => {}
            Self::Line => header.write_line(&mut bytes),
            Self::Binary | Self::BinaryWithTls => header.write(&mut bytes),
        }
        bytes
    }
}

/// A client's TLS: as a proxy before the gateway tells it, else as the gateway has seen it.
pub(super) fn tls_of_client(facts: Option<&Facts>) -> ClientTls {
    // Behind a proxy there is TLS on both ways, or none.
    let tls = facts.and_then(|facts| facts.tls.as_ref());
    let told = facts.and_then(|facts| facts.client_tls.as_deref());
    tls.map(|tls| told.cloned().unwrap_or_else(|| seen(tls))).unwrap_or_default()
}

fn seen(tls: &TlsFacts) -> ClientTls {
    let certificate = tls.peer_chain.first().filter(|_| tls.verification.is_verified());
    let subject = certificate.and_then(|der| CertificateInfo::from_der(der).ok()).map(|info| info.subject);
    ClientTls {
        is_encrypted: true,
        version: Some(tls.version.name().to_owned()),
        cipher: Some(tls.cipher.to_owned()),
        common_name: subject.and_then(|name| String::from_utf8(name.common_names().next()?.to_vec()).ok()),
        certificate: certificate.cloned(),
        is_verified: certificate.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use sealwire_core::facts::{TlsVersion, Verification};
    use sealwire_core::proxy_protocol::{Start, read};

    use super::*;

    fn facts() -> Facts {
        let tls = TlsFacts {
            version: TlsVersion::V1_3,
            suite: "TLS13_AES_256_GCM_SHA384",
            cipher: "TLS_AES_256_GCM_SHA384",
            group: None,
            sni: Some("db.example.com".to_owned()),
            alpn: None,
            resumed: false,
            peer_chain: vec![b"a certificate".to_vec()],
            verification: Verification::None,
        };
        Facts { tls: Some(tls), ..Facts::default() }
    }

    fn header(announce: Announce, facts: &Facts) -> Header {
        let end = |text: &str| text.parse().unwrap();
        let bytes = announce.of_client(end("192.0.2.1:4000"), end("10.0.0.1:3306"), Some(facts));
        match read(&bytes).unwrap() {
            Start::Header { header, .. } => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_kind_tells_as_much_as_its_name_says() {
        for announce in [Announce::Line, Announce::Binary] {
            let header = header(announce, &facts());
            assert_eq!(header.endpoints.unwrap().source.to_string(), "192.0.2.1:4000");
            assert_eq!((header.tls, header.authority), (None, None));
        }
        let whole = header(Announce::BinaryWithTls, &facts());
        assert_eq!(whole.authority.as_deref(), Some("db.example.com"));
        let tls = whole.tls.unwrap();
        assert_eq!((tls.version.as_deref(), tls.cipher.as_deref()), (Some("TLSv1.3"), Some("TLS_AES_256_GCM_SHA384")));
        assert_eq!((tls.certificate, tls.is_verified), (None, false), "nobody has verified it");
        let plain = header(Announce::BinaryWithTls, &Facts::default());
        assert_eq!(plain.tls, Some(ClientTls::default()), "the server hears that the client has none");
        assert_eq!(Announce::Nothing.of_gateway(), b"");
        assert_eq!(Announce::Line.of_gateway(), b"PROXY UNKNOWN\r\n");
    }

    #[test]
    fn a_verified_certificate_and_the_tls_before_another_proxy_are_passed_on() {
        let mut facts = facts();
        facts.tls.as_mut().unwrap().verification = Verification::Ca;
        let tls = header(Announce::BinaryWithTls, &facts).tls.unwrap();
        assert_eq!((tls.certificate.as_deref(), tls.is_verified), (Some(&b"a certificate"[..]), true));
        let first = ClientTls { is_encrypted: true, common_name: Some("ada".to_owned()), ..ClientTls::default() };
        facts.client_tls = Some(Box::new(first.clone()));
        assert_eq!(header(Announce::BinaryWithTls, &facts).tls, Some(first));
        facts.tls = None;
        let told = header(Announce::BinaryWithTls, &facts).tls;
        assert_eq!(told, Some(ClientTls::default()), "plaintext from the first proxy");
    }
}
