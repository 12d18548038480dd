//! A crypto provider without any security, for simulations of the protocol and not of the cryptography: the private keys of its key
//! exchange are public, and anybody can make its signatures.
//!
//! The properties on which the protocol depends are kept. Ciphers and hashes are ring's, so encrypted bytes can't be read and a flipped bit
//! is detected; a certificate's signature is really verified, once for each certificate. The most expensive part is left out: the
//! arithmetic on curves. The provider is in the package of the tests, because no program can depend on that.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, KeyProvider, SecureRandom, SharedSecret, SupportedKxGroup,
    WebPkiSupportedAlgorithms,
};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer,
};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureAlgorithm, SignatureScheme};
use sealwire_simnet::SEEDED_RANDOM;

/// The provider, whose randomness is the simulation's.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![&ToyGroup],
        signature_verification_algorithms: WebPkiSupportedAlgorithms {
            all: &[&ToyVerifier],
            mapping: &[(SignatureScheme::ED25519, &[&ToyVerifier])],
        },
        secure_random: &SEEDED_RANDOM,
        key_provider: &ToyKeys,
        ..rustls::crypto::ring::default_provider()
    }
}

#[derive(Debug)]
struct ToyGroup;

impl SupportedKxGroup for ToyGroup {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut key = [0; 32];
        SEEDED_RANDOM.fill(&mut key)?;
        Ok(Box::new(ToyExchange(key)))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// A key exchange in which the private key is also the public one, and the shared secret is the sum of both.
struct ToyExchange([u8; 32]);

impl ActiveKeyExchange for ToyExchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        if peer.len() != self.0.len() {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        }
        let sum: Vec<u8> = self.0.iter().zip(peer).map(|(one, other)| one.wrapping_add(*other)).collect();
        Ok(SharedSecret::from(sum.as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

/// Loads real Ed25519 keys, for their public key.
#[derive(Debug)]
struct ToyKeys;

impl KeyProvider for ToyKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let real = rustls::crypto::ring::default_provider().key_provider.load_private_key(key)?;
        let info = real.public_key().ok_or_else(|| Error::General("no public key".to_owned()))?;
        Ok(Arc::new(ToyKey(Arc::new(info.to_vec()))))
    }
}

/// A SubjectPublicKeyInfo; its last 32 bytes are the key.
#[derive(Clone)]
struct ToyKey(Arc<Vec<u8>>);

impl fmt::Debug for ToyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToyKey")
    }
}

impl SigningKey for ToyKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::ED25519).then(|| -> Box<dyn Signer> { Box::new(self.clone()) })
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.0.as_slice().into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for ToyKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let key = self.0.last_chunk::<32>().ok_or(Error::EncryptError)?;
        Ok(signature(key, message).to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A signature: SHA-256 of key and message, twice.
fn signature(key: &[u8], message: &[u8]) -> [u8; 64] {
    let hash = sha256(&[key, message]);
    let mut twice = [0; 64];
    twice[..32].copy_from_slice(&hash);
    twice[32..].copy_from_slice(&hash);
    twice
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("it is one of TLS 1.3");
    let hash = suite.common.hash_provider.hash(&parts.concat());
    hash.as_ref().try_into().expect("32 bytes")
}

/// Verifies toy signatures, and the real ones of certificates.
#[derive(Debug)]
struct ToyVerifier;

thread_local! {
    /// The results of verifying real signatures, so that each certificate is verified once.
    static VERIFIED: RefCell<BTreeMap<[u8; 32], bool>> = const { RefCell::new(BTreeMap::new()) };
}

impl SignatureVerificationAlgorithm for ToyVerifier {
    fn verify_signature(&self, key: &[u8], message: &[u8], given: &[u8]) -> Result<(), InvalidSignature> {
        if given == signature(key, message) {
            return Ok(());
        }
        let verify = || webpki_ed25519().verify_signature(key, message, given).is_ok();
        let name = sha256(&[key, message, given]);
        let good = VERIFIED.with_borrow_mut(|known| *known.entry(name).or_insert_with(verify));
        if good { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        webpki_ed25519().public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        webpki_ed25519().signature_alg_id()
    }
}

fn webpki_ed25519() -> &'static dyn SignatureVerificationAlgorithm {
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let mapped = algorithms.mapping.iter().find(|(scheme, _)| *scheme == SignatureScheme::ED25519);
    *mapped.and_then(|(_, algorithms)| algorithms.first()).expect("ring has Ed25519")
}

#[cfg(test)]
mod tests {
    use sealwire_simnet::{Scenario, Stage};

    #[test]
    fn both_versions_connect_and_what_is_said_can_not_be_read_on_the_wire() {
        let mut stage = Stage::new(super::provider());
        for version in ["TLSv1.2", "TLSv1.3"] {
            let mut scenario = Scenario::default();
            scenario.client.tls_version = Some(version.to_owned());
            scenario.client.queries = vec!["the marked query".to_owned()];
            let run = stage.run(&scenario).expect("a scenario");
            let outcome = &run.connections[0];
            assert_eq!((&outcome.client.failure, &outcome.server.failure), (&None, &None));
            assert_eq!(outcome.answers, ["the marked query"]);
            assert_eq!(outcome.client.facts.tls.as_ref().map(|tls| tls.version.as_str()), Some(version));
            let marker = b"the marked query";
            assert!(!run.pcap.windows(marker.len()).any(|window| window == marker));
        }
    }
}
