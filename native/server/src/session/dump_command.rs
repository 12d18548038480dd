//! The commands of a replica without borrowed data.

use sealwire_core::message::{BinlogDump, BinlogDumpGtid, RegisterReplica, SemiSyncAck};

use crate::replication::Registered;

/// A client's request for the log, as its packet has it.
#[derive(Debug, Clone)]
pub(crate) struct DumpCommand {
    pub(super) server_id: u32,
    pub(super) flags: u16,
    pub(super) file: String,
    pub(super) position: u64,
    /// The set of MySQL's GTIDs, if the command has one.
    pub(super) gtids: Option<Vec<u8>>,
}

impl From<&BinlogDump<'_>> for DumpCommand {
    fn from(dump: &BinlogDump<'_>) -> Self {
        Self {
            server_id: dump.server_id,
            flags: dump.flags,
            file: String::from_utf8_lossy(dump.file).into_owned(),
            position: dump.position.into(),
            gtids: None,
        }
    }
}

impl From<&BinlogDumpGtid<'_>> for DumpCommand {
    fn from(dump: &BinlogDumpGtid<'_>) -> Self {
        Self {
            server_id: dump.server_id,
            // The flag 2 of MariaDB's command, statements of row events, means something else here.
            flags: dump.flags & BinlogDump::NON_BLOCK,
            file: String::from_utf8_lossy(dump.file).into_owned(),
            position: dump.position,
            gtids: Some(dump.gtid_set.to_vec()),
        }
    }
}

/// A replica's acknowledgement.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledgement {
    pub(super) file: String,
    pub(super) position: u64,
}

impl From<&SemiSyncAck<'_>> for Acknowledgement {
    fn from(ack: &SemiSyncAck<'_>) -> Self {
        Self { file: String::from_utf8_lossy(ack.file).into_owned(), position: ack.position }
    }
}

/// The data that a replica gives of itself, without its password.
pub(super) fn registration(replica: &RegisterReplica<'_>) -> Registered {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Registered {
        server_id: replica.server_id,
        host: text(replica.host),
        user: text(replica.user),
        port: replica.port,
        uuid: String::new(),
    }
}
