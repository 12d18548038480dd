//! MySQL's GTIDs: the UUID of a server, and a number; from MySQL 8.3 on also a tag.
//!
//! Source: MySQL's libs/mysql/binlog/event/control_events.h, `Gtid_event`.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use sealwire_core::wire::{Put as _, Reader};

use super::error::GtidError;
use crate::error::Result;

/// The UUID of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for Uuid {
    type Err = GtidError;

    /// Reads 32 hexadecimal digits, with hyphens where they belong or none.
    fn from_str(text: &str) -> core::result::Result<Self, GtidError> {
        let wrong = GtidError { at: 0, rule: "a UUID is 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12" };
        let mut digits = [0; 32];
        let hyphens = text.len() == 36;
        let mut count = 0;
        for (index, character) in text.bytes().enumerate() {
            if hyphens && matches!(index, 8 | 13 | 18 | 23) {
                if character != b'-' {
                    return Err(wrong);
                }
                continue;
            }
            let digit = char::from(character).to_digit(16).ok_or(wrong)?;
            *digits.get_mut(count).ok_or(wrong)? = digit as u8;
            count += 1;
        }
        if count != digits.len() {
            return Err(wrong);
        }
        let (pairs, _) = digits.as_chunks::<2>();
        let mut uuid = [0; 16];
        uuid.iter_mut().zip(pairs).for_each(|(byte, [high, low])| *byte = high << 4 | low);
        Ok(Self(uuid))
    }
}

/// The event before each transaction of MySQL: GTID, ANONYMOUS_GTID and GTID_TAGGED. Old servers write fewer fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GtidEvent<'a> {
    /// 1: the transaction may hold statements.
    pub flags: u8,
    /// The server at which the transaction was made; zeros in ANONYMOUS_GTID.
    pub uuid: Uuid,
    /// The tag, of 32 characters at most; empty for none.
    pub tag: &'a [u8],
    /// The number, from 1 on; 0 in ANONYMOUS_GTID.
    pub number: i64,
    /// Which transactions may be applied in parallel (MySQL 5.7).
    pub clock: Option<LogicalClock>,
    /// When it was committed (MySQL 8.0).
    pub commit: Option<CommitTime>,
    /// The bytes of the transaction's events with this one (MySQL 8.0).
    pub transaction_length: Option<u64>,
    /// The versions of the servers (MySQL 8.0).
    pub version: Option<ServerVersion>,
    /// The number of the group of transactions that were committed together (MySQL 8.3).
    pub commit_group_ticket: Option<u64>,
    /// In GTID_TAGGED: the number of the first field that a reader may skip if it does not know it; else 0.
    pub last_required_field: u64,
}

/// The logical clock of MySQL's log, which starts at 0 and 1 in each file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogicalClock {
    /// The transaction needs all up to this one.
    pub last_committed: i64,
    /// The transaction's own number.
    pub sequence_number: i64,
}

/// When a transaction was committed, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitTime {
    /// At the server whose log this is.
    pub immediate: u64,
    /// At the server at which the transaction was made, if that is another.
    pub original: Option<u64>,
}

/// The versions of servers as numbers: 80040 is 8.0.40.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerVersion {
    /// Of the server whose log this is.
    pub immediate: u32,
    /// Of the server at which the transaction was made, if that is another.
    pub original: Option<u32>,
}

/// The only kind of logical clock.
const LOGICAL_CLOCK: u8 = 2;
/// The bit of a commit time of 55 bits that says that another follows.
const MORE_TIME: u64 = 1 << 55;
/// The bit of a version that says that another follows.
const MORE_VERSION: u32 = 1 << 31;

impl GtidEvent<'_> {
    pub(crate) fn decode(body: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(body);
        let mut event = Self {
            flags: reader.u8("the flags")?,
            uuid: Uuid(reader.array("the UUID")?),
            number: reader.u64("the number")?.cast_signed(),
            ..Self::default()
        };
        if reader.peek() != Some(LOGICAL_CLOCK) {
            // MySQL 5.6 ends here.
            return Ok(event);
        }
        reader.u8("the logical clock")?;
        event.clock = Some(LogicalClock {
            last_committed: reader.u64("the logical clock")?.cast_signed(),
            sequence_number: reader.u64("the logical clock")?.cast_signed(),
        });
        if reader.is_empty() {
            return Ok(event);
        }
        let immediate = u56(&mut reader)?;
        let original = if immediate & MORE_TIME == 0 { None } else { Some(u56(&mut reader)?) };
        event.commit = Some(CommitTime { immediate: immediate & !MORE_TIME, original });
        if reader.is_empty() {
            return Ok(event);
        }
        event.transaction_length = Some(reader.lenenc_int("the transaction's length")?);
        if reader.is_empty() {
            return Ok(event);
        }
        let what = "the server's version";
        let immediate = reader.u32(what)?;
        let original = if immediate & MORE_VERSION == 0 { None } else { Some(reader.u32(what)?) };
        event.version = Some(ServerVersion { immediate: immediate & !MORE_VERSION, original });
        if !reader.is_empty() {
            event.commit_group_ticket = Some(reader.u64("the ticket of the commit group")?);
        }
        reader.finish("the end")?;
        Ok(event)
    }

    /// Appends the body of GTID or ANONYMOUS_GTID. It ends before the first field that is `None`; a tag has no place in it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(self.flags);
        out.put(&self.uuid.0);
        out.put_u64(self.number.cast_unsigned());
        let Some(clock) = self.clock else { return };
        out.put_u8(LOGICAL_CLOCK);
        out.put_u64(clock.last_committed.cast_unsigned());
        out.put_u64(clock.sequence_number.cast_unsigned());
        let Some(commit) = self.commit else { return };
        put_u56(commit.immediate | if commit.original.is_some() { MORE_TIME } else { 0 }, out);
        if let Some(original) = commit.original {
            put_u56(original, out);
        }
        let Some(length) = self.transaction_length else { return };
        out.put_lenenc_int(length);
        let Some(version) = self.version else { return };
        out.put_u32(version.immediate | if version.original.is_some() { MORE_VERSION } else { 0 });
        if let Some(original) = version.original {
            out.put_u32(original);
        }
        if let Some(ticket) = self.commit_group_ticket {
            out.put_u64(ticket);
        }
    }
}

fn u56(reader: &mut Reader<'_>) -> Result<u64> {
    let [a, b, c, d, e, f, g] = reader.array("the commit's time")?;
    Ok(u64::from_le_bytes([a, b, c, d, e, f, g, 0]))
}

fn put_u56(value: u64, out: &mut Vec<u8>) {
    let [a, b, c, d, e, f, g, _] = value.to_le_bytes();
    out.put(&[a, b, c, d, e, f, g]);
}
