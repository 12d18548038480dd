//! `sealwired --websocket-port`: the same listener inside the server.

use std::io::{Read, Write};

use sealwire::Client;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::server::{Kind, Server, Settings};
use sealwire_tests::websocket::{Opening, Tunnel, connect};
use tempfile::TempDir;

use crate::sessions::{config, row, tls};

crate::tests![
    a_session_without_a_port_between,
    over_the_server_s_own_certificate,
    refusals_are_the_bridge_s,
    who_does_not_log_in_keeps_nobody_out,
    the_token_is_rotated,
    pages_are_served_beside,
    a_server_that_stops,
    what_can_t_be_is_said_at_the_start,
];

fn settings(place: &TempDir, options: &[&str]) -> Settings {
    Settings {
        certificates: Some(CertificateSet::by_openssl(place.path())),
        options: options.iter().map(ToString::to_string).collect(),
        statements: vec![Kind::Sealwired.create_user("secured", "caching_sha2_password", PASSWORD, "SSL")],
        ..Settings::default()
    }
}

pub(crate) fn plain_server(place: &TempDir) -> Server {
    Server::start(Kind::Sealwired, &settings(place, &[])).unwrap()
}

pub(crate) fn start(options: &[&str]) -> (TempDir, Server, u16) {
    let place = tempfile::tempdir().unwrap();
    let options = [&["--websocket-port=0"], options].concat();
    let server = Server::start(Kind::Sealwired, &settings(&place, &options)).unwrap();
    let log = server.log();
    let port =
        log.split_once("WebSockets are taken on port ").and_then(|(_, rest)| rest.split_once(" at /tcp/local\n"));
    let port = port.unwrap_or_else(|| panic!("{log}")).0.parse().unwrap();
    (place, server, port)
}

pub(crate) fn set(place: &TempDir) -> CertificateSet {
    CertificateSet::in_folder(place.path())
}

fn session<S: Read + Write>(stream: S, place: &TempDir, port: u16) -> Client<S> {
    let mut client = Client::over(stream, config(&set(place), "secured", "TLSv1.3")).unwrap();
    let cipher = client.ssl_cipher().unwrap().to_owned();
    assert_eq!(row(&mut client, "SHOW STATUS LIKE 'Ssl_cipher'"), ["Ssl_cipher", &cipher]);
    assert_eq!(row(&mut client, "SHOW VARIABLES LIKE 'websocket_port'"), ["websocket_port", &port.to_string()]);
    client
}

fn a_session_without_a_port_between() {
    let (place, server, port) = start(&["--require-secure-transport"]);
    let tunnel = Tunnel::open(port, &Opening::target("local"));
    let mut client = session(tunnel, &place, port);
    let big = "x".repeat(1_000_000);
    assert!(row(&mut client, &format!("SELECT '{big}'")) == [big]);
    client.quit().unwrap();
    drop(server);
}

fn over_the_server_s_own_certificate() {
    let (place, _server, port) = start(&["--websocket-tls"]);
    session(Tunnel::over(tls(port, &set(&place), "localhost"), &Opening::target("local")), &place, port);
}

fn refusals_are_the_bridge_s() {
    let (_place, _server, port) = start(&[]);
    let mut tunnel = Tunnel::open(port, &Opening::target("other"));
    assert_eq!(tunnel.rest().1.0, 4404);
    let mut tunnel = Tunnel::open(port, &Opening::target("local").with("Origin", "https://evil.example"));
    assert_eq!(tunnel.rest().1.0, 4403);
}

fn who_does_not_log_in_keeps_nobody_out() {
    let (place, _server, port) = start(&[]);
    let opening = Opening::target("local");
    let mut held = Vec::new();
    // More than the bridge by itself would allow an address, and more than the server keeps before a login.
    for round in 0..4 {
        held.extend((0..60).map(|_| Tunnel::open(port, &opening)));
        let mut client = session(Tunnel::open(port, &opening), &place, port);
        assert_eq!(row(&mut client, &format!("SELECT {round}")), [round.to_string()]);
        client.quit().unwrap();
    }
    // Those who have logged in are not put out.
    let mut client = session(Tunnel::open(port, &opening), &place, port);
    held.extend((0..60).map(|_| Tunnel::open(port, &opening)));
    assert_eq!(row(&mut client, "SELECT 'still here'"), ["still here"]);
}

fn the_token_is_rotated() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("token");
    std::fs::write(&file, "the-first-token-of-it\n").unwrap();
    let (_place, server, port) = start(&[&format!("--websocket-token-file={}", file.display())]);
    let may = |token: &str| {
        let opening = Opening::target("local").with("Authorization", format!("Bearer {token}"));
        // A client that is let in gets the server's greeting, and the other one the end.
        Tunnel::open(port, &opening).read(&mut [0; 1]).unwrap() == 1
    };
    assert!(may("the-first-token-of-it") && !may("the-second-token-of-it"));
    std::fs::write(&file, "the-second-token-of-it\n").unwrap();
    server.signal("HUP");
    assert!(server.wait_for_log("Received SIGHUP: the token in '"), "{}", server.log());
    assert!(!may("the-first-token-of-it") && may("the-second-token-of-it"));
    std::fs::remove_file(&file).unwrap();
    server.signal("HUP");
    let said =
        "[Warning] [Server] Received SIGHUP: the token stays as it was: option '--websocket-token-file': can't use '";
    assert!(server.wait_for_log(said), "{}", server.log());
    assert!(may("the-second-token-of-it"));
}

fn pages_are_served_beside() {
    let page = tempfile::tempdir().unwrap();
    std::fs::write(page.path().join("index.html"), "the page").unwrap();
    let (_place, _server, port) = start(&[&format!("--websocket-page-dir={}", page.path().display())]);
    let mut socket = connect(port);
    socket.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nthe page"), "{answer}");
}

fn a_server_that_stops() {
    let (_place, mut server, port) = start(&[]);
    let mut tunnel = Tunnel::open(port, &Opening::target("local"));
    tunnel.read_exact(&mut [0; 16]).unwrap();
    assert_eq!(server.stop(), Some(0));
    let (bytes, (code, sentence)) = tunnel.rest();
    assert_eq!((code, sentence.as_str()), (4410, "target 'local' closed the connection"));
    assert!(bytes.ends_with(b"caching_sha2_password\0"), "the end of the greeting");
}

fn what_can_t_be_is_said_at_the_start() {
    let place = tempfile::tempdir().unwrap();
    for (options, part) in [
        (&["--websocket-port=0", "--websocket-allow-origin=a.example"][..], "option '--websocket-allow-origin'"),
        (&["--websocket-port=0", "--websocket-page-dir=/nonexistent"], "option '--websocket-page-dir'"),
        (&["--websocket-port=0", "--websocket-token-file=/nonexistent"], "option '--websocket-token-file'"),
        (&["--websocket-port=0", "--websocket-tls", "--skip-ssl"], "option '--websocket-tls'"),
    ] {
        let said = Server::start(Kind::Sealwired, &settings(&place, options)).err().unwrap();
        assert!(said.contains(part), "{options:?}: {said}");
    }
}
