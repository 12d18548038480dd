//! The bridge's loop: one poll for all listeners, clients and targets.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};

use super::admission::{Admission, Crowd, client_of};
use super::client::Client;
use super::connection::Connection;
use super::frame::{FRAME, HEADER};
use super::hosts::Hosts;
use super::metrics::Metrics;
use super::resolve::Resolver;
use super::settings::{Origins, Settings, TlsSource};
use super::shared::{Shared, Side, Turn};
use super::socket::Socket;
use super::tokens::{client_token, listener_token};
use sealwire_net::bounded_lines::BoundedLines;
use sealwire_net::stream::Stream;
use sealwire_net::{clock, listen};

/// The waker's token; listeners have the ones below, connections two each from 0 on.
const WAKE: Token = Token(usize::MAX);
/// Where the system has no more descriptors, accepting waits so long.
const PAUSE: Duration = Duration::from_millis(100);
/// So many connections are accepted before those that are open have their turn.
const MOST_ACCEPTED: usize = 32;
/// How long connections may take to end when the bridge stops.
const GRACE: Duration = Duration::from_secs(5);

/// A bridge that listens.
#[derive(Debug)]
pub struct Bridge {
    poll: Poll,
    listeners: Vec<TcpListener>,
    /// The port in use.
    pub port: u16,
    shared: Shared,
    connections: HashMap<usize, Connection>,
    /// Those that relay nothing, the oldest first.
    idle: BTreeSet<usize>,
    next_id: usize,
    /// Connections that go on after the others had their turn.
    again: Vec<usize>,
    /// No deadline of a connection is before this.
    wake_at: Option<Duration>,
    /// When certificates are to be looked at again.
    look_at: Option<Duration>,
    is_pausing: bool,
    /// Whether connections may wait at the listeners.
    may_accept: bool,
    stopping_until: Option<Duration>,
    stopper: Stopper,
}

/// Asks a bridge to stop, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {
    is_stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stopper {
    /// Asks it to stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        // A poll that can't be woken has ended.
        let _ = self.waker.wake();
    }
}

