//! Character sets within the expressions of definitions: a replica must take what sealwired takes.

use sealwire_tests::programs::needs;

use super::world::{MARIADB, PEERS, World, sql};

/// Sets of a table.
const SETS: [&str; 5] = ["utf8mb4", "utf8mb3", "latin1", "ascii", "binary"];

/// Types of the column `v`.
const TYPES: [&str; 12] = [
    "VARCHAR(9)",
    "VARCHAR(9) CHARACTER SET utf8mb4",
    "TEXT CHARACTER SET utf8mb3",
    "VARCHAR(9) CHARACTER SET latin1",
    "VARCHAR(9) CHARACTER SET ascii",
    "ENUM('a') CHARACTER SET latin1",
    "VARBINARY(9)",
    "JSON",
    "INT",
    "DATE",
    "BIT",
    "VARCHAR(9) COLLATE uca1400_ai_ci",
];

/// Parts of a table with the columns `v` and `w`, a VARCHAR of the table's set.
const PARTS: [&str; 24] = [
    "CHECK (v <> 'ä')",
    "CHECK (w = 'a' OR v <> 'ж')",
    "CHECK (v IN ('a', '😀'))",
    "CHECK (v <> _utf8mb4'ж')",
    "CHECK (w <> 'ä')",
    "CHECK (LENGTH('ж') > 1)",
    "CHECK (v COLLATE utf8mb4_bin = 'a')",
    "CHECK (v COLLATE latin1_bin = 'a')",
    "CHECK (v COLLATE uca1400_as_cs = 'a')",
    "CHECK ('a' COLLATE utf8mb4_bin = w)",
    "CHECK ('a' COLLATE ascii_bin = w)",
    "CHECK (LOWER(v) COLLATE utf8mb3_bin = 'a')",
    "CHECK (CONCAT(v, w) COLLATE utf8mb4_unicode_ci = 'a')",
    "CHECK (CONCAT(w, 1) COLLATE latin1_swedish_ci = 'a')",
    "CHECK (CAST(v AS CHAR) COLLATE utf8mb4_bin = 'a')",
    "CHECK ((LENGTH(v)) COLLATE utf8mb4_bin = 'a')",
    "g VARCHAR(20) AS (CONCAT(w, 'ä')) STORED",
    "g VARCHAR(20) CHARACTER SET utf8mb4 AS (CONCAT(w, 'ж')) STORED",
    "g INT AS (w COLLATE latin1_bin = 'a') STORED",
    "g VARCHAR(9) DEFAULT ('a' COLLATE utf8mb4_bin)",
    "g VARCHAR(9) CHARACTER SET latin1 DEFAULT (LOWER('A' COLLATE latin1_bin))",
    "g VARCHAR(99) DEFAULT (CONCAT(CURRENT_USER() COLLATE utf8mb3_bin, 'a'))",
    "x VARCHAR(9) COLLATE utf8mb4_unicode_ci, CHECK (x = 'a' AND v = 'b')",
    "x VARCHAR(9) COLLATE utf8mb4_unicode_ci, CHECK (x = v)",
];

/// Tables of each set with each part, and with some of the types, because all of them take a minute.
pub(super) fn tables() -> Vec<String> {
    let mut tables = Vec::new();
    for (of_set, set) in SETS.iter().enumerate() {
        for (of_part, part) in PARTS.iter().enumerate() {
            for number in [of_set + of_part, of_set + of_part + TYPES.len() / 2] {
                let kind = TYPES[number % TYPES.len()];
                tables.push(format!("CREATE TABLE t (v {kind}, w VARCHAR(9), {part}) CHARACTER SET {set}"));
            }
        }
    }
    tables
}

/// Definitions that both refuse with the same number; 0 where they take them.
pub(super) const SAME: &[(&str, u16)] = &[
    ("CREATE TABLE t (v VARCHAR(9) COLLATE uca1400_ai_ci) CHARACTER SET latin1", 1253),
    ("CREATE TABLE t (v VARCHAR(9) CHARACTER SET ascii COLLATE uca1400_as_cs)", 1253),
    ("CREATE TABLE t (v ENUM('a') COLLATE uca1400_as_cs) CHARACTER SET binary", 1253),
    ("CREATE TABLE t (v VARCHAR(9) COLLATE uca1400_ai_ci) CHARACTER SET utf8mb3", 0),
    ("CREATE TABLE t (v VARCHAR(9)) CHARACTER SET latin1 COLLATE uca1400_ai_ci", 1253),
    ("ALTER TABLE latin ADD COLUMN x VARCHAR(9) COLLATE uca1400_ai_ci", 1253),
    ("ALTER TABLE latin ADD COLUMN x VARCHAR(9) CHECK (x <> 'ж')", 1918),
    ("ALTER TABLE latin ADD COLUMN x VARCHAR(9) CHECK (x <> 'ä')", 0),
    ("CREATE TABLE t (v VARCHAR(9) CHARACTER SET latin1, CHECK (v COLLATE utf8mb4_bin = 'a'))", 1253),
    ("CREATE TABLE t (v VARBINARY(9), CHECK (v COLLATE utf8mb4_bin = 'a'))", 1253),
    ("CREATE TABLE t (v INT, CHECK (v COLLATE utf8mb4_bin = 'a')) CHARACTER SET latin1", 1253),
    ("CREATE TABLE t (v VARCHAR(9) DEFAULT ('a' COLLATE latin1_bin))", 1253),
    ("CREATE TABLE t (v VARCHAR(9) DEFAULT ('a' COLLATE utf8mb4_bin)) CHARACTER SET latin1", 1253),
    ("CREATE TABLE t (v VARCHAR(9), CHECK (v <> 'ä')) CHARACTER SET ascii", 1918),
    ("CREATE TABLE t (v VARCHAR(9), g VARCHAR(9) AS (CONCAT(v, 'ä')) STORED) CHARACTER SET ascii", 1918),
    ("CREATE TABLE t (v VARCHAR(9) CHARACTER SET ascii, CHECK (v <> 'ä'))", 1267),
    ("CREATE TABLE t (v VARCHAR(9) COLLATE utf8mb4_unicode_ci, w VARCHAR(9), CHECK (v = w))", 1267),
    ("CREATE TABLE t (v VARCHAR(9) COLLATE utf8mb4_bin, w VARCHAR(9), CHECK (v = w))", 0),
    ("CREATE TABLE t (v VARCHAR(9) COLLATE utf8mb4_unicode_ci, w VARCHAR(9), CHECK (v = w COLLATE utf8mb4_bin))", 0),
    (
        "CREATE TABLE t (v VARCHAR(9) COLLATE utf8mb4_unicode_ci, w VARCHAR(9), g VARCHAR(18) AS (CONCAT(v, w)) STORED)",
        0,
    ),
];

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
