//! Connection attributes: what a client says about itself. Source: "Protocol::HandshakeResponse41".

use alloc::vec::Vec;
use core::fmt;

use super::Capabilities;
use crate::wire::{Error, Put, Reader, Result};

/// MySQL takes no more connection attributes than this.
const MAX_ATTRIBUTES: usize = 0xffff;

/// Connection attributes: pairs of a name and a value, as on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Attributes out of the bytes that [`encode_attributes`] makes.
    pub const fn new(encoded: &'a [u8]) -> Self {
        Self(encoded)
    }

    /// The pairs, up to the first that can't be read.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.0);
        core::iter::from_fn(move || {
            let name = reader.lenenc_bytes("attribute name").ok()?;
            let value = reader.lenenc_bytes("attribute value").ok()?;
            Some((name, value))
        })
    }

    /// Whether there is no attribute.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the attributes with the length before them. A client that has the capability but ends here has none.
    pub(super) fn read(reader: &mut Reader<'a>, capabilities: Capabilities) -> Result<Self> {
        if !capabilities.contains(Capabilities::CONNECT_ATTRS) || reader.is_empty() {
            return Ok(Self::default());
        }
        let encoded = reader.lenenc_bytes("connection attributes")?;
        if encoded.len() > MAX_ATTRIBUTES {
            return Err(Error::Malformed("connection attributes over 64 KiB: the packet"));
        }
        Ok(Self(encoded))
    }

    /// Writes the attributes with the length before them.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_lenenc_bytes(self.0);
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = alloc::string::String::from_utf8_lossy;
        f.debug_map().entries(self.iter().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

/// Appends pairs as [`Attributes::new`] takes them. Pairs that would exceed 64 KiB together are left out.
pub fn encode_attributes<'s>(pairs: impl IntoIterator<Item = (&'s str, &'s str)>, out: &mut Vec<u8>) {
    let start = out.len();
    for (name, value) in pairs {
        let before = out.len();
        out.put_lenenc_bytes(name.as_bytes());
        out.put_lenenc_bytes(value.as_bytes());
        if out.len() - start > MAX_ATTRIBUTES {
            out.truncate(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_bounded_and_their_broken_tail_is_passed_over() {
        let large = "x".repeat(40_000);
        let mut encoded = Vec::new();
        encode_attributes([("a", "1"), ("b", large.as_str()), ("c", large.as_str()), ("d", "2")], &mut encoded);
        let names: Vec<&[u8]> = Attributes::new(&encoded).iter().map(|(name, _)| name).collect();
        assert_eq!(names, [b"a", b"b", b"d"]);
        encoded.truncate(encoded.len() - 1);
        assert_eq!(Attributes::new(&encoded).iter().count(), 2);
        let mut field = Vec::new();
        field.put_lenenc_bytes(&alloc::vec![0; MAX_ATTRIBUTES + 1]);
        assert!(Attributes::read(&mut Reader::new(&field), Capabilities::CONNECT_ATTRS).is_err());
        // A client that has the capability but sends nothing.
        assert_eq!(Attributes::read(&mut Reader::new(b""), Capabilities::CONNECT_ATTRS), Ok(Attributes::default()));
    }
}
