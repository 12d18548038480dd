//! A client's request for the log, by COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID, and by the variables that it has set before.

use std::time::Duration;

use sealwire_binlog::Checksum;

/// A client's request for the log.
#[derive(Debug, Clone)]
pub(crate) struct DumpRequest {
    /// The number of the connection.
    pub(crate) connection: u32,
    /// The account, as text.
    pub(crate) account: String,
    /// The client's server id.
    pub(crate) server_id: u32,
    /// Whether the dump ends at the end of the log.
    pub(crate) is_short: bool,
    /// Whether the client wants the statements of MariaDB's row events.
    pub(crate) annotates: bool,
    /// `@mariadb_slave_capability`.
    pub(crate) capability: u64,
    /// `@master_binlog_checksum`; `None` for a client that knows no checksums.
    pub(crate) checksum: Option<Checksum>,
    /// `@rpl_semi_sync_slave`: whether the replica acknowledges what it has stored.
    pub(crate) acknowledges: bool,
    /// After this time without events a heartbeat is sent, at least [`LEAST_HEARTBEAT`]; zero means never.
    pub(crate) heartbeat: Duration,
}

/// The shortest time between two heartbeats, as MySQL has it, because a client could ask for nothing but heartbeats.
pub(crate) const LEAST_HEARTBEAT: Duration = Duration::from_millis(1);
