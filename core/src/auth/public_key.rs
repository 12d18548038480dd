//! Encrypts a password with a server's RSA key, for connections without TLS.
//!
//! Source: MySQL's `sql-common/client_authentication.cc`: RSA-OAEP with SHA-1 over the password, including its NUL, XORed with the
//! challenge so that a reply can't be used twice.

use alloc::vec::Vec;
use core::convert::Infallible;

use rsa::pkcs8::DecodePublicKey;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, PublicKey};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::{AuthError, Plugin, clear_password};
use crate::random::Random;

/// The bytes that OAEP with SHA-1 adds: two hashes and two bytes.
const OAEP_OVERHEAD: usize = 42;

/// Encrypts the password for the owner of the key in `pem`.
pub(super) fn encrypt(
    plugin: Plugin,
    pem: &str,
    password: &[u8],
    challenge: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>, AuthError> {
    let key = PublicKey::from_public_key_pem(pem.trim()).map_err(|_| AuthError::BadPublicKey(plugin))?;
    let mut message = Zeroizing::new(clear_password::reply(password));
    let limit = key.size().saturating_sub(OAEP_OVERHEAD);
    if message.len() > limit {
        return Err(AuthError::PasswordTooLongForKey { plugin, limit: limit.saturating_sub(1) });
    }
    for (byte, mask) in message.iter_mut().zip(challenge.iter().cycle()) {
        *byte ^= mask;
    }
    key.encrypt(&mut Padding(random), Oaep::<Sha1>::new(), &message).map_err(|_| AuthError::BadPublicKey(plugin))
}

/// Adapts our source of randomness to the RSA crate.
struct Padding<'a>(&'a dyn Random);

impl TryRng for Padding<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Padding<'_> {}
