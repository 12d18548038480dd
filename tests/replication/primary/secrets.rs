//! Passwords are not in the binary log, however a statement brings them.

use sealwire_tests::clients;
use sealwire_tests::programs::needs;

use super::raw::Raw;
use super::world::{MARIADB, World, sql};

/// The front of every password here.
const SECRET: &str = "s3cr3t-";

#[test]
fn no_password_is_in_the_log() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    for version in [MARIADB, "--version=8.0.99-Sealwire"] {
        let world = World::new(&[version, "--binlog-rows-query-log-events=ON", "--max-binlog-size=4096"]);
        let server = world.ours();
        sql(
            server,
            "SET sql_log_bin = 0; CREATE USER raw@'%' IDENTIFIED WITH mysql_native_password AS ''; GRANT ALL ON *.* TO raw@'%' WITH GRANT OPTION;
             SET sql_log_bin = 1; CREATE DATABASE d; CREATE TABLE d.t (a INT)",
        );
        let statements = [
            "CREATE USER a@h IDENTIFIED BY 's3cr3t-01'",
            "CREATE USER b@h IDENTIFIED WITH mysql_native_password BY 's3cr3t-02'",
            "CREATE USER c@h IDENTIFIED WITH caching_sha2_password BY 's3cr3t-03'",
            "CREATE USER IF NOT EXISTS a@h IDENTIFIED BY 's3cr3t-04'",
            "CREATE USER x@h IDENTIFIED BY 's3cr3t-05', y@h IDENTIFIED BY \"s3cr3t-06\"",
            "/* s3cr3t-07 */ ALTER /* s3cr3t-08 */ USER a@h IDENTIFIED BY 's3cr3t-09' -- s3cr3t-10",
            "ALTER USER a@h IDENTIFIED BY 's3cr3t-11' REQUIRE SSL",
            "SET PASSWORD FOR a@h = 's3cr3t-12'",
            "ALTER USER b@h IDENTIFIED WITH mysql_native_password BY 's3cr3t-15'",
            "/*!50701 ALTER USER a@h IDENTIFIED BY 's3cr3t-16' */",
            "RENAME USER a@h TO 's3cr3t'@h",
            "CREATE USER wrong@h IDENTIFIED WITH no_such_plugin BY 's3cr3t-18'",
            "CREATE USER wrong@h IDENTIFIED BY 's3cr3t-19",
            "SET @password = 's3cr3t-20'",
        ];
        let mut raw = Raw::connect(&world, "raw");
        let mut refused = Vec::new();
        for statement in statements {
            if raw.run(statement.as_bytes()).is_some() {
                refused.push(statement);
            }
        }
        // Those that this server does not know, or that are wrong.
        assert_eq!(refused.len(), 2, "{refused:?}");
        // In one packet with changes of rows, whose text the log has.
        let script = "INSERT INTO d.t VALUES (1); ALTER USER b@h IDENTIFIED WITH mysql_native_password BY 's3cr3t-21'; INSERT INTO d.t VALUES (2)";
        assert_eq!(raw.run(script.as_bytes()), None);
        for _ in 0..2 {
            assert_eq!(raw.next().unwrap()[0], 0);
        }
        let mut config = clients::plain("root");
        config.password = "".into();
        let mut client = sealwire::Client::connect(&sealwire::Address::Unix(server.socket.clone()), config).unwrap();
        for statement in ["ALTER USER x@h IDENTIFIED BY 's3cr3t-22'", "CREATE USER z@h IDENTIFIED BY 's3cr3t-23'"] {
            let prepared = client.prepare(statement).unwrap();
            client.execute(&prepared, &[]).unwrap().next().unwrap();
        }
        sql(server, "FLUSH BINARY LOGS");
        let mut bytes = Vec::new();
        for line in sql(server, "SHOW BINARY LOGS").lines() {
            bytes.extend(std::fs::read(world.log_file(line.split('\t').next().unwrap())).unwrap());
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(at) = text.find(SECRET) {
            let around: String = text[at..].chars().take(12).collect();
            panic!("{version}: {around} is in the log");
        }
        // The log has the statements, with hashes.
        for expected in ["INSERT INTO d.t VALUES (2)", "'b'@'h'"] {
            assert!(text.contains(expected), "{version}: no {expected} in {text}");
        }
        assert!(!server.log().contains(SECRET), "a password is in the server's log");
    }
}
