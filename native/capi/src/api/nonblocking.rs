//! The non-blocking calls. A `_start` function runs the blocking one in the non-blocking mode, and returns the events for which the program
//! has to wait, by `mysql_get_socket` and `mysql_get_timeout_value_ms`, before it calls the `_cont` function. 0: the call is over. The
//! buffers of a statement's binds must stay as they are until then, as with the original. Names are resolved without the program's help.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use sealwire_core::SqlError;

use super::connection::{disconnect, may_close};
use super::{charset, connection, info, query, result, statement};
use crate::abi::{MyBool, Mysql, MysqlRes, MysqlStmt};
use crate::call::{Resumed, resume, start};
use crate::failure;
use crate::handle::{destroy, exports, give, hindrance};
use crate::statement::Stmt;

type Row = *mut *mut c_char;

/// Nothing is to be waited for.
const DONE: c_int = 0;

/// A handle, a result or a statement, each of which belongs to a connection.
trait Owned: Copy {
    /// The connection's handle; NULL where there is none any more.
    ///
    /// # Safety
    /// The pointer is NULL or valid.
    unsafe fn handle(self) -> *mut Mysql;

    /// The statement or result itself; NULL for a handle, which may be moved.
    fn owner(self) -> *const c_void {
        ptr::null()
    }

    /// Removes the error of a call at the wrong time, where the handle can't do so.
    ///
    /// # Safety
    /// As [`Self::handle`].
    unsafe fn begin(self) {}

    /// Tells an error, if not that no call is suspended, where the handle can't tell it.
    ///
    /// # Safety
    /// As [`Self::handle`].
    unsafe fn refuse(self, _error: Option<SqlError>) {}
}

impl Owned for *mut Mysql {
    unsafe fn handle(self) -> *mut Mysql {
        self
    }
}

impl Owned for *mut MysqlRes {
    unsafe fn handle(self) -> *mut Mysql {
        // SAFETY: the caller promises it.
        unsafe { self.as_ref().map_or(ptr::null_mut(), |result| result.handle) }
    }

    fn owner(self) -> *const c_void {
        self.cast_const().cast()
    }
}

impl Owned for *mut MysqlStmt {
    unsafe fn handle(self) -> *mut Mysql {
        // SAFETY: the caller promises it.
        unsafe { self.as_ref().map_or(ptr::null_mut(), |statement| statement.mysql) }
    }

    fn owner(self) -> *const c_void {
        self.cast_const().cast()
    }

    unsafe fn begin(self) {
        // SAFETY: the caller promises it; a `Stmt` begins with its `MYSQL_STMT`.
        if let Some(statement) = unsafe { self.cast::<Stmt>().as_mut() } {
            statement.clear_error();
        }
    }

    unsafe fn refuse(self, error: Option<SqlError>) {
        // SAFETY: as above.
        if let Some(statement) = unsafe { self.cast::<Stmt>().as_mut() } {
            // SAFETY: the caller promises it.
            let error = error.or_else(|| unsafe { hindrance(statement.abi.mysql) });
            statement.set_error(&error.unwrap_or_else(failure::out_of_sync));
        }
    }
}

/// Begins a call.
///
/// # Safety
/// As [`start`]; `to` is NULL or has room for the answer.
unsafe fn begin<T>(of: impl Owned, name: &'static str, to: *mut T, body: impl FnOnce() -> T) -> c_int {
    // SAFETY: the caller promises it.
    unsafe {
        match start(of.handle(), name, of.owner(), body) {
            Ok(answer) => {
                give(to, answer);
                DONE
            }
            Err(waits) => waits,
        }
    }
}

