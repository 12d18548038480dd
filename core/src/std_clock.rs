//! The clocks of the standard library: feature `std`.

extern crate std;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::machine::Now;

impl Now {
    /// The current time, with the monotonic clock counted from `start`. A system clock before 1970 counts as 1970.
    pub fn since(start: Instant) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { monotonic: start.elapsed(), wall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on() {
        let start = Instant::now();
        let first = Now::since(start);
        let second = Now::since(start);
        assert!(second.monotonic >= first.monotonic);
        // A time before this test was written.
        assert!(first.wall.as_secs() > 1_700_000_000);
    }
}
