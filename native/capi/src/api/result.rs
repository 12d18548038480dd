//! Results, rows and columns.

use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::client::Event;
use sealwire_core::message::ColumnDefinition;

use crate::abi::{MyBool, Mysql, MysqlField, MysqlRes, MysqlRows, STATUS_GET_RESULT, STATUS_USE_RESULT};
use crate::failure;
use crate::fields::Fields;
use crate::handle::{Handle, exports, text, with};
use crate::link::Link;
use crate::result::{NONE, Res, free, result};
use crate::rows::{self, Rows};
use crate::state::State;

type Row = *mut *mut c_char;

/// Takes the result that waits on the connection, without its rows.
fn open(handle: &mut Handle<'_>, pointer: *mut Mysql) -> Result<*mut MysqlRes, SqlError> {
    if handle.mysql.status != STATUS_GET_RESULT {
        return Err(failure::out_of_sync());
    }
    let fields = std::mem::replace(&mut handle.state.fields, Fields::none());
    handle.mysql.fields = ptr::null_mut();
    handle.mysql.status = STATUS_USE_RESULT;
    let result = Res::unbuffered(fields, pointer);
    handle.state.open_result = result;
    Ok(result)
}

/// The next row in the result's own memory, if all of it has arrived.
///
/// # Safety
/// The result's handle is NULL or open.
#[inline]
unsafe fn next_at_hand(result: &mut Res) -> Option<Result<Row, SqlError>> {
    let pointer = result.abi.handle;
    // SAFETY: the caller says so; the extension is NULL or a state of `mysql_init`.
    let (status, state) = unsafe {
        let mysql = pointer.as_ref()?;
        (mysql.status, mysql.extension.cast::<State>().as_mut()?)
    };
    if status != STATUS_USE_RESULT || state.home != pointer || state.poisoned {
        return None;
    }
    // In place of `with`, which costs more than the row: if this panics, the handle stays poisoned.
    state.poisoned = true;
    let payload = state.link.as_mut().and_then(Link::row_at_hand);
    let row = payload.map(|payload| result.current.set(payload, &mut result.lengths));
    state.poisoned = false;
    row
}

/// The next row from the connection, in the result's own memory.
fn next(handle: &mut Handle<'_>, result: &mut Res) -> Result<Option<Row>, SqlError> {
    if handle.mysql.status != STATUS_USE_RESULT {
        return Err(failure::hy000(2050, "Row retrieval was canceled by mysql_stmt_close() call"));
    }
    if handle.advance()?.is_none() {
        return Ok(None);
    }
    let link = handle.state.link.as_ref().ok_or_else(failure::gone)?;
    result.current.set(link.connection.row_payload(), &mut result.lengths).map(Some)
}

fn next_unbuffered(result: &mut Res) -> Row {
    // SAFETY: the result's handle is NULL or open, because closing the handle clears the field.
    let at_hand = unsafe { next_at_hand(result) };
    if let Some(Ok(row)) = at_hand {
        result.abi.current_row = row;
        result.abi.row_count += 1;
        return row;
    }
    wait_for_row(result, at_hand.and_then(Result::err))
}

