//! Follows the answers of a server, so that the proxy knows whether a statement runs, a transaction is open, or nothing is under way. Of
//! each packet only the header and the first bytes are looked at. Where the track is lost, the tracker says so and knows nothing more.
//!
//! Source: "Command Phase" and the pages of each command's response; MariaDB's "Result Set Packets" for its extensions.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::message::{Capabilities, StatusFlags};
use crate::wire::Reader;
use crate::wire::frame::{HEADER, MAX_FRAME_PAYLOAD};

/// The first bytes of a packet that decide: an OK packet's header, two numbers of at most 9 bytes, and the status.
const HEAD: usize = 21;

/// The first bytes of a command that decide: its number and a statement's id.
pub(super) const COMMAND_HEAD: usize = 5;

/// The most commands whose answers are due. Each is remembered, so a client's next ones wait.
pub(super) const MOST_DUE: usize = 1024;

/// The most cursors that are counted.
const MOST_CURSORS: usize = 64;

/// The number of COM_QUIT.
const QUIT: u8 = 0x01;

/// The first bytes of packets.
mod first {
    pub(super) const OK: u8 = 0x00;
    pub(super) const LOCAL_INFILE: u8 = 0xfb;
    pub(super) const EOF: u8 = 0xfe;
    pub(super) const ERR: u8 = 0xff;
}

/// The state of a session, as far as its packets show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// The client logs in.
    Login,
    /// No statement runs, and no transaction, cursor or long parameter is open.
    Idle,
    /// No statement runs, but a transaction, cursor or long parameter is open.
    Open,
    /// A command's answer is due.
    Running,
    /// The packets can't be followed, as in a stream of the binary log.
    Opaque,
}

/// The kind of a command's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One packet: OK, EOF or ERR.
    One,
    /// One packet of text, or ERR.
    Text,
    /// Results with rows or without. A cursor that is opened belongs to this statement.
    Results(u32),
    /// The prepared statement and its definitions.
    Prepare,
    /// Rows of this statement's cursor.
    Fetch(u32),
    /// Column definitions.
    Fields,
}

/// A command whose answer is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    kind: Kind,
    /// The number of the answer's first packet.
    sequence: u8,
}

/// The next packet of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The first one of a result.
    First,
    /// One of this number of column definitions; then EOF, where it is not left out.
    Columns(u64),
    /// A row, or the end of the rows.
    Rows,
    /// One of this number of packets that end the answer.
    Last(u64),
}

/// Follows the answers of a server.
#[derive(Debug)]
pub(super) struct Tracker {
    due: VecDeque<Due>,
    stage: Stage,
    /// Whether a packet of the first due answer has come.
    has_begun: bool,
    /// The bytes of the server's current frame that have not come, and whether the next frame continues its packet.
    left: usize,
    continues: bool,
    /// The number of the packet after the server's last one.
    sequence: u8,
    status: StatusFlags,
    cursors: Vec<u32>,
    has_long_data: bool,
    is_opaque: bool,
    /// Whether one of both sides has said that it ends the connection.
    is_ending: bool,
    /// Whether the client has said COM_QUIT.
    has_quit: bool,
    /// Whether the server may ask for a file of the client's, and whether it has asked and the file has not ended.
    may_ask_for_file: bool,
    takes_file: bool,
    /// The number that the next packet of the file must have.
    file_number: u8,
    /// Whether the client's last command has an answer. Its number follows that of the command's last frame.
    is_answered: bool,
    has_eof: bool,
    caches_metadata: bool,
    /// Whether errors with the number 65535 may be reports of progress.
    has_progress: bool,
}

/// The position in the packets for the client, where the server is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Inside a packet, or unknown, so that no packet can be added.
    Nowhere,
    /// In the answer to a command; the number of its next packet.
    Answer(u8),
    /// Between commands.
    Between,
}

