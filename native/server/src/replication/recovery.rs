//! Reads a file of the log at the server's start: where its last whole group ends, and which GTIDs it has.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use sealwire_binlog::{
    Body, EventFlags, EventHeader, EventType, Flavour, GtidSet, HEADER, Limits, MAGIC, Reader as EventReader, Rows,
};
use sealwire_core::wire::Reader;

use super::events::{CHECKSUM, FIRST_POSITION};
use super::group::CommitMark;
use super::gtids::{Gtid, Gtids};
use super::place::Place;
use crate::sql::Cursor;
use crate::sql::database_options::DatabaseOptions;

/// Events up to this size are read whole. Larger ones are rows, of which recovery needs nothing.
const MOST_READ: u64 = 64 << 20;

/// The contents of a file.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Whose events it has; `None` where not even the first event is whole.
    pub(super) flavour: Option<Flavour>,
    /// Whether the file was not closed.
    pub(super) is_in_use: bool,
    /// The position behind the last whole group.
    pub(super) end: u64,
    /// All GTIDs up to there, and those without the last group's.
    pub(super) gtids: Gtids,
    pub(super) gtids_before_last: Gtids,
    /// The last whole group.
    pub(super) last: Option<LastGroup>,
    /// Where the changes of accounts at the end begin that were not made, and the GTIDs before them.
    pub(super) undone: Option<(u64, Gtids)>,
}

/// Passes the row events of a group to a function, in order.
pub(crate) type GroupRows<'a> = dyn FnMut(&mut dyn FnMut(&Rows<'_>) -> Result<(), String>) -> Result<(), String> + 'a;

