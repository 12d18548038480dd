//! Functions that describe a connection.

use std::ffi::{c_char, c_int, c_uint, c_ulong};
use std::ptr;

use crate::abi::{Mysql, MysqlParameters};
use crate::call;
use crate::handle::{Handle, exports, pointer, state_of, text, with};

/// The version of Connector/C whose ABI this library has.
const CLIENT_INFO: &std::ffi::CStr = c"3.3.20";
/// The version of MariaDB that it came with, by which programs decide what the library can do.
pub(crate) const CLIENT_VERSION: c_ulong = 101_119;

/// The limits of `mysql_get_parameters`, which programs may change. Nothing here reads them.
struct Limits {
    packet: std::cell::UnsafeCell<c_ulong>,
    buffer: std::cell::UnsafeCell<c_ulong>,
    pointers: std::cell::UnsafeCell<MysqlParameters>,
}

// SAFETY: the library hands out pointers only; programs take care of their own writes, as with the original's global variables.
unsafe impl Sync for Limits {}

static LIMITS: Limits = Limits {
    packet: std::cell::UnsafeCell::new(1 << 30),
    buffer: std::cell::UnsafeCell::new(8192),
    pointers: std::cell::UnsafeCell::new(MysqlParameters {
        max_allowed_packet: ptr::null_mut(),
        net_buffer_length: ptr::null_mut(),
        extension: ptr::null_mut(),
    }),
};

/// The number of a version text: 10.11.19 is 101119.
pub(crate) fn version_number(version: &[u8]) -> c_ulong {
    let text = String::from_utf8_lossy(version);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<c_ulong>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0).min(9999);
    next() * 10_000 + next() * 100 + next()
}

