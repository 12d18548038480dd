//! Runs scenarios.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use sealwire_accounts::Accounts;
use sealwire_core::auth::Plugin;
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::error::Side;
use sealwire_core::facts::Transport;
use sealwire_core::server::{self, Peer};
use sealwire_core::sql::text_literal;
use sealwire_core::tls::{ClientContext, ClientOptions, NamedPem, ServerContext, ServerOptions, SslMode, Trust};
use sealwire_core::trace::{Event, Observer};
use sealwire_core::{DEFAULT_PORT, Error, Now};
use sha2::{Digest, Sha256};

use crate::certificates;
use crate::ends::{ClientEnd, MiddleEnd, ServerEnd};
use crate::host::Host;
use crate::net::{Net, Tcp};
use crate::provider;
use crate::run::{FactsReport, Failure, Outcome, Run, Rung, RungEvent, SideResult};
use crate::scenario::{ClientCertificate, Scenario, ServerCertificate};
use crate::seeded::Seeded;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// The port of the client's first connection and of the attacker's.
const FIRST_PORT: u16 = 50_000;
const ATTACKERS_PORT: u16 = 1_000;
const MOST_CONNECTIONS: u16 = 64;
/// How long both sides may take to close their TCP connections after both have ended, in microseconds.
const GOODBYE_US: u64 = 1_000_000;
/// More turns at one point of time than any run needs. A run that takes more is in an endless loop.
const MOST_TURNS: u32 = 100_000;

/// Runs scenarios one after another, and keeps their common TLS settings and accounts.
///
/// A run uses the random source of its thread, so two stages on two threads do not affect each other.
#[derive(Debug)]
pub struct Stage {
    provider: Arc<CryptoProvider>,
    clients: BTreeMap<ClientKey, ClientContext>,
    servers: BTreeMap<ServerKey, ServerContext>,
    accounts: BTreeMap<String, Accounts>,
}

/// Mode, certificate, versions and suites.
type ClientKey = (SslMode, ClientCertificate, Option<String>, Option<String>);
/// Certificate, versions, and whether the server requests a client certificate.
type ServerKey = (ServerCertificate, Option<String>, bool);

impl Stage {
    /// A stage with this provider, which must be [`seeded`](crate::seeded), because otherwise runs do not depend on their seeds only.
    #[must_use]
    pub fn new(provider: CryptoProvider) -> Self {
        Self {
            provider: Arc::new(provider),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            accounts: BTreeMap::new(),
        }
    }

    /// Runs a scenario from its start to the end of all its connections.
    ///
    /// # Errors
    /// The text of the scenario that is invalid, with the reason.
    pub fn run(&mut self, scenario: &Scenario) -> Result<Run, String> {
        let machines = self.machines(scenario)?;
        let attacker = match &scenario.attacker {
            None => None,
            Some(attacker) => {
                let own = self.server_tls(Some(ServerCertificate::WrongCa), None, false)?;
                let own = own.ok_or("the attacker has no certificate")?;
                let onward = self.client_tls(SslMode::Required, ClientCertificate::None, None, None)?;
                Some((attacker.clone(), own, onward))
            }
        };
        provider::reseed(scenario.seed);
        Ok(RunState::new(scenario, machines, attacker).run())
    }