/// Reads the row events of a group that ends at `end`.
///
/// # Errors
/// A sentence: the file can't be read, and those of `each`.
pub(super) fn for_each_rows(
    path: &Path,
    start: u64,
    end: u64,
    each: &mut dyn FnMut(&Rows<'_>) -> Result<(), String>,
) -> Result<(), String> {
    let failed = |error: io::Error| error.to_string();
    let mut file = File::open(path).map_err(failed)?;
    let mut reader = EventReader::file(Limits::default());
    // The first event tells the format, the group is far behind it.
    let mut bytes = Vec::new();
    loop {
        let mut rest = bytes.as_slice();
        match reader.next(&mut rest).map_err(|error| error.to_string())? {
            Some(event) => {
                if let Body::Rows(rows) = event.decode().map_err(|error| error.to_string())? {
                    each(&rows)?;
                }
                if event.header.event_type == EventType::FORMAT_DESCRIPTION {
                    file.seek(SeekFrom::Start(start)).map_err(failed)?;
                    reader.seek(start);
                }
                if reader.position() >= end {
                    return Ok(());
                }
                bytes.clear();
            }
            None => {
                // The bytes before the first event are taken without an event.
                let taken = bytes.len() - rest.len();
                bytes.drain(..taken);
                let needed = reader.needed(&bytes).map_err(|error| error.to_string())?;
                let more = needed.saturating_sub(bytes.len()).max(1);
                if (&mut file).take(more as u64).read_to_end(&mut bytes).map_err(failed)? == 0 {
                    return Err("the group is not whole".to_owned());
                }
            }
        }
    }
}

/// The databases after a crash, which may lack the last group of the log.
pub(crate) trait Databases {
    /// Whether a database has the mark of a group.
    fn is_committed(&self, database: &str, mark: CommitMark) -> bool;

    /// Changes the rows of a group in the first of two databases, and leaves the group's mark there. The second database has the group; if
    /// the group is a source's, its place in the source's log comes from there.
    ///
    /// # Errors
    /// A sentence: the database can't be changed, or is not as the log has it. It is then unchanged.
    fn redo(&self, databases: (&str, &str), mark: CommitMark, rows: &mut GroupRows<'_>) -> Result<(), String>;

    /// Whether there is a database of that name.
    fn has(&self, database: &str) -> bool;

    /// Creates a database; `None` gives it the server's collation.
    ///
    /// # Errors
    /// A sentence.
    fn create(&self, database: &str, collation: Option<&str>) -> Result<(), String>;

    /// Gives a database a collation.
    ///
    /// # Errors
    /// A sentence.
    fn set_collation(&self, database: &str, collation: &str) -> Result<(), String>;

    /// Removes a database.
    ///
    /// # Errors
    /// A sentence.
    fn remove(&self, database: &str) -> Result<(), String>;
}

/// Carries a CREATE, ALTER or DROP DATABASE out that was logged, and that a crash may have kept from taking effect.
///
/// # Errors
/// A sentence.
pub(super) fn redo(statement: &str, databases: &dyn Databases) -> Result<(), String> {
    let mut words = Cursor::new(statement);
    let Some(kind) = words.accept_one(&["CREATE", "ALTER", "DROP"]).filter(|_| words.accept("DATABASE")) else {
        return Ok(());
    };
    let _ = words.accept_all(&["IF", "NOT", "EXISTS"]) || words.accept_all(&["IF", "EXISTS"]);
    let name = words.name().map_err(|error| error.to_string())?;
    let collation = DatabaseOptions::read(&mut words)
        .and_then(|options| options.collation(None))
        .map_err(|error| error.to_string())?;
    let exists = databases.has(&name);
    // The file that names a new database's collation may be lost where that of the database is not.
    if let ("CREATE" | "ALTER", true, Some(collation)) = (kind, exists, &collation) {
        return databases.set_collation(&name, collation);
    }
    let is_creation = kind == "CREATE";
    if kind == "ALTER" || is_creation == exists {
        return Ok(());
    }
    tracing::warn!(
        "the server was killed within '{statement}', which is carried out now, because the binary log has it"
    );
    if is_creation { databases.create(&name, collation.as_deref()) } else { databases.remove(&name) }
}

/// The last whole group of a file.
#[derive(Debug, Default, Clone)]
pub(super) struct LastGroup {
    pub(super) start: u64,
    /// Its number, of which a mark is made.
    pub(super) number: Option<u64>,
    /// The databases that it changed within their files.
    pub(super) databases: BTreeSet<String>,
    /// Its statement, where it has one.
    pub(super) statement: Option<String>,
    /// Whether BEGIN or the flags of the GTID say that it goes on up to an XID.
    goes_on: bool,
}

impl LastGroup {
    /// Whether it changes accounts, in the words in which such changes are logged.
    fn changes_accounts(&self) -> bool {
        let Some(statement) = &self.statement else { return false };
        let mut words = Cursor::new(statement);
        words.accept_one(&["GRANT", "REVOKE"]).is_some()
            || (words.accept_one(&["CREATE", "ALTER", "DROP"]).is_some() && words.peek("USER"))
    }
}

/// Scans a file. A damaged or incomplete end is no error. The changes of accounts were made that begin before the place `accounts`; all where it
/// is `None`.
pub(super) fn scan(path: &Path, accounts: Option<&Place>) -> io::Result<Scan> {
    let name = path.file_name().unwrap_or_default();
    let is_made =
        |start: u64| accounts.is_none_or(|place| name.to_str() == Some(&*place.file) && start < place.position);
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut found = Scan { end: FIRST_POSITION.min(length), ..Scan::default() };
    let mut magic = [0; MAGIC.len()];
    if reader.read_exact(&mut magic).is_err() || magic != MAGIC {
        return if length < FIRST_POSITION { Ok(found) } else { Err(io::Error::other("it is no binary log")) };
    }
    let mut position = FIRST_POSITION;
    let mut checksum = 0;
    let mut group: Option<LastGroup> = None;
    let mut before = Gtids::default();
    loop {
        let mut event = vec![0; HEADER];
        if reader.read_exact(&mut event).is_err() {
            break;
        }
        let Ok(header) = EventHeader::decode(&event) else { break };
        let size = u64::from(header.size);
        if size < (HEADER + checksum) as u64 || position.saturating_add(size) > length {
            break;
        }
        if size > MOST_READ {
            reader.seek(SeekFrom::Start(position + size))?;
        } else {
            event.resize(size as usize, 0);
            let Some(rest) = event.get_mut(HEADER..) else { break };
            if reader.read_exact(rest).is_err() {
                break;
            }
        }
        if header.event_type == EventType::FORMAT_DESCRIPTION {
            // The algorithm's number stands before the checksum that this event always has.
            let algorithm = event.len().checked_sub(CHECKSUM + 1).and_then(|at| event.get(at)).copied();
            checksum = if algorithm == Some(1) { CHECKSUM } else { 0 };
            found.is_in_use = header.flags.contains(EventFlags::IN_USE);
            let version = event.get(HEADER + 2..HEADER + 52).unwrap_or_default();
            let is_mariadb = version.windows(7).any(|part| part == b"MariaDB");
            found.flavour = Some(if is_mariadb { Flavour::MariaDb } else { Flavour::MySql });
        } else if checksum > 0 && size <= MOST_READ && !has_its_checksum(&event) {
            break;
        }
        let body = event.get(HEADER..event.len().saturating_sub(checksum)).unwrap_or_default();
        let ends = note(&header, body, position, &mut found, &mut group, &mut before);
        position += size;
        if ends {
            found.end = position;
            if let Some(group) = group.take() {
                found.gtids_before_last = std::mem::replace(&mut before, found.gtids.clone());
                if !group.changes_accounts() || is_made(group.start) {
                    found.undone = None;
                } else if found.undone.is_none() {
                    found.undone = Some((group.start, found.gtids_before_last.clone()));
                }
                found.last = Some(group);
            }
        }
    }
    // A group that is not whole was counted when it began.
    if group.is_some() {
        found.gtids = before;
    }
    Ok(found)
}

fn has_its_checksum(event: &[u8]) -> bool {
    let Some((covered, stored)) = event.split_last_chunk::<CHECKSUM>() else { return false };
    crc32fast::hash(covered) == u32::from_le_bytes(*stored)
}

/// Notes an event; returns whether a group or an event outside of groups ends with it.
fn note(
    header: &EventHeader,
    body: &[u8],
    position: u64,
    found: &mut Scan,
    group: &mut Option<LastGroup>,
    before: &mut Gtids,
) -> bool {
    let mut reader = Reader::new(body);
    match header.event_type {
        EventType::GTID_LIST => {
            read_list(&mut reader, &mut found.gtids);
            before.clone_from(&found.gtids);
            true
        }
        EventType::PREVIOUS_GTIDS => {
            found.gtids.transactions = GtidSet::decode(body).unwrap_or_default();
            before.clone_from(&found.gtids);
            true
        }
        EventType::MARIADB_GTID => {
            let (sequence, domain) = (reader.u64("sequence").unwrap_or(0), reader.u32("domain").unwrap_or(0));
            found.gtids.add(Gtid { domain, server: header.server_id, sequence });
            let goes_on = reader.u8("flags").unwrap_or(0) & 1 == 0;
            *group = Some(LastGroup { start: position, goes_on, ..LastGroup::default() });
            false
        }
        EventType::GTID | EventType::ANONYMOUS_GTID => {
            if let Some((uuid, number)) = read_gtid(body).filter(|_| header.event_type == EventType::GTID) {
                found.gtids.add_transaction(uuid, number);
            }
            *group = Some(LastGroup { start: position, ..LastGroup::default() });
            false
        }
        EventType::QUERY => {
            let Some(group) = group else { return true };
            if body.ends_with(b"\0BEGIN") {
                group.goes_on = true;
                return false;
            }
            read_query(&mut reader, group);
            !group.goes_on
        }
        EventType::TABLE_MAP => {
            if let Some(group) = group {
                let name = body.get(8..).and_then(|rest| rest.split_first());
                let name = name.and_then(|(length, rest)| rest.get(..usize::from(*length)));
                group.databases.extend(name.map(|name| String::from_utf8_lossy(name).into_owned()));
            }
            false
        }
        EventType::XID => {
            if let Some(group) = group {
                group.number = reader.u64("number").ok();
            }
            true
        }
        _ => group.is_none(),
    }
}

pub(super) fn read_list(reader: &mut Reader<'_>, gtids: &mut Gtids) {
    let count = reader.u32("count").unwrap_or(0) & 0x0fff_ffff;
    for _ in 0..count {
        let (Ok(domain), Ok(server), Ok(sequence)) =
            (reader.u32("domain"), reader.u32("server"), reader.u64("sequence"))
        else {
            return;
        };
        gtids.add(Gtid { domain, server, sequence });
    }
}

/// The UUID and the number in a GTID event of MySQL's.
pub(super) fn read_gtid(body: &[u8]) -> Option<([u8; 16], i64)> {
    let mut reader = Reader::new(body);
    reader.u8("flags").ok()?;
    Some((reader.array("uuid").ok()?, reader.u64("number").ok()?.cast_signed()))
}

/// Reads the number and the databases among the variables that this server writes, and the text.
fn read_query(reader: &mut Reader<'_>, group: &mut LastGroup) {
    let mut read = || -> Option<()> {
        let what = "statement";
        // The thread and the time that it took.
        reader.bytes(8, what).ok()?;
        let name = reader.u8(what).ok()?;
        reader.u16(what).ok()?;
        let length = reader.u16(what).ok()?;
        let mut status = Reader::new(reader.bytes(usize::from(length), what).ok()?);
        while !status.is_empty() {
            match status.u8(what).ok()? {
                0 => drop(status.u32(what).ok()?),
                1 => drop(status.u64(what).ok()?),
                4 => drop(status.bytes(6, what).ok()?),
                5 | 6 => {
                    let length = status.u8(what).ok()?;
                    status.bytes(usize::from(length), what).ok()?;
                }
                8 | 18 => drop(status.u16(what).ok()?),
                11 => {
                    for _ in 0..2 {
                        let length = status.u8(what).ok()?;
                        status.bytes(usize::from(length), what).ok()?;
                    }
                }
                12 => {
                    for _ in 0..status.u8(what).ok()? {
                        let name = status.nul_bytes(what).ok()?;
                        group.databases.insert(String::from_utf8_lossy(name).into_owned());
                    }
                }
                17 | 0x81 => group.number = Some(status.u64(what).ok()?),
                _ => return None,
            }
        }
        // The current database, with a NUL.
        reader.bytes(usize::from(name) + 1, what).ok()?;
        group.statement = Some(String::from_utf8_lossy(reader.rest()).into_owned());
        Some(())
    };
    let _ = read();
}
