//! A socket that remembers what the poll said of it, so that nothing is tried in vain.

use std::io::{self, ErrorKind, IoSlice, Read, Write};

use mio::event::Event;
use mio::{Interest, Registry, Token};

use sealwire_net::stream::Stream;

/// A connected socket in a poll. It blocks nothing: what can't be done now is `WouldBlock`.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    is_readable: bool,
    is_writable: bool,
}

impl Socket {
    /// A socket that was just accepted or connected: whatever it can do is tried once.
    pub(super) const fn new(stream: Stream) -> Self {
        Self { stream, is_readable: true, is_writable: true }
    }

    /// Lets the poll tell of it.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.stream, token, Interest::READABLE | Interest::WRITABLE)
    }

    /// The poll said something.
    pub(super) fn ready(&mut self, event: &Event) {
        self.is_readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.is_writable |= event.is_writable() || event.is_write_closed() || event.is_error();
    }

    /// Says that nothing more will be sent.
    pub(super) fn shut_down_writing(&self) {
        self.stream.shut_down_writing();
    }
}

/// Runs a call where the poll allows it, and remembers that there is no more.
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
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        tried(&mut self.is_readable, || self.stream.read(buffer))
    }
}

impl Write for Socket {
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
