//! The PROXY protocol: clients that a proxy names, at sealwired and at the gateway, and the header that the gateway sends.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use sealwire::{Client, ClientError, Config, ReplicationSettings, StartPosition};
use sealwire_core::proxy_protocol::{ClientTls, Endpoints, Header};
use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::{ask, connect};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::packet;
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::haproxy::{HAPROXY, HaProxy};
use crate::support::{gateway, log_in, showing, with};

/// The tests' own address is trusted.
const TRUSTED: &str = "--proxy-protocol-networks=127.0.0.1,10.0.0.0/8";

/// A server with the account `native`, and at sealwired `shown`, which demands a client certificate.
fn server(kind: Kind, set: &CertificateSet, options: &[&str]) -> Server {
    let mut statements = vec![kind.create_user("native", "mysql_native_password", PASSWORD, "SSL")];
    if kind == Kind::Sealwired {
        let require = format!("SUBJECT '{CLIENT_SUBJECT}'");
        statements.push(kind.create_user("shown", "mysql_native_password", PASSWORD, &require));
        statements.push(kind.create_user("replica", "mysql_native_password", PASSWORD, "X509"));
        statements.push("GRANT REPLICATION SLAVE ON *.* TO 'replica'@'%'".to_owned());
    }
    let options = options.iter().map(|option| (*option).to_owned()).collect();
    let settings = Settings { certificates: Some(set.clone()), options, statements, ..Settings::default() };
    Server::start(kind, &settings).unwrap()
}

/// The header for a client at this address.
pub(crate) fn header(source: &str) -> Header {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let endpoints = Some(Endpoints { source: end(source), destination: end("198.51.100.7:3306") });
    Header { endpoints, ..Header::default() }
}

/// The TLS of a client whose certificate a proxy has verified.
fn verified(set: &CertificateSet) -> ClientTls {
    let der = Command::new("openssl").args(["x509", "-outform", "DER", "-in"]).arg(&set.client_cert).output().unwrap();
    ClientTls { is_encrypted: true, certificate: Some(der.stdout), is_verified: true, ..ClientTls::default() }
}

/// The header for a client with this TLS.
fn told(tls: ClientTls) -> Header {
    Header { tls: Some(tls), ..header("192.0.2.1:4000") }
}

/// Logs in behind a header, as a proxy does for a client.
pub(crate) fn log_in_by(port: u16, header: &Header, config: Config) -> Result<Client<TcpStream>, ClientError> {
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    let mut stream = sealwire_tests::middle::connect(port);
    stream.write_all(&bytes).unwrap();
    Client::over(stream, config)
}

#[test]
fn a_proxy_names_the_client_to_the_server() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, &set, &[TRUSTED]);
    let mut client = log_in_by(server.port, &header("192.0.2.1:4000"), with("native", &set)).unwrap();
    assert!(client.ssl_cipher().is_some());
    assert_eq!(ask(&mut client, "SELECT USER()").unwrap(), "native@192.0.2.1");
    let host = "SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()";
    assert_eq!(ask(&mut client, host).unwrap(), "192.0.2.1:4000");
    client.change_user("native", PASSWORD.into(), None).unwrap();
    assert_eq!(ask(&mut client, "SELECT USER()").unwrap(), "native@192.0.2.1");

    let mut wrong = with("native", &set);
    wrong.password = "wrong".into();
    let error = log_in_by(server.port, &header("192.0.2.1:4000"), wrong).unwrap_err().to_string();
    assert!(error.contains("Access denied for user 'native'@'192.0.2.1'"), "{error}");

    let mut local = log_in_by(server.port, &Header::default(), with("native", &set)).unwrap();
    assert_eq!(ask(&mut local, "SELECT USER()").unwrap(), "native@localhost", "the proxy speaks for itself");
    let mut without = log_in(server.port, "native", &set).unwrap();
    assert_eq!(ask(&mut without, "SELECT USER()").unwrap(), "native@localhost", "as MariaDB, it demands no header");
}

#[test]
fn nobody_else_names_a_client() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, &set, &["--proxy-protocol-networks=10.0.0.0/8"]);
    // The error may come with the greeting, so the packets are read one by one.
    let refused = |port| {
        let mut bytes = Vec::new();
        header("10.0.0.1:4000").write(&mut bytes);
        let mut stream = sealwire_tests::middle::connect(port);
        stream.write_all(&bytes).unwrap();
        let greeting = packet(&mut stream).unwrap();
        let error = packet(&mut stream).unwrap();
        assert_eq!((greeting[3], error[3], &error[4..7]), (0, 2, &[0xff, 0x6a, 0x04][..]), "error 1130");
        String::from_utf8_lossy(&error).into_owned()
    };
    let error = refused(server.port);
    assert!(error.contains("Proxy header is not accepted from localhost"), "{error}");
    assert!(server.wait_for_log("Proxy header is not accepted"), "{}", server.log());
    let gateway = gateway(&set, &[server.port], &set, &["--proxy-protocol-networks=10.0.0.0/8"]);
    let error = refused(gateway.port);
    assert!(error.contains("Proxy header is not accepted from 127.0.0.1"), "{error}");
    gateway.says("Proxy header is not accepted");
}

