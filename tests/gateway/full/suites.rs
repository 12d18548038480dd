//! The test suites of drivers, through the gateway and without it: the same tests pass and fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::child::output_within;
use sealwire_tests::drivers::{python, site_packages};
use sealwire_tests::programs::{needs, target_folder};
use sealwire_tests::server::{Kind, Server, Settings};
use serde_json::json;
use tempfile::tempdir;

use crate::support::gateway;

/// The time limit of a suite, which takes a minute where the machine does nothing else.
const SUITE: Duration = Duration::from_secs(900);

const USER: &str = "suite";
/// In ASCII, because PyMySQL encodes passwords in latin1.
const PASSWORD: &str = "of the suite";
const DATABASE: &str = "suite";

/// The results of the tests by their names.
type Outcome = BTreeMap<String, bool>;

/// Where a suite runs: its own folder, the CA and an option file that names it, and the port.
struct Run<'r> {
    place: &'r Path,
    ca: PathBuf,
    options: PathBuf,
    port: u16,
}

/// The tests whose outcome may differ, each by its reason.
type Differing = &'static [(&'static str, &'static str)];

/// Runs a suite against MariaDB, then against a fresh MariaDB behind a gateway, and compares.
fn same_outcome(name: &str, least: usize, differing: Differing, run: impl Fn(&Run<'_>) -> Outcome) {
    let [direct, through] = [false, true].map(|is_through| {
        let begun = Instant::now();
        let place = tempdir().unwrap();
        let set = CertificateSet::by_openssl(&place.path().join("certificates"));
        let server = start(&set);
        let behind = is_through.then(|| gateway(&set, &[server.port], &set, &["--local-infile"]));
        let options = place.path().join("options.cnf");
        let text = format!("[client]\nssl-ca={}\nssl-verify-server-cert\n", set.ca.display());
        fs::write(&options, text).unwrap();
        let port = behind.as_ref().map_or(server.port, |gateway| gateway.port);
        let outcome = run(&Run { place: place.path(), ca: set.ca.clone(), options, port });
        let passed = outcome.values().filter(|passed| **passed).count();
        let way = if is_through { "through the gateway" } else { "direct" };
        println!("{name}, {way}: {passed} of {} pass, {:.0} s", outcome.len(), begun.elapsed().as_secs_f64());
        if let Some(gateway) = &behind {
            let logins = gateway.log().matches(&format!("'{USER}'@'127.0.0.1': client TLS_")).count();
            assert!(logins > 0, "no login came through the gateway");
            println!("{name}: {logins} logins through the gateway");
        }
        outcome
    });
    let passed = direct.values().filter(|passed| **passed).count();
    assert!(passed >= least, "{passed} pass without the gateway: {direct:?}");
    let names = direct.keys().chain(through.keys());
    let differ: Vec<String> = names
        .filter(|name| direct.get(*name) != through.get(*name) && differing.iter().all(|(known, _)| known != name))
        .map(|name| format!("{name}: direct {:?}, through the gateway {:?}", direct.get(name), through.get(name)))
        .collect();
    assert!(differ.is_empty(), "{name}:\n{}", differ.join("\n"));
}

fn start(set: &CertificateSet) -> Server {
    let options =
        ["--log-bin", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL", "--local-infile=1"];
    // The suites make thousands of tables, and nobody needs them after a crash.
    let unsafely = ["--sync-binlog=0", "--debug-no-sync", "--innodb-flush-method=nosync"];
    let settings = Settings {
        certificates: Some(set.clone()),
        options: options.iter().chain(&unsafely).map(|option| (*option).to_owned()).collect(),
        statements: vec![
            Kind::MariaDb.create_user(USER, "mysql_native_password", PASSWORD, "SSL"),
            format!("GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;"),
            format!("CREATE DATABASE {DATABASE};"),
        ],
        ..Settings::default()
    };
    Server::start(Kind::MariaDb, &settings).unwrap()
}

/// Runs a shell's command in the suite's folder, and returns what it says.
fn said(run: &Run<'_>, command: &mut Command, script: &str) -> String {
    command.current_dir(run.place).args(["-c", script]);
    let output = output_within(SUITE, command, &[]).unwrap_or_else(|error| panic!("{error}"));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The folder of a source package that setup unpacks.
fn sources(package: &str) -> PathBuf {
    target_folder().join("interop/debian/sources").join(package)
}

/// The outcome by the lines that `read` takes apart. An outcome with no test is a suite that did not run.
fn outcome(text: &str, read: impl Fn(&str) -> Option<(String, bool)>) -> Outcome {
    let outcome: Outcome = text.lines().filter_map(read).collect();
    assert!(!outcome.is_empty(), "no test ran:\n{text}");
    outcome
}

/// A line of pytest's -rA: `PASSED test_a.py::Test::test_b`, `FAILED … - why`.
fn of_pytest(line: &str) -> Option<(String, bool)> {
    let (word, rest) = line.split_once(' ')?;
    let name = rest.split(' ').next().filter(|name| name.contains("::"))?;
    ["PASSED", "FAILED", "ERROR"].contains(&word).then(|| (name.to_owned(), word == "PASSED"))
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn go_sql_driver() {
    const PACKAGE: &str = "github.com/go-sql-driver/mysql";
    assert!(needs(&["go", "mariadbd", "/usr/share/gocode/src/github.com/go-sql-driver/mysql/driver_test.go"]));
    let built = tempdir().unwrap();
    let binary = built.path().join("driver.test");
    let mut build = Command::new("go");
    build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOCACHE", built.path().join("cache"));
    build.args(["test", "-c", PACKAGE, "-o"]).arg(&binary);
    assert!(build.status().unwrap().success());
    same_outcome("go-sql-driver", 130, &[], |run| {
        let mut command = Command::new("sh");
        command.env("MYSQL_TEST_USER", USER).env("MYSQL_TEST_PASS", PASSWORD).env("MYSQL_TEST_PROT", "tcp");
        command.env("MYSQL_TEST_ADDR", format!("127.0.0.1:{}", run.port)).env("SSL_CERT_FILE", &run.ca);
        // The suite adds '?timeout=30s' to the name: that becomes part of a second character set, which is not asked for if the first is known.
        command.env("MYSQL_TEST_DBNAME", format!("{DATABASE}?tls=true&charset=utf8mb4,x")).env("BINARY", &binary);
        let text = said(run, &mut command, "\"$BINARY\" -test.v");
        // "--- PASS: TestX (0.01s)"
        outcome(&text, |line| {
            let (verdict, rest) = line.strip_prefix("--- ")?.split_once(": ")?;
            (verdict != "SKIP").then(|| (rest.split(' ').next().unwrap_or(rest).to_owned(), verdict == "PASS"))
        })
    });
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn dbd_mysql() {
    let sources = sources("libdbd-mysql-perl");
    assert!(needs(&["prove", "mariadbd", &sources.join("t").display().to_string()]));
    same_outcome("DBD::mysql", 40, &[], |run| {
        let options = run.options.display();
        let mut command = Command::new("sh");
        command.env("SOURCES", &sources).env("DBI_USER", USER).env("DBI_PASS", PASSWORD);
        let dsn = format!("DBI:mysql:{DATABASE};host=127.0.0.1;port={};mysql_read_default_file={options}", run.port);
        command.env("DBI_DSN", dsn);
        let text = said(run, &mut command, "cp -r \"$SOURCES\" suite && cd suite && prove -I. t/*.t");
        // "t/10connect.t ................ ok", "… skipped: why", "… Failed 1/3 subtests" on a line of its own.
        outcome(&text, |line| {
            let (name, rest) = line.strip_prefix("t/")?.split_once(" .")?;
            let verdict = rest.trim_start_matches('.').trim();
            (!verdict.starts_with("skipped")).then(|| (name.to_owned(), verdict == "ok"))
        })
    });
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn mysqldb() {
    let sources = sources("python3-mysqldb");
    assert!(needs(&["/usr/bin/python3", "mariadbd", &sources.join("tests").display().to_string()]));
    same_outcome("MySQLdb", 20, &[], |run| {
        let options = format!(
            "[MySQLdb-tests]\nhost=127.0.0.1\nport={}\nuser={USER}\npassword={PASSWORD}\ndatabase={DATABASE}\n\
             default-character-set=utf8mb4\nssl-ca={}\n",
            run.port,
            run.ca.display()
        );
        let mut command = Command::new("sh");
        // Debian's Python has MySQLdb, and the tests' environment has pytest.
        command.env("SOURCES", &sources).env("OPTIONS", options).env("PYTHONPATH", site_packages());
        let script = "cp -r \"$SOURCES/tests\" suite && cd suite && printf %s \"$OPTIONS\" >default.cnf && \
                      TESTDB=default.cnf exec /usr/bin/python3 -m pytest -q -rA -p no:cacheprovider --continue-on-collection-errors";
        outcome(&said(run, &mut command, script), of_pytest)
    });
}

#[test]
#[ignore = "it takes minutes: cargo xtask test full"]
fn mysql_replication() {
    let python = python();
    assert!(needs(&["mariadbd", &python.display().to_string()]));
    same_outcome("mysql-replication", 120, &[], |run| {
        let connection = json!({
            "host": "127.0.0.1", "port": run.port, "user": USER, "passwd": PASSWORD, "use_unicode": true, "charset": "utf8",
            "db": "pymysqlreplication_test", "ssl": {"ca": run.ca},
        });
        let config = json!({ "mariadb-10": connection }).to_string();
        let mut command = Command::new("sh");
        command.env("PACKAGE", site_packages().join("pymysqlreplication")).env("CONFIG", config).env("PYTHON", &python);
        command.env("PYTHONPATH", run.place).env("PYTHONDONTWRITEBYTECODE", "1");
        let script = "cp -r \"$PACKAGE\" . && printf %s \"$CONFIG\" >pymysqlreplication/tests/config.json && \
                      exec \"$PYTHON\" -m pytest -q -rA --tb=short -p no:cacheprovider -W ignore --db mariadb-10 \
                      -k 'not lost_event and not no_trailing_rotate_event and not end_log_pos' pymysqlreplication/tests";
        outcome(&said(run, &mut command, script), of_pytest)
    });
}
