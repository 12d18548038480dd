//! Whether both legs protect a password alike, and which answers of a client may pass.
//!
//! A client sends its clear password only where its own leg is secure. It can't see the other leg, so the proxy has to.

use crate::auth::{Plugin, Security};
use crate::facts::{Facts, Transport};

/// The protection of the two legs, compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Legs {
    /// Both are secure, or neither is.
    Alike(Alike),
    /// One is secure and the other is not.
    Unlike,
}

/// Proves that both legs protect a password alike; only [`Legs::of`] makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alike(());

impl Legs {
    /// Compares the client's leg with the server's. TLS to a server that may be anybody is not like any leg of a client.
    pub(super) fn of(client: &Facts, server: Security) -> Self {
        let client_is_secure = client.tls.is_some() || client.transport == Transport::UnixSocket;
        let is_alike = match server {
            Security::VerifiedTls | Security::LocalSocket => client_is_secure,
            Security::Plain => !client_is_secure,
            Security::UnverifiedTls => false,
        };
        if is_alike { Self::Alike(Alike(())) } else { Self::Unlike }
    }
}

/// An answer of the client that may pass to the server.
#[derive(Clone, Copy)]
pub(super) struct Answer<'a>(&'a [u8]);

impl<'a> Answer<'a> {
    /// An answer that may hold the password itself.
    pub(super) const fn of_any_kind(payload: &'a [u8], _: Alike) -> Self {
        Self(payload)
    }

    /// An answer that proves that the client knows the password, or says that there is none; `None` if no client of the plugin sends it, be
    /// it the first or a later one.
    pub(super) fn proof(plugin: Plugin, payload: &'a [u8], is_first: bool) -> Option<Self> {
        let has_length = proof_length(plugin) == Some(payload.len());
        let is_proof = match plugin {
            Plugin::MysqlNativePassword => has_length || payload.is_empty(),
            Plugin::ClientEd25519 => has_length,
            // The first answer asks for the salt.
            Plugin::Parsec if is_first => payload.is_empty(),
            Plugin::Parsec => has_length,
            _ => has_length || matches!(payload, [] | [0]),
        };
        is_proof.then_some(Self(payload))
    }

    pub(super) const fn payload(&self) -> &'a [u8] {
        self.0
    }
}

/// The length of the plugin's proof in bytes; `None` for a plugin that sends the password itself, or nothing of it.
pub(super) const fn proof_length(plugin: Plugin) -> Option<usize> {
    match plugin {
        Plugin::MysqlNativePassword => Some(20),
        Plugin::CachingSha2Password => Some(32),
        Plugin::ClientEd25519 => Some(64),
        // The client's part of the challenge and a signature.
        Plugin::Parsec => Some(96),
        Plugin::Sha256Password | Plugin::MysqlClearPassword | Plugin::Dialog | Plugin::AuthSocket => None,
    }
}
