//! One event: its header, its bytes, and all that is needed to decode its body.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::body::{Body, Context};
use crate::error::{Error, Problem};
use crate::event_type::EventType;
use crate::format::{Checksum, Flavour};
use crate::header::{EventFlags, EventHeader, HEADER};
use crate::inflate::Inflate;
use crate::table_map::Table;
use crate::writer::encode_raw;

/// An event as a [`crate::Reader`] found it. Its checksum was compared.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// The header.
    pub header: EventHeader,
    /// The position of the event in its file.
    pub position: u64,
    /// All bytes of the event, with header and checksum.
    pub bytes: &'a [u8],
    /// The bytes between header and checksum.
    pub body: &'a [u8],
    /// The checksum, if the event has one.
    pub checksum: Option<u32>,
    /// The table of a row event, if a TABLE_MAP event described it; the described table of a TABLE_MAP event that is well formed.
    pub table: Option<Arc<Table>>,
    pub(crate) post_header: u8,
    pub(crate) flavour: Flavour,
    pub(crate) inflate: Inflate,
}

impl<'a> Event<'a> {
    /// Decodes the body.
    pub fn decode(&self) -> Result<Body<'a>, Error> {
        let context = Context {
            event_type: self.header.event_type,
            post_header: self.post_header,
            is_ignorable: self.header.flags.contains(EventFlags::IGNORABLE),
            inflate: &self.inflate,
            table: self.table.clone(),
        };
        if self.header.event_type == EventType::TABLE_MAP && self.table.is_none() {
            // Its parts may be whole, but its metadata is not.
            Table::read(self.body, self.post_header, self.flavour).map_err(|problem| self.error(problem))?;
        }
        let bytes = if self.header.event_type == EventType::FORMAT_DESCRIPTION {
            // The checksum's place depends on the version, which is in the body.
            self.bytes.get(HEADER..).unwrap_or_default()
        } else {
            self.body
        };
        Body::decode(bytes, context).map_err(|problem| self.error(problem))
    }

    /// The bytes of this event with another type and body: the header stays as it was, but for the size. So a compressed event becomes
    /// plain.
    pub fn with_body(&self, event_type: EventType, body: &[u8], checksum: Checksum) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(HEADER + body.len() + 4);
        let header = EventHeader { event_type, ..self.header };
        encode_raw(header, body, checksum, &mut bytes).map_err(|problem| self.error(problem))?;
        Ok(bytes)
    }

    /// A problem with the place of this event.
    pub const fn error(&self, problem: Problem) -> Error {
        Error { position: self.position, event: Some(self.header.event_type), problem }
    }
}
