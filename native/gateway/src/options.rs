//! The gateway's options.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sealwire_core::DEFAULT_PORT;
use sealwire_core::secret::Secret;
use sealwire_net::files::unreadable;
use sealwire_net::network::Networks;
use sealwire_net::regular_file::{self, SMALL};
use sealwire_options::tls::SERVER;
use sealwire_options::{Program, Spec, Values};

use super::announce::Announce;
use super::health::Thresholds;
use super::place::{Place, Role};
use super::routes::{By, Route, Routes};
use super::settings::{CheckSettings, Drain, Kind, Limits, Listen, Node, PoolSettings, PoolTls, Settings};
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
    Spec::text(
        "server",
        "A server behind the gateway: HOST[:PORT][,pool=NAME][,max-connections=N]. Its certificate must carry this name. N is the most \
         sessions that it gets, in place of --max-connections-per-server. May be given several times; of servers that can, the first takes \
         the writes.",
    )
    .repeatable(),
    Spec::text(
        "pool",
        "A pool of servers with the same data: NAME[,kind=plain|read-only|galera][,max-connections=N][,proxy-protocol=none|v1|v2|v2-ssl], \
         the kind being how its servers are checked, and N the most sessions that they get together. Without it there is the pool 'main' of \
         kind plain. The first pool has the servers that name none. TLS towards its servers may have settings of its own in place of those of \
         --server-ssl-…: ,ssl-mode=…, ssl-ca, ssl-capath, ssl-cert, ssl-key, ssl-crl, ssl-crlpath, ssl-cipher, tls-version and \
         tls-ciphersuites. May be given several times.",
    )
    .repeatable(),
    Spec::choice(
        "role",
        &["any", "writer", "reader"],
        "The servers of the first pool for clients of --port: all in turn, the one that takes the writes, or the others.",
    )
    .default("any"),
    Spec::text(
        "listen",
        "A further place to listen: [ADDRESS:]PORT[,pool=NAME][,role=any|writer|reader][,tls=starttls|direct]. With tls=direct, connections begin \
         with TLS, before the greeting. May be given several times.",
    )
    .repeatable(),
    Spec::text(
        "route",
        "A pool for some clients wherever they connect: user=NAME,pool=NAME[,role=…], where % at the end stands for any rest, or \
         sni=HOST,pool=NAME[,role=…], the host name that the client sends in TLS. The first that fits decides. May be given several times.",
    )
    .repeatable(),
    Spec::text("check-user", "The account by which each server is checked. It needs no privilege. Without it, servers are not checked."),
    Spec::path("check-password-file", "File whose first line is that account's password. Nobody but its owner may read it."),
    Spec::number("check-interval", "Number of seconds from one check of a server to the next.").between(1, 3600).default("1"),
    Spec::number("check-timeout", "Number of seconds in which a server must answer a check.").between(1, 3600).default("2"),
    Spec::number("check-rise", "How many good checks in a row bring a server back.").between(1, 1000).default("2"),
    Spec::number("check-fall", "How many checks in a row without an answer make a server lost, with its sessions.")
        .between(1, 1000)
        .default("2"),
    Spec::number("slow-start", "Number of seconds in which a server that has come back gets a growing share of the new sessions.")
        .between(0, 86_400)
        .default("10"),
    Spec::text("bind-address", "IP addresses to listen on, separated by commas; * stands for all addresses.").default("*"),
    Spec::number("port", "The port to listen on; 0 lets the system choose one.")
        .short('P')
        .between(0, 65535)
        .default("3306"),
    Spec::text(
        "proxy-protocol-networks",
        "Networks of proxies before the gateway whose word on their clients is taken, by a header of the PROXY protocol: IP addresses and \
         networks such as 10.0.0.0/8, separated by commas; or * for all. Such a proxy can claim any address and any verified client \
         certificate.",
    ),
    Spec::choice(
        "server-proxy-protocol",
        &["none", "v1", "v2", "v2-ssl"],
        "The PROXY header by which the servers learn the client's address: none, of version 1, of version 2, or of version 2 with the client's \
         TLS. The servers must accept headers from the gateway (proxy_protocol_networks of MariaDB and sealwired). Pools may differ: see --pool.",
    )
    .default("none"),
    Spec::flag("require-secure-transport", "Refuse clients that do not use TLS.").default("on"),
    Spec::flag(
        "local-infile",
        "Offer LOAD DATA LOCAL to clients if all servers do. A server can then ask a client that allows it for any file that the client can read. \
         Not together with --rules-file.",
    )
    .default("off"),
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
    Spec::number("max-connections-per-server", "Maximum number of simultaneous sessions of each server; 0 means no limit. More logins wait.")
        .between(0, 1_000_000)
        .default("0"),
    Spec::number(
        "max-handshakes-per-server",
        "Maximum number of connections to each server that are being set up, until TLS is; 0 means no limit. More logins wait, so that all \
         clients at once do not keep a server from its work.",
    )
    .between(0, 1_000_000)
    .default("64"),
    Spec::number(
        "max-logins",
        "Maximum number of clients that have connected and not logged in; 0 means no limit. More are refused, so that they do not keep \
         those that have logged in from their work.",
    )
    .between(0, 1_000_000)
    .default("0"),
    Spec::number("queue-timeout", "Number of seconds for which a login waits for a server, where none can serve or all are full.")
        .between(0, SECONDS_OF_YEAR)
        .default("8"),
    Spec::choice(
        "drain",
        &["close", "wait"],
        "How sessions leave a server that is drained, and the gateway at SIGTERM: closed between two statements, outside a transaction, with \
         error 1053; or when their clients end them or change their user.",
    )
    .default("close"),
    Spec::path("admin-socket", "Unix socket for /metrics, /status, /drain, /undrain and /reload over HTTP; only the gateway's user may open it."),
    Spec::number("admin-port", "Port of 127.0.0.1 for /metrics and /status; 0 means none.").between(0, 65535).default("0"),
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
        let pools = Pools::of(values)?;
        let mut nodes: Vec<Node> = Vec::new();
        let most_sessions = values.number("max-connections-per-server").filter(|most| *most != 0);
        let most_sessions = most_sessions.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        for text in values.texts("server") {
            let node = pools.node(text, most_sessions).map_err(|why| format!("option '--server': '{text}' {why}"))?;
            if nodes.iter().any(|other| other.is_same(&node)) {
                return Err(format!("option '--server': '{text}' is given twice"));
            }
            nodes.push(node);
        }
        if nodes.is_empty() {
            return Err("there is no server: give --server=HOST[:PORT], as --server=db1:3306".to_owned());
        }
        for (index, pool) in pools.0.iter().enumerate() {
            if nodes.iter().all(|node| node.pool != index) {
                let name = &pool.name;
                return Err(format!("option '--pool': '{name}' has no server: give --server=HOST[:PORT],pool={name}"));
            }
        }
        let number = |name: &str| values.number(name).unwrap_or_default();
        let count = |name: &str| usize::try_from(number(name)).unwrap_or(usize::MAX);
        let seconds = |name: &str| Duration::from_secs(number(name));
        let unless_zero = |name: &str| Some(count(name)).filter(|count| *count != 0).unwrap_or(usize::MAX);
        let first = Listen {
            addresses: values.text("bind-address").unwrap_or_default().to_owned(),
            port: u16::try_from(number("port")).unwrap_or_default(),
            place: Place {
                pool: 0,
                role: word(&Role::NAMES, values.text("role").unwrap_or_default()).unwrap_or(Role::Any),
            },
            is_direct: false,
        };
        let mut listeners = vec![first];
        for text in values.texts("listen") {
            let listen = pools.listen(text).map_err(|why| format!("option '--listen': '{text}' {why}"))?;
            listeners.push(listen);
        }
        let route = |text: &str| pools.route(text).map_err(|why| format!("option '--route': '{text}' {why}"));
        let routes = Routes(values.texts("route").map(route).collect::<Result<_, String>>()?);
        if values.flag("local-infile") && values.path("rules-file").is_some() {
            return Err("option '--local-infile': it does not go together with --rules-file, because a server reads the packets of a file within \
                        a session that lives on where it fails, so that a change of user could be hidden in them: leave one of both out, or have \
                        the servers demand certificates (REQUIRE)"
                .to_owned());
        }
        let check = check(values)?;
        if check.is_none() {
            if let Some(pool) = pools.0.iter().find(|pool| pool.kind != Kind::Plain) {
                return Err(format!(
                    "option '--pool': '{}' has to be checked: give --check-user and --check-password-file",
                    pool.name
                ));
            }
            let places = listeners.iter().map(|listen| listen.place).chain(routes.0.iter().map(|route| route.place));
            if places.into_iter().any(|place| place.role != Role::Any) {
                return Err("the roles writer and reader need checks, because all gateways must find the same writer: give --check-user and \
                            --check-password-file"
                    .to_owned());
            }
        }
        Ok(Self {
            listeners,
            pools: pools.0,
            nodes,
            routes,
            proxies: networks(values)?,
            require_secure_transport: values.flag("require-secure-transport"),
            local_infile: values.flag("local-infile"),
            limits: Limits {
                connections: count("max-connections"),
                per_address: unless_zero("max-connections-per-address"),
                logins: unless_zero("max-logins"),
                handshakes: unless_zero("max-handshakes-per-server"),
                connect: seconds("connect-timeout"),
                queue: seconds("queue-timeout"),
                server_connect: seconds("server-connect-timeout"),
                shutdown: seconds("shutdown-timeout"),
            },
            check,
            thresholds: Thresholds {
                rise: u32::try_from(number("check-rise")).unwrap_or(u32::MAX),
                fall: u32::try_from(number("check-fall")).unwrap_or(u32::MAX),
                slow_start: seconds("slow-start"),
            },
            drain: if values.text("drain") == Some("wait") { Drain::Wait } else { Drain::Close },
            admin_socket: values.path("admin-socket").map(Path::to_owned),
            admin_port: u16::try_from(number("admin-port")).ok().filter(|port| *port != 0),
        })
    }
}

