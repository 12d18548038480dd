//! The events of a server connection.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::auth::{AuthError, Credential, Plugin};
use crate::message::{Command, SemiSyncAck};
use crate::proxy_protocol::Endpoints;
use crate::random::Random;

use super::requirement::Requirement;

/// An event for the application. Borrowed data is in the connection's buffer and is valid until the next call.
#[derive(Debug)]
pub enum Event<'a> {
    /// A trusted proxy names the client for which it opened the connection: see
    /// [`trust_proxy_header`](super::Connection::trust_proxy_header). It comes before the login, and there is no answer.
    Proxied(Endpoints),
    /// A client sends a user name, at connect or by COM_CHANGE_USER. Answer with [`authenticate`](super::Connection::authenticate).
    Login(Login),
    /// The user is authenticated and the connection meets the account's REQUIRE clause. Answer with [`accept`](super::Connection::accept)
    /// or [`refuse`](super::Connection::refuse).
    Authenticated {
        /// Whether a password was used.
        using_password: bool,
        /// SHA256(SHA256(password)), to be kept as [`Candidate::fast_digest`] of the account's next login.
        learned: Option<[u8; 32]>,
    },
    /// The login was refused. The client sees only error 1045; the reason is for the server's log.
    AuthenticationFailed {
        /// The check that failed. If it was the REQUIRE clause, the text names the clause.
        reason: String,
    },
    /// A command. Answer each command with exactly one reply, except for COM_STMT_SEND_LONG_DATA and COM_STMT_CLOSE, which have none.
    Command(Command<'a>),
    /// A replica has stored the binary log up to a position, while it receives the log. There is no answer.
    Acknowledged(SemiSyncAck<'a>),
    /// A piece of the file that [`local_infile`](super::Connection::local_infile) requested.
    LocalData(&'a [u8]),
    /// The file has ended. Reply to the command now.
    LocalDataEnd,
    /// The connection has ended in an orderly way.
    Closed,
}

/// The data that a client sends with its login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The default database of the session.
    pub database: Option<String>,
    /// The id of the character set, if the client sends one.
    pub charset: Option<u16>,
    /// The connection attributes.
    pub attributes: Vec<(String, String)>,
    /// Whether this is COM_CHANGE_USER on a connection that already had a user.
    pub change_user: bool,
}

/// The account against which the login is checked.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The account's plugin.
    pub plugin: Plugin,
    /// The stored credential against which the password is checked.
    pub credential: Credential,
    /// The account's REQUIRE clause.
    pub requirement: Requirement,
    /// SHA256(SHA256(password)) from an earlier login, for `caching_sha2_password`'s fast path.
    pub fast_digest: Option<[u8; 32]>,
    /// The exchange to imitate if the account may not log in from that host or stores no password hash.
    pub decoy: Decoy,
    /// If the credential is [`Credential::Impossible`]: why no password is right, for the server's log. The client does not get it.
    pub impossible_because: Cow<'static, str>,
}

impl Candidate {
    /// An account with this password and no other requirement. Create a candidate once for each account and clone it at each login, because
    /// the hash of `caching_sha2_password` and `sha256_password` takes 5,000 rounds.
    ///
    /// # Errors
    /// If the plugin has no passwords.
    pub fn with_password(plugin: Plugin, password: &[u8], random: &dyn Random) -> Result<Self, AuthError> {
        let credential = Credential::from_password(plugin, password, random)?;
        Ok(Self { credential, ..Self::decoy(plugin) })
    }

    /// A candidate for a user that does not exist: the exchange is the same, and the login is always refused.
    pub const fn decoy(plugin: Plugin) -> Self {
        Self::unknown(Decoy { plugin, needs_tls: false, rounds: None })
    }

    /// A candidate for a user that does not exist, with the exchange that `decoy` describes.
    pub const fn unknown(decoy: Decoy) -> Self {
        let requirement = if decoy.needs_tls { Requirement::Ssl } else { Requirement::None };
        Self {
            plugin: decoy.plugin,
            credential: Credential::Impossible,
            requirement,
            fast_digest: None,
            decoy,
            impossible_because: Cow::Borrowed("there is no such user"),
        }
    }
}

/// The exchange with a user that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoy {
    /// The plugin of the exchange.
    pub plugin: Plugin,
    /// Whether the user is refused without TLS.
    pub needs_tls: bool,
    /// The rounds of the slow password hash; `None` means MySQL's default.
    pub rounds: Option<u32>,
}
