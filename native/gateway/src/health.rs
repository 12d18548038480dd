//! The state of one server, as its checks find it. Time and verdicts are inputs.

use std::time::Duration;

/// The result of one check of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The server can serve.
    Good {
        /// Whether it takes writes.
        can_write: bool,
        /// How long the server must be good after it has been silent, because it may not know yet what happened in the meantime.
        settles: Duration,
    },
    /// The server answers and says, or its kind of cluster says, that it can't serve.
    Unfit {
        reason: String,
        /// Whether sessions that are there should leave, because the server serves none.
        drains: bool,
    },
    /// The server does not answer. Its sessions are lost.
    Lost {
        reason: String,
        /// Whether nobody listens there, so that a server that comes back is a new process.
        refuses: bool,
    },
}

/// The numbers by which a server changes its state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thresholds {
    /// How many good checks in a row bring a server back.
    pub(super) rise: u32,
    /// How many checks in a row without an answer make a server lost.
    pub(super) fall: u32,
    /// How long a server that has come back gets less than its share of new sessions.
    pub(super) slow_start: Duration,
}

/// The state of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No check has ended.
    Unknown,
    Up,
    /// The server answers, but can't serve.
    Unfit,
    /// The server does not answer.
    Lost,
}

impl State {
    /// The name in the log and in the administration's answers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Unfit => "unfit",
            Self::Lost => "lost",
        }
    }
}

/// The part that the driver has in a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Consequence {
    /// New sessions may be served differently, and those that wait should try again.
    Reconsider,
    /// Besides, the sessions of the server should leave between their statements.
    Drain,
    /// Besides, the sessions of the server are lost.
    EndSessions,
}

/// The health of a server.
#[derive(Debug, Clone)]
pub(super) struct Health {
    state: State,
    can_write: bool,
    /// The reason of the last check that was not good.
    reason: String,
    /// When the server came back; `None` if it was not away.
    back_since: Option<Duration>,
    good: u32,
    /// When the first of these good checks was.
    good_since: Duration,
    silent: u32,
    /// Whether the same process may have hung since it was up.
    has_hung: bool,
}

/// The weight of a server that gets its whole share of the new sessions.
pub(super) const WHOLE: u32 = 100;

impl Default for Health {
    fn default() -> Self {
        Self {
            state: State::Unknown,
            can_write: true,
            reason: String::new(),
            back_since: None,
            good: 0,
            good_since: Duration::ZERO,
            silent: 0,
            has_hung: false,
        }
    }
}

impl Health {
    pub(super) const fn state(&self) -> State {
        self.state
    }

    /// Whether the server takes writes, by its last good check.
    pub(super) const fn can_write(&self) -> bool {
        self.can_write
    }

    /// Why the server is not up.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// Takes the verdict of a check. Returns what follows from it; `None` if nothing changes.
    pub(super) fn observe(&mut self, verdict: Verdict, thresholds: &Thresholds, now: Duration) -> Option<Consequence> {
        let before = self.state;
        match verdict {
            Verdict::Good { can_write, settles } => {
                self.silent = 0;
                if self.good == 0 {
                    self.good_since = now;
                }
                self.good = self.good.saturating_add(1);
                let is_settled = !self.has_hung || now.saturating_sub(self.good_since) >= settles;
                let is_back =
                    matches!(before, State::Up | State::Unknown) || (self.good >= thresholds.rise && is_settled);
                if !is_back {
                    return None;
                }
                self.has_hung = false;
                if !matches!(before, State::Up | State::Unknown) {
                    self.back_since = Some(now);
                }
                let could_write = std::mem::replace(&mut self.can_write, can_write);
                self.state = State::Up;
                self.reason.clear();
                match (before, could_write && !can_write) {
                    (State::Up, true) => Some(Consequence::Drain),
                    (State::Up, false) if could_write == can_write => None,
                    _ => Some(Consequence::Reconsider),
                }
            }
            Verdict::Unfit { reason, drains } => {
                (self.good, self.silent) = (0, 0);
                self.state = State::Unfit;
                let is_new = before != State::Unfit || self.reason != reason;
                self.reason = reason;
                is_new.then_some(if drains { Consequence::Drain } else { Consequence::Reconsider })
            }
            Verdict::Lost { reason, refuses } => {
                self.has_hung = !refuses;
                self.good = 0;
                self.silent = self.silent.saturating_add(1);
                if before == State::Lost || (before != State::Unknown && self.silent < thresholds.fall) {
                    return None;
                }
                self.state = State::Lost;
                self.reason = reason;
                Some(Consequence::EndSessions)
            }
        }
    }

