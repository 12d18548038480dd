//! Connections that were accepted elsewhere in this process: by the WebSocket listener.

use std::io;
use std::net::SocketAddr;

use mio::net::UnixStream;
use sealwire_net::mailbox::Mailbox;

/// Connects to the server from within its process. Who comes by it is served as a client on the network, with the address told.
#[derive(Debug, Clone)]
pub(crate) struct LocalConnector(Mailbox<(UnixStream, SocketAddr)>);

impl LocalConnector {
    pub(super) const fn new(clients: Mailbox<(UnixStream, SocketAddr)>) -> Self {
        Self(clients)
    }

    /// Connects a client; what the caller does with the socket is what the client does.
    ///
    /// # Errors
    /// The system gives no sockets, or the server has stopped.
    pub(crate) fn connect(&self, client: SocketAddr) -> io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        self.0.send((theirs, client))?;
        Ok(ours)
    }
}
