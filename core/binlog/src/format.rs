//! FORMAT_DESCRIPTION: the first event of a file, which says how to read the others.
//!
//! Source: MySQL Internals, "FORMAT_DESCRIPTION_EVENT"; MariaDB, "FORMAT_DESCRIPTION_EVENT".

use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::error::{Problem, Result};
use crate::event_type::EventType;
use crate::header::HEADER;

/// The bytes with which a file begins.
pub const MAGIC: [u8; 4] = [0xfe, b'b', b'i', b'n'];
/// The bytes with which an encrypted file of MySQL begins.
pub(crate) const ENCRYPTED_MAGIC: [u8; 4] = [0xfd, b'b', b'i', b'n'];
/// The format of all logs since MySQL 5.0.
const FORMAT: u16 = 4;
/// The format of logs of MySQL 4.0 and 4.1.
const OLD_FORMAT: u16 = 3;
/// The bytes of the server's version, which zeros fill up.
const VERSION: usize = 50;
/// The bytes of a checksum.
pub(crate) const CHECKSUM: usize = 4;

/// The post-header lengths of MariaDB 10.11, from type 1 on.
const MARIADB: [u8; 171] = {
    let mut all = [0; 171];
    let first = [
        56, 13, 0, 8, 0, 18, 0, 4, 4, 4, 4, 18, 0, 0, 228, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2, 0, 0, 0, 10, 10, 10, 0, 0,
        0, 0, 0, 0, 10, 10, 10,
    ];
    let last = [4, 19, 4, 0, 13, 8, 8, 8, 10, 10, 10];
    copy(&mut all, &first, 0);
    copy(&mut all, &last, 160);
    all
};
/// The post-header lengths of MySQL 8.0.40, from type 1 on.
const MYSQL: [u8; 41] = [
    0, 13, 0, 8, 0, 0, 0, 0, 4, 0, 4, 0, 0, 0, 98, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2, 0, 0, 0, 10, 10, 10, 42, 42, 0,
    18, 52, 0, 10, 40, 0,
];

/// The post-header lengths of format 3, which does not write them down, from type 1 on.
const OLD: [u8; 14] = [56, 11, 0, 8, 0, 18, 0, 4, 4, 4, 4, 18, 0, 0];

/// Copies `from` into `to` at an index; only for tables that are computed when the code is compiled.
#[expect(clippy::indexing_slicing, reason = "the compiler runs this and refuses an index that is out of bounds")]
const fn copy(to: &mut [u8], from: &[u8], at: usize) {
    let mut index = 0;
    while index < from.len() {
        to[at + index] = from[index];
        index += 1;
    }
}

/// How the events of a log end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// With their bodies.
    #[default]
    None,
    /// With the CRC-32 of all bytes before it.
    Crc32,
}

/// Whose GTIDs and row events a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// MySQL's: GTIDs with UUIDs.
    MySql,
    /// MariaDB's: GTIDs with domains.
    MariaDb,
}

/// The description of a log's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatDescription<'a> {
    /// The format's number: 4, or 3 in START_V3 of MySQL 4.1 and before, which ends behind `created`.
    pub binlog_version: u16,
    /// The server's version, without the zeros behind it.
    pub server_version: &'a [u8],
    /// Seconds since 1970 when the server started, in the first file after a start; else 0.
    pub created: u32,
    /// The number of bytes of each event's header: 19, but 23 in logs of a patched MySQL 5.1. This event and ROTATE have 19 always.
    pub header_length: u8,
    /// The number of bytes with which the body of each type begins, from type 1 on.
    pub post_header_lengths: &'a [u8],
    /// How the following events end; `None` before MySQL 5.6.1 and MariaDB 5.3.0, which knew no checksums.
    pub checksum: Option<Checksum>,
}

impl<'a> FormatDescription<'a> {
    /// A description for a log of this flavour.
    pub const fn new(flavour: Flavour, server_version: &'a [u8], created: u32, checksum: Checksum) -> Self {
        let post_header_lengths: &[u8] = match flavour {
            Flavour::MySql => &MYSQL,
            Flavour::MariaDb => &MARIADB,
        };
        Self {
            binlog_version: FORMAT,
            server_version,
            created,
            header_length: HEADER as u8,
            post_header_lengths,
            checksum: Some(checksum),
        }
    }

