//! The two programs.

use std::path::Path;
use std::process::{Command, Output};

use sealwire_tests::child;
use sealwire_tests::programs::program;

/// Our program.
pub(crate) fn ours(arguments: &[&str]) -> Output {
    run(Command::new(program("sealwire-binlog")), arguments)
}

/// MariaDB's program.
pub(crate) fn mariadbs(arguments: &[&str]) -> Output {
    run(Command::new("mariadb-binlog"), arguments)
}

fn run(mut command: Command, arguments: &[&str]) -> Output {
    // Both print local time.
    command.env("TZ", "Europe/Berlin").arg("--no-defaults").args(arguments);
    child::output(&mut command, &[]).unwrap()
}

/// The standard output of a program that succeeded.
pub(crate) fn printed(output: Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", said(&output));
    output.stdout
}

/// The standard error of a program.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails at the first line in which two outputs differ.
pub(crate) fn assert_same(name: &str, ours: &[u8], mariadbs: &[u8]) {
    if ours == mariadbs {
        return;
    }
    let lines = |text: &[u8]| {
        text.split(|byte| *byte == b'\n').map(String::from_utf8_lossy).map(String::from).collect::<Vec<_>>()
    };
    let (ours, mariadbs) = (lines(ours), lines(mariadbs));
    let at = ours.iter().zip(&mariadbs).position(|(a, b)| a != b).unwrap_or_else(|| ours.len().min(mariadbs.len()));
    let from = at.saturating_sub(3);
    let shown = |lines: &[String]| lines.get(from..(at + 3).min(lines.len())).unwrap_or_default().join("\n");
    panic!("{name}, line {}:\n--- ours\n{}\n--- MariaDB's\n{}", at + 1, shown(&ours), shown(&mariadbs));
}

/// Output as text. A log may hold bytes that are none.
pub(crate) fn text(output: Vec<u8>) -> String {
    String::from_utf8_lossy(&output).into_owned()
}

/// A path as an argument.
pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
