//! The library as compiled programs see it: its names with their versions, and its structs.

use std::path::Path;
use std::process::Command;

use sealwire_tests::capi::{MARIADB_HEADERS, compile, folder, library, said, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

/// The names of MariaDB's library 3.3.20: `name@@version`, and `name@version` for a hidden one.
const EXPORTS: &str = include_str!("exports.txt");

#[test]
fn the_names_and_their_versions_are_mariadbs() {
    if !needs(&["readelf"]) {
        return;
    }
    let table = said(Command::new("readelf").args(["--dyn-syms", "--wide"]).arg(library()));
    let mut found: Vec<&str> = table
        .lines()
        .filter(|line| !line.contains(" UND ") && !line.contains(" ABS "))
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|name| *name != "Name")
        .collect();
    found.sort_unstable();
    let mut expected: Vec<&str> = EXPORTS.lines().collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let visible = expected.iter().filter(|name| name.contains("@@")).count();
    assert_eq!((expected.len(), visible), (336, 216));
}

#[test]
fn the_structs_are_mariadbs() {
    if !needs(&["cc", &format!("{MARIADB_HEADERS}/mysql.h")]) {
        return;
    }
    let place = tempdir().unwrap();
    let layout = |headers: &Path| said(&mut with_ours(compile("layout", headers, place.path())));
    let (ours, theirs) = (layout(&folder().join("include")), layout(Path::new(MARIADB_HEADERS)));
    assert!(theirs.lines().count() > 120 && theirs.starts_with("MYSQL 1272\n"), "{theirs}");
    assert_eq!(ours, theirs);
}

#[test]
fn every_name_is_found_at_once() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("layout", &folder().join("include"), place.path());
    let mut command = with_ours(program);
    assert!(said(command.env("LD_BIND_NOW", "1")).starts_with("MYSQL 1272\n"));
}

#[test]
fn the_configuration_names_this_folder() {
    let folder = folder();
    let said = |option: &str| said(Command::new(folder.join("sealwire-config")).arg(option));
    assert_eq!(said("--include").trim(), format!("-I{}/include", folder.display()));
    assert!(said("--libs").contains(":libmariadb.so.3"));
    let both = Command::new(folder.join("sealwire-config")).args(["--cflags", "--libs"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&both.stdout), said("--cflags") + &said("--libs"));
    for wrong in [&["--cflags", "--nothing"][..], &[]] {
        let refused = Command::new(folder.join("sealwire-config")).args(wrong).output().unwrap();
        assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("usage:"), "{wrong:?}");
    }
    let pc = std::fs::read_to_string(folder.join("sealwire.pc")).unwrap();
    assert!(pc.contains(&format!("prefix={}", folder.display())) && !pc.contains('@'), "{pc}");
}

#[test]
fn the_wrapper_says_where_a_program_has_the_client_inside() {
    if !needs(&["/usr/bin/mariadb", "/usr/bin/perl", "cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let told = |command: &mut Command| String::from_utf8(command.output().unwrap().stderr).unwrap();
    let warning = told(with_ours("mariadb").arg("--version"));
    assert!(warning.contains("mariadb does not load libmariadb.so.3"), "{warning}");
    assert_eq!(told(with_ours("/usr/bin/perl").args(["-e", "1"])), "");
    assert_eq!(told(&mut with_ours(compile("layout", &folder().join("include"), place.path()))), "");
}
