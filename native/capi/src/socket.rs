//! The socket under a connection.

use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_keepalive, socket_error};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, bind, connect, recv, send, shutdown,
    socket_with,
};
use sealwire_core::SqlError;
use sealwire_core::facts::Transport;

use super::failure;
use super::waits::Mode;

/// How long the peer has to read the last bytes of a connection that failed.
pub(crate) const CLOSING_TIME: Duration = Duration::from_millis(200);

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
    /// Connects to a Unix socket, which is done at once. Where the server's queue is full, only a blocking call waits.
    pub(crate) fn to_unix(path: &Path, mode: Mode) -> Result<Self, SqlError> {
        let connected = match mode {
            Mode::Blocking => UnixStream::connect(path),
            Mode::NonBlocking { .. } => unix_now(path),
        };
        connected.map(Self::Unix).map_err(|error| {
            let number = error.raw_os_error().unwrap_or_default();
            if [Errno::MFILE, Errno::NFILE].iter().any(|full| full.raw_os_error() == number) {
                return failure::hy000(2001, format!("Can't create UNIX socket ({number})"));
            }
            let text = format!("Can't connect to local MySQL server through socket '{}' ({number})", path.display());
            failure::hy000(2002, text)
        })
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
        self.receive_behind(bytes, most, RecvFlags::empty())
    }

    /// As [`Self::read_behind`], but only what is there. Without bytes the error is `WouldBlock`.
    pub(crate) fn read_now_behind(&self, bytes: &mut Vec<u8>, most: usize) -> io::Result<usize> {
        self.receive_behind(bytes, most, RecvFlags::DONTWAIT)
    }

    /// Receives into memory that may be refused, because the server decides how much of it a packet takes.
    fn receive_behind(&self, bytes: &mut Vec<u8>, most: usize, flags: RecvFlags) -> io::Result<usize> {
        if bytes.try_reserve(most).is_err() && bytes.try_reserve_exact(most).is_err() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let room = bytes.spare_capacity_mut().get_mut(..most).unwrap_or_default();
        // Not `read`, because the program may have put another file into the descriptor's place, for which this is an error.
        let ((read, _), _) = recv(self.borrowed(), room, flags)?;
        let (read, length) = (read.len(), bytes.len());
        // SAFETY: the system has written this many bytes behind the vector's, within its capacity.
        unsafe { bytes.set_len(length + read) };
        Ok(read)
    }

    /// Reads into a buffer.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.borrowed(), buffer, RecvFlags::empty())?.0)
    }

    /// As [`Self::read`], but only what is there. Without bytes the error is `WouldBlock`.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.borrowed(), buffer, RecvFlags::DONTWAIT)?.0)
    }

    /// Writes what the socket takes at once, if anything.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            match send(self.borrowed(), rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(length) => sent += length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(sent)
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

    /// Tells the peer that nothing follows.
    pub(crate) fn end_writing(&self) {
        // An error means that the peer is gone, which needs no further handling.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }
}

/// Shuts both directions of a socket down, so that another thread's read returns.
pub(crate) fn shut_down(descriptor: RawFd) -> io::Result<()> {
    if descriptor < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: the descriptor is borrowed for this call alone. If it is closed or no socket, the system says so.
    let socket = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Ok(shutdown(socket, rustix::net::Shutdown::Both)?)
}

/// The addresses of a host. The system's resolver blocks.
pub(crate) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, SqlError> {
    let unknown = |why: &str| failure::hy000(2005, format!("Unknown MySQL server host '{host}' ({why})"));
    let found = (host, port).to_socket_addrs().map_err(|error| unknown(&error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() { Err(unknown("no address")) } else { Ok(addresses) }
}

/// The server's address, and the one of this machine from which it is to be reached, if not the system chooses that.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) to: SocketAddr,
    pub(crate) from: Option<SocketAddr>,
}

/// Why there is no TCP connection.
pub(crate) enum NotReached {
    /// The system gives the process no socket.
    Socket(Errno),
    /// This machine's address can't be used.
    Bind(io::Error),
    /// The server can't be reached.
    Connect(io::Error),
}

impl From<io::Error> for NotReached {
    fn from(error: io::Error) -> Self {
        Self::Connect(error)
    }
}

impl From<Errno> for NotReached {
    fn from(error: Errno) -> Self {
        Self::Connect(error.into())
    }
}

/// A TCP connection that is being made.
pub(crate) struct Connecting(OwnedFd);

impl Connecting {
    /// Begins to connect; the descriptor is writable once that is over.
    pub(crate) fn begin(route: Route) -> Result<Self, NotReached> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let family = if route.to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = socket_with(family, SocketType::STREAM, flags, None).map_err(NotReached::Socket)?;
        if let Some(from) = route.from {
            bind(&socket, &from).map_err(|error| NotReached::Bind(error.into()))?;
        }
        match connect(&socket, &route.to) {
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(Self(socket)),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Whether connecting is over. A blocking call waits, for `most` at most.
    pub(crate) fn is_over(&self, most: Duration) -> io::Result<bool> {
        let most = Timespec::try_from(most).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut sockets = [PollFd::new(&self.0, PollFlags::OUT)];
        match poll(&mut sockets, Some(&most)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The connection, or the reason why there is none.
    pub(crate) fn end(self) -> io::Result<Socket> {
        socket_error(&self.0)??;
        let stream = TcpStream::from(self.0);
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        set_socket_keepalive(&stream, true)?;
        Ok(Socket::Tcp(stream))
    }
}

fn unix_now(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}