#[test]
fn require_judges_the_certificate_that_the_proxy_has_verified() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, &set, &[TRUSTED]);
    let refused = |header: &Header| {
        let error = log_in_by(server.port, header, with("shown", &set)).unwrap_err().to_string();
        assert!(error.contains("1045"), "{error}");
    };
    let tls = verified(&set);
    log_in_by(server.port, &told(tls.clone()), with("shown", &set)).unwrap();
    refused(&header("192.0.2.1:4000"));
    refused(&told(ClientTls { is_verified: false, ..tls.clone() }));
    refused(&told(ClientTls::default()));
    assert!(server.wait_for_log("plaintext between client and proxy"), "{}", server.log());
    // HAProxy passes on the name alone.
    refused(&told(ClientTls { certificate: None, common_name: Some("client".to_owned()), ..tls.clone() }));
    assert!(server.wait_for_log("one that the proxy has not passed on"), "{}", server.log());
    // The way from the proxy to the server is in plaintext.
    let mut plain = with("shown", &set);
    plain.tls = sealwire::TlsPolicy::Disabled;
    let error = log_in_by(server.port, &told(tls), plain).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");
    assert!(server.wait_for_log("the account demands TLS"), "{}", server.log());
}

#[test]
fn a_dump_behind_a_proxy_ends_with_the_clients_certificate() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    CertificateSet::expiring(place.path(), "client", Duration::from_secs(5));
    let server = server(Kind::Sealwired, &set, &[TRUSTED, "--log-bin", "--server-id=1"]);
    let client = log_in_by(server.port, &told(verified(&set)), with("replica", &set)).unwrap();
    let start = StartPosition::File { name: b"binlog.000001".to_vec(), position: 4 };
    let mut dump = client.binlog(ReplicationSettings::new(7, start)).unwrap();
    // Nothing tells of the certificate's end but the clock.
    let error = loop {
        if let Err(error) = dump.next() {
            break error.to_string();
        }
    };
    assert!(error.contains("1236") && error.contains("the certificate that the proxy told has expired"), "{error}");
}

#[test]
fn the_gateway_names_its_clients_to_mariadb() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::MariaDb, &set, &["--proxy-protocol-networks=127.0.0.1"]);
    for version in ["v1", "v2", "v2-ssl"] {
        let announce = format!("--server-proxy-protocol={version}");
        let gateway = gateway(&set, &[server.port], &set, &[TRUSTED, &announce]);
        let mut client = log_in_by(gateway.port, &header("192.0.2.1:4000"), with("native", &set)).unwrap();
        assert_eq!(ask(&mut client, "SELECT USER()").unwrap(), "native@192.0.2.1", "{version}");
        assert!(!ask(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'").unwrap().is_empty());
        let host = "SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()";
        assert_eq!(ask(&mut client, host).unwrap(), "192.0.2.1:4000");
        gateway.says("Connection 3221225472 of 192.0.2.1: comes by the proxy 127.0.0.1:");
    }
    // A server that trusts another address.
    let stranger = self::server(Kind::MariaDb, &set, &["--proxy-protocol-networks=10.0.0.1"]);
    let gateway = gateway(&set, &[stranger.port], &set, &["--server-proxy-protocol=v2"]);
    let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1105"), "{error}");
    gateway.says("see its proxy_protocol_networks");
}

#[test]
fn require_of_the_server_judges_the_client_before_the_gateway() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, &set, &[TRUSTED]);
    let ca = format!("--ssl-ca={}", set.ca.display());
    let gateway = |announce: &str| gateway(&set, &[server.port], &set, &[&ca, announce]);
    let certified = |port| connect(port, showing("shown", &set));

    let telling = gateway("--server-proxy-protocol=v2-ssl");
    let mut client = certified(telling.port).unwrap();
    assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), "shown@%");
    let error = log_in(telling.port, "shown", &set).unwrap_err().to_string();
    assert!(error.contains("1045"), "the client has shown none: {error}");
    let mut other = log_in(telling.port, "native", &set).unwrap();
    let error = other.change_user("shown", PASSWORD.into(), None).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");

    for silent in ["--server-proxy-protocol=v2", "--server-proxy-protocol=none"] {
        let error = certified(gateway(silent).port).unwrap_err().to_string();
        assert!(error.contains("1045"), "the server is not told: {error}");
    }
}

#[test]
fn haproxy_names_its_clients() {
    if !needs(&["openssl", HAPROXY]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, &set, &[TRUSTED]);
    let gateway = gateway(&set, &[server.port], &set, &[TRUSTED]);
    let from_another_address = |port| {
        let stream = sealwire_tests::middle::connect_from([127, 0, 0, 3], port);
        Client::over(stream, with("native", &set))
    };
    let folder = |name: &str| {
        let folder = place.path().join(name);
        fs::create_dir(&folder).unwrap();
        folder
    };
    let before_gateway = HaProxy::start(&folder("gateway"), gateway.port, "send-proxy-v2-ssl");
    let mut client = from_another_address(before_gateway.port).unwrap();
    assert!(client.ssl_cipher().is_some(), "TLS passes through");
    assert_eq!(ask(&mut client, "SELECT 1").unwrap(), "1");
    gateway.says("of 127.0.0.3: comes by the proxy 127.0.0.1:");

    let before_server = HaProxy::start(&folder("server"), server.port, "send-proxy-v2-ssl");
    let mut client = from_another_address(before_server.port).unwrap();
    let source = client.stream().local_addr().unwrap().port();
    let host = "SELECT HOST FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()";
    assert_eq!(ask(&mut client, host).unwrap(), format!("localhost:{source}"));
}
