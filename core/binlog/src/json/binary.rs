//! The tree in a binary document.

use sealwire_core::wire::Reader;

use crate::error::{Problem, Result};

// The types of values.
pub(super) const SMALL_OBJECT: u8 = 0;
pub(super) const LARGE_OBJECT: u8 = 1;
pub(super) const SMALL_ARRAY: u8 = 2;
pub(super) const LARGE_ARRAY: u8 = 3;
pub(super) const LITERAL: u8 = 4;
pub(super) const INT16: u8 = 5;
pub(super) const UINT16: u8 = 6;
pub(super) const INT32: u8 = 7;
pub(super) const UINT32: u8 = 8;
pub(super) const INT64: u8 = 9;
pub(super) const UINT64: u8 = 10;
pub(super) const DOUBLE: u8 = 11;
pub(super) const STRING: u8 = 12;
pub(super) const OPAQUE: u8 = 15;

/// A value in a document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node<'a> {
    /// null.
    Null,
    /// true or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that is stored unsigned.
    UInt(u64),
    /// Another number.
    Double(f64),
    /// A text in utf8mb4.
    String(&'a [u8]),
    /// An array; its keys are not to be asked for.
    Array(Container<'a>),
    /// An object.
    Object(Container<'a>),
    /// A value of an SQL type that JSON does not have, such as DATETIME or DECIMAL.
    Opaque {
        /// The number of the type.
        column_type: u8,
        /// The value. A DECIMAL has its precision and scale before it; a date or time is packed into 8 bytes, little-endian.
        data: &'a [u8],
    },
}

/// An array or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Container<'a> {
    /// From the number of elements on; offsets count from here.
    bytes: &'a [u8],
    count: u32,
    is_large: bool,
    is_object: bool,
}

/// Reads the outermost value of a document. No bytes at all are null.
pub fn parse(document: &[u8]) -> Result<Node<'_>> {
    match document.split_first() {
        None => Ok(Node::Null),
        Some((kind, rest)) => value(*kind, rest),
    }
}

/// Reads the value of a type at the front of `bytes`.
fn value(kind: u8, bytes: &[u8]) -> Result<Node<'_>> {
    let mut reader = Reader::new(bytes);
    let what = "a JSON value";
    Ok(match kind {
        SMALL_OBJECT | LARGE_OBJECT => Node::Object(Container::read(bytes, kind == LARGE_OBJECT, true)?),
        SMALL_ARRAY | LARGE_ARRAY => Node::Array(Container::read(bytes, kind == LARGE_ARRAY, false)?),
        LITERAL => literal(reader.u8(what)?)?,
        INT16 => Node::Int(reader.u16(what)?.cast_signed().into()),
        UINT16 => Node::UInt(reader.u16(what)?.into()),
        INT32 => Node::Int(reader.u32(what)?.cast_signed().into()),
        UINT32 => Node::UInt(reader.u32(what)?.into()),
        INT64 => Node::Int(reader.u64(what)?.cast_signed()),
        UINT64 => Node::UInt(reader.u64(what)?),
        DOUBLE => Node::Double(f64::from_bits(reader.u64(what)?)),
        STRING => Node::String(counted(&mut reader)?),
        OPAQUE => {
            let column_type = reader.u8(what)?;
            Node::Opaque { column_type, data: counted(&mut reader)? }
        }
        _ => return Err(Problem::Malformed("a JSON value's type")),
    })
}

const fn literal(number: u8) -> Result<Node<'static>> {
    match number {
        0 => Ok(Node::Null),
        1 => Ok(Node::Bool(true)),
        2 => Ok(Node::Bool(false)),
        _ => Err(Problem::Malformed("a JSON literal")),
    }
}

/// Bytes behind their length, which has seven bits in each byte, the lowest first.
fn counted<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8]> {
    let what = "the length of a JSON text";
    let mut length = 0_u64;
    for shift in [0, 7, 14, 21, 28] {
        let byte = reader.u8(what)?;
        length |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let length = u32::try_from(length).map_err(|_| Problem::Malformed(what))?;
            return Ok(reader.bytes(length as usize, "a JSON text")?);
        }
    }
    Err(Problem::Malformed(what))
}

impl<'a> Container<'a> {
    fn read(bytes: &'a [u8], is_large: bool, is_object: bool) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let (count, size) = (number(&mut reader, is_large)?, number(&mut reader, is_large)?);
        let bytes = bytes.get(..size as usize).ok_or(Problem::Truncated("a JSON container"))?;
        let container = Self { bytes, count, is_large, is_object };
        let entries = u64::from(count) * container.entry() as u64 + 2 * container.width() as u64;
        if entries > bytes.len() as u64 {
            return Err(Problem::Truncated("a JSON container"));
        }
        Ok(container)
    }

    /// The bytes of an offset.
    const fn width(&self) -> usize {
        if self.is_large { 4 } else { 2 }
    }

    /// The bytes of all entries of one element.
    const fn entry(&self) -> usize {
        let value = 1 + self.width();
        if self.is_object { value + self.width() + 2 } else { value }
    }

    /// The number of elements.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no element.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of the entries, which are this container's alone.
    pub(super) const fn own_bytes(&self) -> usize {
        2 * self.width() + self.len() * self.entry()
    }

    /// The key of an object's element, from 0 on. MySQL sorts keys by length, then by bytes.
    pub fn key(&self, index: usize) -> Result<&'a [u8]> {
        let what = "a JSON key";
        if !self.is_object || index >= self.len() {
            return Err(Problem::Malformed(what));
        }
        let mut entry = self.at(2 * self.width() + index * (self.width() + 2), what)?;
        let offset = number(&mut entry, self.is_large)?;
        let length = entry.u16(what)?;
        Ok(self.at(offset as usize, what)?.bytes(length.into(), what)?)
    }

    /// The value of an element, from 0 on.
    pub fn value(&self, index: usize) -> Result<Node<'a>> {
        let what = "a JSON value";
        if index >= self.len() {
            return Err(Problem::Malformed(what));
        }
        let keys = if self.is_object { self.len() * (self.width() + 2) } else { 0 };
        let mut entry = self.at(2 * self.width() + keys + index * (1 + self.width()), what)?;
        let kind = entry.u8(what)?;
        // Small values are in the place of their offset.
        let is_inline = matches!(kind, LITERAL | INT16 | UINT16) || (self.is_large && matches!(kind, INT32 | UINT32));
        if is_inline {
            return value(kind, entry.bytes(self.width(), what)?);
        }
        let offset = number(&mut entry, self.is_large)? as usize;
        // An element is behind the entries; so no container holds itself.
        if offset < self.own_bytes() {
            return Err(Problem::Malformed("the offset of a JSON value"));
        }
        value(kind, self.bytes.get(offset..).ok_or(Problem::Truncated(what))?)
    }

    fn at(&self, offset: usize, what: &'static str) -> Result<Reader<'a>> {
        Ok(Reader::new(self.bytes.get(offset..).ok_or(Problem::Truncated(what))?))
    }
}

fn number(reader: &mut Reader<'_>, is_large: bool) -> Result<u32> {
    let what = "a JSON container";
    Ok(if is_large { reader.u32(what)? } else { reader.u16(what)?.into() })
}
