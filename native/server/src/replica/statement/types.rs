//! A statement about channels, once it was read.

use sealwire_core::secret::Secret;

use super::change::Change;

/// A statement that was read.
#[derive(Debug, Clone)]
pub(crate) enum Statement {
    /// CHANGE MASTER and CHANGE REPLICATION SOURCE.
    Change(Named, Change),
    /// CHANGE REPLICATION FILTER.
    Filter(Chosen, Vec<(&'static str, Vec<String>)>),
    /// START SLAVE and START REPLICA.
    Start(Chosen, Threads, StartOptions),
    /// STOP SLAVE and STOP REPLICA.
    Stop(Chosen, Threads),
    /// RESET SLAVE and RESET REPLICA; the value says whether the settings go, too.
    Reset(Chosen, bool),
}

/// A channel by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Named {
    /// The name; empty for the channel without one.
    pub(crate) name: String,
    /// Whether it was named behind FOR CHANNEL, as in MySQL.
    pub(crate) is_mysql: bool,
}

/// The channels that a statement is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// All of them.
    All,
    /// The channel without a name where there is one, else all.
    Unnamed,
    /// One of them.
    One(Named),
}

/// The threads that a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threads {
    pub(crate) receiver: bool,
    pub(crate) applier: bool,
}

/// How a channel's threads start.
#[derive(Debug, Clone, Default)]
pub(crate) struct StartOptions {
    pub(crate) until: Until,
    /// The user and the password of the next logins, which are kept in memory alone.
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// Where the applier stops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Until {
    /// Nowhere.
    #[default]
    None,
    /// At a position of the source's log.
    Source(String, u64),
    /// At a position of the relay log.
    Relay(String, u64),
    /// When all of these GTIDs are applied.
    AfterGtids(String),
    /// Before the first of these GTIDs.
    BeforeGtids(String),
}
