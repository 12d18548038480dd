//! Logs that the tests make.

use sealwire_binlog::{
    Body, Checksum, ColumnKind, FileBlock, Flavour, FormatDescription, GtidEvent, Head, IntVar, LoadQuery,
    MariaDbGtidEvent, NewColumn, NewTable, Query, Rand, RowMetadata, RowsBuilder, RowsFlags, RowsKind, StatusVariable,
    StatusVariables, TableMap, Value, Writer,
};

use super::*;

/// A log of the tests' source.
pub(super) struct Log {
    writer: Writer,
    pub(super) bytes: Vec<u8>,
    server: u32,
    time: u32,
}

const NUMBER: u64 = 7;

/// The table `d.t` with the columns `a INT`, `b INT` and `c VARCHAR(10)`.
fn table(database: &str, name: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let table = NewTable {
        table_id: NUMBER,
        flags: 1,
        database: database.as_bytes(),
        name: name.as_bytes(),
        columns: vec![
            NewColumn::new(b"a", ColumnKind::Int),
            NewColumn::new(b"b", ColumnKind::Int),
            NewColumn { collation: 45, ..NewColumn::new(b"c", ColumnKind::VarChar { bytes: 40 }) },
        ],
        primary_key: Vec::new(),
    };
    table.encode(RowMetadata::Full, &mut body).unwrap();
    body
}

impl Log {
    pub(super) fn new() -> Self {
        let format = FormatDescription::new(Flavour::MariaDb, b"10.11.9-MariaDB", 0, Checksum::Crc32);
        let mut bytes = Vec::new();
        let head = Head { timestamp: 1_700_000_000, server_id: 11, ..Head::default() };
        let writer = Writer::file(&format, head, &mut bytes).unwrap();
        Self { writer, bytes, server: 11, time: 1_700_000_000 }
    }

    pub(super) fn put(&mut self, body: &Body<'_>) -> &mut Self {
        let head = Head { timestamp: self.time, server_id: self.server, ..Head::default() };
        self.writer.write(head, body, &mut self.bytes).unwrap();
        self
    }

    pub(super) fn gtid(&mut self, sequence: u64, flags: u8) -> &mut Self {
        self.put(&Body::MariaDbGtid(MariaDbGtidEvent::new(0, sequence, flags)))
    }

    pub(super) fn begin(&mut self) -> &mut Self {
        self.query("", "BEGIN")
    }

    pub(super) fn query(&mut self, database: &str, sql: &str) -> &mut Self {
        self.put(&Body::Query(Query::new(1, database.as_bytes(), sql.as_bytes())))
    }

