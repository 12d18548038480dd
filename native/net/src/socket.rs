//! A socket that remembers what the poll said of it, so that nothing is tried in vain.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use mio::event::Event;
use mio::{Interest, Registry, Token};

use super::stream::Stream;

/// A connected socket in a poll. It blocks nothing: what can't be done now is `WouldBlock`.
#[derive(Debug)]
pub struct Socket {
    stream: Stream,
    is_readable: bool,
    is_writable: bool,
    /// The peer sends no more: what there is has to be read to its end, for the poll says nothing more.
    is_read_closed: bool,
    /// Whether the poll tells when it takes more.
    is_write_watched: bool,
}

impl Socket {
    /// A socket that was just accepted or connected: whatever it can do is tried once.
    pub const fn new(stream: Stream) -> Self {
        Self { stream, is_readable: true, is_writable: true, is_read_closed: false, is_write_watched: false }
    }

    /// Lets the poll tell of it.
    ///
    /// # Errors
    /// The system's.
    pub fn register(&mut self, registry: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        self.is_write_watched = interest.is_writable();
        registry.register(&mut self.stream, token, interest)
    }

    /// Lets the poll tell, too, when it takes more, where it takes no more now. Most sockets take every answer at once: not to ask that
    /// of the poll spares each new connection one wakeup.
    ///
    /// # Errors
    /// The system's.
    #[inline]
    pub fn watch_writing(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        if self.is_writable || self.is_write_watched {
            return Ok(());
        }
        self.is_write_watched = true;
        registry.reregister(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The poll said something.
    #[inline]
    pub fn ready(&mut self, event: &Event) {
        self.is_read_closed |= event.is_read_closed() || event.is_error();
        self.is_readable |= event.is_readable() || self.is_read_closed;
        self.is_writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Whether a read may give something.
    pub const fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Whether a write may take something.
    pub const fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// Whether the peer is known to send no more.
    pub const fn is_read_closed(&self) -> bool {
        self.is_read_closed
    }

    /// Nothing is read until the poll says something.
    pub const fn await_input(&mut self) {
        self.is_readable = false;
    }

    /// Says that nothing more will be sent.
    pub fn shut_down_writing(&self) {
        self.stream.shut_down_writing();
    }
}

/// Runs a call where the poll allows it, and remembers that there is no more.
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
        // Less than there was room for was all, and the poll tells of more; of the end it tells once.
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
