//! A server program, started by any command line, and its log; it is stopped when dropped.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::Watched;
use crate::server::{Log, port_in};

/// How long the program may take to be ready, to stop, and to log a line.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server program.
pub struct Daemon {
    /// The TCP port.
    pub port: u16,
    child: Watched,
    log: Log,
}

impl Daemon {
    /// Starts the program and waits until it accepts connections. The error holds its output.
    pub fn start(command: &mut Command) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{command:?}: {error}");
        let (said, out) = std::io::pipe().map_err(told)?;
        let copy = out.try_clone().map_err(told)?;
        command.stdin(Stdio::null()).stdout(copy).stderr(out);
        let child = Watched::new(command.spawn().map_err(|error| error.to_string())?);
        // The command holds the pipe's write ends; the log ends only when they are closed.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let log = Log::follow(said);
        let ready = |said: &str| said.split_once("ready for connections").and_then(|(_, after)| port_in(after));
        match log.wait_for(PATIENCE, ready) {
            Some(port) => Ok(Self { port, child, log }),
            None => {
                child.kill("KILL");
                child.wait(PATIENCE);
                Err(log.text())
            }
        }
    }

    /// Its process id.
    pub const fn id(&self) -> u32 {
        self.child.id()
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Waits for a text in the log.
    #[track_caller]
    pub fn says(&self, text: &str) {
        let is_said = self.log.wait_for(PATIENCE, |said| said.contains(text).then_some(())).is_some();
        assert!(is_said, "'{text}' is not in:\n{}", self.log());
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        self.child.kill(name);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill("TERM");
        if self.child.wait(PATIENCE).is_none() {
            self.child.kill("KILL");
        }
    }
}
