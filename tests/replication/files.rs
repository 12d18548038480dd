//! Files of MySQL's and MariaDB's test suites.

use std::fs;
use std::path::{Path, PathBuf};

use sealwire_tests::certificates::std_data;
use sealwire_tests::programs::{needs, package_folder};

use super::tool::{assert_same, mariadbs, ours, path, printed, said, text};

/// The files that MariaDB's tool reads and ours does not, with the reason.
const NOT_READ: &[(&str, &str)] = &[("master-bin.000001", "format 2, of MySQL 4.0.0")];

/// The log of MySQL 8.0 with a compressed transaction.
const MYSQL_8: &str = "mdev35643_mysql_80_binlog.000001";

/// All binary logs of MariaDB's test data, and one of MariaDB 10.11 with every type of column.
fn logs() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(std_data(""))
        .expect("the test data")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\xfebin")))
        .collect();
    all.sort();
    assert!(all.len() >= 20, "{all:?}");
    all.push(package_folder().join("../core/binlog/tests/data/mariadb-10.11.binlog"));
    all
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Compares the two programs with these options; returns the number of files that both read.
fn compare(options: &[&str]) -> usize {
    let (mine, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut compared = 0;
    for log in logs() {
        let with = |folder: &Path| {
            let load = format!("--local-load={}", folder.display());
            let arguments: Vec<String> =
                options.iter().map(|option| (*option).to_owned()).chain([load, path(&log).to_owned()]).collect();
            arguments
        };
        let (mine_with, theirs_with) = (with(mine.path()), with(theirs.path()));
        let refer = |all: &[String]| all.iter().map(String::as_str).collect::<Vec<_>>().join("\u{1}");
        let theirs_run = mariadbs(&refer(&theirs_with).split('\u{1}').collect::<Vec<_>>());
        // A log that MariaDB's tool does not read whole has no output to compare with.
        if !theirs_run.status.success() || said(&theirs_run).contains("ERROR") {
            continue;
        }
        let mine_run = ours(&refer(&mine_with).split('\u{1}').collect::<Vec<_>>());
        if let Some((_, why)) = NOT_READ.iter().find(|(known, _)| *known == name(&log)) {
            assert!(!mine_run.status.success(), "{} is read now: strike it off the list ({why})", name(&log));
            continue;
        }
        let expected = String::from_utf8_lossy(&theirs_run.stdout).replace(path(theirs.path()), path(mine.path()));
        let got = printed(mine_run);
        assert_same(
            &format!("{} {options:?}", name(&log)),
            String::from_utf8_lossy(&got).as_bytes(),
            expected.as_bytes(),
        );
        compared += 1;
    }
    compared
}

#[test]
fn files_are_printed_as_mariadb_binlog_prints_them() {
    if !needs(&["mariadb-binlog", "/usr/share/mysql/mysql-test/std_data/cacert.pem"]) {
        return;
    }
    let many = |options: &[&str]| {
        let compared = compare(options);
        assert!(compared >= 10, "{compared} files with {options:?}");
    };
    many(&["-v"]);
    many(&["-vv"]);
    many(&["--short-form"]);
    many(&["--base64-output=decode-rows", "-v"]);
    many(&["-v", "--database=test"]);
    many(&["-v", "--table=t1"]);
    many(&["-v", "--skip-annotate-row-events", "--skip-print-row-count"]);
    many(&["--disable-log-bin", "--set-charset=latin1", "--offset=3"]);
    many(&["-v", "--server-id=11"]);
    many(&["-v", "--start-datetime=2010-01-01 00:00:00", "--stop-datetime=2026-01-01 00:00:00"]);
}

#[test]
fn an_event_is_shown_with_its_bytes() {
    if !needs(&["mariadb-binlog", "/usr/share/mysql/mysql-test/std_data/cacert.pem"]) {
        return;
    }
    // MariaDB's tool gives the statements behind rows a wrong position here, so a log without them.
    let log = std_data("binlog_transaction.000001");
    let arguments = ["--hexdump", path(&log)];
    assert_same("hexdump", &printed(ours(&arguments)), &printed(mariadbs(&arguments)));
}

#[test]
fn a_part_of_a_file_is_printed() {
    if !needs(&["mariadb-binlog", "/usr/share/mysql/mysql-test/std_data/cacert.pem"]) {
        return;
    }
    let log = std_data("mdev29078-mysql-bin.000001");
    for options in
        [&["--start-position=256"][..], &["--start-position=371", "--stop-position=700"], &["--stop-position=256"]]
    {
        let arguments = [options, &["-v", path(&log)]].concat();
        assert_same(&format!("{options:?}"), &printed(ours(&arguments)), &printed(mariadbs(&arguments)));
    }
    let two = [path(&log), "-v", path(&std_data("binlog-header.binlog"))].map(str::to_owned);
    let two = two.each_ref().map(String::as_str);
    assert_same("two files", &printed(ours(&two)), &printed(mariadbs(&two)));
}

#[test]
fn a_log_of_mysql_8_is_decoded() {
    if !needs(&["mariadb-binlog", "/usr/share/mysql/mysql-test/std_data/cacert.pem"]) {
        return;
    }
    let log = std_data(MYSQL_8);
    let theirs = mariadbs(&["-v", path(&log)]);
    assert!(said(&theirs).contains("TRANSACTION_PAYLOAD_EVENT"), "{}", said(&theirs));
    let shown = text(printed(ours(&["-v", path(&log)])));
    // The events that MariaDB's tool reads are printed alike, but for the GTIDs, which it leaves out.
    let of_gtid = |line: &str| {
        ["GTID", "_server_version=", "commit_timestamp", "Ignorable", "# [empty]", "TRANSACTION ISOLATION LEVEL"]
            .iter()
            .any(|part| line.contains(part))
    };
    let known = |text: &str| text.lines().filter(|line| !of_gtid(line)).map(str::to_owned).collect::<Vec<_>>();
    let (ours_lines, theirs_lines) = (known(&shown), known(&String::from_utf8_lossy(&theirs.stdout)));
    assert!(theirs_lines.len() > 80 && ours_lines.starts_with(&theirs_lines), "{ours_lines:#?}");
    // The rest is a transaction in a compressed payload.
    for part in [
        "compression_type=ZSTD\tuncompressed_size=20188",
        "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'/*!*/;",
        "###   @1=1000\n",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let rows = shown.matches("### INSERT INTO `test`.`t1`").count();
    assert_eq!((rows, shown.matches("# Number of rows: 1\n").count()), (105, 106));
    assert!(shown.contains("###   @2=JSON_REPLACE(@2, '$.b', CAST('"), "{shown}");
    let json = text(printed(ours(&["--format=json", path(&log)])));
    assert_eq!(json.matches("\"type\":\"insert\"").count(), rows);
    for line in json.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["type"].is_string() && value["position"].is_u64(), "{line}");
    }
}