exports! {
    /// The number of the last error; 0 for none.
    fn mysql_errno(mysql: *mut Mysql) -> c_uint = 2000; { mysql.as_ref().map_or(0, |mysql| mysql.net.last_errno) }

    /// The text of the last error.
    fn mysql_error(mysql: *mut Mysql) -> *const c_char = c"".as_ptr(); {
        mysql.as_ref().map_or(c"".as_ptr(), |mysql| mysql.net.last_error.as_ptr())
    }

    /// The SQLSTATE of the last error.
    fn mysql_sqlstate(mysql: *mut Mysql) -> *const c_char = c"HY000".as_ptr(); {
        mysql.as_ref().map_or(c"00000".as_ptr(), |mysql| mysql.net.sqlstate.as_ptr())
    }

    /// The number of rows that the last statement changed or returned.
    fn mysql_affected_rows(mysql: *mut Mysql) -> u64 = u64::MAX; { mysql.as_ref().map_or(u64::MAX, |mysql| mysql.affected_rows) }

    /// The AUTO_INCREMENT value of the last statement.
    fn mysql_insert_id(mysql: *mut Mysql) -> u64 = 0; { mysql.as_ref().map_or(0, |mysql| mysql.insert_id) }

    /// The number of columns of the last statement's result.
    fn mysql_field_count(mysql: *mut Mysql) -> c_uint = 0; { mysql.as_ref().map_or(0, |mysql| mysql.field_count) }

    /// The number of the last statement's warnings.
    fn mysql_warning_count(mysql: *mut Mysql) -> c_uint = 0; { mysql.as_ref().map_or(0, |mysql| mysql.warning_count) }

    /// The server's remark on the last statement, or NULL.
    fn mysql_info(mysql: *mut Mysql) -> *const c_char = ptr::null(); {
        mysql.as_ref().map_or(ptr::null(), |mysql| mysql.info.cast_const())
    }

    /// The server's number of the connection.
    fn mysql_thread_id(mysql: *mut Mysql) -> c_ulong = 0; { mysql.as_ref().map_or(0, |mysql| mysql.thread_id) }

    /// The server's version as text.
    fn mysql_get_server_info(mysql: *mut Mysql) -> *mut c_char = ptr::null_mut(); {
        mysql.as_ref().map_or(ptr::null_mut(), |mysql| mysql.server_version)
    }

    /// The server's version as a number.
    fn mysql_get_server_version(mysql: *mut Mysql) -> c_ulong = 0; {
        mysql.as_ref().map_or(0, |mysql| version_number(text(mysql.server_version).unwrap_or_default().to_bytes()))
    }

    /// The kind of server.
    fn mysql_get_server_name(mysql: *mut Mysql) -> *const c_char = c"".as_ptr(); {
        if super::connection::mariadb_connection(mysql) != 0 { c"MariaDB".as_ptr() } else { c"MySQL".as_ptr() }
    }

    /// The host, and how it is reached.
    fn mysql_get_host_info(mysql: *mut Mysql) -> *mut c_char = ptr::null_mut(); {
        mysql.as_ref().map_or(ptr::null_mut(), |mysql| mysql.host_info)
    }

    /// The version of the protocol.
    fn mysql_get_proto_info(mysql: *mut Mysql) -> c_uint = 0; { mysql.as_ref().map_or(0, |mysql| mysql.protocol_version) }

    /// The socket's descriptor; -1 without a connection.
    fn mysql_get_socket(mysql: *mut Mysql) -> c_int = -1; {
        // Also while a call runs: another thread may ask, or one of the program's own functions.
        state_of(mysql).map_or(-1, |_| (*mysql).net.fd)
    }

    /// The cipher in use by OpenSSL's name; NULL without TLS.
    fn mysql_get_ssl_cipher(mysql: *mut Mysql) -> *const c_char = ptr::null(); {
        with(mysql, ptr::null(), |handle| {
            if handle.state.link.is_some() && !handle.state.texts.cipher.is_empty() {
                handle.state.texts.cipher.as_ptr()
            } else {
                ptr::null()
            }
        })
    }

    /// The server's line of statistics.
    fn mysql_stat(mysql: *mut Mysql) -> *mut c_char = ptr::null_mut(); {
        call::run(mysql, ptr::null_mut(), async move |handle: &mut Handle<'static>| match handle.statistics().await {
            Ok(()) => pointer(&handle.state.texts.statistics),
            Err(error) => {
                handle.set_error(&error);
                handle.mysql.net.last_error.as_mut_ptr()
            }
        })
    }

    /// This library's version as text.
    fn mysql_get_client_info() -> *const c_char = CLIENT_INFO.as_ptr(); { CLIENT_INFO.as_ptr() }

    /// This library's version as a number.
    fn mysql_get_client_version() -> c_ulong = CLIENT_VERSION; { CLIENT_VERSION }

    /// The process-wide limits.
    fn mysql_get_parameters() -> *mut MysqlParameters = ptr::null_mut(); {
        let parameters = LIMITS.pointers.get();
        (*parameters).max_allowed_packet = LIMITS.packet.get();
        (*parameters).net_buffer_length = LIMITS.buffer.get();
        parameters
    }

    /// The seconds after which a suspended call is to be told of a timeout; 0 for no limit.
    fn mysql_get_timeout_value(mysql: *const Mysql) -> c_uint = 0; { timeout(mysql).div_ceil(1000) }

    /// The same in milliseconds.
    fn mysql_get_timeout_value_ms(mysql: *const Mysql) -> c_uint = 0; { timeout(mysql) }

    /// The first change of the session's state that the last statement made: 0, or 1 where there is none of this kind.
    fn mysql_session_track_get_first(
        mysql: *mut Mysql,
        kind: c_int,
        data: *mut *const c_char,
        length: *mut usize,
    ) -> c_int = 1; {
        with(mysql, 1, |handle| {
            handle.state.next_change = 0;
            next_change(handle, kind, data, length)
        })
    }

    /// The next such change.
    fn mysql_session_track_get_next(
        mysql: *mut Mysql,
        kind: c_int,
        data: *mut *const c_char,
        length: *mut usize,
    ) -> c_int = 1; {
        with(mysql, 1, |handle| next_change(handle, kind, data, length))
    }

    /// A trace of the original's debug build; nothing here.
    fn mysql_debug(_options: *const c_char) = (); {}
}

fn next_change(handle: &mut Handle<'_>, kind: c_int, data: *mut *const c_char, length: *mut usize) -> c_int {
    let state = &mut *handle.state;
    let rest = state.changes.iter().enumerate().skip(state.next_change);
    let Some((at, change)) = rest.into_iter().find(|(_, change)| change.kind == kind) else { return 1 };
    state.next_change = at + 1;
    // SAFETY: the two functions above hand on the program's pointers, which are NULL or valid.
    unsafe {
        crate::handle::give(data, change.data.as_ptr().cast());
        crate::handle::give(length, change.data.len());
    }
    0
}

/// The milliseconds for which a suspended call waits at most; 0 for no limit.
///
/// # Safety
/// As [`with`].
pub(crate) unsafe fn timeout(mysql: *const Mysql) -> c_uint {
    // SAFETY: the caller promises it.
    unsafe {
        with(mysql.cast_mut(), 0, |handle| {
            handle.state.suspended.as_ref().map_or(0, |_| handle.state.wanted.milliseconds())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::version_number;

    #[test]
    fn versions_are_numbers() {
        assert_eq!(version_number(b"10.11.19-MariaDB-0+deb12u1"), 101_119);
        assert_eq!(version_number(b"8.4.0-Sealwire"), 80_400);
        assert_eq!(version_number(b""), 0);
    }
}
