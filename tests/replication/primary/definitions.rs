//! Definitions and the rows of their tables, as a replica of MariaDB's has them.

use sealwire_tests::clients;
use sealwire_tests::programs::needs;

use super::world::{MARIADB, World, error, sql};

#[test]
fn generated_columns_and_character_sets_reach_the_replica() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d;
         CREATE TABLE computed (id INT PRIMARY KEY, a INT, s INT GENERATED ALWAYS AS (a + 1) STORED, v INT GENERATED ALWAYS AS (a * 2) VIRTUAL,
          t VARCHAR(20) AS (CONCAT('int', a)) STORED, n DECIMAL(10,2) AS (a / 4) VIRTUAL);
         INSERT INTO computed (id, a) VALUES (1, 1), (2, 2), (3, NULL); UPDATE computed SET a = 5 WHERE id = 2; DELETE FROM computed WHERE id = 1;
         CREATE TABLE sets (id INT PRIMARY KEY, l VARCHAR(20) CHARACTER SET latin1, a CHAR(9) CHARACTER SET ascii, u VARCHAR(80) CHARACTER SET utf8mb3,
          c CHAR(200) COLLATE latin1_bin, t TEXT CHARACTER SET latin1, b VARCHAR(9) CHARACTER SET binary, e ENUM('ä', 'b') CHARACTER SET latin1, m VARCHAR(9));
         INSERT INTO sets VALUES (1, 'äö€', 'ascii', 'жaä', 'é', 'ü', x'00ff', 'ä', '😀'); UPDATE sets SET l = 'Ÿ' WHERE id = 1;
         CREATE TABLE whole (id INT PRIMARY KEY, l VARCHAR(30), w VARCHAR(30) CHARACTER SET utf8mb4) DEFAULT CHARSET=latin1;
         INSERT INTO whole VALUES (1, 'äöü', '😀'); ALTER TABLE whole ADD COLUMN m VARCHAR(30); INSERT INTO whole VALUES (2, 'ß', 'ж', 'ñ');
         INSERT INTO whole (id, l) VALUES (3, _latin1 X'E4'), (4, X'41');
         CREATE TABLE collated (id INT PRIMARY KEY, u VARCHAR(30)) COLLATE=utf8mb3_general_ci; INSERT INTO collated VALUES (1, 'ж');
         CREATE DATABASE other CHARACTER SET latin1; CREATE TABLE other.t (id INT PRIMARY KEY, v VARCHAR(30)); INSERT INTO other.t VALUES (1, 'ß€');",
    );
    world.wait(&replica);
    for query in [
        "SELECT * FROM d.computed ORDER BY id",
        "SELECT id, l, a, u, c, t, HEX(b), e, m FROM d.sets",
        "SELECT * FROM d.whole ORDER BY id",
        "SELECT * FROM d.collated",
        "SELECT * FROM other.t",
        "SELECT COLUMN_NAME, CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' AND DATA_TYPE IN ('char', 'varchar', 'text') \
         AND COLUMN_NAME <> 'b' ORDER BY TABLE_NAME, ORDINAL_POSITION",
    ] {
        world.same(&replica, query);
    }
    for values in [
        "2, 'ж', '', '', '', '', '', 'b', ''",
        "2, '', 'ä', '', '', '', '', 'b', ''",
        "2, '', '', '😀', '', '', '', 'b', ''",
    ] {
        let told = error(world.ours(), &format!("INSERT INTO d.sets VALUES ({values})"));
        assert!(told.contains("ERROR 1366 (HY000)"), "{values}: {told}");
    }
    let told = error(world.ours(), "INSERT INTO other.t VALUES (2, 'ж')");
    assert!(told.contains("ERROR 1366 (HY000)"), "a table has the set of its database: {told}");
    // Bytes that are UTF-8, too, would be another text here than there.
    for value in ["'ж'", "X'C3A4'"] {
        assert!(
            error(world.ours(), &format!("INSERT INTO d.whole (id, l) VALUES (5, {value})")).contains("ERROR 1366")
        );
    }
    let shown = sql(world.ours(), "SHOW CREATE TABLE d.whole");
    assert!(shown.contains("`w` varchar(30) CHARACTER SET utf8mb4") && shown.contains("CHARSET=latin1"), "{shown}");
    let told = error(world.ours(), "CREATE TABLE d.bad (a CHAR(1) CHARACTER SET latin1 COLLATE utf8mb4_bin)");
    assert!(told.contains("ERROR 1253 (42000)"), "{told}");
}

