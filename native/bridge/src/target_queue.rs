//! The queue of a client's messages that the target has not taken yet.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write as _};

use sealwire_net::socket::Socket;
use tungstenite::Bytes;

/// Above this many queued bytes, nothing is read from the client. The limit is low, so that the memory of a message is soon used again.
pub(super) const MOST_QUEUED: usize = 64 * 1024;
/// Above this many queued messages, nothing is read from the client either.
const MOST_MESSAGES: usize = 64;

/// The client's messages that the target has not taken yet.
#[derive(Debug, Default)]
pub(super) struct TargetQueue {
    messages: VecDeque<Bytes>,
    length: usize,
}

impl TargetQueue {
    /// Whether the queue is full, so that the client must not be read.
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() >= MOST_MESSAGES || self.length >= MOST_QUEUED
    }

    /// Whether the queue is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// How many bytes are queued.
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

    /// Writes the front of the queue to the socket, many messages in one call; returns how many bytes the socket took, 0 where it takes
    /// none now.
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
