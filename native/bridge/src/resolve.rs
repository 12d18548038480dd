//! Resolves the host names of targets, with a thread for each name, because a look-up may take long and must not delay the others.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{Sender, channel};

use super::settings::{Destination, Target};
use sealwire_net::mailbox::Mailbox;

/// The number of a connection, and the addresses that were found for it.
pub(super) type Answer = (usize, io::Result<Vec<SocketAddr>>);

/// Resolves host names.
#[derive(Debug)]
pub(super) struct Resolver {
    /// The channel to each target's thread; `None` for targets that need no look-up.
    askers: Vec<Option<Sender<usize>>>,
}

impl Resolver {
    /// Starts the threads, which send their results to `answers`. They end when the resolver is dropped.
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

    /// Requests a target's addresses. They are returned at once where no look-up is needed, else sent as an [`Answer`].
    pub(super) fn ask(&self, target: usize, host: &str, port: u16, connection: usize) -> Option<Vec<SocketAddr>> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(address, port)]);
        }
        if let Some(Some(asker)) = self.askers.get(target) {
            // If the thread has ended, no answer comes, and the dial times out.
            let _ = asker.send(connection);
        }
        None
    }
}
