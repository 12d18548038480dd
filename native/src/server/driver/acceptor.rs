//! The acceptor: listens, counts connections, and hands each to a worker.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpListener, UnixListener};
use mio::{Events, Interest, Poll, Token, Waker};
use sealwire_core::account::ClientHost;
use sealwire_core::facts::Transport;
use sealwire_core::server::{Connection, Peer};

use super::conn::Conn;
use super::peer::{Stream, user_of};
use super::worker::{self, Handle, Message};
use crate::clock;
use crate::server::session::{Session, too_many_connections};
use crate::server::state::Server;
use crate::server::status::count;

/// Where to listen.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Addresses or names, separated by commas; `*` is all addresses. Empty: no network.
    pub(crate) addresses: String,
    /// The port; 0 lets the system choose.
    pub(crate) port: u16,
    /// The Unix socket.
    pub(crate) socket: Option<PathBuf>,
}

/// Sockets that listen.
#[derive(Debug)]
pub(crate) struct Bound {
    tcp: Vec<TcpListener>,
    unix: Option<UnixListener>,
    /// The port in use; 0 without a network.
    pub(crate) port: u16,
    socket: Option<PathBuf>,
}

const WAKE: Token = Token(usize::MAX);
const UNIX: Token = Token(usize::MAX - 1);
/// Where the system has no more descriptors, accepting waits so long.
const PAUSE: Duration = Duration::from_millis(100);
/// Anyone may connect to the socket; accounts decide who gets in.
const SOCKET_MODE: u32 = 0o777;

/// Opens the sockets.
///
/// # Errors
/// A sentence that names the address or path.
pub(crate) fn bind(listen: &Listen) -> Result<Bound, String> {
    let mut tcp: Vec<TcpListener> = Vec::new();
    let mut port = listen.port;
    for name in listen.addresses.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let listener = if name == "*" { bind_all(port) } else { bind_name(name, port) };
        let listener = listener.map_err(|error| {
            let another = error.kind() == io::ErrorKind::AddrInUse;
            let hint = if another { ". Do you already have another server running on it?" } else { "" };
            format!("Can't start server: Bind on TCP/IP port {name}:{port}: {error}{hint}")
        })?;
        // The second address gets the port that the system chose for the first.
        port = listener.local_addr().map_err(|error| error.to_string())?.port();
        tcp.push(listener);
    }
    let unix = listen.socket.as_deref().map(bind_unix).transpose()?;
    let port = if tcp.is_empty() { 0 } else { port };
    Ok(Bound { tcp, unix, port, socket: listen.socket.clone() })
}

fn bind_all(port: u16) -> io::Result<TcpListener> {
    let any6 = SocketAddr::from(([0u16; 8], port));
    // On a machine without IPv6 there is IPv4 alone.
    TcpListener::bind(any6).or_else(|_| TcpListener::bind(SocketAddr::from(([0u8; 4], port))))
}

fn bind_name(name: &str, port: u16) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (name, port).to_socket_addrs()? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_unix(path: &Path) -> Result<UnixListener, String> {
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(format!("Can't start server: another server is running on the socket {}", path.display()));
        }
        std::fs::remove_file(path)
            .map_err(|error| format!("can't remove the old socket {}: {error}", path.display()))?;
    }
    let listener = UnixListener::bind(path)
        .map_err(|error| format!("Can't start server: Bind on unix socket {}: {error}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(SOCKET_MODE))
        .map_err(|error| format!("can't set the mode of {}: {error}", path.display()))?;
    Ok(listener)
}

/// Serves until the server is told to stop. `ready` is called when connections are taken.
///
/// # Errors
/// Where the system gives no poll or thread.
pub(crate) fn serve(server: &Arc<Server>, mut bound: Bound, workers: usize, ready: impl FnOnce()) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKE)?;
    server.on_stop(move || {
        // A poll that can't be woken has ended.
        let _ = waker.wake();
    });
    for (number, listener) in bound.tcp.iter_mut().enumerate() {
        poll.registry().register(listener, Token(number), Interest::READABLE)?;
    }
    if let Some(listener) = &mut bound.unix {
        poll.registry().register(listener, UNIX, Interest::READABLE)?;
    }
    let mut handles = Vec::new();
    let mut threads = Vec::new();
    for number in 0..workers.max(1) {
        let (handle, thread) = worker::start(number)?;
        handles.push(handle);
        threads.push(thread);
    }
    let mut acceptor = Acceptor { server: Arc::clone(server), handles, next: 0, pausing: false };
    ready();
    let mut events = Events::with_capacity(64);
    while !server.is_stopping() {
        let timeout = acceptor.pausing.then_some(PAUSE);
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        acceptor.pausing = false;
        // After a pause nothing is announced again, so all are asked.
        acceptor.accept_all(&bound);
    }
    drop(bound.tcp);
    drop(bound.unix);
    if let Some(path) = &bound.socket {
        // Someone may have removed it before us.
        let _ = std::fs::remove_file(path);
    }
    for handle in &acceptor.handles {
        handle.send(Message::Stop);
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a worker ended in a panic");
        }
    }
    Ok(())
}

