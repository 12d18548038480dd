//! Draining, KILL, lost servers, and the administration's socket and port.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use sealwire::Client;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients::{ask, plain};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::connect;
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::support::{checks, free_port, gateway, log_in, server, server_of};

/// The answer to a request.
fn answer(mut stream: impl Read + Write, request: &str) -> String {
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

pub(crate) fn by_socket(path: &Path, request: &str) -> String {
    answer(UnixStream::connect(path).unwrap(), request)
}

#[test]
fn a_session_that_moves_while_the_gateway_stops_ends_all_the_same() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let (first, second) = (server(Kind::Sealwired, Some(&set)), server(Kind::Sealwired, Some(&set)));
    let socket = place.path().join("admin");
    let admin = format!("--admin-socket={}", socket.display());
    let gateway = gateway(&set, &[first.port, second.port], &set, &[&admin, "--shutdown-timeout=300"]);
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    ask(&mut client, "BEGIN").unwrap();
    by_socket(&socket, &format!("POST /drain?server=127.0.0.1:{}", first.port));
    gateway.signal("TERM");
    gateway.says("Received SIGTERM");
    assert_eq!(ask(&mut client, "SELECT 1").unwrap(), "1", "its transaction is open");
    client.change_user("native", PASSWORD.into(), None).unwrap();
    let error = ask(&mut client, "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("1053") && error.contains("shutting down"), "{error}");
    gateway.says("Shutdown complete");
}

/// A client's stream on which something happens when the server's second packet has come: the request for the password.
struct Interrupted<F> {
    stream: TcpStream,
    reads: usize,
    happens: F,
}

impl<F: FnMut()> Read for Interrupted<F> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(into)?;
        self.reads += 1;
        if self.reads == 2 {
            (self.happens)();
        }
        Ok(count)
    }
}

impl<F> Write for Interrupted<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn a_client_that_logs_in_while_its_server_is_drained_leaves_it_too() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let socket = place.path().join("admin");
    let admin = format!("--admin-socket={}", socket.display());
    let gateway = gateway(&set, &[server.port], &set, &[&admin, "--skip-require-secure-transport"]);
    let drain = format!("POST /drain?server=127.0.0.1:{}", server.port);
    let happens = || {
        let said = by_socket(&socket, &drain);
        assert!(said.contains("it had 0 sessions"), "the login has not ended: {said}");
    };
    let stream = Interrupted { stream: connect(gateway.port), reads: 0, happens };
    let error = match Client::over(stream, plain("native")) {
        Ok(mut client) => client.query("SELECT 1").map(drop).unwrap_err(),
        Err(error) => error,
    };
    assert!(error.to_string().contains("1053") && error.to_string().contains("drained"), "{error}");
}

#[test]
fn a_drained_server_loses_its_sessions_between_statements() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let (first, second) = (server(Kind::Sealwired, Some(&set)), server(Kind::Sealwired, Some(&set)));
    let (socket, port) = (place.path().join("admin"), free_port());
    let options = [format!("--admin-socket={}", socket.display()), format!("--admin-port={port}")];
    let gateway = gateway(&set, &[first.port, second.port], &set, &options.each_ref().map(String::as_str));
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    let mut busy = log_in(gateway.port, "native", &set).unwrap();
    let mut other = log_in(gateway.port, "native", &set).unwrap();
    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    let ports = [&mut busy, &mut other, &mut idle].map(server_of);
    assert_eq!(ports, [first.port, second.port, first.port], "in turn");
    ask(&mut busy, "BEGIN").unwrap();

    let name = format!("127.0.0.1:{}", first.port);
    let drain = format!("POST /drain?server={name}");
    assert!(answer(TcpStream::connect(("127.0.0.1", port)).unwrap(), &drain).starts_with("HTTP/1.1 403"));
    assert!(by_socket(&socket, "POST /drain?server=nobody:1").starts_with("HTTP/1.1 404"));
    let said = by_socket(&socket, &drain);
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("it had 2 sessions"), "{said}");
    let error = ask(&mut idle, "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("1053") && error.contains("its server is drained"), "{error}");
    assert_eq!(ask(&mut busy, "SELECT 1").unwrap(), "1", "its transaction is open");
    let status = by_socket(&socket, "GET /status");
    assert!(status.contains("\"state\":\"open\"") && status.contains("\"draining\":true"), "{status}");
    ask(&mut busy, "COMMIT").unwrap();
    let error = ask(&mut busy, "SELECT 1").unwrap_err().to_string();
    assert!(error.contains("1053"), "{error}");
    for _ in 0..2 {
        assert_eq!(server_of(&mut log_in(gateway.port, "native", &set).unwrap()), second.port);
    }
    let metrics = answer(TcpStream::connect(("127.0.0.1", port)).unwrap(), "GET /metrics");
    for line in [
        format!("sealwire_gateway_server_draining{{pool=\"main\",server=\"{name}\"}} 1"),
        format!("sealwire_gateway_sessions{{pool=\"main\",server=\"127.0.0.1:{}\",state=\"idle\"}} 1", second.port),
        "sealwire_gateway_sessions_drained_total 2".to_owned(),
        "sealwire_gateway_logins_total 5".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    assert!(by_socket(&socket, &format!("POST /undrain?server={name}")).starts_with("HTTP/1.1 200"));
    let back: Vec<u16> = (0..2).map(|_| server_of(&mut log_in(gateway.port, "native", &set).unwrap())).collect();
    assert!(back.contains(&first.port), "{back:?}");
    assert!(by_socket(&socket, "POST /reload").starts_with("HTTP/1.1 200"));
    gateway.says("the TLS files were read again");
    drop(gateway);
    assert!(!socket.exists());
}

#[test]
fn a_session_moves_when_its_user_changes() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let (first, second) = (server(Kind::Sealwired, Some(&set)), server(Kind::Sealwired, Some(&set)));
    let socket = place.path().join("admin");
    let option = format!("--admin-socket={}", socket.display());
    let gateway = gateway(&set, &[first.port, second.port], &set, &[&option, "--drain=wait"]);
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    by_socket(&socket, &format!("POST /drain?server=127.0.0.1:{}", first.port));
    assert_eq!(server_of(&mut client), first.port, "an idle session stays");
    for user in ["sha2", "sha2", "ed25519"] {
        client.change_user(user, PASSWORD.into(), None).unwrap();
        assert_eq!(server_of(&mut client), second.port);
        assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), format!("{user}@%"));
    }
    let error = client.change_user("native", "wrong".into(), None).unwrap_err().to_string();
    assert!(error.contains("1045"), "{error}");
}

