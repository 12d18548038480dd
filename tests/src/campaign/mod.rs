//! Hundreds of thousands of simulated connections. A seed makes a scenario; an oracle, which shares no code with the implementation, says
//! how the connection must end; the results of both sides and the bytes on the wire are compared with that.

mod draw;
mod judge;
mod oracle;

pub use draw::scenario;
pub use judge::judge;
pub use oracle::{Verdict, expected};

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustls::crypto::CryptoProvider;
use sealwire_simnet::{Run, Scenario, Stage};

use crate::no_security;

/// The cryptography of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cryptography {
    /// The toy cryptography of [`no_security`].
    Toy,
    /// The cryptography of ring, with seeded randomness.
    Real,
}

impl Cryptography {
    /// A crypto provider of this kind.
    pub fn provider(self) -> CryptoProvider {
        match self {
            Self::Toy => no_security::provider(),
            Self::Real => sealwire_simnet::seeded(rustls::crypto::ring::default_provider()),
        }
    }
}

/// The result of a campaign.
#[derive(Debug, Default)]
pub struct Report {
    /// How many connections were simulated.
    pub connections: u64,
    /// How many of them were established; the others were refused or lost, as expected.
    pub connected: u64,
    /// The packets on all wires.
    pub packets: u64,
    /// The duration of the campaign.
    pub took: Duration,
    /// The failures. A campaign stops when it has [`MOST_FAILURES`].
    pub failures: Vec<String>,
}

/// The number of failures at which a campaign stops.
pub const MOST_FAILURES: usize = 5;

/// The command that repeats one number of [`scenario`].
pub fn replay(cryptography: Cryptography, number: u64) -> String {
    let real = if cryptography == Cryptography::Real { " --real" } else { "" };
    format!("cargo xtask sim --seeds 1 --from {number}{real}")
}

/// Runs `make`'s scenario for each number on all processors, and judges each run. A failure is reported with `replay`, the command that
/// repeats one number, and its packets are saved in `folder`.
pub fn run(
    cryptography: Cryptography,
    numbers: Range<u64>,
    make: &(dyn Fn(u64) -> Scenario + Sync),
    judge: &(dyn Fn(&Scenario, &Run) -> Result<(), String> + Sync),
    replay: &(dyn Fn(u64) -> String + Sync),
    folder: &Path,
) -> Report {
    let started = Instant::now();
    let next = AtomicU64::new(numbers.start);
    let report = Mutex::new(Report::default());
    let work = || {
        let mut stage = Stage::new(cryptography.provider());
        let mut own = Report::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let enough = report.lock().expect("no panic").failures.len() >= MOST_FAILURES;
            if number >= numbers.end || enough {
                break;
            }
            let scenario = make(number);
            let run = stage.run(&scenario).expect("the scenario's texts are right");
            own.connections += run.connections.len() as u64;
            own.connected += run.connections.iter().filter(|one| one.client.connected_us.is_some()).count() as u64;
            own.packets += run.packets;
            let mut judged = judge(&scenario, &run);
            if judged.is_ok() && number.is_multiple_of(64) && stage.run(&scenario).expect("as before") != run {
                judged = Err("the same scenario ran differently the second time".to_owned());
            }
            if let Err(problem) = judged {
                let capture = keep(folder, number, &run.pcap);
                let text = format!(
                    "{problem}\n  again: {}\n  packets: {}\n  scenario: {}",
                    replay(number),
                    capture.display(),
                    serde_json::to_string(&scenario).expect("it is data")
                );
                report.lock().expect("no panic").failures.push(text);
            }
        }
        let mut report = report.lock().expect("no panic");
        report.connections += own.connections;
        report.connected += own.connected;
        report.packets += own.packets;
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut report = report.into_inner().expect("no panic");
    report.took = started.elapsed();
    report
}

fn keep(folder: &Path, number: u64, pcap: &[u8]) -> PathBuf {
    let path = folder.join(format!("simulation-{number}.pcap"));
    std::fs::write(&path, pcap).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_told_with_the_command_that_runs_it_again_and_its_packets() {
        let folder = tempfile::tempdir().unwrap();
        let judge = |tried: &Scenario, run: &Run| {
            judge(tried, run)?;
            if *tried == scenario(5) { Err("a failure that a test puts here".to_owned()) } else { Ok(()) }
        };
        let replay = |number| replay(Cryptography::Toy, number);
        let report = run(Cryptography::Toy, 0..8, &scenario, &judge, &replay, folder.path());
        assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
        let packets = folder.path().join("simulation-5.pcap");
        let wanted = format!(
            "a failure that a test puts here\n  again: cargo xtask sim --seeds 1 --from 5\n  packets: {}\n",
            packets.display()
        );
        assert!(report.failures[0].starts_with(&wanted), "{}", report.failures[0]);
        let kept = std::fs::read(packets).unwrap();
        assert!(
            kept.len() > 24
                && [[0xd4, 0xc3, 0xb2, 0xa1], [0x4d, 0x3c, 0xb2, 0xa1]].contains(&[kept[0], kept[1], kept[2], kept[3]])
        );
        // The reported scenario is the one that was run.
        let told = report.failures[0].rsplit_once("scenario: ").unwrap().1;
        assert_eq!(serde_json::from_str::<Scenario>(told).unwrap(), scenario(5));
    }
}
