//! Streams from MariaDB 10.11 over verified TLS.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use sealwire_tests::certificates::{CertificateSet, std_data};
use sealwire_tests::child::Watched;
use sealwire_tests::drivers::PASSWORD;
use sealwire_tests::middle;
use sealwire_tests::programs::{needs, program};
use sealwire_tests::replication::{source_settings, sql, sql_of_bytes};
use sealwire_tests::restart::restart;
use sealwire_tests::server::{Kind, Log, Server, Settings};
use tempfile::TempDir;

use super::tool::{assert_same, mariadbs, ours, path, printed, said, text};

/// How long an event may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Changes of many kinds.
const CHANGES: &[&str] = &[
    "CREATE DATABASE shop",
    "CREATE TABLE shop.item (id INT UNSIGNED NOT NULL PRIMARY KEY, name VARCHAR(20) CHARACTER SET latin1, note TEXT CHARACTER SET utf8mb4, \
     price DECIMAL(10,2), bytes VARBINARY(9), big BIGINT UNSIGNED, made DATETIME(3), at TIMESTAMP(2) NULL, day DATE, span TIME(1), \
     kind ENUM('a','b''c'), marks SET('x','y','z'), bits BIT(10), f FLOAT, d DOUBLE, y YEAR)",
    "INSERT INTO shop.item VALUES (1, 'one', 'it''s \\\\ süß', 1.50, x'00ff', 18446744073709551615, '2024-02-29 23:59:58.123', \
     '2024-02-29 01:02:03.25', '2024-02-29', '-10:11:12.5', 'b''c', 'x,z', b'1000000001', 1.5, 0.1, 2024)",
    "INSERT INTO shop.item (id, name) VALUES (2, 'zwei'), (3, 'süß'), (4, NULL)",
    "UPDATE shop.item SET price = id, name = CONCAT(name, '!') WHERE id > 1",
    "DELETE FROM shop.item WHERE id = 4",
    "SET @u = 'v', @n = 1.5, binlog_format = 'STATEMENT'",
    "INSERT INTO shop.item (id, name, price) VALUES (5, @u, @n), (6, 'now', 0)",
    "SET binlog_format = 'ROW'",
    "CREATE TABLE shop.numbered (id INT AUTO_INCREMENT PRIMARY KEY, a INT)",
    "BEGIN",
    "INSERT INTO shop.numbered (a) VALUES (1), (2), (3)",
    "SAVEPOINT half",
    "UPDATE shop.numbered SET a = a * 10",
    "COMMIT",
    "ALTER TABLE shop.numbered ADD COLUMN b VARCHAR(5) DEFAULT 'x'",
    "TRUNCATE shop.numbered",
    "INSERT INTO shop.numbered (a) VALUES (7)",
];

struct Primary {
    place: TempDir,
    certificates: CertificateSet,
    server: Server,
}

fn settings(certificates: &CertificateSet) -> Settings {
    let mut settings = source_settings(Some(certificates), &[("repl", "SSL"), ("strict", "X509"), ("root2", "SSL")]);
    for granted in
        ["BINLOG MONITOR ON *.* TO 'repl'@'%'", "BINLOG MONITOR ON *.* TO 'strict'@'%'", "ALL ON *.* TO 'root2'@'%'"]
    {
        settings.statements.push(format!("GRANT {granted};"));
    }
    settings
}

impl Primary {
    /// A primary whose log has [`CHANGES`]; `None` where it can't be run here.
    fn start() -> Option<Self> {
        if !needs(&["mariadbd", "mariadb-install-db", "mariadb-binlog", "mariadb", "openssl"]) {
            return None;
        }
        let place = tempfile::tempdir().unwrap();
        let certificates = CertificateSet::by_openssl(place.path());
        let server = Server::start(Kind::MariaDb, &settings(&certificates)).unwrap();
        let primary = Self { place, certificates, server };
        primary.sql(CHANGES);
        Some(primary)
    }

    fn sql(&self, statements: &[&str]) -> String {
        sql(&self.server, &(statements.join(";\n") + ";"))
    }

