//! Rows of a result, in text and binary format. Decoding copies nothing.
//!
//! Source: "Text Resultset Row", "Binary Protocol Resultset Row".

use alloc::vec::Vec;

use super::value::{put_converted, read_value};
use super::{ColumnDefinition, Value};
use crate::wire::{Error, Put, Reader, Result};

/// The first byte of NULL in a text row.
const NULL: u8 = 0xfb;
/// The number of unused bits at the start of a binary row's NULL bitmap.
const BITMAP_OFFSET: usize = 2;

/// A row in text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRow<'a> {
    payload: &'a [u8],
}

impl<'a> TextRow<'a> {
    /// The row in a packet's payload. Its values are decoded on demand.
    #[inline]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { payload }
    }

    /// Up to this one, the first byte proves that a payload is a row, because it is NULL or the length of a value of fewer than 251 bytes.
    /// Other rows begin like other packets.
    #[cfg(feature = "client")]
    pub(crate) const LARGEST_FIRST_BYTE: u8 = NULL;

    /// The values in order; `None` is NULL.
    #[inline]
    pub const fn iter(&self) -> TextValues<'a> {
        TextValues { rest: self.payload }
    }
}

impl<'a> IntoIterator for TextRow<'a> {
    type Item = Result<Option<&'a [u8]>>;
    type IntoIter = TextValues<'a>;
    fn into_iter(self) -> TextValues<'a> {
        self.iter()
    }
}

/// An iterator over the values of a [`TextRow`]. It ends after an error.
#[derive(Debug, Clone)]
pub struct TextValues<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for TextValues<'a> {
    type Item = Result<Option<&'a [u8]>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (&first, tail) = self.rest.split_first()?;
        // Fast path: nearly every value is short or NULL.
        if first < NULL
            && let Some((value, rest)) = tail.split_at_checked(usize::from(first))
        {
            self.rest = rest;
            return Some(Ok(Some(value)));
        }
        if first == NULL {
            self.rest = tail;
            return Some(Ok(None));
        }
        Some(self.long_value())
    }
}

impl<'a> TextValues<'a> {
    #[cold]
    fn long_value(&mut self) -> Result<Option<&'a [u8]>> {
        let mut reader = Reader::new(self.rest);
        let value = reader.lenenc_bytes("text value");
        self.rest = if value.is_ok() { reader.rest() } else { &[] };
        value.map(Some)
    }
}

/// Encodes a row in text format; `None` is NULL.
pub fn encode_text_row<'v>(values: impl IntoIterator<Item = Option<&'v [u8]>>, out: &mut Vec<u8>) {
    for value in values {
        match value {
            Some(text) => out.put_lenenc_bytes(text),
            None => out.put_u8(NULL),
        }
    }
}

/// A row in binary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryRow<'a> {
    bitmap: &'a [u8],
    values: &'a [u8],
    columns: &'a [ColumnDefinition],
}

impl<'a> BinaryRow<'a> {
    /// The row in a packet's payload. Its values are decoded on demand.
    ///
    /// # Errors
    /// If the header or the NULL bitmap is missing.
    pub fn new(payload: &'a [u8], columns: &'a [ColumnDefinition]) -> Result<Self> {
        let mut reader = Reader::new(payload);
        if reader.u8("binary row header")? != 0 {
            return Err(Error::Malformed("binary row header"));
        }
        let bitmap = reader.bytes(bitmap_length(columns.len()), "binary row NULL bitmap")?;
        Ok(Self { bitmap, values: reader.rest(), columns })
    }

    /// The first byte of each row.
    #[cfg(feature = "client")]
    pub(crate) const FIRST_BYTE: u8 = 0;

    /// The length of the first byte and the NULL bitmap of a row with this many columns.
    #[inline]
    #[cfg(feature = "client")]
    pub(crate) const fn shortest(columns: usize) -> usize {
        1 + bitmap_length(columns)
    }

    /// The columns that the values belong to.
    pub const fn columns(&self) -> &'a [ColumnDefinition] {
        self.columns
    }

    /// The values in order, one for each column.
    #[inline]
    pub fn iter(&self) -> BinaryValues<'a> {
        BinaryValues {
            bitmap: self.bitmap,
            reader: Reader::new(self.values),
            columns: self.columns.iter(),
            bit: BITMAP_OFFSET,
        }
    }
}

