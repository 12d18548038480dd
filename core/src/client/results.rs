//! The command phase: decodes the replies to the pending commands.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::authentication::{Context, Exchange, Login, NextStep};
use super::config::Streaming;
use super::event::{Event, Prepared, RowFormat, Summary};
use super::reply_trace::trace_reply;
use crate::channel::{Channel, ExpectedNumbers};
use crate::error::{Error, PeerMisbehaved, Side};
use crate::lent_rows::{LentRows, RowShape};
use crate::link::Link;
use crate::message::SqlError;
use crate::message::{
    BinaryRow, Capabilities, ColumnDefinition, EofPacket, ErrPacket, OkPacket, QueryReply, RowReply, StatusFlags,
    StmtPrepareOk, StreamPacket, TextRow,
};
use crate::printable;
use crate::received::{Packet, Received, has_memory_for};
use crate::secret::Secret;
use crate::wire::Put;
use crate::wire::frame::{self, Found, HEADER, Scan};

/// The most bytes of the definitions of one result's columns, or of a statement's parameters and columns. No server has so many.
const MOST_DEFINITIONS: usize = 64 * 1024 * 1024;

/// The largest part, in bytes, of a name from the server that is shown to the user.
const MOST_SHOWN: usize = 256;

/// A command that the server has not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    /// The sequence numbers with which the reply must start.
    pub(super) numbers: ExpectedNumbers,
    pub(super) expect: Expect,
}

/// The form of the reply to a command, with its progress.
#[derive(Debug)]
pub(super) enum Expect {
    /// OK, ERR, EOF.
    Simple,
    /// OK, ERR, or results with rows in this format. The name is that of the file that the server may request.
    Results(RowFormat, Option<Vec<u8>>),
    /// Rows without column definitions, because the columns are known: COM_STMT_FETCH.
    Fetch(Vec<ColumnDefinition>),
    /// Column definitions up to EOF: COM_FIELD_LIST.
    FieldList,
    /// One packet of text: COM_STATISTICS.
    Text,
    /// COM_STMT_PREPARE. The name is that of the file that the server may request when it executes the statement.
    Prepare(Option<Vec<u8>>),
    /// COM_CHANGE_USER.
    ChangeUser(Exchange, Secret),
    /// Events of the binary log, up to EOF or ERR: COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID.
    BinlogStream(Streaming),
}

/// The progress within the reply to the first pending command.
#[derive(Debug)]
enum Stage {
    /// Next is the first packet of the reply, or of a further result.
    Start,
    /// Next are this many column definitions, then rows.
    Columns {
        left: u64,
        format: RowFormat,
    },
    /// Next is the EOF after the column definitions.
    ColumnsEnd(RowFormat),
    Rows(RowFormat),
    /// Next are rows that are skipped, because the statement has failed on this side.
    SkippedRows,
    /// The server waits for the contents of a file.
    LocalInfile,
    /// Next are definitions of a prepared statement.
    Statement {
        prepared: Prepared,
        parameters: u16,
        columns: u16,
    },
    /// Next is the EOF after the parameters or columns of a prepared statement.
    StatementEof {
        prepared: Prepared,
        columns: u16,
    },
}

/// The state of the command phase.
#[derive(Debug)]
pub(super) struct CommandPhase {
    pub(super) login: Login,
    capabilities: Capabilities,
    pending: VecDeque<Pending>,
    stage: Stage,
    /// The bytes of the definitions that the current reply has had so far.
    definitions: usize,
    pub(super) columns: Vec<ColumnDefinition>,
    /// The row of the last row event.
    pub(super) row: Packet,
    pub(super) status: StatusFlags,
    local_infile: bool,
    /// The longest silence of the server while an answer is awaited; `None` for no limit.
    pub(super) patience: Option<Duration>,
    /// The reason why the server did not get its file. The application gets this error at the end of the server's reply, instead of the
    /// reply.
    refused: Option<SqlError>,
}

impl CommandPhase {
    pub(super) const fn new(login: Login, capabilities: Capabilities, status: StatusFlags, local_infile: bool) -> Self {
        Self {
            login,
            capabilities,
            pending: VecDeque::new(),
            stage: Stage::Start,
            definitions: 0,
            columns: Vec::new(),
            row: Packet { at: 0..0, sequence: 0 },
            status,
            local_infile,
            patience: None,
            refused: None,
        }
    }

