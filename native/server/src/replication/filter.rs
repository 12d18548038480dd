//! Which events a client gets, and in which form.

use sealwire_binlog::{Checksum, EventHeader, EventType, GtidSet, HEADER, Query, Tag, Uuid};
use sealwire_core::wire::Reader;

use super::events::whole;
use super::gtids::Gtid;
use super::recovery::read_gtid;
use super::request::DumpRequest;
use super::start::Start;

/// `@mariadb_slave_capability` of a replica that knows MariaDB's GTIDs.
const KNOWS_GTIDS: u64 = 4;
/// The flag of a GTID whose group is one statement without commit.
const STANDALONE: u8 = 1;

/// The fate of an event.
pub(super) enum Passing {
    /// It is sent.
    Send,
    /// Another event is sent in its place.
    Change(Vec<u8>),
    /// It is left out.
    Leave,
    /// It begins the first group of a domain of which the log had nothing when the client came, so that only now the client's GTID can be
    /// judged. The event is to be asked about again.
    Judge(Gtid),
}

/// The choice of events for one dump.
pub(super) struct Filter {
    annotates: bool,
    capability: u64,
    start: Start,
    /// The domains of which the log had nothing.
    unknown: Vec<u32>,
    /// The group that is being left out.
    skipped: Option<Skipped>,
}

/// How a group ends that is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skipped {
    /// By its only statement, unless that is BEGIN.
    Statement,
    /// By a commit.
    Transaction,
}

impl Filter {
    pub(super) const fn new(request: &DumpRequest, start: Start) -> Self {
        Self { annotates: request.annotates, capability: request.capability, start, unknown: Vec::new(), skipped: None }
    }

    /// Notes the domains of which the log has nothing yet.
    pub(super) fn judge_later(&mut self, domains: Vec<u32>) {
        self.unknown = domains;
    }

    /// Where the client began.
    pub(super) const fn start(&self) -> &Start {
        &self.start
    }

    /// Decides about an event.
    pub(super) fn pass(&mut self, event: &[u8], header: &EventHeader, checksum: Checksum) -> Passing {
        if let Some(skipped) = self.skipped {
            self.skipped = match header.event_type {
                EventType::XID => None,
                EventType::QUERY if skipped == Skipped::Statement && !is_begin(event, checksum) => None,
                EventType::QUERY if skipped == Skipped::Statement => Some(Skipped::Transaction),
                _ => Some(skipped),
            };
            return Passing::Leave;
        }
        let body = event.get(HEADER..).unwrap_or_default();
        match header.event_type {
            EventType::ANNOTATE_ROWS if !self.annotates => Passing::Leave,
            EventType::GTID_LIST | EventType::BINLOG_CHECKPOINT if self.capability < KNOWS_GTIDS => Passing::Leave,
            EventType::MARIADB_GTID => self.pass_gtid(body, header, checksum),
            EventType::GTID => match &self.start {
                Start::MySql(known) if is_known(known, body) => {
                    self.skipped = Some(Skipped::Statement);
                    Passing::Leave
                }
                _ => Passing::Send,
            },
            _ => Passing::Send,
        }
    }

    fn pass_gtid(&mut self, body: &[u8], header: &EventHeader, checksum: Checksum) -> Passing {
        let mut reader = Reader::new(body);
        let (Ok(sequence), Ok(domain), Ok(flags)) = (reader.u64("sequence"), reader.u32("domain"), reader.u8("flags"))
        else {
            return Passing::Send;
        };
        let gtid = Gtid { domain, server: header.server_id, sequence };
        let is_alone = flags & STANDALONE != 0;
        if let Start::MariaDb(state) = &self.start
            && let Some(at) = self.unknown.iter().position(|unknown| *unknown == domain)
        {
            self.unknown.swap_remove(at);
            if let Some(own) = state.get(&domain) {
                return Passing::Judge(*own);
            }
        }
        if let Start::MariaDb(state) = &self.start
            && state.get(&domain).is_some_and(|own| own.sequence >= gtid.sequence)
        {
            self.skipped = Some(if is_alone { Skipped::Statement } else { Skipped::Transaction });
            return Passing::Leave;
        }
        if self.capability >= KNOWS_GTIDS {
            return Passing::Send;
        }
        if is_alone {
            return Passing::Leave;
        }
        // The transaction begins with this event, which has exactly the size of a BEGIN.
        let begin = EventHeader { event_type: EventType::QUERY, ..*header };
        Passing::Change(whole(begin, checksum, |out| Query::new(0, b"", b"BEGIN").encode(out)))
    }
}

fn is_begin(event: &[u8], checksum: Checksum) -> bool {
    let end = if checksum == Checksum::Crc32 { super::events::CHECKSUM } else { 0 };
    event.get(..event.len().saturating_sub(end)).is_some_and(|event| event.ends_with(b"\0BEGIN"))
}

/// Whether the client has the transaction of MySQL's GTID event.
fn is_known(known: &GtidSet, body: &[u8]) -> bool {
    read_gtid(body).is_some_and(|(uuid, number)| known.contains(Uuid(uuid), Tag::default(), number))
}
