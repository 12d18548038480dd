//! The state that all connections of a bridge share.

use std::fmt;
use std::net::SocketAddr;

use mio::Registry;

use super::connection_limits::ConnectionLimits;
use super::hosts::Hosts;
use super::metrics::Metrics;
use super::settings::{Origins, Settings};
use sealwire_net::bounded_lines::BoundedLines;
use sealwire_net::clock;
use sealwire_net::resolve::Resolver;

/// The state that all connections share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    /// The origins of pages that may open WebSockets.
    pub(super) origins: Origins,
    /// The host names by which pages may be requested.
    pub(super) hosts: Hosts,
    pub(super) registry: Registry,
    pub(super) resolver: Resolver,
    /// The counts of connections.
    pub(super) connection_limits: ConnectionLimits,
    /// The connections that have to give way to others.
    pub(super) displaced: Vec<usize>,
    pub(super) metrics: Metrics,
    /// The rate limit of log lines about refused clients.
    pub(super) refusals: BoundedLines,
    /// The buffer for all reads; a shared one, so that an idle connection holds none.
    pub(super) scratch: Box<[u8]>,
}

/// How many lines about refused clients are logged in each period.
const MOST_REFUSALS: u32 = 20;

impl Shared {
    /// Logs that a client is refused, and why.
    pub(super) fn warn_of_refusal(&mut self, peer: SocketAddr, why: &str) {
        if let Some(left_out) = self.refusals.admit(clock::now().monotonic, MOST_REFUSALS) {
            if left_out > 0 {
                tracing::warn!("{left_out} more clients were refused; their lines were left out");
            }
            tracing::warn!("Refused {peer}: {why}");
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}