    /// Records a sent command whose reply must start with these sequence numbers.
    pub(super) fn expect(&mut self, numbers: ExpectedNumbers, expect: Expect, channel: &mut Channel) {
        if self.pending.is_empty() {
            channel.expect(numbers);
        }
        channel.is_busy = true;
        self.pending.push_back(Pending { numbers, expect });
    }

    /// Whether every command is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Moves to the next row if rows are due and all of the row is in the buffer. Only packets whose first byte proves that they are rows
    /// are taken.
    #[inline]
    pub(super) fn next_row(&mut self, channel: &mut Channel, received: &mut Received) -> Option<RowFormat> {
        let Stage::Rows(format) = self.stage else { return None };
        let shape = self.shape(format);
        channel.next_row(received, shape, &mut self.row).then_some(format)
    }

    #[inline]
    fn shape(&self, format: RowFormat) -> RowShape {
        match format {
            RowFormat::Text => RowShape { first: TextRow::LARGEST_FIRST_BYTE, shortest: 1 },
            RowFormat::Binary => {
                RowShape { first: BinaryRow::FIRST_BYTE, shortest: BinaryRow::shortest(self.columns.len()) }
            }
        }
    }

    /// Lends the received bytes if rows are due.
    pub(super) fn lend_rows(&mut self, channel: &Channel, received: &mut Received, rows: &mut LentRows) -> bool {
        let Stage::Rows(format) = self.stage else { return false };
        self.row = Packet::default();
        channel.lend_rows(received, self.shape(format), rows)
    }

    /// The properties of the binary log's stream, if the server is sending one.
    pub(super) fn streaming(&self) -> Option<Streaming> {
        match self.pending.front()?.expect {
            Expect::BinlogStream(streaming) => Some(streaming),
            _ => None,
        }
    }

    /// The longest silence that the server may keep now; `None` for no limit.
    pub(super) fn silence(&self) -> Option<Duration> {
        match self.pending.front()?.expect {
            Expect::BinlogStream(streaming) => streaming.silence,
            _ => self.patience,
        }
    }

    /// Whether the server waits for the contents of a file.
    pub(super) const fn awaits_file(&self) -> bool {
        matches!(self.stage, Stage::LocalInfile)
    }

    /// The file has been sent completely, or has been refused with this error.
    pub(super) fn file_sent(&mut self, refused: Option<SqlError>) {
        self.stage = Stage::Start;
        self.refused = refused;
    }

    /// Decodes packets until one of them makes an event.
    pub(super) fn step(
        &mut self,
        link: &mut Link,
        received: &mut Received,
        config: &super::Config,
    ) -> Result<Option<Event>, Error> {
        loop {
            if self.pending.is_empty() {
                link.channel.expect(ExpectedNumbers::default());
            }
            if self.awaits_file() {
                return Ok(None);
            }
            let Some(packet) =
                link.channel.next_packet(received).map_err(|error| explain_wrong_sequence(error, received))?
            else {
                return Ok(None);
            };
            let payload = received.payload(&packet);
            if self.pending.is_empty() {
                return Err(unsolicited_packet(payload));
            }
            self.check_memory(payload)?;
            let before = self.pending.len();
            let Some(event) = self.packet(packet, payload, &mut link.channel, config)? else { continue };
            if self.refused.is_none() {
                return Ok(Some(event));
            }
            if self.pending.len() < before {
                return Ok(self.refused.take().map(Event::Failed));
            }
        }
    }

