//! Measures Sealwire beside its peers: every figure and its peers' in one run, so that ratios hold on any machine.
//!
//! `sealwire-bench run [--quick] [GROUP…]` prints tables and, when whole, writes RESULTS.md; `client`, `opensrv`, `stream` and `relay`
//! are the processes that it measures.

mod groups;
mod job;
mod measure;
mod peers;
mod plot;
mod report;
mod world;

use std::process::ExitCode;

/// An error ends the run, so that no figure is wrong.
type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["client", driver, job @ ..] => peers::run(driver, job),
        ["opensrv", certificate, key] => peers::opensrv::serve(certificate, key),
        ["stream", certificate, key] => peers::stream::serve(certificate, key),
        ["relay", target] => groups::bridge::serve_plain(target),
        ["run", rest @ ..] => groups::run(rest),
        _ => Err("usage: sealwire-bench run [--quick] [GROUP…]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sealwire-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