impl Tracker {
    /// Begins after a login with these capabilities.
    pub(super) const fn new(agreed: Capabilities, status: StatusFlags) -> Self {
        Self {
            due: VecDeque::new(),
            stage: Stage::First,
            has_begun: false,
            left: 0,
            continues: false,
            sequence: 0,
            status,
            cursors: Vec::new(),
            has_long_data: false,
            // The first packet of a result has another form there.
            is_opaque: agreed.contains(Capabilities::OPTIONAL_RESULTSET_METADATA),
            is_ending: false,
            has_quit: false,
            may_ask_for_file: agreed.contains(Capabilities::LOCAL_FILES),
            takes_file: false,
            file_number: 0,
            is_answered: false,
            has_eof: !agreed.contains(Capabilities::DEPRECATE_EOF),
            caches_metadata: agreed.contains(Capabilities::MARIADB_CACHE_METADATA),
            has_progress: agreed.contains(Capabilities::MARIADB_PROGRESS),
        }
    }

    pub(super) const fn is_opaque(&self) -> bool {
        self.is_opaque
    }

    /// Whether no answer is due, so that a packet of the proxy would be in order.
    pub(super) fn is_quiet(&self) -> bool {
        !self.is_opaque && self.due.is_empty() && self.is_between_packets()
    }

    /// Whether so many answers are due that the next command has to wait. Where the server may ask for a file one is enough, because the server
    /// would take the command for a part of the file.
    pub(super) fn is_full(&self) -> bool {
        let most = if self.may_ask_for_file { 1 } else { MOST_DUE };
        !self.is_opaque && self.due.len() >= most
    }

    const fn is_between_packets(&self) -> bool {
        self.left == 0 && !self.continues
    }

    pub(super) fn activity(&self) -> Activity {
        let in_transaction =
            (self.status & (StatusFlags::IN_TRANS | StatusFlags::IN_TRANS_READONLY)) != StatusFlags::NONE;
        if self.is_opaque {
            Activity::Opaque
        } else if !self.is_quiet() {
            Activity::Running
        } else if in_transaction || self.has_long_data || !self.cursors.is_empty() {
            Activity::Open
        } else {
            Activity::Idle
        }
    }

    /// The status of the last answer that had one.
    pub(super) const fn status(&self) -> StatusFlags {
        self.status
    }

    /// The place of an error for the client, if the server is lost.
    pub(super) fn place(&self) -> Place {
        if self.is_opaque || self.is_ending || !self.is_between_packets() {
            return Place::Nowhere;
        }
        match self.due.front() {
            None => Place::Between,
            Some(_) if self.has_begun => Place::Answer(self.sequence),
            Some(due) => Place::Answer(due.sequence),
        }
    }

    /// Whether the client has said COM_QUIT, so that its connection ends by its will, whichever side closes first.
    pub(super) const fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// Takes the first bytes of a command, at most [`COMMAND_HEAD`], whose last frame so far has this number.
    pub(super) fn command(&mut self, head: &[u8], sequence: u8) {
        if head.first() == Some(&QUIT) {
            (self.is_ending, self.has_quit) = (true, true);
            return;
        }
        if self.is_opaque {
            return;
        }
        self.is_answered = false;
        let statement = head.get(1..).and_then(|id| id.first_chunk::<4>()).map_or(0, |id| u32::from_le_bytes(*id));
        let kind = match head.first().copied().unwrap_or_default() {
            // MariaDB's COM_STMT_BULK_EXECUTE answers as COM_STMT_EXECUTE does.
            0x17 | 0xfa => {
                self.has_long_data = false;
                Kind::Results(statement)
            }
            0x03 | 0x0a => Kind::Results(0),
            0x04 => Kind::Fields,
            0x09 => Kind::Text,
            0x16 => Kind::Prepare,
            0x18 => {
                self.has_long_data = true;
                return;
            }
            0x19 => {
                self.close_cursor(statement);
                return;
            }
            0x1a => {
                self.close_cursor(statement);
                self.has_long_data = false;
                Kind::One
            }
            0x1c => Kind::Fetch(statement),
            0x1f => {
                self.forget_session();
                Kind::One
            }
            // The streams of the binary log, of tables and of clones, and the acknowledgements in them.
            0x12 | 0x13 | 0x1e | 0x20.. => {
                self.is_opaque = true;
                return;
            }
            _ => Kind::One,
        };
        self.is_answered = true;
        self.due.push_back(Due { kind, sequence: sequence.wrapping_add(1) });
    }

    /// Takes the number of a further frame of the client's last command.
    pub(super) fn client_continues(&mut self, sequence: u8) {
        if let Some(due) = self.due.back_mut().filter(|_| self.is_answered) {
            due.sequence = sequence.wrapping_add(1);
        }
    }