impl<'a> IntoIterator for BinaryRow<'a> {
    type Item = Result<Value<'a>>;
    type IntoIter = BinaryValues<'a>;
    fn into_iter(self) -> BinaryValues<'a> {
        self.iter()
    }
}

/// An iterator over the values of a [`BinaryRow`]. It ends after an error.
#[derive(Debug, Clone)]
pub struct BinaryValues<'a> {
    bitmap: &'a [u8],
    reader: Reader<'a>,
    columns: core::slice::Iter<'a, ColumnDefinition>,
    bit: usize,
}

impl<'a> BinaryValues<'a> {
    /// The next value's column and the bytes that begin with the value, for a caller that decodes some types itself and then calls
    /// [`skip_bytes`](Self::skip_bytes). `None` if the value is NULL or there is none.
    #[inline]
    pub fn undecoded(&self) -> Option<(&'a ColumnDefinition, &'a [u8])> {
        let column = self.columns.as_slice().first()?;
        (!is_set(self.bitmap, self.bit)).then(|| (column, { self.reader }.rest()))
    }

    /// Moves behind the next value, which has this many bytes.
    #[inline]
    pub fn skip_bytes(&mut self, length: usize) {
        self.reader = Reader::new(self.reader.rest().get(length..).unwrap_or_default());
        self.columns.next();
        self.bit += 1;
    }
}

impl<'a> Iterator for BinaryValues<'a> {
    type Item = Result<Value<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let column = self.columns.next()?;
        let is_null = is_set(self.bitmap, self.bit);
        self.bit += 1;
        if is_null {
            return Some(Ok(Value::Null));
        }
        let value = read_value(&mut self.reader, column.column_type, column.is_unsigned());
        if value.is_err() {
            self.columns = [].iter();
        }
        Some(value)
    }
}

