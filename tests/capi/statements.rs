//! Prepared statements in odd situations: as with MariaDB's library.

use std::path::Path;
use std::process::Command;

use sealwire_tests::capi::{compile, folder, said, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::functions::ORIGINAL;
use crate::servers::{PASSWORD, Served, USER, mariadb};

/// The outputs of a C program with MariaDB's library and with ours.
fn both(name: &str, served: &Served, place: &Path) -> (String, String) {
    let program = compile(name, &folder().join("include"), place);
    let (port, ca) = (served.port(), served.ca().display().to_string());
    let arguments = ["127.0.0.1", &port, USER, PASSWORD, &ca];
    let mut original = Command::new(&program);
    let theirs = said(original.args(arguments).env_remove("LD_LIBRARY_PATH").env("HOME", "/nonexistent"));
    (theirs, said(with_ours(&program).args(arguments)))
}

#[test]
fn other_columns_than_were_bound_are_an_error() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let (theirs, ours) = both("altered", served, place.path());
    assert_eq!(theirs.matches("1 2057 HY000, 3 columns\n").count(), 9, "{theirs}");
    assert_eq!(ours, theirs);
}

#[test]
fn a_length_that_can_not_be_ends_neither_program_nor_handle() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let (theirs, ours) = both("lengths", served, place.path());
    assert!(theirs.contains("0 hello\n") && theirs.matches(": 1 2008, then 0\n").count() == 4, "{theirs}");
    assert_eq!(ours, theirs);
    // The functions in which the original reads behind the text.
    let program = compile("lengths", &folder().join("include"), place.path());
    let (port, ca) = (served.port(), served.ca().display().to_string());
    let all = said(with_ours(&program).args(["127.0.0.1", &port, USER, PASSWORD, &ca, "all"]));
    for expected in [
        "a query: -1 2008, then 0\n",
        "a query that is sent: -1 2008, then 0\n",
        "a statement: 1 2008, then 0\n",
        "at once: 1 2008, then 0\n",
        "long data: 1 2008, then 0\n",
        "escaped 0 0\nescaped 0 0\nplain 0 0\nhexadecimal 0 0\nconverted 1 22\n",
    ] {
        assert!(all.contains(expected), "{expected}: {all}");
    }
}
