//! A C program under valgrind, without a report and without a leak.

use sealwire_tests::capi::{compile, folder, heard, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::servers::{PASSWORD, USER, mariadb};

#[test]
fn valgrind_has_nothing_to_report() {
    let (true, Some(served)) = (needs(&["cc", "valgrind"]), mariadb()) else { return };
    let place = tempdir().unwrap();
    let program = compile("values", &folder().join("include"), place.path());
    let mut command = with_ours("valgrind");
    command
        .args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"])
        .arg(&program);
    command.args(["127.0.0.1", &served.port(), USER, PASSWORD]).arg(served.ca()).arg("test");
    let output = heard(&mut command);
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
