//! The texts of /metrics (Prometheus) and /status (JSON).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sealwire_core::facts::Facts;
use sealwire_core::proxy::Activity;
use sealwire_core::tls::CertificateInfo;
use sealwire_net::clock;

use super::certificates::Loaded;
use super::counters::with_bytes;
use super::health::State;
use super::session::Session;
use super::shared::Shared;

/// The most sessions that /status lists.
const MOST_SESSIONS: usize = 10_000;

const fn name(activity: Activity) -> &'static str {
    match activity {
        Activity::Login => "login",
        Activity::Idle => "idle",
        Activity::Open => "open",
        Activity::Running => "running",
        Activity::Opaque => "opaque",
    }
}

/// The text of /metrics.
pub(super) fn metrics<'a>(shared: &Shared, sessions: impl Iterator<Item = &'a Session>) -> String {
    let mut out = Text::default();
    let mut by_state: BTreeMap<(usize, &str), u64> = BTreeMap::new();
    let mut bytes = shared.counters.bytes;
    let mut waiting: u64 = 0;
    for session in sessions {
        bytes = with_bytes(bytes, session.proxy());
        match session.node() {
            Some(node) => *by_state.entry((node, name(session.proxy().activity()))).or_default() += 1,
            None => waiting += 1,
        }
    }
    let labels = |node: usize| {
        let member = shared.pools.members.get(node);
        let pool = member
            .and_then(|member| shared.pools.settings().nth(member.node.pool))
            .map_or("", |pool| pool.name.as_str());
        format!("pool={},server={}", quoted(pool), quoted(&shared.pools.name(node)))
    };
    out.begin(
        "sessions",
        "gauge",
        "Sessions by pool, server and state: login, idle, open (a transaction or cursor), running, opaque.",
    );
    for ((node, state), count) in &by_state {
        out.line("sessions", &format!("{},state=\"{state}\"", labels(*node)), count);
    }
    out.one("clients_without_server", "gauge", "Clients that log in or wait for a server.", waiting);
    out.begin(
        "server_up",
        "gauge",
        "Whether the server can serve, by its last checks; 1 where servers are not checked.",
    );
    for (node, member) in shared.pools.members.iter().enumerate() {
        let is_up = !shared.pools.is_checked() || member.health.state() == State::Up;
        out.line("server_up", &labels(node), u64::from(is_up));
    }
    out.begin("server_draining", "gauge", "Whether the operator drains the server.");
    for (node, member) in shared.pools.members.iter().enumerate() {
        out.line("server_draining", &labels(node), u64::from(member.is_draining));
    }
    out.begin("server_check_seconds", "gauge", "The time that the server's last check took.");
    for (node, member) in shared.pools.members.iter().enumerate() {
        out.line("server_check_seconds", &labels(node), member.check_took.as_secs_f64());
    }
    let counters = &shared.counters;
    for (name, help, value) in [
        ("clients_total", "Clients that connected.", counters.clients),
        ("logins_total", "Logins that a server accepted, changes of user that moved too.", counters.logins),
        ("logins_denied_total", "Logins that a server refused.", counters.denied),
        ("logins_refused_total", "Logins that the gateway refused, or whose connection failed.", counters.refused),
        (
            "sessions_drained_total",
            "Sessions closed because their server or the gateway was drained.",
            counters.drained,
        ),
        ("sessions_lost_total", "Sessions whose server ended them or was lost.", counters.lost),
        (
            "sessions_lost_busy_total",
            "Of these, sessions with a statement or transaction under way.",
            counters.lost_busy,
        ),
        ("kills_total", "KILL statements with an id of the gateway.", counters.kills),
    ] {
        out.one(name, "counter", help, value);
    }
    let (reloads, failures) = shared.tls.reloads();
    out.one("tls_reloads_total", "counter", "How often the TLS files were read again.", reloads);
    out.one("tls_reload_failures_total", "counter", "How often they could not be used, so that all stayed.", failures);
    out.begin(
        "certificate_not_after_seconds",
        "gauge",
        "When a certificate ends, in seconds since the Unix epoch: the gateway's own, CAs, and those that servers have shown.",
    );
    for shown in certificates(shared) {
        out.line("certificate_not_after_seconds", &shown.labels(), shown.info.not_after);
    }
    out.begin("bytes_total", "counter", "Bytes by side and direction, with TLS.");
    let directions = [("client", "in"), ("client", "out"), ("server", "in"), ("server", "out")];
    for ((side, direction), value) in directions.into_iter().zip(bytes) {
        out.line("bytes_total", &format!("side=\"{side}\",direction=\"{direction}\""), value);
    }
    out.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String can't fail.
        let _ = writeln!(self.0, "# HELP sealwire_gateway_{name} {help}\n# TYPE sealwire_gateway_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "sealwire_gateway_{name}{{{labels}}} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.begin(name, kind, help);
        let _ = writeln!(self.0, "sealwire_gateway_{name} {value}");
    }
}

