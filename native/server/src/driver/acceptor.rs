//! The acceptor: opens the listening sockets, starts the workers, which accept on the network themselves, and accepts the clients of the
//! Unix socket and of the in-process connector.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use mio::Events;
use mio::net::{TcpListener, UnixListener, UnixStream};

use super::dispatcher::Dispatcher;
use super::local_connector::LocalConnector;
use super::unix_socket::{self, SocketFile};
use super::worker::{self, GRACE, WorkerSlot};
use crate::state::Server;
use sealwire_net::accept::Accept;
use sealwire_net::reactor::Reactor;
use sealwire_net::{clock, listen};

/// The addresses to listen at.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    /// Addresses or names, separated by commas; `*` means all addresses. Empty for no network.
    pub(crate) addresses: String,
    /// The port; 0 lets the system choose.
    pub(crate) port: u16,
    /// The port for connections that begin with TLS; 0 for none.
    pub(crate) direct_tls_port: u16,
    /// The path of the Unix socket.
    pub(crate) socket: Option<PathBuf>,
}

/// The listening sockets.
#[derive(Debug)]
pub(crate) struct Bound {
    tcp: Vec<TcpListener>,
    /// The port in use; 0 without a network.
    pub(crate) port: u16,
    /// The port for connections that begin with TLS; 0 for none.
    direct_tls_port: u16,
    reactor: Reactor<UnixListener>,
    socket: Option<SocketFile>,
    /// Clients that the WebSocket listener in this process has accepted.
    clients: Receiver<(UnixStream, SocketAddr)>,
    connector: LocalConnector,
}

impl Bound {
    /// The connector for clients that another listener in this process accepts.
    pub(crate) fn connector(&self) -> LocalConnector {
        self.connector.clone()
    }
}

/// The options of addresses and port.
const OPTIONS: listen::Options<'_> = listen::Options { address: "--bind-address", port: "--port" };

/// How long a worker may run beyond the time that connections have to end; then it counts as stuck.
const STUCK: Duration = Duration::from_secs(1);

/// Opens the listening sockets.
///
/// # Errors
/// A sentence that names the address or path.
pub(crate) fn bind(listen: &Listen) -> Result<Bound, String> {
    let (mut tcp, port) = listen::bind(&listen.addresses, listen.port, OPTIONS)?;
    let direct_tls_port = listen.direct_tls_port;
    if direct_tls_port != 0 {
        let options = listen::Options { port: "--direct-tls-port", ..OPTIONS };
        tcp.extend(listen::bind(&listen.addresses, direct_tls_port, options)?.0);
    }
    let (unix, socket) = listen.socket.as_deref().map(unix_socket::bind).transpose()?.unzip();
    let told = |error: io::Error| format!("Can't start server: can't poll: {error}");
    let mut reactor = Reactor::new().map_err(told)?;
    reactor.listen(unix.into_iter().collect()).map_err(told)?;
    let (mailbox, clients) = reactor.mailbox();
    Ok(Bound { tcp, port, direct_tls_port, reactor, socket, clients, connector: LocalConnector::new(mailbox) })
}

/// Serves until the server is told to stop. `ready` is called when connections are accepted.
///
/// # Errors
/// The poll fails, or the system gives no thread.
pub(crate) fn serve(server: &Arc<Server>, bound: Bound, workers: usize, ready: impl FnOnce()) -> io::Result<()> {
    let Bound { tcp, direct_tls_port, mut reactor, socket, clients, .. } = bound;
    let waker = reactor.waker();
    server.on_stop(move || {
        // An error means that the poll, and so the acceptor, has ended.
        let _ = waker.wake();
    });
    let slots = (0..workers.max(1)).map(|_| WorkerSlot::new()).collect::<io::Result<Vec<_>>>()?;
    let mailboxes = slots.iter().map(WorkerSlot::mailbox).collect();
    let dispatcher = Arc::new(Dispatcher::new(Arc::clone(server), direct_tls_port, mailboxes));
    let mut listeners = vec![tcp];
    for _ in 1..slots.len() {
        let more = listeners.first().into_iter().flatten().map(listen::beside).collect::<io::Result<_>>()?;
        listeners.push(more);
    }
    let mut threads = Vec::new();
    let (ended, end) = channel();
    for (number, (slot, listeners)) in slots.into_iter().zip(listeners).enumerate() {
        threads.push(worker::start(number, slot, Arc::clone(&dispatcher), listeners, ended.clone())?);
    }
    drop(ended);
    ready();
    let mut events = Events::with_capacity(64);
    while !server.is_stopping() {
        let next_warnings = clock::monotonic().saturating_add(server.tls.repeat_warnings());
        reactor.wait(&mut events, Some(next_warnings))?;
        while let Ok((stream, address)) = clients.try_recv() {
            dispatcher.admit_local(stream, address);
        }
        loop {
            match reactor.accept() {
                Accept::Client(stream) => dispatcher.admit_unix(stream),
                Accept::NoDescriptor => dispatcher.close_oldest(),
                Accept::Nobody => break,
            }
        }
    }
    reactor.stop(Duration::ZERO);
    drop(socket);
    dispatcher.stop();
    // A thread that is stuck in a statement must not keep the process from ending.
    if end.recv_timeout(GRACE.saturating_add(STUCK)) == Err(RecvTimeoutError::Timeout) {
        tracing::error!("a worker is still busy with a statement: the server exits without waiting for it");
        threads.retain(JoinHandle::is_finished);
    }
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a worker ended in a panic");
        }
    }
    Ok(())
}
