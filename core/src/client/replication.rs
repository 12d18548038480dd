//! The set-up of a replica's session: the queries and commands that precede the binary log.
//!
//! Source: packets recorded from MariaDB 10.11's replica, and the sources of MySQL's. Each query waits for the answer to the one before,
//! because servers expect that.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::time::Duration;

use super::config::Streaming;
use super::{Connection, Event};
use crate::error::{Error, Side, SqlError};
use crate::machine::Now;
use crate::message::{BinlogDump, BinlogDumpGtid, RegisterReplica};
use crate::printable;

/// MySQL's error number of a system variable that does not exist.
const UNKNOWN_VARIABLE: u16 = 1193;
/// MariaDB's error number of a malformed GTID list.
const BAD_GTID_LIST: u16 = 1941;
/// MySQL's error number of a set-up that failed for good.
const FATAL: u16 = 1593;

/// The settings of a [`Replication`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationSettings {
    /// This replica's server id. A server ends the dump of another replica with the same id, so choose one that no replica has.
    pub server_id: u32,
    /// The first event to request.
    pub start: StartPosition,
    /// Whether the stream ends at the end of the log, instead of waiting for more.
    pub non_blocking: bool,
    /// Whether MariaDB sends the statements behind row events.
    pub annotations: bool,
    /// The time without an event after which the server sends a heartbeat; `None` leaves it to the server.
    pub heartbeat: Option<Duration>,
    /// The limit of [`Streaming::silence`], and of the silence before each answer of the set-up.
    pub silence: Option<Duration>,
    /// Whether events carry the checksums that the server writes. Without them the server sends none.
    pub checksums: bool,
    /// A UUID for MySQL, which ends the dump of another replica with the same UUID.
    pub uuid: Option<[u8; 16]>,
    /// The host and port under which SHOW REPLICAS lists this replica; `None` to be no replica in that list.
    pub register: Option<(String, u16)>,
    /// Whether to acknowledge transactions, as soon as the server has semi-synchronous replication on.
    pub semi_sync: bool,
}

impl ReplicationSettings {
    /// Settings that suit a program which reads the log from `start` on and stores nothing: it is registered nowhere.
    pub const fn new(server_id: u32, start: StartPosition) -> Self {
        Self {
            server_id,
            start,
            non_blocking: false,
            annotations: true,
            heartbeat: Some(Duration::from_secs(15)),
            silence: Some(Duration::from_secs(60)),
            checksums: true,
            uuid: None,
            register: None,
            semi_sync: false,
        }
    }
}

/// The first event to request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartPosition {
    /// The event at a position of a file.
    File {
        /// The file's name; empty for the first file.
        name: Vec<u8>,
        /// The position; 4 is the beginning of a file.
        position: u32,
    },
    /// The first event behind MariaDB's GTIDs, one for each domain: `0-1-100,1-1-7`.
    MariaDbGtid(String),
    /// The transactions that this set of MySQL's GTIDs lacks, encoded as in COM_BINLOG_DUMP_GTID.
    MySqlGtid(Vec<u8>),
}

/// The dialect of a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavor {
    /// MariaDB.
    MariaDb,
    /// MySQL, and every other server.
    #[default]
    MySql,
}

/// The properties of the primary, learned during the set-up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Its dialect.
    pub flavor: Flavor,
    /// Its server id; `None` where it tells none.
    pub server_id: Option<u32>,
    /// Its UUID; MySQL only.
    pub uuid: Option<String>,
    /// The seconds since 1970 on its clock when the set-up began; `None` where it tells none.
    pub clock: Option<u64>,
    /// Whether the first event, an artificial ROTATE, has a checksum. The FORMAT_DESCRIPTION event tells it for all others.
    pub checksums: bool,
    /// Whether it can wait for acknowledgements. It asks for them once semi-synchronous replication is on.
    pub semi_sync: bool,
}

/// A step of the set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Clock,
    ServerId,
    Heartbeat,
    Checksum,
    ReadChecksum,
    Capability,
    GtidDomain,
    ConnectState,
    StrictMode,
    IgnoreDuplicates,
    GtidMode,
    SourceUuid,
    Uuid,
    Register,
    AskSemiSync,
    SemiSync,
    Dump,
}

