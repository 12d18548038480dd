//! `cargo xtask attacks`: the attacks, and their table in SECURITY.md.

use crate::run::{Context, Tally, run, run_tests};

/// Runs the attacks and writes the table, which an ordinary run only compares.
pub(crate) fn write(context: &Context) -> Result<(), String> {
    let mut command = context.cargo(["test", "--workspace", "--test", "attacks"]);
    run(command.env("SEALWIRE_WRITE_ATTACKS", "1"))
}

/// Prints the table, without trying the attacks.
pub(crate) fn show(context: &Context) -> Tally {
    run_tests(&mut context.cargo(["test", "--workspace", "--test", "attacks", "--", "table::"]))
}
