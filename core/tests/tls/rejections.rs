//! Handshakes that must fail, each for a different reason.

use rcgen::{
    CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, KeyIdMethod, PKCS_ECDSA_P256_SHA256,
    PKCS_ED25519, RevokedCertParams, SerialNumber, date_time_ymd,
};
use sealwire_core::tls::{
    CertificateInfo, CertificateProblem, ClientContext, ClientOptions, ConstraintViolation, Fingerprint, NamedPem,
    ServerContext, TlsError, TlsLayer, Trust,
};

use crate::handshake::pem_der;
use crate::support::*;

/// Connects, and returns the reason why the client refused the server's certificate. The server must receive an alert.
fn refusal_at(client: &ClientContext, identity: &Identity, now: std::time::Duration) -> CertificateProblem {
    let server = server(identity);
    let (client_result, server_result) = Pair::at(client, &server, now, Some(HOST)).run();
    assert!(matches!(server_result, Err(TlsError::AlertReceived(_))), "{server_result:?}");
    let Err(TlsError::CertificateRejected { problem, fingerprint_sha256, subject }) = client_result else {
        panic!("{client_result:?}");
    };
    let info = CertificateInfo::from_der(&pem_der(identity)).unwrap();
    assert_eq!(fingerprint_sha256, info.fingerprint_sha256);
    assert_eq!(subject, info.subject.to_slash());
    problem
}

fn refusal(client: &ClientContext, identity: &Identity) -> CertificateProblem {
    refusal_at(client, identity, NOW)
}

fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = params("server", &[HOST]);
    change(&mut params);
    params
}

#[test]
fn an_unknown_issuer_is_named() {
    let problem = refusal(&client(Trust::Ca, ca_pem(&ca("Named CA"))), &good(&ca("Other CA")));
    let CertificateProblem::UnknownIssuer { issuer } = &problem else { panic!("{problem:?}") };
    assert!(issuer.contains("CN=Other CA"), "{issuer}");
    // The same where the server sends the root, as those with OpenSSL do by default.
    let other = ca("Other CA");
    let mut with_root = good(&other);
    with_root.cert = NamedPem::new("chain.pem", [&with_root.cert.pem[..], other.pem().as_bytes()].concat());
    for version in ["TLSv1.2", "TLSv1.3"] {
        let mut options = client_options(Trust::Ca, ca_pem(&ca("Named CA")));
        options.versions = Some(version.to_owned());
        let problem = refusal(&ClientContext::build(options).unwrap(), &with_root);
        assert_eq!(problem, CertificateProblem::UnknownIssuer { issuer: issuer.clone() }, "{version}");
    }
    let v1 = Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") };
    let problem = refusal(&client(Trust::Ca, data!("v1-ca.pem")), &v1);
    assert_eq!(problem, CertificateProblem::UnknownIssuer { issuer: "/C=FI/O=Sealwire/CN=Test CA".into() });
}

#[test]
fn a_ca_of_the_same_name_with_another_key_is_no_ca() {
    let (named, other) = (ca("Twin CA"), ca("Twin CA"));
    assert_eq!(refusal(&client(Trust::Ca, ca_pem(&named)), &good(&other)), CertificateProblem::BadSignature);
}

#[test]
fn a_self_signed_certificate_must_be_named() {
    let identity = Identity { cert: data!("ec-cert.pem"), key: data!("ec-key-sec1.pem") };
    assert_eq!(refusal(&client(Trust::Ca, data!("ca.pem")), &identity), CertificateProblem::SelfSigned);
}

