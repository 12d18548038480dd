//! The errors of a channel, in MySQL's words.

use sealwire_binlog::{Event, EventType};
use sealwire_core::error::SqlError;

use super::outcome::SourcePlace;

/// The longest part of a statement that an error shows, in characters.
const MOST_SHOWN: usize = 1024;

/// The error of a row event on a table.
pub(super) fn of_rows(
    error: SqlError,
    event: &Event<'_>,
    (database, table): (&str, &str),
    place: SourcePlace<'_>,
) -> SqlError {
    let handler = match error.code {
        1146 => {
            let message = format!("Error executing row event: '{}'", error.message);
            return SqlError { message, ..error };
        }
        1535 | 1594 | 1677 => return error,
        1032 => "HA_ERR_KEY_NOT_FOUND",
        1062 => "HA_ERR_FOUND_DUPP_KEY",
        1205 => "HA_ERR_LOCK_WAIT_TIMEOUT",
        1213 => "HA_ERR_LOCK_DEADLOCK",
        1451 => "HA_ERR_ROW_IS_REFERENCED",
        1452 => "HA_ERR_NO_REFERENCED_ROW",
        1114 => "HA_ERR_RECORD_FILE_FULL",
        _ => "HA_ERR_GENERIC",
    };
    let message = format!(
        "Could not execute {} event on table {database}.{table}; {}, Error_code: {}; handler error {handler}; the event's master log {}, end_log_pos {}",
        name(event.header.event_type),
        error.message,
        error.code,
        String::from_utf8_lossy(place.file),
        place.end_position
    );
    SqlError { message, ..error }
}

/// The name of a row event in errors.
const fn name(event_type: EventType) -> &'static str {
    match event_type {
        EventType::WRITE_ROWS_V1 | EventType::WRITE_ROWS_COMPRESSED_V1 => "Write_rows_v1",
        EventType::UPDATE_ROWS_V1 | EventType::UPDATE_ROWS_COMPRESSED_V1 => "Update_rows_v1",
        EventType::DELETE_ROWS_V1 | EventType::DELETE_ROWS_COMPRESSED_V1 => "Delete_rows_v1",
        EventType::WRITE_ROWS | EventType::WRITE_ROWS_COMPRESSED => "Write_rows",
        EventType::DELETE_ROWS | EventType::DELETE_ROWS_COMPRESSED => "Delete_rows",
        EventType::PARTIAL_UPDATE_ROWS => "Update_rows_partial",
        _ => "Update_rows",
    }
}

/// The error of a statement.
pub(super) fn of_statement(error: SqlError, database: Option<&str>, sql: &[u8]) -> SqlError {
    let message = format!(
        "Error '{}' on query. Default database: '{}'. Query: '{}'",
        error.message,
        database.unwrap_or_default(),
        shown(sql)
    );
    SqlError { message, ..error }
}

/// The error of a statement that ended otherwise at the source.
pub(super) fn otherwise(expected: u16, database: Option<&str>, sql: &[u8]) -> SqlError {
    let message = format!(
        "Query caused different errors on master and slave. Error on master: error code={expected}; Error on slave: none. Default database: '{}'. Query: '{}'",
        database.unwrap_or_default(),
        shown(sql)
    );
    SqlError::new(3002, b"HY000", message)
}

fn shown(sql: &[u8]) -> String {
    let text = String::from_utf8_lossy(sql);
    let short: String = text.chars().take(MOST_SHOWN).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

/// Whether an error says that a server never takes the statement, and not that it stops, waits, or is short of something.
pub(super) const fn is_refusal(error: &SqlError) -> bool {
    !matches!(
        error.code,
        1021 | 1026
            | 1037
            | 1040
            | 1038
            | 1041
            | 1053
            | 1105
            | 1114
            | 1135
            | 1153
            | 1203
            | 1205
            | 1213
            | 1290
            | 1317
            | 1412
            | 1836
            | 3024
            | 3169
    )
}

/// The error of an event that can't be read.
pub(super) fn unreadable(error: &sealwire_binlog::Error) -> SqlError {
    SqlError::new(1594, b"HY000", format!("Relay log read failure: Could not parse relay log event entry: {error}"))
}

/// The error of an event that this server can't apply, and what the user may do.
pub(super) fn unsupported(what: &str, way_out: &str) -> SqlError {
    SqlError::new(
        1235,
        b"42000",
        format!("This version of Sealwire doesn't yet support '{what}' in a source's log: {way_out}"),
    )
}
