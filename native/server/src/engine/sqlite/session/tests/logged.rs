//! The rows that sessions write into the binary log.

use std::path::Path;
use std::sync::atomic::Ordering;

use sealwire_binlog::{Body, Checksum, Flavour, Limits as ReadLimits, Reader, RowsKind, Value};

use super::*;
use crate::engine::Engine;
use crate::replication::{BinaryLog, Format, LogFiles, LogSettings};

mod settled;

/// An engine with a binary log.
struct World {
    engine: SqliteEngine,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::of(Flavour::MariaDb, "10.11.9-MariaDB")
    }

    fn of(flavour: Flavour, version: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut engine = SqliteEngine::new(directory.path());
        let settings = LogSettings::default();
        settings.server_id.store(1, Ordering::Relaxed);
        for most in [&settings.max_size, &settings.max_cache, &settings.max_disk] {
            most.store(1 << 30, Ordering::Relaxed);
        }
        let format = Format {
            flavour,
            version: version.into(),
            checksum: Checksum::Crc32,
            domain: 0,
            has_gtids: false,
            uuid: [0; 16],
        };
        let files = LogFiles::new(directory.path(), "").unwrap();
        let log = BinaryLog::open(files, format, settings, &engine, None).unwrap();
        engine.log_to(Arc::new(log));
        engine.create_database("d", None).unwrap();
        Self { engine, directory }
    }

    fn session(&self) -> Box<dyn EngineSession> {
        self.engine.session().unwrap()
    }

    /// The changes in the log, each as its kind and its first column before or after it.
    fn changes(&self) -> Vec<String> {
        changes(&self.directory.path().join("binlog.000001"))
    }
}

fn changes(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut reader) = (bytes.as_slice(), Reader::file(ReadLimits::default()));
    let mut changes = Vec::new();
    while let Some(event) = reader.next(&mut rest).unwrap() {
        let Body::Rows(rows) = event.decode().unwrap() else { continue };
        let name = String::from_utf8_lossy(rows.table.as_ref().unwrap().database()).into_owned();
        for row in rows.iter().unwrap() {
            let row = row.unwrap();
            let shown = |image: &[Option<Value<'_>>]| match image.first() {
                Some(Some(Value::Int(number))) => number.to_string(),
                other => format!("{other:?}"),
            };
            changes.push(match rows.kind {
                RowsKind::Write => format!("{name}+{}", shown(&row.after)),
                RowsKind::Delete => format!("{name}-{}", shown(&row.before)),
                _ => format!("{name}:{}>{}", shown(&row.before), shown(&row.after)),
            });
        }
    }
    changes
}

fn attempt(session: &mut Box<dyn EngineSession>, sql: &str) -> Result<Done, SqlError> {
    let request = Request {
        sql,
        parameters: &[],
        database: Some("d"),
        context: &(Arc::new(TestContext) as Arc<dyn SessionContext>),
        binary: false,
        autocommit: true,
        limits: Limits { is_logged: true, ..Limits::default() },
    };
    session.execute(&request, &mut CollectedRows::default())
}

