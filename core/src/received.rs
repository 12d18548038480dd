//! Plaintext from the peer, and the packets found in it.
//!
//! It lies beside the [`Link`](crate::link::Link) and not in it, so that an event can borrow a packet while the link answers that packet.

use alloc::vec::Vec;
use core::ops::Range;

/// A packet inside [`Received`]; valid until the next call of [`Channel::receive`](crate::channel::Channel::receive).
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    pub(crate) at: Range<usize>,
    /// Sequence number of its first frame.
    pub(crate) sequence: u8,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    /// How much of `bytes` was taken by packets.
    pub(crate) taken: usize,
}

impl Received {
    /// The payload of a packet that was just returned.
    #[inline]
    pub(crate) fn payload(&self, packet: &Packet) -> &[u8] {
        self.bytes.get(packet.at.clone()).unwrap_or_default()
    }

    /// The bytes that no packet took so far.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Whether every byte was taken by a packet.
    pub(crate) const fn is_taken(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    /// Drops what earlier packets took from the front of the buffer.
    pub(crate) fn forget_taken(&mut self) {
        if self.is_taken() {
            self.bytes.clear();
        } else if self.taken > 0 {
            self.bytes.drain(..self.taken);
        }
        self.taken = 0;
    }

    /// Gives the buffer's memory back where no byte of it is needed.
    pub(crate) fn release(&mut self) {
        if self.is_taken() {
            *self = Self::default();
        }
    }
}
