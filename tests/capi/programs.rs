//! C programs, and programs of Debian that are unchanged.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealwire_tests::capi::{MARIADB_HEADERS, compile, folder, heard, library, said, with_ours};
use sealwire_tests::drivers::{python, site_packages};
use sealwire_tests::programs::{needs, package_folder};
use sealwire_tests::server::Kind;
use tempfile::tempdir;

use crate::debian::ours_alone;
use crate::functions::ORIGINAL;
use crate::random::SECONDS;
use crate::servers::{CERTIFIED, PASSWORD, Served, USER, mariadb, sealwired};
use crate::table::{VERIFIED, is_as_told};
use crate::witness::Witness;

/// The headers for which the programs are compiled: ours, and MariaDB's where they are here.
pub(crate) fn headers() -> Vec<PathBuf> {
    let mut all = vec![folder().join("include")];
    if needs(&[&format!("{MARIADB_HEADERS}/mysql.h")]) {
        all.push(MARIADB_HEADERS.into());
    }
    all
}

fn on(program: &Path, served: &Served, user: &str) -> Command {
    let mut command = with_ours(program);
    command.args(["127.0.0.1", &served.port(), user, PASSWORD]).arg(served.ca());
    command
}

#[test]
fn the_manuals_program_prints_the_cipher() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let programs: Vec<PathBuf> = headers().iter().map(|headers| compile("manual", headers, place.path())).collect();
    for kind in [Kind::MariaDb, Kind::Sealwired] {
        for (versions, beginning) in [("TLSv1.2", "ECDHE-RSA-AES"), ("TLSv1.3", "TLS_AES_")] {
            let Some(served) = Served::start(kind, Some(versions)) else { continue };
            for program in &programs {
                let lines = said(&mut on(program, &served, USER));
                let (ours, servers) = lines.trim().split_once('\n').unwrap();
                assert!(ours.starts_with(beginning) && ours == servers, "{} {versions}: {lines}", kind.name());
                let mut command = on(program, &served, CERTIFIED);
                let refused = heard(&mut command);
                assert!(String::from_utf8_lossy(&refused.stdout).starts_with("1045 28000 "), "{refused:?}");
                command.args([&served.set.client_cert, &served.set.client_key]);
                assert!(said(&mut command).starts_with(beginning), "with a certificate");
            }
        }
    }
}

#[test]
fn results_and_statements_are_right_in_every_type() {
    let (true, Some(served)) = (needs(&["cc"]), mariadb()) else { return };
    let place = tempdir().unwrap();
    for headers in headers() {
        let program = compile("values", &headers, place.path());
        for served in [served, sealwired()] {
            assert_eq!(said(on(&program, served, USER).arg("test")).trim(), "values");
        }
    }
}

/// The output of a program with MariaDB's own library.
fn with_theirs(program: &Path, served: &Served) -> String {
    let mut command = Command::new(program);
    command.env_remove("LD_LIBRARY_PATH").args(["127.0.0.1", &served.port(), USER, PASSWORD]).arg(served.ca());
    said(command.arg("test"))
}

