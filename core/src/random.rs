//! Randomness as an input.

use core::fmt;

/// A source of random bytes fit for cryptography, handed in by the driver.
pub trait Random: fmt::Debug + Send + Sync {
    /// Fills `out` whole.
    fn fill(&self, out: &mut [u8]);
}
