//! The decision whether a connection is what its account demands.
//!
//! Names in certificates are compared by this rule: the certificate's name, written in slash form, is the demanded text
//! to the byte, and the demanded text, read as a name, is the certificate's name attribute by attribute. The slash form does not
//! mark where a value ends, so `O="x/CN=root"` and `O=x, CN=root` are written alike; MySQL takes either for the other. Here
//! such an ambiguous name never matches, and the log says why.

use alloc::string::{String, ToString};
use core::fmt;

use super::Requirement;
use crate::facts::{Facts, TlsFacts};
use crate::tls::{CertificateInfo, Name};

/// Which part of a REQUIRE clause was not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    /// There is no TLS.
    Ssl,
    /// There is no certificate that a CA vouches for.
    X509,
    /// The cipher is another.
    Cipher,
    /// The certificate's issuer is another.
    Issuer,
    /// The certificate's subject is another.
    Subject,
}

/// Why a connection is not what its account demands. For the server's log; the client is told 1045 and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The clause that was not met.
    pub clause: Clause,
    /// What it demands.
    pub expected: String,
    /// What there is.
    pub actual: String,
}

impl fmt::Display for Refusal {
    /// As MySQL's log has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.clause {
            Clause::Ssl => "TLS",
            Clause::X509 => "X509 certificate",
            Clause::Cipher => "X509 ciphers",
            Clause::Issuer => "X509 issuer",
            Clause::Subject => "X509 subject",
        };
        write!(f, "{what} mismatch: should be '{}' but is '{}'", self.expected, self.actual)
    }
}

/// Whether the connection is what an account's REQUIRE clause demands. To be asked at login and at COM_CHANGE_USER.
pub fn admit(requirement: &Requirement, facts: &Facts) -> Result<(), Refusal> {
    if !requirement.needs_tls() {
        return Ok(());
    }
    let tls = facts.tls.as_ref().ok_or_else(|| refusal(Clause::Ssl, "TLS", "plaintext"))?;
    if *requirement == Requirement::Ssl {
        return Ok(());
    }
    let certificate = verified_certificate(tls)?;
    let Requirement::Specified { cipher, issuer, subject } = requirement else { return Ok(()) };
    if let Some(cipher) = cipher.as_deref().filter(|cipher| *cipher != tls.cipher && *cipher != tls.suite) {
        return Err(refusal(Clause::Cipher, cipher, tls.cipher));
    }
    if issuer.is_none() && subject.is_none() {
        return Ok(());
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
    Ok(())
}

fn verified_certificate(tls: &TlsFacts) -> Result<&[u8], Refusal> {
    let certificate = tls.peer_chain.first().ok_or_else(|| refusal(Clause::X509, "a verified certificate", "none"))?;
    if !tls.verification.is_verified() {
        return Err(refusal(Clause::X509, "a verified certificate", "one that no CA vouches for"));
    }
    Ok(certificate)
}

fn same_name(clause: Clause, expected: &str, actual: &Name) -> Result<(), Refusal> {
    let text = actual.to_slash();
    if text != expected {
        return Err(refusal(clause, expected, &text));
    }
    if Name::from_slash(expected).as_ref() != Some(actual) {
        let reason = alloc::format!("{text} (a name that can be read in several ways, which is never accepted)");
        return Err(refusal(clause, expected, &reason));
    }
    Ok(())
}

fn refusal(clause: Clause, expected: &str, actual: &str) -> Refusal {
    Refusal { clause, expected: expected.to_string(), actual: actual.to_string() }
}
