//! The C API's library, and C programs that are compiled for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::child;
use crate::programs::{package_folder, target_folder};

/// The headers of MariaDB's connector.
pub const MARIADB_HEADERS: &str = "/usr/include/mariadb";

/// The folder with our libmariadb.so.3, its headers and `with-sealwire`; made from the current sources.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("SEALWIRE_CAPI") {
            return folder.into();
        }
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(package_folder()).env("CARGO_TARGET_DIR", target_folder());
        let status = cargo.args(["run", "--quiet", "--package", "sealwire-xtask", "--", "capi", "--debug"]).status();
        assert!(status.is_ok_and(|status| status.success()), "cargo xtask capi --debug failed");
        target_folder().join("capi")
    })
}

/// Our library itself.
pub fn library() -> PathBuf {
    folder().join("libmariadb.so.3")
}

/// Compiles `tests/capi/NAME.c` with the headers of a folder, and links it with our library.
pub fn compile(name: &str, headers: &Path, into: &Path) -> PathBuf {
    compile_file(&package_folder().join("capi").join(name).with_extension("c"), headers, into)
}

/// As [`compile`], with our headers and this sanitizer of the compiler: `address` or `thread`.
pub fn compile_sanitized(name: &str, sanitizer: &str, into: &Path) -> PathBuf {
    let source = package_folder().join("capi").join(name).with_extension("c");
    compile_with(&source, &folder().join("include"), into, &[&format!("-fsanitize={sanitizer}")])
}

/// As [`compile`], for any file.
pub fn compile_file(source: &Path, headers: &Path, into: &Path) -> PathBuf {
    compile_with(source, headers, into, &[])
}

fn compile_with(source: &Path, headers: &Path, into: &Path, options: &[&str]) -> PathBuf {
    let name = source.file_stem().unwrap_or_default().to_string_lossy();
    let program = into.join(format!("{name}-{}", headers.file_name().unwrap_or_default().to_string_lossy()));
    let mut compiler = Command::new("cc");
    compiler.args(["-std=gnu11", "-Wall", "-Werror", "-g", "-I"]).arg(headers).args(options);
    compiler.arg(source).arg("-o").arg(&program);
    compiler.arg(library());
    let output = child::output(&mut compiler, &[]).expect("cc runs");
    assert!(output.status.success(), "{}: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    program
}

/// A command that runs with our library in place of the system's.
pub fn with_ours(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(folder().join("with-sealwire"));
    // The variables of the machine must not change what the tests see.
    for variable in [
        "MYSQL_PWD",
        "MYSQL_TCP_PORT",
        "MYSQL_UNIX_PORT",
        "MARIADB_UNIX_PORT",
        "SEALWIRE_SSL_MODE",
        "SEALWIRE_TRACE",
        "SSLKEYLOGFILE",
    ] {
        command.env_remove(variable);
    }
    command.env("HOME", "/nonexistent").arg(program);
    command
}

/// The standard output of a command that succeeds.
pub fn said(command: &mut Command) -> String {
    let output = heard(command);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}: {shown}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    shown
}

/// The outcome of a command.
pub fn heard(command: &mut Command) -> Output {
    child::output(command, &[]).unwrap_or_else(|error| panic!("{error}"))
}
