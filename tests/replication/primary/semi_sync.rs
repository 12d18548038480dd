//! Commits that wait for a replica: MariaDB's and our own, one that stands still, one that lies, and none.

use std::thread;
use std::time::Instant;

use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};

use super::raw::{Raw, dump};
use super::world::{MARIADB, PEERS, World, error, sql};

const MYSQL: &str = "--version=8.0.99-Sealwire";
const ENABLED: &str = "--rpl-semi-sync-master-enabled";
/// No test ends by this timeout.
const LONG: &str = "--rpl-semi-sync-master-timeout=3600000";

/// The value of a status variable of semi-synchronous replication.
fn told(world: &World, name: &str) -> String {
    let row = sql(world.ours(), &format!("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_{name}'"));
    row.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

/// Waits until a status variable has this value.
#[track_caller]
fn until(world: &World, name: &str, value: &str) {
    let begin = Instant::now();
    while told(world, name) != value {
        assert!(
            begin.elapsed().as_secs() < 60,
            "{name}: {} and not {value}\n{}",
            told(world, name),
            world.ours().log()
        );
    }
}

#[track_caller]
fn assert_told(world: &World, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(told(world, name), *value, "{name}: {}", world.ours().log());
    }
}

#[test]
fn a_commit_waits_for_mariadb_and_no_longer_than_the_timeout() {
    if !needs(PEERS) {
        return;
    }
    for using_gtid in ["no", "slave_pos"] {
        let world = World::new(&[MARIADB, ENABLED, LONG]);
        let replica = world.replica();
        sql(&replica, "SET GLOBAL rpl_semi_sync_slave_enabled = 1");
        world.follow(&replica, using_gtid);
        until(&world, "clients", "1");
        sql(
            world.ours(),
            "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b LONGTEXT); INSERT INTO d.t VALUES (1, 'a');
             BEGIN; INSERT INTO d.t VALUES (2, 'b'); UPDATE d.t SET b = REPEAT('x', 300000) WHERE a = 1; COMMIT;
             CREATE USER u@h IDENTIFIED WITH mysql_native_password BY 'x'; BEGIN; INSERT INTO d.t VALUES (3, 'c'); FLUSH BINARY LOGS;
             INSERT INTO d.t VALUES (4, 'd'); SET sql_log_bin = 0; DELETE FROM d.t WHERE a = 99",
        );
        assert_told(
            &world,
            &[("status", "ON"), ("yes_tx", "7"), ("no_tx", "0"), ("wait_sessions", "0"), ("get_ack", "7")],
        );
        world.wait(&replica);
        world.same(&replica, "SELECT a, LENGTH(b) FROM d.t ORDER BY a");
        let slave = sql(&replica, "SHOW STATUS LIKE 'Rpl_semi_sync_slave_status'");
        assert!(slave.contains("ON"), "{slave}");

        // A replica that stands still holds one commit until the timeout, and the next ones not at all.
        sql(world.ours(), "SET GLOBAL rpl_semi_sync_source_timeout = 300");
        replica.signal("STOP");
        sql(world.ours(), "INSERT INTO d.t VALUES (5, 'e')");
        assert_told(&world, &[("status", "OFF"), ("yes_tx", "7"), ("no_tx", "1"), ("no_times", "1")]);
        assert!(
            world
                .ours()
                .log()
                .contains("semi-synchronous replication is off: no replica has acknowledged the commit at binlog.0000")
        );
        sql(world.ours(), "SET GLOBAL rpl_semi_sync_master_timeout = 3600000; INSERT INTO d.t VALUES (6, 'f')");
        assert_told(&world, &[("status", "OFF"), ("no_tx", "2")]);
        replica.signal("CONT");
        until(&world, "status", "ON");
        sql(world.ours(), "INSERT INTO d.t VALUES (7, 'g')");
        assert_told(&world, &[("yes_tx", "8"), ("no_tx", "2"), ("no_times", "1")]);
        world.wait(&replica);
        world.same(&replica, "SELECT a, LENGTH(b) FROM d.t ORDER BY a");

        // Without replicas nobody waits where that is set.
        sql(world.ours(), "SET GLOBAL rpl_semi_sync_master_wait_no_slave = 0");
        sql(&replica, "STOP SLAVE");
        until(&world, "clients", "0");
        sql(world.ours(), "INSERT INTO d.t VALUES (8, 'h')");
        assert_told(&world, &[("status", "OFF"), ("no_tx", "3")]);
        let log = world.ours().log();
        assert!(!log.contains("panicked") && !log.contains("bug in sealwired"), "{log}");
    }
}

