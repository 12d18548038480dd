//! Results, rows and columns.

use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::ptr;

use sealwire_core::SqlError;
use sealwire_core::client::Event;
use sealwire_core::message::ColumnDefinition;

use crate::abi::{MyBool, Mysql, MysqlField, MysqlRes, MysqlRows, STATUS_GET_RESULT, STATUS_USE_RESULT};
use crate::call;
use crate::failure;
use crate::fields::Fields;
use crate::handle::{Handle, Place, exports, guarded, state_of, text, with};
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
    let result = Res::unbuffered(fields, pointer, handle.state.pointer().cast());
    let former = std::mem::replace(&mut handle.state.open_result, result);
    // A former result is left where the connection broke under it, or was reset.
    // SAFETY: the field was NULL, or a result that was not freed, because freeing clears the field.
    if let Some(former) = unsafe { self::result(former) } {
        former.end();
    }
    Ok(result)
}

/// The next row, if it is in memory or was lent by the connection; else NULL. Nothing here panics.
///
/// # Safety
/// As [`result()`]; the result's handle is NULL or open.
#[inline]
unsafe fn next_at_hand(pointer: *mut MysqlRes) -> Row {
    // SAFETY: the caller says so; the extension is NULL or a state of `mysql_init`.
    unsafe {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        if let Some(row) = result.abi.data_cursor.as_ref() {
            result.abi.data_cursor = row.next;
            result.abi.current_row = row.data;
            return row.data;
        }
        // A stored result has no handle.
        let handle = result.abi.handle;
        let Some(mysql) = handle.as_ref() else { return ptr::null_mut() };
        let Some(state) = mysql.extension.cast::<State>().as_mut() else { return ptr::null_mut() };
        let is_free = state.home == handle && !state.poisoned && !state.busy && state.suspended.is_none();
        if mysql.status != STATUS_USE_RESULT || !is_free {
            return ptr::null_mut();
        }
        let Some(link) = &mut state.link else { return ptr::null_mut() };
        let row = result.current.advance(link.lent(), &mut result.lengths);
        if !row.is_null() {
            result.abi.current_row = row;
            result.abi.row_count += 1;
        }
        row
    }
}

/// Takes the connection's current row into the result's own memory.
fn take(handle: &mut Handle<'_>, result: &mut Res) -> Result<Row, SqlError> {
    let row = result.current.set(handle.link()?.connection.row_payload(), &mut result.lengths)?;
    result.abi.current_row = row;
    result.abi.row_count += 1;
    Ok(row)
}

/// Hands out a row. NULL, behind the last row or for an error, ends the result.
fn told(handle: &mut Handle<'_>, result: &mut Res, outcome: Result<Row, SqlError>) -> Row {
    let row = handle.answer(outcome, ptr::null_mut());
    if row.is_null() {
        handle.state.open_result = ptr::null_mut();
        result.end();
    }
    row
}

/// The next row from the connection; NULL behind the last.
async fn next(handle: &mut Handle<'_>, result: &mut Place<Res>) -> Result<Row, SqlError> {
    result.current.check()?;
    if handle.mysql.status != STATUS_USE_RESULT {
        return Err(failure::hy000(2050, "Row retrieval was canceled by mysql_stmt_close() call"));
    }
    if handle.advance().await?.is_none() { Ok(ptr::null_mut()) } else { take(handle, result) }
}

/// The next row of a result that is read from the connection, where it is not in the result's own memory.
///
/// # Safety
/// `pointer` is such a result.
unsafe fn next_unbuffered(pointer: *mut MysqlRes) -> Row {
    // SAFETY: the caller promises it; the result's handle is NULL or open, because closing the handle clears the field. The result is freed
    // by `mysql_free_result` alone, which refuses to while a call is suspended.
    unsafe {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        let mysql = result.abi.handle;
        if mysql.is_null() {
            result.abi.current_row = ptr::null_mut();
            result.abi.eof = 1;
        }
        if with(mysql, false, |handle| lend(handle, result)) {
            let row = first_lent(pointer);
            if !row.is_null() {
                return row;
            }
        }
        call::run(mysql, ptr::null_mut(), async move |handle: &mut Handle<'static>| {
            let mut result = Place::new(pointer.cast::<Res>());
            let outcome = next(handle, &mut result).await;
            told(handle, &mut result, outcome)
        })
    }
}

/// As [`next_at_hand`], which is worth one copy in the program.
///
/// # Safety
/// As there.
#[inline(never)]
unsafe fn first_lent(pointer: *mut MysqlRes) -> Row {
    // SAFETY: the caller promises it.
    unsafe { next_at_hand(pointer) }
}

/// Lends the rows that have arrived, where those lent before are read.
fn lend(handle: &mut Handle<'_>, result: &Res) -> bool {
    let may = handle.mysql.status == STATUS_USE_RESULT && handle.state.suspended.is_none();
    may && !result.current.is_malformed() && handle.state.link.as_mut().is_some_and(Link::lend)
}

/// A result that is being freed: also where the program closes the handle meanwhile. Until then the handle knows the result, which so learns
/// where the handle is.
struct Freeing {
    result: *mut MysqlRes,
    state: *mut State,
}

