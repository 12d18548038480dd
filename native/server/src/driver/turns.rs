//! Which connections have their turn before the worker looks what has come in.

use std::collections::VecDeque;
use std::time::Duration;

/// So many turns of connections that are not logged in are taken before the others have theirs: a handshake costs more than a short
/// statement, and who floods us with handshakes has paid nothing yet.
const MOST_HANDSHAKES: usize = 8;
/// A connection whose turn takes longer waits for its next behind the others: one such turn is taken in each round, so that many of them
/// delay the others no more than one does.
const COSTLY: Duration = Duration::from_millis(3);
/// And so do its turns for so long, else a cheap one between two costly ones would let many have their costly ones in one round.
const STAYS_COSTLY: Duration = Duration::from_secs(1);

/// Until when a connection is costly.
#[derive(Debug, Default)]
pub(super) struct Cost(Option<Duration>);

impl Cost {
    /// A turn is over that began then.
    pub(super) fn note(&mut self, begun: Duration, now: Duration) {
        if now.saturating_sub(begun) > COSTLY {
            self.0 = Some(now.saturating_add(STAYS_COSTLY));
        } else if self.0.is_some_and(|until| until <= now) {
            self.0 = None;
        }
    }

    /// Whether its turns are to be taken one at a time.
    pub(super) const fn is_high(&self) -> bool {
        self.0.is_some()
    }
}

/// What a turn is expected to cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As little as most do.
    Cheap,
    /// It is of a connection that is not logged in.
    Handshake,
    /// The connection's turns take long.
    Costly,
}

/// Connections that wait for a turn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    cheap: Vec<u32>,
    handshakes: VecDeque<u32>,
    costly: VecDeque<u32>,
}

impl Turns {
    /// A connection waits for its turn.
    pub(super) fn wait(&mut self, id: u32, kind: Kind) {
        match kind {
            Kind::Cheap => self.cheap.push(id),
            Kind::Handshake => self.handshakes.push_back(id),
            Kind::Costly => self.costly.push_back(id),
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.cheap.is_empty() && self.handshakes.is_empty() && self.costly.is_empty()
    }

    /// Those that have their turn now.
    pub(super) fn round(&mut self) -> Vec<u32> {
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
    fn many_costly_turns_delay_the_others_no_more_than_one() {
        let mut turns = Turns::default();
        for id in 0..6 {
            turns.wait(id, Kind::Costly);
        }
        for id in 100..120 {
            turns.wait(id, Kind::Handshake);
        }
        let costly = |round: &[u32]| round.iter().filter(|id| **id < 6).count();
        let handshakes = |round: &[u32]| round.iter().filter(|id| (100..120).contains(*id)).count();
        for number in 0..6 {
            turns.wait(50, Kind::Cheap);
            let round = turns.round();
            // Who costs little is first, and is never left to a later round.
            assert_eq!(round.first(), Some(&50));
            assert_eq!(costly(&round), 1, "round {number}");
            assert!(handshakes(&round) <= 8, "round {number}");
        }
        assert!(turns.is_empty(), "each has had its turn");
        assert!(turns.round().is_empty());
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
