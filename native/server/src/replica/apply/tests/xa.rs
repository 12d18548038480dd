//! XA transactions, whose events wait for the second phase.

use sealwire_binlog::{Body, GtidEvent, MariaDbGtidEvent, RowsKind, XaPrepare, Xid};

use super::made::{ALL, Log, NONE, PLAIN, apply, error_of, row, with_table};
use super::*;

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const APPLIED: Boundary = Boundary::Applied(GroupKind::Transactional);

impl Log {
    fn mysql(&mut self, number: i64) -> &mut Self {
        self.put(&Body::Gtid(GtidEvent { uuid: UUID.parse().unwrap(), number, ..GtidEvent::default() }))
    }

    fn prepare(&mut self, global: &[u8], one_phase: bool) -> &mut Self {
        self.put(&Body::XaPrepare(XaPrepare { one_phase, xid: Xid { format: 1, global, branch: b"" } }))
    }

    /// The first phase as MySQL logs it.
    fn first_phase(&mut self, number: i64, global: &[u8], one_phase: bool) -> &mut Self {
        let hex: String = global.iter().map(|byte| format!("{byte:02X}")).collect();
        self.mysql(number).query("", &format!("XA START X'{hex}',X'',1"));
        self.rows_of("d", "t", RowsKind::Write, &[(NONE, row(number, 1, "row"))]);
        self.query("d", &format!("INSERT INTO t VALUES ({number}, 2, 'text')"));
        self.query("", &format!("XA END X'{hex}',X'',1")).prepare(global, one_phase)
    }
}

#[test]
fn a_transaction_of_one_phase_is_applied_at_once() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.first_phase(1, b"x", true).first_phase(2, b"x", true);
    assert_eq!(apply(&world, &log).unwrap(), [APPLIED, APPLIED]);
    assert_eq!(world.rows(ALL), ["1 1 row", "1 2 text", "2 1 row", "2 2 text"]);
    assert_eq!(world.restarted().applier().positions().gtids, format!("{UUID}:1-2"));
}

#[test]
fn a_prepared_transaction_waits_for_its_second_phase() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.first_phase(1, b"\xfa\x01", false).first_phase(2, b"two", false).first_phase(3, b"three", false);
    log.mysql(4).rows(RowsKind::Write, &[(NONE, row(4, 1, "between"))]);
    let mut applier = world.applier();
    let waits = Boundary::Skipped;
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), [waits, waits, waits, APPLIED]);
    assert_eq!(world.rows(ALL), ["4 1 between"]);
    // The first phases outlive the server, and are not read again.
    drop(applier);
    let world = world.restarted();
    let mut applier = world.applier();
    assert_eq!(applier.positions().gtids, format!("{UUID}:1-4"));
    log.mysql(5).query("", "XA COMMIT X'fa01',X'',1");
    log.mysql(6).query("", "XA ROLLBACK X'74776F',X'',1");
    assert_eq!(feed(&mut applier, &log.bytes).unwrap()[4..], [APPLIED, Boundary::Skipped]);
    assert_eq!(world.rows(ALL), ["1 1 row", "1 2 text", "4 1 between"]);
    assert_eq!(applier.positions().gtids, format!("{UUID}:1-6"));
    // Each phase is done once: after the end of the server, and when all comes again.
    drop(applier);
    let world = world.restarted();
    assert!(feed(&mut world.applier(), &log.bytes).unwrap().iter().all(|ended| *ended == Boundary::Skipped));
    assert_eq!(world.rows("SELECT COUNT(*) FROM d.t"), ["3"]);
    let kept = rusqlite::Connection::open(world.directory.path().join("data/replica.places")).unwrap();
    let count = |sql: &str| kept.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM xa_prepared"), 1, "the third one waits");
    Applier::forget(&world.server, "").unwrap();
    assert_eq!(count("SELECT COUNT(*) FROM xa_prepared") + count("SELECT COUNT(*) FROM xa_events"), 0);
}

#[test]
fn a_first_phase_that_was_cut_comes_again() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.first_phase(1, b"x", false);
    let whole = log.bytes.len();
    log.mysql(2).query("", "XA COMMIT X'78',X'',1");
    let mut applier = world.applier();
    for end in [whole / 2, whole - 40] {
        // A part of an event is not passed on.
        let mut events = Vec::new();
        each(&log.bytes, |event| events.push((event.position, event.bytes.len() as u64)));
        let end = events.iter().map(|(position, length)| position + length).rfind(|at| *at <= end as u64).unwrap();
        feed(&mut applier, &log.bytes[..end as usize]).unwrap();
        applier.abandon();
    }
    feed(&mut applier, &log.bytes).unwrap();
    assert_eq!(world.rows(ALL), ["1 1 row", "1 2 text"]);
}

#[test]
fn mariadbs_transactions_wait_too() {
    let world = with_table(PLAIN);
    let xid = |global| Some(Xid { format: 1, global, branch: b"" });
    let mut log = Log::new();
    let gtid = |sequence, flags, global| {
        Body::MariaDbGtid(MariaDbGtidEvent { xid: xid(global), ..MariaDbGtidEvent::new(0, sequence, flags) })
    };
    let first = MariaDbGtidEvent::TRANSACTIONAL | MariaDbGtidEvent::PREPARED_XA;
    let second = MariaDbGtidEvent::STANDALONE | MariaDbGtidEvent::COMPLETED_XA;
    for (sequence, global) in [(1, &b"x"[..]), (2, &b"y"[..])] {
        log.put(&gtid(sequence, first, global));
        log.rows_of("d", "t", RowsKind::Write, &[(NONE, row(sequence as i64, 1, "x"))]);
        let hex = if sequence == 1 { "78" } else { "79" };
        log.query("", &format!("XA END X'{hex}',X'',1")).prepare(global, false);
    }
    log.put(&gtid(3, second, b"y")).query("", "XA COMMIT X'79',X'',1");
    log.put(&gtid(4, second, b"x")).query("", "XA ROLLBACK X'78',X'',1");
    let mut applier = world.applier();
    let skipped = Boundary::Skipped;
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), [skipped, skipped, APPLIED, skipped]);
    assert_eq!(world.rows(ALL), ["2 1 x"]);
    assert_eq!(applier.positions().gtids, "0-11-4");
    // All groups are left out by their GTIDs.
    assert_eq!(feed(&mut applier, &log.bytes).unwrap(), [skipped; 4]);
}

#[test]
fn a_second_phase_without_a_first_one_stops_the_channel() {
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.mysql(1).query("", "XA ROLLBACK X'78',X'',1").mysql(2).query("", "XA COMMIT X'78',X'',1");
    let (code, text) = error_of(&world, &log);
    assert!(code == 1397 && text.contains("x'78',x'',1") && text.contains("sql_slave_skip_counter"), "{text}");
    // The names of a hostile source differ.
    let world = with_table(PLAIN);
    let mut log = Log::new();
    log.mysql(1).query("", "XA START X'78',X'',1").prepare(b"other", false);
    assert_eq!(error_of(&world, &log).0, 1594);
    let mut log = Log::new();
    log.query("", "BEGIN").query("d", "INSERT INTO t VALUES (1, 1, '')").prepare(b"x", true);
    assert_eq!(error_of(&world, &log).0, 1594);
    assert_eq!(world.rows(ALL), Vec::<String>::new());
}
