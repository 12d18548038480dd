//! SHOW BINLOG EVENTS: the events of a file as rows.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use sealwire_binlog::{Body, Event, EventHeader, HEADER, IntVar, Limits, MAGIC, Reader, RowsFlags};

use super::answer::Table;
use super::show;
use crate::replication::{BinaryLog, FIRST_POSITION};
use crate::sql::{Datum, backquoted, text};

/// The longest text of an event that is shown.
const MOST_INFO: usize = 4096;
/// The most rows, because they are all in memory.
const MOST_ROWS: u64 = 100_000;

/// The rows; an error is the reason.
pub(super) fn rows(log: &BinaryLog, name: &str, position: u64, skipped: u64, most: u64) -> Result<Table, String> {
    let titles = [
        ("Log_name", "VARCHAR(255)"),
        ("Pos", "BIGINT UNSIGNED"),
        ("Event_type", "VARCHAR(20)"),
        ("Server_id", "INT UNSIGNED"),
        ("End_log_pos", "BIGINT UNSIGNED"),
        ("Info", "LONGTEXT"),
    ];
    let (end, _) = log.end();
    let file = log.open_file(name).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let limit = if *end.file == *name { end.position } else { length };
    let mut reader = Reader::file(Limits::default());
    let mut magic = MAGIC.as_slice();
    reader.next(&mut magic).map_err(|error| error.to_string())?;
    let (mut rows, mut at, mut seen) = (Vec::new(), FIRST_POSITION, 0);
    let mut bytes = Vec::new();
    let mut is_reached = position <= FIRST_POSITION;
    while at < limit && (rows.len() as u64) < most.min(MOST_ROWS) {
        read(&file, at, &mut bytes)?;
        let next = at + bytes.len() as u64;
        let mut rest = bytes.as_slice();
        let event = reader.next(&mut rest).map_err(|error| error.to_string())?;
        let event = event.ok_or("Wrong offset or I/O error")?;
        is_reached |= at == position;
        if at >= position && is_reached {
            if seen >= skipped {
                rows.push(vec![
                    text(name),
                    Datum::UInt(at),
                    text(event.header.event_type.log_name()),
                    Datum::UInt(event.header.server_id.into()),
                    Datum::UInt(next),
                    Datum::Text(info(&event)),
                ]);
            }
            seen += 1;
        }
        at = next;
    }
    if !is_reached {
        return Err("Wrong offset or I/O error".to_owned());
    }
    Ok(Table { columns: show::columns(&titles), rows })
}

/// Reads a whole event.
fn read(file: &File, at: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("Wrong offset or I/O error ({error})");
    bytes.resize(HEADER, 0);
    file.read_exact_at(bytes, at).map_err(failed)?;
    let header = EventHeader::decode(bytes).map_err(|problem| problem.to_string())?;
    if (header.size as usize) < HEADER {
        return Err("Wrong offset or I/O error".to_owned());
    }
    bytes.resize(header.size as usize, 0);
    file.read_exact_at(bytes, at).map_err(failed)
}

/// The contents of an event, in mysqld's words.
fn info(event: &Event<'_>) -> String {
    let lossy = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.get(..bytes.len().min(MOST_INFO)).unwrap_or_default()).into_owned()
    };
    let Ok(body) = event.decode() else { return String::new() };
    match body {
        Body::FormatDescription(format) => {
            format!("Server ver: {}, Binlog ver: {}", lossy(format.server_version), format.binlog_version)
        }
        Body::Rotate(rotate) => format!("{};pos={}", lossy(rotate.file), rotate.position),
        Body::Query(query) if query.database.is_empty() || &*query.sql == b"BEGIN" => lossy(&query.sql),
        Body::Query(query) => format!("use {}; {}", backquoted(&lossy(query.database)), lossy(&query.sql)),
        Body::IntVar(given) if given.kind == IntVar::INSERT_ID => format!("INSERT_ID={}", given.value),
        Body::IntVar(given) => format!("LAST_INSERT_ID={}", given.value),
        Body::Rand(seeds) => format!("rand_seed1={},rand_seed2={}", seeds.seed1, seeds.seed2),
        Body::Xid(number) => format!("COMMIT /* xid={number} */"),
        Body::TableMap(map) => format!("table_id: {} ({}.{})", map.table_id, lossy(map.database), lossy(map.table)),
        Body::Rows(rows) if rows.flags.contains(RowsFlags::STMT_END) => {
            format!("table_id: {} flags: STMT_END_F", rows.table_id)
        }
        Body::Rows(rows) => format!("table_id: {}", rows.table_id),
        Body::AnnotateRows(sql) => lossy(sql),
        Body::RowsQuery(sql) => format!("# {}", lossy(sql)),
        Body::MariaDbGtid(gtid) => {
            let begin = if gtid.is_standalone() { "" } else { "BEGIN " };
            format!("{begin}GTID {}-{}-{}", gtid.domain, event.header.server_id, gtid.sequence)
        }
        Body::GtidList(list) => {
            let mut out = String::from("[");
            for gtid in list.iter() {
                let comma = if out.len() > 1 { "," } else { "" };
                let _ = write!(out, "{comma}{}-{}-{}", gtid.domain, gtid.server, gtid.sequence);
            }
            out + "]"
        }
        Body::Gtid(gtid) => format!("SET @@SESSION.GTID_NEXT= '{}:{}'", gtid.uuid, gtid.number),
        Body::AnonymousGtid(_) => "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'".to_owned(),
        _ => String::new(),
    }
}
