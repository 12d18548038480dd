//! The settings of a client connection.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::auth::{Dialog, Plugin};
use crate::facts::Transport;
use crate::message::Capabilities;
use crate::random::Random;
use crate::secret::Secret;
use crate::tls::ClientContext;
use crate::trace::Observer;
use crate::wire::compressed::Algorithm;

/// Whether and when the client uses TLS.
#[derive(Debug, Clone)]
pub enum TlsPolicy {
    /// Never use TLS. `--ssl-mode=DISABLED`.
    Disabled,
    /// Use TLS if the server offers it. An attacker on the network can remove the offer. `--ssl-mode=PREFERRED`.
    Preferred(ClientContext),
    /// Always use TLS. Nothing of the login is sent to a server without it. The context decides how the certificate is verified.
    Required(ClientContext),
}

/// The settings of a [`Connection`](super::Connection); one value may serve many connections.
#[derive(Debug, Clone)]
pub struct Config {
    /// The user name.
    pub user: String,
    /// The password; empty for none.
    pub password: Secret,
    /// The default database of the session; an empty name means none.
    pub database: Option<String>,
    /// Whether TLS is used.
    pub tls: TlsPolicy,
    /// Whether the connection begins with TLS, before the greeting, as a server's port for direct TLS expects: `--ssl-negotiation=direct`. It
    /// takes one round trip less, and shows nothing in plaintext. `tls` must not be `Disabled`.
    pub direct: bool,
    /// The host's name or address, which is compared with the certificate.
    pub server_name: String,
    /// The host name to send as TLS server name indication. None is sent by default, as in MySQL's clients.
    pub sni: Option<String>,
    /// The transport below the protocol.
    pub transport: Transport,
    /// Names and values that the server shows in `performance_schema.session_connect_attrs`.
    pub attributes: Vec<(String, String)>,
    /// The id of the connection's character set. The default is 45, `utf8mb4_general_ci`, because every server since 5.5 has it.
    pub charset: u8,
    /// Capabilities to request beyond those that this library needs.
    pub capabilities: Capabilities,
    /// The compression algorithms to request, in order of preference. The default is empty, which means no compression, because an attacker
    /// who can put text of his own beside a secret can learn the secret from the compressed length, also inside TLS.
    pub compression: Vec<Algorithm>,
    /// Whether to refuse a server that offers none of `compression`.
    pub compression_required: bool,
    /// Whether the server may request the file of a LOAD DATA LOCAL INFILE statement. The statement must be the one just sent, and the
    /// server must be verified or behind a Unix socket.
    pub local_infile: bool,
    /// Whether `mysql_clear_password` is allowed; even then only inside verified TLS or over a Unix socket.
    pub enable_cleartext_plugin: bool,
    /// Whether to request the server's RSA key over plaintext, where nothing proves that the key is the server's.
    pub fetch_server_public_key: bool,
    /// The server's RSA key in PEM, for `caching_sha2_password` and `sha256_password` over plaintext.
    pub server_public_key: Option<String>,
    /// Answers the questions of the plugin `dialog`, inside verified TLS or over a Unix socket only.
    pub dialog: Option<Arc<dyn Dialog>>,
    /// The plugin to start with. Without it the client starts with the server's default plugin, or with `caching_sha2_password` if that
    /// one is unknown.
    pub default_auth: Option<Plugin>,
    /// The plugins that the server may ask for; `None` for all that this library has.
    pub restricted_auth: Option<Vec<Plugin>>,
    /// The time limit for connecting, authentication included.
    pub connect_timeout: Duration,
    /// The largest packet to accept from the server, in bytes.
    pub max_packet: u32,
    /// The source of random bytes.
    pub random: Arc<dyn Random>,
    /// Receives every packet, record and change of state; see [`crate::trace`].
    pub observer: Option<Arc<dyn Observer>>,
}

impl Config {
    /// Settings with MySQL's defaults and without TLS: set [`Config::tls`] next.
    pub fn new(user: impl Into<String>, password: Secret, random: Arc<dyn Random>) -> Self {
        Self {
            user: user.into(),
            password,
            database: None,
            tls: TlsPolicy::Disabled,
            direct: false,
            server_name: String::from("localhost"),
            sni: None,
            transport: Transport::Tcp,
            attributes: Vec::new(),
            charset: 45,
            capabilities: Capabilities::MULTI_STATEMENTS,
            compression: Vec::new(),
            compression_required: false,
            local_infile: false,
            enable_cleartext_plugin: false,
            fetch_server_public_key: false,
            server_public_key: None,
            dialog: None,
            default_auth: None,
            restricted_auth: None,
            connect_timeout: Duration::from_secs(30),
            max_packet: 1 << 30,
            random,
            observer: None,
        }
    }

    /// The plugin to start with, where the server's default is `default`. The server switches if the account has another one.
    pub(super) fn first_plugin(&self, default: Option<Plugin>) -> Plugin {
        let plugin = self.default_auth.or(default).unwrap_or(Plugin::CachingSha2Password);
        match &self.restricted_auth {
            Some(permitted) if !permitted.contains(&plugin) => permitted.first().copied().unwrap_or(plugin),
            _ => plugin,
        }
    }

    /// The first requested compression algorithm that the server offers.
    pub(super) fn algorithm(&self, offered: Capabilities) -> Option<Algorithm> {
        self.compression.iter().copied().find(|algorithm| algorithm.is_built() && offered.contains(flag_of(*algorithm)))
    }

    /// All capabilities to request, except for compression. The connection has those of them that the server also has.
    pub(super) fn wanted(&self) -> Capabilities {
        let mut wanted = self.capabilities
            | Capabilities::LONG_PASSWORD
            | Capabilities::LONG_FLAG
            | Capabilities::PROTOCOL_41
            | Capabilities::TRANSACTIONS
            | Capabilities::SECURE_CONNECTION
            | Capabilities::MULTI_RESULTS
            | Capabilities::PS_MULTI_RESULTS
            | Capabilities::PLUGIN_AUTH
            | Capabilities::PLUGIN_AUTH_LENENC_DATA
            | Capabilities::SESSION_TRACK
            | Capabilities::DEPRECATE_EOF;
        if self.database.as_ref().is_some_and(|name| !name.is_empty()) {
            wanted |= Capabilities::CONNECT_WITH_DB;
        }
        if !self.attributes.is_empty() {
            wanted |= Capabilities::CONNECT_ATTRS;
        }
        if self.local_infile {
            wanted |= Capabilities::LOCAL_FILES;
        }
        wanted
    }
}

/// The properties of a stream of the binary log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Streaming {
    /// Whether semi-synchronous acknowledgements were agreed.
    pub semi_sync: bool,
    /// The longest time without a byte from the server, after which the connection fails. Heartbeats count, so take at least two of their
    /// periods. `None` waits for ever, also for a server that is gone.
    pub silence: Option<Duration>,
}

/// The capability flag of a compression algorithm.
pub(super) const fn flag_of(algorithm: Algorithm) -> Capabilities {
    match algorithm {
        Algorithm::Zlib => Capabilities::COMPRESS,
        Algorithm::Zstd { .. } => Capabilities::ZSTD_COMPRESSION,
    }
}
