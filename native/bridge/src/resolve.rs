//! Looking up the hosts of targets, which can take long: a thread for each name, so that one that hangs holds up no other.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{Sender, channel};

use super::settings::{Destination, Target};
use sealwire_net::mailbox::Mailbox;

/// The addresses for a connection, by its number.
pub(super) type Answer = (usize, io::Result<Vec<SocketAddr>>);

/// Looks up hosts.
#[derive(Debug)]
pub(super) struct Resolver {
    /// How each target's thread is asked; `None` for those that need none.
    askers: Vec<Option<Sender<usize>>>,
}

impl Resolver {
    /// Starts the threads, which send their answers there. They end when the resolver is dropped.
    pub(super) fn start(targets: &[Target], answers: &Mailbox<Answer>) -> io::Result<Self> {
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
            let (host, port, answers) = (host.clone(), *port, answers.clone());
            std::thread::Builder::new().name(format!("resolve-{}", target.name)).spawn(move || {
                while let Ok(connection) = questions.recv() {
                    let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                    if answers.send((connection, found)).is_err() {
                        return;
                    }
                }
            })?;
            askers.push(Some(asker));
        }
        Ok(Self { askers })
    }

    /// Asks for a target's addresses. They are given at once where they need no look-up, else by an [`Answer`].
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
}
