//! A cache of valid certificate signatures. A peer presents the same certificates again and again, and the validity of a signature depends
//! only on the key, message and signature. Periods, names and revocation are checked each time.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use rustls::pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};

use super::std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of signatures to keep; the oldest is dropped first.
const MOST: usize = 32;

/// The signatures that were found valid, most recent ones only.
#[derive(Default)]
pub(super) struct SignatureCache(Mutex<VecDeque<Signed>>);

/// A signature with everything that its validity depends on.
struct Signed {
    kind: (AlgorithmIdentifier, AlgorithmIdentifier),
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl SignatureCache {
    /// Wraps an algorithm so that it asks this cache first and stores valid signatures in it.
    pub(super) fn of(&self, algorithm: &'static dyn SignatureVerificationAlgorithm) -> Cached<'_> {
        Cached { algorithm, cache: self }
    }

    fn signatures(&self) -> MutexGuard<'_, VecDeque<Signed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SignatureCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignatureCache").field("signatures", &self.signatures().len()).finish()
    }
}

/// A signature algorithm with a cache, made by [`SignatureCache::of`].
#[derive(Debug)]
pub(super) struct Cached<'m> {
    algorithm: &'static dyn SignatureVerificationAlgorithm,
    cache: &'m SignatureCache,
}

impl SignatureVerificationAlgorithm for Cached<'_> {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let kind = (self.algorithm.public_key_alg_id(), self.algorithm.signature_alg_id());
        let is_this = |known: &Signed| {
            known.signature == signature && known.message == message && known.key == key && known.kind == kind
        };
        if self.cache.signatures().iter().any(is_this) {
            return Ok(());
        }
        self.algorithm.verify_signature(key, message, signature)?;
        let mut signatures = self.cache.signatures();
        signatures.truncate(MOST - 1);
        let (key, message, signature) = (key.to_vec(), message.to_vec(), signature.to_vec());
        signatures.push_front(Signed { kind, key, message, signature });
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }

    fn fips(&self) -> bool {
        self.algorithm.fips()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use rustls::pki_types::alg_id;

    static ASKED: AtomicUsize = AtomicUsize::new(0);

    /// Accepts a signature whose last byte equals the key's, and counts the calls.
    #[derive(Debug)]
    struct Toy;

    impl SignatureVerificationAlgorithm for Toy {
        fn verify_signature(&self, key: &[u8], _: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
            ASKED.fetch_add(1, Ordering::Relaxed);
            if key.last() == signature.last() { Ok(()) } else { Err(InvalidSignature) }
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ECDSA_P256
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            alg_id::ECDSA_SHA256
        }
    }

    #[test]
    fn only_the_same_right_signature_is_not_checked_again() {
        let cache = SignatureCache::default();
        let asked = |key: &[u8], message: &[u8], signature: &[u8]| {
            let before = ASKED.load(Ordering::Relaxed);
            let verified = cache.of(&Toy).verify_signature(key, message, signature).is_ok();
            (verified, ASKED.load(Ordering::Relaxed) - before)
        };
        assert_eq!(asked(b"k1", b"m", b"s1"), (true, 1));
        assert_eq!(asked(b"k1", b"m", b"s1"), (true, 0));
        // Every other part makes a different signature.
        assert_eq!(asked(b"l1", b"m", b"s1"), (true, 1));
        assert_eq!(asked(b"k1", b"n", b"s1"), (true, 1));
        assert_eq!(asked(b"k1", b"m", b"t1"), (true, 1));
        // An invalid signature is not cached.
        assert_eq!(asked(b"k1", b"m", b"s2"), (false, 1));
        assert_eq!(asked(b"k1", b"m", b"s2"), (false, 1));
        for number in 0..MOST {
            assert_eq!(asked(b"k1", &number.to_le_bytes(), b"s1"), (true, 1));
        }
        assert_eq!(cache.signatures().len(), MOST);
        assert_eq!(asked(b"k1", b"m", b"s1"), (true, 1), "the oldest are forgotten");
    }
}
