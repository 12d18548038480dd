//! A group in the binary log: a transaction or a statement, with its GTID.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sealwire_binlog::{Checksum, EventFlags, EventType, Flavour, Query};
use sealwire_core::wire::Put as _;

use super::events::{self, FIRST_POSITION, Placer};
use super::gtids::{Gtid, Gtids, last_of};
use crate::sql::optional;

/// utf8mb4_general_ci, which all databases and all logged texts have.
const COLLATION: u16 = 45;

/// How a log is written. It is the same for all files of a server.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    /// MariaDB's or MySQL's events.
    pub(crate) flavour: Flavour,
    /// The server's version.
    pub(crate) version: Arc<str>,
    /// How events end.
    pub(crate) checksum: Checksum,
    /// The domain of MariaDB's GTIDs.
    pub(crate) domain: u32,
    /// Whether MySQL's transactions have GTIDs.
    pub(crate) has_gtids: bool,
    /// The server's UUID, in which MySQL's GTIDs are.
    pub(crate) uuid: [u8; 16],
}

impl Format {
    /// The bytes of each event's checksum.
    pub(super) const fn checksum_bytes(&self) -> u64 {
        match self.checksum {
            Checksum::Crc32 => events::CHECKSUM as u64,
            Checksum::None => 0,
        }
    }
}

/// A statement to log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement<'a> {
    /// Its text.
    pub(crate) text: &'a str,
    /// The current database.
    pub(crate) database: Option<&'a str>,
    /// The databases that it changes within their files.
    pub(crate) databases: &'a [&'a str],
    /// The connection that ran it.
    pub(crate) thread: u32,
    /// The account for which it runs, `user@host`: the definer of what it creates.
    pub(crate) invoker: &'a str,
    /// Whether it defines tables or databases.
    pub(crate) is_definition: bool,
    /// Whether foreign keys were ignored.
    pub(crate) skips_foreign_keys: bool,
    /// The moment that it took for now, in seconds since 1970, where a replica repeats it; `None` where that does not matter.
    pub(crate) moment: Option<u32>,
    /// Where it was run first; `None` for this server.
    pub(crate) origin: Option<Origin>,
}

/// The server at which a group was made that this server has as a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its `server_id`.
    pub(crate) server_id: u32,
    /// Its GTID; `None` where the group has none of the log's flavour, so that it gets one here.
    pub(crate) gtid: Option<OriginGtid>,
}

/// The GTID of a group that was made at another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginGtid {
    /// The domain and the number of MariaDB's.
    MariaDb(u32, u64),
    /// The UUID and the number of MySQL's.
    MySql([u8; 16], i64),
}

/// The mark that a committed group leaves in each database that it changed, to tell after a crash whether it was committed.
pub(crate) type CommitMark = u32;

/// The mark of a group with this number. It is not 0 and not 1, which new databases have.
pub(super) const fn mark_of(number: u64) -> CommitMark {
    (number as u32) | 2
}

// MariaDB's flags of a GTID.
const STANDALONE: u8 = 1;
const TRANSACTIONAL: u8 = 4;
const ALLOW_PARALLEL: u8 = 8;
const DDL: u8 = 0x20;
/// The bytes of MariaDB's GTID event without header and checksum.
pub(crate) const MARIADB_GTID: usize = 19;

/// The kind of a transaction in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Changes that a replica can roll back, and run beside others.
    Changes,
    /// A statement that defines something, as an optional one.
    Definition,
}

/// Appends the GTID of a transaction, and its BEGIN. `rows` is the size of the events up to the commit.
pub(super) fn put_begin(
    format: &Format,
    gtids: &mut Gtids,
    (origin, contents): (Option<Origin>, Contents),
    rows: u64,
    placer: &mut Placer<'_>,
) {
    let begin = |out: &mut Vec<u8>| Query::new(0, b"", b"BEGIN").encode(out);
    let mut body = Vec::new();
    begin(&mut body);
    let commit = commit_size(format);
    let rest = events::placed_size(body.len(), format.checksum) + rows + commit;
    let flags = if contents == Contents::Definition { 0 } else { TRANSACTIONAL | ALLOW_PARALLEL };
    put_gtid(format, gtids, origin, flags, rest, placer);
    if format.flavour == Flavour::MySql {
        placer.put(EventType::QUERY, EventFlags::SUPPRESS_USE, begin);
    }
}

/// The bytes of the event that ends a transaction.
pub(super) const fn commit_size(format: &Format) -> u64 {
    events::placed_size(XID, format.checksum)
}

