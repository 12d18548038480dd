//! The received bytes of a result, lent to a driver, which takes the rows out of them.

use alloc::vec::Vec;

use crate::wire::frame::{self, HEADER};

/// The mark of the usual rows, which no other packet has.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowShape {
    /// The largest first byte that a row can have and no other packet.
    pub(crate) first: u8,
    /// The length of the shortest row.
    pub(crate) shortest: usize,
}

impl RowShape {
    /// Whether the first `length` bytes are a row.
    #[inline]
    pub(crate) fn is_row(self, payload: &[u8], length: usize) -> bool {
        length >= self.shortest && payload.first().is_some_and(|first| *first <= self.first)
    }
}

/// Rows that have arrived, on loan from [`client::Connection::lend_rows`](crate::client::Connection::lend_rows).
#[derive(Debug, Default)]
pub struct LentRows {
    /// The received bytes, and one behind them. It is empty where nothing is lent.
    bytes: Vec<u8>,
    /// The position of the next packet, and the header there, because a driver may overwrite its first byte. It is one number, because the
    /// processor would wait for one that was written as four bytes.
    at: usize,
    header: u32,
    /// The sequence number that the next packet must have.
    pub(crate) sequence: u8,
    shape: RowShape,
    /// The length of the longest row.
    longest: usize,
}

impl LentRows {
    /// Takes received bytes, of which the next packet begins at `at`.
    pub(crate) fn fill(&mut self, mut bytes: Vec<u8>, at: usize, sequence: u8, shape: RowShape, longest: usize) {
        bytes.push(0);
        *self = Self { bytes, at, header: 0, sequence, shape, longest };
        self.find(at);
    }

    /// Gives the bytes back, with the position of the next packet.
    pub(crate) fn take(&mut self) -> (Vec<u8>, usize) {
        let mut bytes = core::mem::take(&mut self.bytes);
        bytes.pop();
        if let Some(first) = bytes.get_mut(self.at) {
            [*first, ..] = self.header.to_le_bytes();
        }
        (bytes, self.at)
    }

    /// Whether nothing is lent.
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads the header of the packet at this position.
    #[inline]
    fn find(&mut self, at: usize) {
        let rest = self.bytes.get(at..).unwrap_or_default();
        self.header = match rest.first_chunk::<HEADER>() {
            // The last byte was not received.
            Some(header) if rest.len() > HEADER => u32::from_le_bytes(*header),
            // Its number is none that is due.
            _ => u32::from_le_bytes([rest.first().copied().unwrap_or_default(), 0, 0, self.sequence.wrapping_add(1)]),
        };
        self.at = at;
    }

    /// Moves to the next row: its payload, and one byte more, for a driver that ends each value where it is. Both may be overwritten. `None`
    /// if there is none, or if the next packet is one for [`poll_output`](crate::client::Connection::poll_output): give the bytes back first.
    #[inline]
    pub fn advance(&mut self) -> Option<&mut [u8]> {
        let (length, sequence) = frame::header(self.header);
        let start = self.at + HEADER;
        let behind = start + length;
        let row = self.bytes.get(start..=behind)?;
        if sequence != self.sequence || length > self.longest || !self.shape.is_row(row, length) {
            return None;
        }
        self.sequence = sequence.wrapping_add(1);
        self.find(behind);
        self.bytes.get_mut(start..=behind)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const TEXT: RowShape = RowShape { first: 0xfb, shortest: 1 };
    const RECEIVED: &[u8] = b"before\x02\0\0\xfe\x01a\x01\0\0\xff\0\x03\0\0\0\x02bc";

    fn payloads(rows: &mut LentRows) -> Vec<Vec<u8>> {
        let mut found = vec![];
        while let Some(row) = rows.advance() {
            let (_, payload) = row.split_last().unwrap();
            found.push(payload.to_vec());
            row.fill(0xee);
        }
        found
    }

    fn lent(behind: &[u8]) -> (LentRows, Vec<u8>) {
        let bytes = [RECEIVED, behind].concat();
        let mut rows = LentRows::default();
        rows.fill(bytes.clone(), 6, 0xfe, TEXT, 100);
        (rows, bytes)
    }

    #[test]
    fn a_row_may_be_overwritten_with_the_byte_behind_it() {
        // Behind the rows: nothing, a part of a header, a header, a part of a row.
        for behind in [&b""[..], b"\x02", b"\x02\0\0", b"\x02\0\0\x01", b"\x02\0\0\x01\x01"] {
            let (mut rows, bytes) = lent(behind);
            assert_eq!(payloads(&mut rows), [&b"\x01a"[..], b"\0", b"\x02bc"], "{behind:?}");
            assert!(rows.advance().is_none());
            let (back, at) = rows.take();
            assert_eq!((back.get(at..), back.len()), (Some(behind), bytes.len()), "{behind:?}");
            assert_eq!(rows.sequence, 1);
            assert!(rows.is_empty() && rows.advance().is_none());
        }
    }

    #[test]
    fn other_packets_are_left() {
        let long = [b"\x65\0\0\x01\0".as_slice(), &[0; 0x64]].concat();
        // The end, an empty packet, a wrong number, a long row.
        for behind in [b"\x05\0\0\x01\xfe\0\0\x02\0", &b"\0\0\0\x01\0"[..], b"\x02\0\0\x02\x01a", &long] {
            let (mut rows, _) = lent(behind);
            assert_eq!(payloads(&mut rows).len(), 3, "{behind:?}");
            let (back, at) = rows.take();
            assert_eq!(back.get(at..), Some(behind));
        }
    }

    #[test]
    fn what_was_not_read_comes_back() {
        let (mut rows, bytes) = lent(b"");
        rows.advance().unwrap().fill(0xee);
        let (back, at) = rows.take();
        assert_eq!((at, back.get(at..)), (12, bytes.get(12..)));
    }
}
