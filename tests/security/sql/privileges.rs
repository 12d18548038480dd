//! Runs each kind of statement without each of the privileges that MySQL's manual requires for it.

use std::net::TcpStream;

use sealwire::Client;

use super::world::{World, run};

/// A statement, and the privileges that together allow it: each with its object.
struct Row {
    sql: &'static str,
    needs: &'static [(&'static str, &'static str)],
}

const fn row(sql: &'static str, needs: &'static [(&'static str, &'static str)]) -> Row {
    Row { sql, needs }
}

/// The privileges that the MySQL 8.0 Reference Manual requires for each statement ("Privileges Provided by MySQL", and the statement's
/// page).
const ROWS: &[Row] = &[
    row("SELECT a FROM d.t", &[("SELECT", "d.t")]),
    row("SELECT COUNT(*) FROM d.t", &[("SELECT", "d.t")]),
    row("SELECT t.a FROM d.t JOIN d.u ON t.a = u.a", &[("SELECT", "d.t"), ("SELECT", "d.u")]),
    row("SELECT 1 FROM d.t WHERE a IN (SELECT a FROM d.u)", &[("SELECT", "d.t"), ("SELECT", "d.u")]),
    row("SELECT a FROM d.t UNION SELECT a FROM d.u", &[("SELECT", "d.t"), ("SELECT", "d.u")]),
    row("SELECT * FROM (SELECT a FROM d.t) AS x", &[("SELECT", "d.t")]),
    row("WITH x AS (SELECT a FROM d.t) SELECT * FROM x", &[("SELECT", "d.t")]),
    // A name in WITH is visible in its query only, and hides no table elsewhere.
    row("SELECT (WITH u AS (SELECT 1 AS a) SELECT a FROM u), y.b FROM d.u AS y", &[("SELECT", "d.u")]),
    row("SELECT (WITH u AS (SELECT 1 AS a) SELECT a FROM u), y.b FROM u AS y", &[("SELECT", "d.u")]),
    row("WITH u AS (SELECT b FROM d.u) SELECT * FROM u", &[("SELECT", "d.u")]),
    row("WITH u AS (SELECT b FROM u) SELECT * FROM u", &[("SELECT", "d.u")]),
    row("WITH v AS (SELECT b FROM d.t) SELECT COUNT(*) FROM v", &[("SELECT", "d.t")]),
    row("SELECT * FROM d.v", &[("SELECT", "d.v")]),
    row("SELECT COUNT(*) FROM d.v", &[("SELECT", "d.v")]),
    row("INSERT INTO d.t VALUES (7, 'x')", &[("INSERT", "d.t")]),
    row("INSERT INTO d.t SET a = 7", &[("INSERT", "d.t")]),
    row("INSERT IGNORE INTO d.t VALUES (1, 'x')", &[("INSERT", "d.t")]),
    row("INSERT INTO d.t SELECT a + 10, b FROM d.u", &[("INSERT", "d.t"), ("SELECT", "d.u")]),
    row("INSERT INTO d.t SELECT a + 10, b FROM d.t", &[("INSERT", "d.t"), ("SELECT", "d.t")]),
    row("INSERT INTO d.t VALUES (7, (SELECT MAX(b) FROM d.t))", &[("INSERT", "d.t"), ("SELECT", "d.t")]),
    row(
        "INSERT INTO d.t VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = VALUES(b)",
        &[("INSERT", "d.t"), ("UPDATE", "d.t")],
    ),
    row(
        "INSERT INTO d.t VALUES (1, 'x') AS new ON DUPLICATE KEY UPDATE b = new.b",
        &[("INSERT", "d.t"), ("UPDATE", "d.t")],
    ),
    row(
        "INSERT INTO d.t VALUES (1, 'x') ON DUPLICATE KEY UPDATE b = CONCAT(b, 'x')",
        &[("INSERT", "d.t"), ("UPDATE", "d.t"), ("SELECT", "d.t")],
    ),
    row("REPLACE INTO d.t VALUES (1, 'x')", &[("INSERT", "d.t"), ("DELETE", "d.t")]),
    row("REPLACE INTO d.t SELECT a, b FROM d.u", &[("INSERT", "d.t"), ("DELETE", "d.t"), ("SELECT", "d.u")]),
    row("UPDATE d.t SET b = 'x'", &[("UPDATE", "d.t")]),
    row("UPDATE d.t SET b = CONCAT(b, 'x')", &[("UPDATE", "d.t"), ("SELECT", "d.t")]),
    row("UPDATE d.t SET b = 'x' WHERE a = 1", &[("UPDATE", "d.t"), ("SELECT", "d.t")]),
    row("UPDATE d.t SET b = 'x' ORDER BY a LIMIT 1", &[("UPDATE", "d.t"), ("SELECT", "d.t")]),
    row("UPDATE d.t SET b = (SELECT MAX(b) FROM d.u)", &[("UPDATE", "d.t"), ("SELECT", "d.u")]),
    row(
        "WITH x AS (SELECT 1 AS a) UPDATE d.t SET b = 'x' WHERE a IN (SELECT a FROM x)",
        &[("UPDATE", "d.t"), ("SELECT", "d.t")],
    ),
    row("WITH x AS (SELECT a FROM d.u) UPDATE d.t SET b = 'x'", &[("UPDATE", "d.t"), ("SELECT", "d.u")]),
    row("DELETE FROM d.t", &[("DELETE", "d.t")]),
    row("DELETE FROM d.t WHERE b LIKE 'o%'", &[("DELETE", "d.t"), ("SELECT", "d.t")]),
    row("DELETE FROM d.t WHERE EXISTS (SELECT 1 FROM d.u)", &[("DELETE", "d.t"), ("SELECT", "d.u")]),
    row("WITH x AS (SELECT 1) DELETE FROM d.t", &[("DELETE", "d.t")]),
    // The changes that a foreign key causes need no further privilege.
    row("DELETE FROM d.parent", &[("DELETE", "d.parent")]),
    row("INSERT INTO d.child VALUES (1)", &[("INSERT", "d.child")]),
    row("TRUNCATE d.t", &[("DROP", "d.t")]),
    row("TRUNCATE TABLE d.u", &[("DROP", "d.u")]),
    row("DROP TABLE d.t", &[("DROP", "d.t")]),
    row("DROP TABLE d.t, d.u", &[("DROP", "d.t"), ("DROP", "d.u")]),
    row("DROP TABLE d.u, d.t", &[("DROP", "d.t"), ("DROP", "d.u")]),
    row("DROP VIEW d.v", &[("DROP", "d.v")]),
    row("CREATE TABLE d.n (a INT)", &[("CREATE", "d.n")]),
    row("CREATE TABLE IF NOT EXISTS d.t (a INT)", &[("CREATE", "d.t")]),
    row("CREATE TABLE d.n (a INT, UNIQUE KEY k (a), KEY l (a))", &[("CREATE", "d.n")]),
    row("CREATE TABLE d.n LIKE d.t", &[("CREATE", "d.n"), ("SELECT", "d.t")]),
    row("CREATE TABLE d.n AS SELECT * FROM d.t", &[("CREATE", "d.n"), ("INSERT", "d.n"), ("SELECT", "d.t")]),
    row("CREATE TABLE d.n (a INT, FOREIGN KEY (a) REFERENCES t (a))", &[("CREATE", "d.n"), ("REFERENCES", "d.t")]),
    row("CREATE TEMPORARY TABLE d.n (a INT)", &[("CREATE TEMPORARY TABLES", "d.*")]),
    row("CREATE TEMPORARY TABLE d.n (a INT, UNIQUE KEY k (a))", &[("CREATE TEMPORARY TABLES", "d.*")]),
    row("CREATE TEMPORARY TABLE d.n AS SELECT * FROM d.t", &[("CREATE TEMPORARY TABLES", "d.*"), ("SELECT", "d.t")]),
    row("CREATE INDEX i ON d.t (b)", &[("INDEX", "d.t")]),
    row("CREATE UNIQUE INDEX i ON d.t (b)", &[("INDEX", "d.t")]),
    row("DROP INDEX k ON d.t", &[("INDEX", "d.t")]),
    // The index expression is computed from the existing rows, and its error would reveal them, so SELECT is needed.
    row("CREATE INDEX i ON d.t ((a + 1))", &[("INDEX", "d.t"), ("SELECT", "d.t")]),
    row("CREATE INDEX i ON d.t (a, (LENGTH(b)))", &[("INDEX", "d.t"), ("SELECT", "d.t")]),
    row("CREATE INDEX i ON d.t (b(3))", &[("INDEX", "d.t")]),
    row(
        "ALTER TABLE d.t ADD INDEX i ((a + 1))",
        &[("ALTER", "d.t"), ("CREATE", "d.t"), ("INSERT", "d.t"), ("SELECT", "d.t")],
    ),
    row(
        "ALTER TABLE d.t ADD UNIQUE i ((a + 1))",
        &[("ALTER", "d.t"), ("CREATE", "d.t"), ("INSERT", "d.t"), ("SELECT", "d.t")],
    ),
    row(
        "ALTER TABLE d.t ADD COLUMN c INT CHECK (a > 0)",
        &[("ALTER", "d.t"), ("CREATE", "d.t"), ("INSERT", "d.t"), ("SELECT", "d.t")],
    ),
    row(
        "ALTER TABLE d.t ADD COLUMN c INT AS (a + 1)",
        &[("ALTER", "d.t"), ("CREATE", "d.t"), ("INSERT", "d.t"), ("SELECT", "d.t")],
    ),
    row("CREATE TABLE d.n (a INT, c INT AS (a + 1), CHECK (a > 0), KEY k ((a + 1)))", &[("CREATE", "d.n")]),
    row("CREATE VIEW d.w AS SELECT a FROM d.t", &[("CREATE VIEW", "d.w"), ("SELECT", "d.t")]),
    row("CREATE VIEW d.w AS SELECT COUNT(*) FROM d.t", &[("CREATE VIEW", "d.w"), ("SELECT", "d.t")]),
    row(
        "CREATE OR REPLACE VIEW d.v AS SELECT a FROM d.u",
        &[("CREATE VIEW", "d.v"), ("DROP", "d.v"), ("SELECT", "d.u")],
    ),
    row("ALTER TABLE d.t ADD COLUMN c INT", &[("ALTER", "d.t"), ("CREATE", "d.t"), ("INSERT", "d.t")]),
    row("ALTER TABLE d.t DROP INDEX k", &[("ALTER", "d.t"), ("CREATE", "d.t"), ("INSERT", "d.t")]),
    row("ALTER TABLE d.u RENAME COLUMN b TO c", &[("ALTER", "d.u"), ("CREATE", "d.u"), ("INSERT", "d.u")]),
    row(
        "ALTER TABLE d.u RENAME TO d.n",
        &[("ALTER", "d.u"), ("DROP", "d.u"), ("CREATE", "d.n"), ("INSERT", "d.n"), ("ALTER", "d.n")],
    ),
    row("SELECT a FROM d.t FOR UPDATE", &[("SELECT", "d.t"), ("UPDATE", "d.t")]),
    row("SELECT a FROM d.t FOR UPDATE", &[("SELECT", "d.t"), ("DELETE", "d.t")]),
    row("SELECT a FROM d.t AS x FOR UPDATE", &[("SELECT", "d.t"), ("LOCK TABLES", "d.*")]),
    row(
        "SELECT x.a FROM d.t AS x JOIN d.u ON x.a = u.a FOR UPDATE OF x",
        &[("SELECT", "d.t"), ("SELECT", "d.u"), ("UPDATE", "d.t")],
    ),
    row("SELECT a FROM d.t FOR SHARE", &[("SELECT", "d.t")]),
    row("DO (SELECT MAX(a) FROM d.t)", &[("SELECT", "d.t")]),
    row("LOCK TABLES d.t READ", &[("LOCK TABLES", "d.*"), ("SELECT", "d.t")]),
    row("LOCK TABLES d.t AS x WRITE, d.u READ LOCAL", &[("LOCK TABLES", "d.*"), ("SELECT", "d.t"), ("SELECT", "d.u")]),
    row("ALTER DATABASE d CHARACTER SET utf8mb4", &[("ALTER", "d.*")]),
    row("SHOW CREATE TABLE d.t", &[("SELECT", "d.t")]),
    row("SHOW CREATE VIEW d.v", &[("SELECT", "d.v"), ("SHOW VIEW", "d.v")]),
    row("DESCRIBE d.t", &[("SELECT", "d.t")]),
    row("SHOW COLUMNS FROM d.t", &[("SELECT", "d.t")]),
    row("SHOW INDEX FROM d.t", &[("SELECT", "d.t")]),
    row("SHOW TABLES FROM d", &[("SELECT", "d.*")]),
    row("SHOW CREATE DATABASE d", &[("SELECT", "d.*")]),
    row("USE d", &[("SELECT", "d.*")]),
    row("CREATE DATABASE e", &[("CREATE", "e.*")]),
    row("DROP DATABASE d", &[("DROP", "d.*")]),
    row("SELECT User FROM mysql.user", &[("SELECT", "mysql.user")]),
];

