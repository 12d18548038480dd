//! Prepared statements and the buffers that programs bind to them.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

use super::{List, MemRoot, MyBool, Mysql, MysqlData, MysqlField, MysqlRows, layout};

/// `MYSQL_BIND`: a program's buffer for a parameter or a column.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct MysqlBind {
    pub(crate) length: *mut c_ulong,
    pub(crate) is_null: *mut MyBool,
    pub(crate) buffer: *mut c_void,
    pub(crate) error: *mut MyBool,
    /// The row's pointer, or the indicators of a bulk execution.
    pub(crate) indicator: *mut c_char,
    functions: [*mut c_void; 3],
    pub(crate) buffer_length: c_ulong,
    pub(crate) offset: c_ulong,
    pub(crate) length_value: c_ulong,
    pub(crate) flags: c_uint,
    pub(crate) pack_length: c_uint,
    pub(crate) buffer_type: c_int,
    pub(crate) error_value: MyBool,
    pub(crate) is_unsigned: MyBool,
    pub(crate) long_data_used: MyBool,
    pub(crate) is_null_value: MyBool,
    extension: *mut c_void,
}

layout!(MysqlBind, 112; length 0, is_null 8, buffer 16, error 24, indicator 32, functions 40, buffer_length 64, offset 72, length_value 80,
    flags 88, pack_length 92, buffer_type 96, error_value 100, is_unsigned 101, long_data_used 102, is_null_value 103, extension 104);

impl MysqlBind {
    /// A bind without buffers.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number or a raw pointer, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}

/// The counters of a statement's last execution.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Upsert {
    pub(crate) warning_count: c_uint,
    pub(crate) server_status: c_uint,
    pub(crate) affected_rows: u64,
    pub(crate) last_insert_id: u64,
}

layout!(Upsert, 24; warning_count 0, server_status 4, affected_rows 8, last_insert_id 16);

/// `MYSQL_STMT`: a prepared statement.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct MysqlStmt {
    mem_root: MemRoot,
    pub(crate) mysql: *mut Mysql,
    pub(crate) stmt_id: c_ulong,
    pub(crate) flags: c_ulong,
    pub(crate) state: c_uint,
    pub(crate) fields: *mut MysqlField,
    pub(crate) field_count: c_uint,
    pub(crate) param_count: c_uint,
    send_types_to_server: u8,
    pub(crate) params: *mut MysqlBind,
    pub(crate) bind: *mut MysqlBind,
    pub(crate) result: MysqlData,
    pub(crate) result_cursor: *mut MysqlRows,
    pub(crate) bind_result_done: MyBool,
    pub(crate) bind_param_done: MyBool,
    pub(crate) upsert: Upsert,
    pub(crate) last_errno: c_uint,
    pub(crate) last_error: [c_char; 513],
    pub(crate) sqlstate: [c_char; 6],
    pub(crate) update_max_length: MyBool,
    pub(crate) prefetch_rows: c_ulong,
    list: List,
    pub(crate) cursor_exists: MyBool,
    /// The `State` of the handle, because programs change `mysql`; NULL once that was closed.
    pub(crate) extension: *mut c_void,
    fetch_row_func: *mut c_void,
    execute_count: c_uint,
    default_rset_handler: *mut c_void,
    request_buffer: *mut u8,
    pub(crate) array_size: c_uint,
    pub(crate) row_size: usize,
    pub(crate) prebind_params: c_uint,
    pub(crate) user_data: *mut c_void,
    pub(crate) result_callback: Option<unsafe extern "C" fn(*mut c_void, c_uint, *mut *mut u8)>,
    pub(crate) param_callback: Option<unsafe extern "C" fn(*mut c_void, *mut MysqlBind, c_uint) -> MyBool>,
    request_length: usize,
}

layout!(MysqlStmt, 928; mem_root 0, mysql 56, stmt_id 64, flags 72, state 80, fields 88, field_count 96, param_count 100,
    send_types_to_server 104, params 112, bind 120, result 128, result_cursor 224, bind_result_done 232, bind_param_done 233, upsert 240,
    last_errno 264, last_error 268, sqlstate 781, update_max_length 787, prefetch_rows 792, list 800, cursor_exists 824, extension 832,
    fetch_row_func 840, execute_count 848, default_rset_handler 856, request_buffer 864, array_size 872, row_size 880, prebind_params 888,
    user_data 896, result_callback 904, param_callback 912, request_length 920);

impl MysqlStmt {
    /// A statement without a connection.
    pub(crate) const fn zeroed() -> Self {
        // SAFETY: every field is a number, a raw pointer or an optional function, of which all-zero bytes are a value.
        unsafe { core::mem::zeroed() }
    }
}

/// `MYSQL_TIME`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MysqlTime {
    pub(crate) year: c_uint,
    pub(crate) month: c_uint,
    pub(crate) day: c_uint,
    pub(crate) hour: c_uint,
    pub(crate) minute: c_uint,
    pub(crate) second: c_uint,
    pub(crate) second_part: c_ulong,
    pub(crate) neg: MyBool,
    pub(crate) time_type: c_int,
}

layout!(MysqlTime, 40; year 0, month 4, day 8, hour 12, minute 16, second 20, second_part 24, neg 32, time_type 36);
