//! The next event of a binary log, from the stream of a server or from a file.

use sealwire_core::SqlError;
use sealwire_core::client::Event;
use sealwire_core::message::SemiSyncAck;

use super::abi::replication::RplEvent;
use super::abi::{STATUS_FETCHING_DATA, STATUS_READY};
use super::failure;
use super::handle::{Handle, Place};
use super::log::Log;
use super::log_event::{Storage, fill};

/// The first byte of the marker that semi-synchronous streams have before each event.
const SEMI_SYNC: u8 = 0xef;
/// The type HEARTBEAT, and its place in an event.
const HEARTBEAT: u8 = 27;
const TYPE_AT: usize = 4;

/// Reads the next event of the file into `event`; false at the end.
pub(crate) fn of_file(log: &mut Log, event: &mut RplEvent, storage: &mut Storage) -> Result<bool, SqlError> {
    if !log.read_event(&mut storage.raw)? {
        return Ok(false);
    }
    fill(event, storage, 0, log)?;
    Ok(true)
}

/// Reads the next event of the server's log into `event`; false at the end.
///
/// # Errors
/// Those of the server and the connection, after which the stream has ended; those of an event.
pub(crate) async fn of_stream(
    log: &mut Place<Log>,
    handle: &mut Handle<'_>,
    event: &mut Place<RplEvent>,
    storage: &mut Place<Storage>,
) -> Result<bool, SqlError> {
    let semi_sync = log.abi.is_semi_sync != 0;
    let (wants_ack, offset) = loop {
        // A server that sends no log would never answer.
        if handle.mysql.status != STATUS_FETCHING_DATA {
            return Err(failure::out_of_sync());
        }
        match handle.next_event().await {
            Ok(Event::BinlogEvent { wants_ack }) => {
                let payload = handle.link()?.connection.row_payload();
                if log.ignores_heartbeats && payload.get(TYPE_AT) == Some(&HEARTBEAT) {
                    continue;
                }
                let raw = &mut storage.raw;
                raw.clear();
                raw.try_reserve(payload.len() + 3).map_err(|_| failure::no_memory())?;
                // The bytes before the event, which programs may look at.
                raw.push(0);
                if semi_sync {
                    raw.extend([SEMI_SYNC, u8::from(wants_ack)]);
                }
                let offset = raw.len();
                raw.extend_from_slice(payload);
                break (wants_ack, offset);
            }
            Ok(Event::ResultEnd { status, warnings }) => {
                handle.mysql.status = STATUS_READY;
                handle.mysql.server_status = status.bits().into();
                handle.mysql.warning_count = warnings.into();
                return Ok(false);
            }
            Ok(Event::Failed(error)) | Err(error) => {
                handle.mysql.status = STATUS_READY;
                return Err(error);
            }
            Ok(_) => return Err(failure::unexpected()),
        }
    };
    event.is_semi_sync = u8::from(semi_sync);
    event.semi_sync_flags = u8::from(wants_ack);
    fill(event, storage, offset, log)?;
    if wants_ack {
        let (position, file) = (log.reader.position(), log.filename().to_vec());
        handle.queue(|link| link.connection.acknowledge_binlog(SemiSyncAck { position, file: &file }))?;
        handle.flush().await?;
    }
    Ok(true)
}
