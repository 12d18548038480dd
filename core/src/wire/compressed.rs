//! Compressed frames: `compressed_length:u24 seq:u8 plain_length:u24 body`. The decompressed bodies, concatenated, are packet frames.
//!
//! Source: "Compressed Packet". A plain length of 0 means that the body is not compressed.

use alloc::vec::Vec;

use super::frame::MAX_FRAME_PAYLOAD;
use super::{Error, Put, Reader, Result};

/// The length of a compressed frame's header.
pub const HEADER: usize = 7;

/// A body with fewer bytes than this is not compressed, because the gain would be too small.
const MIN_LENGTH: usize = 50;
/// zlib's default level, which MySQL uses.
const ZLIB_LEVEL: u8 = 6;
/// Longer bodies are compressed at the fastest level, because other connections on the same thread have to wait.
#[cfg(any(feature = "zlib", feature = "zstd"))]
const LARGE: usize = 1024 * 1024;
#[cfg(any(feature = "zlib", feature = "zstd"))]
const FASTEST_LEVEL: u8 = 1;
/// A client's default zstd level.
pub const ZSTD_LEVEL: u8 = 3;
/// The zstd levels that MySQL accepts.
pub(crate) const ZSTD_LEVELS: core::ops::RangeInclusive<u8> = 1..=22;

/// The compression algorithm for bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// zlib, if the feature `zlib` is on.
    Zlib,
    /// zstd, if the feature `zstd` is on.
    Zstd {
        /// The level: 1 is fastest, 22 compresses most.
        level: u8,
    },
}

impl Algorithm {
    /// The name in `Compression_algorithm` and `--compression-algorithms`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Zstd { .. } => "zstd",
        }
    }

    /// The level as `Compression_level` shows it.
    pub const fn level(self) -> u8 {
        match self {
            Self::Zlib => ZLIB_LEVEL,
            Self::Zstd { level } => level,
        }
    }

    /// Whether this build has the algorithm.
    pub const fn is_built(self) -> bool {
        match self {
            Self::Zlib => cfg!(feature = "zlib"),
            Self::Zstd { .. } => cfg!(feature = "zstd"),
        }
    }

    /// The largest ratio of decompressed to compressed bytes: deflate's longest match takes two bits, a block of zstd four bytes.
    const fn largest_ratio(self) -> usize {
        match self {
            Self::Zlib => 1032,
            Self::Zstd { .. } => 32 * 1024,
        }
    }

    /// Compresses the body; `None` if this build does not have the algorithm.
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
}

/// Appends `body`, a piece of packet frames of at most [`MAX_FRAME_PAYLOAD`] bytes, as one compressed frame.
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

/// A complete frame at the front of a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The frame's sequence number.
    pub(crate) sequence: u8,
    body: &'a [u8],
    /// The length of the body before compression; 0 if it is not compressed.
    inflated: usize,
}

impl Frame<'_> {
    /// The length of the frame with its header.
    pub(crate) const fn wire_length(&self) -> usize {
        HEADER + self.body.len()
    }

    /// The length of the packets in the frame.
    pub(crate) const fn plain_length(&self) -> usize {
        if self.inflated == 0 { self.body.len() } else { self.inflated }
    }
}

/// The state of the front of a buffer, judged by the frame's header only.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scan<'a> {
    /// More bytes are needed.
    Incomplete,
    /// The frame exceeds the limit.
    OverLimit {
        /// The frame's sequence number.
        sequence: u8,
    },
    /// A complete frame.
    Frame(Frame<'a>),
}

/// The number of decompressed bytes that cost as much work as one byte of a body in the worst case: in zlib ten bits begin a block, which
/// needs new tables.
#[cfg(any(feature = "zlib", feature = "zstd"))]
const COST_OF_INPUT: usize = 64;
/// The number of bytes that could be decompressed in the time in which the tables of one zstd block are built.
#[cfg(feature = "zstd")]
const COST_OF_BLOCK: usize = 8 * 1024;
/// The length of the beginning of a zstd frame, which must be read before the number of further bytes is known.
#[cfg(feature = "zstd")]
const ZSTD_HEAD: usize = 5;

