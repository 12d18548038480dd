//! From bytes to events: the format, checksums, positions, and the tables that row events speak of.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::checksum::{checksum_of, ends_with_checksum};
use crate::error::{Error, Problem};
use crate::event::Event;
use crate::event_type::EventType;
use crate::format::{CHECKSUM, Checksum, ENCRYPTED_MAGIC, Flavour, FormatDescription, MAGIC};
use crate::header::{EventFlags, EventHeader, HEADER};
use crate::inflate::Inflate;
use crate::rows::{RowsFlags, is_rows, peek};
use crate::table_map::Table;

/// The bounds within which a reader works.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of one event. By default 1 GiB and 1 MiB: a server's largest `max_allowed_packet`, and what is around the rows.
    pub event: u32,
    /// The most tables that one statement may describe; 65,536 by default.
    pub tables: usize,
    /// The most bytes that their descriptions take in memory; 64 MiB by default.
    pub table_bytes: usize,
    /// How compressed events are inflated, and how large they may become.
    pub inflate: Inflate,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event: (1 << 30) + (1 << 20), tables: 1 << 16, table_bytes: 64 << 20, inflate: Inflate::default() }
    }
}

/// The tables kept for statements to come, because a table that is described again in the same words is not read again.
const KEPT_TABLES: usize = 256;

/// A table, and the number of the statement that described it last.
#[derive(Debug)]
struct Known {
    table: Arc<Table>,
    statement: u64,
}

/// Whether the first bytes of a file are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A file whose first four bytes have not been read.
    FileStart,
    /// A file after them.
    File,
    /// The events of a server's answer to COM_BINLOG_DUMP.
    Stream,
}

/// Reads the events of a file, or of a stream.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    limits: Limits,
    position: u64,
    /// How events end, as FORMAT_DESCRIPTION says, or as the client asked before there is one.
    checksum: Checksum,
    /// How the artificial ROTATE event ends, which is as the client asked, whatever the file has.
    asked: Checksum,
    /// Whether a FORMAT_DESCRIPTION came.
    has_format: bool,
    /// Whether the rest of the file is encrypted.
    is_encrypted: bool,
    /// The length of headers, as FORMAT_DESCRIPTION says.
    header_length: usize,
    post_headers: Vec<u8>,
    flavour: Flavour,
    /// By the numbers of the tables. Those of the current statement are valid.
    tables: BTreeMap<u64, Known>,
    table_bytes: usize,
    statement: u64,
    /// Whether the tables end with the current event.
    ends_statement: bool,
}

impl Reader {
    /// A reader of a file, from its first byte on.
    pub fn file(limits: Limits) -> Self {
        Self::new(Source::FileStart, Checksum::None, limits)
    }

    /// A reader of the events that a server sends after COM_BINLOG_DUMP. `asked` is the checksum that the client asked for in the variable
    /// `@master_binlog_checksum`; NONE where it set no such variable.
    pub fn stream(asked: Checksum, limits: Limits) -> Self {
        Self::new(Source::Stream, asked, limits)
    }

    fn new(source: Source, asked: Checksum, limits: Limits) -> Self {
        Self {
            source,
            limits,
            position: 0,
            checksum: asked,
            asked,
            has_format: false,
            is_encrypted: false,
            header_length: HEADER,
            post_headers: Vec::new(),
            flavour: Flavour::MariaDb,
            tables: BTreeMap::new(),
            table_bytes: 0,
            statement: 0,
            ends_statement: false,
        }
    }

