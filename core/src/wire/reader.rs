//! Reads fields from a slice of bytes, without copying and without panics.

use super::{Error, Result};

/// Reads fields from the front of a slice. Each method takes the field's name, for the error.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader that starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes have been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number of bytes left.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next byte, which stays unread.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize, what: &'static str) -> Result<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Error::Truncated(what))?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N]> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Error::Truncated(what))?;
        self.rest = tail;
        Ok(*head)
    }

    /// `int<1>`.
    pub fn u8(&mut self, what: &'static str) -> Result<u8> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    /// `int<2>`, little-endian as all integers of the protocol.
    pub fn u16(&mut self, what: &'static str) -> Result<u16> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// `int<3>`.
    pub fn u24(&mut self, what: &'static str) -> Result<u32> {
        let [a, b, c] = self.array(what)?;
        Ok(u32::from_le_bytes([a, b, c, 0]))
    }

    /// `int<4>`.
    pub fn u32(&mut self, what: &'static str) -> Result<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// `int<8>`.
    pub fn u64(&mut self, what: &'static str) -> Result<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// `int<lenenc>`. The first bytes FB (NULL in a row) and FF are invalid.
    pub fn lenenc_int(&mut self, what: &'static str) -> Result<u64> {
        match self.u8(what)? {
            small @ 0..=0xfa => Ok(u64::from(small)),
            0xfc => self.u16(what).map(u64::from),
            0xfd => self.u24(what).map(u64::from),
            0xfe => self.u64(what),
            0xfb | 0xff => Err(Error::Malformed(what)),
        }
    }

    /// `string<lenenc>`.
    pub fn lenenc_bytes(&mut self, what: &'static str) -> Result<&'a [u8]> {
        let length = self.lenenc_int(what)?;
        let length = usize::try_from(length).map_err(|_| Error::Truncated(what))?;
        self.bytes(length, what)
    }

    /// `string<NUL>`, without the NUL.
    pub fn nul_bytes(&mut self, what: &'static str) -> Result<&'a [u8]> {
        let end = self.rest.iter().position(|byte| *byte == 0).ok_or(Error::Truncated(what))?;
        let text = self.bytes(end, what)?;
        self.u8(what)?;
        Ok(text)
    }

    /// `string<EOF>`: all bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Fails if bytes are left.
    pub const fn finish(&self, what: &'static str) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Malformed(what)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Put;
    use alloc::vec::Vec;

    #[test]
    fn lenenc_int_round_trips_at_every_width() {
        for value in [0, 1, 0xfa, 0xfb, 0xff, 0x100, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000, u64::MAX] {
            let mut bytes = Vec::new();
            bytes.put_lenenc_int(value);
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.lenenc_int("value"), Ok(value));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn null_and_error_markers_are_not_integers() {
        for marker in [0xfb, 0xff] {
            assert_eq!(Reader::new(&[marker, 0, 0]).lenenc_int("value"), Err(Error::Malformed("value")));
        }
    }

    #[test]
    fn a_length_past_the_end_is_truncated_not_a_panic() {
        let bytes = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Reader::new(&bytes).lenenc_bytes("text"), Err(Error::Truncated("text")));
        assert_eq!(Reader::new(b"abc").nul_bytes("name"), Err(Error::Truncated("name")));
    }
}
