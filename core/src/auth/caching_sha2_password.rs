//! `caching_sha2_password`: a fast exchange based on a digest that the server remembers, or the password itself.
//!
//! Source: MySQL's protocol documentation, "Caching_sha2_password information", and `sql/auth/sha2_password.cc`.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::credential::verify_sha2;
use super::{Credential, ServerContext, ServerStep, clear_password, xor};

/// The byte by which the client requests the server's RSA key.
pub(super) const REQUEST_PUBLIC_KEY: u8 = 2;
/// The byte by which the server reports that the fast exchange has succeeded.
pub(super) const FAST_AUTH_SUCCESS: u8 = 3;
/// The byte by which the server requests the password itself.
pub(super) const PERFORM_FULL_AUTHENTICATION: u8 = 4;

/// The client's first reply: SHA256(password) XOR SHA256(SHA256(SHA256(password)) ‖ challenge), or a single NUL for an empty password.
pub(super) fn reply(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return alloc::vec![0];
    }
    xor(sha256(&[password]), sha256(&[&fast_digest(password), challenge])).to_vec()
}

/// SHA256(SHA256(password)), which the server remembers after a full authentication.
pub(super) fn fast_digest(password: &[u8]) -> [u8; 32] {
    sha256(&[&sha256(&[password])])
}

/// The server's answer to the client's first reply.
pub(super) fn judge_scramble(
    credential: &Credential,
    challenge: &[u8],
    reply: &[u8],
    context: &ServerContext<'_>,
) -> ServerStep {
    if clear_password::is_empty(reply) {
        return ServerStep::verdict(matches!(credential, Credential::Empty), false);
    }
    let Ok(reply) = <[u8; 32]>::try_from(reply) else {
        return ServerStep::Denied { using_password: true };
    };
    if let (Credential::CachingSha2(_), Some(kept)) = (credential, context.fast_digest)
        && is_scramble_of(reply, challenge, kept)
    {
        return ServerStep::Granted { using_password: true, learned: None, more_data: Some(&[FAST_AUTH_SUCCESS]) };
    }
    ServerStep::MoreData(alloc::vec![PERFORM_FULL_AUTHENTICATION])
}

/// The server's verdict on the password.
pub(super) fn judge_password(credential: &Credential, reply: &[u8], context: &ServerContext<'_>) -> ServerStep {
    let verifier = match credential {
        Credential::CachingSha2(verifier) => Some(verifier),
        _ => None,
    };
    match clear_password::password(reply, context) {
        Ok(password) if verify_sha2(verifier, password, context.decoy_rounds) => {
            ServerStep::Granted { using_password: true, learned: Some(fast_digest(password)), more_data: None }
        }
        Ok(_) => ServerStep::Denied { using_password: true },
        Err(verdict) => verdict,
    }
}

fn is_scramble_of(reply: [u8; 32], challenge: &[u8], kept: &[u8; 32]) -> bool {
    let stage1 = xor(reply, sha256(&[kept, challenge]));
    sha256(&[&stage1]).ct_eq(kept).into()
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::hex;

    /// The digests come from MySQL's `sha2_password-t.cc`, where they are the server's digests of two rounds.
    #[test]
    fn remembered_digest() {
        assert_eq!(
            hex(&fast_digest(b"HahaH0hO1234#$@#%")),
            "003c2068b36bc9b71875b3387d2f86f9e33ab383116bd957f173469b1f38f2df"
        );
        assert_eq!(
            hex(&fast_digest(br#";bCdEF34^i9&*":({\56""#)),
            "3687981fd51fcb29661271512c84c57e9fca6af1b94d33748e38fe838c452c51"
        );
    }

    /// The vector comes from brpc's test of its MySQL client and was verified with Python's hashlib.
    #[test]
    fn scramble() {
        let challenge: Vec<u8> = (1..=20).collect();
        let scramble = reply(b"secret", &challenge);
        assert_eq!(hex(&scramble), "746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9");
        let scramble = scramble.try_into().unwrap();
        assert!(is_scramble_of(scramble, &challenge, &fast_digest(b"secret")));
        assert!(!is_scramble_of(scramble, &challenge, &fast_digest(b"Secret")));
        assert!(!is_scramble_of(scramble, &challenge[1..], &fast_digest(b"secret")));
    }
}
