//! FLUSH TABLES WITH READ LOCK: a backup over several connections reads one state, whoever writes meanwhile.

use std::sync::mpsc::channel;

use crate::world::{World, run};

#[test]
fn nobody_changes_anything_while_a_session_has_the_lock() {
    let world = World::new(&[]);
    let mut root = world.root();
    world.refresh(&mut root);
    let (mut open, mut own) = (world.root(), world.root());
    run(&mut open, "BEGIN").unwrap();
    run(&mut open, "INSERT INTO d.t VALUES (10, 'ten')").unwrap();
    run(&mut root, "FLUSH TABLES WITH READ LOCK").unwrap();
    for sql in ["DELETE FROM d.t", "CREATE TABLE d.made (a INT)", "CREATE DATABASE made", "DROP DATABASE d"] {
        assert_eq!(run(&mut root, sql).unwrap_err().0, 1223, "{sql}");
    }
    run(&mut own, "SET innodb_lock_wait_timeout = 1").unwrap();
    for sql in ["INSERT INTO d.t VALUES (11, 'eleven')", "CREATE TABLE d.made (a INT)", "CREATE DATABASE made"] {
        assert_eq!(run(&mut own, sql).unwrap_err().0, 1205, "{sql}");
    }
    let (ended, is_ended) = channel();
    std::thread::scope(|scope| {
        let committed = scope.spawn(|| {
            run(&mut open, "COMMIT").unwrap();
            ended.send(()).unwrap();
        });
        assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.t").unwrap(), [["2"]]);
        assert!(is_ended.try_recv().is_err(), "the commit waits");
        run(&mut root, "UNLOCK TABLES").unwrap();
        committed.join().unwrap();
    });
    is_ended.recv().unwrap();
    assert_eq!(run(&mut root, "SELECT COUNT(*) FROM d.t").unwrap(), [["3"]]);
    // The lock ends with its connection.
    run(&mut root, "FLUSH TABLES d.t WITH READ LOCK").unwrap();
    drop(root);
    run(&mut own, "SET innodb_lock_wait_timeout = 60").unwrap();
    run(&mut own, "INSERT INTO d.t VALUES (11, 'eleven')").unwrap();
    assert_eq!(run(&mut world.worker(), "FLUSH TABLES WITH READ LOCK").unwrap_err().0, 1227);
}
