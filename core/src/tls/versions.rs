//! Parses the list of TLS versions that users write.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::TlsError;

/// The versions that `--tls-version` names; both if the option is absent.
pub(super) fn versions(
    list: Option<&str>,
    notes: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let Some(list) = list else { return Ok(Vec::from([&TLS13, &TLS12])) };
    let mut versions: Vec<&'static SupportedProtocolVersion> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    for word in list.split([',', ':', ' ']).map(str::trim).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => versions.push(&TLS12),
            "tlsv1.3" => versions.push(&TLS13),
            "tlsv1" | "tlsv1.0" | "tlsv1.1" | "sslv2" | "sslv3" => {
                refused.push(format!("tls-version: {word} is insecure and not supported; use TLSv1.2,TLSv1.3"));
            }
            _ => {
                return Err(TlsError::Config(format!(
                    "tls-version: there is no version '{word}'; the versions are TLSv1.2,TLSv1.3"
                )));
            }
        }
    }
    if versions.is_empty() {
        let empty = || "tls-version is empty; the versions are TLSv1.2,TLSv1.3".to_owned();
        return Err(TlsError::Config(refused.into_iter().next().unwrap_or_else(empty)));
    }
    notes.append(&mut refused);
    Ok(versions)
}