    /// A statement with status variables.
    pub(super) fn query_with(&mut self, variables: &[StatusVariable<'_>], sql: &str) -> &mut Self {
        let mut status = Vec::new();
        variables.iter().for_each(|variable| variable.encode(&mut status));
        let mut query = Query::new(1, b"d", sql.as_bytes());
        query.status = StatusVariables(&status);
        self.put(&Body::Query(query))
    }

    pub(super) fn commit(&mut self) -> &mut Self {
        self.put(&Body::Xid(1))
    }

    /// A transaction of one row event on `d.t`. The flags are those of the row event.
    pub(super) fn rows(&mut self, kind: RowsKind, rows: &[([Value<'_>; 3], [Value<'_>; 3])]) -> &mut Self {
        self.begin().rows_of("d", "t", kind, rows).commit()
    }

    pub(super) fn rows_of(
        &mut self,
        database: &str,
        name: &str,
        kind: RowsKind,
        rows: &[([Value<'_>; 3], [Value<'_>; 3])],
    ) -> &mut Self {
        let map = table(database, name);
        self.put(&Body::TableMap(TableMap::parse(&map).unwrap()));
        let described = Arc::new(sealwire_binlog::Table::decode(&map, 8).unwrap());
        let mut builder = RowsBuilder::new(described, kind, 1);
        for (before, after) in rows {
            let before = before.map(Some);
            let after = after.map(Some);
            let (before, after): (&[_], &[_]) = match kind {
                RowsKind::Write => (&[], &after),
                RowsKind::Delete => (&before, &[]),
                _ => (&before, &after),
            };
            builder.push(before, after).unwrap();
        }
        self.put(&Body::Rows(builder.rows(RowsFlags::STMT_END)))
    }
}

pub(super) const NONE: [Value<'static>; 3] = [Value::Null; 3];

pub(super) fn row(a: i64, b: i64, c: &str) -> [Value<'_>; 3] {
    [Value::Int(a), Value::Int(b), Value::Bytes(c.as_bytes())]
}

/// A replica with the table `d.t`.
pub(super) fn with_table(definition: &str) -> World {
    let world = World::new();
    world.server.engine.create_database("d", None).unwrap();
    world.run(definition).unwrap();
    world
}

pub(super) const PLAIN: &str = "CREATE TABLE t (a INT, b INT, c VARCHAR(10))";
pub(super) const ALL: &str = "SELECT a, b, c FROM d.t ORDER BY a, b";

pub(super) fn apply(world: &World, log: &Log) -> Result<Vec<Boundary>, ApplierError> {
    feed(&mut world.applier(), &log.bytes)
}

/// The number and the text of the error with which a log ends.
pub(super) fn error_of(world: &World, log: &Log) -> (u16, String) {
    let error = apply(world, log).unwrap_err();
    (error.error.code, error.error.message)
}

#[test]
fn rows_are_inserted_changed_and_deleted() {
    for definition in [
        PLAIN,
        "CREATE TABLE t (a INT PRIMARY KEY, b INT, c VARCHAR(10))",
        "CREATE TABLE t (a INT NOT NULL AUTO_INCREMENT PRIMARY KEY, b INT, c VARCHAR(10))",
        "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c VARCHAR(10), UNIQUE KEY (b, a))",
        "CREATE TABLE t (a INT, b INT, c VARCHAR(10), d INT DEFAULT 5)",
    ] {
        let world = with_table(definition);
        let mut log = Log::new();
        log.rows(RowsKind::Write, &[(NONE, row(1, 10, "x")), (NONE, row(2, 20, "y")), (NONE, row(3, 30, "z"))]);
        log.rows(RowsKind::Update, &[(row(1, 10, "x"), row(1, 11, "X")), (row(3, 30, "z"), row(4, 30, "z"))]);
        log.rows(RowsKind::Delete, &[(row(2, 20, "y"), NONE)]);
        assert_eq!(apply(&world, &log).unwrap(), [Boundary::Applied(GroupKind::Transactional); 3]);
        assert_eq!(world.rows(ALL), ["1 11 X", "4 30 z"], "{definition}");
    }
}

#[test]
fn without_a_key_one_of_equal_rows_is_changed() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    let null = [Value::Int(1), Value::Null, Value::Bytes(b"x")];
    log.rows(RowsKind::Write, &[(NONE, null), (NONE, null), (NONE, row(1, 1, "x")), (NONE, row(1, 1, "X"))]);
    log.rows(RowsKind::Delete, &[(null, NONE), (row(1, 1, "X"), NONE)]);
    apply(&world, &log).unwrap();
    assert_eq!(world.rows(ALL), ["1 NULL x", "1 1 x"]);
}

#[test]
fn rows_of_one_event_exchange_unique_values() {
    for definition in [
        "CREATE TABLE t (a INT PRIMARY KEY, b INT NOT NULL UNIQUE, c VARCHAR(10))",
        "CREATE TABLE t (a INT, b INT NOT NULL UNIQUE, c VARCHAR(10))",
    ] {
        let world = with_table(definition);
        let mut log = Log::new();
        log.rows(RowsKind::Write, &[(NONE, row(1, 10, "x")), (NONE, row(2, 20, "y")), (NONE, row(3, 30, "z"))]);
        log.rows(
            RowsKind::Update,
            &[
                (row(1, 10, "x"), row(1, 20, "x")),
                (row(2, 20, "y"), row(2, 30, "y")),
                (row(3, 30, "z"), row(3, 10, "z")),
            ],
        );
        apply(&world, &log).unwrap();
        assert_eq!(world.rows(ALL), ["1 20 x", "2 30 y", "3 10 z"], "{definition}");
    }
}

#[test]
fn errors_are_mysqls() {
    let keyed = "CREATE TABLE t (a INT PRIMARY KEY, b INT, c VARCHAR(10))";
    let world = with_table(keyed);
    let mut log = Log::new();
    log.rows(RowsKind::Delete, &[(row(1, 1, "x"), NONE)]);
    let (code, text) = error_of(&world, &log);
    assert_eq!(code, 1032);
    assert!(text.starts_with("Could not execute Delete_rows_v1 event on table d.t; Can't find record in 't', Error_code: 1032; handler error HA_ERR_KEY_NOT_FOUND; the event's master log bin.000001, end_log_pos "), "{text}");

    let mut log = Log::new();
    log.rows(RowsKind::Write, &[(NONE, row(1, 1, "x")), (NONE, row(1, 2, "y"))]);
    let (code, text) = error_of(&world, &log);
    assert_eq!(code, 1062);
    assert!(
        text.contains("Write_rows_v1 event on table d.t; Duplicate entry") && text.contains("HA_ERR_FOUND_DUPP_KEY"),
        "{text}"
    );
    assert_eq!(world.rows(ALL), Vec::<String>::new(), "nothing of the group stays");

    let world = with_table("CREATE TABLE other (a INT)");
    assert_eq!(error_of(&world, &log), (1146, "Error executing row event: 'Table 'd.t' doesn't exist'".into()));
    let world = World::new();
    assert_eq!(error_of(&world, &log), (1146, "Error executing row event: 'Table 'd.t' doesn't exist'".into()));
    let world = with_table("CREATE TABLE t (a SMALLINT, b INT, c VARCHAR(10))");
    let expected = "Column 0 of table 'd.t' cannot be converted from type 'int' to type 'smallint'";
    assert_eq!(error_of(&world, &log), (1677, expected.into()));
    let world = with_table("CREATE TABLE t (a INT, b INT)");
    assert_eq!(error_of(&world, &log).0, 1535);
    let world = with_table("CREATE TABLE t (a BIGINT, b INT, c TEXT)");
    assert!(apply(&world, &log).is_ok(), "a longer type holds all values");
}

#[test]
fn a_place_is_kept_with_what_was_changed() {
    let world = World::new();
    let mut log = Log::new();
    log.gtid(1, MariaDbGtidEvent::STANDALONE).query("d", "CREATE DATABASE d");
    log.gtid(2, MariaDbGtidEvent::STANDALONE).query("d", PLAIN);
    let mut applier = world.applier();
    let kinds = [Boundary::Applied(GroupKind::Definition); 2];
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), kinds);
    let behind = log.writer.position();
    assert_eq!(*applier.positions(), Applied { file: FILE.to_vec(), position: behind, gtids: "0-11-2".into() });

    log.gtid(3, MariaDbGtidEvent::TRANSACTIONAL).rows_of("d", "t", RowsKind::Write, &[(NONE, row(1, 1, "x"))]);
    let in_group = log.bytes.len();
    log.commit();
    // Killed within the group.
    feed(&mut applier, &log.bytes[..in_group]).unwrap();
    assert!(applier.is_in_group());
    let restarted = world.restarted();
    drop(applier);
    let mut applier = restarted.applier();
    assert_eq!((applier.positions().position, &*applier.positions().gtids), (behind, "0-11-2"));
    assert_eq!(restarted.rows(ALL), Vec::<String>::new());
    // The whole log comes again, and each group is applied once.
    for _ in 0..2 {
        feed(&mut applier, &log.bytes).unwrap();
        assert_eq!(restarted.rows(ALL), ["1 1 x"]);
        assert_eq!(applier.positions().gtids, "0-11-3");
    }
}

