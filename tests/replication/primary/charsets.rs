//! Character sets in definitions.

use sealwire_tests::programs::needs;

use super::world::{MARIADB, PEERS, World, sql};

/// MariaDB reads utf8 as utf8mb4 without UTF8_IS_UTF8MB3 in `old_mode`.
#[test]
fn the_log_says_utf8mb3_for_utf8() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let replica = world.replica();
    sql(&replica, "SET GLOBAL old_mode = ''");
    world.follow(&replica, "slave_pos");
    sql(
        world.ours(),
        "CREATE DATABASE d CHARACTER SET utf8 COLLATE utf8_bin; USE d;
         CREATE TABLE a (v VARCHAR(9) UNIQUE);
         CREATE TABLE b (v VARCHAR(9) CHARACTER SET utf8 UNIQUE, w TEXT COLLATE utf8_general_ci, CHECK (v COLLATE utf8_bin <> 'A')) CHARSET=utf8;
         CREATE TABLE c (v VARCHAR(9) UNIQUE) COLLATE=utf8_general_ci; ALTER TABLE c ADD COLUMN w VARCHAR(9) COLLATE utf8_bin;
         ALTER DATABASE d CHARACTER SET utf8; CREATE TABLE e LIKE b;
         INSERT INTO a VALUES ('ж'), ('Ж'); INSERT INTO b VALUES ('ж', 'я'); INSERT INTO c VALUES ('ж', 'я'); INSERT INTO e VALUES ('ж', 'я')",
    );
    world.wait(&replica);
    for query in [
        "SELECT TABLE_NAME, COLUMN_NAME, CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' ORDER BY 1, 2",
        "SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'd' ORDER BY 1",
        "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'd'",
        "SELECT v FROM d.a ORDER BY v",
        "SELECT v, w FROM d.b UNION ALL SELECT v, w FROM d.c UNION ALL SELECT v, w FROM d.e",
    ] {
        world.same(&replica, query);
    }
}
