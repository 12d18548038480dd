//! The campaign: some hundred thousand connections, each with its own settings, line and attacker; then the line is cut, stalled, closed
//! and damaged at every byte of a connection. `cargo xtask sim --seeds N --from S` runs other numbers, or repeats one.

#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

use std::path::PathBuf;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use sealwire_simnet::{AccountSide, Attacker, ClientSide, Network, Scenario, Stage, Toward};
use sealwire_tests::campaign::{self, Cryptography, Report};

/// How many numbers the ordinary run takes with each cryptography.
const TOY: u64 = 180_000;
const REAL: u64 = 10_000;

fn main() -> ExitCode {
    let mut trials = match asked() {
        Some((from, count, cryptography)) => vec![numbers("numbers that were asked for", cryptography, from, count)],
        None => vec![
            numbers("drawn scenarios, toy cryptography", Cryptography::Toy, 0, TOY),
            numbers("drawn scenarios, real cryptography", Cryptography::Real, TOY, REAL),
        ],
    };
    if asked().is_none() {
        trials.push(Trial::test("every byte of a connection", every_byte));
    }
    // One test after the other, because each uses all processors.
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The arguments of `cargo xtask sim`: the first number, how many, and the cryptography.
fn asked() -> Option<(u64, u64, Cryptography)> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let real = std::env::var_os("SEALWIRE_SIM_REAL").is_some();
    let cryptography = if real { Cryptography::Real } else { Cryptography::Toy };
    Some((number("SEALWIRE_SIM_FROM")?, number("SEALWIRE_SIM_SEEDS")?, cryptography))
}

fn numbers(name: &'static str, cryptography: Cryptography, from: u64, count: u64) -> Trial {
    Trial::test(name, move || {
        let replay = move |number| campaign::replay(cryptography, number);
        let (make, judge) = (&campaign::scenario, &campaign::judge);
        report(name, campaign::run(cryptography, from..from + count, make, judge, &replay, &folder()))
    })
}

/// An attacker's actions at one byte.
const DEEDS: [fn(Toward, u64) -> Attacker; 6] = [
    |toward, at| Attacker::Cut { toward, at },
    |toward, at| Attacker::Stall { toward, at },
    |toward, at| Attacker::HalfClose { toward, at },
    |toward, at| Attacker::Flip { toward, at, mask: 0x10 },
    |toward, at| Attacker::Remove { toward, at, count: 1 },
    |toward, at| Attacker::Insert { toward, at, bytes: vec![0x16] },
];

/// A login with certificates on both sides, disturbed in each way at each byte of either direction, in each version of TLS.
fn every_byte() -> Result<(), Failed> {
    let mut places = Vec::new();
    let mut stage = Stage::new(Cryptography::Toy.provider());
    for version in ["TLSv1.2", "TLSv1.3"] {
        let whole = stage.run(&certified(version))?;
        let facts = &whole.connections[0].server.facts;
        let lengths = [(Toward::Server, facts.bytes_in), (Toward::Client, facts.bytes_out)];
        for (toward, length) in lengths {
            places.extend((0..length).flat_map(|at| DEEDS.map(|deed| (version, deed(toward, at)))));
        }
    }
    let make = |number: u64| {
        let (version, attacker) = &places[number as usize];
        Scenario { attacker: Some(attacker.clone()), ..certified(version) }
    };
    let replay = |number: u64| format!("this test; the place is {:?}", places[number as usize]);
    report(
        "every byte",
        campaign::run(Cryptography::Toy, 0..places.len() as u64, &make, &campaign::judge, &replay, &folder()),
    )
}

fn certified(version: &str) -> Scenario {
    Scenario {
        client: ClientSide {
            password: "Correct-Horse-Battery".into(),
            certificate: sealwire_simnet::ClientCertificate::Good,
            tls_version: Some(version.into()),
            ..ClientSide::default()
        },
        account: AccountSide {
            password: "Correct-Horse-Battery".into(),
            require: "REQUIRE X509".into(),
            cached: true,
            ..AccountSide::default()
        },
        network: Network { window: 4096, ..Network::default() },
        ladder: false,
        ..Scenario::default()
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn report(name: &str, report: Report) -> Result<(), Failed> {
    let seconds = report.took.as_secs_f64();
    // The test harness has begun a line of its own.
    println!(
        "\n{name}: {} connections, {} of them made, {} packets, {seconds:.1} s, {:.0} connections a second",
        report.connections,
        report.connected,
        report.packets,
        report.connections as f64 / seconds
    );
    if report.failures.is_empty() { Ok(()) } else { Err(report.failures.join("\n").into()) }
}
