//! The gate: makes connections of accepted sockets, and shares them out among the workers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use mio::net::{TcpStream, UnixStream};
use rustix::net::sockopt;
use sealwire_accounts::ClientHost;
use sealwire_core::facts::Transport;
use sealwire_core::server::{Connection, Peer};

use super::admission::{Admission, Bounds, Client, Listing};
use super::conn::Conn;
use super::descriptors;
use super::peer::user_of;
use super::worker::{Handle, Message};
use crate::counters::count;
use crate::session::SessionHandle;
use crate::state::Server;
use sealwire_net::clock;
use sealwire_net::files::user_name;
use sealwire_net::stream::Stream;

/// See the module.
pub(super) struct Gate {
    server: Arc<Server>,
    workers: Vec<Worker>,
    admission: Arc<Admission>,
    /// What the system has room for of connections that are not logged in.
    room: usize,
}

/// A worker, as seen from the gate.
struct Worker {
    handle: Handle,
    /// How many connections it has.
    load: Arc<AtomicUsize>,
}

/// A connection's place among those of its worker; it is free again when this is dropped.
pub(super) struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Relaxed);
        Self(Arc::clone(load))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Descriptors of the server's own: listeners, polls, the log, files that are read.
const OTHER_FILES: usize = 128;

/// A worker keeps what it accepts unless another has so many connections fewer: to hand one over wakes a thread.
const IMBALANCE: usize = 4;

impl Gate {
    /// A gate to these workers.
    pub(super) fn new(server: Arc<Server>, handles: Vec<Handle>) -> Self {
        let sessions = server.globals.max_connections.count();
        let newcomers = server.globals.max_unauthenticated_connections.count();
        // A session may have several files open.
        let descriptors =
            descriptors::allow(sessions.saturating_mul(8).saturating_add(newcomers).saturating_add(OTHER_FILES));
        let room =
            descriptors.saturating_sub(sessions.saturating_mul(2)).saturating_sub(OTHER_FILES).max(descriptors / 4);
        let workers = handles.into_iter().map(|handle| Worker { handle, load: Arc::default() }).collect();
        Self { server, workers, admission: Arc::default(), room }
    }

    /// The workers.
    pub(super) fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.workers.iter().map(|worker| &worker.handle)
    }

    /// Lets in a client on the network. Given the number of the worker that accepted it, returns the connection where that one keeps
    /// it; else it was handed over.
    pub(super) fn admit_tcp(&self, stream: TcpStream, address: SocketAddr, by: usize) -> Option<(u32, Box<Conn>)> {
        // Answers are sent whole; without this the kernel would hold the last part back.
        // A machine that is gone is noticed, even while its statement runs.
        let set = stream.set_nodelay(true).and_then(|()| Ok(sockopt::set_socket_keepalive(&stream, true)?));
        if let Err(error) = set {
            tracing::debug!("{address}: {error}");
        }
        self.admit_on_network(Stream::Tcp(stream), address, Some(by))
    }

    /// Lets in a client on the network that was accepted elsewhere in this process.
    pub(super) fn admit_entered(&self, stream: UnixStream, address: SocketAddr) {
        self.admit_on_network(Stream::Unix(stream), address, None);
    }

    /// Makes room for a client where the system has no more descriptors.
    pub(super) fn make_room(&self) {
        self.admission.put_out_oldest();
    }

    /// Lets in a client on this machine.
    pub(super) fn admit_unix(&self, stream: UnixStream) {
        let uid = user_of(&stream);
        let host = ClientHost::Socket;
        let peer = Peer { transport: Transport::UnixSocket, host: host.to_string(), user: uid.and_then(user_name) };
        self.admit(Stream::Unix(stream), Client::User(uid), host, peer, host.to_string(), None);
    }

    fn admit_on_network(&self, stream: Stream, address: SocketAddr, by: Option<usize>) -> Option<(u32, Box<Conn>)> {
        let host = ClientHost::Ip(address.ip());
        let peer = Peer { transport: Transport::Tcp, host: host.to_string(), user: None };
        self.admit(stream, Client::at(address.ip()), host, peer, format!("{host}:{}", address.port()), by)
    }

    fn admit(
        &self,
        stream: Stream,
        client: Client,
        host: ClientHost,
        peer: Peer,
        shown: String,
        by: Option<usize>,
    ) -> Option<(u32, Box<Conn>)> {
        let server = &self.server;
        let (number, worker) = self.worker(by)?;
        count(&server.counters.connections);
        let id = server.registry.next_id();
        let look = {
            let handle = worker.handle.clone();
            move || handle.send(Message::Look(id))
        };
        let presence = server.registry.enter(id, shown, Box::new(look.clone()));
        let now = clock::now();
        let connection = Connection::new(server.config(), id, peer, now);
        let bounds = Bounds {
            most: server.globals.max_unauthenticated_connections.count().min(self.room),
            of_one: server.globals.max_unauthenticated_connections_per_address.count(),
        };
        let mut listing = Listing::new(Arc::clone(&self.admission), client, bounds);
        listing.list(&presence);
        let session = SessionHandle::new(
            Arc::clone(server),
            Arc::clone(&presence),
            server.registry.entry(id),
            host,
            Arc::new(look),
        );
        let place = Place::take(&worker.load);
        let conn = Box::new(Conn::new(stream, connection, session, presence, Arc::clone(server), place, listing, now));
        if by == Some(number) {
            return Some((id, conn));
        }
        worker.handle.send(Message::Accept(id, conn));
        None
    }

    fn worker(&self, by: Option<usize>) -> Option<(usize, &Worker)> {
        let number = choose(self.workers.iter().map(|worker| worker.load.load(Relaxed)), by)?;
        Some((number, self.workers.get(number)?))
    }
}

/// The number of the worker for a new connection, given what each has: the one that accepted it, unless another has much less to do.
fn choose(loads: impl Iterator<Item = usize> + Clone, by: Option<usize>) -> Option<usize> {
    let (idlest, least) = loads.clone().enumerate().min_by_key(|(_, load)| *load)?;
    let keeps = |number: &usize| loads.clone().nth(*number).is_some_and(|load| load <= least + IMBALANCE);
    by.filter(keeps).or(Some(idlest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_stays_unless_another_worker_has_much_less_to_do() {
        let chosen = |loads: &[usize], by| choose(loads.iter().copied(), by);
        assert_eq!(chosen(&[4, 0], Some(0)), Some(0));
        assert_eq!(chosen(&[5, 0], Some(0)), Some(1));
        assert_eq!(chosen(&[5, 0], Some(1)), Some(1));
        assert_eq!(chosen(&[2, 1, 2], None), Some(1));
        assert_eq!(chosen(&[], Some(0)), None);
        let mut loads = [0; 4];
        for _ in 0..400 {
            // All are accepted by the same worker.
            loads[chosen(&loads, Some(0)).unwrap()] += 1;
        }
        assert!(loads.iter().all(|load| (95..=105).contains(load)), "{loads:?}");
    }
}