/// The steps in their order. Those that the settings or the primary's dialect do not need are left out.
const STEPS: [Step; 17] = [
    Step::Clock,
    Step::ServerId,
    Step::Heartbeat,
    Step::Checksum,
    Step::ReadChecksum,
    Step::Capability,
    Step::GtidDomain,
    Step::ConnectState,
    Step::StrictMode,
    Step::IgnoreDuplicates,
    Step::GtidMode,
    Step::SourceUuid,
    Step::Uuid,
    Step::Register,
    Step::AskSemiSync,
    Step::SemiSync,
    Step::Dump,
];

/// Sets a connection up as a replica's, and then requests the binary log.
///
/// Create it after [`Event::Connected`], and give it each event until [`handle_event`](Self::handle_event) says that the log was requested.
/// From then on the events are [`Event::BinlogEvent`].
#[derive(Debug)]
pub struct Replication {
    settings: ReplicationSettings,
    source: Source,
    /// The index in `STEPS` of the step that waits for its answer.
    at: usize,
    /// The last value of the answer's first row.
    value: Option<Vec<u8>>,
    has_row: bool,
}

impl Replication {
    /// Sends the first query.
    ///
    /// # Errors
    /// `Misuse` before [`Event::Connected`], and where the start is in the other dialect's GTIDs; or the sticky error.
    pub fn start(settings: ReplicationSettings, connection: &mut Connection, now: Now) -> Result<Self, Error> {
        let version = &connection.facts().server_version;
        let flavor = if version.contains("MariaDB") { Flavor::MariaDb } else { Flavor::MySql };
        match (flavor, &settings.start) {
            (Flavor::MySql, StartPosition::MariaDbGtid(_)) => {
                return Err(refused(format!(
                    "server {version} has no GTIDs of MariaDB: start at a set of MySQL's, or at a position"
                )));
            }
            (Flavor::MariaDb, StartPosition::MySqlGtid(_)) => {
                return Err(refused(format!(
                    "server {version} has no GTIDs of MySQL: start at MariaDB's, or at a position"
                )));
            }
            (Flavor::MariaDb, StartPosition::MariaDbGtid(state)) if !is_gtid_list(state) => {
                let message =
                    format!("Could not parse GTID list '{}': write it as 0-1-100,1-1-7", printable::line(state));
                return Err(Error::Refused {
                    by: Side::Client,
                    error: SqlError::new(BAD_GTID_LIST, b"HY000", message),
                });
            }
            _ => {}
        }
        let source = Source { flavor, ..Source::default() };
        let mut setup = Self { settings, source, at: 0, value: None, has_row: false };
        setup.send(connection, now)?;
        Ok(setup)
    }

    /// The properties of the primary, as far as they are known.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Processes an event of the connection, and sends the next query or command. Returns whether the log was requested.
    ///
    /// # Errors
    /// The primary refused a step that the log needs, or has this replica's server id; or the sticky error.
    pub fn handle_event(&mut self, event: &Event, connection: &mut Connection, now: Now) -> Result<bool, Error> {
        let step = self.step();
        match event {
            _ if step == Step::Dump => return Ok(true),
            Event::ResultSet => return Ok(false),
            Event::Row(_) => {
                if !self.has_row {
                    let values: Result<Vec<_>, _> = connection.text_row().iter().collect();
                    self.value = values?.last().copied().flatten().map(<[u8]>::to_vec);
                    self.has_row = true;
                }
                return Ok(false);
            }
            Event::Ok(_) | Event::ResultEnd { .. } => self.answered(step)?,
            Event::Failed(error) => Self::failed(step, error)?,
            _ => return Err(Error::Misuse("an event that answers no step of a replica's set-up")),
        }
        (self.value, self.has_row) = (None, false);
        self.at += 1;
        self.send(connection, now)?;
        Ok(self.step() == Step::Dump)
    }

    fn step(&self) -> Step {
        STEPS.get(self.at).copied().unwrap_or(Step::Dump)
    }

    /// Sends the next step that is needed.
    fn send(&mut self, connection: &mut Connection, now: Now) -> Result<(), Error> {
        while !self.needs(self.step()) {
            self.at += 1;
        }
        match self.step() {
            Step::Register => {
                let (host, port) =
                    self.settings.register.as_ref().map_or(("", 0), |(host, port)| (host.as_str(), *port));
                let (server_id, host) = (self.settings.server_id, host.as_bytes());
                connection.register_replica(RegisterReplica { server_id, host, port, ..RegisterReplica::default() })
            }
            Step::Dump => return self.dump(connection, now),
            step => connection.query(self.statement(step).as_bytes()),
        }?;
        connection.limit_silence(self.settings.silence, now);
        Ok(())
    }

