//! Servers in a row: the last one has what the first one has, under the first one's GTIDs, also where the middle one is killed.

use std::collections::BTreeSet;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::workload::Dice;

use super::killed::{assert_alike, begin, contents, seed};
use super::member::{AS_MARIADB, AS_MYSQL, Member, PEERS};

/// The transactions that are written while the middle server is killed.
const WORK: u64 = 25;

/// The MariaDB GTIDs of the groups in a server's log.
fn logged_gtids(server: &Member) -> BTreeSet<String> {
    let files = server.sql("SHOW BINARY LOGS");
    let names = files.lines().filter_map(|line| line.split('\t').next());
    let shown = |name: &str| server.sql(&format!("SHOW BINLOG EVENTS IN '{name}'"));
    let gtid = |line: &str| {
        let mut fields = line.split('\t').skip(2);
        let is_gtid = fields.next() == Some("Gtid");
        is_gtid
            .then(|| fields.nth(2)?.split_whitespace().find(|word| word.matches('-').count() == 2).map(str::to_owned))?
    };
    names.flat_map(|name| shown(name).lines().filter_map(gtid).collect::<Vec<String>>()).collect()
}

/// Writes to the first server while the second one is killed, and compares the third one.
fn chain(first: &Member, middle: &mut Member, last: &Member, using: &str) {
    let seed = seed();
    let mut dice = Dice::new(seed);
    begin(first);
    middle.follow(first, using);
    last.follow(middle, using);
    middle.wait_for(first);
    let mut writer = first.write(dice.work(0, WORK, true));
    middle.kill();
    middle.start_again();
    assert!(writer.wait().is_ok());
    middle.wait_for(first);
    last.wait_for(middle);
    let when = format!("seed {seed}, {using}");
    let expected = contents(first);
    assert_alike(&expected, middle, &when);
    assert_alike(&expected, last, &when);
    let channel = middle.status();
    assert_eq!(
        (channel["Source_TLS_Version"].as_str(), channel["Last_SQL_Errno"].as_str()),
        ("TLSv1.3", "0"),
        "{when}"
    );
    let log = middle.server().log();
    assert!(!log.contains("bug in sealwired") && !log.contains("ERROR"), "{log}");
}

/// Compares the GTIDs of all three servers, which begin so.
#[track_caller]
fn assert_kept(first: &Member, middle: &Member, last: &Member, prefix: &str) {
    let gtids = logged_gtids(first);
    assert!(gtids.len() > 40 && gtids.iter().all(|gtid| gtid.starts_with(prefix)), "{gtids:?}");
    assert_eq!(logged_gtids(middle), gtids);
    // MariaDB's replica does not log CREATE TABLE IF NOT EXISTS again where the table exists.
    assert!(logged_gtids(last).is_subset(&gtids));
    for server in [middle, last] {
        assert_eq!(server.sql("SELECT @@gtid_slave_pos"), first.sql("SELECT @@gtid_binlog_pos"));
    }
}

#[test]
fn ours_passes_the_log_of_mariadb_on_to_mariadb() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let first = Member::mariadb(&certificates, 11, &["--gtid-domain-id=3"]);
    let mut middle = Member::ours(&certificates, 7, &["--log-bin", AS_MARIADB]);
    let last = Member::mariadb(&certificates, 12, &["--gtid-strict-mode"]);
    chain(&first, &mut middle, &last, "MASTER_USE_GTID=slave_pos");
    assert_kept(&first, &middle, &last, "3-11-");
}

#[test]
fn ours_passes_the_log_of_ours_on_to_mariadb() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let first = Member::ours(&certificates, 1, &["--log-bin", AS_MARIADB]);
    let mut middle = Member::ours(&certificates, 7, &["--log-bin", AS_MARIADB]);
    let last = Member::mariadb(&certificates, 12, &["--gtid-strict-mode"]);
    chain(&first, &mut middle, &last, "MASTER_USE_GTID=slave_pos");
    assert_kept(&first, &middle, &last, "0-1-");
}

#[test]
fn ours_passes_the_log_on_with_the_gtids_of_mysql() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let server = |id| Member::ours(&certificates, id, &["--log-bin", AS_MYSQL]);
    let (first, mut middle, last) = (server(1), server(7), server(12));
    chain(&first, &mut middle, &last, "MASTER_AUTO_POSITION=1");
    let executed = first.sql("SELECT @@gtid_executed");
    let uuid = first.sql("SELECT @@server_uuid");
    assert!(executed.starts_with(&format!("{}:1-", uuid.trim())), "{executed}");
    for server in [&middle, &last] {
        assert_eq!(server.sql("SELECT @@gtid_executed"), executed);
    }
}
