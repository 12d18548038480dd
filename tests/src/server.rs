//! Servers for tests: MariaDB or our own, each in a folder of its own, stopped when dropped.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::certificates::CertificateSet;
use crate::child::{self, Watched, lock};
use crate::programs::{missing, program};

/// The kind of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Debian's MariaDB.
    MariaDb,
    /// Ours.
    Sealwired,
}

impl Kind {
    /// The kind's name, as part of test names.
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadbd",
            Self::Sealwired => "sealwired",
        }
    }

    /// Why this server can't be run here; `None` where it can.
    pub fn missing(self) -> Option<String> {
        match self {
            Self::MariaDb => missing("mariadbd").or_else(|| missing("mariadb-install-db")),
            Self::Sealwired => None,
        }
    }

    /// The statement that creates an account with a plugin and a password, in this server's dialect.
    pub fn create_user(self, user: &str, plugin: &str, password: &str, require: &str) -> String {
        let how = match self {
            Self::MariaDb => format!("IDENTIFIED VIA {plugin} USING PASSWORD('{password}')"),
            Self::Sealwired => format!("IDENTIFIED WITH {plugin} BY '{password}'"),
        };
        format!("CREATE USER '{user}'@'%' {how} REQUIRE {require};")
    }
}

/// The settings of a server.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Its certificates; `None` for a server without TLS.
    pub certificates: Option<CertificateSet>,
    /// `--tls-version`.
    pub versions: Option<String>,
    /// Further options.
    pub options: Vec<String>,
    /// Statements of the init file.
    pub statements: Vec<String>,
    /// Environment variables.
    pub environment: Vec<(&'static str, PathBuf)>,
    /// A program and its arguments that run the server; `{data}` in them becomes the data directory, which exists by then. For our own
    /// server only.
    pub within: Vec<String>,
}

/// A running server.
pub struct Server {
    /// The kind of server.
    pub kind: Kind,
    /// The TCP port on 127.0.0.1.
    pub port: u16,
    /// The Unix socket.
    pub socket: PathBuf,
    child: Watched,
    log: Log,
    place: TempDir,
}

/// A program's output, read as it arrives.
pub struct Log(Arc<(Mutex<LogText>, Condvar)>);

#[derive(Default)]
struct LogText {
    bytes: Vec<u8>,
    ended: bool,
}

impl Log {
    /// Reads until the program ends.
    pub fn follow(mut from: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<LogText>, Condvar)>::default();
        let log = Self(Arc::clone(&shared));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let length = from.read(&mut buffer).unwrap_or(0);
                let mut said = lock(&shared.0);
                said.bytes.extend(buffer.iter().take(length));
                said.ended = length == 0;
                shared.1.notify_all();
                if said.ended {
                    break;
                }
            }
        });
        log
    }

    /// The output so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0.0).bytes).into_owned()
    }

    /// Returns what `find` finds in the log. It is tried at each new output, and for the last time when the log ends or the time is over.
    pub fn wait_for<T>(&self, patience: Duration, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let mut found = None;
        let (said, condition) = &*self.0;
        let _ = condition.wait_timeout_while(lock(said), patience, |said| {
            found = find(&String::from_utf8_lossy(&said.bytes));
            found.is_none() && !said.ended
        });
        found
    }
}

/// How long a server may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// The environment variable that has a failed test keep its servers' folders.
pub const KEEP: &str = "SEALWIRE_KEEP";

impl Server {
    /// Starts the server and waits until it accepts connections. The error holds its output.
    pub fn start(kind: Kind, settings: &Settings) -> Result<Self, String> {
        let place = tempfile::Builder::new().prefix("sealwire-").tempdir().map_err(|error| error.to_string())?;
        let command = match kind {
            Kind::MariaDb => mariadbd(place.path(), settings)?,
            Kind::Sealwired => sealwired(place.path(), settings)?,
        };
        Self::launch(kind, command, place)
    }