#[test]
fn periods_are_kept_at_both_ends_and_by_the_ca_too() {
    let ca = ca("Period CA");
    let short = issue(
        &ca,
        &with(|params| {
            params.not_before = date_time_ymd(2027, 1, 10);
            params.not_after = date_time_ymd(2027, 1, 20);
        }),
        &PKCS_ED25519,
    );
    let client = client(Trust::Ca, ca_pem(&ca));
    Pair::new(&client, &server(&short)).connect();
    let late = refusal_at(&client, &short, NOW + YEAR);
    assert!(
        matches!(&late, CertificateProblem::Expired { certificate, not_after }
        if certificate.contains("CN=server") && not_after == "Jan 20 00:00:00 2027 GMT"),
        "{late:?}"
    );
    let early = refusal_at(&client, &short, NOW - YEAR / 12);
    assert!(
        matches!(&early, CertificateProblem::NotYetValid { not_before, .. } if not_before == "Jan 10 00:00:00 2027 GMT")
    );
    let long = issue(&ca, &with(|params| params.not_after = date_time_ymd(2090, 1, 1)), &PKCS_ED25519);
    let past_ca = refusal_at(&client, &long, NOW + YEAR * 20);
    assert!(matches!(&past_ca, CertificateProblem::Expired { certificate, .. } if certificate.contains("Period CA")));
}

#[test]
fn a_version_1_certificate_has_a_period_too() {
    let identity = Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") };
    let client = client(Trust::Ca, data!("ca.pem"));
    assert!(matches!(refusal_at(&client, &identity, NOW + YEAR * 100), CertificateProblem::Expired { .. }));
    assert!(matches!(refusal_at(&client, &identity, NOW - YEAR), CertificateProblem::NotYetValid { .. }));
}

#[test]
fn other_names_are_listed() {
    let ca = ca("Names CA");
    // The common name is ignored if there are alternative names.
    let identity = issue(&ca, &params(HOST, &["a.example.com", "10.0.0.1"]), &PKCS_ED25519);
    let problem = refusal(&client(Trust::CaAndIdentity, ca_pem(&ca)), &identity);
    let presented = vec!["a.example.com".to_owned(), "10.0.0.1".to_owned()];
    assert_eq!(problem, CertificateProblem::NotValidForName { expected: HOST.into(), presented });
}

#[test]
fn a_version_1_certificate_for_another_host_is_refused() {
    let identity = Identity { cert: data!("client-cert.pem"), key: data!("client-key.pem") };
    let problem = refusal(&client(Trust::CaAndIdentity, data!("ca.pem")), &identity);
    let presented = vec!["client".to_owned()];
    assert_eq!(problem, CertificateProblem::NotValidForName { expected: HOST.into(), presented });
}

#[test]
fn an_address_among_the_dns_names_is_said_to_be_one() {
    let ca = ca("Address CA");
    let params = with(|params| {
        let name = "127.0.0.1".to_owned().try_into().unwrap();
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    });
    let server = server(&issue(&ca, &params, &PKCS_ED25519));
    let client = client(Trust::CaAndIdentity, ca_pem(&ca));
    let mut pair = Pair::at(&client, &server, NOW, None);
    pair.client = TlsLayer::client(&client, "127.0.0.1", None, NOW).unwrap();
    let error = pair.run().0.unwrap_err().to_string();
    assert!(error.contains("it is for 127.0.0.1 (as a DNS name, where it must be an IP address), not for"), "{error}");
}

#[test]
fn the_host_is_verified_and_not_the_sni() {
    let ca = ca("SNI CA");
    let identity = issue(&ca, &params("proxy", &["proxy.example.net"]), &PKCS_ED25519);
    let client = client(Trust::CaAndIdentity, ca_pem(&ca));
    let mut pair = Pair::at(&client, &server(&identity), NOW, Some("proxy.example.net"));
    let (result, _) = pair.run();
    assert!(
        matches!(&result, Err(TlsError::CertificateRejected { problem: CertificateProblem::NotValidForName { expected, .. }, .. })
            if expected == HOST),
        "{result:?}"
    );
}

#[test]
fn a_certificate_for_clients_is_none_for_servers() {
    let ca = ca("Purpose CA");
    let params = with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let identity = issue(&ca, &params, &PKCS_ED25519);
    let certificate = "/CN=server".to_owned();
    assert_eq!(refusal(&client(Trust::Ca, ca_pem(&ca)), &identity), CertificateProblem::WrongPurpose { certificate });
}

