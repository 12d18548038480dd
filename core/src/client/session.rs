//! The command phase: which answers are due, and what each packet of them means.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::authentication::{Context, Exchange, Progress};
use super::event::Prepared;
use super::handshake::Login;
use crate::channel::{Channel, Due, Packet};
use crate::error::{Error, PeerMisbehaved, Side, SqlError};
use crate::message::{
    BinaryRow, Capabilities, ColumnDefinition, EofPacket, ErrPacket, OkPacket, StatusFlags, StmtPrepareOk,
};
use crate::printable;
use crate::secret::Secret;
use crate::wire::frame::MAX_FRAME_PAYLOAD;
use crate::wire::{self, Put, Reader};

/// So many bytes at most of a name that the server gave are told to the user.
const MOST_SHOWN: usize = 256;

/// An event without what it borrows; the connection completes it.
#[derive(Debug)]
pub(super) enum Happened {
    Connected(Packet),
    Ok(Packet),
    ResultSet,
    TextRow(Packet),
    BinaryRow(Packet),
    ResultEnd { status: StatusFlags, warnings: u16 },
    Failed(SqlError),
    Prepared(Prepared),
    Text(Packet),
    LocalInfile(Packet),
    Closed,
}

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

/// How a result's rows are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// As text, which COM_QUERY gives.
    Text,
    /// As the values themselves, which COM_STMT_EXECUTE gives.
    Binary,
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
pub(super) struct Session {
    pub(super) login: Login,
    pub(super) capabilities: Capabilities,
    pending: VecDeque<Pending>,
    stage: Stage,
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) status: StatusFlags,
    local_infile: bool,
    /// Why the server did not get its file. What it answers to that is not for the application, but for its end.
    refused: Option<SqlError>,
}

