//! Two servers that change roles, and a third one that follows whichever is the source.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;

use super::member::{AS_MARIADB, AS_MYSQL, Member, PEERS};

const TABLES: &str = "CREATE DATABASE d; CREATE DATABASE e; CREATE TABLE d.t (a INT AUTO_INCREMENT PRIMARY KEY, b VARCHAR(20)); \
    CREATE TABLE d.keyless (a INT); CREATE TABLE e.t (a INT);";

/// Changes of all tables, which would fail or be seen if they came twice.
fn write(source: &Member, name: &str) {
    source.sql(&format!(
        "INSERT INTO d.t (b) VALUES ('{name} 1'), ('{name} 2'); INSERT INTO d.keyless VALUES (1); CREATE TABLE e.{name} (a INT);
         BEGIN; INSERT INTO d.keyless VALUES (2); INSERT INTO e.t VALUES (3); COMMIT; UPDATE d.t SET b = CONCAT(b, '+') WHERE a % 2 = 0"
    ));
}

#[track_caller]
fn assert_alike(source: &Member, replicas: &[&Member], when: &str) {
    const ALL: &str = "SELECT * FROM d.t ORDER BY a; SELECT a FROM d.keyless ORDER BY a; SELECT a FROM e.t ORDER BY a; SHOW TABLES FROM e";
    let expected = source.sql(ALL);
    for replica in replicas {
        replica.wait_for(source);
        assert_eq!(replica.sql(ALL), expected, "{when}: {}", replica.server().log());
    }
}

/// Makes `new` the source: the other servers follow it from then on.
fn promote(new: &Member, old: &Member, third: &Member, using: &str) {
    new.wait_for(old);
    new.sql("STOP SLAVE; RESET SLAVE ALL");
    old.follow(new, using);
    third.sql(&format!("STOP SLAVE; {}; START SLAVE", third.change(new, using)));
}

fn switch(first: &mut Member, second: &Member, third: &Member, using: &str) {
    first.sql(TABLES);
    write(first, "one");
    for replica in [second, third] {
        replica.follow(first, using);
    }
    assert_alike(first, &[second, third], "before");
    promote(second, first, third, using);
    write(second, "two");
    assert_alike(second, &[first, third], "switched");
    first.restart_with(|_| {});
    write(second, "three");
    assert_alike(second, &[first, third], "after a restart");
    promote(first, second, third, using);
    write(first, "four");
    assert_alike(first, &[second, third], "back again");
    // The source is lost, and comes back as a replica.
    assert_alike(first, &[second, third], "all is received");
    first.kill();
    second.sql("STOP SLAVE; RESET SLAVE ALL");
    write(second, "five");
    third.sql(&format!("STOP SLAVE; {}; START SLAVE", third.change(second, using)));
    assert_alike(second, &[third], "without the first one");
    first.start_again();
    first.follow(second, using);
    write(second, "six");
    assert_alike(second, &[first, third], "with the lost one");
    for server in [first, second, third] {
        let log = server.server().log();
        assert!(!log.contains("bug in sealwired"), "{log}");
    }
}

#[test]
fn two_of_ours_change_roles_with_the_gtids_of_mariadb() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let server = |id| Member::ours(&certificates, id, &["--log-bin", AS_MARIADB]);
    switch(&mut server(1), &server(2), &server(3), "MASTER_USE_GTID=slave_pos");
}

#[test]
fn two_of_ours_change_roles_with_the_gtids_of_mysql() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let server = |id| Member::ours(&certificates, id, &["--log-bin", AS_MYSQL]);
    switch(&mut server(1), &server(2), &server(3), "MASTER_AUTO_POSITION=1");
}

#[test]
fn ours_and_mariadb_change_roles() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let mut ours = Member::ours(&certificates, 1, &["--log-bin", AS_MARIADB]);
    let theirs = Member::mariadb(&certificates, 2, &[]);
    let third = Member::ours(&certificates, 3, &["--log-bin", AS_MARIADB]);
    switch(&mut ours, &theirs, &third, "MASTER_USE_GTID=current_pos");
}

/// The last GTID that the server has applied, or given itself: its server and its number.
fn current(server: &Member) -> (String, u64) {
    let position = server.sql("SELECT @@gtid_current_pos");
    let mut parts = position.trim().split('-').skip(1);
    (parts.next().unwrap().to_owned(), parts.next().unwrap().parse().unwrap())
}