/// CREATE TABLE reads its database's collation before it has the lock.
#[test]
fn a_table_keeps_its_character_set_where_its_database_changes_while_it_waits() {
    let Some((world, replica)) = World::followed() else { return };
    let ours = world.ours();
    sql(ours, "CREATE DATABASE d; CREATE TABLE d.x (i INT)");
    let mut config = clients::plain("root");
    config.password = "".into();
    let mut holder = sealwire::Client::connect(&sealwire::Address::Unix(ours.socket.clone()), config).unwrap();
    for statement in ["BEGIN", "INSERT INTO d.x VALUES (1)"] {
        holder.query(statement).unwrap().next().unwrap();
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sql(ours, "CREATE TABLE d.t (v VARCHAR(9))"));
        let asked = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'CREATE TABLE%'";
        while sql(ours, asked).trim() != "1" {}
        sql(ours, "ALTER DATABASE d CHARACTER SET latin1");
        holder.query("COMMIT").unwrap().next().unwrap();
        waiting.join().unwrap();
    });
    sql(ours, "INSERT INTO d.t VALUES ('жж')");
    world.wait(&replica);
    world.same(&replica, "SELECT * FROM d.t");
}

#[test]
fn tables_are_dropped_in_any_order() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE p (i INT PRIMARY KEY); CREATE TABLE c (i INT, FOREIGN KEY (i) REFERENCES p (i));
         DROP TABLE p, c; CREATE TABLE p (i INT PRIMARY KEY); INSERT INTO p VALUES (1)",
    );
    world.wait(&replica);
    world.same(&replica, "SHOW TABLES FROM d");
}

#[test]
fn a_table_like_another_has_its_definition() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d; CREATE TABLE p (id INT PRIMARY KEY);
         CREATE TABLE y (id INT UNSIGNED NOT NULL AUTO_INCREMENT, pid INT, v VARCHAR(20) DEFAULT 'it''s' COMMENT 'c', l CHAR(3) CHARACTER SET latin1,
          t TEXT, g INT AS (pid + 1) STORED, e ENUM('a','b') DEFAULT 'a', PRIMARY KEY (id), UNIQUE KEY u (v, pid), KEY k (t(10)),
          CONSTRAINT fk FOREIGN KEY (pid) REFERENCES p (id), CHECK (pid < 100)) COMMENT='all of it';
         CREATE TABLE x LIKE y; CREATE TABLE IF NOT EXISTS x LIKE y; INSERT INTO x (v) VALUES ('one'), ('two');
         CREATE TEMPORARY TABLE ty LIKE y; INSERT INTO ty (v) VALUES ('own'); CREATE TABLE z LIKE ty; INSERT INTO z (v) VALUES ('three');
         CREATE VIEW w AS SELECT 1 AS one;",
    );
    let shown = |table: &str| {
        let text = sql(world.ours(), &format!("SHOW CREATE TABLE d.{table}"));
        text.split_once("(\\n").unwrap().1.to_owned()
    };
    let without_key: Vec<String> =
        shown("y").split(",\\n").filter(|line| !line.contains("FOREIGN KEY")).map(str::to_owned).collect();
    assert_eq!(shown("x"), without_key.join(",\\n"));
    assert_eq!(shown("z"), shown("x"));
    world.wait(&replica);
    for query in [
        "SELECT * FROM d.x ORDER BY id",
        "SELECT * FROM d.z",
        "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_NAME = 'z'",
    ] {
        world.same(&replica, query);
    }
    for (statement, code) in
        [("d.a LIKE d.w", 1347), ("d.a LIKE d.nothing", 1146), ("d.x LIKE d.y", 1050), ("d.y LIKE d.y", 1066)]
    {
        let told = error(world.ours(), &format!("CREATE TABLE {statement}"));
        assert!(told.contains(&format!("ERROR {code} ")), "{statement}: {told}");
    }
}

