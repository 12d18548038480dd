//! What a client connection tells its application.

use alloc::vec::Vec;

use crate::error::SqlError;
use crate::message::{BinaryRow, ColumnDefinition, OkPacket, StatusFlags, TextRow};

/// Something for the application. What is borrowed lies in the connection's buffer until the next call.
#[derive(Debug)]
pub enum Event<'a> {
    /// Authentication is over: commands may be sent.
    Connected(OkPacket<'a>),
    /// A command, or one statement of several, is done without rows.
    Ok(OkPacket<'a>),
    /// A result with rows begins.
    ResultSet(&'a [ColumnDefinition]),
    /// A row of COM_QUERY.
    TextRow(TextRow<'a>),
    /// A row of COM_STMT_EXECUTE or COM_STMT_FETCH.
    BinaryRow(BinaryRow<'a>),
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
    Text(&'a [u8]),
    /// The server wants this file: answer with [`local_infile_data`](super::Connection::local_infile_data) and
    /// [`local_infile_end`](super::Connection::local_infile_end), or with
    /// [`local_infile_refuse`](super::Connection::local_infile_refuse). Comes only where [`Config::local_infile`](super::Config::local_infile)
    /// allows it, the server is verified or behind a Unix socket, and the statement just sent is the LOAD DATA LOCAL INFILE that names this
    /// very file, and once for it.
    LocalInfile {
        /// The file's name as the server gives it. A rogue server can name any file: check it against your statement.
        filename: &'a [u8],
    },
    /// The connection is over, in order.
    Closed,
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
