//! Connections that another listener in this process, the WebSocket listener, has accepted.

use std::io;
use std::net::SocketAddr;

use mio::net::UnixStream;
use sealwire_net::mailbox::Mailbox;

/// Connects to the server from within its process. The server treats the client as one on the network with the given address.
#[derive(Debug, Clone)]
pub(crate) struct LocalConnector(Mailbox<(UnixStream, SocketAddr)>);

impl LocalConnector {
    pub(super) const fn new(clients: Mailbox<(UnixStream, SocketAddr)>) -> Self {
        Self(clients)
    }

    /// Connects a client; the returned socket is the client's end of the connection.
    ///
    /// # Errors
    /// The system gives no sockets, or the server has stopped.
    pub(crate) fn connect(&self, client: SocketAddr) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        self.0.send((theirs, client))?;
        Ok(ours)
    }
}
