//! Runs programs of other projects: with an input, an output and a time limit, and without polling.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The time limit of any program in a test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a command with this standard input. The error is one of starting, or the time limit.
pub fn output(command: &mut Command, input: &[u8]) -> Result<Output, String> {
    output_within(PATIENCE, command, input)
}

/// The same with a time limit of its own.
pub fn output_within(patience: Duration, command: &mut Command, input: &[u8]) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let input = input.to_owned();
    thread::spawn(move || {
        // A program that stops reading has produced its output already.
        let _ = stdin.as_mut().map(|stdin| stdin.write_all(&input));
    });
    let (stdout, stderr) = (thread::spawn(|| read(stdout)), thread::spawn(|| read(stderr)));
    let child = Watched::new(child);
    let Some(status) = child.wait(patience) else {
        child.kill("KILL");
        return Err(format!("{name} did not end in {} s", patience.as_secs()));
    };
    let status = status.map_err(|error| format!("{name}: {error}"))?;
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    Ok(Output { status, stdout, stderr })
}

fn read(source: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = source.map(|mut source| source.read_to_end(&mut bytes));
    bytes
}

/// A running program, with a thread that waits for its end.
#[derive(Debug)]
pub struct Watched {
    id: u32,
    end: Arc<(Mutex<Option<End>>, Condvar)>,
}

/// The program's exit status, or why it is unknown.
type End = Result<ExitStatus, String>;

impl Watched {
    /// Watches a running program.
    pub fn new(mut child: Child) -> Self {
        let watched = Self { id: child.id(), end: Arc::default() };
        let end = Arc::clone(&watched.end);
        thread::spawn(move || {
            let status = child.wait().map_err(|error| error.to_string());
            *lock(&end.0) = Some(status);
            end.1.notify_all();
        });
        watched
    }

    /// The process id.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// The exit status; `None` where the program still runs after `patience`.
    pub fn wait(&self, patience: Duration) -> Option<End> {
        let (end, condition) = &*self.end;
        let waited = condition.wait_timeout_while(lock(end), patience, |end| end.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Sends a signal, given by name, to the process id: unlike a program's name, the id can't mean a process of somebody else.
    pub fn kill(&self, signal: &str) {
        if self.wait(Duration::ZERO).is_none() {
            // If the process has ended meanwhile, the signal is not needed.
            let _ = Command::new("kill").arg(format!("-{signal}")).arg(self.id.to_string()).status();
        }
    }
}

/// Locks state that threads share. No thread panics while it holds the lock.
pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_fed_and_heard() {
        let mut command = Command::new("sh");
        let output = output(command.args(["-c", "cat; echo no >&2; exit 3"]), b"yes").unwrap();
        assert_eq!(
            (output.status.code(), &output.stdout[..], &output.stderr[..]),
            (Some(3), &b"yes"[..], &b"no\n"[..])
        );
    }

    #[test]
    fn a_program_is_waited_for_only_so_long() {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let child = Watched::new(child);
        assert!(child.wait(Duration::from_millis(1)).is_none());
        child.kill("TERM");
        let status = child.wait(PATIENCE).unwrap().unwrap();
        assert!(!status.success());
        assert_eq!(child.wait(Duration::ZERO).unwrap().unwrap(), status);
    }
}
