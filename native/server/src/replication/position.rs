//! `BINLOG_GTID_POS(file, position)`: MariaDB's GTIDs of all groups before a position of the log.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use sealwire_binlog::{EventHeader, EventType, HEADER};
use sealwire_core::wire::Reader;

use super::events::FIRST_POSITION;
use super::gtids::{Gtid, Gtids};
use super::log::BinaryLog;
use super::start::{header_at, known_before};

/// The GTIDs before this position; `None` where the log has no such file, no event begins there, or `is_stopped` says so.
pub(crate) fn position_text(
    log: &BinaryLog,
    file: &str,
    position: u64,
    is_stopped: &dyn Fn() -> bool,
) -> Option<String> {
    let names = log.names();
    let name = names.iter().find(|name| *name == file)?;
    let file = log.open_file(name).ok()?;
    let (end, _) = log.end();
    let end = if *end.file == **name { end.position } else { file.metadata().ok()?.len() };
    let mut known = known_before(&file)?;
    let position = position.max(FIRST_POSITION);
    let mut at = FIRST_POSITION;
    while at < position.min(end) {
        if is_stopped() {
            return None;
        }
        let header = header_at(&file, at)?;
        if header.event_type == EventType::MARIADB_GTID {
            known.add(read_gtid(&file, at, &header)?);
        }
        at += u64::from(header.size).max(HEADER as u64);
    }
    (at == position).then(|| Gtids::position_text(&known))
}

fn read_gtid(file: &File, at: u64, header: &EventHeader) -> Option<Gtid> {
    let mut body = [0; 12];
    file.read_exact_at(&mut body, at + HEADER as u64).ok()?;
    let mut reader = Reader::new(&body);
    let (sequence, domain) = (reader.u64("sequence").ok()?, reader.u32("domain").ok()?);
    Some(Gtid { domain, server: header.server_id, sequence })
}
