use super::*;
use crate::engine::{Engine as _, SessionContext, SqliteEngine, SystemTable};
use crate::sql::{Datum, Names};
use sealwire_accounts::Privilege;
use sealwire_core::message::{BinaryRow, ColumnType, TextRow, Value};
use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod conditions;
mod first_change;
mod foreign_keys;
mod generated_columns;
mod giving_way;
mod logged;
mod others;
mod unique_keys;

struct TestContext;

impl Names for TestContext {
    fn name(&self, _: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        Ok(None)
    }

    fn function(&self, _: &str) -> Option<Datum> {
        None
    }
}

impl SessionContext for TestContext {
    fn system_table(&self, _: &str, table: &str) -> Option<SystemTable> {
        let rows = vec![vec![Datum::Text("Ssl_cipher".into()), Datum::Text("X".into())]];
        (table == "session_status")
            .then(|| SystemTable { columns: vec![("VARIABLE_NAME", "VARCHAR(64)"), ("VARIABLE_VALUE", "TEXT")], rows })
    }

    fn may(&self, _: Privilege, _: &str, table: Option<&str>) -> bool {
        table != Some("secret")
    }

    fn sees_database(&self, _: &str) -> bool {
        true
    }

    fn sees(&self, _: &str, table: &str) -> bool {
        table != "secret"
    }

    fn denied(&self, privilege: Privilege, _: &str, _: Option<&str>) -> SqlError {
        SqlError::table_access_denied(format!("{} command denied", privilege.name()))
    }
}

#[derive(Default)]
struct CollectedRows {
    columns: Vec<ColumnDefinition>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RowSink for CollectedRows {
    fn begin(&mut self, columns: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        self.columns = columns;
        Ok(())
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        self.ends.push(self.bytes.len());
        Ok(())
    }
}

struct TestSession {
    session: Box<dyn EngineSession>,
    _directory: tempfile::TempDir,
}

impl TestSession {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::new(directory.path());
        engine.create_database("d", None).unwrap();
        Self { session: engine.session().unwrap(), _directory: directory }
    }

    fn run(&mut self, sql: &str, parameters: &[Datum], binary: bool) -> Result<(Done, CollectedRows), SqlError> {
        let mut rows = CollectedRows::default();
        self.execute(sql, parameters, binary, &mut rows).map(|done| (done, rows))
    }

    fn run_into(&mut self, sql: &str, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        self.execute(sql, &[], false, rows)
    }

    fn execute(
        &mut self,
        sql: &str,
        parameters: &[Datum],
        binary: bool,
        rows: &mut dyn RowSink,
    ) -> Result<Done, SqlError> {
        let request = Request {
            sql,
            parameters,
            database: Some("d"),
            context: &(Arc::new(TestContext) as Arc<dyn SessionContext>),
            binary,
            autocommit: true,
            limits: Limits::default(),
        };
        self.session.execute(&request, rows)
    }

    /// Writes a megabyte of new bytes, because SQLite does not write unchanged ones.
    fn write(&mut self, number: usize) {
        self.done(&format!("UPDATE t SET b = REPEAT('{:010}', 100000) WHERE a = 1", number));
    }

    fn done(&mut self, sql: &str) -> Done {
        self.run(sql, &[], false).unwrap().0
    }

    fn text(&mut self, sql: &str) -> Vec<Vec<String>> {
        let (_, rows) = self.run(sql, &[], false).unwrap();
        let mut start = 0;
        rows.ends
            .iter()
            .map(|&end| {
                let row = TextRow::new(&rows.bytes[start..end]);
                start = end;
                row.iter()
                    .map(|value| {
                        value.unwrap().map_or_else(|| "NULL".into(), |v| String::from_utf8_lossy(v).into_owned())
                    })
                    .collect()
            })
            .collect()
    }

    fn error(&mut self, sql: &str) -> u16 {
        self.run(sql, &[], false).map(|_| ()).unwrap_err().code
    }
}

