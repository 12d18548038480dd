//! The reasons why a client can't or won't reply, and why a credential can't be made.

use core::fmt;

use alloc::string::ToString;

use super::{Plugin, Security};
use crate::message::SqlError;

/// The reason why an authentication can't continue. Its text names the remedy and contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The server requests the password itself, with a plugin that must be enabled first.
    ClearPasswordNotEnabled,
    /// The client would have to send the password itself where others can read it.
    NotSecure {
        /// The plugin that requests the password.
        plugin: Plugin,
        /// The security that the connection has.
        security: Security,
    },
    /// The server's challenge has a wrong length.
    BadChallenge {
        /// The plugin of the challenge.
        plugin: Plugin,
        /// The length of the server's challenge in bytes.
        length: usize,
    },
    /// The server sent data that the plugin does not expect.
    Unexpected(Plugin),
    /// The server's RSA public key can't be parsed.
    BadPublicKey(Plugin),
    /// The password is too long for the server's RSA key.
    PasswordTooLongForKey {
        /// The plugin.
        plugin: Plugin,
        /// The largest number of bytes that the key can encrypt.
        limit: usize,
    },
    /// The new password of an account is longer than a server accepts at login.
    PasswordTooLong {
        /// The plugin.
        plugin: Plugin,
        /// The largest number of bytes that the plugin accepts.
        limit: usize,
    },
    /// The account's stored credential is not in the plugin's format.
    BadStoredCredential(Plugin),
    /// The server has a question for the user, and nobody answers.
    NoAnswer,
    /// The plugin has no passwords, so none can be set.
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
                    (_, Plugin::MysqlClearPassword | Plugin::Dialog) => {
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
            Self::NoAnswer => {
                f.write_str("the server has a question for the user, and this program does not answer it")
            }
            Self::KeepsNoPassword(plugin) => write!(f, "{plugin} keeps no password"),
        }
    }
}

impl core::error::Error for AuthError {}

impl AuthError {
    /// The error with MySQL's number: 2059 and 2061 of the client library, 1699, 1819 and 1827 of the server.
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
            Self::NoAnswer => SqlError::auth_plugin_failed(alloc::format!(
                "Authentication plugin '{}' reported error: {self}",
                Plugin::Dialog
            )),
            Self::PasswordTooLong { .. } => SqlError::password_not_valid(self.to_string()),
            Self::BadStoredCredential(_) => SqlError::password_format(self.to_string()),
            Self::KeepsNoPassword(_) => SqlError::set_password_of_plugin(alloc::format!(
                "SET PASSWORD has no significance for users authenticating via plugins: {self}"
            )),
        }
    }
}
