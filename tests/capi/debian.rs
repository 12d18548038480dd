//! Programs of Debian that are unchanged, each in a mount namespace where libmariadb.so.3 is ours. Their packages are unpacked, not
//! installed: their folders lie over /usr, /etc and /var there.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use sealwire_tests::capi::{heard, library};
use sealwire_tests::programs::{can, needs, package_folder, target_folder};
use tempfile::TempDir;

use crate::servers::{ENCRYPTED, PASSWORD, Served, mariadb, sealwired};
use crate::table::{SCRIPTS, Told};
use crate::witness::{Caller, Witness, identity};

/// A CA that has signed none of the tests' certificates.
const OTHER_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Enters a root where the packages are and the library is ours; $1 is the packages' folder, $2 the library and $3 the option
/// file, or nothing.
const ENTER: &str = "set -e
    mount -t tmpfs none /mnt
    for place in usr etc var; do
        mkdir /mnt/$place /mnt/$place.work
        mount -t overlay none -o \"lowerdir=$1/$place:/$place,upperdir=/mnt/$place,workdir=/mnt/$place.work\" /$place
    done
    mount -t tmpfs none /run
    if [ -n \"$2\" ]; then mount --bind \"$2\" /usr/lib/x86_64-linux-gnu/libmariadb.so.3; fi
    if [ -n \"$3\" ]; then cp \"$3\" /etc/my.cnf; fi
    shift 3
    exec \"$@\"";

/// Whether the packages are unpacked here and can be laid over the system's folders.
pub(crate) fn ready() -> bool {
    let root = root().join("usr").display().to_string();
    let files = ["unshare", "g++", "mariadb", "/usr/bin/python3", "/usr/lib/x86_64-linux-gnu/libmariadb.so.3", &root];
    let mount = Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    let refused = match mount {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    };
    needs(&files) && can(refused)
}

fn folder() -> PathBuf {
    target_folder().join("interop/debian")
}

fn root() -> PathBuf {
    folder().join("root")
}

/// The sources of a package, with its test suite.
pub(crate) fn sources(package: &str) -> PathBuf {
    folder().join("sources").join(package)
}

/// Whose library a program loads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Ours,
    Original,
}

/// A command of a namespace: what it starts ends with it.
pub(crate) fn inside(whose: Library, option_file: Option<&Path>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", ENTER, "sh"]);
    command.arg(root()).arg(if whose == Library::Ours { library() } else { PathBuf::new() });
    command.arg(option_file.unwrap_or_else(|| Path::new("")));
    for variable in
        ["MYSQL_PWD", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MARIADB_UNIX_PORT", "SEALWIRE_SSL_MODE", "SSLKEYLOGFILE"]
    {
        command.env_remove(variable);
    }
    command.env("HOME", "/nonexistent");
    command
}

/// Checks by /proc/PID/maps, read when the connections were made, that our library made them and no other was loaded.
pub(crate) fn ours_alone(name: &str, witness: &Witness) {
    let callers = witness.take();
    // A program that ends may leave a connection behind that it never used.
    let (held, left): (Vec<Caller>, Vec<Caller>) = callers.into_iter().partition(|caller| !caller.programs.is_empty());
    assert!(!held.is_empty(), "{name} made no connection, but {} that it left", left.len());
    for caller in held {
        assert_eq!(caller.libraries, [identity(&library())].into(), "{name}: {:?}", caller.programs);
    }
}

/// A port for a script's server, free for TCP and UDP. It is below those that the system chooses for others, so that nobody gets it before the
/// server has it, and no two scripts of this process get the same.
fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + number % COUNT).unwrap();
        let place = ("127.0.0.1", port);
        if TcpListener::bind(place).is_ok() && UdpSocket::bind(place).is_ok() {
            return port;
        }
    }
}

/// Runs a script once. A program that it compiles stays in the folder `built`.
fn ask(name: &str, told: Told, served: &Served, witness: &Witness, ca: &Path, built: &Path) -> Output {
    let place = TempDir::new().unwrap();
    // Daemons give up root's rights, and yet read their files.
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let options = place.path().join("my.cnf");
    fs::write(&options, format!("[sealwire-capi]\nssl-mode=VERIFY_IDENTITY\nssl-ca={}\n", ca.display())).unwrap();
    let free = free_port();
    let scripts = package_folder().join("capi/debian");
    let mut command = inside(Library::Ours, (told == Told::File).then_some(&options));
    command.current_dir(place.path()).envs([
        ("PORT", witness.port()),
        ("FREE", free.to_string()),
        ("SERVER", served.port()),
        ("DBUSER", ENCRYPTED.to_owned()),
        ("PASSWORD", PASSWORD.to_owned()),
    ]);
    command
        .env("SERVER_CA", served.ca())
        .env("CA", ca)
        .env("PLACE", place.path())
        .env("SCRIPTS", &scripts)
        .env("BUILT", built);
    command.args(["bash", "-euc", ". \"$SCRIPTS/common.sh\"; . \"$SCRIPTS/$0.sh\"", name]);
    heard(&mut command)
}

/// Runs a script twice: with the server's CA, and with another, with which the program must get no answer.
fn run(name: &str) {
    let script = SCRIPTS.iter().find(|script| script.name == name).unwrap();
    let (true, Some(mariadb)) = (ready(), mariadb()) else { return };
    let built = TempDir::new().unwrap();
    for served in [mariadb].into_iter().chain(script.sealwired.is_ok().then(sealwired)) {
        let witness = Witness::of(served.server.port);
        let answered = |ca: &Path| {
            let output = ask(name, script.told, served, &witness, ca, built.path());
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let kind = served.server.kind.name();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            println!("{name}, {kind}, {}: {said}{errors}", ca.display());
            ours_alone(name, &witness);
            (said.contains(script.answer), format!("{name}, {kind}: {said}{errors}"))
        };
        let (answered_it, said) = answered(&served.ca());
        assert!(answered_it, "{said}");
        let (answered_it, said) = answered(Path::new(OTHER_CA));
        assert!(!answered_it, "another CA: {said}");
    }
}

macro_rules! scripts {
    ($($name:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { run(stringify!($name)); })*
    };
}

scripts! {
    apache aprutil check_mysql collectd coturn courier cppconn cppdb dbcheck dovecot exim freeradius gambas gda gearman hydra icinga inspircd kamailio kea libdbi libzdb lighttpd
    lua_dbi lua_sql mysqlpp opendbx opensmtpd pam pdns pike poco postfix proftpd pure_ftpd qt5 qt6 rmysql rsyslog sasl slurm soci sphinx spine tcl ulogd
    zabbix
}

#[test]
fn every_script_is_in_the_table_and_has_its_test() {
    let rows: Vec<&str> = SCRIPTS.iter().map(|script| script.name).collect();
    assert_eq!(rows, TESTED);
    let files = fs::read_dir(package_folder().join("capi/debian")).unwrap().flatten().map(|entry| entry.path());
    let scripts = files.filter(|path| path.extension().is_some_and(|kind| kind == "sh"));
    let mut names: Vec<String> = scripts.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.retain(|name| name != "common");
    names.sort();
    assert_eq!(names, TESTED);
}
