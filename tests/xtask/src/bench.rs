//! `cargo xtask bench`: builds everything with optimisation, then measures. See tests/bench/.

use crate::run::{Context, PROGRAMS, on_path, run};
use crate::{capi, wasm};

/// Runs the named groups; without names it runs all and writes tests/bench/RESULTS.md.
pub(crate) fn bench(context: &Context, words: &[&str]) -> Result<(), String> {
    for (program, package) in [("mariadbd", "mariadb-server"), ("cc", "gcc"), ("mariadb_config", "libmariadb-dev")] {
        if !on_path(program) {
            return Err(format!("{program} is missing; on Debian: apt-get install {package}"));
        }
    }
    wasm::package(context)?;
    run(&mut context.cargo(["build", "--release"].into_iter().chain(PROGRAMS)))?;
    capi::capi(context, capi::Profile::Release)?;
    let manifest = context.root.join("tests/bench/Cargo.toml").display().to_string();
    let build = ["run", "--quiet", "--release", "--locked", "--manifest-path", manifest.as_str(), "--", "run"];
    let mut command = context.cargo(build.iter().chain(words));
    command.env("SEALWIRE_CAPI", context.target.join("capi"));
    run(command.env("SEALWIRE_PROGRAMS", context.target.join("release")))
}
