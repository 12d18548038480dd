//! `cargo xtask attacks`: runs the attacks, and writes their table in SECURITY.md.

use crate::run::{Context, Tally, run, run_tests};

/// Runs the attacks and writes the table; an ordinary test run only compares the table.
pub(crate) fn write(context: &Context) -> Result<(), String> {
    let mut command = context.cargo(["test", "--workspace", "--test", "attacks"]);
    run(command.env("SEALWIRE_WRITE_ATTACKS", "1"))
}

/// Prints the table without running the attacks.
pub(crate) fn show(context: &Context) -> Tally {
    run_tests(&mut context.cargo(["test", "--workspace", "--test", "attacks", "--", "table::"]))
}
