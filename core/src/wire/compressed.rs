//! Compressed frames: `compressed_length:u24 seq:u8 plain_length:u24 body`, whose plain bodies joined are packet frames.
//!
//! Source: "Compressed Packet". A plain length of 0 says that the body is not compressed.

use alloc::vec::Vec;

use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_slice_iter_to_slice;

use super::frame::MAX_FRAME_PAYLOAD;
use super::{Error, Put, Reader, Result};

/// Bytes of a compressed frame's header.
pub const HEADER: usize = 7;

/// Fewer bytes than this are not worth compressing.
const MIN_LENGTH: usize = 50;
/// zlib's own default.
const LEVEL: u8 = 6;
/// One byte of deflate makes no more bytes than this.
const MAX_RATIO: usize = 1032;

/// Appends `frames`, which are packet frames, as one compressed frame or more; `sequence` is left at the next number.
pub fn encode(frames: &[u8], sequence: &mut u8, out: &mut Vec<u8>) {
    for body in frames.chunks(MAX_FRAME_PAYLOAD) {
        let packed = if body.len() < MIN_LENGTH { None } else { Some(compress_to_vec_zlib(body, LEVEL)) };
        match packed.filter(|packed| packed.len() < body.len()) {
            Some(packed) => put_frame(&packed, body.len(), *sequence, out),
            None => put_frame(body, 0, *sequence, out),
        }
        *sequence = sequence.wrapping_add(1);
    }
}

fn put_frame(body: &[u8], plain_length: usize, sequence: u8, out: &mut Vec<u8>) {
    // Both lengths are bounded to 24 bits by the chunks above.
    out.put_u24(body.len() as u32);
    out.put_u8(sequence);
    out.put_u24(plain_length as u32);
    out.put(body);
}

/// A compressed frame that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Its sequence number.
    pub sequence: u8,
    /// Bytes of the frame with its header, to be taken from the buffer.
    pub wire_length: usize,
}

/// Reads the frame at the front of `buffer` and appends its plain bytes to `plain`; `None` where it is not whole yet.
///
/// # Errors
/// `Malformed` where the frame's plain bytes would exceed `limit`, before room is made for them, and where the body is
/// not what the header says.
pub fn decode(buffer: &[u8], limit: usize, plain: &mut Vec<u8>) -> Result<Option<Decoded>> {
    let mut reader = Reader::new(buffer);
    if buffer.len() < HEADER {
        return Ok(None);
    }
    let what = "compressed frame";
    let length = reader.u24(what)? as usize;
    let sequence = reader.u8(what)?;
    let plain_length = reader.u24(what)? as usize;
    if length == 0 {
        return Err(Error::Malformed("empty compressed frame"));
    }
    if length.max(plain_length) > limit {
        return Err(Error::Malformed("compressed frame over the limit"));
    }
    if plain_length > length.saturating_mul(MAX_RATIO) {
        return Err(Error::Malformed("length of a compressed frame"));
    }
    if reader.remaining() < length {
        return Ok(None);
    }
    let body = reader.bytes(length, what)?;
    if plain_length == 0 {
        plain.put(body);
    } else {
        inflate(body, plain_length, plain)?;
    }
    Ok(Some(Decoded { sequence, wire_length: HEADER + length }))
}