#[test]
fn rows_go_in_and_come_out_with_their_types() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20), price DECIMAL(10,2), at DATETIME, b BLOB)");
    let done = bench.done(
        "INSERT INTO t (name, price, at, b) VALUES ('a', 1.5, '2026-11-22 10:00:00', X'00ff'), ('b', 2, NULL, NULL)",
    );
    assert_eq!((done.affected_rows, done.last_insert_id), (2, 1));
    let (_, rows) = bench.run("SELECT * FROM t WHERE NAME = 'A'", &[], false).unwrap();
    let types: Vec<ColumnType> = rows.columns.iter().map(|column| column.column_type).collect();
    assert_eq!(
        types,
        [ColumnType::LONGLONG, ColumnType::VAR_STRING, ColumnType::NEWDECIMAL, ColumnType::DATETIME, ColumnType::BLOB]
    );
    assert_eq!(rows.columns[1].org_table, b"t");
    assert_eq!(rows.columns[1].schema, b"d");
    assert_eq!(bench.text("SELECT id, price FROM t ORDER BY id"), [["1", "1.50"], ["2", "2.00"]]);
    assert_eq!(bench.text("SELECT COUNT(*), 1/2, CONCAT('x', NULL)"), [["1", "0.5", "NULL"]]);
    let digits = bench.text("SELECT HEX(255), HEX(-1), HEX('ab\u{e4}'), HEX(X'00fF'), HEX(15.5), HEX(NULL), HEX('')");
    assert_eq!(digits, [["FF", "FFFFFFFFFFFFFFFF", "6162C3A4", "00FF", "10", "NULL", ""]]);
}

#[test]
fn binary_rows_have_the_columns_types() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (a INT, at DATETIME)");
    let parameters = [Datum::Int(-5), Datum::Text("2026-11-22 10:11:12".into())];
    assert_eq!(bench.run("INSERT INTO t VALUES (?, ?)", &parameters, true).unwrap().0.affected_rows, 1);
    let (_, rows) = bench.run("SELECT a, at FROM t WHERE a = ?", &[Datum::Int(-5)], true).unwrap();
    let values: Vec<Value<'_>> =
        BinaryRow::new(&rows.bytes, &rows.columns).unwrap().iter().map(|value| value.unwrap()).collect();
    assert_eq!(values[0], Value::Int(-5));
    assert_eq!(values[1].to_string(), "2026-11-22 10:11:12");
    assert_eq!(bench.run("SELECT ?", &[], true).map(|_| ()).unwrap_err().code, 1210);
}

#[test]
fn errors_have_mysqls_codes() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (a INT PRIMARY KEY, b INT NOT NULL)");
    bench.done("INSERT INTO t VALUES (1, 1)");
    for (sql, code) in [
        ("SELECT * FROM missing", 1146),
        ("SELECT * FROM nodb.t", 1049),
        ("SELECT nothing FROM t", 1054),
        ("INSERT INTO t (a, nothing) VALUES (1, 2)", 1054),
        ("INSERT INTO t VALUES (1, 2)", 1062),
        ("INSERT INTO t VALUES (2, NULL)", 1048),
        ("INSERT INTO t VALUES (2)", 1136),
        ("CREATE TABLE t (a INT)", 1050),
        ("DROP TABLE missing", 1051),
        ("SELECT nofunction(1)", 1305),
        ("SELECT * FROM secret", 1142),
        ("SELECT * FROM performance_schema.nothing", 1109),
        ("DELETE FROM performance_schema.session_status", 1044),
    ] {
        assert_eq!(bench.error(sql), code, "{sql}");
    }
}

#[test]
fn system_tables_can_be_selected_from() {
    let mut bench = TestSession::new();
    let sql = "SELECT VARIABLE_VALUE FROM performance_schema.session_status WHERE VARIABLE_NAME = 'ssl_cipher'";
    assert_eq!(bench.text(sql), [["X"]]);
    bench.done("CREATE TABLE t (a INT)");
    let sql = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'd'";
    assert_eq!(bench.text(sql), [["t"]]);
}

