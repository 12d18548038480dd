//! The queue of connections that advance before the driver polls again.

use std::collections::VecDeque;
use std::time::Duration;

/// The most connections without a logged-in user that advance in a round, because a handshake costs more than a short statement, and a
/// client that floods the server with handshakes has not authenticated yet.
const MOST_HANDSHAKES: usize = 8;
/// A connection whose step takes at least this long is costly. One costly connection advances in each round, so that many of them delay the
/// others no more than one does.
const COSTLY: Duration = Duration::from_millis(3);
/// How long a connection stays costly. Without this time, a short step between two long ones would let many connections take their long
/// steps in one round.
const STAYS_COSTLY: Duration = Duration::from_secs(1);

/// The time until which a connection counts as costly.
#[derive(Debug, Default)]
pub struct Cost(Option<Duration>);

impl Cost {
    /// Notes a step of the connection, from `begun` to `now`.
    pub fn note(&mut self, begun: Duration, now: Duration) {
        if now.saturating_sub(begun) > COSTLY {
            self.0 = Some(now.saturating_add(STAYS_COSTLY));
        } else if self.0.is_some_and(|until| until <= now) {
            self.0 = None;
        }
    }

    /// Whether the connection is costly.
    pub const fn is_high(&self) -> bool {
        self.0.is_some()
    }
}

/// The expected cost of a connection's next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// As low as that of most connections.
    Cheap,
    /// A handshake: no user is logged in on the connection.
    Handshake,
    /// High: see [`Cost`].
    Costly,
}

/// The queue of connections that are to advance.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    cheap: Vec<usize>,
    handshakes: VecDeque<usize>,
    costly: VecDeque<usize>,
}

impl RunQueue {
    /// Queues a connection.
    pub(super) fn push(&mut self, id: usize, class: Class) {
        match class {
            Class::Cheap => self.cheap.push(id),
            Class::Handshake => self.handshakes.push_back(id),
            Class::Costly => self.costly.push_back(id),
        }
    }

    /// Whether no connection is queued.
    pub(super) fn is_empty(&self) -> bool {
        self.cheap.is_empty() && self.handshakes.is_empty() && self.costly.is_empty()
    }

    /// Takes the connections that advance in this round.
    pub(super) fn round(&mut self) -> Vec<usize> {
        let mut round = std::mem::take(&mut self.cheap);
        let handshakes = self.handshakes.len().min(MOST_HANDSHAKES);
        round.extend(self.handshakes.drain(..handshakes));
        round.extend(self.costly.pop_front());
        round
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn many_costly_connections_delay_the_others_no_more_than_one() {
        let mut queue = RunQueue::default();
        for id in 0..6 {
            queue.push(id, Class::Costly);
        }
        for id in 100..120 {
            queue.push(id, Class::Handshake);
        }
        let costly = |round: &[usize]| round.iter().filter(|id| **id < 6).count();
        let handshakes = |round: &[usize]| round.iter().filter(|id| (100..120).contains(*id)).count();
        for number in 0..6 {
            queue.push(50, Class::Cheap);
            let round = queue.round();
            // A cheap connection goes first, and never waits for a later round.
            assert_eq!(round.first(), Some(&50));
            assert_eq!(costly(&round), 1, "round {number}");
            assert!(handshakes(&round) <= 8, "round {number}");
        }
        assert!(queue.is_empty(), "each has advanced");
        assert!(queue.round().is_empty());
    }

    #[test]
    fn a_connection_stays_costly_for_a_while() {
        let mut cost = Cost::default();
        cost.note(ms(10), ms(12));
        assert!(!cost.is_high());
        cost.note(ms(20), ms(70));
        assert!(cost.is_high());
        // A step without work, as between two packets that take long to inflate.
        cost.note(ms(80), ms(80));
        assert!(cost.is_high());
        cost.note(ms(1_000), ms(1_050));
        cost.note(ms(2_000), ms(2_000));
        assert!(cost.is_high());
        cost.note(ms(2_060), ms(2_060));
        assert!(!cost.is_high());
    }
}
