//! `cargo xtask capi`: links the C API's static library into libmariadb.so.3, and puts the headers and scripts beside it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{Context, run};

/// The system's libraries that the shared library needs.
const SYSTEM: [&str; 5] = ["-lgcc_s", "-lpthread", "-lm", "-ldl", "-lc"];
/// The version whose names exist a second time, hidden, for programs that were linked with MariaDB's first connectors.
const DOUBLED: &str = "libmysqlclient_18";
const HIDDEN: &str = "libmariadbclient_18";

/// Which build of the static library is linked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For use.
    Release,
    /// For the tests, which build the whole workspace with the same features anyway.
    Debug,
}

pub(crate) fn capi(context: &Context, profile: Profile) -> Result<(), String> {
    let archive = match profile {
        Profile::Release => {
            run(&mut context.cargo(["build", "--release", "--package", "sealwire-capi", "--lib"]))?;
            context.target.join("release/libsealwire_capi.a")
        }
        Profile::Debug => {
            run(&mut context.cargo(["build", "--quiet", "--workspace", "--lib"]))?;
            context.target.join("debug/libsealwire_capi.a")
        }
    };
    let (source, folder) = (context.root.join("native/capi"), context.target.join("capi"));
    let include = folder.join("include");
    fs::create_dir_all(&include).map_err(|error| format!("{}: {error}", include.display()))?;
    for (from, to) in [
        ("include/mysql.h", &include),
        ("include/errmsg.h", &include),
        ("include/mariadb_rpl.h", &include),
        ("with-sealwire", &folder),
        ("sealwire-config", &folder),
    ] {
        let from = source.join(from);
        let to = to.join(from.file_name().unwrap_or_default());
        fs::copy(&from, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    let template = read(&source.join("sealwire.pc.in"))?;
    let version =
        template.replace("@PREFIX@", &folder.display().to_string()).replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    write(&folder.join("sealwire.pc"), &version)?;
    let map = source.join("libmariadb.map");
    let aliases = folder.join("aliases.s");
    write(&aliases, &aliases_of(&read(&map)?))?;
    let library = folder.join("libmariadb.so.3");
    let mut link = Command::new("cc");
    link.arg("-shared").arg("-o").arg(&library);
    link.arg("-Wl,--whole-archive").arg(&archive).arg("-Wl,--no-whole-archive").arg(&aliases);
    link.arg(format!("-Wl,--version-script={}", map.display()));
    link.args(["-Wl,-soname,libmariadb.so.3", "-Wl,--gc-sections", "-Wl,-z,defs", "-Wl,-z,relro,-z,now"]);
    if profile == Profile::Release {
        link.arg("-Wl,--strip-debug");
    }
    run(link.args(SYSTEM))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The names that the version script gives one version.
fn names_of<'m>(map: &'m str, version: &str) -> Vec<&'m str> {
    let mut lines = map.lines().map(str::trim);
    let start = format!("{version} {{");
    let _ = lines.find(|line| *line == start);
    let own = lines.take_while(|line| !line.starts_with('}') && *line != "local:");
    own.filter_map(|line| line.strip_suffix(';')).collect()
}

/// Assembly for the hidden names: the linker's script gives a name one version only, so each second one is a jump.
fn aliases_of(map: &str) -> String {
    let jump = if cfg!(target_arch = "aarch64") { "b" } else { "jmp" };
    let procedure = if cfg!(target_arch = "aarch64") { "" } else { "@PLT" };
    let mut text = ".section .note.GNU-stack,\"\",%progbits\n.text\n".to_owned();
    for name in names_of(map, DOUBLED) {
        text += &format!(
            ".globl alias_{name}\n.type alias_{name},%function\nalias_{name}: {jump} {name}{procedure}\n.symver alias_{name}, {name}@{HIDDEN}, remove\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_first_version_are_doubled() {
        let map = "/* x */\nlibmysqlclient_18 {\nglobal:\n    mysql_ping;\nlocal:\n    *;\n};\nlibmariadb_3 {\nglobal:\n    mariadb_x;\n};\n";
        assert_eq!(names_of(map, DOUBLED), ["mysql_ping"]);
        let text = aliases_of(map);
        assert!(text.contains(".symver alias_mysql_ping, mysql_ping@libmariadbclient_18, remove\n"), "{text}");
        assert!(!text.contains("mariadb_x"));
    }
}
