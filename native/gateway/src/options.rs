//! The gateway's options.

use std::time::Duration;

use sealwire_core::DEFAULT_PORT;
use sealwire_options::tls::SERVER;
use sealwire_options::{Program, Spec, Values};

use super::settings::{Limits, Node, Settings};
use super::tls;

/// The program as its users see it.
pub(super) const PROGRAM: Program = Program {
    name: "sealwire-gateway",
    version: env!("CARGO_PKG_VERSION"),
    usage: "[OPTIONS] --server=HOST[:PORT] …",
    groups: &["sealwire-gateway"],
    other_groups: &[],
    tables: &[OWN, tls::TOWARDS_SERVERS, SERVER],
    arguments: 0,
};

const SECONDS_OF_YEAR: u64 = 31_536_000;

const OWN: &[Spec] = &[
    Spec::text("server", "A server behind the gateway: HOST[:PORT]. Its certificate must carry this name. May be given several times.")
        .repeatable(),
    Spec::text("bind-address", "IP addresses to listen on, separated by commas; * stands for all addresses.").default("*"),
    Spec::number("port", "The port to listen on; 0 lets the system choose one.")
        .short('P')
        .between(0, 65535)
        .default("3306"),
    Spec::flag("require-secure-transport", "Refuse clients that do not use TLS.").default("on"),
    Spec::path(
        "rules-file",
        "File of rules for the clients' connections, in MySQL's words: ALTER USER 'user'@'host' REQUIRE ...; It is read again on SIGHUP.",
    ),
    Spec::number("connect-timeout", "Number of seconds in which a client must have logged in.")
        .between(2, SECONDS_OF_YEAR)
        .default("10"),
    Spec::number(
        "server-connect-timeout",
        "Number of seconds in which a server must accept a connection and have set up TLS; then the next server is tried.",
    )
    .between(1, SECONDS_OF_YEAR)
    .default("4"),
    Spec::number("max-connections", "Maximum number of simultaneous client connections.").between(1, 1_000_000).default("1000"),
    Spec::number(
        "max-connections-per-address",
        "Maximum number of simultaneous connections per address; 0 means no limit. An IPv6 /64 network counts as one address.",
    )
    .between(0, 1_000_000)
    .default("0"),
    Spec::number("shutdown-timeout", "Number of seconds for which sessions may go on after SIGTERM.")
        .between(0, SECONDS_OF_YEAR)
        .default("10"),
    Spec::number("log-error-verbosity", "What to log: 1 errors, 2 errors and warnings, 3 errors, warnings and notes, among them each login.")
        .between(1, 3)
        .default("2"),
];

impl Settings {
    /// Resolves the options, and reads the files that they name.
    ///
    /// # Errors
    /// A sentence that names the option.
    pub(super) fn resolve(values: &Values) -> Result<Self, String> {
        let mut nodes: Vec<Node> = Vec::new();
        for text in values.texts("server") {
            let node = node(text).map_err(|why| format!("option '--server': '{text}' {why}"))?;
            if nodes.contains(&node) {
                return Err(format!("option '--server': '{text}' is given twice"));
            }
            nodes.push(node);
        }
        if nodes.is_empty() {
            return Err("there is no server: give --server=HOST[:PORT], as --server=db1:3306".to_owned());
        }
        let number = |name: &str| values.number(name).unwrap_or_default();
        let count = |name: &str| usize::try_from(number(name)).unwrap_or(usize::MAX);
        let seconds = |name: &str| Duration::from_secs(number(name));
        let per_address = count("max-connections-per-address");
        Ok(Self {
            addresses: values.text("bind-address").unwrap_or_default().to_owned(),
            port: u16::try_from(number("port")).unwrap_or_default(),
            nodes,
            require_secure_transport: values.flag("require-secure-transport"),
            limits: Limits {
                connections: count("max-connections"),
                per_address: if per_address == 0 { usize::MAX } else { per_address },
                connect: seconds("connect-timeout"),
                server_connect: seconds("server-connect-timeout"),
                shutdown: seconds("shutdown-timeout"),
            },
        })
    }
}

/// Parses `HOST[:PORT]`, with an IPv6 address in brackets; the error says what is wrong with the text.
fn node(text: &str) -> Result<Node, String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => {
            (host, Some(rest.strip_prefix(':').ok_or("has something else than a port after the ']'")?))
        }
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("has an IPv6 address without [ and ]".to_owned()),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => {
            port.parse().ok().filter(|port| *port != 0).ok_or("has no port from 1 to 65535 after the host")?
        }
    };
    Ok(Node { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use sealwire_options::{Environment, Outcome};

    use super::*;

    fn resolve(arguments: &[&str]) -> Result<Settings, String> {
        match PROGRAM.parse(arguments.iter().copied(), &Environment::default()) {
            Ok(Outcome::Run(values)) => Settings::resolve(&values),
            Ok(Outcome::Print(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn servers_are_hosts_with_a_port() {
        let settings = resolve(&["--server=db1", "--server", "[::1]:3307", "--server=127.0.0.1:33060"]).unwrap();
        let shown: Vec<String> = settings.nodes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["db1:3306", "[::1]:3307", "127.0.0.1:33060"]);
        for (wrong, why) in [
            ("", "host"),
            (":3306", "host"),
            ("db1:0", "port"),
            ("db1:x", "port"),
            ("::1", "IPv6"),
            ("[::1]3306", "']'"),
        ] {
            let error = resolve(&["--server", wrong]).unwrap_err();
            assert!(error.starts_with(&format!("option '--server': '{wrong}' ")) && error.contains(why), "{error}");
        }
        assert!(resolve(&[]).unwrap_err().contains("--server="));
        assert!(resolve(&["--server=a", "--server=a:3306"]).unwrap_err().contains("twice"));
    }
}
