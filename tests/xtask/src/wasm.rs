//! Builds the page's client for wasm32-unknown-unknown, with the compiler here that can.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::page;
use crate::run::{Context, Tally, on_path, output, run, run_tests};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// The npm package's module, which has the client alone.
const CLIENT: &str = "sealwire_wasm";
/// The npm package's second module, which reads binary logs and is loaded when one is to be read.
const LOG: &str = "sealwire_log";
/// The page's module, which has both and the laboratory; they share most of their code.
const PAGE: &str = "sealwire_page";

/// Core's tests that also run on wasm: package, kind of target, and the name of the built file.
const TESTS: [(&str, &[&str], &str); 8] = [
    ("sealwire-core", &["--lib"], "sealwire_core"),
    ("sealwire-core", &["--test", "tls"], "tls"),
    ("sealwire-accounts", &["--lib"], "sealwire_accounts"),
    ("sealwire-binlog", &["--lib"], "sealwire_binlog"),
    ("sealwire-binlog", &["--test", "logs"], "logs"),
    ("sealwire-binlog", &["--test", "row_types"], "row_types"),
    ("sealwire-binlog", &["--test", "properties"], "properties"),
    ("sealwire-simnet", &["--lib"], "sealwire_simnet"),
];

/// Runs the group of checks: core's own tests pass on wasm, the package builds, and its modules import only what the glue provides.
pub(crate) fn check(context: &Context) -> Tally {
    let mut tally = tests(context);
    match package(context) {
        Err(note) => tally.add(Err(note).into()),
        Ok(package) => {
            tally.passed += 1;
            for module in [format!("{CLIENT}_bg.wasm"), format!("{LOG}_bg.wasm"), format!("page/{PAGE}_bg.wasm")] {
                tally.add(run(Command::new("node").args(["--eval", IMPORTS]).arg(package.join(module))).into());
            }
        }
    }
    tally
}

/// A script that fails where the module imports anything that wasm-bindgen's glue does not provide, such as `env`.
const IMPORTS: &str = "
    const module = new WebAssembly.Module(require('fs').readFileSync(process.argv[1]));
    const names = new Set(WebAssembly.Module.imports(module).map((wanted) => wanted.module));
    console.log('the module imports from', [...names]);
    process.exit([...names].every((name) => /^\\.\\/sealwire_(wasm|log|page)_bg\\.js$/.test(name)) ? 0 : 1);
";

/// Runs the same tests as natively, under node.
fn tests(context: &Context) -> Tally {
    let folder = context.target.join("wasm-tests");
    let mut tally = Tally::default();
    for (package, target, name) in TESTS {
        let built = cargo(context).and_then(|mut cargo| {
            cargo.args(["test", "--no-run", "--locked", "--package", package]).args(target);
            cargo.args(["--profile", "wasm-tests", "--target", TARGET, "--message-format=json-render-diagnostics"]);
            let said = output(&mut cargo)?;
            let module = executable(&said).ok_or_else(|| format!("cargo named no module of {package}'s tests"))?;
            glue(context, Path::new(&module), &folder, name, &["--node"])
        });
        match built {
            Err(note) => tally.add(Err(note).into()),
            Ok(()) => {
                let mut node = Command::new("node");
                node.current_dir(&context.root).arg("tests/wasm/run.cjs").arg(folder.join(format!("{name}.js")));
                tally.add(run_tests(&mut node));
            }
        }
    }
    tally
}

/// The path of the built file in cargo's messages.
fn executable(messages: &str) -> Option<String> {
    let (_, after) = messages.rsplit_once("\"executable\":\"")?;
    after.split_once('"').map(|(path, _)| path.to_owned())
}

/// Whether only Debian's compiler has the wasm target.
pub(crate) fn needs_debian(context: &Context) -> bool {
    if active_has_target(context) {
        return false;
    }
    // A machine with this variable set can't download parts of toolchains.
    let may_add = std::env::var("RUSTUP_AUTO_INSTALL").map_or(true, |value| value != "0") && on_path("rustup");
    let added =
        may_add && run(Command::new("rustup").current_dir(&context.root).args(["target", "add", TARGET])).is_ok();
    !(added && active_has_target(context))
}

/// Whether the file exists, because the compiler prints a path even for a target that it lacks.
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

