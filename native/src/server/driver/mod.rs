//! The driver: sockets, threads and time around the connections of `sealwire_core`.
//!
//! One thread accepts; each of the workers has its own poll and its own connections, and never waits for anything but the poll.
//! A connection is handed to a worker when it is accepted and stays there.

mod acceptor;
mod conn;
mod door;
mod peer;
mod worker;

#[cfg(test)]
mod tests;

pub(super) use acceptor::{Bound, Listen, bind, serve};
pub(super) use door::Door;
