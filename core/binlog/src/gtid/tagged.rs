//! GTID_TAGGED: the fields of a GTID event by their numbers, as MySQL's serialization library writes them.
//!
//! Source: MySQL's libs/mysql/serialization/readme.md; `Gtid_event::define_fields` in libs/mysql/binlog/event/control_events.h.

use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use super::mysql::{CommitTime, GtidEvent, LogicalClock, ServerVersion, Uuid};
use crate::error::{Problem, Result};

/// The version of the serialization.
const VERSION: u64 = 1;

// The numbers of the fields.
const FLAGS: u64 = 0;
const UUID: u64 = 1;
const NUMBER: u64 = 2;
const TAG: u64 = 3;
const LAST_COMMITTED: u64 = 4;
const SEQUENCE_NUMBER: u64 = 5;
const IMMEDIATE_TIME: u64 = 6;
const ORIGINAL_TIME: u64 = 7;
const TRANSACTION_LENGTH: u64 = 8;
const IMMEDIATE_VERSION: u64 = 9;
const ORIGINAL_VERSION: u64 = 10;
const TICKET: u64 = 11;

/// Reads an integer of one to nine bytes: the first byte has as many low bits set as bytes follow.
pub(super) fn unsigned(reader: &mut Reader<'_>, what: &'static str) -> Result<u64> {
    let first = reader.u8(what)?;
    let more = first.trailing_ones() as usize;
    let rest = reader.bytes(more, what)?;
    let high = rest.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    // Of eight and nine bytes the first has no bits of the value.
    let low = u64::from(first).checked_shr(more as u32 + 1).unwrap_or(0);
    Ok(high << (7_usize.saturating_sub(more)) | low)
}

/// A signed integer has its sign in the lowest bit.
fn signed(reader: &mut Reader<'_>, what: &'static str) -> Result<i64> {
    let value = unsigned(reader, what)?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

pub(super) fn put_unsigned(value: u64, out: &mut Vec<u8>) {
    let bits = 64 - value.leading_zeros();
    let bytes = bits.div_ceil(7).max(1);
    if bytes > 8 {
        out.put_u8(0xff);
        out.put_u64(value);
        return;
    }
    let marked = value << bytes | ((1 << (bytes - 1)) - 1);
    out.extend(marked.to_le_bytes().into_iter().take(bytes as usize));
}

fn put_signed(value: i64, out: &mut Vec<u8>) {
    put_unsigned((value << 1 ^ value >> 63).cast_unsigned(), out);
}

fn put_field(field: u64, value: Option<u64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        put_unsigned(field, out);
        put_unsigned(value, out);
    }
}

fn put_signed_field(field: u64, value: Option<i64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        put_unsigned(field, out);
        put_signed(value, out);
    }
}

pub(crate) fn decode(body: &[u8]) -> Result<GtidEvent<'_>> {
    let mut reader = Reader::new(body);
    if unsigned(&mut reader, "the serialization's version")? != VERSION {
        return Err(Problem::Malformed("the serialization's version"));
    }
    // The size counts the bytes before it and its own, too.
    let size = unsigned(&mut reader, "the size")?;
    let end = usize::try_from(size).ok().and_then(|size| body.len().checked_sub(size));
    let end = end.ok_or(Problem::Truncated("the fields"))?;
    let mut event =
        GtidEvent { last_required_field: unsigned(&mut reader, "a field's number")?, ..GtidEvent::default() };
    while reader.remaining() > end {
        let field = unsigned(&mut reader, "a field's number")?;
        if !read(&mut event, field, &mut reader)? {
            // The length of an unknown field is unknown, too, so that no more can be read.
            if field < event.last_required_field {
                return Err(Problem::Malformed("a field that is needed but unknown"));
            }
            break;
        }
    }
    Ok(event)
}

