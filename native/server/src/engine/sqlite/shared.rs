//! The state that all sessions of an engine share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::databases::Databases;
use super::pins::{self, Pins};
use super::{log, room};

#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) databases: Arc<Databases>,
    /// How many bytes others may write while a statement or a transaction waits for its client.
    pub(super) most_written: u64,
    /// After how long a transaction waits for its client.
    pub(super) idle: Duration,
    pub(super) pins: Pins,
    /// What all databases have beside them.
    pub(super) waiting: Arc<room::Waiting>,
}

impl Shared {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            databases: Arc::new(Databases::new(directory)),
            most_written: log::MOST_WRITTEN,
            idle: pins::IDLE,
            pins: Pins::default(),
            waiting: Arc::default(),
        }
    }
}
