//! Whether TLS is used, and how a failure is told: for each option, against servers with TLS, without, and a false one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sealwire_tests::capi::{compile, folder, heard, with_ours};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::restart::restart;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::tempdir;

use crate::servers::{PASSWORD, USER, mariadb, sealwired};

/// One attempt with an option; the answer is the program's line.
struct Attempts {
    program: PathBuf,
    host: &'static str,
    port: String,
    socket: String,
    ca: PathBuf,
    least: Option<&'static str>,
}

impl Attempts {
    fn with(&self, option: &str) -> String {
        let mut command = with_ours(&self.program);
        command.args([option, self.host, &self.port, USER, PASSWORD, &self.socket]).arg(&self.ca);
        command.envs(self.least.map(|mode| ("SEALWIRE_SSL_MODE", mode)));
        let output = heard(&mut command);
        assert!(output.status.success(), "{option}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

fn program(place: &Path) -> PathBuf {
    compile("outcomes", &folder().join("include"), place)
}

fn expect(attempts: &Attempts, option: &str, beginning: &str, within: &str) {
    let line = attempts.with(option);
    assert!(line.starts_with(beginning) && line.contains(within), "{option}: {line}");
}

#[test]
fn each_option_means_what_it_says_over_tcp() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let other = tempdir().unwrap();
    let other = CertificateSet::by_openssl(other.path());
    let servers = mariadb().into_iter().chain([sealwired()]);
    for served in servers {
        let mut attempts = Attempts {
            program: program(place.path()),
            host: "127.0.0.1",
            port: served.port(),
            socket: String::new(),
            ca: served.ca(),
            least: None,
        };
        for option in ["plain", "ssl_set", "enforce", "ca", "verify", "client-ssl"] {
            expect(&attempts, option, "OK TLS_", "127.0.0.1 via TCP/IP");
        }
        expect(&attempts, "old-cipher", "OK ECDHE-RSA-AES128-GCM-SHA256", "");
        expect(&attempts, "missing-ca", "2026 HY000 SSL connection error: ", "/nonexistent/ca.pem");
        expect(&attempts, "missing-key", "2026 HY000 SSL connection error: ", "/nonexistent/key.pem");
        expect(&attempts, "bad-cipher", "2026 HY000 SSL connection error: ", "NOSUCH");
        expect(&attempts, "bad-version", "1 ", "");
        expect(&attempts, "unknown", "1 2054 ", "");
        expect(&attempts, "bad-flag", "5024 HY000 ", "0x8000000");
        attempts.ca = other.ca.clone();
        for option in ["ca", "verify"] {
            expect(&attempts, option, "2026 HY000 SSL connection error: ", "was not accepted");
        }
    }
}

#[test]
fn a_server_without_tls_gets_no_login_where_tls_was_asked_for() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let settings = Settings {
        statements: vec![Kind::Sealwired.create_user(USER, "mysql_native_password", PASSWORD, "NONE")],
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let attempts = |host: &'static str, socket: String, least| Attempts {
        program: program(place.path()),
        host,
        port: server.port.to_string(),
        socket,
        ca: sealwired().ca(),
        least,
    };
    let tcp = attempts("127.0.0.1", String::new(), None);
    expect(&tcp, "plain", "OK none", "");
    for option in ["ssl_set", "enforce", "ca", "verify", "client-ssl"] {
        expect(&tcp, option, "2026 HY000 SSL connection error: ", "SSL is required but the server doesn't support it");
    }
    let demanding = attempts("127.0.0.1", String::new(), Some("REQUIRED"));
    expect(&demanding, "plain", "2026 HY000 SSL connection error: ", "SSL is required");
    let mistaken = attempts("127.0.0.1", String::new(), Some("ALWAYS"));
    expect(&mistaken, "plain", "2026 HY000 SSL connection error: ", "SEALWIRE_SSL_MODE");
    let socket = attempts("localhost", server.socket.display().to_string(), None);
    expect(&socket, "plain", "OK none", "Localhost via UNIX socket");
    expect(&socket, "enforce", "2026 HY000 SSL connection error: ", "SSL is required");
}

#[test]
fn failures_to_connect_are_told_with_the_systems_number() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut attempts = Attempts {
        program: program(place.path()),
        host: "127.0.0.1",
        port: port.to_string(),
        socket: String::new(),
        ca: sealwired().ca(),
        least: None,
    };
    expect(&attempts, "plain", "2002 HY000 Can't connect to MySQL server on '127.0.0.1:", "(111)");
    attempts.host = "localhost";
    attempts.socket = "/nonexistent/sock".to_owned();
    expect(
        &attempts,
        "plain",
        "2002 HY000 Can't connect to local MySQL server through socket '/nonexistent/sock' (2)",
        "",
    );
    attempts.host = "no.such.host.invalid";
    expect(&attempts, "plain", "2005 HY000 Unknown MySQL server host 'no.such.host.invalid'", "");
}

/// A server that claims not to have TLS, and asks for the password in clear: the attack on which MariaDB's library sends it.
fn downgrading(stream: &mut TcpStream) -> Vec<u8> {
    let capabilities: u32 = 0x81ff_f7ff & !0x800 | 0x80000 | 0x8000;
    let mut greeting = b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0".to_vec();
    let [low, second, third, high] = capabilities.to_le_bytes();
    greeting.extend([low, second, 45, 2, 0, third, high, 21]);
    greeting.extend(b"\0\0\0\0\0\0\0\0\0\0ABCDEFGHIJKL\0caching_sha2_password\0");
    let mut heard = Vec::new();
    let packet = |sequence: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        [&length[..3], &[sequence], payload].concat()
    };
    let _ = stream.write_all(&packet(0, &greeting));
    let mut buffer = [0; 4096];
    let mut sequence = 2;
    // After each packet of the client the server asks for full authentication, in clear.
    while let Ok(length @ 1..) = restart(|| stream.read(&mut buffer)) {
        heard.extend_from_slice(&buffer[..length]);
        if stream.write_all(&packet(sequence, b"\x01\x04")).is_err() {
            break;
        }
        sequence += 2;
    }
    heard
}

#[test]
fn a_server_that_denies_tls_gets_neither_user_nor_password() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let attempts = Attempts {
        program: program(place.path()),
        host: "127.0.0.1",
        port,
        socket: String::new(),
        ca: sealwired().ca(),
        least: None,
    };
    for option in ["ca", "ssl_set", "verify", "client-ssl", "plain"] {
        let listener = listener.try_clone().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            downgrading(&mut stream)
        });
        let line = attempts.with(option);
        let heard = server.join().unwrap();
        let has = |text: &[u8]| heard.windows(text.len()).any(|part| part == text);
        assert!(!has(b"pw\0"), "{option}: the password was sent: {heard:?}");
        if option == "plain" {
            assert!(line.starts_with("2061 "), "{line}");
        } else {
            assert!(line.starts_with("2026 HY000 SSL connection error: SSL is required"), "{option}: {line}");
            assert!(heard.is_empty(), "{option}: {heard:?}");
        }
    }
}