#[test]
fn a_transaction_is_rolled_back() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (a INT)");
    bench.session.transaction(&TransactionStep::Begin).unwrap();
    bench.done("INSERT INTO t VALUES (1)");
    assert!(bench.session.is_in_transaction());
    bench.session.transaction(&TransactionStep::Rollback).unwrap();
    assert_eq!(bench.text("SELECT COUNT(*) FROM t"), [["0"]]);
}

#[test]
fn upserts_count_as_in_mysql() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (a INT PRIMARY KEY, n INT)");
    let sql = "INSERT INTO t VALUES (7, 1) ON DUPLICATE KEY UPDATE n = n + VALUES(n)";
    assert_eq!(bench.done(sql).affected_rows, 1);
    assert_eq!(bench.done(sql).affected_rows, 2);
    assert_eq!(bench.text("SELECT n FROM t"), [["2"]]);
}

#[test]
fn twenty_mebibytes_go_in_and_out() {
    let mut bench = TestSession::new();
    bench.done("CREATE TABLE t (a LONGBLOB)");
    let big = Datum::Blob(vec![0xa5; 20 << 20]);
    bench.run("INSERT INTO t VALUES (?)", std::slice::from_ref(&big), true).unwrap();
    let (_, rows) = bench.run("SELECT a FROM t", &[], false).unwrap();
    assert_eq!(TextRow::new(&rows.bytes).iter().next().unwrap().unwrap().unwrap().len(), 20 << 20);
    assert_eq!(bench.text("SELECT LENGTH(REPEAT('x', 20971520))"), [["20971520"]]);
}

#[test]
fn a_stop_ends_a_statement_that_runs() {
    let mut bench = TestSession::new();
    let interruption = bench.session.interruption();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        interruption.stop();
    });
    let started = Instant::now();
    let code = bench.error("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT COUNT(*) FROM n a, n b, n c, n d");
    stopper.join().unwrap();
    assert_eq!(code, 1317);
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A client that reads nothing while another session writes.
struct Unread {
    writer: TestSession,
    waits: usize,
}

impl RowSink for Unread {
    fn begin(&mut self, _: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        Ok(())
    }

    fn wait(&mut self, check: &dyn Fn() -> Result<(), SqlError>) -> Result<(), SqlError> {
        loop {
            check()?;
            self.waits += 1;
            assert!(self.waits < 100, "what is written for it has no bound");
            self.writer.write(self.waits);
        }
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        unreachable!("no row is made")
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        Ok(())
    }
}

#[test]
fn a_reader_that_waits_does_not_let_the_log_grow_without_end() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = SqliteEngine::new(directory.path());
    engine.shared.most_written = 10_000_000;
    engine.create_database("d", None).unwrap();
    let session = || TestSession { session: engine.session().unwrap(), _directory: tempfile::tempdir().unwrap() };
    let mut writer = session();
    writer.done("CREATE TABLE t (a INT, b LONGTEXT)");
    writer.done("INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    let mut reader = session();
    let mut unread = Unread { writer, waits: 0 };
    let told = reader.run_into("SELECT * FROM t", &mut unread).unwrap_err();
    assert_eq!(told.code, 1317, "{told}");
    assert!(told.message.contains("did not read"), "{told}");
    assert!((5..15).contains(&unread.waits), "{}", unread.waits);
    // The space of the log is used again.
    let length = || directory.path().join("d.sqlite-wal").metadata().unwrap().len();
    let before = length();
    for number in 0..20 {
        unread.writer.write(number);
    }
    assert!(length() <= before + 6_000_000, "{} after {before}", length());
}

/// The context of a connection that records by how many bytes it was ended.
struct Ending(Arc<AtomicU64>);

