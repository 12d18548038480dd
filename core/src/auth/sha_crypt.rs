//! SHA-crypt with SHA-256, the slow hash of `caching_sha2_password` and `sha256_password`.
//!
//! Source: Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", 0.6. MySQL's `mysys/crypt_genhash_impl.cc` differs only by its salt of
//! 20 bytes, where the specification permits 16.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

#[cfg(test)]
std::thread_local! {
    /// The number of rounds on this thread. It stands for the time of a login, without a clock.
    pub(super) static ROUNDS: core::cell::Cell<u64> = const { core::cell::Cell::new(0) };
}

/// Computes the 43 characters of the hash.
pub(super) fn sha256_crypt(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 43] {
    let first = mixed_digest(password, salt);
    let password_bytes = {
        let mut hash = Sha256::new();
        for _ in 0..password.len() {
            hash.update(password);
        }
        Zeroizing::new(repeated(&hash.finalize(), password.len()))
    };
    let salt_bytes = {
        let mut hash = Sha256::new();
        for _ in 0..16 + u32::from(first[0]) {
            hash.update(salt);
        }
        repeated(&hash.finalize(), salt.len())
    };
    #[cfg(test)]
    ROUNDS.set(ROUNDS.get() + u64::from(rounds));
    let mut digest = first;
    for round in 0..rounds {
        let odd = round % 2 == 1;
        let mut hash = Sha256::new();
        hash.update(if odd { password_bytes.as_slice() } else { &digest });
        if round % 3 != 0 {
            hash.update(&salt_bytes);
        }
        if round % 7 != 0 {
            hash.update(&password_bytes);
        }
        hash.update(if odd { &digest } else { password_bytes.as_slice() });
        digest = hash.finalize().into();
    }
    encode(&digest)
}

/// Whether a character may occur in the text of the hash.
pub(super) const fn is_hash_character(byte: u8) -> bool {
    matches!(byte, b'.' | b'/') || byte.is_ascii_alphanumeric()
}

/// The character of the base-64 alphabet with this value.
pub(super) const fn character(value: u8) -> u8 {
    match value & 63 {
        0 => b'.',
        1 => b'/',
        digit @ 2..=11 => b'0' + digit - 2,
        upper @ 12..=37 => b'A' + upper - 12,
        lower => b'a' + lower - 38,
    }
}

/// The digest with which the rounds start. It includes the password's length, bit by bit.
fn mixed_digest(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let inner: [u8; 32] =
        Sha256::new().chain_update(password).chain_update(salt).chain_update(password).finalize().into();
    let mut hash = Sha256::new().chain_update(password).chain_update(salt);
    hash.update(Zeroizing::new(repeated(&inner, password.len())));
    let mut length = password.len();
    while length > 0 {
        hash.update(if length & 1 == 1 { &inner } else { password });
        length >>= 1;
    }
    hash.finalize().into()
}

fn repeated(digest: &[u8], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

/// Encodes a digest in SHA-crypt's base 64, with its order of the bytes.
fn encode(d: &[u8; 32]) -> [u8; 43] {
    let groups = [
        [d[0], d[10], d[20]],
        [d[21], d[1], d[11]],
        [d[12], d[22], d[2]],
        [d[3], d[13], d[23]],
        [d[24], d[4], d[14]],
        [d[15], d[25], d[5]],
        [d[6], d[16], d[26]],
        [d[27], d[7], d[17]],
        [d[18], d[28], d[8]],
        [d[9], d[19], d[29]],
        // The last group has two bytes, so its fourth character is omitted.
        [0, d[31], d[30]],
    ];
    let mut text = [0; 43];
    for (out, [high, middle, low]) in text.chunks_mut(4).zip(groups) {
        let mut bits = u32::from_be_bytes([0, high, middle, low]);
        for slot in out {
            *slot = character((bits & 63) as u8);
            bits >>= 6;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, salt: &str, rounds: u32, expected: &str) {
        let hash = sha256_crypt(password.as_bytes(), salt.as_bytes(), rounds);
        assert_eq!(core::str::from_utf8(&hash).unwrap(), expected);
    }

    /// The expected texts are those of libxcrypt's `crypt("Hello world!", "$5$saltstring")` and so on; most are Drepper's own vectors.
    #[test]
    fn crypt_3() {
        check("Hello world!", "saltstring", 5000, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
        check("Hello world!", "saltstringsaltst", 10000, "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA");
        check(
            "a very much longer text to encrypt.  This one even stretches over morethan one line.",
            "anotherlongsalts",
            1400,
            "Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
        );
        let text = "we have a short salt string but not a short password";
        check(text, "short", 77777, "JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/");
        check("", "saltstring", 5000, "FdNfA4gXqvCeO6iZs7G/.wwwoywYZqo0l1pwmfWaBA7");
        check(&"x".repeat(300), "saltstring", 5000, "efBsD6lG36eGNlaol3.u9Y5ESDWuCWOkHOuiPnuaa/1");
    }

    /// The vectors come from MySQL's `unittest/gunit/sha2_password-t.cc`: salts of 20 bytes that include control characters.
    #[test]
    fn mysql_salts() {
        check("HahaH0hO1234#$@#%", "AbCd!@#\tEfgH%^&*01@#", 5000, "dNFegEa4OGDrnEu7M4T.nkmm794xI/QoCR3Z.xpLOW6");
        check(r#";bCdEF34^i9&*":({\56""#, "CVlq))+AC>Q)#4!@# x!", 5000, "SPMN/L8.noKqe8IXVZ2DpCE6w29b106vCQecap9JKpA");
        check(
            " CQ#$ML CF%IF$#(<#R ()<_q@#(rq",
            "X#y)+q x2cx3,qr2##3\t",
            5000,
            "rP8Jn8Mtp6XCMx1QjSDA8NSalfVMSBNMIr2yqcEi6Q8",
        );
    }
}
