//! The acceptor: listens, counts connections, and hands each to a worker.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use mio::net::{TcpListener, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Token, Waker};
use sealwire_core::account::ClientHost;
use sealwire_core::facts::Transport;
use sealwire_core::server::{Connection, Peer};

use super::conn::Conn;
use super::door::Door;
use super::peer::user_of;
use super::worker::{self, Handle, Message};
use crate::clock;
use crate::listen;
use crate::server::session::{Session, too_many_connections};
use crate::server::state::Server;
use crate::server::status::count;
use crate::stream::Stream;

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
    poll: Poll,
    waker: Arc<Waker>,
    /// Clients that were accepted elsewhere.
    entering: Receiver<(UnixStream, SocketAddr)>,
    entrance: Sender<(UnixStream, SocketAddr)>,
}

impl Bound {
    /// The way in for clients that are accepted elsewhere.
    pub(crate) fn door(&self) -> Door {
        Door::new(self.entrance.clone(), Arc::clone(&self.waker))
    }
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
    let (tcp, port) = listen::bind(&listen.addresses, listen.port)?;
    let unix = listen.socket.as_deref().map(bind_unix).transpose()?;
    let told = |error: io::Error| format!("Can't start server: can't poll: {error}");
    let poll = Poll::new().map_err(told)?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE).map_err(told)?);
    let (entrance, entering) = channel();
    Ok(Bound { tcp, unix, port, socket: listen.socket.clone(), poll, waker, entering, entrance })
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
/// Where the system does not poll or gives no thread.
pub(crate) fn serve(server: &Arc<Server>, mut bound: Bound, workers: usize, ready: impl FnOnce()) -> io::Result<()> {
    let waker = Arc::clone(&bound.waker);
    server.on_stop(move || {
        // A poll that can't be woken has ended.
        let _ = waker.wake();
    });
    for (number, listener) in bound.tcp.iter_mut().enumerate() {
        bound.poll.registry().register(listener, Token(number), Interest::READABLE)?;
    }
    if let Some(listener) = &mut bound.unix {
        bound.poll.registry().register(listener, UNIX, Interest::READABLE)?;
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
        match bound.poll.poll(&mut events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        // After a pause nothing is announced again, so all are asked.
        let all = std::mem::take(&mut acceptor.pausing);
        acceptor.accept(&bound, |token| all || events.iter().any(|event| event.token() == token));
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
    /// Takes every connection that waits at a listener of which `is_ready` says so.
    fn accept(&mut self, bound: &Bound, is_ready: impl Fn(Token) -> bool) {
        for (_, listener) in bound.tcp.iter().enumerate().filter(|(number, _)| is_ready(Token(*number))) {
            while let Some((stream, address)) = self.next_of(listener.accept()) {
                // Answers are sent whole; without this the kernel would hold the last part back.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("{address}: {error}");
                }
                self.admit_on_network(Stream::Tcp(stream), address);
            }
        }
        while let Ok((stream, address)) = bound.entering.try_recv() {
            self.admit_on_network(Stream::Unix(stream), address);
        }
        if let Some(listener) = bound.unix.as_ref().filter(|_| is_ready(UNIX)) {
            while let Some((stream, _)) = self.next_of(listener.accept()) {
                let user = user_of(&stream);
                let host = ClientHost::Socket;
                let peer = Peer { transport: Transport::UnixSocket, host: host.to_string(), user };
                self.admit(Stream::Unix(stream), host, peer, host.to_string());
            }
        }
    }

    fn admit_on_network(&mut self, stream: Stream, address: SocketAddr) {
        let host = ClientHost::Ip(address.ip());
        let peer = Peer { transport: Transport::Tcp, host: host.to_string(), user: None };
        self.admit(stream, host, peer, format!("{host}:{}", address.port()));
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
