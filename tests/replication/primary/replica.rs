//! A replica of MariaDB's, by position and by GTID, over TLS 1.3 with a client certificate.

use std::time::Instant;

use sealwire_tests::programs::needs;
use sealwire_tests::workload::{Dice, EVERY_TYPE, SHOW_EVERY};

use super::world::{MARIADB, PEERS, World, error, sql};

#[test]
fn a_replica_of_mariadb_has_the_same_rows() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB, "--max-binlog-size=100000"]);
    let seed = u64::from(std::process::id());
    let mut dice = Dice::new(seed);
    println!("seed {seed}");
    let mut statements = format!("CREATE DATABASE d;\n{EVERY_TYPE}\n");
    for _ in 0..60 {
        statements.push_str(&dice.statement());
        statements.push_str(";\n");
        statements.push_str(&dice.transaction());
    }
    sql(world.ours(), &statements);
    for (using_gtid, image) in [("no", "MINIMAL"), ("slave_pos", "NOBLOB")] {
        let replica = world.replica();
        world.follow(&replica, using_gtid);
        world.wait(&replica);
        world.same(&replica, SHOW_EVERY);
        let more: String = (0..30).map(|_| dice.statement() + ";\n").collect();
        sql(world.ours(), &format!("SET binlog_row_image = '{image}';\n{more}"));
        world.wait(&replica);
        world.same(&replica, SHOW_EVERY);
        let status = sql(&replica, "SHOW SLAVE STATUS\\G");
        assert!(status.contains("Waiting for master to send event"), "{status}");
        let hosts = sql(world.ours(), "SHOW SLAVE HOSTS");
        assert!(hosts.starts_with("2\t"), "{hosts}");
        let begin = Instant::now();
        loop {
            let processes = sql(world.ours(), "SHOW PROCESSLIST");
            let dump = processes.lines().find(|row| row.contains("Binlog Dump")).unwrap();
            // The state is asked for again, because no statement waits for it.
            if dump.contains("Master has sent all binlog to slave; waiting for more updates\t") {
                break;
            }
            assert!(begin.elapsed().as_secs() < 60, "{processes}");
        }
    }
    let log = world.ours().log();
    assert!(!log.contains("bug in sealwired"), "{log}");
}

#[test]
fn definitions_accounts_and_foreign_keys_reach_the_replica() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d;
         CREATE TABLE p (id INT PRIMARY KEY, name VARCHAR(20) UNIQUE);
         CREATE TABLE c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE);
         INSERT INTO p VALUES (1, 'a'), (2, 'b'), (3, 'c'); INSERT INTO c VALUES (10, 1), (11, 1), (12, 2), (13, 3);
         DELETE FROM p WHERE id = 1; UPDATE p SET id = 20 WHERE id = 2; REPLACE INTO p VALUES (4, 'c');
         INSERT INTO p VALUES (5, 'e') ON DUPLICATE KEY UPDATE name = 'x'; INSERT INTO p VALUES (5, 'f') ON DUPLICATE KEY UPDATE name = 'x';
         INSERT IGNORE INTO p VALUES (5, 'again'), (6, 'six');
         ALTER TABLE p ADD COLUMN more INT DEFAULT 7; UPDATE p SET more = 8 WHERE id = 5;
         ALTER TABLE p DROP COLUMN more; INSERT INTO p VALUES (7, 'seven');
         CREATE INDEX k ON p (name); CREATE VIEW seen AS SELECT id FROM p; CREATE TABLE gone (a INT); DROP TABLE gone;
         CREATE TABLE emptied (a INT); INSERT INTO emptied VALUES (1); TRUNCATE TABLE emptied;
         SET sql_log_bin = 0; CREATE TABLE own (a INT); INSERT INTO p VALUES (99, 'own'); DELETE FROM p WHERE id = 99; SET sql_log_bin = 1;
         CREATE TEMPORARY TABLE t (a INT); INSERT INTO t VALUES (1);
         CREATE DATABASE e; DROP DATABASE e;
         CREATE USER u@h IDENTIFIED WITH mysql_native_password BY 'a new secret'; GRANT SELECT ON d.* TO u@h;
         CREATE USER sha@h IDENTIFIED WITH caching_sha2_password BY 'x'; SHOW WARNINGS;",
    );
    world.wait(&replica);
    for query in [
        "SELECT * FROM d.p ORDER BY id",
        "SELECT * FROM d.c ORDER BY id",
        "SELECT * FROM d.seen ORDER BY id",
        "SELECT * FROM d.emptied",
    ] {
        world.same(&replica, query);
    }
    assert!(error(&replica, "SELECT * FROM d.own").contains("1146"));
    let grants = sql(&replica, "SHOW GRANTS FOR u@h");
    assert!(grants.contains("GRANT SELECT ON `d`.*"), "{grants}");
    let log = std::fs::read(world.log_file("binlog.000001")).unwrap();
    assert!(!log.windows(12).any(|part| part == b"a new secret"), "a password is in the log");
    assert!(error(world.ours(), "CREATE TABLE d.copied SELECT * FROM d.p").contains("1786"));
}

/// A row image can't carry such values.
#[test]
fn values_that_the_type_can_not_hold_are_refused_while_changes_are_logged() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let world = World::new(&[MARIADB]);
    sql(
        world.ours(),
        "CREATE DATABASE d; CREATE TABLE d.t (a TINYINT, v VARCHAR(3), n DECIMAL(5,2), at DATETIME, e ENUM('a'))",
    );
    for (values, code) in [
        ("300, NULL, NULL, NULL, NULL", "1264"),
        ("'x', NULL, NULL, NULL, NULL", "1366"),
        ("1, 'long', NULL, NULL, NULL", "1406"),
        ("1, NULL, 999.995, NULL, NULL", "1264"),
        ("1, NULL, NULL, '2023-02-29', NULL", "1292"),
        ("1, NULL, NULL, NULL, 'b'", "3819"),
    ] {
        let told = error(world.ours(), &format!("INSERT INTO d.t VALUES ({values})"));
        assert!(told.contains(&format!("ERROR {code} ")), "{values}: {told}");
    }
    sql(world.ours(), "BEGIN; INSERT INTO d.t VALUES (1, 'a', 1, NULL, 'a')");
    assert_eq!(sql(world.ours(), "SELECT COUNT(*) FROM d.t"), "0\n");
    let position = sql(world.ours(), "SHOW MASTER STATUS");
    error(world.ours(), "INSERT INTO d.t (a) VALUES (1), (300)");
    assert_eq!(sql(world.ours(), "SHOW MASTER STATUS"), position, "nothing of a failed statement is in the log");
}
