//! Randomness as an input.

use core::fmt;

/// A source of cryptographically secure random bytes, which the driver supplies.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills all of `out`.
    fn fill(&self, out: &mut [u8]);
}
