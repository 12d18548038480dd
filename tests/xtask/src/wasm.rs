//! Builds core, its tests and ring for wasm32-unknown-unknown, with whichever compiler here can.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Context, Tally, on_path, output, run};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// The group.
pub(crate) fn check(context: &Context) -> Tally {
    build(context).into()
}

/// Whether the wasm target is to be had from Debian's compiler alone.
pub(crate) fn needs_debian(context: &Context) -> bool {
    if active_has_target(context) {
        return false;
    }
    // A machine that says so has no way to get toolchain parts.
    let may_add = std::env::var("RUSTUP_AUTO_INSTALL").map_or(true, |value| value != "0") && on_path("rustup");
    let added =
        may_add && run(Command::new("rustup").current_dir(&context.root).args(["target", "add", TARGET])).is_ok();
    !(added && active_has_target(context))
}

/// The compiler prints a path for a target that it doesn't have, too: the file tells.
fn active_has_target(context: &Context) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(&context.root).args(["--print", "target-libdir", "--target", TARGET]);
    output(&mut rustc).is_ok_and(|folder| has_core(Path::new(folder.trim())))
}

fn has_core(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

fn build(context: &Context) -> Result<(), String> {
    let mut cargo;
    if needs_debian(context) {
        let sysroot = debian_sysroot(context)?;
        cargo = debian_cargo();
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", format!("--sysroot={}", sysroot.display()));
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
    } else {
        cargo = context.cargo::<&str>([]);
    }
    let tool = |versioned: &'static str, plain: &'static str| if on_path(versioned) { versioned } else { plain };
    cargo.env("CC_wasm32_unknown_unknown", tool("clang-19", "clang"));
    cargo.env("AR_wasm32_unknown_unknown", tool("llvm-ar-19", "llvm-ar"));
    // Its own target folder: another compiler's output would be rebuilt at every turn.
    cargo.current_dir(&context.root).env("CARGO_TARGET_DIR", context.target.join("wasm"));
    let probe = probe(context)?;
    run(cargo.current_dir(&probe).args(["build", "--target", TARGET]))
}

/// A package that brings core and ring together: core itself names no provider, and its tests need sockets.
fn probe(context: &Context) -> Result<PathBuf, String> {
    let place = context.target.join("wasm-probe");
    let told = |error: std::io::Error| format!("{}: {error}", place.display());
    let core = context.root.join("core");
    let manifest = format!(
        "[package]\nname = \"probe\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         sealwire-core = {{ path = {core:?} }}\n\
         rustls = {{ version = \"0.23\", default-features = false, features = [\"std\", \"tls12\", \"ring\"] }}\n\
         ring = {{ version = \"0.17\", features = [\"wasm32_unknown_unknown_js\"] }}\n\
         rustls-pki-types = {{ version = \"1\", features = [\"web\"] }}\n"
    );
    let source = "//! Core with the ring provider.\npub use sealwire_core as core;\n\
                  pub fn provider() -> rustls::crypto::CryptoProvider {\n    rustls::crypto::ring::default_provider()\n}\n";
    fs::create_dir_all(place.join("src")).map_err(told)?;
    fs::write(place.join("Cargo.toml"), manifest).map_err(told)?;
    fs::write(place.join("src/lib.rs"), source).map_err(told)?;
    Ok(place)
}

/// Debian's cargo and compiler, whatever rustup says.
fn debian_cargo() -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut first = OsString::from("/usr/bin:");
    first.push(path);
    let mut cargo = Command::new(DEBIAN_CARGO);
    cargo.env("PATH", first).env("RUSTC", DEBIAN_RUSTC);
    for variable in ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER"] {
        cargo.env_remove(variable);
    }
    cargo
}

/// The standard library for wasm, built once from Debian's source by Debian's compiler and kept for that compiler.
fn debian_sysroot(context: &Context) -> Result<PathBuf, String> {
    let version = output(Command::new(DEBIAN_RUSTC).arg("-vV"))?;
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    let place = context.target.join("wasm-sysroot").join(format!("{:016x}", hasher.finish()));
    let sysroot = place.join("sysroot");
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    if has_core(&libraries) {
        return Ok(sysroot);
    }
    let told = |error: std::io::Error| format!("{}: {error}", place.display());
    let (seed, built) = (place.join("seed"), place.join("built"));
    fs::create_dir_all(seed.join("src")).map_err(told)?;
    fs::write(seed.join("Cargo.toml"), "[package]\nname = \"seed\"\nedition = \"2021\"\n[workspace]\n")
        .map_err(told)?;
    fs::write(seed.join("src/lib.rs"), "#![no_std]\n").map_err(told)?;
    let mut cargo = debian_cargo();
    cargo.current_dir(&seed).env("CARGO_TARGET_DIR", &built).env("RUSTC_BOOTSTRAP", "1");
    // Without the bitcode a link-time optimised build on top of it fails.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Cembed-bitcode=yes");
    run(cargo.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,test"]))?;
    // Filled beside and then renamed, so that a cut-off run leaves no half of it.
    let filling = place.join("filling");
    fs::create_dir_all(&filling).map_err(told)?;
    for entry in fs::read_dir(built.join(TARGET).join("release/deps")).map_err(told)?.flatten() {
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        if shown.ends_with(".rlib") && !shown.starts_with("libseed-") {
            fs::copy(entry.path(), filling.join(&name)).map_err(told)?;
        }
    }
    fs::create_dir_all(libraries.parent().unwrap_or(&sysroot)).map_err(told)?;
    fs::rename(&filling, &libraries).map_err(told)?;
    fs::remove_dir_all(&built).map_err(told)?;
    Ok(sysroot)
}