/// The text of /status.
pub(super) fn status<'a>(
    shared: &mut Shared,
    sessions: impl Iterator<Item = &'a mut Session>,
    is_stopping: bool,
) -> String {
    let pools: Vec<_> = shared.pools.settings().cloned().collect();
    let mut shown_pools = Vec::new();
    for (index, pool) in pools.iter().enumerate() {
        let writer = shared.pools.writer(index);
        let of_pool = shared.pools.members.iter().enumerate().filter(|(_, member)| member.node.pool == index);
        let servers: Vec<String> = of_pool
            .map(|(node, member)| {
                let health = &member.health;
                object(&[
                    ("server", quoted(&member.node.to_string())),
                    ("state", quoted(health.state().name())),
                    ("reason", quoted(health.reason())),
                    ("writer", (writer == Some(node)).to_string()),
                    ("writable", health.can_write().to_string()),
                    ("draining", member.is_draining.to_string()),
                    ("sessions", member.sessions.to_string()),
                    ("check_seconds", member.check_took.as_secs_f64().to_string()),
                ])
            })
            .collect();
        shown_pools.push(object(&[
            ("pool", quoted(&pool.name)),
            ("kind", quoted(pool.kind.name())),
            ("servers", format!("[{}]", servers.join(","))),
        ]));
    }
    let shown: Vec<String> = sessions
        .take(MOST_SESSIONS)
        .map(|session| {
            let place = session.place();
            let user = session.user().unwrap_or_default().to_owned();
            let (client, server) = (session.proxy().client_facts(), session.proxy().server_facts());
            object(&[
                ("id", session.connection_id().to_string()),
                ("user", quoted(&user)),
                ("client", quoted(&session.peer().to_string())),
                ("pool", quoted(pools.get(place.pool).map_or("", |pool| pool.name.as_str()))),
                ("role", quoted(place.role.name())),
                ("server", session.node().map_or_else(|| "null".to_owned(), |node| quoted(&shared.pools.name(node)))),
                ("server_connection_id", server.map_or(0, |facts| facts.connection_id).to_string()),
                ("state", quoted(name(session.proxy().activity()))),
                ("client_tls", protection(client)),
                ("server_tls", protection(server)),
            ])
        })
        .collect();
    let lists: Vec<String> = shared
        .certificates
        .lists
        .iter()
        .map(|list| {
            object(&[
                ("issuer", quoted(&list.issuer.to_slash())),
                ("next_update", list.next_update.map_or_else(|| "null".to_owned(), |next| next.to_string())),
                ("revoked", list.revoked.to_string()),
                ("loaded_at", shared.certificates.loaded_at.to_string()),
            ])
        })
        .collect();
    let certificates: Vec<String> = certificates(shared).map(|shown| shown.to_json()).collect();
    let (reloads, failures) = shared.tls.reloads();
    let all = object(&[
        ("version", quoted(env!("CARGO_PKG_VERSION"))),
        ("uptime_seconds", clock::monotonic().as_secs().to_string()),
        ("stopping", is_stopping.to_string()),
        ("certificates", format!("[{}]", certificates.join(","))),
        ("revocation_lists", format!("[{}]", lists.join(","))),
        ("tls_reloads", reloads.to_string()),
        ("tls_reload_failures", failures.to_string()),
        ("pools", format!("[{}]", shown_pools.join(","))),
        ("sessions", format!("[{}]", shown.join(","))),
    ]);
    all + "\n"
}

/// A certificate with its use, and the server that has shown it.
struct Shown<'a> {
    part: &'static str,
    host: Option<&'a str>,
    pool: Option<&'a str>,
    server: Option<String>,
    info: &'a CertificateInfo,
    loaded_at: u64,
}

/// The certificates of the TLS files, then those of the servers.
fn certificates(shared: &Shared) -> impl Iterator<Item = Shown<'_>> {
    let loaded_at = shared.certificates.loaded_at;
    let of_files = shared.certificates.all.iter();
    let of_files = of_files.map(move |Loaded { part, host, pool, info }| Shown {
        part: part.name(),
        host: host.as_deref(),
        pool: pool.as_deref(),
        server: None,
        info,
        loaded_at,
    });
    let of_servers = shared.pools.members.iter().filter_map(|member| {
        let leaf = member.leaf.as_ref()?;
        let server = Some(member.node.to_string());
        Some(Shown { part: "server", host: None, pool: None, server, info: &leaf.info, loaded_at: leaf.seen_at })
    });
    of_files.chain(of_servers)
}

impl Shown<'_> {
    fn to_json(&self) -> String {
        object(&[
            ("part", quoted(self.part)),
            ("host", self.host.map_or_else(|| "null".to_owned(), quoted)),
            ("pool", self.pool.map_or_else(|| "null".to_owned(), quoted)),
            ("server", self.server.as_deref().map_or_else(|| "null".to_owned(), quoted)),
            ("subject", quoted(&self.info.subject.to_slash())),
            ("issuer", quoted(&self.info.issuer.to_slash())),
            ("serial", quoted(&self.info.serial)),
            ("not_before", self.info.not_before.to_string()),
            ("not_after", self.info.not_after.to_string()),
            ("loaded_at", self.loaded_at.to_string()),
        ])
    }

    /// The labels of Prometheus. The serial number keeps two certificates of one CA apart.
    fn labels(&self) -> String {
        format!(
            "part={},server={},subject={},serial={},host={},pool={}",
            quoted(self.part),
            quoted(self.server.as_deref().unwrap_or_default()),
            quoted(&self.info.subject.to_slash()),
            quoted(&self.info.serial),
            quoted(self.host.unwrap_or_default()),
            quoted(self.pool.unwrap_or_default())
        )
    }
}

fn protection(facts: Option<&Facts>) -> String {
    facts.and_then(|facts| facts.tls.as_ref()).map_or_else(
        || "null".to_owned(),
        |tls| {
            object(&[
                ("version", quoted(tls.version.name())),
                ("cipher", quoted(tls.cipher)),
                ("resumed", tls.resumed.to_string()),
            ])
        },
    )
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// A string of JSON, which is also a label's value of Prometheus.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            // Writing to a String can't fail.
            control if control.is_control() => drop(write!(out, "\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_name_stays_inside_its_quotes() {
        assert_eq!(quoted("a\"b\\c\nd\u{1}é"), "\"a\\\"b\\\\c\\nd\\u0001é\"");
    }
}
