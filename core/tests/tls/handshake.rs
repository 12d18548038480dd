//! Handshakes that succeed.

use std::sync::{Arc, Mutex};

use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519};
use sealwire_core::facts::{TlsVersion, Verification};
use sealwire_core::tls::{
    ClientContext, ClientOptions, Fingerprint, ServerContext, ServerOptions, TlsError, TlsLayer, Trust,
};

use crate::support::*;

fn rsa_v1() -> Identity {
    Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") }
}

#[test]
fn every_version_and_kind_of_key_in_every_delivery() {
    let ca = ca("Test CA of keys");
    let names = params("server", &[HOST]);
    let kinds = [
        (issue(&ca, &names, &PKCS_ED25519), ca_pem(&ca)),
        (issue(&ca, &names, &PKCS_ECDSA_P256_SHA256), ca_pem(&ca)),
        (rsa_v1(), data!("ca.pem")),
        (Identity { cert: data!("ec-cert.pem"), key: data!("ec-key-sec1.pem") }, data!("ec-cert.pem")),
    ];
    for (identity, ca) in kinds {
        for (versions, version) in [("TLSv1.2", TlsVersion::V1_2), ("TLSv1.3", TlsVersion::V1_3)] {
            let mut options = client_options(Trust::CaAndIdentity, ca.clone());
            options.versions = Some(versions.to_owned());
            let client = ClientContext::build(options).unwrap();
            let server = server(&identity);
            for chunk in [1, 5, 1000, usize::MAX] {
                let mut pair = Pair::new(&client, &server);
                pair.chunk = chunk;
                let (at_client, at_server) = pair.connect();
                assert_eq!((at_client.version, at_server.version), (version, version));
                assert_eq!((at_client.suite, at_client.cipher), (at_server.suite, at_server.cipher));
                assert_eq!(at_client.verification, Verification::CaAndIdentity);
                assert_eq!(at_server.verification, Verification::None);
                assert_eq!(at_server.sni.as_deref(), Some(HOST));
                assert_eq!(at_client.peer_chain.len(), 1);
                pair.talk();
            }
        }
    }
}

#[test]
fn the_group_is_named() {
    let ca = ca("Group CA");
    let (at_client, at_server) = Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server(&good(&ca))).connect();
    assert_eq!((at_client.group, at_server.group), (Some("X25519"), Some("X25519")));
}

#[test]
fn verify_ca_does_not_look_at_names() {
    let ca = ca("Nameless CA");
    let identity = issue(&ca, &params("other", &["other.example.com"]), &PKCS_ED25519);
    let (facts, _) = Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server(&identity)).connect();
    assert_eq!(facts.verification, Verification::Ca);
}

#[test]
fn without_verification_anybody_will_do_and_the_facts_say_so() {
    let client = ClientContext::build(ClientOptions::new(provider(), Trust::NoVerification)).unwrap();
    let (facts, _) = Pair::new(&client, &server(&good(&ca("Unknown CA")))).connect();
    assert_eq!(facts.verification, Verification::None);
    assert!(!facts.verification.is_verified());
    assert_eq!(facts.peer_chain.len(), 1);
}

#[test]
fn a_fingerprint_vouches_alone() {
    let der = pem_der(&rsa_v1());
    let trust = Trust::Fingerprint(vec![Fingerprint::sha256_of(&der)]);
    let client = ClientContext::build(ClientOptions::new(provider(), trust)).unwrap();
    let (facts, _) = Pair::new(&client, &server(&rsa_v1())).connect();
    assert_eq!(facts.verification, Verification::Fingerprint);
    assert_eq!(facts.peer_chain, [der]);
}

#[test]
fn roots_or_a_known_fingerprint_vouch() {
    let ca = ca("System root");
    let known_identity = issue(&self::ca("Private CA"), &params("x", &["x"]), &PKCS_ED25519);
    let known = vec![Fingerprint::sha256_of(&pem_der(&known_identity))];
    let trust = Trust::SystemRoots { roots: vec![ca.der().clone()], known };
    let client = ClientContext::build(ClientOptions::new(provider(), trust)).unwrap();
    let (by_root, _) = Pair::new(&client, &server(&good(&ca))).connect();
    assert_eq!(by_root.verification, Verification::SystemRootsAndIdentity);
    let (by_fingerprint, _) = Pair::new(&client, &server(&known_identity)).connect();
    assert_eq!(by_fingerprint.verification, Verification::Fingerprint);
}

