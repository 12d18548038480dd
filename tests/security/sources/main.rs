//! sealwired as the replica of a source that follows the protocol until the log is requested, and then sends what it likes.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod events;
mod floods;
mod mutated;
mod statements;
mod texts;
mod world;
