//! Batches of rows that are encoded separately from their connection.

use alloc::vec::Vec;

use crate::wire::Put;
use crate::wire::frame::{self, HEADER};

/// Encoded rows without packet numbers. Another thread can encode them, and [`Connection::rows`](super::Connection::rows) sends them
/// without copying.
#[derive(Debug, Clone, Default)]
pub struct RowBatch {
    packets: Vec<u8>,
    /// The index at which the current row begins.
    begun: Option<usize>,
}

impl RowBatch {
    /// The buffer to which [`encode_text_row`](crate::message::encode_text_row) or [`encode_binary_row`](crate::message::encode_binary_row)
    /// appends the payload of the row.
    pub fn row(&mut self) -> &mut Vec<u8> {
        if self.begun.is_none() {
            self.begun = Some(self.packets.len());
            self.packets.put(&[0; HEADER]);
        }
        &mut self.packets
    }

    /// Ends the current row.
    pub fn end_row(&mut self) {
        self.row();
        if let Some(start) = self.begun.take() {
            frame::close(&mut self.packets, start, &mut 0);
        }
    }

    /// The number of bytes of all rows, headers included.
    pub const fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether the batch has no row.
    pub const fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// The complete rows.
    pub(super) fn into_packets(mut self) -> Vec<u8> {
        self.packets.truncate(self.begun.unwrap_or(self.packets.len()));
        self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{MAX_FRAME_PAYLOAD, Scan, scan};

    #[test]
    fn rows_are_numbered_from_where_the_reply_stands() {
        let mut batch = RowBatch::default();
        let lengths = [3, 0, MAX_FRAME_PAYLOAD - 1, MAX_FRAME_PAYLOAD, MAX_FRAME_PAYLOAD + 5, 1];
        for (fill, length) in lengths.into_iter().enumerate() {
            let row = batch.row();
            row.resize(row.len() + length, fill as u8);
            batch.end_row();
        }
        // A row without `end_row` is not sent.
        batch.row().put(b"half");
        let (mut packets, mut sequence) = (batch.into_packets(), 253);
        frame::number(&mut packets, &mut sequence);
        let (mut rest, mut due) = (packets.as_slice(), 253u8);
        for length in lengths {
            let Scan::Complete(found) = scan(rest) else { panic!("a row of {length} bytes is not whole") };
            assert_eq!((found.payload_length, found.first_sequence), (length, due));
            due = due.wrapping_add(found.frames as u8);
            rest = &rest[found.wire_length..];
        }
        assert!(rest.is_empty());
        assert_eq!(due, sequence);
    }
}
