//! Bytes and fields: reader, writer, packet frames, compressed frames. Knows no message.
//!
//! Source: MySQL Client/Server Protocol, "Protocol Basics" (integers, strings, packets, compression).

mod reader;
mod writer;

pub mod compressed;
pub mod frame;

pub use reader::Reader;
pub use writer::Put;

use core::fmt;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The bytes end inside the field that is named.
    Truncated(&'static str),
    /// The bytes can't be the field that is named.
    Malformed(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(what) => write!(f, "{what} is cut short"),
            Self::Malformed(what) => write!(f, "{what} is malformed"),
        }
    }
}

impl core::error::Error for Error {}

/// The result of reading.
pub type Result<T> = core::result::Result<T, Error>;
