//! A running `sealwire-bridge` and its log; it is stopped when dropped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::child::Watched;
use crate::programs::program;
use crate::server::{Log, port_in};

/// A running bridge.
pub struct Bridge {
    /// The port on 127.0.0.1.
    pub port: u16,
    child: Watched,
    log: Log,
}

/// How long a test waits for an event that must come.
pub const PATIENCE: Duration = Duration::from_secs(60);

impl Bridge {
    /// Starts the bridge and waits until it accepts connections. The error holds its output.
    pub fn start(options: &[String]) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("sealwire-bridge: {error}");
        let (said, out) = std::io::pipe().map_err(told)?;
        let mut command = Command::new(program("sealwire-bridge"));
        command.args(["--no-defaults", "--port=0", "--log-error-verbosity=3"]).args(options);
        command.stdin(Stdio::null()).stdout(out.try_clone().map_err(told)?).stderr(out);
        let child = Watched::new(command.spawn().map_err(told)?);
        // The command holds the pipe's write ends; the log ends only when they are closed.
        drop(command);
        let log = Log::follow(said);
        let ready = |said: &str| said.split_once("ready for connections").and_then(|(_, after)| port_in(after));
        match log.wait_for(PATIENCE, ready) {
            Some(port) => Ok(Self { port, child, log }),
            None => {
                child.kill("KILL");
                Err(format!("sealwire-bridge ended or is not ready yet:\n{}", log.text()))
            }
        }
    }

    /// Starts a bridge with one target named `db` at that port of 127.0.0.1, and further options.
    pub fn to(port: u16, options: &[&str]) -> Self {
        let target = format!("--target=db=127.0.0.1:{port}");
        let options: Vec<String> = std::iter::once(target).chain(options.iter().map(ToString::to_string)).collect();
        Self::start(&options).expect("a bridge")
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for a text in the log, because a line may be written after the event.
    pub fn wait_for_log(&self, text: &str) -> bool {
        self.log.wait_for(PATIENCE, |said| said.contains(text).then_some(())).is_some()
    }

    /// The bytes of resident memory, as the kernel counts them.
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process that runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// How often the bytes occur in the process's writable memory: heap, stacks and the rest.
    pub fn memory_holds(&self, wanted: &[u8]) -> usize {
        use std::os::unix::fs::FileExt as _;
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id())).expect("a process that runs");
        let memory = File::open(format!("/proc/{}/mem", self.child.id())).expect("the memory of a child");
        let mut found = 0;
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let range = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
            let hex = |text: &str| u64::from_str_radix(text, 16).expect("an address");
            let (start, end) = (hex(range.0), hex(range.1));
            let mut bytes = vec![0; usize::try_from(end - start).expect("a size")];
            // A reserved page that was never used can't be read.
            if memory.read_exact_at(&mut bytes, start).is_ok() {
                found += memchr::memmem::find_iter(&bytes, wanted).count();
            }
        }
        found
    }

    /// The answer to one request, head and body.
    pub fn http(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.write_all(request.as_bytes()).expect("a request");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The body of the answer to `GET path`, with further header lines.
    pub fn get(&self, path: &str, headers: &str) -> String {
        self.http(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
    }

    /// The value of a metric in `/metrics`, by its name after `sealwire_bridge_`, labels included.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics", "");
        let line = text.lines().find_map(|line| line.strip_prefix("sealwire_bridge_")?.strip_prefix(name));
        let value = line.and_then(|rest| rest.strip_prefix(' ')).unwrap_or_else(|| panic!("no {name} in\n{text}"));
        value.parse().expect("a number")
    }

    /// Waits until a metric of `/metrics` has a fitting value.
    pub fn wait_for_metric(&self, name: &str, is_right: impl Fn(u64) -> bool) -> u64 {
        let since = Instant::now();
        loop {
            let value = self.metric(name);
            if is_right(value) {
                return value;
            }
            assert!(since.elapsed() < PATIENCE, "{name} stays {value}:\n{}", self.log());
        }
    }

    /// Waits until a metric of `/metrics` no longer changes. Each request for it makes the bridge serve all its sockets at least once.
    pub fn wait_for_rest(&self, name: &str) -> u64 {
        const CALM: usize = 300;
        let (mut last, mut same) = (self.metric(name), 0);
        let since = Instant::now();
        while same < CALM {
            assert!(since.elapsed() < PATIENCE, "{name} never rests");
            let now = self.metric(name);
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// Sends SIGHUP, upon which the bridge reads its TLS files again.
    pub fn ask_to_reload(&self) {
        self.child.kill("HUP");
    }

    /// Sends SIGTERM, upon which the bridge stops.
    pub fn ask_to_stop(&self) {
        self.child.kill("TERM");
    }

    /// Waits for the end of the process; returns the exit code if it ended in time. The log is complete then.
    pub fn wait(&self) -> Option<i32> {
        let code = self.child.wait(PATIENCE).and_then(|ended| ended.ok()?.code());
        self.log.wait_for(PATIENCE, |_| None::<()>);
        code
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.child.kill("KILL");
    }
}
