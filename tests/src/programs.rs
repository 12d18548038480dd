//! The paths of the programs under test and of the peers' programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder of this package.
pub fn package_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder, found from the running test's own path.
pub fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    test.ancestors().nth(3).expect("cargo puts tests into target/PROFILE/deps").to_owned()
}

/// The path of one of our programs, built from the current sources.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// The path of one of core's examples, built likewise.
pub fn example(name: &str) -> PathBuf {
    program("examples").join(name)
}

/// Builds the programs, unless the task runner has built them and gives their folder.
fn build() -> PathBuf {
    if let Some(folder) = std::env::var_os("SEALWIRE_PROGRAMS") {
        return folder.into();
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(package_folder()).env("CARGO_TARGET_DIR", target_folder());
    let status = cargo.args(["build", "--quiet", "--workspace", "--bins", "--examples"]).status();
    assert!(status.is_ok_and(|status| status.success()), "cargo build --workspace --bins --examples failed");
    target_folder().join("debug")
}

/// Why a program of another project can't be run here; `None` where it can.
pub fn missing(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    (!found).then(|| format!("{program} is not installed: `cargo xtask test setup`"))
}

/// Whether a test can run: the peers are programs by name and files by path. The test harness reports a skipped test as passed, so this
/// prints why, and in CI it fails the test.
pub fn needs(peers: &[&str]) -> bool {
    let absent = |peer: &&str| if peer.contains('/') { set_up(Path::new(peer)) } else { missing(peer) };
    is_complete(peers.iter().find_map(absent), in_ci())
}

/// Whether a test can run where `refused` is why not, as [`needs`] tells it.
pub fn can(refused: Option<String>) -> bool {
    is_complete(refused, in_ci())
}

fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

fn is_complete(absent: Option<String>, in_ci: bool) -> bool {
    let Some(reason) = absent else { return true };
    assert!(!in_ci, "in CI nothing may be skipped: {reason}");
    println!("skipped: {reason}");
    false
}

/// Why a file that `cargo xtask test setup` makes is missing; `None` where it exists.
pub fn set_up(path: &Path) -> Option<String> {
    (!path.exists()).then(|| format!("{} is not there: `cargo xtask test setup`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_skips_a_test() {
        assert!(needs(&["sh", "/"]));
        let reason = || missing("no-such-program");
        assert!(reason().is_some() && set_up(Path::new("/no/such/file")).is_some());
        assert!(!is_complete(reason(), false));
    }

    #[test]
    #[should_panic(expected = "in CI nothing may be skipped: no-such-program is not installed")]
    fn what_is_absent_fails_a_test_in_ci() {
        is_complete(missing("no-such-program"), true);
    }
}
