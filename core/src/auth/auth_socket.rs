//! `auth_socket`: the operating system identifies the user at the other end of a Unix socket, without a password.
//!
//! Source: MySQL's `plugin/auth/auth_socket.cc`.

use super::{Credential, ServerContext, ServerStep};

/// The server's verdict. It does not depend on the client's reply.
pub(super) fn judge(credential: &Credential, context: &ServerContext<'_>) -> ServerStep {
    let matches = match (credential, context.peer_user) {
        (Credential::Socket(Some(user)), Some(peer)) => user == peer,
        _ => false,
    };
    ServerStep::verdict(matches, false)
}
