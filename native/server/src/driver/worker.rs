//! A worker: a thread with its own reactor, its own listeners, and the connections that it accepted or received from the dispatcher.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest};
use sealwire_core::error::SqlError;

use super::conn::{Conn, Scratch};
use super::dispatcher::Dispatcher;
use super::message::Message;
use sealwire_net::accept::Accept;
use sealwire_net::clock;
use sealwire_net::connections::{Connections, Progress};
use sealwire_net::mailbox::Mailbox;
use sealwire_net::reactor::{Reactor, Side, source, token};
use sealwire_net::run_queue::Class;

/// How long connections may take to end when the server stops.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// A worker that is not started yet: its mailbox is handed to others before its thread runs.
pub(super) struct WorkerSlot {
    reactor: Reactor<TcpListener>,
    messages: Receiver<Message>,
    mailbox: Mailbox<Message>,
}

impl WorkerSlot {
    /// A slot for a worker.
    pub(super) fn new() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        let (mailbox, messages) = reactor.mailbox();
        Ok(Self { reactor, messages, mailbox })
    }

    /// The mailbox of the worker.
    pub(super) fn mailbox(&self) -> Mailbox<Message> {
        self.mailbox.clone()
    }
}

struct Worker {
    number: usize,
    reactor: Reactor<TcpListener>,
    messages: Receiver<Message>,
    dispatcher: Arc<Dispatcher>,
    connections: Connections<Box<Conn>>,
    scratch: Scratch,
}

/// Starts a worker, which accepts from `listeners` and drops `ended` when it ends.
pub(super) fn start(
    number: usize,
    slot: WorkerSlot,
    dispatcher: Arc<Dispatcher>,
    listeners: Vec<TcpListener>,
    ended: Sender<()>,
) -> io::Result<JoinHandle<()>> {
    let WorkerSlot { mut reactor, messages, .. } = slot;
    reactor.listen(listeners)?;
    let (connections, scratch) = (Connections::default(), Scratch::new());
    let mut worker = Worker { number, reactor, messages, dispatcher, connections, scratch };
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
        while !self.reactor.has_stopped(self.connections.is_empty()) {
            self.reactor.wait(&mut events, self.connections.next_deadline())?;
            for event in &events {
                let Some((id, _)) = source(event) else { continue };
                let Some(slot) = self.connections.get_mut(id) else { continue };
                slot.connection.socket.ready(event);
                if slot.is_queued() {
                    continue;
                }
                match slot.connection.class() {
                    Class::Cheap => self.advance(id),
                    Class::Handshake | Class::Costly => self.enqueue(id),
                }
            }
            while let Ok(message) = self.messages.try_recv() {
                self.receive(message);
            }
            for id in self.connections.next_round() {
                self.advance(id);
            }
            self.accept();
            for id in self.connections.due(clock::monotonic()) {
                self.advance(id);
            }
        }
        self.connections.clear();
        Ok(())
    }

    fn accept(&mut self) {
        loop {
            match self.reactor.accept() {
                Accept::Client((stream, address)) => {
                    if let Some(connection) = self.dispatcher.admit_tcp(stream, address, self.number) {
                        self.enter(connection);
                    }
                }
                Accept::NoDescriptor => self.dispatcher.close_oldest(),
                Accept::Nobody => return,
            }
        }
    }

    fn enter(&mut self, mut connection: Box<Conn>) {
        let id = connection.id();
        // If the system has no resources, only this connection fails.
        let (registry, token) = (self.reactor.registry(), token(id, Side::Client));
        if let Err(error) = connection.socket.register(registry, token, Interest::READABLE) {
            tracing::warn!("connection {id} can't be polled: {error}");
            return;
        }
        self.connections.insert(id, connection);
        if self.reactor.is_stopping() {
            self.end(id);
        }
        self.advance(id);
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Accept(connection) => self.enter(connection),
            Message::Wake(id) => match self.connections.get_mut(id) {
                Some(slot) if slot.is_queued() => {}
                Some(slot) if slot.connection.cost.is_high() => self.enqueue(id),
                Some(_) => self.advance(id),
                None => {}
            },
            Message::Stop => {
                self.reactor.stop(GRACE);
                for id in self.connections.ids() {
                    self.end(id);
                    self.advance(id);
                }
            }
        }
    }

    fn end(&mut self, id: usize) {
        if let Some(slot) = self.connections.get_mut(id) {
            slot.connection.end(SqlError::new(1053, b"08S01", "Server shutdown in progress"));
        }
    }

    /// Queues a connection, to advance after the others.
    fn enqueue(&mut self, id: usize) {
        self.connections.enqueue(id, |connection| connection.class());
    }

    fn advance(&mut self, id: usize) {
        let Some(slot) = self.connections.get_mut(id) else { return };
        let connection = &mut slot.connection;
        let was_logged_in = connection.is_logged_in();
        let begun = clock::now();
        let advanced = catch_unwind(AssertUnwindSafe(|| connection.advance(&mut self.scratch, begun)));
        // The cost of a login does not predict the cost of the session.
        if was_logged_in {
            connection.cost.note(begun.monotonic, clock::monotonic());
        }
        // A panic ends the connection in which it occurred; no other connection shares its state.
        let progress = advanced.unwrap_or_else(|_| {
            tracing::error!("connection {id} is closed because of a bug in sealwired; standard error has the details");
            self.scratch = Scratch::new();
            Progress::Over
        });
        let deadline = connection.deadline();
        match progress {
            Progress::Wait => {
                if let Err(error) = connection.socket.watch_writing(self.reactor.registry(), token(id, Side::Client)) {
                    tracing::warn!("connection {id} can't be polled: {error}");
                    self.connections.remove(id);
                    return;
                }
            }
            Progress::Again => self.enqueue(id),
            Progress::Over => {
                self.connections.remove(id);
                return;
            }
        }
        self.connections.set_deadline(id, deadline);
    }
}