/// A frame that is decompressed in steps, because a large one takes long.
pub(crate) struct Inflation {
    /// The index in `plain` at which the frame's bytes begin, and the number of them so far.
    start: usize,
    done: usize,
    /// The number of bytes of the body that have been read.
    #[cfg(any(feature = "zlib", feature = "zstd"))]
    read: usize,
    #[cfg(feature = "zlib")]
    zlib: Option<alloc::boxed::Box<miniz_oxide::inflate::core::DecompressorOxide>>,
    /// The decompressor, and the number of bytes that it needs next.
    #[cfg(feature = "zstd")]
    zstd: Option<(zstd_safe::DCtx<'static>, usize)>,
}

impl core::fmt::Debug for Inflation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inflation").field("start", &self.start).field("done", &self.done).finish_non_exhaustive()
    }
}

impl Inflation {
    /// The decompression of a frame whose bytes are to be appended to `plain`.
    pub(crate) const fn new(plain: &[u8]) -> Self {
        Self {
            start: plain.len(),
            done: 0,
            #[cfg(any(feature = "zlib", feature = "zstd"))]
            read: 0,
            #[cfg(feature = "zlib")]
            zlib: None,
            #[cfg(feature = "zstd")]
            zstd: None,
        }
    }

    /// Does about as much work as decompressing `most` bytes. Returns `true` once all bytes of the frame are appended. Until then `plain`
    /// may end with bytes that are not valid yet, and its bytes must not be moved.
    ///
    /// # Errors
    /// `Malformed` if the body does not match the header; no bytes of the frame are left in `plain` then.
    #[cfg_attr(
        not(any(feature = "zlib", feature = "zstd")),
        expect(
            unused_variables,
            clippy::needless_pass_by_ref_mut,
            reason = "only what is compressed is read in steps"
        )
    )]
    pub(crate) fn step(
        &mut self,
        algorithm: Algorithm,
        frame: &Frame<'_>,
        most: usize,
        plain: &mut Vec<u8>,
    ) -> Result<bool> {
        if frame.inflated == 0 {
            plain.put(frame.body);
            return Ok(true);
        }
        let inflated = match algorithm {
            #[cfg(feature = "zlib")]
            Algorithm::Zlib => self.inflate_zlib(frame, most, plain),
            #[cfg(feature = "zstd")]
            Algorithm::Zstd { .. } => self.inflate_zstd(frame, most, plain),
            #[cfg(not(all(feature = "zlib", feature = "zstd")))]
            _ => None,
        };
        if inflated != Some(false) {
            plain.truncate(self.start + if inflated.is_some() { self.done } else { 0 });
        }
        inflated.ok_or(Error::Malformed("body of a compressed frame"))
    }

    /// `None` if the body is malformed.
    #[cfg(feature = "zlib")]
    fn inflate_zlib(&mut self, frame: &Frame<'_>, most: usize, plain: &mut Vec<u8>) -> Option<bool> {
        use miniz_oxide::inflate::TINFLStatus;
        use miniz_oxide::inflate::core::decompress;
        use miniz_oxide::inflate::core::inflate_flags::{
            TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
        };
        let end = self.start + self.done.saturating_add(most).min(frame.inflated);
        if plain.len() < end {
            plain.resize(end, 0);
        }
        let rest = frame.body.get(self.read..)?;
        let part = rest.get(..most.div_ceil(COST_OF_INPUT)).unwrap_or(rest);
        let mut flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        if part.len() < rest.len() {
            flags |= TINFL_FLAG_HAS_MORE_INPUT;
        }
        // The output includes the bytes decompressed before, because later bytes may refer to them.
        let room = plain.get_mut(self.start..)?;
        let state = self.zlib.get_or_insert_default();
        let (status, read, written) = decompress(state, part, room, self.done, flags);
        self.read += read;
        self.done += written;
        match status {
            TINFLStatus::Done => (self.done == frame.inflated).then_some(true),
            TINFLStatus::HasMoreOutput => (self.done < frame.inflated).then_some(false),
            TINFLStatus::NeedsMoreInput => (part.len() < rest.len()).then_some(false),
            _ => None,
        }
    }

    /// As [`Self::inflate_zlib`], block by block. The bytes are written directly to `plain`, so that no second buffer of the frame's size
    /// is needed.
    #[cfg(feature = "zstd")]
    fn inflate_zstd(&mut self, frame: &Frame<'_>, most: usize, plain: &mut Vec<u8>) -> Option<bool> {
        use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};
        let end = self.start + frame.inflated;
        if self.zstd.is_none() {
            let mut context = DCtx::try_create()?;
            context.set_parameter(DParameter::StableOutBuffer(true)).ok()?;
            plain.reserve_exact(frame.inflated);
            // A small frame is decompressed at once, without a buffer for a partial block.
            let is_small = frame.inflated <= most && frame.body.len() <= most / COST_OF_INPUT;
            self.zstd = Some((context, if is_small { frame.body.len() } else { ZSTD_HEAD }));
        }
        let (context, wanted) = self.zstd.as_mut()?;
        let mut left = most;
        loop {
            let rest = frame.body.get(self.read..)?;
            // If there are several zstd frames, each one starts anew.
            let part = rest.get(..*wanted).unwrap_or(rest);
            let mut input = InBuffer::around(part);
            let mut output = OutBuffer::around_pos(plain, self.start + self.done);
            *wanted = context.decompress_stream(&mut output, &mut input).ok()?;
            let done = output.pos() - self.start;
            let (read, written) = (input.pos, done - self.done);
            self.read += read;
            self.done = done;
            if self.start + done > end || (read == 0 && written == 0) {
                return None;
            }
            if *wanted == 0 {
                if self.read == frame.body.len() {
                    return (done == frame.inflated).then_some(true);
                }
                *wanted = ZSTD_HEAD;
            }
            let cost = read.saturating_mul(COST_OF_INPUT).min(COST_OF_BLOCK).saturating_add(written);
            left = left.saturating_sub(cost);
            if left == 0 {
                return Some(false);
            }
        }
    }
}

