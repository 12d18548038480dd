//! Certificates for the names that clients ask for.

use sealwire_core::tls::{CertificateInfo, NamedCertificate, NamedPem, ServerContext, ServerOptions, TlsError, Trust};

use crate::support::*;

fn named(host: &str, identity: &Identity) -> NamedCertificate {
    NamedCertificate { host: host.to_owned(), cert: identity.cert.clone(), key: identity.key.clone() }
}

/// The common name of the certificate that a client gets which asks for `sni`.
fn shown(server: &ServerContext, ca: &NamedPem, sni: Option<&str>) -> String {
    let (facts, _) = Pair::at(&client(Trust::Ca, ca.clone()), server, NOW, sni).connect();
    let info = CertificateInfo::from_der(&facts.peer_chain[0]).unwrap();
    info.subject.to_slash()
}

#[test]
fn the_name_that_a_client_asks_for_chooses_the_certificate() {
    let ca = ca("CA of names");
    let made = |name: &str, hosts: &[&str]| issue(&ca, &params(name, hosts), &rcgen::PKCS_ECDSA_P256_SHA256);
    let options = ServerOptions {
        named: vec![
            named("*.example.com", &made("wild", &["*.example.com"])),
            named("DB.example.com", &made("whole", &["db.example.com"])),
            named("db.example.net", &made("net", &["other.example.net"])),
        ],
        ..server_options(&made("default", &[HOST]))
    };
    let server = ServerContext::build(options).unwrap();
    let pem = ca_pem(&ca);
    for (sni, subject) in [
        (None, "/CN=default"),
        (Some("db.example.com"), "/CN=whole"),
        (Some("web.EXAMPLE.com"), "/CN=wild"),
        (Some("a.web.example.com"), "/CN=default"),
        (Some("example.com"), "/CN=default"),
        (Some("db.example.net"), "/CN=net"),
        (Some("example.net"), "/CN=default"),
    ] {
        assert_eq!(shown(&server, &pem, sni), subject, "{sni:?}");
    }
    let all: Vec<_> = server.own_certificates().map(|own| (own.host, own.info.subject.to_slash())).collect();
    let expected = [(None, "/CN=default"), (Some("*.example.com"), "/CN=wild"), (Some("DB.example.com"), "/CN=whole")];
    assert_eq!(all[..3], expected.map(|(host, subject)| (host, subject.to_owned())));
    assert_eq!(server.certificate().subject.to_slash(), "/CN=default");
    let notes = server.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("does not carry the name 'db.example.net'"), "{notes:?}");
}

#[test]
fn names_that_nobody_can_ask_for_are_refused() {
    let ca = ca("CA of refused names");
    let identity = good(&ca);
    for (hosts, why) in [
        (&["*"][..], "no host name"),
        (&["*.com"], "two labels"),
        (&["d*.example.com"], "no host name"),
        (&["127.0.0.1"], "no host name"),
        (&["bücher.example.com"], "no host name"),
        (&["", "x"], "no host name"),
        (&["db.example.com", "DB.example.com"], "given twice"),
    ] {
        let named = hosts.iter().map(|host| named(host, &identity)).collect();
        match ServerContext::build(ServerOptions { named, ..server_options(&identity) }) {
            Err(TlsError::Config(text)) => {
                assert!(text.starts_with("option '--ssl-sni-cert' for '") && text.contains(why), "{text}");
            }
            other => panic!("{hosts:?}: {:?}", other.map(|_| ())),
        }
    }
    let mut mixed = named("db.example.com", &identity);
    mixed.key = good(&ca).key;
    let error = ServerContext::build(ServerOptions { named: vec![mixed], ..server_options(&identity) }).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("for 'db.example.com'") && text.contains("does not match"), "{text}");
}
