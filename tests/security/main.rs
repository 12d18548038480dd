//! Attacks on the connection phase, one test each, against both machines in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, their helpers too"
)]

#[expect(dead_code, reason = "the simulation uses more of it")]
#[path = "../simulation/world.rs"]
mod world;

mod client_switch;
mod server_switch;
mod sweep;
