//! Sending statements.

use std::ffi::{c_char, c_int, c_uint, c_ulong};

use sealwire_core::SqlError;

use crate::abi::{MyBool, Mysql, MysqlRes, STATUS_QUERY_SENT};
use crate::call;
use crate::escape::{escape, hexadecimal};
use crate::failure;
use crate::handle::{Handle, bytes, exports, slice, text, with};
use crate::lengths::reserve;
use crate::multibyte::Family;
use crate::result::{NONE, Res};
use crate::state::InfileHandler;

/// A statement whose rows are stored at once.
fn rows_of(mysql: *mut Mysql, sql: Vec<u8>) -> *mut MysqlRes {
    // SAFETY: `rows_of` is called by the functions below with their own argument alone.
    unsafe {
        call::run(mysql, NONE, async move |handle: &mut Handle<'static>| {
            let stored = match handle.query(&sql).await {
                Ok(()) => handle.store().await,
                Err(error) => Err(error),
            };
            let outcome = stored.map(|stored| Res::stored(stored.fields, stored.rows));
            handle.answer(outcome, NONE)
        })
    }
}

/// ` LIKE 'pattern'`, or nothing.
fn like(pattern: Option<&std::ffi::CStr>) -> Vec<u8> {
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else { return Vec::new() };
    let mut clause = b" LIKE '".to_vec();
    escape(pattern.to_bytes(), Family::Utf8(4), false, &mut clause);
    clause.push(b'\'');
    clause
}

fn run<T: Copy + From<bool> + 'static>(mysql: *mut Mysql, sql: &'static [u8], failed: T) -> T {
    run_checked(mysql, Ok(sql), failed)
}

/// As [`run`], with the error of a text that can't be.
fn run_checked<T: Copy + From<bool> + 'static>(
    mysql: *mut Mysql,
    sql: Result<&'static [u8], SqlError>,
    failed: T,
) -> T {
    // SAFETY: this is called by the functions below with their own arguments alone, and the program keeps its text until the call returns.
    unsafe {
        let Some(sql) = checked(mysql, sql) else { return failed };
        let sql = call::kept(mysql, sql);
        call::run(mysql, failed, async move |handle: &mut Handle<'static>| {
            let outcome = handle.query(&sql).await.map(|()| T::from(false));
            handle.answer(outcome, failed)
        })
    }
}

/// The program's text; publishes the error of one that can't be.
///
/// # Safety
/// As [`with`].
unsafe fn checked(mysql: *mut Mysql, text: Result<&[u8], SqlError>) -> Option<&[u8]> {
    match text {
        Ok(text) => Some(text),
        // SAFETY: the caller promises it.
        Err(error) => unsafe { with(mysql, None, |handle| handle.answer(Err(error), None)) },
    }
}

/// Puts the text that `write` makes of the program's into the program's buffer, with a NUL, and returns its length. As in the original, a
/// length that can't be gives an empty text.
///
/// # Safety
/// `from` is NULL or has that length, and `to` has room for twice the length of `from` and a NUL.
unsafe fn put(
    to: *mut c_char,
    from: *const c_char,
    length: c_ulong,
    write: impl FnOnce(&[u8], &mut Vec<u8>),
) -> c_ulong {
    let mut out = Vec::new();
    if reserve(&mut out, (length as usize).saturating_mul(2).saturating_add(1)).is_ok() {
        // SAFETY: the caller promises it, and there is memory for twice the length.
        write(unsafe { slice(from, length as usize) }, &mut out);
    }
    out.push(0);
    if !to.is_null() {
        // SAFETY: the escaped text has twice the length at most, for which the caller has room.
        unsafe { to.copy_from_nonoverlapping(out.as_ptr().cast(), out.len()) };
    }
    (out.len() - 1) as c_ulong
}

