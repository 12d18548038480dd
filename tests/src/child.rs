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
    let (stdout, stderr) = (Heard::of(stdout), Heard::of(stderr));
    let child = Watched::new(child);
    let Some(status) = child.wait(patience) else {
        child.kill("KILL");
        let said = [stdout.so_far(), stderr.so_far()].concat();
        let said = String::from_utf8_lossy(&said);
        return Err(format!("{name} did not end in {} s, and said:\n{said}", patience.as_secs()));
    };
    let status = status.map_err(|error| format!("{name}: {error}"))?;
    Ok(Output { status, stdout: stdout.all(), stderr: stderr.all() })
}

/// The words of a program, read as they arrive, because one that does not end may have said why.
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    reading: thread::JoinHandle<()>,
}

impl Heard {
    fn of(source: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let shared = Arc::clone(&bytes);
        let reading = thread::spawn(move || {
            let Some(mut source) = source else { return };
            let mut piece = [0; 16 * 1024];
            while let Ok(length @ 1..) = source.read(&mut piece) {
                lock(&shared).extend(piece.iter().take(length));
            }
        });
        Self { bytes, reading }
    }

    fn so_far(&self) -> Vec<u8> {
        lock(&self.bytes).clone()
    }

    /// All of it, once the program's end is there.
    fn all(self) -> Vec<u8> {
        let _ = self.reading.join();
        std::mem::take(&mut *lock(&self.bytes))
    }
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
    fn what_a_program_has_said_is_known_before_its_end() {
        let (said, mut program) = std::io::pipe().unwrap();
        let heard = Heard::of(Some(said));
        program.write_all(b"why").unwrap();
        while heard.so_far() != b"why" {
            thread::yield_now();
        }
        program.write_all(b" not").unwrap();
        drop(program);
        assert_eq!(heard.all(), b"why not");
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
