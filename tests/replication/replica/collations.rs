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
