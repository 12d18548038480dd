//! What a client connection tells its application.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::SqlError;
use crate::message::{ColumnDefinition, OkPacket, SessionChange, StatusFlags};

/// Something for the application.
///
/// Columns and rows are not copied into the event: [`Connection::columns`](super::Connection::columns) and
/// [`Connection::text_row`](super::Connection::text_row) lend them from the connection's buffer.
#[derive(Debug)]
pub enum Event {
    /// Authentication is over: commands may be sent.
    Connected(Summary),
    /// A command, or one statement of several, is done without rows.
    Ok(Summary),
    /// A result with rows begins; [`Connection::columns`](super::Connection::columns) has its columns.
    ResultSet,
    /// A row of COM_QUERY in [`Connection::text_row`](super::Connection::text_row), or of COM_STMT_EXECUTE or COM_STMT_FETCH in
    /// [`Connection::binary_row`](super::Connection::binary_row).
    Row(RowFormat),
    /// The rows are over. Another result follows where `status` has `MORE_RESULTS`.
    ResultEnd {
        /// The server's status.
        status: StatusFlags,
        /// How many warnings wait.
        warnings: u16,
    },
    /// The command failed; the connection lives.
    Failed(SqlError),
    /// COM_STMT_PREPARE is done.
    Prepared(Prepared),
    /// The answer to COM_STATISTICS.
    Text(Vec<u8>),
    /// The server wants this file: answer with [`local_infile_data`](super::Connection::local_infile_data) and
    /// [`local_infile_end`](super::Connection::local_infile_end), or with
    /// [`local_infile_refuse`](super::Connection::local_infile_refuse). Comes only where [`Config::local_infile`](super::Config::local_infile)
    /// allows it, the server is verified or behind a Unix socket, and the statement just sent is the LOAD DATA LOCAL INFILE that names this
    /// very file, and at most once per statement.
    LocalInfile {
        /// The file's name as the server gives it. A rogue server can name any file: check it against your statement.
        filename: Vec<u8>,
    },
    /// The connection is over, in order.
    Closed,
}

/// How a result's rows are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// As text, which COM_QUERY gives.
    Text,
    /// As the values themselves, which COM_STMT_EXECUTE gives.
    Binary,
}

/// What the server says of a statement when it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows changed.
    pub affected_rows: u64,
    /// The last AUTO_INCREMENT value made; 0 for none.
    pub last_insert_id: u64,
    /// How many warnings wait for SHOW WARNINGS.
    pub warnings: u16,
    /// Text for the user: `Rows matched: 1  Changed: 1  Warnings: 0`.
    pub info: String,
    /// The session's status.
    pub status: StatusFlags,
    /// Changes of the session's state as on the wire; read with [`session_changes`](Self::session_changes).
    pub session_state: Vec<u8>,
}

impl Summary {
    /// The changes of session state, up to the first that can't be read.
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
    /// The server's number for it.
    pub statement: u32,
    /// One for each parameter.
    pub parameters: Vec<ColumnDefinition>,
    /// One for each column of its result; empty where it has none.
    pub columns: Vec<ColumnDefinition>,
    /// How many warnings wait.
    pub warnings: u16,
}
