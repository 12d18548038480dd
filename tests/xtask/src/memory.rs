//! `cargo xtask memory`: runs core's own tests under valgrind, and the programs with AddressSanitizer and LeakSanitizer under the peers'
//! tests. Miri can't run code that calls C, such as all cryptography; valgrind runs the parts that Miri could.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::run::{Context, Tally, on_path, output, run, run_tests};
use crate::{groups, nightly};

/// The tests that run under valgrind: a test program, by cargo's argument and its target's name, and some of its tests. They cover core's
/// codec, plugins, accounts and certificates, and both machines attacked in plaintext. Tests inside TLS are left out: because of how
/// rustls's record nonces are vectorised, valgrind takes them for uninitialised. They are initialised, because otherwise no tag would
/// verify.
const WATCHED: [(&[&str], &str, &[&str]); 2] = [
    (&["--lib"], "sealwire_core", &["wire::", "message::", "auth::", "account::", "tls::"]),
    (&["--test", "model"], "model", &["a_client_that_takes_plaintext", "a_server_that"]),
];
/// Tests that process megabytes or thousands of hashes, which takes minutes under valgrind and covers no further code.
const TOO_LONG: [&str; 3] = [
    "bytes_around_the_split_round_trip",
    "accounts::tests::garbage_never_panics",
    "unknown_users_take_as_long_as_known_ones_whatever_the_rounds",
];

/// Our programs.
const PROGRAMS: [&str; 6] =
    ["sealwired", "sealwire", "sealwire-binlog", "sealwire-bridge", "sealwire-certs", "sealwire-gateway"];
/// Tests that start the programs and take about a minute.
const BRIEF: [&str; 3] = ["attacks", "client", "terminal"];
/// All tests that start the programs, except those that kill, starve or measure them.
const ALL: [&str; 11] = [
    "attacks",
    "client",
    "terminal",
    "gateway",
    "drivers",
    "manual",
    "dissect",
    "refusals",
    "hostile_tls",
    "tickets",
    "bridge",
];
/// Tests that read or measure the bridge's whole memory: the sanitizer reserves terabytes of it and keeps freed memory.
const NOT_SANITIZED: [&str; 6] = ["--skip", "nothing_is_seen", "--skip", "limits::", "--skip", "hostile::"];

/// Runs everything.
pub(crate) fn memory(context: &Context) -> Result<(), String> {
    let mut tally = valgrind(context);
    tally.add(sanitized(context, &ALL));
    println!("\n{} passed, {} failed", tally.passed, tally.failed);
    for note in &tally.notes {
        println!("{note}");
    }
    if tally.failed == 0 { Ok(()) } else { Err("not all is clean".to_owned()) }
}

/// Runs the programs with the sanitizers under some tests.
pub(crate) fn briefly(context: &Context) -> Tally {
    sanitized(context, &BRIEF)
}

/// Runs tests under valgrind: each use of uninitialised, unallocated or freed memory fails, and so does a leak.
pub(crate) fn valgrind(context: &Context) -> Tally {
    if !on_path("valgrind") {
        return Err("valgrind is missing: `cargo xtask test setup`".to_owned()).into();
    }
    let begin = Instant::now();
    let mut tally = Tally::default();
    for (argument, target, tests) in WATCHED {
        let program = match built_tests(context, argument, target) {
            Ok(program) => program,
            Err(error) => return Err(error).into(),
        };
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
        // The test harness itself leaks a thread's name, which valgrind calls no definite leak.
        command.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
        command.arg(program).arg("--test-threads=1").args(tests);
        command.args(TOO_LONG.iter().flat_map(|name| ["--skip", *name]));
        tally.add(run_tests(&mut command));
    }
    println!("valgrind: {} tests in {:.0} s", tally.passed, begin.elapsed().as_secs_f64());
    tally
}

/// A test program, as the groups before have built it.
pub(crate) fn built_tests(context: &Context, argument: &[&str], target: &str) -> Result<PathBuf, String> {
    let build =
        ["test", "--workspace", "--no-run", "--message-format=json"].into_iter().chain(argument.iter().copied());
    let built = output(&mut context.cargo(build))?;
    let found = built.lines().find_map(|line| test_program(line, target));
    found.map(PathBuf::from).ok_or_else(|| format!("cargo names no program of the tests {target}"))
}

/// The test program's path in one of cargo's messages, if it is that of the target.
fn test_program<'a>(message: &'a str, target: &str) -> Option<&'a str> {
    let is_it =
        message.contains(&format!("\"name\":\"{target}\"")) && message.contains("\"reason\":\"compiler-artifact\"");
    let path = message.split_once("\"executable\":\"")?.1.split('"').next()?;
    is_it.then_some(path)
}

