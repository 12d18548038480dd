//! The servers behind the gateway: which one the next session gets, and what they all offer.

use std::time::Duration;

use sealwire_core::auth::Plugin;
use sealwire_core::message::Capabilities;

use super::probe::Greeting;
use super::settings::Node;

/// How long a server that failed is tried after the others only.
const PENALTY: Duration = Duration::from_secs(5);

/// The capabilities that the gateway never offers: TLS has its own setting, compression would hide the packets, and a file of the client is
/// for the server that it asked, which the gateway can't prove.
const WITHHELD: Capabilities = Capabilities::SSL
    .union(Capabilities::COMPRESS)
    .union(Capabilities::ZSTD_COMPRESSION)
    .union(Capabilities::LOCAL_FILES)
    .union(Capabilities::SSL_VERIFY_SERVER_CERT);

/// The servers behind the gateway.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) nodes: Vec<Node>,
    /// Until when each server is tried after the others only.
    penalties: Vec<Duration>,
    next: usize,
    offer: Option<Offer>,
}

/// The contents of the gateway's greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) version: String,
    pub(super) capabilities: Capabilities,
    pub(super) charset: u8,
    pub(super) plugin: Plugin,
}

impl Pool {
    pub(super) fn new(nodes: Vec<Node>) -> Self {
        let penalties = vec![Duration::ZERO; nodes.len()];
        Self { nodes, penalties, next: 0, offer: None }
    }

    /// The server for a session that has tried these servers already: in turn, and those that failed last.
    pub(super) fn choose(&mut self, tried: &[usize], now: Duration) -> Option<usize> {
        let count = self.nodes.len();
        let in_turn = (0..count).map(|offset| self.next.wrapping_add(offset).checked_rem(count).unwrap_or_default());
        let left = in_turn.filter(|node| !tried.contains(node));
        let is_penalised = |node: &usize| self.penalties.get(*node).is_some_and(|until| *until > now);
        let chosen = left.min_by_key(is_penalised)?;
        self.next = chosen.wrapping_add(1);
        Some(chosen)
    }

    /// Notes that a server failed.
    pub(super) fn failed(&mut self, node: usize, now: Duration) {
        if let Some(until) = self.penalties.get_mut(node) {
            *until = now.saturating_add(PENALTY);
        }
    }

    /// Notes that a server has taken a login.
    pub(super) fn succeeded(&mut self, node: usize) {
        if let Some(until) = self.penalties.get_mut(node) {
            *until = Duration::ZERO;
        }
    }

    /// Takes the servers' greetings: the gateway offers what all of them have.
    pub(super) fn learn(&mut self, greetings: &[Greeting]) {
        let Some(first) = greetings.first() else { return };
        let is_mariadb = |greeting: &Greeting| greeting.version.contains("MariaDB");
        if greetings.iter().any(|greeting| is_mariadb(greeting) != is_mariadb(first)) {
            tracing::warn!(
                "some servers are MariaDB and some are not: clients that use what one of them has will fail at the other"
            );
        }
        let common = greetings.iter().map(|greeting| greeting.capabilities).reduce(|all, one| all & one);
        self.offer = Some(Offer {
            version: first.version.clone(),
            capabilities: common.unwrap_or(first.capabilities).without(WITHHELD),
            charset: first.charset,
            plugin: Plugin::from_name(&first.plugin).unwrap_or(Plugin::MysqlNativePassword),
        });
    }

    /// The contents of the gateway's greeting; `None` until a server has answered.
    pub(super) const fn offer(&self) -> Option<&Offer> {
        self.offer.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Pool {
        Pool::new(["a", "b", "c"].map(|host| Node { host: host.to_owned(), port: 1 }).into())
    }

    #[test]
    fn servers_take_turns_and_one_that_failed_comes_last() {
        let mut pool = pool();
        let now = Duration::from_secs(9);
        let turn: Vec<_> = (0..4).map(|_| pool.choose(&[], now)).collect();
        assert_eq!(turn, [Some(0), Some(1), Some(2), Some(0)]);
        pool.failed(1, now);
        assert_eq!((pool.choose(&[], now), pool.choose(&[], now)), (Some(2), Some(0)));
        assert_eq!(pool.choose(&[2, 0], now), Some(1), "better than none");
        assert_eq!(pool.choose(&[0, 1, 2], now), None);
        pool.succeeded(1);
        assert_eq!((pool.choose(&[], now), pool.choose(&[], now), pool.choose(&[], now)), (Some(2), Some(0), Some(1)));
        pool.failed(0, now);
        assert_eq!(pool.choose(&[1, 2], now + PENALTY), Some(0));
    }

    #[test]
    fn the_offer_is_what_all_have() {
        let mut pool = pool();
        assert_eq!(pool.offer(), None);
        let greeting = |capabilities, plugin: &str| Greeting {
            version: "8.4.0".to_owned(),
            capabilities,
            charset: 255,
            plugin: plugin.into(),
        };
        let common = Capabilities::PROTOCOL_41 | Capabilities::PLUGIN_AUTH;
        pool.learn(&[
            greeting(
                common | Capabilities::SSL | Capabilities::LOCAL_FILES | Capabilities::COMPRESS,
                "caching_sha2_password",
            ),
            greeting(common | Capabilities::SSL | Capabilities::DEPRECATE_EOF, "unheard_of"),
        ]);
        let offer = pool.offer().unwrap();
        assert_eq!((offer.capabilities, offer.plugin), (common, Plugin::CachingSha2Password));
        assert_eq!((offer.version.as_str(), offer.charset), ("8.4.0", 255));
    }
}
