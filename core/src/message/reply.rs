//! What may come at each point of the answer to a query. Source: "COM_QUERY Response".

use alloc::vec::Vec;

use super::generic::{EOF, ERR, OK};
use super::{Capabilities, EofPacket, ErrPacket, OkPacket};
use crate::wire::{Error, Put, Reader, Result};

/// First byte of a request for a local file.
const LOCAL_INFILE: u8 = 0xfb;
/// An OK that stands for EOF is shorter than this; a row that begins with FE is not.
const OK_AS_EOF_BOUND: usize = 0xff_ffff;
/// More columns than this no server sends (MySQL's own limit is 4096), and nothing is to be reserved for.
const MAX_COLUMNS: u64 = 0xffff;

/// The first packet of the answer to COM_QUERY or COM_STMT_EXECUTE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryReply<'a> {
    /// Done, without rows.
    Ok(OkPacket<'a>),
    /// Failed.
    Err(ErrPacket<'a>),
    /// The server asks for this file of the client's.
    LocalInfile(&'a [u8]),
    /// Rows follow.
    Columns {
        /// How many columns they have.
        count: u64,
        /// Whether the column definitions are sent; always, but for MariaDB's `CACHE_METADATA`.
        definitions_follow: bool,
    },
}

impl<'a> QueryReply<'a> {
    /// Reads the packet.
    ///
    /// # Errors
    /// Where the bytes are no such packet.
    pub fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        let mut reader = Reader::new(payload);
        match reader.peek() {
            Some(OK) => OkPacket::decode(payload, capabilities).map(Self::Ok),
            Some(ERR) => ErrPacket::decode(payload).map(Self::Err),
            Some(LOCAL_INFILE) => {
                reader.u8("LOCAL INFILE header")?;
                Ok(Self::LocalInfile(reader.rest()))
            }
            _ => {
                let count = reader.lenenc_int("column count")?;
                if !(1..=MAX_COLUMNS).contains(&count) {
                    return Err(Error::Malformed("column count"));
                }
                let mut definitions_follow = true;
                if capabilities.contains(Capabilities::MARIADB_CACHE_METADATA) {
                    definitions_follow = reader.u8("column count")? != 0;
                }
                reader.finish("column count")?;
                Ok(Self::Columns { count, definitions_follow })
            }
        }
    }

    /// Writes the packet.
    pub fn encode(&self, capabilities: Capabilities, out: &mut Vec<u8>) {
        match self {
            Self::Ok(ok) => ok.encode(capabilities, out),
            Self::Err(err) => err.encode(out),
            Self::LocalInfile(name) => {
                out.put_u8(LOCAL_INFILE);
                out.put(name);
            }
            Self::Columns { count, definitions_follow } => {
                out.put_lenenc_int(*count);
                if capabilities.contains(Capabilities::MARIADB_CACHE_METADATA) {
                    out.put_u8(u8::from(*definitions_follow));
                }
            }
        }
    }
}

/// A packet where a row or the end of the rows is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowReply<'a> {
    /// A row, not looked into.
    Row(&'a [u8]),
    /// The end of the rows; of EOF only status and warnings are there.
    End(OkPacket<'a>),
    /// The query failed half-way.
    Err(ErrPacket<'a>),
}

impl<'a> RowReply<'a> {
    /// Tells the three apart.
    ///
    /// # Errors
    /// Where the packet begins like an end but is none.
    #[inline]
    pub fn decode(payload: &'a [u8], capabilities: Capabilities) -> Result<Self> {
        match payload.first() {
            Some(&ERR) => ErrPacket::decode(payload).map(Self::Err),
            Some(&EOF) if capabilities.contains(Capabilities::DEPRECATE_EOF) => {
                if payload.len() >= OK_AS_EOF_BOUND {
                    return Ok(Self::Row(payload));
                }
                OkPacket::decode(payload, capabilities).map(Self::End)
            }
            Some(&EOF) if EofPacket::matches(payload) => {
                let EofPacket { warnings, status } = EofPacket::decode(payload)?;
                Ok(Self::End(OkPacket { status, warnings, ..OkPacket::default() }))
            }
            _ => Ok(Self::Row(payload)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::StatusFlags;
    use super::*;

    #[test]
    fn eof_and_ok_as_eof_are_not_taken_for_rows_nor_rows_for_them() {
        let eof = b"\xfe\x03\0\x02\0";
        let end = OkPacket { status: StatusFlags::AUTOCOMMIT, warnings: 3, ..OkPacket::default() };
        assert_eq!(RowReply::decode(eof, Capabilities::NONE), Ok(RowReply::End(end)));
        let ok = b"\xfe\0\0\x02\0\x03\0";
        assert_eq!(RowReply::decode(ok, Capabilities::DEPRECATE_EOF), Ok(RowReply::End(end)));
        // A value of 16 MiB and more has a length of eight bytes after FE.
        let row = b"\xfe\0\0\0\x01\0\0\0\0";
        assert_eq!(RowReply::decode(row, Capabilities::NONE), Ok(RowReply::Row(row)));
        let mut row = alloc::vec![0; OK_AS_EOF_BOUND];
        row[0] = EOF;
        assert!(matches!(RowReply::decode(&row, Capabilities::DEPRECATE_EOF), Ok(RowReply::Row(_))));
        assert!(matches!(RowReply::decode(b"\xff\x01\x02no", Capabilities::NONE), Ok(RowReply::Err(_))));
        assert_eq!(RowReply::decode(b"\xfbabc", Capabilities::NONE), Ok(RowReply::Row(b"\xfbabc")));
    }

    #[test]
    fn a_query_is_answered_in_one_of_four_ways() {
        let cached = Capabilities::MARIADB_CACHE_METADATA;
        let columns = |count, definitions_follow| Ok(QueryReply::Columns { count, definitions_follow });
        assert_eq!(QueryReply::decode(b"\x02", Capabilities::NONE), columns(2, true));
        assert_eq!(QueryReply::decode(b"\x02\0", cached), columns(2, false));
        assert_eq!(QueryReply::decode(b"\x02\x01", cached), columns(2, true));
        assert_eq!(QueryReply::decode(b"\xfbname", Capabilities::NONE), Ok(QueryReply::LocalInfile(b"name")));
        for malformed in [&b"\x02\0"[..], b"\xfc\0\0", b"\xfd\0\0\x01", b""] {
            assert!(QueryReply::decode(malformed, Capabilities::NONE).is_err(), "{malformed:02x?}");
        }
    }
}