/// Goes on with a call.
///
/// # Safety
/// As [`resume`]; `to` is NULL or has room for the answer.
unsafe fn go_on<T: Copy + 'static>(of: impl Owned, name: &'static str, to: *mut T, failed: T, events: c_int) -> c_int {
    // SAFETY: the caller promises it.
    unsafe {
        match resume(of.handle(), name, of.owner(), events, || of.begin()) {
            Resumed::Waits(waits) => return waits,
            Resumed::Done(answer) => give(to, answer.downcast_ref().copied().unwrap_or(failed)),
            Resumed::Refused => {
                of.refuse(None);
                give(to, failed);
            }
            Resumed::Gone => {
                of.refuse(Some(failure::gone()));
                give(to, failed);
            }
            Resumed::Panicked => give(to, failed),
        }
    }
    DONE
}

/// Defines the pairs of the calls that have an answer; behind `|` is the answer of a call that failed.
macro_rules! pairs {
    ($($start:ident $cont:ident $answer:ty | $failed:expr =>
        $module:ident::$call:ident($of:ident: $owner:ty $(, $argument:ident: $type:ty)*);)*) => {
        exports! {
            $(
                /// Begins the call.
                fn $start(to: *mut $answer, $of: $owner $(, $argument: $type)*) -> c_int = DONE; {
                    begin($of, stringify!($call), to, || $module::$call($of $(, $argument)*))
                }

                /// Goes on with the call after events.
                fn $cont(to: *mut $answer, $of: $owner, events: c_int) -> c_int = DONE; {
                    go_on($of, stringify!($call), to, $failed, events)
                }
            )*
        }
    };
}

pairs! {
    mysql_autocommit_start mysql_autocommit_cont MyBool | 1 => query::mysql_autocommit(mysql: *mut Mysql, on: MyBool);
    mysql_change_user_start mysql_change_user_cont MyBool | 1 => connection::mysql_change_user(mysql: *mut Mysql, user: *const c_char, password: *const c_char, database: *const c_char);
    mysql_commit_start mysql_commit_cont MyBool | 1 => query::mysql_commit(mysql: *mut Mysql);
    mysql_dump_debug_info_start mysql_dump_debug_info_cont c_int | 1 => query::mysql_dump_debug_info(mysql: *mut Mysql);
    mysql_fetch_row_start mysql_fetch_row_cont Row | ptr::null_mut() => result::mysql_fetch_row(result: *mut MysqlRes);
    mysql_kill_start mysql_kill_cont c_int | 1 => query::mysql_kill(mysql: *mut Mysql, connection: c_ulong);
    mysql_list_fields_start mysql_list_fields_cont *mut MysqlRes | ptr::null_mut() => result::mysql_list_fields(mysql: *mut Mysql, table: *const c_char, pattern: *const c_char);
    mysql_next_result_start mysql_next_result_cont c_int | 1 => query::mysql_next_result(mysql: *mut Mysql);
    mysql_ping_start mysql_ping_cont c_int | 1 => connection::mysql_ping(mysql: *mut Mysql);
    mysql_query_start mysql_query_cont c_int | -1 => query::mysql_query(mysql: *mut Mysql, sql: *const c_char);
    mysql_read_query_result_start mysql_read_query_result_cont MyBool | 1 => query::mysql_read_query_result(mysql: *mut Mysql);
    mysql_real_connect_start mysql_real_connect_cont *mut Mysql | ptr::null_mut() => connection::mysql_real_connect(mysql: *mut Mysql, host: *const c_char, user: *const c_char, password: *const c_char, database: *const c_char, port: c_uint, socket: *const c_char, flags: c_ulong);
    mysql_real_query_start mysql_real_query_cont c_int | -1 => query::mysql_real_query(mysql: *mut Mysql, sql: *const c_char, length: c_ulong);
    mysql_refresh_start mysql_refresh_cont c_int | 1 => query::mysql_refresh(mysql: *mut Mysql, options: c_uint);
    mysql_reset_connection_start mysql_reset_connection_cont c_int | 1 => connection::mysql_reset_connection(mysql: *mut Mysql);
    mysql_rollback_start mysql_rollback_cont MyBool | 1 => query::mysql_rollback(mysql: *mut Mysql);
    mysql_select_db_start mysql_select_db_cont c_int | 1 => query::mysql_select_db(mysql: *mut Mysql, name: *const c_char);
    mysql_send_query_start mysql_send_query_cont c_int | -1 => query::mysql_send_query(mysql: *mut Mysql, sql: *const c_char, length: c_ulong);
    mysql_set_character_set_start mysql_set_character_set_cont c_int | 1 => charset::mysql_set_character_set(mysql: *mut Mysql, name: *const c_char);
    mysql_set_server_option_start mysql_set_server_option_cont c_int | 1 => query::mysql_set_server_option(mysql: *mut Mysql, option: c_uint);
    mysql_shutdown_start mysql_shutdown_cont c_int | 1 => query::mysql_shutdown(mysql: *mut Mysql, level: c_uint);
    mysql_stat_start mysql_stat_cont *mut c_char | ptr::null_mut() => info::mysql_stat(mysql: *mut Mysql);
    mysql_stmt_close_start mysql_stmt_close_cont MyBool | 1 => statement::mysql_stmt_close(statement: *mut MysqlStmt);
    mysql_stmt_execute_start mysql_stmt_execute_cont c_int | 1 => statement::mysql_stmt_execute(statement: *mut MysqlStmt);
    mysql_stmt_fetch_start mysql_stmt_fetch_cont c_int | 1 => statement::mysql_stmt_fetch(statement: *mut MysqlStmt);
    mysql_stmt_free_result_start mysql_stmt_free_result_cont MyBool | 1 => statement::mysql_stmt_free_result(statement: *mut MysqlStmt);
    mysql_stmt_next_result_start mysql_stmt_next_result_cont c_int | 1 => statement::mysql_stmt_next_result(statement: *mut MysqlStmt);
    mysql_stmt_prepare_start mysql_stmt_prepare_cont c_int | 1 => statement::mysql_stmt_prepare(statement: *mut MysqlStmt, sql: *const c_char, length: c_ulong);
    mysql_stmt_reset_start mysql_stmt_reset_cont MyBool | 1 => statement::mysql_stmt_reset(statement: *mut MysqlStmt);
    mysql_stmt_send_long_data_start mysql_stmt_send_long_data_cont MyBool | 1 => statement::mysql_stmt_send_long_data(statement: *mut MysqlStmt, number: c_uint, data: *const c_char, length: c_ulong);
    mysql_stmt_store_result_start mysql_stmt_store_result_cont c_int | 1 => statement::mysql_stmt_store_result(statement: *mut MysqlStmt);
    mysql_store_result_start mysql_store_result_cont *mut MysqlRes | ptr::null_mut() => result::mysql_store_result(mysql: *mut Mysql);
}

