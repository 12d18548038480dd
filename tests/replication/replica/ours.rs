//! sealwired as a replica of sealwired, in both flavours of the log.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::replication::change_master;
use sealwire_tests::server::{Kind, Server, Settings};

use super::world::{Status, sql, until, vertical};

const CHANGES: &str = "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b VARCHAR(20), c DECIMAL(9,2), d DATETIME);
    INSERT INTO d.t VALUES (1, 'one', 1.50, '2024-02-29 01:02:03'), (2, NULL, -2, NULL); UPDATE d.t SET b = 'two' WHERE a = 2;
    BEGIN; INSERT INTO d.t (a) VALUES (3); DELETE FROM d.t WHERE a = 1; COMMIT;
    CREATE USER u@h IDENTIFIED WITH mysql_native_password BY 'secret'; GRANT SELECT ON d.* TO u@h";

#[test]
fn a_replica_follows_by_position_and_by_the_gtids_of_its_source() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let server = |options: &[&str], statements: &[String]| {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let certificates = Some(certificates.clone());
        let settings = Settings { certificates, options, statements: statements.to_vec(), ..Settings::default() };
        Server::start(Kind::Sealwired, &settings).unwrap()
    };
    let mysql: &[&str] = &["--log-bin", "--server-id=11", "--gtid-mode=ON"];
    let mariadb: &[&str] = &["--log-bin", "--server-id=11", "--version=10.11.99-MariaDB-Sealwire"];
    for (options, using) in [
        (mysql, "MASTER_AUTO_POSITION=1"),
        (mysql, "MASTER_AUTO_POSITION=0"),
        (mariadb, "MASTER_USE_GTID=slave_pos"),
        (mariadb, "MASTER_USE_GTID=no"),
    ] {
        let primary = server(
            options,
            &[
                "SET sql_log_bin = 0;".to_owned(),
                format!("CREATE USER repl@'%' IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}' REQUIRE SSL;"),
                "GRANT REPLICATION SLAVE ON *.* TO repl@'%';".to_owned(),
            ],
        );
        let ours = server(&["--server-id=7"], &[]);
        let change = change_master(primary.port, "repl", &certificates.ca, using);
        sql(&ours, &format!("{change}; START SLAVE"));
        sql(&primary, CHANGES);
        let has_all = |status: &Status| {
            let end = sql(&primary, "SHOW MASTER STATUS");
            let fields: Vec<&str> = end.split('\t').map(str::trim).collect();
            status["Relay_Master_Log_File"] == fields[0] && status["Exec_Master_Log_Pos"] == fields[1]
        };
        until(&ours, using, has_all);
        let rows = "SELECT * FROM d.t ORDER BY a; SHOW GRANTS FOR u@h";
        assert_eq!(sql(&ours, rows), sql(&primary, rows), "{using}");
        sql(&ours, "STOP SLAVE");
        sql(&primary, "INSERT INTO d.t (a) VALUES (9)");
        sql(&ours, "START SLAVE");
        until(&ours, using, has_all);
        assert_eq!(sql(&ours, rows), sql(&primary, rows), "{using}");
        let status = vertical(&sql(&ours, "SHOW REPLICA STATUS\\G"));
        assert_eq!(status["Source_TLS_Group"], "X25519MLKEM768");
        if using == "MASTER_AUTO_POSITION=1" {
            let executed = sql(&primary, "SELECT @@gtid_executed");
            assert_eq!(
                (status["Executed_Gtid_Set"].as_str(), status["Auto_Position"].as_str()),
                (executed.trim(), "1")
            );
            assert_eq!(status["Retrieved_Gtid_Set"], executed.trim());
        }
        let hosts = sql(&primary, "SHOW REPLICAS");
        assert!(hosts.starts_with("7\t"), "{hosts}");
        for log in [primary.log(), ours.log()] {
            assert!(!log.contains("bug in sealwired") && !log.contains("ERROR"), "{log}");
        }
    }
}
