//! The settings of a bridge.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use mio::net::UnixStream;
use sealwire_core::tls::ServerContext;

use super::pages::Pages;
use super::reload::ReloadableTls;
use super::token::TokenFile;
use sealwire_options::tls::health::Health;

/// All settings of a [`Bridge`](super::Bridge).
#[derive(Debug)]
pub struct Settings {
    /// Where to listen: addresses or names, separated by commas.
    pub addresses: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
    /// The prefix of the bridge's options, behind the dashes.
    pub prefix: &'static str,
    /// The targets that clients may reach.
    pub targets: Vec<Target>,
    /// Host names by which its pages may be requested, beside its own.
    pub hosts: Vec<String>,
    /// The origins of pages that may use it, beside its own pages on loopback.
    pub origins: Option<Origins>,
    /// The token that a client must present as well.
    pub token: Option<TokenFile>,
    /// TLS towards the clients (`wss`, `https`).
    pub tls: Option<TlsSource>,
    /// The TLS source whose certificate and revocation lists `/metrics` reports.
    pub certificate: Option<TlsSource>,
    /// The same TLS settings, if SIGHUP reloads their files.
    pub reloadable: Option<ReloadableTls>,
    /// The source of warnings about certificates and lists while the bridge runs; `None` where the server warns already.
    pub health: Option<Health>,
    /// Warnings about secret files that other users can read.
    pub open_files: Vec<String>,
    /// The files that it serves.
    pub pages: Option<Pages>,
    /// The limits on connections, messages and times.
    pub limits: Limits,
}

impl Settings {
    /// The name of an option, as the administrator who started the bridge writes it.
    pub(super) fn option(&self, name: &str) -> String {
        format!("--{}{name}", self.prefix)
    }
}

/// A server that pages may reach by a name.
#[derive(Debug)]
pub struct Target {
    /// The name in `/tcp/<name>`.
    pub name: String,
    /// The server's address.
    pub destination: Destination,
}

/// The address of a target.
pub enum Destination {
    /// A TCP port.
    Tcp {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A target in this process: the function returns one end of a socket pair, and the other end is served as a client with that address.
    Within(Box<dyn Fn(SocketAddr) -> io::Result<UnixStream> + Send>),
}

impl Destination {
    /// The host and port; `None` for a target in this process.
    pub(super) fn host(&self) -> Option<(&str, u16)> {
        match self {
            Self::Tcp { host, port } => Some((host, *port)),
            Self::Within(_) => None,
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Within(_) => f.write_str("within"),
        }
    }
}

/// The limits on connections, messages and times.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message in bytes.
    pub message: usize,
    /// How many WebSockets may be relayed at a time.
    pub connections: usize,
    /// How many of these may come from one address.
    pub per_address: usize,
    /// How long a target may take to accept.
    pub dial: Duration,
    /// How long a WebSocket may relay nothing.
    pub idle: Duration,
    /// How long a client may send nothing before it is pinged, and the time between pings; zero switches pings off.
    pub ping: Duration,
}

impl Limits {
    /// Limits for a target within the process, which bounds its clients itself and knows which of them have logged in.
    pub fn within() -> Self {
        Self { connections: usize::MAX, per_address: usize::MAX, ..Self::default() }
    }
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
    /// A source that is called for each connection, because the settings may change.
    pub fn new(source: impl Fn() -> Option<ServerContext> + Send + 'static) -> Self {
        Self(Box::new(source))
    }

    /// The current TLS context.
    pub(super) fn context(&self) -> Option<ServerContext> {
        (self.0)()
    }
}

impl fmt::Debug for TlsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsSource")
    }
}

/// The pages that may use the bridge, by their origin. This restricts browsers only, because other programs can send any origin, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All origins.
    Any,
    /// These origins: `scheme://host[:port]`. Letter case and the scheme's default port make no difference.
    Listed(Vec<String>),
}

impl Origins {
    /// The origins of the pages that a bridge at this port serves itself. They have loopback names only, because an attacker's name may
    /// resolve to this machine (DNS rebinding).
    pub(super) fn own(port: u16, is_tls: bool) -> Self {
        let (scheme, default_port) = if is_tls { ("https", 443) } else { ("http", 80) };
        let port = if port == default_port { String::new() } else { format!(":{port}") };
        Self::Listed(
            ["localhost", "127.0.0.1", "[::1]"].iter().map(|host| format!("{scheme}://{host}{port}")).collect(),
        )
    }

    /// These origins and the others.
    pub(super) fn with(self, others: Option<&Self>) -> Self {
        match (self, others) {
            (Self::Any, _) | (_, Some(Self::Any)) => Self::Any,
            (own, None) => own,
            (Self::Listed(own), Some(Self::Listed(others))) => Self::Listed([own.as_slice(), others].concat()),
        }
    }

    /// Whether a client with this `Origin` header may use the bridge.
    pub(super) fn allow(&self, origin: Option<&str>) -> bool {
        match (self, origin) {
            (Self::Any, _) | (Self::Listed(_), None) => true,
            (Self::Listed(listed), Some(origin)) => {
                let origin = without_default_port(origin);
                listed.iter().any(|listed| without_default_port(listed).eq_ignore_ascii_case(origin))
            }
        }
    }
}

/// The origin as browsers write it: without the port that is its scheme's default (RFC 6454, section 6.2).
fn without_default_port(origin: &str) -> &str {
    let stripped = match origin.split_once("://") {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => origin.strip_suffix(":443"),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => origin.strip_suffix(":80"),
        _ => None,
    };
    stripped.unwrap_or(origin)
}

/// Whether all listed addresses are loopback.
pub(super) fn is_loopback(addresses: &str) -> bool {
    addresses.split(',').map(str::trim).filter(|name| !name.is_empty()).all(|name| {
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_port_makes_no_difference() {
        for (listed, origin, is_allowed) in [
            ("https://a.example:443", "https://a.example", true),
            ("https://a.example", "https://A.example:443", true),
            ("http://[::1]:80", "http://[::1]", true),
            ("HTTP://a.example", "http://a.example:80", true),
            ("https://a.example:80", "https://a.example", false),
            ("http://a.example:443", "http://a.example", false),
            ("https://a.example:8443", "https://a.example", false),
            ("https://a.example", "http://a.example", false),
        ] {
            let origins = Origins::Listed(vec![listed.to_owned()]);
            assert_eq!(origins.allow(Some(origin)), is_allowed, "{listed} and {origin}");
        }
    }

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
    fn loopback_is_known() {
        assert!(is_loopback("127.0.0.1, ::1,localhost"));
        assert!(!is_loopback("127.0.0.1,*") && !is_loopback("10.0.0.1"));
    }
}
