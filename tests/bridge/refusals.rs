//! Every refusal: the WebSocket is opened properly, then closed with the right code and sentence.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sealwire_bridge::CloseReason;
use sealwire_tests::bridge::Bridge;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::websocket::{Opening, Tunnel};

use crate::peers::{echo, nobody, once, read_pattern, serve, write_pattern};
use crate::sessions::{tls, tls_by};

crate::tests![
    an_unknown_target,
    another_path,
    an_origin_that_is_not_listed,
    refusals_without_end,
    the_wrong_scheme,
    a_client_shows_its_certificate,
    an_origin_that_is_listed,
    a_missing_token,
    a_wrong_token,
    the_token_by_header,
    the_token_by_subprotocol,
    a_token_is_rotated,
    too_many_connections_from_an_address,
    too_many_connections,
    a_header_of_the_proxy_protocol,
    a_target_that_refuses,
    a_target_that_does_not_answer,
    a_host_that_is_not_known,
    a_target_that_closes,
    an_idle_connection,
];

const TOKEN: &str = "a-token_of.16-and-more";

/// Opens a WebSocket that must be closed for this reason without data; returns the sentence.
#[track_caller]
fn refused(bridge: &Bridge, opening: &Opening, reason: CloseReason) -> String {
    let mut tunnel = Tunnel::open(bridge.port, opening);
    let (bytes, (code, sentence)) = tunnel.rest();
    assert_eq!((bytes.as_slice(), code), (&b""[..], reason.code()), "{sentence}");
    let metric = format!("closed_total{{reason=\"{}\",code=\"{code}\"}}", reason.label());
    assert_eq!(bridge.metric(&metric), 1);
    sentence
}

/// Opens a WebSocket to an echo target and checks that it works.
pub(crate) fn works(port: u16, opening: &Opening) -> Tunnel<TcpStream> {
    let mut tunnel = Tunnel::open(port, opening);
    write_pattern(&mut tunnel, 1000);
    read_pattern(&mut tunnel, 1000);
    tunnel
}

fn an_unknown_target() {
    let bridge = Bridge::to(echo(), &[]);
    for name in ["other", "", "db/", "DB", "127.0.0.1:22", "..%2fdb"] {
        let mut tunnel = Tunnel::open(bridge.port, &Opening::target(name));
        let (code, sentence) = tunnel.rest().1;
        assert_eq!(code, 4404, "{name}");
        assert_eq!(sentence, format!("the bridge has no target '{name}': name one of its configuration as /tcp/NAME"));
        assert!(bridge.wait_for_log("[Warning] [Bridge] Refused 127.0.0.1:"), "{}", bridge.log());
        assert!(bridge.wait_for_log(&sentence), "{}", bridge.log());
    }
    works(bridge.port, &Opening::target("db"));
}

fn another_path() {
    let bridge = Bridge::to(echo(), &[]);
    refused(&bridge, &Opening { path: "/db".to_owned(), ..Opening::default() }, CloseReason::UnknownTarget);
}

fn an_origin_that_is_not_listed() {
    let bridge = Bridge::to(echo(), &[]);
    let opening = Opening::target("db").with("Origin", "https://evil.example");
    let sentence = refused(&bridge, &opening, CloseReason::OriginRefused);
    let expected = "pages from https://evil.example may not use this bridge: list their origin with --allow-origin";
    assert_eq!(sentence, expected);
    assert_eq!(bridge.metric("connections_total"), 0, "its target was not dialled");
    assert!(bridge.wait_for_log("[Warning] [Bridge] Refused 127.0.0.1:"), "{}", bridge.log());
    let said = "pages of the origin 'https://evil.example' may not use this bridge; --allow-origin=https://evil.example \
     allows it";
    assert!(bridge.wait_for_log(said), "{}", bridge.log());
}

/// A client that is refused again and again does not fill the log.
fn refusals_without_end() {
    let bridge = Bridge::to(echo(), &[]);
    for _ in 0..40 {
        let opening = Opening::target("db").with("Origin", "https://evil.example");
        assert_eq!(Tunnel::open(bridge.port, &opening).rest().1.0, CloseReason::OriginRefused.code());
    }
    assert_eq!(bridge.log().matches("] Refused 127.0.0.1:").count(), 20, "{}", bridge.log());
}

/// A client that uses HTTP on a port with TLS, or TLS on a port without, gets an answer where it can understand one, and the log names the
/// mistake.
fn the_wrong_scheme() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let (cert, key) = (set.server_cert.display(), set.server_key.display());
    let bridge = Bridge::to(echo(), &[&format!("--ssl-cert={cert}"), &format!("--ssl-key={key}")]);
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    for request in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        format!("GET /tcp/db HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"),
        "POST /x HTTP/1.0\r\n\r\n".to_owned(),
    ] {
        let answer = bridge.http(&request);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        let body = "this port takes TLS: begin the address with https:// for pages, and with wss:// for WebSockets\n";
        assert!(answer.ends_with(body), "{answer}");
    }
    let said = "it speaks plain HTTP to a port that takes TLS: its address is to begin with https:// or wss://";
    assert!(bridge.wait_for_log(said), "{}", bridge.log());

    let bridge = Bridge::to(echo(), &[]);
    let hello = "\u{16}\u{3}\u{1}\u{0}\u{5}\u{1}\u{0}\u{0}\u{1}\u{0}\r\n\r\n";
    assert!(bridge.http(hello).starts_with("HTTP/1.1 400 "));
    let said = "it speaks TLS to a port without: its address is to begin with http:// or ws://, or the bridge is to be given --ssl-cert";
    assert!(bridge.wait_for_log(said), "{}", bridge.log());
}