#[test]
fn a_statement_whose_server_dies_has_an_unknown_outcome() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let socket = place.path().join("admin");
    let gateway = gateway(&set, &[server.port], &set, &[&format!("--admin-socket={}", socket.display())]);
    let mut client = log_in(gateway.port, "native", &set).unwrap();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| ask(&mut client, "SELECT SLEEP(100)"));
        while !by_socket(&socket, "GET /status").contains("\"state\":\"running\"") {
            std::thread::yield_now();
        }
        server.signal("KILL");
        let error = running.join().unwrap().unwrap_err().to_string();
        assert!(error.contains("1053") && error.contains("outcome of the statement is unknown"), "{error}");
    });
    gateway.says("the outcome of the statement is unknown");
}

#[test]
fn a_kill_by_the_id_of_the_greeting_reaches_its_session() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let start = || {
        let create = |user| Kind::MariaDb.create_user(user, "mysql_native_password", PASSWORD, "SSL");
        let statements = vec![
            create("native"),
            create("other"),
            create("admin"),
            "GRANT SUPER, CONNECTION ADMIN ON *.* TO 'admin'@'%';".to_owned(),
        ];
        let settings = Settings { certificates: Some(set.clone()), statements, ..Settings::default() };
        Server::start(Kind::MariaDb, &settings).unwrap()
    };
    let (first, second) = (start(), start());
    let socket = place.path().join("admin");
    let mut options = checks(place.path());
    options.extend([format!("--admin-socket={}", socket.display()), "--check-user=admin".to_owned()]);
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let gateway = gateway(&set, &[first.port, second.port], &set, &options);
    let both_up = || by_socket(&socket, "GET /metrics").matches("\"} 1").count() >= 2;
    while !both_up() {
        std::thread::yield_now();
    }
    let on = |user: &str, port: u16| loop {
        let mut client = log_in(gateway.port, user, &set).unwrap();
        if server_of(&mut client) == port {
            return client;
        }
    };
    for port in [first.port, second.port] {
        let mut victim = on("native", first.port);
        let mut killer = on("native", port);
        let mut stranger = on("other", port);
        let id = victim.facts().connection_id;
        let error = ask(&mut stranger, &format!("KILL {id}")).unwrap_err().to_string();
        assert!(error.contains("1095"), "{error}");
        let error = ask(&mut killer, "KILL 4294967295").unwrap_err().to_string();
        assert!(error.contains("1094"), "{error}");
        std::thread::scope(|scope| {
            let running = scope.spawn(|| ask(&mut victim, "SELECT SLEEP(100)"));
            while !by_socket(&socket, "GET /status").contains("\"state\":\"running\"") {
                std::thread::yield_now();
            }
            ask(&mut killer, &format!("KILL QUERY {id}")).unwrap();
            let ended = running.join().unwrap();
            assert!(
                ended.as_ref().map_or_else(|error| error.to_string().contains("1317"), |slept| slept == "1"),
                "{ended:?}"
            );
        });
        assert_eq!(ask(&mut victim, "SELECT 2").unwrap(), "2", "the session goes on");
        ask(&mut killer, &format!("KILL {id}")).unwrap();
        assert!(ask(&mut victim, "SELECT 3").is_err());
    }
}
