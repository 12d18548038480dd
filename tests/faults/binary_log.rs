//! A full disk while the binary log is written: the log and the tables stay alike.

use std::fs;
use std::path::PathBuf;

use sealwire_binlog::{Body, Limits, Reader, Value};
use sealwire_tests::server::{Kind, Server};

use crate::disk::{can_mount, data_of, on_its_own_of};
use crate::{assert_answers, root, rows};

/// The folder of the log, which is a small file system of its own: in the data directory a change would be refused before the log is written.
fn folder(server: &Server) -> PathBuf {
    let data = data_of(server);
    data.with_file_name("data.log")
}

/// The first values of all rows that were inserted, in their order.
fn logged(server: &Server, name: &str) -> Vec<i64> {
    let file = fs::read(folder(server).join(name)).unwrap();
    let mut reader = Reader::file(Limits::default());
    let mut rest = file.as_slice();
    let mut found = Vec::new();
    while let Some(event) = reader.next(&mut rest).unwrap() {
        if let Body::Rows(rows) = event.decode().unwrap() {
            for row in rows.iter().unwrap() {
                match row.unwrap().after.first() {
                    Some(Some(Value::Int(number))) => found.push(*number),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert!(rest.is_empty(), "{} bytes are no event", rest.len());
    found
}

#[test]
fn a_full_disk_leaves_the_log_and_the_tables_alike() {
    if !can_mount() {
        return;
    }
    for size in ["--max-binlog-size=1073741824", "--max-binlog-size=4096"] {
        let log = "mkdir -p \"$0.log\" && mount -t tmpfs -o size=400k none \"$0.log\" && set -- \"$@\" --log-bin=\"$0.log/binlog\"";
        let mut settings = on_its_own_of("20m", log);
        settings.options = ["--server-id=1", size].map(str::to_owned).to_vec();
        let server = Server::start(Kind::Sealwired, &settings).unwrap();
        let mut client = root(&server).unwrap();
        for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (n INT PRIMARY KEY, v MEDIUMTEXT)"] {
            rows(&mut client, sql).unwrap();
        }
        let room = folder(&server).join("room");
        fs::write(&room, vec![0; 100_000]).unwrap();
        let mut refusals = Vec::new();
        // Rows of all sizes, so that the last bytes of the disk end within each part of a group.
        for number in 0..150 {
            let value = "x".repeat(if refusals.is_empty() { 7000 } else { 1 + number * 37 % 9000 });
            if let Err(error) = rows(&mut client, &format!("INSERT INTO d.t VALUES ({number}, '{value}')")) {
                refusals.push(error.to_string());
            }
        }
        assert!(refusals.len() > 10, "the disk was never full");
        let is_clear = |error: &String| error.contains("1026") && error.contains("Error writing the binary log");
        assert!(refusals.iter().all(is_clear), "{refusals:?}");
        let alike = |client: &mut _| {
            let names = rows(client, "SHOW BINARY LOGS").unwrap();
            let mut all: Vec<i64> =
                names.iter().flat_map(|name| logged(&server, name.split('\t').next().unwrap())).collect();
            all.sort_unstable();
            let kept = rows(client, "SELECT n FROM d.t ORDER BY n").unwrap();
            assert_eq!(all.iter().map(i64::to_string).collect::<Vec<_>>(), kept, "{size}: {}", server.log());
        };
        alike(&mut client);
        fs::remove_file(&room).unwrap();
        rows(&mut client, "INSERT INTO d.t VALUES (1000, 'space again')").unwrap();
        alike(&mut client);
        assert_answers(&server);
    }
}

#[test]
fn a_log_leaves_room_to_make_room() {
    if !can_mount() {
        return;
    }
    let mut settings = on_its_own_of("60m", "mount -t tmpfs -o size=4m none /mnt");
    settings.options = ["--log-bin=/mnt/bl", "--server-id=1"].map(str::to_owned).to_vec();
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut client = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (v MEDIUMTEXT)"] {
        rows(&mut client, sql).unwrap();
    }
    for length in [100_000, 10_000, 100] {
        let fill = format!("INSERT INTO d.t VALUES (REPEAT('x', {length}))");
        let full = (0..1000).find_map(|_| rows(&mut client, &fill).err()).expect("the log is never full").to_string();
        assert!(full.contains("1026") && full.contains("PURGE BINARY LOGS"), "{full}");
    }
    for sql in ["CREATE USER a@'%'", "DROP USER a@'%'", "FLUSH BINARY LOGS", "PURGE BINARY LOGS TO 'bl.000002'"] {
        rows(&mut client, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    rows(&mut client, "INSERT INTO d.t VALUES ('there is room')").unwrap();
    assert_answers(&server);
}