    fn launch(kind: Kind, (mut command, port): (Command, u16), place: TempDir) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", kind.name());
        let (said, out) = std::io::pipe().map_err(told)?;
        command.stdin(Stdio::null()).stdout(out.try_clone().map_err(told)?).stderr(out);
        let child = Watched::new(command.spawn().map_err(told)?);
        // The command holds the pipe's write ends; the log ends only when they are closed.
        drop(command);
        let socket = place.path().join("sock");
        let mut server = Self { kind, port, socket, child, log: Log::follow(said), place };
        let ready = |said: &str| said.split_once("ready for connections").and_then(|(_, after)| port_in(after));
        match server.log.wait_for(PATIENCE, ready) {
            Some(port) => {
                server.port = port;
                Ok(server)
            }
            None => {
                if std::env::var_os(KEEP).is_some() {
                    server.keep();
                }
                Err(format!("{} ended or is not ready yet:\n{}", kind.name(), server.log()))
            }
        }
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The server's folder, for a test's own files.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a text in the log, because a line about a connection may be written after the connection's end.
    pub fn wait_for_log(&self, text: &str) -> bool {
        self.log.wait_for(Duration::from_secs(5), |said| said.contains(text).then_some(())).is_some()
    }

    /// Waits for a text, as [`Self::wait_for_log`] does, behind the first `length` bytes of the log.
    pub fn wait_for_log_after(&self, length: usize, text: &str) -> bool {
        let find = |said: &str| said.get(length..).is_some_and(|said| said.contains(text)).then_some(());
        self.log.wait_for(PATIENCE, find).is_some()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        self.child.kill(name);
    }

    /// Waits for the end of the process, after which the log is complete.
    pub fn wait(&self) -> Option<ExitStatus> {
        let ended = self.child.wait(PATIENCE).and_then(Result::ok);
        self.log.wait_for(PATIENCE, |_| None::<()>);
        ended
    }

    /// Stops the server and starts it again with the same data.
    pub fn restart(mut self, settings: &Settings) -> Result<Self, String> {
        self.stop();
        let place = std::mem::replace(&mut self.place, TempDir::new().map_err(|error| error.to_string())?);
        let command = match self.kind {
            Kind::MariaDb => mariadbd(place.path(), settings)?,
            Kind::Sealwired => sealwired(place.path(), settings)?,
        };
        Self::launch(self.kind, command, place)
    }

    /// Leaves the folder as the failed test found it, with the log in it.
    fn keep(&mut self) {
        self.child.kill("KILL");
        self.child.wait(PATIENCE);
        self.place.disable_cleanup(true);
        let folder = self.place.path();
        let said = fs::write(folder.join("log"), self.log());
        println!("{} on port {} is kept in {}: {said:?}", self.kind.name(), self.port, folder.display());
    }

    /// Asks the server to stop, and waits; returns the exit code if it ended in time. The log is complete then.
    pub fn stop(&mut self) -> Option<i32> {
        self.child.kill("TERM");
        let code = self.child.wait(PATIENCE).and_then(|ended| ended.ok()?.code());
        self.child.kill("KILL");
        self.log.wait_for(PATIENCE, |_| None::<()>);
        code
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() && std::env::var_os(KEEP).is_some() {
            self.keep();
        }
        self.stop();
    }
}

/// The port in the line after the ready message.
pub(crate) fn port_in(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("port: ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    // The number is complete only if another character follows.
    after.get(digits.len()..).filter(|rest| !rest.is_empty())?;
    digits.parse().ok().filter(|port| *port != 0)
}

fn tls_options(settings: &Settings) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(set) = &settings.certificates {
        options.push(format!("--ssl-ca={}", set.ca.display()));
        options.push(format!("--ssl-cert={}", set.server_cert.display()));
        options.push(format!("--ssl-key={}", set.server_key.display()));
    }
    options.extend(settings.versions.iter().map(|versions| format!("--tls-version={versions}")));
    options.extend(settings.options.iter().cloned());
    options
}

/// Writes the init file, and returns its path.
fn init_file(place: &Path, statements: &[String]) -> Result<String, String> {
    let file = place.join("init.sql");
    fs::write(&file, statements.join("\n") + "\n").map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(format!("--init-file={}", file.display()))
}

