//! The page's files and the metrics over HTTP.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;

use sealwire_tests::bridge::Bridge;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::websocket::{Opening, connect};
use tempfile::TempDir;

use crate::peers::{echo, write_pattern};
use crate::refusals::works;
use crate::sessions::tls;

crate::tests![
    files_have_types_and_fences,
    encoded_files_are_chosen,
    what_is_known_is_not_sent_again,
    nothing_outside_is_served,
    requests_follow_each_other,
    a_large_file_arrives_whole,
    what_is_no_page_is_refused,
    metrics_are_served,
    a_name_of_others_is_refused,
    over_tls_the_certificate_refuses_names_of_others,
];

const SECRET: &str = "the secret outside";

fn site() -> (TempDir, Bridge) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("page");
    fs::create_dir_all(root.join("assets")).unwrap();
    let write = |name: &str, text: &[u8]| fs::write(root.join(name), text).unwrap();
    write("index.html", b"<!doctype html><p>here");
    write("assets/app.js", b"export {}");
    write("assets/app.js.br", b"brotli");
    write("assets/app.js.gz", b"gzip");
    write("assets/core.wasm", b"\0asm");
    write_pattern(&mut fs::File::create(root.join("large.bin")).unwrap(), 3_000_000);
    fs::write(place.path().join("secret"), SECRET).unwrap();
    symlink("../secret", root.join("link")).unwrap();
    symlink("..", root.join("up")).unwrap();
    let bridge = Bridge::to(echo(), &[&format!("--page-dir={}", root.display())]);
    (place, bridge)
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[track_caller]
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let head = answer.split_once("\r\n\r\n").unwrap().0;
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in\n{head}"))
}

