//! Warnings: every place that reports their number reports the same number, and SHOW WARNINGS shows as many.

use super::*;

/// Runs a statement; returns its warnings, whose number must be the same in all places.
#[track_caller]
fn warned(client: &mut Client, sql: &str) -> Vec<Vec<String>> {
    let said = client.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).warnings;
    let shown = client.query("SHOW WARNINGS").unwrap();
    assert_eq!(usize::from(said), shown.rows.len(), "{sql}: {:?}", shown.rows);
    // SHOW WARNINGS itself has no warnings.
    assert_eq!(shown.warnings, 0);
    let number = said.to_string();
    assert_eq!(client.rows("SHOW COUNT(*) WARNINGS"), [[number.as_str()]], "{sql}");
    assert_eq!(client.rows("SHOW COUNT(*) ERRORS"), [["0"]], "{sql}");
    let both = client.rows("SELECT @@warning_count, @@session.error_count AS errors");
    assert_eq!(both, [[number.as_str(), "0"]], "{sql}");
    let texts = client.execute("SELECT @@WARNING_COUNT", &[]).unwrap();
    assert_eq!(texts.rows, [[number.as_str()]], "{sql}");
    shown.rows
}

#[test]
fn every_warning_is_counted_and_shown() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in [
        "CREATE DATABASE d",
        "USE d",
        "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(5) NOT NULL)",
        "CREATE VIEW v AS SELECT a FROM t",
        "INSERT INTO t VALUES (1, 'x')",
    ] {
        assert_eq!(warned(&mut client, sql), Vec::<Vec<String>>::new(), "{sql}");
    }
    let note = |code: &str, message: &str| vec!["Note".to_owned(), code.to_owned(), message.to_owned()];
    for (sql, expected) in [
        ("DROP TABLE IF EXISTS none", vec![note("1051", "Unknown table 'd.none'")]),
        ("DROP TABLE IF EXISTS a, e.b", vec![note("1051", "Unknown table 'd.a'"), note("1051", "Unknown table 'e.b'")]),
        ("DROP TEMPORARY TABLE IF EXISTS none", vec![note("1051", "Unknown table 'd.none'")]),
        ("DROP VIEW IF EXISTS none", vec![note("1051", "Unknown table 'd.none'")]),
        // A view is not a table. Dumps drop the table of a name before the view.
        ("DROP TABLE IF EXISTS v", vec![note("1051", "Unknown table 'd.v'")]),
        ("DROP DATABASE IF EXISTS none", vec![note("1008", "Can't drop database 'none'; database doesn't exist")]),
        ("CREATE DATABASE IF NOT EXISTS d", vec![note("1007", "Can't create database 'd'; database exists")]),
        ("CREATE TABLE IF NOT EXISTS t (a INT, KEY (a))", vec![note("1050", "Table 't' already exists")]),
        ("CREATE TABLE IF NOT EXISTS t SELECT 1", vec![note("1050", "Table 't' already exists")]),
        (
            "CREATE USER IF NOT EXISTS root@localhost",
            vec![note("3163", "Authorization ID 'root'@'localhost' already exists.")],
        ),
        ("DROP USER IF EXISTS nobody", vec![note("3162", "Authorization ID 'nobody'@'%' does not exist.")]),
    ] {
        if sql.contains("e.b") {
            client.query("CREATE DATABASE e").unwrap();
        }
        assert_eq!(warned(&mut client, sql), expected, "{sql}");
    }
    assert_eq!(client.rows("SELECT COUNT(*) FROM v"), [["1"]]);
    client.query("CREATE TEMPORARY TABLE tt (a INT)").unwrap();
    let again = warned(&mut client, "CREATE TEMPORARY TABLE IF NOT EXISTS tt (a INT)");
    assert_eq!(again, [note("1050", "Table 'tt' already exists")]);
    for (sql, code, count) in [
        ("INSERT IGNORE INTO t VALUES (1, 'y')", "1062", 1),
        ("INSERT IGNORE INTO t VALUES (1, 'y'), (2, 'z'), (2, 'z')", "1062", 2),
        ("INSERT IGNORE INTO t VALUES (3, NULL)", "1048", 1),
        ("INSERT IGNORE INTO t SELECT 1, 'y'", "1062", 1),
    ] {
        let rows = warned(&mut client, sql);
        assert_eq!(rows.len(), count, "{sql}: {rows:?}");
        for row in rows {
            assert_eq!((row[0].as_str(), row[1].as_str()), ("Warning", code), "{sql}");
        }
    }
    assert_eq!(client.rows("SELECT * FROM t ORDER BY a"), [["1", "x"], ["2", "z"]]);
    for keys in ["DISABLE", "ENABLE"] {
        let expected = [note("1031", "Table storage engine for 't' doesn't have this option")];
        assert_eq!(warned(&mut client, &format!("ALTER TABLE `d`.`t` {keys} KEYS")), expected);
        let error = client.query(&format!("ALTER TABLE none {keys} KEYS")).map(drop).unwrap_err();
        assert_eq!(error.code, 1146);
    }
    let prepared = client.execute("INSERT IGNORE INTO t VALUES (?, ?)", &[Value::Int(1), Value::Bytes(b"y")]).unwrap();
    assert_eq!((prepared.affected, prepared.warnings), (0, 1));
    assert_eq!(warned(&mut client, "INSERT IGNORE INTO t VALUES (9, 'y')"), Vec::<Vec<String>>::new());
    // Dumps switch notes off.
    client.query("SET sql_notes = 0").unwrap();
    assert_eq!(warned(&mut client, "DROP TABLE IF EXISTS none"), Vec::<Vec<String>>::new());
    assert_eq!(warned(&mut client, "INSERT IGNORE INTO t VALUES (9, 'y')").len(), 1);
}

