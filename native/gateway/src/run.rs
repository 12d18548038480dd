//! The gateway's loop: one poll for all listeners, clients and servers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Waker};
use sealwire_core::SqlError;
use sealwire_core::facts::Transport;
use sealwire_core::proxy::Connection;
use sealwire_core::proxy_protocol::Endpoints;
use sealwire_core::server::Peer;
use sealwire_net::accept::Accept;
use sealwire_net::connections::{Connections, Progress};
use sealwire_net::reactor::{Reactor, Side, source, token};
use sealwire_net::resolve::{Answer, Resolver};
use sealwire_net::run_queue::Class;
use sealwire_net::socket::Socket;
use sealwire_net::stream::Stream;
use sealwire_net::{clock, listen};
use sealwire_options::tls::health::Health;

use super::admin::{self, Question};
use super::certificates::Daily;
use super::check::{Checker, Done, Order, Report};
use super::limits::Standing;
use super::place::{Place, Role};
use super::probe::{Greeting, Probe};
use super::session::{STOPS, Session};
use super::settings::{Drain, Kind, Settings};
use super::shared::Shared;
use super::tls::ReloadableTls;

/// The first connection id. Clients send theirs in KILL, and no server gives such high ids soon, so that a KILL meets no other client.
pub(super) const FIRST_ID: u32 = 0xC000_0000;

/// A listening gateway.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) reactor: Reactor<TcpListener>,
    /// The port in use.
    pub(super) port: u16,
    pub(super) shared: Shared,
    pub(super) sessions: Connections<Session>,
    next_id: usize,
    answers: Receiver<Answer>,
    greetings: Receiver<Vec<Greeting>>,
    reports: Receiver<Report>,
    /// To the checks of each server; empty if servers are not checked.
    pub(super) checkers: Vec<Sender<Order>>,
    done: Receiver<Done>,
    questions: Receiver<Question>,
    /// The listeners by their ports: the place, and whether connections begin with TLS.
    places: Vec<(u16, Place, bool)>,
    health: Arc<Health>,
    /// The warnings about the certificates towards the servers.
    daily: Daily,
    /// When the certificates are checked again.
    look_at: Duration,
    pub(super) stopper: Stopper,
}

/// Stops a gateway, from any thread.
#[derive(Debug, Clone)]
pub(super) struct Stopper {
    /// How often [`stop`](Self::stop) was called.
    calls: Arc<AtomicU8>,
    waker: Arc<Waker>,
}

impl Stopper {
    /// Asks the gateway to accept no more clients and to end with its sessions; when called again, to end at once.
    pub(super) fn stop(&self) {
        let _ = self.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, |calls| calls.checked_add(1));
        self.wake();
    }

    /// Makes the gateway look at its settings.
    pub(super) fn wake(&self) {
        // An error means that the poll, and so the gateway, has ended.
        let _ = self.waker.wake();
    }
}

impl Gateway {
    /// Binds the listeners.
    ///
    /// # Errors
    /// A sentence that names the resource that the system did not give.
    pub(super) fn bind(settings: Settings, tls: ReloadableTls, health: Arc<Health>) -> Result<Self, String> {
        let mut listeners = Vec::new();
        let mut places = Vec::new();
        for (index, listen) in settings.listeners.iter().enumerate() {
            let options = if index == 0 {
                listen::Options { address: "--bind-address", port: "--port" }
            } else {
                listen::Options { address: "--listen", port: "--listen" }
            };
            let (bound, port) = listen::bind(&listen.addresses, listen.port, options)?;
            listeners.extend(bound);
            places.push((port, listen.place, listen.is_direct));
        }
        if listeners.is_empty() {
            return Err("option '--bind-address': there is no address to listen on: give one".to_owned());
        }
        let port = places.first().map(|(port, ..)| *port).unwrap_or_default();
        let describe = |error: io::Error| format!("can't poll: {error}");
        let mut reactor = Reactor::new().map_err(describe)?;
        reactor.listen(listeners).map_err(describe)?;
        let (mailbox, answers) = reactor.mailbox();
        let hosts = settings.nodes.iter().map(|node| Some((node.host.as_str(), node.port)));
        let resolver = Resolver::start(hosts, &mailbox).map_err(describe)?;
        let (mailbox, greetings) = reactor.mailbox();
        let mut probe =
            Probe { nodes: settings.nodes.clone(), tls: tls.clone(), within: settings.limits.server_connect };
        let mut found = Vec::new();
        for (node, greeting) in probe.round() {
            match greeting {
                Ok(greeting) => {
                    probe.nodes.retain(|other| *other != node);
                    found.push(greeting);
                }
                Err(error) => tracing::warn!("server {node}: {error}"),
            }
        }
        probe.start(found.clone(), mailbox).map_err(describe)?;
        let (reporter, reports) = reactor.mailbox();
        let (finisher, done) = reactor.mailbox();
        let mut checkers = Vec::new();
        if let Some(check) = &settings.check {
            for (node, target) in settings.nodes.iter().enumerate() {
                let kind = settings.pools.get(target.pool).map_or(Kind::Plain, |pool| pool.kind);
                let checker =
                    Checker { node, target: target.clone(), kind, settings: Arc::clone(check), tls: tls.clone() };
                checkers.push(checker.start(reporter.clone(), finisher.clone()).map_err(describe)?);
            }
        }
        let (asker, questions) = reactor.mailbox();
        admin::start(&settings, &asker)?;
        let registry = reactor.registry().try_clone().map_err(describe)?;
        let stopper = Stopper { calls: Arc::new(AtomicU8::new(0)), waker: reactor.waker() };
        let mut shared = Shared::new(settings, registry, resolver, tls);
        shared.learn(&found);
        Ok(Self {
            reactor,
            port,
            shared,
            sessions: Connections::default(),
            next_id: 0,
            answers,
            greetings,
            reports,
            checkers,
            done,
            questions,
            places,
            health,
            daily: Daily::default(),
            look_at: Duration::ZERO,
            stopper,
        })
    }