impl Session {
    pub(super) const fn new(login: Login, capabilities: Capabilities, local_infile: bool) -> Self {
        Self {
            login,
            capabilities,
            pending: VecDeque::new(),
            stage: Stage::Start,
            columns: Vec::new(),
            status: StatusFlags::NONE,
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

    /// The format of the rows, where rows are due.
    #[inline]
    pub(super) const fn awaited_rows(&self) -> Option<RowFormat> {
        match self.stage {
            Stage::Rows(format) => Some(format),
            _ => None,
        }
    }

    /// Whether a payload is a row, seen at its first byte. One of which it is false may be one, too.
    #[inline]
    pub(super) fn is_row(&self, payload: &[u8], format: RowFormat) -> bool {
        match format {
            // The length of a short value, or NULL.
            RowFormat::Text => payload.first().is_some_and(|first| *first <= 0xfb),
            RowFormat::Binary => BinaryRow::is_row(payload, self.columns.len()),
        }
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
    pub(super) fn step(&mut self, channel: &mut Channel, config: &super::Config) -> Result<Option<Happened>, Error> {
        loop {
            if self.pending.is_empty() {
                channel.expect(Due::default());
            }
            if self.awaits_file() {
                return Ok(None);
            }
            let Some(packet) = channel.next_packet().map_err(|error| last_word(error, channel))? else {
                return Ok(None);
            };
            if self.pending.is_empty() {
                return Err(unasked(channel.payload(&packet)));
            }
            let due = self.pending.len();
            let Some(happened) = self.packet(packet, channel, config)? else { continue };
            if self.refused.is_none() {
                return Ok(Some(happened));
            }
            if self.pending.len() < due {
                return Ok(self.refused.take().map(Happened::Failed));
            }
        }
    }

    fn packet(
        &mut self,
        packet: Packet,
        channel: &mut Channel,
        config: &super::Config,
    ) -> Result<Option<Happened>, Error> {
        let payload = channel.payload(&packet);
        // The hot path first: a row is known by its stage and its first byte alone.
        if let Stage::Rows(format) = self.stage {
            if !self.ends_rows(payload) {
                return Ok(Some(match format {
                    RowFormat::Text => Happened::TextRow(packet),
                    RowFormat::Binary => {
                        // Here, where a failure sticks; the event borrows the row once more.
                        BinaryRow::new(payload, &self.columns)?;
                        Happened::BinaryRow(packet)
                    }
                }));
            }
            let end = self.end_of_rows(payload)?;
            match &end {
                Happened::Failed(_) => self.finish(channel),
                _ => self.finish_unless_more(channel),
            }
            return Ok(Some(end));
        }
        match core::mem::replace(&mut self.stage, Stage::Start) {
            Stage::Start => self.first(packet, channel, config),
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
            Stage::Statement { prepared, parameters, columns } => {
                let definition = ColumnDefinition::decode(payload, self.capabilities)?;
                Ok(self.definition(definition, prepared, parameters, columns, channel))
            }
            Stage::StatementEof { prepared, columns } => {
                EofPacket::decode(payload)?;
                Ok(self.statement(prepared, 0, columns, channel))
            }
            Stage::SkippedRows if self.ends_rows(payload) => {
                let end = self.end_of_rows(payload)?;
                match &end {
                    Happened::Failed(_) => self.finish(channel),
                    _ => self.finish_unless_more(channel),
                }
                Ok(Some(end))
            }
            Stage::SkippedRows => {
                self.stage = Stage::SkippedRows;
                Ok(None)
            }
            // Neither stage reads a packet here: rows were handled above, a file is sent before the next packet.
            Stage::Rows(_) | Stage::LocalInfile => Ok(None),
        }
    }

    /// The first packet of an answer.
    fn first(
        &mut self,
        packet: Packet,
        channel: &mut Channel,
        config: &super::Config,
    ) -> Result<Option<Happened>, Error> {
        let payload = channel.payload(&packet);
        super::tell_reply(channel, packet.sequence, payload);
        let Some(Pending { expect, .. }) = self.pending.front_mut() else { return Ok(None) };
        if payload.first() == Some(&0xff) && !matches!(expect, Expect::ChangeUser(..)) {
            let error = ErrPacket::decode(payload)?.to_sql_error();
            self.finish(channel);
            return Ok(Some(Happened::Failed(error)));
        }
        match expect {
            Expect::Simple => self.done(packet, channel),
            Expect::Results(format, file) => {
                let format = *format;
                match payload.split_first() {
                    Some((0xfb, name)) => {
                        let named = file.take_if(|file| file == name).is_some();
                        Ok(self.file(packet, named, channel))
                    }
                    _ => self.result(packet, format, channel),
                }
            }
            Expect::Fetch(columns) => {
                self.columns = core::mem::take(columns);
                // The packet is already a row, or the end of them.
                self.stage = Stage::Rows(RowFormat::Binary);
                self.packet(packet, channel, config)
            }
            Expect::FieldList => {
                if is_eof(payload) {
                    let end = self.end_of_rows(payload)?;
                    self.finish(channel);
                    return Ok(Some(end));
                }
                let column = ColumnDefinition::decode(payload, self.capabilities)?;
                self.columns = Vec::from([column]);
                Ok(Some(Happened::ResultSet))
            }
            Expect::Text => {
                self.finish(channel);
                Ok(Some(Happened::Text(packet)))
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
                match exchange.step(payload, context)? {
                    Progress::Send(answer) => {
                        channel.send(|out| out.put(&answer));
                        Ok(None)
                    }
                    Progress::Wait => Ok(None),
                    Progress::Granted => self.done(packet, channel),
                    Progress::Denied(error) => {
                        self.finish(channel);
                        Ok(Some(Happened::Failed(error)))
                    }
                }
            }
        }
    }

    /// OK, or the EOF that some commands end with.
    fn done(&mut self, packet: Packet, channel: &mut Channel) -> Result<Option<Happened>, Error> {
        let payload = channel.payload(&packet);
        if is_eof(payload) && self.has_eof() {
            let eof = EofPacket::decode(payload)?;
            self.status = eof.status;
            self.finish(channel);
            return Ok(Some(Happened::ResultEnd { status: eof.status, warnings: eof.warnings }));
        }
        self.status = OkPacket::decode(payload, self.capabilities)?.status;
        self.finish_unless_more(channel);
        Ok(Some(Happened::Ok(packet)))
    }

    fn result(&mut self, packet: Packet, format: RowFormat, channel: &mut Channel) -> Result<Option<Happened>, Error> {
        let payload = channel.payload(&packet);
        match payload.first() {
            None => Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected("an empty packet where a result begins"))),
            Some(0x00) => self.done(packet, channel),
            Some(_) => {
                let mut reader = Reader::new(payload);
                let left = reader.lenenc_int("the number of columns")?;
                reader.finish("the number of columns")?;
                if left == 0 || left > 4096 {
                    return Err(Error::PeerMisbehaved(PeerMisbehaved::Unexpected(
                        "a result of more columns than MySQL can have",
                    )));
                }
                self.columns.clear();
                self.stage = Stage::Columns { left, format };
                Ok(None)
            }
        }
    }

    /// The server asks for a file of this computer.
    fn file(&mut self, packet: Packet, named: bool, channel: &mut Channel) -> Option<Happened> {
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
            return Some(Happened::LocalInfile(packet));
        };
        let name = channel.payload(&packet).get(1..).unwrap_or_default();
        let shown = String::from_utf8_lossy(name.get(..MOST_SHOWN).unwrap_or(name));
        let text = format!(
            "LOAD DATA LOCAL INFILE file request rejected due to restrictions on access: the server asked for the file '{}' \
             of this computer, and {why}",
            printable::line(&shown)
        );
        self.refused.get_or_insert_with(|| SqlError::new(2068, b"HY000", text));
        // An empty packet says that there is no file.
        channel.send(|_| {});
        None
    }

