//! Packet frames: `len:u24 seq:u8 payload`. A payload of 16 MiB - 1 or more is split into several frames.
//!
//! Source: "MySQL Packets"; a payload of exactly 0xFFFFFF bytes is followed by another frame, possibly empty.

use alloc::vec::Vec;

use super::{Put, Result};

/// The largest payload of one frame. After a payload of this length another frame follows.
pub const MAX_FRAME_PAYLOAD: usize = 0xff_ffff;

/// The length of a frame header.
pub const HEADER: usize = 4;

/// The length and the sequence number in a frame's header, which was read as one number.
#[inline]
#[cfg(feature = "client")]
pub(crate) const fn header(number: u32) -> (usize, u8) {
    ((number & 0xff_ffff) as usize, (number >> 24) as u8)
}

/// Appends `payload` as one or more frames and sets `sequence` to the next number.
pub fn encode(payload: &[u8], sequence: &mut u8, out: &mut Vec<u8>) {
    let mut rest = payload;
    loop {
        let (head, tail) = rest.split_at(rest.len().min(MAX_FRAME_PAYLOAD));
        // The split above limits the length to 24 bits.
        out.put_u24(head.len() as u32);
        out.put_u8(*sequence);
        out.put(head);
        *sequence = sequence.wrapping_add(1);
        rest = tail;
        if head.len() < MAX_FRAME_PAYLOAD {
            return;
        }
    }
}

/// Completes a packet whose payload was appended after `start` and [`HEADER`] reserved bytes: fills in the header, or splits a payload of
/// 16 MiB - 1 or more into several frames. Sets `sequence` to the next number. Returns the payload's length.
pub(crate) fn close(buffer: &mut Vec<u8>, start: usize, sequence: &mut u8) -> usize {
    let length = buffer.len().saturating_sub(start + HEADER);
    if length >= MAX_FRAME_PAYLOAD {
        let payload = buffer.split_off(start + HEADER);
        buffer.truncate(start);
        encode(&payload, sequence, buffer);
        return length;
    }
    if let Some(header) = buffer.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<HEADER>()) {
        let [a, b, c, _] = (length as u32).to_le_bytes();
        *header = [a, b, c, *sequence];
    }
    *sequence = sequence.wrapping_add(1);
    length
}

/// Numbers frames that were encoded elsewhere, starting with `sequence`, and sets `sequence` to the next number.
#[cfg(feature = "server")]
pub(crate) fn number(mut frames: &mut [u8], sequence: &mut u8) {
    while let Some((header, rest)) = frames.split_first_chunk_mut::<HEADER>() {
        let [a, b, c, number] = header;
        let length = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
        *number = *sequence;
        *sequence = sequence.wrapping_add(1);
        frames = rest.get_mut(length..).unwrap_or_default();
    }
}

/// The position of a packet in a buffer, as found by [`scan`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Sequence number of the packet's first frame.
    pub first_sequence: u8,
    /// The number of the packet's frames.
    pub frames: usize,
    /// The length of all frames with their headers.
    pub wire_length: usize,
    /// The length of the payload, all frames joined.
    pub payload_length: usize,
}

/// The result of scanning the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// More bytes are needed.
    Incomplete {
        /// The payload bytes that the headers seen so far announce.
        announced: usize,
        /// The number of headers seen.
        frames: usize,
    },
    /// A complete packet is at the front.
    Complete(Found),
    /// The frames of one packet are not numbered consecutively.
    OutOfOrder,
}

/// Scans the front of `buffer` for a complete packet without copying it.
pub fn scan(buffer: &[u8]) -> Scan {
    scan_by(buffer, |number, due| number == due)
}

/// As [`scan`], but ignores the sequence numbers, because within compressed frames they have no meaning, and MariaDB's C library sets all
/// of them to 0.
pub(crate) fn scan_unnumbered(buffer: &[u8]) -> Scan {
    scan_by(buffer, |_, _| true)
}

fn scan_by(buffer: &[u8], follows: impl Fn(u8, u8) -> bool) -> Scan {
    let mut at = 0usize;
    let mut payload_length = 0usize;
    let mut frames = 0usize;
    let mut first_sequence = 0u8;
    loop {
        let Some(&[a, b, c, sequence]) = buffer.get(at..).and_then(|rest| rest.first_chunk::<HEADER>()) else {
            return Scan::Incomplete { announced: payload_length, frames };
        };
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if frames == 0 {
            first_sequence = sequence;
        } else if !follows(sequence, first_sequence.wrapping_add(frames as u8)) {
            return Scan::OutOfOrder;
        }
        payload_length += length;
        at += HEADER + length;
        frames += 1;
        if buffer.len() < at {
            return Scan::Incomplete { announced: payload_length, frames };
        }
        if length < MAX_FRAME_PAYLOAD {
            return Scan::Complete(Found { first_sequence, frames, wire_length: at, payload_length });
        }
    }
}

/// Joins the payload of a packet with several frames, in place. It is at `HEADER..HEADER + payload_length` afterwards.
///
/// # Errors
/// `Truncated` if `buffer` does not contain the frames that `found` describes.
pub fn join(buffer: &mut [u8], found: &Found) -> Result<()> {
    let mut from = MAX_FRAME_PAYLOAD + HEADER;
    let mut to = MAX_FRAME_PAYLOAD + HEADER;
    for _ in 1..found.frames {
        let start = from + HEADER;
        let length = (found.wire_length.saturating_sub(start)).min(MAX_FRAME_PAYLOAD);
        if start + length > buffer.len() {
            return Err(super::Error::Truncated("a packet of several frames"));
        }
        buffer.copy_within(start..start + length, to);
        from = start + length;
        to += length;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(length: usize) {
        let payload: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let (mut bytes, mut sequence) = (Vec::new(), 254);
        encode(&payload, &mut sequence, &mut bytes);
        for cut in [0, 3, 4, bytes.len() / 2, bytes.len() - 1] {
            assert!(matches!(scan(&bytes[..cut]), Scan::Incomplete { .. }), "cut at {cut} of {}", bytes.len());
        }
        let Scan::Complete(found) = scan(&bytes) else { panic!("not complete") };
        assert_eq!((found.wire_length, found.payload_length), (bytes.len(), length));
        assert_eq!(sequence, 254u8.wrapping_add(found.frames as u8));
        join(&mut bytes, &found).unwrap();
        assert!(bytes[HEADER..HEADER + length] == payload[..]);
    }

    #[test]
    fn payloads_around_the_split_round_trip() {
        for length in
            [1, 2, 300, MAX_FRAME_PAYLOAD - 1, MAX_FRAME_PAYLOAD, MAX_FRAME_PAYLOAD + 1, 2 * MAX_FRAME_PAYLOAD + 7]
        {
            round_trip(length);
        }
    }

    #[test]
    fn a_gap_in_the_numbers_is_seen() {
        let (mut bytes, mut sequence) = (Vec::new(), 0);
        encode(&alloc::vec![0; MAX_FRAME_PAYLOAD + 1], &mut sequence, &mut bytes);
        bytes[MAX_FRAME_PAYLOAD + HEADER + 3] = 7;
        assert_eq!(scan(&bytes), Scan::OutOfOrder);
    }
}
