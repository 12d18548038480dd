//! Random names and numbers.

use sealwire_core::random::Random as _;

use sealwire_net::random::OsRandom;

/// `N` random bytes from the operating system.
pub(super) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRandom::new().fill(&mut bytes);
    bytes
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
