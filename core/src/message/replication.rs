//! The messages of replication: a replica's registration, its requests for the binary log, and its acknowledgements.
//!
//! Source: "COM_REGISTER_SLAVE", "COM_BINLOG_DUMP", "COM_BINLOG_DUMP_GTID" and packets recorded from MariaDB 10.11.

use alloc::vec::Vec;
use core::fmt;

use super::handshake::put_short_bytes;
use crate::wire::{Error, Put, Reader, Result};

/// The first byte of a semi-synchronous acknowledgement.
const ACK: u8 = 0xef;

/// COM_REGISTER_SLAVE: the replica names itself, so that SHOW REPLICAS lists it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct RegisterReplica<'a> {
    /// The replica's server id.
    pub server_id: u32,
    /// The host that the replica reports; at most 255 bytes, as are the user and the password.
    pub host: &'a [u8],
    /// The user that the replica reports.
    pub user: &'a [u8],
    /// The password that the replica reports.
    pub password: &'a [u8],
    /// The port that the replica reports.
    pub port: u16,
}

impl<'a> RegisterReplica<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let server_id = reader.u32("replica's server id")?;
        let mut short = |what| {
            let length = reader.u8(what)?;
            reader.bytes(usize::from(length), what)
        };
        let (host, user, password) = (short("replica's host")?, short("replica's user")?, short("replica's password")?);
        let port = reader.u16("replica's port")?;
        // The rank and the primary's id, which have no meaning.
        reader.u32("replica's rank")?;
        reader.u32("primary's server id")?;
        Ok(Self { server_id, host, user, password, port })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_u32(self.server_id);
        for text in [self.host, self.user, self.password] {
            put_short_bytes(text, out);
        }
        out.put_u16(self.port);
        out.put_u64(0);
    }
}

impl fmt::Debug for RegisterReplica<'_> {
    /// Leaves the password out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisterReplica")
            .field("server_id", &self.server_id)
            .field("host", &self.host)
            .field("user", &self.user)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// COM_BINLOG_DUMP: requests the binary log from a position of a file on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BinlogDump<'a> {
    /// The position of the first event; 4 is the beginning of a file.
    pub position: u32,
    /// [`NON_BLOCK`](Self::NON_BLOCK), [`ANNOTATE_ROWS`](Self::ANNOTATE_ROWS).
    pub flags: u16,
    /// The client's server id. A server ends an older dump with the same id, unless it is 0.
    pub server_id: u32,
    /// The file's name; empty for the first file. With MariaDB's GTIDs the server ignores it.
    pub file: &'a [u8],
}

impl<'a> BinlogDump<'a> {
    /// The server ends the stream at the end of the log, instead of waiting for more.
    pub const NON_BLOCK: u16 = 1;
    /// MariaDB sends ANNOTATE_ROWS events: the statements behind row events.
    pub const ANNOTATE_ROWS: u16 = 2;

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        Ok(Self {
            position: reader.u32("binary log's position")?,
            flags: reader.u16("flags of the dump")?,
            server_id: reader.u32("replica's server id")?,
            file: up_to_nul(reader.rest()),
        })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_u32(self.position);
        out.put_u16(self.flags);
        out.put_u32(self.server_id);
        out.put(self.file);
    }
}

/// COM_BINLOG_DUMP_GTID: requests all transactions that a set of MySQL's GTIDs lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BinlogDumpGtid<'a> {
    /// [`BinlogDump::NON_BLOCK`], and 2 for heartbeats of version 2.
    pub flags: u16,
    /// The client's server id, as in [`BinlogDump::server_id`].
    pub server_id: u32,
    /// The file's name; empty to let the server find it.
    pub file: &'a [u8],
    /// The position in that file; 4 without a file.
    pub position: u64,
    /// The set of transactions that the client has, encoded.
    pub gtid_set: &'a [u8],
}

impl<'a> BinlogDumpGtid<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let flags = reader.u16("flags of the dump")?;
        let server_id = reader.u32("replica's server id")?;
        let length = reader.u32("length of the file's name")?;
        let file = up_to_nul(bytes(reader, length, "name of the binary log")?);
        let position = reader.u64("binary log's position")?;
        let length = reader.u32("length of the GTID set")?;
        Ok(Self { flags, server_id, file, position, gtid_set: bytes(reader, length, "GTID set")? })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_u16(self.flags);
        out.put_u32(self.server_id);
        out.put_u32(self.file.len() as u32);
        out.put(self.file);
        out.put_u64(self.position);
        out.put_u32(self.gtid_set.len() as u32);
        out.put(self.gtid_set);
    }
}

/// A semi-synchronous replica's acknowledgement: it has stored the log up to this position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SemiSyncAck<'a> {
    /// The position behind the last stored event.
    pub position: u64,
    /// The file's name.
    pub file: &'a [u8],
}

impl<'a> SemiSyncAck<'a> {
    /// Decodes a packet that a replica sends while it receives the log.
    ///
    /// # Errors
    /// If the packet is no acknowledgement.
    pub fn decode(payload: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(payload);
        if reader.u8("acknowledgement")? != ACK {
            return Err(Error::Malformed("acknowledgement"));
        }
        Ok(Self { position: reader.u64("acknowledged position")?, file: up_to_nul(reader.rest()) })
    }

