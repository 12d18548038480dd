//! A source's tables whose collation tells 'a' from 'A', which they have from their own options, from their database or from the server.

use super::world::{World, sql, status};

/// Collations of MariaDB's that tell upper from lower case.
const COLLATIONS: &[&str] = &[
    "utf8mb4_bin",
    "utf8mb4_nopad_bin",
    "utf8mb4_uca1400_as_cs",
    "utf8mb3_bin",
    "latin1_bin",
    "latin1_general_cs",
    "ascii_bin",
    "binary",
];

#[test]
fn unique_keys_take_the_rows_that_the_source_took() {
    let Some(world) = World::start(&[]) else { return };
    let ours = world.ours();
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    let mut tables = Vec::new();
    let mut script = "CREATE DATABASE plain;".to_owned();
    for (number, collation) in COLLATIONS.iter().enumerate() {
        script.push_str(&format!(
            "CREATE DATABASE d{number} COLLATE {collation};
             USE d{number};
             CREATE TABLE of_database (v VARCHAR(9) PRIMARY KEY);
             CREATE TABLE of_table (v VARCHAR(9), UNIQUE (v)) COLLATE {collation};
             CREATE TABLE plain.of_table{number} (v VARCHAR(9) PRIMARY KEY) ENGINE=InnoDB COLLATE={collation};
             CREATE TABLE plain.of_column{number} (v VARCHAR(9) COLLATE {collation} PRIMARY KEY);
             CREATE TABLE plain.like{number} LIKE of_database;
             CREATE TABLE added (i INT PRIMARY KEY AUTO_INCREMENT);
             ALTER DATABASE d{number} COLLATE utf8mb4_general_ci;
             ALTER TABLE added ADD COLUMN v VARCHAR(9), ADD UNIQUE KEY k (v);
             ALTER DATABASE plain COLLATE {collation};
             CREATE TABLE plain.altered{number} (v VARCHAR(9) UNIQUE);
             ALTER DATABASE plain COLLATE utf8mb4_general_ci;
             SET collation_server = {collation};
             CREATE DATABASE s{number};
             CREATE TABLE s{number}.of_server (v VARCHAR(9) UNIQUE);
             SET collation_server = DEFAULT;"
        ));
        // MariaDB numbers some collations as this server does not; their databases name them in the log.
        let is_numbered = *collation != "utf8mb4_uca1400_as_cs";
        tables.extend(["of_database", "of_table", "added"].map(|table| format!("d{number}.{table}")));
        tables.extend(["of_table", "of_column", "like", "altered"].map(|table| format!("plain.{table}{number}")));
        tables.extend(is_numbered.then(|| format!("s{number}.of_server")));
    }
    for table in &tables {
        script.push_str(&format!("INSERT INTO {table} (v) VALUES ('a'); INSERT INTO {table} (v) VALUES ('A');"));
    }
    sql(world.primary(), &script);
    world.wait();
    assert_eq!(status(ours)["Last_SQL_Errno"], "0");
    let counts: Vec<String> =
        tables.iter().map(|table| format!("SELECT COUNT(*) FROM {table} WHERE v = 'A'")).collect();
    // A statement may name the tables of few databases.
    counts.chunks(8).for_each(|counts| world.same(&counts.join(" UNION ALL ")));
    let databases = "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'd_' ORDER BY 1";
    world.same(databases);
    let of_tables = "SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA LIKE 'd_' ORDER BY TABLE_SCHEMA, 1";
    world.same(of_tables);
}

/// Texts of which MariaDB's collations take some for the same: letters of two characters in each spelling, accents, ligatures, spaces.
const TEXTS: &[&str] = &[
    "i", "I", "ı", "İ", "ii", "iI", "Ii", "ch", "cH", "Ch", "CH", "xchx", "XcHx", "ll", "lL", "Ll", "LL", "lj", "lJ",
    "Lj", "nj", "nJ", "Nj", "NJ", "aa", "aA", "Aa", "AA", "aaa", "aAa", "aaA", "å", "Å", "dz", "dZ", "dž", "DŽ", "gy",
    "gY", "a", "A", "ä", "Ä", "á", "ß", "ss", "sS", "SS", "s", "ſ", "ø", "Ø", "o", "þ", "th", "é", "É", "e", "ж", "Ж",
    "y", "Y", "w", "W", "v", "V", "a ", "a b", "",
];

/// For each collation of the character sets that both have, the source keeps those of the texts that it takes for different ones.
#[test]
fn no_collation_of_the_source_stops_the_channel() {
    let Some(world) = World::start(&[]) else { return };
    let (ours, primary) = (world.ours(), world.primary());
    sql(primary, "SET GLOBAL binlog_row_metadata = FULL");
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    let collations = sql(
        primary,
        "SELECT CHARACTER_SET_NAME, FULL_COLLATION_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY
         WHERE CHARACTER_SET_NAME IN ('utf8mb4', 'utf8mb3', 'latin1', 'ascii') ORDER BY 1, 2",
    );
    let collations: Vec<(&str, &str)> = collations.lines().filter_map(|line| line.split_once('\t')).collect();
    assert!(collations.len() > 400, "{collations:?}");
    let texts: Vec<String> = TEXTS.iter().map(|text| format!("('{text}')")).collect();
    let texts = texts.join(",");
    let mut script = "CREATE DATABASE d; USE d; ".to_owned();
    // MariaDB has up to 64 keys in a table.
    for (number, some) in collations.chunks(60).enumerate() {
        let columns: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, (charset, collation))| {
                format!("v{at} VARCHAR(5) CHARACTER SET {charset} COLLATE {collation} UNIQUE")
            })
            .collect();
        script.push_str(&format!("CREATE TABLE t{number} ({}); BEGIN;", columns.join(",")));
        for at in 0..some.len() {
            script.push_str(&format!("INSERT IGNORE INTO t{number} (v{at}) VALUES {texts};"));
        }
        script.push_str("COMMIT;");
    }
    sql(primary, &script);
    world.wait();
    for (number, some) in collations.chunks(60).enumerate() {
        let counts: Vec<String> = (0..some.len()).map(|at| format!("COUNT(v{at})")).collect();
        world.same(&format!("SELECT {} FROM d.t{number}", counts.join(", ")));
    }
}

