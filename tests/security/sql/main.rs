//! Accounts that want more than their privileges: statements that mean two things, names that are SQL, statements without an end. The
//! programs run as users run them.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod complexity;
mod exhaustion;
mod injection;
mod names;
mod privileges;
mod roundtrip;
mod unread;
mod views;
mod world;
