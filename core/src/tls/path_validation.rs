//! The rules for certificate chains, both for those that webpki finds and for those that `chain` finds.
//!
//! They are RFC 5280's as OpenSSL applies it, because MySQL's users know OpenSSL. `tests/security/chains` judges a table of forged chains
//! by these rules and by OpenSSL, and lists the differences with their reasons.

use alloc::string::String;
use alloc::vec::Vec;

use rustls::pki_types::UnixTime;

use super::certificate::{Certificate, KeyUsage};
use super::date::date_text;
use super::identity::{Name, slash_of};
use super::name_constraints;
use super::purpose::Purpose;
use super::{CertificateProblem, ConstraintViolation};

/// Checks a complete path: `path` has the end certificate first, then the intermediate CAs; `anchor` is the trusted CA.
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

/// Checks the validity period, the key usages and the critical extensions of an end certificate.
pub(super) fn check_end(leaf: &Certificate<'_>, purpose: Purpose, now: UnixTime) -> Result<(), CertificateProblem> {
    check_period(leaf, now)?;
    let key_fits = leaf.key_usage.is_none_or(|usage| usage.has(purpose.key_usage()));
    if !key_fits || !purpose.is_allowed_by(leaf) {
        return Err(CertificateProblem::WrongPurpose { certificate: slash_of(leaf.subject) });
    }
    if leaf.unknown_critical_extension {
        return Err(ConstraintViolation::CriticalExtension.by(leaf));
    }
    Ok(())
}

/// Checks the extensions of a CA's certificate that has `below` CAs between it and the end certificate.
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
        // A trusted certificate without basic constraints is a CA's if its key may sign certificates, or if it is a self-issued v1
        // certificate, because version 1 has no extensions. Otherwise it is a server's or client's own certificate.
        None => is_anchor && (signs == Some(true) || ca.version < 3 && ca.is_self_issued()),
    };
    if !is_ca || signs == Some(false) {
        return Err(ConstraintViolation::NotCa.by(ca));
    }
    let limit = ca.basic_constraints.and_then(|constraints| constraints.path_length);
    if limit.is_some_and(|limit| usize::try_from(limit).is_ok_and(|limit| below > limit)) {
        return Err(ConstraintViolation::PathLength.by(ca));
    }
    if ca.unknown_critical_extension {
        return Err(ConstraintViolation::CriticalExtension.by(ca));
    }
    if !purpose.is_allowed_by(ca) {
        return Err(CertificateProblem::WrongPurpose { certificate: slash_of(ca.subject) });
    }
    Ok(())
}

/// Checks the names of every certificate below a CA, the end certificate first, against the CA's name constraints.
fn check_names(ca: &Certificate<'_>, path: &[&Certificate<'_>], purpose: Purpose) -> Result<(), CertificateProblem> {
    let Some(constraints) = ca.name_constraints else { return Ok(()) };
    for (height, certificate) in path.iter().enumerate() {
        let hosts = if height == 0 { hosts_in_subject(certificate, purpose) } else { Vec::new() };
        if name_constraints::allow(constraints, certificate, &hosts) != Ok(true) {
            return Err(ConstraintViolation::Names.by(ca));
        }
    }
    Ok(())
}

/// The common names to be treated as host names: those of a certificate without alternative names, see `hostname`. A client's common name
/// is treated as a host name only if it looks like one, as in OpenSSL.
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

impl ConstraintViolation {
    /// The error that names `certificate` as the one that violates this constraint.
    pub(super) fn by(self, certificate: &Certificate<'_>) -> CertificateProblem {
        CertificateProblem::Constraint { certificate: slash_of(certificate.subject), violation: self }
    }
}