    /// The settings of a scenario's state machines, for use by another driver.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn machines(&mut self, scenario: &Scenario) -> Result<Machines, String> {
        let (ours, theirs) = (&scenario.client, &scenario.server);
        let mut client =
            client::Config::new(ours.user.clone(), ours.password.as_str().into(), Arc::new(Seeded::new(scenario.seed)));
        client.tls = self.policy(scenario)?;
        client.direct = ours.direct;
        client.server_name.clone_from(&ours.host);
        client.default_auth = ours.default_auth.as_deref().map(plugin).transpose()?;
        client.enable_cleartext_plugin = ours.enable_cleartext_plugin;
        client.connect_timeout = Duration::from_secs(u64::from(ours.connect_timeout));
        let mut server = server::Config::new(theirs.version.clone(), Arc::new(Seeded::new(!scenario.seed)));
        server.default_plugin = plugin(&theirs.default_plugin)?;
        server.tls = self.server_tls(theirs.certificate, theirs.tls_version.clone(), theirs.asks_for_certificate)?;
        server.require_secure_transport = theirs.require_secure_transport;
        server.connect_timeout = Duration::from_secs(u64::from(theirs.connect_timeout));
        let mut host = Host::with_accounts(self.accounts(scenario)?);
        if scenario.account.cached {
            host.fast_digest = Some(Sha256::digest(Sha256::digest(scenario.account.password.as_bytes())).into());
        }
        Ok(Machines { client, server, host })
    }

    fn policy(&mut self, scenario: &Scenario) -> Result<TlsPolicy, String> {
        let client = &scenario.client;
        let mode: SslMode = client.ssl_mode.parse().map_err(|error: sealwire_core::tls::TlsError| error.to_string())?;
        if mode == SslMode::Disabled {
            return Ok(TlsPolicy::Disabled);
        }
        let context =
            self.client_tls(mode, client.certificate, client.tls_version.clone(), client.ciphersuites.clone())?;
        Ok(if mode == SslMode::Preferred { TlsPolicy::Preferred(context) } else { TlsPolicy::Required(context) })
    }

    fn client_tls(
        &mut self,
        mode: SslMode,
        certificate: ClientCertificate,
        versions: Option<String>,
        suites: Option<String>,
    ) -> Result<ClientContext, String> {
        let key = (mode, certificate, versions, suites);
        if let Some(context) = self.clients.get(&key) {
            return Ok(context.clone());
        }
        let trust = match mode {
            SslMode::VerifyIdentity => Trust::CaAndIdentity,
            SslMode::VerifyCa => Trust::Ca,
            SslMode::Disabled | SslMode::Preferred | SslMode::Required => Trust::NoVerification,
        };
        let mut options = ClientOptions::new(Arc::clone(&self.provider), trust);
        options.ca = vec![NamedPem::new("ca.pem", certificates::CA)];
        if let Some(pem) = certificates::client(certificate) {
            options.cert = Some(NamedPem::new("client-cert.pem", pem));
            options.key = Some(NamedPem::new("client-key.pem", certificates::CLIENT_KEY));
        }
        options.versions.clone_from(&key.2);
        options.ciphersuites.clone_from(&key.3);
        // Resumption is off, because a resumed session would depend on earlier runs.
        options.resumption = false;
        let context = ClientContext::build(options).map_err(|error| error.to_string())?;
        self.clients.insert(key, context.clone());
        Ok(context)
    }

    fn server_tls(
        &mut self,
        certificate: Option<ServerCertificate>,
        versions: Option<String>,
        asks: bool,
    ) -> Result<Option<ServerContext>, String> {
        let Some(certificate) = certificate else { return Ok(None) };
        let key = (certificate, versions, asks);
        if let Some(context) = self.servers.get(&key) {
            return Ok(Some(context.clone()));
        }
        let mut options = ServerOptions::new(Arc::clone(&self.provider));
        options.cert = Some(NamedPem::new("server-cert.pem", certificates::server(certificate)));
        options.key = Some(NamedPem::new("server-key.pem", certificates::SERVER_KEY));
        if asks {
            options.ca = vec![NamedPem::new("ca.pem", certificates::CA)];
        }
        options.versions.clone_from(&key.1);
        options.session_cache_size = 0;
        options.ticket_keys = None;
        let context = ServerContext::build(options).map_err(|error| error.to_string())?;
        self.servers.insert(key, context.clone());
        Ok(Some(context))
    }

    fn accounts(&mut self, scenario: &Scenario) -> Result<Accounts, String> {
        let account = &scenario.account;
        let statement = format!(
            "CREATE USER {}@'%' IDENTIFIED WITH {} BY {} {};",
            text_literal(&account.user),
            account.plugin,
            text_literal(&account.password),
            account.require
        );
        if let Some(accounts) = self.accounts.get(&statement) {
            return Ok(accounts.clone());
        }
        let accounts = Host::new(&statement)?.accounts;
        self.accounts.insert(statement, accounts.clone());
        Ok(accounts)
    }
}