/// Runs tests whose programs are built with AddressSanitizer and LeakSanitizer. A report of either, even at a program's end, is in a file.
fn sanitized(context: &Context, tests: &[&str]) -> Tally {
    if !nightly::is_here() {
        let mut tally = Tally::default();
        tally.note("no nightly compiler: AddressSanitizer was not run");
        return tally;
    }
    let (programs, reports) = match prepare(context) {
        Ok(places) => places,
        Err(error) => return Err(error).into(),
    };
    let targets = tests.iter().flat_map(|name| ["--test", *name]);
    let test: Vec<&str> = ["test", "--workspace", "--no-fail-fast"].into_iter().chain(targets).collect();
    if let Err(error) = run(&mut context.cargo(test.iter().copied().chain(["--no-run"]))) {
        return Err(error).into();
    }
    let test = test.into_iter().chain(["--offline", "--"]).chain(NOT_SANITIZED);
    let mut command = groups::alone_with_loopback(context.cargo(test));
    command.env("SEALWIRE_PROGRAMS", programs).env("ASAN_OPTIONS", options(&reports.join("report")));
    let mut tally = run_tests(&mut command);
    tally.add(nothing_reported(&reports).into());
    tally
}

/// Builds the programs with the sanitizer's allocator in place of theirs, from the fuzz targets' workspace, which omits sealwire's default
/// features. Returns a folder with them and the other files that the tests need, and an empty folder for reports.
fn prepare(context: &Context) -> Result<(PathBuf, PathBuf), String> {
    run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]))?;
    let built = nightly::build(context, crate::run::PROGRAMS)?;
    let place = context.target.join("fuzz/memory");
    let (programs, reports) = (place.join("programs"), place.join("reports"));
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| told(&place, error))?;
    }
    for folder in [&programs, &reports] {
        fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
    }
    let link = |from: PathBuf, name: &str| {
        let to = programs.join(name);
        std::os::unix::fs::symlink(from, &to).map_err(|error| told(&to, error))
    };
    for name in PROGRAMS {
        link(built.join(name), name)?;
        has_sanitizer(&programs.join(name))?;
    }
    for name in ["sealwire-drivers", "examples"] {
        link(context.programs().join(name), name)?;
    }
    Ok((programs, reports))
}

/// Directs the sanitizers' reports to files, so that no test takes them for the program's output.
fn options(reports: &Path) -> OsString {
    let mut options = OsString::from("exitcode=99:detect_leaks=1:log_path=");
    options.push(reports);
    options
}

/// Checks that a program is built with the sanitizer, because otherwise every program would pass.
fn has_sanitizer(program: &Path) -> Result<(), String> {
    let mut help = Command::new(program);
    let told = help.arg("--version").env("ASAN_OPTIONS", "help=1").output();
    let told = told.map_err(|error| format!("{}: {error}", program.display()))?;
    let is_watched = String::from_utf8_lossy(&told.stderr).contains("flags for AddressSanitizer");
    is_watched.then_some(()).ok_or_else(|| format!("{} has no AddressSanitizer in it", program.display()))
}

fn nothing_reported(reports: &Path) -> Result<(), String> {
    let entries = fs::read_dir(reports).map_err(|error| format!("{}: {error}", reports.display()))?;
    let mut said: Vec<String> = entries
        .flatten()
        .map(|entry| fs::read_to_string(entry.path()).unwrap_or_else(|error| error.to_string()))
        .collect();
    said.sort();
    said.dedup();
    if said.is_empty() { Ok(()) } else { Err(format!("AddressSanitizer reports:\n{}", said.join("\n"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_targets_tests_is_found() {
        let message = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"sealwire_core"},"executable":"/t/core-1"}"#;
        assert_eq!(test_program(message, "sealwire_core"), Some("/t/core-1"));
        assert_eq!(test_program(message, "sealwire"), None);
        assert_eq!(test_program(&message.replace("\"/t/core-1\"", "null"), "sealwire_core"), None);
    }

    #[test]
    fn a_report_is_a_failure() {
        let place = std::env::temp_dir().join(format!("sealwire-reports-{}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        assert_eq!(nothing_reported(&place), Ok(()));
        fs::write(place.join("report.7"), "SUMMARY: AddressSanitizer: 7 byte(s) leaked").unwrap();
        let error = nothing_reported(&place).unwrap_err();
        fs::remove_dir_all(&place).unwrap();
        assert!(error.contains("7 byte(s) leaked"), "{error}");
        assert!(nothing_reported(&place).is_err(), "a folder that is gone");
    }

    #[test]
    fn a_program_without_the_sanitizer_is_told() {
        assert!(has_sanitizer(Path::new("true")).unwrap_err().contains("no AddressSanitizer"));
    }
}
