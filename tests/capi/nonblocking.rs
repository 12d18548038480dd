//! The non-blocking calls, each over verified TLS, with servers that are slow, silent or gone.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
use sealwire_tests::capi::{compile, compile_file, folder, heard, said, with_ours};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::{needs, package_folder};
use tempfile::tempdir;

use crate::programs::headers;
use crate::scripted::serve;
use crate::servers::{PASSWORD, Served, USER, mariadb, sealwired};

/// The time for a peer of these tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay of connections, one after the other, which a connection of the program's own directs by letters: `n` is for the next connection,
/// `r` passes a piece of the server's bytes on, and `q` ends the connection.
pub(crate) struct Relay {
    pub(crate) port: u16,
    pub(crate) control: u16,
}

impl Relay {
    /// Pieces are of that size at most.
    pub(crate) fn before(upstream: u16, piece: usize) -> Self {
        let (listener, port) = listener();
        let (controls, control) = self::listener();
        thread::spawn(move || {
            let (mut control, _) = controls.accept().unwrap();
            let mut both = None;
            let mut word = [0];
            let mut bytes = vec![0; piece];
            while control.read_exact(&mut word).is_ok() {
                match (word, &mut both) {
                    ([b'n'], both) => *both = Some(next(&listener, upstream)),
                    ([b'r'], Some((client, server))) => {
                        let length = server.read(&mut bytes).unwrap_or(0);
                        // The program may have closed the connection.
                        let _ = client.write_all(&bytes[..length]);
                    }
                    ([b'q'], Some((client, _))) => client.shutdown(Shutdown::Both).unwrap(),
                    other => panic!("{other:?}"),
                }
            }
        });
        Self { port, control }
    }
}

/// The next connection; what the client says is passed on at once.
fn next(listener: &TcpListener, upstream: u16) -> (TcpStream, TcpStream) {
    let (client, _) = listener.accept().unwrap();
    let server = TcpStream::connect(("127.0.0.1", upstream)).unwrap();
    client.set_nodelay(true).unwrap();
    server.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || {
        // Either side may close first.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    (client, server)
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The program moves, frees and misuses things while calls are suspended.
#[test]
fn a_suspended_call_uses_nothing_that_the_program_has_freed() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("lifetimes", &folder().join("include"), place.path());
    for (served, _) in servers() {
        let mut command = relayed(&program, "lifetimes", served, 4096);
        assert_eq!(said(command.env("SQL", many_rows())).trim(), "lifetimes");
    }
}

fn program(headers: &Path, place: &Path) -> PathBuf {
    compile("nonblocking", headers, place)
}

/// A case of the program over a port.
fn case(program: &Path, name: &str, port: u16, ca: &Path) -> Command {
    let mut command = with_ours(program);
    command.args([name, "127.0.0.1", &port.to_string(), USER, PASSWORD]).arg(ca);
    command
}

/// A case over a relay that passes pieces of that size on.
fn relayed(program: &Path, name: &str, served: &Served, piece: usize) -> Command {
    let relay = Relay::before(served.server.port, piece);
    let mut command = case(program, name, relay.port, &served.ca());
    command.env("RELAY", relay.control.to_string());
    command
}

/// The servers, with the name of the case that has each call that the server has.
fn servers() -> Vec<(&'static Served, &'static str)> {
    mariadb().map(|served| (served, "all")).into_iter().chain([(sealwired(), "few")]).collect()
}

#[test]
fn each_call_can_be_suspended() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    for headers in headers() {
        let program = program(&headers, place.path());
        for (served, name) in servers() {
            assert_eq!(said(&mut case(&program, name, served.server.port, &served.ca())).trim(), name);
        }
    }
}

/// A call that blocked for the server would never end, because the relay holds the bytes until the program polls.
#[test]
fn no_call_waits_for_bytes_that_are_held_back() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    for (served, name) in servers() {
        for piece in [16 * 1024, 100, 1] {
            assert_eq!(said(&mut relayed(&program, name, served, piece)).trim(), name, "pieces of {piece}");
        }
    }
}

/// An answer in one record of TLS and one in several: none of it is out of the sight of poll.
#[test]
fn bytes_that_were_read_are_not_waited_for() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    let few = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3".to_owned();
    let long = format!("SELECT '1' UNION ALL SELECT '{}' UNION ALL SELECT '2'", "x".repeat(50_000));
    for (served, _) in servers() {
        for sql in [&few, &long] {
            let asked = |command: &mut Command| said(command.env("SQL", sql));
            let expected = "3\n3\n3\nsent\n";
            assert_eq!(asked(&mut case(&program, "sent", served.server.port, &served.ca())), expected);
        }
    }
}

