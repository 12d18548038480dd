//! Client and server machines in memory: every way to cut the bytes, every plugin, every REQUIRE clause.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, their helpers too"
)]

mod commands;
mod compressed;
mod delivery;
mod gateway;
mod logins;
mod page_runs;
mod replica;
mod round_trips;
mod scenarios;
mod world;