/// The first source's replica has no log until it becomes the source itself.
#[test]
fn a_log_that_is_switched_on_later_goes_on_behind_what_was_applied() {
    if !needs(PEERS) {
        return;
    }
    const BY_GTID: &str = "MASTER_USE_GTID=slave_pos";
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let first = Member::ours(&certificates, 1, &["--log-bin", AS_MARIADB]);
    let mut second = Member::ours(&certificates, 2, &[AS_MARIADB, "--skip-replica-start"]);
    let third = Member::mariadb(&certificates, 3, &[]);
    first.sql(TABLES);
    write(&first, "one");
    for replica in [&second, &third] {
        replica.follow(&first, BY_GTID);
    }
    assert_alike(&first, &[&second, &third], "before");
    let (_, applied) = current(&second);
    second.sql("STOP SLAVE");
    second.restart_as(&["--log-bin"]);
    second.sql("INSERT INTO d.keyless VALUES (7)");
    assert_eq!(current(&second), ("2".to_owned(), applied + 1), "the channel is still there");
    third.sql(&format!("STOP SLAVE; {}; START SLAVE", third.change(&second, BY_GTID)));
    third.wait_for(&second);
    second.sql("RESET SLAVE ALL; RESET MASTER");
    second.restart_with(|_| {});

    // The log is empty, and a replica that is not where this server was may be a replica of several.
    let behind = format!("STOP SLAVE; SET GLOBAL gtid_slave_pos = '0-1-{}'; START SLAVE", applied - 1);
    third.sql(&behind);
    third.until("the replica that is behind is taken", |status| status["Slave_IO_Running"] == "Yes");
    second.sql("INSERT INTO d.keyless VALUES (8)");
    assert_eq!(current(&second), ("2".to_owned(), applied + 1), "the channel is gone");
    let status = third.until("it is refused", |status| status["Last_IO_Errno"] == "1236");
    assert!(status["Last_IO_Error"].contains(&format!("GTID 0-1-{}, which is not in", applied - 1)), "{status:?}");
    third.sql(&format!("STOP SLAVE; SET GLOBAL gtid_slave_pos = '0-1-{applied}'; START SLAVE"));
    first.sql("SET sql_log_bin = 0; INSERT INTO d.keyless VALUES (7)");
    first.follow(&second, BY_GTID);
    write(&second, "two");
    assert_alike(&second, &[&first, &third], "switched");
    promote(&first, &second, &third, BY_GTID);
    write(&first, "three");
    assert_alike(&first, &[&second, &third], "back again");
    promote(&second, &first, &third, BY_GTID);
    write(&second, "four");
    assert_alike(&second, &[&first, &third], "switched again");
    second.sql("SET GLOBAL gtid_slave_pos = '0-1-5000'; INSERT INTO d.keyless VALUES (9)");
    assert_eq!(current(&second), ("2".to_owned(), 5001));
    assert_alike(&second, &[&first, &third], "behind a position that was set");
}

#[test]
fn a_log_of_mysql_that_is_switched_on_later_has_what_was_applied() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    const BY_GTID: &str = "MASTER_AUTO_POSITION=1";
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let first = Member::ours(&certificates, 1, &["--log-bin", AS_MYSQL]);
    let mut second = Member::ours(&certificates, 2, &[AS_MYSQL]);
    let third = Member::ours(&certificates, 3, &[AS_MYSQL]);
    first.sql(TABLES);
    write(&first, "one");
    second.follow(&first, BY_GTID);
    assert_alike(&first, &[&second], "before");
    let applied = second.sql("SELECT @@gtid_executed");
    second.sql("STOP SLAVE; RESET SLAVE ALL");
    second.restart_as(&["--log-bin"]);
    assert_eq!(second.sql("SELECT @@gtid_executed, @@gtid_purged"), format!("{0}\t{0}\n", applied.trim()));
    third.follow(&second, BY_GTID);
    let status = third.until("an empty replica is refused", |status| status["Last_IO_Errno"] == "1236");
    assert!(status["Last_IO_Error"].contains("purged"), "{status:?}");
    first.follow(&second, BY_GTID);
    write(&second, "two");
    assert_alike(&second, &[&first], "switched");
    promote(&first, &second, &third, BY_GTID);
    write(&first, "three");
    assert_alike(&first, &[&second, &third], "back again");
    second.restart_with(|_| {});
    assert_eq!(second.sql("SELECT @@gtid_executed"), first.sql("SELECT @@gtid_executed"));
}