#[test]
fn a_file_that_is_no_whole_log_is_told() {
    let place = tempfile::tempdir().unwrap();
    let log = fs::read(package_folder().join("../core/binlog/tests/data/mariadb-10.11.binlog")).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut damaged = log.clone();
    damaged[400] ^= 1;
    for (path, expected) in [
        (file("empty", b""), "not a binary log"),
        (file("text", b"SELECT 1;"), "not a binary log"),
        (file("short", &log[..1000]), "cut short"),
        (file("damaged", &damaged), "checksum"),
        (place.path().join("none"), "No such file"),
    ] {
        let output = ours(&["-v", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", path.display());
        let said = said(&output);
        assert!(said.contains(expected) && said.contains(path.to_str().unwrap()), "{said}");
    }
    // The whole events before the end are printed.
    let printed = ours(&["-v", path(&place.path().join("short"))]).stdout;
    assert!(String::from_utf8_lossy(&printed).contains("grant replication slave"));
}

#[test]
fn what_cannot_be_is_refused_with_the_way_out() {
    for (arguments, expected) in [
        (&[][..], "--from"),
        (&["-R"], "--from=start"),
        (&["--raw", "x"], "--read-from-remote-server"),
        (&["--from=end", "bin.000001"], "give one of them"),
        (&["--from=nowhere"], "0-1-100"),
        (&["--start-datetime=soon", "x"], "YYYY-MM-DD"),
        (&["--set-charset=a'b", "x"], "character set"),
        (&["--flashback", "x"], "mariadb-binlog"),
        (&["--start-position=0-1-1", "x"], "--read-from-remote-server"),
    ] {
        let output = ours(arguments);
        assert!(!output.status.success() && said(&output).contains(expected), "{arguments:?}: {}", said(&output));
    }
}
