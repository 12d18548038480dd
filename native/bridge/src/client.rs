//! The client's side of a connection: bytes in and out, with or without TLS.

use std::io::{self, ErrorKind, Read, Write};

use mio::event::Event;
use sealwire_core::tls::{ServerContext, TlsError, TlsLayer};

use super::http;
use sealwire_net::clock;
use sealwire_net::socket::Socket;

/// A client's socket as a non-blocking stream, with a buffer for bytes that the socket does not take at once.
#[derive(Debug)]
pub(super) struct Client {
    transport: Transport,
    /// Bytes to send before all others; those before the index `sent` are sent.
    unsent: Vec<u8>,
    sent: usize,
    /// How many bytes may be read until [`Client::allow`] is called again.
    allowance: usize,
    /// Whether a read was refused because the allowance was used up.
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
    /// TLS can't be set up.
    pub(super) fn new(socket: Socket, tls: Option<&ServerContext>) -> Result<Self, TlsError> {
        let transport = match tls {
            None => Transport::Plain(socket),
            Some(context) => Transport::Tls(Box::new(Tls::new(socket, TlsLayer::server(context)?))),
        };
        Ok(Self { transport, unsent: Vec::new(), sent: 0, allowance: usize::MAX, is_held_back: false })
    }

    /// Takes an event that the poll reported for the client's socket.
    pub(super) fn ready(&mut self, event: &Event) {
        match &mut self.transport {
            Transport::Plain(socket) => socket.ready(event),
            Transport::Tls(tls) => tls.socket.ready(event),
        }
    }

    /// Allows `bytes` bytes to be read from now on. Beyond them a read returns `WouldBlock`, as if no more had arrived.
    pub(super) const fn allow(&mut self, bytes: usize) {
        self.allowance = bytes;
        self.is_held_back = false;
    }

    /// Whether a read was refused since [`Client::allow`] although there may be bytes to read.
    pub(super) const fn is_held_back(&self) -> bool {
        self.is_held_back
    }

    /// Sends the bytes, and buffers the ones that the socket does not take. The caller must keep the buffer small: see
    /// [`Client::is_clear`].
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

    /// Sends the buffered bytes; `true` once nothing is left.
    pub(super) fn clear(&mut self) -> io::Result<bool> {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.transport.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => self.sent = self.sent.saturating_add(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        // An idle connection keeps no buffer.
        (self.unsent, self.sent) = (Vec::new(), 0);
        match self.transport.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            flushed => flushed.map(|()| true),
        }
    }

    /// Whether the client sent plain HTTP on a port with TLS.
    pub(super) fn got_plain_http(&self) -> bool {
        matches!(&self.transport, Transport::Tls(tls) if tls.got_plain_http)
    }

    /// Whether nothing is waiting to be sent.
    pub(super) const fn is_clear(&self) -> bool {
        self.unsent.is_empty()
    }

    /// How many bytes the buffers hold.
    pub(super) fn held(&self) -> usize {
        let below = match &self.transport {
            Transport::Plain(_) => 0,
            Transport::Tls(tls) => tls.held(),
        };
        self.unsent.len().saturating_sub(self.sent).saturating_add(below)
    }

    /// Shuts down writing.
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

/// Tungstenite writes its own frames, such as pongs, here; they wait until the frame being sent is complete.
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

/// How many bytes of ciphertext are read at a time: one record.
const RECORD: usize = 16 * 1024;
/// How many bytes are encrypted at a time.
const MOST_SEALED: usize = 64 * 1024;

struct Tls {
    socket: Socket,
    layer: TlsLayer,
    /// Decrypted bytes that are not yet read; those before the index `taken` are read.
    plain: Vec<u8>,
    taken: usize,
    /// Encrypted bytes that are not yet sent; those before the index `sent` are sent.
    sealed: Vec<u8>,
    sent: usize,
    /// Whether any bytes have arrived.
    has_begun: bool,
    /// Whether the first bytes were plain HTTP.
    got_plain_http: bool,
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
            got_plain_http: false,
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
                self.got_plain_http = true;
                // The answer is small and the first bytes sent, so a socket takes it whole unless the client is gone.
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
        // An error means that the client is gone, which needs no further handling.
        let _ = self.flush();
        self.socket.shut_down_writing();
    }
}
