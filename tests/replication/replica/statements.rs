//! Statements in MariaDB's log, with the values of the session on which they depend, and the statements and events that stop a channel.

use sealwire_tests::programs::needs;

use super::world::{PEERS, World, sql, status};

/// The log has each statement with its session: modes, character sets, variables, seeds and the time.
#[test]
fn statements_have_the_effect_that_they_had_in_their_session() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[]);
    let ours = world.ours();
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    sql(
        world.primary(),
        "CREATE DATABASE d; USE d; CREATE TABLE t (a INT PRIMARY KEY AUTO_INCREMENT, b VARCHAR(100), c DOUBLE, d DATETIME, e BIGINT);
         SET binlog_format = STATEMENT;
         SET insert_id = 100; INSERT INTO t (b) VALUES ('the number comes from the session'); INSERT INTO t (b) VALUES ('the next one'), ('and the next');
         INSERT INTO t (b, e) VALUES ('the last number', LAST_INSERT_ID());
         SET rand_seed1 = 7, rand_seed2 = 11; INSERT INTO t (b, c) VALUES ('seeds', RAND()), ('more', RAND()); UPDATE t SET c = RAND() WHERE a < 102;
         SET time_zone = '+00:00', timestamp = 1709164923; INSERT INTO t (b, d) VALUES ('time', NOW()), ('day', CURDATE());
         CREATE TABLE made (a INT PRIMARY KEY, d DATETIME DEFAULT NOW()); SET timestamp = 1709164923.456789; INSERT INTO made (a) VALUES (1);
         SET timestamp = DEFAULT; SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'; INSERT INTO t (\"b\") VALUES ('a' || 'b');
         SET sql_mode = 'NO_BACKSLASH_ESCAPES'; INSERT INTO t (b) VALUES ('C:\\new\\table');
         SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO t (a, b) VALUES (0, 'zero'); SET sql_mode = DEFAULT;
         INSERT INTO t (b) VALUES ('a\\tb\\nc\\\\d\\'e');
         SET NAMES latin1; INSERT INTO t (b) VALUES (_latin1 x'E4F6FC'), ('plain'); SET NAMES utf8mb4; INSERT INTO t (b) VALUES ('äöü €');
         SET @a = 5, @b = 'text ä', @c = 1.25, @d = NULL, @E = -9223372036854775808; INSERT INTO t (b, c, e) VALUES (CONCAT(@b, @a), @c, @e), (@d, @a, 1);
         SET auto_increment_increment = 10, auto_increment_offset = 5; INSERT INTO t (b) VALUES ('step'); SET auto_increment_increment = 1;
         SET foreign_key_checks = 0; CREATE TABLE c (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES p (id)); CREATE TABLE p (id INT PRIMARY KEY);
         INSERT INTO c VALUES (1, 9); SET foreign_key_checks = 1;
         BEGIN; INSERT INTO t (b) VALUES ('kept'); SAVEPOINT s; INSERT INTO t (b) VALUES ('gone'); ROLLBACK TO s; COMMIT;
         BEGIN; UPDATE t SET b = CONCAT(b, '!') WHERE b = 'kept'; DELETE FROM t WHERE b = 'day'; COMMIT;
         XA START 'one'; INSERT INTO t (b) VALUES ('xa'); XA END 'one'; XA COMMIT 'one' ONE PHASE;
         SET binlog_format = MIXED; INSERT INTO t (b, c) VALUES (UUID(), 1), ('mixed', 2); SET time_zone = '+05:30'; UPDATE t SET c = 3 WHERE c = 2;
         INSERT INTO t (a, b) SELECT a + 1000, 'copied' FROM t WHERE a = 100",
    );
    world.wait();
    world.same("SELECT a, b, c, d, e FROM d.t ORDER BY a");
    world.same("SELECT * FROM d.c");
    world.same("SELECT * FROM d.made");
    assert_eq!(status(ours)["Last_SQL_Errno"], "0");

    // A statement that can't have the same effect stops the channel, and the error names the difference and the way out.
    for (statement, code, says) in [
        (
            "SET time_zone = '+02:00'; SET binlog_format = STATEMENT; UPDATE d.t SET d = FROM_UNIXTIME(1) WHERE a = 100",
            "1235",
            &["time zone '+02:00'", "binlog_format=ROW"][..],
        ),
        (
            "SET time_zone = '+00:00', timestamp = 1709164923.456789; SET binlog_format = STATEMENT; INSERT INTO d.t (b, d) VALUES ('now', NOW(6))",
            "1235",
            &["a fraction of a second", "binlog_format=ROW"],
        ),
        (
            "SET auto_increment_increment = 10; SET binlog_format = STATEMENT; INSERT INTO d.t (b) VALUES ('x'), ('y')",
            "1235",
            &["auto_increment_increment=10", "binlog_format=ROW"],
        ),
        (
            "SET binlog_format = STATEMENT; CREATE TABLE d.own (a INT, u TIMESTAMP NOT NULL DEFAULT NOW() ON UPDATE NOW());
             INSERT INTO d.own (a) VALUES (1); UPDATE d.own SET a = 2, u = NOW(); UPDATE d.own SET a = 3",
            "1235",
            &["ON UPDATE CURRENT_TIMESTAMP", "binlog_format=ROW"],
        ),
    ] {
        sql(world.primary(), statement);
        let stopped = world.until(statement, |status| status["Slave_SQL_Running"] == "No");
        let error = &stopped["Last_SQL_Error"];
        assert_eq!(stopped["Last_SQL_Errno"], code, "{statement}: {error}");
        assert!(says.iter().all(|part| error.contains(part)), "{statement}: {error}");
        // The operator carries the change out by hand, and goes on behind it.
        let behind = sql(world.primary(), "SELECT @@gtid_binlog_pos");
        sql(ours, &format!("STOP SLAVE; SET GLOBAL gtid_slave_pos = '{}'; START SLAVE", behind.trim()));
    }
    world.wait();
    assert_eq!(status(ours)["Last_SQL_Errno"], "0");
}

