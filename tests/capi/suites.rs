//! The test suites of Debian's source packages and the tools whose output can be compared, over verified TLS.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use sealwire_tests::capi::{heard, library, said};
use sealwire_tests::child::output_within;
use tempfile::{TempDir, tempdir};

use crate::debian::{Library, inside, ours_alone, ready, sources};
use crate::servers::{ENCRYPTED, PASSWORD, Served, USER, mariadb, sealwired};
use crate::table::{is_as_told, passes_as_told};
use crate::witness::{Witness, identity};

/// The time limit of a suite, which takes a minute where the machine does nothing else.
const SUITE: Duration = Duration::from_secs(420);

/// A folder with the option file that makes every connection a verified one.
fn verified(served: &Served) -> (TempDir, PathBuf) {
    let place = tempdir().unwrap();
    let options = place.path().join("capi.cnf");
    fs::write(&options, format!("[sealwire-capi]\nssl-mode=VERIFY_IDENTITY\nssl-ca={}\n", served.ca().display()))
        .unwrap();
    (place, options)
}

/// Gives statements to MariaDB by its own client.
fn sql(served: &Served, statements: &str) {
    let mut client = Command::new("mariadb");
    client.args([
        "--no-defaults",
        "--default-character-set=utf8mb4",
        "-h127.0.0.1",
        &format!("-P{}", served.port()),
        &format!("-u{USER}"),
    ]);
    said(client.args([&format!("-p{PASSWORD}"), "-e", statements]));
}

/// Runs a suite in a copy of its sources, and checks which library made its connections.
fn suite(package: &str, database: &str, served: &Served, run: impl Fn(&Witness, &mut Command)) -> Output {
    sql(served, &format!("CREATE DATABASE {database}"));
    let (place, options) = verified(served);
    let witness = Witness::of(served.server.port);
    let mut command = inside(Library::Ours, Some(&options));
    command.current_dir(place.path()).env("SOURCES", sources(package));
    run(&witness, &mut command);
    let output = output_within(SUITE, &mut command, &[]).unwrap_or_else(|error| panic!("{error}"));
    ours_alone(package, &witness);
    output
}

/// The last line of `prove`, "Files=73, Tests=2300, …", and the tests that it lists as failed. Modules of Perl that happen to be installed bring
/// tests of their own beside the usual ones.
fn proved(output: &Output, usual: usize) -> (String, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tests = text.rsplit_once("Tests=").and_then(|(_, rest)| rest.split(',').next()?.parse::<usize>().ok());
    let tests = tests.unwrap_or_default().min(usual);
    let summary = text.split_once("Test Summary Report").map_or("", |(_, summary)| summary);
    let failed: Vec<&str> = summary.lines().filter(|line| line.starts_with("t/")).collect();
    let names: Vec<&str> = failed.iter().filter_map(|line| line.split_whitespace().next()).collect();
    let outcome = if names.is_empty() {
        format!("all {tests} tests pass")
    } else {
        format!("{tests} tests; these fail: {}", names.join(", "))
    };
    (outcome, text + &String::from_utf8_lossy(&output.stderr))
}

const PROVE: &str = "cp -r \"$SOURCES/.\" . && if [ -d lib/Bundle ]; then cp -r lib/Bundle .; fi && prove -I. t/*.t";

fn perl(package: &str, database: &str, served: &Served, dsn: impl Fn(&str) -> String) -> Output {
    suite(package, database, served, |witness, command| {
        command.env("DBI_DSN", dsn(&witness.port())).env("DBI_USER", ENCRYPTED).env("DBI_PASS", PASSWORD);
        command.args(["sh", "-c", PROVE]);
    })
}

/// All files pass, but for those of the table.
fn perl_with_mariadb(package: &str, database: &str, usual: usize, dsn: impl Fn(&str) -> String) {
    let (true, Some(served)) = (ready(), mariadb()) else { return };
    let (outcome, all) = proved(&perl(package, database, served, dsn), usual);
    is_as_told(package, "its own `t/`", &outcome, &all);
}

/// As many files pass as the SQL of sealwired allows.
fn perl_with_sealwired(package: &str, database: &str, dsn: impl Fn(&str) -> String) {
    if !ready() {
        return;
    }
    let output = perl(package, database, sealwired(), dsn);
    let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // "t/10connect.t ................ ok"
    let passed = all.lines().filter(|line| line.starts_with("t/") && line.trim_end().ends_with(" ok")).count();
    passes_as_told(package, "its own `t/`", passed, &all);
}

fn mysql_dsn(port: &str) -> String {
    format!("DBI:mysql:dbd_mysql:127.0.0.1:{port}")
}

fn mariadb_dsn(port: &str) -> String {
    format!("DBI:MariaDB:database=dbd_mariadb;host=127.0.0.1;port={port}")
}

#[test]
fn dbd_mysql_passes_its_tests() {
    perl_with_mariadb("libdbd-mysql-perl", "dbd_mysql", 2303, mysql_dsn);
}

#[test]
fn dbd_mysql_passes_its_tests_with_sealwired() {
    perl_with_sealwired("libdbd-mysql-perl", "dbd_mysql", mysql_dsn);
}

#[test]
fn dbd_mariadb_passes_its_tests() {
    perl_with_mariadb("libdbd-mariadb-perl", "dbd_mariadb", 3578, mariadb_dsn);
}

#[test]
fn dbd_mariadb_passes_its_tests_with_sealwired() {
    perl_with_sealwired("libdbd-mariadb-perl", "dbd_mariadb", mariadb_dsn);
}

