//! Installs what the tests need: Debian packages where this is Debian and the user is root, Python and npm packages at the versions that
//! tests/interop/ pins. Elsewhere it prints what is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Context, Tally, on_path, output, run};
use crate::{debian, wasm};

/// A requirement of the tests: how to check that it is present, and Debian's package of it.
struct Need {
    probe: Probe,
    package: &'static str,
}

enum Probe {
    Program(&'static str),
    /// A program under either of two names.
    Either(&'static str, &'static str),
    File(&'static str),
    PythonModule(&'static str),
    /// A package whose files have its version in their paths.
    Package,
}

const NEEDS: [Need; 30] = [
    Need { probe: Probe::Program("mariadbd"), package: "mariadb-server" },
    Need { probe: Probe::Program("mariadb"), package: "mariadb-client" },
    Need { probe: Probe::File("/usr/share/mysql/mysql-test/std_data/cacert.pem"), package: "mariadb-test-data" },
    Need { probe: Probe::Program("openssl"), package: "openssl" },
    Need { probe: Probe::Program("tshark"), package: "tshark" },
    Need { probe: Probe::Program("valgrind"), package: "valgrind" },
    Need { probe: Probe::Program("ip"), package: "iproute2" },
    Need { probe: Probe::Program("python3"), package: "python3" },
    Need { probe: Probe::PythonModule("ensurepip"), package: "python3-venv" },
    // For the headers: MariaDB Connector/Python is compiled.
    Need { probe: Probe::Package, package: "python3-dev" },
    Need { probe: Probe::Program("php"), package: "php-cli" },
    Need { probe: Probe::Package, package: "php-mysql" },
    Need { probe: Probe::Program("javac"), package: "default-jdk-headless" },
    Need { probe: Probe::File("/usr/share/java/mariadb-java-client.jar"), package: "libmariadb-java" },
    Need { probe: Probe::Program("cc"), package: "gcc" },
    Need { probe: Probe::Program("g++"), package: "g++" },
    Need { probe: Probe::Program("readelf"), package: "binutils" },
    Need { probe: Probe::File("/usr/include/mariadb/mysql.h"), package: "libmariadb-dev" },
    Need { probe: Probe::File("/usr/lib/python3/dist-packages/MySQLdb/__init__.py"), package: "python3-mysqldb" },
    Need { probe: Probe::Package, package: "libdbd-mysql-perl" },
    Need { probe: Probe::File("/usr/lib/ruby/vendor_ruby/mysql2.rb"), package: "ruby-mysql2" },
    Need { probe: Probe::Package, package: "odbc-mariadb" },
    Need { probe: Probe::Program("isql"), package: "unixodbc" },
    Need { probe: Probe::Program("sysbench"), package: "sysbench" },
    Need { probe: Probe::File("/usr/sbin/haproxy"), package: "haproxy" },
    Need { probe: Probe::Program("stunnel"), package: "stunnel4" },
    Need { probe: Probe::File("/usr/lib/galera/libgalera_smm.so"), package: "galera-4" },
    Need { probe: Probe::Program("rsync"), package: "rsync" },
    Need { probe: Probe::Program("go"), package: "golang-go" },
    Need {
        probe: Probe::File("/usr/share/gocode/src/github.com/go-sql-driver/mysql/driver.go"),
        package: "golang-github-go-sql-driver-mysql-dev",
    },
];

/// The requirements of the page: clang for ring's C, npm for its build, and Debian's compiler where the active one lacks the target.
const PAGE_NEEDS: [Need; 3] = [
    Need { probe: Probe::Either("clang-19", "clang"), package: "clang-19" },
    Need { probe: Probe::Either("llvm-ar-19", "llvm-ar"), package: "llvm-19" },
    Need { probe: Probe::Program("npm"), package: "npm" },
];
/// The browser in which the page is tested.
const BROWSER: Need = Need { probe: Probe::Program("chromium"), package: "chromium" };
const DEBIAN_RUST_NEEDS: [Need; 4] = [
    Need { probe: Probe::Program("wasm-ld-19"), package: "lld-19" },
    Need { probe: Probe::File("/usr/bin/rustc"), package: "rustc-web" },
    Need { probe: Probe::File("/usr/bin/cargo"), package: "cargo-web" },
    Need { probe: Probe::Package, package: "rust-web-src" },
];

/// Runs the group of checks.
pub(crate) fn setup(context: &Context) -> Tally {
    let mut tally = Tally::from(packages(context));
    if tally.failed == 0 {
        tally.add(python(context).into());
        tally.add(node(context).into());
        tally.add(go(context).into());
        tally.add(debian::unpack(context).into());
    }
    tally
}

/// The path of a program that setup installs into the tests' own Python environment.
pub(crate) fn python_program(context: &Context, name: &str) -> PathBuf {
    context.target.join("interop/python/bin").join(name)
}

fn packages(context: &Context) -> Result<(), String> {
    let mut needs = needs_of_page(context);
    needs.extend(NEEDS.iter().chain([&BROWSER]));
    install(&needs)
}

/// Installs only what the page's build needs.
pub(crate) fn page_packages(context: &Context) -> Result<(), String> {
    install(&needs_of_page(context))
}

fn needs_of_page(context: &Context) -> Vec<&'static Need> {
    let mut needs: Vec<&Need> = PAGE_NEEDS.iter().collect();
    if wasm::needs_debian(context) {
        needs.extend(&DEBIAN_RUST_NEEDS);
    }
    needs
}

/// Installs what is missing, where this is Debian and the user is root; else the error names the command.
fn install(needs: &[&Need]) -> Result<(), String> {
    let missing: Vec<&Need> = needs.iter().copied().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        println!("every program is here");
        return Ok(());
    }
    println!("missing: {}", names(&missing).join(" "));
    let root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !on_path("apt-get") || !root {
        return Err(way_out(&missing, on_path("apt-get")));
    }
    run(Command::new("apt-get").args(["-q", "update"]))?;
    let mut install = Command::new("apt-get");
    // RUNLEVEL keeps the server's package from starting a server.
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    run(install.args(["-q", "-y", "install", "--no-install-recommends"]).args(names(&missing)))?;
    match needs.iter().find(|need| !need.is_met()) {
        None => Ok(()),
        Some(need) => Err(format!("{} is installed, but {} is not there", need.package, need.holds())),
    }
}

fn names(missing: &[&Need]) -> Vec<&'static str> {
    missing.iter().map(|need| need.package).collect()
}

