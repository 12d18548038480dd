//! Messages from other threads to a worker.

use super::conn::Conn;

/// A message to a worker.
pub(super) enum Message {
    /// A new connection.
    Accept(Box<Conn>),
    /// The connection of that number must advance.
    Wake(usize),
    /// The server is stopping.
    Stop,
}
