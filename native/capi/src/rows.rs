//! The rows of a result in memory, in the form that programs walk through: a list of arrays of pointers to values.

use std::ffi::{c_char, c_ulong};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::client::LentRows;
use sealwire_core::error::Error;
use sealwire_core::message::{TextRow, encode_text_row};

use super::abi::MysqlRows;
use super::arena::Arena;
use super::failure;
use super::lengths::reserve;

/// Stored rows.
#[derive(Debug)]
pub(crate) struct Rows {
    arena: Arena,
    first: *mut MysqlRows,
    last: *mut MysqlRows,
    count: u64,
}

impl Rows {
    pub(crate) const fn new() -> Self {
        Self { arena: Arena::new(), first: ptr::null_mut(), last: ptr::null_mut(), count: 0 }
    }

    pub(crate) const fn first(&self) -> *mut MysqlRows {
        self.first
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The row of this number; NULL behind the last.
    pub(crate) fn at(&self, number: u64) -> *mut MysqlRows {
        let mut row = self.first;
        for _ in 0..number {
            // SAFETY: a row of the list points to the next one of the same arena, or is NULL.
            let Some(found) = (unsafe { row.as_ref() }) else { break };
            row = found.next;
        }
        row
    }

    /// Adds a row of text values; `longest` keeps each column's longest value.
    #[inline]
    pub(crate) fn push_text(&mut self, payload: &[u8], longest: &mut [c_ulong]) -> Result<(), SqlError> {
        let columns = longest.len();
        let pointers = (columns + 1) * size_of::<*mut c_char>();
        let size = size_of::<MysqlRows>() + pointers + payload.len();
        let at = self.arena.take(size).ok_or_else(failure::no_memory)?;
        let node = at.cast::<MysqlRows>();
        // SAFETY: the piece has room for the node, the pointers and the payload, in this order, and is aligned for pointers.
        let laid_out = unsafe {
            let data = at.add(size_of::<MysqlRows>()).cast::<*mut c_char>();
            node.write(MysqlRows { next: ptr::null_mut(), data, length: payload.len() as c_ulong });
            lay_out(payload, columns, data, at.add(size_of::<MysqlRows>() + pointers), |index, length| {
                if let Some(longest) = longest.get_mut(index) {
                    *longest = (*longest).max(length as c_ulong);
                }
            })
        };
        match laid_out {
            Ok(()) => {
                self.append(node);
                Ok(())
            }
            Err(Odd::Malformed) => Err(malformed()),
            Err(Odd::Verbose) => self.push_text(&shortened(payload)?, longest),
        }
    }

    /// Adds a row as it came, for a statement that decodes it when it is fetched.
    #[inline]
    pub(crate) fn push_raw(&mut self, payload: &[u8]) -> Result<(), SqlError> {
        let at = self.arena.take(size_of::<MysqlRows>() + payload.len()).ok_or_else(failure::no_memory)?;
        let node = at.cast::<MysqlRows>();
        // SAFETY: the piece has room for the node and the payload behind it, and is aligned for pointers.
        unsafe {
            let data = at.add(size_of::<MysqlRows>());
            ptr::copy_nonoverlapping(payload.as_ptr(), data, payload.len());
            node.write(MysqlRows { next: ptr::null_mut(), data: data.cast(), length: payload.len() as c_ulong });
        }
        self.append(node);
        Ok(())
    }

    fn append(&mut self, node: *mut MysqlRows) {
        // SAFETY: `last` is NULL or a node of this arena, to which nobody holds a reference.
        match unsafe { self.last.as_mut() } {
            None => self.first = node,
            Some(last) => last.next = node,
        }
        self.last = node;
        self.count += 1;
    }
}

/// The payload of a row that [`Rows::push_raw`] stored.
///
/// # Safety
/// `row` is NULL or a row of that kind, and its rows live as long as the payload is used.
pub(crate) unsafe fn raw<'r>(row: *mut MysqlRows) -> Option<&'r [u8]> {
    // SAFETY: the caller says so; such a row's data are `length` bytes.
    unsafe {
        let row = row.as_ref()?;
        Some(std::slice::from_raw_parts(row.data.cast(), row.length as usize))
    }
}

/// The lengths of the values of a stored text row. They follow from its pointers: before each value stands its length on the wire, and
/// before NULL nothing but a byte of its own; the last pointer is to the end.
///
/// # Safety
/// `data` is a row of [`Rows::push_text`] with as many columns as `lengths`.
pub(crate) unsafe fn lengths(data: *mut *mut c_char, lengths: &mut [c_ulong]) {
    // SAFETY: the caller says so: the array has one more pointer than there are columns.
    let pointers = unsafe { std::slice::from_raw_parts(data, lengths.len() + 1) };
    let mut end = pointers.last().copied().unwrap_or(ptr::null_mut()).addr();
    for (length, value) in lengths.iter_mut().zip(pointers).rev() {
        if value.is_null() {
            *length = 0;
            end -= 1;
        } else {
            let found = end - value.addr();
            *length = found as c_ulong;
            end = value.addr() - prefix(found);
        }
    }
}

/// The number of bytes that tell a length of this size on the wire.
#[inline]
const fn prefix(length: usize) -> usize {
    match length {
        0..=0xfa => 1,
        0xfb..=0xffff => 3,
        0x1_0000..=0xff_ffff => 4,
        _ => 9,
    }
}

/// Why a row can't be laid out.
#[derive(Debug, PartialEq, Eq)]
enum Odd {
    /// It has too few values.
    Malformed,
    /// The length of a value is told by more bytes than needed, which `lengths` does not expect.
    Verbose,
}

/// Copies a row's payload without its first byte, in which there is no value, ends each value with a NUL, which overwrites a byte of the
/// length of the next one, and writes pointers to the values, the last one to the end. `told` gets the number and length of each value.
///
/// # Safety
/// `data` has room for one pointer more than there are columns, and `values` for as many bytes as the payload has.
#[inline]
unsafe fn lay_out(
    payload: &[u8],
    columns: usize,
    data: *mut *mut c_char,
    values: *mut u8,
    mut told: impl FnMut(usize, usize),
) -> Result<(), Odd> {
    let Some((_, behind)) = payload.split_first() else { return Err(Odd::Malformed) };
    // SAFETY: the caller says that there is room.
    unsafe { copy_row(behind, values) };
    // The place in the payload behind the last value: one more than in the copy.
    let mut at = 0;
    for index in 0..columns {
        let first = *payload.get(at).ok_or(Odd::Malformed)?;
        if first < 0xfb {
            // The usual case. A length of one byte can't overflow.
            let end = at + 1 + usize::from(first);
            if end > payload.len() {
                return Err(Odd::Malformed);
            }
            // SAFETY: the value is within the payload, so that it and the byte behind it are within the copy, in which all stands one byte
            // earlier; the index is below the number of columns.
            unsafe {
                values.add(end - 1).write(0);
                data.add(index).write(values.add(at).cast());
            }
            told(index, usize::from(first));
            at = end;
            continue;
        }
        if first == 0xfb {
            // SAFETY: the index is below the number of columns.
            unsafe { data.add(index).write(ptr::null_mut()) };
            told(index, 0);
            at += 1;
            continue;
        }
        let (start, length) = long_value(payload, at)?;
        let end = start.checked_add(length).filter(|end| *end <= payload.len()).ok_or(Odd::Malformed)?;
        // SAFETY: the value is within the payload, and its start is not 0, so that all is within the copy and the byte behind it; the index
        // is below the number of columns.
        unsafe {
            values.add(end - 1).write(0);
            data.add(index).write(values.add(start - 1).cast());
        }
        told(index, length);
        at = end;
    }
    // SAFETY: there is room for one pointer more. `at` is at most the payload's length, and not 0 unless there are no columns.
    unsafe { data.add(columns).write(values.add(at.saturating_sub(1)).cast()) };
    Ok(())
}

/// Copies the bytes of a row. Most rows are short, and the call of a general function would cost as much as the copy.
///
/// # Safety
/// `to` has room for the bytes, and is not part of them.
#[inline]
unsafe fn copy_row(row: &[u8], to: *mut u8) {
    const STEP: usize = 16;
    let (from, length) = (row.as_ptr(), row.len());
    // SAFETY: each step is within the row, whose length is at least that of the steps, and the caller says that there is room for it.
    unsafe {
        let step = |at: usize| to.add(at).cast::<[u8; STEP]>().write(from.add(at).cast::<[u8; STEP]>().read());
        match length {
            STEP..=0x20 => {
                step(0);
                step(length - STEP);
            }
            0x21..=0x40 => {
                step(0);
                step(STEP);
                step(length - 2 * STEP);
                step(length - STEP);
            }
            _ => ptr::copy_nonoverlapping(from, to, length),
        }
    }
}

/// The start and length of a value whose length takes several bytes.
#[cold]
fn long_value(payload: &[u8], at: usize) -> Result<(usize, usize), Odd> {
    let (told, length) = length_of(payload.get(at..).unwrap_or_default()).ok_or(Odd::Malformed)?;
    if told == prefix(length) { Ok((at + told, length)) } else { Err(Odd::Verbose) }
}

/// The number of bytes that tell the length of the value at the front, and that length. All of the value is there.
fn length_of(payload: &[u8]) -> Option<(usize, usize)> {
    let value = TextRow::new(payload).iter().next().and_then(Result::ok).flatten()?;
    let told = match payload.first() {
        Some(0xfc) => 3,
        Some(0xfd) => 4,
        _ => 9,
    };
    Some((told, value.len()))
}

/// The row with every length in as few bytes as possible.
#[cold]
fn shortened(payload: &[u8]) -> Result<Vec<u8>, SqlError> {
    let values: Result<Vec<_>, _> = TextRow::new(payload).iter().collect();
    let values = values.map_err(|error| Error::from(error).as_client_error())?;
    let mut row = Vec::new();
    reserve(&mut row, payload.len())?;
    encode_text_row(values, &mut row);
    Ok(row)
}

/// The current row of a result that is read from the connection.
#[derive(Debug)]
pub(crate) struct Current {
    /// The row, where it came alone.
    alone: Vec<u8>,
    pointers: Vec<*mut c_char>,
    /// Whether the row to which the last step was to move has too few values.
    is_malformed: bool,
}

impl Current {
    /// For rows of this many columns.
    pub(crate) fn new(columns: usize) -> Self {
        Self { alone: Vec::new(), pointers: vec![ptr::null_mut(); columns.max(1)], is_malformed: false }
    }