    fn needs(&self, step: Step) -> bool {
        let Self { settings, source, .. } = self;
        let is_mariadb = source.flavor == Flavor::MariaDb;
        match step {
            Step::Clock | Step::ServerId | Step::Checksum | Step::Dump => true,
            Step::Heartbeat => settings.heartbeat.is_some(),
            Step::ReadChecksum => settings.checksums && source.checksums,
            Step::Capability => is_mariadb,
            Step::GtidDomain | Step::ConnectState | Step::StrictMode | Step::IgnoreDuplicates => {
                matches!(settings.start, StartPosition::MariaDbGtid(_))
            }
            Step::GtidMode => matches!(settings.start, StartPosition::MySqlGtid(_)),
            Step::SourceUuid => !is_mariadb,
            Step::Uuid => !is_mariadb && settings.uuid.is_some(),
            Step::Register => settings.register.is_some(),
            Step::AskSemiSync => settings.semi_sync,
            Step::SemiSync => source.semi_sync,
        }
    }

    fn statement(&self, step: Step) -> String {
        // MySQL 8.4 has new names, and a server takes a variable that it does not know.
        let set = |old: &str, new: &str, value: &str| match self.source.flavor {
            Flavor::MariaDb => format!("SET @{old}= {value}"),
            Flavor::MySql => format!("SET @{old}= {value}, @{new}= {value}"),
        };
        match step {
            Step::Clock => "SELECT UNIX_TIMESTAMP()".to_owned(),
            Step::ServerId => "SELECT @@GLOBAL.server_id".to_owned(),
            Step::Heartbeat => {
                let period = self.settings.heartbeat.unwrap_or_default().as_nanos();
                set("master_heartbeat_period", "source_heartbeat_period", &format!("{period}"))
            }
            Step::Checksum => {
                let algorithm = if self.settings.checksums { "@@global.binlog_checksum" } else { "'NONE'" };
                set("master_binlog_checksum", "source_binlog_checksum", algorithm)
            }
            Step::ReadChecksum => "SELECT @master_binlog_checksum".to_owned(),
            // 4 is the newest: holes in the log, binary log checkpoints, GTIDs.
            Step::Capability => "SET @mariadb_slave_capability=4".to_owned(),
            Step::GtidDomain => "SELECT @@GLOBAL.gtid_domain_id".to_owned(),
            Step::ConnectState => match &self.settings.start {
                StartPosition::MariaDbGtid(state) => format!("SET @slave_connect_state='{state}'"),
                _ => String::new(),
            },
            Step::StrictMode => "SET @slave_gtid_strict_mode=0".to_owned(),
            Step::IgnoreDuplicates => "SET @slave_gtid_ignore_duplicates=0".to_owned(),
            Step::GtidMode => "SELECT @@GLOBAL.gtid_mode".to_owned(),
            Step::SourceUuid => "SELECT @@GLOBAL.server_uuid".to_owned(),
            Step::Uuid => {
                set("slave_uuid", "replica_uuid", &format!("'{}'", uuid_text(self.settings.uuid.unwrap_or_default())))
            }
            Step::AskSemiSync => match self.source.flavor {
                Flavor::MariaDb => "SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'".to_owned(),
                Flavor::MySql => {
                    "SHOW VARIABLES WHERE Variable_name IN ('rpl_semi_sync_master_enabled', 'rpl_semi_sync_source_enabled')"
                        .to_owned()
                }
            },
            Step::SemiSync => set("rpl_semi_sync_slave", "rpl_semi_sync_replica", "1"),
            Step::Register | Step::Dump => String::new(),
        }
    }

