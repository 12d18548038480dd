//! The client's own errors, with MariaDB's numbers.

use std::ffi::{CStr, c_char, c_uint};
use std::ptr;

use sealwire_core::error::{Error, SqlError};

/// An error of this library: a number with the SQLSTATE that all of them have.
pub(crate) fn hy000(number: u16, text: impl Into<String>) -> SqlError {
    SqlError::new(number, b"HY000", text)
}

/// The call came at the wrong time (2014).
pub(crate) fn out_of_sync() -> SqlError {
    hy000(2014, "Commands out of sync; you can't run this command now")
}

/// There is no connection (2006).
pub(crate) fn gone() -> SqlError {
    hy000(2006, "MySQL server has gone away")
}

/// The connection broke (2013).
pub(crate) fn lost(reason: &str) -> SqlError {
    hy000(2013, format!("Lost connection to MySQL server during query ({reason})"))
}

/// The library lacks the function (2054).
pub(crate) fn not_built(what: &str) -> SqlError {
    hy000(2054, format!("{what} is not implemented in Sealwire's C API"))
}

/// The system has no memory for a result (2008).
pub(crate) fn no_memory() -> SqlError {
    hy000(2008, "MySQL client ran out of memory")
}

/// An event that no command of this library can have. A bug of ours is reported without a panic.
pub(crate) fn unexpected() -> SqlError {
    Error::Misuse("an event that does not answer the command").as_client_error()
}

/// Our texts of the client's errors, from 2000 on.
const TEXTS: [&CStr; 62] = [
    c"Unknown MySQL error",
    c"Can't create UNIX socket",
    c"Can't connect to local MySQL server through socket",
    c"Can't connect to MySQL server",
    c"Can't create TCP/IP socket",
    c"Unknown MySQL server host",
    c"MySQL server has gone away",
    c"Protocol mismatch",
    c"MySQL client ran out of memory",
    c"Wrong host info",
    c"Localhost via UNIX socket",
    c"TCP/IP",
    c"Error in server handshake",
    c"Lost connection to MySQL server during query",
    c"Commands out of sync; you can't run this command now",
    c"Named pipe",
    c"Can't wait for named pipe",
    c"Can't open named pipe",
    c"Can't set state of named pipe",
    c"Can't initialize character set",
    c"Got packet bigger than 'max_allowed_packet' bytes",
    c"Embedded server",
    c"Error on SHOW REPLICA STATUS",
    c"Error on SHOW REPLICAS",
    c"Error connecting to replica",
    c"Error connecting to source",
    c"SSL connection error",
    c"Malformed packet",
    c"This client library is licensed only for use with MySQL servers",
    c"Invalid use of null pointer",
    c"Statement not prepared",
    c"No data supplied for parameters in prepared statement",
    c"Data truncated",
    c"No parameters exist in the statement",
    c"Invalid parameter number",
    c"Can't send long data for non-string or non-binary data types",
    c"Using unsupported buffer type",
    c"Shared memory",
    c"Can't open shared memory",
    c"Can't open shared memory: no answer event",
    c"Can't open shared memory: server could not allocate a file mapping",
    c"Can't open shared memory: server could not get a pointer to the file mapping",
    c"Can't open shared memory: client could not allocate a file mapping",
    c"Can't open shared memory: client could not get a pointer to the file mapping",
    c"Can't open shared memory: client could not create an event",
    c"Can't open shared memory: no answer from server",
    c"Can't open shared memory: cannot send request event to server",
    c"Wrong or unknown protocol",
    c"Invalid connection handle",
    c"Connection using old (pre-4.1.1) authentication protocol refused",
    c"Row retrieval was canceled by mysql_stmt_close() call",
    c"Attempt to read column without prior row fetch",
    c"Prepared statement contains no metadata",
    c"Attempt to read a row while there is no result set associated with the statement",
    c"This feature is not implemented yet",
    c"Lost connection to MySQL server",
    c"Statement closed indirectly",
    c"The number of columns in the result set differs from the number of bound buffers",
    c"This handle is already connected. Use a separate handle for each connection.",
    c"Authentication plugin cannot be loaded",
    c"There is an attribute with the same name already",
    c"Authentication plugin reported error",
];

/// Our text of an error of the client.
pub(crate) fn text_of(number: c_uint) -> &'static CStr {
    let at = number.checked_sub(2000).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| TEXTS.get(at)).copied().unwrap_or(c"Unknown or undefined error code")
}

/// The list for C, which NULL ends.
pub(crate) const fn texts() -> [*const c_char; 63] {
    let mut all = [ptr::null(); 63];
    let mut at = 0;
    #[allow(clippy::indexing_slicing, reason = "the compiler evaluates this, and both lengths are constants")]
    while at < TEXTS.len() {
        all[at] = TEXTS[at].as_ptr();
        at += 1;
    }
    all
}