/// The command to install what is missing, for a user who may run it.
fn way_out(missing: &[&Need], is_debian: bool) -> String {
    let command = format!("apt-get install --no-install-recommends {}", names(missing).join(" "));
    if is_debian {
        return format!("something is missing; run as root: {command}");
    }
    let is_of_debian = |need: &&Need| DEBIAN_RUST_NEEDS.iter().any(|other| other.package == need.package);
    let (compiler, programs): (Vec<&Need>, Vec<&Need>) = missing.iter().copied().partition(is_of_debian);
    let programs = programs.iter().map(|need| need.holds()).collect::<Vec<_>>().join(", ");
    let target = if compiler.is_empty() { "" } else { "; run: rustup target add wasm32-unknown-unknown" };
    let programs = if programs.is_empty() { programs } else { format!("; install what holds {programs}") };
    format!("something is missing{target}{programs}; on Debian all of it comes with, as root: {command}")
}

impl Need {
    fn is_met(&self) -> bool {
        match self.probe {
            Probe::Program(name) => on_path(name),
            Probe::Either(first, second) => on_path(first) || on_path(second),
            Probe::File(path) => Path::new(path).is_file(),
            Probe::PythonModule(name) => {
                output(Command::new("python3").args(["-c", &format!("import {name}")])).is_ok()
            }
            Probe::Package => output(Command::new("dpkg-query").args(["-W", "-f=${Status}", self.package]))
                .is_ok_and(|status| status.ends_with(" installed")),
        }
    }