/// Builds the npm package of the page's client, `wasm/pkg`: the module, its JavaScript glue and the typed API over both. Beside it, in
/// `page`, is the page's own module. Each run of this program builds them once.
pub(crate) fn package(context: &Context) -> Result<PathBuf, String> {
    static PACKAGE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PACKAGE.get_or_init(|| build_package(context)).clone()
}

fn build_package(context: &Context) -> Result<PathBuf, String> {
    let client = module(context, "client")?;
    let log = module(context, "log")?;
    let page = module(context, "client,log,lab")?;
    let package = context.root.join("wasm/pkg");
    let told = |error: std::io::Error| format!("{}: {error}", package.display());
    if package.exists() {
        fs::remove_dir_all(&package).map_err(told)?;
    }
    fs::create_dir_all(&package).map_err(told)?;
    glue(context, &client, &package, CLIENT, &[])?;
    glue(context, &log, &package, LOG, &[])?;
    glue(context, &page, &package.join("page"), PAGE, &[])?;
    page::modules(context)?;
    let compiler = context.root.join("web/node_modules/.bin/tsc");
    run(Command::new(compiler).current_dir(&context.root).args(["--project", "wasm/tsconfig.json"]))?;
    for file in ["wasm/package.json", "wasm/README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        let from = context.root.join(file);
        fs::copy(&from, package.join(from.file_name().unwrap_or_default())).map_err(told)?;
    }
    Ok(package)
}

/// Writes the JavaScript glue of a module, and the module adapted to it.
fn glue(context: &Context, module: &Path, folder: &Path, name: &str, options: &[&str]) -> Result<(), String> {
    let mut bindgen = context.cargo(["run", "--quiet", "--locked", "--manifest-path"]);
    bindgen
        .arg(context.root.join("tests/xtask/bindgen/Cargo.toml"))
        .env("CARGO_TARGET_DIR", context.target.join("bindgen"));
    run(bindgen.arg("--").arg(module).arg(folder).arg(name).args(options))
}

/// Builds the module with these features.
fn module(context: &Context, features: &str) -> Result<PathBuf, String> {
    let mut cargo = cargo(context)?;
    // The crate type is set here, because natively nobody needs a dynamic library.
    cargo.args(["rustc", "--locked", "--package", "sealwire-wasm", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--no-default-features", "--features", features]);
    run(cargo.args(["--profile", "wasm", "--target", TARGET]))?;
    // The next build would overwrite the module.
    let target = target(context);
    let kept = target.join(format!("{}.wasm", features.replace(',', "-")));
    let built = target.join(TARGET).join("wasm").join(format!("{CLIENT}.wasm"));
    fs::copy(&built, &kept).map_err(|error| format!("{}: {error}", built.display()))?;
    Ok(kept)
}

/// A separate target folder, because otherwise the output of two compilers would be rebuilt each time.
fn target(context: &Context) -> PathBuf {
    context.target.join("wasm")
}

/// A compact AES, because it only decrypts key files, and a compact SHA-2, because it only hashes passwords and fingerprints: few and short.
const SMALL: &str = "--cfg aes_backend_soft=\"compact\" --cfg sha2_backend_soft=\"compact\"";

/// The cargo that can build for wasm here, in the workspace's folder.
fn cargo(context: &Context) -> Result<Command, String> {
    let mut cargo;
    let mut flags = SMALL.to_owned();
    if needs_debian(context) {
        flags = format!("{flags} --sysroot={}", debian_sysroot(context)?.display());
        cargo = debian_cargo();
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
    } else {
        cargo = context.cargo::<&str>([]);
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
    let tool = |versioned: &'static str, plain: &'static str| if on_path(versioned) { versioned } else { plain };
    cargo.env("CC_wasm32_unknown_unknown", tool("clang-19", "clang"));
    cargo.env("AR_wasm32_unknown_unknown", tool("llvm-ar-19", "llvm-ar"));
    cargo.current_dir(&context.root).env("CARGO_TARGET_DIR", target(context));
    Ok(cargo)
}

/// Debian's cargo and compiler, whatever toolchain rustup selects.
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

/// The standard library for wasm, built once by Debian's compiler from Debian's source, and kept for that compiler.
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
    // Without the bitcode, a link-time optimised build with this library fails.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Cembed-bitcode=yes");
    run(cargo.args(["build", "--release", "--target", TARGET, "-Zbuild-std=std,panic_abort,test"]))?;
    // The folder is filled under another name and then renamed, so that an interrupted run leaves no half-filled one.
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
