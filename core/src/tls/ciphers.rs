//! Cipher suites: IANA's and OpenSSL's names, their order, and the cipher lists that users write.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, NamedGroup, SupportedCipherSuite};

use super::TlsError;
use crate::facts::TlsVersion;

/// One cipher suite with its names.
#[derive(Debug)]
pub struct CipherName {
    suite: CipherSuite,
    /// IANA's name, `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    pub iana: &'static str,
    /// OpenSSL's name, `ECDHE-RSA-AES256-GCM-SHA384`. MySQL shows it and accepts it.
    pub openssl: &'static str,
    /// The TLS version of the suite; every suite belongs to one version.
    pub version: TlsVersion,
}

/// Every suite that rustls supports, in OpenSSL's order of preference.
pub const CIPHERS: &[CipherName] = &[
    tls13(CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    tls13(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    tls13(CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    tls12(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
    ),
    tls12(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
    ),
    tls12(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ),
    tls12(
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
    ),
    tls12(
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    tls12(
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ),
];

impl CipherName {
    /// Whether a suite of TLS 1.2 needs a certificate with an RSA key; the others need an ECDSA or Ed25519 key.
    pub(super) fn needs_rsa(&self) -> bool {
        self.openssl.starts_with("ECDHE-RSA-")
    }
}

const fn tls13(suite: CipherSuite, name: &'static str) -> CipherName {
    CipherName { suite, iana: name, openssl: name, version: TlsVersion::V1_3 }
}

const fn tls12(suite: CipherSuite, iana: &'static str, openssl: &'static str) -> CipherName {
    CipherName { suite, iana, openssl, version: TlsVersion::V1_2 }
}

/// The suite with this IANA or OpenSSL name. Case is ignored.
pub fn cipher_by_name(name: &str) -> Option<&'static CipherName> {
    CIPHERS.iter().find(|cipher| cipher.iana.eq_ignore_ascii_case(name) || cipher.openssl.eq_ignore_ascii_case(name))
}

pub(super) fn cipher_of(suite: CipherSuite) -> Option<&'static CipherName> {
    CIPHERS.iter().find(|cipher| cipher.suite == suite)
}

/// OpenSSL's name of a key exchange group.
pub(super) fn group_name(group: NamedGroup) -> &'static str {
    match group {
        NamedGroup::X25519 => "X25519",
        NamedGroup::X448 => "X448",
        NamedGroup::secp256r1 => "secp256r1",
        NamedGroup::secp384r1 => "secp384r1",
        NamedGroup::secp521r1 => "secp521r1",
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768",
        NamedGroup::secp256r1MLKEM768 => "SecP256r1MLKEM768",
        NamedGroup::MLKEM512 => "MLKEM512",
        NamedGroup::MLKEM768 => "MLKEM768",
        NamedGroup::MLKEM1024 => "MLKEM1024",
        _ => "unknown",
    }
}

/// The provider, reduced to the suites that `--ssl-cipher` and `--tls-ciphersuites` name, in their order. `notes` receives a sentence about
/// the named suites that are unavailable.
pub(super) fn restrict(
    provider: &CryptoProvider,
    ciphers: Option<&str>,
    ciphersuites: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<CryptoProvider, TlsError> {
    let available = Available(provider);
    let older = ciphers.filter(|list| !list.trim().is_empty()).map(|list| available.parse("ssl-cipher", list, notes));
    let older = older.transpose()?;
    let newer = match ciphersuites {
        // As in MySQL, an empty list disables TLS 1.3 and an absent list enables every suite.
        Some(list) if list.trim().is_empty() => Some(Vec::new()),
        Some(list) => Some(available.parse("tls-ciphersuites", list, notes)?),
        None => None,
    };
    if let Some(cipher) = newer.iter().flatten().find(|cipher| cipher.version != TlsVersion::V1_3) {
        let name = cipher.openssl;
        return Err(TlsError::Config(format!(
            "tls-ciphersuites names '{name}', which is a cipher of TLSv1.2; name it with ssl-cipher"
        )));
    }
    let mut chosen: Vec<&'static CipherName> = Vec::new();
    match (&newer, &older) {
        (Some(newer), _) => chosen.extend(newer),
        // MariaDB accepts TLS 1.3 suites in ssl-cipher as well.
        (None, Some(older)) if older.iter().any(|cipher| cipher.version == TlsVersion::V1_3) => {}
        _ => chosen.extend(available.of_version(TlsVersion::V1_3)),
    }
    match older {
        Some(older) => {
            chosen.extend(older.into_iter().filter(|cipher| newer.is_none() || cipher.version == TlsVersion::V1_2))
        }
        None => chosen.extend(available.of_version(TlsVersion::V1_2)),
    }
    let cipher_suites: Vec<SupportedCipherSuite> = chosen.iter().filter_map(|cipher| available.suite(cipher)).collect();
    if cipher_suites.is_empty() {
        return Err(TlsError::Config("ssl-cipher and tls-ciphersuites leave no cipher at all".to_owned()));
    }
    Ok(CryptoProvider { cipher_suites, ..provider.clone() })
}

/// The suites of a provider.
struct Available<'a>(&'a CryptoProvider);

impl Available<'_> {
    fn suite(&self, cipher: &CipherName) -> Option<SupportedCipherSuite> {
        self.0.cipher_suites.iter().copied().find(|suite| suite.suite() == cipher.suite)
    }

    /// The provider's suites for a TLS version, in the provider's order.
    fn of_version(&self, version: TlsVersion) -> impl Iterator<Item = &'static CipherName> {
        let ciphers = self.0.cipher_suites.iter().filter_map(|suite| cipher_of(suite.suite()));
        ciphers.filter(move |cipher| cipher.version == version)
    }

    /// Reads a list in OpenSSL's syntax: suite names, group words such as `HIGH` that stand for every suite, and `!NAME` or `-NAME` to
    /// exclude.
    fn parse(&self, option: &str, list: &str, notes: &mut Vec<String>) -> Result<Vec<&'static CipherName>, TlsError> {
        let mut chosen: Vec<&'static CipherName> = Vec::new();
        let mut left_out: Vec<String> = Vec::new();
        for word in list.split([':', ',', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
            if let Some(excluded) = word.strip_prefix(['!', '-']) {
                chosen.retain(|cipher| cipher_by_name(excluded).is_none_or(|other| other.suite != cipher.suite));
            } else if matches!(word, "ALL" | "DEFAULT" | "HIGH") {
                let every = self.of_version(TlsVersion::V1_2).filter(|cipher| !names(&chosen, cipher));
                let every: Vec<&'static CipherName> = every.collect();
                chosen.extend(every);
            } else if let Some(cipher) = cipher_by_name(word).filter(|cipher| self.suite(cipher).is_some()) {
                if !names(&chosen, cipher) {
                    chosen.push(cipher);
                }
            } else if is_cipher_like(word) {
                let instead = replacement(word);
                left_out.push(format!("{option}: the cipher '{word}' is not supported; use '{instead}' instead"));
            } else {
                return Err(TlsError::Config(format!(
                    "{option}: there is no cipher '{word}'; the ciphers are {}",
                    self.list()
                )));
            }
        }
        if chosen.is_empty() {
            let nothing = || format!("{option}: '{list}' leaves no cipher; the ciphers are {}", self.list());
            return Err(TlsError::Config(left_out.into_iter().next().unwrap_or_else(nothing)));
        }
        notes.append(&mut left_out);
        Ok(chosen)
    }

    fn list(&self) -> String {
        let names = CIPHERS.iter().filter(|cipher| self.suite(cipher).is_some()).map(|cipher| cipher.openssl);
        names.collect::<Vec<&str>>().join(":")
    }
}

