//! The driver: sockets, threads and time around the connections of `sealwire_core`.
//!
//! Each of the workers has its own reactor, its own listeners at the server's address and its own connections, and never waits for
//! anything but the reactor. A connection stays where it was accepted, unless the dispatcher hands it to a worker that has much less to
//! do.

mod acceptor;
mod admission;
mod conn;
mod descriptors;
mod dispatcher;
mod load;
mod local_connector;
mod message;
mod peer;
mod unix_socket;
mod worker;

#[cfg(test)]
mod tests;

pub(super) use acceptor::{Bound, Listen, bind, serve};
pub(super) use local_connector::LocalConnector;
