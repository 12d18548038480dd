//! Turns SQLite's errors into MySQL's.

use rusqlite::ffi;
use sealwire_core::error::SqlError;

use super::key_weight::MARK;
use crate::engine::{interrupted, lock_wait_timeout};
use crate::sql::syntax_error_near;

/// The error where another session has changed the tables or views of a statement.
pub(super) fn tables_changed() -> SqlError {
    SqlError::new(1412, b"HY000", "Table definition has changed, please retry transaction")
}

/// MySQL's error for a statement that failed in SQLite.
pub(super) fn to_mysql(error: &rusqlite::Error, sql: &str) -> SqlError {
    let (code, text) = match error {
        rusqlite::Error::SqliteFailure(failure, text) => {
            (failure.extended_code, text.clone().unwrap_or_else(|| failure.to_string()))
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => (error.extended_code, msg.clone()),
        rusqlite::Error::InvalidParameterCount(_, _) => {
            return SqlError::wrong_arguments("Incorrect arguments to EXECUTE");
        }
        other => return SqlError::new(1105, b"HY000", other.to_string()),
    };
    by_code(code, &text).or_else(|| by_text(&text, sql)).unwrap_or_else(|| SqlError::new(1105, b"HY000", text))
}

/// Whether a row breaks a constraint. IGNORE turns such an error into a warning.
pub(super) const fn is_constraint_violation(error: &SqlError) -> bool {
    matches!(error.code, 1048 | 1062 | 1452 | 3819)
}

/// Whether a row breaks a foreign key.
pub(super) const fn is_foreign_key_violation(error: &SqlError) -> bool {
    matches!(error.code, 1451 | 1452)
}

fn by_code(code: i32, text: &str) -> Option<SqlError> {
    let after = |front: &str| text.strip_prefix(front).unwrap_or(text).to_owned();
    Some(match code {
        ffi::SQLITE_INTERRUPT => interrupted(),
        ffi::SQLITE_BUSY_SNAPSHOT => {
            SqlError::new(1213, b"40001", "Deadlock found when trying to get lock; try restarting transaction")
        }
        code if matches!(code & 0xff, ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => lock_wait_timeout(),
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let key = after("UNIQUE constraint failed: ");
            let key = key_of_weights(&key).unwrap_or(&key);
            SqlError::new(1062, b"23000", format!("Duplicate entry for key '{key}'"))
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            let column = after("NOT NULL constraint failed: ");
            let column = column.rsplit('.').next().unwrap_or(&column);
            SqlError::new(1048, b"23000", format!("Column '{column}' cannot be null"))
        }
        // RESTRICT is a trigger of SQLite's.
        ffi::SQLITE_CONSTRAINT_TRIGGER if text == "FOREIGN KEY constraint failed" => {
            SqlError::new(1451, b"23000", "Cannot delete or update a parent row: a foreign key constraint fails")
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            SqlError::new(1452, b"23000", "Cannot add or update a child row: a foreign key constraint fails")
        }
        ffi::SQLITE_CONSTRAINT_CHECK => SqlError::new(
            3819,
            b"HY000",
            format!("Check constraint '{}' is violated.", after("CHECK constraint failed: ")),
        ),
        ffi::SQLITE_TOOBIG => SqlError::packet_too_large("Got a packet bigger than 'max_allowed_packet' bytes"),
        ffi::SQLITE_FULL => {
            SqlError::new(1021, b"HY000", "Disk full: free disk space in the data directory, and try again")
        }
        ffi::SQLITE_NOMEM => SqlError::new(1037, b"HY001", "Out of memory; restart server and try again"),
        ffi::SQLITE_READONLY => SqlError::new(1290, b"HY000", "The database can only be read"),
        _ => return None,
    })
}

/// The table and the key whose index of weights SQLite names.
fn key_of_weights(text: &str) -> Option<&str> {
    let name = text.strip_prefix("index '")?.strip_prefix(MARK)?.strip_suffix('\'')?;
    // The name of a temporary table holds its database's.
    name.rsplit('\u{1}').next()
}

/// The error for a row with more or fewer values than there are columns.
pub(super) fn wrong_count() -> SqlError {
    SqlError::new(1136, b"21S01", "Column count doesn't match value count at row 1")
}

fn by_text(text: &str, sql: &str) -> Option<SqlError> {
    if let Some(table) = text.strip_prefix("no such table: ").or_else(|| text.strip_prefix("no such view: ")) {
        return Some(SqlError::new(1146, b"42S02", format!("Table '{table}' doesn't exist")));
    }
    if let Some(column) = text.strip_prefix("no such column: ") {
        return Some(SqlError::new(1054, b"42S22", format!("Unknown column '{column}' in 'field list'")));
    }
    if let Some((_, column)) = text.split_once(" has no column named ") {
        return Some(SqlError::new(1054, b"42S22", format!("Unknown column '{column}' in 'field list'")));
    }
    if let Some(column) = text.strip_prefix("ambiguous column name: ") {
        return Some(SqlError::new(1052, b"23000", format!("Column '{column}' in field list is ambiguous")));
    }
    if let Some(column) = text.strip_prefix("duplicate column name: ") {
        return Some(SqlError::new(1060, b"42S21", format!("Duplicate column name '{column}'")));
    }
    if text.contains("after rename: duplicate column name: ") {
        let column = text.rsplit(": ").next().unwrap_or_default();
        return Some(SqlError::new(1060, b"42S21", format!("Duplicate column name '{column}'")));
    }
    if let Some(table) = text.strip_prefix("there is already another table or index with this name: ") {
        return Some(SqlError::new(1050, b"42S01", format!("Table '{table}' already exists")));
    }
    if text.starts_with("cannot drop PRIMARY KEY column") || text.starts_with("cannot drop UNIQUE column") {
        return Some(SqlError::not_supported_yet(format!("This version of Sealwire doesn't yet support it: {text}")));
    }
    if text == "generated columns cannot be part of the PRIMARY KEY" {
        return Some(SqlError::new(3106, b"HY000", "'Defining a generated column as primary key' is not supported"));
    }
    if let Some(function) = text.strip_prefix("no such function: ") {
        return Some(SqlError::new(1305, b"42000", format!("FUNCTION {function} does not exist")));
    }
    if let Some(rest) = text.strip_prefix("wrong number of arguments to function ") {
        let function = rest.trim_end_matches("()");
        let message = format!("Incorrect parameter count in the call to native function '{function}'");
        return Some(SqlError::new(1582, b"42000", message));
    }
    if let Some(name) = text.strip_prefix("no such savepoint: ") {
        return Some(SqlError::new(1305, b"42000", format!("SAVEPOINT {name} does not exist")));
    }
    if let Some(name) = text.strip_prefix("no such index: ") {
        let name = name.rsplit('.').next().unwrap_or(name);
        return Some(SqlError::new(1091, b"42000", format!("Can't DROP '{name}'; check that column/key exists")));
    }
    if let Some(view) = text.strip_prefix("use DROP VIEW to delete view ") {
        return Some(SqlError::new(1051, b"42S02", format!("Unknown table '{view}'")));
    }
    if let Some(table) = text.strip_prefix("use DROP TABLE to delete table ") {
        return Some(SqlError::new(1347, b"HY000", format!("'{table}' is not VIEW")));
    }
    if text.ends_with(" already exists") {
        let name = text.split(['`', '"', ' ']).filter(|word| !word.is_empty()).nth(1).unwrap_or(text);
        // The name of a temporary table holds its database's.
        let name = name.rsplit('\u{1}').next().unwrap_or(name);
        return Some(if text.starts_with("index") {
            let name = name.rsplit('.').next().unwrap_or(name);
            SqlError::new(1061, b"42000", format!("Duplicate key name '{name}'"))
        } else {
            SqlError::new(1050, b"42S01", format!("Table '{name}' already exists"))
        });
    }
    if text.contains(" values were supplied") || text.contains(" values for ") {
        return Some(wrong_count());
    }
    if text.starts_with("at most ") && text.ends_with(" tables in a join") {
        let message = format!("Too many tables; Sealwire can only use {text}");
        return Some(SqlError::new(1116, b"HY000", message));
    }
    if text.starts_with("Expression tree is too large") || text.starts_with("too many terms in compound SELECT") {
        let message = format!("Thread stack overrun: {text}; write it as a list, or as several statements");
        return Some(SqlError::new(1436, b"HY000", message));
    }
    if text.starts_with("misuse of aggregate") {
        return Some(SqlError::new(1111, b"HY000", "Invalid use of group function"));
    }
    if text.starts_with("SELECTs to the left and right") {
        return Some(SqlError::new(1222, b"21000", "The used SELECT statements have a different number of columns"));
    }
    if text.ends_with("syntax error") || text.starts_with("incomplete input") || text.starts_with("unrecognized token")
    {
        let near = text.split('"').nth(1).unwrap_or_default();
        let rest = sql.find(near).and_then(|at| sql.get(at..)).unwrap_or(sql);
        return Some(syntax_error_near(sql, rest));
    }
    None
}
