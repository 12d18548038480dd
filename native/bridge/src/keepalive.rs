//! Closes WebSockets that relay nothing for too long, and pings clients that send nothing.

use std::time::Duration;

use super::closing::Closing;
use super::settings::Limits;

/// A client counts as gone after this many pings in a row without an answer.
const MOST_PINGS: u32 = 4;

/// The times at which a WebSocket was last used.
#[derive(Debug)]
pub(super) struct KeepAlive {
    /// When data was last relayed in either direction.
    last_relayed: Duration,
    /// When the client last sent anything.
    last_input: Duration,
    /// How many pings were sent since then.
    pings: u32,
    idle: Duration,
    ping: Duration,
}

impl KeepAlive {
    pub(super) const fn new(limits: &Limits, now: Duration) -> Self {
        Self { last_relayed: now, last_input: now, pings: 0, idle: limits.idle, ping: limits.ping }
    }

    /// Notes that data was relayed in either direction.
    pub(super) const fn note_relayed(&mut self, now: Duration) {
        self.last_relayed = now;
    }

    /// Notes that the client sent something.
    pub(super) const fn note_input(&mut self, now: Duration) {
        self.last_input = now;
        self.pings = 0;
    }

    /// Whether to ping the client now. `is_slow` is true where bytes are waiting to be sent to client or target.
    ///
    /// # Errors
    /// Why the WebSocket must be closed.
    pub(super) fn is_ping_due(&mut self, is_slow: bool, now: Duration) -> Result<bool, Closing> {
        if now >= self.last_relayed.saturating_add(self.idle) {
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

    /// When the WebSocket must advance even if no event occurs.
    pub(super) fn deadline(&self, is_slow: bool) -> Duration {
        let idle = self.last_relayed.saturating_add(self.idle);
        self.next_ping(is_slow).map_or(idle, |ping| ping.min(idle))
    }

    /// When the next ping is due. None is due while client or target is slow, because the answer may then be stuck behind other bytes.
    fn next_ping(&self, is_slow: bool) -> Option<Duration> {
        if self.ping.is_zero() || is_slow {
            return None;
        }
        let quiet = self.last_relayed.max(self.last_input);
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
        keep_alive.note_input(s(31));
        assert_eq!(keep_alive.deadline(false), s(61));
    }

    #[test]
    fn pongs_are_no_use_of_the_connection() {
        let mut keep_alive = keep_alive();
        keep_alive.note_input(s(999));
        assert_eq!(keep_alive.is_ping_due(false, s(1000)).unwrap_err().reason, CloseReason::Idle);
        keep_alive.note_relayed(s(999));
        assert!(!keep_alive.is_ping_due(false, s(1000)).unwrap());
    }
}
