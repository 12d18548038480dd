//! The bridge's loop: one poll for all listeners, clients and targets.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Waker};

use super::client::Client;
use super::connection::Connection;
use super::connection_limits::{ConnectionLimits, SocketLimit};
use super::frame::{FRAME, HEADER};
use super::hosts::Hosts;
use super::metrics::Metrics;
use super::settings::{Origins, Settings, TlsSource};
use super::shared::Shared;
use sealwire_net::accept::Accept;
use sealwire_net::bounded_lines::BoundedLines;
use sealwire_net::connections::{Connections, Progress};
use sealwire_net::network::client_network;
use sealwire_net::reactor::{Reactor, Side, source, token};
use sealwire_net::resolve::{Answer, Resolver};
use sealwire_net::run_queue::Class;
use sealwire_net::socket::Socket;
use sealwire_net::stream::Stream;
use sealwire_net::{clock, listen};

/// How long connections may take to end when the bridge stops.
const GRACE: Duration = Duration::from_secs(5);

/// A listening bridge.
#[derive(Debug)]
pub struct Bridge {
    reactor: Reactor<TcpListener>,
    /// The port in use.
    pub port: u16,
    shared: Shared,
    connections: Connections<Connection>,
    /// The connections that relay nothing, the oldest first.
    idle: BTreeSet<usize>,
    next_id: usize,
    /// The results of looking up targets' hosts.
    answers: Receiver<Answer>,
    /// When the certificates are checked again.
    look_at: Option<Duration>,
    stopper: Stopper,
}

/// Stops a bridge, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    is_stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stopper {
    /// Asks the bridge to stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // An error means that the poll, and so the bridge, has ended.
        let _ = self.waker.wake();
    }
}

impl Bridge {
    /// Binds the listeners.
    ///
    /// # Errors
    /// A sentence that names the resource that the system did not give.
    pub fn bind(settings: Settings) -> Result<Self, String> {
        let (address, port) = (settings.option("bind-address"), settings.option("port"));
        let options = listen::Options { address: &address, port: &port };
        let (listeners, port) = listen::bind(&settings.addresses, settings.port, options)?;
        if listeners.is_empty() {
            return Err("no address to listen on: give one".to_owned());
        }
        let describe = |error: io::Error| format!("can't poll: {error}");
        let mut reactor = Reactor::new().map_err(describe)?;
        reactor.listen(listeners).map_err(describe)?;
        let (mailbox, answers) = reactor.mailbox();
        let hosts = settings.targets.iter().map(|target| target.destination.host());
        let resolver = Resolver::start(hosts, &mailbox).map_err(describe)?;
        let stopper = Stopper { is_stopping: Arc::new(AtomicBool::new(false)), waker: reactor.waker() };
        let shared = Shared {
            origins: Origins::own(port, settings.tls.is_some()).with(settings.origins.as_ref()),
            hosts: Hosts::of(&settings),
            registry: reactor.registry().try_clone().map_err(describe)?,
            resolver,
            connection_limits: ConnectionLimits::default(),
            displaced: Vec::new(),
            metrics: Metrics::default(),
            refusals: BoundedLines::default(),
            scratch: vec![0; FRAME.saturating_add(HEADER)].into_boxed_slice(),
            settings,
        };
        Ok(Self {
            reactor,
            port,
            shared,
            connections: Connections::default(),
            idle: BTreeSet::new(),
            next_id: 0,
            answers,
            look_at: Some(Duration::ZERO),
            stopper,
        })
    }

