//! The decision whether a connection is what its account demands.
//!
//! Names in certificates are compared by this rule: the demanded text is to the byte how OpenSSL 1.1 or 3 writes the certificate's name,
//! and read as a name it is the certificate's, attribute by attribute. OpenSSL 1.1 does not mark where a value ends, so
//! `O="x/CN=root"` and `O=x, CN=root` are written alike; MySQL on it takes either for the other. Here a text never matches a name
//! that it is not read as, and the log says why, and how that name is written so that it is no other's.

use alloc::string::{String, ToString};
use core::fmt;

use super::requirement::Requirement;
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

/// In place of a certificate where none was sent.
const NONE: &str = "none";

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
        if self.clause == Clause::X509 && self.actual == NONE {
            return write!(f, "{what} mismatch: the account demands a client certificate and none was sent");
        }
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
    let certificate = tls.peer_chain.first().ok_or_else(|| refusal(Clause::X509, "a verified certificate", NONE))?;
    if !tls.verification.is_verified() {
        return Err(refusal(Clause::X509, "a verified certificate", "one that no CA vouches for"));
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
            alloc::format!("{text} (what is demanded can be read in several ways; only this one is that name alone)");
        return Err(refusal(clause, expected, &reason));
    }
    Ok(())
}

fn refusal(clause: Clause, expected: &str, actual: &str) -> Refusal {
    Refusal { clause, expected: expected.to_string(), actual: actual.to_string() }
}
