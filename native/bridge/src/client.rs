//! The client's side of a connection: bytes in and out, through TLS or not.

use std::io::{self, ErrorKind, Read, Write};

use mio::event::Event;
use sealwire_core::tls::{ServerContext, TlsError, TlsLayer};

use super::http;
use sealwire_net::clock;
use sealwire_net::socket::Socket;

/// A client's socket as a stream that never blocks, with room for what it does not take at once.
#[derive(Debug)]
pub(super) struct Client {
    transport: Transport,
    /// Bytes that go before all others, from `sent` on.
    unsent: Vec<u8>,
    sent: usize,
    /// How many bytes may be read until [`Client::allow`] is called again.
    allowance: usize,
    /// Whether more would have been read.
    is_held_back: bool,
}

#[derive(Debug)]
enum Transport {
    Plain(Socket),
    Tls(Box<Tls>),
}

impl Client {
    /// A client that was just accepted.
    ///
    /// # Errors
    /// TLS can't be begun.
    pub(super) fn new(socket: Socket, tls: Option<&ServerContext>) -> Result<Self, TlsError> {
        let transport = match tls {
            None => Transport::Plain(socket),
            Some(context) => Transport::Tls(Box::new(Tls::new(socket, TlsLayer::server(context)?))),
        };
        Ok(Self { transport, unsent: Vec::new(), sent: 0, allowance: usize::MAX, is_held_back: false })
    }

    /// The poll said something of its socket.
    pub(super) fn ready(&mut self, event: &Event) {
        match &mut self.transport {
            Transport::Plain(socket) => socket.ready(event),
            Transport::Tls(tls) => tls.socket.ready(event),
        }
    }

    /// Lets so many bytes be read from now on; for those beyond, a read is `WouldBlock` as if they had not come yet.
    pub(super) const fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
        self.is_held_back = false;
    }

    /// Whether a read was refused since [`Client::allow`], though there may be something to read.
    pub(super) const fn is_held_back(&self) -> bool {
        self.is_held_back
    }

    /// Sends the bytes, or keeps those that are not taken. The caller sees to it that little is kept: see [`Client::is_clear`].
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while self.is_clear() && !rest.is_empty() {
            match self.transport.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        self.unsent.extend_from_slice(rest);
        Ok(())
    }

    /// Sends what was kept; `true` once nothing is left.
    pub(super) fn clear(&mut self) -> io::Result<bool> {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.transport.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.sent = self.sent.saturating_add(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        // An idle connection holds no buffer.
        (self.unsent, self.sent) = (Vec::new(), 0);
        match self.transport.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            flushed => flushed.map(|()| true),
        }
    }

    /// Whether it sent plain HTTP where TLS is due.
    pub(super) fn spoke_plain_http(&self) -> bool {
        matches!(&self.transport, Transport::Tls(tls) if tls.met_http)
    }

    /// Whether nothing waits to be sent.
    pub(super) const fn is_clear(&self) -> bool {
        self.unsent.is_empty()
    }

    /// How many bytes are held here.
    pub(super) fn held(&self) -> usize {
        let below = match &self.transport {
            Transport::Plain(_) => 0,
            Transport::Tls(tls) => tls.held(),
        };
        self.unsent.len().saturating_sub(self.sent).saturating_add(below)
    }

    /// Says that nothing more will be sent.
    pub(super) fn shut_down_writing(&mut self) {
        match &mut self.transport {
            Transport::Plain(socket) => socket.shut_down_writing(),
            Transport::Tls(tls) => tls.shut_down_writing(),
        }
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance == 0 {
            self.is_held_back = true;
            return Err(ErrorKind::WouldBlock.into());
        }
        let most = buffer.len().min(self.allowance);
        let buffer = buffer.get_mut(..most).unwrap_or_default();
        let length = match &mut self.transport {
            Transport::Plain(socket) => socket.read(buffer)?,
            Transport::Tls(tls) => tls.read(buffer)?,
        };
        self.allowance = self.allowance.saturating_sub(length);
        Ok(length)
    }
}

/// What the WebSocket's own machine sends, as pongs: it waits for the frame that is being sent.
impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.clear()? { self.transport.write(bytes) } else { Err(ErrorKind::WouldBlock.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.clear()? { Ok(()) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// Bytes of ciphertext read at a time: one record.
const RECORD: usize = 16 * 1024;
/// Bytes sealed at a time.
const MOST_SEALED: usize = 64 * 1024;

struct Tls {
    socket: Socket,
    layer: TlsLayer,
    /// Received and not yet read, from `taken` on.
    plain: Vec<u8>,
    taken: usize,
    /// Sealed and not yet sent, from `sent` on.
    sealed: Vec<u8>,
    sent: usize,
    /// Whether something has come.
    has_begun: bool,
    /// Whether what came first was plain HTTP.
    met_http: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("layer", &self.layer).finish_non_exhaustive()
    }
}

impl Tls {
    const fn new(socket: Socket, layer: TlsLayer) -> Self {
        Self {
            socket,
            layer,
            plain: Vec::new(),
            taken: 0,
            sealed: Vec::new(),
            sent: 0,
            has_begun: false,
            met_http: false,
        }
    }

    const fn held(&self) -> usize {
        self.plain.len().saturating_sub(self.taken).saturating_add(self.sealed.len().saturating_sub(self.sent))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.plain.len() {
            (self.plain, self.taken) = (Vec::new(), 0);
            if self.layer.peer_has_closed() {
                return Ok(0);
            }
            let mut chunk = [0; RECORD];
            let length = self.socket.read(&mut chunk)?;
            if length == 0 {
                return Ok(0);
            }
            if !std::mem::replace(&mut self.has_begun, true)
                && http::is_request(chunk.get(..length).unwrap_or_default())
            {
                self.met_http = true;
                // It is small, and the first that is sent; a client that takes none of it is gone.
                let _ = self.socket.write(&http::NO_TLS.answer(true, false));
                self.socket.shut_down_writing();
                return Err(ErrorKind::InvalidData.into());
            }
            let fed = self.layer.feed(chunk.get_mut(..length).unwrap_or_default(), &mut self.plain, clock::now().wall);
            self.layer.take_output(&mut self.sealed);
            match self.flush() {
                // A later write or flush sends the rest.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                flushed => flushed?,
            }
            fed.map_err(io::Error::other)?;
        }
        let rest = self.plain.get(self.taken..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(length);
        Ok(length)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.flush()?;
        let part = bytes.get(..MOST_SEALED).unwrap_or(bytes);
        self.layer.seal(part, &mut self.sealed).map_err(io::Error::other)?;
        match self.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(part.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(rest) = self.sealed.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.socket.write(rest)? {
                0 => return Err(ErrorKind::WriteZero.into()),
                length => self.sent = self.sent.saturating_add(length),
            }
        }
        (self.sealed, self.sent) = (Vec::new(), 0);
        Ok(())
    }

    fn shut_down_writing(&mut self) {
        self.layer.close();
        self.layer.take_output(&mut self.sealed);
        // A client that takes no more needs no word either.
        let _ = self.flush();
        self.socket.shut_down_writing();
    }
}