#[test]
fn a_new_column_stands_where_the_statement_says() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d;
         CREATE TABLE p (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(9) DEFAULT 'x' COMMENT 'a,(', g INT AS (LENGTH(v)) STORED, KEY k (v(3)), CHECK (v <> 'no'));
         INSERT INTO p (v) VALUES ('one'), ('two'), ('three'); DELETE FROM p WHERE id = 3;
         CREATE TABLE c (x INT, pid INT, FOREIGN KEY (pid) REFERENCES p (id) ON DELETE CASCADE); INSERT INTO c VALUES (1, 1), (2, 2);
         CREATE VIEW w AS SELECT id, v FROM p;
         ALTER TABLE p ADD COLUMN n INT NOT NULL DEFAULT 5 AFTER id, ADD COLUMN f VARCHAR(5) DEFAULT 'q' FIRST;
         INSERT INTO p (v) VALUES ('four'); INSERT INTO p (f, n, v) VALUES ('f', 6, 'v'); DELETE FROM p WHERE id = 1;
         ALTER TABLE c ADD COLUMN s VARCHAR(9) AFTER x; INSERT INTO c VALUES (3, 's', 2);
         CREATE TEMPORARY TABLE t (a INT, b INT); INSERT INTO t VALUES (1, 2);",
    );
    world.wait(&replica);
    for query in ["SELECT * FROM d.p ORDER BY id", "SELECT * FROM d.c ORDER BY x", "SELECT * FROM d.w ORDER BY id"] {
        world.same(&replica, query);
    }
    assert_eq!(sql(world.ours(), "SELECT * FROM d.c ORDER BY x"), "2\tNULL\t2\n3\ts\t2\n");
    assert_eq!(sql(world.ours(), "SELECT id FROM d.p ORDER BY id"), "2\n4\n5\n");
    assert!(error(world.ours(), "ALTER TABLE d.p ADD COLUMN z INT AFTER nothing").contains("ERROR 1054 (42S22)"));
    assert!(error(world.ours(), "INSERT INTO d.c VALUES (9, 's', 77)").contains("ERROR 1452"));
}

#[test]
fn options_without_effect_here_reach_no_replica() {
    if !needs(&["mariadb", "mariadb-binlog", "openssl"]) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let noted = sql(
        world.ours(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT) ENGINE=BLACKHOLE DATA DIRECTORY='/tmp/elsewhere' INDEX DIRECTORY='/tmp/other' COMMENT='it''s' CHARSET=latin1; \
         SHOW WARNINGS;
         SET sql_log_bin = 0; CREATE USER u@localhost IDENTIFIED WITH mysql_native_password BY ''; GRANT ALL ON d.* TO u@localhost;",
    );
    assert!(noted.contains("1618"), "{noted}");
    let log = std::fs::read(world.log_file("binlog.000001")).unwrap();
    let log = String::from_utf8_lossy(&log);
    assert!(
        log.contains("(a INT) DEFAULT CHARSET=latin1 COMMENT='it\\'s'") || log.contains("COMMENT='it''s'"),
        "{log}"
    );
    assert!(!log.contains("DIRECTORY") && !log.contains("BLACKHOLE"), "{log}");
    let told = error(world.ours(), "CREATE TABLE d.f (a INT) ENGINE=FEDERATED CONNECTION='mysql://u@h/d/t'");
    assert!(told.contains("ERROR 1286 (42000)"), "{told}");
    let output = std::process::Command::new("mariadb")
        .args(["--no-defaults", "--user=u", "-e", "CREATE TABLE d.x (a INT) DATA DIRECTORY='/tmp/elsewhere'"])
        .arg(format!("--socket={}", world.ours().socket.display()))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("ERROR 1045 (28000)"), "{told}");
}

/// MariaDB's replica finds no row by a unique key of hashes, and would compare a virtual column.
#[test]
fn the_log_has_no_keys_of_hashes() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d;
         CREATE TABLE h (k INT NOT NULL, v VARCHAR(20), g VARCHAR(30) AS (LOWER(v)) VIRTUAL, UNIQUE (k) USING HASH);
         CREATE TABLE i (k INT NOT NULL, v VARCHAR(20)); CREATE UNIQUE INDEX k USING HASH ON i (k);
         ALTER TABLE i ADD COLUMN g VARCHAR(30) AS (LOWER(v)) VIRTUAL;
         INSERT INTO h (k, v) VALUES (1, 'Ärger ß'); UPDATE h SET v = CONCAT(v, 'X'); INSERT INTO i (k, v) VALUES (1, 'Ärger ß'); DELETE FROM i",
    );
    world.wait(&replica);
    world.same(&replica, "SELECT k, v FROM d.h UNION ALL SELECT k, v FROM d.i");
}
