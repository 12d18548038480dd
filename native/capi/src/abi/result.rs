//! Results.

use std::ffi::{c_char, c_uint, c_ulong};

use super::{MemRoot, MyBool, Mysql, MysqlData, MysqlField, MysqlRows, layout};

/// `MYSQL_RES`: a result.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MysqlRes {
    pub(crate) row_count: u64,
    pub(crate) field_count: c_uint,
    pub(crate) current_field: c_uint,
    pub(crate) fields: *mut MysqlField,
    pub(crate) data: *mut MysqlData,
    pub(crate) data_cursor: *mut MysqlRows,
    field_alloc: MemRoot,
    pub(crate) row: *mut *mut c_char,
    pub(crate) current_row: *mut *mut c_char,
    pub(crate) lengths: *mut c_ulong,
    pub(crate) handle: *mut Mysql,
    pub(crate) eof: MyBool,
    pub(crate) is_ps: MyBool,
}

layout!(MysqlRes, 136; row_count 0, field_count 8, current_field 12, fields 16, data 24, data_cursor 32, field_alloc 40, row 96,
    current_row 104, lengths 112, handle 120, eof 128, is_ps 129);

impl MysqlRes {
    /// A result without columns and rows.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}
