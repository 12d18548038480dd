//! The rows of a result in memory, in the form that programs walk through: a list of arrays of pointers to values.

use std::ffi::{c_char, c_ulong};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::error::Error;
use sealwire_core::message::TextRow;

use super::abi::MysqlRows;
use super::arena::Arena;
use super::failure;

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

    /// Adds a row of text values. `payload_length` is its length on the wire, and `longest` keeps each column's longest value.
    pub(crate) fn push_text(
        &mut self,
        row: TextRow<'_>,
        payload_length: usize,
        longest: &mut [c_ulong],
    ) -> Result<(), SqlError> {
        let columns = longest.len();
        let pointers = (columns + 1) * size_of::<*mut c_char>();
        // On the wire each value has one byte or more before it, so that the payload's length has room for a NUL behind each.
        let size = size_of::<MysqlRows>() + pointers + payload_length;
        let at = self.arena.take(size).ok_or_else(failure::no_memory)?;
        let node = at.cast::<MysqlRows>();
        // SAFETY: the piece has room for the node, the pointers and the values, in this order, and is aligned for pointers.
        unsafe {
            let data = at.add(size_of::<MysqlRows>()).cast::<*mut c_char>();
            let values = at.add(size_of::<MysqlRows>() + pointers);
            let used = lay_out(row, columns, data, values, payload_length, |index, length| {
                if let Some(longest) = longest.get_mut(index) {
                    *longest = (*longest).max(length as c_ulong);
                }
            })?;
            node.write(MysqlRows { next: ptr::null_mut(), data, length: used as c_ulong });
        }
        self.append(node);
        Ok(())
    }

    /// Adds a row as it came, for a statement that decodes it when it is fetched.
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

/// The lengths of the values of a text row, whose pointers end with one to the end of the last value.
///
/// # Safety
/// `data` is a row of [`Rows::push_text`] or [`Current::set`] with as many columns as `lengths`.
pub(crate) unsafe fn lengths(data: *mut *mut c_char, lengths: &mut [c_ulong]) {
    // SAFETY: the caller says so: the array has one more pointer than there are columns.
    let pointers = unsafe { std::slice::from_raw_parts(data, lengths.len() + 1) };
    let mut end = pointers.last().copied().unwrap_or(ptr::null_mut()).addr();
    for (length, value) in lengths.iter_mut().zip(pointers).rev() {
        *length = 0;
        if !value.is_null() {
            *length = end.saturating_sub(value.addr() + 1) as c_ulong;
            end = value.addr();
        }
    }
}

/// Writes a row's values, each with a NUL behind it, and pointers to them, the last one to the end of the values. Returns the size of the
/// values. `told` gets the number and length of each value that is not NULL.
///
/// # Safety
/// `data` has room for one pointer more than there are columns, and `values` for `room` bytes.
#[inline]
unsafe fn lay_out(
    row: TextRow<'_>,
    columns: usize,
    data: *mut *mut c_char,
    values: *mut u8,
    room: usize,
    mut told: impl FnMut(usize, usize),
) -> Result<usize, SqlError> {
    let mut used = 0;
    let mut rest = row.iter();
    for index in 0..columns {
        let value = rest.next().ok_or_else(malformed)?.map_err(|error| Error::from(error).as_client_error())?;
        let Some(value) = value else {
            // SAFETY: the index is below the number of columns.
            unsafe { data.add(index).write(ptr::null_mut()) };
            continue;
        };
        let end = used + value.len() + 1;
        if end > room {
            return Err(malformed());
        }
        // SAFETY: the value and its NUL end within the room; the index is below the number of columns.
        unsafe {
            let at = values.add(used);
            ptr::copy_nonoverlapping(value.as_ptr(), at, value.len());
            at.add(value.len()).write(0);
            data.add(index).write(at.cast());
        }
        told(index, value.len());
        used = end;
    }
    // SAFETY: there is room for one pointer more; `used` is at most the room.
    unsafe { data.add(columns).write(values.add(used).cast()) };
    Ok(used)
}

/// The only row in memory of a result that is read from the connection.
#[derive(Debug, Default)]
pub(crate) struct Current {
    values: Vec<u8>,
    pointers: Vec<*mut c_char>,
}

impl Current {
    /// Takes the values of a row; returns the array of pointers to them. `payload_length` is the row's length on the wire.
    pub(crate) fn set(
        &mut self,
        row: TextRow<'_>,
        payload_length: usize,
        columns: usize,
    ) -> Result<*mut *mut c_char, SqlError> {
        self.values.clear();
        self.values.try_reserve(payload_length).map_err(|_| failure::no_memory())?;
        self.pointers.resize(columns + 1, ptr::null_mut());
        let data = self.pointers.as_mut_ptr();
        // SAFETY: the pointers are one more than the columns; the vector has room for as many bytes as the row has on the wire.
        unsafe { lay_out(row, columns, data, self.values.as_mut_ptr(), payload_length, |_, _| ()) }?;
        Ok(data)
    }
}

fn malformed() -> SqlError {
    failure::hy000(2027, "Malformed packet: a row with too few values")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    const PAYLOAD: &[u8] = b"\x02ab\xfb\x00\x03c\0d";

    fn shown(data: *mut *mut c_char, columns: usize) -> Vec<Option<Vec<u8>>> {
        let mut found = vec![0; columns];
        // SAFETY: the row was made by this file with as many columns.
        unsafe { lengths(data, &mut found) };
        // SAFETY: as above; each value has as many bytes as its length says.
        let value = |at: usize| unsafe {
            let value = *data.add(at);
            let length = found.get(at).copied().unwrap_or_default() as usize;
            (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), length).to_vec())
        };
        (0..columns).map(value).collect()
    }

    fn expected() -> Vec<Option<Vec<u8>>> {
        vec![Some(b"ab".to_vec()), None, Some(Vec::new()), Some(b"c\0d".to_vec())]
    }

    #[test]
    fn rows_are_listed_with_their_values_and_lengths() {
        let mut rows = Rows::new();
        let mut longest = [0; 4];
        for _ in 0..3 {
            rows.push_text(TextRow::new(PAYLOAD), PAYLOAD.len(), &mut longest).unwrap();
        }
        assert_eq!((rows.count(), longest), (3, [2, 0, 0, 3]));
        for number in 0..3 {
            // SAFETY: the rows live as long as `rows`.
            let row = unsafe { rows.at(number).as_ref() }.unwrap();
            assert_eq!(shown(row.data, 4), expected());
            assert_eq!(row.length, 3 + 1 + 4);
        }
        assert!(rows.at(3).is_null() && rows.at(u64::MAX).is_null());
        let error = rows.push_text(TextRow::new(b"\x01a"), 2, &mut longest).unwrap_err();
        assert_eq!(error.code, 2027);
    }

    #[test]
    fn the_current_row_is_one_row() {
        let mut current = Current::default();
        for _ in 0..2 {
            let data = current.set(TextRow::new(PAYLOAD), PAYLOAD.len(), 4).unwrap();
            assert_eq!(shown(data, 4), expected());
            // SAFETY: the first value ends with a NUL.
            assert_eq!(unsafe { CStr::from_ptr(*data) }, c"ab");
        }
        assert!(current.set(TextRow::new(b""), 0, 1).is_err());
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
