//! The types of events.
//!
//! Source: MySQL's libs/mysql/binlog/event/binlog_event.h, `Log_event_type`; MariaDB's sql/log_event.h.

use core::fmt;

/// The type of an event, as its number in the log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(pub u8);

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $log:literal;)*) => {
        impl EventType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name in the documentation, without `_EVENT`; `UNKNOWN` for a number without name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }

            /// The name in the column Event_type of SHOW BINLOG EVENTS.
            pub const fn log_name(self) -> &'static str {
                match self {
                    $(Self::$name => $log,)*
                    _ => "Unknown",
                }
            }
        }
    };
}

types! {
    /// The first event of logs of format 1 and 3, before MySQL 5.0.
    START_V3 = 1, "Start_v3";
    /// A statement.
    QUERY = 2, "Query";
    /// The server stopped.
    STOP = 3, "Stop";
    /// The log continues in another file.
    ROTATE = 4, "Rotate";
    /// A number for the next statement: INSERT_ID or LAST_INSERT_ID.
    INTVAR = 5, "Intvar";
    /// LOAD DATA INFILE of MySQL 3.23.
    LOAD = 6, "Load";
    /// Never written.
    SLAVE = 7, "Slave";
    /// The first piece of LOAD DATA's file, in MySQL 4.0 and 4.1.
    CREATE_FILE = 8, "Create_file";
    /// A piece of LOAD DATA's file.
    APPEND_BLOCK = 9, "Append_block";
    /// LOAD DATA itself, in MySQL 4.0 and 4.1.
    EXEC_LOAD = 10, "Exec_load";
    /// LOAD DATA failed, and its file is not needed.
    DELETE_FILE = 11, "Delete_file";
    /// LOAD DATA INFILE of MySQL 4.0 and 4.1.
    NEW_LOAD = 12, "New_load";
    /// The seeds of RAND() for the next statement.
    RAND = 13, "RAND";
    /// A user variable for the next statement.
    USER_VAR = 14, "User var";
    /// The description of the log's format.
    FORMAT_DESCRIPTION = 15, "Format_desc";
    /// The commit of a transaction.
    XID = 16, "Xid";
    /// The first piece of LOAD DATA's file.
    BEGIN_LOAD_QUERY = 17, "Begin_load_query";
    /// LOAD DATA itself.
    EXECUTE_LOAD_QUERY = 18, "Execute_load_query";
    /// The table that row events speak of.
    TABLE_MAP = 19, "Table_map";
    /// Inserted rows, as MySQL 5.1.4 to 5.1.17 wrote them.
    PRE_GA_WRITE_ROWS = 20, "Write_rows_event_old";
    /// Updated rows, as MySQL 5.1.4 to 5.1.17 wrote them.
    PRE_GA_UPDATE_ROWS = 21, "Update_rows_event_old";
    /// Deleted rows, as MySQL 5.1.4 to 5.1.17 wrote them.
    PRE_GA_DELETE_ROWS = 22, "Delete_rows_event_old";
    /// Inserted rows, version 1.
    WRITE_ROWS_V1 = 23, "Write_rows_v1";
    /// Updated rows, version 1.
    UPDATE_ROWS_V1 = 24, "Update_rows_v1";
    /// Deleted rows, version 1.
    DELETE_ROWS_V1 = 25, "Delete_rows_v1";
    /// The log has a gap.
    INCIDENT = 26, "Incident";
    /// The primary lives, and this is its position.
    HEARTBEAT = 27, "Heartbeat";
    /// An event that a reader may skip.
    IGNORABLE = 28, "Ignorable";
    /// The statement whose rows follow (MySQL).
    ROWS_QUERY = 29, "Rows_query";
    /// Inserted rows, version 2.
    WRITE_ROWS = 30, "Write_rows";
    /// Updated rows, version 2.
    UPDATE_ROWS = 31, "Update_rows";
    /// Deleted rows, version 2.
    DELETE_ROWS = 32, "Delete_rows";
    /// The GTID of the transaction that follows (MySQL).
    GTID = 33, "Gtid";
    /// A transaction without GTID follows (MySQL).
    ANONYMOUS_GTID = 34, "Anonymous_Gtid";
    /// The GTIDs of all earlier logs (MySQL).
    PREVIOUS_GTIDS = 35, "Previous_gtids";
    /// Group replication: what a transaction read and wrote.
    TRANSACTION_CONTEXT = 36, "Transaction_context";
    /// Group replication: who is in the group.
    VIEW_CHANGE = 37, "View_change";
    /// The end of the first phase of an XA transaction.
    XA_PREPARE = 38, "XA_prepare";
    /// Updated rows with changes to parts of JSON documents.
    PARTIAL_UPDATE_ROWS = 39, "Update_rows_partial";
    /// A transaction's events, compressed (MySQL).
    TRANSACTION_PAYLOAD = 40, "Transaction_payload";
    /// A heartbeat whose position has 64 bits.
    HEARTBEAT_V2 = 41, "Heartbeat";
    /// A GTID with a tag (MySQL).
    GTID_TAGGED = 42, "Gtid_tagged_log_event";
    /// The statement whose rows follow (MariaDB).
    ANNOTATE_ROWS = 160, "Annotate_rows";
    /// The oldest log that recovery needs (MariaDB).
    BINLOG_CHECKPOINT = 161, "Binlog_checkpoint";
    /// The GTID of the transaction that follows (MariaDB).
    MARIADB_GTID = 162, "Gtid";
    /// The last GTIDs of each domain and server (MariaDB).
    GTID_LIST = 163, "Gtid_list";
    /// The rest of the file is encrypted (MariaDB).
    START_ENCRYPTION = 164, "Start_encryption";
    /// A statement, compressed (MariaDB).
    QUERY_COMPRESSED = 165, "Query_compressed";
    /// Inserted rows, version 1, compressed (MariaDB).
    WRITE_ROWS_COMPRESSED_V1 = 166, "Write_rows_compressed_v1";
    /// Updated rows, version 1, compressed (MariaDB).
    UPDATE_ROWS_COMPRESSED_V1 = 167, "Update_rows_compressed_v1";
    /// Deleted rows, version 1, compressed (MariaDB).
    DELETE_ROWS_COMPRESSED_V1 = 168, "Delete_rows_compressed_v1";
    /// Inserted rows, version 2, compressed (MariaDB).
    WRITE_ROWS_COMPRESSED = 169, "Write_rows_compressed";
    /// Updated rows, version 2, compressed (MariaDB).
    UPDATE_ROWS_COMPRESSED = 170, "Update_rows_compressed";
    /// Deleted rows, version 2, compressed (MariaDB).
    DELETE_ROWS_COMPRESSED = 171, "Delete_rows_compressed";
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "UNKNOWN" => write!(f, "EventType({})", self.0),
            name => f.write_str(name),
        }
    }
}