    fn begin_rows(&mut self, format: RowFormat) -> Happened {
        self.stage = if self.refused.is_none() { Stage::Rows(format) } else { Stage::SkippedRows };
        Happened::ResultSet
    }

    fn definition(
        &mut self,
        definition: ColumnDefinition,
        mut prepared: Prepared,
        parameters: u16,
        columns: u16,
        channel: &mut Channel,
    ) -> Option<Happened> {
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
    fn statement(
        &mut self,
        prepared: Prepared,
        parameters: u16,
        columns: u16,
        channel: &mut Channel,
    ) -> Option<Happened> {
        if parameters == 0 && columns == 0 {
            self.finish(channel);
            return Some(Happened::Prepared(prepared));
        }
        self.stage = Stage::Statement { prepared, parameters, columns };
        None
    }

    /// Whether EOF packets are in use, which OK has replaced since MySQL 5.7.
    const fn has_eof(&self) -> bool {
        !self.capabilities.contains(Capabilities::DEPRECATE_EOF)
    }

    fn ends_rows(&self, payload: &[u8]) -> bool {
        match payload.first() {
            Some(0xfe) if self.has_eof() => is_eof(payload),
            Some(0xfe) => payload.len() < MAX_FRAME_PAYLOAD,
            Some(0xff) => true,
            _ => false,
        }
    }

    /// What ends rows: EOF, OK in its place, or ERR.
    fn end_of_rows(&mut self, payload: &[u8]) -> wire::Result<Happened> {
        if payload.first() == Some(&0xff) {
            return Ok(Happened::Failed(ErrPacket::decode(payload)?.to_sql_error()));
        }
        let (status, warnings) = if self.has_eof() {
            let eof = EofPacket::decode(payload)?;
            (eof.status, eof.warnings)
        } else {
            let ok = OkPacket::decode(payload, self.capabilities)?;
            (ok.status, ok.warnings)
        };
        self.status = status;
        Ok(Happened::ResultEnd { status, warnings })
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

/// A classic EOF packet: FE and fewer than 9 bytes.
const fn is_eof(payload: &[u8]) -> bool {
    matches!(payload, [0xfe, ..]) && payload.len() < 9
}

/// What a packet of the wrong number means: a server that closes meanwhile says why in ERR, with a number of its own (4031, 1053, 1153).
fn last_word(error: Error, channel: &Channel) -> Error {
    match (&error, channel.farewell()) {
        (Error::PeerMisbehaved(PeerMisbehaved::OutOfOrder), Some(said)) => {
            Error::Refused { by: Side::Server, error: said }
        }
        _ => error,
    }
}

/// A packet that answers nothing: a server that closes says why in ERR.
fn unasked(payload: &[u8]) -> Error {
    match ErrPacket::decode(payload) {
        Ok(error) => Error::Refused { by: Side::Server, error: error.to_sql_error() },
        Err(_) => Error::PeerMisbehaved(PeerMisbehaved::Unexpected("a packet that answers no command")),
    }
}
