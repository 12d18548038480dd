//! The reactor: a poll with its waker and its listeners. Each driver has one, with a loop around [`Reactor::wait`].
//!
//! ```text
//! wait ──> for each event: Socket::ready of the connection and side that `source` names, then the connection advances
//!      ──> messages of other threads (Mailbox) ──> connections whose turn it is (Connections::next_round)
//!      ──> accept ──> connections whose deadline has come (Connections::due) ──> wait
//! ```

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Registry, Token, Waker};

use super::accept::{Accept, Listener, Listeners};
use super::clock;
use super::mailbox::Mailbox;

/// The side of a connection: each may have a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client that connected to us.
    Client,
    /// The server to which we connected on the client's behalf.
    Target,
}

/// The waker's token. The listeners' tokens are just below it; connections have two tokens each, from 0 on.
const WAKE: usize = usize::MAX;
const FIRST_LISTENER: usize = usize::MAX - 1024;

/// The token of a connection's socket.
pub const fn token(connection: usize, side: Side) -> Token {
    let first = connection.saturating_mul(2);
    match side {
        Side::Client => Token(first),
        Side::Target => Token(first.saturating_add(1)),
    }
}

/// The connection and side of an event; `None` for an event of a listener or the waker.
pub fn source(event: &Event) -> Option<(usize, Side)> {
    let Token(token) = event.token();
    let side = if token.is_multiple_of(2) { Side::Client } else { Side::Target };
    (token < FIRST_LISTENER).then_some((token / 2, side))
}

/// A poll with its waker and its listeners.
#[derive(Debug)]
pub struct Reactor<L> {
    poll: Poll,
    waker: Arc<Waker>,
    listeners: Listeners<L>,
    /// The time by which the connections must have ended, once the driver is stopping.
    stopping_until: Option<Duration>,
}

