//! Certificate fingerprints in the forms that people write.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::TlsError;

/// The hash of a certificate in DER. Its length tells which hash it is. The text form is hex, with or without colons.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// The SHA-256 fingerprint of a certificate in DER.
    pub fn sha256_of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).to_vec())
    }

    /// Whether `certificate` (DER) has this fingerprint.
    pub fn matches(&self, certificate: &[u8]) -> bool {
        match self.0.len() {
            20 => self.0 == Sha1::digest(certificate)[..],
            28 => self.0 == Sha224::digest(certificate)[..],
            32 => self.0 == Sha256::digest(certificate)[..],
            48 => self.0 == Sha384::digest(certificate)[..],
            64 => self.0 == Sha512::digest(certificate)[..],
            _ => false,
        }
    }
}

impl fmt::Display for Fingerprint {
    /// Formats the fingerprint as OpenSSL prints it: upper-case hex with colons.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = TlsError;

    /// Parses hex with or without colons. SHA-1 is refused, because two certificates with the same SHA-1 hash can be made.
    fn from_str(text: &str) -> Result<Self, TlsError> {
        Self::parse_with(text, false)
    }
}

impl Fingerprint {
    /// As [`FromStr`], and a SHA-1 hash is accepted, too: for an interface that knows no other one. Nobody can make a certificate that has
    /// the SHA-1 hash of a given other one, but who issued that one may have made two with the same hash.
    ///
    /// # Errors
    /// If the text is no fingerprint.
    pub fn parse_also_sha1(text: &str) -> Result<Self, TlsError> {
        Self::parse_with(text, true)
    }

    fn parse_with(text: &str, sha1: bool) -> Result<Self, TlsError> {
        let bad = |why: &str| TlsError::Config(alloc::format!("the fingerprint '{text}' {why}"));
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad("is not hexadecimal"));
        }
        match digits.len() {
            56 | 64 | 96 | 128 => {}
            40 if sha1 => {}
            40 => {
                return Err(bad(
                    "is a SHA-1 hash, which can be forged; give the SHA-256 one: openssl x509 -noout -fingerprint -sha256 -in server-cert.pem",
                ));
            }
            _ => return Err(bad("has the length of no known hash; a SHA-256 fingerprint has 64 hexadecimal digits")),
        }
        let pairs = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| core::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
        pairs.collect::<Option<Vec<u8>>>().map(Self).ok_or_else(|| bad("is not hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// The SHA-256 hash of "abc", FIPS 180-2 appendix B.1.
    const ABC: &str = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";

    #[test]
    fn colons_and_case_do_not_matter() {
        let plain: Fingerprint = ABC.parse().unwrap();
        let printed = Fingerprint::sha256_of(b"abc").to_string();
        assert!(printed.starts_with("BA:78:16:BF:"), "{printed}");
        assert_eq!(printed.to_lowercase().parse::<Fingerprint>().unwrap(), plain);
        assert!(plain.matches(b"abc"));
        assert!(!plain.matches(b"abd"));
    }

    #[test]
    fn longer_hashes_of_the_family_match_too() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect::<String>();
        for text in [hex(&Sha224::digest(b"abc")), hex(&Sha384::digest(b"abc")), hex(&Sha512::digest(b"abc"))] {
            let fingerprint: Fingerprint = text.parse().unwrap();
            assert!(fingerprint.matches(b"abc"), "{text}");
            assert!(!fingerprint.matches(b"abd"), "{text}");
        }
    }

    #[test]
    fn sha1_and_garbage_are_refused_with_the_reason() {
        let error = |text: &str| text.parse::<Fingerprint>().unwrap_err().to_string();
        assert!(error("A9993E364706816ABA3E25717850C26C9CD0D89D").contains("SHA-1"));
        let sha1 = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
        let sha1 = Fingerprint::parse_also_sha1(sha1).unwrap();
        assert!(sha1.matches(b"abc") && !sha1.matches(b"abd"), "FIPS 180-2 appendix A.1");
        assert!(error(&ABC[1..]).contains("length of no known hash"));
        assert!(error("xyz").contains("not hexadecimal"));
    }
}