fn grant(root: &mut Client<TcpStream>, needs: &[(&str, &str)]) {
    run(root, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'worker'@'%'").unwrap();
    for (privilege, thing) in needs {
        let granted = run(root, &format!("GRANT {privilege} ON {thing} TO 'worker'@'%'"));
        // A privilege on a table that is not there yet is granted with CREATE alone.
        if granted.as_ref().is_err_and(|(code, _)| *code == 1146) {
            run(root, &format!("GRANT CREATE, {privilege} ON {thing} TO 'worker'@'%'")).unwrap();
            if !needs.contains(&("CREATE", thing)) {
                run(root, &format!("REVOKE CREATE ON {thing} FROM 'worker'@'%'")).unwrap();
            }
            continue;
        }
        granted.unwrap();
    }
}

/// 1044 is the error for databases, 1142 the one for tables.
fn is_denied(code: u16) -> bool {
    matches!(code, 1044 | 1142)
}

#[test]
fn a_statement_needs_each_of_its_privileges_and_no_other() {
    let world = World::new(&[]);
    let mut root = world.root();
    let mut tried = 0;
    let mut wrong = Vec::new();
    for row in ROWS {
        // A statement without a database name needs a current database, which a session without privileges can't choose.
        let mut attempt = |needs: &[(&str, &str)]| {
            world.refresh(&mut root);
            grant(&mut root, &[("SELECT", "d.child")]);
            let mut worker = world.worker();
            if row.sql != "USE d" {
                run(&mut worker, "USE d").unwrap();
            }
            grant(&mut root, needs);
            run(&mut worker, row.sql)
        };
        if let Err((code, message)) = attempt(row.needs) {
            wrong.push(format!("{} with all it needs: {code} {message}", row.sql));
        }
        for missing in 0..row.needs.len() {
            let mut needs = row.needs.to_vec();
            let (privilege, thing) = needs.remove(missing);
            tried += 1;
            match attempt(&needs) {
                Err((code, _)) if is_denied(code) => {}
                other => wrong.push(format!("{} without {privilege} on {thing}: {other:?}", row.sql)),
            }
        }
    }
    println!("{} statements, {tried} privileges taken away", ROWS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nobody_learns_of_tables_without_a_right_on_them() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    grant(&mut root, &[("INSERT", "d.t")]);
    let mut worker = world.worker();
    assert_eq!(run(&mut worker, "SHOW TABLES FROM d").unwrap(), [["t"]]);
    let tables = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ('d', 'hidden')";
    assert_eq!(run(&mut worker, tables).unwrap(), [["t"]]);
    let columns =
        "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ('d', 'hidden') AND TABLE_NAME <> 't'";
    assert_eq!(run(&mut worker, columns).unwrap(), [["0"]]);
    // The error for a missing table is the same as for a forbidden one.
    for table in ["d.u", "d.nothing", "hidden.secret", "hidden.nothing", "nothing.nothing"] {
        for sql in [
            "SELECT * FROM",
            "DESCRIBE",
            "SHOW CREATE TABLE",
            "SHOW INDEX FROM",
            "DELETE FROM",
            "DROP TABLE",
            "LOCK TABLES",
        ] {
            let (code, message) =
                run(&mut worker, &format!("{sql} {table}{}", if sql == "LOCK TABLES" { " READ" } else { "" }))
                    .unwrap_err();
            assert!(is_denied(code), "{sql} {table}: {code} {message}");
        }
    }
    for sql in ["SHOW TABLES FROM hidden", "SHOW CREATE DATABASE hidden", "SHOW TABLES FROM nothing", "USE hidden"] {
        assert_eq!(run(&mut worker, sql).unwrap_err().0, 1044, "{sql}");
    }
}

#[test]
fn a_view_of_one_database_troubles_nobody_else() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    run(&mut root, "CREATE DATABASE e").unwrap();
    run(&mut root, "CREATE TABLE e.mine (a INT)").unwrap();
    // The view's table is dropped; the view stays, as in MySQL.
    run(&mut root, "DROP TABLE d.t").unwrap();
    grant(&mut root, &[("ALL", "e.*")]);
    let mut worker = world.worker();
    for sql in [
        "SHOW TABLES FROM e",
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS",
        "SELECT TABLE_NAME FROM information_schema.TABLES",
        "ALTER TABLE e.mine RENAME COLUMN a TO b",
        "ALTER TABLE e.mine RENAME TO e.ours",
        "DESCRIBE e.ours",
    ] {
        let rows = run(&mut worker, sql).unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"));
        assert!(!rows.iter().flatten().any(|text| text == "v"), "{sql}: {rows:?}");
    }
    for sql in ["SHOW TABLES FROM d", "SELECT * FROM information_schema.COLUMNS", "ALTER TABLE d.u RENAME TO d.w"] {
        run(&mut root, sql).unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"));
    }
    assert_eq!(run(&mut root, "SELECT * FROM d.v").unwrap_err().0, 1356);
}

#[test]
fn a_view_hinders_no_change_of_a_table_and_is_not_changed() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for sql in [
        "CREATE TABLE d.mine (a INT, b INT, c INT)",
        "CREATE TABLE d.gone (x INT)",
        "CREATE VIEW d.broken AS SELECT x FROM d.gone",
        "CREATE VIEW d.whole (`q`) AS SELECT a FROM d.mine",
        "DROP TABLE d.gone",
    ] {
        run(&mut root, sql).unwrap();
    }
    grant(&mut root, &[("ALL", "d.mine"), ("ALL", "d.ours")]);
    let mut worker = world.worker();
    let text = run(&mut root, "SHOW CREATE VIEW d.whole").unwrap();
    for sql in [
        "ALTER TABLE d.mine RENAME COLUMN b TO bb",
        "ALTER TABLE d.mine DROP COLUMN c",
        "ALTER TABLE d.mine ADD COLUMN c INT, ADD INDEX k (c)",
        "ALTER TABLE d.mine RENAME TO d.ours",
        "ALTER TABLE d.ours RENAME TO d.mine",
        "ALTER TABLE d.mine RENAME COLUMN a TO aa",
    ] {
        run(&mut worker, sql).unwrap_or_else(|(code, message)| panic!("{sql}: {code} {message}"));
    }
    assert_eq!(run(&mut root, "SHOW CREATE VIEW d.whole").unwrap(), text);
    assert_eq!(run(&mut root, "SELECT * FROM d.whole").unwrap_err().0, 1356);
    run(&mut worker, "ALTER TABLE d.mine RENAME COLUMN aa TO a").unwrap();
    assert!(run(&mut root, "SELECT q FROM d.whole").unwrap().is_empty());
    // A failed change leaves nothing behind, and a table can't take a view's name.
    assert_eq!(run(&mut worker, "ALTER TABLE d.mine DROP COLUMN bb, DROP COLUMN nothing").unwrap_err().0, 1091);
    assert_eq!(run(&mut root, "ALTER TABLE d.mine RENAME TO d.whole").unwrap_err().0, 1050);
    assert_eq!(run(&mut root, "SHOW CREATE VIEW d.whole").unwrap(), text);
    assert!(run(&mut worker, "SELECT a, bb, c FROM d.mine").unwrap().is_empty());
}