fn run(session: &mut Box<dyn EngineSession>, sql: &str) {
    attempt(session, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[test]
fn a_table_that_others_change_or_that_was_detached_is_logged_all_the_same() {
    let world = World::new();
    let (mut one, mut other) = (world.session(), world.session());
    run(&mut one, "CREATE TABLE t (a INT, gone INT)");
    run(&mut one, "INSERT INTO t VALUES (1, 1)");
    run(&mut other, "ALTER TABLE t ADD COLUMN new INT");
    run(&mut one, "INSERT INTO t (a) VALUES (2)");
    run(&mut other, "ALTER TABLE t DROP COLUMN gone");
    run(&mut one, "UPDATE t SET a = 3 WHERE a = 2");
    run(&mut other, "DROP TABLE t");
    run(&mut other, "CREATE TABLE t (a INT)");
    run(&mut one, "INSERT INTO t VALUES (4)");
    // SQLite keeps at most nine databases attached.
    for number in 0..12 {
        world.engine.create_database(&format!("e{number}"), None).unwrap();
        run(&mut one, &format!("CREATE TABLE e{number}.t (a INT)"));
        run(&mut one, &format!("INSERT INTO e{number}.t VALUES (1)"));
    }
    run(&mut one, "INSERT INTO t VALUES (5)");
    run(&mut one, "INSERT INTO e0.t VALUES (2)");
    let changes = world.changes();
    assert_eq!(changes[..4], ["d+1", "d+2", "d:2>3", "d+4"], "{changes:?}");
    assert_eq!(changes.len(), 4 + 12 + 2);
    assert_eq!(changes[16..], ["d+5", "e0+2"]);
}

#[test]
fn a_geometry_beside_a_text_is_read_in_both_flavours() {
    for (flavour, version) in [(Flavour::MariaDb, "10.11.9-MariaDB"), (Flavour::MySql, "8.0.99")] {
        let world = World::of(flavour, version);
        let mut session = world.session();
        run(&mut session, "CREATE TABLE t (a INT, g GEOMETRY, c VARCHAR(9), h POINT, x TEXT)");
        run(&mut session, "INSERT INTO t (a, c) VALUES (1, 'x')");
        assert_eq!(world.changes(), ["d+1"], "{version}");
    }
}

#[test]
fn the_log_has_what_the_transaction_keeps() {
    let world = World::new();
    let mut session = world.session();
    run(&mut session, "CREATE TABLE t (a INT PRIMARY KEY, b TINYINT)");
    let step = |session: &mut Box<dyn EngineSession>, step| session.transaction(&step).unwrap();
    step(&mut session, TransactionStep::Begin);
    run(&mut session, "INSERT INTO t VALUES (1, 1), (2, 2)");
    step(&mut session, TransactionStep::Savepoint("s".to_owned()));
    run(&mut session, "INSERT INTO t VALUES (3, 3)");
    step(&mut session, TransactionStep::Savepoint("S2".to_owned()));
    run(&mut session, "DELETE FROM t");
    assert_eq!(attempt(&mut session, "INSERT INTO t VALUES (7, 7), (8, 300)").unwrap_err().code, 1264);
    step(&mut session, TransactionStep::RollbackTo("s2".to_owned()));
    step(&mut session, TransactionStep::Release("s2".to_owned()));
    assert_eq!(attempt(&mut session, "INSERT INTO t VALUES (9, 9), (1, 1)").unwrap_err().code, 1062);
    run(&mut session, "INSERT IGNORE INTO t VALUES (1, 1), (4, 4)");
    run(&mut session, "UPDATE t SET b = 2 WHERE a <= 2");
    step(&mut session, TransactionStep::Commit);
    step(&mut session, TransactionStep::Begin);
    run(&mut session, "DELETE FROM t");
    step(&mut session, TransactionStep::Rollback);
    run(&mut session, "REPLACE INTO t VALUES (4, 5)");
    // A row that stays as it is was not changed, as MySQL counts.
    assert_eq!(world.changes(), ["d+1", "d+2", "d+3", "d+4", "d:1>1", "d-4", "d+4"]);
}

#[test]
fn a_statement_that_fails_behind_its_run_leaves_its_transaction() {
    for first in ["SELECT 1", "INSERT INTO t VALUES (1, 1)"] {
        let world = World::new();
        let mut session = world.session();
        run(&mut session, "CREATE TABLE t (a INT, f INT UNIQUE)");
        run(&mut session, "CREATE TABLE plain (a INT)");
        let step = |session: &mut Box<dyn EngineSession>, step| session.transaction(&step).unwrap();
        step(&mut session, TransactionStep::Begin);
        run(&mut session, first);
        step(&mut session, TransactionStep::Savepoint("s".to_owned()));
        // Both are 7 behind the statement.
        for (sql, code) in [
            ("INSERT INTO t VALUES (2, 7.4), (3, 7.2)", 1062),
            ("INSERT IGNORE INTO t VALUES (2, 7.4), (3, 7.2)", 1062),
            ("INSERT INTO plain VALUES (4), ('abc')", 1366),
        ] {
            let refused = attempt(&mut session, sql).unwrap_err();
            assert_eq!(refused.code, code, "{sql}");
            assert!(!refused.message.contains("rolled back"), "{sql}: {refused}");
        }
        run(&mut session, "INSERT INTO t VALUES (5, 5)");
        step(&mut session, TransactionStep::RollbackTo("s".to_owned()));
        run(&mut session, "INSERT INTO t VALUES (6, 6)");
        step(&mut session, TransactionStep::Commit);
        let kept = if first == "SELECT 1" { vec!["d+6"] } else { vec!["d+1", "d+6"] };
        assert_eq!(world.changes(), kept, "{first}");
        assert_eq!(count(&mut session, "t"), kept.len());
        assert_eq!(count(&mut session, "plain"), 0);
    }
}

#[test]
fn ignore_that_fails_behind_its_run_changes_nothing() {
    let world = World::new();
    let mut session = world.session();
    run(&mut session, "CREATE TABLE t (a INT, f INT UNIQUE)");
    let refused = attempt(&mut session, "INSERT IGNORE INTO t VALUES (2, 7.4), (3, 7.2)").unwrap_err();
    assert_eq!(refused.code, 1062);
    assert_eq!((count(&mut session, "t"), world.changes().len()), (0, 0));
}

#[test]
fn a_first_statement_that_fails_in_the_middle_changes_nothing() {
    let world = World::new();
    let mut session = world.session();
    run(&mut session, "CREATE TABLE plain (a INT)");
    session.transaction(&TransactionStep::Begin).unwrap();
    let refused = attempt(&mut session, "INSERT INTO plain VALUES (1), ('abc')").unwrap_err();
    assert_eq!(refused.code, 1366);
    run(&mut session, "INSERT INTO plain VALUES (2)");
    session.transaction(&TransactionStep::Commit).unwrap();
    assert_eq!((count(&mut session, "plain"), world.changes()), (1, vec!["d+2".to_owned()]));
}

/// How many rows a table has.
fn count(session: &mut Box<dyn EngineSession>, table: &str) -> usize {
    let request = Request {
        sql: &format!("SELECT * FROM {table}"),
        parameters: &[],
        database: Some("d"),
        context: &(Arc::new(TestContext) as Arc<dyn SessionContext>),
        binary: false,
        autocommit: true,
        limits: Limits::default(),
    };
    let mut rows = CollectedRows::default();
    session.execute(&request, &mut rows).unwrap();
    rows.ends.len()
}

#[test]
fn a_wide_table_and_a_large_transaction_are_logged() {
    let world = World::new();
    let mut session = world.session();
    let columns: Vec<String> = (0..500).map(|number| format!("c{number} INT")).collect();
    run(&mut session, &format!("CREATE TABLE wide (a INT PRIMARY KEY, {})", columns.join(", ")));
    run(&mut session, "INSERT INTO wide (a, c499) VALUES (1, 499)");
    run(&mut session, "UPDATE wide SET c0 = 7");
    run(&mut session, "DELETE FROM wide");
    assert_eq!(world.changes(), ["d+1", "d:1>1", "d-1"]);
    run(&mut session, "CREATE TABLE large (a INT PRIMARY KEY, b TEXT)");
    session.transaction(&TransactionStep::Begin).unwrap();
    let text = "x".repeat(2000);
    for number in 0..400 {
        if number == 300 {
            session.transaction(&TransactionStep::Savepoint("s".to_owned())).unwrap();
        }
        run(&mut session, &format!("INSERT INTO large VALUES ({number}, '{text}')"));
    }
    // Most of it is in a file by now.
    session.transaction(&TransactionStep::RollbackTo("s".to_owned())).unwrap();
    run(&mut session, "INSERT INTO large VALUES (1000, 'last')");
    session.transaction(&TransactionStep::Commit).unwrap();
    let changes = world.changes();
    assert_eq!((changes.len(), changes.last().map(String::as_str)), (3 + 301, Some("d+1000")));
}

#[test]
fn nobody_calls_the_triggers_function() {
    let world = World::new();
    let mut session = world.session();
    run(&mut session, "CREATE TABLE t (a INT)");
    run(&mut session, "INSERT INTO t VALUES (1)");
    for (sql, code) in [
        ("SELECT sealwire_changed_row(1, 0, 0, 5)", 1305),
        ("SELECT sealwire_form_of_value(1, 0, 5)", 1305),
        ("INSERT INTO t SELECT sealwire_changed_row(1, 0, 0, 5)", 1305),
        ("CREATE VIEW v AS SELECT sealwire_changed_row(1, 0, 0, 5)", 1305),
        // The log has no other functions than MariaDB's in a DEFAULT.
        ("CREATE TABLE u (a INT DEFAULT (sealwire_changed_row(1, 0, 0, 5)))", 1235),
    ] {
        assert_eq!(attempt(&mut session, sql).unwrap_err().code, code, "{sql}");
    }
    assert_eq!(world.changes(), ["d+1"]);
}
