//! Node, which builds the page and runs its tests: the system's where it is recent enough, else one from npm.

use std::env::{self, consts};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::run::{Context, output, run};

/// The oldest version that vite supports. Debian 12 has 18.
const OLDEST: (u32, u32) = (20, 19);
const VERSION: &str = "22.23.3";
/// The version of npm to install, because Debian's npm runs on Debian's node only.
const NPM: &str = "npm@10.9.4";

/// A command whose PATH has that node, also for `npm`.
pub(crate) fn command(context: &Context, program: impl AsRef<OsStr>) -> Result<Command, String> {
    let mut command = Command::new(program);
    let own = folders(context)?;
    if !own.is_empty() {
        let path = env::var_os("PATH").unwrap_or_default();
        let path =
            env::join_paths(own.into_iter().chain(env::split_paths(&path))).map_err(|error| error.to_string())?;
        command.env("PATH", path);
    }
    Ok(command)
}

/// The folders of node and npm from npm, where the system's are too old.
fn folders(context: &Context) -> Result<Vec<PathBuf>, String> {
    let own = output(Command::new("node").arg("--version")).unwrap_or_default();
    if version(&own).is_some_and(|version| version >= OLDEST) {
        return Ok(Vec::new());
    }
    let machine = match consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => {
            return Err(format!("node {}.{} or newer is needed, and npm has none for {other}", OLDEST.0, OLDEST.1));
        }
    };
    let system = if consts::OS == "macos" { "darwin" } else { consts::OS };
    let package = format!("node-{system}-{machine}");
    let place = context.target.join("node").join(VERSION);
    let modules = place.join("node_modules");
    let programs = vec![modules.join(&package).join("bin"), modules.join(".bin")];
    if !programs.iter().zip(["node", "npm"]).all(|(folder, name)| folder.join(name).is_file()) {
        println!("node {}.{} or newer is needed, and here is {}: npm brings {VERSION}", OLDEST.0, OLDEST.1, own.trim());
        std::fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&place);
        run(npm.arg(format!("{package}@{VERSION}")).arg(NPM))?;
    }
    Ok(programs)
}

/// A file that changes with the node in use, because which npm packages fit depends on node's version.
pub(crate) fn stamp(context: &Context) -> Result<PathBuf, String> {
    let file = context.target.join("node-version");
    let version = output(command(context, "node")?.arg("--version"))?;
    std::fs::write(&file, version).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, version};

    #[test]
    fn debian_12s_node_is_too_old() {
        assert!(version("v18.20.4\n").unwrap() < OLDEST);
        assert!(version("v20.19.0\n").unwrap() >= OLDEST && version("v22.1.0").unwrap() >= OLDEST);
        assert_eq!(version("not found"), None);
    }
}
