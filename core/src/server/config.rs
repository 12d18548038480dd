//! The settings of a server's connections.

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use crate::auth::Plugin;
use crate::facts::Transport;
use crate::message::Capabilities;
use crate::random::Random;
use crate::tls::ServerContext;
use crate::trace::Observer;
use crate::wire::compressed::{Algorithm, ZSTD_LEVEL};

/// Settings that all connections of a server share.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server version in the greeting. Clients derive features from its number.
    pub server_version: String,
    /// The capabilities to offer. `SSL` is ignored here and offered if `tls` is set. `COMPRESS` and `ZSTD_COMPRESSION` need the features
    /// `zlib` and `zstd`.
    pub capabilities: Capabilities,
    /// The id of the server's character set.
    pub charset: u8,
    /// The plugin that the greeting names. For an account with another plugin the server switches to that one.
    pub default_plugin: Plugin,
    /// The TLS settings; `None` if the server has no TLS.
    pub tls: Option<ServerContext>,
    /// Whether plaintext over a network is refused (error 3159) before any authentication.
    pub require_secure_transport: bool,
    /// The time limit for a client, from the greeting to the end of authentication.
    pub connect_timeout: Duration,
    /// The largest packet to accept from an authenticated client, in bytes.
    pub max_packet: u32,
    /// The source of random bytes for scrambles.
    pub random: Arc<dyn Random>,
    /// Receives every packet, record and change of state; see [`crate::trace`].
    pub observer: Option<Arc<dyn Observer>>,
}

impl Config {
    /// The capabilities that a Sealwire server offers.
    pub const CAPABILITIES: Capabilities = Capabilities::LONG_PASSWORD
        .union(Capabilities::FOUND_ROWS)
        .union(Capabilities::LONG_FLAG)
        .union(Capabilities::CONNECT_WITH_DB)
        .union(Capabilities::NO_SCHEMA)
        .union(Capabilities::ODBC)
        .union(Capabilities::LOCAL_FILES)
        .union(Capabilities::IGNORE_SPACE)
        .union(Capabilities::PROTOCOL_41)
        .union(Capabilities::INTERACTIVE)
        .union(Capabilities::IGNORE_SIGPIPE)
        .union(Capabilities::TRANSACTIONS)
        .union(Capabilities::RESERVED)
        .union(Capabilities::SECURE_CONNECTION)
        .union(Capabilities::MULTI_STATEMENTS)
        .union(Capabilities::MULTI_RESULTS)
        .union(Capabilities::PS_MULTI_RESULTS)
        .union(Capabilities::PLUGIN_AUTH)
        .union(Capabilities::CONNECT_ATTRS)
        .union(Capabilities::PLUGIN_AUTH_LENENC_DATA)
        .union(Capabilities::SESSION_TRACK)
        .union(Capabilities::DEPRECATE_EOF)
        .union(Capabilities::QUERY_ATTRIBUTES);

    /// Settings with MySQL's defaults and without TLS.
    pub fn new(server_version: impl Into<String>, random: Arc<dyn Random>) -> Self {
        Self {
            server_version: server_version.into(),
            capabilities: Self::CAPABILITIES,
            charset: 45,
            default_plugin: Plugin::CachingSha2Password,
            tls: None,
            require_secure_transport: false,
            connect_timeout: Duration::from_secs(10),
            max_packet: 64 * 1024 * 1024,
            random,
            observer: None,
        }
    }

    /// The capabilities to offer in the greeting.
    pub(super) fn offered(&self) -> Capabilities {
        let mut base = self.capabilities.without(Capabilities::SSL);
        for (flag, algorithm) in [
            (Capabilities::COMPRESS, Algorithm::Zlib),
            (Capabilities::ZSTD_COMPRESSION, Algorithm::Zstd { level: ZSTD_LEVEL }),
        ] {
            if !algorithm.is_built() {
                base = base.without(flag);
            }
        }
        if self.tls.is_some() { base | Capabilities::SSL } else { base }
    }
}

/// The client of a connection, as far as the driver knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The transport below the protocol.
    pub transport: Transport,
    /// The client's host as error 1045 shows it: an address, or `localhost` for a Unix socket.
    pub host: String,
    /// The name of the operating system's user at the other end of a Unix socket, for `auth_socket`.
    pub user: Option<String>,
}
