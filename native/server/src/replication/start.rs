//! Where a dump begins.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use sealwire_binlog::{EventHeader, EventType, GtidSet, HEADER, MariaDbGtidSet};
use sealwire_core::error::SqlError;
use sealwire_core::wire::Reader;

use super::control::Stop;
use super::events::{CHECKSUM, FIRST_POSITION};
use super::gtids::{Gtid, Gtids, last_of};
use super::log::BinaryLog;

/// Where a client wants to begin.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    /// At a position of a file; without a name at the first file.
    Position { file: String, position: u64 },
    /// Behind these GTIDs of MariaDB's, one of each domain.
    MariaDb(BTreeMap<u32, Gtid>),
    /// With all transactions that are not in this set.
    MySql(GtidSet),
}

/// An error of a dump, with the places that MariaDB tells of.
pub(super) fn refused(reason: &str, file: &str, position: u64) -> SqlError {
    let message = format!(
        "{reason}; the first event '{file}' at {position}, the last event read from '{file}' at {FIRST_POSITION}, the last byte read from \
         '{file}' at {FIRST_POSITION}."
    );
    SqlError::new(1236, b"HY000", message)
}

/// The error for a file that is not in the index.
pub(super) fn unknown_file() -> SqlError {
    SqlError::new(1236, b"HY000", "Could not find first log file name in binary log index file")
}

/// The place where a dump begins.
pub(super) struct Beginning {
    pub(super) file: Arc<str>,
    pub(super) position: u64,
    /// The domains of MariaDB's of which the log has nothing yet, so that the client's GTID in them can't be judged.
    pub(super) unknown: Vec<u32>,
}

/// The file and the position where a dump begins. `applied` is the last GTID of each domain that this server has applied as a replica.
pub(super) fn locate(log: &BinaryLog, start: &Start, applied: &MariaDbGtidSet) -> Result<Beginning, SqlError> {
    let names = log.names();
    match start {
        Start::Position { file, position } => {
            let name = if file.is_empty() { names.first() } else { names.iter().find(|name| *name == file) };
            let name = name.ok_or_else(unknown_file)?;
            if *position < FIRST_POSITION {
                return Err(impossible(name, *position));
            }
            Ok(Beginning { file: name.as_str().into(), position: *position, unknown: Vec::new() })
        }
        Start::MariaDb(state) => {
            let unknown = check_state(&log.gtids(), state, applied)?;
            let is_early_enough = |known: &Gtids| {
                known.list().iter().all(|gtid| {
                    let own = state.get(&gtid.domain);
                    own.is_some_and(|own| own.sequence >= gtid.sequence)
                })
            };
            let found = file_before(log, &names, is_early_enough).ok_or_else(|| {
                let message = "Could not find GTID state requested by slave in any binlog files. Probably the slave state is too old and required \
                               binlog files have been purged.";
                SqlError::new(1236, b"HY000", message)
            })?;
            Ok(Beginning { unknown, ..found })
        }
        Start::MySql(known) => {
            let own = log.format.uuid;
            if last_of(known, own) > last_of(&log.gtids().transactions, own) {
                let message = "Slave has more GTIDs than the master has, using the master's SERVER_UUID. This may indicate that the end of the binary \
                               log was truncated or that the last binary log file was lost, e.g., after a power or disk failure when sync_binlog != 1.";
                return Err(SqlError::new(1236, b"HY000", message));
            }
            let has_all = |gtids: &Gtids| known.contains_all(&gtids.transactions);
            file_before(log, &names, has_all).ok_or_else(|| {
                let message = "Cannot replicate because the master purged required binary logs. Replicate the missing transactions from elsewhere, or \
                               provision a new slave from backup.";
                SqlError::new(1236, b"HY000", message)
            })
        }
    }
}

/// Refuses a replica that has what this server has neither logged nor applied last. Returns the domains of which the log has nothing.
fn check_state(known: &Gtids, state: &BTreeMap<u32, Gtid>, applied: &MariaDbGtidSet) -> Result<Vec<u32>, SqlError> {
    let mut unknown = Vec::new();
    for gtid in state.values() {
        // A server that was a replica without a log had all groups up to there, and has logged its own from there on.
        let is_applied = applied.last(gtid.domain).is_some_and(|own| Gtid::from(own) == *gtid);
        match known.last(gtid.domain) {
            _ if is_applied => {}
            None => unknown.push(gtid.domain),
            Some(_) => check_logged(known, *gtid)?,
        }
    }
    Ok(unknown)
}

