//! `cargo xtask demo`: starts a server with new certificates, makes one verified connection to it, and serves the page behind its bridge.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::run::{Context, PROGRAMS, output, run, spelled};
use crate::{page, setup};

/// How long the server runs after the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stay {
    Once,
    UntilStopped,
}

pub(crate) const USER: &str = "demo";
pub(crate) const PASSWORD: &str = "sealed";
/// A table to change.
const STAFF: &str = "demo.staff";
/// How long a server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn demo(context: &Context, stay: Stay) -> Result<(), String> {
    let place = built(context)?;
    let told = |error: std::io::Error| format!("{}: {error}", place.display());
    let certs = place.join("certs");
    certificates(context, &certs)?;
    let init = place.join("init.sql");
    fs::write(&init, init_file()).map_err(told)?;

    let mut server = sealwired(context, &place, &certs, &init)?;
    let show = client(context, server.port, &certs, "SHOW STATUS LIKE 'Ssl_cipher'; \\s");
    println!("\n$ {}", spelled(&show));
    let mut connect = show;
    print!("{}", output(&mut connect)?);
    if stay == Stay::Once {
        return Ok(());
    }

    let sealwire = context.programs().join("sealwire");
    let account = format!("-h 127.0.0.1 -P {} -u {USER} -p{PASSWORD}", server.port);
    let ca = certs.join("ca.pem");
    println!("\nThe server stays up until Ctrl-C. To try, from another terminal:\n");
    println!("  verified:           {} {account} --ssl-ca={}", sealwire.display(), ca.display());
    println!("  refused, no TLS:    {} {account} --ssl=0", sealwire.display());
    println!("  packet by packet:   {} {account} --ssl-ca={} --trace -e '\\s'", sealwire.display(), ca.display());
    println!("  MariaDB's client:   mariadb {account} --ssl-ca={} -e '\\s'\n", ca.display());
    let bridge = serve_page(context, &place, &server, &ca);
    match &bridge {
        Ok(bridge) => {
            println!("  in a browser:       http://127.0.0.1:{}/#demo", bridge.port);
            println!("  changes, live:      Connect there, go to Changes, press Follow; then, from another terminal:");
            let ca = ca.display();
            println!(
                "    {} {account} --ssl-ca={ca} -e \"INSERT INTO {STAFF} (name) VALUES ('Ada')\"\n",
                sealwire.display()
            );
        }
        Err(why) => println!("  not in a browser:   {why}\n"),
    }
    server.wait("sealwired")
}

/// Builds the programs; returns an empty folder for the demo's files.
pub(crate) fn built(context: &Context) -> Result<PathBuf, String> {
    println!("The first build takes some minutes.");
    run(&mut context.cargo(["build"].into_iter().chain(PROGRAMS)))?;
    let place = context.target.join("demo");
    let told = |error: std::io::Error| format!("{}: {error}", place.display());
    if place.exists() {
        fs::remove_dir_all(&place).map_err(told)?;
    }
    fs::create_dir_all(&place).map_err(told)?;
    Ok(place)
}

/// Makes a CA, and a server's certificate for this machine.
pub(crate) fn certificates(context: &Context, folder: &Path) -> Result<(), String> {
    let mut command = Command::new(context.programs().join("sealwire-certs"));
    run(command.args(["--host=localhost", "--host=127.0.0.1", "--dir"]).arg(folder))
}

/// The statements with which the server begins: an account that needs TLS, what it may do, and a table to change.
fn init_file() -> String {
    [
        "CREATE DATABASE demo".to_owned(),
        format!("CREATE TABLE {STAFF} (id BIGINT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100))"),
        format!("CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"),
        format!("GRANT ALL ON demo.* TO '{USER}'@'%'"),
        format!("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '{USER}'@'%'"),
    ]
    .map(|statement| statement + ";\n")
    .concat()
}

/// The client command, which is run here and printed for the user.
pub(crate) fn client(context: &Context, port: u16, certs: &Path, statement: &str) -> Command {
    let mut command = Command::new(context.programs().join("sealwire"));
    command.args(["--no-defaults", "-t", "-h", "127.0.0.1"]).arg(format!("-P{port}"));
    command.args(["-u", USER, &format!("-p{PASSWORD}")]).arg(format!("--ssl-ca={}", certs.join("ca.pem").display()));
    command.args(["-e", statement]);
    command
}

/// Starts the bridge with the page, whose form is filled in for this server.
fn serve_page(context: &Context, place: &Path, server: &Running, ca: &Path) -> Result<Running, String> {
    setup::page_packages(context)?;
    let built = page::build(context)?;
    let folder = place.join("page");
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    run(Command::new("cp").arg("-r").arg(&built).arg(&folder))?;
    let ca = fs::read_to_string(ca).map_err(told)?.replace('\n', "\\n");
    let demo = format!(
        "{{\"target\": \"demo\", \"user\": \"{USER}\", \"password\": \"{PASSWORD}\", \"serverName\": \"localhost\", \"ca\": \"{ca}\"}}\n"
    );
    fs::write(folder.join("demo.json"), demo).map_err(told)?;
    let mut command = Command::new(context.programs().join("sealwire-bridge"));
    command.args(["--no-defaults", "--port=0"]).arg(format!("--target=demo=127.0.0.1:{}", server.port));
    command.arg(format!("--page-dir={}", folder.display()));
    Running::start("sealwire-bridge", command, &place.join("sealwire-bridge.log"))
}