fn networks(values: &Values) -> Result<Networks, String> {
    let text = values.text("proxy-protocol-networks").unwrap_or_default();
    text.parse().map_err(|error| format!("option '--proxy-protocol-networks': {error}"))
}

/// The account and the times of the checks; `None` without an account.
fn check(values: &Values) -> Result<Option<Arc<CheckSettings>>, String> {
    let file = values.path("check-password-file");
    let Some(user) = values.text("check-user").filter(|user| !user.is_empty()) else {
        return if file.is_some() {
            Err("option '--check-password-file' has no use without --check-user".to_owned())
        } else {
            Ok(None)
        };
    };
    let seconds = |name: &str| Duration::from_secs(values.number(name).unwrap_or_default());
    Ok(Some(Arc::new(CheckSettings {
        user: user.to_owned(),
        password: file.map(password).transpose()?.unwrap_or_default(),
        interval: seconds("check-interval"),
        timeout: seconds("check-timeout"),
    })))
}

/// The first line of the password's file, which nobody but its owner may read.
fn password(path: &Path) -> Result<Secret, String> {
    let failed = |why: String| format!("option '--check-password-file': '{}' {why}", path.display());
    let unread = |error: &std::io::Error| failed(format!("can't be read: {}", unreadable(path, error)));
    let mode = fs::metadata(path).map_err(|error| unread(&error))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(failed(format!(
            "has mode {mode:04o}, so that others on this machine can read the password: run 'chmod 600 {}'",
            path.display()
        )));
    }
    // The buffer is wiped, because the secret takes it.
    let all = Secret::new(regular_file::read(path, SMALL).map_err(|error| unread(&error))?);
    let line = all.expose().split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Secret::new(line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The value of a word.
fn word<T: Copy>(names: &[(&str, T)], word: &str) -> Option<T> {
    names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value)
}

