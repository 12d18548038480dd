//! System tables for features that this server lacks; they are empty. Tools query those of `information_schema` before they read a table,
//! and dumps contain the definitions of the two log tables of `mysql`. Source: MySQL 8.0 Reference Manual, "INFORMATION_SCHEMA Tables" and
//! "The mysql System Schema".

use crate::engine::SystemTable;

type Columns = &'static [(&'static str, &'static str)];

/// A log table of `mysql`, by name, without rows; `None` for any other name.
pub(super) fn make_log(name: &str) -> Option<SystemTable> {
    let columns = match name {
        "general_log" => GENERAL_LOG,
        "slow_log" => SLOW_LOG,
        _ => return None,
    };
    Some(SystemTable { columns: columns.to_vec(), rows: Vec::new() })
}

const GENERAL_LOG: Columns = &[
    ("event_time", "TIMESTAMP(6)"),
    ("user_host", "MEDIUMTEXT"),
    ("thread_id", "BIGINT UNSIGNED"),
    ("server_id", "INT UNSIGNED"),
    ("command_type", "VARCHAR(64)"),
    ("argument", "MEDIUMBLOB"),
];

const SLOW_LOG: Columns = &[
    ("start_time", "TIMESTAMP(6)"),
    ("user_host", "MEDIUMTEXT"),
    ("query_time", "TIME(6)"),
    ("lock_time", "TIME(6)"),
    ("rows_sent", "INT"),
    ("rows_examined", "INT"),
    ("db", "VARCHAR(512)"),
    ("last_insert_id", "INT"),
    ("insert_id", "INT"),
    ("server_id", "INT UNSIGNED"),
    ("sql_text", "MEDIUMBLOB"),
    ("thread_id", "BIGINT UNSIGNED"),
];

/// A table of `information_schema` without rows, by its name in lower case; `None` for any other name.
pub(super) fn make(name: &str) -> Option<SystemTable> {
    let columns = match name {
        "events" => EVENTS,
        "parameters" => PARAMETERS,
        "routines" => ROUTINES,
        "triggers" => TRIGGERS,
        _ => return None,
    };
    Some(SystemTable { columns: columns.to_vec(), rows: Vec::new() })
}

const EVENTS: Columns = &[
    ("EVENT_CATALOG", "VARCHAR(64)"),
    ("EVENT_SCHEMA", "VARCHAR(64)"),
    ("EVENT_NAME", "VARCHAR(64)"),
    ("DEFINER", "VARCHAR(64)"),
    ("TIME_ZONE", "VARCHAR(64)"),
    ("EVENT_BODY", "VARCHAR(64)"),
    ("EVENT_DEFINITION", "LONGTEXT"),
    ("EVENT_TYPE", "VARCHAR(64)"),
    ("EXECUTE_AT", "DATETIME"),
    ("INTERVAL_VALUE", "VARCHAR(64)"),
    ("INTERVAL_FIELD", "VARCHAR(64)"),
    ("SQL_MODE", "VARCHAR(64)"),
    ("STARTS", "DATETIME"),
    ("ENDS", "DATETIME"),
    ("STATUS", "VARCHAR(64)"),
    ("ON_COMPLETION", "VARCHAR(64)"),
    ("CREATED", "TIMESTAMP"),
    ("LAST_ALTERED", "TIMESTAMP"),
    ("LAST_EXECUTED", "DATETIME"),
    ("EVENT_COMMENT", "VARCHAR(64)"),
    ("ORIGINATOR", "INT UNSIGNED"),
    ("CHARACTER_SET_CLIENT", "VARCHAR(64)"),
    ("COLLATION_CONNECTION", "VARCHAR(64)"),
    ("DATABASE_COLLATION", "VARCHAR(64)"),
];

const PARAMETERS: Columns = &[
    ("SPECIFIC_CATALOG", "VARCHAR(64)"),
    ("SPECIFIC_SCHEMA", "VARCHAR(64)"),
    ("SPECIFIC_NAME", "VARCHAR(64)"),
    ("ORDINAL_POSITION", "BIGINT UNSIGNED"),
    ("PARAMETER_MODE", "VARCHAR(64)"),
    ("PARAMETER_NAME", "VARCHAR(64)"),
    ("DATA_TYPE", "LONGTEXT"),
    ("CHARACTER_MAXIMUM_LENGTH", "BIGINT"),
    ("CHARACTER_OCTET_LENGTH", "BIGINT"),
    ("NUMERIC_PRECISION", "INT UNSIGNED"),
    ("NUMERIC_SCALE", "BIGINT"),
    ("DATETIME_PRECISION", "INT UNSIGNED"),
    ("CHARACTER_SET_NAME", "VARCHAR(64)"),
    ("COLLATION_NAME", "VARCHAR(64)"),
    ("DTD_IDENTIFIER", "MEDIUMTEXT"),
    ("ROUTINE_TYPE", "VARCHAR(64)"),
];