/// Sessions that are in other time zones than the server, as those of many programs are.
#[test]
fn statements_of_other_time_zones_have_their_effect_in_utc() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[]);
    let ours = world.ours();
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    sql(
        world.primary(),
        "CREATE DATABASE d; USE d; CREATE TABLE times (a INT PRIMARY KEY, d DATETIME, e DATE, f TIME, v VARCHAR(40));
         CREATE TABLE moments (a INT PRIMARY KEY, ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, v VARCHAR(40));
         CREATE TABLE both_kinds (a INT PRIMARY KEY, ts TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, d DATETIME);
         SET binlog_format = STATEMENT, time_zone = '+05:30', timestamp = 1709164923;
         INSERT INTO times VALUES (1, NOW(), CURDATE(), CURTIME(), 'NOW()'), (2, UTC_TIMESTAMP(), CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP);
         SET time_zone = '-08:00'; INSERT INTO times (a, d) VALUES (3, NOW() - INTERVAL 1 DAY), (4, '2024-02-28 16:00:00');
         UPDATE times SET v = 'past' WHERE d <= NOW();
         INSERT INTO moments (a, v) VALUES (1, 'default'), (2, 'default'); INSERT INTO moments VALUES (3, NOW(), 'now');
         SET timestamp = 1709164990; UPDATE moments SET v = 'moved', ts = NOW() WHERE a = 1; UPDATE moments SET ts = NOW() WHERE a = 2;
         DELETE FROM moments WHERE ts < NOW() - INTERVAL 2 HOUR; INSERT INTO both_kinds (a) VALUES (1); INSERT INTO both_kinds (a, d) VALUES (2, NOW());
         SET timestamp = DEFAULT, time_zone = 'SYSTEM'; INSERT INTO moments (a, v) VALUES (9, 'again')",
    );
    world.wait();
    world.same("SELECT a, d, e, f, v FROM d.times ORDER BY a");
    world.same("SELECT a, UNIX_TIMESTAMP(ts), v FROM d.moments ORDER BY a");
    world.same("SELECT a, UNIX_TIMESTAMP(ts), d FROM d.both_kinds ORDER BY a");
    // Named zones are those of MySQL's tables at a source, of which MariaDB fills in one here.
    sql(
        world.primary(),
        "SET sql_log_bin = 0; INSERT INTO mysql.time_zone VALUES (900, 'N'); INSERT INTO mysql.time_zone_name VALUES ('Europe/Berlin', 900), ('No/Where', 900);
         INSERT INTO mysql.time_zone_transition VALUES (900, 1711846800, 0), (900, 1729990800, 1);
         INSERT INTO mysql.time_zone_transition_type VALUES (900, 0, 7200, 1, 'CEST'), (900, 1, 3600, 0, 'CET'); SET sql_log_bin = 1;
         USE d; SET binlog_format = STATEMENT, time_zone = 'Europe/Berlin', timestamp = 1720000000; INSERT INTO times VALUES (20, NOW(), CURDATE(), CURTIME(), NOW());
         SET timestamp = 1709164923; INSERT INTO times VALUES (21, NOW(), CURDATE(), CURTIME(), NOW()); INSERT INTO moments (a, v) VALUES (20, 'Berlin')",
    );
    world.wait();
    world.same("SELECT a, d, e, f, v FROM d.times ORDER BY a");
    world.same("SELECT a, UNIX_TIMESTAMP(ts), v FROM d.moments ORDER BY a");
    sql(
        world.primary(),
        "SET binlog_format = STATEMENT, time_zone = 'No/Where'; INSERT INTO d.times (a, d) VALUES (22, NOW())",
    );
    let stopped = world.until("1235", |status| status["Slave_SQL_Running"] == "No");
    let error = &stopped["Last_SQL_Error"];
    assert!(error.contains("time zone 'No/Where'") && error.contains("/usr/share/zoneinfo"), "{error}");
    let behind = sql(world.primary(), "SELECT @@gtid_binlog_pos");
    sql(ours, &format!("STOP SLAVE; SET GLOBAL gtid_slave_pos = '{}'; START SLAVE", behind.trim()));
    // A text for a TIMESTAMP would need a conversion.
    sql(
        world.primary(),
        "SET binlog_format = STATEMENT, time_zone = '+01:00'; INSERT INTO d.moments VALUES (5, '2024-01-01', 'text')",
    );
    let stopped = world.until("1235", |status| status["Slave_SQL_Running"] == "No");
    let error = &stopped["Last_SQL_Error"];
    assert!(stopped["Last_SQL_Errno"] == "1235" && error.contains("time zone '+01:00'"), "{error}");
}