fn mariadbd(place: &Path, settings: &Settings) -> Result<(Command, u16), String> {
    let data = format!("--datadir={}", place.join("data").display());
    // At start MariaDB removes the temporary tables that it finds; in a folder of its own it removes no other server's.
    let temporary = place.join("tmp");
    fs::create_dir_all(&temporary).map_err(|error| format!("{}: {error}", temporary.display()))?;
    if !place.join("data").exists() {
        let mut install = Command::new("mariadb-install-db");
        install.env("TMPDIR", &temporary);
        install.args(["--no-defaults", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        let output = install.arg(&data).output().map_err(|error| format!("mariadb-install-db: {error}"))?;
        if !output.status.success() {
            return Err(format!("mariadb-install-db: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    // The anonymous accounts would take precedence over 'u'@'%'.
    let first = [
        "SET sql_log_bin = 0;",
        "DELETE FROM mysql.global_priv WHERE User='';",
        "FLUSH PRIVILEGES;",
        "SET sql_log_bin = 1;",
    ]
    .map(str::to_owned);
    let statements = [first.to_vec(), settings.statements.clone()].concat();
    // MariaDB accepts no port 0 and does not report a chosen port, so a free port is chosen here.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = port.map_err(|error| error.to_string())?.port();
    let mut command = Command::new("mariadbd");
    command.env("TMPDIR", &temporary);
    command.args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1", "--skip-name-resolve", &data]);
    command.args(["--max-allowed-packet=64M", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"]);
    command.arg(format!("--port={port}")).arg(format!("--socket={}", place.join("sock").display()));
    command.arg(format!("--pid-file={}", place.join("pid").display()));
    command.arg(init_file(place, &statements)?).args(tls_options(settings)).envs(settings.environment.iter().cloned());
    Ok((command, port))
}

fn sealwired(place: &Path, settings: &Settings) -> Result<(Command, u16), String> {
    let data = format!("--datadir={}", place.join("data").display());
    if !place.join("data").exists() {
        let mut initialize = Command::new(program("sealwired"));
        let output = child::output(initialize.args(["--no-defaults", "--initialize-insecure", &data]), &[])?;
        if !output.status.success() {
            return Err(format!("sealwired --initialize-insecure: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    let mut command = match settings.within.split_first() {
        None => Command::new(program("sealwired")),
        Some((outer, arguments)) => {
            let mut command = Command::new(outer);
            let data = place.join("data").display().to_string();
            command.args(arguments.iter().map(|argument| argument.replace("{data}", &data))).arg(program("sealwired"));
            command
        }
    };
    // Certificates are loaded when a test asks, so that it can see the old ones before.
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--port=0", "--ssl-reload=manual", &data]);
    command.arg(format!("--socket={}", place.join("sock").display()));
    command.arg(init_file(place, &settings.statements)?);
    if settings.certificates.is_none() {
        // Without this option MariaDB makes its own certificate.
        command.arg("--skip-ssl");
    }
    command.args(tls_options(settings)).envs(settings.environment.iter().cloned());
    Ok((command, 0))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_is_followed_to_its_end() {
        let (from, mut to) = std::io::pipe().unwrap();
        let log = Log::follow(from);
        let find = |word: &'static str| move |said: &str| said.find(word);
        assert_eq!(log.wait_for(Duration::from_millis(1), find("ready")), None);
        let writer = thread::spawn(move || to.write_all(b"not yet\nready\n"));
        assert_eq!(log.wait_for(PATIENCE, find("ready")), Some(8));
        writer.join().unwrap().unwrap();
        // The writer is gone, so the log has ended.
        assert_eq!(log.wait_for(PATIENCE, find("never")), None);
        assert_eq!(log.text(), "not yet\nready\n");
    }

    #[test]
    fn the_port_is_read_when_it_is_whole() {
        assert_eq!(port_in(".\nVersion: '10.11'  socket: '/tmp/s'  port: 33961  Debian"), Some(33961));
        assert_eq!(port_in(" Version: '8.4'  port: 3396"), None);
        assert_eq!(port_in(" Version: '8.4'  port: 0\n"), None);
    }
}
