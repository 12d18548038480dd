//! Fuzzes PEM, certificates and names of hosts, subjects, ciphers and accounts, and the chains that a peer sends: one that the CA has not
//! signed byte for byte is never accepted.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use sealwire_accounts::{ClientHost, HostPattern};
use sealwire_core::tls::ciphers::cipher_by_name;
use sealwire_core::tls::identity::{CertificateInfo, Name};
use sealwire_core::tls::{
    ClientContext, ClientOptions, Fingerprint, NamedPem, ServerContext, ServerOptions, SslMode, TlsError, TlsLayer,
    Trust, verify_issued_by,
};

use crate::no_security;

const CA: &str = include_str!("../../../core/simnet/data/ca.pem");
const SERVER_KEY: &str = include_str!("../../../core/simnet/data/server-key.pem");
const SERVER: &str = include_str!("../../../core/simnet/data/server.pem");
const SERVER_OTHER_NAME: &str = include_str!("../../../core/simnet/data/server-other-name.pem");
const SERVER_V1: &str = include_str!("../../../core/simnet/data/server-v1.pem");
const HOST: &str = "db.example.com";
const NOW: Duration = Duration::from_secs(sealwire_simnet::START);

/// The first byte decides what the others are.
pub(super) fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    match mode % 4 {
        0 => files(data),
        1 => certificate(data),
        2 => names(data),
        _ => chain(data),
    }
}

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(no_security::provider()));

/// Takes the input as each kind of file that an option may name.
fn files(data: &[u8]) {
    let file = NamedPem::new("fuzzed.pem", data);
    assert!(!format!("{file:?}").contains("BEGIN"));
    if let Ok(certificates) = file.certificates() {
        assert!(!certificates.is_empty());
        certificates.iter().for_each(|one| certificate(one));
    }
    // No passphrase is used, because an encrypted key sets the cost of its own decryption.
    let key = file.private_key(None);
    if let Err(error) = &key {
        let text = error.to_string();
        assert!(text.contains("fuzzed.pem"), "{text}");
    }
    let mut client = ClientOptions::new(Arc::clone(&PROVIDER), Trust::CaAndIdentity);
    client.ca = vec![file.clone()];
    client.crls = vec![file.clone()];
    client.cert = Some(file.clone());
    let _ = ClientContext::build(client);
    let mut server = ServerOptions::new(Arc::clone(&PROVIDER));
    server.cert = Some(file.clone());
    server.key = Some(file);
    server.ca = vec![NamedPem::new("ca.pem", CA)];
    let _ = ServerContext::build(server);
}

/// Takes the input as a certificate in DER.
fn certificate(der: &[u8]) {
    if let Ok(info) = CertificateInfo::from_der(der) {
        for name in [&info.subject, &info.issuer] {
            slash(&name.to_slash());
        }
    }
    let _ = Name::from_der(der);
    let algorithms = &PROVIDER.signature_verification_algorithms;
    for issuer in [CA, SERVER] {
        let issuer = &NamedPem::new("issuer", issuer).certificates().expect("our own")[0];
        let _ = verify_issued_by(der, issuer, algorithms);
        let _ = verify_issued_by(issuer, der, algorithms);
    }
}

/// A name in slash form that was parsed is written in the same form from then on.
fn slash(text: &str) {
    if let Some(name) = Name::from_slash(text) {
        let once = name.to_slash();
        let again = Name::from_slash(&once).unwrap_or_else(|| panic!("{text:?} became {once:?}"));
        assert_eq!((again.to_slash(), &again), (once.clone(), &name), "{text:?} became {once:?}");
    }
}

