//! The functions behind `MYSQL::methods`. Where this library has no part that works as the original's, a function stands that says so (2054).

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr;

use super::absent::not_built;
use super::{charset, connection, info, options, query, result, statement};
use crate::abi::{API_COUNT, Api, Methods, MyBool, Mysql, MysqlBind, MysqlStmt, STATUS_READY, STATUS_STMT_RESULT};
use crate::bind;
use crate::call;
use crate::failure;
use crate::handle::{Handle, create, end_statements, exports, give, is_busy, set_text, state_of, text};

/// The commands that [`sealwire_db_command`] sends.
const COM_QUIT: c_uint = 1;
const COM_INIT_DB: c_uint = 2;
const COM_QUERY: c_uint = 3;
const COM_PING: c_uint = 14;

/// The functions of every handle.
static METHODS: Methods = Methods {
    db_connect: connection::mysql_real_connect as *const c_void,
    db_close: sealwire_db_close as *const c_void,
    db_command: sealwire_db_command as *const c_void,
    db_skip_result: sealwire_db_skip_result as *const c_void,
    db_read_query_result: sealwire_db_read_query_result as *const c_void,
    db_read_rows: sealwire_db_read_rows as *const c_void,
    db_read_one_row: sealwire_db_read_one_row as *const c_void,
    db_supported_buffer_type: sealwire_db_supported_buffer_type as *const c_void,
    db_read_prepare_response: sealwire_db_stmt_absent as *const c_void,
    db_read_stmt_result: sealwire_db_read_query_result as *const c_void,
    db_stmt_get_result_metadata: sealwire_db_stmt_absent as *const c_void,
    db_stmt_get_param_metadata: sealwire_db_stmt_absent as *const c_void,
    db_stmt_read_all_rows: sealwire_db_stmt_step_absent as *const c_void,
    db_stmt_fetch: sealwire_db_stmt_step_absent as *const c_void,
    db_stmt_fetch_to_bind: sealwire_db_stmt_step_absent as *const c_void,
    db_stmt_flush_unbuffered: sealwire_db_stmt_flush_unbuffered as *const c_void,
    set_error: sealwire_set_error as *const c_void,
    invalidate_stmts: sealwire_invalidate_stmts as *const c_void,
    api: (&raw const API).cast(),
    db_read_execute_response: sealwire_db_stmt_step_absent as *const c_void,
    db_execute_generate_request: sealwire_db_execute_generate_request as *const c_void,
};

static API: Api = Api(functions());

