//! The settings of a gateway.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::secret::Secret;
use sealwire_net::network::Networks;

use super::announce::Announce;
use super::health::Thresholds;
use super::place::Place;
use super::routes::Routes;

/// All settings but those of TLS, whose files are read again while the gateway runs.
#[derive(Debug)]
pub(super) struct Settings {
    /// The listeners; the first is that of `bind-address` and `port`.
    pub(super) listeners: Vec<Listen>,
    /// The pools of servers; there is at least one.
    pub(super) pools: Vec<PoolSettings>,
    /// The servers of all pools.
    pub(super) nodes: Vec<Node>,
    /// The pools that some users and server names get instead of the listener's.
    pub(super) routes: Routes,
    /// The proxies whose PROXY headers are accepted.
    pub(super) proxies: Networks,
    /// Whether clients without TLS are refused.
    pub(super) require_secure_transport: bool,
    /// Whether servers may ask clients for the file of LOAD DATA LOCAL.
    pub(super) local_infile: bool,
    pub(super) limits: Limits,
    /// The account and the times of the checks; `None` if servers are not checked.
    pub(super) check: Option<Arc<CheckSettings>>,
    pub(super) thresholds: Thresholds,
    pub(super) drain: Drain,
    /// The Unix socket of the administration.
    pub(super) admin_socket: Option<PathBuf>,
    /// The port of the administration on loopback, which can only read.
    pub(super) admin_port: Option<u16>,
}

/// How the sessions of a drained server leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    /// They are closed between two statements, outside a transaction.
    Close,
    /// They stay until their clients end them or change their user.
    Wait,
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listen {
    /// Where to listen: addresses or names, separated by commas.
    pub(super) addresses: String,
    /// The port; 0 lets the system choose.
    pub(super) port: u16,
    pub(super) place: Place,
    /// Whether connections begin with TLS, before the greeting.
    pub(super) is_direct: bool,
}

/// A pool of servers with the same data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolSettings {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// How many sessions its servers may have together.
    pub(super) most_sessions: usize,
    /// The PROXY header that its servers get.
    pub(super) announce: Announce,
    pub(super) tls: PoolTls,
}

/// The settings for TLS towards a pool's servers that stand in `--pool`: options of every client without their dashes, and their values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PoolTls(pub(super) Vec<(&'static str, String)>);

/// The question by which the servers of a pool are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whether they answer.
    Plain,
    /// Besides, whether they are read-only.
    ReadOnly,
    /// Whether they are nodes of a Galera cluster that can serve.
    Galera,
}

impl Kind {
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("plain", Self::Plain), ("read-only", Self::ReadOnly), ("galera", Self::Galera)];

    /// The name in the options and in the administration's answers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::ReadOnly => "read-only",
            Self::Galera => "galera",
        }
    }
}

/// A server behind the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// A name or an address, which the server's certificate must carry.
    pub(super) host: String,
    pub(super) port: u16,
    /// The number of its pool.
    pub(super) pool: usize,
    /// How many sessions it may have.
    pub(super) most_sessions: usize,
    /// The PROXY header that it gets.
    pub(super) announce: Announce,
}

impl Node {
    /// Whether both are the same server in the same pool.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.host, self.port, self.pool) == (&other.host, other.port, other.pool)
    }
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
    /// How many clients may be logging in.
    pub(super) logins: usize,
    /// How many connections to a server may be set up at a time.
    pub(super) handshakes: usize,
    /// How long a client may take to log in.
    pub(super) connect: Duration,
    /// How long a login waits for a server.
    pub(super) queue: Duration,
    /// How long a server may take to accept a connection, and then to set up TLS.
    pub(super) server_connect: Duration,
    /// How long sessions may go on when the gateway stops.
    pub(super) shutdown: Duration,
}

/// The settings of the checks.
#[derive(Debug, Clone)]
pub(super) struct CheckSettings {
    pub(super) user: String,
    pub(super) password: Secret,
    /// The time between two checks.
    pub(super) interval: Duration,
    /// The time for connecting, and the time for each answer.
    pub(super) timeout: Duration,
}
