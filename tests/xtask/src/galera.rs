//! `cargo xtask galera`: three nodes of a Galera cluster before the gateway.

use crate::run::{Context, run};

/// Runs the tests of `tests/gateway/full/galera.rs`, which need root, Debian's `galera-4` and `rsync`, and take minutes.
pub(crate) fn galera(context: &Context) -> Result<(), String> {
    run(&mut context.cargo(["build", "--workspace", "--bins", "--examples"]))?;
    let test =
        ["test", "--workspace", "--test", "gateway", "--", "--ignored", "--nocapture", "--test-threads=1", "galera::"];
    run(context.cargo(test).env("SEALWIRE_PROGRAMS", context.programs()))
}