    /// The options of a connection over TLS that verifies the server.
    fn connection(&self, user: &str) -> Vec<String> {
        [
            "--host=127.0.0.1".to_owned(),
            format!("--port={}", self.server.port),
            format!("--user={user}"),
            format!("--password={PASSWORD}"),
            format!("--ssl-ca={}", self.certificates.ca.display()),
            "--ssl-verify-server-cert".to_owned(),
        ]
        .to_vec()
    }

    fn ours(&self, arguments: &[&str]) -> Output {
        let connection = self.connection("repl");
        ours(&[&connection.iter().map(String::as_str).collect::<Vec<_>>()[..], arguments].concat())
    }

    fn mariadbs(&self, arguments: &[&str]) -> Output {
        let connection = self.connection("repl");
        mariadbs(&[&connection.iter().map(String::as_str).collect::<Vec<_>>()[..], arguments].concat())
    }

    /// The option to begin at the log's end as it is now.
    fn end(&self) -> String {
        let status = self.sql(&["SHOW MASTER STATUS"]);
        let mut values = status.split('\t');
        format!("--from={}:{}", values.next().unwrap(), values.next().unwrap())
    }

    fn data(&self, name: &str) -> std::path::PathBuf {
        self.server.folder().join("data").join(name)
    }
}

/// Our program's output without the first line, which tells how the connection is protected.
fn without_comment(output: &[u8], expected: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(output);
    let (first, _) = text.split_once('\n').unwrap();
    assert!(first.starts_with(&format!("# Connection: {expected}")), "{first}");
    output[first.len() + 1..].to_vec()
}

/// The tests that leave the primary running, in an order in which each knows the files that there are.
#[test]
fn a_running_primary() {
    let Some(primary) = Primary::start() else { return };
    a_stream_is_printed_as_mariadb_binlog_prints_it(&primary);
    the_output_makes_another_server_the_same(&primary);
    a_stream_starts_where_it_is_told(&primary);
    a_raw_copy_is_the_servers_file(&primary);
    an_account_that_requires_a_certificate_gets_one(&primary);
    a_server_that_is_not_verified_is_sent_nothing(&primary);
    the_password_is_not_in_the_list_of_processes(&primary);
    readers_do_not_end_each_other_or_a_replica(&primary);
    a_program_gets_transactions(&primary);
    a_cut_transaction_comes_whole(&primary);
}

fn a_stream_is_printed_as_mariadb_binlog_prints_it(primary: &Primary) {
    let verified = "TLSv1.3 TLS_AES_256_GCM_SHA384, the server is verified by the given CA";
    for options in [&["-v"][..], &["-vv", "--base64-output=decode-rows"], &["--short-form"], &["-v", "--database=shop"]]
    {
        let arguments = [options, &["--read-from-remote-server", "bin.000001"]].concat();
        let mine = without_comment(&printed(primary.ours(&arguments)), verified);
        assert_same(&format!("{options:?}"), &mine, &printed(primary.mariadbs(&arguments)));
    }
    let part = ["-R", "-v", "--start-position=1000000", "bin.000001"];
    assert!(said(&primary.ours(&part)).contains("ERROR 1236"));
    let older = ["-R", "--tls-version=TLSv1.2", "bin.000001"];
    let shown = text(printed(primary.ours(&older)));
    assert!(shown.starts_with("# Connection: TLSv1.2 ECDHE-ECDSA-"), "{shown}");
    // The file itself, while the server has it open.
    let file = primary.data("bin.000001");
    assert_same("the file", &printed(ours(&["-v", path(&file)])), &printed(mariadbs(&["-v", path(&file)])));
}

