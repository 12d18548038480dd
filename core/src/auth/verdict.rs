//! The server's context for an authentication, and the verdict.

use alloc::vec::Vec;

/// The server's data for an authentication, besides the account.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServerContext<'a> {
    /// Whether nobody else can read the connection, because it uses TLS or a Unix socket.
    pub secure: bool,
    /// SHA256(SHA256(password)) of the account, remembered from an earlier full authentication.
    pub fast_digest: Option<&'a [u8; 32]>,
    /// The name of the operating system's user at the other end of a Unix socket.
    pub peer_user: Option<&'a str>,
    /// The rounds of the slow hash to compute if the account has no password hash; `None` means MySQL's default.
    pub decoy_rounds: Option<u32>,
}

/// The server's next step after a reply.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum ServerStep {
    /// Send AuthMoreData with these bytes, then pass the client's reply to the next step.
    MoreData(Vec<u8>),
    /// The user is authenticated.
    Granted {
        /// Whether a password was used.
        using_password: bool,
        /// SHA256(SHA256(password)), to be remembered for the next fast authentication.
        learned: Option<[u8; 32]>,
        /// The data of an AuthMoreData packet to send before the OK packet; the client does not reply to it.
        more_data: Option<&'static [u8]>,
    },
    /// The plugin requires the password itself, but others can read this connection. The answer is the same for every account, so it
    /// reveals nothing about the account.
    NotSecure,
    /// Access is denied.
    Denied {
        /// Whether a password was used, for the text of error 1045.
        using_password: bool,
    },
}

impl ServerStep {
    /// A verdict without a digest to remember.
    pub(super) const fn verdict(granted: bool, using_password: bool) -> Self {
        if granted {
            Self::Granted { using_password, learned: None, more_data: None }
        } else {
            Self::Denied { using_password }
        }
    }
}

impl core::fmt::Debug for ServerStep {
    /// Hides the learned digest, because it is as good as the password for a fast authentication.
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
