//! SQLite's write-ahead log while others read.

use std::sync::mpsc::{RecvTimeoutError, channel};

use super::*;

/// How many changes of 2 MB are made: more than the log may ever have.
const CHANGES: u8 = 130;

/// How long each transaction reads.
const READ: Duration = Duration::from_millis(300);

/// At each moment one of two sessions reads in a transaction that soon ends.
#[test]
fn short_transactions_that_overlap_do_not_keep_the_log() {
    let running = Running::start(&[]);
    let mut writer = running.root();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (a LONGBLOB)", "INSERT INTO d.t VALUES ('')"] {
        writer.query(sql).unwrap();
    }
    let log = || {
        let files = std::fs::read_dir(running.directory.path().join("data")).unwrap().flatten();
        let logs = files.filter(|file| file.file_name().to_string_lossy().ends_with("sqlite-wal"));
        logs.map(|file| file.metadata().unwrap().len()).sum::<u64>()
    };
    let (over, changes) = channel::<()>();
    std::thread::scope(|scope| {
        let running = &running;
        scope.spawn(move || {
            let mut readers = [running.root(), running.root()];
            let begin = |reader: &mut Client| {
                reader.query("BEGIN").unwrap();
                reader.query("SELECT LENGTH(a) FROM d.t").unwrap();
            };
            begin(&mut readers[0]);
            while changes.recv_timeout(READ) == Err(RecvTimeoutError::Timeout) {
                readers.swap(0, 1);
                begin(&mut readers[0]);
                readers[1].query("COMMIT").unwrap();
            }
        });
        let mut longest = 0;
        for number in 0..CHANGES {
            // A letter of its own for each, because SQLite writes no page that stays equal.
            let letter = char::from(b'a' + number % 26);
            writer.query(&format!("UPDATE d.t SET a = REPEAT('{letter}', 2000000)")).unwrap();
            longest = longest.max(log());
        }
        drop(over);
        println!("the longest log: {longest} bytes");
        assert!(longest < 180 << 20, "the log grew to {longest} bytes");
    });
}