    /// Moves to the next row that was lent: the array of pointers to its values. Their lengths are in `lengths`, of which there are as many
    /// as columns. NULL where there is no row, or one for which [`Self::check`] has an error.
    #[inline]
    pub(crate) fn advance(&mut self, lent: &mut LentRows, lengths: &mut [c_ulong]) -> *mut *mut c_char {
        let Some(row) = lent.advance() else { return ptr::null_mut() };
        if lay_out_in_place(row, &mut self.pointers, lengths).is_none() {
            self.is_malformed = true;
            return ptr::null_mut();
        }
        self.pointers.as_mut_ptr()
    }

    /// Whether [`Self::check`] has an error.
    pub(crate) const fn is_malformed(&self) -> bool {
        self.is_malformed
    }

    /// The error of the row to which [`Self::advance`] did not move; told once.
    pub(crate) fn check(&mut self) -> Result<(), SqlError> {
        if std::mem::take(&mut self.is_malformed) { Err(malformed()) } else { Ok(()) }
    }

    /// Takes a row that came alone, as [`Self::advance`] does.
    pub(crate) fn set(&mut self, payload: &[u8], lengths: &mut [c_ulong]) -> Result<*mut *mut c_char, SqlError> {
        self.alone.clear();
        self.alone.try_reserve(payload.len() + 1).map_err(|_| failure::no_memory())?;
        self.alone.extend_from_slice(payload);
        self.alone.push(0);
        lay_out_in_place(&mut self.alone, &mut self.pointers, lengths).ok_or_else(malformed)?;
        Ok(self.pointers.as_mut_ptr())
    }
}

/// Ends each value of a row with a NUL, which overwrites the first byte of the next one's length, or the byte behind the row, and tells the
/// places and lengths of the values. The last byte of `row` is that behind it. `None` where there are too few values.
#[inline]
fn lay_out_in_place(row: &mut [u8], pointers: &mut [*mut c_char], lengths: &mut [c_ulong]) -> Option<()> {
    let base = row.as_mut_ptr().cast::<c_char>();
    // The place of the next value, and its first byte, which the NUL of the value before has overwritten.
    let (mut at, mut first) = (0, *row.first()?);
    for (pointer, told) in pointers.iter_mut().zip(lengths) {
        let (start, length) = match first {
            0..=0xfa => (at + 1, usize::from(first)),
            0xfb => {
                (*pointer, *told) = (ptr::null_mut(), 0);
                at += 1;
                first = *row.get(at)?;
                continue;
            }
            _ => long_value_in_place(row, at, first)?,
        };
        at = start + length;
        // Behind the last value of a whole row is the byte behind the row.
        first = std::mem::take(row.get_mut(at)?);
        (*pointer, *told) = (base.wrapping_add(start), length as c_ulong);
    }
    Some(())
}

/// As [`long_value`], where a NUL is in place of the first byte.
#[cold]
fn long_value_in_place(row: &mut [u8], at: usize, first: u8) -> Option<(usize, usize)> {
    let overwritten = std::mem::replace(row.get_mut(at)?, first);
    let (_, payload) = row.split_last()?;
    let (told, length) = length_of(payload.get(at..)?)?;
    *row.get_mut(at)? = overwritten;
    Some((at + told, length))
}

fn malformed() -> SqlError {
    failure::hy000(2027, "Malformed packet: a row with too few values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    const PAYLOAD: &[u8] = b"\x02ab\xfb\x00\x03c\0d";

    fn shown(data: *mut *mut c_char, lengths: &[c_ulong]) -> Vec<Option<Vec<u8>>> {
        let of = |(at, length): (usize, &c_ulong)| {
            // SAFETY: the row was made by this file with as many columns; each value has as many bytes as its length says, and a NUL.
            unsafe {
                let value = *data.add(at);
                (!value.is_null()).then(|| {
                    assert_eq!(*value.add(*length as usize), 0, "no NUL behind value {at}");
                    std::slice::from_raw_parts(value.cast::<u8>(), *length as usize).to_vec()
                })
            }
        };
        lengths.iter().enumerate().map(of).collect()
    }

    fn expected() -> Vec<Option<Vec<u8>>> {
        vec![Some(b"ab".to_vec()), None, Some(Vec::new()), Some(b"c\0d".to_vec())]
    }

    #[test]
    fn rows_are_listed_with_their_values_and_lengths() {
        let mut rows = Rows::new();
        let mut longest = [0; 4];
        // The second one tells the first value's length in three bytes in place of one.
        for payload in [PAYLOAD, b"\xfc\x02\0ab\xfb\x00\x03c\0d", PAYLOAD] {
            rows.push_text(payload, &mut longest).unwrap();
        }
        assert_eq!((rows.count(), longest), (3, [2, 0, 0, 3]));
        for number in 0..3 {
            // SAFETY: the rows live as long as `rows`.
            let row = unsafe { rows.at(number).as_ref() }.unwrap();
            let mut found = [9; 4];
            // SAFETY: the row has four columns.
            unsafe { lengths(row.data, &mut found) };
            assert_eq!(shown(row.data, &found), expected());
        }
        assert!(rows.at(3).is_null() && rows.at(u64::MAX).is_null());
        for broken in
            [&b"\x01a"[..], b"", b"\x05ab", b"\xfc\x01", b"\x01a\xff\0\0", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff"]
        {
            assert_eq!(rows.push_text(broken, &mut longest).unwrap_err().code, 2027, "{broken:?}");
        }
        assert_eq!(rows.count(), 3);
    }

    #[test]
    fn values_of_every_length_are_as_they_came() {
        let sizes = [0, 1, 0xfa, 0xfb, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000];
        for first in sizes {
            let values: Vec<_> = [None, Some(vec![b'x'; first]), None, None, Some(vec![b'y'; 0xfb]), None].into();
            let mut payload = Vec::new();
            encode_text_row(values.iter().map(Option::as_deref), &mut payload);
            let (mut rows, mut current, mut longest) = (Rows::new(), Current::new(6), [0; 6]);
            rows.push_text(&payload, &mut longest).unwrap();
            // SAFETY: the row lives as long as `rows`.
            let data = unsafe { rows.first().as_ref() }.unwrap().data;
            let mut found = [9; 6];
            // SAFETY: the row has six columns.
            unsafe { lengths(data, &mut found) };
            assert!(shown(data, &found) == values, "{first} stored");
            assert_eq!(found, longest);
            let data = current.set(&payload, &mut found).unwrap();
            assert!(shown(data, &found) == values, "{first} current");
        }
    }

    #[test]
    fn the_current_row_is_one_row() {
        let (mut current, mut found) = (Current::new(4), [9; 4]);
        for payload in [PAYLOAD, b"\xfd\x02\0\0ab\xfb\x00\x03c\0d"] {
            let data = current.set(payload, &mut found).unwrap();
            assert_eq!(shown(data, &found), expected());
            // SAFETY: the first value ends with a NUL.
            assert_eq!(unsafe { CStr::from_ptr(*data) }, c"ab");
        }
        for broken in [
            &b""[..],
            b"\x02ab\xfb\x00",
            b"\x02ab\xfb\x00\x05c\0d",
            b"\x02ab\xfb\x00\xfc\x03",
            b"\x02ab\xfb\x00\xff\0\0",
            b"\x02ab\xfb\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(current.set(broken, &mut found).unwrap_err().code, 2027, "{broken:?}");
        }
    }

    #[test]
    fn raw_rows_come_back_as_they_were() {
        let mut rows = Rows::new();
        rows.push_raw(b"\0\0abc").unwrap();
        rows.push_raw(b"").unwrap();
        // SAFETY: the rows were stored raw, and `rows` lives.
        let at = |number| unsafe { raw(rows.at(number)) };
        assert_eq!((at(0), at(1), at(2)), (Some(&b"\0\0abc"[..]), Some(&b""[..]), None));
    }
}
