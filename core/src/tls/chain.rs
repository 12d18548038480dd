//! From a certificate up to a CA that was named.
//!
//! Chains of X.509 v3 certificates are built by webpki. Certificates that it refuses although MySQL's users have them are
//! handled here: X.509 v1, as MySQL's manual makes them, and one that is itself among those named.

use alloc::string::String;
use alloc::vec::Vec;

use der::asn1::ObjectIdentifier;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::CertificateProblem;
use super::certificate::Certificate;
use super::date::date_text;
use super::identity::slash_of;
use super::memo::{Memo, Remembering};
use super::revocation::RevocationList;
use super::signature::{algorithm_name, verify_signed, weak_key};

/// What a certificate is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Server,
    Client,
}

impl Purpose {
    const ANY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Server => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"),
            Self::Client => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2"),
        }
    }

    fn usage(self) -> KeyUsage {
        match self {
            Self::Server => KeyUsage::server_auth(),
            Self::Client => KeyUsage::client_auth(),
        }
    }

    /// Whether the certificate may be used so: it says nothing of it, or says this.
    fn is_allowed_by(self, certificate: &Certificate<'_>) -> bool {
        certificate.purposes.is_empty()
            || certificate.purposes.iter().any(|purpose| *purpose == self.oid() || *purpose == Self::ANY)
    }
}

/// How many certificates a chain may have, and how many signatures are checked before we give up.
const MAX_DEPTH: usize = 8;
const MAX_SIGNATURES: usize = 32;

/// The CAs that are trusted, and the revocation lists.
#[derive(Debug)]
pub(super) struct Authority {
    anchors: Vec<CertificateDer<'static>>,
    webpki_anchors: Vec<TrustAnchor<'static>>,
    /// Whether an anchor must be within its period: so OpenSSL does, and so it is for a CA that a user named.
    anchors_expire: bool,
    lists: Vec<RevocationList>,
    algorithms: WebPkiSupportedAlgorithms,
    memo: Memo,
}

