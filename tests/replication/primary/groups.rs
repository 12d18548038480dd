//! The groups of the log, beside those of MariaDB for the same statements: the flags of their GTIDs, by which a replica with several threads
//! decides what it runs at once, and their events.

use sealwire_binlog::{Body, EventFlags, EventType, Limits, Reader};
use sealwire_tests::programs::needs;
use sealwire_tests::replication::{change_master, source_settings, wait_for};
use sealwire_tests::server::{Kind, Server, Settings};

use super::world::{MARIADB, PEERS, World, sql};

const TRANSACTION: &str = "0c: annotation, table, rows, end";
const DEFINITION: &str = "29: statement";
const WITHOUT_USE: &str = "29: statement without USE";
/// An optional statement, which MariaDB has not.
const OPTIONAL: &str = "00: statement, statement, end";

/// Statements, each of which is a group, and what the group is in MariaDB's log.
const STATEMENTS: &[(&str, &str)] = &[
    ("CREATE DATABASE k", WITHOUT_USE),
    ("USE k; CREATE TABLE t (a INT PRIMARY KEY, b INT)", DEFINITION),
    ("CREATE VIEW v AS SELECT a FROM t", DEFINITION),
    ("CREATE OR REPLACE VIEW v AS SELECT b FROM t", DEFINITION),
    ("DROP VIEW v", DEFINITION),
    ("INSERT INTO t VALUES (1, 2)", TRANSACTION),
    ("UPDATE t SET b = 3", TRANSACTION),
    ("DELETE FROM t", TRANSACTION),
    ("BEGIN; INSERT INTO t VALUES (3, 3); COMMIT", TRANSACTION),
    ("ALTER TABLE t ADD c INT", DEFINITION),
    ("CREATE INDEX i ON t (b)", DEFINITION),
    ("TRUNCATE TABLE t", DEFINITION),
    ("DROP TABLE t", DEFINITION),
    ("CREATE USER x@localhost IDENTIFIED WITH mysql_native_password", DEFINITION),
    ("GRANT SELECT ON k.* TO x@localhost", DEFINITION),
    ("DROP USER x@localhost", DEFINITION),
    ("DROP DATABASE k", WITHOUT_USE),
];

/// The groups of a log's file from its end at `from` on.
fn groups(server: &Server, from: &str) -> Vec<String> {
    let mut fields = from.split_whitespace();
    let (file, position) = (fields.next().unwrap(), fields.next().unwrap().parse::<u64>().unwrap());
    let bytes = std::fs::read(server.folder().join("data").join(file)).unwrap();
    let (mut rest, mut reader) = (bytes.as_slice(), Reader::file(Limits::default()));
    let mut groups: Vec<String> = Vec::new();
    while let Some(event) = reader.next(&mut rest).unwrap() {
        if u64::from(event.header.end_log_pos) <= position {
            continue;
        }
        let without_use = event.header.flags.contains(EventFlags::SUPPRESS_USE);
        let is_commit = |sql: &[u8]| matches!(sql, b"COMMIT");
        let name = match event.decode().unwrap() {
            Body::MariaDbGtid(gtid) => {
                groups.push(format!("{:02x}:", gtid.flags));
                continue;
            }
            Body::Query(query) if is_commit(&query.sql) => " end",
            Body::Query(_) if without_use => " statement without USE",
            Body::Query(_) => " statement",
            Body::Xid(_) => " end",
            Body::AnnotateRows(_) => " annotation",
            Body::TableMap(_) => " table",
            Body::Rows(_) => " rows",
            _ => continue,
        };
        let group = groups.last_mut().unwrap();
        if !group.ends_with(':') {
            group.push(',');
        }
        group.push_str(name);
    }
    groups
}

#[test]
fn a_group_has_the_flags_and_events_of_mariadbs() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let replica = Server::start(
        Kind::Sealwired,
        &Settings {
            options: ["--server-id=5", "--log-bin", MARIADB].map(str::to_owned).to_vec(),
            ..Settings::default()
        },
    )
    .unwrap();
    let set = &world.certificates;
    let more = format!(
        "MASTER_SSL_CERT='{}', MASTER_SSL_KEY='{}', MASTER_USE_GTID=slave_pos",
        set.client_cert.display(),
        set.client_key.display()
    );
    sql(&replica, &format!("{}; START SLAVE", change_master(world.ours().port, "repl", &set.ca, &more)));
    wait_for(&replica, world.ours());
    let theirs = Server::start(Kind::MariaDb, &source_settings(None, &[])).unwrap();
    let script: String = STATEMENTS.iter().map(|(statement, _)| format!("{statement};\n")).collect();
    let run = |server: &Server| {
        let from = sql(server, "SHOW MASTER STATUS");
        sql(server, &script);
        groups(server, &from)
    };
    let expected: Vec<&str> = STATEMENTS.iter().map(|(_, group)| *group).collect();
    assert_eq!(run(&theirs), expected);
    let ours = |(statement, group): &(&'static str, &'static str)| match *statement {
        view if view.contains(" VIEW ") => OPTIONAL,
        // The log has such statements in words of its own, which name the database.
        account if account.contains("x@localhost") => WITHOUT_USE,
        _ => *group,
    };
    let expected: Vec<&str> = STATEMENTS.iter().map(ours).collect();
    let before = sql(&replica, "SHOW MASTER STATUS");
    assert_eq!(run(world.ours()), expected);
    wait_for(&replica, world.ours());
    assert_eq!(groups(&replica, &before), expected);
}

/// `mariadb-binlog` writes USE before a statement, unless its event says that there is no current database.
#[test]
fn a_view_without_a_current_database_has_no_use() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    sql(world.ours(), "CREATE DATABASE d; CREATE VIEW d.v AS SELECT 1 AS a; DROP VIEW d.v");
    let log = std::fs::read(world.log_file("binlog.000001")).unwrap();
    let (mut rest, mut reader) = (log.as_slice(), Reader::file(Limits::default()));
    let mut statements = 0;
    while let Some(event) = reader.next(&mut rest).unwrap() {
        if event.header.event_type == EventType::QUERY {
            assert!(event.header.flags.contains(EventFlags::SUPPRESS_USE));
            statements += 1;
        }
    }
    assert_eq!(statements, 5);
}