fn files_have_types_and_fences() {
    let (_place, bridge) = site();
    for (path, content_type, text) in [
        ("/", "text/html; charset=utf-8", "<!doctype html><p>here"),
        ("/index.html?x=/../secret", "text/html; charset=utf-8", "<!doctype html><p>here"),
        ("/assets/app.js", "text/javascript; charset=utf-8", "export {}"),
        ("/assets/core.wasm", "application/wasm", "\0asm"),
    ] {
        let answer = bridge.get(path, "");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
        assert_eq!((header(&answer, "Content-Type"), body(&answer)), (content_type, text), "{path}");
        assert_eq!(header(&answer, "Content-Length"), text.len().to_string());
        let policy = header(&answer, "Content-Security-Policy");
        for part in [
            "default-src 'none'",
            "script-src 'self' 'wasm-unsafe-eval'",
            "worker-src 'self'",
            "connect-src 'self' ws: wss:",
        ] {
            assert!(policy.split("; ").any(|each| each == part), "{part} is not in {policy}");
        }
        assert_eq!(header(&answer, "X-Content-Type-Options"), "nosniff");
        assert_eq!(header(&answer, "Cross-Origin-Opener-Policy"), "same-origin");
        assert_eq!(header(&answer, "Cross-Origin-Embedder-Policy"), "require-corp");
    }
    let answer = bridge.http("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_eq!((header(&answer, "Content-Length"), body(&answer)), ("22", ""));
}

fn encoded_files_are_chosen() {
    let (_place, bridge) = site();
    let answer = bridge.get("/assets/app.js", "Accept-Encoding: gzip, deflate, br\r\n");
    assert_eq!((header(&answer, "Content-Encoding"), body(&answer)), ("br", "brotli"));
    assert_eq!(header(&answer, "Content-Type"), "text/javascript; charset=utf-8");
    assert_eq!(header(&answer, "Vary"), "Accept-Encoding");
    let answer = bridge.get("/assets/app.js", "Accept-Encoding: gzip;q=0.3\r\nAccept-Encoding: br;q=0\r\n");
    assert_eq!((header(&answer, "Content-Encoding"), body(&answer)), ("gzip", "gzip"));
    let answer = bridge.get("/assets/core.wasm", "Accept-Encoding: br\r\n");
    assert_eq!(body(&answer), "\0asm", "there is none beside it");
}

fn what_is_known_is_not_sent_again() {
    let (place, bridge) = site();
    let etag = header(&bridge.get("/", ""), "ETag").to_owned();
    let answer = bridge.get("/", &format!("If-None-Match: {etag}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 304 "), "{answer}");
    assert_eq!((body(&answer), header(&answer, "ETag")), ("", etag.as_str()));
    fs::write(place.path().join("page/index.html"), "changed").unwrap();
    let answer = bridge.get("/", &format!("If-None-Match: {etag}\r\n"));
    assert_eq!(body(&answer), "changed");
}

fn nothing_outside_is_served() {
    let (place, bridge) = site();
    let whole = place.path().join("secret");
    let paths = [
        "/../secret",
        "/assets/../../secret",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/..%5csecret",
        "/..;/secret",
        "//secret",
        "/link",
        "/up/secret",
        "/assets",
        "/%00",
        "/%",
    ];
    for path in paths.iter().map(ToString::to_string).chain([format!("/{}", whole.display())]) {
        let answer = bridge.get(&path, "");
        assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains(SECRET), "{path}: {answer}");
    }
    let answer = bridge.get("file:///etc/passwd", "");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

fn requests_follow_each_other() {
    let (_place, bridge) = site();
    // Two requests on one connection, the second one in two parts, and a working WebSocket beside.
    let mut socket = connect(bridge.port);
    socket.write_all(b"GET / HTTP/1.1\r\n\r\nGET /assets/app.js HTTP/1.1\r\nConn").unwrap();
    works(bridge.port, &Opening::target("db"));
    socket.write_all(b"ection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answers).unwrap();
    let ends: Vec<bool> = ["<p>here", "export {}"].iter().map(|text| answers.contains(text)).collect();
    assert_eq!((ends.as_slice(), answers.matches("HTTP/1.1 200 OK").count()), (&[true, true][..], 2), "{answers}");
}

fn a_large_file_arrives_whole() {
    let (place, bridge) = site();
    let mut socket = connect(bridge.port);
    socket.write_all(b"GET /large.bin HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    std::io::Read::read_to_end(&mut socket, &mut answer).unwrap();
    let expected = fs::read(place.path().join("page/large.bin")).unwrap();
    assert!(answer.ends_with(&expected));
    assert!(answer.len() < expected.len() + 2000);
}

fn what_is_no_page_is_refused() {
    let bridge = Bridge::to(echo(), &[]);
    let status = |answer: String| answer.split(' ').nth(1).unwrap_or_default().to_owned();
    assert_eq!(status(bridge.get("/", "")), "404");
    assert_eq!(status(bridge.get("/tcp/db", "")), "426");
    assert_eq!(status(bridge.http("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nabc")), "405");
    assert_eq!(status(bridge.http("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}")), "400");
    assert_eq!(status(bridge.get("/", &format!("X: {}\r\n", "x".repeat(20_000)))), "431");
}

fn metrics_are_served() {
    let bridge = Bridge::to(echo(), &[]);
    let tunnel = works(bridge.port, &Opening::target("db"));
    assert_eq!(bridge.metric("connections"), 1);
    assert_eq!(bridge.metric("bytes_total{direction=\"to_target\"}"), 1000);
    assert_eq!(bridge.metric("bytes_total{direction=\"to_client\"}"), 1000);
    drop(tunnel);
    bridge.wait_for_metric("connections", |open| open == 0);
    assert_eq!(bridge.metric("connections_total"), 1);
    let answer = bridge.get("/metrics", "");
    assert_eq!(header(&answer, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

fn a_name_of_others_is_refused() {
    let (_place, bridge) = site();
    let with = |bridge: &Bridge, path: &str, host: &str| {
        bridge.http(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    for path in ["/", "/metrics", "/assets/app.js", "/demo.json", "/nothing"] {
        // The page of an attacker whose name resolves to this machine (DNS rebinding).
        for host in ["evil.example", &format!("evil.example:{}", bridge.port), "localhost.evil.example"] {
            let answer = with(&bridge, path, host);
            assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{path} {host}: {answer}");
            assert!(body(&answer).contains("--allow-host"), "{answer}");
            assert!(!answer.contains("sealwire_bridge_connections") && !answer.contains("here\n"), "{answer}");
        }
        for host in ["localhost", &format!("127.0.0.1:{}", bridge.port), "[::1]", "192.0.2.7"] {
            assert!(!with(&bridge, path, host).starts_with("HTTP/1.1 421"), "{path} {host}");
        }
    }
    let allowed = Bridge::to(echo(), &["--allow-host=bridge.example", "--allow-origin=https://page.example:8443"]);
    for (host, status) in [("bridge.example:1", "200 OK"), ("page.example", "200 OK"), ("other.example", "421 ")] {
        let answer = with(&allowed, "/metrics", host);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
}

/// With TLS the `Host` header needs no check, because a browser that was led here by another site's name finds no such name in the
/// certificate and sends no request.
fn over_tls_the_certificate_refuses_names_of_others() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let (cert, key) = (set.server_cert.display(), set.server_key.display());
    let bridge = Bridge::to(echo(), &[&format!("--ssl-cert={cert}"), &format!("--ssl-key={key}")]);
    let ask = |name: &str| {
        let mut stream = tls(bridge.port, &set, name);
        stream.write_all(format!("GET /metrics HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).map(|_| answer)
    };
    assert!(ask("localhost").unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    let refused = ask("evil.example").unwrap_err().to_string();
    assert!(refused.contains("not valid for name"), "{refused}");
    let requests = ask("localhost").unwrap();
    assert!(requests.contains("\nsealwire_bridge_http_requests_total 2\n"), "the other name sent one: {requests}");
}
