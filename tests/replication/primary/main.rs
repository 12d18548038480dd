//! sealwired as primary: replicas of MariaDB, MariaDB's and Python's tools, kills, and the ends of dumps.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod charsets;
mod definitions;
mod ends;
mod geometry;
mod grants;
mod groups;
mod hostile;
mod keys;
mod killed;
mod random_definitions;
mod raw;
mod refused;
mod replica;
mod secrets;
mod semi_sync;
mod settled;
mod stalled;
mod statements;
mod streams;
mod temporary;
mod tools;
mod values;
mod views;
mod world;
