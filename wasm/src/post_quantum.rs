//! The key exchange X25519MLKEM768 for providers that lack it. Source: draft-ietf-tls-ecdhe-mlkem. In the shares and in the secret the
//! ML-KEM half comes first.

use ml_kem::kem::{Decapsulate as _, KeyExport as _};
use ml_kem::{B32, DecapsulationKey768, EncapsulationKey768, Seed};
use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::kx_group::X25519;
use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};

/// The length of an ML-KEM-768 encapsulation key, which the client sends.
const CLIENT_SHARE: usize = 1184;
/// The length of an ML-KEM-768 ciphertext, which the server sends.
const SERVER_SHARE: usize = 1088;
/// The length of an X25519 share.
const CLASSICAL_SHARE: usize = 32;

/// The key exchange group, made from ring's X25519 and the ml-kem crate.
pub static X25519_MLKEM768: X25519MlKem768 = X25519MlKem768;

/// The type of [`X25519_MLKEM768`].
#[derive(Debug)]
pub struct X25519MlKem768;

const BAD_SHARE: Error = Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);

/// Splits a peer's share into its two halves.
fn halves(share: &[u8], post_quantum: usize) -> Result<(&[u8], &[u8]), Error> {
    let halves = share.split_at_checked(post_quantum).ok_or(BAD_SHARE)?;
    if halves.1.len() == CLASSICAL_SHARE { Ok(halves) } else { Err(BAD_SHARE) }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    default_provider().secure_random.fill(&mut bytes)?;
    Ok(bytes)
}

impl SupportedKxGroup for X25519MlKem768 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let key = DecapsulationKey768::from_seed(Seed::from(random::<64>()?));
        let classical = X25519.start()?;
        let share = [key.encapsulation_key().to_bytes().as_slice(), classical.pub_key()].concat();
        Ok(Box::new(Active { key, classical, share }))
    }

    fn start_and_complete(&self, client_share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (post_quantum, classical) = halves(client_share, CLIENT_SHARE)?;
        let key = post_quantum.try_into().ok().and_then(|bytes| EncapsulationKey768::new(bytes).ok());
        let (ciphertext, secret) = key.ok_or(BAD_SHARE)?.encapsulate_deterministic(&B32::from(random::<32>()?));
        let classical = X25519.start_and_complete(classical)?;
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key: [ciphertext.as_slice(), &classical.pub_key].concat(),
            secret: SharedSecret::from([secret.as_slice(), classical.secret.secret_bytes()].concat()),
        })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

struct Active {
    key: DecapsulationKey768,
    classical: Box<dyn ActiveKeyExchange>,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Active {
    fn complete(self: Box<Self>, server_share: &[u8]) -> Result<SharedSecret, Error> {
        let (post_quantum, classical) = halves(server_share, SERVER_SHARE)?;
        let ciphertext = post_quantum.try_into().map_err(|_| BAD_SHARE)?;
        let secret = self.key.decapsulate(ciphertext);
        let classical = self.classical.complete(classical)?;
        Ok(SharedSecret::from([secret.as_slice(), classical.secret_bytes()].concat()))
    }

    /// Offers the X25519 half as a share of its own, so that a server without ML-KEM needs no second ClientHello.
    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.classical.group(), self.classical.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, server_share: &[u8]) -> Result<SharedSecret, Error> {
        self.classical.complete(server_share)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_come_to_the_same_secret() {
        let client = X25519_MLKEM768.start().unwrap();
        let server = X25519_MLKEM768.start_and_complete(client.pub_key()).unwrap();
        assert_eq!(server.pub_key.len(), SERVER_SHARE + CLASSICAL_SHARE);
        let secret = client.complete(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
        assert_eq!(secret.secret_bytes().len(), 64);
    }

    #[test]
    fn a_server_without_it_can_take_the_x25519_half() {
        let client = X25519_MLKEM768.start().unwrap();
        let (group, share) = client.hybrid_component().unwrap();
        assert_eq!(group, NamedGroup::X25519);
        let server = X25519.start_and_complete(share).unwrap();
        let secret = client.complete_hybrid_component(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
    }

    #[test]
    fn shares_of_another_length_are_refused() {
        for length in [0, 32, SERVER_SHARE, SERVER_SHARE + 31, SERVER_SHARE + 33] {
            let client = X25519_MLKEM768.start().unwrap();
            assert!(client.complete(&vec![1; length]).is_err(), "{length} bytes");
            assert!(X25519_MLKEM768.start_and_complete(&vec![1; length]).is_err(), "{length} bytes");
        }
    }
}
