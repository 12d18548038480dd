//! Sockets that the client connects.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use sealwire_net::closing::read_to_the_end;
use sealwire_net::{bound, clock};

use super::address::Address;
use super::error::ClientError;

/// How long the peer has to read the last bytes and to close.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// A connected socket of either family.
#[derive(Debug)]
pub enum Socket {
    /// Over the network.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
}

impl Socket {
    /// Connects. A host's addresses are tried one after the other, within `timeout` in all.
    ///
    /// # Errors
    /// The host has no address, or none of its addresses accepts the connection.
    pub fn connect(address: &Address, timeout: Duration) -> Result<Self, ClientError> {
        Self::connect_from(address, None, timeout)
    }

    /// As [`Self::connect`], from a local address: an IP address of this machine, or a host name that stands for one. It does not concern a
    /// Unix socket.
    ///
    /// # Errors
    /// As [`Self::connect`], and where the local address is none of this machine's, or of another family than the host's addresses.
    pub fn connect_from(address: &Address, local: Option<&str>, timeout: Duration) -> Result<Self, ClientError> {
        let failed = |error| ClientError::Connect { address: address.clone(), error };
        let (host, port) = match address {
            Address::Unix(path) => return UnixStream::connect(path).map(Self::Unix).map_err(failed),
            Address::Tcp { host, port } => (host.as_str(), *port),
        };
        let unknown = || ClientError::UnknownHost { host: host.to_owned() };
        let locals: Vec<SocketAddr> = match local {
            Some(local) => (local, 0).to_socket_addrs().map_err(failed)?.collect(),
            None => Vec::new(),
        };
        let deadline = Instant::now().checked_add(timeout);
        let mut last = None;
        for target in (host, port).to_socket_addrs().map_err(|_| unknown())? {
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            let left = left.max(Duration::from_millis(1));
            let connected = match locals.iter().find(|local| local.is_ipv4() == target.is_ipv4()) {
                Some(local) => bound::connect(*local, target, left),
                None if local.is_some() => Err(io::ErrorKind::AddrNotAvailable.into()),
                None => TcpStream::connect_timeout(&target, left),
            };
            match connected {
                Ok(stream) => {
                    // Requests are written whole, so Nagle's algorithm would only delay them by the time of an acknowledgement.
                    stream.set_nodelay(true).map_err(failed)?;
                    return Ok(Self::Tcp(stream));
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(unknown, failed))
    }

    /// Sets how long a read may wait; `None` means without limit.
    pub(super) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
            Self::Unix(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// Shuts down writing, and reads until the peer closes, for [`CLOSING_TIME`] at most.
    pub(super) fn close(&mut self) {
        // An error means that the peer is gone, which needs no further handling.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        let until = clock::monotonic().saturating_add(CLOSING_TIME);
        // The socket is closed next, whatever the peer has done.
        let _ = read_to_the_end(until, |discarded, left| {
            self.set_read_timeout(Some(left))?;
            self.read(discarded)
        });
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Unix(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
        }
    }
}