/// The next row once it has arrived, unless a row was malformed.
#[cold]
fn wait_for_row(result: &mut Res, malformed: Option<SqlError>) -> Row {
    let pointer = result.abi.handle;
    // SAFETY: the result's handle is NULL or open, because closing the handle clears the field.
    let row = unsafe {
        with(pointer, ptr::null_mut(), |handle| {
            let ended = match malformed.map_or_else(|| next(handle, result), Err) {
                Ok(Some(row)) => return row,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            handle.state.open_result = ptr::null_mut();
            if let Err(error) = ended {
                handle.set_error(&error);
            }
            ptr::null_mut()
        })
    };
    result.abi.current_row = row;
    if row.is_null() {
        result.abi.eof = 1;
        result.abi.handle = ptr::null_mut();
    } else {
        result.abi.row_count += 1;
    }
    row
}

fn columns_of_table(handle: &mut Handle<'_>, table: &[u8], pattern: &[u8]) -> Result<*mut MysqlRes, SqlError> {
    let columns = handle.command(|link| {
        link.connection.field_list(table, pattern).map_err(crate::session::client_error)?;
        let mut columns: Vec<ColumnDefinition> = Vec::new();
        loop {
            match link.next_event()? {
                Event::ResultSet => columns.extend_from_slice(link.connection.columns()),
                Event::ResultEnd { .. } => return Ok(columns),
                Event::Failed(error) => return Err(error),
                _ => return Err(failure::unexpected()),
            }
        }
    })?;
    Ok(Res::stored(Fields::new(&columns).ok_or_else(failure::no_memory)?, Rows::new()))
}

exports! {
    /// Takes all rows of a result into memory.
    fn mysql_store_result(mysql: *mut Mysql) -> *mut MysqlRes = NONE; {
        with(mysql, NONE, |handle| {
            if handle.mysql.fields.is_null() {
                return NONE;
            }
            let outcome = handle.store().map(|stored| Res::stored(stored.fields, stored.rows));
            handle.mysql.fields = ptr::null_mut();
            handle.answer(outcome, NONE)
        })
    }

    /// Begins to read a result row by row.
    fn mysql_use_result(mysql: *mut Mysql) -> *mut MysqlRes = NONE; {
        with(mysql, NONE, |handle| {
            if handle.mysql.fields.is_null() {
                return NONE;
            }
            let outcome = open(handle, mysql);
            handle.answer(outcome, NONE)
        })
    }

    /// Frees a result, and reads and drops the rows that remain on the connection.
    fn mysql_free_result(pointer: *mut MysqlRes) = (); {
        if let Some(result) = result(pointer) {
            with(result.abi.handle, (), |handle| {
                if handle.state.open_result == pointer {
                    handle.state.open_result = ptr::null_mut();
                    if handle.mysql.status == STATUS_USE_RESULT {
                        handle.skip_rows();
                    }
                }
            });
        }
        free(pointer);
    }

    /// The next row; NULL behind the last, or for an error.
    fn mysql_fetch_row(pointer: *mut MysqlRes) -> Row = ptr::null_mut(); {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        if result.abi.data.is_null() {
            if result.abi.eof != 0 {
                return ptr::null_mut();
            }
            return next_unbuffered(result);
        }
        let Some(row) = result.abi.data_cursor.as_ref() else {
            result.abi.current_row = ptr::null_mut();
            return ptr::null_mut();
        };
        result.abi.data_cursor = row.next;
        result.abi.current_row = row.data;
        row.data
    }

    /// The lengths of the current row's values.
    fn mysql_fetch_lengths(pointer: *mut MysqlRes) -> *mut c_ulong = ptr::null_mut(); {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        if result.abi.current_row.is_null() {
            return ptr::null_mut();
        }
        if !result.abi.data.is_null() {
            rows::lengths(result.abi.current_row, &mut result.lengths);
        }
        result.lengths.as_mut_ptr()
    }

    /// The number of stored rows, or of those read so far.
    fn mysql_num_rows(pointer: *mut MysqlRes) -> u64 = 0; { result(pointer).map_or(0, |result| result.abi.row_count) }

    /// The number of columns.
    fn mysql_num_fields(pointer: *mut MysqlRes) -> c_uint = 0; { result(pointer).map_or(0, |result| result.abi.field_count) }

    /// Whether the last row was read.
    fn mysql_eof(pointer: *mut MysqlRes) -> MyBool = 1; { result(pointer).map_or(1, |result| result.abi.eof) }

    /// The next column.
    fn mysql_fetch_field(pointer: *mut MysqlRes) -> *mut MysqlField = ptr::null_mut(); {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        let at = result.abi.current_field;
        if at >= result.abi.field_count {
            return ptr::null_mut();
        }
        result.abi.current_field += 1;
        result.abi.fields.add(at as usize)
    }

    /// The column of this number.
    fn mysql_fetch_field_direct(pointer: *mut MysqlRes, number: c_uint) -> *mut MysqlField = ptr::null_mut(); {
        match result(pointer) {
            Some(result) if number < result.abi.field_count => result.abi.fields.add(number as usize),
            _ => ptr::null_mut(),
        }
    }

    /// All columns.
    fn mysql_fetch_fields(pointer: *mut MysqlRes) -> *mut MysqlField = ptr::null_mut(); {
        result(pointer).map_or(ptr::null_mut(), |result| result.abi.fields)
    }

    /// Moves to the column of this number; returns the former one's.
    fn mysql_field_seek(pointer: *mut MysqlRes, number: c_uint) -> c_uint = 0; {
        result(pointer).map_or(0, |result| std::mem::replace(&mut result.abi.current_field, number))
    }

    /// The number of the next column.
    fn mysql_field_tell(pointer: *mut MysqlRes) -> c_uint = 0; { result(pointer).map_or(0, |result| result.abi.current_field) }

    /// Moves to the row of this number.
    fn mysql_data_seek(pointer: *mut MysqlRes, number: u64) = (); {
        if let Some(result) = result(pointer) {
            result.abi.current_row = ptr::null_mut();
            result.abi.data_cursor = result.rows.at(number);
        }
    }

    /// Moves to a row that `mysql_row_tell` gave; returns the former one.
    fn mysql_row_seek(pointer: *mut MysqlRes, row: *mut MysqlRows) -> *mut MysqlRows = ptr::null_mut(); {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        result.abi.current_row = ptr::null_mut();
        std::mem::replace(&mut result.abi.data_cursor, row)
    }

    /// The next row's place.
    fn mysql_row_tell(pointer: *mut MysqlRes) -> *mut MysqlRows = ptr::null_mut(); {
        result(pointer).map_or(ptr::null_mut(), |result| result.abi.data_cursor)
    }

    /// The columns of a table.
    fn mysql_list_fields(mysql: *mut Mysql, table: *const c_char, pattern: *const c_char) -> *mut MysqlRes = NONE; {
        let (table, pattern) = (text(table).unwrap_or_default(), text(pattern).unwrap_or_default());
        with(mysql, NONE, |handle| {
            let outcome = columns_of_table(handle, table.to_bytes(), pattern.to_bytes());
            handle.answer(outcome, NONE)
        })
    }

    /// MariaDB's extended attributes of a column, which this library does not ask the server for.
    fn mariadb_field_attr(_attribute: *mut std::ffi::c_void, _field: *const MysqlField, _kind: c_int) -> c_int = 1; { 1 }
}
