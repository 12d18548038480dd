//! Prepared statements in odd situations: as with MariaDB's library.

use std::path::Path;
use std::process::Command;

use sealwire_tests::capi::{compile, folder, said, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::functions::ORIGINAL;
use crate::servers::{PASSWORD, Served, USER, mariadb};

/// The outputs of a C program with MariaDB's library, with ours, and with ours where it shows more than the original can.
pub(crate) fn played(name: &str, served: &Served, place: &Path) -> [String; 3] {
    let program = compile(name, &folder().join("include"), place);
    let (port, ca) = (served.port(), served.ca().display().to_string());
    let arguments = ["127.0.0.1", &port, USER, PASSWORD, &ca];
    let mut original = Command::new(&program);
    let theirs = said(original.args(arguments).env_remove("LD_LIBRARY_PATH").env("HOME", "/nonexistent"));
    [theirs, said(with_ours(&program).args(arguments)), said(with_ours(&program).args(arguments).arg("all"))]
}

#[test]
fn other_columns_than_were_bound_are_an_error() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let [theirs, ours, _] = played("altered", served, place.path());
    assert_eq!(theirs.matches("1 2057 HY000, 3 columns\n").count(), 9, "{theirs}");
    assert_eq!(ours, theirs);
}

#[test]
fn a_length_that_can_not_be_ends_neither_program_nor_handle() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let [theirs, ours, all] = played("lengths", served, place.path());
    assert!(theirs.contains("0 hello\n") && theirs.matches(": 1 2008, then 0\n").count() == 4, "{theirs}");
    assert_eq!(ours, theirs);
    // The functions in which the original reads behind the text.
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

#[test]
fn the_methods_of_a_handle_and_the_functions_of_a_statement_are_called_as_in_the_original() {
    let (true, Some(served)) = (needs(&["cc", ORIGINAL]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let [theirs, ours, all] = played("methods", served, place.path());
    assert!(theirs.contains("1 one; 2 NULL; 3 three; 1 one; 2 NULL; 3 three; 6 rows"), "{theirs}");
    assert!(theirs.contains("0 seen 2, 1 NULL, row\n0 seen 3, 1 'three', row\n100\n"), "{theirs}");
    assert_eq!(ours, theirs);
    assert!(all.contains("other number 1 2034\n") && all.contains("absent 1 2054, 1 2054\n"), "{all}");
}
