//! Randomness from the operating system.

use rustls::crypto::CryptoProvider;
use sealwire_core::random::Random;

use crate::provider::PROVIDER;

/// Random bytes from the crypto provider's generator, which the operating system seeds.
#[derive(Debug, Clone, Copy)]
pub struct OsRandom(&'static CryptoProvider);

impl OsRandom {
    /// The generator of [`provider()`](crate::provider::provider).
    pub fn new() -> Self {
        Self(&PROVIDER)
    }
}

impl Default for OsRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) {
        Random::fill(self.0, out);
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
