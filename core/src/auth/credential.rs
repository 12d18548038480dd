//! What an account keeps instead of its password, and the texts in which `mysql.user` stores it.

use alloc::string::String;
use core::fmt;

use super::{AuthError, Plugin};
use crate::random::Random;

/// What a server knows about an account's password. `Debug` names the kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// No password: only an empty one is accepted.
    Empty,
    /// SHA1(SHA1(password)), for `mysql_native_password`.
    Native([u8; 20]),
    /// A salted hash for `caching_sha2_password`.
    CachingSha2(Sha2Verifier),
    /// A salted hash for `sha256_password`.
    Sha256(Sha2Verifier),
    /// The public key for `client_ed25519`.
    Ed25519([u8; 32]),
    /// The operating system's user for `auth_socket`; `None` means the one of the account's own name.
    Socket(Option<String>),
    /// Nothing is right: the decoy for users that don't exist.
    Impossible,
}

/// SHA-crypt's outcome: rounds, salt and hash. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Sha2Verifier {
    pub(super) rounds: u32,
    pub(super) salt: [u8; 20],
    pub(super) hash: [u8; 43],
}

impl Credential {
    /// What an account of that plugin keeps of a new password. An empty password gives [`Credential::Empty`].
    pub fn from_password(plugin: Plugin, password: &[u8], random: &dyn Random) -> Result<Self, AuthError> {
        let _ = (password, random);
        Err(AuthError::KeepsNoPassword(plugin))
    }

    /// Reads the text that `mysql.user` keeps, as `IDENTIFIED WITH plugin AS 'text'` gives it.
    pub fn from_stored(plugin: Plugin, text: &str) -> Result<Self, AuthError> {
        let _ = text;
        Err(AuthError::BadStoredCredential(plugin))
    }

    /// The text for `mysql.user`; [`Credential::from_stored`] reads it back.
    pub fn to_stored(&self) -> String {
        String::new()
    }

    /// The plugin that can verify it; `None` where any can.
    pub const fn plugin(&self) -> Option<Plugin> {
        match self {
            Self::Empty | Self::Impossible => None,
            Self::Native(_) => Some(Plugin::MysqlNativePassword),
            Self::CachingSha2(_) => Some(Plugin::CachingSha2Password),
            Self::Sha256(_) => Some(Plugin::Sha256Password),
            Self::Ed25519(_) => Some(Plugin::ClientEd25519),
            Self::Socket(_) => Some(Plugin::AuthSocket),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Native(_) => "Native(…)",
            Self::CachingSha2(_) => "CachingSha2(…)",
            Self::Sha256(_) => "Sha256(…)",
            Self::Ed25519(_) => "Ed25519(…)",
            Self::Socket(_) => "Socket(…)",
            Self::Impossible => "Impossible",
        })
    }
}

impl fmt::Debug for Sha2Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha2Verifier(…)")
    }
}
