//! The command phase: which answers are due, and what each packet of them means.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::authentication::{Context, Exchange, Login, Progress};
use super::event::{Event, Prepared, RowFormat, Summary};
use super::reply_trace::tell_reply;
use crate::channel::{Channel, Due};
use crate::error::{Error, PeerMisbehaved, Side};
use crate::link::Link;
use crate::message::SqlError;
use crate::message::{
    BinaryRow, Capabilities, ColumnDefinition, EofPacket, ErrPacket, OkPacket, QueryReply, RowReply, StatusFlags,
    StmtPrepareOk, TextRow,
};
use crate::printable;
use crate::received::{Packet, Received};
use crate::secret::Secret;
use crate::wire::Put;
use crate::wire::frame::{self, Found, HEADER, Scan};

/// So many bytes at most of a name that the server gave are told to the user.
const MOST_SHOWN: usize = 256;

/// A command whose answer is due.
#[derive(Debug)]
pub(super) struct Pending {
    /// The numbers that its answer starts with.
    pub(super) due: Due,
    pub(super) expect: Expect,
}

/// What the answer to a command looks like, and how far it has come.
#[derive(Debug)]
pub(super) enum Expect {
    /// OK, ERR, EOF.
    Simple,
    /// OK, ERR, or results with rows in the format given; also the file that the server may ask for.
    Results(RowFormat, Option<Vec<u8>>),
    /// Rows at once, for columns that are known: COM_STMT_FETCH.
    Fetch(Vec<ColumnDefinition>),
    /// Column definitions up to EOF: COM_FIELD_LIST.
    FieldList,
    /// One packet of text: COM_STATISTICS.
    Text,
    /// COM_STMT_PREPARE.
    Prepare,
    /// COM_CHANGE_USER.
    ChangeUser(Exchange, Secret),
}

/// Where the answer to the first pending command stands.
#[derive(Debug)]
enum Stage {
    /// Its first packet, or the first packet of a further result.
    Start,
    /// This many column definitions are still to come, then rows.
    Columns {
        left: u64,
        format: RowFormat,
    },
    /// The EOF behind the column definitions.
    ColumnsEnd(RowFormat),
    Rows(RowFormat),
    /// Rows that nobody wants, because the statement has failed on this side.
    SkippedRows,
    /// The server waits for a file.
    LocalInfile,
    /// Definitions of a prepared statement.
    Statement {
        prepared: Prepared,
        parameters: u16,
        columns: u16,
    },
    /// The EOF behind the parameters or columns of a prepared statement.
    StatementEof {
        prepared: Prepared,
        columns: u16,
    },
}

/// The command phase.
#[derive(Debug)]
pub(super) struct CommandPhase {
    pub(super) login: Login,
    capabilities: Capabilities,
    pending: VecDeque<Pending>,
    stage: Stage,
    pub(super) columns: Vec<ColumnDefinition>,
    /// The row that the application was told of last.
    pub(super) row: Packet,
    pub(super) status: StatusFlags,
    local_infile: bool,
    /// Why the server did not get its file. What it answers to that is not for the application, but for its end.
    refused: Option<SqlError>,
}

impl CommandPhase {
    pub(super) const fn new(login: Login, capabilities: Capabilities, status: StatusFlags, local_infile: bool) -> Self {
        Self {
            login,
            capabilities,
            pending: VecDeque::new(),
            stage: Stage::Start,
            columns: Vec::new(),
            row: Packet { at: 0..0, sequence: 0 },
            status,
            local_infile,
            refused: None,
        }
    }

    /// Notes that a command was sent whose answer starts with these numbers.
    pub(super) fn expect(&mut self, due: Due, expect: Expect, channel: &mut Channel) {
        if self.pending.is_empty() {
            channel.expect(due);
        }
        self.pending.push_back(Pending { due, expect });
    }

    /// Whether every command was answered.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Goes to the next row, where rows are due and it lies in the buffer whole; its first byte alone must tell that it is one.
    #[inline]
    pub(super) fn next_row(&mut self, channel: &mut Channel, received: &mut Received) -> Option<RowFormat> {
        let Stage::Rows(format) = self.stage else { return None };
        let columns = self.columns.len();
        let is_row = |payload: &[u8]| match format {
            RowFormat::Text => TextRow::is_row(payload),
            RowFormat::Binary => BinaryRow::is_row(payload, columns),
        };
        channel.next_row(received, is_row, &mut self.row).then_some(format)
    }

