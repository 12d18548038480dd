//! Applies the events of a channel to the engine, in the order of the source's log.

mod filters;

use std::sync::Arc;

use sealwire_binlog::Event;
use sealwire_core::error::SqlError;

use crate::state::Server;

pub(crate) use filters::Filters;

/// Applies the events of one channel's relay log, in order. One thread uses it at a time.
pub(crate) struct Applier {
    applied: Applied,
}

/// The place behind an event in the source's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourcePlace<'a> {
    /// The name of the source's file.
    pub(crate) file: &'a [u8],
    /// The position behind the event, in bytes.
    pub(crate) end_position: u64,
}

/// The place behind the last group that was applied whole. Empty fields: nothing was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// The name of the source's file.
    pub(crate) file: Vec<u8>,
    /// The position in it, in bytes.
    pub(crate) position: u64,
    /// The GTIDs of all groups so far: the last of each domain as `0-11-20,1-11-3` for MariaDB's, a set as `uuid:1-5` for MySQL's.
    pub(crate) gtids: String,
}

/// What an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Nothing: the event is part of a group, or stands between groups.
    None,
    /// A group, which is committed. [`Applier::positions`] is behind it.
    Applied(GroupKind),
    /// A group that was left out, because of filters, or because it was applied before. [`Applier::positions`] is behind it.
    Skipped,
}

/// Kinds of groups, which SHOW REPLICA STATUS counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// A definition of a table or a database.
    Definition,
    /// Another statement that is no transaction.
    NonTransactional,
    /// A transaction.
    Transactional,
}

/// Why an event was not applied. The open group must be abandoned; [`Applier::positions`] stays before it.
#[derive(Debug, Clone)]
pub(crate) struct ApplierError {
    /// The number and the text for Last_SQL_Errno and Last_SQL_Error.
    pub(crate) error: SqlError,
    /// Whether the same group may succeed later, because another session had a lock.
    pub(crate) is_temporary: bool,
}

impl Applier {
    /// Makes the applier of a channel, which goes on behind what its databases say was applied.
    ///
    /// # Errors
    /// Where the places in the databases can't be read, or resources are short.
    pub(crate) fn new(_server: &Arc<Server>, _channel: &str, _filters: Filters) -> Result<Self, SqlError> {
        Ok(Self { applied: Applied::default() })
    }

    /// The place behind the last group that was applied whole.
    pub(crate) const fn positions(&self) -> &Applied {
        &self.applied
    }

    /// Goes on at another place, as CHANGE MASTER and `gtid_slave_pos` ask: groups are no longer compared with those applied before.
    ///
    /// # Errors
    /// Where the place can't be kept.
    pub(crate) fn start_at(&mut self, place: Applied) -> Result<(), SqlError> {
        self.applied = place;
        Ok(())
    }

    /// Forgets the places of a channel, as RESET REPLICA asks. No applier of the channel may exist.
    ///
    /// # Errors
    /// Where a database can't be written.
    pub(crate) fn forget(_server: &Arc<Server>, _channel: &str) -> Result<(), SqlError> {
        Ok(())
    }

    /// Applies an event. Artificial events, heartbeats and descriptions of formats must be passed, too: they are read or ignored.
    ///
    /// # Errors
    /// MySQL's, with the place of the event.
    pub(crate) fn apply(&mut self, _event: &Event<'_>, _place: SourcePlace<'_>) -> Result<Boundary, ApplierError> {
        Ok(Boundary::None)
    }

    /// Whether a group is open.
    pub(crate) const fn is_in_group(&self) -> bool {
        false
    }

    /// Rolls an open group back: after STOP, an error, or the loss of the source. Its events must be passed again from its first one on.
    pub(crate) fn abandon(&mut self) {}
}
