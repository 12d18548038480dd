//! Settings that are accepted, and settings that are refused with a clear message of one line.

use rcgen::PKCS_ED25519;
use sealwire_core::facts::TlsVersion;
use sealwire_core::secret::Secret;
use sealwire_core::tls::ciphers::CIPHERS;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, TlsError, Trust};

use crate::support::*;

fn server_error(change: impl FnOnce(&mut ServerOptions)) -> String {
    let identity = Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") };
    let mut options = server_options(&identity);
    change(&mut options);
    match ServerContext::build(options) {
        Err(TlsError::Config(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn client_error(change: impl FnOnce(&mut ClientOptions)) -> String {
    let mut options = ClientOptions::new(provider(), Trust::NoVerification);
    change(&mut options);
    match ClientContext::build(options) {
        Err(TlsError::Config(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_cipher_can_be_chosen_by_either_name() {
    let ca = ca("Cipher CA");
    let ecdsa = good(&ca);
    let rsa = Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") };
    for cipher in CIPHERS {
        let (identity, ca) =
            if cipher.iana.contains("_RSA_") { (&rsa, data!("ca.pem")) } else { (&ecdsa, ca_pem(&ca)) };
        for name in [cipher.iana.to_owned(), cipher.openssl.to_owned(), cipher.openssl.to_lowercase()] {
            let mut options = client_options(Trust::Ca, ca.clone());
            options.ciphers = Some(name);
            let client = ClientContext::build(options).unwrap();
            let mut options = server_options(identity);
            options.versions = Some(cipher.version.name().to_owned());
            let (facts, at_server) = Pair::new(&client, &ServerContext::build(options).unwrap()).connect();
            assert_eq!((facts.suite, facts.cipher, facts.version), (cipher.iana, cipher.openssl, cipher.version));
            assert_eq!(at_server.cipher, cipher.openssl);
        }
    }
    assert_eq!(CIPHERS.len(), provider().cipher_suites.len());
}

#[test]
fn ciphers_of_one_version_leave_the_other_alone() {
    let context = |ciphers: &str, ciphersuites: Option<&str>| {
        let mut options = server_options(&Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") });
        options.ciphers = Some(ciphers.to_owned());
        options.ciphersuites = ciphersuites.map(ToOwned::to_owned);
        ServerContext::build(options).unwrap().ciphers().collect::<Vec<_>>().join(":")
    };
    assert_eq!(
        context("ECDHE-RSA-AES256-GCM-SHA384", Some("TLS_CHACHA20_POLY1305_SHA256")),
        "TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-GCM-SHA384"
    );
    assert!(context("ECDHE-RSA-AES256-GCM-SHA384", None).contains("TLS_AES_128_GCM_SHA256:"));
    assert_eq!(context("ECDHE-RSA-AES256-GCM-SHA384", Some("")), "ECDHE-RSA-AES256-GCM-SHA384");
    assert_eq!(context("TLS_AES_128_GCM_SHA256", None), "TLS_AES_128_GCM_SHA256");
    let high = context("HIGH:!aNULL:!MD5:!ECDHE-RSA-AES128-GCM-SHA256", Some(""));
    assert!(high.contains("ECDHE-RSA-AES256-GCM-SHA384") && !high.contains("ECDHE-RSA-AES128"), "{high}");
}

#[test]
fn ciphers_that_cannot_be_done_are_named_with_what_to_use() {
    let only = |list: &str| server_error(|options| options.ciphers = Some(list.to_owned()));
    let text = only("DHE-RSA-AES256-SHA");
    assert!(text.contains("'DHE-RSA-AES256-SHA' is not supported; use 'ECDHE-RSA-AES256-GCM-SHA384'"), "{text}");
    assert!(only("AES128-SHA").contains("'ECDHE-RSA-AES128-GCM-SHA256'"));
    assert!(only("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA").contains("'ECDHE-ECDSA-AES128-GCM-SHA256'"));
    let text = only("ECDHE-RSA-AES256-GCM-SHA348");
    assert!(
        text.contains("no cipher 'ECDHE-RSA-AES256-GCM-SHA348'") && text.contains("ECDHE-RSA-AES256-GCM-SHA384"),
        "{text}"
    );
    let text = server_error(|options| options.ciphersuites = Some("ECDHE-RSA-AES256-GCM-SHA384".into()));
    assert!(text.contains("ssl-cipher"), "{text}");
    assert!(only("!ALL").contains("leaves no cipher"));
}

#[test]
fn a_cipher_left_out_of_a_longer_list_is_a_note() {
    let mut options = server_options(&Identity { cert: data!("server-cert.pem"), key: data!("server-key.pem") });
    options.ciphers = Some("DHE-RSA-AES256-SHA:ECDHE-RSA-AES128-GCM-SHA256".into());
    options.versions = Some("TLSv1.1,TLSv1.2".into());
    let context = ServerContext::build(options).unwrap();
    assert_eq!(context.ciphers().collect::<Vec<_>>(), ["ECDHE-RSA-AES128-GCM-SHA256"]);
    assert_eq!(context.versions(), [TlsVersion::V1_2]);
    let notes = context.notes().join("\n");
    assert!(notes.contains("DHE-RSA-AES256-SHA") && notes.contains("TLSv1.1 is insecure"), "{notes}");
}

#[test]
fn versions_are_read_and_refused() {
    let text = |versions: &str| client_error(|options| options.versions = Some(versions.to_owned()));
    assert!(text("TLSv1,TLSv1.1").contains("TLSv1 is insecure and not supported; use TLSv1.2,TLSv1.3"));
    assert!(text("TLSv1.9").contains("no version 'TLSv1.9'"));
    assert!(text("").contains("tls-version is empty"));
    let text = client_error(|options| {
        options.versions = Some("TLSv1.3".into());
        options.ciphersuites = Some(String::new());
    });
    assert!(text.contains("no cipher of the versions"), "{text}");
}

#[test]
fn keys_are_read_in_every_form() {
    let ca = data!("ca.pem");
    let cert = data!("server-cert.pem");
    for key in [data!("server-key.pem"), data!("server-key-pkcs1.pem")] {
        let context = server(&Identity { cert: cert.clone(), key });
        Pair::new(&client(Trust::CaAndIdentity, ca.clone()), &context).connect();
    }
    // One file with certificate and key.
    let mut both = cert.clone();
    both.pem.extend(data!("server-key.pem").pem.clone());
    let options = ServerOptions { cert: Some(both), ..ServerOptions::new(provider()) };
    Pair::new(&client(Trust::CaAndIdentity, ca), &ServerContext::build(options).unwrap()).connect();
}

#[test]
fn encrypted_keys_need_the_right_passphrase() {
    let with = |key: NamedPem, passphrase: Option<&str>| {
        let mut options = ClientOptions::new(provider(), Trust::NoVerification);
        options.cert = Some(data!("client-cert.pem"));
        options.key = Some(key);
        options.passphrase = passphrase.map(Secret::from);
        ClientContext::build(options).map(drop).map_err(|error| error.to_string())
    };
    let encrypted = || data!("client-key-encrypted.pem");
    assert_eq!(with(encrypted(), Some("opensesame")), Ok(()));
    assert_eq!(with(data!("client-key-hmac-sha1.pem"), Some("opensesame")), Ok(()));
    let wrong = with(encrypted(), Some("wrong")).unwrap_err();
    assert!(wrong.contains("'client-key-encrypted.pem'") && wrong.contains("passphrase is wrong"), "{wrong}");
    assert!(!wrong.contains("'wrong'"));
    assert!(with(encrypted(), None).unwrap_err().contains("no passphrase was given"));
    let old = with(data!("client-key-traditional.pem"), Some("opensesame")).unwrap_err();
    assert!(old.contains("openssl pkcs8 -topk8"), "{old}");
}

#[test]
fn a_key_that_cannot_be_used_is_told_by_kind_and_size() {
    for (key, kind) in [
        (data!("rsa1024-key.pem"), "it is RSA 1024, and RSA of at least 2048 bits"),
        (data!("ed448-key.pem"), "it is Ed448, "),
        (data!("secp256k1-key.pem"), "it is ECDSA secp256k1, "),
        (data!("explicit-key.pem"), "it is ECDSA with the numbers of its curve"),
    ] {
        let name = key.name.clone();
        let text = server_error(|options| options.key = Some(key));
        assert!(text.starts_with(&format!("'{name}' holds a private key that can't be used: {kind}")), "{text}");
    }
}

#[test]
fn a_file_that_was_cut_is_refused_and_not_used_in_part() {
    let whole = data!("server-cert.pem");
    let mut cut = whole.pem.clone();
    cut.extend_from_slice(&data!("ca.pem").pem[..300]);
    let cut = NamedPem::new("cut.pem", cut);
    for text in [
        server_error(|options| options.cert = Some(cut.clone())),
        server_error(|options| options.ca = vec![cut.clone()]),
    ] {
        assert!(
            text.starts_with("'cut.pem' is cut short or damaged: 2 blocks begin in it, and 1 can be read"),
            "{text}"
        );
    }
}

#[test]
fn files_that_do_not_fit_are_named() {
    let mismatch = server_error(|options| options.key = Some(data!("client-key.pem")));
    assert!(mismatch.starts_with("Private key does not match the certificate public key"), "{mismatch}");
    assert!(mismatch.contains("'client-key.pem'") && mismatch.contains("'server-cert.pem'"), "{mismatch}");
    assert!(mismatch.contains("give the two that were made together"), "{mismatch}");
    let missing = server_error(|options| (options.cert, options.key) = (None, None));
    assert!(missing.contains("not usable without certificate and private key"), "{missing}");
    let text = server_error(|options| options.cert = Some(NamedPem::new("x.pem", "hello")));
    assert!(text.contains("'x.pem' holds no certificate"), "{text}");
    let text = server_error(|options| options.key = Some(data!("server-cert.pem")));
    assert!(text.contains("'server-cert.pem' holds no private key"), "{text}");
    let text = server_error(|options| options.key = None);
    assert_eq!(text, "'server-cert.pem' holds a certificate and no private key: give its key with --ssl-key");
    let text = server_error(|options| options.cert = None);
    assert_eq!(
        text,
        "'server-key.pem' holds no certificate, but a private key alone: give its certificate with --ssl-cert"
    );
    let text = server_error(|options| std::mem::swap(&mut options.cert, &mut options.key));
    assert_eq!(
        text,
        "'server-key.pem' holds no certificate, and 'server-cert.pem' does: are --ssl-cert and --ssl-key swapped?"
    );
    let text = server_error(|options| options.ca = vec![data!("server-key.pem")]);
    assert!(text.contains("'server-key.pem' holds no certificate"), "{text}");
    let damaged = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let text = server_error(|options| options.cert = Some(NamedPem::new("damaged.pem", damaged)));
    assert!(text.contains("'damaged.pem'") && text.contains("can't be read"), "{text}");
    let text = server_error(|options| options.ca = vec![NamedPem::new("damaged.pem", damaged)]);
    assert!(text.contains("'damaged.pem'") && text.contains("can't be used as CA"), "{text}");
    let text = server_error(|options| options.crls = vec![data!("ca.pem")]);
    assert!(text.contains("'ca.pem' holds no revocation list"), "{text}");
    let text = client_error(|options| options.trust = Trust::Ca);
    assert!(text.contains("CA certificate is required if ssl-mode is VERIFY_CA"), "{text}");
    assert!(client_error(|options| options.trust = Trust::Fingerprint(vec![])).contains("no fingerprint"));
}

#[test]
fn the_own_order_of_ciphers_can_decide() {
    let ca = ca("Order CA");
    let identity = issue(&ca, &params("server", &[HOST]), &PKCS_ED25519);
    let run = |prefer_own_order| {
        let mut options = server_options(&identity);
        options.ciphersuites = Some("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384".into());
        options.prefer_own_order = prefer_own_order;
        let server = ServerContext::build(options).unwrap();
        Pair::new(&client(Trust::Ca, ca_pem(&ca)), &server).connect().0.cipher
    };
    assert_eq!(run(false), "TLS_AES_256_GCM_SHA384");
    assert_eq!(run(true), "TLS_CHACHA20_POLY1305_SHA256");
}

#[test]
fn options_never_print_a_key() {
    let text = format!("{:?}", data!("server-key.pem"));
    assert_eq!(text, "NamedPem(server-key.pem)");
}