/// The certificate of an identity, in DER.
pub(crate) fn pem_der(identity: &Identity) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::from_pem_slice(&identity.cert.pem).unwrap().to_vec()
}

#[test]
fn self_signed_certificates_are_accepted_when_named() {
    // A certificate as `openssl req -x509` makes it: CA:TRUE, used as the server's own certificate.
    let identity = Identity { cert: data!("ec-cert.pem"), key: data!("ec-key-sec1.pem") };
    let (facts, _) = Pair::new(&client(Trust::CaAndIdentity, data!("ec-cert.pem")), &server(&identity)).connect();
    assert_eq!(facts.verification, Verification::CaAndIdentity);
}

#[test]
fn a_ca_of_version_1_is_accepted_when_named() {
    let identity = Identity { cert: data!("under-v1-cert.pem"), key: data!("server-key.pem") };
    let (facts, _) = Pair::new(&client(Trust::CaAndIdentity, data!("v1-ca.pem")), &server(&identity)).connect();
    assert_eq!(facts.verification, Verification::CaAndIdentity);
}

#[test]
fn intermediates_in_the_server_file_lead_to_the_root() {
    let root = ca("Root");
    let mut middle_params = params("Middle", &[]);
    middle_params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let key = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let middle = Ca::signed_by(middle_params, key, &root).unwrap();
    let mut identity = good(&middle);
    identity.cert.pem.extend(middle.pem().into_bytes());
    let (facts, _) = Pair::new(&client(Trust::CaAndIdentity, ca_pem(&root)), &server(&identity)).connect();
    assert_eq!(facts.peer_chain.len(), 2);
}

#[test]
fn clients_show_certificates_of_either_version() {
    let ca = ca("Client CA");
    let v3 = issue(&ca, &params("client", &[]), &PKCS_ED25519);
    let v1 = Identity { cert: data!("client-cert.pem"), key: data!("client-key.pem") };
    for (own, authority, versions) in
        [(&v3, ca_pem(&ca), "TLSv1.3"), (&v1, data!("ca.pem"), "TLSv1.3"), (&v1, data!("ca.pem"), "TLSv1.2")]
    {
        let mut options = server_options(&rsa_v1());
        options.ca = vec![authority];
        let server = ServerContext::build(options).unwrap();
        let mut options = client_options(Trust::Ca, data!("ca.pem"));
        options.cert = Some(own.cert.clone());
        options.key = Some(own.key.clone());
        options.versions = Some(versions.to_owned());
        let mut pair = Pair::new(&ClientContext::build(options).unwrap(), &server);
        let (_, at_server) = pair.connect();
        assert_eq!(at_server.verification, Verification::Ca);
        assert_eq!(at_server.peer_chain, [pem_der(own)]);
        pair.talk();
    }
}

#[test]
fn a_client_certificate_is_asked_for_but_not_demanded() {
    let mut options = server_options(&rsa_v1());
    options.ca = vec![data!("ca.pem")];
    let server = ServerContext::build(options).unwrap();
    assert!(server.asks_for_client_certificate());
    let (_, at_server) = Pair::new(&client(Trust::Ca, data!("ca.pem")), &server).connect();
    assert_eq!(at_server.verification, Verification::None);
    assert!(at_server.peer_chain.is_empty());
}

#[test]
fn sni_is_sent_only_when_given_and_may_be_another_name() {
    let ca = ca("SNI CA");
    let (client, server) = (client(Trust::CaAndIdentity, ca_pem(&ca)), server(&good(&ca)));
    for sni in [None, Some(HOST), Some("proxy.example.net")] {
        let (at_client, at_server) = Pair::at(&client, &server, NOW, sni).connect();
        assert_eq!((at_client.sni.as_deref(), at_server.sni.as_deref()), (sni, sni));
        assert_eq!(at_client.verification, Verification::CaAndIdentity);
    }
}

#[test]
fn addresses_are_verified_and_odd_host_names_work_where_names_do_not_matter() {
    let ca = ca("Address CA");
    let server = server(&issue(&ca, &params("a", &["127.0.0.1", "::1"]), &PKCS_ED25519));
    for host in ["127.0.0.1", "::1"] {
        let client = client(Trust::CaAndIdentity, ca_pem(&ca));
        let mut pair = Pair::new(&client, &server);
        pair.client = TlsLayer::client(&client, host, None, NOW).unwrap();
        assert_eq!(pair.connect().0.verification, Verification::CaAndIdentity, "{host}");
    }
    let client = client(Trust::Ca, ca_pem(&ca));
    let mut pair = Pair::new(&client, &server);
    pair.client = TlsLayer::client(&client, "not a host name", None, NOW).unwrap();
    assert_eq!(pair.connect().0.verification, Verification::Ca);
}

