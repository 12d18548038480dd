//! Several servers, limits, signals, and what is not offered.

use std::fs;
use std::net::TcpListener;

use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::{ask, connect, plain};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::Kind;

use crate::support::{gateway, log_in, server, showing, with};

#[test]
fn another_server_takes_the_place_of_one_that_is_gone() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = gateway(&set, &[gone, server.port], &set, &[]);
    for _ in 0..3 {
        let mut client = log_in(gateway.port, "native", &set).unwrap();
        assert_eq!(ask(&mut client, "SELECT 1").unwrap(), "1");
    }
    gateway.says(&format!("server 127.0.0.1:{gone}: can't connect"));
}

#[test]
fn files_and_plaintext_are_refused() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::MariaDb, Some(&set));
    let gateway = gateway(&set, &[server.port], &set, &[]);
    let error = connect(gateway.port, plain("native")).unwrap_err().to_string();
    assert!(error.contains("3159"), "{error}");

    let file = place.path().join("rows");
    fs::write(&file, "1\n").unwrap();
    let mut config = with("native", &set);
    config.local_infile = true;
    config.database = Some(crate::support::DATABASE.to_owned());
    let mut client = connect(gateway.port, config).unwrap();
    ask(&mut client, "CREATE TABLE t (a INT)").unwrap();
    let error = ask(&mut client, &format!("LOAD DATA LOCAL INFILE '{}' INTO TABLE t", file.display())).unwrap_err();
    assert!(error.to_string().contains("ERROR"), "{error}");
    assert_eq!(ask(&mut client, "SELECT COUNT(*) FROM t").unwrap(), "0");
}

#[test]
fn clients_are_limited_and_transactions_outlive_sigterm() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let gateway = gateway(&set, &[server.port], &set, &["--max-connections=1", "--shutdown-timeout=60"]);
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1040"), "{error}");
    ask(&mut client, "BEGIN").unwrap();

    gateway.signal("HUP");
    gateway.says("the TLS files were read again");
    gateway.signal("TERM");
    gateway.says("Received SIGTERM");
    assert_eq!(ask(&mut client, "SELECT 1").unwrap(), "1");
    assert!(std::net::TcpStream::connect(("127.0.0.1", gateway.port)).is_err(), "nobody listens any more");
    ask(&mut client, "COMMIT").unwrap();
    let error = ask(&mut client, "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("1053") && error.contains("shutting down"), "{error}");
    gateway.says("Shutdown complete");
}

#[test]
fn a_certificate_that_is_replaced_serves_new_clients() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("first"), place.path().join("second"));
    let set = CertificateSet::by_openssl(&first);
    let next = CertificateSet::by_openssl(&second);
    let server = server(Kind::Sealwired, Some(&next));
    let gateway = gateway(&set, &[server.port], &next, &[]);
    let mut old = log_in(gateway.port, "native", &set).unwrap();

    fs::write(&set.server_key, "half of a key").unwrap();
    gateway.signal("HUP");
    gateway.says("TLS stays unchanged");
    log_in(gateway.port, "native", &set).unwrap();

    fs::copy(&next.server_key, &set.server_key).unwrap();
    fs::copy(&next.server_cert, &set.server_cert).unwrap();
    gateway.signal("HUP");
    gateway.says("the TLS files were read again");
    log_in(gateway.port, "native", &next).unwrap();
    assert!(log_in(gateway.port, "native", &set).is_err(), "the old CA did not issue it");
    assert_eq!(ask(&mut old, "SELECT 1").unwrap(), "1", "the first session goes on");
}

#[test]
fn rules_judge_the_connection_of_the_client() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let rules = place.path().join("rules.sql");
    fs::write(&rules, format!("ALTER USER 'sha2'@'%' REQUIRE SUBJECT '{CLIENT_SUBJECT}';\n")).unwrap();
    let (file, ca) = (format!("--rules-file={}", rules.display()), format!("--ssl-ca={}", set.ca.display()));
    let gateway = gateway(&set, &[server.port], &set, &[&file, &ca]);

    let mut client = connect(gateway.port, showing("sha2", &set)).unwrap();
    assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), "sha2@%");

    let error = log_in(gateway.port, "sha2", &set).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");
    gateway.says("the account demands a client certificate and none was sent");
    let mut other = log_in(gateway.port, "native", &set).unwrap();
    let error = other.change_user("sha2", PASSWORD.into(), None).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");

    fs::write(&rules, "ALTER USER 'sha2'@'%' REQUIRE SSL;\n").unwrap();
    gateway.signal("HUP");
    gateway.says("were read again");
    log_in(gateway.port, "sha2", &set).unwrap();
}
