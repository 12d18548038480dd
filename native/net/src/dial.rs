//! Connects a client's connection to its target: the target's addresses are tried one after the other.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Registry};

use super::reactor::{Side, token};
use super::socket::Socket;
use super::stream::Stream;

/// A target that is being connected.
#[derive(Debug)]
pub struct Dial {
    /// The number of the connection.
    id: usize,
    /// The current attempt; `None` while the host is looked up.
    attempt: Option<Attempt>,
    /// When dialling is given up.
    until: Duration,
}

#[derive(Debug)]
struct Attempt {
    stream: TcpStream,
    /// The addresses to try afterwards.
    rest: VecDeque<SocketAddr>,
    /// When the next address is tried.
    until: Duration,
    /// Whether the poll reported an event for the socket.
    is_ready: bool,
}

/// Why a target can't be connected.
#[derive(Debug)]
pub enum DialError {
    /// Its host has no address.
    HostUnknown(io::Error),
    /// The time for dialling is over.
    TimedOut,
    /// The error of the last address.
    Failed(io::Error),
}

impl Dial {
    /// Begins for the connection of this number, while the host is looked up.
    pub const fn new(id: usize, until: Duration) -> Self {
        Self { id, attempt: None, until }
    }

    /// Takes the addresses of the target's host.
    ///
    /// # Errors
    /// There are no addresses, or none can be tried.
    pub fn resolved(
        &mut self,
        found: io::Result<Vec<SocketAddr>>,
        registry: &Registry,
        now: Duration,
    ) -> Result<(), DialError> {
        let addresses = found.map_err(DialError::HostUnknown)?;
        self.connect(addresses.into(), ErrorKind::AddrNotAvailable.into(), registry, now)
    }

    /// Notes that the poll reported an event for the target's socket.
    pub const fn ready(&mut self) {
        if let Some(attempt) = &mut self.attempt {
            attempt.is_ready = true;
        }
    }

    /// The target's socket, once it is connected.
    ///
    /// # Errors
    /// The target can't be connected.
    pub fn advance(&mut self, registry: &Registry, now: Duration) -> Result<Option<Socket>, DialError> {
        if now >= self.until {
            return Err(DialError::TimedOut);
        }
        let is_called = |attempt: &mut Attempt| attempt.is_ready || now >= attempt.until;
        let Some(mut attempt) = self.attempt.take_if(is_called) else { return Ok(None) };
        let error = match attempt.stream.take_error() {
            Ok(Some(error)) | Err(error) => error,
            Ok(None) if now >= attempt.until => ErrorKind::TimedOut.into(),
            Ok(None) if attempt.stream.peer_addr().is_ok() => {
                if let Err(error) = attempt.stream.set_nodelay(true) {
                    tracing::debug!("a target's socket: {error}");
                }
                return Ok(Some(Socket::new(Stream::Tcp(attempt.stream))));
            }
            Ok(None) => {
                attempt.is_ready = false;
                self.attempt = Some(attempt);
                return Ok(None);
            }
        };
        drop(attempt.stream);
        self.connect(attempt.rest, error, registry, now)?;
        Ok(None)
    }

    /// Tries the next address; each has its share of the time. `error` is the error of the previous address.
    fn connect(
        &mut self,
        mut rest: VecDeque<SocketAddr>,
        mut error: io::Error,
        registry: &Registry,
        now: Duration,
    ) -> Result<(), DialError> {
        while let Some(address) = rest.pop_front() {
            let tried = TcpStream::connect(address).and_then(|mut stream| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                registry.register(&mut stream, token(self.id, Side::Target), interest)?;
                Ok(stream)
            });
            match tried {
                Ok(stream) => {
                    let shares = u32::try_from(rest.len()).unwrap_or(u32::MAX).saturating_add(1);
                    let share = self.until.saturating_sub(now).checked_div(shares).unwrap_or_default();
                    let until = now.saturating_add(share);
                    self.attempt = Some(Attempt { stream, rest, until, is_ready: false });
                    return Ok(());
                }
                Err(new) => error = new,
            }
        }
        Err(DialError::Failed(error))
    }

    /// When the dial must advance even if no event occurs.
    pub fn deadline(&self) -> Duration {
        self.attempt.as_ref().map_or(self.until, |attempt| attempt.until.min(self.until))
    }
}
