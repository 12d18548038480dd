//! Dumps whose clients read nothing, or that are far behind, while others change what the dump depends on.

use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::clients;
use sealwire_tests::programs::needs;

use super::raw::{Raw, dump};
use super::world::{MARIADB, World, sql};

const PEERS: &[&str] = &["mariadb", "openssl"];

/// How many dumps run at once.
const MOST: usize = 200;

/// A primary with a log of some megabytes in two files, and the account `raw` without a password. A client may take this many seconds to read.
fn world(patience: u32) -> World {
    let world = World::new(&[MARIADB, "--max-connections=1100"]);
    let rows = "INSERT INTO d.t (b) VALUES (REPEAT('x', 1000000));".repeat(12);
    sql(
        world.ours(),
        &format!(
            "SET sql_log_bin = 0; CREATE USER raw@'%' IDENTIFIED WITH mysql_native_password AS ''; GRANT REPLICATION SLAVE ON *.* TO raw@'%';
             SET sql_log_bin = 1; SET GLOBAL net_write_timeout = {patience}; CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY AUTO_INCREMENT, b LONGTEXT); {rows} FLUSH BINARY LOGS;
             INSERT INTO d.t (b) VALUES ('last')"
        ),
    );
    world
}

/// A dump from the first file's beginning that has sent its first bytes.
fn begun(world: &World, server_id: u32) -> Raw {
    let mut client = Raw::connect(world, "raw");
    assert_eq!(client.run(b"SET @master_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4"), None);
    client.send(&dump(b"binlog.000001", 4, 0, server_id));
    client.begun();
    client
}

/// How many dumps run.
fn dumps(world: &World) -> usize {
    sql(world.ours(), "SHOW PROCESSLIST").matches("Binlog Dump").count()
}

#[track_caller]
fn wait_for_dumps(world: &World, count: usize) {
    let begin = Instant::now();
    while dumps(world) != count {
        assert!(begin.elapsed().as_secs() < 60, "{} dumps run, and not {count}", dumps(world));
    }
}

#[track_caller]
fn wait_for_log(world: &World, text: &str) {
    assert!(world.ours().wait_for_log(text), "no '{text}' in: {}", world.ours().log());
}

#[test]
fn a_client_that_reads_nothing_ends_by_the_write_timeout() {
    if !needs(PEERS) {
        return;
    }
    let world = world(2);
    let client = begun(&world, 5);
    wait_for_dumps(&world, 0);
    wait_for_log(&world, "has ended: the connection is gone");
    drop(client);
}

/// Each holds two batches at most, which are of 64 KiB or of one larger event, and their copies for the socket.
#[test]
fn hundreds_of_dumps_take_little_memory_and_hinder_nobody() {
    if !needs(PEERS) {
        return;
    }
    let world = world(600);
    let grown = |clients: &mut dyn FnMut()| {
        let before = clients::resident(world.ours().id());
        clients();
        clients::resident(world.ours().id()).saturating_sub(before)
    };
    let (mut large, mut small) = (Vec::new(), Vec::new());
    let of_large = grown(&mut || {
        large.extend((0..30).map(|number| begun(&world, 10 + number)));
        wait_for_dumps(&world, 30);
    });
    println!("30 dumps of events of 1 MB: {of_large} KiB");
    assert!(of_large < 30 * 5 * 1024, "{of_large} KiB for 30 dumps of events of 1 MB");
    drop(large);
    wait_for_dumps(&world, 0);
    let rows = format!("INSERT INTO d.t (b) VALUES ('{}');", "x".repeat(50_000)).repeat(150);
    sql(world.ours(), &format!("RESET MASTER; {rows}"));
    let count = clients::most_files().saturating_sub(200).min(MOST);
    let of_small = grown(&mut || {
        small.extend((0..count).map(|number| begun(&world, 100 + number as u32)));
        wait_for_dumps(&world, count);
    });
    println!("{count} dumps of small events: {of_small} KiB");
    assert!(of_small < count as u64 * 640, "{of_small} KiB for {count} dumps of small events");
    assert_eq!(
        sql(world.ours(), "INSERT INTO d.t (b) VALUES ('served'); SELECT b FROM d.t ORDER BY a DESC LIMIT 1"),
        "served\n"
    );
    drop(small);
    wait_for_dumps(&world, 0);
}