/// The result of decoding the front of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded {
    /// More bytes are needed.
    Incomplete,
    /// The frame exceeds the limit. Nothing was decompressed.
    OverLimit {
        /// The frame's sequence number.
        sequence: u8,
    },
    /// A frame whose decompressed bytes were appended.
    Frame {
        /// The frame's sequence number.
        sequence: u8,
        /// The length of the frame with its header, to be removed from the buffer.
        wire_length: usize,
    },
}

/// Decodes the frame at the front of `buffer` and appends its decompressed bytes to `plain`. The header is enough to reject a frame of more
/// than `limit` bytes, compressed or decompressed, so that neither input nor memory is spent on it.
///
/// # Errors
/// `Malformed` if the body does not match the header.
pub fn decode(algorithm: Algorithm, buffer: &[u8], limit: usize, plain: &mut Vec<u8>) -> Result<Decoded> {
    let frame = match scan(algorithm, buffer, limit)? {
        Scan::Incomplete => return Ok(Decoded::Incomplete),
        Scan::OverLimit { sequence } => return Ok(Decoded::OverLimit { sequence }),
        Scan::Frame(frame) => frame,
    };
    let mut inflation = Inflation::new(plain);
    while !inflation.step(algorithm, &frame, usize::MAX, plain)? {}
    Ok(Decoded::Frame { sequence: frame.sequence, wire_length: frame.wire_length() })
}

