//! Tests of REQUIRE clauses: accounts parse them, and core checks the negotiated parameters of a connection against them.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};

use sealwire_accounts::{admit, parse_requirement};
use sealwire_core::Facts;
use sealwire_core::facts::{TlsFacts, TlsVersion, Transport, Verification};

fn named(attributes: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), *value);
    }
    params
}

/// A certificate with this subject, issued by `/C=FI/CN=ca`.
fn certificate(subject: &[(DnType, &str)]) -> Vec<u8> {
    let mut ca = named(&[(DnType::CountryName, "FI"), (DnType::CommonName, "ca")]);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(ca, KeyPair::generate().unwrap());
    let key = KeyPair::generate().unwrap();
    named(subject).signed_by(&key, &issuer).unwrap().der().to_vec()
}

fn facts(peer_chain: Vec<Vec<u8>>, verification: Verification) -> Facts {
    let tls = TlsFacts {
        version: TlsVersion::V1_3,
        suite: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        cipher: "ECDHE-RSA-AES256-GCM-SHA384",
        group: None,
        sni: None,
        alpn: None,
        resumed: false,
        peer_chain,
        verification,
    };
    Facts { tls: Some(tls), ..Facts::default() }
}

fn client() -> Facts {
    let subject = [(DnType::OrganizationName, "x"), (DnType::CommonName, "client")];
    facts([certificate(&subject)].into(), Verification::Ca)
}

/// The line in the server's log, or `OK`.
fn verdict(clause: &str, facts: &Facts) -> String {
    admit(&parse_requirement(clause).unwrap(), facts).map_or_else(|refusal| refusal.to_string(), |()| "OK".to_string())
}

#[test]
fn plaintext_satisfies_none_only_and_a_socket_is_plaintext() {
    let plain = Facts { transport: Transport::UnixSocket, ..Facts::default() };
    assert_eq!(verdict("REQUIRE NONE", &plain), "OK");
    for clause in ["REQUIRE SSL", "REQUIRE X509", "REQUIRE CIPHER 'x'"] {
        assert_eq!(verdict(clause, &plain), "TLS mismatch: should be 'TLS' but is 'plaintext'");
    }
}

#[test]
fn a_certificate_counts_only_if_it_is_there_and_verified() {
    let none = facts(Vec::new(), Verification::None);
    let claimed = facts(Vec::new(), Verification::Ca);
    let unverified = facts([certificate(&[(DnType::CommonName, "client")])].into(), Verification::None);
    assert_eq!(verdict("REQUIRE SSL", &none), "OK");
    for clause in ["REQUIRE X509", "REQUIRE SUBJECT '/CN=client'", "REQUIRE CIPHER 'ECDHE-RSA-AES256-GCM-SHA384'"] {
        for facts in [&none, &claimed] {
            assert_eq!(
                verdict(clause, facts),
                "X509 certificate mismatch: the account demands a client certificate and none was sent"
            );
        }
        assert_eq!(
            verdict(clause, &unverified),
            "X509 certificate mismatch: should be 'a verified certificate' but is 'one that no trusted CA has issued'"
        );
    }
    assert_eq!(verdict("REQUIRE X509", &client()), "OK");
    assert_eq!(verdict("REQUIRE X509", &facts([b"junk".to_vec()].into(), Verification::Ca)), "OK");
    assert!(
        verdict("REQUIRE SUBJECT 'x'", &facts([b"junk".to_vec()].into(), Verification::Ca)).contains("can't be read")
    );
}

#[test]
fn ciphers_are_compared_with_case_by_either_name() {
    let facts = client();
    assert_eq!(verdict("REQUIRE CIPHER 'ECDHE-RSA-AES256-GCM-SHA384'", &facts), "OK");
    assert_eq!(verdict("REQUIRE CIPHER 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'", &facts), "OK");
    for other in ["ecdhe-rsa-aes256-gcm-sha384", "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA", "AES128-SHA"] {
        assert_eq!(
            verdict(&format!("REQUIRE CIPHER '{other}'"), &facts),
            format!("X509 ciphers mismatch: should be '{other}' but is 'ECDHE-RSA-AES256-GCM-SHA384'")
        );
    }
}

#[test]
fn names_are_compared_whole_and_with_case() {
    let facts = client();
    assert_eq!(verdict("REQUIRE SUBJECT '/O=x/CN=client' AND ISSUER '/C=FI/CN=ca'", &facts), "OK");
    for other in ["/O=x", "/CN=client", "/CN=client/O=x", "/O=x/CN=Client", "/O=x/CN=client/", "O=x,CN=client"] {
        assert_eq!(
            verdict(&format!("REQUIRE SUBJECT '{other}'"), &facts),
            format!("X509 subject mismatch: should be '{other}' but is '/O=x/CN=client'")
        );
    }
    assert_eq!(
        verdict("REQUIRE SUBJECT '/O=x/CN=client' ISSUER '/CN=ca'", &facts),
        "X509 issuer mismatch: should be '/CN=ca' but is '/C=FI/CN=ca'"
    );
}

#[test]
fn all_clauses_must_hold() {
    let facts = client();
    let good = [("CIPHER", "ECDHE-RSA-AES256-GCM-SHA384"), ("ISSUER", "/C=FI/CN=ca"), ("SUBJECT", "/O=x/CN=client")];
    for bad in 0..3 {
        let clause: Vec<String> = good
            .iter()
            .enumerate()
            .map(|(at, (word, value))| format!("{word} '{}'", if at == bad { "/CN=bad" } else { value }))
            .collect();
        assert!(verdict(&format!("REQUIRE {}", clause.join(" AND ")), &facts).contains("mismatch"));
    }
}

#[test]
fn a_name_that_reads_in_two_ways_never_matches() {
    let forged = facts([certificate(&[(DnType::OrganizationName, "x/CN=client")])].into(), Verification::Ca);
    assert_eq!(
        verdict("REQUIRE SUBJECT '/O=x/CN=client'", &forged),
        "X509 subject mismatch: should be '/O=x/CN=client' but is '/O=x\\/CN=client (the text in REQUIRE stands for several \
         names; require the name in this form)'"
    );
    // A slash that begins no attribute can be read in one way only.
    let harmless = facts([certificate(&[(DnType::CommonName, "db/replica")])].into(), Verification::Ca);
    assert_eq!(verdict("REQUIRE SUBJECT '/CN=db/replica'", &harmless), "OK");
    // A backslash that is not an escape can be read as one.
    let escaped = facts([certificate(&[(DnType::CommonName, "\\xC3\\xA9")])].into(), Verification::Ca);
    assert!(verdict("REQUIRE SUBJECT '/CN=\\\\xC3\\\\xA9'", &escaped).contains("stands for several names"));
    let accented = facts([certificate(&[(DnType::CommonName, "é")])].into(), Verification::Ca);
    assert_eq!(verdict("REQUIRE SUBJECT '/CN=\\\\xC3\\\\xA9'", &accented), "OK");
    // Every name can be written as a text that no other name shares.
    assert_eq!(verdict("REQUIRE SUBJECT '/O=x\\\\/CN=client'", &forged), "OK");
    assert_eq!(verdict("REQUIRE SUBJECT '/CN=\\\\x5CxC3\\\\x5CxA9'", &escaped), "OK");
}
