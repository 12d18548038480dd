//! `parsec`: an Ed25519 signature over both sides' challenges. PBKDF2 derives the key from the password and a salt that the server sends.
//!
//! Source: MariaDB's documentation "Authentication Plugin - PARSEC". The server's side is not built.

use alloc::vec::Vec;

use ed25519_dalek::{Signer, SigningKey};
use sha2::Sha512;
use zeroize::Zeroizing;

use super::{AuthError, Plugin};

/// The length of the client's own part of the challenge.
pub(super) const NONCE: usize = 32;
/// How often the server may ask to double the lowest number of rounds. With more, a server could keep its clients busy for seconds.
const MOST_DOUBLINGS: u8 = 9;
const FEWEST_ROUNDS: u32 = 1024;

/// The reply to the server's salt: `P` for PBKDF2, the number of doublings, and 18 bytes.
pub(super) fn reply(password: &[u8], salt: &[u8], challenge: &[u8], own: [u8; NONCE]) -> Result<Vec<u8>, AuthError> {
    let (rounds, salt) = match salt {
        [b'P', doublings @ 0..=MOST_DOUBLINGS, salt @ ..] if salt.len() == 18 => (FEWEST_ROUNDS << doublings, salt),
        _ => return Err(AuthError::Unexpected(Plugin::Parsec)),
    };
    let mut seed = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut *seed);
    let signature = SigningKey::from_bytes(&seed).sign(&[challenge, &own].concat());
    Ok([&own[..], &signature.to_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::unhex;

    fn salt(doublings: u8) -> Vec<u8> {
        [b'P', doublings].into_iter().chain(100..118).collect()
    }

    /// The expected signature was computed with Python's hashlib and cryptography.
    #[test]
    fn the_signature_covers_both_challenges() {
        let challenge: Vec<u8> = (0..32).collect();
        let own: Vec<u8> = (200..232).collect();
        let reply = reply(b"secret", &salt(1), &challenge, own.clone().try_into().unwrap()).unwrap();
        let expected = unhex(
            "ae7dd9498394b864d23cbd8401f45c563047b678d3fe5b591044cb0ed2bf4271\
             c0fd51a7f9ffbd4756e85a4a2dace3d34e3573106aca1b32daf97d67fb404a00",
        );
        assert_eq!(reply, [own, expected].concat());
    }

    #[test]
    fn a_salt_of_another_form_is_refused() {
        for salt in [&b""[..], b"P\0short", &salt(10), &[b'Q'; 20]] {
            assert_eq!(reply(b"secret", salt, &[0; 32], [0; 32]), Err(AuthError::Unexpected(Plugin::Parsec)));
        }
    }
}
