//! The settings of a gateway.

use std::fmt;
use std::time::Duration;

/// All settings but those of TLS, whose files are read again while the gateway runs.
#[derive(Debug)]
pub(super) struct Settings {
    /// Where to listen: addresses or names, separated by commas.
    pub(super) addresses: String,
    /// The port; 0 lets the system choose.
    pub(super) port: u16,
    /// The servers behind the gateway.
    pub(super) nodes: Vec<Node>,
    /// Whether clients without TLS are refused.
    pub(super) require_secure_transport: bool,
    pub(super) limits: Limits,
}

/// A server behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// A name or an address, which the server's certificate must carry.
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The limits on connections and times.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many clients may be connected.
    pub(super) connections: usize,
    /// How many of these may come from one address.
    pub(super) per_address: usize,
    /// How long a client may take to log in.
    pub(super) connect: Duration,
    /// How long a server may take to accept a connection, and then to set up TLS.
    pub(super) server_connect: Duration,
    /// How long sessions may go on when the gateway stops.
    pub(super) shutdown: Duration,
}