/// Starts a server whose data and log are in a folder of their own.
pub(crate) fn sealwired(context: &Context, place: &Path, certs: &Path, init: &Path) -> Result<Running, String> {
    let option = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
    let mut initialize = Command::new(context.programs().join("sealwired"));
    run(initialize.args(["--no-defaults", "--initialize-insecure"]).arg(option("datadir", place.join("data"))))?;
    let mut command = Command::new(context.programs().join("sealwired"));
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--port=0", "--log-bin"]);
    command.arg(option("datadir", place.join("data"))).arg(option("socket", place.join("sealwired.sock")));
    command.arg(option("init-file", init.to_owned())).arg(option("ssl-ca", certs.join("ca.pem")));
    command.arg(option("ssl-cert", certs.join("server-cert.pem")));
    command.arg(option("ssl-key", certs.join("server-key.pem")));
    Running::start("sealwired", command, &place.join("sealwired.log"))
}

/// A shell that executes the program, and a second shell that stops it once our end of the pipe is closed. The pipe is closed when this
/// process ends by any signal, so no signal handler is needed.
fn tied_to_us(command: &Command) -> Command {
    const SCRIPT: &str = "exec 3<&0 </dev/null
        (trap : HUP INT QUIT TERM; read -r _ <&3; kill $$) >/dev/null 2>&1 &
        exec 3<&-; exec \"$@\"";
    let mut tied = Command::new("sh");
    tied.args(["-c", SCRIPT, "sh"]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::piped());
    tied
}

/// A running server; stopped when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
}

impl Running {
    /// Starts the program and waits for the line by which it reports that it is ready.
    pub(crate) fn start(name: &str, command: Command, log: &Path) -> Result<Self, String> {
        let mut server = Self::spawn(name, &command, log)?;
        let port = server.until(name, log, |said| said.lines().find_map(ready_port))?;
        server.port = port;
        Ok(server)
    }

    /// Starts the program, whose output goes to a file.
    pub(crate) fn spawn(name: &str, command: &Command, log: &Path) -> Result<Self, String> {
        println!("$ {}", spelled(command));
        let told = |error: std::io::Error| format!("{}: {error}", log.display());
        let out = File::create(log).map_err(told)?;
        let mut command = tied_to_us(command);
        command.stdout(out.try_clone().map_err(told)?).stderr(out);
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { child, port: 0 })
    }

    /// Waits until `find` finds something, as it looks at the program's output again and again.
    pub(crate) fn until<T>(&mut self, name: &str, log: &Path, find: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let since = Instant::now();
        loop {
            let said = fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
            let said = String::from_utf8_lossy(&said);
            if let Some(found) = find(&said) {
                return Ok(found);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{name} ended with {status}:\n{said}"));
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("{name} was not ready after {} s:\n{said}", PATIENCE.as_secs()));
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the program ends by itself or by a signal.
    pub(crate) fn wait(&mut self, name: &str) -> Result<(), String> {
        let status = self.ended().map_err(|error| format!("{name}: {error}"))?;
        if status.success() || status.signal().is_some() { Ok(()) } else { Err(format!("{name} ended with {status}")) }
    }

    /// Waits for the program's end, with our end of the pipe open.
    fn ended(&mut self) -> std::io::Result<ExitStatus> {
        let pipe = self.child.stdin.take();
        let status = self.child.wait();
        drop(pipe);
        status
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < Duration::from_secs(5) {
            sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port in the line by which the server reports that it is ready.
fn ready_port(line: &str) -> Option<u16> {
    let (_, after) = line.split_once("ready for connections")?;
    let (_, port) = after.split_once("port: ")?;
    port.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok().filter(|port| *port != 0)
}

/// A port of loopback that nobody listens on.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("there is no free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn a_server_ends_with_the_pipe_of_whoever_started_it() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $0; exec sleep 600", "up"]);
        let mut child = tied_to_us(&command).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = [0; 3];
        child.stdout.take().unwrap().read_exact(&mut said).unwrap();
        assert_eq!((&said, child.try_wait().unwrap()), (b"up\n", None), "it runs as long as the pipe is open");
        // The system closes the pipe in the same way when a process is killed.
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn a_server_that_ends_by_itself_tells_how() {
        let mut command = Command::new("sh");
        command.args(["-c", "exit 7"]);
        let mut child = tied_to_us(&command).spawn().unwrap();
        let pipe = child.stdin.take();
        assert_eq!(child.wait().unwrap().code(), Some(7));
        drop(pipe);
    }

    #[test]
    fn the_port_is_read_off_the_ready_line() {
        let line = "2026-11-22 sealwired: ready for connections. Version: '8.4.0'  socket: '/tmp/s'  port: 33061  x";
        assert_eq!(ready_port(line), Some(33061));
        assert_eq!(ready_port("starting, port: 33061"), None);
        assert_eq!(ready_port("ready for connections. port: 0"), None);
    }
}
