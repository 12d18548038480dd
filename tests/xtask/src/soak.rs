//! `cargo xtask soak`: thousands of clients for some minutes.

use crate::numbers;
use crate::run::{Context, run};

/// Runs one of the two trials of `tests/security/soak` with the given numbers.
pub(crate) fn soak(context: &Context, words: &[&str]) -> Result<(), String> {
    let mut options = [("--connections", 4_000), ("--minutes", 10)];
    let (flags, words): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| **word == "--gateway");
    numbers::read("soak", &words, &mut options)?;
    let [connections, minutes] = options.map(|(_, number)| number);
    run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]))?;
    let trial = if flags.is_empty() { "server" } else { "gateway" };
    let mut command = context.cargo(["test", "--workspace", "--test", "soak", "--", trial]);
    command.env("SEALWIRE_PROGRAMS", context.programs());
    command.env("SEALWIRE_SOAK_CONNECTIONS", connections.to_string());
    run(command.env("SEALWIRE_SOAK_SECONDS", (minutes * 60).to_string()))
}
