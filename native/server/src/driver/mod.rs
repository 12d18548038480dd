//! The driver: sockets, threads and time around the connections of `sealwire_core`.
//!
//! Each of the workers has its own poll, its own listeners at the server's address and its own connections, and never waits for
//! anything but the poll. A connection stays where it was accepted, unless the gate hands it to a worker that has much less to do.

mod acceptor;
mod admission;
mod conn;
mod descriptors;
mod door;
mod gate;
mod peer;
mod turns;
mod worker;

#[cfg(test)]
mod tests;

pub(super) use acceptor::{Bound, Listen, bind, serve};
pub(super) use door::Door;
