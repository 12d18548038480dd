//! What a plugin judges by on the server's side, and its verdict.

use alloc::vec::Vec;

/// What the server knows besides the account.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerContext<'a> {
    /// Whether nobody else can read the connection: TLS, or a local socket.
    pub secure: bool,
    /// SHA256(SHA256(password)) of the account, kept from an earlier full authentication.
    pub fast_digest: Option<&'a [u8; 32]>,
    /// The operating system's name of the user at the other end of a Unix socket.
    pub peer_user: Option<&'a str>,
    /// Rounds of the slow hash that a password is put through where the account keeps none; `None`: MySQL's default.
    pub decoy_rounds: Option<u32>,
}

/// What follows from a reply.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ServerStep {
    /// Send AuthMoreData with these bytes, then hand the client's reply to the next step.
    MoreData(Vec<u8>),
    /// The user is who he says.
    Granted {
        /// Whether a password was used.
        using_password: bool,
        /// SHA256(SHA256(password)) to keep for the next fast authentication.
        learned: Option<[u8; 32]>,
        /// AuthMoreData to send before the OK packet; the client sends no reply to it.
        more_data: Option<&'static [u8]>,
    },
    /// The plugin wants the password itself, which this connection would show to others. The same for every account, so it tells
    /// nothing of one.
    NotSecure,
    /// Access denied.
    Denied {
        /// Whether a password was used: the text of error 1045 says so.
        using_password: bool,
    },
}

impl ServerStep {
    /// A verdict that teaches the server nothing.
    pub(super) const fn verdict(granted: bool, using_password: bool) -> Self {
        if granted {
            Self::Granted { using_password, learned: None, more_data: None }
        } else {
            Self::Denied { using_password }
        }
    }
}

impl core::fmt::Debug for ServerStep {
    /// The learned digest stays unseen: it is as good as the password for a fast authentication.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::MoreData(data) => f.debug_tuple("MoreData").field(data).finish(),
            Self::Granted { using_password, learned, more_data } => f
                .debug_struct("Granted")
                .field("using_password", using_password)
                .field("learned", &learned.map(|_| "…"))
                .field("more_data", more_data)
                .finish(),
            Self::NotSecure => f.write_str("NotSecure"),
            Self::Denied { using_password } => {
                f.debug_struct("Denied").field("using_password", using_password).finish()
            }
        }
    }
}
