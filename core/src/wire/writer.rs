//! Appends fields to a vector of bytes.

use alloc::vec::Vec;

/// Appends fields. It is implemented for `Vec<u8>`, so that the caller owns the buffer.
pub trait Put {
    /// `string<fix>` or `string<EOF>`: the bytes as they are.
    fn put(&mut self, bytes: &[u8]);

    /// `int<1>`.
    fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    /// `int<2>`.
    fn put_u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }

    /// `int<3>`; the top byte of `value` is dropped.
    fn put_u24(&mut self, value: u32) {
        let [a, b, c, _] = value.to_le_bytes();
        self.put(&[a, b, c]);
    }

    /// `int<4>`.
    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    /// `int<8>`.
    fn put_u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    /// `int<lenenc>` in its shortest form.
    fn put_lenenc_int(&mut self, value: u64) {
        let [a, b, c, ..] = value.to_le_bytes();
        match value {
            0..=0xfa => self.put(&[a]),
            0xfb..=0xffff => self.put(&[0xfc, a, b]),
            0x1_0000..=0xff_ffff => self.put(&[0xfd, a, b, c]),
            _ => {
                self.put(&[0xfe]);
                self.put_u64(value);
            }
        }
    }

    /// `string<lenenc>`.
    fn put_lenenc_bytes(&mut self, bytes: &[u8]) {
        self.put_lenenc_int(bytes.len() as u64);
        self.put(bytes);
    }

    /// `string<NUL>`. Bytes from the first NUL on are omitted, because the peer would end the string there.
    fn put_nul_bytes(&mut self, bytes: &[u8]) {
        let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        self.put(text);
        self.put_u8(0);
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}
