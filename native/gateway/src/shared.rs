//! The state that all sessions share.

use std::fmt;
use std::sync::Arc;

use mio::Registry;
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::server;
use sealwire_net::bounded_lines::BoundedLines;
use sealwire_net::clock;
use sealwire_net::random::OsRandom;
use sealwire_net::resolve::Resolver;

use super::certificates::Certificates;
use super::counters::Counters;
use super::limits::Clients;
use super::offer::Offer;
use super::pool::Pools;
use super::probe::Greeting;
use super::rules::Rules;
use super::settings::{Node, Settings};
use super::tls::{ReloadableTls, Tls};

/// The state that all sessions share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) pools: Pools,
    offer: Option<Offer>,
    /// The sessions that wait for a server, first to last.
    pub(super) waiting: Vec<usize>,
    /// Whether a server may have become free for them.
    pub(super) may_serve_waiting: bool,
    /// Whether the gateway stops and its sessions leave between two statements.
    pub(super) is_stopping: bool,
    pub(super) registry: Registry,
    pub(super) resolver: Resolver,
    pub(super) clients: Clients,
    pub(super) counters: Counters,
    /// The rate limit of log lines about refused clients.
    refusals: BoundedLines,
    /// The buffer for all reads; a shared one, so that an idle session holds none.
    pub(super) scratch: Box<[u8]>,
    pub(super) tls: ReloadableTls,
    generation: Option<u64>,
    /// The rules for the clients' connections.
    pub(super) rules: Option<Rules>,
    pub(super) certificates: Arc<Certificates>,
    /// The settings of the machines towards the clients.
    front: Arc<server::Config>,
    /// The settings of the machines towards each server.
    back: Vec<Option<Arc<client::Config>>>,
}

/// How many lines about refused clients are logged in each period.
const MOST_REFUSALS: u32 = 20;

/// The size of one read.
const READ: usize = 64 * 1024;

impl Shared {
    pub(super) fn new(settings: Settings, registry: Registry, resolver: Resolver, tls: ReloadableTls) -> Self {
        let pools = Pools::new(&settings);
        let front = Arc::new(server::Config::new("sealwire-gateway", Arc::new(OsRandom::new())));
        let mut shared = Self {
            settings,
            pools,
            offer: None,
            waiting: Vec::new(),
            may_serve_waiting: false,
            is_stopping: false,
            registry,
            resolver,
            clients: Clients::default(),
            counters: Counters::default(),
            refusals: BoundedLines::default(),
            scratch: vec![0; READ].into_boxed_slice(),
            tls,
            generation: None,
            rules: None,
            certificates: Arc::default(),
            front,
            back: Vec::new(),
        };
        shared.refresh();
        shared
    }

    /// Takes the TLS settings in use, if they are new. Returns whether they are.
    pub(super) fn refresh(&mut self) -> bool {
        let newer = self.tls.newer_than(self.generation);
        if let Some((generation, tls)) = &newer {
            self.generation = Some(*generation);
            self.configure(tls);
        }
        newer.is_some()
    }

    /// Takes the servers' greetings, of which the greeting to the clients is made.
    pub(super) fn learn(&mut self, greetings: &[Greeting]) {
        self.offer = Offer::of(greetings, self.settings.local_infile);
        self.generation = None;
        self.refresh();
    }

    fn configure(&mut self, tls: &Tls) {
        let limits = self.settings.limits;
        let version = self.offer.as_ref().map_or("sealwire-gateway", |offer| offer.version.as_str());
        let mut front = server::Config::new(version, Arc::new(OsRandom::new()));
        if let Some(offer) = &self.offer {
            front.capabilities = offer.capabilities;
            front.charset = offer.charset;
            front.default_plugin = offer.plugin;
        }
        front.tls.clone_from(&tls.clients);
        front.require_secure_transport = self.settings.require_secure_transport;
        front.connect_timeout = limits.connect;
        self.front = Arc::new(front);
        self.rules.clone_from(&tls.rules);
        self.certificates = Arc::clone(&tls.certificates);
        let towards = |node: &Node| {
            let mut back = client::Config::new("", "".into(), Arc::new(OsRandom::new()));
            back.server_name.clone_from(&node.host);
            back.tls = tls.towards_servers(node.pool)?;
            back.connect_timeout = limits.server_connect;
            Some(Arc::new(back))
        };
        self.back = self.pools.members.iter().map(|member| towards(&member.node)).collect();
    }

    /// Whether a server has answered, so that clients can be greeted.
    pub(super) const fn can_greet(&self) -> bool {
        self.offer.is_some()
    }

    /// The settings towards the clients.
    pub(super) fn front(&self) -> Arc<server::Config> {
        Arc::clone(&self.front)
    }

    /// Logs that a client is refused: a few lines in each period, because any client can cause them.
    pub(super) fn warn_of_refusal(&mut self, line: &str) {
        if let Some(left_out) = self.refusals.admit(clock::monotonic(), MOST_REFUSALS) {
            if left_out > 0 {
                tracing::warn!("{left_out} more clients were refused; their lines were left out");
            }
            tracing::warn!("{line}");
        }
    }

    /// Whether the connections to a server are plaintext.
    pub(super) fn is_plaintext(&self, node: usize) -> bool {
        self.back
            .get(node)
            .is_some_and(|back| back.as_ref().is_some_and(|back| matches!(back.tls, TlsPolicy::Disabled)))
    }

    /// The settings towards a server.
    pub(super) fn back(&self, node: usize) -> Option<Arc<client::Config>> {
        self.back.get(node)?.clone()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}
