//! MySQL's errors for statements that can't be translated.

use sealwire_core::error::SqlError;

/// The error for a construct that this server does not support.
pub(in crate::engine) fn unsupported(what: &str) -> SqlError {
    SqlError::not_supported_yet(format!("This version of Sealwire doesn't yet support '{what}'"))
}

/// The most keys of one table, as in MySQL. Queries about tables read all keys.
pub(in crate::engine) const MOST_KEYS: usize = 64;

/// The error for a table with too many keys.
pub(in crate::engine) fn too_many_keys() -> SqlError {
    SqlError::new(1069, b"42000", format!("Too many keys specified; max {MOST_KEYS} keys allowed"))
}

/// The error for a table that does not exist.
pub(in crate::engine) fn no_such_table(database: &str, table: &str) -> SqlError {
    SqlError::new(1146, b"42S02", format!("Table '{database}.{table}' doesn't exist"))
}
