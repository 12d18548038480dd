//! What a server's connections are told before they start.

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
    /// The version text of the greeting. Clients read features from its number.
    pub server_version: String,
    /// What is offered, `SSL` aside: that is offered exactly where `tls` is set. `COMPRESS` and `ZSTD_COMPRESSION` need the features
    /// `zlib` and `zstd`.
    pub capabilities: Capabilities,
    /// The id of the server's character set.
    pub charset: u8,
    /// The plugin that the greeting names; accounts with another one are switched to theirs.
    pub default_plugin: Plugin,
    /// TLS, where the server has it.
    pub tls: Option<ServerContext>,
    /// Whether plaintext over a network is refused (error 3159) before any authentication.
    pub require_secure_transport: bool,
    /// How long a client may take from the greeting to the end of authentication.
    pub connect_timeout: Duration,
    /// The largest packet that is taken from an authenticated client, in bytes.
    pub max_packet: u32,
    /// Where scrambles come from.
    pub random: Arc<dyn Random>,
    /// Who sees every packet, record and state; see [`crate::trace`].
    pub observer: Option<Arc<dyn Observer>>,
}

impl Config {
    /// What a Sealwire server offers.
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

    /// MySQL's defaults, without TLS.
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

    /// What the greeting offers.
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

/// Who is at the other end, as the driver knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What lies below.
    pub transport: Transport,
    /// The host as error 1045 shows it: an address, or `localhost` over a Unix socket.
    pub host: String,
    /// The operating system's name of the user at the other end of a Unix socket, for `auth_socket`.
    pub user: Option<String>,
}
