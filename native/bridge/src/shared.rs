//! What all connections of a bridge share, and what they tell it.

use std::fmt;

use mio::Registry;

use super::admission::Admission;
use super::hosts::Hosts;
use super::metrics::Metrics;
use super::resolve::Resolver;
use super::settings::{Origins, Settings};

/// What all connections share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// The pages that may open WebSockets.
    pub(super) origins: Origins,
    /// The names by which pages are asked for.
    pub(super) hosts: Hosts,
    pub(super) registry: Registry,
    pub(super) resolver: Resolver,
    pub(super) admission: Admission,
    pub(super) metrics: Metrics,
    /// Where everything is read into, so that an idle connection holds no buffer.
    pub(super) scratch: Box<[u8]>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What a turn leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits for an event or its deadline.
    Wait,
    /// It has more to do, after the others had their turn.
    Again,
    /// It is over.
    Over,
}

/// Which of a connection's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The client's.
    Client,
    /// The target's.
    Target,
}
