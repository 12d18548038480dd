//! The plaintext received from the peer, and the packets in it.
//!
//! It is separate from the [`Link`](crate::link::Link), so that an event can borrow a packet while the link answers it.

use alloc::vec::Vec;
use core::ops::Range;

/// The position of a packet in [`Received`]; valid until the next call of [`Channel::receive`](crate::channel::Channel::receive).
#[derive(Debug, Clone, Default)]
pub(crate) struct Packet {
    pub(crate) at: Range<usize>,
    /// The sequence number of its first frame.
    pub(crate) sequence: u8,
}

/// The buffer of received plaintext.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    /// The number of bytes at the front of `bytes` that belong to packets taken so far.
    pub(crate) taken: usize,
}

/// Reserves memory for `more` bytes, and doubles the capacity up to `most` bytes in all. Returns `false` if the system has no memory.
pub(crate) fn reserve(buffer: &mut Vec<u8>, more: usize, most: usize) -> bool {
    if buffer.capacity() - buffer.len() >= more {
        return true;
    }
    let needed = buffer.len().saturating_add(more);
    // Double the capacity, so that a packet that arrives in small pieces is seldom copied.
    let wanted = needed.max(buffer.capacity().saturating_mul(2).min(most));
    buffer.try_reserve_exact(wanted - buffer.len()).is_ok() || buffer.try_reserve_exact(more).is_ok()
}

/// Up to this length no memory is tried, because each packet would pay for it.
#[cfg(feature = "client")]
const SMALL: usize = 1024 * 1024;
/// How many times the length of a packet its texts take in memory: as they are converted, and as the driver keeps them.
#[cfg(feature = "client")]
const COPIES: usize = 8;

/// Whether the system has memory for the texts of a packet of this length. It is asked beforehand, because an allocation that fails while
/// the packet is decoded ends the process.
#[cfg(feature = "client")]
pub(crate) fn has_memory_for(length: usize) -> bool {
    length <= SMALL || Vec::<u8>::new().try_reserve_exact(length.saturating_mul(COPIES)).is_ok()
}

/// Releases unused capacity of a buffer if there is much of it.
pub(crate) fn give_back(buffer: &mut Vec<u8>) {
    if buffer.capacity() > buffer.len().saturating_mul(2).saturating_add(KEPT) {
        buffer.shrink_to_fit();
    }
}

/// The unused capacity that a buffer may keep.
const KEPT: usize = 64 * 1024;

impl Received {
    /// The payload of the packet that was returned last.
    #[inline]
    pub(crate) fn payload(&self, packet: &Packet) -> &[u8] {
        self.bytes.get(packet.at.clone()).unwrap_or_default()
    }

    /// The bytes after the packets taken so far.
    #[inline]
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Whether all bytes belong to packets taken so far.
    pub(crate) const fn is_taken(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    /// Removes the packets taken so far from the front of the buffer.
    pub(crate) fn forget_taken(&mut self) {
        if self.is_taken() {
            self.bytes.clear();
        } else if self.taken > 0 {
            self.bytes.drain(..self.taken);
        }
        self.taken = 0;
    }

    /// Takes the buffer, whose last packet ends with `length` wanted bytes. They start at the returned index. Bytes after the packet stay
    /// here.
    #[cfg(feature = "server")]
    pub(crate) fn take_tail(&mut self, packet: &Packet, length: usize) -> (Vec<u8>, usize) {
        let behind = self.bytes.split_off(self.taken.min(self.bytes.len()));
        let mut taken = core::mem::replace(&mut self.bytes, behind);
        self.taken = 0;
        taken.truncate(packet.at.end);
        let at = taken.len().saturating_sub(length);
        (taken, at)
    }

    /// Whether the buffer is small enough to be kept while an answer is read.
    pub(crate) const fn is_small(&self) -> bool {
        self.bytes.capacity() <= 3 * KEPT
    }

    /// Releases unused memory of the buffer.
    pub(crate) fn release(&mut self) {
        if self.is_taken() {
            *self = Self::default();
        } else if self.taken > 0 {
            self.forget_taken();
            give_back(&mut self.bytes);
        }
    }
}