/// Finds the frame at the front of `buffer`. The header is enough to reject a frame of more than `limit` bytes, compressed or decompressed.
///
/// # Errors
/// `Malformed` if the header is invalid.
pub(crate) fn scan(algorithm: Algorithm, buffer: &[u8], limit: usize) -> Result<Scan<'_>> {
    let mut reader = Reader::new(buffer);
    if buffer.len() < HEADER {
        return Ok(Scan::Incomplete);
    }
    let what = "compressed frame";
    let length = reader.u24(what)? as usize;
    let sequence = reader.u8(what)?;
    let plain_length = reader.u24(what)? as usize;
    if length == 0 {
        return Err(Error::Malformed("empty compressed frame"));
    }
    if length.max(plain_length) > limit {
        return Ok(Scan::OverLimit { sequence });
    }
    if plain_length > length.saturating_mul(algorithm.largest_ratio()) {
        return Err(Error::Malformed("length of a compressed frame"));
    }
    if reader.remaining() < length {
        return Ok(Scan::Incomplete);
    }
    Ok(Scan::Frame(Frame { sequence, body: reader.bytes(length, what)?, inflated: plain_length }))
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

    /// Bytes that can't be compressed.
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
        // The packet of COM_PING.
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
            // The header alone is enough, so no more bytes are awaited.
            assert_eq!(decode(algorithm, &wire[..HEADER], 1000, &mut plain), over);
            // A length that no body of this size can decompress to.
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
    fn a_large_frame_is_inflated_in_steps() {
        let text: Vec<u8> = noise(300_000).into_iter().chain(core::iter::repeat_n(b'x', 1_000_000)).collect();
        for algorithm in ALGORITHMS {
            let mut wire = Vec::new();
            encode(algorithm, &text, 3, &mut wire);
            let Ok(Scan::Frame(frame)) = scan(algorithm, &wire, MAX_FRAME_PAYLOAD) else { panic!("no frame") };
            let mut plain = b"before".to_vec();
            let mut inflation = Inflation::new(&plain);
            let mut steps = 0;
            loop {
                let before = plain.len();
                let is_done = inflation.step(algorithm, &frame, 10_000, &mut plain).unwrap();
                steps += 1;
                // A zstd block has at most 128 KiB.
                let most = if algorithm == Algorithm::Zlib { 10_000 } else { 128 * 1024 };
                assert!(plain.len() - before <= most, "{} of {algorithm:?}", plain.len() - before);
                if is_done {
                    break;
                }
            }
            assert!(plain.strip_prefix(b"before") == Some(&text), "{algorithm:?}");
            let least = if algorithm == Algorithm::Zlib { 130 } else { 10 };
            assert!(steps >= least, "{steps} of {algorithm:?}");
        }
    }

    #[test]
    fn a_body_of_many_blocks_is_read_in_steps_though_it_becomes_little() {
        let plain = [b'x'; 100];
        // Each five bytes are four empty zlib blocks with fixed codes; the last block is stored.
        let mut zlib = alloc::vec![0x78, 0x9c];
        zlib.extend([0x02, 0x08, 0x20, 0x80, 0x00].repeat(200_000));
        zlib.extend([0x01, 100, 0, 155, 255]);
        zlib.extend(plain);
        let (a, b) = plain.iter().fold((1u32, 0u32), |(a, b), byte| (a + u32::from(*byte), b + a + u32::from(*byte)));
        zlib.extend((((b % 65_521) << 16) | (a % 65_521)).to_be_bytes());
        // A zstd frame of 100 bytes: empty blocks, then a stored block.
        let mut zstd = alloc::vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, 100];
        zstd.extend([0; 3].repeat(333_333));
        zstd.extend([0x21, 0x03, 0x00]);
        zstd.extend(plain);
        for (algorithm, body) in [(Algorithm::Zlib, zlib), (Algorithm::Zstd { level: 1 }, zstd)] {
            let mut wire = Vec::new();
            put_frame(&body, plain.len(), 0, &mut wire);
            let Ok(Scan::Frame(frame)) = scan(algorithm, &wire, MAX_FRAME_PAYLOAD) else { panic!("no frame") };
            let (mut out, mut steps) = (Vec::new(), 1);
            let mut inflation = Inflation::new(&out);
            while !inflation.step(algorithm, &frame, 256 * 1024, &mut out).unwrap() {
                steps += 1;
            }
            assert_eq!(out, plain, "{algorithm:?}");
            assert!(steps > 100, "{} bytes in {steps} steps of {algorithm:?}", body.len());
        }
    }

    #[test]
    fn several_frames_of_zstd_are_one_body_and_half_a_frame_is_none() {
        let zstd = Algorithm::Zstd { level: 3 };
        let halves: [Vec<u8>; 2] = [noise(400_000), alloc::vec![b'y'; 500_000]];
        let mut body: Vec<u8> = halves.iter().flat_map(|half| zstd.compress(half).unwrap()).collect();
        let read = |body: &[u8], most: usize| {
            let (mut wire, mut out) = (Vec::new(), Vec::new());
            put_frame(body, 900_000, 0, &mut wire);
            let Ok(Scan::Frame(frame)) = scan(zstd, &wire, MAX_FRAME_PAYLOAD) else { panic!("no frame") };
            let mut inflation = Inflation::new(&out);
            while !inflation.step(zstd, &frame, most, &mut out)? {}
            Ok::<_, Error>(out)
        };
        for most in [1, 256 * 1024, usize::MAX] {
            assert!(read(&body, most).unwrap() == halves.concat(), "{most} at a time");
        }
        body.pop();
        for most in [1, 256 * 1024, usize::MAX] {
            assert!(read(&body, most).is_err(), "{most} at a time");
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
