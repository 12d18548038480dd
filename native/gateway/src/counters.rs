//! Counts events since the start, for /metrics.

use sealwire_core::error::Side;
use sealwire_core::facts::Facts;
use sealwire_core::proxy::{Connection, End};

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Clients that connected.
    pub(super) clients: u64,
    /// Logins that a server accepted.
    pub(super) logins: u64,
    /// Logins that a server refused.
    pub(super) denied: u64,
    /// Logins that the gateway refused, or whose connection failed.
    pub(super) refused: u64,
    /// Sessions closed because their server or the gateway was drained.
    pub(super) drained: u64,
    /// Sessions whose server was lost, of them those with a statement or transaction under way.
    pub(super) lost: u64,
    pub(super) lost_busy: u64,
    /// KILLs by the id of a greeting.
    pub(super) kills: u64,
    /// Bytes of ended sessions, from clients, to clients, from servers and to servers.
    pub(super) bytes: [u64; 4],
}

impl Counters {
    /// Counts the end of a session, or of a login.
    pub(super) fn ended(&mut self, end: &End, is_relaying: bool) {
        let counters: &mut [&mut u64] = match end {
            End::Denied(_) => &mut [&mut self.denied],
            End::Drained(_) => &mut [&mut self.drained],
            End::ServerLost(_) => &mut [&mut self.lost, &mut self.lost_busy],
            End::By(Side::Server) if is_relaying => &mut [&mut self.lost],
            End::Refused(_) | End::Failed(..) if !is_relaying => &mut [&mut self.refused],
            _ => &mut [],
        };
        for counter in counters {
            **counter = counter.saturating_add(1);
        }
    }

    /// Adds the bytes of a session that has ended.
    pub(super) fn add_bytes(&mut self, proxy: &Connection) {
        self.bytes = with_bytes(self.bytes, proxy);
    }
}

/// These sums with the bytes of one session added.
pub(super) fn with_bytes(mut sums: [u64; 4], proxy: &Connection) -> [u64; 4] {
    let of = |facts: Option<&Facts>| facts.map_or([0, 0], |facts| [facts.bytes_in, facts.bytes_out]);
    let added = [of(proxy.client_facts()), of(proxy.server_facts())].concat();
    for (sum, more) in sums.iter_mut().zip(added) {
        *sum = sum.saturating_add(more);
    }
    sums
}