impl Authority {
    /// An authority without anchors.
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms, lists: Vec<RevocationList>, anchors_expire: bool) -> Self {
        let (anchors, webpki_anchors, memo) = (Vec::new(), Vec::new(), Memo::default());
        Self { anchors, webpki_anchors, anchors_expire, lists, algorithms, memo }
    }

    /// Trusts a CA's certificate. Says why it can't be used as one.
    pub(super) fn add(&mut self, certificate: CertificateDer<'static>) -> Result<(), CertificateProblem> {
        Certificate::parse(&certificate).map_err(|_| CertificateProblem::Unreadable)?;
        let anchor = anchor_from_trusted_cert(&certificate).map_err(|error| problem_of(&error))?.to_owned();
        self.webpki_anchors.push(anchor);
        self.anchors.push(certificate);
        Ok(())
    }

    /// The subjects of the CAs, in DER.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &[u8]> {
        self.anchors().map(|anchor| anchor.subject)
    }

    /// The CAs and the revocation lists, in DER.
    pub(super) fn contents(&self) -> (Vec<&[u8]>, Vec<&[u8]>) {
        let cas = self.anchors.iter().map(|anchor| anchor.as_ref()).collect();
        (cas, self.lists.iter().map(|list| list.der.as_slice()).collect())
    }

    fn anchors(&self) -> impl Iterator<Item = Certificate<'_>> {
        self.anchors.iter().filter_map(|der| Certificate::parse(der).ok())
    }

    /// Whether a chain of valid certificates leads from this one to a trusted CA.
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        let certificate = Certificate::parse(leaf).map_err(|_| CertificateProblem::Unreadable)?;
        if !purpose.is_allowed_by(&certificate) {
            return Err(CertificateProblem::WrongPurpose);
        }
        if self.anchors.contains(leaf) {
            return check_period(&certificate, now);
        }
        let sent: Vec<Certificate<'_>> = intermediates.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
        if let Some(weak) = weak_key(certificate.public_key) {
            return Err(weak);
        }
        if certificate.version == 3 {
            return self.verify_v3(leaf, intermediates, &certificate, &sent, purpose, now);
        }
        check_period(&certificate, now)?;
        let mut climb = Climb { authority: self, intermediates: &sent, now, signatures_left: MAX_SIGNATURES };
        let mut path = Vec::from([&certificate]);
        let anchor = climb.up(&mut path)?;
        self.check_path(&path, &anchor, now)
    }

    fn verify_v3(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        certificate: &Certificate<'_>,
        sent: &[Certificate<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        let explain = |error: webpki::Error| self.explain(&error, certificate, sent, now);
        let webpki = EndEntityCert::try_from(leaf).map_err(explain)?;
        let algorithms: Vec<Remembering<'_>> = self.algorithms.all.iter().map(|one| self.memo.of(*one)).collect();
        let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = algorithms.iter().map(|one| one as _).collect();
        let verified = webpki
            .verify_for_usage(&algorithms, &self.webpki_anchors, intermediates, now, purpose.usage(), None, None)
            .map_err(explain)?;
        let anchor = self.webpki_anchors.iter().position(|anchor| anchor == verified.anchor());
        let anchor = anchor.and_then(|index| self.anchors.get(index)).and_then(|der| Certificate::parse(der).ok());
        let anchor = anchor.ok_or(CertificateProblem::Unreadable)?;
        let ders: Vec<CertificateDer<'_>> = core::iter::once(verified.end_entity().der())
            .chain(verified.intermediate_certificates().map(|c| c.der()))
            .collect();
        let path: Result<Vec<Certificate<'_>>, _> = ders.iter().map(|der| Certificate::parse(der)).collect();
        let path = path.map_err(|_| CertificateProblem::Unreadable)?;
        self.check_path(&path.iter().collect::<Vec<_>>(), &anchor, now)
    }

    /// Says in our words what webpki found, and whose fault it is.
    fn explain(
        &self,
        error: &webpki::Error,
        certificate: &Certificate<'_>,
        sent: &[Certificate<'_>],
        now: UnixTime,
    ) -> CertificateProblem {
        let problem = problem_of(error);
        match problem {
            CertificateProblem::UnknownIssuer { .. } => unknown_issuer(certificate, sent),
            CertificateProblem::CaUsedAsEndEntity if certificate.is_self_issued() => CertificateProblem::SelfSigned,
            CertificateProblem::Expired { .. } | CertificateProblem::NotYetValid { .. } => {
                let mut all = core::iter::once(certificate).chain(sent);
                all.find_map(|certificate| check_period(certificate, now).err()).unwrap_or(problem)
            }
            // A key that is too small looks like a wrong signature to webpki.
            CertificateProblem::BadSignature => {
                let issuer = self.anchors().find(|anchor| {
                    core::iter::once(certificate).chain(sent).any(|certificate| certificate.issuer == anchor.subject)
                });
                let keys = sent.iter().map(|sent| sent.public_key).chain(issuer.iter().map(|issuer| issuer.public_key));
                keys.into_iter().find_map(weak_key).unwrap_or(problem)
            }
            _ => problem,
        }
    }

    /// What is checked on a path in the same way whoever found it: the CA's period, and revocation from the CA downwards.
    fn check_path(
        &self,
        path: &[&Certificate<'_>],
        anchor: &Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        if self.anchors_expire {
            check_period(anchor, now)?;
        }
        if self.lists.is_empty() {
            return Ok(());
        }
        let mut issuer_key = anchor.public_key;
        for certificate in path.iter().rev() {
            self.check_revocation(certificate, issuer_key, now)?;
            issuer_key = certificate.public_key;
        }
        Ok(())
    }

    fn check_revocation(
        &self,
        certificate: &Certificate<'_>,
        issuer_key: &[u8],
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        let mut known = false;
        for list in self.lists.iter().filter(|list| list.issuer == certificate.issuer) {
            let signed = list.signed().map_err(|_| CertificateProblem::Unreadable)?;
            if verify_signed(&signed, issuer_key, &self.algorithms).is_err() {
                continue;
            }
            if list.lists(certificate.serial) {
                return Err(CertificateProblem::Revoked);
            }
            known |= list.is_current(now.as_secs());
        }
        if known { Ok(()) } else { Err(CertificateProblem::RevocationUnknown { issuer: slash_of(certificate.issuer) }) }
    }

    /// The checks that remain where a fingerprint vouches for a certificate: its period, and whether a list that we were
    /// given names it. There is no issuer's key to check that list with, but a user handed it to us.
    pub(super) fn verify_pinned(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateProblem> {
        let certificate = Certificate::parse(leaf).map_err(|_| CertificateProblem::Unreadable)?;
        check_period(&certificate, now)?;
        let mut lists = self.lists.iter().filter(|list| list.issuer == certificate.issuer);
        if lists.any(|list| list.lists(certificate.serial)) {
            return Err(CertificateProblem::Revoked);
        }
        Ok(())
    }
}

/// The search upwards for a v1 certificate.
struct Climb<'a> {
    authority: &'a Authority,
    intermediates: &'a [Certificate<'a>],
    now: UnixTime,
    signatures_left: usize,
}

impl<'a> Climb<'a> {
    /// Extends the path until a trusted CA has signed its end, and returns that CA. The best-founded problem is returned where
    /// there is none.
    fn up(&mut self, path: &mut Vec<&'a Certificate<'a>>) -> Result<Certificate<'a>, CertificateProblem> {
        let Some(&end) = path.last() else { return Err(CertificateProblem::Unreadable) };
        let depth = path.len().saturating_sub(1);
        let mut problem = unknown_issuer(end, &[]);
        for anchor in self.authority.anchors().filter(|anchor| anchor.subject == end.issuer) {
            match may_issue(&anchor, depth, true).and_then(|()| self.check_signature(end, &anchor)) {
                Ok(()) => return Ok(anchor),
                Err(why) => problem = why,
            }
        }
        if path.len() >= MAX_DEPTH {
            return Err(problem);
        }
        for next in self.intermediates.iter().filter(|next| next.subject == end.issuer) {
            if path.iter().any(|seen| seen.der == next.der) {
                continue;
            }
            let fits = may_issue(next, depth, false)
                .and_then(|()| check_period(next, self.now))
                .and_then(|()| self.check_signature(end, next));
            let found = fits.and_then(|()| {
                path.push(next);
                self.up(path).inspect_err(|_| _ = path.pop())
            });
            match found {
                Ok(anchor) => return Ok(anchor),
                Err(why) => problem = why,
            }
        }
        Err(problem)
    }

    fn check_signature(&mut self, of: &Certificate<'_>, by: &Certificate<'_>) -> Result<(), CertificateProblem> {
        self.signatures_left = self.signatures_left.checked_sub(1).ok_or(CertificateProblem::Constraint)?;
        verify_signed(&of.signed, by.public_key, &self.authority.algorithms)
    }
}

