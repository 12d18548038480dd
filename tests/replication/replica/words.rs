//! The words that say from where, up to where, and of what a channel applies, and the variables beside them.

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};

use super::world::{PEERS, World, error, sql, status, until};

#[test]
fn until_in_the_relay_log_domains_filters_and_a_small_relay_log() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&["--relay-log-space-limit=4096"]);
    let ours = world.ours();
    sql(
        world.primary(),
        "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY, b LONGTEXT); CREATE DATABASE e; CREATE TABLE e.t (a INT)",
    );
    sql(ours, &format!("{}; START SLAVE", world.change("repl", "MASTER_USE_GTID=slave_pos")));
    world.wait();
    // Each group is larger than the relay log may be, and comes all the same.
    let rows: String =
        (10..30).map(|number| format!("INSERT INTO d.t VALUES ({number}, REPEAT('x', 9000));")).collect();
    sql(world.primary(), &rows);
    world.wait();
    world.same("SELECT a, LENGTH(b) FROM d.t ORDER BY a");
    sql(ours, "STOP SLAVE SQL_THREAD");
    let at = status(ours);
    sql(
        world.primary(),
        "INSERT INTO d.t VALUES (1, ''); INSERT INTO d.t VALUES (2, ''); INSERT INTO d.t VALUES (3, '')",
    );
    let end = sql(world.primary(), "SHOW MASTER STATUS");
    let end = end.split_whitespace().nth(1).unwrap();
    world.until("all is received", |status| status["Read_Master_Log_Pos"] == end);
    let behind = at["Relay_Log_Pos"].parse::<u64>().unwrap() + 1;
    let relay_until = format!("RELAY_LOG_FILE='{}', RELAY_LOG_POS={behind}", at["Relay_Log_File"]);
    sql(ours, &format!("START SLAVE SQL_THREAD UNTIL {relay_until}"));
    let reached = world.until("UNTIL", |status| status["Slave_SQL_Running"] == "No");
    assert_eq!(
        (reached["Until_Condition"].as_str(), reached["Last_SQL_Errno"].as_str()),
        ("Relay", "0"),
        "{reached:?}"
    );
    assert_eq!(sql(ours, "SELECT COUNT(*) FROM d.t WHERE a < 10"), "1\n", "the group at the position is applied whole");

    // Domains.
    sql(ours, "STOP SLAVE; CHANGE MASTER TO IGNORE_DOMAIN_IDS=(5, 6); START SLAVE");
    sql(
        world.primary(),
        "SET gtid_domain_id = 5; INSERT INTO e.t VALUES (5); SET gtid_domain_id = 7; INSERT INTO e.t VALUES (7)",
    );
    world.wait();
    assert_eq!(sql(ours, "SELECT a FROM e.t"), "7\n");
    assert_eq!(status(ours)["Replicate_Ignore_Domain_Ids"], "5, 6");
    sql(ours, "STOP SLAVE; CHANGE MASTER TO IGNORE_DOMAIN_IDS=(), DO_DOMAIN_IDS=(0); START SLAVE");
    sql(
        world.primary(),
        "SET gtid_domain_id = 7; INSERT INTO e.t VALUES (70); SET gtid_domain_id = 0; INSERT INTO e.t VALUES (1)",
    );
    world.wait();
    assert_eq!(sql(ours, "SELECT a FROM e.t ORDER BY a"), "1\n7\n");
    assert_eq!(status(ours)["Replicate_Do_Domain_Ids"], "0");

    // MariaDB's filters by variable change while the applier stands.
    assert!(error(ours, "SET GLOBAL replicate_ignore_table = 'e.t'").contains("ERROR 1198"));
    sql(ours, "STOP SLAVE; SET GLOBAL replicate_do_db = 'e', GLOBAL replicate_wild_ignore_table = 'e.x%'; START SLAVE");
    sql(
        world.primary(),
        "INSERT INTO d.t VALUES (4, ''); CREATE TABLE e.x1 (a INT); INSERT INTO e.x1 VALUES (1); INSERT INTO e.t VALUES (2)",
    );
    world.wait();
    assert_eq!(
        sql(ours, "SELECT (SELECT COUNT(*) FROM d.t WHERE a = 4), (SELECT MIN(a) FROM e.t WHERE a > 1)"),
        "0\t2\n"
    );
    let filtered = status(ours);
    assert_eq!((filtered["Replicate_Do_DB"].as_str(), filtered["Replicate_Wild_Ignore_Table"].as_str()), ("e", "e.x%"));
    sql(ours, "STOP SLAVE");
    for (word, value) in [("RELAY_LOG_FILE", "'relay-bin.000002'"), ("RELAY_LOG_POS", "4")] {
        let told = error(ours, &format!("CHANGE REPLICATION SOURCE TO {word}={value}"));
        assert!(told.contains("ERROR 1235") && told.contains(word), "{told}");
    }

    // The local address of the channel.
    sql(ours, "CHANGE REPLICATION SOURCE TO SOURCE_BIND='127.0.0.2'; START SLAVE");
    world.until("the channel runs", |status| status["Slave_IO_Running"] == "Yes");
    let dumps = sql(world.primary(), "SELECT host FROM information_schema.processlist WHERE command = 'Binlog Dump'");
    assert!(dumps.lines().any(|host| host.starts_with("127.0.0.2:")), "{dumps}");
    assert!(sql(ours, "SHOW REPLICA STATUS").contains("\t127.0.0.2\t"));
    sql(ours, "STOP SLAVE; CHANGE MASTER TO MASTER_BIND='192.0.2.1'; START SLAVE");
    let foreign = world.until("it has failed", |status| status["Last_IO_Errno"] != "0");
    let told = &foreign["Last_IO_Error"];
    assert!(foreign["Last_IO_Errno"] == "2003" && told.contains("SOURCE_BIND='192.0.2.1'"), "{told}");
    sql(ours, "STOP SLAVE; CHANGE MASTER TO MASTER_BIND=''; START SLAVE");
    world.until("the channel runs again", |status| status["Slave_IO_Running"] == "Yes");
}

