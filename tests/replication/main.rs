//! `sealwire-binlog` beside MariaDB's own tool: on files, and over TLS on a primary.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod files;
mod live;
mod names;
mod tool;
