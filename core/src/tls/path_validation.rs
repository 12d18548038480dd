//! What a chain must satisfy, whoever found it: one rule for chains that webpki finds and for those that are found here.
//!
//! It is RFC 5280's as OpenSSL applies it, because that is what MySQL's users know. `tests/security/chains` judges a table of forged
//! chains by it and by OpenSSL, and lists where the two differ, and why.

use alloc::string::String;
use alloc::vec::Vec;

use rustls::pki_types::UnixTime;

use super::certificate::{Certificate, KeyUsage};
use super::date::date_text;
use super::identity::{Name, slash_of};
use super::name_constraints;
use super::purpose::Purpose;
use super::{Breach, CertificateProblem};

/// Checks a whole path: the end certificate first, then the CAs in between, and the CA that is trusted.
pub(super) fn check_path(
    path: &[&Certificate<'_>],
    anchor: &Certificate<'_>,
    purpose: Purpose,
    now: UnixTime,
) -> Result<(), CertificateProblem> {
    let Some((leaf, between)) = path.split_first() else { return Err(CertificateProblem::Unreadable) };
    check_end(leaf, purpose, now)?;
    for (below, ca) in between.iter().enumerate() {
        check_ca(ca, below, false, purpose, now)?;
    }
    check_ca(anchor, between.len(), true, purpose, now)?;
    for (index, ca) in path.iter().copied().chain([anchor]).enumerate().skip(1) {
        check_names(ca, path.get(..index).unwrap_or_default(), purpose)?;
    }
    Ok(())
}

/// Checks what an end certificate says of itself.
pub(super) fn check_end(leaf: &Certificate<'_>, purpose: Purpose, now: UnixTime) -> Result<(), CertificateProblem> {
    check_period(leaf, now)?;
    let key_fits = leaf.key_usage.is_none_or(|usage| usage.has(purpose.key_usage()));
    if !key_fits || !purpose.is_allowed_by(leaf) {
        return Err(CertificateProblem::WrongPurpose { certificate: slash_of(leaf.subject) });
    }
    if leaf.unknown_critical_extension {
        return Err(Breach::CriticalExtension.by(leaf));
    }
    Ok(())
}

/// Checks what a CA says of itself, with `below` CAs between it and the end.
pub(super) fn check_ca(
    ca: &Certificate<'_>,
    below: usize,
    is_anchor: bool,
    purpose: Purpose,
    now: UnixTime,
) -> Result<(), CertificateProblem> {
    check_period(ca, now)?;
    let signs = ca.key_usage.map(|usage| usage.has(KeyUsage::CERTIFICATE_SIGN));
    let is_ca = match ca.basic_constraints {
        Some(constraints) => constraints.ca,
        // One that was named and says nothing is a CA if its key may sign certificates, or if it is of version 1, which can't say it,
        // and signed by itself. Anything else is a server's or client's certificate that was named for itself.
        None => is_anchor && (signs == Some(true) || ca.version < 3 && ca.is_self_issued()),
    };
    if !is_ca || signs == Some(false) {
        return Err(Breach::NotCa.by(ca));
    }
    let limit = ca.basic_constraints.and_then(|constraints| constraints.path_length);
    if limit.is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| below > limit)) {
        return Err(Breach::PathLength.by(ca));
    }
    if ca.unknown_critical_extension {
        return Err(Breach::CriticalExtension.by(ca));
    }
    if !purpose.is_allowed_by(ca) {
        return Err(CertificateProblem::WrongPurpose { certificate: slash_of(ca.subject) });
    }
    Ok(())
}

/// Checks the names of all that are below a CA, the end certificate first, by the CA's name constraints.
fn check_names(ca: &Certificate<'_>, path: &[&Certificate<'_>], purpose: Purpose) -> Result<(), CertificateProblem> {
    let Some(constraints) = ca.name_constraints else { return Ok(()) };
    for (height, certificate) in path.iter().enumerate() {
        let hosts = if height == 0 { hosts_in_subject(certificate, purpose) } else { Vec::new() };
        if name_constraints::allow(constraints, certificate, &hosts) != Ok(true) {
            return Err(Breach::Names.by(ca));
        }
    }
    Ok(())
}

/// The common names that count as names of hosts: those of a certificate without alternative names, see `hostname`. A client's is taken
/// for one if it looks so, as OpenSSL does.
fn hosts_in_subject(leaf: &Certificate<'_>, purpose: Purpose) -> Vec<String> {
    if leaf.names.names_hosts() {
        return Vec::new();
    }
    let name = Name::from_der(leaf.subject).unwrap_or_default();
    let names = name.common_names().map(|name| String::from_utf8_lossy(name).into_owned());
    names.filter(|name| purpose == Purpose::Server || name.contains('.')).collect()
}

pub(super) fn check_period(certificate: &Certificate<'_>, now: UnixTime) -> Result<(), CertificateProblem> {
    let whose = || slash_of(certificate.subject);
    if now.as_secs() < certificate.not_before {
        let not_before = date_text(certificate.not_before);
        return Err(CertificateProblem::NotYetValid { certificate: whose(), not_before });
    }
    if now.as_secs() > certificate.not_after {
        return Err(CertificateProblem::Expired { certificate: whose(), not_after: date_text(certificate.not_after) });
    }
    Ok(())
}

impl Breach {
    /// The problem that the certificate breaks, or has, this.
    pub(super) fn by(self, certificate: &Certificate<'_>) -> CertificateProblem {
        CertificateProblem::Constraint { certificate: slash_of(certificate.subject), breach: self }
    }
}
