//! sealwired as a replica of MariaDB: channels, TLS, the relay log, and what ends or stops a channel.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod channels;
mod collations;
mod ends;
mod ours;
mod rivals;
mod statements;
mod tls;
mod values;
mod words;
mod world;