/// Refuses a replica whose GTID is not in the log.
pub(super) fn check_logged(known: &Gtids, gtid: Gtid) -> Result<(), SqlError> {
    if known.last_of_server(gtid.domain, gtid.server).is_some_and(|own| own >= gtid.sequence) {
        return Ok(());
    }
    let mut message =
        format!("Error: connecting slave requested to start from GTID {gtid}, which is not in the master's binlog");
    if known.last(gtid.domain).is_some_and(|last| last.sequence > gtid.sequence) {
        message.push_str(
            ". Since the master's binlog contains GTIDs with higher sequence numbers, it probably means that the slave has diverged due to \
             executing extra erroneous transactions",
        );
    }
    Err(SqlError::new(1236, b"HY000", message))
}

/// The last file before which the client has all.
fn file_before(log: &BinaryLog, names: &[String], has_all: impl Fn(&Gtids) -> bool) -> Option<Beginning> {
    let is_start = |name: &&String| {
        log.open_file(name).ok().and_then(|file| known_before(&file)).is_some_and(|known| has_all(&known))
    };
    let found = names.iter().rev().find(is_start)?;
    Some(Beginning { file: found.as_str().into(), position: FIRST_POSITION, unknown: Vec::new() })
}

/// The largest GTID_LIST or PREVIOUS_GTIDS that is read.
const MOST_KNOWN: u32 = 16 << 20;

/// The GTIDs of all files before this one, which its second event has.
pub(crate) fn known_before(file: &File) -> Option<Gtids> {
    let format = header_at(file, FIRST_POSITION)?;
    let position = FIRST_POSITION + u64::from(format.size);
    let header = header_at(file, position)?;
    if header.size > MOST_KNOWN {
        return None;
    }
    let mut event = vec![0; header.size as usize];
    file.read_exact_at(&mut event, position).ok()?;
    // FORMAT_DESCRIPTION has the algorithm's number before its checksum.
    let mut algorithm = [0];
    file.read_exact_at(&mut algorithm, position.checked_sub(CHECKSUM as u64 + 1)?).ok()?;
    let checksum = if algorithm == [1] { CHECKSUM } else { 0 };
    let body = event.get(HEADER..event.len().checked_sub(checksum)?)?;
    let mut reader = Reader::new(body);
    let mut known = Gtids::default();
    match header.event_type {
        EventType::GTID_LIST => super::recovery::read_list(&mut reader, &mut known),
        EventType::PREVIOUS_GTIDS => known.transactions = GtidSet::decode(body).ok()?,
        _ => return None,
    }
    Some(known)
}

pub(super) fn header_at(file: &File, position: u64) -> Option<EventHeader> {
    let mut head = [0; HEADER];
    file.read_exact_at(&mut head, position).ok()?;
    EventHeader::decode(&head).ok()
}

fn impossible(name: &str, position: u64) -> SqlError {
    refused("Client requested master to start replication from impossible position", name, position)
}

/// Checks that an event begins at the position; `first` is that of the first event behind FORMAT_DESCRIPTION. `may_go_on` is asked now and
/// then, because a file may have millions of events.
pub(super) fn check_position(
    file: &File,
    name: &str,
    position: u64,
    end: u64,
    first: u64,
    may_go_on: &dyn Fn() -> Result<(), Stop>,
) -> Result<(), Stop> {
    if position > end {
        return Err(impossible(name, position).into());
    }
    let mut at = first;
    for number in 1_u64.. {
        if at >= position {
            break;
        }
        match header_at(file, at) {
            Some(header) if header.size as usize >= HEADER => at += u64::from(header.size),
            _ => break,
        }
        if number.is_multiple_of(EVENTS_BETWEEN) {
            may_go_on()?;
        }
    }
    if at != position {
        let reason = "binlog truncated in the middle of event; consider out of disk space on master";
        return Err(refused(reason, name, position).into());
    }
    Ok(())
}

/// How many events are passed over between two looks at the client.
const EVENTS_BETWEEN: u64 = 10_000;