impl Names for Ending {
    fn name(&self, name: &str) -> Result<Option<Cow<'_, Datum>>, SqlError> {
        TestContext.name(name)
    }

    fn function(&self, name: &str) -> Option<Datum> {
        TestContext.function(name)
    }
}

impl SessionContext for Ending {
    fn system_table(&self, schema: &str, table: &str) -> Option<SystemTable> {
        TestContext.system_table(schema, table)
    }

    fn may(&self, privilege: Privilege, database: &str, table: Option<&str>) -> bool {
        TestContext.may(privilege, database, table)
    }

    fn sees_database(&self, database: &str) -> bool {
        TestContext.sees_database(database)
    }

    fn sees(&self, database: &str, table: &str) -> bool {
        TestContext.sees(database, table)
    }

    fn denied(&self, privilege: Privilege, database: &str, table: Option<&str>) -> SqlError {
        TestContext.denied(privilege, database, table)
    }

    fn end(&self) -> Option<crate::engine::EndConnection> {
        let ended = Arc::clone(&self.0);
        Some(Arc::new(move |kept| ended.store(kept, Ordering::SeqCst)))
    }
}

#[test]
fn a_transaction_that_only_waits_does_not_let_the_log_grow_without_end() {
    for (idle, reads, is_ended) in
        [(Duration::ZERO, true, true), (Duration::ZERO, false, false), (Duration::from_secs(3600), true, false)]
    {
        let directory = tempfile::tempdir().unwrap();
        let mut engine = SqliteEngine::new(directory.path());
        (engine.shared.most_written, engine.shared.idle) = (10_000_000, idle);
        engine.create_database("d", None).unwrap();
        let mut writer = TestSession { session: engine.session().unwrap(), _directory: tempfile::tempdir().unwrap() };
        writer.done("CREATE TABLE t (a INT, b LONGTEXT)");
        writer.done("INSERT INTO t VALUES (1, 'x'), (2, 'y')");
        let ended = Arc::new(AtomicU64::new(0));
        let mut reader = engine.session().unwrap();
        let request = Request {
            sql: "SELECT * FROM t",
            parameters: &[],
            database: Some("d"),
            context: &(Arc::new(Ending(Arc::clone(&ended))) as Arc<dyn SessionContext>),
            binary: false,
            autocommit: true,
            limits: Limits::default(),
        };
        reader.transaction(&TransactionStep::Begin).unwrap();
        if reads {
            reader.execute(&request, &mut CollectedRows::default()).unwrap();
        }
        let kept = |ended: &AtomicU64| ended.load(Ordering::SeqCst);
        for number in 0..8 {
            writer.write(number);
        }
        assert_eq!(kept(&ended), 0, "eight megabytes are no reason");
        for number in 8..20 {
            writer.write(number);
        }
        assert_eq!(kept(&ended) > 10_000_000, is_ended, "{} bytes, idle after {idle:?}", kept(&ended));
        // The log is used again once the transaction has ended.
        drop(reader);
        let length = || directory.path().join("d.sqlite-wal").metadata().unwrap().len();
        let before = length();
        for number in 0..20 {
            writer.write(number);
        }
        assert!(length() <= before + 6_000_000, "{} after {before}", length());
    }
}

