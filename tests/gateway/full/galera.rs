//! Three nodes of a Galera cluster before a gateway that checks them: a node that is killed, that hangs, that loses the majority, that comes
//! back, and all of them restarted in turn. `cargo xtask galera` runs these tests, which take minutes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use sealwire_tests::clients::ask;

use crate::cluster::{Cluster, before, certificates, is_missing};
use crate::support::{free_port, log_in, server_of};

/// How many clients write while the nodes restart.
const WORKERS: u64 = 8;

#[test]
#[ignore = "it takes minutes: cargo xtask galera"]
fn no_session_reaches_a_node_that_cannot_serve() {
    assert_eq!(is_missing(), None);
    let place = tempfile::tempdir().unwrap();
    let set = certificates(place.path());
    let mut cluster = Cluster::start(place.path(), &set);
    let readers = free_port();
    let gateway = before(&cluster, place.path(), &set, &[format!("--listen=127.0.0.1:{readers},role=reader")]);
    let ports = cluster.ports();
    let name = |index: usize| format!("server 127.0.0.1:{}", ports[index]);
    let at = |port: u16| server_of(&mut log_in(port, "native", &set).unwrap());
    assert_eq!(at(gateway.port), ports[0]);
    assert!(at(readers) != ports[0]);

    let step = |what: &str, begun: Instant| println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    let mut count = 0;
    let mut write = |port: u16| {
        count += 1;
        let mut client = log_in(port, "native", &set).unwrap();
        ask(&mut client, &format!("INSERT INTO d.t VALUES ({count})")).unwrap();
        server_of(&mut client)
    };

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(write(gateway.port), ports[0]);
    let begun = Instant::now();
    cluster.end(0, "KILL");
    gateway.says(&format!("{} is lost", name(0)));
    step("a killed node is lost", begun);
    assert!(ask(&mut idle, "SELECT 1").is_err(), "its server is gone");
    assert_eq!(write(gateway.port), ports[1]);
    step("the next node takes writes", begun);
    let log = gateway.log().len();
    cluster.rejoin(0);
    while !gateway.log()[log..].contains(&format!("{} is up", name(0))) {
        std::thread::yield_now();
    }
    assert_eq!(write(gateway.port), ports[1], "the writer stays");

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    let begun = Instant::now();
    cluster.signal(1, "STOP");
    gateway.says(&format!("{} is lost", name(1)));
    step("a node that hangs is lost", begun);
    assert!(ask(&mut idle, "SELECT 1").is_err());
    assert_eq!(write(gateway.port), ports[0]);
    step("the next node takes writes", begun);
    let log = gateway.log().len();
    cluster.signal(1, "CONT");
    while !gateway.log()[log..].contains(&format!("{} is up", name(1))) {
        std::thread::yield_now();
    }
    assert_eq!(write(gateway.port), ports[0]);

    let begun = Instant::now();
    cluster.end(1, "KILL");
    cluster.end(2, "KILL");
    gateway.says(&format!("{} is unfit: it is not in the primary component", name(0)));
    step("a node without the majority is unfit", begun);
    assert_eq!(cluster.ask(0, "SELECT 1").trim(), "1", "it answers all the same");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| at(gateway.port));
        gateway.says("waits for a server");
        cluster.sql(0, "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'");
        assert_eq!(waiting.join().unwrap(), ports[0], "the login waited for it");
    });
    for index in [1, 2] {
        cluster.rejoin(index);
    }
    assert_eq!(cluster.ask(2, "SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*) FROM d.t").trim(), count.to_string());
}

#[test]
#[ignore = "it takes minutes: cargo xtask galera"]
fn nodes_restart_in_turn_and_no_statement_is_lost_or_done_twice() {
    assert_eq!(is_missing(), None);
    let place = tempfile::tempdir().unwrap();
    let set = certificates(place.path());
    let mut cluster = Cluster::start(place.path(), &set);
    let socket = place.path().join("admin");
    let gateway = before(&cluster, place.path(), &set, &[format!("--admin-socket={}", socket.display())]);
    let ports = cluster.ports();
    let name = |index: usize| format!("server 127.0.0.1:{}", ports[index]);
    let (is_over, next, refused) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let mut acknowledged = Vec::new();
        let mut client = log_in(gateway.port, "native", &set).unwrap();
        while !is_over.load(Ordering::Relaxed) {
            let id = next.fetch_add(1, Ordering::Relaxed);
            match ask(&mut client, &format!("INSERT INTO d.t VALUES ({id})")) {
                Ok(_) => acknowledged.push(id),
                Err(error) => {
                    // The gateway refused it between two statements, so the server has not seen it.
                    assert!(error.to_string().contains("1053"), "{error}");
                    assert!(!error.to_string().contains("unknown"), "{error}");
                    refused.fetch_add(1, Ordering::Relaxed);
                    client = log_in(gateway.port, "native", &set).unwrap();
                }
            }
        }
        acknowledged
    };
    let acknowledged: Vec<u64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        for (index, port) in ports.into_iter().enumerate() {
            let begun = Instant::now();
            let drain = format!("POST /drain?server=127.0.0.1:{}", port);
            assert!(crate::administration::by_socket(&socket, &drain).starts_with("HTTP/1.1 200"));
            let is_empty = || {
                let metrics = crate::administration::by_socket(&socket, "GET /metrics");
                !metrics.contains(&format!("sealwire_gateway_sessions{{pool=\"main\",server=\"127.0.0.1:{}\"", port))
            };
            while !is_empty() {
                std::thread::yield_now();
            }
            println!("node {index} is empty: {:.1} s", begun.elapsed().as_secs_f64());
            let log = gateway.log().len();
            cluster.end(index, "TERM");
            cluster.rejoin(index);
            while !gateway.log()[log..].contains(&format!("{} is up", name(index))) {
                std::thread::yield_now();
            }
            println!("node {index} is back: {:.1} s", begun.elapsed().as_secs_f64());
            crate::administration::by_socket(&socket, &drain.replace("/drain", "/undrain"));
        }
        is_over.store(true, Ordering::Relaxed);
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{} statements, {} refused between statements", acknowledged.len(), refused.load(Ordering::Relaxed));
    // The first node's restart moves the writes to the second, and the second's back to the first.
    assert!(refused.load(Ordering::Relaxed) >= 2 * WORKERS, "each worker is moved twice");
    let found = cluster.ask(0, "SET SESSION wsrep_sync_wait = 1; SELECT id FROM d.t ORDER BY id");
    let found: Vec<u64> = found.lines().map(|line| line.parse().unwrap()).collect();
    let mut expected = acknowledged;
    expected.sort_unstable();
    assert_eq!(found, expected, "each statement that was acknowledged is there, and no other");
}
