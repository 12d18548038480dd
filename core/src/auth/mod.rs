//! Authentication plugins, one file each, the client's and the server's side together.
//!
//! Both sides are machines without input or output: `ClientAuth` turns what the server says into a reply,
//! `ServerAuth` turns a reply into a verdict. Neither knows packets, only their payloads.
//!
//! Sources: MySQL's "Authentication Method" pages of the protocol documentation, its `sql/auth/sha2_password.cc`, and
//! MariaDB's `plugin/auth_ed25519`.

mod auth_socket;
mod caching_sha2_password;
mod clear_password;
mod client;
mod credential;
mod ed25519;
mod error;
#[cfg(test)]
#[cfg(feature = "rsa-password")]
mod exchange_tests;
mod native_password;
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
pub use error::AuthError;
pub(crate) use server::ServerAuth;
pub(crate) use verdict::{ServerContext, ServerStep};

use alloc::vec::Vec;
use core::fmt;

use crate::random::Random;

/// An authentication plugin, by the name that goes on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plugin {
    /// `mysql_native_password`: SHA-1 challenge and response, from 4.1 on.
    MysqlNativePassword,
    /// `caching_sha2_password`: MySQL's default since 8.0.
    CachingSha2Password,
    /// `sha256_password`: the password itself, inside TLS or RSA.
    Sha256Password,
    /// `mysql_clear_password`: the password itself.
    MysqlClearPassword,
    /// `client_ed25519`: MariaDB's signature over the server's challenge.
    ClientEd25519,
    /// `auth_socket`: the operating system names the user at the other end of a Unix socket.
    AuthSocket,
}

impl Plugin {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MysqlNativePassword => "mysql_native_password",
            Self::CachingSha2Password => "caching_sha2_password",
            Self::Sha256Password => "sha256_password",
            Self::MysqlClearPassword => "mysql_clear_password",
            Self::ClientEd25519 => "client_ed25519",
            Self::AuthSocket => "auth_socket",
        }
    }

    /// The plugin of that name. MariaDB's names in account statements, `ed25519` and `unix_socket`, are known too.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"mysql_native_password" => Self::MysqlNativePassword,
            b"caching_sha2_password" => Self::CachingSha2Password,
            b"sha256_password" => Self::Sha256Password,
            b"mysql_clear_password" => Self::MysqlClearPassword,
            b"client_ed25519" | b"ed25519" => Self::ClientEd25519,
            b"auth_socket" | b"unix_socket" => Self::AuthSocket,
            _ => return None,
        })
    }

    /// How many random bytes the server's challenge has.
    pub const fn challenge_length(self) -> usize {
        match self {
            Self::ClientEd25519 => 32,
            _ => 20,
        }
    }

    /// A new challenge: seven-bit bytes without NUL and `$`, since MySQL's clients copy it as text.
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

    /// The plugin that a client must run for an account of this one; `None` where the first reply of any plugin does,
    /// so that no AuthSwitchRequest is needed.
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

/// How well a client's connection protects what is sent over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS, and the server has proved who it is.
    VerifiedTls,
    /// TLS, but anybody may be at the other end.
    UnverifiedTls,
    /// A Unix socket: the bytes never leave this machine.
    LocalSocket,
    /// Plaintext on a network.
    Plain,
}

impl Security {
    /// Whether the password itself may be sent: nobody but the right server can read it.
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