    /// A handle to stop the gateway.
    pub(super) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until [`Stopper::stop`] is called and the sessions have ended or their time is over.
    ///
    /// # Errors
    /// The poll fails.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.reactor.has_stopped(self.sessions.is_empty()) {
            let deadline = self.sessions.next_deadline().map_or(self.look_at, |next| next.min(self.look_at));
            self.reactor.wait(&mut events, Some(deadline))?;
            if self.shared.refresh() {
                self.daily.reset();
                self.look_at = Duration::ZERO;
            }
            for event in &events {
                let Some((id, side)) = source(event) else { continue };
                let Some(slot) = self.sessions.get_mut(id) else { continue };
                slot.connection.ready(side, event);
                if !slot.is_queued() {
                    self.advance(id);
                }
            }
            while let Ok(greetings) = self.greetings.try_recv() {
                self.shared.learn(&greetings);
            }
            loop {
                match self.reactor.accept() {
                    Accept::Client((stream, peer)) => self.accept(stream, peer),
                    Accept::NoDescriptor => {}
                    Accept::Nobody => break,
                }
            }
            while let Ok((id, found)) = self.answers.try_recv() {
                if let Some(slot) = self.sessions.get_mut(id) {
                    slot.connection.resolved(found, &mut self.shared, clock::now());
                    self.advance(id);
                }
            }
            while let Ok(report) = self.reports.try_recv() {
                self.take(report);
            }
            while let Ok((id, result)) = self.done.try_recv() {
                self.answer_kill(id, result);
            }
            while let Ok(question) = self.questions.try_recv() {
                self.answer(question);
            }
            for id in self.sessions.next_round() {
                self.advance(id);
            }
            for id in self.sessions.due(clock::monotonic()) {
                self.advance(id);
            }
            if std::mem::take(&mut self.shared.may_serve_waiting) {
                self.serve_waiting();
            }
            self.look_at_certificates();
            match self.stopper.calls.load(Ordering::Acquire) {
                0 => {}
                1 if self.reactor.is_stopping() => {}
                1 => self.begin_stop(),
                _ => break,
            }
        }
        for id in self.sessions.ids() {
            self.close(id);
        }
        admin::end(&self.shared.settings);
        Ok(())
    }

    fn accept(&mut self, stream: TcpStream, peer: SocketAddr) {
        let mut limits = self.shared.settings.limits;
        let is_proxy = self.shared.settings.proxies.contains(peer.ip());
        if is_proxy {
            // The clients that it names are limited.
            limits.per_address = usize::MAX;
        }
        let admitted = self.shared.clients.enter(peer.ip(), &limits);
        let standing = if admitted.is_ok() { Standing::LoggingIn } else { Standing::Refused };
        if admitted.is_err() && self.shared.clients.is_overfull() {
            self.shared.clients.leave(peer.ip(), standing);
            let line = format!("{} was dropped: too many clients wait to be refused", peer.ip());
            return self.shared.warn_of_refusal(&line);
        }
        self.shared.counters.clients = self.shared.counters.clients.saturating_add(1);
        let local = stream.local_addr().unwrap_or(peer);
        let found =
            self.places.iter().find(|(listening, ..)| *listening == local.port()).or_else(|| self.places.first());
        let (place, is_direct) =
            found.map_or((Place { pool: 0, role: Role::Any }, false), |(_, place, is_direct)| (*place, *is_direct));
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let socket = match self.open(id, stream) {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!("{peer}: {error}");
                self.shared.clients.leave(peer.ip(), standing);
                return;
            }
        };
        let connection_id = FIRST_ID | (u32::try_from(id & 0x3fff_ffff).unwrap_or_default());
        let host = peer.ip().to_canonical().to_string();
        let client = Peer { transport: Transport::Tcp, host, user: None };
        let (front, now) = (self.shared.front(), clock::now());
        let refusal = match (admitted, self.shared.can_greet()) {
            (Err(error), _) => Some(error),
            (Ok(()), false) => Some(SqlError::unknown_error(
                "sealwire-gateway: none of the servers behind the gateway has answered yet; the gateway's log says why",
            )),
            (Ok(()), true) => None,
        };
        let mut proxy = match refusal {
            refusal if is_direct => Connection::direct(front, connection_id, client, refusal, now),
            Some(error) => Connection::refused(front, connection_id, client, error, now),
            None => Connection::new(front, connection_id, client, now),
        };
        if is_proxy {
            proxy.trust_proxy_header();
        }
        self.sessions.insert(
            id,
            Session::new(
                id,
                Endpoints { source: peer, destination: local },
                connection_id,
                place,
                proxy,
                socket,
                standing,
            ),
        );
        self.advance(id);
    }

    /// Lets the sessions that wait for a server try again, first to last.
    fn serve_waiting(&mut self) {
        for id in std::mem::take(&mut self.shared.waiting) {
            if let Some(slot) = self.sessions.get_mut(id) {
                slot.connection.retry(&mut self.shared, clock::now());
                self.advance(id);
            }
        }
    }

    fn open(&self, id: usize, stream: TcpStream) -> io::Result<Socket> {
        // Packets are written whole, so Nagle's algorithm would only delay their last part.
        stream.set_nodelay(true)?;
        let mut socket = Socket::new(Stream::Tcp(stream));
        socket.register(self.reactor.registry(), token(id, Side::Client), Interest::READABLE | Interest::WRITABLE)?;
        Ok(socket)
    }

    pub(super) fn advance(&mut self, id: usize) {
        let Some(slot) = self.sessions.get_mut(id) else { return };
        let session = &mut slot.connection;
        let mut progress = session.advance(&mut self.shared, clock::now());
        while let Some(kill) = self.sessions.get_mut(id).and_then(|slot| slot.connection.take_kill()) {
            self.kill(id, kill);
            let Some(slot) = self.sessions.get_mut(id) else { return };
            progress = slot.connection.advance(&mut self.shared, clock::now());
        }
        let Some(slot) = self.sessions.get_mut(id) else { return };
        let session = &slot.connection;
        if progress == Progress::Over {
            self.shared.clients.leave(session.peer().ip(), session.standing());
            self.sessions.remove(id);
            return;
        }
        let deadline = session.deadline();
        self.sessions.set_deadline(id, deadline);
        if progress == Progress::Again {
            self.sessions.enqueue(id, |_| Class::Cheap);
        }
    }

    fn close(&mut self, id: usize) {
        if let Some(slot) = self.sessions.get_mut(id) {
            slot.connection.close();
        }
        self.advance(id);
    }

    /// Repeats the warnings about certificates and revocation lists, if they are due.
    fn look_at_certificates(&mut self) {
        let now = clock::now();
        if now.monotonic < self.look_at {
            return;
        }
        let wall = now.wall.as_secs();
        let front = self.shared.front();
        let again = self.health.repeat_warnings(front.tls.as_ref(), wall);
        self.look_at = now.monotonic.saturating_add(again);
        if self.daily.is_due(wall) {
            let warnings = self.shared.certificates.warnings(wall).chain(self.shared.pools.leaf_warnings(wall));
            for warning in warnings {
                tracing::warn!("{warning}");
            }
        }
    }

    fn begin_stop(&mut self) {
        self.reactor.stop(self.shared.settings.limits.shutdown);
        self.shared.is_stopping = self.shared.settings.drain == Drain::Close;
        for id in self.sessions.ids() {
            if self.sessions.get(id).is_some_and(|session| !session.is_relaying()) {
                self.close(id);
            } else if self.shared.settings.drain == Drain::Close {
                self.drain(id, STOPS);
            }
        }
    }
}