#[test]
fn a_group_that_was_committed_in_one_database_is_applied_in_the_other() {
    let world = with_table(PLAIN);
    world.server.engine.create_database("e", None).unwrap();
    world.run("CREATE TABLE e.t (a INT, b INT, c VARCHAR(10))").unwrap();
    let mut log = Log::new();
    log.rows(RowsKind::Write, &[(NONE, row(1, 1, "before"))]);
    let first = log.bytes.len();
    log.begin();
    log.rows_of("d", "t", RowsKind::Write, &[(NONE, row(2, 2, "both"))]);
    log.rows_of("e", "t", RowsKind::Write, &[(NONE, row(2, 2, "both"))]).commit();
    let second = log.bytes.len();
    log.rows(RowsKind::Write, &[(NONE, row(3, 3, "after"))]);

    let mut applier = world.applier();
    feed(&mut applier, &log.bytes[..first]).unwrap();
    let behind_first = applier.positions().position;
    drop(applier);
    feed(&mut world.applier(), &log.bytes[..second]).unwrap();
    // As if the kill had come between the commits of both databases.
    let undone = rusqlite::Connection::open(world.directory.path().join("data/e.sqlite")).unwrap();
    undone.execute_batch("DELETE FROM t; DROP TABLE `\u{1}replica places`").unwrap();
    drop(undone);
    let world = world.restarted();
    let mut applier = world.applier();
    assert_eq!(applier.positions().position, behind_first);
    feed(&mut applier, &log.bytes).unwrap();
    assert_eq!(world.rows(ALL), ["1 1 before", "2 2 both", "3 3 after"]);
    assert_eq!(world.rows("SELECT a, c FROM e.t"), ["2 both"]);
}