    /// Goes on at another position of the file, which is that of an event. The format must be known: read FORMAT_DESCRIPTION first.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
        self.forget_tables();
    }

    /// The position behind the last event. In a file this is the number of bytes read; in a stream it follows ROTATE and `end_log_pos`.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// How the events of this log end.
    pub const fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// The limits.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes the next event of a file from the front of `bytes`. `None` means that `bytes` do not hold it to its end: call again with
    /// these bytes and more, or, at the end of the file, call [`Reader::finish`].
    pub fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        if self.source == Source::FileStart {
            let Some((magic, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
            match *magic {
                MAGIC => {}
                ENCRYPTED_MAGIC => return Err(self.error(None, Problem::Encrypted)),
                _ => return Err(self.error(None, Problem::NotABinaryLog)),
            }
            *bytes = rest;
            self.position = MAGIC.len() as u64;
            self.source = Source::File;
        }
        if self.is_encrypted && !bytes.is_empty() {
            return Err(self.error(None, Problem::Encrypted));
        }
        let Some(header) = self.header(bytes)? else { return Ok(None) };
        let Some((event, rest)) = bytes.split_at_checked(header.size as usize) else { return Ok(None) };
        let event = self.take(header, event, self.checksum)?;
        *bytes = rest;
        Ok(Some(event))
    }

    /// The number of bytes that [`Reader::next`] needs for the next event, of which `bytes` is the beginning. It is bounded by
    /// [`Limits::event`].
    pub fn needed(&self, bytes: &[u8]) -> Result<usize, Error> {
        if self.source == Source::FileStart {
            return Ok(MAGIC.len() + HEADER);
        }
        Ok(self.header(bytes)?.map_or(HEADER, |header| header.size as usize))
    }

    /// Ends a file: fails if it is cut short, so that `rest` are the first bytes of an event.
    pub fn finish(&self, rest: &[u8]) -> Result<(), Error> {
        match self.source {
            Source::FileStart => Err(self.error(None, Problem::NotABinaryLog)),
            _ if rest.is_empty() => Ok(()),
            _ if self.is_encrypted => Err(self.error(None, Problem::Encrypted)),
            _ => {
                let event = self.header(rest)?.map(|header| header.event_type);
                Err(self.error(event, Problem::Truncated("the event")))
            }
        }
    }

    /// Takes an event of a stream: one packet, without the 0 before it.
    pub fn event<'a>(&mut self, bytes: &'a [u8]) -> Result<Event<'a>, Error> {
        let header = self.header(bytes)?.ok_or_else(|| self.error(None, Problem::Truncated("the event's header")))?;
        if header.size as usize != bytes.len() {
            return Err(self.error(Some(header.event_type), Problem::Size(header.size)));
        }
        let is_artificial = header.event_type == EventType::ROTATE && header.flags.contains(EventFlags::ARTIFICIAL);
        let checksum = match is_artificial {
            false => self.checksum,
            // MariaDB sends the checksum with each such event but the first, also where the client wants none.
            true if ends_with_checksum(bytes) => Checksum::Crc32,
            true => self.asked,
        };
        self.take(header, bytes, checksum)
    }

    /// Takes the next event of a TRANSACTION_PAYLOAD from the front of its inflated bytes: they have no checksums. `None` is the end.
    /// Positions stay at the payload's.
    pub fn next_inside<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some(header) = self.header(bytes)? else {
            return Err(self.error(None, Problem::Truncated("the event's header")));
        };
        let event_type = header.event_type;
        if matches!(event_type, EventType::TRANSACTION_PAYLOAD | EventType::FORMAT_DESCRIPTION | EventType::ROTATE) {
            return Err(self.error(Some(event_type), Problem::Malformed("the payload")));
        }
        let Some((event, rest)) = bytes.split_at_checked(header.size as usize) else {
            return Err(self.error(Some(event_type), Problem::Truncated("the event")));
        };
        *bytes = rest;
        let position = self.position;
        let event = self.found(header, event, Checksum::None)?;
        self.position = position;
        Ok(Some(event))
    }

    /// The header at the front of `bytes`, if it is there whole.
    fn header(&self, bytes: &[u8]) -> Result<Option<EventHeader>, Error> {
        let Ok(header) = EventHeader::decode(bytes) else { return Ok(None) };
        let event = Some(header.event_type);
        if (header.size as usize) < HEADER {
            return Err(self.error(event, Problem::Malformed("the event's size")));
        }
        if header.size > self.limits.event {
            let (size, limit) = (header.size.into(), self.limits.event.into());
            return Err(self.error(event, Problem::TooBig { what: "the event", size, limit }));
        }
        Ok(Some(header))
    }

    /// Takes a whole event, and moves the position behind it.
    fn take<'a>(&mut self, header: EventHeader, bytes: &'a [u8], checksum: Checksum) -> Result<Event<'a>, Error> {
        let event = self.found(header, bytes, checksum)?;
        match self.source {
            Source::File | Source::FileStart => self.position += u64::from(header.size),
            Source::Stream => self.follow(&header, event.body),
        }
        // A stream is decrypted by the server.
        self.is_encrypted |= header.event_type == EventType::START_ENCRYPTION && self.source == Source::File;
        Ok(event)
    }

    /// Moves the position in a stream.
    fn follow(&mut self, header: &EventHeader, body: &[u8]) {
        match header.event_type {
            EventType::ROTATE => {
                if let Some(position) = body.first_chunk::<8>() {
                    self.position = u64::from_le_bytes(*position);
                }
            }
            // Heartbeats and events that the sender made are in no file.
            EventType::HEARTBEAT | EventType::HEARTBEAT_V2 => {}
            _ if header.end_log_pos == 0 => {}
            // 32 bits of the position are there; it only grows.
            _ => {
                let high = self.position & !u64::from(u32::MAX);
                let position = high | u64::from(header.end_log_pos);
                self.position = if position < self.position { position + (1 << 32) } else { position };
            }
        }
    }

    /// Compares the checksum of an event, and takes over what it says about those to come.
    fn found<'a>(&mut self, header: EventHeader, bytes: &'a [u8], checksum: Checksum) -> Result<Event<'a>, Error> {
        let event_type = header.event_type;
        let position = self.position;
        let fail = |problem| Error { position, event: Some(event_type), problem };
        if core::mem::take(&mut self.ends_statement) {
            self.forget_tables();
        }
        let is_format = matches!(event_type, EventType::FORMAT_DESCRIPTION | EventType::START_V3);
        if !is_format && !self.has_format && self.source == Source::File {
            return Err(fail(Problem::Malformed("the first event, which is no FORMAT_DESCRIPTION,")));
        }
        let header_length = if is_format || event_type == EventType::ROTATE { HEADER } else { self.header_length };
        let all = bytes.get(header_length..).ok_or_else(|| fail(Problem::Truncated("the event's header")))?;
        let mut format = None;
        let mut length = all.len();
        if is_format {
            let (description, body) = FormatDescription::decode(all).map_err(fail)?;
            length = body;
            format = Some(description);
        } else if checksum == Checksum::Crc32 {
            length = length.checked_sub(CHECKSUM).ok_or_else(|| fail(Problem::Truncated("the checksum")))?;
        }
        let (body, stored) = all.split_at_checked(length).unwrap_or((all, &[]));
        let stored = stored.first_chunk::<CHECKSUM>().map(|bytes| u32::from_le_bytes(*bytes));
        // Without checksums FORMAT_DESCRIPTION has one, too, and servers that relay it leave zeros there.
        let is_compared = format.is_none_or(|format| format.checksum == Some(Checksum::Crc32));
        if let (Some(stored), true) = (stored, is_compared) {
            let computed = checksum_of(bytes, is_format);
            if stored != computed {
                return Err(fail(Problem::Checksum { stored, computed }));
            }
        }
        let mut table = None;
        if let Some(format) = format {
            self.checksum = format.checksum.unwrap_or_default();
            self.has_format = true;
            self.header_length = usize::from(format.header_length);
            self.post_headers = format.post_header_lengths.to_vec();
            self.flavour = format.flavour();
            // A table in the same words may have another meaning in a log of the other flavour.
            self.tables.clear();
            self.table_bytes = 0;
            self.forget_tables();
        }
        let post_header = self.post_header(event_type);
        if event_type == EventType::TABLE_MAP {
            table = self.describe(body, post_header).map_err(fail)?;
        } else if is_rows(event_type)
            && let Ok((table_id, flags)) = peek(body, post_header)
        {
            let known = self.tables.get(&table_id).filter(|known| known.statement == self.statement);
            table = known.map(|known| Arc::clone(&known.table));
            self.ends_statement = flags.contains(RowsFlags::STMT_END);
        }
        let inflate = self.limits.inflate;
        Ok(Event {
            header,
            position,
            bytes,
            body,
            checksum: stored,
            table,
            post_header,
            flavour: self.flavour,
            inflate,
        })
    }

    fn post_header(&self, event_type: EventType) -> u8 {
        let index = usize::from(event_type.0).checked_sub(1);
        index.and_then(|index| self.post_headers.get(index)).copied().unwrap_or(0)
    }

    /// Keeps the table that a TABLE_MAP event describes; `None` for an event that is malformed, which [`Event::decode`] reports.
    fn describe(&mut self, body: &[u8], post_header: u8) -> Result<Option<Arc<Table>>, Problem> {
        let Ok((table_id, _)) = peek(body, post_header) else { return Ok(None) };
        if let Some(known) = self.tables.get_mut(&table_id).filter(|known| known.table.body() == body) {
            known.statement = self.statement;
            return Ok(Some(Arc::clone(&known.table)));
        }
        let old = self.tables.remove(&table_id);
        self.table_bytes -= old.map_or(0, |old| old.table.held());
        let Ok(table) = Table::read(body, post_header, self.flavour) else { return Ok(None) };
        let limits = &self.limits;
        let (count, bytes) = (self.tables.len() + 1, self.table_bytes + table.held());
        let too_big =
            |what, size: usize, limit: usize| Problem::TooBig { what, size: size as u64, limit: limit as u64 };
        if count > limits.tables {
            return Err(too_big("the number of tables", count, limits.tables));
        }
        if bytes > limits.table_bytes {
            return Err(too_big("the size of the tables' descriptions", bytes, limits.table_bytes));
        }
        self.table_bytes = bytes;
        let table = Arc::new(table);
        self.tables.insert(table_id, Known { table: Arc::clone(&table), statement: self.statement });
        Ok(Some(table))
    }

    /// Ends the statement to which the tables belong.
    fn forget_tables(&mut self) {
        if self.tables.len() > KEPT_TABLES || self.table_bytes > self.limits.table_bytes / 2 {
            self.tables.clear();
            self.table_bytes = 0;
        }
        self.statement += 1;
    }

    const fn error(&self, event: Option<EventType>, problem: Problem) -> Error {
        Error { position: self.position, event, problem }
    }
}
