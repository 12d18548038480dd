//! `mysql_native_password`: SHA1(password) XOR SHA1(challenge ‖ SHA1(SHA1(password))).
//!
//! Source: MySQL's protocol documentation, "Native Authentication".

use alloc::vec::Vec;

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::{ServerStep, xor};

/// SHA1(SHA1(password)), which the account stores.
pub(super) fn stage2(password: &[u8]) -> [u8; 20] {
    sha1(&[&sha1(&[password])])
}

/// The client's reply; an empty password gives an empty reply.
pub(super) fn reply(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    xor(sha1(&[password]), sha1(&[challenge, &stage2(password)])).to_vec()
}

/// The server's verdict. `is_empty` tells whether the account's password is empty; `kept` is the account's hash, if it has one of this
/// plugin.
pub(super) fn judge(is_empty: bool, kept: Option<&[u8; 20]>, challenge: &[u8], reply: &[u8]) -> ServerStep {
    if reply.is_empty() {
        return ServerStep::verdict(is_empty, false);
    }
    let Ok(reply) = <[u8; 20]>::try_from(reply) else {
        return ServerStep::Denied { using_password: true };
    };
    let (real, kept) = (kept.is_some(), kept.unwrap_or(&[0; 20]));
    let stage1 = xor(reply, sha1(&[challenge, kept]));
    let matches = bool::from(sha1(&[&stage1]).ct_eq(kept));
    ServerStep::verdict(matches & real, true)
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::{hex, unhex};

    /// The vector comes from MariaDB: `SELECT PASSWORD('secret')`.
    #[test]
    fn kept_hash() {
        assert_eq!(hex(&stage2(b"secret")), "14e65567abdb5135d0cfd9a70b3032c179a49ee7");
    }

    /// The vector comes from brpc's test of its MySQL client and was verified with Python's hashlib.
    #[test]
    fn scramble() {
        let challenge: Vec<u8> = (1..=20).collect();
        assert_eq!(hex(&reply(b"secret", &challenge)), "b32bb3a583e1340c0a1108d58b1be49781ad8c2f");
        let expected = unhex("9f14d8530c26444b47bf2ff8860de84dbfd85c88");
        assert_eq!(reply(b"password", b"0123456789ABCDEFGHIJ"), expected);
    }
}