#[test]
fn a_statement_outside_of_databases_is_carried_out_once() {
    let world = World::new();
    let mut log = Log::new();
    log.query("", "CREATE DATABASE d");
    let mut applier = world.applier();
    // The server is killed behind the statement and before the place is kept.
    let end = log.writer.position();
    let place = KeptPlace { number: 1, file: FILE.to_vec(), position: end, gtids: String::new() };
    let around = GroupEnd { before: Default::default(), place };
    world.server.engine.session().unwrap().begin_outside("", &around).unwrap();
    world.server.engine.create_database("d", None).unwrap();
    drop(applier);
    applier = world.restarted().applier();
    assert_eq!(applier.positions().position, 0);
    feed(&mut applier, &log.bytes).unwrap();
    assert_eq!(applier.positions().position, end);
    // Another time it is an error.
    log.query("", "CREATE DATABASE d");
    let error = feed(&mut applier, &log.bytes).unwrap_err();
    assert_eq!((error.error.code, error.is_temporary), (1007, false));
    assert_eq!(
        error.error.message,
        "Error 'Can't create database 'd'; database exists' on query. Default database: ''. Query: 'CREATE DATABASE d'"
    );
}

#[test]
fn the_places_are_hidden_from_users() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.rows(RowsKind::Write, &[(NONE, row(1, 1, "x"))]);
    apply(&world, &log).unwrap();
    let name = "`\u{1}replica places`";
    for sql in [
        format!("SELECT * FROM {name}"),
        format!("SELECT * FROM d.{name}"),
        format!("INSERT INTO {name} VALUES ('', 9, '', 9, '')"),
        format!("DELETE FROM {name}"),
        format!("UPDATE {name} SET number = 9"),
        format!("DROP TABLE {name}"),
        format!("ALTER TABLE {name} RENAME TO u"),
        format!("CREATE INDEX i ON {name} (number)"),
        format!("CREATE VIEW v AS SELECT * FROM {name}"),
        format!("INSERT INTO t SELECT number, 1, '' FROM {name}"),
    ] {
        let error = world.run(&sql).unwrap_err();
        assert!(matches!(error.code, 1146 | 1051), "{sql}: {error:?}");
    }
    for sql in [format!("CREATE TABLE {name} (a INT)"), format!("ALTER TABLE t RENAME TO {name}")] {
        assert_eq!(world.run(&sql).unwrap_err().code, 1103, "{sql}");
    }
    assert_eq!(world.rows("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'd'"), ["t"]);
    assert_eq!(world.server.engine.table_definition("d", "\u{1}replica places").unwrap_err().code, 1146);
    assert_eq!(world.applier().positions().position, log.writer.position());
}

#[test]
fn the_last_place_outlives_its_database() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.rows(RowsKind::Write, &[(NONE, row(1, 1, "x"))]);
    apply(&world, &log).unwrap();
    let wait =
        crate::engine::LockWait { most: crate::engine::LOCK_WAIT, is_stopped: Box::new(|| false), is_appliers: false };
    world.server.engine.drop_database("d", wait, &mut |change| change()).unwrap();
    for file in std::fs::read_dir(world.directory.path().join("data")).unwrap().flatten() {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{} is readable by others", file.path().display());
    }
    let restarted = world.restarted();
    assert_eq!(restarted.applier().positions().position, log.writer.position());
    Applier::forget(&restarted.server, "").unwrap();
    assert_eq!(*restarted.applier().positions(), Applied::default());
}