    /// The number that the next packet must have, if the client sends a file, whose packets are no commands. A server that finds another number
    /// ends the file there, and takes what follows for commands.
    pub(super) fn file_number(&self) -> Option<u8> {
        (self.takes_file && !self.is_opaque).then_some(self.file_number)
    }

    /// Takes a frame of the client's file; `is_end` says whether it is the empty packet that ends it.
    pub(super) fn file_continues(&mut self, is_end: bool) {
        self.client_continues(self.file_number);
        self.file_number = self.file_number.wrapping_add(1);
        self.takes_file = !is_end;
    }

    fn close_cursor(&mut self, statement: u32) {
        self.cursors.retain(|open| *open != statement);
    }

    fn forget_session(&mut self) {
        self.cursors = Vec::new();
        self.has_long_data = false;
    }

    /// Takes the waiting bytes of the server: those that may pass do not come again. The rest is the beginning of a packet, of which more
    /// must come.
    pub(super) fn server_says(&mut self, bytes: &[u8]) -> usize {
        let mut at = self.left.min(bytes.len());
        self.left -= at;
        while self.left == 0 && !self.is_opaque {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some((&[a, b, c, sequence], payload)) = rest.split_first_chunk::<HEADER>() else { return at };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            let Some(head) = payload.get(..length.min(HEAD)) else { return at };
            if !self.continues {
                self.packet(head, length);
            }
            self.continues = length == MAX_FRAME_PAYLOAD;
            self.sequence = sequence.wrapping_add(1);
            if self.takes_file {
                self.file_number = self.sequence;
                self.client_continues(sequence);
            }
            let taken = (HEADER + length).min(rest.len());
            self.left = HEADER + length - taken;
            at += taken;
        }
        if self.is_opaque { bytes.len() } else { at }
    }

    /// Takes the first bytes of a packet of this length.
    fn packet(&mut self, head: &[u8], length: usize) {
        let first = head.first().copied();
        let Some(due) = self.due.front().copied() else {
            // A server says why it ends the connection.
            self.is_ending |= first == Some(first::ERR);
            self.is_opaque |= first != Some(first::ERR);
            return;
        };
        self.has_begun = true;
        let is_error = first == Some(first::ERR);
        // MariaDB reports progress as an error, which has no SQLSTATE behind this number.
        if self.has_progress && is_error && matches!(head, [_, 0xff, 0xff, next, ..] if *next != b'#') {
            return;
        }
        if is_error {
            return self.end_answer();
        }
        match (self.stage, due.kind) {
            (Stage::Last(more), _) if more > 1 => self.stage = Stage::Last(more - 1),
            (Stage::Last(_), _) | (Stage::First, Kind::Text) => self.end_answer(),
            (Stage::Columns(more), _) if more > 0 => {
                self.stage = if more == 1 && !self.has_eof { Stage::Rows } else { Stage::Columns(more - 1) };
            }
            (Stage::Columns(_), kind) => match status_of_eof(head) {
                Some(status) if first == Some(first::EOF) => self.columns_ended(status, kind),
                _ => self.is_opaque = true,
            },
            (Stage::First, Kind::Fetch(_) | Kind::Fields) | (Stage::Rows, _) if self.is_end_of_rows(first, length) => {
                self.rows_ended(head, due.kind);
            }
            (Stage::First, Kind::Fetch(_) | Kind::Fields) | (Stage::Rows, _) => {}
            (Stage::First, Kind::Prepare) => self.prepared(head),
            (Stage::First, Kind::One) => match first {
                Some(first::OK) => self.ok(head),
                Some(first::EOF) => self.eof(head),
                _ => self.is_opaque = true,
            },
            (Stage::First, Kind::Results(_)) => self.result_begins(head),
        }
    }

    fn is_end_of_rows(&self, first: Option<u8>, length: usize) -> bool {
        // A row can begin with this byte, too, where its first value is of 16 MiB or more.
        first == Some(first::EOF) && if self.has_eof { length < 9 } else { length < MAX_FRAME_PAYLOAD }
    }

