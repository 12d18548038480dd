//! Rows of a source's log, and places in it: a replica has the engine apply and keep them.

use std::collections::BTreeSet;

use sealwire_binlog::Rows;

use crate::replication::Origin;

/// A place in a source's log: behind a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct KeptPlace {
    /// The number of the group among those of the channel, which grows.
    pub(crate) number: u64,
    /// The source's file.
    pub(crate) file: Vec<u8>,
    /// The position in it, in bytes.
    pub(crate) position: u64,
    /// The GTIDs of all groups up to this one.
    pub(crate) gtids: String,
}

/// The group whose events the session applies.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplicatedGroup {
    /// The channel, which names the rows in the tables of places.
    pub(crate) channel: String,
    /// The databases that have the group already, because the server was killed while it committed the group.
    pub(crate) done: BTreeSet<String>,
    /// The places that the commit keeps; `None` while more events of the group are to come.
    pub(crate) end: Option<GroupEnd>,
    /// The server and the GTID that the group has in this server's own log; `None` where they are this server's.
    pub(crate) origin: Option<Origin>,
}

/// The places around a group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct GroupEnd {
    /// Behind the group before.
    pub(crate) before: KeptPlace,
    /// Behind the group.
    pub(crate) place: KeptPlace,
}

/// The groups of a channel that the databases have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AppliedGroups {
    /// Behind the last group that all its databases have.
    pub(crate) last: KeptPlace,
    /// The group after it that may have been applied in part.
    pub(crate) partial: Option<PartialGroup>,
}

/// A group that was being applied when the server was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartialGroup {
    /// Behind the group.
    pub(crate) place: KeptPlace,
    /// The databases that have it. It is empty for a statement that is no transaction of the databases, such as CREATE DATABASE or
    /// CREATE USER, which may have been carried out.
    pub(crate) done: BTreeSet<String>,
}

/// A row event to apply.
pub(crate) struct RowChange<'a> {
    /// The database, after `replicate_rewrite_db`.
    pub(crate) database: &'a str,
    /// The table.
    pub(crate) table: &'a str,
    /// The rows.
    pub(crate) rows: &'a Rows<'a>,
    /// The statement that changed them, for this server's own log.
    pub(crate) statement: Option<&'a str>,
}