fn plugin(name: &str) -> Result<Plugin, String> {
    Plugin::from_name(name.as_bytes()).ok_or_else(|| format!("there is no plugin '{name}'"))
}

/// The parts of a scenario's two sides.
#[derive(Debug, Clone)]
pub struct Machines {
    /// The client's settings.
    pub client: client::Config,
    /// The server's settings.
    pub server: server::Config,
    /// The server's application, with the account.
    pub host: Host,
}

/// A run in progress.
struct RunState<'a> {
    scenario: &'a Scenario,
    machines: Machines,
    net: Net,
    /// The indexes of the hosts: the client's, and the attacker's second one if there is an attacker.
    client_host: usize,
    attackers_host: Option<usize>,
    chunk: usize,
    clock: Arc<AtomicU64>,
    rungs: Arc<Mutex<Vec<Rung>>>,
    clients: Vec<ClientEnd>,
    /// The server's listening sockets, each with its accepted connection.
    listening: Vec<(Tcp, Option<ServerEnd>)>,
    middles: Vec<MiddleEnd>,
}

impl<'a> RunState<'a> {
    fn new(
        scenario: &'a Scenario,
        machines: Machines,
        attacker: Option<(crate::Attacker, ServerContext, ClientContext)>,
    ) -> Self {
        let mut net =
            Net::new(scenario.network.clone(), scenario.seed, scenario.wall.saturating_mul(1_000_000), scenario.pcap);
        let (client_host, mut server_host) = net.join(CLIENT, SERVER);
        let mut attackers_host = None;
        let mut middles = Vec::new();
        let connections = scenario.connections.clamp(1, MOST_CONNECTIONS);
        if let Some((attacker, own, onward)) = &attacker {
            let facing_client = server_host;
            let (facing_server, server) = net.join(CLIENT, SERVER);
            attackers_host = Some(facing_server);
            server_host = server;
            middles = (0..connections)
                .filter_map(|_| net.listen(facing_client, DEFAULT_PORT))
                .map(|tcp| MiddleEnd::new(attacker.middle(own, onward), tcp))
                .collect();
        }
        let listening =
            (0..connections).filter_map(|_| net.listen(server_host, DEFAULT_PORT)).map(|tcp| (tcp, None)).collect();
        Self {
            scenario,
            machines,
            net,
            client_host,
            attackers_host,
            chunk: scenario.chunk.map_or(usize::MAX, |size| size.max(1) as usize),
            clock: Arc::default(),
            rungs: Arc::default(),
            clients: Vec::new(),
            listening,
            middles,
        }
    }

    /// The current time for the machines.
    fn now(&self) -> Now {
        let micros = self.net.now();
        let jumped = self.scenario.clock_jumps.iter().filter(|jump| jump.at_us <= micros).map(|jump| jump.seconds);
        let offset = jumped.fold(0_i64, i64::saturating_add);
        let wall = Duration::from_secs(self.scenario.wall.saturating_add_signed(offset));
        let monotonic = Duration::from_micros(micros);
        Now { monotonic, wall: wall.saturating_add(monotonic) }
    }

    fn observer(&self, connection: usize) -> Option<Arc<dyn Observer>> {
        if !self.scenario.ladder {
            return None;
        }
        let (clock, rungs) = (Arc::clone(&self.clock), Arc::clone(&self.rungs));
        Some(Arc::new(Recorder { connection: connection as u16, clock, rungs }))
    }

    /// The random source of a machine.
    fn random(&self, connection: usize, side: u64) -> Arc<Seeded> {
        let mixed = Seeded::new(self.scenario.seed ^ ((connection as u64 + 1) << 32) ^ side);
        Arc::new(Seeded::new(mixed.next()))
    }

