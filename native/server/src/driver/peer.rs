//! Who is at the other end of a Unix socket.

use mio::net::UnixStream;

/// The number of the user at the other end of a Unix socket, as the kernel knows it.
pub(super) fn user_of(stream: &UnixStream) -> Option<u32> {
    rustix::net::sockopt::socket_peercred(stream).ok().map(|credentials| credentials.uid.as_raw())
}