fn names(list: &[&'static CipherName], cipher: &CipherName) -> bool {
    list.iter().any(|other| other.suite == cipher.suite)
}

/// The words from which OpenSSL's and IANA's suite names are made.
const CIPHER_WORDS: &[&str] = &[
    "ADH",
    "AECDH",
    "AES",
    "AES128",
    "AES256",
    "ANON",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "CBC3",
    "CCM",
    "CCM8",
    "CHACHA20",
    "DES",
    "DH",
    "DHE",
    "DSS",
    "ECDH",
    "ECDHE",
    "ECDSA",
    "EDE",
    "EDH",
    "EXP",
    "GCM",
    "IDEA",
    "KRB5",
    "MD5",
    "NULL",
    "POLY1305",
    "PSK",
    "RC2",
    "RC4",
    "RSA",
    "SEED",
    "SHA",
    "SHA256",
    "SHA384",
    "SRP",
    "TLS",
    "WITH",
    "3DES",
    "40",
    "56",
    "64",
    "128",
    "256",
    "8",
];

/// Whether a word looks like a suite's name: true for `DHE-RSA-AES256-SHA`, false for `ECDHE-RSA-AES256-GCM-SHA348`.
fn is_cipher_like(word: &str) -> bool {
    let mut parts = word.split(['-', '_']);
    word.contains(['-', '_']) && parts.all(|part| CIPHER_WORDS.iter().any(|known| known.eq_ignore_ascii_case(part)))
}

/// The supported suite closest to an unsupported one, for error messages.
fn replacement(word: &str) -> &'static str {
    let has = |part: &str| word.to_ascii_uppercase().contains(part);
    match (has("ECDSA"), has("CHACHA20"), has("128")) {
        (true, true, _) => "ECDHE-ECDSA-CHACHA20-POLY1305",
        (true, false, true) => "ECDHE-ECDSA-AES128-GCM-SHA256",
        (true, false, false) => "ECDHE-ECDSA-AES256-GCM-SHA384",
        (false, true, _) => "ECDHE-RSA-CHACHA20-POLY1305",
        (false, false, true) => "ECDHE-RSA-AES128-GCM-SHA256",
        (false, false, false) => "ECDHE-RSA-AES256-GCM-SHA384",
    }
}

/// The error text for a TLS version without a cipher.
pub(super) const NO_CIPHER_FOR_VERSION: &str =
    "ssl-cipher and tls-ciphersuites name no cipher of the versions that tls-version names";
