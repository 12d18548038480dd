//! A program of others run to its end: fed, heard, and never waited for without end.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long any program of a test may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a command with this standard input. An error is one of starting it or of time.
pub fn output(command: &mut Command, input: &[u8]) -> Result<Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            // A program that reads no further has given its answer already.
            let _ = stdin.as_mut().map(|stdin| stdin.write_all(input));
        });
        let stdout = scope.spawn(|| read(stdout));
        let stderr = scope.spawn(|| read(stderr));
        let since = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if since.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
                Ok(None) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    break Err(format!("{name} did not end in {} s", PATIENCE.as_secs()));
                }
                Err(error) => break Err(format!("{name}: {error}")),
            }
        };
        let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        status.map(|status| Output { status, stdout, stderr })
    })
}

fn read(source: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = source.map(|mut source| source.read_to_end(&mut bytes));
    bytes
}
