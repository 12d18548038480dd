//! A crypto provider whose randomness depends on a seed only.
//!
//! TLS uses randomness in three places: hello randoms and session ids, the private keys of the key exchange, and ECDSA signatures. The
//! first two come from this module; the third is avoided with Ed25519 certificates. The provider's ciphers and hashes are unchanged. Use it
//! in simulations only, because everybody who knows the seed can decrypt the traffic.

use std::cell::Cell;
use std::fmt;

use curve25519_dalek::MontgomeryPoint;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};

thread_local! {
    /// The state belongs to the thread, because rustls requires static sources.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Restarts this thread's [`SEEDED_RANDOM`] from a seed. [`Stage::run`](crate::Stage::run) calls it; other drivers must call it themselves.
pub fn reseed(seed: u64) {
    STATE.set(seed);
}

/// The random source for rustls in simulations. Each run restarts it on its own thread, from the run's seed.
pub static SEEDED_RANDOM: SeededRandom = SeededRandom;

/// The type of [`SEEDED_RANDOM`].
#[derive(Debug)]
pub struct SeededRandom;

impl SecureRandom for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), GetRandomFailed> {
        for chunk in out.chunks_mut(8) {
            let mut state = STATE.get();
            let bytes = crate::seeded::splitmix64(&mut state).to_le_bytes();
            STATE.set(state);
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
        Ok(())
    }
}

/// X25519 (RFC 7748) with private keys from [`SEEDED_RANDOM`].
static SEEDED_X25519: SeededX25519 = SeededX25519;

/// The same provider with seeded randomness: [`SEEDED_RANDOM`], and X25519 as the only key exchange group.
#[must_use]
pub fn seeded(mut provider: CryptoProvider) -> CryptoProvider {
    provider.secure_random = &SEEDED_RANDOM;
    provider.kx_groups = vec![&SEEDED_X25519];
    provider
}

#[derive(Debug)]
struct SeededX25519;

impl SupportedKxGroup for SeededX25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut private = [0; 32];
        SEEDED_RANDOM.fill(&mut private)?;
        let public = MontgomeryPoint::mul_base_clamped(private).to_bytes();
        Ok(Box::new(Exchange { private, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Exchange {
    private: [u8; 32],
    public: [u8; 32],
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exchange(X25519)")
    }
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| Error::from(PeerMisbehaved::InvalidKeyShare))?;
        let secret = MontgomeryPoint(peer).mul_clamped(self.private).to_bytes();
        if secret == [0; 32] {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        Ok(SharedSecret::from(secret.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