#[test]
fn a_foreign_key_asks_for_no_privilege_and_names_no_table() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    for sql in [
        "CREATE TABLE d.plain (a INT, FOREIGN KEY (a) REFERENCES parent (a))",
        "INSERT INTO d.plain VALUES (2)",
        "INSERT INTO d.parent VALUES (3)",
    ] {
        run(&mut root, sql).unwrap();
    }
    let parent: &[(&str, &str)] = &[("SELECT, INSERT, UPDATE, DELETE, DROP", "d.parent")];
    let refused = |client: &mut Client<TcpStream>, sql: &str| {
        let (code, message) = run(client, sql).map(|_| sql).unwrap_err();
        let names = message.replace("child row", "");
        assert!(!names.contains("plain") && !names.contains("child"), "{sql}: {message}");
        code
    };
    grant(&mut root, parent);
    let mut worker = world.worker();
    run(&mut worker, "DELETE FROM d.parent WHERE a = 1").unwrap();
    run(&mut worker, "UPDATE d.parent SET a = 4 WHERE a = 3").unwrap();
    run(&mut worker, "REPLACE INTO d.parent VALUES (4)").unwrap();
    for sql in ["DELETE FROM d.parent WHERE a = 2", "UPDATE d.parent SET a = 77 WHERE a = 2", "DROP TABLE d.parent"] {
        assert_eq!(refused(&mut worker, sql), 1217, "{sql}");
    }
    // Data that the statement itself reads needs the privilege to read it.
    assert_eq!(run(&mut worker, "DELETE FROM d.parent WHERE a IN (SELECT a FROM d.plain)").unwrap_err().0, 1142);
    assert_eq!(run(&mut worker, "UPDATE d.parent SET a = (SELECT COUNT(*) FROM d.child)").unwrap_err().0, 1142);
    assert_eq!(run(&mut worker, "INSERT INTO d.plain VALUES (2)").unwrap_err().0, 1142);
    grant(&mut root, &[parent, &[("SELECT", "d.plain"), ("SELECT", "d.child")]].concat());
    assert_eq!(refused(&mut worker, "DELETE FROM d.parent WHERE a = 2"), 1451);
    assert_eq!(run(&mut worker, "DROP TABLE d.parent").unwrap_err().0, 3730);
    grant(&mut root, &[("INSERT", "d.plain")]);
    run(&mut worker, "INSERT INTO d.plain VALUES (2)").unwrap();
    assert_eq!(refused(&mut worker, "INSERT INTO d.plain VALUES (99)"), 1216);
    grant(&mut root, &[("INSERT", "d.plain"), ("SELECT", "d.parent")]);
    assert_eq!(refused(&mut worker, "INSERT INTO d.plain VALUES (99)"), 1452);
    grant(&mut root, &[("DROP", "d.plain")]);
    run(&mut worker, "DROP TABLE d.plain").unwrap();
    grant(&mut root, &[("DROP", "d.parent")]);
    run(&mut worker, "SET foreign_key_checks = 0").unwrap();
    run(&mut worker, "DROP TABLE d.parent").unwrap();
    assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.child").unwrap(), [["1"]]);
}

