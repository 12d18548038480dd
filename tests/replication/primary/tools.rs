//! mariadb-binlog on our files and streams, and a stream in Python.

use std::process::Command;

use sealwire_tests::child;
use sealwire_tests::drivers::{python, site_packages};
use sealwire_tests::programs::{can, needs, set_up};
use sealwire_tests::workload::{Dice, EVERY_TYPE};

use super::world::{MARIADB, PEERS, World, error, sql};

fn output(command: &mut Command) -> String {
    let output = child::output(command, &[]).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    assert!(!said.contains("WARNING") && !said.contains("ERROR"), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines about rows, and the statements; without positions and names of files.
fn rows(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| line.starts_with("###") || line.starts_with("BINLOG") || line.starts_with("INSERT"))
        .collect()
}

#[test]
fn mariadb_binlog_reads_the_file_and_the_stream_alike() {
    if !needs(PEERS) {
        return;
    }
    for checksum in ["--binlog-checksum=CRC32", "--binlog-checksum=NONE"] {
        let world = World::new(&[MARIADB, checksum]);
        let mut dice = Dice::new(7);
        let statements: String = (0..40).map(|_| dice.statement() + ";\n").collect();
        sql(world.ours(), &format!("CREATE DATABASE d;\n{EVERY_TYPE}\n{statements}FLUSH BINARY LOGS"));
        let path = world.log_file("binlog.000001");
        let mut of_file = Command::new("mariadb-binlog");
        let of_file = output(of_file.args(["--no-defaults", "--verify-binlog-checksum", "-v"]).arg(&path));
        let of_stream = output(world.binlog_tool().args(["-v", "binlog.000001"]));
        assert!(rows(&of_file).len() > 1000, "{of_file}");
        assert_eq!(rows(&of_file), rows(&of_stream));
        let prefix = world.place.path().join("raw_");
        output(
            world.binlog_tool().arg("--raw").arg(format!("--result-file={}", prefix.display())).arg("binlog.000001"),
        );
        let raw = std::fs::read(world.place.path().join("raw_binlog.000001")).unwrap();
        assert!(raw == std::fs::read(&path).unwrap(), "a raw copy of a closed file is the file");
    }
}

/// The ends of a dump that begins where it can't.
#[test]
fn a_dump_that_can_not_begin_says_why() {
    if !needs(PEERS) {
        return;
    }
    let world = World::new(&[MARIADB]);
    sql(world.ours(), "CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)");
    let told = |arguments: &[&str]| {
        let output = child::output(world.binlog_tool().args(arguments), &[]).unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for (arguments, expected) in [
        (&["binlog.000009"][..], "Could not find first log file name in binary log index file"),
        (&["--start-position=99999", "binlog.000001"], "impossible position"),
        (&["--start-position=260", "binlog.000001"], "binlog truncated in the middle of event"),
        (&["--start-position=0-1-99", "binlog.000001"], "0-1-99, which is not in the master's binlog"),
    ] {
        let said = told(arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(error(world.ours(), "PURGE BINARY LOGS TO 'binlog.000009'").contains("1373"));
    assert!(error(world.ours(), "SHOW BINLOG EVENTS IN 'nothing'").contains("1220"));
    sql(world.ours(), "FLUSH BINARY LOGS; PURGE BINARY LOGS TO 'binlog.000002'");
    assert!(sql(world.ours(), "SHOW BINARY LOGS").starts_with("binlog.000002\t"));
    assert!(
        told(&["--start-position=0-1-1", "binlog.000002"]).contains("Could not find GTID state"),
        "the files are purged"
    );
    sql(world.ours(), "RESET MASTER");
    assert!(sql(world.ours(), "SHOW MASTER STATUS").starts_with("binlog.000001\t"));
    assert_eq!(sql(world.ours(), "SELECT @@gtid_binlog_pos"), "\n");
}

/// A dump's position is that of its rows, though others commit meanwhile: a replica that begins with it gets each later row once.
#[test]
fn a_dump_and_its_position_join() {
    if !needs(PEERS) || !needs(&["mariadb-dump"]) {
        return;
    }
    let world = World::new(&[MARIADB]);
    let rows = "INSERT INTO d.t (v) VALUES (1); BEGIN; INSERT INTO d.t (v) VALUES (2); INSERT INTO e.t (v) VALUES (3); COMMIT;\n";
    let tables = "(id INT AUTO_INCREMENT PRIMARY KEY, v INT)";
    sql(
        world.ours(),
        &format!(
            "CREATE DATABASE d; CREATE DATABASE e; CREATE TABLE d.t {tables}; CREATE TABLE e.t {tables}; {}",
            rows.repeat(50)
        ),
    );
    let replica = world.replica();
    let dump = std::thread::scope(|scope| {
        let writer = scope.spawn(|| sql(world.ours(), &rows.repeat(150)));
        let mut command = Command::new("mariadb-dump");
        command.args([
            "--no-defaults",
            "--user=root",
            "--single-transaction",
            "--master-data=1",
            "--databases",
            "d",
            "e",
        ]);
        let dump = output(command.arg(format!("--socket={}", world.ours().socket.display())));
        writer.join().unwrap();
        dump
    });
    let position = dump.lines().find(|line| line.starts_with("CHANGE MASTER TO MASTER_LOG_FILE='binlog.000001'"));
    assert!(position.is_some(), "{dump}");
    world.point(&replica, "no");
    sql(&replica, &format!("{dump}\nSTART SLAVE"));
    world.wait(&replica);
    for query in ["SELECT COUNT(*), MAX(id), SUM(v) FROM d.t", "SELECT COUNT(*), MAX(id), SUM(v) FROM e.t"] {
        world.same(&replica, query);
    }
    let gtid = |position: &str| sql(world.ours(), &format!("SELECT BINLOG_GTID_POS('binlog.000001', {position})"));
    let end = sql(world.ours(), "SHOW MASTER STATUS").split('\t').nth(1).unwrap().to_owned();
    assert_eq!(gtid(&end), sql(world.ours(), "SELECT @@gtid_binlog_pos"));
    assert_eq!((gtid("4"), gtid("5")), ("\n".to_owned(), "NULL\n".to_owned()));
    assert_eq!(sql(world.ours(), "SELECT BINLOG_GTID_POS('../accounts.sql', 4)"), "NULL\n");
    let shown = "SHOW STATUS LIKE 'binlog_snapshot_position'";
    let held = sql(
        world.ours(),
        &format!(
            "START TRANSACTION WITH CONSISTENT SNAPSHOT; INSERT INTO d.t (v) VALUES (9); {shown}; COMMIT; {shown}"
        ),
    );
    let lines: Vec<&str> = held.lines().collect();
    assert!(lines[0].ends_with(&end) && lines[0] != lines[1], "{held}");
}

const STREAM: &str = r#"
import sys
from pymysqlreplication import BinLogStreamReader
from pymysqlreplication.row_event import WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent
port, ca, cert, key, mariadb = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5] == "mariadb"
settings = {"host": "127.0.0.1", "port": port, "user": "cdc", "passwd": sys.argv[6], "ssl": {"ca": ca, "cert": cert, "key": key}}
stream = BinLogStreamReader(connection_settings=settings, server_id=77, is_mariadb=mariadb, blocking=False, resume_stream=False,
    auto_position=sys.argv[7] or None,
    only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent])
for event in stream:
    for row in event.rows:
        print(type(event).__name__, event.schema, event.table, sorted(row.get("values", row.get("after_values")).items()))
stream.close()
"#;

#[test]
fn a_stream_in_python_has_the_rows_with_their_names() {
    if !needs(&["mariadb", "openssl"]) || !can(set_up(&python())) {
        return;
    }
    for version in [MARIADB, "--version=8.0.99-Sealwire"] {
        let world = World::new(&[version, "--gtid-mode=ON"]);
        sql(
            world.ours(),
            "SET sql_log_bin = 0; CREATE USER cdc@'%' IDENTIFIED WITH mysql_native_password BY 'in latin1' REQUIRE X509;
             GRANT REPLICATION SLAVE, REPLICATION CLIENT, SELECT ON *.* TO cdc@'%'; SET sql_log_bin = 1;
             CREATE DATABASE d; CREATE TABLE d.t (id INT UNSIGNED PRIMARY KEY, name VARCHAR(20), kind ENUM('one','two'), j JSON);
             INSERT INTO d.t VALUES (4294967295, 'ä', 'two', '{\"a\": [1, null]}'); UPDATE d.t SET name = NULL; DELETE FROM d.t",
        );
        let set = &world.certificates;
        let read = |from: &str| {
            let mut command = Command::new(python());
            command.env("PYTHONPATH", site_packages()).args(["-c", STREAM]).arg(world.ours().port.to_string());
            command.args([&set.ca, &set.client_cert, &set.client_key]);
            output(command.args([if version == MARIADB { "mariadb" } else { "mysql" }, "in latin1", from]))
        };
        let json = if version == MARIADB { r#"'{"a": [1, null]}'"# } else { "{b'a': [1, None]}" };
        let row = |name: &str| format!("d t [('id', 4294967295), ('j', {json}), ('kind', 'two'), ('name', {name})]\n");
        let (inserted, updated) =
            (format!("WriteRowsEvent {}", row("'ä'")), format!("UpdateRowsEvent {}", row("None")));
        let deleted = format!("DeleteRowsEvent {}", row("None"));
        assert_eq!(read(""), format!("{inserted}{updated}{deleted}"), "{version}");
        // CREATE DATABASE, CREATE TABLE and INSERT are the first three.
        let third = if version == MARIADB {
            "0-1-3".to_owned()
        } else {
            format!("{}:1-3", sql(world.ours(), "SELECT @@server_uuid").trim())
        };
        assert_eq!(read(&third), format!("{updated}{deleted}"), "{version} behind {third}");
    }
}

#[test]
fn each_statement_about_the_log_has_its_privilege() {
    if !needs(&["mariadb", "openssl"]) {
        return;
    }
    let world = World::new(&["--version=8.0.99-Sealwire"]);
    sql(world.ours(), "CREATE USER nobody@localhost IDENTIFIED WITH auth_socket AS 'root'");
    let told = |statement: &str| {
        let mut command = Command::new("mariadb");
        command.args(["--no-defaults", "--user=nobody", "--batch", "--execute", statement]);
        command.arg(format!("--socket={}", world.ours().socket.display()));
        let output = child::output(&mut command, &[]).unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (statement, privilege) in [
        ("SHOW MASTER STATUS", "REPLICATION CLIENT"),
        ("SHOW BINARY LOG STATUS", "REPLICATION CLIENT"),
        ("SHOW BINARY LOGS", "REPLICATION CLIENT"),
        ("SHOW BINLOG EVENTS", "REPLICATION SLAVE"),
        ("SHOW REPLICAS", "REPLICATION SLAVE"),
        ("PURGE BINARY LOGS TO 'binlog.000001'", "BINLOG_ADMIN"),
        ("RESET MASTER", "RELOAD"),
        ("RESET BINARY LOGS AND GTIDS", "RELOAD"),
        ("FLUSH BINARY LOGS", "RELOAD"),
        ("SET sql_log_bin = 0", "SYSTEM_VARIABLES_ADMIN"),
        ("SET binlog_row_image = 'MINIMAL'", "SYSTEM_VARIABLES_ADMIN"),
        ("SET binlog_format = 'STATEMENT'", "SYSTEM_VARIABLES_ADMIN"),
    ] {
        let (is_done, said) = told(statement);
        assert!(!is_done && said.contains("1227") && said.contains(privilege), "{statement}: {said}");
        sql(world.ours(), &format!("GRANT {privilege} ON *.* TO nobody@localhost"));
        assert_eq!(told(statement), (true, String::new()), "{statement}");
        sql(world.ours(), &format!("REVOKE {privilege} ON *.* FROM nobody@localhost"));
    }
}