    /// Whether the server waits for the contents of a file.
    pub(super) const fn awaits_file(&self) -> bool {
        matches!(self.stage, Stage::LocalInfile)
    }

    /// The file was sent whole, or why it was not.
    pub(super) fn file_sent(&mut self, refused: Option<SqlError>) {
        self.stage = Stage::Start;
        self.refused = refused;
    }

    /// Takes packets until one of them is something for the application.
    pub(super) fn step(
        &mut self,
        link: &mut Link,
        received: &mut Received,
        config: &super::Config,
    ) -> Result<Option<Event>, Error> {
        loop {
            if self.pending.is_empty() {
                link.channel.expect(Due::default());
            }
            if self.awaits_file() {
                return Ok(None);
            }
            let Some(packet) = link.channel.next_packet(received).map_err(|error| last_word(error, received))? else {
                return Ok(None);
            };
            let payload = received.payload(&packet);
            if self.pending.is_empty() {
                return Err(unasked(payload));
            }
            let due = self.pending.len();
            let Some(event) = self.packet(packet, payload, &mut link.channel, config)? else { continue };
            if self.refused.is_none() {
                return Ok(Some(event));
            }
            if self.pending.len() < due {
                return Ok(self.refused.take().map(Event::Failed));
            }
        }
    }

    fn packet(
        &mut self,
        packet: Packet,
        payload: &[u8],
        channel: &mut Channel,
        config: &super::Config,
    ) -> Result<Option<Event>, Error> {
        match core::mem::replace(&mut self.stage, Stage::Start) {
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
                    // The rows wait in a cursor on the server; nothing follows this EOF.
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
            // No packet is read in this stage: a file is sent before the next.
            Stage::LocalInfile => Ok(None),
        }
    }

    /// A packet where a row or the end of the rows is due; without a format the application wants no rows.
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
                    // Here, where a failure sticks; `Connection::binary_row` reads the row once more.
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

