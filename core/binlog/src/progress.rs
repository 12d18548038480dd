//! The place in a binary log up to which a reader has whole transactions, and from which it may go on.

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use sealwire_core::client::StartPosition;

use crate::body::Body;
use crate::error::{Error, Problem};
use crate::event::Event;
use crate::event_type::EventType;
use crate::gtid::{GtidError, GtidSet, MariaDbGtid, MariaDbGtidEvent, MariaDbGtidSet, Tag, Uuid};
use crate::query::{LoadQuery, Query};

/// The place of an event in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The event belongs to no transaction: the format, the end of a file, a heartbeat.
    Outside,
    /// The event begins a transaction, or continues one.
    Inside,
    /// The event ends a transaction: what it changed is complete.
    Commit,
}

/// A start whose GTIDs can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartError {
    /// MariaDB's list, a text.
    List(GtidError),
    /// MySQL's set, encoded.
    Set(Problem),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(error) => error.fmt(f),
            Self::Set(problem) => problem.fmt(f),
        }
    }
}

impl core::error::Error for StartError {}

/// The place up to which a reader has whole transactions.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The file and the position behind the last whole transaction.
    file: Vec<u8>,
    position: u64,
    /// The GTIDs, where the log is requested by them.
    gtids: Gtids,
    group: Option<Group>,
}

#[derive(Debug, Clone)]
enum Gtids {
    None,
    /// The last of each domain.
    MariaDb(MariaDbGtidSet),
    MySql(GtidSet),
}

/// A transaction that has begun.
#[derive(Debug, Clone, Default)]
struct Group {
    /// Its GTID, which is added when it ends.
    mariadb: Option<MariaDbGtid>,
    mysql: Option<(Uuid, Tag, i64)>,
    /// Whether it ends with its first statement.
    is_single: bool,
    /// The events so far, and a hash of their headers, by which they are recognised when they come again.
    events: u64,
    hash: u64,
}

impl Progress {
    /// The place at which a reader begins.
    ///
    /// # Errors
    /// The start has malformed GTIDs.
    pub fn new(start: &StartPosition) -> Result<Self, StartError> {
        let gtids = match start {
            StartPosition::File { .. } => Gtids::None,
            StartPosition::MariaDbGtid(list) => Gtids::MariaDb(list.parse().map_err(StartError::List)?),
            StartPosition::MySqlGtid(set) => Gtids::MySql(GtidSet::decode(set).map_err(StartError::Set)?),
        };
        let (file, position) = match start {
            StartPosition::File { name, position } => (name.clone(), u64::from(*position)),
            _ => (Vec::new(), 4),
        };
        Ok(Self { file, position, gtids, group: None })
    }

    /// The file of the last event.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The position behind the last whole transaction, in [`Progress::file`].
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The position from which to request the log again, so that the current transaction comes whole.
    pub fn resume(&self) -> StartPosition {
        match &self.gtids {
            Gtids::MariaDb(last) => StartPosition::MariaDbGtid(last.to_string()),
            Gtids::MySql(set) => {
                let mut encoded = Vec::new();
                set.encode(&mut encoded);
                StartPosition::MySqlGtid(encoded)
            }
            // A position of more than 32 bits can't be requested, so the file comes from its beginning.
            Gtids::None => {
                StartPosition::File { name: self.file.clone(), position: u32::try_from(self.position).unwrap_or(4) }
            }
        }
    }

    /// The number of domains of MariaDB's GTIDs, or of intervals of MySQL's, over all UUIDs; 0 where the log is requested by position.
    pub fn gtid_ranges(&self) -> usize {
        match &self.gtids {
            Gtids::None => 0,
            Gtids::MariaDb(last) => last.domains(),
            Gtids::MySql(set) => set.intervals(),
        }
    }

    /// Forgets the transaction that has begun.
    pub fn forget_open(&mut self) {
        self.group = None;
    }

    /// The events of the current transaction that were processed, and the [`Progress::hash`] of them.
    pub fn open_events(&self) -> (u64, u64) {
        self.group.as_ref().map_or((0, 0), |group| (group.events, group.hash))
    }