#[test]
fn statements_run_with_what_they_depended_on() {
    let world = with_table("CREATE TABLE t (a INT NOT NULL AUTO_INCREMENT PRIMARY KEY, b DOUBLE, c VARCHAR(40))");
    let mut log = Log::new();
    log.begin();
    log.put(&Body::IntVar(IntVar { kind: IntVar::INSERT_ID, value: 7 }));
    log.query("d", "INSERT INTO t (b, c) VALUES (1, NOW()), (2, CURDATE())");
    log.put(&Body::Rand(Rand { seed1: 1, seed2: 2 }));
    log.query("d", "INSERT INTO t (b) VALUES (RAND())");
    log.put(&Body::IntVar(IntVar { kind: IntVar::LAST_INSERT_ID, value: 5 }));
    log.query("d", "INSERT INTO t (b) VALUES (LAST_INSERT_ID())");
    log.query_with(&[StatusVariable::SqlMode(4)], "INSERT INTO t (\"b\") VALUES (3)");
    let latin1 = [StatusVariable::Charset { client: 8, connection: 8, server: 8 }];
    log.query_with(&latin1, "INSERT INTO t (c) VALUES (_latin1'x')");
    log.query("d", "SAVEPOINT s1").query("d", "DELETE FROM t").query("d", "ROLLBACK TO s1").commit();
    apply(&world, &log).unwrap();
    // MySQL's RAND() gives (1 * 3 + 2) / 0x3fffffff.
    let random = format!("{}", 5.0 / f64::from(0x3fff_ffff));
    assert_eq!(
        world.rows("SELECT a, b, c FROM d.t"),
        [
            "7 1 2023-11-14 22:13:20".to_owned(),
            "8 2 2023-11-14".into(),
            format!("9 {random} NULL"),
            "10 5 NULL".into(),
            "11 3 NULL".into(),
            "12 NULL x".into(),
        ]
    );
    let mut log = Log::new();
    log.put(&Body::IntVar(IntVar { kind: IntVar::INSERT_ID, value: 8 }));
    log.query("d", "INSERT INTO t (b) VALUES (1)");
    let mut applier = world.applier();
    applier.start_at(Applied::default()).unwrap();
    assert_eq!(feed(&mut applier, &log.bytes).unwrap_err().error.code, 1467);
}

#[test]
fn a_number_that_is_used_up_is_no_full_disk() {
    let insert = "INSERT INTO t (b) VALUES (1), (2)";
    for first in [1 << 63, u64::MAX, (1 << 63) - 1] {
        let world = with_table("CREATE TABLE t (a BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, b INT)");
        let mut log = Log::new();
        log.begin().put(&Body::IntVar(IntVar { kind: IntVar::INSERT_ID, value: first })).query("d", insert).commit();
        let (code, text) = error_of(&world, &log);
        assert!(code == 1467 && text.contains("Failed to read auto-increment value"), "{first}: {code} {text}");
        assert_eq!(world.rows("SELECT a FROM d.t"), [""; 0]);
        world.run("INSERT INTO t VALUES (9223372036854775806, 1)").unwrap();
        let error = world.run(insert).unwrap_err();
        assert_eq!(error.code, 1467, "{error}");
    }
}

#[test]
fn filters_choose_what_is_applied() {
    let world = with_table(PLAIN);
    world.server.engine.create_database("renamed", None).unwrap();
    world.run("CREATE TABLE renamed.t (a INT, b INT, c VARCHAR(10))").unwrap();
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let filters = Filters {
        ignore_db: names(&["ignored"]),
        ignore_table: names(&["d.u"]),
        rewrite_db: vec![("source".into(), "renamed".into())],
        ..Filters::default()
    };
    let mut log = Log::new();
    log.gtid(1, MariaDbGtidEvent::TRANSACTIONAL);
    for (database, name) in [("d", "t"), ("d", "u"), ("ignored", "t"), ("source", "t")] {
        log.rows_of(database, name, RowsKind::Write, &[(NONE, row(1, 1, "row"))]);
    }
    log.commit();
    log.gtid(2, MariaDbGtidEvent::STANDALONE).query("ignored", "CREATE TABLE x (a INT)");
    log.gtid(3, MariaDbGtidEvent::STANDALONE).query("source", "INSERT INTO t VALUES (2, 2, 'text')");
    log.gtid(4, MariaDbGtidEvent::STANDALONE).query("d", "DROP TABLE u");
    log.server = world.server.globals.server_id.get() as u32;
    log.gtid(5, MariaDbGtidEvent::STANDALONE).query("d", "DROP TABLE t");
    let mut applier = world.filtering(filters);
    let transaction = Boundary::Applied(GroupKind::Transactional);
    let statement = Boundary::Applied(GroupKind::NonTransactional);
    assert_eq!(
        feed(&mut applier, &log.bytes).unwrap(),
        [transaction, Boundary::Skipped, statement, Boundary::Skipped, Boundary::Skipped]
    );
    assert_eq!(world.rows(ALL), ["1 1 row"]);
    assert_eq!(world.rows("SELECT a, c FROM renamed.t"), ["1 row", "2 text"]);
    let behind = applier.positions().clone();
    drop(applier);
    // Groups that were left out count, too.
    assert_eq!(*world.restarted().applier().positions(), behind);
}