impl<L: Listener> Reactor<L> {
    /// A reactor without listeners.
    ///
    /// # Errors
    /// The system can't create a poll.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), Token(WAKE))?);
        Ok(Self { poll, waker, listeners: Listeners::default(), stopping_until: None })
    }

    /// Adds listeners.
    ///
    /// # Errors
    /// A listener can't be registered with the poll.
    pub fn listen(&mut self, listeners: Vec<L>) -> io::Result<()> {
        for listener in listeners {
            let token = Token(FIRST_LISTENER.saturating_add(self.listeners.count()));
            self.listeners.add(listener, self.poll.registry(), token)?;
        }
        Ok(())
    }

    /// The registry of the poll, to register sockets with.
    pub fn registry(&self) -> &Registry {
        self.poll.registry()
    }

    /// A waker that ends a [`wait`](Self::wait) from any thread.
    pub fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// A channel for messages from other threads; each message ends a [`wait`](Self::wait).
    pub fn mailbox<M>(&self) -> (Mailbox<M>, Receiver<M>) {
        let (sender, receiver) = channel();
        (Mailbox::new(sender, self.waker()), receiver)
    }

    /// Waits for events, until the deadline at the latest. A driver with more work to do at once passes [`Duration::ZERO`].
    ///
    /// # Errors
    /// The poll fails.
    pub fn wait(&mut self, events: &mut Events, deadline: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, self.timeout(deadline)) {
            // A signal interrupted the poll: no event is reported, and the driver waits again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            polled => polled?,
        }
        let is_called = events.iter().any(|event| (FIRST_LISTENER..WAKE).contains(&event.token().0));
        self.listeners.begin_round(is_called);
        Ok(())
    }

    fn timeout(&self, deadline: Option<Duration>) -> Option<Duration> {
        if self.listeners.may_accept() {
            return Some(Duration::ZERO);
        }
        let next = deadline.into_iter().chain(self.listeners.resume_at()).chain(self.stopping_until).min()?;
        let left = if next.is_zero() { next } else { next.saturating_sub(clock::monotonic()) };
        // A poll's timeout is in whole milliseconds. One more is added, so that the deadline has passed when the poll returns.
        Some(if left.is_zero() { left } else { left.saturating_add(Duration::from_millis(1)) })
    }

    /// Accepts the next waiting client; to be called until it returns [`Accept::Nobody`]. A round, which [`wait`](Self::wait) begins,
    /// accepts only a few.
    pub fn accept(&mut self) -> Accept<L::Accepted> {
        self.listeners.accept()
    }

    /// Stops accepting; the connections have the time `grace` to end.
    pub fn stop(&mut self, grace: Duration) {
        self.listeners.close();
        self.stopping_until = Some(clock::monotonic().saturating_add(grace));
    }

    /// Whether [`stop`](Self::stop) was called.
    pub const fn is_stopping(&self) -> bool {
        self.stopping_until.is_some()
    }

    /// Whether the driver has stopped: no connection is left, or their time to end is over.
    pub fn has_stopped(&self, is_empty: bool) -> bool {
        self.stopping_until.is_some_and(|until| is_empty || clock::monotonic() >= until)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::SocketAddr;

    use mio::Interest;
    use mio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::socket::Socket;
    use crate::stream::Stream;

    fn reactor() -> (Reactor<TcpListener>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut reactor = Reactor::new().unwrap();
        reactor.listen(vec![listener]).unwrap();
        (reactor, address)
    }

    fn accepted(reactor: &mut Reactor<TcpListener>, events: &mut Events) -> TcpStream {
        loop {
            if let Accept::Client((stream, _)) = reactor.accept() {
                return stream;
            }
            reactor.wait(events, None).unwrap();
        }
    }

    #[test]
    fn both_sides_of_a_connection_are_told_apart() {
        let (mut reactor, address) = reactor();
        let mut events = Events::with_capacity(8);
        let mut peers = Vec::new();
        let mut sockets = Vec::new();
        for side in [Side::Client, Side::Target] {
            peers.push(std::net::TcpStream::connect(address).unwrap());
            let mut socket = Socket::new(Stream::Tcp(accepted(&mut reactor, &mut events)));
            socket.register(reactor.registry(), token(7, side), Interest::READABLE).unwrap();
            sockets.push((side, socket));
        }
        for (peer, (side, socket)) in peers.iter_mut().zip(&mut sockets) {
            socket.await_input();
            peer.write_all(b"hello").unwrap();
            while !socket.is_readable() {
                reactor.wait(&mut events, None).unwrap();
                for event in &events {
                    assert_eq!(source(event), Some((7, *side)));
                    socket.ready(event);
                }
            }
            let mut buffer = [0; 16];
            assert_eq!(socket.read(&mut buffer).unwrap(), 5);
            assert!(!socket.is_readable(), "it was all, so the poll tells of more");
        }
    }

    #[test]
    fn a_message_and_a_deadline_end_the_wait() {
        let (mut reactor, _) = reactor();
        let mut events = Events::with_capacity(8);
        reactor.wait(&mut events, None).unwrap();
        assert!(matches!(reactor.accept(), Accept::Nobody));
        let (mailbox, messages) = reactor.mailbox();
        let sender = std::thread::spawn(move || mailbox.send(5).unwrap());
        reactor.wait(&mut events, None).unwrap();
        assert_eq!(messages.recv(), Ok(5));
        assert!(events.iter().all(|event| source(event).is_none()));
        sender.join().unwrap();
        let deadline = clock::monotonic() + Duration::from_millis(5);
        while clock::monotonic() < deadline {
            reactor.wait(&mut events, Some(deadline)).unwrap();
        }
        reactor.wait(&mut events, Some(Duration::ZERO)).unwrap();
    }

    #[test]
    fn a_reactor_that_stops_ends_with_the_last_connection_or_in_time() {
        let (mut reactor, address) = reactor();
        assert!(!reactor.is_stopping() && !reactor.has_stopped(true));
        reactor.stop(Duration::from_millis(5));
        assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
        assert!(reactor.is_stopping() && reactor.has_stopped(true));
        let mut events = Events::with_capacity(8);
        while !reactor.has_stopped(false) {
            reactor.wait(&mut events, None).unwrap();
        }
    }
}
