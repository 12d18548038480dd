//! What a server connection tells its application.

use alloc::string::String;
use alloc::vec::Vec;

use crate::auth::{AuthError, Credential, Plugin};
use crate::message::Command;
use crate::random::Random;

use super::requirement::Requirement;

/// Something for the application. What is borrowed lies in the connection's buffer until the next call.
#[derive(Debug)]
pub enum Event<'a> {
    /// A client names its user, at connect or by COM_CHANGE_USER. Answer with
    /// [`authenticate`](super::Connection::authenticate).
    Login(Login),
    /// The user has proved who he is and meets the account's REQUIRE clause. Answer with
    /// [`accept`](super::Connection::accept) or [`refuse`](super::Connection::refuse).
    Authenticated {
        /// Whether a password was used.
        using_password: bool,
        /// SHA256(SHA256(password)), to be kept for the account's next [`Candidate::fast_digest`].
        learned: Option<[u8; 32]>,
    },
    /// The login was refused. The client sees only error 1045; the reason is for the server's log.
    AuthenticationFailed {
        /// What failed, with the REQUIRE clause where that was it.
        reason: String,
    },
    /// A command. Answer each with exactly one reply, but for those that MySQL leaves unanswered
    /// (COM_STMT_SEND_LONG_DATA, COM_STMT_CLOSE).
    Command(Command<'a>),
    /// A piece of the file that [`local_infile`](super::Connection::local_infile) asked for.
    LocalData(&'a [u8]),
    /// The file is over. Reply now.
    LocalDataEnd,
    /// The connection is over, in order.
    Closed,
}

/// What the client says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The database to start in.
    pub database: Option<String>,
    /// The id of the character set, where the client names one.
    pub charset: Option<u16>,
    /// The connection attributes.
    pub attributes: Vec<(String, String)>,
    /// Whether this is COM_CHANGE_USER on a connection that already had a user.
    pub change_user: bool,
}

/// The account that a login is measured against.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The account's plugin.
    pub plugin: Plugin,
    /// What the password is checked with.
    pub credential: Credential,
    /// The account's REQUIRE clause.
    pub requirement: Requirement,
    /// SHA256(SHA256(password)) from an earlier login, for `caching_sha2_password`'s fast path.
    pub fast_digest: Option<[u8; 32]>,
    /// The exchange to imitate where the account may not log in from that host, or stores no hash of a password.
    pub decoy: Decoy,
}

impl Candidate {
    /// An account that logs in with this password, and demands nothing else. The hash of `caching_sha2_password` and `sha256_password`
    /// takes 5,000 rounds: make a candidate once for each account, and clone it at each login.
    ///
    /// # Errors
    /// Where the plugin keeps no password.
    pub fn with_password(plugin: Plugin, password: &[u8], random: &dyn Random) -> Result<Self, AuthError> {
        let credential = Credential::from_password(plugin, password, random)?;
        Ok(Self { credential, ..Self::decoy(plugin) })
    }

    /// Stands in for a user that does not exist: the same exchange, and then the same refusal.
    pub const fn decoy(plugin: Plugin) -> Self {
        Self::unknown(Decoy { plugin, needs_tls: false, rounds: None })
    }

    /// Stands in for an unknown user, with the exchange that `decoy` describes.
    pub const fn unknown(decoy: Decoy) -> Self {
        let requirement = if decoy.needs_tls { Requirement::Ssl } else { Requirement::None };
        Self { plugin: decoy.plugin, credential: Credential::Impossible, requirement, fast_digest: None, decoy }
    }
}

/// What a user who does not exist is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoy {
    /// The plugin of the exchange.
    pub plugin: Plugin,
    /// Whether he is refused without TLS.
    pub needs_tls: bool,
    /// Rounds of the slow hash that a password is put through; `None`: MySQL's default.
    pub rounds: Option<u32>,
}
