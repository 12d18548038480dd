//! A source that sends more than the disk holds.

use sealwire_binlog::Flavour;
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::replication::change_master;
use sealwire_tests::server::{Kind, Server};
use sealwire_tests::source;

use crate::disk::{can_mount, on_its_own_of};
use crate::{assert_answers, root, rows};

#[test]
fn an_endless_transaction_of_a_source_leaves_room_for_tables() {
    if !can_mount() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_sealwire_certs(place.path());
    let source = source::start(Some(source::context(&certificates)), Flavour::MariaDb, |stream| {
        stream.begin()?;
        stream.group(false)?;
        let statement = format!("INSERT INTO d.t VALUES ('{}')", "x".repeat(100_000));
        loop {
            stream.query("d", &statement)?;
        }
    });
    let mut settings = on_its_own_of("40m", "true");
    settings.options = vec!["--server-id=7".to_owned()];
    let server = Server::start(Kind::Sealwired, &settings).unwrap();
    let mut client = root(&server).unwrap();
    for sql in ["CREATE DATABASE d", "CREATE TABLE d.t (v MEDIUMTEXT)"] {
        rows(&mut client, sql).unwrap();
    }
    rows(&mut client, &change_master(source.port, "repl", &certificates.ca, "")).unwrap();
    rows(&mut client, "START SLAVE").unwrap();
    let begun = std::time::Instant::now();
    let said = loop {
        let status = rows(&mut client, "SHOW SLAVE STATUS").unwrap().concat();
        if status.contains("Relay log write failure") {
            break status;
        }
        assert!(begun.elapsed().as_secs() < 60, "{status}");
        // The status is asked for again, because no statement waits for it.
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(said.contains("less than a tenth of the file system") && said.contains("relay_log_space_limit"), "{said}");
    for number in 0..20 {
        rows(&mut client, "INSERT INTO d.t VALUES (REPEAT('x', 50000))")
            .unwrap_or_else(|error| panic!("{number}: {error}"));
    }
    rows(&mut client, "STOP SLAVE").unwrap();
    assert_answers(&server);
}