/// Encodes a row in binary format, each value converted to its column's type. Missing values become NULL.
pub fn encode_binary_row(columns: &[ColumnDefinition], values: &[Value<'_>], out: &mut Vec<u8>) {
    let value_of = |index: usize| values.get(index).copied().unwrap_or(Value::Null);
    let nulls = (0..columns.len()).map(|index| value_of(index) == Value::Null);
    out.put_u8(0);
    put_bitmap(nulls, BITMAP_OFFSET, out);
    for (index, column) in columns.iter().enumerate() {
        put_converted(value_of(index), column.column_type, column.is_unsigned(), out);
    }
}

/// Whether the bit is set; a bit outside the bitmap is not.
#[inline]
pub(super) fn is_set(bitmap: &[u8], bit: usize) -> bool {
    bitmap.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// Encodes a NULL bitmap that begins with `offset` unused bits.
pub(super) fn put_bitmap(nulls: impl Iterator<Item = bool>, offset: usize, out: &mut Vec<u8>) {
    let mut byte = 0u8;
    let mut bit = offset;
    for null in nulls {
        byte |= u8::from(null) << bit;
        bit += 1;
        if bit == 8 {
            out.put_u8(byte);
            (byte, bit) = (0, 0);
        }
    }
    if bit > 0 {
        out.put_u8(byte);
    }
}

const fn bitmap_length(columns: usize) -> usize {
    (columns + BITMAP_OFFSET).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::super::generator::for_many_seeds;
    use super::super::value::random_value;
    use super::super::{ColumnFlags, ColumnType};
    use super::*;
    use alloc::vec;

    #[test]
    fn text_rows_round_trip() {
        for_many_seeds(|random, seed| {
            let values: Vec<Option<Vec<u8>>> =
                (0..random.below(20)).map(|_| random.flag().then(|| random.bytes())).collect();
            let mut payload = Vec::new();
            encode_text_row(values.iter().map(Option::as_deref), &mut payload);
            let read: Result<Vec<_>> = TextRow::new(&payload).iter().collect();
            let values: Vec<_> = values.iter().map(Option::as_deref).collect();
            assert!(read == Ok(values), "seed {seed}");
        });
    }

    #[test]
    fn a_broken_text_row_ends_after_its_error() {
        for broken in
            [&b"\x01a\x05abc"[..], b"\x01a\xfc\x01", b"\x01a\xff", b"\x01a\xfe\xff\xff\xff\xff\xff\xff\xff\xff"]
        {
            let mut values = TextRow::new(broken).iter();
            assert_eq!(values.next(), Some(Ok(Some(&b"a"[..]))), "{broken:02x?}");
            assert!(matches!(values.next(), Some(Err(_))), "{broken:02x?}");
            assert_eq!(values.next(), None, "{broken:02x?}");
        }
    }

    #[test]
    fn binary_rows_round_trip() {
        for_many_seeds(|random, seed| {
            let bytes = random.bytes();
            let (mut columns, mut values) = (Vec::new(), Vec::new());
            for _ in 0..random.below(30) {
                let value = random_value(random, &bytes);
                let param_type = value.parameter_type();
                let mut column = ColumnDefinition::new("c", param_type.column_type);
                if param_type.unsigned {
                    column.flags |= ColumnFlags::UNSIGNED;
                }
                columns.push(column);
                values.push(value);
            }
            let mut payload = Vec::new();
            encode_binary_row(&columns, &values, &mut payload);
            let read: Result<Vec<_>> = BinaryRow::new(&payload, &columns).unwrap().iter().collect();
            assert!(read == Ok(values.clone()), "seed {seed}: {read:?} is not {values:?}");
        });
    }

    #[test]
    fn a_caller_can_decode_some_values_itself() {
        let columns: Vec<_> = [ColumnType::LONG, ColumnType::VARCHAR, ColumnType::TINY, ColumnType::TINY]
            .map(|kind| ColumnDefinition::new("c", kind))
            .into();
        let mut payload = Vec::new();
        encode_binary_row(&columns, &[Value::Int(7), "abc".into(), Value::Null, Value::Int(-1)], &mut payload);
        let mut values = BinaryRow::new(&payload, &columns).unwrap().iter();
        let (column, bytes) = values.undecoded().unwrap();
        assert_eq!((column.column_type, bytes), (ColumnType::LONG, &b"\x07\0\0\0\x03abc\xff"[..]));
        values.skip_bytes(4);
        assert_eq!(values.next(), Some(Ok("abc".into())));
        assert_eq!((values.undecoded(), values.next()), (None, Some(Ok(Value::Null))));
        assert_eq!(values.undecoded(), Some((&columns[3], &b"\xff"[..])));
        values.skip_bytes(9);
        assert_eq!((values.undecoded(), values.next()), (None, None));
    }

    #[test]
    fn the_bitmap_begins_at_its_third_bit() {
        let columns = vec![ColumnDefinition::new("c", ColumnType::TINY); 7];
        let mut values = [Value::Int(1); 7];
        (values[0], values[5], values[6]) = (Value::Null, Value::Null, Value::Null);
        let mut payload = Vec::new();
        encode_binary_row(&columns, &values, &mut payload);
        assert_eq!(payload, [0, 0b1000_0100, 0b1, 1, 1, 1, 1]);
    }

    #[test]
    fn missing_values_are_null() {
        let columns = vec![ColumnDefinition::new("c", ColumnType::TINY); 2];
        let mut payload = Vec::new();
        encode_binary_row(&columns, &[Value::Int(1)], &mut payload);
        let read: Result<Vec<_>> = BinaryRow::new(&payload, &columns).unwrap().iter().collect();
        assert_eq!(read, Ok(vec![Value::Int(1), Value::Null]));
    }

    #[test]
    fn a_broken_binary_row_ends_after_its_error() {
        let columns = vec![ColumnDefinition::new("c", ColumnType::LONG); 3];
        assert!(BinaryRow::new(b"", &columns).is_err());
        assert!(BinaryRow::new(b"\x01\0", &columns).is_err());
        let mut values = BinaryRow::new(b"\0\0\x01\0\0\0\x02\0", &columns).unwrap().iter();
        assert_eq!(values.next(), Some(Ok(Value::Int(1))));
        assert!(matches!(values.next(), Some(Err(_))));
        assert_eq!(values.next(), None);
    }
}
