//! A replica whose disk has little room.

use std::fs;
use std::time::{Duration, Instant};

use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::replication::{Status, sql, until, wait_for};
use sealwire_tests::server::{Kind, Server, Settings};

use super::disk::{can_mount, data_of, on_its_own_of};
use super::{assert_answers, root, rows};

/// How long a channel may take to reach a state.
const PATIENCE: Duration = Duration::from_secs(120);

/// A source with the table `d.t`, and a replica whose disk has 60 MB and whose channel is not started.
fn pair() -> (Server, Server) {
    let options = ["--log-bin", "--server-id=1"].map(str::to_owned).to_vec();
    let source = Server::start(Kind::Sealwired, &Settings { options, ..Settings::default() }).unwrap();
    let mut settings = on_its_own_of("60m", "true");
    settings.options = vec!["--server-id=2".to_owned()];
    let replica = Server::start(Kind::Sealwired, &settings).unwrap();
    let (mut there, mut here) = (root(&source).unwrap(), root(&replica).unwrap());
    let account = format!("CREATE USER repl@'%' IDENTIFIED WITH mysql_native_password BY '{PASSWORD}'");
    for sql in [
        account.as_str(),
        "GRANT REPLICATION SLAVE ON *.* TO repl@'%'",
        "CREATE DATABASE d",
        "CREATE TABLE d.t (n INT PRIMARY KEY, v MEDIUMTEXT)",
        "INSERT INTO d.t VALUES (1, '')",
    ] {
        rows(&mut there, sql).unwrap();
    }
    let change = format!(
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='repl', MASTER_PASSWORD='{PASSWORD}', MASTER_SSL=0",
        source.port
    );
    rows(&mut here, &change).unwrap();
    (source, replica)
}

/// The relay log must not take the room that others need.
#[test]
fn the_receiver_waits_for_free_disk_space() {
    if !can_mount() {
        return;
    }
    let (source, replica) = pair();
    let (mut there, mut here) = (root(&source).unwrap(), root(&replica).unwrap());
    rows(&mut here, "START SLAVE IO_THREAD").unwrap();
    // The log has each value before and after its change, and the table one alone.
    for number in 0..40 {
        rows(&mut there, &format!("UPDATE d.t SET v = REPEAT('{}', 1000000)", number % 10)).unwrap();
    }
    let doing = "SELECT state FROM information_schema.processlist WHERE command = 'Slave_IO'";
    let until = |here: &mut _, what: &str, is_so: &dyn Fn(&[String]) -> bool, sql: &str| {
        let begun = Instant::now();
        loop {
            let found = rows(here, sql).unwrap_or_default();
            if is_so(&found) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {found:?}\n{}", replica.log());
        }
    };
    let waits = "Waiting for free disk space for the relay log";
    until(&mut here, waits, &|found| found == [waits], doing);
    assert!(replica.log().contains("the receiver waits"), "{}", replica.log());
    // There is room for accounts and for other databases.
    rows(&mut here, "CREATE USER a@'%'").unwrap();
    assert_answers(&replica);
    // STOP does not wait for room.
    rows(&mut here, "STOP SLAVE").unwrap();
}

/// The error names the way out, and the channel goes on where it was once there is room.
#[test]
fn the_applier_stops_at_a_full_disk_and_goes_on() {
    if !can_mount() || !needs(&["mariadb"]) {
        return;
    }
    let (source, replica) = pair();
    let (mut there, mut here) = (root(&source).unwrap(), root(&replica).unwrap());
    rows(&mut here, "START SLAVE IO_THREAD").unwrap();
    for number in 2..12 {
        rows(&mut there, &format!("INSERT INTO d.t VALUES ({number}, REPEAT('{}', 500000))", number % 10)).unwrap();
    }
    let end = sql(&source, "SHOW MASTER STATUS");
    let is_there = |status: &Status| end.contains(&format!("\t{}\t", status["Read_Master_Log_Pos"]));
    until(&replica, "the relay log has all", is_there);
    let room = data_of(&replica).join("room.sqlite-none");
    fs::write(&room, vec![0; 49 << 20]).unwrap();
    rows(&mut here, "START SLAVE SQL_THREAD").unwrap();
    let stopped = until(&replica, "the disk is full", |status| status["Slave_SQL_Running"] == "No");
    let error = &stopped["Last_SQL_Error"];
    assert!(stopped["Last_SQL_Errno"] == "1021" && error.contains("free disk space"), "{error}");
    assert_answers(&replica);
    fs::remove_file(&room).unwrap();
    rows(&mut here, "START SLAVE").unwrap();
    wait_for(&replica, &source);
    let all = "SELECT COUNT(*), SUM(LENGTH(v)) FROM d.t";
    assert_eq!(rows(&mut here, all).unwrap(), rows(&mut there, all).unwrap());
}
