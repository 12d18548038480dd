//! The client's own errors, with MariaDB's numbers.

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
