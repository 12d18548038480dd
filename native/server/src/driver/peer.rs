//! The user at the other end of a Unix socket.

use mio::net::UnixStream;

/// The id of the user at the other end of a Unix socket, from the kernel.
pub(super) fn user_of(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream).ok().map(|credentials| credentials.uid.as_raw())
}