/// Whether a certificate may sign others, with `below` CAs between it and the end. Version 1 can't say so; it may only where
/// a user named it as CA.
fn may_issue(certificate: &Certificate<'_>, below: usize, is_anchor: bool) -> Result<(), CertificateProblem> {
    let constraints = certificate.basic_constraints;
    let is_ca = constraints.map_or(is_anchor, |constraints| constraints.ca);
    let deep_enough = constraints
        .and_then(|constraints| constraints.path_length)
        .is_none_or(|limit| usize::try_from(limit).is_ok_and(|limit| below <= limit));
    let allowed =
        is_ca && deep_enough && certificate.signs_certificates != Some(false) && !certificate.unhandled_constraint;
    if allowed { Ok(()) } else { Err(CertificateProblem::Constraint) }
}

fn check_period(certificate: &Certificate<'_>, now: UnixTime) -> Result<(), CertificateProblem> {
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

/// Says which issuer is unknown: that of the last certificate that the peer sent on the way up.
fn unknown_issuer(leaf: &Certificate<'_>, sent: &[Certificate<'_>]) -> CertificateProblem {
    if leaf.is_self_issued() {
        return CertificateProblem::SelfSigned;
    }
    let mut issuer = leaf.issuer;
    for _ in 0..sent.len() {
        match sent.iter().find(|certificate| certificate.subject == issuer && !certificate.is_self_issued()) {
            Some(next) => issuer = next.issuer,
            None => break,
        }
    }
    CertificateProblem::UnknownIssuer { issuer: slash_of(issuer) }
}

/// webpki's errors as ours.
fn problem_of(error: &webpki::Error) -> CertificateProblem {
    match error {
        webpki::Error::CertExpired { not_after, .. } => {
            CertificateProblem::Expired { certificate: String::new(), not_after: date_text(not_after.as_secs()) }
        }
        webpki::Error::CertNotValidYet { not_before, .. } => {
            CertificateProblem::NotYetValid { certificate: String::new(), not_before: date_text(not_before.as_secs()) }
        }
        webpki::Error::CaUsedAsEndEntity => CertificateProblem::CaUsedAsEndEntity,
        webpki::Error::UnknownIssuer => CertificateProblem::UnknownIssuer { issuer: String::new() },
        webpki::Error::InvalidSignatureForPublicKey => CertificateProblem::BadSignature,
        webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::EmptyEkuExtension => {
            CertificateProblem::WrongPurpose
        }
        webpki::Error::UnsupportedSignatureAlgorithmContext(context) => {
            CertificateProblem::UnsupportedAlgorithm { algorithm: algorithm_name(&context.signature_algorithm_id) }
        }
        webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            CertificateProblem::UnsupportedAlgorithm { algorithm: algorithm_name(&context.signature_algorithm_id) }
        }
        webpki::Error::EndEntityUsedAsCa
        | webpki::Error::NameConstraintViolation
        | webpki::Error::PathLenConstraintViolated
        | webpki::Error::UnsupportedCriticalExtension
        | webpki::Error::MaximumPathBuildCallsExceeded
        | webpki::Error::MaximumPathDepthExceeded
        | webpki::Error::MaximumSignatureChecksExceeded
        | webpki::Error::MaximumNameConstraintComparisonsExceeded => CertificateProblem::Constraint,
        _ => CertificateProblem::Unreadable,
    }
}