/// `openssl req -x509 -CA` makes such certificates by default.
#[test]
fn a_ca_as_server_is_accepted_below_a_ca_that_was_named_alone() {
    let root = ca("CA above");
    let params = with(|params| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let identity = issue(&root, &params, &PKCS_ED25519);
    Pair::new(&client(Trust::CaAndIdentity, ca_pem(&root)), &server(&identity)).connect();
    let trust = Trust::SystemRoots { roots: vec![root.der().clone()], known: vec![] };
    let by_roots = ClientContext::build(ClientOptions::new(provider(), trust)).unwrap();
    assert_eq!(refusal(&by_roots, &identity), CertificateProblem::CaUsedAsEndEntity);
}

#[test]
fn what_is_no_ca_vouches_for_nobody() {
    // A server's certificate, version 3, is the issuer of another one.
    let root = ca("Root");
    let key = rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let rogue = Ca::signed_by(params("Rogue", &["rogue"]), key, &root).unwrap();
    let mut identity = good(&rogue);
    identity.cert.pem.extend(rogue.pem().into_bytes());
    let no_ca = |name: &str| CertificateProblem::Constraint {
        certificate: name.to_owned(),
        violation: ConstraintViolation::NotCa,
    };
    assert_eq!(refusal(&client(Trust::CaAndIdentity, ca_pem(&root)), &identity), no_ca("/CN=Rogue"));
    // The same with version 1, which can't say whether the certificate is a CA's.
    let mut identity = Identity { cert: data!("under-v1-cert.pem"), key: data!("server-key.pem") };
    identity.cert.pem.extend(data!("v1-intermediate.pem").pem.clone());
    assert_eq!(refusal(&client(Trust::CaAndIdentity, data!("ca.pem")), &identity), no_ca("/CN=Version 1 CA"));
}

#[test]
fn weak_algorithms_are_named() {
    let sha1 = Identity { cert: data!("sha1-cert.pem"), key: data!("server-key.pem") };
    let problem = refusal(&client(Trust::Ca, data!("ca.pem")), &sha1);
    let algorithm = "the signature algorithm sha1WithRSAEncryption".to_owned();
    assert_eq!(problem, CertificateProblem::UnsupportedAlgorithm { algorithm });
    let weak = Identity { cert: data!("under-weak-cert.pem"), key: data!("server-key.pem") };
    let problem = refusal(&client(Trust::Ca, data!("weak-ca.pem")), &weak);
    assert_eq!(problem, CertificateProblem::UnsupportedAlgorithm { algorithm: "the key RSA 1024".into() });
}

#[test]
fn another_fingerprint_than_the_given_one_is_refused() {
    let ca = ca("Fingerprint CA");
    let other = Fingerprint::sha256_of(b"another certificate");
    let mut options = client_options(Trust::Fingerprint(vec![other.clone()]), ca_pem(&ca));
    // A trusted CA does not help, because the user gave the fingerprint of one certificate.
    let given = ClientContext::build(options.clone()).unwrap();
    assert_eq!(refusal(&given, &good(&ca)), CertificateProblem::FingerprintMismatch);
    options.trust = Trust::SystemRoots { roots: vec![], known: vec![other] };
    let remembered = ClientContext::build(options).unwrap();
    assert_eq!(refusal(&remembered, &good(&ca)), CertificateProblem::FingerprintMismatch);
}

#[test]
fn a_fingerprint_does_not_outlive_the_certificate() {
    let identity = Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") };
    let trust = Trust::Fingerprint(vec![Fingerprint::sha256_of(&pem_der(&identity))]);
    let client = ClientContext::build(ClientOptions::new(provider(), trust)).unwrap();
    assert!(matches!(refusal_at(&client, &identity, NOW + YEAR * 100), CertificateProblem::Expired { .. }));
}

#[test]
fn where_nothing_is_known_the_fingerprint_is_offered() {
    let trust = Trust::SystemRoots { roots: vec![ca("Some root").der().clone()], known: vec![] };
    let client = ClientContext::build(ClientOptions::new(provider(), trust)).unwrap();
    let identity = good(&ca("Private CA"));
    assert_eq!(refusal(&client, &identity), CertificateProblem::NotPinned);
    let error = Pair::new(&client, &server(&identity)).run().0.unwrap_err();
    let hint = error.hint().unwrap();
    let fingerprint = Fingerprint::sha256_of(&pem_der(&identity)).to_string();
    assert!(hint.contains(&format!("--ssl-fp={fingerprint}")), "{hint}");
}

/// A version 2 revocation list of this CA, current for a year.
pub(crate) fn revocations(ca: &Ca, serials: &[u64]) -> NamedPem {
    let revoked = serials.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: date_time_ymd(2027, 1, 1),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2027, 1, 1),
        next_update: date_time_ymd(2028, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    NamedPem::new("ca.crl", params.signed_by(ca).unwrap().pem().unwrap())
}

pub(crate) fn revocable_ca(name: &str) -> Ca {
    let mut params = params(name, &[]);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    Ca::self_signed(params, rcgen::KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()).unwrap()
}

#[test]
fn revocation_is_enforced_and_fails_closed() {
    let ca = revocable_ca("Revoking CA");
    let identity = issue(&ca, &with(|params| params.serial_number = Some(SerialNumber::from(77))), &PKCS_ED25519);
    let with_list = |list: NamedPem| {
        let mut options = client_options(Trust::CaAndIdentity, ca_pem(&ca));
        options.crls = vec![list];
        ClientContext::build(options).unwrap()
    };
    Pair::new(&with_list(revocations(&ca, &[1, 2, 3])), &server(&identity)).connect();
    assert_eq!(refusal(&with_list(revocations(&ca, &[3, 77])), &identity), CertificateProblem::Revoked);
    let stale = refusal_at(&with_list(revocations(&ca, &[])), &identity, NOW + YEAR * 2);
    let out_of_date = |problem: &CertificateProblem| {
        let text = problem.to_string();
        text.contains("no current CRL of its issuer") && text.ends_with("is out of date since Jan  1 00:00:00 2028 GMT")
    };
    assert!(out_of_date(&stale), "{stale}");
    let foreign = refusal(&with_list(revocations(&revocable_ca("Another CA"), &[])), &identity);
    assert!(matches!(foreign, CertificateProblem::RevocationUnknown { given: None, .. }), "{foreign:?}");
    let forged = refusal(&with_list(revocations(&revocable_ca("Revoking CA"), &[77])), &identity);
    assert!(matches!(forged, CertificateProblem::RevocationUnknown { given: None, .. }), "{forged:?}");
    let early = refusal_at(&with_list(revocations(&ca, &[])), &identity, NOW - YEAR / 20).to_string();
    assert!(early.contains("valid only from"), "{early}");
}

/// As with OpenSSL (error 35), a CA whose key usage does not allow it to sign revocation lists is refused together with its list.
#[test]
fn a_ca_that_may_not_sign_lists_is_refused_with_its_list() {
    let signing = revocable_ca("Revoking CA");
    // The same CA, with the same name and key, without cRLSign.
    let mut bare = params("Revoking CA", &[]);
    bare.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    bare.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let bare = Ca::self_signed(bare, rcgen::KeyPair::from_pem(&signing.key().serialize_pem()).unwrap()).unwrap();
    let identity = issue(&bare, &with(|params| params.serial_number = Some(SerialNumber::from(77))), &PKCS_ED25519);
    let trusting = |cas: &[&Ca], list: NamedPem| {
        let mut options = client_options(Trust::CaAndIdentity, ca_pem(&bare));
        options.ca = cas.iter().map(|ca| ca_pem(ca)).collect();
        options.crls = vec![list];
        ClientContext::build(options).unwrap()
    };
    let may_not = CertificateProblem::MayNotSignLists { issuer: "/CN=Revoking CA".to_owned() };
    for serials in [&[][..], &[77]] {
        assert_eq!(refusal(&trusting(&[&bare], revocations(&signing, serials)), &identity), may_not);
    }
    let (text, hint) = (may_not.to_string(), "Renew the CA's certificate with cRLSign");
    assert_eq!(text, "the key usage of its issuer /CN=Revoking CA does not allow it to sign CRLs (cRLSign)");
    // Beside the renewed certificate of the CA, which may sign lists, the old one does no harm.
    for cas in [[&bare, &signing], [&signing, &bare]] {
        Pair::new(&trusting(&cas, revocations(&signing, &[1])), &server(&identity)).connect();
        let revoked = refusal(&trusting(&cas, revocations(&signing, &[77])), &identity);
        assert_eq!(revoked, CertificateProblem::Revoked);
    }
    for versions in ["TLSv1.2", "TLSv1.3"] {
        let lists = vec![revocations(&signing, &[])];
        let (at_server, at_client) = client_refusal(&identity, ca_pem(&bare), lists, versions);
        let TlsError::CertificateRejected { problem, .. } = &at_server else { panic!("{at_server:?}") };
        assert_eq!(problem, &may_not);
        assert!(at_server.hint().unwrap().starts_with(hint));
        assert_eq!(at_client, TlsError::AlertReceived("certificate_unknown"));
    }
}

/// The server's error for a client with this certificate, and the client's error.
fn client_refusal(
    identity: &Identity,
    authority: NamedPem,
    crls: Vec<NamedPem>,
    versions: &str,
) -> (TlsError, TlsError) {
    let mut options = server_options(&Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") });
    options.ca = vec![authority];
    options.crls = crls;
    let server = ServerContext::build(options).unwrap();
    let mut options = client_options(Trust::CaAndIdentity, data!("ca.pem"));
    options.cert = Some(identity.cert.clone());
    options.key = Some(identity.key.clone());
    options.versions = Some(versions.to_owned());
    let (client_result, server_result) = Pair::new(&ClientContext::build(options).unwrap(), &server).run();
    (server_result.unwrap_err(), client_result.unwrap_err())
}

#[test]
fn a_server_refuses_clients_that_do_not_verify_in_the_handshake() {
    let v1 = Identity { cert: data!("client-cert.pem"), key: data!("client-key.pem") };
    let own_ca = ca("Client's own CA");
    let v3 = issue(&own_ca, &params("client", &[]), &PKCS_ED25519);
    for versions in ["TLSv1.2", "TLSv1.3"] {
        let (at_server, at_client) = client_refusal(&v1, data!("ca.pem"), vec![data!("revokes-client.crl")], versions);
        assert!(
            matches!(&at_server, TlsError::CertificateRejected { problem: CertificateProblem::Revoked, .. }),
            "{at_server:?}"
        );
        assert_eq!(at_client, TlsError::AlertReceived("certificate_revoked"));
        let (at_server, at_client) = client_refusal(&v3, data!("ca.pem"), vec![], versions);
        assert_eq!(at_client, TlsError::AlertReceived("unknown_ca"));
        assert!(
            matches!(&at_server, TlsError::CertificateRejected { problem: CertificateProblem::UnknownIssuer { .. }, subject, .. }
                if subject == "/CN=client"),
            "{at_server:?}"
        );
    }
}

/// The alert is the only information for the peer.
#[test]
fn the_alert_says_the_reason() {
    let own = revocable_ca("Alert CA");
    let serial =
        |number: u64| move |params: &mut CertificateParams| params.serial_number = Some(SerialNumber::from(number));
    let good = issue(&own, &with(serial(1)), &PKCS_ED25519);
    let revoked = issue(&own, &with(serial(2)), &PKCS_ED25519);
    let expired = issue(&own, &with(|params| params.not_after = date_time_ymd(2026, 6, 1)), &PKCS_ED25519);
    let for_clients = issue(
        &own,
        &with(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        &PKCS_ED25519,
    );
    let elsewhere = issue(&own, &params("elsewhere", &["elsewhere.example.com"]), &PKCS_ED25519);
    let stranger = issue(&ca("Another CA"), &with(|_| ()), &PKCS_ED25519);
    let same_name = issue(&revocable_ca("Alert CA"), &with(|_| ()), &PKCS_ED25519);
    let mut options = client_options(Trust::CaAndIdentity, ca_pem(&own));
    options.crls = vec![revocations(&own, &[2])];
    for versions in ["TLSv1.2", "TLSv1.3"] {
        options.versions = Some(versions.to_owned());
        let client = ClientContext::build(options.clone()).unwrap();
        Pair::new(&client, &server(&good)).connect();
        for (identity, alert) in [
            (&revoked, "certificate_revoked"),
            (&expired, "certificate_expired"),
            (&for_clients, "unsupported_certificate"),
            (&elsewhere, "bad_certificate"),
            (&stranger, "unknown_ca"),
            (&same_name, "unknown_ca"),
        ] {
            let (_, heard) = Pair::new(&client, &server(identity)).run();
            assert_eq!(heard, Err(TlsError::AlertReceived(alert)));
        }
    }
}

#[test]
fn bytes_that_are_not_tls_are_called_so() {
    let ca = ca("Noise CA");
    let context = client(Trust::Ca, ca_pem(&ca));
    let mut layer = TlsLayer::client(&context, HOST, None, NOW).unwrap();
    let error =
        layer.feed(&mut b"\x17\0\0\x02\xff\x15\x04Too many connections".to_vec(), &mut Vec::new(), NOW).unwrap_err();
    assert!(matches!(error, TlsError::NotTls | TlsError::Protocol(_)), "{error:?}");
    // The failure is final, and nothing can be sealed any more.
    assert_eq!(layer.feed(&mut b"".to_vec(), &mut Vec::new(), NOW), Err(error.clone()));
    assert_eq!(layer.seal(b"secret", &mut Vec::new()), Err(error));
    let mut server = TlsLayer::server(&server(&good(&ca))).unwrap();
    assert_eq!(server.feed(&mut b"\x03SELECT 1;".to_vec(), &mut Vec::new(), NOW), Err(TlsError::NotTls));
}

#[test]
fn sides_without_a_common_version_or_cipher_say_so() {
    let ca = ca("Common CA");
    let identity = good(&ca);
    let run = |client_change: fn(&mut ClientOptions), server_change: fn(&mut sealwire_core::tls::ServerOptions)| {
        let mut options = client_options(Trust::Ca, ca_pem(&ca));
        client_change(&mut options);
        let client = ClientContext::build(options).unwrap();
        let mut options = server_options(&identity);
        server_change(&mut options);
        Pair::new(&client, &ServerContext::build(options).unwrap()).run()
    };
    let (at_client, at_server) =
        run(|client| client.versions = Some("TLSv1.3".into()), |server| server.versions = Some("TLSv1.2".into()));
    assert_eq!(at_server, Err(TlsError::NoCommonVersion));
    assert_eq!(at_client, Err(TlsError::AlertReceived("protocol_version")));
    let (at_client, at_server) = run(
        |client| client.ciphersuites = Some("TLS_AES_128_GCM_SHA256".into()),
        |server| {
            server.ciphersuites = Some("TLS_AES_256_GCM_SHA384".into());
            server.versions = Some("TLSv1.3".into());
        },
    );
    assert_eq!(at_server, Err(TlsError::NoCommonCipher));
    assert_eq!(at_client, Err(TlsError::AlertReceived("handshake_failure")));
    assert!(at_client.unwrap_err().hint().unwrap().contains("ssl-cipher"));
    // The cipher is enabled, but the certificate's key is not of its kind.
    let (at_client, at_server) = run(
        |client| {
            client.ciphers = Some("ECDHE-RSA-AES128-GCM-SHA256".into());
            client.versions = Some("TLSv1.2".into());
        },
        |_| {},
    );
    let unfit = TlsError::NoCipherForKey { cipher: "ECDHE-RSA-AES128-GCM-SHA256", needed: "RSA" };
    assert!(unfit.to_string().contains("ECDHE-RSA-AES128-GCM-SHA256, but they need a certificate with an RSA key"));
    assert_eq!((at_client, at_server), (Err(TlsError::AlertReceived("handshake_failure")), Err(unfit)));
    // Of TLS 1.3 the server lacks the cipher.
    let (_, at_server) = run(
        |client| {
            client.ciphers = Some("ECDHE-RSA-AES128-GCM-SHA256".into());
            client.ciphersuites = Some("TLS_AES_128_GCM_SHA256".into());
        },
        |server| server.ciphersuites = Some("TLS_AES_256_GCM_SHA384".into()),
    );
    assert_eq!(at_server, Err(TlsError::NoCommonCipher));
}
