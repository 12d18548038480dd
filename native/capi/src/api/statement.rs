//! Prepared statements.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use std::ptr::{self, NonNull};
use std::thread;

use sealwire_core::SqlError;

use super::query::sql_text;
use crate::abi::{MyBool, Mysql, MysqlBind, MysqlField, MysqlRes, MysqlRows, MysqlStmt};
use crate::call;
use crate::failure;
use crate::fetch::Fetched;
use crate::handle::{Handle, Place, bytes, exports, give, hindrance, internal_error, is_busy, state_of, with};
use crate::result::{NONE, Res};
use crate::rows::Rows;
use crate::session::MORE_RESULTS;
use crate::state::State;
use crate::statement::Stmt;

/// `mysql_stmt_fetch`: there is no further row.
const NO_DATA: c_int = 100;
/// `mysql_stmt_fetch`: the row was read, and a value did not fit.
const DATA_TRUNCATED: c_int = 101;

/// The statement behind a program's pointer.
///
/// # Safety
/// `pointer` is NULL, or a statement of `mysql_stmt_init` that was not closed and that nothing else uses meanwhile.
unsafe fn statement<'a>(pointer: *mut MysqlStmt) -> Option<&'a mut Stmt> {
    // SAFETY: the caller says so; a `Stmt` begins with its `MYSQL_STMT`.
    unsafe { pointer.cast::<Stmt>().as_mut() }
}

/// Runs a call on a statement and its connection, and publishes the error on both.
///
/// # Safety
/// As [`statement`]; the statement's connection is open, or NULL.
unsafe fn run<T: Copy + 'static>(
    pointer: *mut MysqlStmt,
    failed: T,
    body: impl AsyncFnOnce(&mut Place<Stmt>, &mut Handle<'static>) -> Result<T, SqlError> + 'static,
) -> T {
    // SAFETY: the caller promises it; the statement is freed by `mysql_stmt_close` alone, which no other call can be suspended by.
    unsafe {
        let Some(statement) = statement(pointer) else { return failed };
        let mysql = statement.abi.mysql;
        if mysql.is_null() {
            let lost = failure::hy000(2013, "Lost connection to MySQL server: the statement's connection was closed");
            statement.set_error(&lost);
            return failed;
        }
        refuse(statement);
        call::run(mysql, failed, async move |handle: &mut Handle<'static>| {
            let _reporting = Reporting(pointer);
            let mut statement = Place::new(pointer.cast::<Stmt>());
            let outcome = body(&mut statement, handle).await;
            answer(&mut statement, handle, outcome, failed)
        })
    }
}

/// Says on the statement why its connection can't run a call now, if so.
///
/// # Safety
/// The statement's connection is open, or NULL.
unsafe fn refuse(statement: &mut Stmt) {
    // SAFETY: the caller promises it.
    if let Some(error) = unsafe { hindrance(statement.abi.mysql) } {
        statement.set_error(&error);
    }
}

/// Reports a panic on the statement whose call it ends.
struct Reporting(*mut MysqlStmt);

impl Drop for Reporting {
    fn drop(&mut self) {
        if thread::panicking() {
            // SAFETY: `run` made this value for a call of this statement, which is not freed before the call is over.
            if let Some(statement) = unsafe { statement(self.0) } {
                statement.set_error(&internal_error());
            }
        }
    }
}

/// Publishes the outcome of a call on the statement and its connection.
fn answer<T>(statement: &mut Stmt, handle: &mut Handle<'_>, outcome: Result<T, SqlError>, failed: T) -> T {
    outcome.unwrap_or_else(|error| {
        statement.set_error(&error);
        handle.set_error(&error);
        failed
    })
}

/// A statement that is being closed, and freed also where the program closes the handle meanwhile. Until then the handle knows the statement,
/// which so learns where the handle is.
struct Closing(*mut MysqlStmt);

