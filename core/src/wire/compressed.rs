//! Compressed frames: `compressed_length:u24 seq:u8 plain_length:u24 body`, whose plain bodies joined are packet frames.
//!
//! Source: "Compressed Packet". A plain length of 0 says that the body is not compressed.

use alloc::vec::Vec;

use super::frame::MAX_FRAME_PAYLOAD;
use super::{Error, Put, Reader, Result};

/// Bytes of a compressed frame's header.
pub const HEADER: usize = 7;

/// Fewer bytes than this are not worth compressing.
const MIN_LENGTH: usize = 50;
/// zlib's own default, which MySQL uses.
const ZLIB_LEVEL: u8 = 6;
/// Longer bodies are compressed at the fastest level, because the others on the same thread wait meanwhile.
#[cfg(any(feature = "zlib", feature = "zstd"))]
const LARGE: usize = 1024 * 1024;
#[cfg(any(feature = "zlib", feature = "zstd"))]
const FASTEST_LEVEL: u8 = 1;
/// The level at which a client asks for zstd where nobody said another.
pub const ZSTD_LEVEL: u8 = 3;
/// The levels of zstd that MySQL knows.
pub(crate) const ZSTD_LEVELS: core::ops::RangeInclusive<u8> = 1..=22;

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// zlib, with the feature of that name.
    Zlib,
    /// zstd, with the feature of that name.
    Zstd {
        /// 1 is fast, 22 is small.
        level: u8,
    },
}

impl Algorithm {
    /// As `Compression_algorithm` and `--compression-algorithms` name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Zstd { .. } => "zstd",
        }
    }

    /// As `Compression_level` shows it.
    pub const fn level(self) -> u8 {
        match self {
            Self::Zlib => ZLIB_LEVEL,
            Self::Zstd { level } => level,
        }
    }

    /// Whether this build has it.
    pub const fn is_built(self) -> bool {
        match self {
            Self::Zlib => cfg!(feature = "zlib"),
            Self::Zstd { .. } => cfg!(feature = "zstd"),
        }
    }

    /// The most bytes that one byte of a body may become: the longest match of deflate in two bits, a block of zstd in four bytes.
    const fn largest_ratio(self) -> usize {
        match self {
            Self::Zlib => 1032,
            Self::Zstd { .. } => 32 * 1024,
        }
    }

    /// The body compressed; `None` where this build can't.
    fn compress(self, body: &[u8]) -> Option<Vec<u8>> {
        match self {
            #[cfg(feature = "zlib")]
            Self::Zlib => {
                let level = if body.len() > LARGE { FASTEST_LEVEL } else { ZLIB_LEVEL };
                Some(miniz_oxide::deflate::compress_to_vec_zlib(body, level))
            }
            #[cfg(feature = "zstd")]
            Self::Zstd { level } => {
                let level = if body.len() > LARGE { FASTEST_LEVEL } else { level };
                let mut packed = alloc::vec![0; zstd_safe::compress_bound(body.len())];
                let length = zstd_safe::compress(packed.as_mut_slice(), body, i32::from(level)).ok()?;
                packed.truncate(length);
                Some(packed)
            }
            #[cfg(not(all(feature = "zlib", feature = "zstd")))]
            _ => {
                let _ = body;
                None
            }
        }
    }

    /// Fills `room` with what the body was; whether it is exactly that long.
    fn inflate(self, body: &[u8], room: &mut [u8]) -> bool {
        let wanted = room.len();
        let length = match self {
            #[cfg(feature = "zlib")]
            Self::Zlib => {
                let body = core::iter::once(body);
                miniz_oxide::inflate::decompress_slice_iter_to_slice(room, body, true, false).ok()
            }
            // All at once: the room is the window, and nothing else is allocated by what a frame says of itself.
            #[cfg(feature = "zstd")]
            Self::Zstd { .. } => zstd_safe::decompress(room, body).ok(),
            #[cfg(not(all(feature = "zlib", feature = "zstd")))]
            _ => {
                let _ = (body, room);
                None
            }
        };
        length == Some(wanted)
    }
}

