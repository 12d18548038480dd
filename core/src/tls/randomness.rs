//! The crypto provider as the source of randomness for the state machines.

use rustls::crypto::CryptoProvider;

use crate::random::Random;

/// Uses the provider's own generator, which the operating system seeds.
impl Random for CryptoProvider {
    #[expect(
        clippy::expect_used,
        reason = "without entropy there is nothing safe left to do; to go on with zeros would be worse"
    )]
    fn fill(&self, out: &mut [u8]) {
        self.secure_random.fill(out).expect("the crypto provider has no randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        let provider = rustls::crypto::ring::default_provider();
        Random::fill(&provider, &mut a);
        Random::fill(&provider, &mut b);
        assert!(a != b && a != [0; 32]);
    }
}
