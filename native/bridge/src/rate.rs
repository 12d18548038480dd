//! Limits the control frames of a client: a well-behaved one sends a ping now and then, and answers the bridge's pings.

use std::time::Duration;

/// How many pings and pongs a client may send each second, on average.
pub(super) const PER_SECOND: u32 = 10;
/// How many it may send at once.
const BURST: u32 = 100;

/// A client's allowance of control frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct ControlRate {
    left: u32,
    /// The time up to which `left` has been refilled.
    filled: Duration,
}

impl ControlRate {
    pub(super) const fn new(now: Duration) -> Self {
        Self { left: BURST, filled: now }
    }

    /// Counts a ping or pong; `false` where the client sends too many.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled);
        let refill = passed.as_millis().saturating_mul(u128::from(PER_SECOND)) / 1000;
        if refill > 0 {
            self.left = u32::try_from(refill).unwrap_or(u32::MAX).saturating_add(self.left).min(BURST);
            self.filled = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_a_flood_is_not() {
        let second = |seconds: u64| Duration::from_secs(seconds);
        let mut rate = ControlRate::new(second(0));
        assert_eq!((0..1000).filter(|_| rate.take(second(0))).count(), BURST as usize);
        assert_eq!((0..1000).filter(|_| rate.take(second(1))).count(), PER_SECOND as usize);
        assert_eq!(
            (0..1000).filter(|_| rate.take(second(3600))).count(),
            BURST as usize,
            "no more than a burst is saved"
        );
        let mut rate = ControlRate::new(second(0));
        // The client sends a frame each 125 ms for an hour.
        assert!((0..8 * 3600).all(|eighth| rate.take(Duration::from_millis(125 * eighth))));
    }
}
