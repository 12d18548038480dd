//! Three nodes of a Galera cluster before a gateway: one is killed, one hangs so that the last is without the majority, one stops cleanly.
//! No session reaches a node that can't serve. `cargo xtask galera` has the same with nodes that come back in between.

use std::time::Instant;

use sealwire_tests::clients::ask;
use sealwire_tests::programs::can;

use crate::cluster::{Cluster, before, certificates, is_missing};
use crate::support::{log_in, server_of};

#[test]
fn sessions_follow_the_nodes_that_can_serve() {
    if !can(is_missing()) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = certificates(place.path());
    let begun = Instant::now();
    let step = |what: &str| println!("{what}: {:.1} s", begun.elapsed().as_secs_f64());
    let mut cluster = Cluster::start(place.path(), &set);
    let gateway = before(&cluster, place.path(), &set, &[]);
    step("three nodes are up");
    let ports = cluster.ports();
    let name = |index: usize| format!("server 127.0.0.1:{}", ports[index]);
    let mut count = 0;
    let mut write = || {
        count += 1;
        let mut client = log_in(gateway.port, "native", &set).unwrap();
        ask(&mut client, &format!("INSERT INTO d.t VALUES ({count})")).unwrap();
        server_of(&mut client)
    };

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    assert_eq!(write(), ports[0]);
    cluster.end(0, "KILL");
    gateway.says(&format!("{} is lost", name(0)));
    assert!(ask(&mut idle, "SELECT 1").is_err(), "its server is gone");
    assert_eq!(write(), ports[1]);
    step("a node was killed, and the next takes writes");

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    cluster.signal(2, "STOP");
    gateway.says(&format!("{} is lost", name(2)));
    gateway.says(&format!("{} is unfit: it is not in the primary component", name(1)));
    step("a node hangs, and the last is unfit");
    assert_eq!(cluster.ask(1, "SELECT 1").trim(), "1", "it answers all the same");
    assert!(ask(&mut idle, "SELECT 1").is_err(), "its server is unfit");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(&mut write);
        gateway.says("waits for a server");
        cluster.signal(2, "CONT");
        assert!(ports[1..].contains(&waiting.join().unwrap()), "the login waited until both were one again");
    });
    step("the node goes on, and a login that waited writes");

    let mut idle = log_in(gateway.port, "native", &set).unwrap();
    let writer = usize::from(server_of(&mut idle) == ports[2]) + 1;
    cluster.end(writer, "TERM");
    gateway.says(&format!("{} is lost", name(writer)));
    assert!(ask(&mut idle, "SELECT 1").is_err(), "its server has stopped");
    assert_eq!(write(), ports[3 - writer]);
    step("the writer stopped, and the last node takes writes");
    assert_eq!(cluster.ask(3 - writer, "SELECT COUNT(*) FROM d.t").trim(), count.to_string());
}
