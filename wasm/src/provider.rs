//! The crypto provider of a page: ring, with an order of preference for wasm.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SecureRandom, ring};
use rustls::{CipherSuite, SupportedCipherSuite};
use sealwire_core::random::Random;

use crate::post_quantum::X25519_MLKEM768;

/// ring with ChaCha20-Poly1305 first, because it is 5 to 10 times as fast as AES-GCM in wasm, and with X25519MLKEM768 offered first.
pub fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    // Reorder by hand, because a sort would add some kilobytes to the wasm module.
    let suites = std::mem::take(&mut provider.cipher_suites);
    for (is_new, is_fast) in [(true, true), (true, false), (false, true), (false, false)] {
        let kind =
            |suite: &&SupportedCipherSuite| suite.tls13().is_some() == is_new && is_chacha(suite.suite()) == is_fast;
        provider.cipher_suites.extend(suites.iter().filter(kind));
    }
    provider.kx_groups.insert(0, &X25519_MLKEM768);
    provider
}

const fn is_chacha(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}

/// The page's random source for the core.
#[derive(Debug)]
pub struct PageRandom(&'static dyn SecureRandom);

impl PageRandom {
    /// Uses the provider's generator.
    pub fn new(provider: &Arc<CryptoProvider>) -> Self {
        Self(provider.secure_random)
    }
}

impl Random for PageRandom {
    #[expect(clippy::expect_used, reason = "without randomness nothing may be sent; a page always has it")]
    fn fill(&self, out: &mut [u8]) {
        self.0.fill(out).expect("the page has no randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::NamedGroup;

    #[test]
    fn the_fast_cipher_and_the_hybrid_group_come_first() {
        let provider = provider();
        let names: Vec<_> = provider.cipher_suites.iter().map(SupportedCipherSuite::suite).collect();
        assert_eq!(names[0], CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        assert_eq!(names[1], CipherSuite::TLS13_AES_256_GCM_SHA384);
        let first_old = provider.cipher_suites.iter().find(|suite| suite.tls13().is_none()).unwrap();
        assert!(is_chacha(first_old.suite()));
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups[..2], [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
    }
}