    /// A handle to stop the bridge.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until [`Stopper::stop`] is called. Then every WebSocket is closed with code 1001, and the other connections finish.
    ///
    /// # Errors
    /// The poll fails.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.reactor.has_stopped(self.connections.is_empty()) {
            let deadline = self.connections.next_deadline().into_iter().chain(self.look_at).min();
            self.reactor.wait(&mut events, deadline)?;
            for event in &events {
                let Some((id, side)) = source(event) else { continue };
                let Some(slot) = self.connections.get_mut(id) else { continue };
                slot.connection.ready(side, event);
                if !slot.is_queued() {
                    self.advance(id);
                }
            }
            loop {
                match self.reactor.accept() {
                    Accept::Client((stream, peer)) => self.accept(stream, peer),
                    Accept::NoDescriptor => {}
                    Accept::Nobody => break,
                }
            }
            while let Ok((id, found)) = self.answers.try_recv() {
                if let Some(slot) = self.connections.get_mut(id) {
                    slot.connection.resolved(found, &mut self.shared, clock::monotonic());
                    self.advance(id);
                }
            }
            for id in self.connections.next_round() {
                self.advance(id);
            }
            for id in self.connections.due(clock::monotonic()) {
                self.advance(id);
            }
            while let Some(id) = self.shared.displaced.pop() {
                if let Some(slot) = self.connections.get_mut(id) {
                    slot.connection.give_way(&mut self.shared, clock::monotonic());
                    self.advance(id);
                }
            }
            self.look_at_certificates();
            if self.stopper.is_stopping.load(Ordering::Acquire) && !self.reactor.is_stopping() {
                self.begin_stop();
            }
        }
        Ok(())
    }

    fn accept(&mut self, stream: TcpStream, peer: SocketAddr) {
        while let Err(limit) = self.shared.connection_limits.enter_socket(peer.ip()) {
            self.shared.metrics.dropped = self.shared.metrics.dropped.saturating_add(1);
            if !self.close_oldest(limit, peer) {
                return;
            }
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        match self.open(id, stream) {
            Ok(client) => {
                self.connections.insert(id, Connection::new(id, peer, client, clock::monotonic()));
                self.advance(id);
            }
            Err(error) => {
                tracing::warn!("{peer}: {error}");
                self.shared.connection_limits.leave_socket(peer.ip());
            }
        }
    }

    /// Closes the oldest connection that relays nothing, to make room for another; `false` where all are relaying.
    fn close_oldest(&mut self, limit: SocketLimit, peer: SocketAddr) -> bool {
        let network = client_network(peer.ip());
        let gives_way = |id: &usize| {
            let of_same = |connection: &Connection| client_network(connection.peer().ip()) == network;
            limit == SocketLimit::InAll || self.connections.get(*id).is_some_and(of_same)
        };
        let Some(oldest) = self.idle.iter().copied().find(gives_way) else { return false };
        self.idle.remove(&oldest);
        if let Some(mut connection) = self.connections.remove(oldest) {
            connection.leave(&mut self.shared);
        }
        true
    }

    fn open(&self, id: usize, stream: TcpStream) -> Result<Client, String> {
        // Frames are written whole, so Nagle's algorithm would only delay their last part.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut socket = Socket::new(Stream::Tcp(stream));
        let (token, interest) = (token(id, Side::Client), Interest::READABLE | Interest::WRITABLE);
        socket.register(self.reactor.registry(), token, interest).map_err(|error| error.to_string())?;
        let tls = match &self.shared.settings.tls {
            None => None,
            Some(source) => Some(source.context().ok_or("TLS is switched off")?),
        };
        Client::new(socket, tls.as_ref()).map_err(|error| error.to_string())
    }

    fn advance(&mut self, id: usize) {
        let Some(slot) = self.connections.get_mut(id) else { return };
        let connection = &mut slot.connection;
        let progress = connection.advance(&mut self.shared, clock::monotonic());
        if progress == Progress::Over {
            self.connections.remove(id);
            self.idle.remove(&id);
            return;
        }
        let is_idle = !connection.is_relaying();
        if std::mem::replace(&mut connection.is_noted_idle, is_idle) != is_idle {
            if is_idle {
                self.idle.insert(id)
            } else {
                self.idle.remove(&id)
            };
        }
        let deadline = connection.deadline();
        self.connections.set_deadline(id, Some(deadline));
        if progress == Progress::Again {
            self.connections.enqueue(id, |_| Class::Cheap);
        }
    }

    /// Repeats the warnings about the certificate and revocation lists, if they are due.
    fn look_at_certificates(&mut self) {
        let now = clock::now();
        if self.look_at.is_none_or(|look_at| now.monotonic < look_at) {
            return;
        }
        let settings = &self.shared.settings;
        let context = settings.tls.as_ref().and_then(TlsSource::context);
        self.look_at = settings
            .health
            .as_ref()
            .map(|health| now.monotonic.saturating_add(health.repeat_warnings(context.as_ref(), now.wall.as_secs())));
    }

    fn begin_stop(&mut self) {
        self.reactor.stop(GRACE);
        for id in self.connections.ids() {
            if let Some(slot) = self.connections.get_mut(id) {
                slot.connection.stop(&mut self.shared, clock::monotonic());
            }
            self.advance(id);
        }
    }
}