    /// Takes the answer to a step.
    fn answered(&mut self, step: Step) -> Result<(), Error> {
        let text = self.value.take().map(|value| String::from_utf8_lossy(&value).into_owned());
        let source = &mut self.source;
        match step {
            Step::Clock => source.clock = text.and_then(|text| text.parse().ok()),
            Step::ServerId => {
                source.server_id = text.and_then(|text| text.parse().ok());
                if source.server_id == Some(self.settings.server_id) {
                    return Err(refused(format!(
                        "the server has the server id {} too, which the replica must not share: give another",
                        self.settings.server_id
                    )));
                }
            }
            // An artificial event has a checksum only if the variable names an algorithm.
            Step::Checksum => source.checksums = self.settings.checksums,
            Step::ReadChecksum => {
                source.checksums = text.is_some_and(|text| !text.is_empty() && !text.eq_ignore_ascii_case("NONE"));
            }
            Step::GtidMode if text.as_deref().is_none_or(|mode| !mode.eq_ignore_ascii_case("ON")) => {
                return Err(refused("the server's gtid_mode is not ON: start at a position of a file".to_owned()));
            }
            Step::SourceUuid => source.uuid = text,
            // Also where it is OFF, because the source may be told to wait while this replica is connected.
            Step::AskSemiSync => source.semi_sync = text.is_some(),
            _ => {}
        }
        Ok(())
    }

    /// Takes the failure of a step, and decides whether the log can be had without it.
    fn failed(step: Step, error: &SqlError) -> Result<(), Error> {
        match step {
            Step::Clock | Step::AskSemiSync => Ok(()),
            // An old server, which has no checksums, no server id or no UUID.
            Step::Checksum | Step::ServerId | Step::SourceUuid if error.code == UNKNOWN_VARIABLE => Ok(()),
            Step::GtidMode | Step::GtidDomain if error.code == UNKNOWN_VARIABLE => {
                Err(refused("the server has no GTIDs: start at a position of a file".to_owned()))
            }
            _ => Err(Error::Refused { by: Side::Server, error: error.clone() }),
        }
    }

    fn dump(&self, connection: &mut Connection, now: Now) -> Result<(), Error> {
        let Self { settings, source, .. } = self;
        let streaming = Streaming { semi_sync: source.semi_sync, silence: settings.silence };
        let mut flags = if settings.non_blocking { BinlogDump::NON_BLOCK } else { 0 };
        if settings.annotations && source.flavor == Flavor::MariaDb {
            flags |= BinlogDump::ANNOTATE_ROWS;
        }
        let server_id = settings.server_id;
        let (file, position) = match &settings.start {
            StartPosition::File { name, position } => (name.as_slice(), *position),
            StartPosition::MariaDbGtid(_) => (&b""[..], 4),
            StartPosition::MySqlGtid(gtid_set) => {
                let dump = BinlogDumpGtid { flags, server_id, file: b"", position: 4, gtid_set };
                return connection.binlog_dump_gtid(dump, streaming, now);
            }
        };
        connection.binlog_dump(BinlogDump { position, flags, server_id, file }, streaming, now)
    }
}

/// Whether a text consists of the characters of MariaDB's GTIDs alone, so that it can stand in a statement; the server checks the rest.
fn is_gtid_list(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b',' | b' '))
}

