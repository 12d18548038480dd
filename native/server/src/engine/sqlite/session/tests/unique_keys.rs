//! Unique keys refuse the rows that MariaDB's refuse.

use super::*;

#[test]
fn rows_that_are_the_same_for_the_key_are_refused() {
    let mut bench = TestSession::new();
    for (definition, first, second, is_same) in [
        ("a VARCHAR(9) PRIMARY KEY", "'ä'", "'a'", true),
        ("a VARCHAR(9) UNIQUE", "'a'", "'A '", true),
        ("a VARCHAR(9) UNIQUE", "NULL", "NULL", false),
        ("a VARCHAR(9) COLLATE utf8mb4_bin UNIQUE", "'a'", "'a '", true),
        ("a VARCHAR(9) COLLATE utf8mb4_bin UNIQUE", "'a'", "'ä'", false),
        ("a VARCHAR(9) COLLATE utf8mb4_unicode_ci UNIQUE", "'ß'", "'s'", false),
        ("a VARCHAR(9), UNIQUE KEY k (a(3))", "'abcd'", "'abce'", true),
        ("a TEXT, PRIMARY KEY (a(2))", "'abcd'", "'abce'", true),
        ("a VARCHAR(9) CHARACTER SET latin1 UNIQUE", "'Ä'", "'æ'", true),
        ("a FLOAT UNIQUE", "0.1", "0.1000000001", true),
        ("a DATETIME PRIMARY KEY", "'2020-01-01'", "'2020-01-01 00:00:00'", true),
        ("a SET('x','y') UNIQUE", "'x,y'", "'y,x'", true),
        ("a BINARY(3) UNIQUE", "'a'", "'a\\0'", true),
        ("a VARBINARY(3) UNIQUE", "'a'", "'a\\0'", false),
        ("a VARBINARY(3) UNIQUE", "'a'", "x'61'", true),
        ("a JSON, UNIQUE KEY (a(9))", "'[1]'", "'[1] '", true),
        ("a VARCHAR(9), b VARCHAR(9) DEFAULT 'b', UNIQUE KEY k (a, b)", "'ä'", "'a'", true),
    ] {
        bench.done(&format!("CREATE TABLE t ({definition})"));
        let columns = if definition.contains("b VARCHAR") { " (a)" } else { "" };
        bench.done(&format!("INSERT INTO t{columns} VALUES ({first})"));
        let taken = bench.run(&format!("INSERT INTO t{columns} VALUES ({second})"), &[], false);
        let code = taken.map(|_| 0).unwrap_or_else(|error| error.code);
        assert_eq!(code == 1062, is_same, "{definition} {first} {second}: {code}");
        bench.done("DROP TABLE t");
    }
}

#[test]
fn clauses_for_duplicates_take_them_for_the_same() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), UNIQUE KEY k (a))");
    bench.done("INSERT INTO t VALUES (1, 'ä')");
    let error = bench.run("INSERT INTO t VALUES (2, 'A')", &[], false).map(|_| ()).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (1062, "Duplicate entry for key 't.k'"));
    assert_eq!(bench.done("INSERT IGNORE INTO t VALUES (2, 'A')").affected_rows, 0);
    bench.done("INSERT INTO t VALUES (2, 'A') ON DUPLICATE KEY UPDATE id = id + 5");
    assert_eq!(bench.text("SELECT id, a FROM t"), [["6", "ä"]]);
    bench.done("REPLACE INTO t VALUES (2, 'A')");
    assert_eq!(bench.text("SELECT id, a FROM t"), [["2", "A"]]);
    bench.done("INSERT INTO t VALUES (3, 'b')");
    assert_eq!(bench.error("UPDATE t SET a = 'á' WHERE id = 3"), 1062);
    assert_eq!(bench.done("UPDATE t SET a = 'á' WHERE id = 2").affected_rows, 1);
    bench.done("CREATE TEMPORARY TABLE own (a VARCHAR(9) PRIMARY KEY)");
    bench.done("INSERT INTO own VALUES ('ä')");
    let error = bench.run("INSERT INTO own VALUES ('a')", &[], false).map(|_| ()).unwrap_err();
    assert_eq!(error.message, "Duplicate entry for key 'own.PRIMARY'");
}

