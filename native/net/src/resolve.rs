//! Resolves the host names of targets, with a thread for each name, because a look-up may take long and must not delay the others.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::mpsc::{Sender, channel};

use super::mailbox::Mailbox;

/// The number of a connection, and the addresses that were found for it.
pub type Answer = (usize, io::Result<Vec<SocketAddr>>);

/// Resolves host names.
#[derive(Debug)]
pub struct Resolver {
    targets: Vec<Host>,
}

#[derive(Debug)]
enum Host {
    /// The host is an address.
    Known(SocketAddr),
    /// The channel to the name's thread.
    Asked(Sender<usize>),
    /// The target has no host.
    None,
}

impl Resolver {
    /// Starts the threads, which send their results to `answers`. They end when the resolver is dropped. A target without a host is `None`.
    ///
    /// # Errors
    /// A thread can't be started.
    pub fn start<'a>(
        targets: impl IntoIterator<Item = Option<(&'a str, u16)>>,
        answers: &Mailbox<Answer>,
    ) -> io::Result<Self> {
        let start = |target: Option<(&str, u16)>| {
            let Some((host, port)) = target else { return Ok(Host::None) };
            if let Ok(address) = host.parse::<IpAddr>() {
                return Ok(Host::Known(SocketAddr::new(address, port)));
            }
            let (asker, questions) = channel::<usize>();
            let (host, answers) = (host.to_owned(), answers.clone());
            std::thread::Builder::new().name(format!("resolve-{host}")).spawn(move || {
                while let Ok(connection) = questions.recv() {
                    let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
                    if answers.send((connection, found)).is_err() {
                        return;
                    }
                }
            })?;
            Ok(Host::Asked(asker))
        };
        Ok(Self { targets: targets.into_iter().map(start).collect::<io::Result<_>>()? })
    }

    /// Requests a target's addresses. They are returned at once where no look-up is needed, else sent as an [`Answer`].
    pub fn ask(&self, target: usize, connection: usize) -> Option<Vec<SocketAddr>> {
        match self.targets.get(target) {
            Some(Host::Known(address)) => return Some(vec![*address]),
            Some(Host::Asked(asker)) => {
                // If the thread has ended, no answer comes, and the dial times out.
                let _ = asker.send(connection);
            }
            Some(Host::None) | None => {}
        }
        None
    }
}
