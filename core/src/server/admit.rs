//! Checks whether a connection meets the REQUIRE clause of its account.
//!
//! A name in a certificate matches the required text if two things hold: OpenSSL 1.1 or 3 writes the certificate's name as exactly this
//! text, and the text, parsed as a name, equals the certificate's name attribute by attribute. The first alone is not enough, because
//! OpenSSL 1.1 does not mark where a value ends: it writes `O="x/CN=root"` and `O=x, CN=root` alike, and MySQL with it accepts either for
//! the other. If only the second condition fails, the log gives the reason and an unambiguous way to write the name.

use alloc::string::{String, ToString};
use core::fmt;

use super::requirement::Requirement;
use crate::facts::{Facts, TlsFacts, TlsVersion};
use crate::proxy_protocol::ClientTls;
use crate::tls::{CertificateInfo, Name};

/// The part of a REQUIRE clause that was not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// The connection has no TLS.
    Ssl,
    /// The client sent no certificate that a trusted CA issued.
    X509,
    /// The cipher is not the required one.
    Cipher,
    /// The certificate's issuer is not the required one.
    Issuer,
    /// The certificate's subject is not the required one.
    Subject,
    /// The required URI is none of the certificate's.
    Uri,
    /// The version of TLS is older than the required one.
    Version,
}

/// Stands for the certificate's name if the client sent no certificate.
const NONE: &str = "none";

/// The reason why a connection does not meet its account's requirement, for the server's log. The client gets error 1045 only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The clause that was not met.
    pub clause: Clause,
    /// The required value.
    pub expected: String,
    /// The value of the connection.
    pub actual: String,
}

impl fmt::Display for Refusal {
    /// Formats the refusal as MySQL's log does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.clause {
            Clause::Ssl => "TLS",
            Clause::X509 => "X509 certificate",
            Clause::Cipher => "X509 ciphers",
            Clause::Issuer => "X509 issuer",
            Clause::Subject => "X509 subject",
            Clause::Uri => "X509 SAN",
            Clause::Version => "TLS version",
        };
        if self.clause == Clause::X509 && self.actual == NONE {
            return write!(f, "{what} mismatch: the account demands a client certificate and none was sent");
        }
        write!(f, "{what} mismatch: should be '{}' but is '{}'", self.expected, self.actual)
    }
}

/// Checks a connection against an account's REQUIRE clause, at login and at COM_CHANGE_USER.
///
/// Behind a trusted proxy whose PROXY header tells of the client's TLS, every clause needs TLS on both ways: this connection must have it, and
/// certificate and cipher are those of the client at the proxy.
pub fn admit(requirement: &Requirement, facts: &Facts) -> Result<(), Refusal> {
    if !requirement.needs_tls() {
        return Ok(());
    }
    let tls = facts.tls.as_ref().ok_or_else(|| refusal(Clause::Ssl, "TLS", "plaintext"))?;
    if facts.client_tls.as_ref().is_some_and(|client| !client.is_encrypted) {
        return Err(refusal(Clause::Ssl, "TLS", "plaintext between client and proxy"));
    }
    if *requirement == Requirement::Ssl {
        return Ok(());
    }
    if let Requirement::Specified { version: Some(least), .. } = requirement {
        // Behind a proxy, both ways count.
        let of_client = facts.client_tls.as_ref().map(|client| client.version.as_deref().unwrap_or(NONE));
        let is_old = |name: &&str| TlsVersion::from_name(name).is_none_or(|version| version < *least);
        if let Some(old) = of_client.into_iter().chain([tls.version.name()]).find(is_old) {
            return Err(refusal(Clause::Version, least.name(), old));
        }
    }
    if let Requirement::Specified { cipher: None, issuer: None, subject: None, uri: None, version: Some(_) } =
        requirement
    {
        return Ok(());
    }
    let (ciphers, certificate) = match &facts.client_tls {
        Some(client) => ([client.cipher.as_deref().unwrap_or(NONE); 2], certificate_by_proxy(client)?),
        None => ([tls.cipher, tls.suite], verified_certificate(tls)?),
    };
    let Requirement::Specified { cipher, issuer, subject, uri, .. } = requirement else { return Ok(()) };
    if let Some(cipher) = cipher.as_deref().filter(|cipher| !ciphers.contains(cipher)) {
        return Err(refusal(Clause::Cipher, cipher, ciphers[0]));
    }
    if issuer.is_none() && subject.is_none() && uri.is_none() {
        return Ok(());
    }
    if certificate.is_empty() {
        return Err(refusal(Clause::X509, "a certificate", "one that the proxy has not passed on"));
    }
    let Ok(certificate) = CertificateInfo::from_der(certificate) else {
        return Err(refusal(Clause::X509, "a certificate", "a certificate that can't be read"));
    };
    if let Some(issuer) = issuer {
        same_name(Clause::Issuer, issuer, &certificate.issuer)?;
    }
    if let Some(subject) = subject {
        same_name(Clause::Subject, subject, &certificate.subject)?;
    }
    if let Some(uri) = uri.as_ref().filter(|uri| !certificate.uris.contains(uri)) {
        let shown = if certificate.uris.is_empty() { NONE.to_string() } else { certificate.uris.join(", ") };
        return Err(refusal(Clause::Uri, uri, &shown));
    }
    Ok(())
}

/// The certificate that a trusted proxy has verified; empty if the PROXY header does not have it.
fn certificate_by_proxy(client: &ClientTls) -> Result<&[u8], Refusal> {
    if !client.is_verified {
        return Err(refusal(Clause::X509, "a verified certificate", NONE));
    }
    Ok(client.certificate.as_deref().unwrap_or_default())
}

fn verified_certificate(tls: &TlsFacts) -> Result<&[u8], Refusal> {
    let certificate = tls.peer_chain.first().ok_or_else(|| refusal(Clause::X509, "a verified certificate", NONE))?;
    if !tls.verification.is_verified() {
        return Err(refusal(Clause::X509, "a verified certificate", "one that no trusted CA has issued"));
    }
    Ok(certificate)
}

fn same_name(clause: Clause, expected: &str, actual: &Name) -> Result<(), Refusal> {
    let text = actual.to_slash();
    if !actual.is_written(expected) {
        return Err(refusal(clause, expected, &text));
    }
    if !actual.is_read_from(expected) {
        let reason =
            alloc::format!("{text} (the text in REQUIRE stands for several names; require the name in this form)");
        return Err(refusal(clause, expected, &reason));
    }
    Ok(())
}

fn refusal(clause: Clause, expected: &str, actual: &str) -> Refusal {
    Refusal { clause, expected: expected.to_string(), actual: actual.to_string() }
}