/// Takes a line of text as each kind of name.
fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    slash(&text);
    let _ = (text.parse::<SslMode>(), cipher_by_name(&text));
    if let Ok(fingerprint) = text.parse::<Fingerprint>() {
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
    }
    for from in [
        ClientHost::Socket,
        ClientHost::Ip([192, 0, 2, 1].into()),
        ClientHost::Ip([0xfe80, 0, 0, 0, 0, 0, 0, 1].into()),
    ] {
        let _ = HostPattern::new(&text).matches(from);
    }
    let mut client = ClientOptions::new(Arc::clone(&PROVIDER), Trust::NoVerification);
    client.ciphers = Some(text.clone());
    let _ = ClientContext::build(client.clone());
    client.ciphers = None;
    client.ciphersuites = Some(text.clone());
    let _ = ClientContext::build(client.clone());
    client.ciphersuites = None;
    client.versions = Some(text.clone());
    let _ = ClientContext::build(client.clone());
    client.versions = None;
    if let Ok(context) = ClientContext::build(client) {
        let _ = TlsLayer::client(&context, &text, Some(&text), NOW);
    }
}

/// The trust anchors and certificates against which chains are judged.
struct Judge {
    by_trust: [ClientContext; 2],
    key: Arc<dyn SigningKey>,
    /// The certificates that the CA has signed for a server with that key; the last one is for another host.
    good: [Vec<u8>; 3],
}

thread_local! {
    static JUDGE: RefCell<Judge> = RefCell::new(Judge::new());
}

impl Judge {
    fn new() -> Self {
        let by_trust = [Trust::Ca, Trust::CaAndIdentity].map(|trust| {
            let mut options = ClientOptions::new(Arc::clone(&PROVIDER), trust);
            options.ca = vec![NamedPem::new("ca.pem", CA)];
            options.resumption = false;
            ClientContext::build(options).expect("our own CA")
        });
        let key = NamedPem::new("key", SERVER_KEY).private_key(None).expect("our own key");
        let key = PROVIDER.key_provider.load_private_key(key).expect("our own key");
        let good = [SERVER, SERVER_V1, SERVER_OTHER_NAME]
            .map(|pem| NamedPem::new("good", pem).certificates().expect("our own")[0].to_vec());
        Self { by_trust, key, good }
    }

    /// Makes a handshake with a server that has the key and sends this chain.
    fn show(&self, chain: Vec<CertificateDer<'static>>, trust: usize) -> Result<(), TlsError> {
        let certified = CertifiedKey::new(chain, Arc::clone(&self.key));
        let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .expect("TLS 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        let mut server = rustls::ServerConnection::new(Arc::new(config)).expect("a server");
        let mut client = TlsLayer::client(&self.by_trust[trust], HOST, None, NOW)?;
        for _ in 0..8 {
            let (mut bytes, mut plain) = (Vec::new(), Vec::new());
            client.take_output(&mut bytes);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                server.read_tls(&mut rest).expect("a slice");
                // The client's verdict on the chain is read below.
                if server.process_new_packets().is_err() {
                    break;
                }
            }
            bytes.clear();
            while server.wants_write() {
                server.write_tls(&mut bytes).expect("a vector");
            }
            client.feed(&mut bytes, &mut plain, NOW)?;
            if client.facts().is_some() {
                return Ok(());
            }
        }
        Err(TlsError::HandshakeNotComplete)
    }
}

/// A chain of certificates, each behind its length; the first byte decides the trust anchors.
fn chain(data: &[u8]) {
    let Some((&trust, mut rest)) = data.split_first() else { return };
    let mut chain: Vec<CertificateDer<'static>> = Vec::new();
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let (one, more) = more.split_at(usize::from(u16::from_le_bytes(*length)).min(more.len()));
        chain.push(one.to_vec().into());
        rest = more;
    }
    // rustls's server needs a certificate to send.
    let Some(leaf) = chain.first().filter(|leaf| !leaf.is_empty()).map(|leaf| leaf.to_vec()) else { return };
    let trust = usize::from(trust % 2);
    JUDGE.with_borrow(|judge| {
        let accepted = judge.show(chain, trust).is_ok();
        let good = &judge.good[..judge.good.len() - trust];
        assert!(
            !accepted || good.contains(&leaf),
            "a certificate was accepted that the CA has not signed for this host"
        );
    });
}
