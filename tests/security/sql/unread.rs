//! Clients that request much and read nothing: the memory that the server holds for them is bounded, counts for their account, and is freed
//! in time.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sealwire::Client;
use sealwire_tests::clients;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle::framed;

use crate::world::{World, run};

const MIB: u64 = 1 << 20;

/// How long a test waits for an event that must come.
const PATIENCE: Duration = Duration::from_secs(60);

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
    }
}

/// A server that waits `seconds` for a client that takes nothing.
fn world(seconds: u32, options: &[&str]) -> World {
    let world = World::new(options);
    run(&mut world.root(), &format!("SET GLOBAL net_write_timeout = {seconds}")).unwrap();
    world
}

/// Runs a statement on a connection of its own, whose answer has begun to arrive and is not read.
fn unread(world: &World, sql: &str) -> Client<TcpStream> {
    let client = world.worker();
    client.stream().write_all(&framed(&[b"\x03", sql.as_bytes()].concat(), 0)).unwrap();
    client.stream().peek(&mut [0]).unwrap();
    client
}

/// A query for `count` rows of `bytes` bytes each.
fn rows(count: usize, bytes: usize) -> String {
    vec![format!("SELECT REPEAT('x', {bytes})"); count].join(" UNION ALL ")
}

/// The number of threads that run statements or wait for one.
fn threads(world: &World) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", world.server.id())).unwrap();
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "sealwired-sql").count()
}

fn light(world: &World, root: &mut Client<TcpStream>) -> Client<TcpStream> {
    run(root, &format!("CREATE USER 'light'@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}'")).unwrap();
    clients::connect(world.server.port, clients::plain("light")).unwrap()
}

#[test]
fn who_reads_no_results_leaves_memory_for_others() {
    let world = world(3600, &["--global-connection-memory-limit=256M"]);
    let mut root = world.root();
    let mut light = light(&world, &mut root);
    let mut peak = 0;
    // A few rows, one row, and many rows.
    let statements = [rows(4, 16 << 20), rows(1, 50 << 20), rows(40, 4 << 20)];
    let held: Vec<_> = (0..36)
        .map(|number| {
            let client = unread(&world, &statements[number % statements.len()]);
            peak = peak.max(clients::resident(world.server.id()));
            client
        })
        .collect();
    println!("{} connections that read nothing: the server held {} MiB at most", held.len(), peak / 1024);
    for _ in 0..20 {
        peak = peak.max(clients::resident(world.server.id()));
        assert_eq!(run(&mut light, "SELECT 'served'").unwrap(), [["served"]]);
        assert_eq!(run(&mut light, &format!("SELECT LENGTH(REPEAT('x', {}))", 4 << 20)).unwrap(), [["4194304"]]);
        assert_eq!(run(&mut light, &rows(3, 2 << 20)).unwrap().len(), 3);
    }
    println!("with the other account's statements: {} MiB at most", peak / 1024);
    // The limit, half as much again for clients that hold little, the size of a debug build, and the values that are made before the limit
    // is checked.
    assert!(peak * 1024 < 2 * 256 * MIB, "the server held {} MiB", peak / 1024);
    // The account that uses up the memory gets no more.
    let (code, message) = run(&mut world.worker(), &rows(1, 50 << 20)).unwrap_err();
    assert_eq!(code, 1041, "{message}");
    drop(held);
    wait_until("memory goes back", || run(&mut world.worker(), &rows(1, 50 << 20)).is_ok());
}

#[test]
fn a_statement_whose_rows_nobody_reads_ends_when_it_is_killed_and_with_its_time() {
    let world = world(3600, &[]);
    let mut root = world.root();
    let sql = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 1000) \
               SELECT REPEAT('x', 1000) FROM n, n AS m";
    let killed = unread(&world, sql);
    let mut timed = world.worker();
    run(&mut timed, "SET max_execution_time = 500").unwrap();
    timed.stream().write_all(&framed(&[b"\x03", sql.as_bytes()].concat(), 0)).unwrap();
    let id = run(&mut root, "SELECT MIN(ID) FROM information_schema.PROCESSLIST WHERE USER = 'worker'").unwrap();
    run(&mut root, &format!("KILL QUERY {}", id[0][0])).unwrap();
    // Idle threads end after ten seconds.
    wait_until("their threads are free", || threads(&world) == 0);
    drop((killed, timed));
}

const LEFT: &str = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'worker'";

#[test]
fn a_connection_that_takes_nothing_is_closed_after_net_write_timeout() {
    let world = world(2, &[]);
    let mut root = world.root();
    let held = [unread(&world, &rows(4, 16 << 20)), unread(&world, &rows(1, 50 << 20))];
    wait_until("they are closed", || run(&mut root, LEFT).unwrap() == [["0"]]);
    drop(held);
    assert_eq!(run(&mut root, "SELECT 'served'").unwrap(), [["served"]]);
}

#[test]
fn a_session_may_have_a_net_write_timeout_of_its_own() {
    let world = world(3600, &[]);
    let mut root = world.root();
    let mut short = world.worker();
    let long = unread(&world, &rows(1, 50 << 20));
    run(&mut short, "SET net_write_timeout = 1").unwrap();
    short.stream().write_all(&framed(&[b"\x03", rows(1, 50 << 20).as_bytes()].concat(), 0)).unwrap();
    wait_until("the one that asked for it is closed", || run(&mut root, LEFT).unwrap() == [["1"]]);
    drop((short, long));
}

#[test]
fn a_connection_that_takes_nothing_is_closed_at_once_when_it_is_killed() {
    let world = world(3600, &[]);
    let mut root = world.root();
    let before = clients::resident(world.server.id());
    let many = "WITH RECURSIVE n AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM n WHERE a < 1000) \
                SELECT REPEAT('x', 1000) FROM n, n AS m";
    let held = [unread(&world, &rows(4, 16 << 20)), unread(&world, &rows(1, 50 << 20)), unread(&world, many)];
    let ids = run(&mut root, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'worker'").unwrap();
    assert_eq!(ids.len(), held.len());
    for id in ids {
        run(&mut root, &format!("KILL CONNECTION {}", id[0])).unwrap();
    }
    wait_until("they are closed", || run(&mut root, LEFT).unwrap() == [["0"]]);
    wait_until("their memory goes back", || clients::resident(world.server.id()) < before + (64 << 10));
    drop(held);
}