    fn result_begins(&mut self, head: &[u8]) {
        let first = head.first().copied();
        let mut reader = Reader::new(head);
        match first {
            Some(first::OK) => return self.ok(head),
            Some(first::EOF) if head.len() < 9 => return self.eof(head),
            Some(first::LOCAL_INFILE) if self.may_ask_for_file => {
                self.takes_file = true;
                self.has_begun = false;
                return;
            }
            Some(first::LOCAL_INFILE) | None => {
                self.is_opaque = true;
                return;
            }
            Some(_) => {}
        }
        let Ok(count) = reader.lenenc_int("column count") else {
            self.is_opaque = true;
            return;
        };
        let has_definitions = !self.caches_metadata || reader.u8("metadata follows").is_ok_and(|follows| follows != 0);
        let count = if has_definitions { count } else { 0 };
        self.stage = if count == 0 && !self.has_eof { Stage::Rows } else { Stage::Columns(count) };
    }

    fn columns_ended(&mut self, status: StatusFlags, kind: Kind) {
        self.stage = Stage::Rows;
        // A cursor's rows come by COM_STMT_FETCH.
        if status.contains(StatusFlags::CURSOR_EXISTS) {
            self.result_ended(status, kind);
        }
    }

    fn rows_ended(&mut self, head: &[u8], kind: Kind) {
        let status = if self.has_eof { status_of_eof(head) } else { status_of_ok(head) };
        match status {
            Some(status) => self.result_ended(status, kind),
            None => self.is_opaque = true,
        }
    }

    fn prepared(&mut self, head: &[u8]) {
        let Some(counts) = counts_of_prepared(head) else {
            self.is_opaque = true;
            return;
        };
        let packets = |count: u16| if count == 0 { 0 } else { u64::from(count) + u64::from(self.has_eof) };
        match counts.map(packets).iter().sum() {
            0 => self.end_answer(),
            more => self.stage = Stage::Last(more),
        }
    }

    fn ok(&mut self, head: &[u8]) {
        let kind = self.due.front().map_or(Kind::One, |due| due.kind);
        match status_of_ok(head) {
            Some(status) => self.result_ended(status, kind),
            None => self.is_opaque = true,
        }
    }

    fn eof(&mut self, head: &[u8]) {
        match status_of_eof(head) {
            Some(status) => self.result_ended(status, Kind::One),
            None => self.is_opaque = true,
        }
    }

    fn result_ended(&mut self, status: StatusFlags, kind: Kind) {
        self.status = status;
        if let Kind::Results(statement) | Kind::Fetch(statement) = kind {
            self.close_cursor(statement);
            if status.contains(StatusFlags::CURSOR_EXISTS) && !status.contains(StatusFlags::LAST_ROW_SENT) {
                self.cursors.push(statement);
                self.is_opaque |= self.cursors.len() > MOST_CURSORS;
            }
        }
        if status.contains(StatusFlags::MORE_RESULTS) {
            self.stage = Stage::First;
        } else {
            self.end_answer();
        }
    }

    fn end_answer(&mut self) {
        self.due.pop_front();
        // A server takes the whole file before it answers, so that nobody knows how this one goes on.
        self.is_opaque |= core::mem::take(&mut self.takes_file);
        if self.due.is_empty() {
            // An idle session holds no buffer.
            self.due = VecDeque::new();
        }
        self.stage = Stage::First;
        self.has_begun = false;
    }
}

/// The numbers of columns and of parameters of a prepared statement.
fn counts_of_prepared(head: &[u8]) -> Option<[u16; 2]> {
    let mut reader = Reader::new(head);
    reader.u8("header").ok().filter(|first| *first == first::OK)?;
    reader.u32("statement id").ok()?;
    Some([reader.u16("columns").ok()?, reader.u16("parameters").ok()?])
}

fn status_of_ok(head: &[u8]) -> Option<StatusFlags> {
    let mut reader = Reader::new(head);
    reader.u8("header").ok()?;
    reader.lenenc_int("affected rows").ok()?;
    reader.lenenc_int("last insert id").ok()?;
    reader.u16("status").ok().map(StatusFlags::from_bits)
}

fn status_of_eof(head: &[u8]) -> Option<StatusFlags> {
    let mut reader = Reader::new(head);
    reader.u8("header").ok()?;
    reader.u16("warnings").ok()?;
    reader.u16("status").ok().map(StatusFlags::from_bits)
}

#[cfg(test)]
mod tests;