#[test]
fn a_view_that_others_change_while_it_is_compiled_is_weighed_again() {
    let wide = |terms: usize| format!("COALESCE({})", vec!["a"; terms].join(", "));
    let heavy = format!("CREATE OR REPLACE VIEW v AS SELECT {} AS a FROM t", wide(1_000));
    for (sql, code) in [
        (format!("SELECT {} FROM v", wide(300)), 1436),
        (format!("UPDATE t SET a = (SELECT {} FROM v LIMIT 1)", wide(300)), 1436),
        (format!("INSERT INTO t SELECT {} FROM v", wide(300)), 1436),
        // A statement that is light with the changed view succeeds.
        ("SELECT a FROM v".to_owned(), 0),
        ("DELETE FROM t WHERE a IN (SELECT a FROM v)".to_owned(), 0),
    ] {
        for stage in ["weighed", "compiled"] {
            let directory = tempfile::tempdir().unwrap();
            let engine = SqliteEngine::new(directory.path());
            engine.create_database("d", None).unwrap();
            let mut session = SqliteSession::open(engine.shared.clone()).unwrap();
            let mut other = TestSession { session: engine.session().unwrap(), _directory: directory };
            for made in ["CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "CREATE VIEW v AS SELECT a FROM t"] {
                other.done(made);
            }
            let (heavy, left) = (heavy.clone(), Mutex::new(Some(other)));
            session.test_hook = Box::new(move |now| {
                // Runs once, because the other session changes nothing afterwards.
                if now == stage
                    && let Some(mut other) = left.lock().unwrap().take()
                {
                    other.done(&heavy);
                    std::mem::forget(other._directory);
                }
            });
            let shown = sql.get(..30).unwrap_or(&sql);
            let done = run_in(&mut session, &sql);
            assert_eq!(done.map_or_else(|error| error.code, |_| 0), code, "{shown} when it is {stage}");
        }
    }
}

#[test]
fn the_log_of_a_killed_server_is_applied_at_the_next_start() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = SqliteEngine::new(first.path());
    engine.create_database("d", None).unwrap();
    let mut session = TestSession { session: engine.session().unwrap(), _directory: first };
    session.done("CREATE TABLE d.t (v LONGTEXT)");
    session.done("INSERT INTO d.t VALUES ('committed')");
    session.session.transaction(&TransactionStep::Begin).unwrap();
    session.done("INSERT INTO d.t VALUES (REPEAT('x', 9000000))");
    for file in ["d.sqlite", "d.sqlite-wal"] {
        std::fs::copy(session._directory.path().join(file), second.path().join(file)).unwrap();
    }
    let log = second.path().join("d.sqlite-wal");
    assert!(log.metadata().unwrap().len() > 1_000_000);
    let engine = SqliteEngine::new(second.path());
    engine.recover();
    assert!(!log.exists());
    let mut again = TestSession { session: engine.session().unwrap(), _directory: second };
    assert_eq!(again.text("SELECT v FROM d.t"), [["committed"]]);
}

/// A session with a table of 10,000 rows, in which the next statement is stopped once it is compiled.
fn stopped_session() -> (SqliteSession, Arc<std::sync::atomic::AtomicBool>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let engine = SqliteEngine::new(directory.path());
    engine.create_database("d", None).unwrap();
    let mut session = SqliteSession::open(engine.shared).unwrap();
    run_in(&mut session, "CREATE TABLE t (a INT, b INT)").unwrap();
    let rows =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT n.i, n.i FROM n, n AS m";
    run_in(&mut session, &format!("INSERT INTO t {rows}")).unwrap();
    let stops = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (interruption, asked) = (session.interruption(), Arc::clone(&stops));
    session.test_hook = Box::new(move |stage| {
        if stage == "compiled" && asked.swap(false, Ordering::Relaxed) {
            interruption.stop();
        }
    });
    (session, stops, directory)
}

fn run_in(session: &mut dyn EngineSession, sql: &str) -> Result<String, SqlError> {
    run_within(session, sql, Limits::default())
}

fn run_within(session: &mut dyn EngineSession, sql: &str, limits: Limits) -> Result<String, SqlError> {
    let context = Arc::new(TestContext) as Arc<dyn SessionContext>;
    let request = Request {
        sql,
        parameters: &[],
        database: Some("d"),
        context: &context,
        binary: false,
        autocommit: true,
        limits,
    };
    session.interruption().reset();
    let mut rows = CollectedRows::default();
    session.execute(&request, &mut rows)?;
    let first = TextRow::new(&rows.bytes).iter().next();
    Ok(first.map(|value| String::from_utf8_lossy(value.unwrap().unwrap()).into_owned()).unwrap_or_default())
}

