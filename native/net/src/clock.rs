//! The clocks behind the time that the machines are given.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use sealwire_core::Now;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The time now: monotonic since the first call in this process, and the wall clock's.
pub fn now() -> Now {
    Now::since(*START)
}

/// The monotonic time alone, which costs half as much.
pub fn monotonic() -> Duration {
    START.elapsed()
}

/// The time from `now` until a deadline of the machines, as a poll's timeout.
pub const fn until(deadline: Duration, now: Now) -> Duration {
    deadline.saturating_sub(now.monotonic)
}

/// Time since the Unix epoch; a clock set before the epoch counts as the epoch.
pub fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Duration, now, until};

    #[test]
    fn time_goes_on() {
        let before = now();
        let after = now();
        assert!(after.monotonic >= before.monotonic);
        assert!(after.wall > Duration::from_secs(1_700_000_000), "the wall clock counts from 1970");
        assert_eq!(until(before.monotonic, after), Duration::ZERO);
        assert_eq!(until(after.monotonic + Duration::from_secs(2), after), Duration::from_secs(2));
    }
}
