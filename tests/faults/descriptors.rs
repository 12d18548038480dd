//! The server runs out of file descriptors.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};

use crate::{assert_answers, root, rows};

const MOST: usize = 64;

#[test]
fn a_server_without_descriptors_goes_on_when_there_are_some_again() {
    if !needs(&["prlimit"]) {
        return;
    }
    let within = vec!["prlimit".to_owned(), format!("--nofile={MOST}"), "--".to_owned()];
    let server = Server::start(Kind::Sealwired, &Settings { within, ..Settings::default() }).unwrap();
    let mut client = root(&server).unwrap();
    // More connections than the server has descriptors: the oldest are closed to make room.
    let held: Vec<TcpStream> = (0..2 * MOST).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    // Each worker has a listener of its own, and a worker that accepts later may close a connection of the other that is logging in.
    let since = Instant::now();
    let mut another = loop {
        match root(&server) {
            Ok(client) => break client,
            Err(error) => assert!(since.elapsed() < Duration::from_secs(30), "no room for a user: {error}"),
        }
    };
    assert_eq!(rows(&mut another, "SELECT 3").unwrap(), ["3"]);
    // A logged-in client is served, before and after its statements.
    assert_eq!(rows(&mut client, "SELECT 1").unwrap(), ["1"]);
    let refused = rows(&mut client, "CREATE USER 'u'@'%'");
    assert_eq!(rows(&mut client, "SELECT 2").unwrap(), ["2"]);
    drop(held);
    let since = Instant::now();
    while root(&server).is_err() {
        assert!(since.elapsed() < Duration::from_secs(30), "{}", server.log());
    }
    assert_answers(&server);
    let users = rows(&mut client, "SELECT COUNT(*) FROM mysql.user WHERE User = 'u'").unwrap();
    assert_eq!(users, [if refused.is_ok() { "1" } else { "0" }], "{refused:?}");
    let complaints = server.log().matches("can't accept a connection").count();
    assert!(complaints < 1000, "{complaints} lines in the log");
}

/// Sessions that open many databases are refused more of them before nobody else can log in.
#[test]
fn sessions_with_many_databases_leave_descriptors_for_others() {
    if !needs(&["prlimit"]) {
        return;
    }
    let within = ["prlimit", "--nofile=400", "--"].map(str::to_owned).to_vec();
    let server = Server::start(Kind::Sealwired, &Settings { within, ..Settings::default() }).unwrap();
    assert!(server.log().contains("open files"), "it is not said at the start: {}", server.log());
    let mut client = root(&server).unwrap();
    for number in 0..9 {
        rows(&mut client, &format!("CREATE DATABASE d{number}")).unwrap();
        rows(&mut client, &format!("CREATE TABLE d{number}.t (n INT)")).unwrap();
    }
    let mut refused = Vec::new();
    let mut greedy = Vec::new();
    for _ in 0..20 {
        let mut one = root(&server).unwrap_or_else(|error| panic!("no room for a user: {error}\n{}", server.log()));
        rows(&mut one, "BEGIN").unwrap();
        let all = (0..9).map(|number| rows(&mut one, &format!("SELECT * FROM d{number}.t")));
        refused.extend(all.filter_map(Result::err).map(|error| error.to_string()));
        greedy.push(one);
    }
    assert!(!refused.is_empty(), "20 sessions with 9 databases each have 540 files open, of 400");
    assert!(refused.iter().all(|error| error.contains("1041") && error.contains("file descriptors")), "{refused:?}");
    assert_answers(&server);
    drop(greedy);
    let since = Instant::now();
    while let Err(error) =
        rows(&mut client, "SELECT COUNT(*) FROM d0.t, d1.t, d2.t, d3.t, d4.t, d5.t, d6.t, d7.t, d8.t")
    {
        assert!(since.elapsed() < Duration::from_secs(30), "{error}");
    }
}
