//! The operating system's randomness.

use rustls::crypto::SecureRandom;
use sealwire_core::random::Random;

use crate::provider::provider;

/// Random bytes from the crypto provider's generator, which the operating system seeds.
#[derive(Debug, Clone, Copy)]
pub struct OsRandom(&'static dyn SecureRandom);

impl OsRandom {
    /// The generator of [`provider()`].
    pub fn new() -> Self {
        Self(provider().secure_random)
    }
}

impl Default for OsRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for OsRandom {
    #[expect(
        clippy::expect_used,
        reason = "AWS-LC ends the process itself where it finds no entropy; going on with zeros would be worse"
    )]
    fn fill(&self, out: &mut [u8]) {
        self.0.fill(out).expect("the crypto provider has no randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::{OsRandom, Random};

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        OsRandom::new().fill(&mut a);
        OsRandom::new().fill(&mut b);
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