    /// Checks that there is memory for the packet's texts. Rows and events of the binary log are used where they are.
    fn check_memory(&mut self, payload: &[u8]) -> Result<(), Error> {
        match self.stage {
            Stage::Columns { .. } | Stage::Statement { .. } => self.definitions += payload.len(),
            Stage::Rows(_) | Stage::SkippedRows if !ErrPacket::matches(payload) => return Ok(()),
            Stage::Start if !ErrPacket::matches(payload) => {
                let expect = self.pending.front().map(|pending| &pending.expect);
                match expect {
                    Some(Expect::Fetch(_) | Expect::BinlogStream(_)) => return Ok(()),
                    // Each packet of the list but the last is a definition.
                    Some(Expect::FieldList) if !EofPacket::matches(payload) => self.definitions += payload.len(),
                    _ => self.definitions = 0,
                }
            }
            _ => {}
        }
        if self.definitions > MOST_DEFINITIONS {
            return Err(PeerMisbehaved::Unexpected("columns whose definitions have more than 64 MiB").into());
        }
        if has_memory_for(payload.len().max(self.definitions)) { Ok(()) } else { Err(Error::OutOfMemory) }
    }

    fn packet(
        &mut self,
        packet: Packet,
        payload: &[u8],
        channel: &mut Channel,
        config: &super::Config,
    ) -> Result<Option<Event>, Error> {
        let stage = core::mem::replace(&mut self.stage, Stage::Start);
        let is_between_definitions = matches!(
            stage,
            Stage::Columns { .. } | Stage::ColumnsEnd(_) | Stage::Statement { .. } | Stage::StatementEof { .. }
        );
        if is_between_definitions && ErrPacket::matches(payload) {
            // A server that ends, or a proxy that has lost its server, says so in the middle.
            return Ok(Some(self.failed(&ErrPacket::decode(payload)?, channel)));
        }
        match stage {
            Stage::Start => self.first(packet, payload, channel, config),
            Stage::Columns { left, format } => {
                self.columns.push(ColumnDefinition::decode(payload, self.capabilities)?);
                match left - 1 {
                    0 if self.has_eof() => self.stage = Stage::ColumnsEnd(format),
                    0 => return Ok(Some(self.begin_rows(format))),
                    left => self.stage = Stage::Columns { left, format },
                }
                Ok(None)
            }
            Stage::ColumnsEnd(format) => {
                let eof = EofPacket::decode(payload)?;
                self.status = eof.status;
                let begun = self.begin_rows(format);
                if eof.status.contains(StatusFlags::CURSOR_EXISTS) {
                    // A cursor on the server keeps the rows, so nothing follows this EOF.
                    self.finish(channel);
                }
                Ok(Some(begun))
            }
            Stage::Rows(format) => self.row_or_end(packet, payload, Some(format), channel),
            Stage::SkippedRows => self.row_or_end(packet, payload, None, channel),
            Stage::Statement { prepared, parameters, columns } => {
                let definition = ColumnDefinition::decode(payload, self.capabilities)?;
                Ok(self.definition(definition, prepared, parameters, columns, channel))
            }
            Stage::StatementEof { prepared, columns } => {
                EofPacket::decode(payload)?;
                Ok(self.statement(prepared, 0, columns, channel))
            }
            // No packet is read in this stage, because the file has to be sent first.
            Stage::LocalInfile => Ok(None),
        }
    }

    /// Decodes a packet that is a row or the end of the rows. `format` is `None` if the rows are skipped.
    fn row_or_end(
        &mut self,
        packet: Packet,
        payload: &[u8],
        format: Option<RowFormat>,
        channel: &mut Channel,
    ) -> Result<Option<Event>, Error> {
        Ok(match (RowReply::decode(payload, self.capabilities)?, format) {
            (RowReply::Row(_), None) => {
                self.stage = Stage::SkippedRows;
                None
            }
            (RowReply::Row(row), Some(format)) => {
                if format == RowFormat::Binary {
                    // Validate the row here, where an error ends the connection. `Connection::binary_row` decodes it again.
                    BinaryRow::new(row, &self.columns)?;
                }
                self.stage = Stage::Rows(format);
                self.row = packet;
                Some(Event::Row(format))
            }
            (RowReply::End(end), _) => {
                self.status = end.status;
                self.finish_unless_more(channel);
                Some(Event::ResultEnd { status: end.status, warnings: end.warnings })
            }
            (RowReply::Err(error), _) => Some(self.failed(&error, channel)),
        })
    }