/// The rows of a prepared transaction are there when it is committed, whatever was killed since.
#[test]
fn prepared_transactions_wait_for_their_second_phase() {
    if !needs(PEERS) {
        return;
    }
    let mut world = World::new(&[]);
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    sql(
        world.primary(),
        "CREATE DATABASE d; USE d; CREATE TABLE t (a INT PRIMARY KEY, b LONGTEXT);
         XA START 'one', 'branch', 7; INSERT INTO t VALUES (1, REPEAT('x', 3000000)), (2, 'two'); UPDATE t SET b = 'TWO' WHERE a = 2;
         XA END 'one', 'branch', 7; XA PREPARE 'one', 'branch', 7",
    );
    sql(
        world.primary(),
        "USE d; SET binlog_format = STATEMENT; XA START 'two'; INSERT INTO t VALUES (3, 'statement'); XA END 'two'; XA PREPARE 'two'",
    );
    sql(
        world.primary(),
        "USE d; XA START 'three'; INSERT INTO t VALUES (4, 'gone'); XA END 'three'; XA PREPARE 'three'",
    );
    sql(world.primary(), "INSERT INTO d.t VALUES (5, 'between')");
    world.wait();
    assert_eq!(sql(world.ours(), "SELECT a FROM d.t ORDER BY a"), "5\n");
    world.kill_and_restart();
    sql(
        world.primary(),
        "XA COMMIT 'two'; XA ROLLBACK 'three'; XA COMMIT 'one', 'branch', 7; INSERT INTO d.t VALUES (6, 'after')",
    );
    world.wait();
    world.same("SELECT a, LENGTH(b), RIGHT(b, 9) FROM d.t ORDER BY a");
    world.kill_and_restart();
    sql(world.primary(), "INSERT INTO d.t VALUES (7, 'at last')");
    world.wait();
    world.same("SELECT a, LENGTH(b), RIGHT(b, 9) FROM d.t ORDER BY a");
    assert_eq!(status(world.ours())["Last_SQL_Errno"], "0");
}

/// The file comes in the log, and has the effect of its rows.
#[test]
fn load_data_has_the_effect_of_its_rows() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[]);
    let ours = world.ours();
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    let file = |name: &str, text: &str| {
        let path = world.place.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let plain = file("plain.txt", "1\tone\t\\N\n2\ttw\\to\t2\n");
    let long: String =
        (100..9000).map(|number| format!("{number},\"a \"\"{}\"\"\nä\",7\r\n", "x".repeat(200))).collect();
    let quoted = file("quoted.csv", &format!("a,b,c\r\n{long}"));
    let generated = file("generated.txt", "5;x\n6;y\n");
    let doubled = file("doubled.txt", "1\tagain\t1\n3\tthree\t3\n");
    sql(
        world.primary(),
        &format!(
            "CREATE DATABASE d CHARACTER SET utf8mb4; USE d; SET GLOBAL local_infile = 1, binlog_format = STATEMENT; SET binlog_format = STATEMENT;
             CREATE TABLE t (a INT PRIMARY KEY, b TEXT, c INT); CREATE TABLE g (id INT AUTO_INCREMENT PRIMARY KEY, a INT, b VARCHAR(9), c INT);
             LOAD DATA LOCAL INFILE '{plain}' INTO TABLE t;
             LOAD DATA LOCAL INFILE '{quoted}' INTO TABLE d.t CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'
             LINES TERMINATED BY '\\r\\n' IGNORE 1 LINES;
             LOAD DATA LOCAL INFILE '{generated}' INTO TABLE g FIELDS TERMINATED BY ';' (@a, b) SET a = @a + 1, c = 10;
             LOAD DATA LOCAL INFILE '{doubled}' REPLACE INTO TABLE t; LOAD DATA LOCAL INFILE '{doubled}' IGNORE INTO TABLE t;
             CREATE TABLE unsafe_engine (a INT PRIMARY KEY, b TEXT, c INT) ENGINE=MyISAM; LOAD DATA LOCAL INFILE '{plain}' INTO TABLE unsafe_engine;
             BEGIN; DELETE FROM unsafe_engine; INSERT INTO g (a) VALUES (1); LOAD DATA LOCAL INFILE '{plain}' INTO TABLE g (a, b, c); COMMIT"
        ),
    );
    world.wait();
    for query in [
        "SELECT a, HEX(b), c FROM d.t ORDER BY a",
        "SELECT * FROM d.g ORDER BY id",
        "SELECT * FROM d.unsafe_engine ORDER BY a",
    ] {
        world.same(query);
    }
    // The source stores another value than the file has.
    let wrong = file("wrong.txt", "50\tx\tnot a number\n");
    sql(world.primary(), &format!("SET binlog_format = STATEMENT; LOAD DATA LOCAL INFILE '{wrong}' INTO TABLE d.t"));
    let stopped = world.until("LOAD DATA", |status| status["Slave_SQL_Running"] == "No");
    let error = &stopped["Last_SQL_Error"];
    let says = ["LOAD DATA", "'not a number'", "'c'", "binlog_format=ROW"];
    assert!(stopped["Last_SQL_Errno"] == "1235" && says.iter().all(|part| error.contains(part)), "{error}");
    assert_eq!(sql(ours, "SELECT COUNT(*) FROM d.t WHERE a = 50"), "0\n");
}