/// SQLite rolls back whole where a change is stopped, so that whoever went on would write a part of the transaction.
#[test]
fn nothing_goes_on_in_a_transaction_that_was_rolled_back() {
    use TransactionStep::{Begin, Commit, ImplicitCommit, Release, Rollback, RollbackTo, Savepoint};
    let code = |result: Result<(), SqlError>| result.map_or_else(|error| error.code, |()| 0);
    for (end, told) in [(Commit, 3101), (Rollback, 0), (Begin, 3101)] {
        let (mut session, stops, _directory) = stopped_session();
        session.transaction(&Begin).unwrap();
        session.transaction(&Savepoint("s".into())).unwrap();
        run_in(&mut session, "INSERT INTO t VALUES (-1, 0)").unwrap();
        stops.store(true, Ordering::Relaxed);
        let error = run_in(&mut session, "UPDATE t SET a = a + 1").unwrap_err();
        assert_eq!(error.code, 1317);
        assert!(error.message.contains("the transaction was rolled back"), "{}", error.message);
        for sql in ["INSERT INTO t VALUES (-2, 0)", "SELECT COUNT(*) FROM t", "CREATE TABLE u (a INT)"] {
            assert_eq!(run_in(&mut session, sql).map_err(|error| error.code), Err(3101), "{sql}");
        }
        for step in [Savepoint("x".into()), RollbackTo("s".into()), Release("s".into()), ImplicitCommit] {
            assert_eq!(code(session.transaction(&step)), 3101, "{step:?}");
        }
        assert!(session.is_in_transaction());
        assert_eq!(code(session.transaction(&end)), told, "{end:?}");
        assert!(!session.is_in_transaction());
        run_in(&mut session, "INSERT INTO t VALUES (-3, 0)").unwrap();
        assert_eq!(run_in(&mut session, "SELECT GROUP_CONCAT(a) FROM t WHERE a < 0").unwrap(), "-3");
    }
}

#[test]
fn a_stopped_query_leaves_the_transaction_as_it_is() {
    let (mut session, stops, _directory) = stopped_session();
    session.transaction(&TransactionStep::Begin).unwrap();
    run_in(&mut session, "INSERT INTO t VALUES (-1, 0)").unwrap();
    stops.store(true, Ordering::Relaxed);
    let error = run_in(&mut session, "SELECT COUNT(*) FROM t AS a, t AS b").unwrap_err();
    assert_eq!((error.code, error.message.contains("rolled back")), (1317, false));
    run_in(&mut session, "INSERT INTO t VALUES (-2, 0)").unwrap();
    session.transaction(&TransactionStep::Commit).unwrap();
    assert_eq!(run_in(&mut session, "SELECT GROUP_CONCAT(a) FROM t WHERE a < 0").unwrap(), "-1,-2");
}

#[test]
fn a_stopped_definition_says_that_it_was_stopped() {
    for sql in ["CREATE INDEX i ON t (b, a)", "ALTER TABLE t DROP COLUMN b", "CREATE TABLE u AS SELECT * FROM t"] {
        let (mut session, stops, _directory) = stopped_session();
        session.transaction(&TransactionStep::Begin).unwrap();
        run_in(&mut session, "INSERT INTO t VALUES (-1, 0)").unwrap();
        stops.store(true, Ordering::Relaxed);
        let error = run_in(&mut session, sql).unwrap_err();
        assert_eq!((error.code, error.message.contains("transaction")), (1317, false), "{sql}: {}", error.message);
        assert!(!session.is_in_transaction(), "a definition commits first");
        assert_eq!(run_in(&mut session, "SELECT COUNT(*) FROM t WHERE a < 0").unwrap(), "1", "{sql}");
    }
}

