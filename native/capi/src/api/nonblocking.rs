//! The non-blocking calls. For now a `_start` function runs its whole call, as the original's do inside TLS, and answers that nothing is to
//! be waited for; so no call is ever suspended, and a `_cont` function has nothing to go on with.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

use super::{charset, connection, info, query, result, statement};
use crate::abi::{MyBool, Mysql, MysqlRes, MysqlStmt};
use crate::handle::{exports, give};

type Row = *mut *mut c_char;

/// Nothing is to be waited for.
const DONE: c_int = 0;

/// Defines the pairs. The first form has an answer, the second none.
macro_rules! pairs {
    ($($start:ident $cont:ident $answer:ty = $module:ident::$call:ident($($argument:ident: $type:ty),*);)*
     - $($start_void:ident $cont_void:ident = $module_void:ident::$call_void:ident($argument_void:ident: $type_void:ty);)*) => {
        exports! {
            $(
                /// Begins the call, and ends it.
                fn $start(to: *mut $answer, $($argument: $type),*) -> c_int = DONE; {
                    give(to, $module::$call($($argument),*));
                    DONE
                }

                /// No call is suspended, so that there is nothing to go on with.
                fn $cont(_to: *mut $answer, _handle: *mut c_void, _events: c_int) -> c_int = DONE; { DONE }
            )*
            $(
                /// Begins the call, and ends it.
                fn $start_void($argument_void: $type_void) -> c_int = DONE; {
                    $module_void::$call_void($argument_void);
                    DONE
                }

                /// No call is suspended, so that there is nothing to go on with.
                fn $cont_void(_handle: *mut c_void, _events: c_int) -> c_int = DONE; { DONE }
            )*
        }
    };
}

pairs! {
    mysql_autocommit_start mysql_autocommit_cont MyBool = query::mysql_autocommit(mysql: *mut Mysql, on: MyBool);
    mysql_change_user_start mysql_change_user_cont MyBool = connection::mysql_change_user(mysql: *mut Mysql, user: *const c_char, password: *const c_char, database: *const c_char);
    mysql_commit_start mysql_commit_cont MyBool = query::mysql_commit(mysql: *mut Mysql);
    mysql_dump_debug_info_start mysql_dump_debug_info_cont c_int = query::mysql_dump_debug_info(mysql: *mut Mysql);
    mysql_fetch_row_start mysql_fetch_row_cont Row = result::mysql_fetch_row(result: *mut MysqlRes);
    mysql_kill_start mysql_kill_cont c_int = query::mysql_kill(mysql: *mut Mysql, connection: c_ulong);
    mysql_list_fields_start mysql_list_fields_cont *mut MysqlRes = result::mysql_list_fields(mysql: *mut Mysql, table: *const c_char, pattern: *const c_char);
    mysql_next_result_start mysql_next_result_cont c_int = query::mysql_next_result(mysql: *mut Mysql);
    mysql_ping_start mysql_ping_cont c_int = connection::mysql_ping(mysql: *mut Mysql);
    mysql_query_start mysql_query_cont c_int = query::mysql_query(mysql: *mut Mysql, sql: *const c_char);
    mysql_read_query_result_start mysql_read_query_result_cont MyBool = query::mysql_read_query_result(mysql: *mut Mysql);
    mysql_real_connect_start mysql_real_connect_cont *mut Mysql = connection::mysql_real_connect(mysql: *mut Mysql, host: *const c_char, user: *const c_char, password: *const c_char, database: *const c_char, port: c_uint, socket: *const c_char, flags: c_ulong);
    mysql_real_query_start mysql_real_query_cont c_int = query::mysql_real_query(mysql: *mut Mysql, sql: *const c_char, length: c_ulong);
    mysql_refresh_start mysql_refresh_cont c_int = query::mysql_refresh(mysql: *mut Mysql, options: c_uint);
    mysql_reset_connection_start mysql_reset_connection_cont c_int = connection::mysql_reset_connection(mysql: *mut Mysql);
    mysql_rollback_start mysql_rollback_cont MyBool = query::mysql_rollback(mysql: *mut Mysql);
    mysql_select_db_start mysql_select_db_cont c_int = query::mysql_select_db(mysql: *mut Mysql, name: *const c_char);
    mysql_send_query_start mysql_send_query_cont c_int = query::mysql_send_query(mysql: *mut Mysql, sql: *const c_char, length: c_ulong);
    mysql_set_character_set_start mysql_set_character_set_cont c_int = charset::mysql_set_character_set(mysql: *mut Mysql, name: *const c_char);
    mysql_set_server_option_start mysql_set_server_option_cont c_int = query::mysql_set_server_option(mysql: *mut Mysql, option: c_uint);
    mysql_shutdown_start mysql_shutdown_cont c_int = query::mysql_shutdown(mysql: *mut Mysql, level: c_uint);
    mysql_stat_start mysql_stat_cont *const c_char = info::mysql_stat(mysql: *mut Mysql);
    mysql_stmt_close_start mysql_stmt_close_cont MyBool = statement::mysql_stmt_close(statement: *mut MysqlStmt);
    mysql_stmt_execute_start mysql_stmt_execute_cont c_int = statement::mysql_stmt_execute(statement: *mut MysqlStmt);
    mysql_stmt_fetch_start mysql_stmt_fetch_cont c_int = statement::mysql_stmt_fetch(statement: *mut MysqlStmt);
    mysql_stmt_free_result_start mysql_stmt_free_result_cont MyBool = statement::mysql_stmt_free_result(statement: *mut MysqlStmt);
    mysql_stmt_next_result_start mysql_stmt_next_result_cont c_int = statement::mysql_stmt_next_result(statement: *mut MysqlStmt);
    mysql_stmt_prepare_start mysql_stmt_prepare_cont c_int = statement::mysql_stmt_prepare(statement: *mut MysqlStmt, sql: *const c_char, length: c_ulong);
    mysql_stmt_reset_start mysql_stmt_reset_cont MyBool = statement::mysql_stmt_reset(statement: *mut MysqlStmt);
    mysql_stmt_send_long_data_start mysql_stmt_send_long_data_cont MyBool = statement::mysql_stmt_send_long_data(statement: *mut MysqlStmt, number: c_uint, data: *const c_char, length: c_ulong);
    mysql_stmt_store_result_start mysql_stmt_store_result_cont c_int = statement::mysql_stmt_store_result(statement: *mut MysqlStmt);
    mysql_store_result_start mysql_store_result_cont *mut MysqlRes = result::mysql_store_result(mysql: *mut Mysql);
    -
    mysql_close_start mysql_close_cont = connection::mysql_close(mysql: *mut Mysql);
    mysql_free_result_start mysql_free_result_cont = result::mysql_free_result(result: *mut MysqlRes);
}