#[test]
fn a_file_that_did_not_come_is_an_error() {
    let world = with_table(PLAIN);
    let sql = b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t FIELDS TERMINATED BY ','";
    let load = |file_id| {
        let query = Query::new(1, b"d", sql);
        Body::LoadQuery(LoadQuery { query, file_id, name_start: 10, name_end: 26, duplicates: 0 })
    };
    let mut log = Log::new();
    log.gtid(1, 0)
        .begin()
        .put(&Body::BeginLoadQuery(FileBlock { file_id: 3, data: b"1,2,x\n" }))
        .put(&load(3))
        .commit();
    apply(&world, &log).unwrap();
    assert_eq!(world.rows(ALL), ["1 2 x"]);
    let mut log = Log::new();
    log.gtid(2, 0).begin().put(&load(4)).commit();
    let (code, message) = error_of(&world, &log);
    assert!(code == 1594 && message.contains("file 4"), "{code} {message}");
}

#[test]
fn the_semicolon_of_a_statement_of_init_file_is_no_part_of_it() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.gtid(1, 1).query("d", "CREATE DATABASE e;");
    log.gtid(2, 1).query("d", "CREATE TABLE e.u (a INT) ; -- made at the start");
    log.gtid(3, 0).begin().query("d", "INSERT INTO e.u VALUES (1);").commit();
    apply(&world, &log).unwrap();
    assert_eq!(world.rows("SELECT a FROM e.u"), ["1"]);
    let mut log = Log::new();
    log.gtid(4, 1).query("d", "CREATE DATABASE f; CREATE DATABASE g");
    assert_eq!(error_of(&world, &log).0, 1064);
}

#[test]
fn databases_tables_and_accounts_are_made_and_dropped() {
    let world = World::new();
    let mut log = Log::new();
    for sql in [
        "CREATE DATABASE d CHARACTER SET utf8mb4",
        "CREATE TABLE d.t (a INT) ENGINE=InnoDB",
        "INSERT INTO d.t VALUES (1)",
        "CREATE USER u@localhost IDENTIFIED BY 'secret'",
        "GRANT SELECT ON d.* TO u@localhost",
        "DROP DATABASE d",
        "DROP USER u@localhost",
        "DROP TABLE IF EXISTS `e`.`t` /* generated by server */",
    ] {
        log.query("", sql);
    }
    let mut applier = world.applier();
    let ended = feed(&mut applier, &log.bytes[..]);
    let error = ended.unwrap_err().error;
    assert_eq!(error.code, 1049, "the last statement names a database that is missing: {error:?}");
    assert!(!world.server.engine.has_database("d"));
    assert_eq!(world.server.accounts.current().len(), 1);
    drop(applier);
    let before_last = world.restarted().applier().positions().position;
    assert!(before_last > 500 && before_last < log.writer.position());
}

#[test]
fn servers_of_one_domain_are_counted_apart() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    for (server, sequence) in [(11, 10), (12, 5), (11, 10), (12, 5), (12, 6)] {
        log.server = server;
        log.gtid(sequence, MariaDbGtidEvent::STANDALONE)
            .query("d", &format!("INSERT INTO t (a, b) VALUES ({server}, {sequence})"));
    }
    let mut applier = world.applier();
    let done = Boundary::Applied(GroupKind::NonTransactional);
    let expected = [done, done, Boundary::Skipped, Boundary::Skipped, done];
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), expected);
    assert_eq!(world.rows("SELECT a, b FROM d.t"), ["11 10", "12 5", "12 6"]);
    assert_eq!(applier.positions().gtids, "0-12-6");
    drop(applier);
    let mut applier = world.restarted().applier();
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), [Boundary::Skipped; 5]);
}