/// The output of the suite of MySQLdb, run by this script in its folder.
fn mysqldb(served: &Served, script: &str) -> String {
    let output = suite("python3-mysqldb", "mysqldb", served, |witness, command| {
        let options = format!(
            "[MySQLdb-tests]\nhost=127.0.0.1\nport={}\nuser={ENCRYPTED}\npassword={PASSWORD}\ndatabase=mysqldb\n\
             default-character-set=utf8mb4\nssl-ca={}\n",
            witness.port(),
            served.ca().display()
        );
        let run = format!("cp -r \"$SOURCES/tests\" . && cd tests && printf %s \"$1\" >default.cnf && {script}");
        command.args(["sh", "-c", &run, "sh", &options]);
    });
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn mysqldb_passes_its_tests() {
    let (true, Some(served)) = (ready(), mariadb()) else { return };
    let all = mysqldb(served, "exec /usr/bin/python3 -m pytest -q");
    let failed: Vec<&str> = all.lines().filter_map(|line| line.strip_prefix("FAILED ")?.split(' ').next()).collect();
    let failed: Vec<&str> = failed.iter().filter_map(|name| name.rsplit("::").next()).collect();
    let counts = all.trim().lines().last().and_then(|line| line.split(" in ").next()).unwrap_or_default();
    is_as_told("python3-mysqldb", "its own tests", &format!("{counts}: {}", failed.join(", ")), &all);
}

#[test]
fn mysqldb_passes_its_tests_with_sealwired() {
    if !ready() {
        return;
    }
    // A process for each file, because the connection of a failed test stays open, and with it the transaction on which others wait.
    let all = mysqldb(sealwired(), "for file in test_*.py; do /usr/bin/python3 -m pytest -q $file; done");
    // "9 failed, 16 passed in 2.37s"
    let counts =
        all.lines().filter_map(|line| line.split_once(" passed")?.0.split(' ').next_back()?.parse::<usize>().ok());
    passes_as_told("python3-mysqldb", "its own tests", counts.sum(), &all);
}

/// The files of a dump without the one that has the time in it.
fn dumped(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let named = files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()));
    named.filter(|(name, _)| name != "metadata").collect()
}

/// 20,000 rows with quotes, backslashes and zeros in their bytes.
const DUMPED: &str = "CREATE DATABASE dumped; USE dumped;
    CREATE TABLE digits (d INT); INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
    CREATE TABLE t (id INT PRIMARY KEY, f DOUBLE, d DATETIME(6), b BLOB, s VARCHAR(99) CHARACTER SET utf8mb4) ENGINE=InnoDB;
    INSERT INTO t SELECT n, n / 7, '2026-01-02' + INTERVAL n SECOND, UNHEX(CONCAT('00ff27225c0a', HEX(268435456 + n))),
        IF(n % 5, CONCAT('ä€𝄞', n), NULL)
    FROM (SELECT v.d * 10000 + w.d * 1000 + x.d * 100 + y.d * 10 + z.d AS n
        FROM digits v, digits w, digits x, digits y, digits z WHERE v.d < 2) AS numbers;
    CREATE VIEW v AS SELECT COUNT(*) FROM t";

#[test]
fn mydumper_dumps_what_myloader_restores() {
    let (true, Some(served)) = (ready(), mariadb()) else { return };
    dump_and_restore(served);
    dump_and_restore(sealwired());
    is_as_told(
        "mydumper",
        "`mydumper`, `myloader`",
        "a dump of 20,000 rows equal to the original's to the byte, restored and dumped again",
        "",
    );
}

fn dump_and_restore(served: &Served) {
    sql(served, DUMPED);
    let (place, _) = verified(served);
    let witness = Witness::of(served.server.port);
    let command = |library: Library, program: &str, account: &str, folder: &str| {
        let mut command = inside(library, None);
        command.current_dir(place.path()).args([program, "--host=127.0.0.1", &format!("--user={account}")]);
        command.args([&format!("--password={PASSWORD}"), "--threads=2"]);
        command.arg(if program == "mydumper" { "--outputdir" } else { "--directory" }).arg(place.path().join(folder));
        command
    };
    let ours = |program: &str, folder: &str, ca: &Path| {
        let mut command = command(Library::Ours, program, ENCRYPTED, folder);
        command.args([&format!("--port={}", witness.port()), "--ssl", "--ca"]).arg(ca);
        command
    };
    let mut original = command(Library::Original, "mydumper", USER, "original");
    said(original.args([&format!("--port={}", witness.port()), "--database=dumped"]));
    // The witness tells the two libraries apart.
    let theirs = witness.take();
    assert!(!theirs.is_empty() && theirs.iter().all(|caller| caller.libraries.len() == 1), "{theirs:?}");
    assert!(theirs.iter().all(|caller| !caller.libraries.contains(&identity(&library()))), "{theirs:?}");
    said(ours("mydumper", "first", &served.ca()).arg("--database=dumped"));
    ours_alone("mydumper", &witness);
    let expected = dumped(&place.path().join("original"));
    assert!(expected.values().map(Vec::len).sum::<usize>() > 1_000_000, "{:?}", expected.keys());
    assert!(dumped(&place.path().join("first")) == expected, "the dumps differ");
    let wrong =
        heard(ours("mydumper", "none", Path::new("/etc/ssl/certs/ca-certificates.crt")).arg("--database=dumped"));
    assert!(!wrong.status.success(), "{wrong:?}");
    let _ = witness.take();
    sql(served, "DROP DATABASE dumped");
    said(&mut ours("myloader", "first", &served.ca()));
    ours_alone("myloader", &witness);
    said(ours("mydumper", "second", &served.ca()).arg("--database=dumped"));
    assert!(dumped(&place.path().join("second")) == expected, "the dump of the restored database differs");
}
