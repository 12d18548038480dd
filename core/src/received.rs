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

/// Makes room for `more` bytes without holding more than `room`, where that is enough; false where the system has no memory.
pub(crate) fn make_room(buffer: &mut Vec<u8>, more: usize, room: usize) -> bool {
    if buffer.capacity() - buffer.len() >= more {
        return true;
    }
    let needed = buffer.len().saturating_add(more);
    // Twice as much, so that a packet that comes bit by bit is seldom copied.
    let wanted = needed.max(buffer.capacity().saturating_mul(2).min(room));
    buffer.try_reserve_exact(wanted - buffer.len()).is_ok()
}

/// Gives back what a buffer has beyond its bytes, where that is much.
pub(crate) fn give_back(buffer: &mut Vec<u8>) {
    if buffer.capacity() > buffer.len().saturating_mul(2).saturating_add(KEPT) {
        buffer.shrink_to_fit();
    }
}

/// A buffer may be larger by this much than what it holds.
const KEPT: usize = 64 * 1024;

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

    /// Takes the buffer with a packet that was just returned and has `length` bytes at its end that are wanted: they lie behind the
    /// index that is returned. What came behind the packet stays.
    #[cfg(feature = "server")]
    pub(crate) fn take_tail(&mut self, packet: &Packet, length: usize) -> (Vec<u8>, usize) {
        let behind = self.bytes.split_off(self.taken.min(self.bytes.len()));
        let mut taken = core::mem::replace(&mut self.bytes, behind);
        self.taken = 0;
        taken.truncate(packet.at.end);
        let at = taken.len().saturating_sub(length);
        (taken, at)
    }

    /// Gives the buffer's memory back where no byte of it is needed.
    pub(crate) fn release(&mut self) {
        if self.is_taken() {
            *self = Self::default();
        } else if self.taken > 0 {
            self.forget_taken();
            give_back(&mut self.bytes);
        }
    }
}
