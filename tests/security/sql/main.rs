//! Accounts that try to exceed their privileges: ambiguous statements, names that contain SQL, endless statements. The programs run as
//! users run them.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod complexity;
mod exhaustion;
mod injection;
mod names;
mod privileges;
mod read_lock;
mod roundtrip;
mod unread;
mod views;
mod world;
