//! What other threads tell a worker.

use super::conn::Conn;

/// A message to a worker.
pub(super) enum Message {
    /// A new connection.
    Accept(Box<Conn>),
    /// Something happened to the connection of that number.
    Wake(usize),
    /// The server stops.
    Stop,
}