#[test]
fn our_own_replica_acknowledges_in_both_flavours_and_within_compression() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    for (options, change) in [
        (&[MARIADB, ENABLED, LONG][..], "MASTER_USE_GTID=slave_pos"),
        (&[MARIADB, LONG], "MASTER_USE_GTID=slave_pos"),
        (&[MYSQL, "--gtid-mode=ON", LONG], "SOURCE_AUTO_POSITION=1, SOURCE_COMPRESSION_ALGORITHMS='zlib'"),
        (&[MYSQL, ENABLED, LONG], "SOURCE_COMPRESSION_ALGORITHMS='zstd'"),
    ] {
        let world = World::new(options);
        let options = ["--server-id=7", "--rpl-semi-sync-slave-enabled"].map(str::to_owned).to_vec();
        let settings = Settings { certificates: Some(world.certificates.clone()), options, ..Settings::default() };
        let replica = Server::start(Kind::Sealwired, &settings).unwrap();
        let set = &world.certificates;
        sql(
            &replica,
            &format!(
                "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='repl', MASTER_PASSWORD='{PASSWORD}', MASTER_SSL_CA='{}', \
                 MASTER_SSL_CERT='{}', MASTER_SSL_KEY='{}', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1; CHANGE REPLICATION SOURCE TO {change}; START SLAVE",
                world.ours().port,
                set.ca.display(),
                set.client_cert.display(),
                set.client_key.display(),
            ),
        );
        until(&world, "clients", "1");
        // A replica acknowledges also where its source begins to wait while it is connected.
        sql(world.ours(), "SET GLOBAL rpl_semi_sync_master_enabled = 1");
        let inserts: String = (0..40).map(|number| format!("INSERT INTO d.t VALUES ({number});")).collect();
        sql(world.ours(), &format!("CREATE DATABASE d; CREATE TABLE d.t (a INT); {inserts}"));
        assert_told(&world, &[("status", "ON"), ("yes_tx", "42"), ("no_tx", "0")]);
        sql(&replica, "STOP SLAVE");
        until(&world, "clients", "0");
        // The replica has the last commits, and is not asked for them again.
        sql(&replica, "START SLAVE");
        until(&world, "clients", "1");
        sql(world.ours(), "INSERT INTO d.t VALUES (99)");
        assert_told(&world, &[("status", "ON"), ("yes_tx", "43"), ("no_tx", "0")]);
        let log = world.ours().log();
        assert!(!log.contains("panicked") && !log.contains("bug in sealwired"), "{log}");
    }
}

/// Runs a statement that waits for a replica, and something else meanwhile.
fn while_waiting(world: &World, statement: &str, meanwhile: impl FnOnce(&str)) {
    thread::scope(|scope| {
        let waiting = scope.spawn(|| sql(world.ours(), statement));
        until(world, "wait_sessions", "1");
        let processes = sql(world.ours(), "SHOW PROCESSLIST");
        let row = processes.lines().find(|row| row.contains(statement)).unwrap();
        meanwhile(row.split('\t').next().unwrap());
        waiting.join().unwrap();
    });
}

#[test]
fn a_waiting_commit_holds_nobody_and_ends_by_kill_by_set_and_by_shutdown() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let mut world = World::new(&[MARIADB, LONG]);
    sql(
        world.ours(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY); CREATE USER u@h IDENTIFIED WITH mysql_native_password BY 'x';
         SET GLOBAL rpl_semi_sync_master_enabled = 1",
    );
    while_waiting(&world, "INSERT INTO d.t VALUES (1)", |id| {
        assert_eq!(sql(world.ours(), "SELECT a FROM d.t"), "1\n", "the commit is done");
        sql(world.ours(), "SET sql_log_bin = 0; INSERT INTO d.t VALUES (2); SET sql_log_bin = 1; FLUSH BINARY LOGS");
        sql(world.ours(), &format!("KILL QUERY {id}"));
    });
    while_waiting(&world, "GRANT SELECT ON d.* TO u@h", |id| {
        sql(world.ours(), "SET sql_log_bin = 0; CREATE USER v@h");
        sql(world.ours(), &format!("KILL QUERY {id}"));
    });
    while_waiting(&world, "CREATE DATABASE e", |_| {
        sql(world.ours(), "SET GLOBAL rpl_semi_sync_source_enabled = 0");
    });
    assert_told(&world, &[("status", "OFF"), ("no_tx", "3"), ("yes_tx", "0"), ("no_times", "0")]);
    sql(world.ours(), "SET GLOBAL rpl_semi_sync_master_enabled = 1");
    while_waiting(&world, "INSERT INTO d.t VALUES (3)", |_| {
        sql(world.ours(), "RESET MASTER");
    });
    thread::scope(|scope| {
        let waiting = scope.spawn(|| error(world.ours(), "INSERT INTO d.t VALUES (4)"));
        until(&world, "wait_sessions", "1");
        let processes = sql(world.ours(), "SHOW PROCESSLIST");
        let row = processes.lines().find(|row| row.contains("VALUES (4)")).unwrap();
        sql(world.ours(), &format!("KILL {}", row.split('\t').next().unwrap()));
        let told = waiting.join().unwrap();
        assert!(told.contains("1927"), "{told}");
    });
    let ours = world.ours.take().unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| error(&ours, "INSERT INTO d.t VALUES (5)"));
        let begin = Instant::now();
        while !sql(&ours, "SHOW STATUS LIKE 'Rpl_semi_sync_master_wait_sessions'").contains('1') {
            assert!(begin.elapsed().as_secs() < 60);
        }
        ours.signal("TERM");
        assert!(ours.wait().unwrap().success(), "{}", ours.log());
        let told = waiting.join().unwrap();
        assert!(told.contains("1053") || told.contains("2013"), "{told}");
    });
    let wait_point = "SET GLOBAL rpl_semi_sync_source_wait_point = 'AFTER_SYNC'";
    world.ours = Some(ours.restart(&world.settings).unwrap());
    assert!(error(world.ours(), wait_point).contains("ERROR 1231"), "a replica gets a group after its commit");
    assert_eq!(sql(world.ours(), "SELECT COUNT(*) FROM d.t"), "5\n", "a commit whose wait was cut short is kept");
}

