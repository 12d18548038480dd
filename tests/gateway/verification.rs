//! A server that the gateway can't verify learns nothing of the login, and a password leaves no secure connection for another.

use std::net::TcpListener;

use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::support::{gateway, log_in, server};

/// The gateway refuses every login, and its log says why.
#[track_caller]
fn refuses(port: u16, set: &CertificateSet, ca: &CertificateSet, more: &[&str], why: &str) {
    let gateway = gateway(set, &[port], ca, more);
    let error = log_in(gateway.port, "native", set).unwrap_err().to_string();
    assert!(error.contains("1105") && error.contains("none of the servers"), "{error}");
    gateway.says(&format!("'native'@'127.0.0.1': server 127.0.0.1:{port}: "));
    assert!(gateway.log().contains(why), "'{why}' is not in:\n{}", gateway.log());
}

#[test]
fn a_server_that_is_not_verified_learns_nothing() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(&place.path().join("gateway"));
    let inner = CertificateSet::by_openssl(&place.path().join("server"));
    let good = server(Kind::Sealwired, Some(&inner));
    refuses(good.port, &set, &set, &[], "was not accepted");

    let nameless = CertificateSet::as_the_manual(&place.path().join("nameless"), "another host");
    let other = server(Kind::Sealwired, Some(&nameless));
    refuses(other.port, &set, &nameless, &[], "127.0.0.1");

    let old = CertificateSet::expired(&place.path().join("expired"));
    let expired = server(Kind::Sealwired, Some(&old));
    refuses(expired.port, &set, &old, &[], "expired");

    let plaintext = server(Kind::Sealwired, None);
    refuses(plaintext.port, &set, &set, &[], "SSL is required but the server doesn't support it");

    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = gateway(&set, &[gone], &set, &[]);
    let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1105") && error.contains("has answered yet"), "{error}");
    gateway.says(&format!("server 127.0.0.1:{gone}: "));

    for server in [&good, &other, &expired, &plaintext] {
        assert!(!server.log().contains("native"), "{}", server.log());
    }
}

#[test]
fn a_password_does_not_leave_tls_for_plaintext() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, None);
    let gateway = gateway(&set, &[server.port], &set, &["--server-ssl-mode=DISABLED"]);
    gateway.says("are plaintext (--server-ssl-mode=DISABLED)");
    for user in ["sha256", "sha2"] {
        let error = log_in(gateway.port, user, &set).unwrap_err().to_string();
        assert!(error.contains("1105") && error.contains("sends the password itself"), "{user}: {error}");
    }
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(ask(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'").unwrap(), "", "between gateway and server");
    assert!(client.ssl_cipher().is_some(), "between client and gateway");
    let error = client.change_user("sha256", PASSWORD.into(), None).unwrap_err().to_string();
    assert!(error.contains("COM_CHANGE_USER"), "{error}");
    gateway.says("client TLS_AES_256_GCM_SHA384 (TLSv1.3); server 127.0.0.1");
    gateway.says(", plaintext");
}

#[test]
fn a_server_can_demand_the_certificate_of_the_gateway() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let require = format!("SUBJECT '{CLIENT_SUBJECT}'");
    let statements = vec![Kind::MariaDb.create_user("behind", "mysql_native_password", PASSWORD, &require)];
    let settings = Settings { certificates: Some(set.clone()), statements, ..Settings::default() };
    let server = Server::start(Kind::MariaDb, &settings).unwrap();
    assert!(log_in(server.port, "behind", &set).is_err(), "nobody goes around the gateway");
    let without = gateway(&set, &[server.port], &set, &[]);
    let error = log_in(without.port, "behind", &set).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");
    let cert = format!("--server-ssl-cert={}", set.client_cert.display());
    let key = format!("--server-ssl-key={}", set.client_key.display());
    let with = gateway(&set, &[server.port], &set, &[&cert, &key]);
    let mut client = log_in(with.port, "behind", &set).unwrap();
    assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), "behind@%");
}
