//! Unique keys mean the same here as at MariaDB, so that no row stops a replica.

use std::fmt::Write as _;

use sealwire_tests::child;
use sealwire_tests::server::Server;

use super::world::{World, error, sql};

/// A definition of the column `a` with a unique key, and two values for it.
const PAIRS: &[(&str, &str, &str)] = &[
    ("a VARCHAR(20), UNIQUE KEY k (a(3))", "'abcd'", "'abce'"),
    ("a VARCHAR(20), UNIQUE KEY k (a(3))", "'abcd'", "'abed'"),
    ("a VARCHAR(20), UNIQUE KEY k (a(3))", "'äbcd'", "'AbC'"),
    ("a TEXT, UNIQUE KEY k (a(3))", "'abcd'", "'abce'"),
    ("a TEXT, UNIQUE KEY k (a(3))", "'a'", "'a  x'"),
    ("a BLOB, UNIQUE KEY k (a(2))", "'abc'", "'abd'"),
    ("a BLOB, UNIQUE KEY k (a(2))", "'a'", "'A'"),
    ("a VARCHAR(20), b VARCHAR(20) DEFAULT 'bbb', UNIQUE KEY k (a(2), b(2))", "'aaa'", "'aab'"),
    ("a FLOAT PRIMARY KEY", "0.1", "0.1000000001"),
    ("a FLOAT PRIMARY KEY", "16777216", "16777217"),
    ("a FLOAT PRIMARY KEY", "16777216", "16777218"),
    ("a DOUBLE PRIMARY KEY", "-0.0", "0"),
    ("a DOUBLE PRIMARY KEY", "0.1", "0.1000000001"),
    ("a DECIMAL(5,2) PRIMARY KEY", "0.3", "0.1 + 0.2"),
    ("a DECIMAL(5,2) PRIMARY KEY", "1.5", "1.50"),
    ("a DECIMAL(5,2) PRIMARY KEY", "1.5", "1.51"),
    ("a BIT(8) PRIMARY KEY", "1", "b'00000001'"),
    ("a YEAR PRIMARY KEY", "2020", "2021"),
    ("a DATE PRIMARY KEY", "'2020-1-1'", "'2020-01-01'"),
    ("a DATETIME PRIMARY KEY", "'2020-01-01'", "'2020-01-01 00:00:00'"),
    ("a DATETIME PRIMARY KEY", "'2020-01-01'", "'2020-01-01 00:00:01'"),
    ("a TIMESTAMP PRIMARY KEY", "'2020-01-01'", "'2020-01-01 00:00:00'"),
    ("a DATETIME(3) PRIMARY KEY", "'2020-01-01 00:00:00.5'", "'2020-01-01 00:00:00.500'"),
    ("a TIME PRIMARY KEY", "'10:00'", "'10:00:00'"),
    ("a SET('a','b') PRIMARY KEY", "'a,b'", "'b,a'"),
    ("a SET('a','b') PRIMARY KEY", "'a,a'", "'a'"),
    ("a SET('a','b') PRIMARY KEY", "'b'", "'a'"),
    ("a ENUM('a','b') PRIMARY KEY", "'a'", "'b'"),
    ("a CHAR(5) PRIMARY KEY", "'a'", "'a  '"),
    ("a CHAR(5) COLLATE utf8mb4_nopad_bin PRIMARY KEY", "'a'", "'a  '"),
    ("a BINARY(3) PRIMARY KEY", "'a'", "'a\\0'"),
    ("a VARBINARY(3) PRIMARY KEY", "'a'", "'a\\0'"),
    ("a VARBINARY(3) PRIMARY KEY", "'a'", "x'61'"),
    ("a VARBINARY(3) PRIMARY KEY", "'a'", "'A'"),
    ("a UUID PRIMARY KEY", "'123e4567-e89b-12d3-a456-426655440000'", "'123E4567-E89B-12D3-A456-426655440000'"),
    ("a VARCHAR(20) PRIMARY KEY", "'ä'", "'a'"),
    ("a VARCHAR(20) PRIMARY KEY", "'a '", "'a'"),
    ("a VARCHAR(20) PRIMARY KEY", "'a\\t'", "'a'"),
    ("a VARCHAR(20) PRIMARY KEY", "'a\\0'", "'a'"),
    ("a VARCHAR(20) PRIMARY KEY", "'😀'", "'😁'"),
    ("a VARCHAR(20) PRIMARY KEY", "'ß'", "'s'"),
    ("a VARCHAR(20) PRIMARY KEY", "'ß'", "'ss'"),
    ("a VARCHAR(20) PRIMARY KEY", "'Ж'", "'ж'"),
    ("a VARCHAR(20) PRIMARY KEY", "'ø'", "'o'"),
    ("a VARCHAR(20) PRIMARY KEY", "''", "'  '"),
    ("a VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY", "'a '", "'a'"),
    ("a VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY", "'A'", "'a'"),
    ("a VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY", "'ä'", "'a'"),
    ("a VARCHAR(20) COLLATE utf8mb4_nopad_bin PRIMARY KEY", "'a '", "'a'"),
    ("a VARCHAR(20) COLLATE utf8mb4_general_nopad_ci PRIMARY KEY", "'a '", "'a'"),
    ("a VARCHAR(20) COLLATE utf8mb3_general_ci PRIMARY KEY", "'é'", "'e'"),
    ("a VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY", "'ü'", "'Y'"),
    ("a VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY", "'ü'", "'u'"),
    ("a VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY", "'ß'", "'s'"),
    ("a VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY", "'Æ'", "'ä'"),
    ("a VARCHAR(20) COLLATE latin1_bin PRIMARY KEY", "'a '", "'a'"),
    ("a VARCHAR(20) CHARACTER SET ascii PRIMARY KEY", "'a'", "'A '"),
    ("a VARCHAR(20) CHARACTER SET binary PRIMARY KEY", "'a'", "'a '"),
    ("a VARCHAR(20), b VARCHAR(20) AS (LOWER(a)) STORED, UNIQUE KEY k (b)", "'Ä'", "'ä'"),
    ("a VARCHAR(20), b INT AS (LENGTH(a)) STORED, UNIQUE KEY k (b)", "'ä'", "'ab'"),
    ("a INT PRIMARY KEY", "'01'", "1"),
    ("a VARCHAR(20) UNIQUE", "NULL", "NULL"),
];