/// The value of a word, or a clause that lists the words.
fn known<T: Copy>(names: &[(&str, T)], given: &str) -> Result<T, String> {
    let list = || names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    word(names, given).ok_or_else(|| format!("says '{given}', which is none of {}", list()))
}

/// Takes `FIRST,KEY=VALUE,…` apart: the first part, and the values of these keys.
fn parts<'a, const N: usize>(text: &'a str, keys: [&str; N]) -> Result<(&'a str, [Option<&'a str>; N]), String> {
    let mut given = text.split(',');
    let first = given.next().unwrap_or_default();
    let mut values = [None; N];
    for part in given {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("has '{part}' where KEY=VALUE is due"))?;
        let place = keys.iter().zip(&mut values).find(|(known, _)| **known == key).map(|(_, place)| place);
        let place = place.ok_or_else(|| format!("has '{key}', which is none of {}", keys.join(", ")))?;
        if place.replace(value).is_some() {
            return Err(format!("has '{key}' twice"));
        }
    }
    Ok((first, values))
}

/// The keys of `--pool`; from the fourth on they are of TLS.
const POOL_KEYS: [&str; 13] = [
    "kind",
    "max-connections",
    "proxy-protocol",
    "ssl-mode",
    "ssl-ca",
    "ssl-capath",
    "ssl-cert",
    "ssl-key",
    "ssl-crl",
    "ssl-crlpath",
    "ssl-cipher",
    "tls-version",
    "tls-ciphersuites",
];