#[test]
fn temporary_tables_are_their_sessions_own() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    grant(&mut root, &[("CREATE TEMPORARY TABLES", "d.*")]);
    let (mut one, mut other) = (world.worker(), world.worker());
    run(&mut one, "USE d").unwrap();
    run(&mut other, "USE d").unwrap();
    // The temporary table hides the table of the same name, which does not change.
    run(&mut one, "CREATE TEMPORARY TABLE t (z INT, UNIQUE KEY k (z))").unwrap();
    run(&mut one, "INSERT INTO t VALUES (5)").unwrap();
    assert_eq!(run(&mut one, "INSERT INTO t VALUES (5)").unwrap_err().0, 1062);
    assert_eq!(run(&mut one, "SELECT z FROM d.t").unwrap(), [["5"]]);
    assert_eq!(run(&mut other, "SELECT z FROM d.t").unwrap_err().0, 1142);
    assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.t").unwrap(), [["2"]]);
    run(&mut root, "INSERT INTO d.t VALUES (3, 'two')").unwrap();
    assert_eq!(run(&mut one, "DROP TEMPORARY TABLE u").unwrap_err().0, 1051);
    run(&mut one, "DROP TEMPORARY TABLE IF EXISTS u").unwrap();
    run(&mut one, "DROP TEMPORARY TABLE t").unwrap();
    assert_eq!(run(&mut one, "DROP TEMPORARY TABLE t").unwrap_err().0, 1051);
    assert_eq!(run(&mut one, "DROP TABLE t").unwrap_err().0, 1142);
    assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.t").unwrap(), [["3"]]);
    assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.u").unwrap(), [["1"]]);
}

