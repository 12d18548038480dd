//! `cargo xtask bench`: builds everything with optimisation, then measures. See tests/bench/.

use std::path::Path;

use crate::run::{Context, PROGRAMS, on_path, run};
use crate::{capi, wasm};

/// The programs of others that every group needs, and their packages in Debian.
const PEERS: [(&str, &str); 3] = [("mariadbd", "mariadb-server"), ("cc", "gcc"), ("mariadb_config", "libmariadb-dev")];

/// The files that the group `gateway` needs besides. No test needs them, so that `cargo xtask test setup` does not install them.
const PROXIES: [(&str, &str); 4] = [
    ("/usr/sbin/haproxy", "haproxy"),
    ("/usr/sbin/nginx", "nginx-light"),
    ("/usr/lib/nginx/modules/ngx_stream_module.so", "libnginx-mod-stream"),
    ("/usr/bin/stunnel4", "stunnel4"),
];

/// Runs the named groups; without names it runs all and writes tests/bench/RESULTS.md.
pub(crate) fn bench(context: &Context, words: &[&str]) -> Result<(), String> {
    let names_none = words.iter().all(|word| word.starts_with("--"));
    let runs = |group: &str| names_none || words.contains(&group);
    let missing = PEERS.iter().find(|(program, _)| !on_path(program));
    let proxy = || PROXIES.iter().find(|(file, _)| runs("gateway") && !Path::new(file).is_file());
    if let Some((what, package)) = missing.or_else(proxy) {
        return Err(format!("{what} is missing; on Debian: apt-get install --no-install-recommends {package}"));
    }
    if runs("browser") {
        wasm::package(context)?;
    }
    run(&mut context.cargo(["build", "--release"].into_iter().chain(PROGRAMS)))?;
    if runs("capi") {
        capi::capi(context, capi::Profile::Release)?;
    }
    let manifest = context.root.join("tests/bench/Cargo.toml").display().to_string();
    let build = ["run", "--quiet", "--release", "--locked", "--manifest-path", manifest.as_str(), "--", "run"];
    let mut command = context.cargo(build.iter().chain(words));
    command.env("SEALWIRE_CAPI", context.target.join("capi"));
    run(command.env("SEALWIRE_PROGRAMS", context.target.join("release")))
}
