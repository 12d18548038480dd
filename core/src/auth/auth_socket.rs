//! `auth_socket`: the operating system says who is at the other end of a Unix socket; no password is asked for.
//!
//! Source: MySQL's `plugin/auth/auth_socket.cc`.

use super::{Credential, ServerContext, ServerStep};

/// The server's verdict. What the client replied has no bearing on it.
pub(super) fn judge(credential: &Credential, context: &ServerContext<'_>) -> ServerStep {
    let matches = match (credential, context.peer_user) {
        (Credential::Socket(Some(user)), Some(peer)) => user == peer,
        _ => false,
    };
    ServerStep::verdict(matches, false)
}
