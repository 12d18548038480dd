//! A worker: a thread with a poll of its own, listeners, and the connections that it accepted or that were handed to it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use sealwire_core::error::SqlError;

use super::acceptor::{Accepted, PAUSE, accepted};
use super::conn::{Conn, Scratch, Turn};
use super::gate::Gate;
use super::turns::{Kind, Turns};
use sealwire_net::clock;

/// What reaches a worker from other threads.
pub(super) enum Message {
    /// A new connection, by its number.
    Accept(u32, Box<Conn>),
    /// Look at that connection.
    Look(u32),
    /// The server stops.
    Stop,
}

/// How other threads reach a worker.
#[derive(Clone)]
pub(super) struct Handle {
    sender: Sender<Message>,
    waker: Arc<Waker>,
}

impl Handle {
    /// Sends a message and wakes the worker. One that has ended needs none.
    pub(super) fn send(&self, message: Message) {
        if self.sender.send(message).is_ok() {
            // A poll that can't be woken is one that has ended.
            let _ = self.waker.wake();
        }
    }
}

/// The waker's token, and that of the first listener; connections have their numbers, which are smaller.
const WAKE: Token = Token(usize::MAX);
const FIRST_LISTENER: usize = usize::MAX - 1024;
/// So many connections are accepted before those that are open have their turn.
const MOST_ACCEPTED: usize = 32;
/// How long connections may take to end when the server stops.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// Where a worker waits, made before the worker so that others know how to reach it.
pub(super) struct Seat {
    poll: Poll,
    receiver: Receiver<Message>,
    handle: Handle,
}

impl Seat {
    /// A seat that nobody takes yet.
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        let (sender, receiver) = channel();
        Ok(Self { poll, receiver, handle: Handle { sender, waker } })
    }

    /// How to reach it.
    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

struct Worker {
    number: usize,
    poll: Poll,
    receiver: Receiver<Message>,
    gate: Arc<Gate>,
    listeners: Vec<TcpListener>,
    /// Whether connections may wait at the listeners.
    may_accept: bool,
    /// Accepting goes on then: the system had no more to give.
    accept_at: Option<Duration>,
    connections: HashMap<u32, Box<Conn>>,
    /// When connections are to be looked at; entries that are no longer true are passed over.
    timers: BinaryHeap<Reverse<(Duration, u32)>>,
    /// Connections that go on after the others had their turn.
    turns: Turns,
    scratch: Scratch,
    stopping_until: Option<Duration>,
}

/// Starts a worker, which accepts from `listeners` and drops `ended` when it ends.
pub(super) fn start(
    number: usize,
    seat: Seat,
    gate: Arc<Gate>,
    mut listeners: Vec<TcpListener>,
    ended: Sender<()>,
) -> io::Result<JoinHandle<()>> {
    for (at, listener) in listeners.iter_mut().enumerate() {
        seat.poll.registry().register(listener, Token(FIRST_LISTENER + at), Interest::READABLE)?;
    }
    let mut worker = Worker {
        number,
        poll: seat.poll,
        receiver: seat.receiver,
        gate,
        listeners,
        // Who came before the poll knew of the listeners is not announced.
        may_accept: true,
        accept_at: None,
        connections: HashMap::new(),
        timers: BinaryHeap::new(),
        turns: Turns::default(),
        scratch: Scratch::new(),
        stopping_until: None,
    };
    std::thread::Builder::new().name(format!("sealwired-{number}")).spawn(move || {
        if let Err(error) = worker.run() {
            tracing::error!("worker {number} ended: {error}");
        }
        drop(ended);
    })
}