impl Drop for Closing {
    fn drop(&mut self) {
        // SAFETY: `mysql_stmt_close` made this value from a statement of `mysql_stmt_init`, which it closes once. The state outlives each of
        // its calls, and forgets its statements when it is freed; no reference to these fields is held.
        unsafe {
            if let Some(state) = NonNull::new((*self.0).extension.cast::<State>()) {
                let state = state.as_ptr();
                let statements = &mut (*state).statements;
                statements.retain(|known| *known != self.0);
                if (*state).open_statement == self.0 {
                    (*state).open_statement = ptr::null_mut();
                }
            }
            drop(Box::from_raw(self.0.cast::<Stmt>()));
        }
    }
}

fn fetched(fetched: &Fetched) -> c_int {
    match fetched {
        Fetched::Row { truncated: false } => 0,
        Fetched::Row { truncated: true } => DATA_TRUNCATED,
        Fetched::NoData => NO_DATA,
    }
}

exports! {
    /// Makes a statement of a connection.
    fn mysql_stmt_init(mysql: *mut Mysql) -> *mut MysqlStmt = ptr::null_mut(); {
        with(mysql, ptr::null_mut(), |handle| {
            let mut statement = Stmt::new();
            statement.abi.mysql = mysql;
            statement.abi.extension = handle.state.pointer().cast();
            let pointer: *mut MysqlStmt = Box::into_raw(statement).cast();
            handle.state.statements.push(pointer);
            pointer
        })
    }

    /// Closes and frees a statement.
    fn mysql_stmt_close(pointer: *mut MysqlStmt) -> MyBool = 1; {
        let Some(statement) = statement(pointer) else { return 1 };
        let (mysql, state) = (statement.abi.mysql, statement.abi.extension.cast::<State>());
        let Some(known) = state_of(mysql).filter(|known| *known == state && !(*state).poisoned) else {
            // No call can run: the handle was closed or moved, or a panic has ended it. A call that frees the statement, or that runs with it,
            // is dropped with the handle.
            let is_in_use = NonNull::new(state).is_some_and(|state| {
                let state = state.as_ptr();
                (*state).busy || (*state).suspended.as_ref().is_some_and(|one| ptr::eq(one.owner, pointer.cast()))
            });
            if is_in_use {
                statement.set_error(&failure::out_of_sync());
                return 1;
            }
            drop(Closing(pointer));
            return 0;
        };
        if is_busy(mysql, known) {
            statement.set_error(&failure::out_of_sync());
            return 1;
        }
        refuse(statement);
        // Not by the function above, because after a panic there is no statement on which to report it.
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let _closing = Closing(pointer);
            Place::new(pointer.cast::<Stmt>()).close(handle).await;
            0
        })
    }

    /// Prepares a statement.
    fn mysql_stmt_prepare(pointer: *mut MysqlStmt, sql: *const c_char, length: c_ulong) -> c_int = 1; {
        let Some(of) = statement(pointer) else { return 1 };
        let sql = match sql_text(sql, length) {
            Ok(sql) => call::kept(of.abi.mysql, sql),
            Err(error) => return told(of, Err(error)).into(),
        };
        run(pointer, 1, async move |statement, handle| statement.prepare(handle, &sql).await.map(|()| 0))
    }

    /// Prepares and runs a statement.
    fn mariadb_stmt_execute_direct(pointer: *mut MysqlStmt, sql: *const c_char, length: usize) -> c_int = 1; {
        let Some(of) = statement(pointer) else { return 1 };
        let sql = match sql_text(sql, length as c_ulong) {
            Ok(sql) => sql,
            Err(error) => return told(of, Err(error)).into(),
        };
        run(pointer, 1, async move |statement, handle| {
            statement.prepare(handle, sql).await?;
            statement.execute(handle).await.map(|()| 0)
        })
    }

    /// Binds the program's buffers to the parameters.
    fn mysql_stmt_bind_param(pointer: *mut MysqlStmt, binds: *mut MysqlBind) -> MyBool = 1; {
        let Some(statement) = statement(pointer) else { return 1 };
        let is_known = statement.make_announced();
        let (count, _) = statement.counts();
        let outcome = match (is_known, binds.is_null()) {
            (false, _) => Err(failure::hy000(2030, "Statement not prepared")),
            (true, false) if count > 0 => statement.bind_parameters(std::slice::from_raw_parts(binds, count)),
            _ => Ok(()),
        };
        told(statement, outcome)
    }

    /// Binds the program's buffers to the columns.
    fn mysql_stmt_bind_result(pointer: *mut MysqlStmt, binds: *mut MysqlBind) -> MyBool = 1; {
        let Some(statement) = statement(pointer) else { return 1 };
        let (_, count) = statement.counts();
        let outcome = match (&statement.prepared, binds.is_null()) {
            (None, _) => Err(failure::hy000(2030, "Statement not prepared")),
            (Some(_), _) if count == 0 => Err(failure::hy000(2052, "Prepared statement contains no metadata")),
            (Some(_), true) => Ok(()),
            (Some(_), false) => statement.bind_columns(std::slice::from_raw_parts(binds, count)),
        };
        told(statement, outcome)
    }

    /// Runs the statement.
    fn mysql_stmt_execute(pointer: *mut MysqlStmt) -> c_int = 1; {
        run(pointer, 1, async move |statement, handle| statement.execute(handle).await.map(|()| 0))
    }

    /// Takes the rows into memory.
    fn mysql_stmt_store_result(pointer: *mut MysqlStmt) -> c_int = 1; {
        run(pointer, 1, async move |statement, handle| statement.store(handle).await.map(|()| 0))
    }

    /// Reads the next row into the bound buffers: 0, 100 at the end, 101 where a value was cut.
    fn mysql_stmt_fetch(pointer: *mut MysqlStmt) -> c_int = 1; {
        let Some(statement) = statement(pointer) else { return 1 };
        if statement.abi.result_callback.is_some() {
            return run(pointer, 1, async move |statement, handle| {
                let row = statement.fetch(handle).await?;
                if let Fetched::Row { .. } = row {
                    // A call makes the handle busy.
                    statement.hand_out()?;
                }
                Ok(fetched(&row))
            });
        }
        if let Some(lent) = statement.fetch_lent() {
            return match lent {
                Ok(row) => fetched(&row),
                Err(error) => with(statement.abi.mysql, 1, |handle| answer(statement, handle, Err(error), 1)),
            };
        }
        // A row that is here already needs no call that may have to wait.
        let here = with(statement.abi.mysql, None, |handle| {
            if handle.state.suspended.is_some() {
                return None;
            }
            let here = statement.fetch_now(handle).map(|row| row.as_ref().map(fetched));
            answer(statement, handle, here, Some(1))
        });
        match here {
            Some(code) => code,
            None => run(pointer, 1, async move |statement, handle| Ok(fetched(&statement.fetch(handle).await?))),
        }
    }

    /// Reads a column of the current row, or the part of it behind `offset`.
    fn mysql_stmt_fetch_column(
        pointer: *mut MysqlStmt,
        bind: *mut MysqlBind,
        column: c_uint,
        offset: c_ulong,
    ) -> c_int = 1; {
        let (Some(statement), Some(bind)) = (statement(pointer), bind.as_mut()) else { return 1 };
        let outcome = statement.fetch_column(bind, column as usize, offset as usize);
        told(statement, outcome).into()
    }

    /// Sends a piece of a parameter's value.
    fn mysql_stmt_send_long_data(
        pointer: *mut MysqlStmt,
        number: c_uint,
        data: *const c_char,
        length: c_ulong,
    ) -> MyBool = 1; {
        let Some(of) = statement(pointer) else { return 1 };
        let data = match bytes(data, length as usize) {
            Ok(data) => call::kept(of.abi.mysql, data),
            Err(error) => return told(of, Err(error)),
        };
        run(pointer, 1, async move |statement, handle| {
            statement.send_long(handle, number as usize, &data).await.map(|()| 0)
        })
    }

    /// Drops long data and rows, here and on the server.
    fn mysql_stmt_reset(pointer: *mut MysqlStmt) -> MyBool = 1; {
        run(pointer, 1, async move |statement, handle| statement.reset(handle).await.map(|()| 0))
    }

    /// Drops the rows.
    fn mysql_stmt_free_result(pointer: *mut MysqlStmt) -> MyBool = 1; {
        run(pointer, 1, async move |statement, handle| {
            statement.free_result(handle).await;
            Ok(0)
        })
    }

    /// Begins the next of several results: 0, -1 where there is none, more for an error.
    fn mysql_stmt_next_result(pointer: *mut MysqlStmt) -> c_int = 1; {
        run(pointer, 1, async move |statement, handle| {
            Ok(if statement.next_result(handle).await? { 0 } else { -1 })
        })
    }

    /// Whether another result follows.
    fn mysql_stmt_more_results(pointer: *mut MysqlStmt) -> MyBool = 0; {
        let mysql = pointer.as_ref().and_then(|statement| statement.mysql.as_ref());
        MyBool::from(mysql.is_some_and(|mysql| mysql.server_status & MORE_RESULTS != 0))
    }

    /// The columns of the rows, as a result without rows; NULL for a statement without rows.
    fn mysql_stmt_result_metadata(pointer: *mut MysqlStmt) -> *mut MysqlRes = NONE; {
        let Some(statement) = statement(pointer) else { return NONE };
        if statement.columns.is_empty() {
            return NONE;
        }
        Res::stored(statement.metadata(), Rows::new())
    }

    /// The parameters' definitions, which servers do not fill in: always NULL.
    fn mysql_stmt_param_metadata(_pointer: *mut MysqlStmt) -> *mut MysqlRes = NONE; { NONE }

    /// The columns of the rows.
    fn mariadb_stmt_fetch_fields(pointer: *mut MysqlStmt) -> *mut MysqlField = ptr::null_mut(); {
        pointer.as_ref().map_or(ptr::null_mut(), |statement| statement.fields)
    }

    /// The number of parameters.
    fn mysql_stmt_param_count(pointer: *mut MysqlStmt) -> c_ulong = 0; {
        pointer.as_ref().map_or(0, |statement| statement.param_count.into())
    }

    /// The number of columns.
    fn mysql_stmt_field_count(pointer: *mut MysqlStmt) -> c_uint = 0; {
        pointer.as_ref().map_or(0, |statement| statement.field_count)
    }

    /// The number of stored rows.
    fn mysql_stmt_num_rows(pointer: *mut MysqlStmt) -> u64 = 0; {
        statement(pointer).map_or(0, |statement| statement.stored_rows())
    }

    /// The number of changed or stored rows.
    fn mysql_stmt_affected_rows(pointer: *mut MysqlStmt) -> u64 = u64::MAX; {
        pointer.as_ref().map_or(u64::MAX, |statement| statement.upsert.affected_rows)
    }

    /// The AUTO_INCREMENT value of the last execution.
    fn mysql_stmt_insert_id(pointer: *mut MysqlStmt) -> u64 = 0; {
        pointer.as_ref().map_or(0, |statement| statement.upsert.last_insert_id)
    }

    /// The number of warnings.
    fn mysql_stmt_warning_count(pointer: *mut MysqlStmt) -> c_int = 0; {
        pointer.as_ref().map_or(0, |statement| c_int::try_from(statement.upsert.warning_count).unwrap_or(c_int::MAX))
    }

    /// The number of the last error.
    fn mysql_stmt_errno(pointer: *mut MysqlStmt) -> c_uint = 2000; {
        pointer.as_ref().map_or(0, |statement| statement.last_errno)
    }

    /// The text of the last error.
    fn mysql_stmt_error(pointer: *mut MysqlStmt) -> *const c_char = c"".as_ptr(); {
        pointer.as_ref().map_or(c"".as_ptr(), |statement| statement.last_error.as_ptr())
    }

    /// The SQLSTATE of the last error.
    fn mysql_stmt_sqlstate(pointer: *mut MysqlStmt) -> *const c_char = c"HY000".as_ptr(); {
        pointer.as_ref().map_or(c"00000".as_ptr(), |statement| statement.sqlstate.as_ptr())
    }

    /// Moves to the stored row of this number.
    fn mysql_stmt_data_seek(pointer: *mut MysqlStmt, number: u64) = (); {
        if let Some(statement) = statement(pointer) {
            statement.seek(number);
        }
    }

    /// Moves to a row that `mysql_stmt_row_tell` gave; returns the former one.
    fn mysql_stmt_row_seek(pointer: *mut MysqlStmt, row: *mut MysqlRows) -> *mut MysqlRows = ptr::null_mut(); {
        statement(pointer).map_or(ptr::null_mut(), |statement| statement.seek_to(row))
    }

    /// The next row's place.
    fn mysql_stmt_row_tell(pointer: *mut MysqlStmt) -> *mut MysqlRows = ptr::null_mut(); {
        pointer.as_ref().map_or(ptr::null_mut(), |statement| statement.result_cursor)
    }

    /// Sets an attribute.
    fn mysql_stmt_attr_set(pointer: *mut MysqlStmt, attribute: c_uint, value: *const c_void) -> MyBool = 1; {
        let Some(statement) = statement(pointer) else { return 1 };
        let abi = &mut statement.abi;
        match attribute {
            UPDATE_MAX_LENGTH => abi.update_max_length = value.cast::<MyBool>().as_ref().copied().unwrap_or(0),
            CURSOR_TYPE => match value.cast::<c_ulong>().as_ref().copied().unwrap_or(0) {
                kind @ (0 | 1) => abi.flags = kind,
                kind => return told(statement, Err(failure::not_built(&format!("the cursor type {kind}")))),
            },
            PREFETCH_ROWS => abi.prefetch_rows = value.cast::<c_ulong>().as_ref().copied().unwrap_or(1).max(1),
            PREBIND_PARAMS => {
                let count = value.cast::<c_uint>().as_ref().copied().unwrap_or(0);
                let outcome = statement.announce(count);
                return told(statement, outcome);
            }
            ARRAY_SIZE => abi.array_size = value.cast::<c_uint>().as_ref().copied().unwrap_or(0),
            ROW_SIZE => abi.row_size = value.cast::<usize>().as_ref().copied().unwrap_or(0),
            USER_DATA => abi.user_data = value.cast_mut(),
            // SAFETY: the program gives NULL or a function of the type that the manual names, as an address.
            PARAM_CALLBACK => abi.param_callback = std::mem::transmute::<*const c_void, Option<_>>(value),
            // SAFETY: as above.
            RESULT_CALLBACK => abi.result_callback = std::mem::transmute::<*const c_void, Option<_>>(value),
            _ => return told(statement, Err(failure::not_built("this attribute"))),
        }
        0
    }

    /// The value of an attribute.
    fn mysql_stmt_attr_get(pointer: *mut MysqlStmt, attribute: c_uint, to: *mut c_void) -> MyBool = 1; {
        let Some(statement) = statement(pointer) else { return 1 };
        let abi = &statement.abi;
        match attribute {
            UPDATE_MAX_LENGTH => give(to.cast(), abi.update_max_length),
            CURSOR_TYPE => give(to.cast(), abi.flags),
            PREFETCH_ROWS => give(to.cast(), abi.prefetch_rows),
            PREBIND_PARAMS => give(to.cast(), abi.prebind_params),
            ARRAY_SIZE => give(to.cast(), abi.array_size),
            ROW_SIZE => give(to.cast(), abi.row_size),
            STATE => give(to.cast(), abi.state),
            USER_DATA => give(to.cast(), abi.user_data),
            _ => return told(statement, Err(failure::not_built("this attribute"))),
        }
        0
    }
}

