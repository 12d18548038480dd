//! DROP DATABASE while other connections have the database's files open.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;

use super::*;

/// The size of an empty database.
const EMPTY: u64 = 4096;

/// How many bytes the deleted files of a database take. The index of the log is left out, because it is mapped into memory.
fn bytes_of_deleted(directory: &Path) -> u64 {
    let handles = std::fs::read_dir("/proc/self/fd").unwrap().flatten().map(|entry| entry.path());
    let deleted = handles.filter(|handle| {
        let target = std::fs::read_link(handle).unwrap_or_default();
        let name = target.to_string_lossy();
        target.starts_with(directory) && name.ends_with(" (deleted)") && !name.ends_with("-shm (deleted)")
    });
    // Several connections may have one file open.
    let files: HashMap<u64, u64> = deleted
        .filter_map(|handle| std::fs::metadata(handle).ok())
        .map(|file| (file.ino(), file.blocks() * 512))
        .collect();
    files.values().sum()
}

fn fill(root: &mut Client, name: &str) {
    for sql in [
        format!("CREATE DATABASE {name}"),
        format!("CREATE TABLE {name}.t (a INT PRIMARY KEY, b LONGTEXT)"),
        format!("INSERT INTO {name}.t VALUES (1, REPEAT('x', 3000000)), (2, 'y')"),
    ] {
        root.query(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[test]
fn a_dropped_database_gives_its_room_back_while_others_stay_connected() {
    let running = Running::start(&[]);
    let (mut root, mut reader, mut writer) = (running.root(), running.root(), running.root());
    fill(&mut root, "d");
    root.query("CREATE DATABASE other").unwrap();
    root.query("CREATE TABLE other.u (a INT)").unwrap();
    assert_eq!(reader.query("SELECT LENGTH(b) FROM d.t ORDER BY a").unwrap().rows, [["3000000"], ["1"]]);
    writer.query("UPDATE d.t SET b = REPEAT('z', 2000000) WHERE a = 1").unwrap();
    root.query("DROP DATABASE d").unwrap();
    assert!(bytes_of_deleted(running.directory.path()) <= EMPTY);
    // The files that were dropped are in nobody's way.
    for client in [&mut reader, &mut writer] {
        client.query("INSERT INTO other.u VALUES (1)").unwrap();
        client.query("BEGIN").unwrap();
        client.query("INSERT INTO other.u VALUES (1)").unwrap();
        client.query("COMMIT").unwrap();
        assert_eq!(client.query("SELECT * FROM d.t").map(drop).unwrap_err().code, 1049);
    }
    fill(&mut root, "d");
    for client in [&mut reader, &mut writer, &mut root] {
        assert_eq!(client.query("SELECT LENGTH(b) FROM d.t ORDER BY a").unwrap().rows, [["3000000"], ["1"]]);
        client.query("UPDATE d.t SET b = CONCAT(b, 'w') WHERE a = 2").unwrap();
        client.query("UPDATE d.t SET b = 'y' WHERE a = 2").unwrap();
    }
}

/// It reads what it read before, and the room is given back with its end.
#[test]
fn a_transaction_goes_on_reading_a_database_that_was_dropped() {
    let running = Running::start(&[]);
    let (mut root, mut reader) = (running.root(), running.root());
    fill(&mut root, "d");
    fill(&mut root, "idle");
    reader.query("SELECT COUNT(*) FROM idle.t").unwrap();
    reader.query("BEGIN").unwrap();
    assert_eq!(reader.query("SELECT a FROM d.t ORDER BY a").unwrap().rows, [["1"], ["2"]]);
    root.query("DROP DATABASE idle").unwrap();
    assert!(bytes_of_deleted(running.directory.path()) <= EMPTY, "the transaction has not read this database");
    root.query("DROP DATABASE d").unwrap();
    assert!(bytes_of_deleted(running.directory.path()) > 3_000_000);
    fill(&mut root, "idle");
    assert_eq!(reader.query("SELECT COUNT(*) FROM idle.t").unwrap().rows, [["2"]]);
    reader.query("COMMIT").unwrap();
    assert!(bytes_of_deleted(running.directory.path()) <= EMPTY);
    assert_eq!(reader.query("SELECT * FROM d.t").map(drop).unwrap_err().code, 1049);
}

/// SQLite reads a database's schema again after a definition that failed, also that of a dropped database that is still attached.
#[test]
fn a_session_goes_on_after_others_have_dropped_a_database_that_it_has_read() {
    let running = Running::start(&[]);
    let (mut session, mut other) = (running.root(), running.root());
    for sql in ["CREATE DATABASE e", "CREATE TABLE e.t (a INT)", "CREATE VIEW e.v AS SELECT a FROM e.t"] {
        other.query(sql).unwrap();
    }
    for failing in ["ALTER TABLE e.t ADD COLUMN a INT", "CREATE TABLE e.u (a INT, KEY k (a), KEY k (a))"] {
        for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "INSERT INTO d.t VALUES (1)"] {
            other.query(sql).unwrap();
        }
        assert_eq!(session.rows("SELECT a FROM d.t"), [["1"]]);
        assert!(session.rows("SELECT a FROM e.t").is_empty());
        session.query(failing).map(drop).unwrap_err();
        for sql in ["INSERT INTO d.t VALUES (2)", "DROP DATABASE d"] {
            other.query(sql).unwrap();
        }
        for sql in ["INSERT INTO e.t VALUES (7)", "SHOW TABLES FROM e", "CREATE TABLE e.w (a INT)", "DROP TABLE e.w"] {
            session.query(sql).unwrap_or_else(|error| panic!("{sql}, after {failing}: {error}"));
        }
        assert_eq!(session.rows("SELECT a FROM e.t"), [["7"]]);
        assert_eq!(session.query("SELECT a FROM d.t").map(drop).unwrap_err().code, 1049);
        session.query("DELETE FROM e.t").unwrap();
    }
}