struct Acceptor {
    server: Arc<Server>,
    handles: Vec<Handle>,
    next: usize,
    pausing: bool,
}

impl Acceptor {
    fn accept_all(&mut self, bound: &Bound) {
        for listener in &bound.tcp {
            while let Some((stream, address)) = self.next_of(listener.accept()) {
                // Answers are sent whole; without this the kernel would hold the last part back.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("{address}: {error}");
                }
                let host = ClientHost::Ip(address.ip());
                let peer = Peer { transport: Transport::Tcp, host: host.to_string(), user: None };
                self.admit(Stream::Tcp(stream), host, peer, format!("{host}:{}", address.port()));
            }
        }
        if let Some(listener) = &bound.unix {
            while let Some((stream, _)) = self.next_of(listener.accept()) {
                let user = user_of(&stream);
                let host = ClientHost::Socket;
                let peer = Peer { transport: Transport::UnixSocket, host: host.to_string(), user };
                self.admit(Stream::Unix(stream), host, peer, host.to_string());
            }
        }
    }

    fn next_of<T>(&mut self, accepted: io::Result<T>) -> Option<T> {
        match accepted {
            Ok(accepted) => Some(accepted),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            // The client went away between its call and our answer.
            Err(error)
                if error.kind() == io::ErrorKind::ConnectionAborted || error.kind() == io::ErrorKind::Interrupted =>
            {
                self.pausing = true;
                None
            }
            Err(error) => {
                tracing::warn!("can't accept a connection: {error}");
                self.pausing = true;
                None
            }
        }
    }

    fn admit(&mut self, stream: Stream, host: ClientHost, peer: Peer, shown: String) {
        let server = &self.server;
        let Some(handle) = self.handles.get(self.next % self.handles.len().max(1)).cloned() else { return };
        self.next = self.next.wrapping_add(1);
        count(&server.counters.connections);
        let id = server.registry.next_id();
        let look = {
            let handle = handle.clone();
            move || handle.send(Message::Look(id))
        };
        let presence = server.registry.enter(id, shown, Box::new(look.clone()));
        let connected = server.registry.len();
        server.counters.max_used_connections.fetch_max(connected as u64, std::sync::atomic::Ordering::Relaxed);
        let now = clock::now();
        // One more than there may be is let in as far as its login: it may be an administrator.
        let most = usize::try_from(server.globals.number("max_connections")).unwrap_or(usize::MAX).saturating_add(1);
        let connection = if connected > most {
            count(&server.counters.refused_connections);
            Connection::refused(server.config(), id, peer, too_many_connections(), now)
        } else {
            Connection::new(server.config(), id, peer, now)
        };
        let session = Session::new(Arc::clone(server), Arc::clone(&presence), host, Arc::new(look));
        let conn = Conn::new(stream, connection, session, presence, Arc::clone(server), now);
        handle.send(Message::Accept(id, Box::new(conn)));
    }
}