#[test]
fn alpn_is_agreed() {
    let ca = ca("ALPN CA");
    let mut options = server_options(&good(&ca));
    options.alpn = vec![b"mysql".to_vec()];
    let server = ServerContext::build(options).unwrap();
    let mut options = client_options(Trust::Ca, ca_pem(&ca));
    options.alpn = vec![b"other".to_vec(), b"mysql".to_vec()];
    let (at_client, at_server) = Pair::new(&ClientContext::build(options).unwrap(), &server).connect();
    assert_eq!(at_client.alpn.as_deref(), Some(&b"mysql"[..]));
    assert_eq!(at_server.alpn, at_client.alpn);
}

#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl rustls::KeyLog for Lines {
    fn log(&self, label: &str, _client_random: &[u8], _secret: &[u8]) {
        self.0.lock().unwrap().push(label.to_owned());
    }
}

#[test]
fn session_keys_are_logged_for_wireshark() {
    let ca = ca("Key log CA");
    for (versions, label) in [("TLSv1.2", "CLIENT_RANDOM"), ("TLSv1.3", "CLIENT_TRAFFIC_SECRET_0")] {
        let (client_log, server_log) = (Arc::new(Lines::default()), Arc::new(Lines::default()));
        let mut options = client_options(Trust::Ca, ca_pem(&ca));
        options.key_log = Some(client_log.clone());
        options.versions = Some(versions.to_owned());
        let server =
            ServerContext::build(ServerOptions { key_log: Some(server_log.clone()), ..server_options(&good(&ca)) });
        Pair::new(&ClientContext::build(options).unwrap(), &server.unwrap()).connect();
        for log in [client_log, server_log] {
            assert!(log.0.lock().unwrap().iter().any(|line| line == label), "{versions}");
        }
    }
}

#[test]
fn closing_is_seen_and_final() {
    let ca = ca("Closing CA");
    let mut pair = Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server(&good(&ca)));
    pair.connect();
    pair.client.close();
    pair.run().0.unwrap();
    assert!(pair.server.peer_has_closed());
    assert!(!pair.client.peer_has_closed());
    assert_eq!(pair.server.feed(&mut b"ignored".to_vec(), &mut pair.server_got, NOW), Ok(()));
    assert!(pair.server_got.is_empty());
    let mut out = Vec::new();
    assert_eq!(pair.client.seal(b"late", &mut out), Err(TlsError::Closed));
    assert!(out.is_empty());
}

#[test]
fn nothing_is_sealed_before_the_handshake() {
    let ca = ca("Early CA");
    let mut pair = Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server(&good(&ca)));
    assert_eq!(pair.client.seal(b"password", &mut Vec::new()), Err(TlsError::HandshakeNotComplete));
    assert!(pair.client.is_handshaking() && pair.client.facts().is_none());
    pair.connect();
    pair.talk();
}

#[test]
fn data_that_comes_with_the_last_handshake_bytes_is_not_lost() {
    let ca = ca("Coalescing CA");
    let mut pair = Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server(&good(&ca)));
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    pair.client.take_output(&mut to_server);
    pair.server.feed(&mut to_server, &mut Vec::new(), NOW).unwrap();
    pair.server.take_output(&mut to_client);
    pair.client.feed(&mut to_client, &mut Vec::new(), NOW).unwrap();
    to_server.clear();
    // `seal` appends the client's Finished first.
    pair.client.seal(b"at once", &mut to_server).unwrap();
    assert!(!pair.client.has_output());
    pair.server.feed(&mut to_server, &mut pair.server_got, NOW).unwrap();
    assert_eq!(pair.server_got, b"at once");
}

#[test]
fn what_comes_after_our_own_goodbye_is_dropped_readable_or_not() {
    let ca = ca("Goodbye CA");
    for garbage in [&[23, 3, 3, 0, 4, 1, 2, 3, 4][..], b"no TLS at all", &[22, 3, 3, 0, 4, 2, 0, 0, 0]] {
        for handshaking in [true, false] {
            let mut pair = Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server(&good(&ca)));
            if !handshaking {
                pair.connect();
            }
            for side in [&mut pair.client, &mut pair.server] {
                side.close();
                assert_eq!(side.feed(&mut garbage.to_vec(), &mut pair.client_got, pair.now), Ok(()));
            }
        }
    }
}