exports! {
    /// Runs a statement of a given length.
    fn mysql_real_query(mysql: *mut Mysql, sql: *const c_char, length: c_ulong) -> c_int = -1; {
        run_checked(mysql, sql_text(sql, length), -1)
    }

    /// Runs a statement that ends with a NUL.
    fn mysql_query(mysql: *mut Mysql, sql: *const c_char) -> c_int = -1; {
        run(mysql, text(sql).unwrap_or_default().to_bytes(), -1)
    }

    /// Sends a statement without waiting for its answer.
    fn mysql_send_query(mysql: *mut Mysql, sql: *const c_char, length: c_ulong) -> c_int = -1; {
        let Some(sql) = checked(mysql, sql_text(sql, length)) else { return -1 };
        let sql = call::kept(mysql, sql);
        call::run(mysql, -1, async move |handle: &mut Handle<'static>| {
            let outcome = handle.send_query(&sql).await;
            if outcome.is_ok() {
                handle.mysql.status = STATUS_QUERY_SENT;
            }
            handle.status(outcome, -1)
        })
    }

    /// Reads the answer to `mysql_send_query`.
    fn mysql_read_query_result(mysql: *mut Mysql) -> MyBool = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let outcome = handle.read_result().await.map(|()| 0);
            handle.answer(outcome, 1)
        })
    }

    /// Begins the next of several results: 0, -1 where there is none, more for an error.
    fn mysql_next_result(mysql: *mut Mysql) -> c_int = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| match handle.next_result().await {
            Ok(true) => 0,
            Ok(false) => -1,
            Err(error) => {
                handle.set_error(&error);
                1
            }
        })
    }

    /// Whether another result follows.
    fn mysql_more_results(mysql: *mut Mysql) -> MyBool = 0; {
        with(mysql, 0, |handle| MyBool::from(handle.mysql.server_status & crate::session::MORE_RESULTS != 0))
    }

    /// Makes a database the default one.
    fn mysql_select_db(mysql: *mut Mysql, name: *const c_char) -> c_int = 1; {
        let name = text(name).unwrap_or_default().to_owned();
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let outcome = handle.select_database(&name).await;
            handle.status(outcome, 1)
        })
    }

    /// Turns autocommit on or off.
    fn mysql_autocommit(mysql: *mut Mysql, on: MyBool) -> MyBool = 1; {
        let sql: &[u8] = if on == 0 { b"SET autocommit=0" } else { b"SET autocommit=1" };
        run(mysql, sql, 1)
    }

    /// Commits the transaction.
    fn mysql_commit(mysql: *mut Mysql) -> MyBool = 1; { run(mysql, b"COMMIT", 1) }

    /// Rolls the transaction back.
    fn mysql_rollback(mysql: *mut Mysql) -> MyBool = 1; { run(mysql, b"ROLLBACK", 1) }

    /// Ends another connection.
    fn mysql_kill(mysql: *mut Mysql, connection: c_ulong) -> c_int = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let Ok(connection) = u32::try_from(connection) else {
                handle.set_error(&failure::hy000(2034, "Invalid parameter number: connections have numbers of 32 bits"));
                return 1;
            };
            let outcome = handle.simple(|link| link.connection.process_kill(connection)).await;
            handle.status(outcome, 1)
        })
    }

    /// Permits (0) or forbids (1) several statements in one query.
    fn mysql_set_server_option(mysql: *mut Mysql, option: c_uint) -> c_int = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let option = u16::try_from(option).unwrap_or(u16::MAX);
            let outcome = handle.simple(|link| link.connection.set_option(option)).await;
            handle.status(outcome, 1)
        })
    }

    /// Flushes what the bits name.
    fn mysql_refresh(mysql: *mut Mysql, options: c_uint) -> c_int = 1; {
        const NAMES: [(c_uint, &str); 5] = [(1, "PRIVILEGES"), (2, "LOGS"), (4, "TABLES"), (8, "HOSTS"), (16, "STATUS")];
        // The server no longer has a statement for some of the others; the command has them all.
        let known: c_uint = NAMES.iter().map(|(bit, _)| bit).sum();
        let names: Vec<&str> = NAMES.iter().filter(|(bit, _)| options & bit != 0).map(|(_, name)| *name).collect();
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let mut outcome = Ok(());
            if options & !known == 0 && !names.is_empty() {
                for name in names {
                    if outcome.is_ok() {
                        outcome = handle.query(format!("FLUSH {name}").as_bytes()).await;
                    }
                }
            } else {
                let [bits, ..] = options.to_le_bytes();
                outcome = handle.simple(|link| link.connection.refresh(bits)).await;
            }
            handle.status(outcome, 1)
        })
    }

    /// Has the server write its state to its log.
    fn mysql_dump_debug_info(mysql: *mut Mysql) -> c_int = 1; {
        call::run(mysql, 1, async move |handle: &mut Handle<'static>| {
            let outcome = handle.simple(|link| link.connection.debug()).await;
            handle.status(outcome, 1)
        })
    }

    /// Stops the server.
    fn mysql_shutdown(mysql: *mut Mysql, _level: c_uint) -> c_int = 1; { run(mysql, b"SHUTDOWN", 1) }

    /// The databases whose names match a pattern.
    fn mysql_list_dbs(mysql: *mut Mysql, pattern: *const c_char) -> *mut MysqlRes = NONE; {
        let sql = [b"SHOW DATABASES".to_vec(), like(text(pattern))].concat();
        rows_of(mysql, sql)
    }

    /// The tables whose names match a pattern.
    fn mysql_list_tables(mysql: *mut Mysql, pattern: *const c_char) -> *mut MysqlRes = NONE; {
        let sql = [b"SHOW TABLES".to_vec(), like(text(pattern))].concat();
        rows_of(mysql, sql)
    }

    /// The server's connections.
    fn mysql_list_processes(mysql: *mut Mysql) -> *mut MysqlRes = NONE; {
        rows_of(mysql, b"SHOW PROCESSLIST".to_vec())
    }

    /// Has LOAD DATA LOCAL INFILE read files by the program's functions.
    fn mysql_set_local_infile_handler(
        mysql: *mut Mysql,
        init: Option<unsafe extern "C" fn(*mut *mut std::ffi::c_void, *const c_char, *mut std::ffi::c_void) -> c_int>,
        read: Option<unsafe extern "C" fn(*mut std::ffi::c_void, *mut c_char, c_uint) -> c_int>,
        end: Option<unsafe extern "C" fn(*mut std::ffi::c_void)>,
        error: Option<unsafe extern "C" fn(*mut std::ffi::c_void, *mut c_char, c_uint) -> c_int>,
        user_data: *mut std::ffi::c_void,
    ) = (); {
        with(mysql, (), |handle| handle.state.infile = Some(InfileHandler { init, read, end, error, user_data }));
    }

    /// Has LOAD DATA LOCAL INFILE read files from disk.
    fn mysql_set_local_infile_default(mysql: *mut Mysql) = (); {
        with(mysql, (), |handle| handle.state.infile = None);
    }

    /// Escapes a text for a literal in the connection's character set.
    fn mysql_real_escape_string(mysql: *mut Mysql, to: *mut c_char, from: *const c_char, length: c_ulong) -> c_ulong = 0; {
        let (family, quotes_alone) = with(mysql, (Family::Utf8(4), false), |handle| {
            let family = Family::of(crate::charset::name(handle.state.charset).to_bytes());
            (family, handle.mysql.server_status & 0x200 != 0)
        });
        put(to, from, length, |from, out| escape(from, family, quotes_alone, out))
    }

    /// Escapes a text for a literal in latin1.
    fn mysql_escape_string(to: *mut c_char, from: *const c_char, length: c_ulong) -> c_ulong = 0; {
        put(to, from, length, |from, out| escape(from, Family::Single, false, out))
    }

    /// Writes bytes in hexadecimal.
    fn mysql_hex_string(to: *mut c_char, from: *const c_char, length: c_ulong) -> c_ulong = 0; {
        put(to, from, length, hexadecimal)
    }
}

/// The statement; the length -1 means up to the NUL.
///
/// # Safety
/// As [`bytes`] and [`text`].
///
/// # Errors
/// As [`bytes`].
pub(crate) unsafe fn sql_text<'a>(sql: *const c_char, length: c_ulong) -> Result<&'a [u8], SqlError> {
    // SAFETY: the caller promises it.
    unsafe {
        if length == c_ulong::MAX { Ok(text(sql).unwrap_or_default().to_bytes()) } else { bytes(sql, length as usize) }
    }
}
