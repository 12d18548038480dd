//! Statements that read tables which other sessions have changed since the session read them last.

use super::super::super::schema;
use super::*;
use rusqlite::Connection;

/// Two sessions of one engine, of which the first has read the table `t`.
pub(super) struct Pair {
    pub(super) session: SqliteSession,
    pub(super) other: SqliteSession,
    pub(super) directory: tempfile::TempDir,
}

impl Pair {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::new(directory.path());
        engine.create_database("d", None).unwrap();
        let mut session = SqliteSession::open(engine.shared.clone()).unwrap();
        let mut other = SqliteSession::open(engine.shared).unwrap();
        run_in(&mut other, "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20), c INT)").unwrap();
        run_in(&mut other, "INSERT INTO t VALUES (1, 'b', 33)").unwrap();
        assert_eq!(shown(&mut session, "SELECT * FROM t", true), [("a", "1"), ("b", "b"), ("c", "33")].map(owned));
        Self { session, other, directory }
    }

    pub(super) fn run(&mut self, sql: &str) -> Result<String, u16> {
        run_in(&mut self.session, sql).map_err(|error| error.code)
    }

    pub(super) fn others(&mut self, sql: &str) {
        run_in(&mut self.other, sql).unwrap();
    }
}

fn owned((title, value): (&str, &str)) -> (String, String) {
    (title.to_owned(), value.to_owned())
}

fn request<'a>(sql: &'a str, context: &'a Arc<dyn SessionContext>) -> Request<'a> {
    Request {
        sql,
        parameters: &[],
        database: Some("d"),
        context,
        binary: false,
        autocommit: true,
        limits: Limits::default(),
    }
}

fn context() -> Arc<dyn SessionContext> {
    Arc::new(TestContext)
}

