//! What is to be simulated.

use crate::attacker::Attacker;
use crate::net::Network;

/// Friday, 2026-01-02 00:00:00 UTC, in seconds since the Unix epoch: when every run starts unless it says otherwise.
pub const START: u64 = 1_767_312_000;

/// A client, a server, what lies between them, and a seed. The same scenario always gives the same run, to the byte, natively
/// and in the browser. Field by field it has a working default: `VERIFY_IDENTITY`, good certificates, a clean line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Scenario {
    /// All randomness comes from it. A page keeps it below 2^53, where JavaScript's numbers are exact.
    pub seed: u64,
    /// The client's settings.
    pub client: ClientSide,
    /// The server's settings.
    pub server: ServerSide,
    /// The account that the client logs in to.
    pub account: AccountSide,
    /// The line; with an attacker, each of the two lines.
    pub network: Network,
    /// Who is in the middle.
    pub attacker: Option<Attacker>,
    /// How many connections the client makes, at least 1 and at most 64.
    pub connections: u16,
    /// The time from one connection's start to the next one's, in microseconds.
    pub spread_us: u32,
    /// The wall clock of both sides at the start, in seconds since the Unix epoch.
    pub wall: u64,
    /// Jumps of the wall clock.
    pub clock_jumps: Vec<ClockJump>,
    /// Hands received bytes to the machines in pieces of at most this size.
    pub chunk: Option<u32>,
    /// Whether the ladder is told. Without it a run is faster.
    pub ladder: bool,
    /// Whether the packets are kept as a pcap file.
    pub pcap: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            seed: 1,
            client: ClientSide::default(),
            server: ServerSide::default(),
            account: AccountSide::default(),
            network: Network::default(),
            attacker: None,
            connections: 1,
            spread_us: 1_000,
            wall: START,
            clock_jumps: Vec::new(),
            chunk: None,
            ladder: true,
            pcap: true,
        }
    }
}

/// The client's options, as on its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct ClientSide {
    /// `--ssl-mode`, by MySQL's name: `DISABLED`, `PREFERRED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`.
    pub ssl_mode: String,
    /// `--host`: what the server's certificate has to be for.
    pub host: String,
    /// `--user`.
    pub user: String,
    /// `--password`.
    pub password: String,
    /// `--ssl-cert` and `--ssl-key`.
    pub certificate: ClientCertificate,
    /// `--tls-version`; `None` for all.
    pub tls_version: Option<String>,
    /// `--tls-ciphersuites`; `None` for all.
    pub ciphersuites: Option<String>,
    /// `--default-auth`: the plugin to start with.
    pub default_auth: Option<String>,
    /// `--enable-cleartext-plugin`.
    pub enable_cleartext_plugin: bool,
    /// `--connect-timeout`, in seconds.
    pub connect_timeout: u32,
    /// What is asked once connected; then the client quits.
    pub queries: Vec<String>,
}

impl Default for ClientSide {
    fn default() -> Self {
        Self {
            ssl_mode: String::from("VERIFY_IDENTITY"),
            host: String::from("db.example.com"),
            user: String::from("learner"),
            password: String::from("correct horse battery staple"),
            certificate: ClientCertificate::None,
            tls_version: None,
            ciphersuites: None,
            default_auth: None,
            enable_cleartext_plugin: false,
            connect_timeout: 30,
            queries: vec![String::from("SHOW STATUS LIKE 'Ssl_cipher'")],
        }
    }
}

/// The server's options.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct ServerSide {
    /// Its certificate; `None` for a server without TLS.
    pub certificate: Option<ServerCertificate>,
    /// `--tls-version`; `None` for all.
    pub tls_version: Option<String>,
    /// `--require-secure-transport`.
    pub require_secure_transport: bool,
    /// `--default-authentication-plugin`: what the greeting names.
    pub default_plugin: String,
    /// `--connect-timeout`, in seconds.
    pub connect_timeout: u32,
    /// The version text of the greeting.
    pub version: String,
}

impl Default for ServerSide {
    fn default() -> Self {
        Self {
            certificate: Some(ServerCertificate::Good),
            tls_version: None,
            require_secure_transport: false,
            default_plugin: String::from("caching_sha2_password"),
            connect_timeout: 10,
            version: String::from("8.4.0-sealwire"),
        }
    }
}

/// The account that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct AccountSide {
    /// Its user name; the host is `%`.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Its plugin.
    pub plugin: String,
    /// Its REQUIRE clause as in CREATE USER, for example `REQUIRE SSL`; empty for none.
    pub require: String,
    /// Whether the server has the password's digest in its cache, as after an earlier login with `caching_sha2_password`.
    pub cached: bool,
}

impl Default for AccountSide {
    fn default() -> Self {
        let client = ClientSide::default();
        Self {
            user: client.user,
            password: client.password,
            plugin: String::from("caching_sha2_password"),
            require: String::new(),
            cached: false,
        }
    }
}

/// The certificate that the server shows. All are for the same key; its CA is the one that the client trusts, but for the wrong CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ServerCertificate {
    /// For `db.example.com`, until 2049.
    Good,
    /// Until the end of 2025.
    Expired,
    /// For `www.example.org`.
    WrongName,
    /// By a CA that the client doesn't have.
    WrongCa,
    /// X.509 version 1, with the name in the CN alone, as MySQL's manual makes it.
    V1,
}

/// The certificate that the client shows when it is asked for one. Its subject is `/O=Sealwire/CN=learner`, its issuer
/// `/O=Sealwire/CN=Simulated CA` (but for the wrong CA).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ClientCertificate {
    /// It has none.
    None,
    /// By the CA that the server trusts, until 2049.
    Good,
    /// Until the end of 2025.
    Expired,
    /// By a CA that the server doesn't have.
    WrongCa,
    /// X.509 version 1.
    V1,
}

/// The wall clock of both sides jumps; the monotonic clock does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClockJump {
    /// When, in microseconds since the start.
    pub at_us: u64,
    /// By how many seconds; back where it is negative.
    pub seconds: i64,
}
