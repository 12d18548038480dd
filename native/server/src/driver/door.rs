//! A way in for connections that were accepted elsewhere in this process: by the WebSocket listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use mio::Waker;
use mio::net::UnixStream;

/// Leads into the server. Whoever comes by it is served as a client on the network, with the address told.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    sender: Sender<(UnixStream, SocketAddr)>,
    waker: Arc<Waker>,
}

impl Door {
    pub(super) const fn new(sender: Sender<(UnixStream, SocketAddr)>, waker: Arc<Waker>) -> Self {
        Self { sender, waker }
    }

    /// Lets a client in; what the caller does with the socket is what the client does.
    ///
    /// # Errors
    /// The system gives no sockets, or the server has stopped.
    pub(crate) fn enter(&self, client: SocketAddr) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        self.sender.send((theirs, client)).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        self.waker.wake()?;
        Ok(ours)
    }
}
