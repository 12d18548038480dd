//! A source whose certificate is revoked, or belongs to another name.

use std::path::Path;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;

use super::member::{AS_MARIADB, AS_MYSQL, Member, PEERS};

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
    std::fs::rename(place.path().join("revoked.pem"), &revoked).unwrap();
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