/// A statement with more rows than a piece of the relay's.
pub(crate) fn many_rows() -> String {
    vec![format!("SELECT '{}'", "x".repeat(100)); 400].join(" UNION ALL ")
}

#[test]
fn calls_at_the_wrong_time_are_out_of_sync() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    for (served, _) in servers() {
        let mut command = relayed(&program, "misused", served, 4096);
        assert_eq!(said(command.env("SQL", many_rows())).trim(), "misused");
    }
}

#[test]
fn a_large_statement_waits_until_the_server_takes_it() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    for (served, _) in servers() {
        assert_eq!(said(&mut case(&program, "large", served.server.port, &served.ca())).trim(), "large");
    }
}

#[test]
fn a_server_that_goes_away_ends_the_suspended_call() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    for (served, _) in servers() {
        assert_eq!(said(&mut relayed(&program, "gone", served, 16 * 1024)).trim(), "gone");
    }
}

#[test]
fn timeouts_are_waited_for_by_the_program() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    let served = sealwired();
    let line = said(&mut relayed(&program, "late", served, 16 * 1024));
    assert!(line.starts_with("2013 Lost connection to MySQL server") && line.contains("read timeout"), "{line}");
    // A server that says nothing.
    let (silent, port) = listener();
    let line = said(case(&program, "late", port, &served.ca()).env("CONNECT", "1"));
    assert!(line.starts_with("2013 ") || line.starts_with("2002 "), "{line}");
    drop(silent);
    // A server whose system does not answer, because the queue of its listener is full.
    let full = full();
    let line = said(case(&program, "late", full.port, &served.ca()).env("CONNECT", "1"));
    assert!(line.starts_with("2002 Can't connect to MySQL server on '127.0.0.1:"), "{line}");
}

#[test]
fn a_server_that_reads_nothing_is_waited_for_as_long_as_the_write_timeout_says() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = program(&folder().join("include"), place.path());
    let socket = serve(place.path(), |client| {
        client.welcome()?;
        client.wait_for_the_end()
    });
    let lines = said(case(&program, "unread", 0, Path::new("")).env("SOCKET", socket));
    assert_eq!(lines.matches("Lost connection to MySQL server").count(), 2, "{lines}");
    assert_eq!(lines.matches("the write timeout is over").count(), 2, "{lines}");
}

/// A listener that accepts no more connections.
struct Full {
    port: u16,
    _listener: rustix::fd::OwnedFd,
    _waiting: Vec<TcpStream>,
}

fn full() -> Full {
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listen(&listener, 0).unwrap();
    let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        waiting.push(stream);
    }
    Full { port: address.port(), _listener: listener, _waiting: waiting }
}

/// The example: 16 connections in one thread.
#[test]
fn an_epoll_loop_serves_many_connections() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let source = package_folder().join("../native/capi/examples/epoll.c");
    for headers in headers() {
        let program = compile_file(&source, &headers, place.path());
        for (served, _) in servers() {
            let mut command = with_ours(&program);
            command.args(["127.0.0.1", &served.port(), USER, PASSWORD]).arg(served.ca());
            let lines = said(&mut command);
            let (cipher, count) = lines.trim().split_once('\n').unwrap();
            assert!(cipher.starts_with("TLS_AES_"), "{lines}");
            let most = count.strip_suffix(" connections at once, 32 rows").unwrap();
            // The server may have answered the first connection to its end before the last one began.
            assert!((2..=16).contains(&most.parse().unwrap()), "{lines}");
            // A CA that did not sign the server's certificate.
            let other = tempdir().unwrap();
            let other = CertificateSet::by_openssl(other.path());
            let mut command = with_ours(&program);
            let refused = heard(command.args(["127.0.0.1", &served.port(), USER, PASSWORD]).arg(&other.ca));
            let errors = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert_eq!(errors.matches("2026 SSL connection error: ").count(), 16, "{errors}");
            assert!(String::from_utf8_lossy(&refused.stdout).ends_with(" 0 rows\n") && !refused.status.success());
        }
    }
}

#[test]
fn valgrind_has_nothing_to_report() {
    let (true, Some(served)) = (needs(&["cc", "valgrind"]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let include = folder().join("include");
    let (program, lifetimes) = (program(&include, place.path()), compile("lifetimes", &include, place.path()));
    for (program, name) in [(&program, "all"), (&program, "misused"), (&lifetimes, "lifetimes")] {
        let relay = Relay::before(served.server.port, 4096);
        let mut command = with_ours("valgrind");
        command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
        command.arg(program).args([name, "127.0.0.1", &relay.port.to_string(), USER, PASSWORD]).arg(served.ca());
        command.env("RELAY", relay.control.to_string()).env("SQL", many_rows());
        let output = heard(&mut command);
        let shown = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{name}: {shown}");
    }
}