#[test]
fn every_type_of_buffer_gets_what_the_original_gives() {
    let (true, Some(served)) = (needs(&["cc", &format!("{MARIADB_HEADERS}/mysql.h")]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let program = compile("matrix", Path::new(MARIADB_HEADERS), place.path());
    let theirs = with_theirs(&program, served);
    assert_eq!(said(on(&program, served, USER).arg("test")), theirs);
    assert_eq!(said(on(&program, sealwired(), USER).arg("test")), theirs, "from sealwired");
}

#[test]
fn bulk_executions_and_cursors_are_the_originals() {
    let (true, Some(served)) = (needs(&["cc", &format!("{MARIADB_HEADERS}/mysql.h")]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let program = compile("bulk", Path::new(MARIADB_HEADERS), place.path());
    let theirs = with_theirs(&program, served);
    assert_eq!(said(on(&program, served, USER).arg("test")), theirs);
    // sealwired has neither: a command for each row, and the rows in memory, come to the same. It does not take DEFAULT as a parameter.
    let ours = said(on(&program, sealwired(), USER).arg("test"));
    let shared: Vec<&str> = theirs.lines().filter(|line| !line.starts_with("default")).collect();
    assert_eq!(ours.lines().collect::<Vec<_>>(), shared);
}

#[test]
fn a_handle_survives_what_programs_do_behind_its_back() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("stranger", &folder().join("include"), place.path());
    for served in mariadb().into_iter().chain([sealwired()]) {
        assert_eq!(said(&mut on(&program, served, USER)).trim(), "moved\nnull\nforked\nkilled\nmany");
    }
}

/// 64 threads, each with 20 connections, or with 1,000 in `cargo xtask misuse`.
#[test]
fn threads_connect_and_query_at_once() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("threads", &folder().join("include"), place.path());
    let mut command = on(&program, sealwired(), USER);
    let output = if std::env::var_os(SECONDS).is_some() {
        // This takes longer than the tests allow a program.
        command.args(["64", "1000"]).output().unwrap()
    } else {
        heard(command.args(["64", "20"]))
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "threads", "{output:?}");
}

/// Runs one of the scripts beside this file, which print the cipher, what a query gave, whether another CA was refused, and the library.
/// Returns what they print besides.
fn script(interpreter: impl AsRef<OsStr>, name: &str, served: &Served, [package, tried]: [&str; 2]) -> Vec<String> {
    let mut command = with_ours(interpreter);
    command.arg(package_folder().join("capi").join(name)).arg(served.port()).args([USER, PASSWORD]).arg(served.ca());
    let lines = said(&mut command);
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with("TLS_AES_"), "{name}: {lines:?}");
    assert_eq!(lines[1], "42 café NULL", "{name}");
    assert_eq!(lines[2], "refused", "{name}: a server whose CA is another one");
    assert_eq!(lines[3], library().canonicalize().unwrap().display().to_string(), "{name}");
    is_as_told(package, tried, VERIFIED, name);
    lines.iter().skip(4).map(|line| (*line).to_owned()).collect()
}

#[test]
fn pythons_mysqldb_is_verified_unchanged() {
    let (true, Some(served)) = (needs(&["/usr/lib/python3/dist-packages/MySQLdb/__init__.py"]), mariadb()) else {
        return;
    };
    for served in [served, sealwired()] {
        script("/usr/bin/python3", "mysqldb.py", served, ["python3-mysqldb", "queries and errors"]);
    }
}

/// It calls the library by `MYSQL::methods`, and hands rows over by functions.
#[test]
fn pythons_connector_of_mariadb_is_verified_unchanged() {
    let module = site_packages().join("mariadb/__init__.py").display().to_string();
    let (true, Some(served)) = (needs(&[&module, ORIGINAL]), mariadb()) else { return };
    let name = "connector_python.py";
    let mut original = Command::new(python());
    original.arg(package_folder().join("capi").join(name)).arg(served.port()).args([USER, PASSWORD]).arg(served.ca());
    let theirs = said(original.env_remove("LD_LIBRARY_PATH").env("HOME", "/nonexistent"));
    let theirs: Vec<&str> = theirs.lines().skip(4).collect();
    assert_eq!(theirs.len(), 8, "{theirs:?}");
    for served in [served, sealwired()] {
        let row = ["mariadb 1.1.14 of PyPI", "statements, `executemany`, a prepared cursor"];
        assert_eq!(script(python(), name, served, row), theirs);
    }
}

#[test]
fn perls_dbd_mysql_is_verified_unchanged() {
    let (true, Some(served)) = (needs(&["/usr/lib/x86_64-linux-gnu/perl5/5.36/DBD/mysql.pm"]), mariadb()) else {
        return;
    };
    for served in [served, sealwired()] {
        script("/usr/bin/perl", "dbd_mysql.pl", served, ["libdbd-mysql-perl", "queries and statements"]);
    }
}

#[test]
fn rubys_mysql2_is_verified_unchanged() {
    let (true, Some(served)) = (needs(&["/usr/bin/ruby", "/usr/lib/ruby/vendor_ruby/mysql2.rb"]), mariadb()) else {
        return;
    };
    script("/usr/bin/ruby", "mysql2.rb", served, ["ruby-mysql2", "queries, statements, an asynchronous query"]);
}

/// MariaDB's ODBC driver reads and writes more of the library's structs than any other program.
#[test]
fn odbc_is_verified_unchanged() {
    let driver = "/usr/lib/x86_64-linux-gnu/odbc/libmaodbc.so";
    let (true, Some(served)) = (needs(&["isql", driver]), mariadb()) else { return };
    for served in [served, sealwired()] {
        odbc(driver, served);
    }
}

fn odbc(driver: &str, served: &Served) {
    let witness = Witness::of(served.server.port);
    let ask = |ca: &Path, certificate: &str| {
        let mut command = with_ours("isql");
        let place = format!("DRIVER={driver};SERVER=127.0.0.1;PORT={};UID={USER};PWD={PASSWORD}", witness.port());
        command.args(["-b", "-k", &format!("{place};{certificate}SSLCA={}", ca.display())]);
        let statement = "SHOW STATUS LIKE 'Ssl_cipher'; \n";
        let output = sealwire_tests::child::output(&mut command, statement.as_bytes()).unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let answer = ask(&served.ca(), "SSLVERIFY=1;");
    assert!(answer.contains("TLS_AES_"), "{answer}");
    let answer = ask(Path::new("/etc/ssl/certs/ca-certificates.crt"), "SSLVERIFY=1;");
    assert!(!answer.contains("TLS_AES_"), "{answer}");
    ours_alone("isql", &witness);
    is_as_told("odbc-mariadb", "`isql`: a query", VERIFIED, &answer);
}

/// sysbench's threads have 64 KiB of stack, less than a TLS handshake takes.
#[test]
fn sysbench_runs_over_mutual_tls_unchanged() {
    let (true, Some(served)) = (needs(&["sysbench"]), mariadb()) else { return };
    for served in [served, sealwired()] {
        sysbench(served);
    }
}

fn sysbench(served: &Served) {
    // sysbench takes its certificates from the folder in which it runs.
    let place = tempdir().unwrap();
    for (from, to) in [
        (&served.set.ca, "cacert.pem"),
        (&served.set.client_cert, "client-cert.pem"),
        (&served.set.client_key, "client-key.pem"),
    ] {
        std::fs::copy(from, place.path().join(to)).unwrap();
    }
    let witness = Witness::of(served.server.port);
    let run = |what: &str| {
        let mut command = with_ours("sysbench");
        command.current_dir(place.path()).args(["oltp_read_write", "--db-driver=mysql", "--mysql-host=127.0.0.1"]);
        command.args([format!("--mysql-port={}", witness.port()), format!("--mysql-user={CERTIFIED}")]);
        command.args([
            &format!("--mysql-password={PASSWORD}"),
            "--mysql-db=test",
            "--mysql-ssl=on",
            "--table-size=100",
        ]);
        said(command.args(["--threads=4", "--time=0", "--events=40", what]))
    };
    run("prepare");
    let report = run("run");
    let events = report.split_once("total number of events:").unwrap().1.split_whitespace().next().unwrap();
    is_as_told(
        "sysbench",
        "`oltp_read_write`, 4 threads, mutual TLS",
        &format!("{events} of 40 transactions"),
        &report,
    );
    run("cleanup");
    ours_alone("sysbench", &witness);
}

/// The examples are run as a reader would: each block of the README by its language, with the placeholders filled in.
#[test]
fn the_readmes_examples_print_the_cipher() {
    let perl = "/usr/lib/x86_64-linux-gnu/perl5/5.36/DBD/mysql.pm";
    let peers =
        [perl, "/usr/lib/ruby/vendor_ruby/mysql2.rb", "/usr/lib/python3/dist-packages/MySQLdb/__init__.py", "isql"];
    let (true, Some(served)) = (needs(&peers), mariadb()) else { return };
    let readme = std::fs::read_to_string(package_folder().parent().unwrap().join("native/capi/README.md")).unwrap();
    let place = tempdir().unwrap();
    for (language, interpreter) in
        [("perl", "/usr/bin/perl"), ("ruby", "/usr/bin/ruby"), ("python", "/usr/bin/python3"), ("bash", "sh")]
    {
        let (_, block) = readme.split_once(&format!("```{language}\n")).unwrap();
        let (block, _) = block.split_once("```").unwrap();
        for (ca, accepted) in [(served.ca(), true), ("/etc/ssl/certs/ca-certificates.crt".into(), false)] {
            let filled = block.replace("3306", &served.port()).replace("ca.pem", &ca.display().to_string());
            let filled = filled
                .replace("'password'", "'pw'")
                .replace("\"password\"", "\"pw\"")
                .replace("PWD=password", "PWD=pw");
            let filled = filled.replace("'user'", "'u'").replace("\"user\"", "\"u\"").replace("UID=user", "UID=u");
            let example = place.path().join(language);
            std::fs::write(&example, filled).unwrap();
            let output = heard(with_ours(interpreter).arg(&example));
            assert_eq!(
                String::from_utf8_lossy(&output.stdout).contains("TLS_AES_"),
                accepted,
                "{language}: {output:?}"
            );
        }
    }
}
