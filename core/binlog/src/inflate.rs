//! Decompression, which the caller bounds and may replace.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use sealwire_core::wire::Reader;

use crate::error::{Problem, Result};

/// A way of compressing that logs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// zlib (RFC 1950): MariaDB's compressed events and columns.
    Zlib,
    /// Deflate without zlib's frame (RFC 1951): MariaDB's compressed columns.
    Deflate,
    /// zstd (RFC 8878): MySQL's TRANSACTION_PAYLOAD.
    Zstd,
}

/// Decompresses `packed` into `size` bytes, as the log announces them. `size` is never over [`Inflate::most`].
pub type InflateFn = fn(algorithm: Compression, packed: &[u8], size: usize) -> core::result::Result<Vec<u8>, Problem>;

/// How compressed bytes are inflated.
#[derive(Debug, Clone, Copy)]
pub struct Inflate {
    /// The most bytes that one event or value may inflate to; 64 MiB by default.
    pub most: usize,
    /// The function that inflates; by default [`inflate`], which knows what the features of this package bring.
    pub with: InflateFn,
}

impl Default for Inflate {
    fn default() -> Self {
        Self { most: 64 << 20, with: inflate }
    }
}

impl Inflate {
    /// Inflates `packed` to exactly `size` bytes.
    pub fn run(&self, algorithm: Compression, packed: &[u8], size: u64) -> Result<Vec<u8>> {
        let limit = self.most;
        let bounded = usize::try_from(size).ok().filter(|size| *size <= limit);
        let too_big = Problem::TooBig { what: "the inflated size", size, limit: limit as u64 };
        let plain = (self.with)(algorithm, packed, bounded.ok_or(too_big)?)?;
        if plain.len() as u64 == size { Ok(plain) } else { Err(Problem::Inflate) }
    }

    /// Inflates the form that MariaDB's compressed events share: `0x80 + n`, the plain length in `n` bytes, a zlib stream.
    pub(crate) fn event(&self, packed: &[u8]) -> Result<Vec<u8>> {
        let mut reader = Reader::new(packed);
        let first = reader.u8("the compressed length")?;
        if first & 0xf0 != 0x80 {
            return Err(Problem::Malformed("the compression's kind"));
        }
        let size = big_endian(&mut reader, first & 0x07)?;
        self.run(Compression::Zlib, reader.rest(), size)
    }

    /// The plain value of a compressed column (MariaDB's types 140 and 141): plain behind a zero, or as in events, without zlib's frame
    /// where bit 3 is set. An empty value has no bytes.
    pub fn column<'a>(&self, stored: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let mut reader = Reader::new(stored);
        if reader.is_empty() {
            return Ok(Cow::Borrowed(&[]));
        }
        match reader.u8("the compression's kind")? {
            0 => Ok(Cow::Borrowed(reader.rest())),
            first if first & 0xf0 == 0x80 => {
                let size = big_endian(&mut reader, first & 0x07)?;
                let algorithm = if first & 0x08 == 0 { Compression::Zlib } else { Compression::Deflate };
                self.run(algorithm, reader.rest(), size).map(Cow::Owned)
            }
            _ => Err(Problem::Malformed("the compression's kind")),
        }
    }
}

fn big_endian(reader: &mut Reader<'_>, bytes: u8) -> Result<u64> {
    if !(1..=4).contains(&bytes) {
        return Err(Problem::Malformed("the compressed length"));
    }
    let bytes = reader.bytes(usize::from(bytes), "the compressed length")?;
    Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// Appends plain bytes in the form that MariaDB's compressed events share, if this build has zlib.
#[cfg(feature = "zlib")]
pub fn deflate(plain: &[u8], out: &mut Vec<u8>) {
    use sealwire_core::wire::Put as _;

    let size = u32::try_from(plain.len()).unwrap_or(u32::MAX);
    let length = 4 - (size | 1).leading_zeros() / 8;
    let bytes = size.to_be_bytes();
    out.put_u8(0x80 | length as u8);
    out.put(bytes.get(4 - length as usize..).unwrap_or_default());
    out.put(&miniz_oxide::deflate::compress_to_vec_zlib(plain, 6));
}

/// Inflates by the algorithms that the features of this package bring.
pub fn inflate(algorithm: Compression, packed: &[u8], size: usize) -> core::result::Result<Vec<u8>, Problem> {
    match algorithm {
        #[cfg(feature = "zlib")]
        Compression::Zlib | Compression::Deflate => zlib(packed, size, algorithm == Compression::Zlib),
        #[cfg(not(feature = "zlib"))]
        Compression::Zlib | Compression::Deflate => Err(unavailable(packed, size, "zlib")),
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstd(packed, size),
        #[cfg(not(feature = "zstd"))]
        Compression::Zstd => Err(unavailable(packed, size, "zstd")),
    }
}

#[cfg(not(all(feature = "zlib", feature = "zstd")))]
const fn unavailable(_: &[u8], _: usize, name: &'static str) -> Problem {
    Problem::NoInflater(name)
}

/// Zeros to inflate into, or an error where the system has no memory for them.
#[cfg(any(feature = "zlib", feature = "zstd"))]
fn zeros(size: usize) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    let none = |_| Problem::TooBig { what: "the inflated size", size: size as u64, limit: 0 };
    plain.try_reserve_exact(size).map_err(none)?;
    plain.resize(size, 0);
    Ok(plain)
}

#[cfg(feature = "zlib")]
fn zlib(packed: &[u8], size: usize, framed: bool) -> Result<Vec<u8>> {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

    // Deflate's longest match takes two bits, so more bytes can't come out.
    if size / 1100 > packed.len() {
        return Err(Problem::Inflate);
    }
    let mut plain = zeros(size)?;
    let flags =
        inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | if framed { TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    let (status, _, written) = decompress(&mut DecompressorOxide::new(), packed, &mut plain, 0, flags);
    if status == TINFLStatus::Done && written == size { Ok(plain) } else { Err(Problem::Inflate) }
}

#[cfg(feature = "zstd")]
fn zstd(packed: &[u8], size: usize) -> Result<Vec<u8>> {
    // A block of zstd takes four bytes and gives 128 KiB at most.
    if size / (1 << 15) > packed.len() {
        return Err(Problem::Inflate);
    }
    let mut plain = zeros(size)?;
    match zstd_safe::decompress(plain.as_mut_slice(), packed) {
        Ok(written) if written == size => Ok(plain),
        _ => Err(Problem::Inflate),
    }
}
