//! A source whose log begins anew, a relay log that is damaged on the disk, and a clock that is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::server::Server;

use super::member::{AS_MARIADB, AS_MYSQL, Member, PEERS};

const BY_GTID: &str = "MASTER_USE_GTID=slave_pos";

#[test]
fn a_source_whose_log_begins_anew_stops_the_receiver() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let ours = |id, options: &[&str]| Member::ours(&certificates, id, options);
    for (source, using) in [
        (Member::mariadb(&certificates, 11, &[]), BY_GTID),
        (ours(12, &["--log-bin", AS_MARIADB]), BY_GTID),
        (ours(13, &["--log-bin", AS_MYSQL]), "MASTER_AUTO_POSITION=1"),
    ] {
        let replica = ours(7, &[]);
        source.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
        replica.follow(&source, using);
        replica.wait_for(&source);
        source.sql("RESET MASTER; INSERT INTO d.t VALUES (2)");
        if source.is_mariadb() {
            // MariaDB's dump waits until the new log is as long as the old one was.
            replica.sql("STOP SLAVE; START SLAVE");
        }
        let stopped = replica.until("1236", |status| status["Slave_IO_Running"] == "No");
        assert_eq!(
            (stopped["Last_IO_Errno"].as_str(), stopped["Slave_SQL_Running"].as_str()),
            ("1236", "Yes"),
            "{stopped:?}"
        );
        assert_eq!(replica.sql("SELECT a FROM d.t"), "1\n", "{using}");
        // The channel begins anew, too.
        replica.sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL gtid_slave_pos = ''");
        replica.sql("DELETE FROM d.t WHERE a = 2");
        replica.follow(&source, using);
        replica.wait_for(&source);
        source.same(&replica, "SELECT a FROM d.t ORDER BY a", using);
    }
}

/// The last file of the relay log.
fn relay_log(server: &Server) -> PathBuf {
    let files = fs::read_dir(server.folder().join("data")).unwrap().map(|entry| entry.unwrap().path());
    let is_log = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("relay-bin.0");
    files.filter(is_log).max().unwrap()
}

/// Changes a file's bytes.
type Damage = fn(&mut Vec<u8>);

fn damage(path: &Path, change: Damage) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_relay_log_is_fetched_again() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let source = Member::ours(&certificates, 1, &["--log-bin", AS_MARIADB]);
    source.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT, b LONGTEXT)");
    let change_byte: Damage = |bytes| {
        let at = bytes.windows(9).rposition(|part| part == b"xxxxxxxxx").unwrap();
        bytes[at] = b'y';
    };
    let change_length: Damage = |bytes| {
        let at = bytes.windows(9).position(|part| part == b"xxxxxxxxx").unwrap();
        bytes[at - 40..at - 10].fill(0xff);
    };
    // The damage, and whether the server runs then.
    let damages: [(&str, Damage, bool); 5] = [
        ("the length of an event is another", change_length, true),
        ("the end is gone", |bytes| bytes.truncate(bytes.len() - 1000), true),
        ("all is gone", Vec::clear, true),
        ("a byte of a row is another", change_byte, true),
        ("a byte is another at the start", change_byte, false),
    ];
    let by_position = "MASTER_USE_GTID=no, MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4";
    for (using, damages) in [(by_position, &damages[..]), (BY_GTID, &damages[3..])] {
        let mut replica = Member::ours(&certificates, 7, &[]);
        replica.follow(&source, using);
        for (what, change, is_running) in damages {
            replica.wait_for(&source);
            replica.sql("STOP SLAVE SQL_THREAD");
            let rows = |number: u32| format!("INSERT INTO d.t VALUES ({number}, REPEAT('x', 1000));");
            source.sql(&(0..4).map(rows).collect::<String>());
            let (file, position) = source.end();
            replica.until("all is received", |status| {
                (&status["Master_Log_File"], &status["Read_Master_Log_Pos"]) == (&file, &position)
            });
            if *is_running {
                damage(&relay_log(replica.server()), *change);
                replica.sql("START SLAVE SQL_THREAD");
                let stopped = replica.until(what, |status| status["Slave_SQL_Running"] == "No");
                assert_eq!(stopped["Last_SQL_Errno"], "1594", "{what}: {stopped:?}");
                let way_out = "STOP REPLICA and START REPLICA fetch the log again";
                assert!(stopped["Last_SQL_Error"].contains(way_out), "{stopped:?}");
                replica.sql("STOP REPLICA; START REPLICA");
            } else {
                replica.restart_with(|server| damage(&relay_log(server), *change));
                replica.sql("START SLAVE");
            }
            replica.wait_for(&source);
            source.same(&replica, "SELECT a, b FROM d.t ORDER BY a", what);
        }
        replica.sql("STOP SLAVE");
    }
}

/// A library that has a program's clock be wrong by so many seconds.
fn clock_off_by(folder: &Path, seconds: i64) -> PathBuf {
    let (source, library) = (folder.join("clock.c"), folder.join(format!("clock{seconds}.so")));
    let text = format!(
        "#define _GNU_SOURCE\n#include <time.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n\
         int clock_gettime(clockid_t clock, struct timespec *time) {{\n\
         int outcome = syscall(SYS_clock_gettime, clock, time);\n\
         if (clock == CLOCK_REALTIME) time->tv_sec += {seconds};\n\
         return outcome; }}\n"
    );
    fs::write(&source, text).unwrap();
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status().unwrap();
    assert!(made.success());
    library
}

#[test]
fn a_wrong_clock_changes_neither_the_lag_nor_the_delay() {
    if !needs(&["mariadb", "openssl", "cc"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let source = Member::ours(&certificates, 1, &["--log-bin", AS_MARIADB]);
    source.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT, at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)");
    let replica = Member::ours_at(&certificates, 7, clock_off_by(place.path(), 7200));
    let ahead = "SELECT UNIX_TIMESTAMP()";
    let clock = |server: &Member| server.sql(ahead).trim().parse::<i64>().unwrap();
    assert!((7100..7300).contains(&(clock(&replica) - clock(&source))), "the clock is wrong by two hours");
    replica.follow(&source, "MASTER_USE_GTID=slave_pos");
    source.sql("INSERT INTO d.t (a) VALUES (1)");
    replica.wait_for(&source);
    source.same(&replica, "SELECT a, UNIX_TIMESTAMP(at) FROM d.t", "times are the source's");
    let lag = |status: &str| status.parse::<i64>().is_ok_and(|lag| lag < 100);
    replica.until("the lag is small", |status| lag(&status["Seconds_Behind_Master"]));
    // The delay counts from the source's time, so two hours ahead do not end it.
    replica.sql("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=3600; START SLAVE");
    source.sql("INSERT INTO d.t (a) VALUES (2)");
    let waiting = replica.until("the delay", |status| status["SQL_Remaining_Delay"] != "NULL");
    let left: i64 = waiting["SQL_Remaining_Delay"].parse().unwrap();
    assert!((3000..=3601).contains(&left), "{left}");
    replica.sql("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=0; START SLAVE");
    replica.wait_for(&source);
    // Days behind, the source's certificate is not valid yet.
    let behind = Member::ours_at(&certificates, 8, clock_off_by(place.path(), -200_000));
    behind.follow(&source, "MASTER_USE_GTID=slave_pos");
    let refused = behind.until("2026", |status| status["Last_IO_Errno"] == "2026");
    assert!(refused["Last_IO_Error"].contains("Check this machine's clock"), "{refused:?}");
}