    /// Decodes the first packet of a reply.
    fn first(
        &mut self,
        packet: Packet,
        payload: &[u8],
        channel: &mut Channel,
        config: &super::Config,
    ) -> Result<Option<Event>, Error> {
        let Some(Pending { expect, .. }) = self.pending.front_mut() else { return Ok(None) };
        let authenticating = matches!(expect, Expect::ChangeUser(..));
        let in_stream = matches!(expect, Expect::BinlogStream(_)) && !ErrPacket::matches(payload);
        if !in_stream {
            trace_reply(channel, &packet, payload, authenticating);
        }
        if !authenticating && ErrPacket::matches(payload) {
            return Ok(Some(self.failed(&ErrPacket::decode(payload)?, channel)));
        }
        match expect {
            Expect::Simple => self.done(payload, channel).map(Some),
            Expect::Results(format, file) => {
                let format = *format;
                match QueryReply::decode(payload, self.capabilities)? {
                    QueryReply::Ok(ok) => self.ok(&ok, channel).map(Some),
                    QueryReply::Err(error) => Ok(Some(self.failed(&error, channel))),
                    QueryReply::LocalInfile(name) => {
                        let named = file.take_if(|file| file == name).is_some();
                        Ok(self.file(name, named, channel))
                    }
                    QueryReply::Columns { count, .. } => {
                        self.columns.clear();
                        self.stage = Stage::Columns { left: count, format };
                        Ok(None)
                    }
                }
            }
            Expect::Fetch(columns) => {
                self.columns = core::mem::take(columns);
                // This packet is already a row, or the end of the rows.
                self.row_or_end(packet, payload, Some(RowFormat::Binary), channel)
            }
            // EOF follows the last column.
            Expect::FieldList if EofPacket::matches(payload) => self.row_or_end(packet, payload, None, channel),
            Expect::FieldList => {
                self.columns = Vec::from([ColumnDefinition::decode(payload, self.capabilities)?]);
                Ok(Some(Event::ResultSet))
            }
            Expect::Text => {
                self.finish(channel);
                Ok(Some(Event::Text(payload.to_vec())))
            }
            Expect::Prepare(file) => {
                let ok = StmtPrepareOk::decode(payload)?;
                let prepared = Prepared {
                    statement: ok.statement,
                    file: file.take(),
                    parameters: Vec::new(),
                    columns: Vec::new(),
                    warnings: ok.warnings,
                };
                Ok(self.statement(prepared, ok.parameters, ok.columns, channel))
            }
            // A server without the agreed EOF packets ends the stream by one nevertheless.
            Expect::BinlogStream(_) if EofPacket::matches(payload) => {
                self.finish(channel);
                Ok(Some(Event::ResultEnd { status: self.status, warnings: 0 }))
            }
            Expect::BinlogStream(streaming) => {
                let StreamPacket { wants_ack, event } = StreamPacket::decode(payload, streaming.semi_sync)?;
                self.row = Packet { at: packet.at.end - event.len()..packet.at.end, sequence: packet.sequence };
                Ok(Some(Event::BinlogEvent { wants_ack }))
            }
            Expect::ChangeUser(exchange, password) => {
                let context =
                    Context { config, password, security: self.login.security, capabilities: self.capabilities };
                let next = exchange.step(payload, context)?;
                self.login.keep_plugin_and_scramble(exchange);
                match next {
                    NextStep::Send(answer) => {
                        channel.send(|out| out.put(&answer));
                        Ok(None)
                    }
                    NextStep::Wait => Ok(None),
                    NextStep::Granted(ok) => self.ok(&ok, channel).map(Some),
                    NextStep::Denied(error) => {
                        self.finish(channel);
                        Ok(Some(Event::Failed(error)))
                    }
                }
            }
        }
    }

    /// Decodes OK, or the EOF with which some commands end.
    fn done(&mut self, payload: &[u8], channel: &mut Channel) -> Result<Event, Error> {
        if self.has_eof() && EofPacket::matches(payload) {
            let EofPacket { status, warnings } = EofPacket::decode(payload)?;
            self.status = status;
            self.finish(channel);
            return Ok(Event::ResultEnd { status, warnings });
        }
        self.ok(&OkPacket::decode(payload, self.capabilities)?, channel)
    }