#[test]
fn dumps_of_large_events_stay_within_the_memory_limit() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB, "--max-allowed-packet=64M", "--global-connection-memory-limit=256M"]);
    sql(
        world.ours(),
        "CREATE USER raw@'%' IDENTIFIED WITH mysql_native_password AS ''; GRANT REPLICATION SLAVE ON *.* TO raw@'%'; SET GLOBAL net_write_timeout = 600;
         CREATE DATABASE d; CREATE TABLE d.t (b LONGTEXT); INSERT INTO d.t VALUES (REPEAT('x', 30000000)); INSERT INTO d.t VALUES (REPEAT('x', 30000000))",
    );
    let before = clients::resident(world.ours().id());
    let held: Vec<Raw> = (0..16).map(|number| begun(&world, 10 + number)).collect();
    wait_for_dumps(&world, held.len());
    let mut peak = 0;
    for _ in 0..20 {
        assert_eq!(sql(world.ours(), "SELECT 'served'"), "served\n");
        peak = peak.max(clients::resident(world.ours().id()));
    }
    println!("16 dumps of events of 30 MB: from {before} to {peak} KiB");
    assert!(peak < before + 400 * 1024, "from {before} to {peak} KiB");
}

#[test]
fn kill_ends_a_dump_that_waits_for_its_client() {
    if !needs(PEERS) {
        return;
    }
    let world = world(600);
    let client = begun(&world, 5);
    let id = sql(world.ours(), "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND = 'Binlog Dump'");
    sql(world.ours(), &format!("KILL {}", id.trim()));
    wait_for_log(&world, "has ended: the connection is gone");
    wait_for_dumps(&world, 0);
    drop(client);
}

/// A file that is being sent stays; RESET removes all, and a dump must not go on in a new file of an old name.
#[test]
fn purge_waits_for_a_reader_and_reset_ends_it() {
    if !needs(PEERS) {
        return;
    }
    let world = world(600);
    let client = begun(&world, 5);
    sql(world.ours(), "PURGE BINARY LOGS TO 'binlog.000002'");
    assert!(sql(world.ours(), "SHOW BINARY LOGS").starts_with("binlog.000001\t"), "it is being sent");
    sql(world.ours(), "RESET MASTER; INSERT INTO d.t (b) VALUES ('after the reset')");
    let rest = client.last();
    let said = String::from_utf8_lossy(&rest);
    assert!(rest.first() == Some(&0xff) && said.contains("RESET MASTER has removed the binary log"), "{said}");
    wait_for_dumps(&world, 0);
    sql(world.ours(), "FLUSH BINARY LOGS; PURGE BINARY LOGS TO 'binlog.000002'");
    assert!(sql(world.ours(), "SHOW BINARY LOGS").starts_with("binlog.000002\t"));
}

/// A client that is megabytes behind gets no more than is on its way already.
#[test]
fn a_right_that_is_lost_ends_a_dump_in_the_middle_of_a_file() {
    if !needs(PEERS) {
        return;
    }
    let world = world(600);
    for (change, expected) in [
        ("REVOKE REPLICATION SLAVE ON *.* FROM raw@'%'", "has lost the privilege REPLICATION SLAVE"),
        ("DROP USER raw@'%'", "was dropped or renamed"),
    ] {
        sql(world.ours(), "GRANT REPLICATION SLAVE ON *.* TO raw@'%'");
        let mut client = begun(&world, 5);
        sql(world.ours(), change);
        let (mut length, mut last) = (0, Vec::new());
        while let Some(packet) = client.next() {
            length += packet.len();
            last = packet;
        }
        let said = String::from_utf8_lossy(&last);
        assert!(said.contains(expected), "{change}: {said}");
        assert!(length < 10_000_000, "{change}: {length} bytes of 12 million came");
    }
}

#[test]
fn a_dump_ends_when_its_certificate_expires() {
    if !needs(&["mariadb", "mariadb-binlog", "openssl"]) {
        return;
    }
    let world = World::new(&[MARIADB]);
    CertificateSet::expiring(world.place.path(), "client", Duration::from_secs(5));
    // Nothing tells of the certificate's end but the clock.
    let dump = super::ends::waiting_dump(&world, &mut world.binlog_tool());
    let said = super::ends::last_words(dump);
    assert!(said.contains("its certificate is no longer valid") && said.contains("expired"), "{said}");
}