/// The pools, by which other options are resolved.
struct Pools(Vec<PoolSettings>);

impl Pools {
    fn of(values: &Values) -> Result<Self, String> {
        let mut pools: Vec<PoolSettings> = Vec::new();
        let announce = values.text("server-proxy-protocol").and_then(|header| word(&Announce::NAMES, header));
        let announce = announce.unwrap_or(Announce::Nothing);
        for text in values.texts("pool") {
            let wrong = |why: String| format!("option '--pool': '{text}' {why}");
            let (name, [kind, most, header, own_tls @ ..]) = parts(text, POOL_KEYS).map_err(wrong)?;
            let most_sessions = most.map_or(Ok(usize::MAX), count).map_err(wrong)?;
            let kind = kind.map_or(Ok(Kind::Plain), |kind| known(&Kind::NAMES, kind)).map_err(wrong)?;
            if name.is_empty() || name.contains('=') {
                return Err(wrong("has no name: write NAME[,kind=…]".to_owned()));
            }
            if pools.iter().any(|pool| pool.name == name) {
                return Err(wrong("is given twice".to_owned()));
            }
            let announce = header.map_or(Ok(announce), |header| known(&Announce::NAMES, header)).map_err(wrong)?;
            let [_, _, _, names @ ..] = POOL_KEYS;
            let own_tls = names.into_iter().zip(own_tls).filter_map(|(name, value)| Some((name, value?.to_owned())));
            let tls = PoolTls(own_tls.collect());
            pools.push(PoolSettings { name: name.to_owned(), kind, most_sessions, announce, tls });
        }
        if pools.is_empty() {
            pools.push(PoolSettings {
                name: "main".to_owned(),
                kind: Kind::Plain,
                most_sessions: usize::MAX,
                announce,
                tls: PoolTls::default(),
            });
        }
        Ok(Self(pools))
    }

    fn number(&self, name: Option<&str>) -> Result<usize, String> {
        let Some(name) = name else { return Ok(0) };
        let found = self.0.iter().position(|pool| pool.name == name);
        found.ok_or_else(|| format!("names the pool '{name}', which is none: give --pool={name}"))
    }

