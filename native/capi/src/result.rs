//! Results in memory: `MYSQL_RES` with what it points to.

use std::ffi::{c_ulong, c_void};
use std::ptr;

use super::abi::{Mysql, MysqlData, MysqlRes};
use super::fields::Fields;
use super::rows::{Current, Rows};

/// A result. Programs see its first field alone.
#[repr(C)]
pub(crate) struct Res {
    pub(crate) abi: MysqlRes,
    pub(crate) fields: Fields,
    pub(crate) rows: Rows,
    data: MysqlData,
    pub(crate) lengths: Vec<c_ulong>,
    pub(crate) current: Current,
    /// The `State` of the handle from which rows are read, because programs move and zero the handle; NULL once the result has ended.
    pub(crate) source: *mut c_void,
}

impl Res {
    /// A result whose rows are in memory, or one that has no rows.
    pub(crate) fn stored(fields: Fields, rows: Rows) -> *mut MysqlRes {
        let mut result = Self::new(fields);
        result.abi.row_count = rows.count();
        result.abi.eof = 1;
        result.data.data = rows.first();
        result.data.rows = rows.count();
        result.data.fields = result.abi.field_count;
        result.abi.data = &raw mut result.data;
        result.abi.data_cursor = rows.first();
        result.rows = rows;
        Box::into_raw(result).cast()
    }

    /// A result whose rows are read from the connection.
    pub(crate) fn unbuffered(fields: Fields, handle: *mut Mysql, source: *mut c_void) -> *mut MysqlRes {
        let mut result = Self::new(fields);
        result.abi.handle = handle;
        result.source = source;
        Box::into_raw(result).cast()
    }

    /// Ends a result whose rows are read from the connection: it has no further row, and outlives the handle.
    pub(crate) const fn end(&mut self) {
        self.abi.eof = 1;
        self.abi.current_row = ptr::null_mut();
        self.abi.handle = ptr::null_mut();
        self.source = ptr::null_mut();
    }

    fn new(fields: Fields) -> Box<Self> {
        let mut result = Box::new(Self {
            abi: MysqlRes::zeroed(),
            lengths: vec![0; fields.len()],
            current: Current::new(fields.len()),
            fields,
            rows: Rows::new(),
            data: MysqlData::zeroed(),
            source: ptr::null_mut(),
        });
        result.abi.fields = result.fields.pointer();
        result.abi.field_count = result.fields.count();
        result.abi.lengths = result.lengths.as_mut_ptr();
        result
    }
}

/// The result behind a program's pointer.
///
/// # Safety
/// `pointer` is NULL, or a result of [`Res::stored`] or [`Res::unbuffered`] that was not freed and that nothing else uses meanwhile.
pub(crate) unsafe fn result<'a>(pointer: *mut MysqlRes) -> Option<&'a mut Res> {
    // SAFETY: the caller says so; a `Res` begins with its `MYSQL_RES`.
    unsafe { pointer.cast::<Res>().as_mut() }
}

/// Frees a result.
///
/// # Safety
/// As [`result`]; the pointer is not used afterwards.
pub(crate) unsafe fn free(pointer: *mut MysqlRes) {
    if !pointer.is_null() {
        // SAFETY: the caller promises it.
        drop(unsafe { Box::from_raw(pointer.cast::<Res>()) });
    }
}

/// NULL, where a function gives no result.
pub(crate) const NONE: *mut MysqlRes = ptr::null_mut();
