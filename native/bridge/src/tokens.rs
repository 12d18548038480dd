//! The poll's tokens: two for each connection from 0 up, and the listeners' from the top down.

use mio::Token;

/// The token of a listener.
pub(super) const fn listener_token(number: usize) -> Token {
    Token(usize::MAX.saturating_sub(1).saturating_sub(number))
}

/// The token of a connection's client.
pub(super) const fn client_token(id: usize) -> Token {
    Token(id.saturating_mul(2))
}

/// The token of a connection's target.
pub(super) const fn target_token(id: usize) -> Token {
    Token(id.saturating_mul(2).saturating_add(1))
}
