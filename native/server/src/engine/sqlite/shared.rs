//! The state that all sessions of an engine share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::databases::Databases;
use super::open_transactions::{self, OpenTransactions};
use super::replica_places::OwnFile;
use super::writers::Writers;
use super::{disk_space, wal};
use crate::engine::ReadLock;
use crate::replication::BinaryLog;

/// The databases, and the limits and counts that hold for all sessions.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) databases: Arc<Databases>,
    /// How many bytes others may write while a statement or a transaction waits for its client.
    pub(super) most_written: u64,
    /// A transaction whose client sends nothing for this long is idle.
    pub(super) idle: Duration,
    pub(super) transactions: OpenTransactions,
    pub(super) writers: Writers,
    /// The lock of FLUSH TABLES WITH READ LOCK.
    pub(super) read_lock: Arc<ReadLock>,
    /// The binary log; `None` without one.
    pub(super) log: Option<Arc<BinaryLog>>,
    /// The sum of all write-ahead logs.
    pub(super) wal_bytes: Arc<disk_space::WalBytes>,
    pub(super) readers_waits: Arc<wal::ReadersWaits>,
    /// The places of groups of sources that change no database, or several.
    pub(super) replica_places: Arc<OwnFile>,
}

impl Shared {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            databases: Arc::new(Databases::new(directory)),
            most_written: wal::MOST_WRITTEN,
            idle: open_transactions::IDLE,
            transactions: OpenTransactions::default(),
            writers: Writers::default(),
            read_lock: Arc::default(),
            log: None,
            wal_bytes: Arc::default(),
            readers_waits: Arc::default(),
            replica_places: Arc::default(),
        }
    }
}