#[test]
fn a_session_has_the_rights_of_its_account_and_never_those_of_another_of_that_name() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let password = sealwire_tests::drivers::PASSWORD;
    let made_again = format!("CREATE USER worker IDENTIFIED WITH mysql_native_password BY '{password}'");
    let grant = "GRANT ALL ON *.* TO worker WITH GRANT OPTION";
    let tries = [
        ("SELECT s FROM hidden.secret", 1142),
        ("INSERT INTO d.t VALUES (7, 'seven')", 1142),
        ("CREATE DATABASE mine", 1044),
        ("SHOW GRANTS", 1133),
        ("SET PASSWORD = 'another word'", 1133),
        ("ALTER USER worker IDENTIFIED BY 'another word'", 1227),
        ("ALTER USER USER() IDENTIFIED BY 'another word'", 1133),
        ("GRANT ALL ON *.* TO worker", 1227),
        ("DROP USER worker", 1227),
        ("SET GLOBAL max_connections = 1", 1227),
    ];
    for (how, changes) in [
        ("dropped", vec!["DROP USER worker", &made_again, grant]),
        ("replaced", vec![made_again.strip_prefix("CREATE ").unwrap(), grant]),
        ("renamed", vec!["RENAME USER worker TO away", &made_again, grant]),
        ("another's name", vec!["RENAME USER worker TO gone, boss TO worker"]),
    ] {
        for sql in [
            "DROP USER IF EXISTS worker, away, gone, boss",
            &made_again,
            "CREATE USER boss",
            &grant.replace("worker", "boss"),
        ] {
            run(&mut root, sql).unwrap();
        }
        run(&mut root, "GRANT SELECT ON d.* TO worker").unwrap();
        let mut old = world.worker();
        assert_eq!(run(&mut old, "SELECT a FROM d.t WHERE a = 1").unwrap(), [["1"]], "{how}");
        let newer = changes.iter().all(|sql| {
            let sql = if sql.starts_with("USER") { format!("CREATE OR REPLACE {sql}") } else { (*sql).to_owned() };
            run(&mut root, &sql).map_err(|error| println!("{sql}: {error:?}")).is_ok()
        });
        assert!(newer, "{how}");
        for (sql, code) in tries {
            assert_eq!(run(&mut old, sql).map_err(|(code, _)| code), Err(code), "{how}: {sql}");
        }
        assert!(run(&mut old, "SELECT a FROM d.t").is_err(), "{how}");
        let others = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'worker'";
        assert_eq!(run(&mut old, others).unwrap(), [["0"]], "{how}");
        // A new login has the privileges that the account has now.
        if how != "another's name" {
            let mut new = world.worker();
            let id = run(&mut new, "SELECT CONNECTION_ID()").unwrap()[0][0].clone();
            assert_eq!(run(&mut old, &format!("KILL {id}")).unwrap_err().0, 1095, "{how}");
            assert_eq!(run(&mut new, "SELECT s FROM hidden.secret").unwrap(), [[crate::world::SECRET]], "{how}");
        }
    }
}
