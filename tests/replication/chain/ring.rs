//! Two servers that follow each other, and servers whose numbers collide.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;

use super::member::{AS_MARIADB, Member, PEERS};

/// The transactions of each of the two.
const WRITES: usize = 60;

/// Both write at the same time; then each has all rows once.
fn ring(one: &mut Member, other: &Member, using: [&str; 2]) {
    one.sql("CREATE DATABASE d; CREATE TABLE d.t (who INT, n INT)");
    other.follow(one, using[0]);
    other.wait_for(one);
    one.follow(other, using[1]);
    let work = |who: u32| (0..WRITES).map(|n| format!("INSERT INTO d.t VALUES ({who}, {n});\n")).collect::<String>();
    let mut writers = [one.write(work(1)), other.write(work(2))];
    writers.iter_mut().for_each(|writer| assert!(writer.wait().unwrap().success()));
    let all = |server: &Member| {
        server.until("all rows", |_| server.sql("SELECT COUNT(*) FROM d.t").trim() == (2 * WRITES).to_string());
    };
    all(one);
    all(other);
    one.kill();
    one.start_again();
    // A group that goes round would come back by now.
    for (server, who) in [(&*one, 1), (other, 2)] {
        server.sql(&format!("INSERT INTO d.t VALUES ({who}, {WRITES})"));
    }
    for _ in 0..2 {
        other.wait_for(one);
        one.wait_for(other);
    }
    let rows = one.same(other, "SELECT * FROM d.t ORDER BY who, n", using[0]);
    assert_eq!(rows.lines().count(), 2 * WRITES + 2);
    for server in [&*one, other] {
        let status = server.status();
        assert_eq!((status["Slave_IO_Running"].as_str(), status["Last_SQL_Error"].as_str()), ("Yes", ""), "{status:?}");
    }
}

#[test]
fn two_that_follow_each_other_have_each_row_once() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let ours = |id, options: &[&str]| Member::ours(&certificates, id, &[&["--log-bin", AS_MARIADB], options].concat());
    let by_position = "MASTER_LOG_FILE='binlog.000001', MASTER_LOG_POS=4, MASTER_USE_GTID=no";
    ring(&mut ours(1, &[]), &ours(2, &[]), [by_position; 2]);
    let by_gtid = "MASTER_USE_GTID=slave_pos";
    let theirs = Member::mariadb(&certificates, 2, &["--gtid-domain-id=2"]);
    ring(&mut ours(1, &["--gtid-domain-id=1"]), &theirs, [by_gtid; 2]);
}

#[test]
fn a_number_that_two_servers_have_is_told() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let ours = |id, options: &[&str]| Member::ours(&certificates, id, &[&["--log-bin", AS_MARIADB], options].concat());
    let (first, middle, last) = (ours(1, &[]), ours(2, &[]), ours(2, &[]));
    let using = "MASTER_USE_GTID=slave_pos";
    first.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    middle.follow(&first, using);
    middle.wait_for(&first);
    // The number of its source.
    last.follow(&middle, using);
    let stopped = last.until("1593", |status| status["Last_IO_Errno"] == "1593");
    assert!(stopped["Last_IO_Error"].contains("server id 2"), "{stopped:?}");
    // The number of its source's source, whose groups look like its own.
    last.sql("STOP SLAVE; SET GLOBAL server_id = 1; START SLAVE");
    last.wait_for(&middle);
    assert!(last.error("SELECT * FROM d.t").contains("ERROR 1049"));
    let log = last.server().log();
    assert_eq!(log.matches("another server may have this server's id 1").count(), 1, "{log}");
    // The number of another replica: the later one gets the log, and the earlier one is told.
    let twin = ours(2, &[]);
    twin.follow(&first, using);
    twin.wait_for(&first);
    let told = |server: &Member| {
        server.server().log().contains("A slave with the same server_uuid/server_id is already connected")
    };
    middle.until("4052", |_| told(&middle) || told(&twin));
}
