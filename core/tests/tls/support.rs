//! Certificates, contexts, and a pair of connected sessions.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
    SignatureAlgorithm, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use sealwire_core::facts::TlsFacts;
use sealwire_core::tls::{
    ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, TlsError, TlsLayer, Trust,
};

/// 15 January 2027, within the validity period of all certificates here.
pub(crate) const NOW: Duration = Duration::from_secs(1_800_000_000);
pub(crate) const YEAR: Duration = Duration::from_secs(31_557_600);
pub(crate) const HOST: &str = "db.example.com";

macro_rules! data {
    ($name:literal) => {
        sealwire_core::tls::NamedPem::new($name, include_str!(concat!("../data/", $name)))
    };
}
pub(crate) use data;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A CA made for a test.
pub(crate) type Ca = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn params(common_name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

pub(crate) fn ca(common_name: &str) -> Ca {
    let mut params = params(common_name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ca::self_signed(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()).unwrap()
}

pub(crate) fn ca_pem(ca: &Ca) -> NamedPem {
    NamedPem::new("ca.pem", ca.pem())
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) cert: NamedPem,
    pub(crate) key: NamedPem,
}

pub(crate) fn issue(ca: &Ca, params: &CertificateParams, algorithm: &'static SignatureAlgorithm) -> Identity {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let cert = params.signed_by(&key, ca).unwrap();
    Identity {
        cert: NamedPem::new("server-cert.pem", cert.pem()),
        key: NamedPem::new("server-key.pem", key.serialize_pem()),
    }
}

/// A valid server certificate for [`HOST`].
pub(crate) fn good(ca: &Ca) -> Identity {
    issue(ca, &params("server", &[HOST]), &PKCS_ECDSA_P256_SHA256)
}

pub(crate) fn server_options(identity: &Identity) -> ServerOptions {
    ServerOptions {
        cert: Some(identity.cert.clone()),
        key: Some(identity.key.clone()),
        ..ServerOptions::new(provider())
    }
}

pub(crate) fn server(identity: &Identity) -> ServerContext {
    ServerContext::build(server_options(identity)).unwrap()
}

pub(crate) fn client_options(trust: Trust, ca: NamedPem) -> ClientOptions {
    ClientOptions { ca: vec![ca], ..ClientOptions::new(provider(), trust) }
}

pub(crate) fn client(trust: Trust, ca: NamedPem) -> ClientContext {
    ClientContext::build(client_options(trust, ca)).unwrap()
}

/// Two sessions connected by two queues of bytes.
pub(crate) struct Pair {
    pub(crate) client: TlsLayer,
    pub(crate) server: TlsLayer,
    /// The number of bytes to deliver at once.
    pub(crate) chunk: usize,
    pub(crate) now: Duration,
    pub(crate) client_got: Vec<u8>,
    pub(crate) server_got: Vec<u8>,
}

/// The result of the handshake on either side.
pub(crate) type Outcome = (Result<(), TlsError>, Result<(), TlsError>);

impl Pair {
    pub(crate) fn new(client: &ClientContext, server: &ServerContext) -> Self {
        Self::at(client, server, NOW, Some(HOST))
    }

    pub(crate) fn at(client: &ClientContext, server: &ServerContext, now: Duration, sni: Option<&str>) -> Self {
        Self {
            client: TlsLayer::client(client, HOST, sni, now).unwrap(),
            server: TlsLayer::server(server).unwrap(),
            chunk: usize::MAX,
            now,
            client_got: Vec::new(),
            server_got: Vec::new(),
        }
    }

    /// Moves bytes between the sides until none are left.
    pub(crate) fn run(&mut self) -> Outcome {
        let (mut client_result, mut server_result) = (Ok(()), Ok(()));
        while self.client.has_output() || self.server.has_output() {
            let mut bytes = Vec::new();
            self.client.take_output(&mut bytes);
            for chunk in chunks(&mut bytes, self.chunk) {
                server_result = server_result.and_then(|()| self.server.feed(chunk, &mut self.server_got, self.now));
            }
            bytes.clear();
            self.server.take_output(&mut bytes);
            for chunk in chunks(&mut bytes, self.chunk) {
                client_result = client_result.and_then(|()| self.client.feed(chunk, &mut self.client_got, self.now));
            }
        }
        (client_result, server_result)
    }

    /// Runs a handshake that must succeed, and returns the parameters that both sides report.
    pub(crate) fn connect(&mut self) -> (TlsFacts, TlsFacts) {
        assert_eq!(self.run(), (Ok(()), Ok(())));
        (self.client.facts().unwrap(), self.server.facts().unwrap())
    }

    /// Sends text both ways and checks that it arrives.
    pub(crate) fn talk(&mut self) {
        let mut bytes = Vec::new();
        self.client.seal(b"SELECT 1", &mut bytes).unwrap();
        for chunk in chunks(&mut bytes, self.chunk) {
            self.server.feed(chunk, &mut self.server_got, self.now).unwrap();
        }
        bytes.clear();
        self.server.seal(&[7; 40_000], &mut bytes).unwrap();
        for chunk in chunks(&mut bytes, self.chunk) {
            self.client.feed(chunk, &mut self.client_got, self.now).unwrap();
        }
        assert_eq!(self.server_got, b"SELECT 1");
        assert_eq!(self.client_got, [7; 40_000]);
    }
}

/// The bytes in pieces of at most `size`.
fn chunks(bytes: &mut [u8], size: usize) -> impl Iterator<Item = &mut [u8]> {
    let size = size.min(bytes.len()).max(1);
    bytes.chunks_mut(size)
}
