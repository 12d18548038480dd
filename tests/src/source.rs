//! A source of a binary log that follows the protocol until the log is requested, and then sends what its script says.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sealwire_binlog::{
    Body, Checksum, EventFlags, EventHeader, EventType, Flavour, FormatDescription, GtidEvent, Head, MariaDbGtidEvent,
    NewTable, Query, Rotate, RowMetadata, TableMap, Uuid, encode_event, encode_raw,
};
use sealwire_core::message::{ColumnDefinition, ColumnType, Command, OkPacket, StatusFlags};
use sealwire_core::server::{Connection, Event, RowBatch};
use sealwire_core::tls::ServerContext;
use sealwire_core::{Error, Output, SqlError};

use crate::certificates::CertificateSet;
use crate::drivers::PASSWORD;
use crate::rogue::{Rogue, authenticate, drive};

/// The server id of a source.
pub const SERVER_ID: u32 = 11;
/// The file that it sends.
pub const FILE: &[u8] = b"bin.000001";
/// The UUID of a source of MySQL's.
const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

/// A context of a TLS server with the server's certificate of a set.
///
/// # Panics
/// The set's files can't be read.
pub fn context(set: &CertificateSet) -> ServerContext {
    let read = |path| std::fs::read(path).expect("a file of the set");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerContext::from_pem(provider, read(&set.server_cert), read(&set.server_key)).expect("a context")
}

/// Starts a source, whose users all have the password [`PASSWORD`]. `script` runs at each request for the log; when it ends, the source waits
/// for the replica to go.
///
/// # Panics
/// No port is free.
pub fn start(
    tls: Option<ServerContext>,
    flavour: Flavour,
    script: impl Fn(&mut Stream<'_>) -> Result<(), Error> + Send + Sync + 'static,
) -> Rogue {
    let version = match flavour {
        Flavour::MariaDb => "5.5.5-10.11.9-MariaDB-log",
        Flavour::MySql => "8.0.40",
    };
    Rogue::serving(version.to_owned(), tls, move |stream, config| {
        let reply = |event: &Event<'_>| Reply::to(event, flavour);
        let mut asked = Checksum::Crc32;
        drive(stream, config, reply, |reply, connection, socket| match reply {
            Reply::Dump => {
                connection.begin_stream(false)?;
                script(&mut Stream { connection, socket, flavour, asked, position: 4, number: 0 })
            }
            Reply::NoChecksum => {
                asked = Checksum::None;
                Reply::Ok.say(connection)
            }
            reply => reply.say(connection),
        })
    })
}

/// The log that is being sent.
pub struct Stream<'c> {
    connection: &'c mut Connection,
    socket: &'c mut TcpStream,
    flavour: Flavour,
    /// How artificial ROTATE events end: as the replica asked, and behind the format as the format says, because mariadb-binlog reads them so.
    asked: Checksum,
    /// The position behind the last event.
    pub position: u32,
    /// The number of the last group.
    number: u64,
}