    fn ok(&mut self, ok: &OkPacket<'_>, channel: &mut Channel) -> Result<Event, Error> {
        ok.check_session_changes()?;
        self.status = ok.status;
        self.finish_unless_more(channel);
        Ok(Event::Ok(Summary::from(*ok)))
    }

    fn failed(&mut self, error: &ErrPacket<'_>, channel: &mut Channel) -> Event {
        self.finish(channel);
        Event::Failed(error.to_sql_error())
    }

    /// Handles the server's request for a file of this computer.
    fn file(&mut self, name: &[u8], named: bool, channel: &mut Channel) -> Option<Event> {
        let why = if !self.local_infile {
            "--local-infile is off"
        } else if !named {
            "the current statement is not LOAD DATA LOCAL INFILE with this file, or the file was sent already"
        } else if !self.login.security.allows_clear_password() {
            "the server is not verified: verify it with --ssl-ca or --ssl-fp, or connect through its Unix socket"
        } else if self.refused.is_some() {
            "the statement has failed"
        } else {
            self.stage = Stage::LocalInfile;
            return Some(Event::LocalInfile { filename: name.to_vec() });
        };
        let shown = String::from_utf8_lossy(name.get(..MOST_SHOWN).unwrap_or(name));
        let text = format!(
            "LOAD DATA LOCAL INFILE file request rejected due to restrictions on access: the server asked for the file '{}' \
             of this computer, and {why}",
            printable::line(&shown)
        );
        self.refused.get_or_insert_with(|| SqlError::local_infile_rejected(text));
        // An empty packet means that no contents follow.
        channel.send(|_| {});
        None
    }

    fn begin_rows(&mut self, format: RowFormat) -> Event {
        self.stage = if self.refused.is_none() { Stage::Rows(format) } else { Stage::SkippedRows };
        Event::ResultSet
    }

    fn definition(
        &mut self,
        definition: ColumnDefinition,
        mut prepared: Prepared,
        parameters: u16,
        columns: u16,
        channel: &mut Channel,
    ) -> Option<Event> {
        let (parameters, columns) = if parameters > 0 {
            prepared.parameters.push(definition);
            (parameters - 1, columns)
        } else {
            prepared.columns.push(definition);
            (0, columns.saturating_sub(1))
        };
        // An EOF follows the last parameter, and another one the last column.
        let last_parameter = parameters == 0 && prepared.columns.is_empty();
        if self.has_eof() && (last_parameter || (parameters == 0 && columns == 0)) {
            self.stage = Stage::StatementEof { prepared, columns };
            return None;
        }
        self.statement(prepared, parameters, columns, channel)
    }

    /// Waits for the next definition, or finishes if there is none.
    fn statement(&mut self, prepared: Prepared, parameters: u16, columns: u16, channel: &mut Channel) -> Option<Event> {
        if parameters == 0 && columns == 0 {
            self.finish(channel);
            return Some(Event::Prepared(prepared));
        }
        self.stage = Stage::Statement { prepared, parameters, columns };
        None
    }

    /// Whether EOF packets are in use. OK packets replace them since MySQL 5.7.
    const fn has_eof(&self) -> bool {
        !self.capabilities.contains(Capabilities::DEPRECATE_EOF)
    }

    fn finish_unless_more(&mut self, channel: &mut Channel) {
        self.stage = Stage::Start;
        if !self.status.contains(StatusFlags::MORE_RESULTS) {
            self.finish(channel);
        }
    }

    /// Removes the first pending command, because it is answered. The reply to the next one has its own sequence numbers.
    fn finish(&mut self, channel: &mut Channel) {
        self.stage = Stage::Start;
        self.pending.pop_front();
        channel.is_busy = !self.is_idle();
        channel.expect(self.pending.front().map(|next| next.numbers).unwrap_or_default());
    }
}

/// Explains a wrong sequence number: a server that closes the connection gives the reason in an ERR packet, which has its own number (4031,
/// 1053, 1153).
fn explain_wrong_sequence(error: Error, received: &Received) -> Error {
    match (&error, unsolicited_err(received)) {
        (Error::PeerMisbehaved(PeerMisbehaved::OutOfOrder), Some(error)) => Error::Refused { by: Side::Server, error },
        _ => error,
    }
}

