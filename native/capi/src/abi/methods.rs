//! `struct st_mariadb_methods`: the functions behind `MYSQL::methods`, by which MariaDB's drivers call the library past its names.

use std::ffi::c_void;

use super::layout;

/// The functions' addresses. Their types are those of MariaDB's header.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Methods {
    pub(crate) db_connect: *const c_void,
    pub(crate) db_close: *const c_void,
    pub(crate) db_command: *const c_void,
    pub(crate) db_skip_result: *const c_void,
    pub(crate) db_read_query_result: *const c_void,
    pub(crate) db_read_rows: *const c_void,
    pub(crate) db_read_one_row: *const c_void,
    pub(crate) db_supported_buffer_type: *const c_void,
    pub(crate) db_read_prepare_response: *const c_void,
    pub(crate) db_read_stmt_result: *const c_void,
    pub(crate) db_stmt_get_result_metadata: *const c_void,
    pub(crate) db_stmt_get_param_metadata: *const c_void,
    pub(crate) db_stmt_read_all_rows: *const c_void,
    pub(crate) db_stmt_fetch: *const c_void,
    pub(crate) db_stmt_fetch_to_bind: *const c_void,
    pub(crate) db_stmt_flush_unbuffered: *const c_void,
    pub(crate) set_error: *const c_void,
    pub(crate) invalidate_stmts: *const c_void,
    pub(crate) api: *const c_void,
    pub(crate) db_read_execute_response: *const c_void,
    pub(crate) db_execute_generate_request: *const c_void,
}

layout!(Methods, 168; db_connect 0, db_close 8, db_command 16, db_skip_result 24, db_read_query_result 32, db_read_rows 40, db_read_one_row 48, db_supported_buffer_type 56, db_read_prepare_response 64, db_read_stmt_result 72, db_stmt_get_result_metadata 80, db_stmt_get_param_metadata 88, db_stmt_read_all_rows 96, db_stmt_fetch 104, db_stmt_fetch_to_bind 112, db_stmt_flush_unbuffered 120, set_error 128, invalidate_stmts 136, api 144, db_read_execute_response 152, db_execute_generate_request 160);

// SAFETY: the struct is constant, and points to functions and to another constant.
unsafe impl Sync for Methods {}

/// The number of functions in `struct st_mariadb_api`.
pub(crate) const API_COUNT: usize = 115;

/// `struct st_mariadb_api`: the addresses of the API's functions, in the order of MariaDB's header.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Api(pub(crate) [*const c_void; API_COUNT]);

// SAFETY: the struct is constant, and points to functions.
unsafe impl Sync for Api {}