impl Drop for Freeing {
    fn drop(&mut self) {
        // SAFETY: `mysql_free_result` made this value from its argument, which is used no more; the state outlives each of its calls, and
        // no reference to the field is held.
        unsafe {
            (*self.state).open_result = ptr::null_mut();
            free(self.result);
        }
    }
}

/// Frees a result, and reads and drops the rows that remain on its connection.
///
/// # Safety
/// `pointer` is a result that was not freed.
unsafe fn free_open(pointer: *mut MysqlRes) {
    // SAFETY: the caller promises it; a state leaves its open result when it is freed. A call that runs may hold a reference to the state, so
    // each field is used alone.
    unsafe {
        let Some(result) = result(pointer) else { return };
        let (mysql, state) = (result.abi.handle, result.source.cast::<State>());
        if mysql.is_null() || state.is_null() || (*state).open_result != pointer {
            free(pointer);
            return;
        }
        if state_of(mysql) != Some(state) || (*state).poisoned {
            // No call can run: the handle was moved, or a panic has ended it. A call that frees the result is dropped with the handle.
            if !(*state).busy
                && (*state).suspended.as_ref().is_none_or(|suspended| !ptr::eq(suspended.owner, pointer.cast()))
            {
                (*state).open_result = ptr::null_mut();
                free(pointer);
            }
            return;
        }
        call::run(mysql, (), async move |handle: &mut Handle<'static>| {
            let _freeing = Freeing { result: pointer, state: handle.state.pointer() };
            if handle.mysql.status == STATUS_USE_RESULT {
                handle.skip_rows().await;
            }
        });
    }
}

async fn columns_of_table(handle: &mut Handle<'_>, table: &[u8], pattern: &[u8]) -> Result<*mut MysqlRes, SqlError> {
    handle.command(|link| link.connection.field_list(table, pattern)).await?;
    let mut columns: Vec<ColumnDefinition> = Vec::new();
    loop {
        match handle.next_event().await? {
            Event::ResultSet => columns.extend_from_slice(handle.link()?.connection.columns()),
            Event::ResultEnd { .. } => break,
            Event::Failed(error) => return Err(error),
            _ => return Err(failure::unexpected()),
        }
    }
    Ok(Res::stored(Fields::new(&columns).ok_or_else(failure::no_memory)?, Rows::new()))
}

/// The next row; NULL behind the last, or for an error.
///
/// # Safety
/// As the functions below.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn mysql_fetch_row(pointer: *mut MysqlRes) -> Row {
    // A row at hand costs less than to catch a panic, which it does not need.
    // SAFETY: the caller keeps the contract of the C API.
    unsafe {
        let row = next_at_hand(pointer);
        if row.is_null() { guarded(row, || next_row(pointer)) } else { row }
    }
}

/// As [`mysql_fetch_row`], where the row is not at hand.
///
/// # Safety
/// As [`result()`].
unsafe fn next_row(pointer: *mut MysqlRes) -> Row {
    // SAFETY: the caller promises it.
    unsafe {
        let Some(result) = result(pointer) else { return ptr::null_mut() };
        if result.abi.data.is_null() && result.abi.eof == 0 {
            return next_unbuffered(pointer);
        }
        if !result.abi.data.is_null() {
            result.abi.current_row = ptr::null_mut();
        }
        ptr::null_mut()
    }
}

exports! {
    /// Takes all rows of a result into memory.
    fn mysql_store_result(mysql: *mut Mysql) -> *mut MysqlRes = NONE; {
        call::run(mysql, NONE, async move |handle: &mut Handle<'static>| {
            if handle.mysql.fields.is_null() {
                return NONE;
            }
            let outcome = handle.store().await.map(|stored| Res::stored(stored.fields, stored.rows));
            handle.mysql.fields = ptr::null_mut();
            handle.answer(outcome, NONE)
        })
    }

    /// Begins to read a result row by row.
    fn mysql_use_result(mysql: *mut Mysql) -> *mut MysqlRes = NONE; {
        with(mysql, NONE, |handle| {
            if handle.state.suspended.is_some() {
                handle.set_error(&failure::out_of_sync());
                return NONE;
            }
            if handle.mysql.fields.is_null() {
                return NONE;
            }
            let outcome = open(handle, mysql);
            handle.answer(outcome, NONE)
        })
    }

    /// Frees a result, and reads and drops the rows that remain on the connection.
    fn mysql_free_result(pointer: *mut MysqlRes) = (); { free_open(pointer) }

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
        let [table, pattern] = [table, pattern].map(|name| call::kept(mysql, text(name).unwrap_or_default().to_bytes()));
        call::run(mysql, NONE, async move |handle: &mut Handle<'static>| {
            let outcome = columns_of_table(handle, &table, &pattern).await;
            handle.answer(outcome, NONE)
        })
    }

    /// MariaDB's extended attributes of a column, which this library does not ask the server for.
    fn mariadb_field_attr(_attribute: *mut std::ffi::c_void, _field: *const MysqlField, _kind: c_int) -> c_int = 1; { 1 }
}