/// The bridge has no accounts, so that its own `--ssl-ca` demands a certificate of every client.
fn a_client_shows_its_certificate() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let options = [("ssl-cert", &set.server_cert), ("ssl-key", &set.server_key), ("ssl-ca", &set.ca)];
    let options = options.map(|(option, path)| format!("--{option}={}", path.display()));
    let bridge = Bridge::to(echo(), &options.each_ref().map(String::as_str));
    let ask = |mut stream: rustls::StreamOwned<rustls::ClientConnection, TcpStream>| -> std::io::Result<String> {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    let error = ask(tls(bridge.port, &set, "localhost")).unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    let answer = ask(tls_by(bridge.port, &set, "localhost", |config| {
        let chain = vec![CertificateDer::from_pem_file(&set.client_cert).unwrap()];
        config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&set.client_key).unwrap()).unwrap()
    }));
    assert!(answer.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 ")), "{answer:?}");
}

fn an_origin_that_is_listed() {
    let bridge = Bridge::to(echo(), &["--allow-origin=https://a.example", "--allow-origin=null"]);
    for origin in ["https://a.example", "null"] {
        works(bridge.port, &Opening::target("db").with("Origin", origin));
    }
    let own = format!("http://localhost:{}", bridge.port);
    works(bridge.port, &Opening::target("db").with("Origin", own));
    let other = Opening::target("db").with("Origin", "https://b.example");
    refused(&bridge, &other, CloseReason::OriginRefused);
    let bridge = Bridge::to(echo(), &[]);
    works(bridge.port, &Opening::target("db").with("Origin", format!("http://127.0.0.1:{}", bridge.port)));
}

fn with_token(test: impl FnOnce(&Bridge)) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let bridge = Bridge::to(echo(), &[&format!("--token-file={}", file.display())]);
    test(&bridge);
    bridge.ask_to_stop();
    assert_eq!(bridge.wait(), Some(0));
    assert!(!bridge.log().contains(TOKEN), "the token is in the log");
}

fn a_missing_token() {
    with_token(|bridge| {
        let sentence = refused(bridge, &Opening::target("db"), CloseReason::TokenRefused);
        assert!(sentence.contains("'bearer.TOKEN'"), "{sentence}");
        let said = "the client sent no token (origin: no page); the token is in the file of --token-file";
        assert!(bridge.wait_for_log(said), "{}", bridge.log());
    });
}

fn a_wrong_token() {
    with_token(|bridge| {
        let wrong = Opening::target("other").with("Sec-WebSocket-Protocol", format!("bearer.{TOKEN}x"));
        // A client with a wrong token does not learn whether the target exists.
        assert_eq!(refused(bridge, &wrong, CloseReason::TokenRefused), "this is not the bridge's token");
        let said = "the client sent a wrong token (origin: no page); the token is in the file of --token-file";
        assert!(bridge.wait_for_log(said), "{}", bridge.log());
    });
}

fn the_token_by_header() {
    with_token(|bridge| {
        works(bridge.port, &Opening::target("db").with("Authorization", format!("Bearer {TOKEN}")));
    });
}

fn the_token_by_subprotocol() {
    with_token(|bridge| {
        let bearer = format!("bearer.{TOKEN}");
        let tunnel = works(bridge.port, &Opening::target("db").with("Sec-WebSocket-Protocol", bearer.clone()));
        assert_eq!(tunnel.protocol, Some(bearer.clone()));
        let both = format!("sealwire, {bearer}");
        let tunnel = works(bridge.port, &Opening::target("db").with("Sec-WebSocket-Protocol", both));
        assert_eq!(tunnel.protocol.as_deref(), Some("sealwire"));
    });
}

