//! The events of a client connection.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::SqlError;
use crate::message::{ColumnDefinition, OkPacket, SessionChange, StatusFlags};

/// An event for the application.
///
/// Columns and rows are not copied into the event: [`Connection::columns`](super::Connection::columns) and
/// [`Connection::text_row`](super::Connection::text_row) lend them from the connection's buffer.
#[derive(Debug)]
pub enum Event {
    /// Authentication has succeeded. Commands may be sent.
    Connected(Summary),
    /// A command, or one of several statements, has finished without a result set.
    Ok(Summary),
    /// A result set begins; [`Connection::columns`](super::Connection::columns) has its columns.
    ResultSet,
    /// A row of COM_QUERY in [`Connection::text_row`](super::Connection::text_row), or of COM_STMT_EXECUTE or COM_STMT_FETCH in
    /// [`Connection::binary_row`](super::Connection::binary_row).
    Row(RowFormat),
    /// The result set ends. Another result follows if `status` has `MORE_RESULTS`.
    ResultEnd {
        /// The server's status.
        status: StatusFlags,
        /// The number of warnings that SHOW WARNINGS would list.
        warnings: u16,
    },
    /// The command failed. The connection stays usable.
    Failed(SqlError),
    /// The server has prepared the statement of COM_STMT_PREPARE.
    Prepared(Prepared),
    /// The answer to COM_STATISTICS.
    Text(Vec<u8>),
    /// The server requests this file. Answer with [`local_infile_data`](super::Connection::local_infile_data) and
    /// [`local_infile_end`](super::Connection::local_infile_end), or with [`local_infile_refuse`](super::Connection::local_infile_refuse).
    /// The event comes at most once per statement, and only if [`Config::local_infile`](super::Config::local_infile) allows it, the server
    /// is verified or behind a Unix socket, and the statement just sent or executed is a LOAD DATA LOCAL INFILE that names this file.
    LocalInfile {
        /// The file's name as the server gives it. A rogue server can name any file: check it against your statement.
        filename: Vec<u8>,
    },
    /// An event of the binary log, in [`Connection::row_payload`](super::Connection::row_payload). The log ends with `ResultEnd` or
    /// `Failed`, after which the server closes the connection.
    BinlogEvent {
        /// Whether the server waits for [`Connection::acknowledge_binlog`](super::Connection::acknowledge_binlog) of this event.
        wants_ack: bool,
    },
    /// The connection has ended in an orderly way.
    Closed,
}

/// The encoding of a result's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// Every value as text, as in answers to COM_QUERY.
    Text,
    /// Every value in the binary format of its type, as in answers to COM_STMT_EXECUTE.
    Binary,
}

/// The server's summary of a finished statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of changed rows.
    pub affected_rows: u64,
    /// The last AUTO_INCREMENT value that the statement generated; 0 if none.
    pub last_insert_id: u64,
    /// The number of warnings that SHOW WARNINGS would list.
    pub warnings: u16,
    /// A text for the user: `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: String,
    /// The session's status.
    pub status: StatusFlags,
    /// Changes of the session's state, encoded as on the wire; [`session_changes`](Self::session_changes) decodes them.
    pub session_state: Vec<u8>,
}

impl Summary {
    /// The changes of the session's state, up to the first one that can't be decoded.
    pub fn session_changes(&self) -> impl Iterator<Item = SessionChange<'_>> {
        OkPacket { session_state: &self.session_state, ..OkPacket::default() }.session_changes()
    }
}

impl From<OkPacket<'_>> for Summary {
    fn from(ok: OkPacket<'_>) -> Self {
        Self {
            affected_rows: ok.affected_rows,
            last_insert_id: ok.last_insert_id,
            warnings: ok.warnings,
            info: String::from_utf8_lossy(ok.info).into_owned(),
            status: ok.status,
            session_state: ok.session_state.to_vec(),
        }
    }
}

/// A statement that the server has prepared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The server's id of the statement.
    pub statement: u32,
    /// The file of this computer that the statement names, if it is LOAD DATA LOCAL INFILE and the connection may send files.
    pub(super) file: Option<Vec<u8>>,
    /// The definitions of the parameters.
    pub parameters: Vec<ColumnDefinition>,
    /// The definitions of the result's columns; empty if the statement returns no rows.
    pub columns: Vec<ColumnDefinition>,
    /// The number of warnings.
    pub warnings: u16,
}
