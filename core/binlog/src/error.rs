//! The errors of reading and writing a binary log.

use core::fmt;

use sealwire_core::wire;

use crate::event_type::EventType;

/// A problem in a binary log, with the place where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// The position of the event in its file: the number of bytes before it. In a stream it follows ROTATE and `end_log_pos`.
    pub position: u64,
    /// The type of the event; `None` where its header could not be read.
    pub event: Option<EventType>,
    /// The problem.
    pub problem: Problem,
}

/// The problem without its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// The file does not begin with a binary log's four bytes `fe 62 69 6e`.
    NotABinaryLog,
    /// The file, or its rest, is encrypted: MySQL's `fd 62 69 6e`, or MariaDB's START_ENCRYPTION.
    Encrypted,
    /// The bytes end within the field with this name.
    Truncated(&'static str),
    /// The bytes are not a valid value of the field with this name.
    Malformed(&'static str),
    /// A size or count is over the limit.
    TooBig {
        /// The name of the thing.
        what: &'static str,
        /// Its size in the log, in bytes or in pieces.
        size: u64,
        /// The largest that is accepted.
        limit: u64,
    },
    /// The checksum in the log is not that of the event's bytes.
    Checksum {
        /// The checksum in the log.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// The type is unknown, and the event does not carry the flag IGNORABLE, by which a reader may skip it.
    UnknownEvent,
    /// The log has the format of this number: 1 and 3 were written before MySQL 5.0.
    OldFormat(u16),
    /// No TABLE_MAP event described the table with this number.
    NoTable(u64),
    /// The column with this index, from 0, has a type whose values have no known length, or that the log can't hold.
    ColumnType(usize),
    /// The value of the column with this index, from 0, does not fit into the column's type.
    Value(usize),
    /// The compressed bytes are invalid, or longer than the event says.
    Inflate,
    /// This build has no code for the compression with this name.
    NoInflater(&'static str),
    /// The event's header gives this many bytes, but the event that was handed in has another number.
    Size(u32),
}

impl From<wire::Error> for Problem {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Truncated(what) => Self::Truncated(what),
            wire::Error::Malformed(what) => Self::Malformed(what),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotABinaryLog => f.write_str("this is not a binary log, because it does not begin with fe 62 69 6e"),
            Self::Encrypted => f.write_str(
                "the log is encrypted; read it from the server, which sends events decrypted, instead of from the file",
            ),
            Self::Truncated(what) => write!(f, "{what} is cut short"),
            Self::Malformed(what) => write!(f, "{what} is malformed"),
            Self::TooBig { what, size, limit } => {
                write!(f, "{what} of {size} is over the limit of {limit}; raise the limit if you trust the log")
            }
            Self::Checksum { stored, computed } => {
                write!(f, "the checksum in the log is {stored:08x}, but that of the event's bytes is {computed:08x}")
            }
            Self::UnknownEvent => f.write_str(
                "the type of the event is unknown, and its flags do not allow to skip it; a newer version may know it",
            ),
            Self::OldFormat(version) => {
                write!(f, "the log has format {version}, from before MySQL 5.0; only 4 is read")
            }
            Self::NoTable(table) => {
                write!(f, "no TABLE_MAP event described table {table}; begin at an earlier position")
            }
            Self::ColumnType(column) => write!(f, "column {} has a type that can't be read from a log", column + 1),
            Self::Value(column) => write!(f, "the value of column {} does not fit into its type", column + 1),
            Self::Inflate => f.write_str("the compressed bytes are invalid, or longer than the event says"),
            Self::NoInflater(name) => write!(f, "this build can't inflate {name}; hand in a function that can"),
            Self::Size(size) => write!(f, "the header says {size} bytes, but the event that came has another length"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Some(event) => write!(f, "{} event at position {}: {}", event.name(), self.position, self.problem),
            None => write!(f, "at position {}: {}", self.position, self.problem),
        }
    }
}

impl core::error::Error for Problem {}
impl core::error::Error for Error {}

/// The result of decoding a part of an event.
pub(crate) type Result<T> = core::result::Result<T, Problem>;
