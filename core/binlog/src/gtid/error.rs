//! A text that is no GTID.

use core::fmt;

/// A text that is not the GTID or the set that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidError {
    /// The index of the byte at which the wrong part begins.
    pub at: usize,
    /// The rule that is broken.
    pub rule: &'static str,
}

impl fmt::Display for GtidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at character {}: {}", self.at + 1, self.rule)
    }
}

impl core::error::Error for GtidError {}