/// A UUID as MySQL writes it: `3e11fa47-71ca-11e1-9e33-c80aa9429562`.
fn uuid_text(uuid: [u8; 16]) -> String {
    let mut text = String::new();
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn refused(message: String) -> Error {
    Error::Refused { by: Side::Client, error: SqlError::new(FATAL, b"HY000", message) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::super::testing::{Peer, RecordedAnswer};
    use super::*;
    use crate::machine::{Input, Output};

    const OK: RecordedAnswer = RecordedAnswer::Packets(&[b"\0\0\0\x02\0\0\0"]);
    const UNKNOWN: RecordedAnswer = RecordedAnswer::Packets(&[b"\xff\xa9\x04#HY000Unknown system variable"]);
    const EOF: &[u8] = b"\xfe\0\0\x02\0";
    /// A column definition recorded from MariaDB 10.11.
    const COLUMN: &[u8] = b"\x03def\0\0\0\x10UNIX_TIMESTAMP()\0\x0c\x3f\0\x11\0\0\0\x08\x80\0\0\0\0";

    fn value(row: &'static [u8]) -> RecordedAnswer {
        RecordedAnswer::Owned(vec![b"\x01", COLUMN, EOF, row, EOF])
    }

    fn file_start() -> StartPosition {
        StartPosition::File { name: b"bin.000001".to_vec(), position: 4 }
    }

    /// Sets a session up; returns what was sent in turn, and what was learned.
    fn set_up(
        peer: &mut Peer,
        settings: ReplicationSettings,
        answers: Vec<RecordedAnswer>,
    ) -> Result<(Vec<String>, Source), Error> {
        let mut setup = Replication::start(settings, &mut peer.connection, Now::default())?;
        let mut sent = vec![peer.sent()];
        for answer in answers {
            peer.answer(&answer);
            while let Some(event) = peer.event()? {
                setup.handle_event(&event, &mut peer.connection, Now::default())?;
            }
            sent.push(peer.sent());
        }
        Ok((sent, setup.source().clone()))
    }

    #[test]
    fn mariadb_is_asked_as_its_own_replica_asks() {
        let mut peer = Peer::connected("5.5.5-10.11.19-MariaDB-0+deb12u1-log");
        let mut settings = ReplicationSettings::new(22, file_start());
        settings.register = Some((String::new(), 34062));
        settings.semi_sync = true;
        settings.annotations = false;
        settings.heartbeat = Some(Duration::from_nanos(30_000_001_024));
        let (sent, source) = set_up(
            &mut peer,
            settings,
            vec![
                value(b"\x0a1795878355"),
                value(b"\x0211"),
                OK,
                OK,
                value(b"\x05CRC32"),
                OK,
                OK,
                value(b"\x1crpl_semi_sync_master_enabled\x02ON"),
                OK,
            ],
        )
        .unwrap();
        let expected = [
            "\u{3}SELECT UNIX_TIMESTAMP()",
            "\u{3}SELECT @@GLOBAL.server_id",
            "\u{3}SET @master_heartbeat_period= 30000001024",
            "\u{3}SET @master_binlog_checksum= @@global.binlog_checksum",
            "\u{3}SELECT @master_binlog_checksum",
            "\u{3}SET @mariadb_slave_capability=4",
            // The recorded registration and dump.
            "\u{15}\u{16}\0\0\0\0\0\0\u{e}\u{85}\0\0\0\0\0\0\0\0",
            "\u{3}SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'",
            "\u{3}SET @rpl_semi_sync_slave= 1",
            "\u{12}\u{4}\0\0\0\0\0\u{16}\0\0\0bin.000001",
        ];
        assert_eq!(sent, expected);
        let expected = Source {
            flavor: Flavor::MariaDb,
            server_id: Some(11),
            uuid: None,
            clock: Some(1_795_878_355),
            checksums: true,
            semi_sync: true,
        };
        assert_eq!(source, expected);
    }

    #[test]
    fn a_source_that_has_semi_sync_off_is_told_all_the_same() {
        let last = |answer: RecordedAnswer| {
            let mut settings = ReplicationSettings { heartbeat: None, ..ReplicationSettings::new(22, file_start()) };
            (settings.semi_sync, settings.checksums) = (true, false);
            let answers = vec![value(b"\x011"), value(b"\x0211"), OK, OK, answer];
            let (mut sent, source) = set_up(&mut Peer::connected("10.11.19-MariaDB"), settings, answers).unwrap();
            (sent.pop().unwrap(), source.semi_sync)
        };
        let off = last(value(b"\x1crpl_semi_sync_master_enabled\x03OFF"));
        assert_eq!(off, ("\u{3}SET @rpl_semi_sync_slave= 1".to_owned(), true));
        let (sent, is_told) = last(RecordedAnswer::Packets(&[b"\x01", COLUMN, EOF, EOF]));
        assert!(sent.ends_with("bin.000001") && !is_told, "{sent}");
    }

    #[test]
    fn the_gtid_state_of_mariadb_precedes_the_dump() {
        let mut peer = Peer::connected("5.5.5-10.11.19-MariaDB");
        let start = StartPosition::MariaDbGtid("3-11-1,0-11-15".to_owned());
        let settings = ReplicationSettings { heartbeat: None, checksums: false, ..ReplicationSettings::new(22, start) };
        let answers = vec![value(b"\x011"), value(b"\x0211"), OK, OK, value(b"\x010"), OK, OK, OK];
        let (sent, source) = set_up(&mut peer, settings, answers).unwrap();
        assert_eq!(
            sent[2..],
            [
                "\u{3}SET @master_binlog_checksum= 'NONE'",
                "\u{3}SET @mariadb_slave_capability=4",
                "\u{3}SELECT @@GLOBAL.gtid_domain_id",
                "\u{3}SET @slave_connect_state='3-11-1,0-11-15'",
                "\u{3}SET @slave_gtid_strict_mode=0",
                "\u{3}SET @slave_gtid_ignore_duplicates=0",
                "\u{12}\u{4}\0\0\0\u{2}\0\u{16}\0\0\0",
            ]
        );
        assert!(!source.checksums);
    }

    #[test]
    fn mysql_gets_both_names_of_each_variable_and_its_own_gtids() {
        let mut peer = Peer::connected("8.4.0");
        let start = StartPosition::MySqlGtid(b"set".to_vec());
        let mut settings = ReplicationSettings::new(22, start);
        settings.uuid = Some(*b"0123456789abcdef");
        let answers = vec![
            value(b"\x011"),
            value(b"\x0211"),
            OK,
            OK,
            value(b"\x04NONE"),
            value(b"\x02ON"),
            value(b"\x04uuid"),
            OK,
        ];
        let (sent, source) = set_up(&mut peer, settings, answers).unwrap();
        assert_eq!(
            sent[2..],
            [
                "\u{3}SET @master_heartbeat_period= 15000000000, @source_heartbeat_period= 15000000000",
                "\u{3}SET @master_binlog_checksum= @@global.binlog_checksum, @source_binlog_checksum= @@global.binlog_checksum",
                "\u{3}SELECT @master_binlog_checksum",
                "\u{3}SELECT @@GLOBAL.gtid_mode",
                "\u{3}SELECT @@GLOBAL.server_uuid",
                "\u{3}SET @slave_uuid= '30313233-3435-3637-3839-616263646566', @replica_uuid= '30313233-3435-3637-3839-616263646566'",
                "\u{1e}\0\0\u{16}\0\0\0\0\0\0\0\u{4}\0\0\0\0\0\0\0\u{3}\0\0\0set",
            ]
        );
        assert_eq!((source.checksums, source.uuid.as_deref()), (false, Some("uuid")));
    }

    #[test]
    fn a_server_that_answers_no_query_is_given_up() {
        let mut peer = Peer::connected("8.4.0");
        let settings = ReplicationSettings::new(22, file_start());
        let limit = settings.silence;
        Replication::start(settings, &mut peer.connection, Now::default()).unwrap();
        assert!(peer.event().unwrap().is_none());
        let mut out = Vec::new();
        assert!(matches!(peer.connection.poll_output(&mut out), Ok(Output::Wait(deadline)) if deadline == limit));
        let late = Now { monotonic: limit.unwrap(), wall: Duration::ZERO };
        let error = peer.connection.handle_input(Input::Timeout, late).unwrap_err();
        assert_eq!(error, Error::TimedOut("during query"));
    }

    #[test]
    fn an_old_server_has_no_checksums() {
        let mut peer = Peer::connected("5.5.62");
        let settings = ReplicationSettings { heartbeat: None, ..ReplicationSettings::new(22, file_start()) };
        let answers = vec![UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN];
        let (sent, source) = set_up(&mut peer, settings, answers).unwrap();
        assert!(sent.last().unwrap().ends_with("bin.000001"), "{sent:?}");
        assert_eq!(source, Source::default());
    }

    #[test]
    fn a_server_that_cannot_serve_is_refused_with_the_reason() {
        let refusal = |version, start, answers| {
            let settings = ReplicationSettings { heartbeat: None, ..ReplicationSettings::new(22, start) };
            set_up(&mut Peer::connected(version), settings, answers).unwrap_err().as_client_error()
        };
        let equal = refusal("8.4.0", file_start(), vec![value(b"\x011"), value(b"\x0222")]);
        assert_eq!(equal.code, FATAL);
        assert!(equal.message.contains("server id 22"), "{equal}");
        let gtids = || StartPosition::MariaDbGtid("0-1-1".to_owned());
        assert!(refusal("8.4.0", gtids(), vec![]).message.contains("no GTIDs of MariaDB"));
        let own = StartPosition::MySqlGtid(vec![]);
        assert!(refusal("10.11.0-MariaDB", own.clone(), vec![]).message.contains("no GTIDs of MySQL"));
        let off = vec![value(b"\x011"), value(b"\x0211"), OK, value(b"\x04NONE"), value(b"\x03OFF")];
        assert!(refusal("8.4.0", own, off).message.contains("gtid_mode is not ON"));
        let injected = StartPosition::MariaDbGtid("0-1-1'; DROP".to_owned());
        assert_eq!(refusal("10.11.0-MariaDB", injected, vec![]).code, BAD_GTID_LIST);
        let denied = RecordedAnswer::Packets(&[b"\xff\x15\x04#28000Access denied"]);
        assert_eq!(refusal("8.4.0", file_start(), vec![value(b"\x011"), denied]).code, 1045);
    }
}