    fn place(&self, pool: Option<&str>, role: Option<&str>) -> Result<Place, String> {
        let role = role.map_or(Ok(Role::Any), |role| known(&Role::NAMES, role))?;
        Ok(Place { pool: self.number(pool)?, role })
    }

    fn listen(&self, text: &str) -> Result<Listen, String> {
        let (address, [pool, role, tls]) = parts(text, ["pool", "role", "tls"])?;
        let is_direct = tls.map_or(Ok(false), |tls| known(&[("starttls", false), ("direct", true)], tls))?;
        let (addresses, port) = address.rsplit_once(':').unwrap_or(("*", address));
        let addresses = addresses.trim_start_matches('[').trim_end_matches(']');
        let port = port.parse().ok().filter(|port| *port != 0).ok_or("has no port from 1 to 65535")?;
        Ok(Listen { addresses: addresses.to_owned(), port, place: self.place(pool, role)?, is_direct })
    }

    fn route(&self, text: &str) -> Result<Route, String> {
        let (by, [pool, role]) = parts(text, ["pool", "role"])?;
        let by = match by.split_once('=') {
            Some(("user", name)) => By::User(name.to_owned()),
            Some(("sni", name)) => By::ServerName(name.to_owned()),
            _ => return Err("begins neither with user= nor with sni=".to_owned()),
        };
        if pool.is_none() {
            return Err("names no pool: add ,pool=NAME".to_owned());
        }
        Ok(Route { by, place: self.place(pool, role)? })
    }

    fn node(&self, text: &str, most_sessions: usize) -> Result<Node, String> {
        let (address, [pool, most]) = parts(text, ["pool", "max-connections"])?;
        let (host, port) = host(address)?;
        let most_sessions = most.map_or(Ok(most_sessions), count)?;
        let pool = self.number(pool)?;
        let announce = self.0.get(pool).map_or(Announce::Nothing, |pool| pool.announce);
        Ok(Node { host, port, pool, most_sessions, announce })
    }
}

/// The value of `max-connections`.
fn count(text: &str) -> Result<usize, String> {
    let most = text.parse().ok().filter(|most| *most != 0);
    most.ok_or_else(|| format!("has max-connections={text}, which is no number from 1 on"))
}

/// Parses `HOST[:PORT]`, with an IPv6 address in brackets; the error says what is wrong with the text.
fn host(text: &str) -> Result<(String, u16), String> {
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
    Ok((host.to_owned(), port))
}

#[cfg(test)]
pub(super) mod tests {
    use sealwire_options::{Environment, Outcome};

    use super::*;