/// The titles and values of a statement's one row.
fn shown(session: &mut SqliteSession, sql: &str, binary: bool) -> Vec<(String, String)> {
    let mut rows = CollectedRows::default();
    session.execute(&Request { binary, ..request(sql, &context()) }, &mut rows).unwrap();
    assert_eq!(rows.ends.len(), 1, "{sql}");
    let values: Vec<String> = if binary {
        let text = |value: Value<'_>| match value {
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Int(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        BinaryRow::new(&rows.bytes, &rows.columns).unwrap().iter().map(|value| text(value.unwrap())).collect()
    } else {
        let text = |value: Option<&[u8]>| value.map_or_else(|| "NULL".into(), String::from_utf8_lossy).into_owned();
        TextRow::new(&rows.bytes).iter().map(|value| text(value.unwrap())).collect()
    };
    rows.columns.iter().map(|column| String::from_utf8_lossy(&column.name).into_owned()).zip(values).collect()
}

/// The titles and values of a row.
type Shown = &'static [(&'static str, &'static str)];

/// The definitions of another session, and the row that `SELECT * FROM t` then has.
const DEFINITIONS: [(&[&str], Shown); 5] = [
    (&["ALTER TABLE t DROP COLUMN b"], &[("a", "1"), ("c", "33")]),
    (&["ALTER TABLE t ADD COLUMN d INT DEFAULT 44"], &[("a", "1"), ("b", "b"), ("c", "33"), ("d", "44")]),
    (&["ALTER TABLE t RENAME COLUMN b TO q"], &[("a", "1"), ("q", "b"), ("c", "33")]),
    (
        &["DROP TABLE t", "CREATE TABLE t (c INT, a INT, x TEXT)", "INSERT INTO t VALUES (33, 1, 'xx')"],
        &[("c", "33"), ("a", "1"), ("x", "xx")],
    ),
    (&["DROP TABLE t", "CREATE VIEW t AS SELECT 7 AS z, 'v' AS y"], &[("z", "7"), ("y", "v")]),
];

#[test]
fn a_result_has_the_columns_of_the_table_that_it_reads() {
    for (definitions, row) in DEFINITIONS {
        for binary in [false, true] {
            for is_compiled in [false, true] {
                let Pair { mut session, mut other, directory: _directory } = Pair::new();
                let mut define = move || definitions.iter().for_each(|sql| drop(run_in(&mut other, sql).unwrap()));
                if is_compiled {
                    let left = Mutex::new(Some(define));
                    session.test_hook = Box::new(move |stage| {
                        if stage == "compiled"
                            && let Some(mut define) = left.lock().unwrap().take()
                        {
                            define();
                        }
                    });
                } else {
                    define();
                }
                let found = shown(&mut session, "SELECT * FROM t", binary);
                assert_eq!(found, row.iter().copied().map(owned).collect::<Vec<_>>(), "{definitions:?}");
            }
        }
    }
}

#[test]
fn a_prepared_statement_is_described_with_the_table_as_it_is() {
    for (definitions, row) in DEFINITIONS {
        let mut pair = Pair::new();
        definitions.iter().for_each(|sql| pair.others(sql));
        let description = pair.session.describe(&request("SELECT * FROM t", &context())).unwrap();
        let titles: Vec<_> = description.columns.iter().map(|column| String::from_utf8_lossy(&column.name)).collect();
        assert_eq!(titles, row.iter().map(|(title, _)| *title).collect::<Vec<_>>(), "{definitions:?}");
    }
}

#[test]
fn an_open_transaction_reads_the_table_as_it_was_with_its_old_columns() {
    for (definitions, row) in DEFINITIONS {
        let mut pair = Pair::new();
        pair.session.transaction(&TransactionStep::Begin).unwrap();
        pair.run("SELECT 1 FROM t").unwrap();
        definitions.iter().for_each(|sql| pair.others(sql));
        for _ in 0..2 {
            let before = shown(&mut pair.session, "SELECT * FROM t", false);
            assert_eq!(before, [("a", "1"), ("b", "b"), ("c", "33")].map(owned), "{definitions:?}");
        }
        pair.session.transaction(&TransactionStep::Commit).unwrap();
        let after = shown(&mut pair.session, "SELECT * FROM t", false);
        assert_eq!(after, row.iter().copied().map(owned).collect::<Vec<_>>(), "{definitions:?}");
    }
}

#[test]
fn a_statement_does_not_fail_because_of_a_table_that_others_have_changed() {
    for (definitions, sql, told) in [
        ("ALTER TABLE t ADD COLUMN d INT", "INSERT INTO t VALUES (2, 'x', 3, 4)", Ok("")),
        ("ALTER TABLE t ADD COLUMN d INT", "INSERT INTO t VALUES (2, 'x', 3)", Err(1136)),
        ("ALTER TABLE t DROP COLUMN b", "INSERT INTO t VALUES (2, 3)", Ok("")),
        ("ALTER TABLE t DROP COLUMN b", "ALTER TABLE t ADD COLUMN b INT", Ok("")),
        ("ALTER TABLE t DROP COLUMN b", "SELECT a FROM t UNION SELECT * FROM (SELECT a FROM t) AS x", Ok("1")),
        ("ALTER TABLE t DROP COLUMN b", "SELECT 1 FROM t WHERE (a, c) = (SELECT * FROM t)", Ok("1")),
        ("ALTER TABLE t DROP COLUMN b", "UPDATE t SET b = 'y'", Err(1054)),
        ("ALTER TABLE t ADD COLUMN d INT DEFAULT 4", "SELECT d FROM t", Ok("4")),
        ("DROP TABLE t", "CREATE TABLE t (z INT)", Ok("")),
        ("DROP TABLE t", "SELECT * FROM t", Err(1146)),
        ("DROP TABLE t", "CREATE VIEW t AS SELECT 1 AS z", Ok("")),
        ("CREATE INDEX i ON t (c)", "CREATE INDEX i ON t (c)", Err(1061)),
        ("CREATE INDEX i ON t (c)", "DROP INDEX i ON t", Ok("")),
        ("CREATE TABLE u (z INT)", "CREATE TABLE u (z INT)", Err(1050)),
    ] {
        let mut pair = Pair::new();
        pair.others(definitions);
        assert_eq!(pair.run(sql), told.map(str::to_owned), "{definitions}; {sql}");
    }
    // An index is gone or there again.
    let mut pair = Pair::new();
    pair.others("CREATE INDEX i ON t (c)");
    pair.run("SELECT a FROM t").unwrap();
    pair.others("DROP INDEX i ON t");
    assert_eq!(pair.run("CREATE INDEX i ON t (c)"), Ok(String::new()));
}

#[test]
fn tables_and_views_are_made_from_the_columns_that_others_left() {
    for (definitions, row) in DEFINITIONS {
        for made in ["CREATE TEMPORARY TABLE m AS", "CREATE VIEW m AS", "CREATE TABLE m AS"] {
            let mut pair = Pair::new();
            definitions.iter().for_each(|sql| pair.others(sql));
            pair.run(&format!("{made} SELECT * FROM t")).unwrap();
            let found = shown(&mut pair.session, "SELECT * FROM m", false);
            assert_eq!(found, row.iter().copied().map(owned).collect::<Vec<_>>(), "{made} after {definitions:?}");
        }
    }
}

#[test]
fn safe_updates_look_for_the_keys_that_are_there_now() {
    let limits = Limits { demands_key: true, ..Limits::default() };
    let mut pair = Pair::new();
    let context = context();
    let update = |pair: &mut Pair| {
        let request = Request { limits, ..request("UPDATE t SET b = 'y' WHERE c = 33", &context) };
        pair.session.execute(&request, &mut CollectedRows::default()).map_or_else(|error| error.code, |_| 0)
    };
    assert_eq!(update(&mut pair), 1175);
    pair.others("CREATE INDEX i ON t (c)");
    assert_eq!(update(&mut pair), 0);
    pair.others("DROP INDEX i ON t");
    assert_eq!(update(&mut pair), 1175);
}

#[test]
fn a_foreign_key_that_others_have_made_needs_no_privilege() {
    let mut pair = Pair::new();
    let file = Connection::open(pair.directory.path().join("d.sqlite")).unwrap();
    file.execute_batch(
        "CREATE TABLE secret (p INTEGER PRIMARY KEY); INSERT INTO secret VALUES (2); DROP TABLE t; \
         CREATE TABLE t (a INT PRIMARY KEY, b TEXT, c INT REFERENCES secret (p))",
    )
    .unwrap();
    assert_eq!(pair.run("INSERT INTO t VALUES (1, 'b', 2)"), Ok(String::new()));
    assert_eq!(pair.run("INSERT INTO t VALUES (2, 'b', 3)"), Err(1216));
}

#[test]
fn a_listing_is_of_one_time_although_others_change_the_table_meanwhile() {
    let mut pair = Pair::new();
    let databases = Arc::clone(&pair.session.shared.databases);
    let opened = databases.open("d").unwrap();
    let tables = schema::tables_of(&opened.connection).unwrap();
    pair.others("ALTER TABLE t DROP COLUMN b");
    let columns = schema::columns_of(&opened.connection, &tables[0]).unwrap();
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names, tables[0].sql.contains("`b`")), (vec!["a", "b", "c"], true));
}
