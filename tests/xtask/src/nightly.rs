//! Builds programs with AddressSanitizer by the nightly compiler: the fuzz targets, and our own. All have the same flags and the workspace
//! of tests/fuzz, so that their dependencies are compiled once.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{Context, forget_own_package, output, run};

/// The flags that cargo-fuzz sets too: libFuzzer's counters, AddressSanitizer, and `--cfg fuzzing`.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Zsanitizer=address --cfg fuzzing";

pub(crate) fn is_here() -> bool {
    output(cargo().arg("--version")).is_ok()
}

/// The nightly cargo, whichever toolchain runs this program.
fn cargo() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    for variable in ["RUSTUP_TOOLCHAIN", "CARGO", "RUSTC", "RUSTDOC", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(variable);
    }
    forget_own_package(&mut command);
    command
}

/// Builds the programs that cargo's arguments name; returns their folder.
pub(crate) fn build<'a>(context: &Context, which: impl IntoIterator<Item = &'a str>) -> Result<PathBuf, String> {
    let version = output(Command::new("rustup").args(["run", "nightly", "rustc", "-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let place = context.target.join("fuzz");
    let mut cargo = cargo();
    cargo.current_dir(context.root.join("tests/fuzz")).env("CARGO_TARGET_DIR", &place).env("RUSTFLAGS", FLAGS);
    // With an explicit target, build scripts and macros are built without the flags.
    cargo.args(["build", "--release", "--locked", "--target", host]).args(which);
    run(&mut cargo)?;
    Ok(place.join(host).join("release"))
}