/// After SIGHUP new clients need the new token, and those that are connected stay.
fn a_token_is_rotated() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let bridge = Bridge::to(echo(), &[&format!("--token-file={}", file.display())]);
    let with = |token: &str| Opening::target("db").with("Authorization", format!("Bearer {token}"));
    let mut before = works(bridge.port, &with(TOKEN));
    const NEW: &str = "the-next-token_of.16-and-more";
    std::fs::write(&file, format!("{NEW}\n")).unwrap();
    works(bridge.port, &with(TOKEN));
    bridge.ask_to_reload();
    let said = format!("[System] [Bridge] Received SIGHUP: the token in '{}' was read again", file.display());
    assert!(bridge.wait_for_log(&said), "{}", bridge.log());
    works(bridge.port, &with(NEW));
    refused(&bridge, &with(TOKEN), CloseReason::TokenRefused);
    write_pattern(&mut before, 1000);
    read_pattern(&mut before, 1000);
    // A file that can't be used leaves the token in use.
    std::fs::write(&file, "short\n").unwrap();
    bridge.ask_to_reload();
    let said = "[Warning] [Bridge] Received SIGHUP: the token stays as it was: option '--token-file': can't use '";
    assert!(bridge.wait_for_log(said), "{}", bridge.log());
    works(bridge.port, &with(NEW));
    assert!(!bridge.log().contains("there are no TLS files") && !bridge.log().contains(NEW), "{}", bridge.log());
    let bare = Bridge::to(echo(), &[]);
    bare.ask_to_reload();
    assert!(bare.wait_for_log("Received SIGHUP: there are no TLS files and no token to read again"), "{}", bare.log());
}

fn too_many_connections_from_an_address() {
    let bridge = Bridge::to(echo(), &["--max-connections-per-address=2"]);
    let first = works(bridge.port, &Opening::target("db"));
    let _second = works(bridge.port, &Opening::target("db"));
    let sentence = refused(&bridge, &Opening::target("db"), CloseReason::TooManyFromAddress);
    assert_eq!(sentence, "your address has 2 connections already, as many as it may: close one first");
    drop(first);
    bridge.wait_for_metric("connections", |open| open == 1);
    works(bridge.port, &Opening::target("db"));
}

fn too_many_connections() {
    let bridge = Bridge::to(echo(), &["--max-connections=1"]);
    let _first = works(bridge.port, &Opening::target("db"));
    let sentence = refused(&bridge, &Opening::target("db"), CloseReason::TooManyConnections);
    assert_eq!(sentence, "the bridge has 1 connections, as many as it may: try again later");
}

/// The target, which may trust the bridge's address, gets three bytes of it at most.
fn a_header_of_the_proxy_protocol() {
    for begin in [&b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n!"] {
        let (port, received) = once(|mut target| {
            let mut bytes = Vec::new();
            let _ = target.read_to_end(&mut bytes);
            bytes
        });
        let bridge = Bridge::to(port, &[]);
        let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
        for byte in begin.chunks(1) {
            // The bridge may have closed after the fourth.
            let _ = tunnel.write_all(byte);
        }
        let (_, (code, sentence)) = tunnel.rest();
        assert_eq!(code, CloseReason::ProxyHeader.code());
        assert_eq!(sentence, "the bridge passes on no header of the PROXY protocol: begin with MySQL's own bytes");
        assert_eq!(received.join().unwrap(), begin[..3]);
    }
}

fn a_target_that_refuses() {
    let bridge = Bridge::to(nobody(), &[]);
    let sentence = refused(&bridge, &Opening::target("db"), CloseReason::DialFailed);
    assert_eq!(sentence, "target 'db' refused the connection: is its server running?");
    assert!(bridge.wait_for_log("target 'db': Connection refused"), "{}", bridge.log());
}

fn a_target_that_does_not_answer() {
    use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, listen, socket};
    // A listener whose queue of one is full, so the kernel drops further connections.
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap()).unwrap();
    listen(&listener, 0).unwrap();
    let address = std::net::SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let caller = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    connect(&caller, &address).unwrap();
    let bridge = Bridge::to(address.port(), &["--dial-timeout=1"]);
    let sentence = refused(&bridge, &Opening::target("db"), CloseReason::DialTimedOut);
    assert_eq!(sentence, "target 'db' did not answer within 1 s");
}

fn a_host_that_is_not_known() {
    let bridge = Bridge::start(&["--target=db=no-such-host.invalid".to_owned()]).unwrap();
    let sentence = refused(&bridge, &Opening::target("db"), CloseReason::DialFailed);
    assert_eq!(sentence, "the host of target 'db' is not known");
    let bridge = Bridge::start(&[format!("--target=db=localhost:{}", echo())]).unwrap();
    works(bridge.port, &Opening::target("db"));
}

fn a_target_that_closes() {
    const LENGTH: u64 = 3_000_000;
    let bridge = Bridge::to(serve(|mut stream| write_pattern(&mut stream, LENGTH)), &[]);
    let mut tunnel = Tunnel::open(bridge.port, &Opening::target("db"));
    read_pattern(&mut tunnel, LENGTH);
    let (rest, (code, sentence)) = tunnel.rest();
    assert_eq!((rest.len(), code, sentence.as_str()), (0, 4410, "target 'db' closed the connection"));
}

fn an_idle_connection() {
    let (port, target) = once(|mut stream| std::io::copy(&mut stream, &mut std::io::sink()).unwrap());
    let bridge = Bridge::to(port, &["--idle-timeout=1"]);
    let sentence = refused(&bridge, &Opening::target("db"), CloseReason::Idle);
    assert_eq!(sentence, "nothing was sent either way for 1 s");
    assert_eq!(target.join().unwrap(), 0, "the target's connection was closed with it");
}