/// Which of the pairs a server refuses with 1062.
fn refused(server: &Server, database: &str) -> Vec<bool> {
    let mut script = format!("CREATE DATABASE {database} CHARACTER SET utf8mb4; USE {database};\n");
    for (number, (definition, first, second)) in PAIRS.iter().enumerate() {
        writeln!(script, "CREATE TABLE t{number} ({definition}); INSERT INTO t{number} (a) VALUES ({first});").unwrap();
        writeln!(script, "INSERT INTO t{number} (a) VALUES ({second});").unwrap();
    }
    let mut command = std::process::Command::new("mariadb");
    command.args(["--no-defaults", "--user=root", "--force", "--batch", "--default-character-set=utf8mb4"]);
    command.arg(format!("--socket={}", server.socket.display()));
    let output = child::output(&mut command, script.as_bytes()).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<usize> = said
        .lines()
        .filter(|line| line.starts_with("ERROR "))
        .map(|line| {
            assert!(line.starts_with("ERROR 1062 (23000)"), "{line}");
            line.split_once("at line ").unwrap().1.split(':').next().unwrap().parse().unwrap()
        })
        .collect();
    assert!(lines.iter().all(|line| line % 2 == 1), "{said}");
    (0..PAIRS.len()).map(|number| lines.contains(&(number * 2 + 3))).collect()
}

#[test]
fn unique_keys_refuse_the_same_rows_as_mariadbs() {
    let Some((world, replica)) = World::followed() else { return };
    let (ours, theirs) = (refused(world.ours(), "d"), refused(&replica, "own"));
    for ((pair, ours), theirs) in PAIRS.iter().zip(ours).zip(theirs) {
        assert_eq!(ours, theirs, "{pair:?}: refused here, refused by MariaDB");
    }
    world.wait(&replica);
    let counts: Vec<String> = (0..PAIRS.len()).map(|number| format!("SELECT COUNT(*) FROM d.t{number}")).collect();
    counts.chunks(16).for_each(|counts| world.same(&replica, &counts.join(" UNION ALL ")));
}

#[test]
fn a_collation_whose_weights_are_not_known_has_no_unique_key_in_the_log() {
    let Some((world, replica)) = World::followed() else { return };
    sql(
        world.ours(),
        "CREATE DATABASE d; USE d;
         CREATE TABLE t (a VARCHAR(9) PRIMARY KEY, b VARCHAR(9) COLLATE utf8mb4_unicode_ci) COLLATE=utf8mb4_unicode_ci;
         INSERT INTO t VALUES ('ss', 'ß'), ('ß', 'ss')",
    );
    world.wait(&replica);
    world.same(&replica, "SELECT a, b FROM d.t ORDER BY HEX(a)");
    for statement in [
        "CREATE TABLE d.u (a VARCHAR(9) COLLATE utf8mb4_unicode_ci UNIQUE)",
        "CREATE UNIQUE INDEX k ON d.t (b)",
        "ALTER TABLE d.t ADD UNIQUE KEY k (b(3))",
    ] {
        let told = error(world.ours(), statement);
        assert!(told.contains("ERROR 1235 (42000)") && told.contains("utf8mb4_bin"), "{statement}: {told}");
    }
}