    /// Processes an event. `next` is the position behind it, [`crate::Reader::position`].
    ///
    /// # Errors
    /// The event can't be decoded.
    pub fn event(&mut self, event: &Event<'_>, next: u64) -> Result<Boundary, Error> {
        let boundary = match event.header.event_type {
            EventType::ROTATE => {
                if let Body::Rotate(rotate) = event.decode()? {
                    // In the middle of a transaction a server repeats its file when it sends the log again.
                    if self.group.is_none() {
                        (self.file, self.position) = (rotate.file.to_vec(), rotate.position);
                    }
                }
                return Ok(Boundary::Outside);
            }
            EventType::FORMAT_DESCRIPTION
            | EventType::HEARTBEAT
            | EventType::HEARTBEAT_V2
            | EventType::STOP
            | EventType::PREVIOUS_GTIDS
            | EventType::GTID_LIST
            | EventType::BINLOG_CHECKPOINT
            | EventType::START_ENCRYPTION => return Ok(Boundary::Outside),
            EventType::XID | EventType::XA_PREPARE | EventType::TRANSACTION_PAYLOAD => Boundary::Commit,
            EventType::MARIADB_GTID | EventType::GTID | EventType::ANONYMOUS_GTID | EventType::GTID_TAGGED => {
                self.group = Some(Group::begin(event)?);
                Boundary::Inside
            }
            EventType::QUERY | EventType::QUERY_COMPRESSED | EventType::EXECUTE_LOAD_QUERY => match event.decode()? {
                Body::Query(query) | Body::LoadQuery(LoadQuery { query, .. }) => self.statement(&query),
                _ => Boundary::Inside,
            },
            _ => Boundary::Inside,
        };
        let group = self.group.get_or_insert_with(Group::of_statement);
        group.events += 1;
        group.hash = Self::hash(group.hash, event);
        if boundary == Boundary::Commit {
            let group = self.group.take().unwrap_or_default();
            match (&mut self.gtids, group.mariadb, group.mysql) {
                (Gtids::MariaDb(last), Some(gtid), _) => last.set(gtid).map_err(|problem| event.error(problem))?,
                (Gtids::MySql(set), _, Some((uuid, tag, number))) => {
                    set.add(uuid, tag, number).map_err(|problem| event.error(problem))?;
                }
                _ => {}
            }
            self.position = next;
        }
        Ok(boundary)
    }

    /// Adds an event's header to the hash of those before it (FNV-1a). Events that come again have the same hash.
    pub fn hash(before: u64, event: &Event<'_>) -> u64 {
        const PRIME: u64 = 0x0100_0000_01b3;
        let header = &event.header;
        let numbers = [header.timestamp, u32::from(header.event_type.0), header.server_id, header.size];
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes());
        bytes.fold(before, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    }

    /// The place of a statement.
    fn statement(&mut self, query: &Query<'_>) -> Boundary {
        let begins = |word: &[u8]| query.sql.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let group = self.group.get_or_insert_with(Group::of_statement);
        if &*query.sql == b"BEGIN" || begins(b"XA START") {
            group.is_single = false;
            return Boundary::Inside;
        }
        let ends = query.ends_transaction() || begins(b"XA COMMIT") || begins(b"XA ROLLBACK");
        if group.is_single || ends { Boundary::Commit } else { Boundary::Inside }
    }
}

impl Group {
    /// A statement without GTID, which BEGIN makes a transaction.
    fn of_statement() -> Self {
        Self { is_single: true, ..Self::default() }
    }