    /// The first packet of an answer.
    fn first(
        &mut self,
        packet: Packet,
        payload: &[u8],
        channel: &mut Channel,
        config: &super::Config,
    ) -> Result<Option<Event>, Error> {
        let Some(Pending { expect, .. }) = self.pending.front_mut() else { return Ok(None) };
        let authenticating = matches!(expect, Expect::ChangeUser(..));
        tell_reply(channel, &packet, payload, authenticating);
        if !authenticating && ErrPacket::matches(payload) {
            return Ok(Some(self.failed(&ErrPacket::decode(payload)?, channel)));
        }
        match expect {
            Expect::Simple => self.done(payload, channel).map(Some),
            Expect::Results(format, file) => {
                let format = *format;
                match QueryReply::decode(payload, self.capabilities)? {
                    QueryReply::Ok(ok) => Ok(Some(self.ok(&ok, channel))),
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
                // The packet is already a row, or the end of them.
                self.row_or_end(packet, payload, Some(RowFormat::Binary), channel)
            }
            // The end, after the last column.
            Expect::FieldList if EofPacket::matches(payload) => self.row_or_end(packet, payload, None, channel),
            Expect::FieldList => {
                self.columns = Vec::from([ColumnDefinition::decode(payload, self.capabilities)?]);
                Ok(Some(Event::ResultSet))
            }
            Expect::Text => {
                self.finish(channel);
                Ok(Some(Event::Text(payload.to_vec())))
            }
            Expect::Prepare => {
                let ok = StmtPrepareOk::decode(payload)?;
                let prepared = Prepared {
                    statement: ok.statement,
                    parameters: Vec::new(),
                    columns: Vec::new(),
                    warnings: ok.warnings,
                };
                Ok(self.statement(prepared, ok.parameters, ok.columns, channel))
            }
            Expect::ChangeUser(exchange, password) => {
                let context =
                    Context { config, password, security: self.login.security, capabilities: self.capabilities };
                let progress = exchange.step(payload, context)?;
                self.login.learn(exchange);
                match progress {
                    Progress::Send(answer) => {
                        channel.send(|out| out.put(&answer));
                        Ok(None)
                    }
                    Progress::Wait => Ok(None),
                    Progress::Granted(ok) => Ok(Some(self.ok(&ok, channel))),
                    Progress::Denied(error) => {
                        self.finish(channel);
                        Ok(Some(Event::Failed(error)))
                    }
                }
            }
        }
    }

    /// OK, or the EOF that some commands end with.
    fn done(&mut self, payload: &[u8], channel: &mut Channel) -> Result<Event, Error> {
        if self.has_eof() && EofPacket::matches(payload) {
            let EofPacket { status, warnings } = EofPacket::decode(payload)?;
            self.status = status;
            self.finish(channel);
            return Ok(Event::ResultEnd { status, warnings });
        }
        Ok(self.ok(&OkPacket::decode(payload, self.capabilities)?, channel))
    }

    fn ok(&mut self, ok: &OkPacket<'_>, channel: &mut Channel) -> Event {
        self.status = ok.status;
        self.finish_unless_more(channel);
        Event::Ok(Summary::from(*ok))
    }

    fn failed(&mut self, error: &ErrPacket<'_>, channel: &mut Channel) -> Event {
        self.finish(channel);
        Event::Failed(error.to_sql_error())
    }

    /// The server asks for a file of this computer.
    fn file(&mut self, name: &[u8], named: bool, channel: &mut Channel) -> Option<Event> {
        let why = if !self.local_infile {
            "--local-infile is off"
        } else if !named {
            "the statement just sent is no LOAD DATA LOCAL INFILE of that file, or it was sent already"
        } else if !self.login.security.allows_clear_password() {
            "the server has not proved who it is; verify it with --ssl-ca or --ssl-fp, or connect through its Unix socket"
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
        // An empty packet says that there is no file.
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
        // The EOF stands behind the last parameter, and behind the last column.
        let last_parameter = parameters == 0 && prepared.columns.is_empty();
        if self.has_eof() && (last_parameter || (parameters == 0 && columns == 0)) {
            self.stage = Stage::StatementEof { prepared, columns };
            return None;
        }
        self.statement(prepared, parameters, columns, channel)
    }

    /// Goes on with the definitions, or is done with them.
    fn statement(&mut self, prepared: Prepared, parameters: u16, columns: u16, channel: &mut Channel) -> Option<Event> {
        if parameters == 0 && columns == 0 {
            self.finish(channel);
            return Some(Event::Prepared(prepared));
        }
        self.stage = Stage::Statement { prepared, parameters, columns };
        None
    }

    /// Whether EOF packets are in use, which OK has replaced since MySQL 5.7.
    const fn has_eof(&self) -> bool {
        !self.capabilities.contains(Capabilities::DEPRECATE_EOF)
    }

    fn finish_unless_more(&mut self, channel: &mut Channel) {
        self.stage = Stage::Start;
        if !self.status.contains(StatusFlags::MORE_RESULTS) {
            self.finish(channel);
        }
    }

    /// The first pending command is answered; the next one's answer has a number of its own.
    fn finish(&mut self, channel: &mut Channel) {
        self.stage = Stage::Start;
        self.pending.pop_front();
        channel.expect(self.pending.front().map(|next| next.due).unwrap_or_default());
    }
}

/// What a packet of the wrong number means: a server that closes meanwhile says why in ERR, with a number of its own (4031, 1053, 1153).
fn last_word(error: Error, received: &Received) -> Error {
    match (&error, farewell(received)) {
        (Error::PeerMisbehaved(PeerMisbehaved::OutOfOrder), Some(said)) => {
            Error::Refused { by: Side::Server, error: said }
        }
        _ => error,
    }
}

/// The error in the packet that was not due, if it is ERR: a server that ends the connection unasked says why before it has heard
/// of the command that its client has just sent.
fn farewell(received: &Received) -> Option<SqlError> {
    match frame::scan(received.rest()) {
        Scan::Complete(Found { frames: 1, wire_length, .. }) => {
            ErrPacket::decode(received.rest().get(HEADER..wire_length)?).ok().map(|error| error.to_sql_error())
        }
        _ => None,
    }
}

/// A packet that answers nothing: a server that closes says why in ERR.
fn unasked(payload: &[u8]) -> Error {
    match ErrPacket::decode(payload) {
        Ok(error) => Error::Refused { by: Side::Server, error: error.to_sql_error() },
        Err(_) => Error::PeerMisbehaved(PeerMisbehaved::Unexpected("a packet that answers no command")),
    }
}