#[test]
fn a_stop_ends_an_event_and_the_group_comes_again() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    let endless =
        "INSERT INTO t (a) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT SUM(i) FROM n";
    log.rows(RowsKind::Write, &[(NONE, row(1, 1, "x"))]).query("d", endless);
    let mut applier = world.applier();
    let interruption = applier.interruption().unwrap();
    interruption.stop();
    let error = feed(&mut applier, &log.bytes).unwrap_err();
    assert!(matches!(error.error.code, 1317 | 3636), "{error:?}");
    assert!(!applier.is_in_group());
    interruption.reset();
    let mut log = Log::new();
    log.rows(RowsKind::Write, &[(NONE, row(2, 2, "y"))]);
    applier.start_at(Applied::default()).unwrap();
    feed(&mut applier, &log.bytes).unwrap();
    assert!(world.rows(ALL).contains(&"2 2 y".to_owned()));
}

#[test]
fn a_default_that_the_source_takes_is_taken() {
    let world = with_table(PLAIN);
    for (number, column) in ["w JSON NOT NULL DEFAULT ''", "w DATE DEFAULT 20240102"].into_iter().enumerate() {
        let mut log = Log::new();
        let create = format!("CREATE TABLE made{number} (k INT PRIMARY KEY, {column})");
        log.gtid(1, MariaDbGtidEvent::STANDALONE).query("d", &create);
        feed(&mut world.applier(), &log.bytes).unwrap();
    }
}

#[test]
fn a_stop_ends_an_event_of_rows() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.rows(RowsKind::Write, &[(NONE, row(1, 1, "x")), (NONE, row(2, 2, "y"))]);
    let mut applier = world.applier();
    applier.interruption().unwrap().stop();
    assert_eq!(feed(&mut applier, &log.bytes).unwrap_err().error.code, 1317);
    assert!(world.rows(ALL).is_empty());
}

#[test]
fn transactions_of_mysqls_are_counted_by_their_uuids() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    for number in [1, 2, 2, 4] {
        let gtid = GtidEvent { uuid: uuid.parse().unwrap(), number, ..GtidEvent::default() };
        log.put(&Body::Gtid(gtid));
        log.rows(RowsKind::Write, &[(NONE, row(number, 0, ""))]);
    }
    let mut applier = world.applier();
    let done = Boundary::Applied(GroupKind::Transactional);
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), [done, done, Boundary::Skipped, done]);
    assert_eq!(world.rows(ALL), ["1 0 ", "2 0 ", "4 0 "]);
    assert_eq!(applier.positions().gtids, format!("{uuid}:1-2:4"));
}

#[test]
fn an_optional_statement_that_is_refused_is_left_out() {
    use crate::sql::optional;
    let world = with_table(PLAIN);
    let mut log = Log::new();
    let new = "CREATE OR REPLACE VIEW old AS SELECT nothing FROM t";
    let statements = [
        optional::write("CREATE VIEW v AS SELECT a FROM t WHERE c <> '*/'", None),
        optional::write("CREATE VIEW w AS SELECT a FROM nothing", None),
        optional::write("CREATE VIEW old AS SELECT a FROM t", None),
        optional::write(new, Some("DROP VIEW IF EXISTS `d`.`old`")),
        optional::write(new, Some("DROP VIEW old")),
    ];
    for (number, statement) in statements.iter().enumerate() {
        log.gtid(number as u64 + 1, 0).query("d", statement).query("d", optional::EXECUTE).commit();
    }
    let mut applier = world.applier();
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), [Boundary::Applied(GroupKind::Transactional); 5]);
    assert_eq!(applier.positions().gtids, "0-11-5");
    assert_eq!(world.rows("SELECT * FROM d.v"), Vec::<String>::new());
    for view in ["w", "old"] {
        assert_eq!(world.run(&format!("SELECT * FROM d.{view}")).unwrap_err().code, 1146);
    }
    let mut log = Log::new();
    log.gtid(6, 1).query("d", new);
    assert_eq!(error_of(&world, &log).0, 1054, "a plain statement stops the channel");
}