    fn begin(event: &Event<'_>) -> Result<Self, Error> {
        Ok(match event.decode()? {
            Body::MariaDbGtid(gtid) => {
                let (domain, server, sequence) = (gtid.domain, event.header.server_id, gtid.sequence);
                Self {
                    mariadb: Some(MariaDbGtid { domain, server, sequence }),
                    is_single: gtid.flags & MariaDbGtidEvent::STANDALONE != 0,
                    ..Self::default()
                }
            }
            Body::Gtid(gtid) | Body::GtidTagged(gtid) => {
                let tag = Tag::new(gtid.tag).ok_or_else(|| event.error(Problem::Malformed("the GTID's tag")))?;
                Self { mysql: Some((gtid.uuid, tag, gtid.number)), is_single: true, ..Self::default() }
            }
            _ => Self::of_statement(),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;
    use alloc::format;

    use super::*;
    use crate::control::{Rand, Rotate};
    use crate::format::Checksum;
    use crate::gtid::GtidEvent;
    use crate::reader::{Limits, Reader};
    use crate::writer::{Head, encode_event};

    /// Feeds events, each with its `end_log_pos`; returns the boundaries.
    fn fed(progress: &mut Progress, bodies: &[(Body<'_>, u32)]) -> Vec<Boundary> {
        let mut reader = Reader::stream(Checksum::None, Limits::default());
        let head = Head { timestamp: 1, server_id: 11, ..Head::default() };
        bodies
            .iter()
            .map(|(body, end)| {
                let mut bytes = Vec::new();
                encode_event(head, *end, body, Checksum::None, &mut bytes).unwrap();
                let event = reader.event(&bytes).unwrap();
                progress.event(&event, reader.position()).unwrap()
            })
            .collect()
    }

    fn query(sql: &'static [u8]) -> Body<'static> {
        Body::Query(Query::new(1, b"d", sql))
    }

    fn rotate() -> Body<'static> {
        Body::Rotate(Rotate { position: 4, file: b"bin.000002" })
    }

    fn file(position: u32) -> StartPosition {
        StartPosition::File { name: b"bin.000002".to_vec(), position }
    }

    #[test]
    fn a_position_moves_at_the_end_of_a_transaction_only() {
        use Boundary::{Commit, Inside, Outside};
        let mut progress = Progress::new(&StartPosition::File { name: b"bin.000001".to_vec(), position: 4 }).unwrap();
        let events = [(rotate(), 0), (query(b"BEGIN"), 100), (query(b"INSERT"), 200)];
        assert_eq!(fed(&mut progress, &events), [Outside, Inside, Inside]);
        assert_eq!(progress.resume(), file(4));
        let (open, before) = progress.open_events();
        assert_eq!(open, 2);
        // When the log is requested again, the file is named again.
        assert_eq!(fed(&mut progress, &[(rotate(), 0)]), [Outside]);
        assert_eq!(progress.open_events(), (2, before));
        assert_eq!(fed(&mut progress, &[(Body::Xid(7), 300)]), [Commit]);
        assert_eq!((progress.resume(), progress.open_events()), (file(300), (0, 0)));
        // A transaction that is forgotten leaves the position where it was.
        fed(&mut progress, &[(query(b"BEGIN"), 310), (query(b"INSERT"), 320)]);
        progress.forget_open();
        assert_eq!((progress.resume(), progress.open_events()), (file(300), (0, 0)));
        // A statement on its own, and one that a number precedes.
        assert_eq!(fed(&mut progress, &[(query(b"CREATE TABLE t (a INT)"), 400)]), [Commit]);
        let seeds = Body::Rand(Rand { seed1: 1, seed2: 2 });
        assert_eq!(fed(&mut progress, &[(seeds, 450), (query(b"INSERT"), 500)]), [Inside, Commit]);
        assert_eq!(progress.resume(), file(500));
    }

    #[test]
    fn gtids_of_mariadb_are_added_when_they_are_committed() {
        use Boundary::{Commit, Inside};
        let mut progress = Progress::new(&StartPosition::MariaDbGtid("0-11-5,3-1-1".to_owned())).unwrap();
        let gtid = |sequence, flags| Body::MariaDbGtid(MariaDbGtidEvent::new(0, sequence, flags));
        let state = |text: &str| StartPosition::MariaDbGtid(text.to_owned());
        let events = [(gtid(6, 0), 100), (query(b"INSERT"), 200)];
        assert_eq!(fed(&mut progress, &events), [Inside, Inside]);
        assert_eq!(progress.resume(), state("0-11-5,3-1-1"));
        assert_eq!(fed(&mut progress, &[(Body::Xid(1), 300)]), [Commit]);
        assert_eq!(progress.resume(), state("0-11-6,3-1-1"));
        let ddl = [(gtid(7, MariaDbGtidEvent::STANDALONE), 400), (query(b"DROP TABLE t"), 500)];
        assert_eq!(fed(&mut progress, &ddl), [Inside, Commit]);
        assert_eq!((progress.resume(), progress.gtid_ranges()), (state("0-11-7,3-1-1"), 2));
        assert!(matches!(Progress::new(&state("0-1")), Err(StartError::List(_))));
    }

    #[test]
    fn gtids_of_mysql_are_added_when_they_are_committed() {
        let set = |text: &str| {
            let mut encoded = Vec::new();
            text.parse::<GtidSet>().unwrap().encode(&mut encoded);
            StartPosition::MySqlGtid(encoded)
        };
        let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
        let mut progress = Progress::new(&set(&format!("{uuid}:1-5"))).unwrap();
        let gtid = GtidEvent { uuid: uuid.parse().unwrap(), number: 6, ..Default::default() };
        fed(&mut progress, &[(Body::Gtid(gtid), 100), (query(b"BEGIN"), 200), (query(b"INSERT"), 300)]);
        assert_eq!(progress.resume(), set(&format!("{uuid}:1-5")));
        fed(&mut progress, &[(query(b"COMMIT"), 400)]);
        assert_eq!((progress.resume(), progress.gtid_ranges()), (set(&format!("{uuid}:1-6")), 1));
        let gtid = GtidEvent { uuid: uuid.parse().unwrap(), number: 8, ..Default::default() };
        fed(&mut progress, &[(Body::Gtid(gtid), 500), (query(b"BEGIN"), 600), (query(b"COMMIT"), 700)]);
        assert_eq!(progress.gtid_ranges(), 2);
    }
}
