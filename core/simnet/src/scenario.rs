//! The description of a simulation.

use crate::attacker::Attacker;
use crate::net::Network;

/// The default start of a run: Friday, 2026-01-02 00:00:00 UTC, in seconds since the Unix epoch.
pub const START: u64 = 1_767_312_000;

/// A client, a server, the network between them, and a seed. The same scenario always gives the same run, to the byte, natively and in the
/// browser. Every field has a working default: `VERIFY_IDENTITY`, valid certificates, a line without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
pub struct Scenario {
    /// The source of all randomness. A page keeps it below 2^53, because JavaScript's numbers are exact up to there.
    pub seed: u64,
    /// The client's settings.
    pub client: ClientSide,
    /// The server's settings.
    pub server: ServerSide,
    /// The account that the client logs in to.
    pub account: AccountSide,
    /// The properties of the line; with an attacker, of each of the two lines.
    pub network: Network,
    /// The attacker in the middle.
    pub attacker: Option<Attacker>,
    /// The number of connections that the client makes, 1 to 64.
    pub connections: u16,
    /// The time from one connection's start to the next one's, in microseconds.
    pub spread_us: u32,
    /// The wall clock of both sides at the start, in seconds since the Unix epoch.
    pub wall: u64,
    /// Jumps of the wall clock.
    pub clock_jumps: Vec<ClockJump>,
    /// Delivers received bytes to the machines in pieces of at most this size.
    pub chunk: Option<u32>,
    /// Whether to record events. A run without them is faster.
    pub ladder: bool,
    /// Whether to record the packets as a pcap file.
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
    /// `--ssl-negotiation=direct`, at the server's port for it.
    pub direct: bool,
    /// `--host`, which the server's certificate must carry.
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
    /// The queries to send once connected; then the client quits.
    pub queries: Vec<String>,
}

impl Default for ClientSide {
    fn default() -> Self {
        Self {
            ssl_mode: String::from("VERIFY_IDENTITY"),
            direct: false,
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
    /// The server's certificate; `None` for a server without TLS.
    pub certificate: Option<ServerCertificate>,
    /// Whether clients are asked for a certificate, as with `--ssl-ca`.
    pub asks_for_certificate: bool,
    /// `--tls-version`; `None` for all.
    pub tls_version: Option<String>,
    /// `--require-secure-transport`.
    pub require_secure_transport: bool,
    /// `--default-authentication-plugin`, which the greeting names.
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
            asks_for_certificate: true,
            tls_version: None,
            require_secure_transport: false,
            default_plugin: String::from("caching_sha2_password"),
            connect_timeout: 10,
            version: String::from("8.4.0-sealwire"),
        }
    }
}

/// The only account.
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
    /// Whether the server has cached the password's digest, as after an earlier login with `caching_sha2_password`.
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

/// The server's certificate. All have the same key and are issued by the CA that the client trusts, except for `WrongCa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ServerCertificate {
    /// Issued for `db.example.com`, valid until 2049.
    Good,
    /// Expired at the end of 2025.
    Expired,
    /// Issued for `www.example.org`.
    WrongName,
    /// Issued by a CA that the client doesn't have.
    WrongCa,
    /// X.509 version 1, with the host's name in the CN only, as MySQL's manual makes it.
    V1,
}

/// The certificate that the client presents on request. Its subject is `/O=Sealwire/CN=learner`, and its issuer is
/// `/O=Sealwire/CN=Simulated CA`, except for `WrongCa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum ClientCertificate {
    /// The client has no certificate.
    None,
    /// Issued by the CA that the server trusts, valid until 2049.
    Good,
    /// Expired at the end of 2025.
    Expired,
    /// Issued by a CA that the server doesn't have.
    WrongCa,
    /// X.509 version 1.
    V1,
}

/// A jump of the wall clock on both sides; the monotonic clock is not affected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClockJump {
    /// The time of the jump, in microseconds since the start.
    pub at_us: u64,
    /// The size of the jump in seconds; negative for a jump back.
    pub seconds: i64,
}