    /// Encodes the packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(ACK);
        out.put_u64(self.position);
        out.put(self.file);
    }

    /// Appends the bytes that stand before each event where acknowledgements are agreed; `is_wanted` asks for one of this event.
    pub fn put_request(is_wanted: bool, out: &mut Vec<u8>) {
        out.put_u8(ACK);
        out.put_u8(u8::from(is_wanted));
    }
}

/// A packet of the binary log's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamPacket<'a> {
    /// Whether the server wants an acknowledgement.
    pub(crate) wants_ack: bool,
    pub(crate) event: &'a [u8],
}

impl<'a> StreamPacket<'a> {
    /// Decodes a packet that is neither ERR nor EOF. `semi_sync` says that acknowledgements are agreed.
    pub(crate) fn decode(payload: &'a [u8], semi_sync: bool) -> Result<Self> {
        let mut reader = Reader::new(payload);
        if reader.u8("header of a binary log event's packet")? != 0 {
            return Err(Error::Malformed("header of a binary log event's packet"));
        }
        let mut wants_ack = false;
        // The type of an event's first timestamp byte can be EF too, so the marker counts only where it is agreed.
        if semi_sync && reader.peek() == Some(ACK) {
            reader.u8("semi-synchronous header")?;
            wants_ack = reader.u8("semi-synchronous header")? & 1 != 0;
        }
        Ok(Self { wants_ack, event: reader.rest() })
    }
}

/// The name up to its first NUL, because some clients send NULs behind it, or instead of it.
fn up_to_nul(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn bytes<'a>(reader: &mut Reader<'a>, length: u32, what: &'static str) -> Result<&'a [u8]> {
    let length = usize::try_from(length).map_err(|_| Error::Truncated(what))?;
    reader.bytes(length, what)
}

#[cfg(test)]
mod tests {
    use super::super::{Capabilities, Command};
    use super::*;

    fn decode(payload: &[u8]) -> Result<Command<'_>> {
        Command::decode(payload, Capabilities::NONE)
    }

    #[test]
    fn recorded_commands_are_decoded() {
        let registration = b"\x15\x16\0\0\0\0\0\0\x0e\x85\0\0\0\0\0\0\0\0";
        let Ok(Command::RegisterReplica(replica)) = decode(registration) else { panic!("no registration") };
        assert_eq!(replica, RegisterReplica { server_id: 22, port: 34062, ..RegisterReplica::default() });
        let Ok(Command::BinlogDump(dump)) = decode(b"\x12\x04\0\0\0\0\0\x16\0\0\0bin.000001") else {
            panic!("no dump")
        };
        assert_eq!(dump, BinlogDump { position: 4, flags: 0, server_id: 22, file: b"bin.000001" });
        let ack = b"\xef\x4c\x02\0\0\0\0\0\0bin.000002";
        assert_eq!(SemiSyncAck::decode(ack), Ok(SemiSyncAck { position: 0x24c, file: b"bin.000002" }));
        assert!(SemiSyncAck::decode(b"\x0e").is_err() && SemiSyncAck::decode(b"\xef\x4c").is_err());
    }

    #[test]
    fn a_file_name_ends_at_its_first_nul() {
        let Ok(Command::BinlogDump(dump)) = decode(b"\x12\x04\0\0\0\0\0\x16\0\0\0\0\0\0") else { panic!("no dump") };
        assert_eq!(dump.file, b"");
        let gtid = b"\x1e\0\0\x16\0\0\0\x03\0\0\0bi\0\x04\0\0\0\0\0\0\0\x02\0\0\0ab";
        let Ok(Command::BinlogDumpGtid(dump)) = decode(gtid) else { panic!("no dump") };
        assert_eq!((dump.file, dump.position, dump.gtid_set), (&b"bi"[..], 4, &b"ab"[..]));
        for length in 1..gtid.len() {
            assert!(decode(&gtid[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_length_beyond_the_packet_is_an_error() {
        assert!(decode(b"\x1e\0\0\x16\0\0\0\xff\xff\xff\xffbin").is_err());
        assert!(decode(b"\x15\x16\0\0\0\xffhost").is_err());
    }

    #[test]
    fn the_password_of_a_registration_is_not_in_its_debug_text() {
        let replica = RegisterReplica { password: b"\x7b\x7b", ..RegisterReplica::default() };
        let text = alloc::format!("{replica:?}");
        assert!(!text.contains("123") && text.contains("server_id: 0"), "{text}");
    }

    #[test]
    fn the_marker_of_semi_synchronous_replication_counts_only_where_it_is_agreed() {
        let packet = b"\0\xef\x01event";
        let decoded = |semi_sync| StreamPacket::decode(packet, semi_sync).unwrap();
        assert_eq!(decoded(true), StreamPacket { wants_ack: true, event: b"event" });
        assert_eq!(decoded(false), StreamPacket { wants_ack: false, event: &packet[1..] });
        let later = StreamPacket::decode(b"\0\xef\0event", true).unwrap();
        assert_eq!(later, StreamPacket { wants_ack: false, event: b"event" });
        assert!(StreamPacket::decode(b"", true).is_err() && StreamPacket::decode(b"\x01event", true).is_err());
        assert!(StreamPacket::decode(b"\0\xef", true).is_err());
    }
}
