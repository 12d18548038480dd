//! Changes that are logged as their statements: a replica of MariaDB's repeats them.

use sealwire_tests::programs::needs;

use super::world::{MARIADB, PEERS, World, sql};

/// Statements that a replica repeats with what they read: the moment, RAND(), variables, and AUTO_INCREMENT values.
const REPEATED: &str = "SET @n = 5, @text = 'ä', @nothing = NULL, @real = 1.5e0; SET timestamp = 1700000000;
    INSERT INTO t (n, s, d, r) VALUES (@n, @text, NOW(), RAND()), (-1, @nothing, CURRENT_TIMESTAMP, @real);
    INSERT INTO t (n) VALUES (LAST_INSERT_ID()); INSERT INTO t (r) VALUES (RAND()), (RAND());
    INSERT INTO t (s) VALUES ('it''s \\\\ \"quoted\"');
    BEGIN; INSERT INTO t (n) VALUES (10); SAVEPOINT s; INSERT INTO t (n) VALUES (11); ROLLBACK TO s; INSERT INTO t (n) VALUES (12); COMMIT;
    REPLACE INTO k VALUES (1, 'a'), (2, 'b'); REPLACE INTO k VALUES (1, 'c');";

/// Statements that a replica may repeat otherwise, so that their rows are logged.
const BY_ROWS: &str =
    "INSERT INTO t (s) VALUES (UUID()), ('Ä'), ('a'); UPDATE t SET n = 7 LIMIT 1; UPDATE t SET n = 8 WHERE s = 'ä'; DELETE FROM t WHERE n = 0; INSERT INTO t (id, n) VALUES (100, 1), (NULL, 2);
    INSERT IGNORE INTO k VALUES (1, 'x'), (3, 'y'); INSERT INTO k VALUES (1, 'z') ON DUPLICATE KEY UPDATE s = 'z';
    INSERT INTO t (n, s) SELECT a, s FROM k;
    CREATE TEMPORARY TABLE own (a INT); INSERT INTO own VALUES (1); INSERT INTO t (n) SELECT a FROM own;
    UPDATE t SET s = @@version WHERE n = 7;
    INSERT INTO T (n) VALUES (1); INSERT INTO t (n) VALUES ('3'); INSERT INTO t (s) VALUES (3);
    INSERT INTO t (r) VALUES (RAND(3)); INSERT INTO t (s) VALUES (@n);
    CREATE TABLE c (a VARCHAR(9), CHECK (a <> 'x')); INSERT INTO c VALUES ('x ');
    CREATE TABLE u (a VARCHAR(9) UNIQUE); INSERT INTO u VALUES ('a'); CREATE TABLE x (a VARCHAR(9) DEFAULT (LOWER('A')), b INT); INSERT INTO x (b) VALUES (1);
    CREATE TABLE g (a VARCHAR(9), b VARCHAR(9) AS (UPPER(a)) STORED); INSERT INTO g (a) VALUES ('ä');
    CREATE TABLE e (a ENUM('1', '12', 'a'), b YEAR, c JSON); INSERT INTO e VALUES (12, '0', '1');
    CREATE TABLE p (a INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES p (a)); INSERT INTO p VALUES (2, 3), (3, 2);";

/// The tables of [`BY_ROWS`], but those whose values MariaDB shows otherwise.
const COMPARED: [&str; 7] = ["t ORDER BY id", "k ORDER BY a", "c", "u", "x", "g", "p ORDER BY a"];

#[test]
fn a_replica_repeats_statements_and_has_the_same_rows() {
    if !needs(PEERS) {
        return;
    }
    for format in ["STATEMENT", "MIXED"] {
        let world = World::new(&[MARIADB, &format!("--binlog-format={format}")]);
        let replica = world.replica();
        world.follow(&replica, "slave_pos");
        let tables = "CREATE DATABASE d; USE d; CREATE TABLE k (a INT PRIMARY KEY, s VARCHAR(40));
            CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, n INT, s VARCHAR(40), d DATETIME, r DOUBLE);";
        sql(world.ours(), &format!("{tables}\n{REPEATED}"));
        let events = sql(world.ours(), "SHOW BINLOG EVENTS");
        let kinds = |kind: &str| events.lines().filter(|line| line.split('\t').nth(2) == Some(kind)).count();
        assert_eq!(kinds("Write_rows_v1") + kinds("Update_rows_v1") + kinds("Delete_rows_v1"), 0, "{events}");
        assert_eq!((kinds("RAND"), kinds("User var"), kinds("Intvar")), (2, 4, 7), "{events}");
        sql(world.ours(), &format!("USE d; SET @n = 9; {BY_ROWS}"));
        let all = sql(world.ours(), "SHOW BINLOG EVENTS");
        let more: Vec<&str> = all.lines().skip(events.lines().count()).collect();
        assert!(
            !more.iter().any(|line| line.contains("use `d`; INSERT")
                || line.contains("use `d`; REPLACE")
                || line.contains("use `d`; UPDATE")),
            "{all}"
        );
        world.wait(&replica);
        for table in COMPARED {
            world.same(&replica, &format!("SELECT * FROM d.{table}"));
        }
    }
}

/// The session that changes the format needs a privilege, as replicas depend on it.
#[test]
fn a_session_chooses_the_form_of_its_changes() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    sql(
        world.ours(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT); SET binlog_format = STATEMENT; INSERT INTO d.t VALUES (1);
         SET binlog_format = ROW; INSERT INTO d.t VALUES (2)",
    );
    let events = sql(world.ours(), "SHOW BINLOG EVENTS");
    assert!(events.contains("INSERT INTO d.t VALUES (1)\n"), "{events}");
    assert_eq!(events.lines().filter(|line| line.contains("Write_rows_v1")).count(), 1, "{events}");
}