    /// The settings of these arguments.
    pub(crate) fn resolve(arguments: &[&str]) -> Result<Settings, String> {
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

    #[test]
    fn files_and_rules_exclude_each_other() {
        let both = ["--server=db1", "--local-infile", "--rules-file=rules.sql"];
        assert!(resolve(&both).unwrap_err().contains("--rules-file"));
        assert!(resolve(&both[..2]).is_ok() && resolve(&[both[0], both[2]]).is_ok());
    }

    #[test]
    fn pools_listeners_and_routes_name_each_other() {
        let settings = resolve(&[
            "--pool=main,kind=galera",
            "--pool=reports,kind=read-only",
            "--server=db1",
            "--server=db2,pool=reports",
            "--role=writer",
            "--listen=3307,role=reader",
            "--listen=[::1]:3308,pool=reports",
            "--route=user=report%,pool=reports,role=reader",
            "--route=sni=db.example.com,pool=main",
            "--check-user=check",
        ])
        .unwrap();
        let kinds: Vec<_> = settings.pools.iter().map(|pool| (pool.name.as_str(), pool.kind)).collect();
        assert_eq!(kinds, [("main", Kind::Galera), ("reports", Kind::ReadOnly)]);
        assert_eq!(settings.nodes.iter().map(|node| node.pool).collect::<Vec<_>>(), [0, 1]);
        let listeners: Vec<_> =
            settings.listeners.iter().map(|listen| (listen.addresses.as_str(), listen.port, listen.place)).collect();
        let place = |pool, role| Place { pool, role };
        assert_eq!(
            listeners,
            [
                ("*", 3306, place(0, Role::Writer)),
                ("*", 3307, place(0, Role::Reader)),
                ("::1", 3308, place(1, Role::Any))
            ]
        );
        assert_eq!(settings.routes.find("report_daily", None), Some(place(1, Role::Reader)));
        assert_eq!(settings.routes.find("app", Some("db.example.com")), Some(place(0, Role::Any)));
    }

    #[test]
    fn servers_get_the_header_of_their_pool() {
        let announced = |arguments: &[&str]| {
            let settings = resolve(&[&["--server=db1", "--server=db2,pool=b"], arguments].concat()).unwrap();
            settings.nodes.iter().map(|node| node.announce).collect::<Vec<_>>()
        };
        let pools = ["--pool=a", "--pool=b,proxy-protocol=v1"];
        assert_eq!(announced(&pools), [Announce::Nothing, Announce::Line]);
        assert_eq!(
            announced(&[&pools[..], &["--server-proxy-protocol=v2-ssl"]].concat()),
            [Announce::BinaryWithTls, Announce::Line]
        );
    }

    #[test]
    fn a_pool_may_have_tls_settings_of_its_own() {
        let settings = resolve(&["--server=db1", "--pool=a,ssl-ca=/a.pem,kind=plain,tls-version=TLSv1.3"]).unwrap();
        let own = [("ssl-ca", "/a.pem"), ("tls-version", "TLSv1.3")];
        assert_eq!(settings.pools[0].tls.0, own.map(|(name, value)| (name, value.to_owned())));
        assert!(resolve(&["--server=db1"]).unwrap().pools[0].tls.0.is_empty());
    }

    #[test]
    fn a_setting_that_would_not_work_is_refused() {
        for (arguments, why) in [
            (&["--pool=main,kind=mongo"][..], "none of plain, read-only, galera"),
            (&["--pool=main,proxy-protocol=v3"], "none of none, v1, v2, v2-ssl"),
            (&["--proxy-protocol-networks=10.0.0.0/8,x"], "'x' is no network"),
            (&["--pool=main,kind=galera"], "--check-user"),
            (&["--role=writer"], "--check-user"),
            (&["--listen=3307,role=reader"], "--check-user"),
            (&["--listen=x"], "no port"),
            (&["--listen=3307,tls=maybe"], "none of starttls, direct"),
            (&["--listen=3307,pool=other"], "--pool=other"),
            (&["--listen=3307,pool"], "KEY=VALUE"),
            (&["--listen=3307,pool=main,pool=main"], "twice"),
            (&["--pool=a", "--pool=b"], "'b' has no server"),
            (&["--pool=a", "--pool=a"], "twice"),
            (&["--pool="], "no name"),
            (&["--pool=main,max-connections=0"], "max-connections=0"),
            (&["--server=db2,max-connections=x"], "max-connections=x"),
            (&["--server=db1,max-connections=5"], "twice"),
            (&["--route=user=x"], "no pool"),
            (&["--route=host=x,pool=main"], "user="),
            (&["--check-password-file=x"], "--check-user"),
            (&["--check-user=c", "--check-password-file=/nowhere/x"], "can't be read"),
        ] {
            let error = resolve(&[&["--server=db1"], arguments].concat()).unwrap_err();
            assert!(error.contains(why), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn a_password_that_others_can_read_is_refused() {
        let path = std::env::temp_dir().join(format!("sealwire-gateway-{}", std::process::id()));
        fs::write(&path, "hush\r\nmore").unwrap();
        let read = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            password(&path)
        };
        assert_eq!(read(0o600).unwrap().expose(), b"hush");
        let error = read(0o640).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(error.contains("chmod 600"), "{error}");
    }
}
