//! From events to bytes: headers, positions, checksums.

use alloc::vec::Vec;

use sealwire_core::wire::Put as _;

use crate::body::Body;
use crate::checksum::checksum_of;
use crate::error::{Problem, Result};
use crate::event_type::EventType;
use crate::format::{CHECKSUM, Checksum, FormatDescription, MAGIC};
use crate::header::{EventFlags, EventHeader, HEADER};

/// The part of a header that does not follow from the body and the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Seconds since 1970, when the statement began; 0 in artificial events.
    pub timestamp: u32,
    /// The server at which the change was made.
    pub server_id: u32,
    /// The flags.
    pub flags: EventFlags,
}

/// Writes the events of a file.
#[derive(Debug, Clone)]
pub struct Writer {
    position: u64,
    checksum: Checksum,
}

impl Writer {
    /// Begins a file: appends its first four bytes and FORMAT_DESCRIPTION. With the flag [`EventFlags::IN_USE`] in `head` a reader knows that
    /// the file is not closed; to close it, clear the lowest bit of the file's byte 21, which is not part of the checksum.
    pub fn file(format: &FormatDescription<'_>, head: Head, out: &mut Vec<u8>) -> Result<Self> {
        let mut writer = Self::resume(MAGIC.len() as u64, Checksum::None);
        out.put(&MAGIC);
        writer.write(head, &Body::FormatDescription(*format), out)?;
        Ok(writer)
    }

    /// Goes on at the end of a file with such checksums.
    pub const fn resume(position: u64, checksum: Checksum) -> Self {
        Self { position, checksum }
    }

    /// Appends an event. Its `end_log_pos` is the position behind it.
    pub fn write(&mut self, head: Head, body: &Body<'_>, out: &mut Vec<u8>) -> Result<()> {
        let checksum = match body {
            Body::FormatDescription(format) => {
                self.checksum = format.checksum.unwrap_or_default();
                self.checksum
            }
            _ => self.checksum,
        };
        let start = out.len();
        let size = encode_event(head, 0, body, checksum, out)?;
        self.position += u64::from(size);
        // Servers write the lowest 32 bits.
        relocate(out.get_mut(start..).unwrap_or_default(), self.position as u32, checksum);
        Ok(())
    }

    /// The position behind the last event.
    pub const fn position(&self) -> u64 {
        self.position
    }
}

/// Appends an event for a stream, where `end_log_pos` may be 0 or that of the last event, and returns its size. Fails for a body without
/// type, or where the event would have 4 GiB.
pub fn encode_event(
    head: Head,
    end_log_pos: u32,
    body: &Body<'_>,
    checksum: Checksum,
    out: &mut Vec<u8>,
) -> Result<u32> {
    let event_type = body.event_type().ok_or(Problem::UnknownEvent)?;
    let Head { timestamp, server_id, flags } = head;
    let header = EventHeader { timestamp, event_type, server_id, size: 0, end_log_pos, flags };
    // FORMAT_DESCRIPTION has its checksum always, if the server knows checksums.
    let always = matches!(body, Body::FormatDescription(format) if format.checksum.is_some());
    encode_with(header, if always { Checksum::Crc32 } else { checksum }, out, |out| body.encode(out))
}

/// Appends an event whose body is bytes already, and returns its size. `header.size` is not looked at.
pub fn encode_raw(header: EventHeader, body: &[u8], checksum: Checksum, out: &mut Vec<u8>) -> Result<u32> {
    encode_with(header, checksum, out, |out| out.put(body))
}

fn encode_with(
    header: EventHeader,
    checksum: Checksum,
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>),
) -> Result<u32> {
    let start = out.len();
    header.encode(out);
    body(out);
    if checksum == Checksum::Crc32 {
        out.put(&[0; CHECKSUM]);
    }
    let size = out.len() - start;
    let Ok(size) = u32::try_from(size) else {
        out.truncate(start);
        return Err(Problem::TooBig { what: "the event", size: size as u64, limit: u32::MAX.into() });
    };
    let event = out.get_mut(start..).unwrap_or_default();
    overwrite(event, SIZE, size);
    if checksum == Checksum::Crc32 {
        sum(event);
    }
    Ok(size)
}

/// The places of fields in a header.
const TYPE: usize = 4;
const SIZE: usize = 9;
const END_LOG_POS: usize = 13;

/// Gives an event, of which `event` is all bytes, another `end_log_pos`, and computes its checksum anew. So a transaction is written before
/// its place in the file is known.
pub fn relocate(event: &mut [u8], end_log_pos: u32, checksum: Checksum) {
    overwrite(event, END_LOG_POS, end_log_pos);
    if checksum == Checksum::Crc32 || event.get(TYPE) == Some(&EventType::FORMAT_DESCRIPTION.0) {
        sum(event);
    }
}

fn overwrite(event: &mut [u8], at: usize, value: u32) {
    event.iter_mut().skip(at).zip(value.to_le_bytes()).for_each(|(place, byte)| *place = byte);
}

/// Computes the checksum at the end of an event.
fn sum(event: &mut [u8]) {
    let is_format = event.get(TYPE) == Some(&EventType::FORMAT_DESCRIPTION.0);
    let checksum = checksum_of(event, is_format);
    if let Some(at) = event.len().checked_sub(CHECKSUM).filter(|at| *at >= HEADER) {
        overwrite(event, at, checksum);
    }
}
