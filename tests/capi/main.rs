//! The C API: its binary interface, and programs that use it over TLS.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]

mod callbacks;
mod connections;
mod debian;
mod functions;
mod interface;
mod malformed;
mod memory;
mod nonblocking;
mod outcomes;
mod programs;
mod random;
mod replication;
mod sanitizers;
mod scripted;
mod servers;
mod statements;
mod suites;
mod table;
mod trace;
mod valgrind;
mod witness;
