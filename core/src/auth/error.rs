//! Why a client would not or could not answer, and what an account can't be made from.

use core::fmt;

use alloc::string::ToString;

use super::{Plugin, Security};
use crate::message::SqlError;

/// An authentication that can't go on, with the way out in its text. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The server asks for the password itself by a plugin that must be enabled first.
    ClearPasswordNotEnabled,
    /// The password itself would have to be sent where others may read it.
    NotSecure {
        /// The plugin that asks for the password.
        plugin: Plugin,
        /// How the connection falls short of secure.
        security: Security,
    },
    /// The server's challenge has a wrong length.
    BadChallenge {
        /// The plugin it is for.
        plugin: Plugin,
        /// How many bytes the server sent.
        length: usize,
    },
    /// The server said something that the plugin has no place for.
    Unexpected(Plugin),
    /// The server's RSA public key can't be read.
    BadPublicKey(Plugin),
    /// The password is longer than the server's RSA key can take.
    PasswordTooLongForKey {
        /// The plugin.
        plugin: Plugin,
        /// The most bytes the key takes.
        limit: usize,
    },
    /// The new password of an account is longer than a server will ever check.
    PasswordTooLong {
        /// The plugin.
        plugin: Plugin,
        /// The most bytes it takes.
        limit: usize,
    },
    /// The account's stored credential is not in the plugin's format.
    BadStoredCredential(Plugin),
    /// The plugin keeps no password, so none can be set.
    KeepsNoPassword(Plugin),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClearPasswordNotEnabled => f.write_str(
                "plugin not enabled: the server asks for the password in clear text; \
                 allow it with --enable-cleartext-plugin if you trust this server",
            ),
            Self::NotSecure { plugin, security } => {
                f.write_str("Authentication requires secure connection. ")?;
                match (security, plugin) {
                    (Security::UnverifiedTls, _) => f.write_str(
                        "TLS is on, but the server's certificate is not verified, so anybody could receive the \
                         password: verify it with --ssl-ca=FILE or --ssl-fp=FINGERPRINT",
                    ),
                    (_, Plugin::MysqlClearPassword) => {
                        f.write_str("Use TLS with a verified certificate (--ssl-mode=VERIFY_IDENTITY)")
                    }
                    _ => f.write_str(
                        "Use TLS with a verified certificate (--ssl-mode=VERIFY_IDENTITY), or give the server's RSA \
                         key with --server-public-key-path=FILE",
                    ),
                }
            }
            Self::BadChallenge { plugin, length } => {
                write!(f, "the server's challenge has {length} bytes instead of {}", plugin.challenge_length())
            }
            Self::Unexpected(_) => f.write_str("the server sent data that has no place in this exchange"),
            Self::BadPublicKey(_) => f.write_str("the server's RSA public key is not a readable PEM public key"),
            Self::PasswordTooLongForKey { limit, .. } => write!(
                f,
                "the password is longer than the {limit} bytes that the server's RSA key takes; use TLS with a \
                 verified certificate",
            ),
            Self::PasswordTooLong { plugin, limit } => {
                write!(f, "Your password is not valid: {plugin} takes at most {limit} bytes")
            }
            Self::BadStoredCredential(_) => f.write_str("The password hash doesn't have the expected format."),
            Self::KeepsNoPassword(plugin) => write!(f, "{plugin} keeps no password"),
        }
    }
}

impl core::error::Error for AuthError {}

impl AuthError {
    /// The error by MySQL's numbers: 2059 and 2061 of the client library, 1699, 1819 and 1827 of the server.
    pub fn sql_error(&self) -> SqlError {
        match self {
            Self::ClearPasswordNotEnabled => SqlError::auth_plugin_cannot_load(alloc::format!(
                "Authentication plugin '{}' cannot be loaded: {self}",
                Plugin::MysqlClearPassword
            )),
            Self::NotSecure { plugin, .. }
            | Self::BadChallenge { plugin, .. }
            | Self::Unexpected(plugin)
            | Self::BadPublicKey(plugin)
            | Self::PasswordTooLongForKey { plugin, .. } => {
                SqlError::auth_plugin_failed(alloc::format!("Authentication plugin '{plugin}' reported error: {self}"))
            }
            Self::PasswordTooLong { .. } => SqlError::password_not_valid(self.to_string()),
            Self::BadStoredCredential(_) => SqlError::password_format(self.to_string()),
            Self::KeepsNoPassword(_) => SqlError::set_password_of_plugin(alloc::format!(
                "SET PASSWORD has no significance for users authenticating via plugins: {self}"
            )),
        }
    }
}
