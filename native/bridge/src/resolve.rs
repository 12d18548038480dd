//! Looking up the hosts of targets, which can take long: a thread for each name, so that one that hangs holds up no other.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use mio::Waker;

use super::settings::{Destination, Target};

/// The addresses for a connection, by its number.
pub(super) type Answer = (usize, io::Result<Vec<SocketAddr>>);

/// Looks up hosts.
#[derive(Debug)]
pub(super) struct Resolver {
    /// How each target's thread is asked; `None` for those that need none.
    askers: Vec<Option<Sender<usize>>>,
    answers: Receiver<Answer>,
}

impl Resolver {
    /// Starts the threads. They end when the resolver is dropped; `waker` tells of an answer.
    pub(super) fn start(targets: &[Target], waker: &Arc<Waker>) -> io::Result<Self> {
        let (sender, answers) = channel();
        let mut askers = Vec::new();
        for target in targets {
            let Destination::Tcp { host, port } = &target.destination else {
                askers.push(None);
                continue;
            };
            if host.parse::<IpAddr>().is_ok() {
                askers.push(None);
                continue;
            }
            let (asker, questions) = channel::<usize>();
            let (host, port, sender, waker) = (host.clone(), *port, sender.clone(), Arc::clone(waker));
            std::thread::Builder::new().name(format!("resolve-{}", target.name)).spawn(move || {
                while let Ok(connection) = questions.recv() {
                    let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                    if sender.send((connection, found)).is_err() || waker.wake().is_err() {
                        return;
                    }
                }
            })?;
            askers.push(Some(asker));
        }
        Ok(Self { askers, answers })
    }

    /// Asks for a target's addresses. They are given at once where they need no look-up, else by [`Resolver::answer`].
    pub(super) fn ask(&self, target: usize, host: &str, port: u16, connection: usize) -> Option<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(address, port)]);
        }
        if let Some(Some(asker)) = self.askers.get(target) {
            // A thread that has ended does not answer: the dial times out.
            let _ = asker.send(connection);
        }
        None
    }

    /// The next answer that is there.
    pub(super) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}