/// The error in the unexpected packet, if it is an ERR packet. A server that ends the connection on its own sends the reason before it has
/// read the command that its client just sent.
fn unsolicited_err(received: &Received) -> Option<SqlError> {
    err_packet(received.rest())
}

/// The error of the ERR packet at the front of the bytes, if there is one.
pub(super) fn err_packet(bytes: &[u8]) -> Option<SqlError> {
    match frame::scan(bytes) {
        Scan::Complete(Found { frames: 1, wire_length, .. }) => {
            ErrPacket::decode(bytes.get(HEADER..wire_length)?).ok().map(|error| error.to_sql_error())
        }
        _ => None,
    }
}

/// The error for a packet without a pending command. A server that closes the connection gives the reason in an ERR packet.
fn unsolicited_packet(payload: &[u8]) -> Error {
    match ErrPacket::decode(payload) {
        Ok(error) => Error::Refused { by: Side::Server, error: error.to_sql_error() },
        Err(_) => Error::PeerMisbehaved(PeerMisbehaved::Unexpected("a packet that answers no command")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::{Peer, RecordedAnswer};

    #[test]
    fn the_definitions_of_a_result_are_bounded() {
        let mut definition = b"\x03def".to_vec();
        definition.put_lenenc_bytes(&alloc::vec![b'x'; MOST_DEFINITIONS / 5]);
        definition.put(b"\0\0\0\0\x0c\x2d\0\0\0\0\0\xfd\0\0\0\0\0");
        let mut peer = Peer::connected("8.0.0");
        for _ in 0..2 {
            peer.connection.query(b"SELECT 1").unwrap();
            peer.sent();
            peer.answer(&RecordedAnswer::Packets(&[b"\x04"]));
            for _ in 0..4 {
                peer.give(&definition);
                assert!(matches!(peer.event(), Ok(None)));
            }
            peer.give(b"\xfe\0\0\x02\0");
            assert!(matches!(peer.event(), Ok(Some(Event::ResultSet))));
            peer.give(b"\xfe\0\0\x02\0");
            assert!(matches!(peer.event(), Ok(Some(Event::ResultEnd { .. }))));
        }
        peer.connection.query(b"SELECT 1").unwrap();
        peer.sent();
        peer.answer(&RecordedAnswer::Packets(&[b"\x05"]));
        for _ in 0..5 {
            peer.give(&definition);
        }
        assert!(matches!(peer.event(), Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(_)))));
    }

    #[test]
    fn an_error_between_definitions_is_the_answer() {
        let column = b"\x03def\0\0\0\x01a\0\x0c\x2d\0\0\0\0\0\xfd\0\0\0\0\0";
        let error = b"\xff\x1d\x04#08S01Server shutdown in progress";
        for count in 0..=2 {
            let mut peer = Peer::connected("8.0.0");
            peer.connection.query(b"SELECT a, a").unwrap();
            peer.sent();
            peer.answer(&RecordedAnswer::Packets(&[b"\x02"]));
            for _ in 0..count {
                peer.give(column);
                assert!(matches!(peer.event(), Ok(None)));
            }
            peer.give(error);
            let event = peer.event();
            assert!(matches!(&event, Ok(Some(Event::Failed(error))) if error.code == 1053), "{count}: {event:?}");
        }
    }

    #[test]
    fn the_definitions_of_a_list_of_fields_are_bounded() {
        // The second one begins as EOF does: the length of its catalog has nine bytes.
        for catalog in [&b"\x03def"[..], b"\xfe\x03\0\0\0\0\0\0\0def"] {
            let mut definition = catalog.to_vec();
            definition.put_lenenc_bytes(&alloc::vec![b'x'; MOST_DEFINITIONS / 5]);
            definition.put(b"\0\0\0\0\x0c\x2d\0\0\0\0\0\xfd\0\0\0\0\0\xfb");
            let mut peer = Peer::connected("8.0.0");
            peer.connection.field_list(b"t", b"").unwrap();
            peer.sent();
            let bounded = (0..6).find_map(|_| {
                peer.give(&definition);
                peer.event().err()
            });
            assert!(matches!(bounded, Some(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(_)))), "{bounded:?}");
        }
    }
}
