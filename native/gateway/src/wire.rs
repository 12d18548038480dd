//! One socket of a session, with the bytes that it has not taken yet.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

use mio::event::Event;
use sealwire_net::closing::{Closing, read_to_the_end};
use sealwire_net::socket::Socket;

/// One socket of a session.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    out: Vec<u8>,
    /// How many bytes of `out` have been written.
    written: usize,
    /// Whether the peer's end of bytes has been read, or the socket has failed.
    is_read_over: bool,
    /// Whether the socket takes no more bytes.
    is_lost: bool,
    is_shut_down: bool,
}

/// The result of a read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    Bytes(usize),
    /// The peer has closed, or the socket has failed. It is told once.
    Eof,
    Nothing,
}

impl Wire {
    pub(super) const fn new(socket: Socket) -> Self {
        Self::beginning_with(Vec::new(), socket)
    }

    /// A socket to which these bytes are written first.
    pub(super) const fn beginning_with(out: Vec<u8>, socket: Socket) -> Self {
        Self { socket, out, written: 0, is_read_over: false, is_lost: false, is_shut_down: false }
    }

    /// Takes an event that the poll reported.
    pub(super) fn ready(&mut self, event: &Event) {
        self.socket.ready(event);
    }

    /// Writes as much as the socket takes of what `more` appends; `more` returns `false` if there is nothing. Returns whether anything was
    /// written.
    pub(super) fn flush(&mut self, mut more: impl FnMut(&mut Vec<u8>) -> bool) -> bool {
        let mut has_written = false;
        loop {
            if self.written >= self.out.len() {
                self.out.clear();
                self.written = 0;
                if !more(&mut self.out) {
                    // An idle session holds no buffer.
                    self.out = Vec::new();
                    return has_written;
                }
            }
            if self.is_lost {
                self.written = self.out.len();
                continue;
            }
            match self.socket.write(self.out.get(self.written..).unwrap_or_default()) {
                Ok(0) => self.is_lost = true,
                Ok(count) => {
                    self.written = self.written.saturating_add(count);
                    has_written = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return has_written,
                Err(_) => self.is_lost = true,
            }
        }
    }

    /// Reads into the buffer once, without waiting.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Read {
        if self.is_read_over {
            return Read::Nothing;
        }
        match self.socket.read(buffer) {
            Ok(count) if count > 0 => Read::Bytes(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Nothing,
            // A reset is the end of the peer's bytes, too.
            Ok(_) | Err(_) => {
                self.is_read_over = true;
                Read::Eof
            }
        }
    }

    /// Ends the connection once all is written, and waits for the peer's end until that time. Returns `true` if the socket may be dropped.
    pub(super) fn finish(&mut self, until: Duration) -> bool {
        if self.is_lost || (self.is_read_over && self.out.is_empty()) {
            return true;
        }
        if !self.out.is_empty() {
            return false;
        }
        if !std::mem::replace(&mut self.is_shut_down, true) {
            self.socket.shut_down_writing();
        }
        read_to_the_end(until, |buffer, _| self.socket.read(buffer)) == Closing::Over
    }
}
