//! The places up to which this server has applied the logs of its sources, for the functions that wait for them.

use std::time::Duration;

use super::interruption::Interruption;

/// A place to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A position in a file of the source of a channel.
    Position {
        /// The channel's name; empty for the channel without one.
        channel: String,
        /// The source's file.
        file: String,
        /// The position in it, in bytes.
        position: u64,
    },
    /// GTIDs, as either product writes them.
    Gtids(String),
}

/// The end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The place is applied, after so many groups.
    Reached(u64),
    /// The time is over.
    TimedOut,
    /// Nothing is applied, because no applier runs, or the statement was stopped.
    NotApplied,
}

/// The places that are applied.
pub(crate) trait AppliedPlaces: Send + Sync {
    /// Waits until a place is applied, for `most` at most.
    fn wait(&self, wanted: &Wanted, most: Option<Duration>, interruption: &Interruption) -> Arrival;
}
