//! Which connections advance before the driver looks what has come in.

use std::collections::VecDeque;
use std::time::Duration;

/// So many connections that are not logged in advance in a round: a handshake costs more than a short statement, and who floods us with
/// handshakes has paid nothing yet.
const MOST_HANDSHAKES: usize = 8;
/// A connection that takes longer to advance is costly: one such advances in each round, so that many of them delay the others no more
/// than one does.
const COSTLY: Duration = Duration::from_millis(3);
/// It stays costly for so long, else a short step between two long ones would let many take their long ones in one round.
const STAYS_COSTLY: Duration = Duration::from_secs(1);

/// Until when a connection is costly.
#[derive(Debug, Default)]
pub struct Cost(Option<Duration>);

impl Cost {
    /// A connection has advanced since `begun`.
    pub fn note(&mut self, begun: Duration, now: Duration) {
        if now.saturating_sub(begun) > COSTLY {
            self.0 = Some(now.saturating_add(STAYS_COSTLY));
        } else if self.0.is_some_and(|until| until <= now) {
            self.0 = None;
        }
    }

    /// Whether it is to advance in a round without others of its kind.
    pub const fn is_high(&self) -> bool {
        self.0.is_some()
    }
}

/// What a connection is expected to cost when it advances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// As little as most.
    Cheap,
    /// Nobody is logged in on it.
    Handshake,
    /// It takes long: see [`Cost`].
    Costly,
}

/// Connections that wait to advance.
#[derive(Debug, Default)]
pub(super) struct RunQueue {
    cheap: Vec<usize>,
    handshakes: VecDeque<usize>,
    costly: VecDeque<usize>,
}

impl RunQueue {
    /// A connection waits.
    pub(super) fn push(&mut self, id: usize, class: Class) {
        match class {
            Class::Cheap => self.cheap.push(id),
            Class::Handshake => self.handshakes.push_back(id),
            Class::Costly => self.costly.push_back(id),
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.cheap.is_empty() && self.handshakes.is_empty() && self.costly.is_empty()
    }

    /// Those that advance now.
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
            // Who costs little is first, and is never left to a later round.
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
        // Nothing to do, as between two packets that take long to inflate.
        cost.note(ms(80), ms(80));
        assert!(cost.is_high());
        cost.note(ms(1_000), ms(1_050));
        cost.note(ms(2_000), ms(2_000));
        assert!(cost.is_high());
        cost.note(ms(2_060), ms(2_060));
        assert!(!cost.is_high());
    }
}
