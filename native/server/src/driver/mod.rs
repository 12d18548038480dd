//! The driver: sockets, threads and time around the connections of `sealwire_core`.
//!
//! Each worker has its own reactor, its own listeners at the server's address and its own connections, and waits for nothing but the
//! reactor. A connection stays with the worker that accepted it, unless the dispatcher hands it to a worker with much less load.

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
