//! Checks that a certificate carries the host's name.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::net::IpAddr;

use super::CertificateProblem;
use super::certificate::Certificate;
use super::identity::Name;

/// Checks the certificate's names against the host that the client connected to.
///
/// If the certificate has alternative names for hosts, only they count. Otherwise the subject's common name counts, as in MySQL, because
/// the certificates of its manual have no alternative names.
pub(super) fn check_host(certificate: &Certificate<'_>, host: &str) -> Result<(), CertificateProblem> {
    let names = &certificate.names;
    let wanted = host.strip_suffix('.').unwrap_or(host);
    let address: Option<IpAddr> = wanted.parse().ok();
    let matches = match address {
        Some(address) if names.names_hosts() => names.ip.contains(&address),
        None if names.names_hosts() => names.dns.iter().any(|name| matches_dns(name, wanted)),
        Some(_) => common_names(certificate).any(|name| name.eq_ignore_ascii_case(wanted)),
        None => common_names(certificate).any(|name| matches_dns(name.as_bytes(), wanted)),
    };
    if matches {
        return Ok(());
    }
    let mut presented = certificate.host_names();
    let as_name = |name: &&mut String| address.is_some() && names.dns.contains(&name.as_bytes());
    for name in presented.iter_mut().filter(as_name).filter(|name| name.parse::<IpAddr>().is_ok()) {
        name.push_str(" (as a DNS name, where it must be an IP address)");
    }
    if presented.is_empty() {
        presented.extend(common_names(certificate));
    }
    Err(CertificateProblem::NotValidForName { expected: host.to_owned(), presented })
}

fn common_names(certificate: &Certificate<'_>) -> impl Iterator<Item = String> {
    let name = Name::from_der(certificate.subject).unwrap_or_default();
    let names: alloc::vec::Vec<String> =
        name.common_names().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    names.into_iter()
}

/// Whether a host's name matches a certificate's name, whose first label may be `*`.
pub(super) fn matches_dns(pattern: &[u8], host: &str) -> bool {
    let pattern = pattern.strip_suffix(b".").unwrap_or(pattern);
    let host = host.as_bytes();
    if host.is_empty() {
        return false;
    }
    let Some(rest) = pattern.strip_prefix(b"*.") else { return pattern.eq_ignore_ascii_case(host) };
    // The wildcard stands for one label below a domain of at least two labels; `*.com` matches nothing.
    let Some(dot) = host.iter().position(|byte| *byte == b'.') else { return false };
    let (label, domain) = host.split_at(dot);
    !label.is_empty() && rest.contains(&b'.') && domain.get(1..).is_some_and(|domain| rest.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::matches_dns;

    #[test]
    fn names_match_whole_and_in_any_case() {
        assert!(matches_dns(b"DB.example.com", "db.EXAMPLE.com"));
        assert!(matches_dns(b"db.example.com.", "db.example.com"));
        assert!(!matches_dns(b"db.example.com", "db.example.com.evil.net"));
        assert!(!matches_dns(b"db.example.com\0.evil.net", "db.example.com"));
        assert!(!matches_dns(b"", ""));
    }

    #[test]
    fn a_star_stands_for_one_whole_label() {
        assert!(matches_dns(b"*.example.com", "db.example.com"));
        assert!(!matches_dns(b"*.example.com", "example.com"));
        assert!(!matches_dns(b"*.example.com", ".example.com"));
        assert!(!matches_dns(b"*.example.com", "a.b.example.com"));
        assert!(!matches_dns(b"d*.example.com", "db.example.com"));
        assert!(!matches_dns(b"*.com", "example.com"));
        assert!(!matches_dns(b"*", "localhost"));
    }
}