#[test]
fn an_error_is_counted_until_the_next_statement() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in ["nonsense", "SELECT no_such_column", "USE no_such_database"] {
        let error = client.query(sql).map(drop).unwrap_err();
        let both = client.rows("SELECT @@warning_count, @@error_count");
        assert_eq!(both, [["1", "1"]], "{sql}");
        // The SELECT of the variables has kept the counts, but not the messages.
        assert_eq!(client.query("SHOW ERRORS").unwrap().rows.len(), 0);
        client.query(sql).map(drop).unwrap_err();
        assert_eq!(client.rows("SHOW COUNT(*) ERRORS"), [["1"]]);
        assert_eq!(client.rows("SHOW ERRORS"), [["Error", error.code.to_string().as_str(), error.message.as_str()]]);
        // A string that looks like the variable's name is not the variable.
        client.query("SELECT '@@error_count'").unwrap();
        assert_eq!(client.rows("SELECT @@error_count"), [["0"]]);
    }
}

#[test]
fn a_drop_that_may_find_nothing_leaves_the_transaction_open() {
    let running = Running::start(&[]);
    let mut client = running.root();
    for sql in ["CREATE DATABASE d", "USE d", "CREATE TABLE t (a INT)", "BEGIN", "INSERT INTO t VALUES (1)"] {
        client.query(sql).unwrap();
    }
    assert_eq!(client.query("DROP TEMPORARY TABLE IF EXISTS none").unwrap().warnings, 1);
    client.query("ROLLBACK").unwrap();
    assert_eq!(client.rows("SELECT COUNT(*) FROM t"), [["0"]]);
}

#[test]
fn a_list_of_names_is_bounded_however_often_a_name_is_in_it() {
    let running = Running::start(&[]);
    let mut client = running.root();
    client.query("CREATE DATABASE d").unwrap();
    let list = |number| vec!["d.z"; number].join(",");
    for front in ["DROP TEMPORARY TABLE IF EXISTS", "DROP TABLE IF EXISTS", "DROP VIEW IF EXISTS"] {
        assert_eq!(warned(&mut client, &format!("{front} {}", list(1_000))).len(), 1_000, "{front}");
    }
    for front in [
        "DROP TEMPORARY TABLE IF EXISTS",
        "DROP TABLE IF EXISTS",
        "DROP VIEW IF EXISTS",
        "DROP TABLE",
        "TRUNCATE TABLE",
    ] {
        let refused = client.query(&format!("{front} {}", list(1_001))).map(drop);
        assert_eq!(refused.unwrap_err().code, 1116, "{front}");
    }
}
