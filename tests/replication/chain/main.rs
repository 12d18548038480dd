//! Several servers in a row or a ring, servers that change roles, and servers that are killed again and again.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod killed;
mod links;
mod member;
mod ring;
mod roles;
mod tls;
mod upset;