#[test]
fn the_index_of_weights_follows_its_key_and_is_in_no_listing() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(9), c INT, UNIQUE KEY k (a))");
    let listed = "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'd'";
    assert_eq!(bench.text(listed), [["2"]]);
    bench.done("INSERT INTO t VALUES (1, 'ä', 1)");
    for change in [
        "ALTER TABLE t ADD COLUMN d INT FIRST",
        "ALTER TABLE t DROP COLUMN c",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE u RENAME TO t",
        "ALTER TABLE t RENAME COLUMN b TO a",
        "CREATE UNIQUE INDEX other ON t (a, id)",
        "DROP INDEX other ON t",
    ] {
        bench.done(change);
        let table = if change.ends_with("TO u") { "u" } else { "t" };
        let column = if bench.run(&format!("SELECT b FROM {table}"), &[], false).is_ok() { "b" } else { "a" };
        let insert = format!("INSERT INTO {table} (id, {column}) VALUES (2, 'A')");
        assert_eq!(bench.error(&insert), 1062, "{change}");
    }
    bench.done("DROP INDEX k ON t");
    bench.done("INSERT INTO t (id, a) VALUES (2, 'A')");
    assert_eq!(bench.text(listed), [["1"]]);
    assert_eq!(bench.error("CREATE UNIQUE INDEX k ON t (a)"), 1062);
    bench.done("DELETE FROM t WHERE id = 2");
    bench.done("CREATE UNIQUE INDEX k ON t (a)");
    bench.done("CREATE TABLE child (a VARCHAR(9), FOREIGN KEY (a) REFERENCES t (a))");
    bench.done("INSERT INTO child VALUES ('ä')");
    assert_eq!(bench.error("SELECT key_weight('a', 'bytes')"), 1305);
}

#[test]
fn rows_of_an_earlier_version_stay_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let engine = SqliteEngine::new(directory.path());
    engine.create_database("d", None).unwrap();
    let file = Connection::open(directory.path().join("d.sqlite")).unwrap();
    file.execute_batch(
        "CREATE TABLE t (id INT PRIMARY KEY NOT NULL, a VARCHAR(9) COLLATE NOCASE); CREATE UNIQUE INDEX \"t.k\" ON t (a);
         INSERT INTO t VALUES (1, 'ä'), (2, 'a')",
    )
    .unwrap();
    drop(file);
    let mut bench = TestSession { session: engine.session().unwrap(), _directory: directory };
    bench.done("ALTER TABLE t ADD COLUMN b INT");
    bench.done("INSERT INTO t VALUES (3, 'á', 1)");
    bench.done("DELETE FROM t WHERE id > 1");
    bench.done("ALTER TABLE t ADD COLUMN c INT");
    assert_eq!(bench.error("INSERT INTO t VALUES (3, 'á', 1, 1)"), 1062);
}

#[test]
fn the_keys_of_a_renamed_table_leave_their_names_to_others() {
    let mut bench = TestSession::new();
    let create = "CREATE TABLE t (a INT, b INT, KEY k (a), UNIQUE KEY `two words` (b))";
    bench.done(create);
    bench.done("ALTER TABLE t RENAME TO u");
    bench.done(create);
    for table in ["t", "u"] {
        let listed = format!(
            "SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_NAME = '{table}' ORDER BY INDEX_NAME"
        );
        assert_eq!(bench.text(&listed).concat(), ["k", "two words"], "{table}");
        bench.done(&format!("INSERT INTO {table} VALUES (1, 1)"));
        assert_eq!(bench.error(&format!("INSERT INTO {table} VALUES (1, 1)")), 1062);
        bench.done(&format!("DROP INDEX k ON {table}"));
    }
}

/// Whether a unique key over the column `v` of a table takes 'A' beside 'a'.
fn tells_case(bench: &mut TestSession, table: &str) -> bool {
    bench.done(&format!("INSERT INTO {table} (v) VALUES ('a')"));
    match bench.run(&format!("INSERT INTO {table} (v) VALUES ('A')"), &[], false) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code, 1062, "{table}: {error:?}");
            false
        }
    }
}

