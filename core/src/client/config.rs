//! What a client connection is told before it starts.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::auth::Plugin;
use crate::facts::Transport;
use crate::message::Capabilities;
use crate::random::Random;
use crate::secret::Secret;
use crate::tls::ClientContext;
use crate::trace::Observer;
use crate::wire::compressed::Algorithm;

/// Whether the connection is made over TLS.
#[derive(Debug, Clone)]
pub enum TlsPolicy {
    /// Never. `--ssl-mode=DISABLED`.
    Disabled,
    /// Where the server offers it; an attacker on the way can take the offer out. `--ssl-mode=PREFERRED`.
    Preferred(ClientContext),
    /// Always; a server without TLS gets nothing of us. What the certificate has to prove is the context's matter.
    Required(ClientContext),
}

/// The settings of a [`Connection`](super::Connection); one value may serve many connections.
#[derive(Debug, Clone)]
pub struct Config {
    /// The user name.
    pub user: String,
    /// The password; empty for none.
    pub password: Secret,
    /// The database to start in; an empty name is none.
    pub database: Option<String>,
    /// Whether TLS is used.
    pub tls: TlsPolicy,
    /// The host's name or address, against which the certificate is checked.
    pub server_name: String,
    /// The name to send in the TLS server name extension; none is sent by default, as MySQL's clients do.
    pub sni: Option<String>,
    /// What lies below.
    pub transport: Transport,
    /// Names and values that the server shows in `performance_schema.session_connect_attrs`.
    pub attributes: Vec<(String, String)>,
    /// The id of the connection's character set; 45 is `utf8mb4_general_ci`, which every server since 5.5 knows.
    pub charset: u8,
    /// Capabilities asked for beyond those that the machine needs.
    pub capabilities: Capabilities,
    /// How packets may be compressed, the most wanted first; empty for not at all, which is the default: whoever can put words of his own
    /// beside a secret can learn the secret from the length of what is compressed, also inside TLS.
    pub compression: Vec<Algorithm>,
    /// Whether a server that offers none of `compression` is refused.
    pub compression_required: bool,
    /// Whether the server may ask for the file of a LOAD DATA LOCAL INFILE, which must be the statement just sent. Even then the
    /// server must be verified, or behind a Unix socket.
    pub local_infile: bool,
    /// Whether `mysql_clear_password` is allowed; even then only inside verified TLS or over a Unix socket.
    pub enable_cleartext_plugin: bool,
    /// Whether the server's RSA key may be asked for over plaintext, where nobody proves that it is the server's.
    pub fetch_server_public_key: bool,
    /// The server's RSA key in PEM, for `caching_sha2_password` and `sha256_password` over plaintext.
    pub server_public_key: Option<String>,
    /// The plugin to start with; else the server's own default, where we know it.
    pub default_auth: Option<Plugin>,
    /// How long connecting may take, authentication included.
    pub connect_timeout: Duration,
    /// The largest packet that is taken from the server, in bytes.
    pub max_packet: u32,
    /// Where random bytes come from.
    pub random: Arc<dyn Random>,
    /// Who sees every packet, record and state; see [`crate::trace`].
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
            default_auth: None,
            connect_timeout: Duration::from_secs(30),
            max_packet: 1 << 30,
            random,
            observer: None,
        }
    }

    /// The algorithm to compress by, of those that the server offers.
    pub(super) fn algorithm(&self, offered: Capabilities) -> Option<Algorithm> {
        self.compression.iter().copied().find(|algorithm| algorithm.is_built() && offered.contains(flag_of(*algorithm)))
    }

    /// All that we ask for, but for compression; the connection has of it what the server also has.
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

/// The capability that asks for an algorithm.
pub(super) const fn flag_of(algorithm: Algorithm) -> Capabilities {
    match algorithm {
        Algorithm::Zlib => Capabilities::COMPRESS,
        Algorithm::Zstd { .. } => Capabilities::ZSTD_COMPRESSION,
    }
}