/// The log gives tables and databases the collation by which this server compares, so no row stops the replica.
#[test]
fn the_collation_of_a_table_or_its_database_is_the_replicas_too() {
    let Some((world, replica)) = World::followed() else { return };
    let collations = [
        ("utf8mb4_bin", true),
        ("utf8mb3_bin", true),
        ("latin1_bin", true),
        ("ascii_bin", true),
        ("binary", true),
        // Their weights are not known, so both compare by the default.
        ("latin1_general_cs", false),
        ("utf8mb4_uca1400_as_cs", false),
    ];
    let (mut script, mut counts, mut expected) = (String::new(), Vec::new(), String::new());
    for (number, (collation, tells_case)) in collations.iter().enumerate() {
        writeln!(
            script,
            "CREATE DATABASE c{number} COLLATE {collation}; CREATE DATABASE a{number}; USE a{number};
             CREATE TABLE t1 (v VARCHAR(9) PRIMARY KEY) COLLATE={collation}; CREATE TABLE t2 LIKE t1;
             CREATE TABLE t3 (i INT PRIMARY KEY AUTO_INCREMENT) COLLATE={collation};
             ALTER TABLE t3 ADD COLUMN v VARCHAR(9); CREATE UNIQUE INDEX k ON t3 (v);
             ALTER DATABASE a{number} COLLATE {collation}; CREATE TABLE t4 (v VARCHAR(9) UNIQUE);
             ALTER DATABASE COLLATE utf8mb4_general_ci; CREATE TABLE t5 LIKE t4;
             CREATE TABLE c{number}.t (v VARCHAR(9) UNIQUE); CREATE TABLE t6 LIKE c{number}.t;"
        )
        .unwrap();
        for table in ["a.t1", "a.t2", "a.t3", "a.t4", "a.t5", "a.t6", "c.t"] {
            let table = table.replace('.', &format!("{number}."));
            writeln!(script, "INSERT INTO {table} (v) VALUES ('a'); INSERT IGNORE INTO {table} (v) VALUES ('A');")
                .unwrap();
            counts.push(format!("SELECT COUNT(*), '{table} {collation}' FROM {table}"));
            writeln!(expected, "{}\t{table} {collation}", if *tells_case { 2 } else { 1 }).unwrap();
        }
    }
    sql(world.ours(), &script);
    world.wait(&replica);
    // A statement may name the tables of few databases.
    let counts: Vec<String> = counts.chunks(14).map(|counts| counts.join(" UNION ALL ")).collect();
    assert_eq!(counts.iter().map(|counts| sql(world.ours(), counts)).collect::<String>(), expected);
    counts.iter().for_each(|counts| world.same(&replica, counts));
    world.same(
        &replica,
        "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'c_' OR SCHEMA_NAME LIKE 'a_' ORDER BY 1",
    );
}

/// Each row that is there is a weight, with the characters that have it.
#[test]
fn each_character_has_mariadbs_weight() {
    let Some((world, replica)) = World::followed() else { return };
    for (charset, last) in [("utf8mb4", 0xffff_u32), ("latin1", 0xff)] {
        let is_in_set = |character: &char| last > 0xff || !('\u{80}'..'\u{a0}').contains(character);
        let characters: Vec<char> = (0..=last).filter_map(char::from_u32).filter(is_in_set).collect();
        let mut script =
            format!("CREATE TABLE {charset} (a VARCHAR(2) CHARACTER SET {charset} PRIMARY KEY, n MEDIUMTEXT);\n");
        for some in characters.chunks(2000) {
            // A space at the end would not count.
            let row = |character: &char| format!("('{}.', '{}')", escaped(*character), u32::from(*character));
            let rows: Vec<String> = some.iter().map(row).collect();
            let insert = format!("INSERT INTO {charset} VALUES {}", rows.join(","));
            writeln!(script, "{insert} ON DUPLICATE KEY UPDATE n = CONCAT(n, ',', VALUES(n));").unwrap();
        }
        sql(world.ours(), &format!("CREATE DATABASE IF NOT EXISTS d; USE d;\n{script}"));
        sql(&replica, &format!("CREATE DATABASE IF NOT EXISTS own CHARACTER SET utf8mb4; USE own;\n{script}"));
        world.wait(&replica);
        let query = |database: &str| format!("SELECT n FROM {database}.{charset} ORDER BY n + 0");
        let (ours, theirs) = (sql(world.ours(), &query("d")), sql(&replica, &query("own")));
        assert!(ours.lines().count() > 100, "{ours}");
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "{charset}");
        }
        assert_eq!(ours, theirs);
        assert_eq!(sql(&replica, &query("d")), ours);
    }
}

fn escaped(character: char) -> String {
    match character {
        '\0' => "\\0".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\u{1a}' => "\\Z".to_owned(),
        '\'' | '\\' => format!("\\{character}"),
        other => other.to_string(),
    }
}