fn a_raw_copy_is_the_servers_file(primary: &Primary) {
    let prefix = format!("{}/copy-", primary.place.path().display());
    printed(primary.ours(&["-R", "--raw", "--to-last-log", &format!("--result-file={prefix}"), "bin.000001"]));
    for name in ["bin.000001", "bin.000002"] {
        let copy = fs::read(format!("{prefix}{name}")).unwrap();
        let mut original = fs::read(primary.data(name)).unwrap();
        if name == "bin.000002" {
            // The flag of a file in use.
            original[21] &= !1;
        }
        assert!(copy == original, "{name}: {} and {} bytes", copy.len(), original.len());
    }
    // Two files by name.
    let both = ["-R", "-v", "bin.000001", "bin.000002"];
    let of_two = text(printed(primary.ours(&both)));
    let lines = |text: &str| {
        text.lines().filter(|line| !line.starts_with("# Connection")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_same(
        "two files",
        lines(&of_two).join("\n").as_bytes(),
        lines(&text(printed(primary.mariadbs(&both)))).join("\n").as_bytes(),
    );
    let one = format!("{}/one-", primary.place.path().display());
    printed(primary.ours(&["-R", "--raw", &format!("--result-file={one}"), "bin.000001"]));
    assert!(Path::new(&format!("{one}bin.000001")).exists() && !Path::new(&format!("{one}bin.000002")).exists());
}

fn a_stream_starts_where_it_is_told(primary: &Primary) {
    let gtid = primary.sql(&["SELECT @@gtid_binlog_pos"]).trim().to_owned();
    primary.sql(&["FLUSH BINARY LOGS", "INSERT INTO shop.numbered (a) VALUES (9)"]);
    let rows = |arguments: &[&str]| {
        let shown = text(printed(primary.ours(arguments)));
        shown.lines().filter(|line| line.starts_with("###   @2=")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rows(&["-v", &format!("--from={gtid}")]), ["###   @2=9"]);
    assert_eq!(rows(&["-v", "-R", &format!("--start-position={gtid}")]), ["###   @2=9"]);
    assert_eq!(rows(&["-v", "--from=bin.000002:4"]), ["###   @2=9"]);
    let all = rows(&["-v", "--from=start"]);
    assert!(all.len() > 8 && all.last().unwrap() == "###   @2=9", "{all:?}");
    assert_eq!(rows(&["-v", "--from=2001-01-01 00:00:00"]), all);
    assert_eq!(rows(&["-v", "--from=2100-01-01 00:00:00"]), Vec::<String>::new());
    assert_eq!(rows(&["-v", "--from=end"]), Vec::<String>::new());
    for (from, expected) in [
        ("--from=bin.000099:4", "Could not find first log file"),
        ("--from=bin.000001:5", "ERROR 1236"),
        ("--from=0-11-99999", "not in the master's binlog"),
        ("--from=3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", "no GTIDs of MySQL"),
    ] {
        let output = primary.ours(&[from]);
        assert_eq!(output.status.code(), Some(1), "{from}");
        assert!(said(&output).contains(expected), "{from}: {}", said(&output));
    }
}

/// A running reader.
struct Reader {
    process: Watched,
    out: Log,
    errors: Log,
}

impl Reader {
    fn start(primary: &Primary, arguments: &[&str]) -> Self {
        let mut command = Command::new(program("sealwire-binlog"));
        Self::spawn(command.arg("--no-defaults").args(primary.connection("repl")).args(arguments))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, errors) = (Log::follow(child.stdout.take().unwrap()), Log::follow(child.stderr.take().unwrap()));
        Self { process: Watched::new(child), out, errors }
    }

    fn wait_for(&self, text: &str) {
        let found = self.out.wait_for(PATIENCE, |said| said.contains(text).then_some(()));
        assert!(found.is_some(), "{text} did not come:\n{}\n{}", self.out.text(), self.errors.text());
    }

    /// Waits for a text that the reader tells, which may come after the end of its process.
    fn wait_for_error(&self, text: &str) {
        let found = self.errors.wait_for(PATIENCE, |said| said.contains(text).then_some(()));
        assert!(found.is_some(), "{text} was not told:\n{}", self.errors.text());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.process.kill("TERM");
        self.process.wait(PATIENCE);
    }
}

#[test]
fn following_goes_on_after_the_primary_restarts() {
    let Some(mut primary) = Primary::start() else { return };
    let reader = Reader::start(&primary, &["--follow", "--format=json", &primary.end()]);
    let insert = |primary: &Primary, number: usize| {
        primary.sql(&[
            "BEGIN",
            &format!("INSERT INTO shop.numbered (a) VALUES ({number})"),
            &format!("INSERT INTO shop.numbered (a) VALUES (-{number})"),
            "COMMIT",
        ]);
    };
    insert(&primary, 101);
    reader.wait_for("\"a\":-101");
    for (round, signal) in [(1, "TERM"), (2, "KILL")] {
        primary.server.signal(signal);
        primary.server.wait();
        let mut settings = settings(&primary.certificates);
        settings.options.push(format!("--port={}", primary.server.port));
        primary.server = primary.server.restart(&settings).unwrap();
        insert(&primary, 101 + round);
        reader.wait_for(&format!("\"a\":-{}", 101 + round));
    }
    // Nothing is lost, and nothing comes twice.
    let text = reader.out.text();
    let numbers: Vec<i64> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|change| change["type"] == "insert")
        .map(|change| change["after"]["a"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [101, -101, 102, -102, 103, -103]);
    reader.wait_for_error("the next attempt is in 1 s");
}

fn readers_do_not_end_each_other_or_a_replica(primary: &Primary) {
    // The replica is of the same kind, with an id of a person's choice.
    let end = primary.end();
    let replica = Reader::start(primary, &["--follow", &end, "--connection-server-id=22", "--register", "-v"]);
    let readers = [0, 1].map(|_| Reader::start(primary, &["--follow", &end, "-v"]));
    primary.sql(&["INSERT INTO shop.numbered (a) VALUES (77)"]);
    for reader in readers.iter().chain([&replica]) {
        reader.wait_for("###   @2=77");
    }
    assert!(primary.sql(&["SHOW SLAVE HOSTS"]).starts_with("22\t"));
    // A second one with the same id ends the first: the reason is told.
    let second = Reader::start(primary, &["--follow", "--from=end", "--connection-server-id=22"]);
    let ended = replica.process.wait(PATIENCE).expect("the first ends").unwrap();
    assert_eq!(ended.code(), Some(1));
    replica.wait_for_error("already connected");
    drop(second);
}

fn an_account_that_requires_a_certificate_gets_one(primary: &Primary) {
    let connection = primary.connection("strict");
    let with = |more: &[String]| {
        let all: Vec<&str> = connection.iter().chain(more).map(String::as_str).chain(["-R", "bin.000001"]).collect();
        ours(&all)
    };
    let refused = with(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("1045") && said(&refused).contains("--ssl-cert"), "{}", said(&refused));
    let set = &primary.certificates;
    let own = [format!("--ssl-cert={}", set.client_cert.display()), format!("--ssl-key={}", set.client_key.display())];
    assert!(text(printed(with(&own))).contains("CREATE DATABASE shop"));
}

fn a_server_that_is_not_verified_is_sent_nothing(primary: &Primary) {
    let denied = || primary.sql(&["SHOW GLOBAL STATUS LIKE 'Access_denied_errors'"]);
    let before = denied();
    let mut connection = primary.connection("repl");
    connection.retain(|option| !option.starts_with("--ssl"));
    let with = |more: &str| {
        let all: Vec<&str> = connection.iter().map(String::as_str).chain([more, "-R", "bin.000001"]).collect();
        ours(&all)
    };
    for (option, expected) in [
        (format!("--ssl-ca={}", std_data("cacert.pem").display()), "was not accepted"),
        ("--ssl".to_owned(), "no trusted CA"),
    ] {
        let output = with(&option);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(expected), "{}", said(&output));
        assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    // No login was tried.
    assert_eq!(denied(), before);
}

fn the_password_is_not_in_the_list_of_processes(primary: &Primary) {
    let reader = Reader::start(primary, &["--follow", "--from=end"]);
    reader.wait_for("Start: binlog");
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", reader.process.id())).unwrap();
    assert!(arguments.contains("--password=xxxxx") && !arguments.contains(PASSWORD), "{arguments}");
}

fn the_output_makes_another_server_the_same(primary: &Primary) {
    for format in ["--format=text", "--format=sql"] {
        let mut settings = settings(&primary.certificates);
        settings.options.push("--server-id=12".to_owned());
        let copy = Server::start(Kind::MariaDb, &settings).unwrap();
        let text = printed(primary.ours(&["-R", format, "--to-last-log", "bin.000001"]));
        sql_of_bytes(&copy, &text);
        let state = |server: &Server| {
            sql(
                server,
                "CHECKSUM TABLE shop.item, shop.numbered; SELECT * FROM shop.item ORDER BY id; SELECT * FROM shop.numbered;",
            )
        };
        assert_eq!(state(&copy), state(&primary.server), "{format}");
    }
}

/// The library's example.
fn a_program_gets_transactions(primary: &Primary) {
    let gtid = primary.sql(&["SELECT @@gtid_binlog_pos"]).trim().to_owned();
    let mut command = Command::new(sealwire_tests::programs::example("binlog"));
    command.args(["127.0.0.1", &primary.server.port.to_string(), "repl", path(&primary.certificates.ca), &gtid]);
    let reader = Reader::spawn(command.env("MYSQL_PWD", PASSWORD));
    primary.sql(&[
        "BEGIN",
        "INSERT INTO shop.numbered (a) VALUES (1001)",
        "DELETE FROM shop.numbered WHERE a = 1001",
        "COMMIT",
    ]);
    reader.wait_for("Delete {");
    let shown = reader.out.text();
    assert_eq!(shown.lines().count(), 1, "{shown}");
    for part in ["0-11-", "Insert { ", "Some(Int(1001))", "Some(Bytes([120]))"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

/// A relay that cuts each connection after so many bytes of the server, and leaves the last one alone. Returns its port.
fn cutting(upstream: u16, cuts: &'static [usize]) -> u16 {
    let (listener, port) = middle::listen();
    thread::spawn(move || {
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let Ok((mut client, _)) = listener.accept() else { return };
            let mut server = middle::connect(upstream);
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let (mut left, mut bytes) = (cut, [0; 4096]);
            // The end of the stream, or the read's time limit, ends the last connection too.
            while left > 0
                && let Ok(length @ 1..) = restart(|| server.read(&mut bytes))
            {
                let passed = length.min(left);
                left -= passed;
                if client.write_all(&bytes[..passed]).is_err() {
                    break;
                }
            }
            let _ = (server.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both));
        }
    });
    port
}

/// Connections are cut in the middle of a large transaction: each row comes once, in order.
fn a_cut_transaction_comes_whole(primary: &Primary) {
    primary.sql(&["CREATE TABLE shop.big (id INT AUTO_INCREMENT PRIMARY KEY, t VARCHAR(1000))"]);
    let gtid = format!("--from={}", primary.sql(&["SELECT @@gtid_binlog_pos"]).trim());
    let starts = [primary.end(), gtid];
    let values = vec!["(REPEAT('x', 1000))"; 50].join(", ");
    let insert = format!("INSERT INTO shop.big (t) VALUES {values}");
    let mut statements = vec!["BEGIN"];
    statements.extend([insert.as_str(); 10]);
    statements.extend(["COMMIT", "INSERT INTO shop.big (t) VALUES ('last')"]);
    primary.sql(&statements);
    for start in starts {
        let port = cutting(primary.server.port, &[60_000, 200_000, 350_000]);
        let mut connection = primary.connection("repl");
        connection.retain(|option| !option.starts_with("--port="));
        let mut command = Command::new(program("sealwire-binlog"));
        command.arg("--no-defaults").args(connection).arg(format!("--port={port}"));
        let reader = Reader::spawn(command.args(["--follow", "--format=json", &start]));
        reader.wait_for("\"t\":\"last\"");
        let shown = reader.out.text();
        let changes: Vec<serde_json::Value> =
            shown.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let rows = changes.iter().filter(|change| change["type"] == "insert");
        let ids: Vec<u64> = rows.map(|change| change["after"]["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, (1..=501).collect::<Vec<u64>>(), "{start}");
        let lost = |said: &str| said.matches("the next attempt is in").count();
        let has_lost = reader.errors.wait_for(PATIENCE, |said| (lost(said) >= 3).then(|| lost(said)));
        assert_eq!(has_lost, Some(3), "{start}: {}", reader.errors.text());
    }
}
