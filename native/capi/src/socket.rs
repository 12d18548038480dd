//! The blocking socket under a connection.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_keepalive;
use rustix::net::{RecvFlags, recv};
use sealwire_core::SqlError;
use sealwire_core::facts::Transport;

use super::failure;

/// How long the peer has to read the last bytes of a connection that failed.
const CLOSING_TIME: Duration = Duration::from_millis(200);

/// The server's address.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    /// A host and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    pub(crate) const fn transport(&self) -> Transport {
        match self {
            Self::Tcp(..) => Transport::Tcp,
            Self::Unix(_) => Transport::UnixSocket,
        }
    }
}

/// A connected socket. Writing to a peer that is gone raises no SIGPIPE, because std sends with MSG_NOSIGNAL.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Connects; a host's addresses are tried one after the other, within `timeout` in all.
    pub(crate) fn connect(address: &Address, timeout: Duration) -> Result<Self, SqlError> {
        match address {
            Address::Unix(path) => UnixStream::connect(path).map(Self::Unix).map_err(|error| no_socket(path, &error)),
            Address::Tcp(host, port) => connect_tcp(host, *port, timeout).map(Self::Tcp),
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.borrowed().as_raw_fd()
    }

    fn borrowed(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }

    /// Sets how long a read may wait; `None` is without limit.
    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
            Self::Unix(stream) => stream.set_read_timeout(timeout),
        }
    }

    /// Sets how long a write may wait; `None` is without limit.
    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(timeout),
            Self::Unix(stream) => stream.set_write_timeout(timeout),
        }
    }

    /// Reads up to `most` bytes to the end of a vector.
    pub(crate) fn read_behind(&self, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        bytes.reserve(most);
        let room = bytes.spare_capacity_mut().get_mut(..most).unwrap_or_default();
        let (read, _) = rustix::io::read(self.borrowed(), room)?;
        let (read, length) = (read.len(), bytes.len());
        // SAFETY: the system has written this many bytes behind the vector's, within its capacity.
        unsafe { bytes.set_len(length + read) };
        Ok(read)
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Whether a read would return at once: with bytes, or because the peer has closed.
    pub(crate) fn is_readable(&self) -> bool {
        let peeked = recv(self.borrowed(), &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        !matches!(peeked, Err(Errno::AGAIN | Errno::INTR))
    }

    /// Shuts both directions down, so that another thread's read returns.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        }
    }

    /// Ends writing, and reads until the peer closes, for [`CLOSING_TIME`] at most, because closing a socket with unread bytes resets the
    /// connection, and a reset discards an alert that the peer has not read yet.
    pub(crate) fn close_after_alert(&mut self) {
        // An error means that the peer is gone, which needs no further handling.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        let start = Instant::now();
        let mut discarded = vec![0; 16 * 1024];
        while let Some(left) = CLOSING_TIME.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            if self.set_read_timeout(Some(left)).is_err() {
                break;
            }
            match self.read(&mut discarded) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
    }
}

fn connect_tcp(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, SqlError> {
    let unknown = |why: &str| failure::hy000(2005, format!("Unknown MySQL server host '{host}' ({why})"));
    let addresses = (host, port).to_socket_addrs().map_err(|error| unknown(&error.to_string()))?;
    let deadline = Instant::now().checked_add(timeout);
    let mut last = None;
    for address in addresses {
        let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
        let connected = TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1)));
        match connected.and_then(|stream| prepare(&stream).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(
        || unknown("no address"),
        |error| {
            let reason = error.raw_os_error().map_or_else(|| error.to_string(), |number| number.to_string());
            failure::hy000(2002, format!("Can't connect to MySQL server on '{host}:{port}' ({reason})"))
        },
    ))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    Ok(set_socket_keepalive(stream, true)?)
}

fn no_socket(path: &Path, error: &io::Error) -> SqlError {
    let number = error.raw_os_error().unwrap_or_default();
    failure::hy000(2002, format!("Can't connect to local MySQL server through socket '{}' ({number})", path.display()))
}
