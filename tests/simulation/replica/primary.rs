//! A primary: it logs a replica in, answers the queries of its set-up, and sends the log.

use std::collections::VecDeque;

use sealwire_binlog::{
    Body, Checksum, EventFlags, Flavour, GtidSet, Head, MariaDbGtid, MariaDbGtidSet, Rotate, Tag, encode_event,
};
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags};
use sealwire_core::server::{Connection, Event, RowBatch};
use sealwire_core::{Error, Output};
use sealwire_simnet::{Host, Step};

use super::log::{Log, SERVER_ID, UUID, head};

/// No more events are made while this many bytes wait to be sent.
const MOST_UNSENT: usize = 20_000;

/// The primary's side of a connection.
pub(super) struct Primary {
    host: Host,
    /// The GTIDs that the replica has, of MariaDB's flavour.
    state: Option<MariaDbGtidSet>,
    dump: Option<Dump>,
}

/// A dump in progress.
struct Dump {
    file: usize,
    event: usize,
    /// The transactions that the replica has.
    has: Box<dyn Fn(u64) -> bool + Send>,
    /// Artificial events that are due before the next one of the file.
    due: VecDeque<Vec<u8>>,
}

enum Answer {
    Ok,
    Row(String),
    Dump(Dump),
}

impl Primary {
    pub(super) const fn new(host: Host) -> Self {
        Self { host, state: None, dump: None }
    }

    /// Polls the connection once, and answers.
    pub(super) fn step(&mut self, machine: &mut Connection, log: &Log, out: &mut Vec<u8>) -> Result<Step, Error> {
        if self.host.user.is_none() {
            return self.host.step(machine, out);
        }
        let answer = match machine.poll_output(out)? {
            Output::Transmit => return Ok(Step::Transmit),
            Output::Wait(deadline) => return Ok(Step::Wait(deadline)),
            Output::Event(Event::Command(command)) => self.command(&command, log),
            Output::Event(_) => return Ok(Step::Answered),
        };
        let status = StatusFlags::AUTOCOMMIT;
        match answer {
            Answer::Ok => machine.ok(&OkPacket { status, ..OkPacket::default() })?,
            Answer::Row(value) => {
                machine.begin_rows(&[ColumnDefinition::new("value", ColumnType::VAR_STRING)])?;
                machine.text_row([Some(value.as_bytes())])?;
                machine.end_rows(status, 0)?;
            }
            Answer::Dump(dump) => {
                machine.begin_stream(false)?;
                self.dump = Some(dump);
            }
        }
        Ok(Step::Answered)
    }

    fn command(&mut self, command: &Command<'_>, log: &Log) -> Answer {
        match command {
            Command::Query(query) => self.query(&String::from_utf8_lossy(query.sql)),
            Command::BinlogDump(dump) => {
                let Some(state) = self.state.take() else {
                    let file = log.files.iter().position(|file| file.name.as_bytes() == dump.file).unwrap_or_default();
                    return Answer::Dump(Dump::at(log, file, dump.position.into()));
                };
                let has =
                    move |number| state.contains(MariaDbGtid { domain: 0, server: SERVER_ID, sequence: number + 1 });
                Answer::Dump(Dump::without(log, Box::new(has)))
            }
            Command::BinlogDumpGtid(dump) => {
                let set = GtidSet::decode(dump.gtid_set).expect("the replica sends a set");
                let has = move |number: u64| set.contains(UUID, Tag::default(), number as i64 + 1);
                Answer::Dump(Dump::without(log, Box::new(has)))
            }
            _ => Answer::Ok,
        }
    }

    fn query(&mut self, sql: &str) -> Answer {
        let row = |value: &str| Answer::Row(value.to_owned());
        if let Some(state) = sql.strip_prefix("SET @slave_connect_state='") {
            self.state = Some(state.trim_end_matches('\'').parse().expect("the replica sends a list"));
        }
        match sql {
            "SELECT UNIX_TIMESTAMP()" => row("1767312000"),
            "SELECT @@GLOBAL.server_id" => row(&SERVER_ID.to_string()),
            "SELECT @master_binlog_checksum" => row("CRC32"),
            "SELECT @@GLOBAL.gtid_domain_id" => row("0"),
            "SELECT @@GLOBAL.gtid_mode" => row("ON"),
            "SELECT @@GLOBAL.server_uuid" => row(&UUID.to_string()),
            _ => Answer::Ok,
        }
    }

    /// Sends some of the log; false where there is nothing to send now.
    pub(super) fn send(&mut self, machine: &mut Connection, log: &Log) -> Result<bool, Error> {
        let Some(dump) = &mut self.dump else { return Ok(false) };
        let (mut batch, mut is_any) = (RowBatch::default(), false);
        while batch.len() + machine.unsent() < MOST_UNSENT {
            let Some(event) = dump.next(log) else { break };
            let row = batch.row();
            row.push(0);
            row.extend_from_slice(&event);
            batch.end_row();
            is_any = true;
        }
        if is_any {
            machine.rows(batch)?;
        }
        Ok(is_any)
    }
}

impl Dump {
    /// The log from a position on.
    fn at(log: &Log, file: usize, position: u64) -> Self {
        let events = &log.files[file].events;
        let event = events.iter().position(|event| event.start >= position.max(5)).unwrap_or(events.len());
        let mut dump = Self { file, event, has: Box::new(|_| false), due: VecDeque::new() };
        dump.begin_file(log, position);
        dump
    }

    /// The log without the transactions that the replica has.
    fn without(log: &Log, has: Box<dyn Fn(u64) -> bool + Send>) -> Self {
        let lacks =
            |file: &super::log::File| file.events.iter().any(|event| event.transaction.is_some_and(|it| !has(it)));
        let file = log.files.iter().position(lacks).unwrap_or(log.files.len() - 1);
        let mut dump = Self { file, event: 1, has, due: VecDeque::new() };
        dump.begin_file(log, 4);
        dump
    }

    /// Makes the two events with which the dump of a file begins.
    fn begin_file(&mut self, log: &Log, position: u64) {
        let file = &log.files[self.file];
        let artificial = Head { timestamp: 0, flags: EventFlags::ARTIFICIAL, ..head() };
        let mut rotate = Vec::new();
        let body = Body::Rotate(Rotate { position, file: file.name.as_bytes() });
        encode_event(artificial, 0, &body, Checksum::Crc32, &mut rotate).unwrap();
        let mut format = file.events[0].bytes.clone();
        if position > 4 {
            // A description in the middle of a file says that the server was not started there.
            format.clear();
            encode_event(head(), 0, &Body::FormatDescription(log.format(0)), Checksum::Crc32, &mut format).unwrap();
        }
        self.due.extend([rotate, format]);
    }

    fn next(&mut self, log: &Log) -> Option<Vec<u8>> {
        loop {
            if let Some(event) = self.due.pop_front() {
                return Some(event);
            }
            let Some(event) = log.files[self.file].events.get(self.event) else {
                if self.file + 1 == log.files.len() {
                    return None;
                }
                (self.file, self.event) = (self.file + 1, 1);
                self.begin_file(log, 4);
                continue;
            };
            self.event += 1;
            if event.transaction.is_none_or(|number| !(self.has)(number)) {
                return Some(event.bytes.clone());
            }
        }
    }
}

/// The flavours, and whether the log is requested by GTIDs.
pub(super) const KINDS: [(Flavour, bool); 4] =
    [(Flavour::MariaDb, false), (Flavour::MariaDb, true), (Flavour::MySql, false), (Flavour::MySql, true)];