const ROUTINES: Columns = &[
    ("SPECIFIC_NAME", "VARCHAR(64)"),
    ("ROUTINE_CATALOG", "VARCHAR(64)"),
    ("ROUTINE_SCHEMA", "VARCHAR(64)"),
    ("ROUTINE_NAME", "VARCHAR(64)"),
    ("ROUTINE_TYPE", "VARCHAR(64)"),
    ("DATA_TYPE", "LONGTEXT"),
    ("CHARACTER_MAXIMUM_LENGTH", "BIGINT"),
    ("CHARACTER_OCTET_LENGTH", "BIGINT"),
    ("NUMERIC_PRECISION", "INT UNSIGNED"),
    ("NUMERIC_SCALE", "INT UNSIGNED"),
    ("DATETIME_PRECISION", "INT UNSIGNED"),
    ("CHARACTER_SET_NAME", "VARCHAR(64)"),
    ("COLLATION_NAME", "VARCHAR(64)"),
    ("DTD_IDENTIFIER", "LONGTEXT"),
    ("ROUTINE_BODY", "VARCHAR(64)"),
    ("ROUTINE_DEFINITION", "LONGTEXT"),
    ("EXTERNAL_NAME", "BLOB"),
    ("EXTERNAL_LANGUAGE", "VARCHAR(64)"),
    ("PARAMETER_STYLE", "VARCHAR(64)"),
    ("IS_DETERMINISTIC", "VARCHAR(64)"),
    ("SQL_DATA_ACCESS", "VARCHAR(64)"),
    ("SQL_PATH", "BLOB"),
    ("SECURITY_TYPE", "VARCHAR(64)"),
    ("CREATED", "TIMESTAMP"),
    ("LAST_ALTERED", "TIMESTAMP"),
    ("SQL_MODE", "VARCHAR(64)"),
    ("ROUTINE_COMMENT", "TEXT"),
    ("DEFINER", "VARCHAR(64)"),
    ("CHARACTER_SET_CLIENT", "VARCHAR(64)"),
    ("COLLATION_CONNECTION", "VARCHAR(64)"),
    ("DATABASE_COLLATION", "VARCHAR(64)"),
];

const TRIGGERS: Columns = &[
    ("TRIGGER_CATALOG", "VARCHAR(64)"),
    ("TRIGGER_SCHEMA", "VARCHAR(64)"),
    ("TRIGGER_NAME", "VARCHAR(64)"),
    ("EVENT_MANIPULATION", "VARCHAR(64)"),
    ("EVENT_OBJECT_CATALOG", "VARCHAR(64)"),
    ("EVENT_OBJECT_SCHEMA", "VARCHAR(64)"),
    ("EVENT_OBJECT_TABLE", "VARCHAR(64)"),
    ("ACTION_ORDER", "INT UNSIGNED"),
    ("ACTION_CONDITION", "BLOB"),
    ("ACTION_STATEMENT", "LONGTEXT"),
    ("ACTION_ORIENTATION", "VARCHAR(64)"),
    ("ACTION_TIMING", "VARCHAR(64)"),
    ("ACTION_REFERENCE_OLD_TABLE", "BLOB"),
    ("ACTION_REFERENCE_NEW_TABLE", "BLOB"),
    ("ACTION_REFERENCE_OLD_ROW", "VARCHAR(64)"),
    ("ACTION_REFERENCE_NEW_ROW", "VARCHAR(64)"),
    ("CREATED", "TIMESTAMP(2)"),
    ("SQL_MODE", "VARCHAR(64)"),
    ("DEFINER", "VARCHAR(64)"),
    ("CHARACTER_SET_CLIENT", "VARCHAR(64)"),
    ("COLLATION_CONNECTION", "VARCHAR(64)"),
    ("DATABASE_COLLATION", "VARCHAR(64)"),
];