#[test]
fn a_copy_of_mysql_goes_on_behind_gtid_purged_and_stops_before_and_after_gtids() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let settings = |options: &[&str], statements: &[String]| {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Settings {
            certificates: Some(certificates.clone()),
            options,
            statements: statements.to_vec(),
            ..Settings::default()
        }
    };
    let accounts = [
        "SET sql_log_bin = 0;".to_owned(),
        format!("CREATE USER repl@'%' IDENTIFIED WITH caching_sha2_password BY '{PASSWORD}' REQUIRE SSL;"),
        "GRANT REPLICATION SLAVE ON *.* TO repl@'%';".to_owned(),
    ];
    let source = settings(&["--log-bin", "--server-id=11", "--gtid-mode=ON"], &accounts);
    let primary = Server::start(Kind::Sealwired, &source).unwrap();
    let made = "CREATE DATABASE d; CREATE TABLE d.t (a INT PRIMARY KEY); INSERT INTO d.t VALUES (1)";
    sql(&primary, made);
    let uuid = sql(&primary, "SELECT @@server_uuid").trim().to_owned();
    for options in [&["--log-bin", "--gtid-mode=ON", "--server-id=7"][..], &["--server-id=7"]] {
        let copy = settings(options, &[]);
        let mut ours = Server::start(Kind::Sealwired, &copy).unwrap();
        sql(&primary, "SET sql_log_bin = 0; DELETE FROM d.t WHERE a > 1");
        let set = sql(&primary, "SELECT @@gtid_executed").trim().to_owned();
        let executed = format!("{set}\t{set}\n");
        sql(&ours, &format!("SET sql_log_bin = 0; {made}"));
        assert!(error(&ours, "SET GLOBAL gtid_purged = 'nonsense'").contains("ERROR 1772"));
        sql(&ours, &format!("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '{set}'"));
        assert_eq!(sql(&ours, "SELECT @@gtid_executed, @@gtid_purged"), executed);
        assert!(error(&ours, &format!("SET GLOBAL gtid_purged = '{uuid}:1-9'")).contains("ERROR 1840"));
        ours = ours.restart(&copy).unwrap();
        assert_eq!(sql(&ours, "SELECT @@gtid_executed, @@gtid_purged"), executed, "{options:?}");
        let change = format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={}, SOURCE_USER='repl', SOURCE_PASSWORD='{PASSWORD}', \
             SOURCE_SSL_CA='{}', SOURCE_CONNECT_RETRY=1, SOURCE_AUTO_POSITION=1",
            primary.port,
            certificates.ca.display(),
        );
        let next = set.rsplit('-').next().unwrap().parse::<u64>().unwrap() + 1;
        sql(&primary, "INSERT INTO d.t VALUES (2); INSERT INTO d.t VALUES (3); INSERT INTO d.t VALUES (4)");
        sql(&ours, &format!("{change}; START REPLICA UNTIL SQL_BEFORE_GTIDS = '{uuid}:{}'", next + 1));
        let reached = until(&ours, "UNTIL", |status| status["Slave_SQL_Running"] == "No");
        assert_eq!(reached["Until_Condition"], "SQL_BEFORE_GTIDS", "{reached:?}");
        assert_eq!(sql(&ours, "SELECT a FROM d.t ORDER BY a"), "1\n2\n", "{reached:?}");
        sql(&ours, &format!("START REPLICA UNTIL SQL_AFTER_GTIDS = '{uuid}:{}'", next + 1));
        until(&ours, "UNTIL", |status| status["Slave_SQL_Running"] == "No");
        assert_eq!(sql(&ours, "SELECT a FROM d.t ORDER BY a"), "1\n2\n3\n");
        sql(&ours, "START REPLICA");
        let all = sql(&primary, "SELECT @@gtid_executed");
        assert_eq!(sql(&ours, &format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', 60)", all.trim())), "0\n");
        assert_eq!(sql(&ours, "SELECT @@gtid_executed"), all);
        sql(&ours, "STOP REPLICA");
    }
    // MariaDB's flavour has no such set.
    let mariadb = settings(&["--log-bin", "--server-id=7", "--version=10.11.99-MariaDB-Sealwire"], &[]);
    let mariadb = Server::start(Kind::Sealwired, &mariadb).unwrap();
    assert!(error(&mariadb, &format!("SET GLOBAL gtid_purged = '{uuid}:1-3'")).contains("ERROR 1839"));
}
