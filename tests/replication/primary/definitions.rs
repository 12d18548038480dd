//! Definitions and the rows of their tables, as a replica of MariaDB's has them.

use sealwire_tests::programs::needs;

use super::world::{MARIADB, PEERS, World, error, sql};

#[test]
fn generated_columns_and_character_sets_reach_the_replica() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let replica = world.replica();
    world.follow(&replica, "slave_pos");
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
         CREATE TABLE collated (id INT PRIMARY KEY, u VARCHAR(30)) COLLATE=utf8mb3_general_ci; INSERT INTO collated VALUES (1, 'ж');
         CREATE DATABASE other CHARACTER SET latin1; CREATE TABLE other.t (id INT PRIMARY KEY, v VARCHAR(30)); INSERT INTO other.t VALUES (1, 'ж😀');",
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
    assert!(error(world.ours(), "INSERT INTO d.whole (id, l) VALUES (3, 'ж')").contains("ERROR 1366"));
    let shown = sql(world.ours(), "SHOW CREATE TABLE d.whole");
    assert!(shown.contains("`w` varchar(30) CHARACTER SET utf8mb4") && shown.contains("CHARSET=latin1"), "{shown}");
    let told = error(world.ours(), "CREATE TABLE d.bad (a CHAR(1) CHARACTER SET latin1 COLLATE utf8mb4_bin)");
    assert!(told.contains("ERROR 1253 (42000)"), "{told}");
}
