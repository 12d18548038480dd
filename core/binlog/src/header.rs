//! The header that every event has, with its flags.
//!
//! Source: MySQL Internals, "Event Structure"; MariaDB, "2-Binlog Event Header".

use alloc::vec::Vec;
use core::ops::BitOr;

use sealwire_core::wire::{Put as _, Reader};

use crate::error::Result;
use crate::event_type::EventType;

/// The number of bytes of an event's header.
pub const HEADER: usize = 19;

/// The flags of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFlags(pub u16);

impl EventFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// In FORMAT_DESCRIPTION: the file was not closed, because the server writes to it or crashed.
    pub const IN_USE: Self = Self(0x1);
    /// The statement needs its thread's temporary tables.
    pub const THREAD_SPECIFIC: Self = Self(0x4);
    /// The statement does not need its database to be the current one.
    pub const SUPPRESS_USE: Self = Self(0x8);
    /// The event is in no file: the sender made it.
    pub const ARTIFICIAL: Self = Self(0x20);
    /// The event is of the replica's own log.
    pub const RELAY_LOG: Self = Self(0x40);
    /// A reader that does not know the type may skip the event.
    pub const IGNORABLE: Self = Self(0x80);
    /// Filters do not apply.
    pub const NO_FILTER: Self = Self(0x100);
    /// The event must be applied alone.
    pub const MTS_ISOLATE: Self = Self(0x200);
    /// The session had `skip_replication` on (MariaDB).
    pub const SKIP_REPLICATION: Self = Self(0x8000);

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for EventFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The header of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHeader {
    /// Seconds since 1970, when the statement began; 0 in artificial events.
    pub timestamp: u32,
    /// The type.
    pub event_type: EventType,
    /// The server at which the change was made.
    pub server_id: u32,
    /// The number of bytes of the event, with header and checksum.
    pub size: u32,
    /// The position behind the event in the primary's file, modulo 2³². It is 0 in artificial events, within a TRANSACTION_PAYLOAD, and from
    /// MariaDB 11.4 on within transactions.
    pub end_log_pos: u32,
    /// The flags.
    pub flags: EventFlags,
}

impl EventHeader {
    /// Reads a header; `bytes` may be longer.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        let what = "the event's header";
        Ok(Self {
            timestamp: reader.u32(what)?,
            event_type: EventType(reader.u8(what)?),
            server_id: reader.u32(what)?,
            size: reader.u32(what)?,
            end_log_pos: reader.u32(what)?,
            flags: EventFlags(reader.u16(what)?),
        })
    }

    /// Appends the header.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.put_u32(self.timestamp);
        out.put_u8(self.event_type.0);
        out.put_u32(self.server_id);
        out.put_u32(self.size);
        out.put_u32(self.end_log_pos);
        out.put_u16(self.flags.0);
    }
}
