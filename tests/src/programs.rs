//! Where the programs under test and the peers' programs are.

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

/// One of our own programs, built from the sources as they are now.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

/// The task runner has built them and says where; a test run by hand builds them itself.
fn build() -> PathBuf {
    if let Some(folder) = std::env::var_os("SEALWIRE_PROGRAMS") {
        return folder.into();
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(package_folder()).env("CARGO_TARGET_DIR", target_folder());
    let status = cargo.args(["build", "--quiet", "--workspace", "--bins"]).status();
    assert!(status.is_ok_and(|status| status.success()), "cargo build --workspace --bins failed");
    target_folder().join("debug")
}

/// Why a program of others can't be run here, if it can't.
pub fn missing(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    (!found).then(|| format!("{program} is not installed: `cargo xtask test setup`"))
}

/// A file that `cargo xtask test setup` makes, or why it isn't there.
pub fn set_up(path: &Path) -> Option<String> {
    (!path.exists()).then(|| format!("{} is not there: `cargo xtask test setup`", path.display()))
}
