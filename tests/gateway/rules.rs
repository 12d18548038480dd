//! Every kind of rule against every kind of client: at the login, in a resumed session, and at COM_CHANGE_USER.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use sealwire::{Client, ClientError, Config};
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, Trust};
use sealwire_tests::certificates::{CA_SUBJECT, CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::{ask, connect, plain, secure};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::support::gateway;

/// The SPIFFE id in the client's certificate.
const ID: &str = "spiffe://example.org/ns/app/sa/client";

/// The clients: in plaintext, without a certificate, with one over each version of TLS, with one of another owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Plain,
    Bare,
    Certified,
    Old,
    Other,
}

const ALL: [Who; 5] = [Who::Plain, Who::Bare, Who::Certified, Who::Old, Who::Other];
/// A cipher of TLS 1.3 that all clients of that version have.
const CIPHER: &str = "TLS_AES_256_GCM_SHA384";

/// Users, their rules, and the clients that meet them.
fn rules() -> Vec<(&'static str, String, &'static [Who])> {
    use Who::{Bare, Certified, Old, Other};
    vec![
        ("anybody", "NONE".to_owned(), &ALL),
        ("encrypted", "SSL".to_owned(), &[Bare, Certified, Old, Other]),
        ("certified", "X509".to_owned(), &[Certified, Old, Other]),
        ("issued", format!("ISSUER '{CA_SUBJECT}'"), &[Certified, Old, Other]),
        ("issued_by_others", "ISSUER '/CN=another CA'".to_owned(), &[]),
        ("named", format!("SUBJECT '{CLIENT_SUBJECT}'"), &[Certified, Old]),
        ("ciphered", format!("CIPHER '{CIPHER}'"), &[Certified, Other]),
        ("identified", format!("SAN 'URI:{ID}'"), &[Certified, Old]),
        // The first letters of an id are no id.
        ("almost_identified", format!("SAN 'URI:{}'", &ID[..ID.len() - 1]), &[]),
        ("recent", "VERSION 'TLSv1.3'".to_owned(), &[Bare, Certified, Other]),
        ("all", format!("SUBJECT '{CLIENT_SUBJECT}' AND SAN 'URI:{ID}' AND VERSION 'TLSv1.3'"), &[Certified]),
    ]
}

/// A client's settings, whose sessions are resumed.
fn config(who: Who, user: &str, context: Option<&ClientContext>) -> Config {
    let Some(context) = context else { return plain(user) };
    assert_ne!(who, Who::Plain);
    secure(user, context)
}

fn context(who: Who, set: &CertificateSet, other: &CertificateSet) -> Option<ClientContext> {
    let pem = |path: &Path| NamedPem::new("certificate", fs::read(path).unwrap());
    let mut options = ClientOptions::new(Arc::new(ring::default_provider()), Trust::Ca);
    options.ca = vec![pem(&set.ca)];
    let shown = match who {
        Who::Plain => return None,
        Who::Bare => None,
        Who::Certified | Who::Old => Some(set),
        Who::Other => Some(other),
    };
    (options.cert, options.key) =
        (shown.map(|shown| pem(&shown.client_cert)), shown.map(|shown| pem(&shown.client_key)));
    options.versions = Some(if who == Who::Old { "TLSv1.2" } else { "TLSv1.3" }.to_owned());
    Some(ClientContext::build(options).unwrap())
}

/// Whether the user is let in, or refused as a server refuses.
#[track_caller]
fn is_let_in<T>(outcome: Result<T, ClientError>, what: &str) -> bool {
    let Err(error) = outcome else { return true };
    // A client in plaintext may be refused by the server, too.
    assert!(error.to_string().contains("1045"), "{what}: {error}");
    false
}

#[test]
fn every_rule_judges_every_client_in_every_way() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    let set = CertificateSet::by_openssl(&folder);
    CertificateSet::rename_client(&folder, "/O=Sealwire tests/CN=another", "URI:spiffe://example.org/ns/app/sa/other");
    // The keys are replaced below.
    let kept = place.path().join("other");
    fs::create_dir(&kept).unwrap();
    let other = CertificateSet::in_folder(&kept);
    fs::copy(&set.client_cert, &other.client_cert).unwrap();
    fs::copy(&set.client_key, &other.client_key).unwrap();
    CertificateSet::rename_client(&folder, CLIENT_SUBJECT, &format!("URI:{ID}"));

    let rules = rules();
    let accounts =
        rules.iter().map(|(user, ..)| Kind::Sealwired.create_user(user, "mysql_native_password", PASSWORD, "SSL"));
    let settings = Settings { certificates: Some(set.clone()), statements: accounts.collect(), ..Settings::default() };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let text: String =
        rules.iter().map(|(user, rule, _)| format!("ALTER USER '{user}'@'%' REQUIRE {rule};\n")).collect();
    let file = place.path().join("rules.sql");
    fs::write(&file, text).unwrap();
    let (file, ca) = (format!("--rules-file={}", file.display()), format!("--ssl-ca={}", set.ca.display()));
    let gateway = gateway(&set, &[server.port], &set, &[&file, &ca, "--skip-require-secure-transport"]);

    // The log has few lines about refusals in each period, so these come first.
    for (who, user) in [(Who::Other, "identified"), (Who::Old, "recent")] {
        let context = context(who, &set, &other);
        assert!(!is_let_in(connect(gateway.port, config(who, user, context.as_ref())), user));
    }
    gateway.says(&format!("X509 SAN mismatch: should be '{ID}' but is 'spiffe://example.org/ns/app/sa/other'"));
    gateway.says("TLS version mismatch: should be 'TLSv1.3' but is 'TLSv1.2'");

    for who in ALL {
        let context = context(who, &set, &other);
        let log_in = |user: &str| connect(gateway.port, config(who, user, context.as_ref()));
        let mut first = log_in("anybody").unwrap();
        // The ticket has come by then.
        assert_eq!(ask(&mut first, "SELECT 1").unwrap(), "1");
        let is_resumed = |client: &Client<TcpStream>| client.facts().tls.as_ref().is_some_and(|tls| tls.resumed);
        assert!(!is_resumed(&first));
        for (user, rule, meet) in &rules {
            let meets = meet.contains(&who);
            // A fresh context makes a full handshake; the kept one resumes its session.
            let fresh = self::context(who, &set, &other);
            let full = connect(gateway.port, config(who, user, fresh.as_ref()));
            assert!(!full.as_ref().is_ok_and(is_resumed));
            assert_eq!(is_let_in(full, user), meets, "{who:?} at REQUIRE {rule}");

            let mut resumed = log_in("anybody").unwrap();
            assert_eq!(is_resumed(&resumed), who != Who::Plain, "{who:?}");
            ask(&mut resumed, "SELECT 1").unwrap();
            let outcome = log_in(user);
            assert!(outcome.as_ref().map_or(true, |client| is_resumed(client) == (who != Who::Plain)));
            assert_eq!(is_let_in(outcome, user), meets, "{who:?}, resumed, at REQUIRE {rule}");

            let changed = resumed.change_user(user, PASSWORD.into(), None);
            assert_eq!(is_let_in(changed, user), meets, "{who:?}, changed, at REQUIRE {rule}");
        }
    }
}
