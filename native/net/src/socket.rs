//! A socket that remembers the readiness that the poll reported, so that no system call is made in vain.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use mio::event::Event;
use mio::{Interest, Registry, Token};

use super::stream::Stream;

/// A connected, non-blocking socket in a poll. A call that can't proceed now returns `WouldBlock`.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    is_readable: bool,
    is_writable: bool,
    /// The peer has shut down writing. The remaining bytes must be read to the end, because the poll reports nothing more.
    is_read_closed: bool,
    /// Whether the poll reports writability.
    is_write_watched: bool,
}

impl Socket {
    /// A socket that was just accepted or connected: it counts as ready until a call says otherwise.
    pub const fn new(stream: Stream) -> Self {
        Self { stream, is_readable: true, is_writable: true, is_read_closed: false, is_write_watched: false }
    }

    /// Registers the socket with the poll.
    ///
    /// # Errors
    /// The system's error.
    pub fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.is_write_watched = interest.is_writable();
        registry.register(&mut self.stream, token, interest)
    }

    /// Makes the poll report writability as well, if the socket is not writable now. Most sockets take every answer at once, so not asking
    /// from the start spares each new connection one wakeup.
    ///
    /// # Errors
    /// The system's error.
    /// The system's.
    #[inline]
    pub fn watch_writing(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if self.is_writable || self.is_write_watched {
            return Ok(());
        }
        self.is_write_watched = true;
        registry.reregister(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// Takes an event that the poll reported.
    #[inline]
    pub fn ready(&mut self, event: &Event) {
        self.is_read_closed |= event.is_read_closed() || event.is_error();
        self.is_readable |= event.is_readable() || self.is_read_closed;
        self.is_writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Whether a read may return bytes.
    pub const fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Whether a write may take bytes.
    pub const fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Whether the peer is known to have shut down writing.
    pub const fn is_read_closed(&self) -> bool {
        self.is_read_closed
    }

    /// Marks the socket as not readable until the poll reports an event.
    pub const fn await_input(&mut self) {
        self.is_readable = false;
    }

    /// Shuts down writing.
    pub fn shut_down_writing(&self) {
        self.stream.shut_down_writing();
    }
}

/// Makes a call if the poll reported readiness, and clears the readiness where the call returns `WouldBlock`.
#[inline]
fn tried<T>(is_ready: &mut bool, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    if !*is_ready {
        return Err(ErrorKind::WouldBlock.into());
    }
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                *is_ready = false;
                return Err(error);
            }
            other => return other,
        }
    }
}

impl Read for Socket {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = tried(&mut self.is_readable, || self.stream.read(buffer))?;
        // A short read has emptied the socket, and the poll reports new bytes. The end of the stream is reported only once, so it must be
        // read now.
        if length > 0 && length < buffer.len() && !self.is_read_closed {
            self.is_readable = false;
        }
        Ok(length)
    }
}

impl Write for Socket {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tried(&mut self.is_writable, || self.stream.write(bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        tried(&mut self.is_writable, || self.stream.write_vectored(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