/// The bytes of an XID event's body.
const XID: usize = 8;

/// Appends the end of a transaction.
pub(super) fn put_commit(number: u64, placer: &mut Placer<'_>) {
    placer.put(EventType::XID, EventFlags::NONE, |out| out.put_u64(number));
}

/// Appends a statement with its GTID.
pub(super) fn put_statement(
    format: &Format,
    gtids: &mut Gtids,
    statement: &Statement<'_>,
    number: u64,
    placer: &mut Placer<'_>,
) {
    let mut body = Vec::new();
    put_query(format, statement, number, &mut body);
    let event_flags = query_flags(statement);
    if let Some(second) = second_of(format, statement) {
        put_gtid(format, gtids, statement.origin, 0, 0, placer);
        placer.put(EventType::QUERY, event_flags, |out| out.append(&mut body));
        placer.put(EventType::QUERY, event_flags, |out| put_query(format, &second, number, out));
        return put_commit(number, placer);
    }
    let flags = STANDALONE | ALLOW_PARALLEL | if statement.is_definition { DDL } else { 0 };
    put_gtid(format, gtids, statement.origin, flags, events::placed_size(body.len(), format.checksum), placer);
    placer.put(EventType::QUERY, event_flags, |out| out.append(&mut body));
}

/// The flags of a statement's event. Without a current database there is none to USE.
pub(super) const fn query_flags(statement: &Statement<'_>) -> EventFlags {
    if statement.database.is_none() { EventFlags::SUPPRESS_USE } else { EventFlags::NONE }
}

/// The second statement of an optional one.
pub(super) fn second_of<'a>(format: &Format, statement: &Statement<'a>) -> Option<Statement<'a>> {
    let is_optional = format.flavour == Flavour::MariaDb
        && optional::read(statement.text.as_bytes()).is_some_and(|optional| optional.has_second);
    is_optional.then_some(Statement { text: optional::EXECUTE, ..*statement })
}

// The keys of a QUERY event's variables.
const FLAGS: u8 = 0;
const SQL_MODE: u8 = 1;
const CHARSET: u8 = 4;
const TIME_ZONE: u8 = 5;
const CATALOG: u8 = 6;
const DATABASE_COLLATION: u8 = 8;
const INVOKER: u8 = 11;
const UPDATED_DATABASES: u8 = 12;
const MYSQL_DDL_NUMBER: u8 = 17;
const UTF8MB4_COLLATION: u8 = 18;
const MARIADB_NUMBER: u8 = 0x81;
/// The one catalog that MySQL has.
const STANDARD: &[u8] = b"std";
/// The zone of all times of this server.
const UTC: &[u8] = b"+00:00";
/// `OPTION_NO_FOREIGN_KEY_CHECKS` among the flags.
const NO_FOREIGN_KEYS: u32 = 0x0400_0000;
/// The most databases that a QUERY event names.
const MOST_DATABASES: usize = 16;

pub(super) fn put_query(format: &Format, statement: &Statement<'_>, number: u64, out: &mut Vec<u8>) {
    let mut status = Vec::new();
    status.put_u8(FLAGS);
    status.put_u32(if statement.skips_foreign_keys { NO_FOREIGN_KEYS } else { 0 });
    // Texts are logged as the default mode reads them. Without NO_ENGINE_SUBSTITUTION a replica takes a table of an engine that it lacks.
    status.put_u8(SQL_MODE);
    status.put_u64(0);
    if format.flavour == Flavour::MySql {
        status.put_u8(CATALOG);
        status.put_u8(STANDARD.len() as u8);
        status.put(STANDARD);
    }
    status.put_u8(CHARSET);
    for _ in 0..3 {
        status.put_u16(COLLATION);
    }
    status.put_u8(DATABASE_COLLATION);
    status.put_u16(COLLATION);
    if statement.moment.is_some() {
        status.put_u8(TIME_ZONE);
        status.put_u8(UTC.len() as u8);
        status.put(UTC);
    }
    let (user, host) = statement.invoker.rsplit_once('@').unwrap_or((statement.invoker, ""));
    if let (Ok(user_length), Ok(host_length)) = (u8::try_from(user.len()), u8::try_from(host.len())) {
        status.put_u8(INVOKER);
        status.put_u8(user_length);
        status.put(user.as_bytes());
        status.put_u8(host_length);
        status.put(host.as_bytes());
    }
    let databases = statement.databases;
    if !databases.is_empty() && databases.len() <= MOST_DATABASES {
        status.put_u8(UPDATED_DATABASES);
        status.put_u8(databases.len() as u8);
        for database in databases {
            status.put_nul_bytes(database.as_bytes());
        }
    }
    match format.flavour {
        Flavour::MariaDb => {
            status.put_u8(MARIADB_NUMBER);
            status.put_u64(number);
        }
        Flavour::MySql => {
            status.put_u8(UTF8MB4_COLLATION);
            status.put_u16(COLLATION);
            if statement.is_definition {
                status.put_u8(MYSQL_DDL_NUMBER);
                status.put_u64(number);
            }
        }
    }
    let database = statement.database.unwrap_or_default().as_bytes();
    let mut query = Query::new(statement.thread, database, statement.text.as_bytes());
    query.status = sealwire_binlog::StatusVariables(&status);
    query.encode(out);
}

