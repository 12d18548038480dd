//! Cipher suites: IANA's names, OpenSSL's names, and the lists that users write with them.

use rustls::{CipherSuite, NamedGroup};

use crate::facts::TlsVersion;

/// One cipher suite under all its names.
#[derive(Debug)]
pub struct CipherName {
    suite: CipherSuite,
    /// IANA's name, `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`.
    pub iana: &'static str,
    /// OpenSSL's name, which MySQL shows and takes: `ECDHE-RSA-AES256-GCM-SHA384`.
    pub openssl: &'static str,
    /// The one TLS version it belongs to.
    pub version: TlsVersion,
}

/// Every suite that rustls can do, in OpenSSL's order of preference.
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

const fn tls13(suite: CipherSuite, name: &'static str) -> CipherName {
    CipherName { suite, iana: name, openssl: name, version: TlsVersion::V1_3 }
}

const fn tls12(suite: CipherSuite, iana: &'static str, openssl: &'static str) -> CipherName {
    CipherName { suite, iana, openssl, version: TlsVersion::V1_2 }
}

/// The suite with that name, IANA's or OpenSSL's, in any case.
pub fn cipher_by_name(name: &str) -> Option<&'static CipherName> {
    CIPHERS.iter().find(|cipher| cipher.iana.eq_ignore_ascii_case(name) || cipher.openssl.eq_ignore_ascii_case(name))
}

pub(super) fn cipher_of(suite: CipherSuite) -> Option<&'static CipherName> {
    CIPHERS.iter().find(|cipher| cipher.suite == suite)
}

/// The name of a key exchange group as OpenSSL writes it.
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
