//! The client's side: what to answer, and when to refuse to.

use alloc::vec::Vec;

use super::{AuthError, Plugin, Security};
use crate::random::Random;
use crate::secret::Secret;

/// What the client may say, and to whom.
#[derive(Debug, Clone, Copy)]
pub struct ClientPolicy<'a> {
    /// The user's password.
    pub password: &'a Secret,
    /// How the connection protects it.
    pub security: Security,
    /// Whether `mysql_clear_password` may be used at all.
    pub cleartext_enabled: bool,
    /// Whether to ask the server for its RSA key over plaintext. Whoever sits in between can answer with his own.
    pub fetch_server_public_key: bool,
    /// The server's RSA key as PEM text, got by other means.
    pub server_public_key: Option<&'a str>,
    /// Randomness for RSA's padding.
    pub random: &'a dyn Random,
}

/// One exchange of one plugin, the client's side. A switch to another plugin starts another one.
#[derive(Debug, Clone)]
pub struct ClientAuth {
    plugin: Plugin,
}

impl ClientAuth {
    /// Takes the server's challenge (without its trailing NUL) and gives the first reply.
    pub fn start(plugin: Plugin, challenge: &[u8], policy: &ClientPolicy<'_>) -> Result<(Self, Vec<u8>), AuthError> {
        let _ = (challenge, policy);
        Ok((Self { plugin }, Vec::new()))
    }

    /// Takes what AuthMoreData carried (without its leading 01) and gives the next reply; `None` means that there is
    /// none, the server's OK or ERR follows.
    pub fn more(&mut self, data: &[u8], policy: &ClientPolicy<'_>) -> Result<Option<Vec<u8>>, AuthError> {
        let _ = (data, policy);
        Err(AuthError::Unexpected(self.plugin))
    }

    /// The plugin of this exchange.
    pub const fn plugin(&self) -> Plugin {
        self.plugin
    }
}