const UPDATE_MAX_LENGTH: c_uint = 0;
const CURSOR_TYPE: c_uint = 1;
const PREFETCH_ROWS: c_uint = 2;
const PREBIND_PARAMS: c_uint = 200;
const ARRAY_SIZE: c_uint = 201;
const ROW_SIZE: c_uint = 202;
const STATE: c_uint = 203;
const USER_DATA: c_uint = 204;
const PARAM_CALLBACK: c_uint = 205;
const RESULT_CALLBACK: c_uint = 206;

/// Makes the request of a statement's next execution, and gives its bytes and their number.
///
/// # Safety
/// As [`statement`]; the pointers in the binds of the parameters are valid.
pub(super) unsafe fn generate_request(pointer: *mut MysqlStmt) -> (*mut u8, usize) {
    // SAFETY: the caller promises it.
    unsafe {
        run(pointer, (ptr::null_mut(), 0), async move |statement, handle| {
            handle.note_extended();
            statement.make_request()
        })
    }
}

/// Says on a statement and its handle that a part of the library is not to be had alone (2054).
///
/// # Safety
/// As [`statement`].
pub(super) unsafe fn refuse_part(pointer: *mut MysqlStmt) {
    // SAFETY: the caller promises it.
    unsafe {
        run(pointer, (), async |_, _| Err(failure::not_built("this part of MYSQL::methods")));
    }
}