const fn functions() -> [*const c_void; API_COUNT] {
    [
        result::mysql_num_rows as *const c_void,
        result::mysql_num_fields as *const c_void,
        result::mysql_eof as *const c_void,
        result::mysql_fetch_field_direct as *const c_void,
        result::mysql_fetch_fields as *const c_void,
        result::mysql_row_tell as *const c_void,
        result::mysql_field_tell as *const c_void,
        info::mysql_field_count as *const c_void,
        query::mysql_more_results as *const c_void,
        query::mysql_next_result as *const c_void,
        info::mysql_affected_rows as *const c_void,
        query::mysql_autocommit as *const c_void,
        query::mysql_commit as *const c_void,
        query::mysql_rollback as *const c_void,
        info::mysql_insert_id as *const c_void,
        info::mysql_errno as *const c_void,
        info::mysql_error as *const c_void,
        info::mysql_info as *const c_void,
        info::mysql_thread_id as *const c_void,
        charset::mysql_character_set_name as *const c_void,
        charset::mysql_get_character_set_info as *const c_void,
        charset::mysql_set_character_set as *const c_void,
        options::mariadb_get_infov as *const c_void,
        options::mariadb_get_info as *const c_void,
        mysql_init as *const c_void,
        connection::mysql_ssl_set as *const c_void,
        info::mysql_get_ssl_cipher as *const c_void,
        connection::mysql_change_user as *const c_void,
        connection::mysql_real_connect as *const c_void,
        connection::mysql_close as *const c_void,
        query::mysql_select_db as *const c_void,
        query::mysql_query as *const c_void,
        query::mysql_send_query as *const c_void,
        query::mysql_read_query_result as *const c_void,
        query::mysql_real_query as *const c_void,
        query::mysql_shutdown as *const c_void,
        query::mysql_dump_debug_info as *const c_void,
        query::mysql_refresh as *const c_void,
        query::mysql_kill as *const c_void,
        connection::mysql_ping as *const c_void,
        info::mysql_stat as *const c_void,
        info::mysql_get_server_info as *const c_void,
        info::mysql_get_server_version as *const c_void,
        info::mysql_get_host_info as *const c_void,
        info::mysql_get_proto_info as *const c_void,
        query::mysql_list_dbs as *const c_void,
        query::mysql_list_tables as *const c_void,
        result::mysql_list_fields as *const c_void,
        query::mysql_list_processes as *const c_void,
        result::mysql_store_result as *const c_void,
        result::mysql_use_result as *const c_void,
        options::mysql_options as *const c_void,
        result::mysql_free_result as *const c_void,
        result::mysql_data_seek as *const c_void,
        result::mysql_row_seek as *const c_void,
        result::mysql_field_seek as *const c_void,
        result::mysql_fetch_row as *const c_void,
        result::mysql_fetch_lengths as *const c_void,
        result::mysql_fetch_field as *const c_void,
        query::mysql_escape_string as *const c_void,
        query::mysql_real_escape_string as *const c_void,
        connection::mysql_thread_safe as *const c_void,
        info::mysql_warning_count as *const c_void,
        info::mysql_sqlstate as *const c_void,
        connection::mysql_server_init as *const c_void,
        connection::mysql_server_end as *const c_void,
        connection::mysql_thread_end as *const c_void,
        connection::mysql_thread_init as *const c_void,
        query::mysql_set_server_option as *const c_void,
        info::mysql_get_client_info as *const c_void,
        info::mysql_get_client_version as *const c_void,
        connection::mariadb_connection as *const c_void,
        info::mysql_get_server_name as *const c_void,
        charset::mariadb_get_charset_by_name as *const c_void,
        charset::mariadb_get_charset_by_nr as *const c_void,
        charset::mariadb_convert_string as *const c_void,
        options::mysql_optionsv as *const c_void,
        options::mysql_get_optionv as *const c_void,
        options::mysql_get_option as *const c_void,
        query::mysql_hex_string as *const c_void,
        info::mysql_get_socket as *const c_void,
        info::mysql_get_timeout_value as *const c_void,
        info::mysql_get_timeout_value_ms as *const c_void,
        connection::mariadb_reconnect as *const c_void,
        statement::mysql_stmt_init as *const c_void,
        statement::mysql_stmt_prepare as *const c_void,
        statement::mysql_stmt_execute as *const c_void,
        statement::mysql_stmt_fetch as *const c_void,
        statement::mysql_stmt_fetch_column as *const c_void,
        statement::mysql_stmt_store_result as *const c_void,
        statement::mysql_stmt_param_count as *const c_void,
        statement::mysql_stmt_attr_set as *const c_void,
        statement::mysql_stmt_attr_get as *const c_void,
        statement::mysql_stmt_bind_param as *const c_void,
        statement::mysql_stmt_bind_result as *const c_void,
        statement::mysql_stmt_close as *const c_void,
        statement::mysql_stmt_reset as *const c_void,
        statement::mysql_stmt_free_result as *const c_void,
        statement::mysql_stmt_send_long_data as *const c_void,
        statement::mysql_stmt_result_metadata as *const c_void,
        statement::mysql_stmt_param_metadata as *const c_void,
        statement::mysql_stmt_errno as *const c_void,
        statement::mysql_stmt_error as *const c_void,
        statement::mysql_stmt_sqlstate as *const c_void,
        statement::mysql_stmt_row_seek as *const c_void,
        statement::mysql_stmt_row_tell as *const c_void,
        statement::mysql_stmt_data_seek as *const c_void,
        statement::mysql_stmt_num_rows as *const c_void,
        statement::mysql_stmt_affected_rows as *const c_void,
        statement::mysql_stmt_insert_id as *const c_void,
        statement::mysql_stmt_field_count as *const c_void,
        statement::mysql_stmt_next_result as *const c_void,
        statement::mysql_stmt_more_results as *const c_void,
        statement::mariadb_stmt_execute_direct as *const c_void,
        connection::mysql_reset_connection as *const c_void,
    ]
}

