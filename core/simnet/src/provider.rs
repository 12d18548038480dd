//! Cryptography that is a function of a seed.
//!
//! TLS takes randomness at three places: hello randoms and session ids, the private keys of the key exchange, and
//! signatures by ECDSA. The first two come from here; the third is out of the way with Ed25519 certificates. What is left of
//! a provider, its ciphers and hashes, is as real as ever. For simulations: whoever knows the seed reads all of it.

use std::cell::Cell;
use std::fmt;

use curve25519_dalek::MontgomeryPoint;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::{Error, NamedGroup, PeerMisbehaved};

thread_local! {
    /// rustls wants its sources as statics, so the state is the thread's.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// Starts this thread's [`SEEDED_RANDOM`] over. [`Stage::run`](crate::Stage::run) does it; drivers of one's own have to.
pub fn reseed(seed: u64) {
    STATE.set(seed);
}

/// rustls's randomness in a simulation. Each run starts it over from the run's seed, on its own thread.
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

/// The same cryptography, with its randomness from the seed of the run: [`SEEDED_RANDOM`], and X25519 as the only group.
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