impl Bridge {
    /// Listens.
    ///
    /// # Errors
    /// A sentence that names what the system did not give.
    pub fn bind(settings: Settings) -> Result<Self, String> {
        let (mut listeners, port) = listen::bind(&settings.addresses, settings.port, &settings.option("port"))?;
        if listeners.is_empty() {
            return Err("no address to listen on: give one".to_owned());
        }
        let told = |error: io::Error| format!("can't poll: {error}");
        let poll = Poll::new().map_err(told)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE).map_err(told)?);
        for (number, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(listener, listener_token(number), Interest::READABLE).map_err(told)?;
        }
        let resolver = Resolver::start(&settings.targets, &waker).map_err(told)?;
        let shared = Shared {
            origins: Origins::own(port, settings.tls.is_some()).with(settings.origins.as_ref()),
            hosts: Hosts::of(&settings),
            registry: poll.registry().try_clone().map_err(told)?,
            resolver,
            admission: Admission::default(),
            metrics: Metrics::default(),
            refusals: BoundedLines::default(),
            scratch: vec![0; FRAME.saturating_add(HEADER)].into_boxed_slice(),
            settings,
        };
        Ok(Self {
            poll,
            listeners,
            port,
            shared,
            connections: HashMap::new(),
            idle: BTreeSet::new(),
            next_id: 0,
            again: Vec::new(),
            wake_at: None,
            look_at: Some(Duration::ZERO),
            is_pausing: false,
            may_accept: false,
            stopping_until: None,
            stopper: Stopper { is_stopping: Arc::new(AtomicBool::new(false)), waker },
        })
    }

    /// How it is asked to stop.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Serves until it is asked to stop: then every WebSocket is closed with 1001, and what is under way comes to its end.
    ///
    /// # Errors
    /// Where the system does not poll.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            // After a pause nothing is announced again.
            let mut is_accepting = self.is_pausing || self.may_accept;
            for event in &events {
                let Token(token) = event.token();
                is_accepting |= token >= listener_token(self.listeners.len()).0;
                let side = if token % 2 == 0 { Side::Client } else { Side::Target };
                if let Some(connection) = self.connections.get_mut(&(token / 2)) {
                    connection.ready(side, event);
                    if !connection.goes_on {
                        self.turn(token / 2);
                    }
                }
            }
            if is_accepting {
                self.accept_all();
            }
            while let Some((id, found)) = self.shared.resolver.answer() {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.resolved(found, &mut self.shared, clock::now().monotonic);
                    self.turn(id);
                }
            }
            for id in std::mem::take(&mut self.again) {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.goes_on = false;
                }
                self.turn(id);
            }
            self.look_at_deadlines();
            self.look_at_certificates();
            if self.stopper.is_stopping.load(Ordering::Acquire) && self.stopping_until.is_none() {
                self.begin_stop();
            }
            let is_late = self.stopping_until.is_some_and(|until| clock::now().monotonic >= until);
            if is_late || self.stopping_until.is_some() && self.connections.is_empty() {
                return Ok(());
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() || self.may_accept {
            return Some(Duration::ZERO);
        }
        let now = clock::now();
        // A poll's timeout is in whole milliseconds: one more, so that the deadline has passed then.
        let until = |deadline| clock::until(deadline, now).saturating_add(Duration::from_millis(1));
        let deadline = self.wake_at.into_iter().chain(self.look_at).chain(self.stopping_until).min().map(until);
        deadline.into_iter().chain(self.is_pausing.then_some(PAUSE)).min()
    }

    fn accept_all(&mut self) {
        self.is_pausing = false;
        self.may_accept = false;
        let mut room = MOST_ACCEPTED;
        for number in 0..self.listeners.len() {
            while let Some(listener) = self.listeners.get(number) {
                if room == 0 {
                    self.may_accept = true;
                    break;
                }
                match listener.accept() {
                    Ok((stream, peer)) => {
                        room = room.saturating_sub(1);
                        self.accept(stream, peer);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        if error.kind() != io::ErrorKind::ConnectionAborted {
                            tracing::warn!("can't accept a connection: {error}");
                        }
                        self.is_pausing = true;
                        break;
                    }
                }
            }
        }
    }

    fn accept(&mut self, stream: mio::net::TcpStream, peer: std::net::SocketAddr) {
        while let Err(crowd) = self.shared.admission.enter_socket(peer.ip(), &self.shared.settings.limits) {
            self.shared.metrics.dropped = self.shared.metrics.dropped.saturating_add(1);
            if !self.put_out_oldest(crowd, peer) {
                return;
            }
        }
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        match self.open(id, stream) {
            Ok(client) => {
                self.connections.insert(id, Connection::new(id, peer, client, clock::now().monotonic));
                self.turn(id);
            }
            Err(error) => {
                tracing::warn!("{peer}: {error}");
                self.shared.admission.leave_socket(peer.ip());
            }
        }
    }

    /// Closes the oldest connection that relays nothing, so that another has its place; `false` where all relay.
    fn put_out_oldest(&mut self, crowd: Crowd, peer: std::net::SocketAddr) -> bool {
        let gives_way = |id: &&usize| {
            let of_same = |connection: &Connection| client_of(connection.peer().ip()) == client_of(peer.ip());
            crowd == Crowd::InAll || self.connections.get(*id).is_some_and(of_same)
        };
        let Some(oldest) = self.idle.iter().find(gives_way).copied() else { return false };
        self.idle.remove(&oldest);
        if let Some(mut connection) = self.connections.remove(&oldest) {
            connection.leave(&mut self.shared);
        }
        true
    }

    fn open(&self, id: usize, stream: mio::net::TcpStream) -> Result<Client, String> {
        // Frames are sent whole; without this the kernel would hold the last part back.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut socket = Socket::new(Stream::Tcp(stream));
        socket.register(&self.shared.registry, client_token(id)).map_err(|error| error.to_string())?;
        let tls = match &self.shared.settings.tls {
            None => None,
            Some(source) => Some(source.context().ok_or("TLS is switched off")?),
        };
        Client::new(socket, tls.as_ref()).map_err(|error| error.to_string())
    }

    fn turn(&mut self, id: usize) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match connection.turn(&mut self.shared, clock::now().monotonic) {
            Turn::Wait => {}
            Turn::Again => {
                if !std::mem::replace(&mut connection.goes_on, true) {
                    self.again.push(id);
                }
            }
            Turn::Over => {
                self.connections.remove(&id);
                self.idle.remove(&id);
                return;
            }
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
        self.wake_at = Some(self.wake_at.map_or(deadline, |wake_at| wake_at.min(deadline)));
    }

    fn look_at_deadlines(&mut self) {
        let now = clock::now().monotonic;
        if self.wake_at.is_none_or(|wake_at| now < wake_at) {
            return;
        }
        let due = |(id, connection): (&usize, &Connection)| (connection.deadline() <= now).then_some(*id);
        let due: Vec<usize> = self.connections.iter().filter_map(due).collect();
        for id in due {
            self.turn(id);
        }
        self.wake_at = self.connections.values().map(Connection::deadline).min();
    }

    /// Warns again of what is wrong with certificate and lists, where it is time to.
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
            .map(|health| now.monotonic.saturating_add(health.look_again(context.as_ref(), now.wall.as_secs())));
    }

    fn begin_stop(&mut self) {
        let now = clock::now().monotonic;
        self.stopping_until = Some(now.saturating_add(GRACE));
        self.listeners.clear();
        let all: Vec<usize> = self.connections.keys().copied().collect();
        for id in all {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.stop(&mut self.shared, now);
            }
            self.turn(id);
        }
    }
}
