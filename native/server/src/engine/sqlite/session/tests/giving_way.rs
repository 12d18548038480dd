//! Clients that give way to the applier of a source's log.

use super::*;
use crate::engine::replicated::{GroupEnd, KeptPlace};
use crate::engine::{LOCK_WAIT, LockWait};

/// An engine with a table, and sessions of two clients.
struct World {
    engine: SqliteEngine,
    client: Box<dyn EngineSession>,
    other: Box<dyn EngineSession>,
    _directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::new(directory.path());
        engine.create_database("d", None).unwrap();
        engine.create_database("e", None).unwrap();
        let mut client = engine.session().unwrap();
        for sql in ["CREATE TABLE t (a INT)", "CREATE TABLE e.t (a INT)", "INSERT INTO t VALUES (1), (2), (3)"] {
            run_in(client.as_mut(), sql).unwrap();
        }
        let other = engine.session().unwrap();
        Self { engine, client, other, _directory: directory }
    }

    /// A session that applies a source's groups, of one statement each.
    fn applier(&self) -> Box<dyn EngineSession> {
        let mut session = self.engine.session().unwrap();
        let place = KeptPlace { number: 1, ..KeptPlace::default() };
        session.set_group(ReplicatedGroup {
            channel: "c".to_owned(),
            done: BTreeSet::new(),
            end: Some(GroupEnd { before: KeptPlace::default(), place }),
            origin: None,
        });
        session
    }

    /// Applies a statement of a source.
    fn apply(&self, sql: &str) {
        let mut applier = self.applier();
        applier.transaction(&TransactionStep::Begin).unwrap();
        run_in(applier.as_mut(), sql).unwrap();
        if applier.is_in_transaction() {
            applier.transaction(&TransactionStep::Commit).unwrap();
        }
    }

    fn client(&mut self, sql: &str) -> Result<String, u16> {
        run_in(self.client.as_mut(), sql).map_err(|error| error.code)
    }

    fn begin(&mut self, sql: &str) {
        self.client.transaction(&TransactionStep::Begin).unwrap();
        self.client(sql).unwrap();
    }

    /// The rows of both tables, as another client reads them.
    fn rows(&mut self) -> String {
        run_in(
            self.other.as_mut(),
            "SELECT GROUP_CONCAT(a) FROM (SELECT a FROM t UNION ALL SELECT a FROM e.t ORDER BY a) AS x",
        )
        .unwrap()
    }
}

#[test]
fn an_idle_transaction_gives_way_and_its_client_is_told_once() {
    for applied in ["INSERT INTO t VALUES (4)", "CREATE TABLE u (a INT)", "DELETE FROM t WHERE a > 9"] {
        let mut world = World::new();
        world.begin("INSERT INTO t VALUES (-1)");
        world.apply(applied);
        let row = if applied.starts_with("INSERT") { "1,2,3,4" } else { "1,2,3" };
        assert_eq!(world.rows(), row, "{applied}");
        assert!(world.client.is_in_transaction(), "the client does not know yet");
        let error = run_in(world.client.as_mut(), "INSERT INTO t VALUES (-2)").unwrap_err();
        assert_eq!((error.code, &error.sqlstate), (1213, b"40001"), "{}", error.message);
        assert!(error.message.contains("the replica's applier needed the database 'd'"), "{}", error.message);
        assert!(!world.client.is_in_transaction());
        world.client("INSERT INTO t VALUES (-3)").unwrap();
        assert_eq!(world.rows(), format!("-3,{row}"), "{applied}");
    }
}

#[test]
fn every_end_of_a_transaction_that_gave_way_tells_the_client() {
    use TransactionStep::{Begin, Commit, ImplicitCommit, RollbackTo, Savepoint};
    for step in [Commit, ImplicitCommit, Begin, Savepoint("s".to_owned()), RollbackTo("s".to_owned())] {
        let mut world = World::new();
        world.begin("INSERT INTO t VALUES (-1)");
        world.apply("INSERT INTO t VALUES (4)");
        assert_eq!(world.client.transaction(&step).map_err(|error| error.code), Err(1213), "{step:?}");
        assert!(!world.client.is_in_transaction(), "{step:?}");
        assert_eq!(world.rows(), "1,2,3,4", "{step:?}");
    }
    let mut world = World::new();
    world.begin("INSERT INTO t VALUES (-1)");
    world.apply("INSERT INTO t VALUES (4)");
    world.client.transaction(&TransactionStep::Rollback).unwrap();
    world.client("INSERT INTO t VALUES (-2)").unwrap();
    assert_eq!(world.rows(), "-2,1,2,3,4");
}

