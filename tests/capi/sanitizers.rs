//! The C programs of these tests with AddressSanitizer and LeakSanitizer, which watch the memory that a program and the library share: no
//! report. The sanitizers see the allocations of the library, which valgrind watches access by access.
//!
//! helgrind and ThreadSanitizer are not run, because neither sees how Rust's locks order memory: they are atomics and futexes, not pthread's. On
//! 8 threads with 2 connections each helgrind takes 9 seconds and reports 285 places: the atomics themselves, and values that a `LazyLock` or a
//! `Mutex` guards, such as rustls's store of sessions. With `-fsanitize=thread` gcc's runtime reports the like at `malloc` and `memcpy`. The
//! library would have to be instrumented together with std, whose sources no toolchain comes with. `threads_connect_and_query_at_once` checks
//! what threads get.

use std::process::Command;

use sealwire_tests::capi::{compile_sanitized, heard, with_ours};
use sealwire_tests::programs::{needs, package_folder};
use tempfile::tempdir;

use crate::nonblocking::{Relay, many_rows};
use crate::servers::{PASSWORD, USER, mariadb};

/// Runs a program, which must end well; a report is an exit status of its own.
fn clean(command: &mut Command) {
    let output = heard(command.env("ASAN_OPTIONS", "exitcode=99:detect_leaks=1:detect_stack_use_after_return=1"));
    let shown = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{command:?} ended with {}: {shown}", output.status);
}

#[test]
fn the_address_sanitizer_has_nothing_to_report() {
    let (true, Some(served)) = (needs(&["cc"]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let (port, ca) = (served.port(), served.ca());
    for (name, more) in [("values", Some("test")), ("functions", None), ("stranger", None), ("threads", None)] {
        let program = compile_sanitized(name, "address", place.path());
        clean(with_ours(&program).args(["127.0.0.1", &port, USER, PASSWORD]).arg(&ca).args(more));
    }
    let log = package_folder().join("../core/binlog/tests/data/mariadb-10.11.binlog");
    clean(with_ours(compile_sanitized("replication", "address", place.path())).arg(log));
    for (name, case) in [("nonblocking", "all"), ("nonblocking", "misused"), ("lifetimes", "lifetimes")] {
        let program = compile_sanitized(name, "address", place.path());
        let relay = Relay::before(served.server.port, 4096);
        let mut command = with_ours(&program);
        command.args([case, "127.0.0.1", &relay.port.to_string(), USER, PASSWORD]).arg(&ca);
        clean(command.env("RELAY", relay.control.to_string()).env("SQL", many_rows()));
    }
}

/// Otherwise the tests above would pass in any case.
#[test]
fn the_address_sanitizer_sees_a_leak_of_the_librarys() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile_sanitized("leak", "address", place.path());
    let output = heard(with_ours(&program).env("ASAN_OPTIONS", "exitcode=99"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(99) && errors.contains("LeakSanitizer: detected memory leaks"), "{errors}");
}
