//! Messages of the client that its target has not taken yet.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write as _};

use sealwire_net::socket::Socket;
use tungstenite::Bytes;

/// A client is not read while so many bytes wait for its target. Few, so that the memory they were read into is soon used again.
pub(super) const MOST_QUEUED: usize = 64 * 1024;
/// Nor while so many messages do.
const MOST_MESSAGES: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TargetQueue {
    messages: VecDeque<Bytes>,
    length: usize,
}

impl TargetQueue {
    /// Whether the client is not to be read.
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= MOST_MESSAGES || self.length >= MOST_QUEUED
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many bytes wait.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Adds a message.
    pub(super) fn push(&mut self, message: Bytes) {
        self.length = self.length.saturating_add(message.len());
        self.messages.push_back(message);
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives the socket the front, many messages in one call; how many bytes it took, 0 where it takes none now.
    pub(super) fn write_to(&mut self, socket: &mut Socket) -> io::Result<usize> {
        if self.messages.is_empty() {
            return Ok(0);
        }
        let slices: Vec<IoSlice<'_>> = self.messages.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let written = match socket.write_vectored(&slices) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error),
        };
        let mut rest = written;
        while let Some(front) = self.messages.front_mut() {
            if rest < front.len() {
                *front = front.slice(rest..);
                break;
            }
            rest = rest.saturating_sub(front.len());
            self.messages.pop_front();
        }
        self.length = self.length.saturating_sub(written);
        Ok(written)
    }
}