    /// The server's share of new sessions, of [`WHOLE`]: it grows for the time of the slow start, because all clients at once would find
    /// a server with cold caches.
    pub(super) fn weight(&self, thresholds: &Thresholds, now: Duration) -> u32 {
        let Some(since) = self.back_since else { return WHOLE };
        let (passed, whole) = (now.saturating_sub(since).as_millis(), thresholds.slow_start.as_millis());
        let part = passed.saturating_mul(u128::from(WHOLE)).checked_div(whole);
        part.and_then(|part| u32::try_from(part).ok()).unwrap_or(WHOLE).clamp(1, WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { rise: 2, fall: 2, slow_start: Duration::from_secs(10) };

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn good() -> Verdict {
        Verdict::Good { can_write: true, settles: Duration::from_secs(8) }
    }

    fn unfit() -> Verdict {
        Verdict::Unfit { reason: "not Primary".to_owned(), drains: true }
    }

    fn silent() -> Verdict {
        Verdict::Lost { reason: "no answer".to_owned(), refuses: false }
    }

    #[test]
    fn the_first_check_decides_at_once() {
        for (verdict, state, consequence) in [
            (good(), State::Up, Consequence::Reconsider),
            (unfit(), State::Unfit, Consequence::Drain),
            (silent(), State::Lost, Consequence::EndSessions),
        ] {
            let mut health = Health::default();
            assert_eq!(health.observe(verdict, &THRESHOLDS, at(1)), Some(consequence));
            assert_eq!(health.state(), state);
        }
    }

    #[test]
    fn silence_counts_and_a_word_of_the_server_does_not() {
        let mut health = Health::default();
        health.observe(good(), &THRESHOLDS, at(1));
        assert_eq!(health.observe(silent(), &THRESHOLDS, at(2)), None);
        assert_eq!(health.observe(good(), &THRESHOLDS, at(3)), None, "one lost check is no lost server");
        assert_eq!(health.observe(silent(), &THRESHOLDS, at(4)), None);
        assert_eq!(health.observe(silent(), &THRESHOLDS, at(5)), Some(Consequence::EndSessions));
        assert_eq!((health.state(), health.reason()), (State::Lost, "no answer"));
        assert_eq!(health.observe(silent(), &THRESHOLDS, at(6)), None, "they are told once");
        assert_eq!(health.observe(good(), &THRESHOLDS, at(7)), None);
        assert_eq!(health.observe(good(), &THRESHOLDS, at(15)), Some(Consequence::Reconsider));
        assert_eq!(health.state(), State::Up);
        assert_eq!(health.observe(unfit(), &THRESHOLDS, at(16)), Some(Consequence::Drain), "at the first word");
        assert_eq!(health.observe(unfit(), &THRESHOLDS, at(17)), None);
    }

    #[test]
    fn a_server_that_has_hung_must_be_good_for_a_while() {
        let lost = |refuses| {
            let mut health = Health::default();
            health.observe(good(), &THRESHOLDS, at(1));
            for second in [2, 3] {
                let verdict = Verdict::Lost { reason: "no answer".to_owned(), refuses };
                health.observe(verdict, &THRESHOLDS, at(second));
            }
            assert_eq!(health.state(), State::Lost);
            health
        };
        let mut hung = lost(false);
        for second in [10, 11, 12, 17] {
            assert_eq!(
                hung.observe(good(), &THRESHOLDS, at(second)),
                None,
                "a node says Synced before it knows better"
            );
        }
        assert_eq!(hung.observe(unfit(), &THRESHOLDS, at(17)), Some(Consequence::Drain));
        assert_eq!(hung.observe(good(), &THRESHOLDS, at(18)), None);
        assert_eq!(hung.observe(good(), &THRESHOLDS, at(25)), None);
        assert_eq!(hung.observe(good(), &THRESHOLDS, at(26)), Some(Consequence::Reconsider));

        let mut restarted = lost(true);
        assert_eq!(restarted.observe(good(), &THRESHOLDS, at(10)), None);
        assert_eq!(restarted.observe(good(), &THRESHOLDS, at(11)), Some(Consequence::Reconsider));
    }

    #[test]
    fn a_writer_that_becomes_read_only_loses_its_sessions() {
        let mut health = Health::default();
        health.observe(good(), &THRESHOLDS, at(1));
        let reader = || Verdict::Good { can_write: false, settles: Duration::ZERO };
        assert_eq!(health.observe(reader(), &THRESHOLDS, at(2)), Some(Consequence::Drain));
        assert!(!health.can_write());
        assert_eq!(health.observe(reader(), &THRESHOLDS, at(3)), None);
        assert_eq!(health.observe(good(), &THRESHOLDS, at(4)), Some(Consequence::Reconsider));
    }

    #[test]
    fn a_server_that_comes_back_starts_slowly() {
        let mut health = Health::default();
        health.observe(good(), &THRESHOLDS, at(1));
        assert_eq!(health.weight(&THRESHOLDS, at(1)), WHOLE, "it was not away");
        health.observe(unfit(), &THRESHOLDS, at(2));
        health.observe(good(), &THRESHOLDS, at(3));
        health.observe(good(), &THRESHOLDS, at(4));
        let weights = [4, 9, 14, 99].map(|second| health.weight(&THRESHOLDS, at(second)));
        assert_eq!(weights, [1, 50, WHOLE, WHOLE]);
        assert_eq!(health.weight(&Thresholds { slow_start: Duration::ZERO, ..THRESHOLDS }, at(4)), WHOLE);
    }
}
