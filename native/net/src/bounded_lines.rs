//! A rate limit for log lines that any client can cause: a number of lines in each period; the number of suppressed lines is logged.

use std::time::Duration;

/// The length of a period.
pub const PERIOD: Duration = Duration::from_secs(60);

/// The lines logged in the current period.
#[derive(Debug, Default)]
pub struct BoundedLines {
    since: Option<Duration>,
    lines: u32,
    left_out: u64,
}

impl BoundedLines {
    /// Whether a line may be logged now: `Some` with the number of lines suppressed before it, `None` where the line is suppressed too.
    pub fn admit(&mut self, now: Duration, most: u32) -> Option<u64> {
        if self.since.is_none_or(|since| now.saturating_sub(since) >= PERIOD) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines == most {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_a_few_lines_and_a_number() {
        let mut said = BoundedLines::default();
        let start = Duration::from_secs(5);
        for _ in 0..20 {
            assert_eq!(said.admit(start, 20), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(said.admit(start + PERIOD / 2, 20), None);
        }
        assert_eq!(said.admit(start + PERIOD, 20), Some(1000));
        assert_eq!(said.admit(start + PERIOD, 20), Some(0));
    }
}
