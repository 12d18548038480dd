//! Which WebSockets are closed because nobody uses them, and which clients are pinged because they are quiet.

use std::time::Duration;

use super::closing::Closing;
use super::settings::Limits;

/// A client that answers none of so many pings in a row is gone.
const MOST_PINGS: u32 = 4;

/// When a WebSocket was used.
#[derive(Debug)]
pub(super) struct KeepAlive {
    /// When data last went either way.
    moved: Duration,
    /// When the client last sent something.
    heard: Duration,
    /// The pings that were sent since.
    pings: u32,
    idle: Duration,
    ping: Duration,
}

impl KeepAlive {
    pub(super) const fn new(limits: &Limits, now: Duration) -> Self {
        Self { moved: now, heard: now, pings: 0, idle: limits.idle, ping: limits.ping }
    }

    /// Data went either way.
    pub(super) const fn note_moved(&mut self, now: Duration) {
        self.moved = now;
    }

    /// The client sent something.
    pub(super) const fn note_heard(&mut self, now: Duration) {
        self.heard = now;
        self.pings = 0;
    }

    /// Whether the client is to be pinged now. `is_slow` where bytes wait for it or the target.
    ///
    /// # Errors
    /// Why the WebSocket is to be closed.
    pub(super) fn is_ping_due(&mut self, is_slow: bool, now: Duration) -> Result<bool, Closing> {
        if now >= self.moved.saturating_add(self.idle) {
            return Err(Closing::idle(self.idle));
        }
        if self.next_ping(is_slow).is_none_or(|due| now < due) {
            return Ok(false);
        }
        if self.pings == MOST_PINGS {
            return Err(Closing::unresponsive(MOST_PINGS));
        }
        self.pings = self.pings.saturating_add(1);
        Ok(true)
    }

    /// When the WebSocket is to be looked at although nothing happened.
    pub(super) fn deadline(&self, is_slow: bool) -> Duration {
        let idle = self.moved.saturating_add(self.idle);
        self.next_ping(is_slow).map_or(idle, |ping| ping.min(idle))
    }

    /// When the client is to be pinged. Not while it or the target is slow, because a client that is well may not be heard then.
    fn next_ping(&self, is_slow: bool) -> Option<Duration> {
        if self.ping.is_zero() || is_slow {
            return None;
        }
        let quiet = self.moved.max(self.heard);
        Some(quiet.saturating_add(self.ping.saturating_mul(self.pings.saturating_add(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CloseReason;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn keep_alive() -> KeepAlive {
        KeepAlive::new(&Limits { idle: s(1000), ping: s(30), ..Limits::default() }, s(0))
    }

    #[test]
    fn a_quiet_client_is_pinged_until_it_is_given_up() {
        let mut keep_alive = keep_alive();
        assert!(!keep_alive.is_ping_due(false, s(29)).unwrap());
        for pings in 1..=u64::from(MOST_PINGS) {
            assert_eq!(keep_alive.deadline(false), s(30 * pings));
            assert!(keep_alive.is_ping_due(false, s(30 * pings)).unwrap());
        }
        assert_eq!(keep_alive.deadline(true), s(1000), "a slow client is not pinged");
        assert!(!keep_alive.is_ping_due(true, s(150)).unwrap());
        assert_eq!(keep_alive.is_ping_due(false, s(150)).unwrap_err().reason, CloseReason::Unresponsive);
    }

    #[test]
    fn an_answer_begins_anew() {
        let mut keep_alive = keep_alive();
        assert!(keep_alive.is_ping_due(false, s(30)).unwrap());
        keep_alive.note_heard(s(31));
        assert_eq!(keep_alive.deadline(false), s(61));
    }

    #[test]
    fn pongs_are_no_use_of_the_connection() {
        let mut keep_alive = keep_alive();
        keep_alive.note_heard(s(999));
        assert_eq!(keep_alive.is_ping_due(false, s(1000)).unwrap_err().reason, CloseReason::Idle);
        keep_alive.note_moved(s(999));
        assert!(!keep_alive.is_ping_due(false, s(1000)).unwrap());
    }
}