/// The packet of an acknowledgement.
fn ack(position: u64, file: &[u8]) -> Vec<u8> {
    [&[0xef][..], &position.to_le_bytes(), file].concat()
}

#[test]
fn a_replica_that_lies_acknowledges_nothing_and_loses_its_dump() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let world = World::new(&[MARIADB, ENABLED, "--rpl-semi-sync-master-timeout=1"]);
    sql(
        world.ours(),
        "SET sql_log_bin = 0; CREATE USER raw@'%' IDENTIFIED WITH mysql_native_password AS ''; GRANT REPLICATION SLAVE ON *.* TO raw@'%';
         SET sql_log_bin = 1; CREATE DATABASE d; CREATE TABLE d.t (a INT)",
    );
    let end = sql(world.ours(), "SHOW MASTER STATUS");
    let end: u64 = end.split_whitespace().nth(1).unwrap().parse().unwrap();
    let huge = ack(end, &[b'x'; 600]);
    let lies: [(&[u8], u16); 9] = [
        (&ack(end + 1, b"binlog.000001"), 1236),
        (&ack(u64::MAX, b"binlog.000001"), 1236),
        (&ack(end, b"binlog.000009"), 1236),
        (&ack(end, b"../binlog.000001\n2"), 1236),
        (&ack(4, b"binlog.000001"), 1236),
        (&ack(end, b""), 1236),
        (b"\xef\x01", 1835),
        (b"\x03SELECT 1", 1835),
        (&huge, 1153),
    ];
    for (lie, expected) in lies {
        let mut client = Raw::connect(&world, "raw");
        let set = b"SET @master_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4, @rpl_semi_sync_slave = 1";
        assert_eq!(client.run(set), None);
        client.send(&dump(b"binlog.000001", 4, 0, 9));
        // The last event is asked for, because commits do not wait now.
        while client.next().unwrap()[..3] != [0, 0xef, 1] {}
        client.send(lie);
        let last = client.last();
        let code = u16::from_le_bytes([last[1], last[2]]);
        assert_eq!((last[0], code), (0xff, expected), "{lie:?}: {}", String::from_utf8_lossy(&last));
    }
    assert_told(&world, &[("status", "OFF"), ("yes_tx", "0"), ("get_ack", "0")]);
    until(&world, "clients", "0");

    // One that is right, sent a thousand times.
    let mut client = Raw::connect(&world, "raw");
    assert_eq!(
        client.run(b"SET @master_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4, @rpl_semi_sync_replica = 1"),
        None
    );
    client.send(&dump(b"binlog.000001", 4, 0, 9));
    while client.next().unwrap()[..3] != [0, 0xef, 1] {}
    for _ in 0..1000 {
        // The first of them that is too much ends the connection.
        let right = ack(end, b"binlog.000001");
        let framed = [&(right.len() as u32).to_le_bytes()[..], &right].concat();
        let _ = std::io::Write::write_all(&mut client.stream, &framed);
    }
    until(&world, "clients", "0");
    assert_told(&world, &[("get_ack", "1"), ("yes_tx", "0")]);
    // COM_QUIT is no lie.
    let before = world.ours().log().matches("has ended").count();
    let mut client = Raw::connect(&world, "raw");
    assert_eq!(client.run(b"SET @master_binlog_checksum = 'CRC32', @rpl_semi_sync_replica = 1"), None);
    client.send(&dump(b"binlog.000001", 4, 0, 9));
    client.begun();
    client.send(b"\x01");
    assert_ne!(client.last()[0], 0xff);
    until(&world, "clients", "0");
    let log = world.ours().log();
    assert!(log.matches("for which it was not asked").count() >= 6 && before >= 6, "{log}");
    assert!(!log.contains("panicked") && !log.contains("bug in sealwired"), "{log}");
}
