//! `client_ed25519`: an Ed25519 signature over the challenge, with the password itself as the secret.
//!
//! Source: MariaDB's `plugin/auth_ed25519`: ref10, except that SHA-512 of the password replaces Ed25519's SHA-512 of the seed.

use alloc::vec::Vec;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::ServerStep;

/// The public key, which the account stores.
pub(super) fn public_key(password: &[u8]) -> [u8; 32] {
    VerifyingKey::from(&secret_key(password)).to_bytes()
}

/// Whether the bytes are a point of the curve, as a public key must be.
pub(super) fn is_public_key(bytes: &[u8; 32]) -> bool {
    VerifyingKey::from_bytes(bytes).is_ok()
}

/// The client's reply. An empty password signs like any other, as in MariaDB's client.
pub(super) fn reply(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    let secret = secret_key(password);
    raw_sign::<Sha512>(&secret, challenge, &VerifyingKey::from(&secret)).to_bytes().to_vec()
}

/// The server's verdict. `is_empty` tells whether the account's password is empty; `key` is the account's key, if it has one of this
/// plugin.
pub(super) fn judge(is_empty: bool, key: Option<&[u8; 32]>, challenge: &[u8], reply: &[u8]) -> ServerStep {
    if reply.is_empty() {
        return ServerStep::verdict(is_empty, false);
    }
    let Ok(signature) = Signature::from_slice(reply) else {
        return ServerStep::Denied { using_password: true };
    };
    let (real, key) = match key {
        Some(key) => (true, *key),
        // Verify a signature for the decoy, too, so that it takes as long.
        None => (is_empty, public_key(b"")),
    };
    let matches = VerifyingKey::from_bytes(&key).is_ok_and(|key| key.verify_strict(challenge, &signature).is_ok());
    ServerStep::verdict(matches & real, true)
}

fn secret_key(password: &[u8]) -> ExpandedSecretKey {
    let digest: Zeroizing<[u8; 64]> = Zeroizing::new(Sha512::digest(password).into());
    ExpandedSecretKey::from_bytes(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::unhex;

    /// The expected signature was computed with an Ed25519 implementation in Python from the same definition.
    #[test]
    fn signature() {
        let challenge: Vec<u8> = (0..32).collect();
        let expected = unhex(
            "546c3e9311d19ee389d1ae5d945821bfe459423910136f16b3bd2ae89fd7d63b\
             449e689f4be812891a85b8f999076446d92adb83d0707215aaa60b5a23220907",
        );
        assert_eq!(reply(b"secret", &challenge), expected);
    }
}