    fn run(mut self) -> Run {
        let wanted = self.listening.len();
        let (mut turns, mut over_at, mut stuck) = (0, None, false);
        loop {
            self.settle();
            let now = self.net.now();
            let over = self.clients.len() == wanted
                && self.clients.iter().all(|client| client.ended.is_some())
                && self.listening.iter().all(|(_, server)| server.as_ref().is_none_or(|server| server.ended.is_some()));
            if over && (self.is_quiet() || now >= *over_at.get_or_insert(now) + GOODBYE_US) {
                break;
            }
            let next = self.next();
            turns = if next == Some(now) { turns + 1 } else { 0 };
            let Some(next) = next.filter(|_| turns < MOST_TURNS) else {
                stuck = !over;
                break;
            };
            self.net.advance(next);
            self.clock.store(next, Ordering::Relaxed);
        }
        self.report(stuck)
    }

    /// Lets all parts work until none of them has anything left to do at the current time.
    fn settle(&mut self) {
        for _ in 0..MOST_TURNS {
            self.net.settle();
            let now = self.now();
            let mut moved = self.start_clients(now);
            for client in &mut self.clients {
                moved |= client.turn(&mut self.net, now);
            }
            moved |= self.attack(now);
            moved |= self.accept(now);
            for (_, server) in &mut self.listening {
                moved |= server.as_mut().is_some_and(|server| server.turn(&mut self.net, now));
            }
            if !moved {
                break;
            }
        }
        self.net.settle();
    }

    /// The time at which the client starts its next connection.
    fn next_start(&self) -> Option<u64> {
        let index = self.clients.len();
        (index < self.listening.len()).then(|| index as u64 * u64::from(self.scenario.spread_us))
    }

    fn start_clients(&mut self, now: Now) -> bool {
        let mut started = false;
        while self.next_start().is_some_and(|start| start <= self.net.now()) {
            let index = self.clients.len();
            let mut config = self.machines.client.clone();
            config.random = self.random(index, 1);
            config.observer = self.observer(index);
            let Some(tcp) = self.net.connect(self.client_host, FIRST_PORT + index as u16, SERVER, DEFAULT_PORT) else {
                break;
            };
            let machine = client::Connection::new(Arc::new(config), now);
            let queries: VecDeque<_> = self.scenario.client.queries.iter().cloned().collect();
            self.clients.push(ClientEnd::new(machine, tcp, self.chunk, queries, self.net.now()));
            started = true;
        }
        started
    }

    fn attack(&mut self, now: Now) -> bool {
        let Some(host) = self.attackers_host else { return false };
        let mut moved = false;
        for (index, middle) in self.middles.iter_mut().enumerate() {
            moved |= middle.turn(&mut self.net, now, |net, port| {
                net.connect(host, port.wrapping_sub(ATTACKERS_PORT), SERVER, DEFAULT_PORT)
            });
            for text in middle.relay.actions.drain(..) {
                let event = RungEvent::Note { text };
                let rung = Rung { at_us: self.net.now(), connection: index as u16, side: "attacker".to_owned(), event };
                if self.scenario.ladder {
                    self.rungs.lock().unwrap_or_else(PoisonError::into_inner).push(rung);
                }
            }
        }
        moved
    }

    /// The index of the client's connection to which a server's socket belongs.
    fn connection_of(&mut self, tcp: Tcp) -> usize {
        let port = self.net.remote_port(tcp).unwrap_or_default();
        let first = if self.attackers_host.is_some() { FIRST_PORT - ATTACKERS_PORT } else { FIRST_PORT };
        usize::from(port.wrapping_sub(first))
    }

    fn accept(&mut self, now: Now) -> bool {
        let mut accepted = false;
        for slot in 0..self.listening.len() {
            let Some(&(tcp, None)) = self.listening.get(slot) else { continue };
            if !self.net.is_connected(tcp) {
                continue;
            }
            let index = self.connection_of(tcp);
            let mut config = self.machines.server.clone();
            config.random = self.random(index, 2);
            config.observer = self.observer(index);
            let peer = Peer { transport: Transport::Tcp, host: CLIENT.to_string(), user: None };
            let (config, id) = (Arc::new(config), index as u32 + 1);
            let machine = if self.machines.client.direct {
                server::Connection::direct(config, id, peer, None, now)
            } else {
                server::Connection::new(config, id, peer, now)
            };
            let host = self.machines.host.clone();
            let end = ServerEnd::new(machine, host, tcp, index, self.chunk, self.net.now());
            if let Some((_, server)) = self.listening.get_mut(slot) {
                *server = Some(end);
            }
            accepted = true;
        }
        accepted
    }

