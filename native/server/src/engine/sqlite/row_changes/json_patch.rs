//! `json_patched(document, value)`: the value, or, where that is bytes, the document with the changes in them.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Error, Result};
use sealwire_binlog::json::{self, PatchError};
use sealwire_core::error::SqlError;

/// The function's name, which no statement of a user's may call.
pub(super) const FUNCTION: &str = "json_patched";

/// The text of a document with the changes of a source's log.
///
/// # Errors
/// 1105 where the document is another one than the source's, 1594 where the changes are malformed.
pub(super) fn patched(document: &str, changes: &[u8]) -> std::result::Result<String, SqlError> {
    json::patched(document, changes).map_err(|error| match error {
        PatchError::Changes(problem) => {
            let message = format!("Relay log read failure: the changes to a JSON document are malformed: {problem}");
            SqlError::new(1594, b"HY000", message)
        }
        other => {
            let message = format!(
                "Can't change a JSON document as at the source: {other}; copy the row, and set binlog_row_value_options='' at the source, so that its log has whole documents"
            );
            SqlError::new(1105, b"HY000", message)
        }
    })
}

/// Registers the function on a connection that changes rows.
pub(in super::super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(FUNCTION, 2, flags, |context| {
        let ValueRef::Blob(changes) = context.get_raw(1) else { return context.get::<Value>(1) };
        let document = context.get_raw(0).as_str().unwrap_or_default();
        let made = patched(document, changes).map_err(|error| Error::UserFunctionError(Box::new(error)))?;
        Ok(Value::Text(made))
    })
}