/// Appends a GTID, and counts it. `rest` is the size of the group's other events.
fn put_gtid(format: &Format, gtids: &mut Gtids, origin: Option<Origin>, flags: u8, rest: u64, placer: &mut Placer<'_>) {
    if format.flavour == Flavour::MariaDb {
        let (domain, sequence) = match origin.and_then(|origin| origin.gtid) {
            Some(OriginGtid::MariaDb(domain, sequence)) => (domain, sequence),
            _ => (format.domain, gtids.next_sequence(format.domain)),
        };
        let gtid = Gtid { domain, server: placer.server_id, sequence };
        gtids.add(gtid);
        return placer.put(EventType::MARIADB_GTID, EventFlags::NONE, |out| {
            out.put_u64(gtid.sequence);
            out.put_u32(gtid.domain);
            out.put_u8(flags);
            out.put(&[0; MARIADB_GTID - 13]);
        });
    }
    let (event_type, uuid, number) = match origin.and_then(|origin| origin.gtid) {
        _ if !format.has_gtids => (EventType::ANONYMOUS_GTID, [0; 16], 0),
        Some(OriginGtid::MySql(uuid, number)) => (EventType::GTID, uuid, number),
        _ => (EventType::GTID, format.uuid, last_of(&gtids.transactions, format.uuid).saturating_add(1)),
    };
    if format.has_gtids {
        gtids.add_transaction(uuid, number);
    }
    // Replicas may apply two transactions at once only where the numbers say so, and these say that each follows the one before.
    let order = placer.position.saturating_sub(FIRST_POSITION);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = u64::try_from(now.as_micros()).unwrap_or(0);
    let put = |length: u64, out: &mut Vec<u8>| {
        // 1: the group may hold statements.
        out.put_u8(u8::from(flags & STANDALONE != 0));
        out.put(&uuid);
        out.put_u64(number.cast_unsigned());
        out.put_u8(LOGICAL_CLOCK);
        out.put_u64(order.saturating_sub(1));
        out.put_u64(order);
        out.put(micros.to_le_bytes().get(..7).unwrap_or_default());
        out.put_lenenc_int(length);
        out.put_u32(VERSION);
    };
    // The length of the length is part of it.
    let mut length = rest;
    for _ in 0..2 {
        let mut body = Vec::new();
        put(length, &mut body);
        length = rest + events::placed_size(body.len(), format.checksum);
    }
    placer.put(event_type, EventFlags::NONE, |out| put(length, out));
}

/// The type of the numbers that follow in MySQL's GTID event.
const LOGICAL_CLOCK: u8 = 2;
/// The version of MySQL's whose GTID events these are.
const VERSION: u32 = 80_040;

/// Appends the event that says which groups earlier files have.
pub(super) fn put_known(format: &Format, gtids: &Gtids, placer: &mut Placer<'_>) {
    match format.flavour {
        Flavour::MariaDb => {
            let list = gtids.list();
            placer.put(EventType::GTID_LIST, EventFlags::NONE, |out| {
                out.put_u32(list.len() as u32);
                for gtid in &list {
                    out.put_u32(gtid.domain);
                    out.put_u32(gtid.server);
                    out.put_u64(gtid.sequence);
                }
                if list.is_empty() {
                    out.put(&[0; 2]);
                }
            });
        }
        Flavour::MySql => {
            placer.put(EventType::PREVIOUS_GTIDS, EventFlags::IGNORABLE, |out| gtids.transactions.encode(out));
        }
    }
}

/// Appends the event that names the next file.
pub(super) fn put_rotate(next: &str, placer: &mut Placer<'_>) {
    placer.put(EventType::ROTATE, EventFlags::NONE, |out| {
        out.put_u64(FIRST_POSITION);
        out.put(next.as_bytes());
    });
}