/// Reads one field. `false` is a number that is unknown.
fn read<'a>(event: &mut GtidEvent<'a>, field: u64, reader: &mut Reader<'a>) -> Result<bool> {
    let wrong = |what: &'static str| move |_| Problem::Malformed(what);
    match field {
        FLAGS => event.flags = u8::try_from(unsigned(reader, "the flags")?).map_err(wrong("the flags"))?,
        UUID => {
            let mut uuid = [0; 16];
            for byte in &mut uuid {
                *byte = u8::try_from(unsigned(reader, "the UUID")?).map_err(wrong("the UUID"))?;
            }
            event.uuid = Uuid(uuid);
        }
        NUMBER => event.number = signed(reader, "the number")?,
        TAG => {
            let length = usize::try_from(unsigned(reader, "the tag")?).map_err(wrong("the tag"))?;
            event.tag = reader.bytes(length, "the tag")?;
        }
        LAST_COMMITTED => clock(event).last_committed = signed(reader, "the logical clock")?,
        SEQUENCE_NUMBER => clock(event).sequence_number = signed(reader, "the logical clock")?,
        IMMEDIATE_TIME => commit(event).immediate = unsigned(reader, "the commit's time")?,
        ORIGINAL_TIME => commit(event).original = Some(unsigned(reader, "the commit's time")?),
        TRANSACTION_LENGTH => event.transaction_length = Some(unsigned(reader, "the transaction's length")?),
        IMMEDIATE_VERSION => version(event).immediate = version_number(reader)?,
        ORIGINAL_VERSION => version(event).original = Some(version_number(reader)?),
        TICKET => event.commit_group_ticket = Some(unsigned(reader, "the ticket of the commit group")?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn clock<'e>(event: &'e mut GtidEvent<'_>) -> &'e mut LogicalClock {
    event.clock.get_or_insert_default()
}

fn commit<'e>(event: &'e mut GtidEvent<'_>) -> &'e mut CommitTime {
    event.commit.get_or_insert_default()
}

fn version<'e>(event: &'e mut GtidEvent<'_>) -> &'e mut ServerVersion {
    event.version.get_or_insert_default()
}

fn version_number(reader: &mut Reader<'_>) -> Result<u32> {
    let what = "the server's version";
    u32::try_from(unsigned(reader, what)?).map_err(|_| Problem::Malformed(what))
}

pub(crate) fn encode(event: &GtidEvent<'_>, out: &mut Vec<u8>) {
    let mut fields = Vec::new();
    put_field(FLAGS, Some(event.flags.into()), &mut fields);
    put_unsigned(UUID, &mut fields);
    event.uuid.0.iter().for_each(|byte| put_unsigned((*byte).into(), &mut fields));
    put_signed_field(NUMBER, Some(event.number), &mut fields);
    put_field(TAG, Some(event.tag.len() as u64), &mut fields);
    fields.put(event.tag);
    put_signed_field(LAST_COMMITTED, event.clock.map(|clock| clock.last_committed), &mut fields);
    put_signed_field(SEQUENCE_NUMBER, event.clock.map(|clock| clock.sequence_number), &mut fields);
    put_field(IMMEDIATE_TIME, event.commit.map(|commit| commit.immediate), &mut fields);
    put_field(ORIGINAL_TIME, event.commit.and_then(|commit| commit.original), &mut fields);
    put_field(TRANSACTION_LENGTH, event.transaction_length, &mut fields);
    put_field(IMMEDIATE_VERSION, event.version.map(|version| version.immediate.into()), &mut fields);
    put_field(ORIGINAL_VERSION, event.version.and_then(|version| version.original.map(u64::from)), &mut fields);
    put_field(TICKET, event.commit_group_ticket, &mut fields);
    let mut head = Vec::new();
    put_unsigned(event.last_required_field, &mut head);
    head.append(&mut fields);
    // The size counts its own bytes, of which there are few.
    let mut size = Vec::new();
    for _ in 0..3 {
        let all = 1 + size.len() + head.len();
        size.clear();
        put_unsigned(all as u64, &mut size);
    }
    put_unsigned(VERSION, out);
    out.append(&mut size);
    out.append(&mut head);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back_in_as_few_bytes_as_they_need() {
        for (value, length) in
            [(0, 1), (127, 1), (128, 2), (0x3fff, 2), (0x4000, 3), ((1 << 56) - 1, 8), (1 << 56, 9), (u64::MAX, 9)]
        {
            let mut bytes = Vec::new();
            put_unsigned(value, &mut bytes);
            assert_eq!(bytes.len(), length, "{value}");
            assert_eq!(unsigned(&mut Reader::new(&bytes), "x"), Ok(value));
        }
        for value in [0, 1, -1, 63, -64, i64::MIN, i64::MAX] {
            let mut bytes = Vec::new();
            put_signed(value, &mut bytes);
            assert_eq!(signed(&mut Reader::new(&bytes), "x"), Ok(value));
        }
    }

    #[test]
    fn an_event_comes_back() {
        let event = GtidEvent {
            flags: 1,
            uuid: Uuid([0x80, 0x7f, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            tag: b"tag_1",
            number: 700,
            clock: Some(LogicalClock { last_committed: 1, sequence_number: 2 }),
            commit: Some(CommitTime { immediate: 1_700_000_000_000_000, original: Some(1) }),
            transaction_length: Some(200),
            version: Some(ServerVersion { immediate: 80_400, original: Some(80_300) }),
            commit_group_ticket: Some(1 << 40),
            last_required_field: 12,
        };
        let mut bytes = Vec::new();
        encode(&event, &mut bytes);
        assert_eq!(bytes.first(), Some(&2));
        assert_eq!(decode(&bytes), Ok(event));
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