    /// Whether all TCP connections are finished.
    fn is_quiet(&mut self) -> bool {
        let clients: Vec<Tcp> = self.clients.iter().map(ClientEnd::tcp).collect();
        let servers: Vec<Tcp> = self.listening.iter().filter_map(|(_, end)| end.as_ref().map(ServerEnd::tcp)).collect();
        clients.into_iter().chain(servers).all(|tcp| self.net.is_over(tcp))
    }

    fn next(&mut self) -> Option<u64> {
        let now = self.net.now();
        let clients = self.clients.iter().filter_map(ClientEnd::due);
        let servers = self.listening.iter().filter_map(|(_, server)| server.as_ref()?.due());
        let due = clients.chain(servers).chain(self.next_start()).min().map(|due| due.max(now));
        [self.net.next_due(), due].into_iter().flatten().min()
    }

    fn report(mut self, stuck: bool) -> Run {
        let (time_us, (hash, packets)) = (self.net.now(), self.net.hash());
        let servers: Vec<ServerEnd> = self.listening.drain(..).filter_map(|(_, server)| server).collect();
        let held = self.clients.iter().map(ClientEnd::most_held).chain(servers.iter().map(ServerEnd::most_held));
        let most_held = held.max().unwrap_or_default();
        let mut by_connection: BTreeMap<usize, ServerEnd> = BTreeMap::new();
        for server in servers {
            by_connection.insert(server.index, server);
        }
        let connections = std::mem::take(&mut self.clients).into_iter().enumerate().map(|(index, client)| {
            let server = by_connection.remove(&index);
            Outcome {
                without_deadline: client.without_deadline + server.as_ref().map_or(0, |server| server.without_deadline),
                client: ending(client.machine.facts(), &client, time_us),
                server: server.map_or_else(SideResult::default, |server| ending_of_server(server, time_us)),
                answers: client.answers,
            }
        });
        Run {
            connections: connections.collect(),
            ladder: std::mem::take(&mut *self.rungs.lock().unwrap_or_else(PoisonError::into_inner)),
            time_us,
            packets,
            hash: format!("{hash:016x}"),
            pcap: self.net.into_pcap(),
            intercepted: self.middles.into_iter().flat_map(|middle| middle.relay.intercepted).collect(),
            stuck,
            most_held,
        }
    }
}

fn ending(facts: &sealwire_core::Facts, client: &ClientEnd, time_us: u64) -> SideResult {
    SideResult {
        connected_us: client.connected,
        ended_us: client.ended.unwrap_or(time_us),
        facts: FactsReport::from(facts),
        failure: client.error.as_ref().map(|error| Failure::new(error, Side::Client, None)),
    }
}

fn ending_of_server(server: ServerEnd, time_us: u64) -> SideResult {
    let failure = |error: &Error| Failure::new(error, Side::Server, server.host.refusal.clone());
    SideResult {
        connected_us: server.connected,
        ended_us: server.ended.unwrap_or(time_us),
        facts: FactsReport::from(server.machine.facts()),
        failure: server.error.as_ref().map(failure),
    }
}

/// Records the events of a connection's state machines.
#[derive(Debug)]
struct Recorder {
    connection: u16,
    clock: Arc<AtomicU64>,
    rungs: Arc<Mutex<Vec<Rung>>>,
}

impl Observer for Recorder {
    fn observe(&self, side: Side, _: u32, event: Event) {
        let side = match side {
            Side::Client => "client",
            Side::Server => "server",
        };
        let at_us = self.clock.load(Ordering::Relaxed);
        let rung = Rung { at_us, connection: self.connection, side: side.to_owned(), event: event.into() };
        self.rungs.lock().unwrap_or_else(PoisonError::into_inner).push(rung);
    }
}
