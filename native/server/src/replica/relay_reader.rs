//! Reads a file of the relay log, event by event, and knows the place of each in the source's log.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use sealwire_binlog::{Body, Error, Event, EventFlags, EventType, Limits, MAGIC, Reader};

/// Bytes of one read.
const CHUNK: usize = 64 << 10;

/// A reader of one file.
pub(crate) struct RelayReader {
    name: Arc<str>,
    file: File,
    reader: Reader,
    buffer: Vec<u8>,
    /// The beginning of what is still to be read in the buffer.
    at: usize,
    source_file: Vec<u8>,
    source_position: u64,
}

/// An event of the relay log.
pub(crate) struct RelayEvent<'a> {
    pub(crate) event: Event<'a>,
    /// Whether the event is the relay log's own, and not the source's.
    pub(crate) is_own: bool,
    /// The source's file.
    pub(crate) file: &'a [u8],
    /// The position behind the event in the source's file.
    pub(crate) position: u64,
}

/// Why a relay log can't be read.
#[derive(Debug)]
pub(crate) enum RelayError {
    Io(io::Error),
    Event(Error),
}

impl std::fmt::Display for RelayError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Event(error) => error.fmt(f),
        }
    }
}

impl RelayReader {
    /// Opens a file.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub(crate) fn open(name: &str, path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut reader = Reader::file(Limits::default());
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic)?;
        // Only the first bytes are there, so no event comes.
        reader.next(&mut &magic[..]).map_err(io::Error::other)?;
        let (name, buffer, at) = (name.into(), Vec::new(), 0);
        Ok(Self { name, file, reader, buffer, at, source_file: Vec::new(), source_position: 0 })
    }

    /// The name of the file.
    pub(crate) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The position of the next event in this file.
    pub(crate) const fn offset(&self) -> u64 {
        self.reader.position()
    }

    /// The next event before the position `end`; `None` at that end, or at the end of the file.
    ///
    /// # Errors
    /// Where the file can't be read, or has no event there.
    pub(crate) fn next(&mut self, end: u64) -> Result<Option<RelayEvent<'_>>, RelayError> {
        if self.reader.position() >= end || !self.fill()? {
            return Ok(None);
        }
        let mut rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some(event) = self.reader.next(&mut rest).map_err(RelayError::Event)? else { return Ok(None) };
        self.at = self.buffer.len() - rest.len();
        let header = &event.header;
        let is_own = header.flags.contains(EventFlags::RELAY_LOG)
            && matches!(header.event_type, EventType::FORMAT_DESCRIPTION | EventType::ROTATE);
        match header.event_type {
            _ if is_own => {}
            EventType::ROTATE => {
                if let Body::Rotate(rotate) = event.decode().map_err(RelayError::Event)? {
                    (self.source_file, self.source_position) = (rotate.file.to_vec(), rotate.position);
                }
            }
            // Such events are in no file of the source.
            _ if header.end_log_pos == 0 => {}
            // 32 bits of the position are there, and it only grows.
            _ => {
                let position = self.source_position & !u64::from(u32::MAX) | u64::from(header.end_log_pos);
                self.source_position = if position < self.source_position { position + (1 << 32) } else { position };
            }
        }
        Ok(Some(RelayEvent { event, is_own, file: &self.source_file, position: self.source_position }))
    }

    /// Reads until the next event is there whole; false where the file ends before.
    fn fill(&mut self) -> Result<bool, RelayError> {
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let needed = self.reader.needed(rest).map_err(RelayError::Event)?;
            if rest.len() >= needed {
                return Ok(true);
            }
            let missing = needed - rest.len();
            self.buffer.drain(..self.at);
            self.at = 0;
            let before = self.buffer.len();
            // At most what is missing is demanded, so an event of a false size takes no more memory than the file has bytes.
            let most = missing.clamp(CHUNK, 1 << 20);
            self.buffer.resize(before + most, 0);
            let read = self.file.read(self.buffer.get_mut(before..).unwrap_or_default()).map_err(RelayError::Io);
            let length = *read.as_ref().unwrap_or(&0);
            self.buffer.truncate(before + length);
            if read? == 0 {
                return Ok(false);
            }
        }
    }
}
