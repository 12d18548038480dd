//! `cargo xtask misuse`: the C API in random order for some minutes.

use crate::capi::{Profile, capi};
use crate::numbers;
use crate::run::{Context, run};

/// Runs the tests of `tests/capi/random.rs` with the given numbers, as they are, with AddressSanitizer and under valgrind at the same time,
/// and threads with 64,000 connections.
pub(crate) fn misuse(context: &Context, words: &[&str]) -> Result<(), String> {
    let mut options = [("--seed", 1), ("--minutes", 10)];
    numbers::read("misuse", words, &mut options)?;
    let [seed, minutes] = options.map(|(_, number)| number);
    capi(context, Profile::Debug)?;
    let test = [
        "test",
        "--workspace",
        "--test",
        "capi",
        "--",
        "--nocapture",
        "--test-threads=4",
        "no_order_of_calls",
        "threads_connect",
    ];
    let mut command = context.cargo(test);
    command.env("SEALWIRE_CAPI", context.target.join("capi"));
    command.env("SEALWIRE_MISUSE_SEED", seed.to_string());
    run(command.env("SEALWIRE_MISUSE_SECONDS", (minutes * 60).to_string()))
}