#[test]
fn those_who_are_not_in_the_way_go_on() {
    let mut world = World::new();
    // A reader keeps its snapshot, and a writer of another database its changes.
    world.other.transaction(&TransactionStep::Begin).unwrap();
    assert_eq!(world.rows(), "1,2,3");
    world.begin("INSERT INTO e.t VALUES (9)");
    let mut third = world.engine.session().unwrap();
    third.transaction(&TransactionStep::Begin).unwrap();
    run_in(third.as_mut(), "INSERT INTO t VALUES (-1)").unwrap();
    world.apply("INSERT INTO t VALUES (4)");
    assert_eq!(world.rows(), "1,2,3", "a snapshot");
    world.other.transaction(&TransactionStep::Commit).unwrap();
    world.client.transaction(&TransactionStep::Commit).unwrap();
    assert_eq!(run_in(third.as_mut(), "SELECT 1 FROM t").map_err(|error| error.code), Err(1213));
    assert_eq!(world.rows(), "1,2,3,4,9");
}

#[test]
fn an_applier_that_has_waited_is_the_next_in_line() {
    let mut world = World::new();
    world.begin("INSERT INTO t VALUES (-1)");
    world.apply("INSERT INTO t VALUES (4)");
    let soon = Limits { lock_wait: Duration::ZERO, ..Limits::default() };
    let mut attempt = |sql| run_within(world.other.as_mut(), sql, soon).map_err(|error| error.code);
    assert_eq!(attempt("INSERT INTO t VALUES (-2)"), Err(1205), "the applier's next group comes first");
    assert_eq!(attempt("SELECT COUNT(*) FROM t").as_deref(), Ok("4"), "reading waits for nobody");
    attempt("INSERT INTO e.t VALUES (9)").unwrap();
    world.apply("INSERT INTO t VALUES (5)");
    run_in(world.other.as_mut(), "INSERT INTO t VALUES (-3)").unwrap();
    assert_eq!(world.rows(), "-3,1,2,3,4,5,9");
}

/// A client that never reads its result.
struct Deaf {
    interruption: Arc<Interruption>,
    buffer: Vec<u8>,
    begun: std::sync::mpsc::Sender<()>,
}

impl RowSink for Deaf {
    fn begin(&mut self, _: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        self.begun.send(()).unwrap();
        Ok(())
    }

    fn wait(&mut self, _: &dyn Fn() -> Result<(), SqlError>) -> Result<(), SqlError> {
        self.interruption.wait_until(|| false, Duration::from_secs(60));
        Err(stopped(&self.interruption))
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        Ok(())
    }
}

#[test]
fn a_running_statement_gives_way() {
    let mut world = World::new();
    world.begin("INSERT INTO t VALUES (-1)");
    let (begun, has_begun) = std::sync::mpsc::channel();
    let mut client = std::mem::replace(&mut world.client, world.engine.session().unwrap());
    let reading = std::thread::spawn(move || {
        let context = Arc::new(TestContext) as Arc<dyn SessionContext>;
        let request = Request {
            sql: "SELECT * FROM t",
            parameters: &[],
            database: Some("d"),
            context: &context,
            binary: false,
            autocommit: true,
            limits: Limits::default(),
        };
        let mut deaf = Deaf { interruption: client.interruption(), buffer: Vec::new(), begun };
        let error = client.execute(&request, &mut deaf).unwrap_err();
        assert!(!client.is_in_transaction());
        (error.code, client)
    });
    has_begun.recv().unwrap();
    world.apply("INSERT INTO t VALUES (4)");
    let (code, mut client) = reading.join().unwrap();
    assert_eq!(code, 1213);
    assert_eq!(world.rows(), "1,2,3,4");
    run_in(client.as_mut(), "INSERT INTO t VALUES (-2)").unwrap();
    assert_eq!(world.rows(), "-2,1,2,3,4");
}

#[test]
fn a_group_over_two_databases_passes_clients_in_both() {
    let mut world = World::new();
    world.begin("INSERT INTO t VALUES (-1)");
    world.other.transaction(&TransactionStep::Begin).unwrap();
    run_in(world.other.as_mut(), "INSERT INTO e.t VALUES (-2)").unwrap();
    let mut applier = world.applier();
    // Both are attached, as they are once a group of both was tried.
    run_in(applier.as_mut(), "SELECT 1 FROM t, e.t").unwrap();
    applier.transaction(&TransactionStep::Begin).unwrap();
    for sql in ["INSERT INTO t VALUES (4)", "INSERT INTO e.t VALUES (5)", "INSERT INTO t SELECT 6"] {
        run_in(applier.as_mut(), sql).unwrap();
    }
    applier.transaction(&TransactionStep::Commit).unwrap();
    assert_eq!(world.client("SELECT 1"), Err(1213));
    assert_eq!(run_in(world.other.as_mut(), "SELECT 1").map_err(|error| error.code), Err(1213));
    assert_eq!(world.rows(), "1,2,3,4,5,6");
}

#[test]
fn a_database_is_dropped_in_spite_of_a_client() {
    let mut world = World::new();
    world.begin("INSERT INTO e.t VALUES (-1)");
    let wait = || LockWait { most: LOCK_WAIT, is_stopped: Box::new(|| false), is_appliers: true };
    world.engine.drop_database("e", wait(), &mut |remove| remove()).unwrap();
    assert_eq!(world.client("INSERT INTO e.t VALUES (-2)"), Err(1213));
    assert_eq!(world.client("INSERT INTO e.t VALUES (-2)"), Err(1049));
}