fn inflate(body: &[u8], plain_length: usize, plain: &mut Vec<u8>) -> Result<()> {
    let start = plain.len();
    plain.resize(start + plain_length, 0);
    let room = plain.get_mut(start..).unwrap_or_default();
    match decompress_slice_iter_to_slice(room, core::iter::once(body), true, false) {
        Ok(length) if length == plain_length => Ok(()),
        _ => {
            plain.truncate(start);
            Err(Error::Malformed("body of a compressed frame"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(frames: &[u8]) -> Vec<u8> {
        let (mut wire, mut sequence) = (Vec::new(), 255);
        encode(frames, &mut sequence, &mut wire);
        let (mut plain, mut rest, mut expected) = (Vec::new(), &wire[..], 255u8);
        while let Some(decoded) = decode(rest, MAX_FRAME_PAYLOAD, &mut plain).unwrap() {
            assert_eq!(decoded.sequence, expected);
            expected = expected.wrapping_add(1);
            rest = &rest[decoded.wire_length..];
        }
        assert!(rest.is_empty());
        assert_eq!(sequence, expected);
        assert!(plain == frames, "{} bytes came back as {}", frames.len(), plain.len());
        wire
    }

    /// Bytes without a pattern.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn short_bytes_are_stored_as_they_are() {
        // COM_PING in its packet frame.
        let ping = [1, 0, 0, 0, 0x0e];
        assert_eq!(round_trip(&ping), [5, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 0x0e]);
        assert_eq!(&round_trip(&[b'a'; 49])[..7], [49, 0, 0, 255, 0, 0, 0]);
        assert_ne!(&round_trip(&[b'a'; 50])[4..7], [0, 0, 0]);
    }

    #[test]
    fn the_documentations_example_is_read() {
        // "Compressed Packet": SELECT "012345678901234567890123456789012345".
        let wire = [
            0x22, 0x00, 0x00, 0x00, 0x32, 0x00, 0x00, 0x78, 0x9c, 0xd3, 0x63, 0x60, 0x60, 0x60, 0x2e, 0x4e, 0xcd, 0x49,
            0x4d, 0x2e, 0x51, 0x50, 0x32, 0x30, 0x34, 0x32, 0x36, 0x31, 0x35, 0x33, 0xb7, 0xb0, 0xc4, 0xcd, 0x52, 0x02,
            0x00, 0x0c, 0xd1, 0x0a, 0x6c,
        ];
        let mut plain = Vec::new();
        let decoded = decode(&wire, 1024, &mut plain).unwrap();
        assert_eq!(decoded, Some(Decoded { sequence: 0, wire_length: wire.len() }));
        assert_eq!(plain, b"\x2e\0\0\0\x03select \"012345678901234567890123456789012345\"");
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        let bytes = noise(1000);
        assert_eq!(round_trip(&bytes)[4..7], [0, 0, 0]);
    }

    #[test]
    fn bytes_around_the_split_round_trip() {
        for length in [0, 1, MAX_FRAME_PAYLOAD - 1, MAX_FRAME_PAYLOAD, MAX_FRAME_PAYLOAD + 1] {
            round_trip(&alloc::vec![b'x'; length]);
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_goes_off() {
        let (mut wire, mut sequence) = (Vec::new(), 0);
        encode(&alloc::vec![0; 1 << 20], &mut sequence, &mut wire);
        let mut plain = Vec::new();
        let refused = decode(&wire, (1 << 20) - 1, &mut plain);
        assert_eq!(refused, Err(Error::Malformed("compressed frame over the limit")));
        // Also when only the header is there, so that nothing is awaited.
        assert!(decode(&wire[..HEADER], 1000, &mut plain).is_err());
        // A length that no body of this size can have.
        assert!(decode(&[8, 0, 0, 0, 255, 255, 255], usize::MAX, &mut plain).is_err());
        assert_eq!(plain.capacity(), 0);
    }

    #[test]
    fn a_wrong_plain_length_is_malformed() {
        let (mut wire, mut sequence) = (Vec::new(), 0);
        encode(&[b'x'; 200], &mut sequence, &mut wire);
        for wrong in [199, 201] {
            wire[4] = wrong;
            let mut plain = b"kept".to_vec();
            assert_eq!(decode(&wire, 1000, &mut plain), Err(Error::Malformed("body of a compressed frame")));
            assert_eq!(plain, b"kept");
        }
    }

    #[test]
    fn every_prefix_is_incomplete_and_every_bit_flip_harmless() {
        let (mut wire, mut sequence) = (Vec::new(), 0);
        encode(&[b'x'; 60], &mut sequence, &mut wire);
        let mut plain = Vec::new();
        for cut in 0..wire.len() {
            assert_eq!(decode(&wire[..cut], 1000, &mut plain), Ok(None), "cut at {cut}");
        }
        for bit in 0..wire.len() * 8 {
            let mut flipped = wire.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            plain.clear();
            let _ = decode(&flipped, 1000, &mut plain);
            assert!(plain.len() <= 1000, "bit {bit}");
        }
    }
}