/// Publishes the outcome of a call that needs no connection.
fn told(statement: &mut Stmt, outcome: Result<(), SqlError>) -> MyBool {
    match outcome {
        Ok(()) => {
            statement.clear_error();
            0
        }
        Err(error) => {
            statement.set_error(&error);
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Resumed, resume, start};
    use crate::handle::{create, destroy};
    use crate::waits::Wanted;

    const NAME: &str = "a call with a bug";

    /// A call that is suspended once, and panics when it goes on.
    unsafe fn with_a_bug(pointer: *mut MysqlStmt) -> c_int {
        // SAFETY: the caller's statement is valid.
        unsafe {
            run(pointer, 1, async |_, handle| {
                handle.wait(Wanted { read: true, ..Wanted::default() }).await;
                panic!("a bug")
            })
        }
    }

    #[test]
    fn a_panic_in_a_suspended_call_ends_the_handle_and_not_the_program() {
        // SAFETY: the handle and its statements are made here, and used by this thread alone.
        unsafe {
            let mysql = create(ptr::null_mut());
            let (statement, other) = (mysql_stmt_init(mysql), mysql_stmt_init(mysql));
            let owner = statement.cast_const().cast();
            assert_eq!(start(mysql, NAME, owner, || with_a_bug(statement)), Err(1));
            assert!(matches!(resume(mysql, NAME, other.cast_const().cast(), 1, || {}), Resumed::Refused));
            assert_eq!((*mysql).net.last_errno, 2014, "another statement's call is not this one");
            assert!(matches!(resume(mysql, NAME, owner, 1, || {}), Resumed::Panicked));
            assert_eq!(((*mysql).net.last_errno, mysql_stmt_errno(statement)), (2000, 2000));
            assert!(matches!(resume(mysql, NAME, owner, 1, || {}), Resumed::Refused), "the call is over");
            (*statement).last_errno = 0;
            assert_eq!(mysql_stmt_execute(statement), 1);
            assert_eq!(((*mysql).net.last_errno, mysql_stmt_errno(statement)), (2000, 2000));
            assert_eq!(mysql_stmt_close(statement), 0, "it can be freed nevertheless");
            destroy(mysql);
            assert!((*other).mysql.is_null() && mysql_stmt_errno(other) == 2056);
            assert_eq!(mysql_stmt_close(other), 0);
        }
    }

    /// The program closes a handle while its call is suspended that would panic.
    #[test]
    fn a_suspended_call_is_dropped_with_its_handle() {
        // SAFETY: as above.
        unsafe {
            let mysql = create(ptr::null_mut());
            let statement = mysql_stmt_init(mysql);
            assert_eq!(start(mysql, NAME, statement.cast_const().cast(), || with_a_bug(statement)), Err(1));
            destroy(mysql);
            assert_eq!(mysql_stmt_close(statement), 0);
        }
    }
}