impl Stream<'_> {
    /// Sends a packet.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn packet(&mut self, payload: &[u8]) -> Result<(), Error> {
        let mut batch = RowBatch::default();
        batch.row().extend_from_slice(payload);
        batch.end_row();
        self.connection.rows(batch)?;
        let mut out = Vec::new();
        while let Output::Transmit = self.connection.poll_output(&mut out)? {
            self.socket.write_all(&out).map_err(|_| Error::Misuse("the replica is gone"))?;
            out.clear();
        }
        Ok(())
    }

    /// Sends the bytes of an event, whatever they are.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn raw(&mut self, event: &[u8]) -> Result<(), Error> {
        self.packet(&[&[0], event].concat())
    }

    /// Ends the log, as at the end of the last file.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn end(&mut self) -> Result<(), Error> {
        self.connection.end_rows(StatusFlags::AUTOCOMMIT, 0)
    }

    /// Ends the log with an error.
    pub fn error(&mut self, error: SqlError) {
        self.connection.kill(error);
    }

    /// The bytes of an event with its checksum, which ends behind the last one.
    pub fn encode(&mut self, body: &Body<'_>) -> Vec<u8> {
        let is_format = matches!(body, Body::FormatDescription(_));
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32);
        let head = Head { timestamp, server_id: SERVER_ID, flags: EventFlags::default() };
        let checksum = if is_format { Checksum::None } else { Checksum::Crc32 };
        let mut event = Vec::new();
        let size = encode_event(head, 0, body, checksum, &mut event).expect("an event below 4 GiB");
        self.position = self.position.wrapping_add(size);
        sealwire_binlog::relocate(&mut event, self.position, checksum);
        event
    }

    /// Sends an event that is well-formed.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn event(&mut self, body: &Body<'_>) -> Result<(), Error> {
        let event = self.encode(body);
        self.raw(&event)
    }

    /// Sends a body as an event of this type, with a good checksum.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn body(&mut self, event_type: EventType, body: &[u8]) -> Result<(), Error> {
        self.position = self.position.wrapping_add(body.len() as u32);
        let header = EventHeader {
            timestamp: 0,
            event_type,
            server_id: SERVER_ID,
            size: 0,
            end_log_pos: self.position,
            flags: EventFlags::default(),
        };
        let mut event = Vec::new();
        encode_raw(header, body, Checksum::Crc32, &mut event).expect("an event below 4 GiB");
        self.raw(&event)
    }

    /// Names the file, and describes its format, as each log begins.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn begin(&mut self) -> Result<(), Error> {
        self.rotate(FILE)?;
        self.begin_format()
    }

    /// Describes the format of the events to come.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn begin_format(&mut self) -> Result<(), Error> {
        let version: &[u8] = match self.flavour {
            Flavour::MariaDb => b"10.11.9-MariaDB-log",
            Flavour::MySql => b"8.0.40",
        };
        self.asked = Checksum::Crc32;
        self.event(&Body::FormatDescription(FormatDescription::new(self.flavour, version, 0, Checksum::Crc32)))
    }

    /// Sends an artificial ROTATE event to this file.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn rotate(&mut self, file: &[u8]) -> Result<(), Error> {
        let head = Head { timestamp: 0, server_id: SERVER_ID, flags: EventFlags::ARTIFICIAL };
        let mut event = Vec::new();
        let body = Body::Rotate(Rotate { position: u64::from(self.position), file });
        encode_event(head, 0, &body, self.asked, &mut event).expect("a small event");
        self.raw(&event)
    }

    /// Begins a group by its GTID; `is_statement` says that the next statement is the whole group.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn group(&mut self, is_statement: bool) -> Result<(), Error> {
        self.number += 1;
        let (number, uuid) = (self.number, UUID.parse::<Uuid>().expect("a UUID"));
        let flags = if is_statement { MariaDbGtidEvent::STANDALONE } else { MariaDbGtidEvent::TRANSACTIONAL };
        match self.flavour {
            Flavour::MariaDb => self.event(&Body::MariaDbGtid(MariaDbGtidEvent::new(0, number, flags))),
            Flavour::MySql => {
                let number = number.cast_signed();
                self.event(&Body::Gtid(GtidEvent { uuid, number, ..GtidEvent::default() }))?;
                if is_statement { Ok(()) } else { self.query("", "BEGIN") }
            }
        }
    }

    /// Sends a QUERY event.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn query(&mut self, database: &str, sql: &str) -> Result<(), Error> {
        self.event(&Body::Query(Query::new(1, database.as_bytes(), sql.as_bytes())))
    }

    /// Sends a statement as a group of its own.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn statement(&mut self, sql: &str) -> Result<(), Error> {
        self.group(true)?;
        self.query("d", sql)
    }

    /// Sends a TABLE_MAP event, and returns its body.
    ///
    /// # Errors
    /// The replica is gone.
    pub fn table(&mut self, table: &NewTable<'_>) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        table.encode(RowMetadata::Full, &mut body).expect("a table");
        self.event(&Body::TableMap(TableMap::parse(&body).expect("a table")))?;
        Ok(body)
    }
}

/// The answer to a statement of the set-up, or another event.
enum Reply {
    Nothing,
    Authenticate,
    Accept,
    Ok,
    /// OK to a replica that asks for no checksums.
    NoChecksum,
    /// The values of one row, or of none.
    Row(usize, Vec<String>),
    Dump,
}

impl Reply {
    fn to(event: &Event<'_>, flavour: Flavour) -> Self {
        match event {
            Event::Login(_) => Self::Authenticate,
            Event::Authenticated { .. } => Self::Accept,
            Event::Command(Command::BinlogDump(_) | Command::BinlogDumpGtid(_)) => Self::Dump,
            Event::Command(Command::Query(query)) => Self::to_query(&String::from_utf8_lossy(query.sql), flavour),
            Event::Command(_) => Self::Ok,
            _ => Self::Nothing,
        }
    }

    fn to_query(sql: &str, flavour: Flavour) -> Self {
        let sql = sql.to_ascii_lowercase();
        let one = |value: String| Self::Row(1, vec![value]);
        let has = |word: &str| sql.contains(word);
        if sql.starts_with("set") && has("checksum") && has("none") {
            Self::NoChecksum
        } else if sql.starts_with("set") || sql.starts_with("kill") {
            Self::Ok
        } else if has("unix_timestamp") {
            one(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).to_string())
        } else if has("rpl_semi_sync") {
            Self::Row(2, Vec::new())
        } else if sql.starts_with("show") {
            Self::Row(2, vec!["server_id".to_owned(), SERVER_ID.to_string()])
        } else if has("server_id") {
            one(SERVER_ID.to_string())
        } else if has("checksum") {
            one("CRC32".to_owned())
        } else if has("server_uuid") {
            one(UUID.to_owned())
        } else if has("gtid_mode") {
            one("ON".to_owned())
        } else if has("version()") {
            one(if flavour == Flavour::MariaDb { "10.11.9-MariaDB-log" } else { "8.0.40" }.to_owned())
        } else if has("gtid_domain_id") {
            one("0".to_owned())
        } else {
            one(String::new())
        }
    }

    fn say(self, connection: &mut Connection) -> Result<(), Error> {
        let status = StatusFlags::AUTOCOMMIT;
        match self {
            Self::Nothing | Self::Dump => Ok(()),
            Self::Authenticate => authenticate(connection, PASSWORD),
            Self::Accept => connection.accept(status),
            Self::Ok | Self::NoChecksum => connection.ok(&OkPacket { status, ..OkPacket::default() }),
            Self::Row(columns, values) => {
                let column = ColumnDefinition::new("value".to_owned(), ColumnType::VAR_STRING);
                connection.begin_rows(&vec![column; columns])?;
                if !values.is_empty() {
                    connection.text_row(values.iter().map(|value| Some(value.as_bytes())))?;
                }
                connection.end_rows(status, 0)
            }
        }
    }
}
