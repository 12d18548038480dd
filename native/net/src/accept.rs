//! Accepts clients: a few in each round, and after a pause when the system has no more descriptors.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Interest, Registry, Token};

use super::clock;

/// The most clients accepted in a round, because the open connections must advance too.
const MOST_ACCEPTED: usize = 32;
/// How long accepting pauses when the system has no more descriptors, or fails.
const PAUSE: Duration = Duration::from_millis(100);
/// The process or the system has no more descriptors (EMFILE).
const MFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const NFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();

/// A listening socket.
pub trait Listener: Source {
    /// An accepted client.
    type Accepted;

    /// Accepts a client.
    ///
    /// # Errors
    /// The system's error; `WouldBlock` where no client waits.
    fn accept(&self) -> io::Result<Self::Accepted>;
}

impl Listener for TcpListener {
    type Accepted = (TcpStream, SocketAddr);

    fn accept(&self) -> io::Result<Self::Accepted> {
        Self::accept(self)
    }
}

impl Listener for UnixListener {
    type Accepted = UnixStream;

    fn accept(&self) -> io::Result<Self::Accepted> {
        Ok(Self::accept(self)?.0)
    }
}

/// The result of accepting.
#[derive(Debug)]
pub enum Accept<T> {
    /// An accepted client.
    Client(T),
    /// A client waits, and the system has no descriptor for it. If the driver closes a connection, the client is accepted after the pause.
    /// The driver should call again, because other listeners may have clients.
    NoDescriptor,
    /// No client waits, or the round is over: the driver calls [`wait`](super::reactor::Reactor::wait) next.
    Nobody,
}

/// The listeners of a reactor.
#[derive(Debug)]
pub(super) struct Listeners<L> {
    listeners: Vec<L>,
    /// Whether clients may be waiting.
    may_accept: bool,
    /// The listener to ask next in this round, and how many clients it may still accept.
    next: usize,
    left: usize,
    /// When the pause of accepting ends.
    resume_at: Option<Duration>,
}

impl<L> Default for Listeners<L> {
    fn default() -> Self {
        Self { listeners: Vec::new(), may_accept: false, next: 0, left: MOST_ACCEPTED, resume_at: None }
    }
}

impl<L: Listener> Listeners<L> {
    pub(super) const fn count(&self) -> usize {
        self.listeners.len()
    }

    pub(super) fn add(&mut self, mut listener: L, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut listener, token, Interest::READABLE)?;
        self.listeners.push(listener);
        // The poll does not announce a client that came before the listener was registered.
        self.may_accept = true;
        Ok(())
    }

    pub(super) fn close(&mut self) {
        *self = Self::default();
    }

    pub(super) const fn may_accept(&self) -> bool {
        self.may_accept
    }

    pub(super) const fn resume_at(&self) -> Option<Duration> {
        self.resume_at
    }

    /// Begins a round; `is_called` where the poll reported a waiting client.
    pub(super) fn begin_round(&mut self, is_called: bool) {
        (self.next, self.left) = (0, MOST_ACCEPTED);
        self.may_accept |= is_called || self.resume_at.take_if(|at| *at <= clock::monotonic()).is_some();
    }

    pub(super) fn accept(&mut self) -> Accept<L::Accepted> {
        while self.may_accept && self.left > 0 {
            let Some(listener) = self.listeners.get(self.next) else {
                self.may_accept = false;
                break;
            };
            match listener.accept() {
                Ok(client) => {
                    self.left = self.left.saturating_sub(1);
                    return Accept::Client(client);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.next = self.next.saturating_add(1),
                // The client closed before it was accepted; another may wait.
                Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) => {
                    self.left = self.left.saturating_sub(1);
                }
                Err(error) => {
                    tracing::warn!("can't accept a connection: {error}");
                    self.next = self.next.saturating_add(1);
                    self.resume_at = Some(clock::monotonic().saturating_add(PAUSE));
                    if error.raw_os_error().is_some_and(|code| [MFILE, NFILE].contains(&code)) {
                        return Accept::NoDescriptor;
                    }
                }
            }
        }
        Accept::Nobody
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// A listener that returns these results, then `WouldBlock`.
    struct Scripted(RefCell<VecDeque<io::Result<u32>>>);

    impl Scripted {
        fn new(answers: impl IntoIterator<Item = io::Result<u32>>) -> Self {
            Self(RefCell::new(answers.into_iter().collect()))
        }
    }

    impl Source for Scripted {
        fn register(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
            Ok(())
        }

        fn reregister(&mut self, _: &Registry, _: Token, _: Interest) -> io::Result<()> {
            Ok(())
        }

        fn deregister(&mut self, _: &Registry) -> io::Result<()> {
            Ok(())
        }
    }

    impl Listener for Scripted {
        type Accepted = u32;

        fn accept(&self) -> io::Result<u32> {
            self.0.borrow_mut().pop_front().unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
        }
    }

    fn listeners(all: impl IntoIterator<Item = Scripted>) -> Listeners<Scripted> {
        let mut listeners = Listeners { listeners: all.into_iter().collect(), ..Listeners::default() };
        listeners.begin_round(true);
        listeners
    }

    fn clients(listeners: &mut Listeners<Scripted>) -> Vec<u32> {
        let next = || match listeners.accept() {
            Accept::Client(client) => Some(client),
            Accept::NoDescriptor | Accept::Nobody => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn a_round_has_an_end() {
        let mut listeners = listeners([Scripted::new((0..40).map(Ok)), Scripted::new([Ok(40)])]);
        assert_eq!(clients(&mut listeners).len(), MOST_ACCEPTED);
        assert!(listeners.may_accept(), "the others come in the next round, though nothing is announced");
        listeners.begin_round(false);
        assert_eq!(clients(&mut listeners), (32..=40).collect::<Vec<_>>());
        assert!(!listeners.may_accept());
    }

    #[test]
    fn a_client_that_went_away_keeps_nobody_waiting() {
        let gone = || Err(io::ErrorKind::ConnectionAborted.into());
        let mut listeners = listeners([Scripted::new([gone(), Ok(1), gone(), Ok(2)])]);
        assert_eq!(clients(&mut listeners), [1, 2]);
        assert_eq!(listeners.resume_at(), None);
    }

    #[test]
    fn accepting_pauses_without_descriptors() {
        let full = || Err(io::Error::from_raw_os_error(MFILE));
        let mut listeners = listeners([Scripted::new([full(), Ok(1)]), Scripted::new([Ok(2)])]);
        assert!(matches!(listeners.accept(), Accept::NoDescriptor));
        assert_eq!(clients(&mut listeners), [2], "the other listener is asked all the same");
        assert!(!listeners.may_accept());
        assert!(listeners.resume_at().is_some());
        listeners.resume_at = Some(clock::monotonic());
        listeners.begin_round(false);
        assert_eq!(clients(&mut listeners), [1]);
        assert_eq!(listeners.resume_at(), None);
    }
}