/// Appends `body`, which is a piece of packet frames of at most [`MAX_FRAME_PAYLOAD`] bytes, as one compressed frame.
pub fn encode(algorithm: Algorithm, body: &[u8], sequence: u8, out: &mut Vec<u8>) {
    debug_assert!(body.len() <= MAX_FRAME_PAYLOAD, "the length has 24 bits");
    let packed = if body.len() < MIN_LENGTH { None } else { algorithm.compress(body) };
    match packed.filter(|packed| packed.len() < body.len()) {
        Some(packed) => put_frame(&packed, body.len(), sequence, out),
        None => put_frame(body, 0, sequence, out),
    }
}

fn put_frame(body: &[u8], plain_length: usize, sequence: u8, out: &mut Vec<u8>) {
    out.put_u24(body.len() as u32);
    out.put_u8(sequence);
    out.put_u24(plain_length as u32);
    out.put(body);
}

/// What lies at the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// More bytes are needed.
    Incomplete,
    /// A frame of more bytes than the limit; nothing was inflated.
    OverLimit {
        /// Its sequence number.
        sequence: u8,
    },
    /// A frame, whose plain bytes were appended.
    Frame {
        /// Its sequence number.
        sequence: u8,
        /// Bytes of the frame with its header, to be taken from the buffer.
        wire_length: usize,
    },
}

/// Reads the frame at the front of `buffer` and appends its plain bytes to `plain`. A frame of more than `limit` bytes, compressed or
/// plain, is known by its header: no more of it is awaited, and no room is made for it.
///
/// # Errors
/// `Malformed` where the body is not what the header says.
pub fn decode(algorithm: Algorithm, buffer: &[u8], limit: usize, plain: &mut Vec<u8>) -> Result<Decoded> {
    let mut reader = Reader::new(buffer);
    if buffer.len() < HEADER {
        return Ok(Decoded::Incomplete);
    }
    let what = "compressed frame";
    let length = reader.u24(what)? as usize;
    let sequence = reader.u8(what)?;
    let plain_length = reader.u24(what)? as usize;
    if length == 0 {
        return Err(Error::Malformed("empty compressed frame"));
    }
    if length.max(plain_length) > limit {
        return Ok(Decoded::OverLimit { sequence });
    }
    if plain_length > length.saturating_mul(algorithm.largest_ratio()) {
        return Err(Error::Malformed("length of a compressed frame"));
    }
    if reader.remaining() < length {
        return Ok(Decoded::Incomplete);
    }
    let body = reader.bytes(length, what)?;
    if plain_length == 0 {
        plain.put(body);
    } else {
        let start = plain.len();
        plain.resize(start + plain_length, 0);
        if !algorithm.inflate(body, plain.get_mut(start..).unwrap_or_default()) {
            plain.truncate(start);
            return Err(Error::Malformed("body of a compressed frame"));
        }
    }
    Ok(Decoded::Frame { sequence, wire_length: HEADER + length })
}

#[cfg(test)]
#[cfg(all(feature = "zlib", feature = "zstd"))]
mod tests {
    use super::*;

    const ALGORITHMS: [Algorithm; 3] = [Algorithm::Zlib, Algorithm::Zstd { level: 1 }, Algorithm::Zstd { level: 19 }];

