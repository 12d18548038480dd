//! Bytes and fields: reader, writer, packet frames, compressed frames. This module knows no messages.
//!
//! Source: MySQL Client/Server Protocol, "Protocol Basics" (integers, strings, packets, compression).

mod reader;
mod writer;

pub mod compressed;
pub mod frame;

pub use reader::Reader;
pub use writer::Put;

use core::fmt;

/// An error in bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The bytes end within the field with this name.
    Truncated(&'static str),
    /// The bytes are not a valid value of the field with this name.
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

/// The result of reading a field.
pub type Result<T> = core::result::Result<T, Error>;