/// A server whose log is for MariaDB's replicas stops before a definition at whose rows they would stop; another one takes it.
#[test]
fn a_virtual_column_that_replicas_compute_otherwise_stops_the_server_between() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&["--log-bin", "--version=10.11.99-MariaDB-Sealwire"]);
    let ours = world.ours();
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    sql(
        world.primary(),
        "CREATE DATABASE d; USE d;
         CREATE TABLE kept (k INT PRIMARY KEY, v VARCHAR(9), g VARCHAR(9) AS (LOWER(v)) VIRTUAL, s VARCHAR(9) AS (UPPER(v)) STORED, KEY (s));
         INSERT INTO kept (k, v) VALUES (1, 'Ä'); UPDATE kept SET v = 'B'",
    );
    world.wait();
    world.same("SELECT k, v, g, s FROM d.kept");
    for definition in [
        "keyless (v VARCHAR(9), g VARCHAR(9) AS (LOWER(v)) VIRTUAL)",
        "indexed (k INT PRIMARY KEY, v DECIMAL(6,2), g VARCHAR(9) AS (v) VIRTUAL, UNIQUE (g))",
    ] {
        sql(world.primary(), &format!("CREATE TABLE d.{definition}"));
        let stopped = world.until(definition, |status| status["Slave_SQL_Running"] == "No");
        let error = &stopped["Last_SQL_Error"];
        let says = ["The virtual column 'g'", "STORED", "replicate_ignore_table"];
        assert!(stopped["Last_SQL_Errno"] == "1235" && says.iter().all(|part| error.contains(part)), "{error}");
        sql(ours, "SET GLOBAL sql_slave_skip_counter = 1; START SLAVE");
        world.wait();
    }
}

#[test]
fn definitions_that_the_source_has_taken_stop_no_channel() {
    let Some(world) = World::start(&[]) else { return };
    sql(world.ours(), &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    sql(
        world.primary(),
        "CREATE DATABASE d CHARACTER SET latin1; USE d;
         CREATE TABLE texts (t TEXT, b BLOB, KEY (t)); INSERT INTO texts VALUES ('a', 'b'), ('a', 'c');
         CREATE TABLE long_keys (v VARCHAR(2000), w VARCHAR(4000), KEY (v), KEY (w)); INSERT INTO long_keys VALUES ('a', 'b');
         CREATE TABLE members (e ENUM('o','ö'), f ENUM('a','A') COLLATE latin1_bin, s SET('s','S') COLLATE latin1_bin);
         INSERT INTO members VALUES ('ö', 'A', 'S'), ('o', 'a', 's,S'); UPDATE members SET e = 'ö' WHERE f = 'a';
         SET NAMES cp1251; CREATE TABLE by_cp1251 (v VARCHAR(9)); INSERT INTO by_cp1251 VALUES ('a'); SET NAMES gbk; ALTER TABLE by_cp1251 ADD i INT",
    );
    world.wait();
    for query in [
        "SELECT * FROM d.texts ORDER BY b",
        "SELECT * FROM d.long_keys",
        "SELECT e, f, s FROM d.members ORDER BY length(s)",
        "SELECT * FROM d.by_cp1251",
    ] {
        world.same(query);
    }
}