/// A key over a text of such a language compares bytes, wherever it is defined, and rows are found by it.
#[test]
fn keys_of_a_source_tell_the_letters_of_its_language() {
    let Some(world) = World::start(&[]) else { return };
    let (ours, primary) = (world.ours(), world.primary());
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    let (mut script, mut tables) = (String::new(), Vec::new());
    for (number, (collation, one, other)) in
        [("utf8mb4_turkish_ci", "i", "I"), ("utf8mb4_czech_ci", "ch", "cH"), ("uca1400_danish_as_ci", "aa", "aA")]
            .into_iter()
            .enumerate()
    {
        script.push_str(&format!(
            "CREATE DATABASE d{number} COLLATE {collation}; USE d{number};
             CREATE TABLE plain (v VARCHAR(9) PRIMARY KEY, n INT);
             CREATE TABLE counted (id INT AUTO_INCREMENT, v VARCHAR(9), n INT, UNIQUE (id), PRIMARY KEY (v, id));
             CREATE TABLE own (id INT PRIMARY KEY, v VARCHAR(9) COLLATE {collation} NOT NULL, n INT, UNIQUE k (v), KEY other (v)) COLLATE utf8mb4_bin;
             CREATE TABLE alike LIKE own;
             CREATE TABLE prefixed (v TEXT, n INT, UNIQUE (v(4)));
             CREATE TABLE indexed (v VARCHAR(9), n INT); CREATE UNIQUE INDEX k ON indexed (v);
             CREATE TABLE altered (w VARCHAR(9) NOT NULL, n INT);
             ALTER TABLE altered RENAME COLUMN w TO v, ADD COLUMN x VARCHAR(9), ADD UNIQUE k (v), ADD UNIQUE j (x);
             CREATE TABLE renamed (v VARCHAR(9) UNIQUE, n INT, z INT); ALTER TABLE renamed RENAME TO moved;"
        ));
        for table in ["plain", "counted", "own", "alike", "prefixed", "indexed", "altered", "moved"] {
            let key = if matches!(table, "own" | "alike") { ", id" } else { "" };
            let values = |at: u8| if key.is_empty() { String::new() } else { format!(", {at}") };
            script.push_str(&format!(
                "INSERT INTO {table} (v, n{key}) VALUES ('{one}', 1{}), ('{other}', 2{}), ('x', 3{});
                 UPDATE {table} SET n = 10 WHERE v = '{other}'; UPDATE {table} SET v = 'X' WHERE v = 'x'; DELETE FROM {table} WHERE v = '{one}';",
                values(1),
                values(2),
                values(3)
            ));
            tables.push(format!("SELECT HEX(v), n FROM d{number}.{table} ORDER BY 1"));
        }
        script.push_str(&format!(
            "ALTER TABLE moved DROP COLUMN z; INSERT INTO moved VALUES ('{one}', 5);
             CREATE TABLE parent (v VARCHAR(9) PRIMARY KEY, w VARCHAR(9), UNIQUE (w));
             CREATE TABLE child (v VARCHAR(9), w VARCHAR(9), FOREIGN KEY (v) REFERENCES parent (v) ON DELETE CASCADE,
                 FOREIGN KEY (w) REFERENCES parent (w) ON UPDATE CASCADE);
             INSERT INTO parent VALUES ('b', 'c'), ('d', 'e'); INSERT INTO child VALUES ('B', 'C'), ('d', 'E');
             UPDATE parent SET w = 'f' WHERE v = 'D'; DELETE FROM parent WHERE v = 'b';
             SET binlog_format = STATEMENT;
             INSERT INTO plain VALUES ('{one}', 20); INSERT IGNORE INTO plain VALUES ('x', 21); REPLACE INTO plain VALUES ('{other}', 22);
             INSERT INTO plain VALUES ('x', 23) ON DUPLICATE KEY UPDATE n = 24; SET binlog_format = ROW;"
        ));
        tables.push(format!("SELECT v, w FROM d{number}.child"));
        // SELECT ignores case.
        tables.push(format!("SELECT n FROM d{number}.plain WHERE v = 'x'"));
    }
    sql(primary, &script);
    world.wait();
    tables.iter().for_each(|query| world.same(query));
    let listed = sql(ours, "SHOW CREATE TABLE d0.plain; SHOW CREATE TABLE d0.own; SHOW INDEX FROM d0.own");
    assert!(listed.contains("PRIMARY KEY (`v`)") && listed.contains("UNIQUE KEY `k` (`v`)"), "{listed}");
}