const CLOSE: &str = "mysql_close";
const FREE_RESULT: &str = "mysql_free_result";

exports! {
    /// Begins to free a result.
    fn mysql_free_result_start(pointer: *mut MysqlRes) -> c_int = DONE; {
        begin(pointer, FREE_RESULT, ptr::null_mut(), || result::mysql_free_result(pointer))
    }

    /// Goes on with it after events.
    fn mysql_free_result_cont(pointer: *mut MysqlRes, events: c_int) -> c_int = DONE; {
        go_on(pointer, FREE_RESULT, ptr::null_mut(), (), events)
    }

    /// Begins to close a connection. The handle is freed once nothing is to be waited for.
    fn mysql_close_start(mysql: *mut Mysql) -> c_int = DONE; {
        if !may_close(mysql) {
            return DONE;
        }
        let waits = begin(mysql, CLOSE, ptr::null_mut(), || disconnect(mysql));
        if waits == DONE {
            destroy(mysql);
        }
        waits
    }

    /// Goes on with it after events.
    fn mysql_close_cont(mysql: *mut Mysql, events: c_int) -> c_int = DONE; {
        match resume(mysql, CLOSE, ptr::null(), events, || {}) {
            Resumed::Waits(waits) => return waits,
            Resumed::Done(_) | Resumed::Panicked | Resumed::Gone => destroy(mysql),
            Resumed::Refused => {}
        }
        DONE
    }
}
