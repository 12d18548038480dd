//! The dispatcher: makes connections from accepted sockets, and distributes them among the workers.

use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::{TcpStream, UnixStream};
use rustix::net::sockopt;
use sealwire_accounts::ClientHost;
use sealwire_core::facts::Transport;
use sealwire_core::server::{Connection, Peer};

use super::admission::{Admission, Bounds, Client, Listing};
use super::conn::Conn;
use super::descriptors;
use super::load::{Load, choose};
use super::message::Message;
use super::peer::user_of;
use crate::counters::count;
use crate::engine::allow_descriptors;
use crate::session::SessionHandle;
use crate::state::Server;
use sealwire_net::clock;
use sealwire_net::files::user_name;
use sealwire_net::mailbox::Mailbox;
use sealwire_net::network::client_network;
use sealwire_net::stream::Stream;

/// Makes connections from accepted sockets, and distributes them among the workers.
pub(super) struct Dispatcher {
    server: Arc<Server>,
    /// The port for connections that begin with TLS; 0 for none.
    direct_tls_port: u16,
    workers: Vec<Worker>,
    admission: Arc<Admission>,
    /// How many connections without login the file descriptors suffice for.
    most_unauthenticated: usize,
}

/// A worker, as the dispatcher sees it.
struct Worker {
    mailbox: Mailbox<Message>,
    load: Load,
}

impl Worker {
    fn send(&self, message: Message) {
        // An error means that the worker has ended, and needs no message.
        let _ = self.mailbox.send(message);
    }
}

/// Descriptors that the server needs beside its connections: listeners, polls, the log, files that are read.
const OTHER_FILES: usize = 128;

impl Dispatcher {
    /// A dispatcher for the workers with these mailboxes.
    pub(super) fn new(server: Arc<Server>, direct_tls_port: u16, mailboxes: Vec<Mailbox<Message>>) -> Self {
        let sessions = server.globals.max_connections.count();
        let newcomers = server.globals.max_unauthenticated_connections.count();
        // A session may have several files open.
        let wanted = sessions.saturating_mul(8).saturating_add(newcomers).saturating_add(OTHER_FILES);
        let descriptors = descriptors::allow(wanted);
        if descriptors < wanted {
            tracing::warn!(
                "the system allows {descriptors} open files, and max_connections={sessions} asks for {wanted}: when they are \
                 used up, statements fail with error 1041; raise the hard limit of open files, or lower --max-connections"
            );
        }
        // Some are left for those who log in, and for the administrator.
        let others = sessions.saturating_add(descriptors / 8).saturating_add(OTHER_FILES);
        allow_descriptors(descriptors.saturating_sub(others).max(descriptors / 4));
        let most_unauthenticated =
            descriptors.saturating_sub(sessions.saturating_mul(2)).saturating_sub(OTHER_FILES).max(descriptors / 4);
        let workers = mailboxes.into_iter().map(|mailbox| Worker { mailbox, load: Load::default() }).collect();
        Self { server, direct_tls_port, workers, admission: Arc::default(), most_unauthenticated }
    }

    /// Tells the workers that the server is stopping.
    pub(super) fn stop(&self) {
        for worker in &self.workers {
            worker.send(Message::Stop);
        }
    }

    /// Admits a client on the network. If the worker with the number `by`, which accepted the client, is to keep the connection, returns
    /// it; otherwise the connection was sent to another worker.
    pub(super) fn admit_tcp(&self, stream: TcpStream, address: SocketAddr, by: usize) -> Option<Box<Conn>> {
        // Answers are written whole, so Nagle's algorithm would only delay their last part. Keep-alive detects a client's machine that is
        // gone, even while a statement is running.
        let set = stream.set_nodelay(true).and_then(|()| Ok(sockopt::set_socket_keepalive(&stream, true)?));
        if let Err(error) = set {
            tracing::debug!("{address}: {error}");
        }
        let client = if self.server.proxies().contains(address.ip()) {
            Client::Proxy
        } else {
            Client::Network(client_network(address.ip()))
        };
        self.admit_on_network(Stream::Tcp(stream), client, address, Some(by))
    }

    /// Admits a client on the network that another listener in this process has accepted.
    pub(super) fn admit_local(&self, stream: UnixStream, address: SocketAddr) {
        // A page in a browser is no proxy, wherever the browser runs.
        let client = Client::Network(client_network(address.ip()));
        self.admit_on_network(Stream::Unix(stream), client, address, None);
    }

    /// Closes a connection when the system has no more descriptors for a new client.
    pub(super) fn close_oldest(&self) {
        self.admission.close_oldest();
    }

    /// Admits a client of the Unix socket.
    pub(super) fn admit_unix(&self, stream: UnixStream) {
        let uid = user_of(&stream);
        let host = ClientHost::Socket;
        let peer = Peer { transport: Transport::UnixSocket, host: host.to_string(), user: uid.and_then(user_name) };
        let client = if self.server.proxies().has_unix_sockets { Client::Proxy } else { Client::User(uid) };
        self.admit(Stream::Unix(stream), client, host, peer, host.to_string(), None);
    }

    fn admit_on_network(
        &self,
        stream: Stream,
        client: Client,
        address: SocketAddr,
        by: Option<usize>,
    ) -> Option<Box<Conn>> {
        let host = ClientHost::Ip(address.ip());
        let peer = Peer { transport: Transport::Tcp, host: host.to_string(), user: None };
        self.admit(stream, client, host, peer, format!("{host}:{}", address.port()), by)
    }

    fn admit(
        &self,
        stream: Stream,
        client: Client,
        host: ClientHost,
        peer: Peer,
        shown: String,
        by: Option<usize>,
    ) -> Option<Box<Conn>> {
        let server = &self.server;
        let is_direct = self.direct_tls_port != 0
            && matches!(&stream, Stream::Tcp(stream) if stream.local_addr().is_ok_and(|own| own.port() == self.direct_tls_port));
        let (number, worker) = self.worker(by)?;
        count(&server.counters.connections);
        let id = server.registry.next_id();
        let wake = {
            let mailbox = worker.mailbox.clone();
            move || {
                // An error means that the worker has ended, and needs no message.
                let _ = mailbox.send(Message::Wake(id as usize));
            }
        };
        let process = server.registry.enter(id, shown, Box::new(wake.clone()));
        let now = clock::now();
        let mut connection = if is_direct {
            Connection::direct(server.config(), id, peer, None, now)
        } else {
            Connection::new(server.config(), id, peer, now)
        };
        if client == Client::Proxy {
            connection.trust_proxy_header();
        }
        let bounds = Bounds {
            most: server.globals.max_unauthenticated_connections.count().min(self.most_unauthenticated),
            of_one: server.globals.max_unauthenticated_connections_per_address.count(),
        };
        let mut listing = Listing::new(Arc::clone(&self.admission), client, bounds);
        listing.list(&process);
        let session = SessionHandle::new(
            Arc::clone(server),
            Arc::clone(&process),
            server.registry.entry(id),
            host,
            Arc::new(wake),
        );
        let load = worker.load.add();
        let conn = Box::new(Conn::new(stream, connection, session, process, Arc::clone(server), load, listing, now));
        if by == Some(number) {
            return Some(conn);
        }
        worker.send(Message::Accept(conn));
        None
    }

    fn worker(&self, by: Option<usize>) -> Option<(usize, &Worker)> {
        let number = choose(self.workers.iter().map(|worker| worker.load.connections()), by)?;
        Some((number, self.workers.get(number)?))
    }
}