impl Worker {
    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                if event.token().0 >= FIRST_LISTENER {
                    self.may_accept |= event.token() != WAKE;
                    continue;
                }
                let Ok(id) = u32::try_from(event.token().0) else { continue };
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.ready(event);
                    if connection.goes_on {
                        continue;
                    }
                    if connection.is_logged_in() && !connection.cost.is_high() {
                        self.turn(id);
                    } else {
                        self.wait_for_turn(id);
                    }
                }
            }
            while let Ok(message) = self.receiver.try_recv() {
                self.receive(message);
            }
            for id in self.turns.round() {
                self.go_on(id);
            }
            if self.may_accept {
                self.accept();
            }
            self.fire_timers();
            if let Some(until) = self.stopping_until
                && (self.connections.is_empty() || clock::now().monotonic >= until)
            {
                self.connections.clear();
                return Ok(());
            }
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.turns.is_empty() || self.may_accept {
            return Some(Duration::ZERO);
        }
        let timer = self.timers.peek().map(|Reverse((deadline, _))| *deadline);
        let next = timer.into_iter().chain(self.stopping_until).chain(self.accept_at).min()?;
        // A poll's timeout is in whole milliseconds: one more, so that the deadline has passed then.
        Some(clock::until(next, clock::now()).saturating_add(Duration::from_millis(1)))
    }

    fn accept(&mut self) {
        self.may_accept = false;
        let mut room = MOST_ACCEPTED;
        let listeners = std::mem::take(&mut self.listeners);
        for listener in &listeners {
            loop {
                if room == 0 {
                    self.may_accept = true;
                    break;
                }
                match accepted(listener.accept()) {
                    Accepted::One((stream, address)) => {
                        room -= 1;
                        if let Some((id, connection)) = self.gate.admit_tcp(stream, address, self.number) {
                            self.enter(id, connection);
                        }
                    }
                    Accepted::None => break,
                    later => {
                        if matches!(later, Accepted::Full) {
                            self.gate.make_room();
                        }
                        self.accept_at = Some(clock::now().monotonic.saturating_add(PAUSE));
                        break;
                    }
                }
            }
        }
        self.listeners = listeners;
    }

    fn enter(&mut self, id: u32, mut connection: Box<Conn>) {
        // Only the connection itself suffers where the system gives no more.
        let registry = self.poll.registry();
        if let Err(error) = registry.register(&mut connection.stream, Token(id as usize), Interest::READABLE) {
            tracing::warn!("connection {id} can't be polled: {error}");
            return;
        }
        self.connections.insert(id, connection);
        if self.stopping_until.is_some() {
            self.end(id);
        }
        self.turn(id);
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Accept(id, connection) => self.enter(id, connection),
            Message::Look(id) => {
                let Some(connection) = self.connections.get(&id).filter(|connection| !connection.goes_on) else {
                    return;
                };
                if connection.cost.is_high() { self.wait_for_turn(id) } else { self.turn(id) }
            }
            Message::Stop => {
                self.listeners.clear();
                self.accept_at = None;
                self.stopping_until = Some(clock::now().monotonic.saturating_add(GRACE));
                let all: Vec<u32> = self.connections.keys().copied().collect();
                for id in all {
                    self.end(id);
                    self.turn(id);
                }
            }
        }
    }

    fn end(&mut self, id: u32) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end(SqlError::new(1053, b"08S01", "Server shutdown in progress"));
        }
    }

    /// Lets a connection go on when the others had their turn.
    fn wait_for_turn(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if std::mem::replace(&mut connection.goes_on, true) {
            return;
        }
        let kind = if !connection.is_logged_in() {
            Kind::Handshake
        } else if connection.cost.is_high() {
            Kind::Costly
        } else {
            Kind::Cheap
        };
        self.turns.wait(id, kind);
    }

    fn go_on(&mut self, id: u32) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.goes_on = false;
            self.turn(id);
        }
    }

    fn turn(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let was_logged_in = connection.is_logged_in();
        let begun = clock::now();
        let turned = catch_unwind(AssertUnwindSafe(|| connection.turn(&mut self.scratch, begun)));
        // What a login costs is no sign of what the session will.
        if was_logged_in {
            connection.cost.note(begun.monotonic, clock::monotonic());
        }
        // A bug takes the connection that met it, and what half-done bytes there are; the others know nothing of either.
        let turn = turned.unwrap_or_else(|_| {
            tracing::error!("connection {id} is closed: it met a bug of sealwired, told on standard error");
            self.scratch = Scratch::new();
            Turn::Over
        });
        match turn {
            Turn::Wait => {
                if let Some(interest) = connection.new_interest()
                    && let Err(error) =
                        self.poll.registry().reregister(&mut connection.stream, Token(id as usize), interest)
                {
                    tracing::warn!("connection {id} can't be polled: {error}");
                    self.connections.remove(&id);
                    return;
                }
            }
            Turn::Again => self.wait_for_turn(id),
            Turn::Over => {
                self.connections.remove(&id);
                return;
            }
        }
        self.set_timer(id);
    }

    /// Sees to it that a timer fires at the connection's deadline or before. A deadline that moves away, as with each command, costs
    /// nothing: the timer fires early and is set again.
    fn set_timer(&mut self, id: u32) {
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(deadline) = connection.deadline
            && connection.timer.is_none_or(|timer| deadline < timer)
        {
            connection.timer = Some(deadline);
            self.timers.push(Reverse((deadline, id)));
        }
    }

    fn fire_timers(&mut self) {
        let now = clock::now().monotonic;
        self.may_accept |= self.accept_at.take_if(|at| *at <= now).is_some();
        while let Some(Reverse((deadline, id))) = self.timers.peek().copied() {
            if deadline > now {
                return;
            }
            self.timers.pop();
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            // An earlier timer took this one's place.
            if connection.timer != Some(deadline) {
                continue;
            }
            connection.timer = None;
            if connection.deadline.is_some_and(|real| real <= now) { self.turn(id) } else { self.set_timer(id) }
        }
    }
}
