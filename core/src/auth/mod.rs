//! Authentication plugins, one file each, with the client's and the server's side.
//!
//! Both sides are state machines without input or output: `ClientAuth` computes replies to the server's data, `ServerAuth` computes
//! verdicts on the client's replies. They handle payloads, not packets.
//!
//! Sources: MySQL's "Authentication Method" pages of the protocol documentation, its `sql/auth/sha2_password.cc`, MariaDB's
//! `plugin/auth_ed25519`, and its documentation of PARSEC.

mod auth_socket;
mod caching_sha2_password;
mod clear_password;
mod client;
mod credential;
mod dialog;
mod ed25519;
mod error;
#[cfg(test)]
#[cfg(feature = "rsa-password")]
mod exchange_tests;
mod native_password;
mod parsec;
#[cfg(feature = "rsa-password")]
mod public_key;
mod server;
mod sha256_password;
mod sha_crypt;
#[cfg(test)]
mod testing;
mod verdict;

pub(crate) use client::{ClientAuth, ClientPolicy};
pub use credential::{Credential, Sha2Verifier};
pub use dialog::Dialog;
pub use error::AuthError;
pub(crate) use server::ServerAuth;
pub(crate) use verdict::{ServerContext, ServerStep};

use alloc::vec::Vec;
use core::fmt;

use crate::random::Random;

/// An authentication plugin, identified by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// `mysql_native_password`: a SHA-1 challenge and response, since MySQL 4.1.
    MysqlNativePassword,
    /// `caching_sha2_password`: the default since MySQL 8.0.
    CachingSha2Password,
    /// `sha256_password`: the password itself, protected by TLS or RSA.
    Sha256Password,
    /// `mysql_clear_password`: the password itself.
    MysqlClearPassword,
    /// `client_ed25519`: MariaDB's signature over the server's challenge.
    ClientEd25519,
    /// `parsec`: MariaDB's signature with a key that is derived slowly from the password. The client's side only.
    Parsec,
    /// `dialog`: the questions that MariaDB's PAM plugin has for the user. The client's side only.
    Dialog,
    /// `auth_socket`: the operating system identifies the user at the other end of a Unix socket.
    AuthSocket,
}

impl Plugin {
    /// The plugin's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MysqlNativePassword => "mysql_native_password",
            Self::CachingSha2Password => "caching_sha2_password",
            Self::Sha256Password => "sha256_password",
            Self::MysqlClearPassword => "mysql_clear_password",
            Self::ClientEd25519 => "client_ed25519",
            Self::Parsec => "parsec",
            Self::Dialog => "dialog",
            Self::AuthSocket => "auth_socket",
        }
    }

    /// The plugin with this name. MariaDB's names in account statements, `ed25519` and `unix_socket`, are accepted, too.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"mysql_native_password" => Self::MysqlNativePassword,
            b"caching_sha2_password" => Self::CachingSha2Password,
            b"sha256_password" => Self::Sha256Password,
            b"mysql_clear_password" => Self::MysqlClearPassword,
            b"client_ed25519" | b"ed25519" => Self::ClientEd25519,
            b"parsec" => Self::Parsec,
            b"dialog" => Self::Dialog,
            b"auth_socket" | b"unix_socket" => Self::AuthSocket,
            _ => return None,
        })
    }

    /// Whether an account of Sealwire's server can have the plugin. `mysql_clear_password` is a way to send a password, not to store one.
    pub const fn is_for_accounts(self) -> bool {
        !matches!(self, Self::MysqlClearPassword | Self::Parsec | Self::Dialog)
    }

    /// The number of random bytes in the server's challenge.
    pub const fn challenge_length(self) -> usize {
        match self {
            Self::ClientEd25519 | Self::Parsec => 32,
            Self::Dialog => 0,
            _ => 20,
        }
    }

    /// A new challenge of seven-bit bytes without NUL and `$`, because MySQL's clients copy it as text.
    pub fn new_challenge(self, random: &dyn Random) -> Vec<u8> {
        let mut challenge = alloc::vec![0; self.challenge_length()];
        random.fill(&mut challenge);
        for byte in &mut challenge {
            *byte &= 0x7f;
            if matches!(byte, 0 | b'$') {
                *byte += 1;
            }
        }
        challenge
    }

    /// The plugin that the client has to use for an account with this plugin. `None` means that the client's first reply with any plugin is
    /// enough, so that no AuthSwitchRequest is needed.
    pub const fn client_plugin(self) -> Option<Self> {
        match self {
            Self::AuthSocket => None,
            _ => Some(self),
        }
    }
}

impl fmt::Display for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How well a client's connection protects the bytes that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS with a verified server.
    VerifiedTls,
    /// TLS with a server that may be anybody.
    UnverifiedTls,
    /// A Unix socket, whose bytes never leave this machine.
    LocalSocket,
    /// Plaintext on a network.
    Plain,
}

impl Security {
    /// Whether the password itself may be sent, because only the right server can read it.
    pub const fn allows_clear_password(self) -> bool {
        matches!(self, Self::VerifiedTls | Self::LocalSocket)
    }
}

fn xor<const N: usize>(mut left: [u8; N], right: [u8; N]) -> [u8; N] {
    for (byte, other) in left.iter_mut().zip(right) {
        *byte ^= other;
    }
    left
}