    /// The name of the needed program, file, module or package, for the error text.
    fn holds(&self) -> &'static str {
        match self.probe {
            Probe::Program(name) | Probe::Either(_, name) | Probe::File(name) | Probe::PythonModule(name) => name,
            Probe::Package => self.package,
        }
    }
}

/// Creates a virtual environment with the packages of requirements.txt.
fn python(context: &Context) -> Result<(), String> {
    let wanted = context.root.join("tests/interop/requirements.txt");
    let folder = context.target.join("interop/python");
    up_to_date(&folder, &[&wanted], || {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let pip = folder.join("bin/pip");
        run(Command::new(pip).args(["install", "--quiet", "-r"]).arg(&wanted))
    })
}

/// Installs the npm packages of tests/interop/package-lock.json.
fn node(context: &Context) -> Result<(), String> {
    let source = context.root.join("tests/interop");
    let (manifest, lock) = (source.join("package.json"), source.join("package-lock.json"));
    let folder = context.target.join("interop/node");
    up_to_date(&folder, &[&manifest, &lock], || {
        for file in [&manifest, &lock] {
            let to = folder.join(file.file_name().unwrap_or_default());
            std::fs::copy(file, &to).map_err(|error| format!("{}: {error}", to.display()))?;
        }
        run(Command::new("npm").current_dir(&folder).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]))
    })
}

/// Builds the program on Debian's own go-sql-driver, which is in the path where Go searched before modules existed.
fn go(context: &Context) -> Result<(), String> {
    let source = context.root.join("tests/interop/scripts/go_driver.go");
    let folder = context.target.join("interop/go");
    up_to_date(&folder, &[&source], || {
        let mut build = Command::new("go");
        build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOCACHE", folder.join("cache"));
        run(build.args(["build", "-o"]).arg(folder.join("driver")).arg(&source))
    })
}

/// Fills a folder again unless it was filled from these same files.
pub(crate) fn up_to_date(folder: &Path, from: &[&Path], fill: impl Fn() -> Result<(), String>) -> Result<(), String> {
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let stamp = folder.join("filled-from");
    let mut wanted = String::new();
    for path in from {
        wanted += &std::fs::read_to_string(path).map_err(|error| told(path, error))?;
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        println!("{} is up to date", folder.display());
        return Ok(());
    }
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| told(folder, error))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
    fill()?;
    std::fs::write(&stamp, wanted).map_err(|error| told(&stamp, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_way_out_is_a_command() {
        let missing: Vec<&Need> = PAGE_NEEDS.iter().chain(&DEBIAN_RUST_NEEDS).collect();
        let said = way_out(&missing, true);
        assert!(
            said.contains("as root: apt-get install --no-install-recommends clang-19 llvm-19 npm lld-19 rustc-web"),
            "{said}"
        );
        let said = way_out(&missing, false);
        assert!(
            said.contains("run: rustup target add wasm32-unknown-unknown; install what holds clang, llvm-ar, npm;"),
            "{said}"
        );
        assert!(!way_out(&missing[..1], false).contains("rustup"));
    }

    #[test]
    fn a_folder_is_filled_once_for_the_same_files() {
        let place = std::env::temp_dir().join(format!("sealwire-xtask-{}", std::process::id()));
        std::fs::create_dir_all(&place).unwrap();
        let (wanted, folder, times) = (place.join("wanted"), place.join("folder"), Cell::new(0));
        let fill = || {
            times.set(times.get() + 1);
            Ok(())
        };
        for text in ["one", "one", "two"] {
            std::fs::write(&wanted, text).unwrap();
            up_to_date(&folder, &[&wanted], fill).unwrap();
        }
        assert!(up_to_date(&folder, &[&place.join("none")], fill).is_err());
        std::fs::remove_dir_all(&place).unwrap();
        assert_eq!(times.get(), 2);
    }
}