    /// Reads the bytes behind the header, with the checksum that this event always has where checksums are known. Also returns the
    /// length of the body, which is without that checksum.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<(Self, usize)> {
        let mut reader = Reader::new(bytes);
        let binlog_version = reader.u16("the format's number")?;
        if binlog_version != FORMAT && binlog_version != OLD_FORMAT {
            return Err(Problem::OldFormat(binlog_version));
        }
        let version = reader.bytes(VERSION, "the server's version")?;
        let server_version = version.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut format = Self {
            binlog_version,
            server_version,
            created: reader.u32("the time of creation")?,
            header_length: HEADER as u8,
            post_header_lengths: &OLD,
            checksum: None,
        };
        if binlog_version == OLD_FORMAT {
            return Ok((format, bytes.len()));
        }
        format.header_length = reader.u8("the headers' length")?;
        if usize::from(format.header_length) < HEADER {
            return Err(Problem::Malformed("the headers' length"));
        }
        format.post_header_lengths = reader.rest();
        if !knows_checksums(server_version) {
            return Ok((format, bytes.len()));
        }
        let length = format.post_header_lengths.len().checked_sub(CHECKSUM + 1);
        let parts = length.and_then(|length| format.post_header_lengths.split_at_checked(length));
        let (lengths, rest) = parts.ok_or(Problem::Truncated("the checksum's algorithm"))?;
        format.post_header_lengths = lengths;
        format.checksum = Some(match rest.first() {
            // 255 stands for a log of a server without checksums, which a replica with them relays.
            Some(0 | 255) => Checksum::None,
            Some(1) => Checksum::Crc32,
            _ => return Err(Problem::Malformed("the checksum's algorithm")),
        });
        Ok((format, bytes.len() - CHECKSUM))
    }

    /// Appends the body. Behind it belongs a checksum, also where the other events have none.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.binlog_version);
        let mut version = self.server_version.iter().copied().take(VERSION);
        out.extend((0..VERSION).map(|_| version.next().unwrap_or(0)));
        out.put_u32(self.created);
        if self.binlog_version == OLD_FORMAT {
            return;
        }
        out.put_u8(self.header_length);
        out.put(self.post_header_lengths);
        if let Some(checksum) = self.checksum {
            out.put_u8(u8::from(checksum == Checksum::Crc32));
        }
    }

    /// The type of the event.
    pub(crate) const fn event_type(&self) -> EventType {
        if self.binlog_version == OLD_FORMAT { EventType::START_V3 } else { EventType::FORMAT_DESCRIPTION }
    }

    /// The number of bytes with which the body of this type begins; 0 for a type that the server did not know.
    pub fn post_header_length(&self, event_type: EventType) -> u8 {
        let index = usize::from(event_type.0).checked_sub(1);
        index.and_then(|index| self.post_header_lengths.get(index)).copied().unwrap_or(0)
    }

    /// Whose log it is, by the server's version.
    pub fn flavour(&self) -> Flavour {
        if is_mariadb(self.server_version) { Flavour::MariaDb } else { Flavour::MySql }
    }
}

fn is_mariadb(version: &[u8]) -> bool {
    version.windows(7).any(|window| window == b"MariaDB")
}

/// Whether a server of this version writes the checksum's algorithm into its logs. The version's text alone decides, for all readers.
fn knows_checksums(version: &[u8]) -> bool {
    let first = if is_mariadb(version) { (5, 3, 0) } else { (5, 6, 1) };
    numbers(version).is_some_and(|version| version >= first)
}

/// The three numbers of a version.
fn numbers(version: &[u8]) -> Option<(u32, u32, u32)> {
    let mut parts = version.splitn(3, |byte| *byte == b'.').map(|part| {
        let digits = part.iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold(None, |number: Option<u32>, digit| {
            Some(number.unwrap_or(0).saturating_mul(10).saturating_add(u32::from(digit - b'0')))
        })
    });
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_decides_whether_there_are_checksums() {
        for known in ["5.6.1-x", "8.0.36", "11.8.2-x", "5.3.0-MariaDB", "10.11.19-MariaDB-0+deb12u1-log", "5.7.11-log"]
        {
            assert!(knows_checksums(known.as_bytes()), "{known}");
        }
        for old in ["5.6.0-x", "5.1.45-log", "5.2.9-MariaDB", "", "x", "5.6"] {
            assert!(!knows_checksums(old.as_bytes()), "{old}");
        }
    }

    #[test]
    fn a_description_comes_back() {
        for flavour in [Flavour::MySql, Flavour::MariaDb] {
            let version: &[u8] = if flavour == Flavour::MySql { b"8.0.99-Sealwire" } else { b"10.11.99-MariaDB" };
            let format = FormatDescription::new(flavour, version, 7, Checksum::Crc32);
            assert_eq!(format.flavour(), flavour);
            let mut bytes = Vec::new();
            format.encode(&mut bytes);
            let body = bytes.len();
            bytes.put_u32(0);
            assert_eq!(FormatDescription::decode(&bytes), Ok((format, body)));
            assert_eq!(format.post_header_length(EventType::TABLE_MAP), 8);
            assert_eq!(format.post_header_length(EventType(200)), 0);
            for cut in 0..58 {
                assert!(FormatDescription::decode(&bytes[..cut]).is_err(), "{cut}");
            }
        }
    }
}