/// As MySQL does, which ends the transaction of whoever is the victim.
#[test]
fn a_deadlock_ends_its_transaction() {
    let (mut session, _stops, directory) = stopped_session();
    let engine = SqliteEngine::new(directory.path());
    let mut other = SqliteSession::open(engine.shared).unwrap();
    session.transaction(&TransactionStep::Begin).unwrap();
    assert_eq!(run_in(&mut session, "SELECT COUNT(*) FROM t WHERE a < 0").unwrap(), "0");
    run_in(&mut other, "INSERT INTO t VALUES (-1, 0)").unwrap();
    assert_eq!(run_in(&mut session, "INSERT INTO t VALUES (-2, 0)").map_err(|error| error.code), Err(1213));
    assert!(!session.is_in_transaction());
    run_in(&mut session, "INSERT INTO t VALUES (-3, 0)").unwrap();
    assert_eq!(run_in(&mut other, "SELECT GROUP_CONCAT(a) FROM t WHERE a < 0").unwrap(), "-1,-3");
}

#[test]
fn the_first_change_of_a_transaction_waits_for_its_lock() {
    let heavy = format!("INSERT INTO t SELECT COALESCE({}), 0 FROM v LIMIT 1", vec!["a"; 50].join(", "));
    for sql in ["INSERT INTO t VALUES (-2, 0)", "UPDATE t SET b = 0 WHERE a = 1", &heavy] {
        let (mut other, _stops, directory) = stopped_session();
        run_in(&mut other, "CREATE VIEW v AS SELECT a FROM t").unwrap();
        let engine = SqliteEngine::new(directory.path());
        let mut session = SqliteSession::open(engine.shared).unwrap();
        other.transaction(&TransactionStep::Begin).unwrap();
        run_in(&mut other, "INSERT INTO t VALUES (-1, 0)").unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let sql = sql.to_owned();
        let changing = std::thread::spawn(move || {
            session.transaction(&TransactionStep::Begin).unwrap();
            sender.send(run_in(&mut session, &sql)).unwrap();
            session.transaction(&TransactionStep::Commit)
        });
        let early = receiver.recv_timeout(Duration::from_millis(100));
        assert!(early.is_err(), "it did not wait: {early:?}");
        other.transaction(&TransactionStep::Commit).unwrap();
        assert_eq!(receiver.recv().unwrap(), Ok(String::new()));
        changing.join().unwrap().unwrap();
    }
}

#[test]
fn a_transaction_whose_first_change_was_stopped_goes_on() {
    let (mut session, stops, _directory) = stopped_session();
    session.transaction(&TransactionStep::Begin).unwrap();
    stops.store(true, Ordering::Relaxed);
    assert_eq!(run_in(&mut session, "UPDATE t SET a = a + 1").map_err(|error| error.code), Err(1317));
    assert!(session.is_in_transaction());
    run_in(&mut session, "INSERT INTO t VALUES (-1, 0)").unwrap();
    session.transaction(&TransactionStep::Rollback).unwrap();
    assert_eq!(run_in(&mut session, "SELECT COUNT(*) FROM t WHERE a < 0").unwrap(), "0");
}

#[test]
fn no_stop_keeps_a_transaction_from_ending() {
    for (step, rows) in
        [(TransactionStep::Rollback, "0"), (TransactionStep::Commit, "1"), (TransactionStep::Begin, "1")]
    {
        let (mut session, _stops, _directory) = stopped_session();
        session.transaction(&TransactionStep::Begin).unwrap();
        run_in(&mut session, "INSERT INTO t VALUES (-1, 0)").unwrap();
        session.interruption().stop();
        session.transaction(&step).unwrap();
        assert_eq!(session.is_in_transaction(), step == TransactionStep::Begin, "{step:?}");
        session.transaction(&TransactionStep::Rollback).unwrap();
        assert_eq!(run_in(&mut session, "SELECT COUNT(*) FROM t WHERE a < 0").unwrap(), rows, "{step:?}");
    }
}
