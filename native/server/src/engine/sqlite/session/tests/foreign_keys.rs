//! The keys that foreign keys need, and the names of foreign keys, are as in MariaDB.

use super::*;

/// The names of a table's keys.
fn keys(bench: &mut TestSession, table: &str) -> Vec<String> {
    let listed = format!(
        "SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_NAME = '{table}' ORDER BY INDEX_NAME"
    );
    bench.text(&listed).concat()
}

fn with_parent() -> TestSession {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE p (id INT PRIMARY KEY, k INT, UNIQUE KEY (k), UNIQUE KEY two (id, k))");
    bench
}

#[test]
fn a_foreign_key_has_a_key_as_in_innodb() {
    let mut bench = with_parent();
    for (name, definition, expected) in [
        ("of_column", "a INT, FOREIGN KEY (a) REFERENCES p (id)", &["a"][..]),
        ("of_constraint", "a INT, CONSTRAINT fk FOREIGN KEY x (a) REFERENCES p (id)", &["fk"]),
        ("named", "a INT, FOREIGN KEY x (a) REFERENCES p (id)", &["x"]),
        ("own", "a INT, b INT, KEY own (a, b), FOREIGN KEY (a) REFERENCES p (id)", &["own"]),
        ("other", "a INT, b INT, KEY own (b, a), FOREIGN KEY (a) REFERENCES p (id)", &["a", "own"]),
        ("primary_key", "a INT PRIMARY KEY, FOREIGN KEY (a) REFERENCES p (id)", &["PRIMARY"]),
        ("twice", "a INT, FOREIGN KEY (a) REFERENCES p (id), FOREIGN KEY (a) REFERENCES p (k)", &["a"]),
        ("renamed", "a INT, FOREIGN KEY x (a) REFERENCES p (id), FOREIGN KEY y (a) REFERENCES p (k)", &["y"]),
        ("taken", "a INT, b INT, KEY a (b), FOREIGN KEY (a) REFERENCES p (id)", &["a", "a_2"]),
        ("behind", "a INT, b INT, FOREIGN KEY (a) REFERENCES p (id), KEY a (a, b)", &["a"]),
        (
            "longer",
            "a INT, b INT, FOREIGN KEY (a) REFERENCES p (id), FOREIGN KEY x (a, b) REFERENCES p (id, k)",
            &["x"],
        ),
        (
            "unnamed",
            "a INT, b INT, KEY (a), UNIQUE (a), KEY (a, b), FOREIGN KEY (b) REFERENCES p (id)",
            &["a", "a_2", "a_3", "b"],
        ),
    ] {
        bench.done(&format!("CREATE TABLE {name} ({definition})"));
        assert_eq!(keys(&mut bench, name), expected, "{definition}");
    }
}

#[test]
fn a_key_of_the_users_takes_the_place_of_one_made_for_a_foreign_key() {
    for (definition, expected) in [
        ("CREATE INDEX b ON c (b)", &["b"][..]),
        ("CREATE UNIQUE INDEX b ON c (b)", &["b"]),
        ("CREATE INDEX b ON c (b, x)", &["b"]),
        ("CREATE INDEX other ON c (b)", &["other"]),
        ("CREATE INDEX other ON c (x, b)", &["b", "other"]),
        ("CREATE INDEX IF NOT EXISTS b ON c (b, x)", &["b"]),
        ("ALTER TABLE c ADD KEY b (b)", &["b"]),
        ("ALTER TABLE c ADD UNIQUE b (b)", &["b"]),
        ("ALTER TABLE c ADD INDEX b (x), ADD INDEX z (b)", &["b", "z"]),
        ("ALTER TABLE c ADD INDEX z (b), DROP INDEX b", &["z"]),
        ("ALTER TABLE c ADD INDEX z (b), RENAME TO d", &[]),
    ] {
        let mut bench = with_parent();
        bench.done("CREATE TABLE c (b INT, x INT, FOREIGN KEY (b) REFERENCES p (id))");
        bench.done(definition);
        assert_eq!(keys(&mut bench, "c"), expected, "{definition}");
    }
    for (definition, code) in [
        ("CREATE INDEX b ON c (x)", 1061),
        ("ALTER TABLE c ADD INDEX b (b), ADD INDEX b (x)", 1061),
        ("ALTER TABLE c DROP INDEX b, ADD INDEX b (x)", 1553),
        ("ALTER TABLE c DROP INDEX b, ADD INDEX IF NOT EXISTS b (b)", 1553),
        ("DROP INDEX b ON c", 1553),
        ("CREATE TABLE d (x INT, y INT, FOREIGN KEY (x) REFERENCES p (id), KEY x (y))", 1061),
        ("CREATE TABLE d (x INT, y INT, CONSTRAINT b FOREIGN KEY (x) REFERENCES p (id), KEY b (y))", 1061),
    ] {
        let mut bench = with_parent();
        bench.done("CREATE TABLE c (b INT, x INT, FOREIGN KEY (b) REFERENCES p (id))");
        assert_eq!(bench.error(definition), code, "{definition}");
        assert_eq!(keys(&mut bench, "c"), ["b"], "{definition}");
    }
}

#[test]
fn a_key_made_for_a_foreign_key_stays_one() {
    let mut bench = with_parent();
    bench.done("CREATE TABLE c (id INT PRIMARY KEY, b INT, FOREIGN KEY (b) REFERENCES p (id))");
    bench.done("CREATE TABLE copy LIKE c");
    bench.done("ALTER TABLE c RENAME COLUMN b TO bb");
    bench.done("ALTER TABLE c ADD COLUMN x INT FIRST");
    bench.done("ALTER TABLE c RENAME TO d");
    bench.done("CREATE INDEX other ON d (bb, x)");
    assert_eq!(keys(&mut bench, "d"), ["other", "PRIMARY"]);
    assert_eq!(bench.error("DROP INDEX other ON d"), 1553);
    bench.done("CREATE INDEX other ON copy (b)");
    assert_eq!(keys(&mut bench, "copy"), ["other", "PRIMARY"]);
    bench.done("DROP INDEX other ON copy");
}

#[test]
fn an_index_of_innodb_goes_on_with_the_primary_key() {
    for primary in ["PRIMARY KEY (id)", "UNIQUE KEY (id)"] {
        let mut bench = with_parent();
        bench.done(&format!(
            "CREATE TABLE c (id INT NOT NULL, b INT, {primary}, KEY k (b), FOREIGN KEY (b, id) REFERENCES p (id, k))"
        ));
        bench.done("DROP INDEX b ON c");
        assert_eq!(bench.error("DROP INDEX k ON c"), 1553);
    }
}