exports! {
    /// Makes a handle, or initialises the program's own.
    fn mysql_init(mysql: *mut Mysql) -> *mut Mysql = ptr::null_mut(); {
        let made = create(mysql);
        (*made).methods = &raw const METHODS;
        made
    }

    /// Ends the connection, and leaves the handle.
    fn sealwire_db_close(mysql: *mut Mysql) = (); { connection::disconnect(mysql) }

    /// Sends a command. A query's answer is read where the program does not skip that; a length of 0 means up to the NUL.
    fn sealwire_db_command(
        mysql: *mut Mysql,
        command: c_uint,
        argument: *const c_char,
        length: usize,
        skips_answer: MyBool,
        _statement: *mut c_void,
    ) -> c_int = 1; {
        let length = if length == 0 { c_ulong::MAX } else { length as c_ulong };
        match command {
            COM_QUIT => { connection::disconnect(mysql); 0 }
            COM_QUERY if skips_answer != 0 => query::mysql_send_query(mysql, argument, length),
            COM_QUERY => query::mysql_real_query(mysql, argument, length),
            COM_INIT_DB => query::mysql_select_db(mysql, argument),
            COM_PING => connection::mysql_ping(mysql),
            _ => not_built(mysql, "this command of db_command", 1),
        }
    }

    /// Drops the rest of a result.
    fn sealwire_db_skip_result(mysql: *mut Mysql) = (); {
        call::run(mysql, (), async move |handle: &mut Handle<'static>| handle.skip_rows().await)
    }

    /// Reads the answer to a query: 0, or 1 for an error.
    fn sealwire_db_read_query_result(mysql: *mut Mysql) -> c_int = 1; {
        c_int::from(query::mysql_read_query_result(mysql))
    }

    /// Reading rows past the library.
    fn sealwire_db_read_rows(mysql: *mut Mysql, _fields: *mut c_void, _count: c_uint) -> *mut c_void = ptr::null_mut(); {
        not_built(mysql, "db_read_rows", ptr::null_mut())
    }

    /// Reading a row past the library.
    fn sealwire_db_read_one_row(
        mysql: *mut Mysql,
        _count: c_uint,
        _row: *mut c_void,
        _lengths: *mut c_ulong,
    ) -> c_int = -1; {
        not_built(mysql, "db_read_one_row", -1)
    }

    /// Whether a buffer may have the type.
    fn sealwire_db_supported_buffer_type(kind: c_int) -> MyBool = 0; {
        let mut bind = MysqlBind::zeroed();
        bind.buffer_type = kind;
        MyBool::from(bind::buffer_type(&bind).is_some())
    }

    /// A part of a statement that is not to be had alone.
    fn sealwire_db_stmt_absent(pointer: *mut MysqlStmt) -> MyBool = 1; {
        statement::refuse_part(pointer);
        1
    }

    /// As [`sealwire_db_stmt_absent`], where the answer is an `int`.
    fn sealwire_db_stmt_step_absent(pointer: *mut MysqlStmt) -> c_int = 1; {
        statement::refuse_part(pointer);
        1
    }

    /// Drops the rest of a statement's result.
    fn sealwire_db_stmt_flush_unbuffered(pointer: *mut MysqlStmt) = (); {
        statement::mysql_stmt_free_result(pointer);
    }

    /// Sets the handle's error. The text is `format` as it is, because Rust can't define functions with any number of arguments; NULL
    /// means the text of the number.
    fn sealwire_set_error(mysql: *mut Mysql, number: c_uint, sqlstate: *const c_char, format: *const c_char) = (); {
        let Some(mysql) = mysql.as_mut() else { return };
        mysql.net.last_errno = number;
        set_text(&mut mysql.net.sqlstate, text(sqlstate).unwrap_or(c"HY000").to_bytes());
        match text(format) {
            Some(told) => set_text(&mut mysql.net.last_error, told.to_bytes()),
            None => set_text(&mut mysql.net.last_error, failure::text_of(number).to_bytes()),
        }
    }

    /// Takes the connection away from all statements of the handle. `because` is the function that does so.
    fn sealwire_invalidate_stmts(mysql: *mut Mysql, because: *const c_char) = (); {
        if let Some(state) = state_of(mysql)
            && !is_busy(mysql, state)
        {
            end_statements(state, text(because).unwrap_or(c"invalidate_stmts"));
            // The next command drops what is on the way.
            if (*mysql).status == STATUS_STMT_RESULT {
                (*mysql).status = STATUS_READY;
            }
        }
    }

    /// Makes the request of the next execution of the values that are bound now, also before the statement is prepared. The library keeps
    /// the request, which the program may read until then. NULL for an error, and where the program wants it for itself.
    fn sealwire_db_execute_generate_request(
        pointer: *mut MysqlStmt,
        length: *mut usize,
        is_kept: MyBool,
    ) -> *mut u8 = ptr::null_mut(); {
        give(length, 0);
        if is_kept == 0 {
            statement::refuse_part(pointer);
            return ptr::null_mut();
        }
        let (request, made) = statement::generate_request(pointer);
        give(length, made);
        request
    }
}
