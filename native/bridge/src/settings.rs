//! What a bridge is told to do.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mio::net::UnixStream;
use sealwire_core::secret::Secret;
use sealwire_core::tls::ServerContext;
use subtle::ConstantTimeEq as _;

use super::pages::Pages;
use super::reload::ReloadableTls;
use sealwire_options::tls::health::Health;

/// Everything that a [`Bridge`](super::Bridge) is built from.
#[derive(Debug)]
pub struct Settings {
    /// Where to listen: addresses or names, separated by commas.
    pub addresses: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// What its options begin with behind the dashes.
    pub prefix: &'static str,
    /// Where connections may lead.
    pub targets: Vec<Target>,
    /// Names by which its pages may be asked for, beside its own.
    pub hosts: Vec<String>,
    /// Which pages may use it beside those that it serves itself on loopback.
    pub origins: Option<Origins>,
    /// What a client must show besides.
    pub token: Option<Token>,
    /// TLS towards the clients (`wss`, `https`).
    pub tls: Option<TlsSource>,
    /// The TLS whose certificate and revocation lists `/metrics` tells of.
    pub certificate: Option<TlsSource>,
    /// The same TLS where SIGHUP reads its files again.
    pub reloadable: Option<ReloadableTls>,
    /// What warns of them while it runs, where nobody else does.
    pub health: Option<Health>,
    /// Warnings of secrets that others can read.
    pub open_files: Vec<String>,
    /// The files it serves.
    pub pages: Option<Pages>,
    /// How much of everything.
    pub limits: Limits,
}

impl Settings {
    /// An option as who started the bridge writes it.
    pub(super) fn option(&self, name: &str) -> String {
        format!("--{}{name}", self.prefix)
    }
}

/// A server that pages may reach, by a name.
#[derive(Debug)]
pub struct Target {
    /// The name in `/tcp/<name>`.
    pub name: String,
    /// Where it is.
    pub destination: Destination,
}

/// Where a target is.
pub enum Destination {
    /// A TCP port.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// In this process: makes a socket whose other end is served as the client with that address.
    Within(Box<dyn Fn(SocketAddr) -> io::Result<UnixStream> + Send>),
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Within(_) => f.write_str("within"),
        }
    }
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message in bytes.
    pub message: usize,
    /// How many WebSockets are relayed at a time.
    pub connections: usize,
    /// How many of them from one address.
    pub per_address: usize,
    /// How long a target may take to answer.
    pub dial: Duration,
    /// How long nothing may be relayed.
    pub idle: Duration,
    /// How long a client is quiet before it is pinged, and between pings; zero pings never.
    pub ping: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 1024 * 1024,
            connections: 256,
            per_address: 32,
            dial: Duration::from_secs(10),
            idle: Duration::from_secs(3600),
            ping: Duration::from_secs(30),
        }
    }
}

/// Where the TLS settings for a new connection come from; `None` refuses it.
pub struct TlsSource(Box<dyn Fn() -> Option<ServerContext> + Send>);

impl TlsSource {
    /// A source that is asked for each connection, as the settings may change.
    pub fn new(source: impl Fn() -> Option<ServerContext> + Send + 'static) -> Self {
        Self(Box::new(source))
    }

    /// The settings as they are now.
    pub(super) fn context(&self) -> Option<ServerContext> {
        (self.0)()
    }
}

impl fmt::Debug for TlsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsSource")
    }
}

/// The pages that may use the bridge, by their origin. It fences browsers: a program of another kind sends any origin, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All pages.
    Any,
    /// These: `scheme://host[:port]`, in lower case.
    Listed(Vec<String>),
}

impl Origins {
    /// The pages that a bridge at this port serves itself. No names but loopback's: another name that leads here may be an attacker's.
    pub(super) fn own(port: u16, is_tls: bool) -> Self {
        let (scheme, default_port) = if is_tls { ("https", 443) } else { ("http", 80) };
        let port = if port == default_port { String::new() } else { format!(":{port}") };
        Self::Listed(
            ["localhost", "127.0.0.1", "[::1]"].iter().map(|host| format!("{scheme}://{host}{port}")).collect(),
        )
    }

    /// These and the others.
    pub(super) fn with(self, others: Option<&Self>) -> Self {
        match (self, others) {
            (Self::Any, _) | (_, Some(Self::Any)) => Self::Any,
            (own, None) => own,
            (Self::Listed(own), Some(Self::Listed(others))) => Self::Listed([own.as_slice(), others].concat()),
        }
    }

    /// Whether a client with that header `Origin` may go on.
    pub(super) fn allow(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (Self::Listed(_), None) => true,
            (Self::Listed(listed), Some(origin)) => listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin)),
        }
    }
}

/// What a client must show.
#[derive(Debug)]
pub struct Token(Secret);

impl Token {
    /// The least length; shorter ones can be guessed.
    const LEAST: usize = 16;

    /// Reads it off the first line of a file's text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let token = text.lines().next().unwrap_or_default().trim();
        // A subprotocol is a token of RFC 7230: those bytes reach us by either way.
        let may = |c: char| c.is_ascii_alphanumeric() || "-._~+!#$%&'*^`|".contains(c);
        match token {
            _ if token.len() < Self::LEAST => Err(format!("its first line has less than {} characters", Self::LEAST)),
            _ if !token.chars().all(may) => {
                Err("its first line has characters that a WebSocket subprotocol can't have: use letters, digits, '-' and '_'"
                    .to_owned())
            }
            _ => Ok(Self(Secret::from(token))),
        }
    }

    /// Whether this is it, in a time that tells nothing but its length.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        self.0.expose().ct_eq(given).into()
    }
}

/// Whether an address is this machine's own.
pub(super) fn is_loopback(addresses: &str) -> bool {
    addresses.split(',').map(str::trim).filter(|name| !name.is_empty()).all(|name| {
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_pages_are_those_on_loopback() {
        let own = Origins::own(8080, false);
        for origin in ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", "HTTP://LOCALHOST:8080"] {
            assert!(own.allow(Some(origin)), "{origin}");
        }
        for origin in [
            "https://localhost:8080",
            "http://localhost:80801",
            "http://localhost",
            "http://evil.example:8080",
            "null",
            "",
        ] {
            assert!(!own.allow(Some(origin)), "{origin}");
        }
        assert!(own.allow(None), "a program that is no browser");
        assert!(Origins::own(443, true).allow(Some("https://localhost")));
        let listed = own.clone().with(Some(&Origins::Listed(vec!["https://a.example".to_owned()])));
        assert!(listed.allow(Some("https://a.example")) && listed.allow(Some("http://localhost:8080")));
        assert!(!listed.allow(Some("https://b.example")));
        assert_eq!(own.clone().with(None), own);
        assert_eq!(own.with(Some(&Origins::Any)), Origins::Any);
    }

    #[test]
    fn a_token_is_compared_whole() {
        let token = Token::parse("0123456789abcdef\nmore\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for wrong in [&b"0123456789abcdeF"[..], b"0123456789abcde", b"0123456789abcdef0", b""] {
            assert!(!token.is(wrong));
        }
        assert_eq!(format!("{token:?}"), "Token(Secret(…))");
        assert!(Token::parse("short").unwrap_err().contains("16"));
        assert!(Token::parse("0123456789 abcdef").unwrap_err().contains("characters"));
    }

    #[test]
    fn loopback_is_known() {
        assert!(is_loopback("127.0.0.1, ::1,localhost"));
        assert!(!is_loopback("127.0.0.1,*") && !is_loopback("10.0.0.1"));
    }
}
