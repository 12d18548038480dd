//! `cargo xtask attacks`: the attacks, and their table in SECURITY.md.

use crate::run::{Context, run};

/// Runs the attacks and writes the table, which an ordinary run only compares.
pub(crate) fn write(context: &Context) -> Result<(), String> {
    let mut command = context.cargo(["test", "--workspace", "--test", "attacks"]);
    run(command.env("SEALWIRE_WRITE_ATTACKS", "1"))
}