#[test]
fn unique_keys_compare_by_the_collation_of_the_table_or_of_its_database() {
    let mut bench = TestSession::new();
    let engine = SqliteEngine::new(bench._directory.path());
    for (number, (collation, expected)) in [
        ("utf8mb4_bin", true),
        ("binary", true),
        ("latin1_general_cs", true),
        ("utf8mb4_uca1400_as_cs", true),
        ("utf8mb3_general_ci", false),
    ]
    .into_iter()
    .enumerate()
    {
        let of_database = format!("of{number}");
        engine.create_database(&of_database, Some(collation)).unwrap();
        for (table, definition) in [
            (format!("t{number}"), format!("(v VARCHAR(9) UNIQUE) COLLATE {collation}")),
            (format!("{of_database}.t"), "(v VARCHAR(9) PRIMARY KEY)".to_owned()),
            (format!("{of_database}.l"), format!("LIKE t{number}")),
            (format!("l{number}"), format!("LIKE {of_database}.t")),
            (format!("{of_database}.a"), "(i INT)".to_owned()),
        ] {
            bench.done(&format!("CREATE TABLE {table} {definition}"));
            if definition == "(i INT)" {
                engine.alter_database(&of_database, "utf8mb4_general_ci").unwrap();
                bench.done(&format!("ALTER TABLE {table} ADD COLUMN v VARCHAR(9)"));
                bench.done(&format!("CREATE UNIQUE INDEX k ON {table} (v)"));
            }
            assert_eq!(tells_case(&mut bench, &table), expected, "{table} {collation}");
            if definition.ends_with(collation) {
                bench.done(&format!("CREATE TEMPORARY TABLE s{number} {definition}"));
                bench.done(&format!("CREATE TEMPORARY TABLE x{number} (i INT) COLLATE {collation}"));
                bench.done(&format!("ALTER TABLE x{number} ADD COLUMN v VARCHAR(9), ADD UNIQUE KEY k (v)"));
                assert_eq!(tells_case(&mut bench, &format!("s{number}")), expected, "temporary {collation}");
                assert_eq!(tells_case(&mut bench, &format!("x{number}")), expected, "altered {collation}");
            }
        }
    }
    engine.create_database("general", None).unwrap();
    bench.done("CREATE TABLE general.t (v VARCHAR(9) UNIQUE)");
    assert!(!tells_case(&mut bench, "general.t"));
}

/// Without a binary log the default of the character set counts for a table, and the bytes of a prefix for a collation that tells case and for a
/// column's own.
#[test]
fn a_collation_whose_weights_are_not_known_leaves_keys_their_prefixes() {
    let mut bench = TestSession::new();
    let engine = SqliteEngine::new(bench._directory.path());
    for (number, (collation, column, one, other, is_same)) in [
        ("utf8mb4_unicode_ci", "", "abc1", "abc2", true),
        ("utf8mb4_unicode_ci", "", "ä", "A", true),
        ("utf8mb4_unicode_ci", "", "a", "a ", true),
        ("utf8mb4_unicode_ci", "", "a", "b", false),
        ("utf8mb4_unicode_ci", "COLLATE utf8mb4_unicode_ci", "abc1", "abc2", true),
        ("utf8mb4_unicode_ci", "COLLATE utf8mb4_unicode_ci", "ä", "a", false),
        ("utf8mb4_0900_ai_ci", "", "abc1", "ÄBc2", true),
        ("utf8mb4_0900_ai_ci", "", "a", "a ", false),
        ("utf8mb4_uca1400_as_cs", "", "abc1", "abc2", true),
        ("utf8mb4_uca1400_as_cs", "", "abc", "Abc", false),
    ]
    .into_iter()
    .enumerate()
    {
        engine.create_database(&format!("of{number}"), Some(collation)).unwrap();
        bench.done(&format!("CREATE TABLE of{number}.t (v TEXT {column}, UNIQUE (v(3)))"));
        bench.done(&format!("INSERT INTO of{number}.t VALUES ('{one}')"));
        let taken = bench.run(&format!("INSERT INTO of{number}.t VALUES ('{other}')"), &[], false);
        let code = taken.map_or_else(|error| error.code, |_| 0);
        assert_eq!(code == 1062, is_same, "{collation} {column} {one} {other}");
    }
}

/// An earlier version had the collation of a table for its keys alone.
#[test]
fn the_columns_of_an_earlier_version_stay_as_they_are() {
    let mut bench = TestSession::new();
    let file = Connection::open(bench._directory.path().join("d.sqlite")).unwrap();
    file.execute_batch(
        "CREATE TABLE old (/*mysql\ncollation=utf8mb4_bin\n*/ v VARCHAR(9) COLLATE NOCASE);
         CREATE UNIQUE INDEX \"old.k\" ON old (v)",
    )
    .unwrap();
    drop(file);
    bench.done("ALTER TABLE old ADD COLUMN w VARCHAR(9)");
    bench.done("CREATE UNIQUE INDEX k2 ON old (w)");
    assert!(!tells_case(&mut bench, "old"));
    bench.done("DELETE FROM old");
    bench.done("INSERT INTO old (v, w) VALUES ('a', 'a'), ('b', 'A')");
}
