//! The suite of PyPI's mysql-replication, a reader of binary logs, against MariaDB and against sealwired in both flavours of the log.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child::output_within;
use sealwire_tests::drivers::{python, site_packages};
use sealwire_tests::programs::{can, needs, set_up};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::json;
use tempfile::tempdir;

/// The reader's password, in ASCII, because PyMySQL encodes passwords in latin1.
const PASSWORD: &str = "of the reader";

/// The time limit of the suite, which takes half a minute where the machine does nothing else.
const SUITE: Duration = Duration::from_secs(300);

/// Tests that are left out: one makes 10,000 transactions, one expects the end of a second between two statements, and one expects the length of
/// a certain server's version.
const LEFT_OUT: &str = "not lost_event and not no_trailing_rotate_event and not end_log_pos";

/// The tests that fail at sealwired in both flavours, by the reason.
const FAILING: &[(&str, &[&str])] = &[
    (
        "numbers beyond 64 bits with a sign and DECIMAL are not exact",
        &[
            "test_bit",
            "test_decimal_long_values_1",
            "test_decimal_long_values_2",
            "test_decimal_with_zero_scale_2",
            "test_decimal_with_zero_scale_6",
            "test_longlong",
            "test_user_var_decimal_event",
            "test_user_var_longlong_event",
        ],
    ),
    ("the log's statements are UTF-8, whatever the client's character set", &["test_query_event_latin1"]),
    ("there are no geometries", &["test_geometry"]),
    ("the test itself fails where the log has names", &["test_fetch_column_names_from_schema"]),
];

/// Those that fail with MariaDB's flavour besides; MariaDB fails in all but the first.
const FAILING_AS_MARIADB: &[(&str, &[&str])] = &[
    ("a text must be UTF-8", &["test_ignore_decode_errors"]),
    ("the test is for MySQL's JSON", &["test_json_update"]),
    ("the log is not encrypted", &["test_binlog_checkpoint_event", "test_start_encryption_event"]),
];

/// Those that fail with MySQL's flavour besides.
const FAILING_AS_MYSQL: &[(&str, &[&str])] = &[
    (
        "the default collation is utf8mb4_general_ci",
        &[
            "test_column_charset",
            "test_default_charset",
            "test_enum_and_set_column_charset",
            "test_enum_and_set_default_charset",
        ],
    ),
    ("there are no geometries", &["test_geometry_type"]),
    ("a primary key has whole columns", &["test_primary_key_with_prefix"]),
    ("no column is invisible", &["test_visibility"]),
    ("a SET has its members only", &["test_get_none_invalid"]),
    (
        "updates of JSON are whole",
        &[
            "test_json_partial_update",
            "test_json_partial_update_column_value_none",
            "test_json_partial_update_json_remove",
            "test_json_partial_update_two_column",
        ],
    ),
    ("JSON has no times and no DECIMAL", &["test_json_decimal_time_datetime"]),
    ("no table has partitions", &["test_partition_id"]),
];

/// The tests that passed and that failed, without those that skipped themselves.
struct Outcome {
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
}

/// Runs the suite in a copy of the package, because its settings are a file in it.
fn suite(kind: Kind, options: &[&str], database: &str) -> Outcome {
    let place = tempdir().unwrap();
    let certificates = CertificateSet::by_openssl(place.path());
    let settings = Settings {
        certificates: Some(certificates.clone()),
        options: ["--log-bin", "--server-id=1", "--binlog-row-metadata=FULL", "--sync-binlog=0"]
            .iter()
            .chain(options)
            .map(|option| (*option).to_owned())
            .collect(),
        statements: vec![
            kind.create_user("reader", "mysql_native_password", PASSWORD, "SSL"),
            "GRANT ALL ON *.* TO 'reader'@'%' WITH GRANT OPTION;".to_owned(),
        ],
        ..Settings::default()
    };
    let server = Server::start(kind, &settings).unwrap();
    let copied =
        Command::new("cp").arg("-r").arg(site_packages().join("pymysqlreplication")).arg(place.path()).status();
    assert!(copied.unwrap().success());
    let connection = json!({
        "host": "127.0.0.1", "port": server.port, "user": "reader", "passwd": PASSWORD, "use_unicode": true, "charset": "utf8",
        "db": "pymysqlreplication_test", "ssl": {"ca": certificates.ca},
    });
    fs::write(place.path().join("pymysqlreplication/tests/config.json"), json!({ database: connection }).to_string())
        .unwrap();
    let mut command = Command::new(python());
    command.current_dir(place.path()).env("PYTHONPATH", place.path()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args([
        "-m",
        "pytest",
        "-q",
        "-rA",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore",
        "--db",
        database,
    ]);
    let output = output_within(SUITE, command.args(["-k", LEFT_OUT, "pymysqlreplication/tests"]), &[]).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{} as {database}:\n{text}", kind.name());
    // "PASSED pymysqlreplication/tests/test_basic.py::TestX::test_y", "FAILED … - AssertionError"
    let named = |words: &[&str]| {
        let lines = text.lines().filter_map(|line| line.split_once(' ').filter(|(word, _)| words.contains(word)));
        // Logged lines of the tests begin with ERROR, too.
        let names = lines.map(|(_, rest)| rest.split(' ').next().unwrap_or(rest)).filter(|name| name.contains("::"));
        names.map(str::to_owned).collect::<BTreeSet<String>>()
    };
    Outcome { passed: named(&["PASSED"]), failed: named(&["FAILED", "ERROR"]) }
}

/// The failures that no list tells of.
fn untold(outcome: &Outcome, lists: &[&[(&str, &[&str])]]) -> Vec<String> {
    let told: BTreeSet<&str> =
        lists.iter().flat_map(|list| list.iter()).flat_map(|(_, names)| names.iter().copied()).collect();
    let name = |path: &String| path.rsplit("::").next().unwrap_or_default().to_owned();
    outcome.failed.iter().map(name).filter(|name| !told.contains(name.as_str())).collect()
}

#[test]
fn its_suite_passes_as_with_mariadb() {
    if !needs(&["mariadbd", "mariadb-install-db", "openssl"]) || !can(set_up(&python())) {
        return;
    }
    let (theirs, ours, mysql) = std::thread::scope(|scope| {
        let quick = ["--binlog-format=ROW", "--debug-no-sync", "--innodb-flush-method=nosync"];
        let theirs = scope.spawn(move || suite(Kind::MariaDb, &quick, "mariadb-10"));
        let ours = scope.spawn(|| suite(Kind::Sealwired, &["--version=10.11.99-MariaDB-Sealwire"], "mariadb-10"));
        let mysql = scope.spawn(|| suite(Kind::Sealwired, &["--version=8.0.99-Sealwire", "--gtid-mode=ON"], "mysql-8"));
        (theirs.join().unwrap(), ours.join().unwrap(), mysql.join().unwrap())
    });
    let both = theirs.passed.intersection(&ours.passed).count();
    println!(
        "MariaDB passes {}, sealwired {both} of these, and {} of {} as MySQL",
        theirs.passed.len(),
        mysql.passed.len(),
        mysql.passed.len() + mysql.failed.len()
    );
    assert!(theirs.passed.len() >= 120, "{:?}", theirs.failed);
    assert!(both * 10 >= theirs.passed.len() * 9, "{both} of {}", theirs.passed.len());
    assert_eq!(untold(&ours, &[FAILING, FAILING_AS_MARIADB]), Vec::<String>::new());
    assert_eq!(untold(&mysql, &[FAILING, FAILING_AS_MYSQL]), Vec::<String>::new());
    assert!(mysql.passed.len() >= 131, "{}", mysql.passed.len());
}
