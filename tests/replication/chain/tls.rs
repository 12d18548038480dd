//! A source whose certificate is revoked, or belongs to another name.

use std::fs;
use std::path::Path;
use std::time::Duration;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;

use super::member::{AS_MARIADB, AS_MYSQL, Member, PEERS, Status};

/// The words of either dialect for what follows a source.
const DIALECTS: [&str; 2] = ["MASTER", "SOURCE"];

#[test]
fn a_source_whose_certificate_is_revoked_gets_no_login() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let revoked = CertificateSet::revocation_list(place.path(), &set.server_cert).with_file_name("server-revoked.pem");
    fs::rename(place.path().join("revoked.pem"), &revoked).unwrap();
    let others = CertificateSet::revocation_list(place.path(), &set.client_cert);
    let replica = Member::ours(&set, 7, &["--log-bin", AS_MYSQL]);
    for (source, dialect, using) in [
        (Member::mariadb(&set, 11, &[]), DIALECTS[0], "MASTER_USE_GTID=slave_pos"),
        (Member::ours(&set, 12, &["--log-bin", AS_MARIADB]), DIALECTS[0], "MASTER_USE_GTID=slave_pos"),
        (Member::ours(&set, 13, &["--log-bin", AS_MYSQL]), DIALECTS[1], "MASTER_AUTO_POSITION=1"),
    ] {
        let change = replica.change(&source, using);
        let change = match dialect {
            "SOURCE" => change.replace("CHANGE MASTER", "CHANGE REPLICATION SOURCE").replace("MASTER_", "SOURCE_"),
            _ => change,
        };
        let start = |list: &Path| {
            replica.sql(&format!("{change}, {dialect}_SSL_CRL='{}'; START REPLICA", list.display()));
        };
        start(&others);
        source.sql("CREATE DATABASE d");
        replica.wait_for(&source);
        let status = replica.status();
        assert_eq!((status["Slave_IO_Running"].as_str(), status["Source_TLS_Version"].as_str()), ("Yes", "TLSv1.3"));
        // Its accounts would be refused with this number, so nothing of a login was sent.
        replica.sql("STOP REPLICA");
        start(&revoked);
        let refused = replica.until("2026", |status| status["Last_IO_Errno"] == "2026");
        assert!(refused["Last_IO_Error"].contains("revoked"), "{refused:?}");
        assert_eq!((refused["Slave_IO_Running"].as_str(), refused["Source_TLS_Version"].as_str()), ("Connecting", ""));
        replica.sql("STOP REPLICA; RESET REPLICA ALL; SET GLOBAL gtid_slave_pos = ''; DROP DATABASE d");
    }
}

#[test]
fn a_source_whose_certificate_ends_while_the_channel_runs_is_left() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::by_openssl(place.path());
    let kept = |name: &str, certificate: &Path| {
        let list = place.path().join(name);
        fs::rename(CertificateSet::revocation_list(place.path(), certificate), &list).unwrap();
        list
    };
    let (revoked, others) = (kept("server-revoked.pem", &set.server_cert), kept("others.pem", &set.client_cert));
    let list = place.path().join("list.pem");
    fs::copy(&others, &list).unwrap();
    let source = Member::ours(&set, 11, &["--log-bin", AS_MARIADB]);
    let replica = Member::ours(&set, 7, &[]);
    let change = replica.change(&source, "MASTER_USE_GTID=slave_pos");
    replica.sql(&format!("{change}, MASTER_SSL_CRL='{}'; START SLAVE", list.display()));
    source.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    replica.wait_for(&source);
    let is_told = |why: &'static str| {
        move |status: &Status| status["Last_IO_Errno"] == "2026" && status["Last_IO_Error"].contains(why)
    };
    replica.sql("ALTER INSTANCE RELOAD TLS");
    source.sql("INSERT INTO d.t VALUES (2)");
    replica.wait_for(&source);
    assert_eq!(replica.status()["Slave_IO_Running"], "Yes", "the list is the same");

    fs::copy(&revoked, &list).unwrap();
    replica.sql("ALTER INSTANCE RELOAD TLS");
    replica.until("the source is revoked", is_told("revoked"));
    source.sql("INSERT INTO d.t VALUES (3)");
    assert_eq!(replica.sql("SELECT MAX(a) FROM d.t"), "2\n");
    fs::copy(&others, &list).unwrap();
    replica.wait_for(&source);

    // Nothing tells of the certificate's end but the clock. A slow machine gets a certificate that lasts longer.
    let runs = |seconds: &u64| {
        CertificateSet::expiring(place.path(), "server", Duration::from_secs(*seconds));
        source.sql("ALTER INSTANCE RELOAD TLS");
        replica.sql("STOP SLAVE; START SLAVE");
        let is_decided = |status: &Status| status["Slave_IO_Running"] == "Yes" || status["Last_IO_Errno"] != "0";
        replica.until("it runs, or is late", is_decided)["Slave_IO_Running"] == "Yes"
    };
    assert!([4, 8, 16, 32, 64].iter().any(runs), "{:?}", replica.status());
    replica.until("the certificate has expired", is_told("expired"));
}

#[test]
fn a_source_whose_certificate_has_another_name_gets_no_login() {
    if !needs(PEERS) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let set = CertificateSet::for_names(place.path(), "DNS:other.example,IP:127.0.0.9");
    let replica = Member::ours(&set, 7, &[]);
    for source in [Member::mariadb(&set, 11, &[]), Member::ours(&set, 13, &["--log-bin", AS_MYSQL])] {
        for host in ["127.0.0.1", "localhost"] {
            let change = format!("{}, MASTER_HOST='{host}'", replica.change(&source, "MASTER_USE_GTID=no"));
            replica.sql(&format!("{change}; START SLAVE"));
            let refused = replica.until("2026", |status| status["Last_IO_Errno"] == "2026");
            for told in [host, "other.example", "127.0.0.9"] {
                assert!(refused["Last_IO_Error"].contains(told), "{told}: {refused:?}");
            }
            // The CA alone is enough where the user says so.
            replica.sql("STOP SLAVE; CHANGE MASTER TO MASTER_SSL_VERIFY_SERVER_CERT=0; START SLAVE");
            let status = replica.until("connected", |status| status["Slave_IO_Running"] == "Yes");
            assert_eq!(status["Source_TLS_Verification"], "CA", "{status:?}");
            replica.sql("STOP SLAVE; RESET SLAVE ALL");
        }
    }
}
