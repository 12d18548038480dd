//! Time and processor time of processes, and the median of several runs.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::time::ClockId;
use nix::unistd::Pid;

use crate::Outcome;

/// The time of one run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// Processor time of the server's process, all threads.
    pub(crate) server: Duration,
    /// Processor time of the client's process, all threads.
    pub(crate) client: Duration,
}

/// Processor time that a process has used so far, in nanoseconds: all threads, those that have ended too (which `schedstat` forgets).
pub(crate) fn processor_time(process: u32) -> Outcome<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.try_into()?))?;
    Ok(Duration::from(clock.now()?))
}

/// Resident memory of a process in bytes.
pub(crate) fn resident(process: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("VmRSS has no value")?.parse::<u64>()? * 1024)
}

/// Runs a client to its end against a server's process. The client's last line is its own processor time and the wall time of its
/// work, in nanoseconds.
pub(crate) fn run(server: u32, client: &mut Command) -> Outcome<Run> {
    let before = processor_time(server)?;
    let output = client.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{client:?} ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let line = text.lines().last().ok_or("the client said nothing")?;
    let (processor, wall) = line.split_once(' ').ok_or("the client's line is not two numbers")?;
    Ok(Run {
        wall: Duration::from_nanos(wall.parse()?),
        server: settled(server)?.saturating_sub(before),
        client: Duration::from_nanos(processor.parse()?),
    })
}

/// The server's processor time once it has done with the connections that just ended. Its periodic work stays below the bound.
fn settled(server: u32) -> Outcome<Duration> {
    const QUIET: Duration = Duration::from_millis(1);
    let mut last = processor_time(server)?;
    loop {
        std::thread::sleep(Duration::from_millis(60));
        let now = processor_time(server)?;
        if now.saturating_sub(last) < QUIET {
            return Ok(now);
        }
        last = now;
    }
}

/// A client's closing line: see [`run`].
pub(crate) fn report(since: Instant) {
    let wall = since.elapsed().as_nanos();
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let processor = i128::from(used.tv_sec) * 1_000_000_000 + i128::from(used.tv_nsec);
    println!("{processor} {wall}");
}

/// The median and how far apart the rest is, as a part of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) spread: f64,
}

impl Figure {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let median = values.get(values.len() / 2).copied().unwrap_or(f64::NAN);
        let ends = values.first().zip(values.last());
        Self { median, spread: ends.map_or(f64::NAN, |(least, most)| (most - least) / median) }
    }

    /// The figure in another unit, of which there are `factor` in one of this.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { median: self.median * factor, ..self }
    }
}

/// Ends a process that a measurement started, by its number, and waits for it.
pub(crate) struct KillOnDrop(pub(crate) Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_threads_that_have_ended_counts() {
        let spent = Duration::from_millis(50);
        let own = std::process::id();
        let before = processor_time(own).unwrap();
        let burn = move || {
            let used = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            while Duration::try_from(used()).unwrap() < spent {
                std::hint::black_box(0);
            }
        };
        std::thread::spawn(burn).join().unwrap();
        assert!(processor_time(own).unwrap() - before >= spent);
    }

    #[test]
    fn a_process_that_is_none_is_an_error() {
        assert!(processor_time(u32::MAX).is_err());
    }
}
