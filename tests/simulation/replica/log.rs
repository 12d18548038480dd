//! A primary's log: whole transactions in files, of one flavour.

use sealwire_binlog::{
    Body, Checksum, Flavour, FormatDescription, GtidEvent, Head, MariaDbGtidEvent, Query, Rotate, StatusVariables,
    Uuid, Writer,
};
use sealwire_simnet::Seeded;

pub(super) const SERVER_ID: u32 = 11;
pub(super) const UUID: Uuid = Uuid([7; 16]);
/// The word of a statement before its transaction's number.
pub(super) const WORD: &str = "INSERT ";

/// A file of the log.
pub(super) struct File {
    pub(super) name: String,
    writer: Writer,
    pub(super) events: Vec<Event>,
}

/// An event, at its place.
pub(super) struct Event {
    pub(super) bytes: Vec<u8>,
    pub(super) start: u64,
    /// The number of the transaction that it is a part of.
    pub(super) transaction: Option<u64>,
}

pub(super) struct Log {
    pub(super) flavour: Flavour,
    pub(super) files: Vec<File>,
    /// How many transactions there are; their numbers begin at 0.
    pub(super) transactions: u64,
}

impl Log {
    pub(super) fn new(flavour: Flavour) -> Self {
        let mut log = Self { flavour, files: Vec::new(), transactions: 0 };
        log.begin_file(1);
        log
    }

    pub(super) const fn version(&self) -> &'static str {
        match self.flavour {
            Flavour::MariaDb => "10.11.19-MariaDB-log",
            Flavour::MySql => "8.0.40",
        }
    }

    /// The FORMAT_DESCRIPTION of a file. `created` is not 0 where the server was started anew.
    pub(super) const fn format(&self, created: u32) -> FormatDescription<'static> {
        FormatDescription::new(self.flavour, self.version().as_bytes(), created, Checksum::Crc32)
    }

    fn begin_file(&mut self, created: u32) {
        let mut bytes = Vec::new();
        let writer = Writer::file(&self.format(created), head(), &mut bytes).unwrap();
        let name = format!("bin.{:06}", self.files.len() + 1);
        let format = Event { bytes: bytes.split_off(4), start: 4, transaction: None };
        self.files.push(File { name, writer, events: vec![format] });
    }

    /// Goes on in a new file: in order, or because the server was killed, which leaves no ROTATE.
    pub(super) fn rotate(&mut self, was_killed: bool) {
        let next = format!("bin.{:06}", self.files.len() + 1);
        if !was_killed {
            self.write(&Body::Rotate(Rotate { position: 4, file: next.as_bytes() }), None);
        }
        self.begin_file(u32::from(was_killed));
    }

    fn write(&mut self, body: &Body<'_>, transaction: Option<u64>) {
        let file = self.files.last_mut().unwrap();
        let (start, mut bytes) = (file.writer.position(), Vec::new());
        file.writer.write(head(), body, &mut bytes).unwrap();
        file.events.push(Event { bytes, start, transaction });
    }

    /// Appends a transaction: of one statement without BEGIN, or of up to 8 statements, some longer than a TCP window.
    pub(super) fn append(&mut self, random: &Seeded) {
        let number = self.transactions;
        self.transactions += 1;
        let is_single = random.below(4) == 0;
        let sequence = number + 1;
        let begin = match self.flavour {
            Flavour::MariaDb => {
                let flags = if is_single { MariaDbGtidEvent::STANDALONE | MariaDbGtidEvent::DDL } else { 0 };
                Body::MariaDbGtid(MariaDbGtidEvent::new(0, sequence, flags))
            }
            Flavour::MySql => {
                Body::Gtid(GtidEvent { flags: 1, uuid: UUID, number: sequence as i64, ..GtidEvent::default() })
            }
        };
        self.write(&begin, Some(number));
        if is_single {
            return self.statement(number, &format!("{WORD}{number} alone"));
        }
        if self.flavour == Flavour::MySql {
            self.statement(number, "BEGIN");
        }
        for part in 0..=random.below(8) {
            let length = if random.below(6) == 0 { random.below(9_000) } else { random.below(300) };
            self.statement(number, &format!("{WORD}{number} part {part} {}", "x".repeat(length)));
        }
        self.write(&Body::Xid(number), Some(number));
    }

    fn statement(&mut self, number: u64, sql: &str) {
        let query = Query { status: StatusVariables(&[]), ..Query::new(1, b"d", sql.as_bytes()) };
        self.write(&Body::Query(query), Some(number));
    }
}

pub(super) fn head() -> Head {
    Head { timestamp: 1, server_id: SERVER_ID, ..Head::default() }
}
