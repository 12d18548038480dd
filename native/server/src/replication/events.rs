//! Writes events: into a transaction's cache without their places, and into the log with them.

use std::time::{SystemTime, UNIX_EPOCH};

use sealwire_binlog::{Checksum, EventFlags, EventHeader, EventType, HEADER, MAGIC};
use sealwire_core::wire::Put as _;

/// The place of the first event in a file.
pub(crate) const FIRST_POSITION: u64 = MAGIC.len() as u64;
/// The bytes of a checksum.
pub(super) const CHECKSUM: usize = 4;
/// Where in a header the server's id, the size and the end are.
const SERVER_ID: std::ops::Range<usize> = 5..9;
const SIZE: std::ops::Range<usize> = 9..13;
const END: std::ops::Range<usize> = 13..17;

/// Seconds since 1970.
pub(super) fn now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

/// The size that an event's header gives; 0 where there is no whole header.
pub(super) fn size_of(event: &[u8]) -> u64 {
    let size = event.get(SIZE).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    size.map_or(0, |bytes| u64::from(u32::from_le_bytes(bytes)))
}

/// Appends an event whose place and checksum are not known yet.
pub(super) fn put_unplaced(
    event_type: EventType,
    flags: EventFlags,
    body: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    put_unplaced_at(now(), event_type, flags, body, out);
}

/// As [`put_unplaced`], for an event of this second.
pub(super) fn put_unplaced_at(
    timestamp: u32,
    event_type: EventType,
    flags: EventFlags,
    body: impl FnOnce(&mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    let start = out.len();
    EventHeader { timestamp, event_type, server_id: 0, size: 0, end_log_pos: 0, flags }.encode(out);
    body(out);
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    set(out.get_mut(start..).unwrap_or_default(), SIZE, size);
}

fn set(event: &mut [u8], at: std::ops::Range<usize>, value: u32) {
    if let Some(place) = event.get_mut(at) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// Appends events at their places in a file.
pub(super) struct Placer<'a> {
    /// The bytes so far.
    pub(super) out: &'a mut Vec<u8>,
    /// The place of the next event.
    pub(super) position: u64,
    pub(super) server_id: u32,
    pub(super) checksum: Checksum,
}

impl Placer<'_> {
    /// Makes and appends an event.
    pub(super) fn put(&mut self, event_type: EventType, flags: EventFlags, body: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        put_unplaced(event_type, flags, body, self.out);
        self.finish(start, event_type == EventType::FORMAT_DESCRIPTION);
    }

    /// Appends an event of a cache.
    pub(super) fn place(&mut self, event: &[u8]) {
        let start = self.out.len();
        self.out.extend_from_slice(event);
        self.finish(start, false);
    }

    /// Gives the event that begins at `start` its place and its checksum, which FORMAT_DESCRIPTION always has.
    fn finish(&mut self, start: usize, has_checksum: bool) {
        let has_checksum = has_checksum || self.checksum == Checksum::Crc32;
        let size = self.out.len() - start + if has_checksum { CHECKSUM } else { 0 };
        self.position += size as u64;
        let event = self.out.get_mut(start..).unwrap_or_default();
        set(event, SERVER_ID, self.server_id);
        set(event, SIZE, u32::try_from(size).unwrap_or(u32::MAX));
        // The field has 32 bits, so it wraps in files over 4 GiB, as mysqld's does.
        set(event, END, self.position as u32);
        if has_checksum {
            let checksum = crc32fast::hash(event);
            self.out.extend_from_slice(&checksum.to_le_bytes());
        }
    }
}

/// Appends the body of the event that holds a statement's text before its rows.
pub(super) fn put_statement(event_type: EventType, text: &[u8], out: &mut Vec<u8>) {
    if event_type == EventType::ROWS_QUERY {
        // The length counts for nobody, because it has one byte.
        out.push(text.len() as u8);
    }
    out.extend_from_slice(text);
}

/// The size of a whole event with this body, in a log with these checksums.
pub(super) const fn placed_size(body: usize, checksum: Checksum) -> u64 {
    let checksum = match checksum {
        Checksum::Crc32 => CHECKSUM,
        Checksum::None => 0,
    };
    (HEADER + body + checksum) as u64
}

/// A whole event.
pub(super) fn whole(mut header: EventHeader, checksum: Checksum, body: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut contents = Vec::new();
    body(&mut contents);
    let end = if checksum == Checksum::Crc32 { CHECKSUM } else { 0 };
    header.size = u32::try_from(HEADER + contents.len() + end).unwrap_or(u32::MAX);
    let mut event = Vec::new();
    header.encode(&mut event);
    event.put(&contents);
    if checksum == Checksum::Crc32 {
        let checksum = crc32fast::hash(&event);
        event.put_u32(checksum);
    }
    event
}
