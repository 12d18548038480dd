//! Clients that try to pass the gateway's rules, or to turn the servers against it.

use std::fs;
use std::io::Write as _;
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use sealwire_tests::certificates::{CLIENT_SUBJECT, CertificateSet};
use sealwire_tests::clients::{ask, connect};
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::{can, needs};
use sealwire_tests::server::{Kind, Server, Settings};

use crate::support::{checks, gateway, log_in, server, showing, with};

/// MariaDB takes the quotes off a name, and reads it in the client's character set.
#[test]
fn no_spelling_of_a_name_passes_its_rule() {
    if !can(Kind::MariaDb.missing()) || !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let account = |name: &str| Kind::MariaDb.create_user(name, "mysql_native_password", PASSWORD, "SSL");
    let names = ["adm", "müller"];
    let mut statements = vec!["SET NAMES utf8mb4;".to_owned(), account("free")];
    statements.extend(names.map(account));
    let server =
        Server::start(Kind::MariaDb, &Settings { certificates: Some(set.clone()), statements, ..Settings::default() })
            .unwrap();
    let rules = place.path().join("rules.sql");
    let rule = |name: &str| format!("ALTER USER '{name}'@'%' REQUIRE SUBJECT '{CLIENT_SUBJECT}';\n");
    fs::write(&rules, names.map(rule).concat()).unwrap();
    let (file, ca) = (format!("--rules-file={}", rules.display()), format!("--ssl-ca={}", set.ca.display()));
    let gateway = gateway(&set, &[server.port], &set, &[&file, &ca]);

    const LATIN1: u8 = 8;
    const SWE7: u8 = 10;
    const UTF8MB4: u8 = 45;
    for (name, charset) in [
        ("'adm'", UTF8MB4),
        ("adm", SWE7),
        ("müller", UTF8MB4),
        ("'müller'", UTF8MB4),
        ("müller", LATIN1),
        ("m~ller", SWE7),
    ] {
        let config = |user: &str| {
            let mut config = with(user, &set);
            config.charset = charset;
            config
        };
        let error = connect(gateway.port, config(name)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("1045"), "{name} in {charset}: '{error}'");
        if charset == SWE7 {
            continue;
        }
        let mut free = connect(gateway.port, config("free")).unwrap();
        let error = free.change_user(name, PASSWORD.into(), None).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains("1045")), "{name} in {charset}: {error:?}");
    }
    let mut client = connect(gateway.port, showing("'müller'", &set)).unwrap();
    assert_eq!(ask(&mut client, "SELECT CURRENT_USER()").unwrap(), "müller@%", "who meets the rule logs in");
}

/// The port of a server that refuses connections, once it is told to, as one does that has too many; those before live on.
struct Refusing {
    port: u16,
    refuses: Arc<AtomicBool>,
    refused: Arc<AtomicUsize>,
}

impl Refusing {
    fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (refuses, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (is_refusing, count) = (Arc::clone(&refuses), Arc::clone(&refused));
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                if is_refusing.load(SeqCst) {
                    count.fetch_add(1, SeqCst);
                    let _ = client.write_all(b"\x17\0\0\0\xff\x10\x04Too many connections");
                    continue;
                }
                let server = sealwire_tests::middle::connect(server);
                for (mut from, mut to) in [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))]
                    .map(|(from, to)| (from.unwrap(), to.unwrap()))
                {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self { port, refuses, refused }
    }
}

/// A login that waits for a place at a server that refuses connects to it once in a while.
#[test]
fn a_server_that_refuses_is_left_alone_for_a_while() {
    if !needs(&["openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let server = server(Kind::Sealwired, Some(&set));
    let port = Refusing::before(server.port);
    let checks = checks(place.path());
    let more: Vec<&str> = ["--queue-timeout=3"].into_iter().chain(checks.iter().map(String::as_str)).collect();
    let gateway = gateway(&set, &[port.port], &set, &more);
    log_in(gateway.port, "native", &set).unwrap();
    port.refuses.store(true, SeqCst);
    let error = log_in(gateway.port, "native", &set).unwrap_err().to_string();
    assert!(error.contains("1105"), "{error}");
    // Once at first, and once a second for three seconds.
    let count = port.refused.load(SeqCst);
    assert!((2..=5).contains(&count), "{count}\n{}", gateway.log());
    gateway.says("Too many connections");
}
