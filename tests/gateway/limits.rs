//! Limits of sessions, handshakes and logins, and the queue before them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use sealwire::{Client, Config};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::ask;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::connect;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::administration::by_socket;
use crate::announced::{header, log_in_by};
use crate::support::{free_port, gateway, log_in, server, with};

#[test]
fn a_login_waits_for_a_place_in_the_pool_and_is_told_which_limit_it_met() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let pool = "--pool=main,max-connections=1";
    let refusing = gateway(&set, &[server.port], &set, &[pool, "--queue-timeout=0"]);
    let mut first = log_in(refusing.port, "native", &set).unwrap();
    let error = log_in(refusing.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("max-connections of --pool"), "{error}");
    assert_eq!(ask(&mut first, "SELECT 1").unwrap(), "1");

    let waiting = gateway(&set, &[server.port], &set, &[pool, "--queue-timeout=60"]);
    let first = log_in(waiting.port, "native", &set).unwrap();
    std::thread::scope(|scope| {
        let second =
            scope.spawn(|| log_in(waiting.port, "native", &set).map(|mut client| ask(&mut client, "SELECT 2")));
        waiting.says("waits for a server");
        drop(first);
        assert_eq!(second.join().unwrap().unwrap().unwrap(), "2");
    });
}

#[test]
fn a_server_gets_few_handshakes_at_a_time() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let socket = place.path().join("admin");
    let options = [format!("--admin-socket={}", socket.display())];
    let more = [options[0].as_str(), "--max-handshakes-per-server=1", "--queue-timeout=0"];
    let gateway = gateway(&set, &[server.port], &set, &more);
    let _logged_in = log_in(gateway.port, "native", &set).unwrap();
    let _also = log_in(gateway.port, "native", &set).unwrap();
    // Its system accepts the connection, and it sends no greeting.
    server.signal("STOP");
    let has_stopped = || std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap().contains(") T ");
    while !has_stopped() {
        std::thread::yield_now();
    }
    std::thread::scope(|scope| {
        let first = scope.spawn(|| log_in(gateway.port, "native", &set).map(|mut client| ask(&mut client, "SELECT 3")));
        let dials = format!("\"server\":\"127.0.0.1:{}\",\"server_connection_id\":0,\"state\":\"login\"", server.port);
        let is_under_way = || by_socket(&socket, "GET /status").contains(&dials);
        while !is_under_way() {
            std::thread::yield_now();
        }
        let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
        server.signal("CONT");
        assert!(error.contains("1040") && error.contains("max-handshakes-per-server"), "{error}");
        assert_eq!(first.join().unwrap().unwrap().unwrap(), "3");
    });
}

#[test]
fn clients_that_do_not_log_in_are_few() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let gateway = gateway(&set, &[server.port], &set, &["--max-logins=1"]);
    let _logged_in = log_in(gateway.port, "native", &set).unwrap();
    let mut silent = TcpStream::connect(("127.0.0.1", gateway.port)).unwrap();
    // Its greeting has come, so the gateway counts it.
    silent.read_exact(&mut [0; 4]).unwrap();
    let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("max-logins"), "{error}");
    drop(silent);
    while log_in(gateway.port, "native", &set).is_err() {
        std::thread::yield_now();
    }
}

#[test]
fn clients_that_are_refused_keep_nobody_out() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let gateway = gateway(&set, &[server.port], &set, &["--max-connections-per-address=1"]);
    let held: Vec<TcpStream> = (0..100).map(|_| connect(gateway.port)).collect();
    let said = |mut stream: &TcpStream| stream.read(&mut [0]).unwrap_or_default() > 0;
    let told = held.iter().filter(|stream| said(stream)).count();
    assert!((2..100).contains(&told), "{told} of 100 were greeted or told: the others were dropped");
    let other = sealwire_tests::middle::connect_from([127, 0, 0, 7], gateway.port);
    let mut client = Client::over(other, with("native", &set)).unwrap();
    assert_eq!(ask(&mut client, "SELECT 1").unwrap(), "1");
}

#[test]
fn a_proxied_client_that_is_one_too_many_is_told() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let trusted = "--proxy-protocol-networks=127.0.0.1";
    let server = {
        let account = Kind::Sealwired.create_user("native", "mysql_native_password", PASSWORD, "SSL");
        let statements = vec![account, "SET GLOBAL max_user_connections = 3;".to_owned()];
        let options = vec![trusted.to_owned()];
        let settings = Settings { certificates: Some(set.clone()), statements, options, ..Settings::default() };
        Server::start(Kind::Sealwired, &settings).unwrap()
    };
    let by = |port, source: &str| log_in_by(port, &header(source), with("native", &set));
    let direct = free_port();
    let listen = format!("--listen=127.0.0.1:{direct},tls=direct");
    let limits = ["--max-connections=2", "--max-connections-per-address=1"];
    let gateway = gateway(&set, &[server.port], &set, &[&[trusted, listen.as_str()], &limits[..]].concat());
    let _first = by(gateway.port, "192.0.2.1:1").unwrap();
    let error = by(gateway.port, "192.0.2.1:2").unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("max-connections-per-address"), "{error}");
    let begins = Config { direct: true, ..with("native", &set) };
    let error = log_in_by(direct, &header("192.0.2.1:3"), begins).unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("max-connections-per-address"), "{error}");
    // One that says nothing waits for its error in nobody's place.
    let mut bytes = Vec::new();
    header("192.0.2.1:4").write(&mut bytes);
    let mut silent = connect(gateway.port);
    silent.write_all(&bytes).unwrap();
    let _second = by(gateway.port, "192.0.2.2:1").unwrap();
    let error = by(gateway.port, "192.0.2.3:1").unwrap_err().to_string();
    assert!(error.contains("1040") && error.contains("Too many connections"), "{error}");
    let _third = by(server.port, "192.0.2.4:1").unwrap();
    let error = by(server.port, "192.0.2.5:1").unwrap_err().to_string();
    assert!(error.contains("1203"), "{error}");
}
