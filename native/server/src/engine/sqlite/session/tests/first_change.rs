//! The first change of a transaction that has shown its client nothing yet.

use super::others::Pair;
use super::*;
use rusqlite::Connection;

/// Statements and steps of a transaction that tell the client nothing of a table's rows.
fn without_a_read() -> Vec<(&'static str, Vec<TransactionStep>)> {
    use TransactionStep::{Release, RollbackTo, Savepoint};
    let of = |name: &str| name.to_owned();
    vec![
        ("SELECT 1", vec![]),
        ("SELECT 1", vec![Savepoint(of("s"))]),
        ("SELECT 1", vec![Savepoint(of("s")), Savepoint(of("x")), RollbackTo(of("s"))]),
        ("SELECT 1", vec![Savepoint(of("s")), Savepoint(of("x")), Release(of("x"))]),
        ("SELECT * FROM nothing", vec![Savepoint(of("s"))]),
        ("SELECT nothing FROM t", vec![]),
        ("INSERT INTO nothing VALUES (1)", vec![]),
        ("UPDATE t SET nothing = 1", vec![]),
        ("SELECT TABLE_NAME FROM information_schema.tables", vec![Savepoint(of("s"))]),
        ("SELECT * FROM performance_schema.session_status", vec![]),
    ]
}

#[test]
fn a_transaction_that_has_shown_nothing_waits_for_its_lock() {
    for (sql, steps) in without_a_read() {
        for change in
            ["UPDATE t SET c = 34", "INSERT INTO t SELECT 9, VARIABLE_VALUE, 9 FROM performance_schema.session_status"]
        {
            let mut pair = Pair::new();
            pair.session.transaction(&TransactionStep::Begin).unwrap();
            steps.iter().for_each(|step| pair.session.transaction(step).unwrap());
            // Some of these fail.
            let _ = pair.run(sql);
            pair.others("INSERT INTO t VALUES (2, 'other', 0)");
            pair.other.transaction(&TransactionStep::Begin).unwrap();
            pair.others("INSERT INTO t VALUES (3, 'other', 0)");
            let Pair { mut session, mut other, directory: _directory } = pair;
            let (sender, receiver) = std::sync::mpsc::channel();
            let changing = std::thread::spawn(move || {
                sender.send(run_in(&mut session, change)).unwrap();
                session
            });
            let early = receiver.recv_timeout(Duration::from_millis(50));
            assert!(early.is_err(), "{sql}, {steps:?}: it did not wait: {early:?}");
            other.transaction(&TransactionStep::Commit).unwrap();
            assert_eq!(receiver.recv().unwrap(), Ok(String::new()), "{sql}, {steps:?}");
            let mut session = changing.join().unwrap();
            assert_eq!(run_in(&mut session, "SELECT COUNT(*) FROM t WHERE b = 'other'").unwrap(), "2");
            // The savepoints are there as before.
            if steps.contains(&TransactionStep::Savepoint("s".to_owned())) {
                session.transaction(&TransactionStep::RollbackTo("s".to_owned())).unwrap();
                assert_eq!(run_in(&mut session, "SELECT COUNT(*) FROM t WHERE c IN (9, 34)").unwrap(), "0");
                let gone = session.transaction(&TransactionStep::RollbackTo("x".to_owned()));
                assert_eq!(gone.map_err(|error| error.code), Err(1305));
            }
            session.transaction(&TransactionStep::Rollback).unwrap();
        }
    }
}

#[test]
fn a_transaction_that_has_shown_or_changed_something_does_not_begin_anew() {
    for sql in [
        "SELECT a FROM t",
        "SELECT COUNT(*) FROM t WHERE a = 5",
        "CREATE TEMPORARY TABLE m AS SELECT * FROM t",
        "UPDATE t SET c = 1 WHERE a = 5",
        "INSERT INTO t VALUES (1, '', 0)",
    ] {
        let mut pair = Pair::new();
        pair.session.transaction(&TransactionStep::Begin).unwrap();
        let _ = pair.run(sql);
        let file = Connection::open(pair.directory.path().join("d.sqlite")).unwrap();
        file.busy_timeout(Duration::ZERO).unwrap();
        let is_written = file.execute_batch("INSERT INTO t VALUES (2, 'other', 0)").is_ok();
        // Either the session has the lock, or it is told that what it has read is not up to date.
        let told = pair.run("UPDATE t SET c = 34");
        assert_eq!(told, if is_written { Err(1213) } else { Ok(String::new()) }, "{sql}");
    }
}
