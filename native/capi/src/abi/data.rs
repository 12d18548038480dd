//! Columns, rows, and what they are kept in.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

use super::layout;

/// `MA_MEM_ROOT`. This library has its own memory; the struct only takes the room.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MemRoot {
    room: [usize; 7],
}

layout!(MemRoot, 56; room 0);

/// `LIST`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct List {
    prev: *mut Self,
    next: *mut Self,
    data: *mut c_void,
}

layout!(List, 24; prev 0, next 8, data 16);

/// `MYSQL_FIELD`: a column.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MysqlField {
    pub(crate) name: *mut c_char,
    pub(crate) org_name: *mut c_char,
    pub(crate) table: *mut c_char,
    pub(crate) org_table: *mut c_char,
    pub(crate) db: *mut c_char,
    pub(crate) catalog: *mut c_char,
    pub(crate) def: *mut c_char,
    pub(crate) length: c_ulong,
    pub(crate) max_length: c_ulong,
    pub(crate) name_length: c_uint,
    pub(crate) org_name_length: c_uint,
    pub(crate) table_length: c_uint,
    pub(crate) org_table_length: c_uint,
    pub(crate) db_length: c_uint,
    pub(crate) catalog_length: c_uint,
    pub(crate) def_length: c_uint,
    pub(crate) flags: c_uint,
    pub(crate) decimals: c_uint,
    pub(crate) charsetnr: c_uint,
    pub(crate) kind: c_int,
    pub(crate) extension: *mut c_void,
}

layout!(MysqlField, 128; name 0, org_name 8, table 16, org_table 24, db 32, catalog 40, def 48, length 56, max_length 64, name_length 72,
    org_name_length 76, table_length 80, org_table_length 84, db_length 88, catalog_length 92, def_length 96, flags 100, decimals 104,
    charsetnr 108, kind 112, extension 120);

/// `MYSQL_ROWS`: a stored row. Its data is an array of pointers to values, one for each column and one for the end.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MysqlRows {
    pub(crate) next: *mut Self,
    pub(crate) data: *mut *mut c_char,
    pub(crate) length: c_ulong,
}

layout!(MysqlRows, 24; next 0, data 8, length 16);

/// `MYSQL_DATA`: the stored rows of a result.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MysqlData {
    pub(crate) data: *mut MysqlRows,
    embedded_info: *mut c_void,
    alloc: MemRoot,
    pub(crate) rows: u64,
    pub(crate) fields: c_uint,
    extension: *mut c_void,
}

layout!(MysqlData, 96; data 0, embedded_info 8, alloc 16, rows 72, fields 80, extension 88);

impl MysqlData {
    /// No rows.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}
