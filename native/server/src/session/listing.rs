//! SHOW statements that list objects, with MySQL's columns: the status of tables, and kinds of objects that this server lacks.
//! Source: MySQL Reference Manual, "SHOW Statements".

use sealwire_accounts::Privilege;
use sealwire_core::error::SqlError;

use super::answer::{Answer, Table};
use super::show::{columns, filtered, pattern_condition};
use super::{Session, statement};
use crate::engine::unknown_database;
use crate::sql::{Cursor, text_literal};

type Columns = &'static [(&'static str, &'static str)];

/// Kinds of objects that this server lacks, and whether they belong to a database, which must be named or current.
const EMPTY: &[(&[&str], Columns, bool)] = &[
    (&["FUNCTION", "STATUS"], ROUTINES, false),
    (&["PROCEDURE", "STATUS"], ROUTINES, false),
    (&["PACKAGE", "STATUS"], ROUTINES, false),
    (&["PACKAGE", "BODY", "STATUS"], ROUTINES, false),
    (&["OPEN", "TABLES"], OPEN_TABLES, false),
    (&["TRIGGERS"], TRIGGERS, true),
    (&["EVENTS"], EVENTS, true),
];

const ROUTINES: Columns = &[
    ("Db", "VARCHAR(64)"),
    ("Name", "VARCHAR(64)"),
    ("Type", "VARCHAR(9)"),
    ("Definer", "VARCHAR(288)"),
    ("Modified", "TIMESTAMP"),
    ("Created", "TIMESTAMP"),
    ("Security_type", "VARCHAR(7)"),
    ("Comment", "TEXT"),
    ("character_set_client", "VARCHAR(64)"),
    ("collation_connection", "VARCHAR(64)"),
    ("Database Collation", "VARCHAR(64)"),
];

const OPEN_TABLES: Columns =
    &[("Database", "VARCHAR(64)"), ("Table", "VARCHAR(64)"), ("In_use", "BIGINT"), ("Name_locked", "BIGINT")];

const TRIGGERS: Columns = &[
    ("Trigger", "VARCHAR(64)"),
    ("Event", "VARCHAR(6)"),
    ("Table", "VARCHAR(64)"),
    ("Statement", "LONGTEXT"),
    ("Timing", "VARCHAR(6)"),
    ("Created", "TIMESTAMP"),
    ("sql_mode", "VARCHAR(512)"),
    ("Definer", "VARCHAR(288)"),
    ("character_set_client", "VARCHAR(64)"),
    ("collation_connection", "VARCHAR(64)"),
    ("Database Collation", "VARCHAR(64)"),
];

const EVENTS: Columns = &[
    ("Db", "VARCHAR(64)"),
    ("Name", "VARCHAR(64)"),
    ("Definer", "VARCHAR(288)"),
    ("Time zone", "VARCHAR(64)"),
    ("Type", "VARCHAR(9)"),
    ("Execute at", "DATETIME"),
    ("Interval value", "VARCHAR(256)"),
    ("Interval field", "VARCHAR(18)"),
    ("Starts", "DATETIME"),
    ("Ends", "DATETIME"),
    ("Status", "VARCHAR(21)"),
    ("Originator", "INT UNSIGNED"),
    ("character_set_client", "VARCHAR(64)"),
    ("collation_connection", "VARCHAR(64)"),
    ("Database Collation", "VARCHAR(64)"),
];

/// The columns of SHOW TABLE STATUS, each with its column of information_schema.TABLES.
const TABLE_STATUS: [(&str, &str); 18] = [
    ("Name", "TABLE_NAME"),
    ("Engine", "ENGINE"),
    ("Version", "VERSION"),
    ("Row_format", "ROW_FORMAT"),
    ("Rows", "TABLE_ROWS"),
    ("Avg_row_length", "AVG_ROW_LENGTH"),
    ("Data_length", "DATA_LENGTH"),
    ("Max_data_length", "MAX_DATA_LENGTH"),
    ("Index_length", "INDEX_LENGTH"),
    ("Data_free", "DATA_FREE"),
    ("Auto_increment", "AUTO_INCREMENT"),
    ("Create_time", "CREATE_TIME"),
    ("Update_time", "UPDATE_TIME"),
    ("Check_time", "CHECK_TIME"),
    ("Collation", "TABLE_COLLATION"),
    ("Checksum", "CHECKSUM"),
    ("Create_options", "CREATE_OPTIONS"),
    ("Comment", "TABLE_COMMENT"),
];

impl Session {
    /// Executes one of these SHOW statements; `None` for another one. The word SHOW is already taken.
    pub(super) fn show_listing(&self, words: &mut Cursor<'_>) -> Result<Option<Answer>, SqlError> {
        if words.accept_all(&["TABLE", "STATUS"]) {
            return self.show_table_status(words).map(Some);
        }
        for (what, titles, of_a_database) in EMPTY {
            if !words.accept_all(what) {
                continue;
            }
            if *of_a_database {
                let database = self.listed_database(words)?;
                if what.contains(&"EVENTS") {
                    self.view.demand_on_database(Privilege::EVENT, &database)?;
                }
            } else if what.contains(&"OPEN") && (words.accept("FROM") || words.accept("IN")) {
                words.name()?;
            }
            return filtered(Table { columns: columns(titles), rows: Vec::new() }, words).map(Some);
        }
        Ok(None)
    }

    /// The named or current database, in which the session must be allowed to see objects.
    pub(super) fn listed_database(&self, words: &mut Cursor<'_>) -> Result<String, SqlError> {
        let database = self.database_named(words)?;
        self.demand_sight_of_database(&database)?;
        if self.view.server.engine.has_database(&database) { Ok(database) } else { Err(unknown_database(&database)) }
    }

    fn show_table_status(&self, words: &mut Cursor<'_>) -> Result<Answer, SqlError> {
        let database = self.listed_database(words)?;
        let (_, condition) = pattern_condition("TABLE_NAME", words)?;
        let columns: Vec<String> =
            TABLE_STATUS.iter().map(|(title, column)| format!("{column} AS `{title}`")).collect();
        Ok(statement::engine(format!(
            "SELECT {} FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}{condition} ORDER BY TABLE_NAME",
            columns.join(", "),
            text_literal(&database)
        )))
    }
}