    fn round_trip(algorithm: Algorithm, body: &[u8]) -> Vec<u8> {
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        encode(algorithm, body, 255, &mut wire);
        let decoded = decode(algorithm, &wire, MAX_FRAME_PAYLOAD, &mut plain).unwrap();
        assert_eq!(decoded, Decoded::Frame { sequence: 255, wire_length: wire.len() });
        assert!(plain == body, "{} bytes came back as {}", body.len(), plain.len());
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
        for algorithm in ALGORITHMS {
            assert_eq!(round_trip(algorithm, &ping), [5, 0, 0, 255, 0, 0, 0, 1, 0, 0, 0, 0x0e]);
            assert_eq!(&round_trip(algorithm, &[b'a'; 49])[..7], [49, 0, 0, 255, 0, 0, 0]);
            assert_ne!(&round_trip(algorithm, &[b'a'; 50])[4..7], [0, 0, 0]);
        }
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
        let decoded = decode(Algorithm::Zlib, &wire, 1024, &mut plain).unwrap();
        assert_eq!(decoded, Decoded::Frame { sequence: 0, wire_length: wire.len() });
        assert_eq!(plain, b"\x2e\0\0\0\x03select \"012345678901234567890123456789012345\"");
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        for algorithm in ALGORITHMS {
            assert_eq!(round_trip(algorithm, &noise(1000))[4..7], [0, 0, 0]);
        }
    }

    #[test]
    fn bodies_of_every_size_round_trip() {
        for algorithm in [Algorithm::Zlib, Algorithm::Zstd { level: 3 }] {
            for length in [1, 65_536, MAX_FRAME_PAYLOAD - 1, MAX_FRAME_PAYLOAD] {
                round_trip(algorithm, &alloc::vec![b'x'; length]);
            }
        }
    }

    #[test]
    fn a_large_body_is_compressed_at_the_fastest_level() {
        let text = |length: usize| -> Vec<u8> { (0..length).map(|at| b"row "[at % 4] ^ (at >> 9) as u8).collect() };
        let [_, fast, best] = ALGORITHMS;
        assert_ne!(
            round_trip(fast, &text(LARGE)),
            round_trip(best, &text(LARGE)),
            "small enough for the level asked for"
        );
        assert_eq!(round_trip(fast, &text(LARGE + 1)), round_trip(best, &text(LARGE + 1)));
    }

    #[test]
    fn a_bomb_is_refused_before_it_goes_off() {
        for algorithm in ALGORITHMS {
            let (mut wire, mut plain) = (Vec::new(), Vec::new());
            encode(algorithm, &alloc::vec![0; 1 << 20], 7, &mut wire);
            let over = Ok(Decoded::OverLimit { sequence: 7 });
            assert_eq!(decode(algorithm, &wire, (1 << 20) - 1, &mut plain), over);
            // Also when only the header is there, so that nothing is awaited.
            assert_eq!(decode(algorithm, &wire[..HEADER], 1000, &mut plain), over);
            // A length that no body of this size can have.
            assert!(decode(algorithm, &[8, 0, 0, 0, 255, 255, 255], usize::MAX, &mut plain).is_err());
            assert_eq!(plain.capacity(), 0);
        }
    }

    #[test]
    fn a_wrong_plain_length_is_malformed() {
        for algorithm in ALGORITHMS {
            let mut wire = Vec::new();
            encode(algorithm, &[b'x'; 200], 0, &mut wire);
            for wrong in [199, 201] {
                wire[4] = wrong;
                let mut plain = b"kept".to_vec();
                let decoded = decode(algorithm, &wire, 1000, &mut plain);
                assert_eq!(decoded, Err(Error::Malformed("body of a compressed frame")));
                assert_eq!(plain, b"kept");
            }
        }
    }

    #[test]
    fn every_prefix_is_incomplete_and_every_bit_flip_harmless() {
        for algorithm in ALGORITHMS {
            let (mut wire, mut plain) = (Vec::new(), Vec::new());
            encode(algorithm, &[b'x'; 60], 0, &mut wire);
            for cut in 0..wire.len() {
                assert_eq!(decode(algorithm, &wire[..cut], 1000, &mut plain), Ok(Decoded::Incomplete), "cut at {cut}");
            }
            for bit in 0..wire.len() * 8 {
                let mut flipped = wire.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                plain.clear();
                let _ = decode(algorithm, &flipped, 1000, &mut plain);
                assert!(plain.len() <= 1000, "bit {bit}");
            }
        }
    }
}
