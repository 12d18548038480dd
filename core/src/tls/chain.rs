//! Builds and checks a certificate chain from an end certificate up to a trusted CA.
//!
//! webpki finds chains of X.509 v3 certificates. This module searches for chains that webpki refuses although MySQL's users have them:
//! X.509 v1 certificates as MySQL's manual makes them, a CA's certificate used as a server's or client's own, an end certificate that is
//! itself in the CA file, and dates before 1970. Either way [`check_path`] decides whether the chain is valid.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;
use core::cell::Cell;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, VerifiedPath, anchor_from_trusted_cert};

use super::certificate::Certificate;
use super::date::date_text;
use super::identity::slash_of;
use super::path_validation::{check_ca, check_end, check_path, check_period};
use super::purpose::Purpose;
use super::revocation::RevocationList;
use super::signature::{algorithm_name, verify_signed, weak_key};
use super::signature_cache::{Cached, SignatureCache};
use super::{CertificateProblem, ConstraintViolation};

/// The largest number of certificates in a chain besides the trusted CA, as in webpki, and the largest number of signature checks in one
/// search.
const MAX_DEPTH: usize = 7;
const MAX_SIGNATURES: usize = 32;

/// The trusted CAs and the revocation lists.
#[derive(Debug)]
pub(super) struct Authority {
    anchors: Vec<CertificateDer<'static>>,
    webpki_anchors: Vec<TrustAnchor<'static>>,
    /// Whether a user named the CAs. Only then are chains accepted that webpki refuses, because the system's roots issue version 3 only.
    named: bool,
    lists: Vec<RevocationList>,
    algorithms: WebPkiSupportedAlgorithms,
    signatures: SignatureCache,
}

impl Authority {
    /// An authority that trusts no CA yet.
    pub(super) fn new(algorithms: WebPkiSupportedAlgorithms, lists: Vec<RevocationList>, named: bool) -> Self {
        let (anchors, webpki_anchors, signatures) = (Vec::new(), Vec::new(), SignatureCache::default());
        Self { anchors, webpki_anchors, named, lists, algorithms, signatures }
    }

    /// The CAs' certificates, in DER.
    pub(super) fn trusted(&self) -> &[CertificateDer<'static>] {
        &self.anchors
    }

    /// The revocation lists.
    pub(super) fn lists(&self) -> &[RevocationList] {
        &self.lists
    }

    /// Adds a trusted CA. The error says why the certificate can't be used as a CA's.
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

    /// Checks that a chain of valid certificates leads from `leaf` to a trusted CA.
    pub(super) fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        let certificate = Certificate::parse(leaf).map_err(|_| CertificateProblem::Unreadable)?;
        check_end(&certificate, purpose, now)?;
        if self.anchors.contains(leaf) {
            return self.check_anchor_revocation(&certificate, now);
        }
        if let Some(weak) = weak_key(certificate.public_key) {
            return Err(weak);
        }
        let sent: Vec<Certificate<'_>> = intermediates.iter().filter_map(|der| Certificate::parse(der).ok()).collect();
        let is_ca = certificate.basic_constraints.is_some_and(|constraints| constraints.ca);
        // webpki can't read dates before 1970.
        let is_old = core::iter::once(&certificate).chain(&sent).any(|certificate| certificate.not_before == 0);
        if certificate.version == 3 && !(self.named && (is_ca || is_old)) {
            return self.find_by_webpki(leaf, intermediates, &certificate, &sent, purpose, now);
        }
        if !self.named {
            return Err(unknown_issuer(&certificate, &sent));
        }
        let (path, anchor) = self.search_path(&certificate, &sent, purpose, now)?;
        self.check_revocations(&path, &anchor, now)
    }

    fn find_by_webpki(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        certificate: &Certificate<'_>,
        sent: &[Certificate<'_>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        // Our own search explains webpki's refusal and names the certificate at fault. A path that only our search finds stays refused.
        let explain = |error: webpki::Error| match self.search_path(certificate, sent, purpose, now) {
            Err(problem) => problem,
            Ok(_) => problem_of(&error),
        };
        let webpki = EndEntityCert::try_from(leaf).map_err(explain)?;
        let algorithms: Vec<Cached<'_>> = self.algorithms.all.iter().map(|one| self.signatures.of(*one)).collect();
        let algorithms: Vec<&dyn SignatureVerificationAlgorithm> = algorithms.iter().map(|one| one as _).collect();
        let found = Cell::new(None);
        let check = |path: &VerifiedPath<'_>| {
            found.set(self.anchor_of(path, purpose, now));
            found.get().map(|_| ()).ok_or(webpki::Error::UnknownIssuer)
        };
        let (anchors, usage) = (&self.webpki_anchors, purpose.usage());
        let verified = webpki
            .verify_for_usage(&algorithms, anchors, intermediates, now, usage, None, Some(&check))
            .map_err(explain)?;
        let anchor = found.get().and_then(|index| self.anchors.get(index)).and_then(|der| Certificate::parse(der).ok());
        let anchor = anchor.ok_or(CertificateProblem::Unreadable)?;
        let ders = ders_of(&verified);
        let path = parse_all(&ders)?;
        self.check_revocations(&path.iter().collect::<Vec<_>>(), &anchor, now)
    }

    /// Selects the trusted CA with which webpki's path satisfies our rules. Several certificates of a renewed CA may be trusted, and webpki
    /// can't distinguish them, because it compares name and key only.
    fn anchor_of(&self, path: &VerifiedPath<'_>, purpose: Purpose, now: UnixTime) -> Option<usize> {
        let ders = ders_of(path);
        let certificates = parse_all(&ders).ok()?;
        let certificates: Vec<&Certificate<'_>> = certificates.iter().collect();
        self.webpki_anchors.iter().zip(&self.anchors).position(|(webpki, der)| {
            webpki == path.anchor()
                && Certificate::parse(der).is_ok_and(|anchor| check_path(&certificates, &anchor, purpose, now).is_ok())
        })
    }

    /// Searches for a path without webpki.
    fn search_path<'a>(
        &'a self,
        leaf: &'a Certificate<'a>,
        intermediates: &'a [Certificate<'a>],
        purpose: Purpose,
        now: UnixTime,
    ) -> Result<(Vec<&'a Certificate<'a>>, Certificate<'a>), CertificateProblem> {
        let mut search = PathSearch { authority: self, intermediates, purpose, now, signatures_left: MAX_SIGNATURES };
        let mut path = Vec::from([leaf]);
        let anchor = search.extend_to_anchor(&mut path)?;
        Ok((path, anchor))
    }

    /// Checks revocation from the trusted CA downwards.
    fn check_revocations(
        &self,
        path: &[&Certificate<'_>],
        anchor: &Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        self.check_anchor_revocation(anchor, now)?;
        if self.lists.is_empty() {
            return Ok(());
        }
        let mut issuer = anchor;
        for certificate in path.iter().copied().rev() {
            self.check_revocation(certificate, issuer, now)?;
            issuer = certificate;
        }
        Ok(())
    }

    /// Checks the revocation of a trusted certificate. If its issuer is trusted too, a current list is required, and so on upwards.
    /// Otherwise no key is known to check a list's signature with; a certificate on a list that the user supplied still counts as revoked.
    fn check_anchor_revocation(&self, anchor: &Certificate<'_>, now: UnixTime) -> Result<(), CertificateProblem> {
        self.check_listed(anchor)?;
        if self.lists.is_empty() || anchor.is_self_issued() {
            return Ok(());
        }
        let mut path = Vec::from([anchor.der]);
        for _ in 0..MAX_DEPTH {
            let Some(end) = path.last().and_then(|der| Certificate::parse(der).ok()) else { break };
            let issuer = self.anchors().find(|ca| {
                ca.subject == end.issuer
                    && !path.contains(&ca.der)
                    && verify_signed(&end.signed, ca.public_key, &self.algorithms).is_ok()
            });
            let Some(issuer) = issuer else { break };
            self.check_revocation(&end, &issuer, now)?;
            path.push(issuer.der);
        }
        Ok(())
    }

    fn check_revocation(
        &self,
        certificate: &Certificate<'_>,
        issuer: &Certificate<'_>,
        now: UnixTime,
    ) -> Result<(), CertificateProblem> {
        let mut known = false;
        let mut newest: Option<&RevocationList> = None;
        for list in self.lists.iter().filter(|list| list.issuer == certificate.issuer) {
            let signed = list.signed().map_err(|_| CertificateProblem::Unreadable)?;
            if verify_signed(&signed, issuer.public_key, &self.algorithms).is_err() {
                continue;
            }
            if !self.may_sign_lists(issuer, now) {
                return Err(CertificateProblem::MayNotSignLists { issuer: slash_of(issuer.subject) });
            }
            if list.lists(certificate.serial) {
                return Err(CertificateProblem::Revoked);
            }
            known |= list.missed_period(now.as_secs()).is_none();
            if newest.is_none_or(|newest| newest.next_update < list.next_update) {
                newest = Some(list);
            }
        }
        if known {
            return Ok(());
        }
        let given = newest.and_then(|list| list.missed_period(now.as_secs()));
        Err(CertificateProblem::RevocationUnknown { issuer: slash_of(certificate.issuer), given })
    }

    /// Whether the CA may sign revocation lists, by this certificate or by another trusted one of the same name and key: a renewed CA may be
    /// trusted with both certificates, of which only the new one has the right.
    fn may_sign_lists(&self, ca: &Certificate<'_>, now: UnixTime) -> bool {
        let is_same = |other: &Certificate<'_>| other.subject == ca.subject && other.public_key == ca.public_key;
        let may = |other: &Certificate<'_>| other.may_sign_lists() && check_period(other, now).is_ok();
        ca.may_sign_lists() || self.anchors().any(|other| is_same(&other) && may(&other))
    }

    /// Checks a certificate that a fingerprint vouches for: its validity period, and whether a revocation list names it. The list's
    /// signature can't be checked, because the issuer's key is unknown, but the user supplied the list.
    pub(super) fn verify_pinned(&self, leaf: &CertificateDer<'_>, now: UnixTime) -> Result<(), CertificateProblem> {
        let certificate = Certificate::parse(leaf).map_err(|_| CertificateProblem::Unreadable)?;
        check_period(&certificate, now)?;
        self.check_listed(&certificate)
    }

    /// Whether a list of the certificate's issuer names the certificate, whoever signed the list.
    pub(super) fn check_listed(&self, certificate: &Certificate<'_>) -> Result<(), CertificateProblem> {
        let mut lists = self.lists.iter().filter(|list| list.issuer == certificate.issuer);
        if lists.any(|list| list.lists(certificate.serial)) {
            return Err(CertificateProblem::Revoked);
        }
        Ok(())
    }
}

fn ders_of<'p>(path: &'p VerifiedPath<'p>) -> Vec<CertificateDer<'p>> {
    let between = path.intermediate_certificates().map(|certificate| certificate.der());
    core::iter::once(path.end_entity().der()).chain(between).collect()
}

fn parse_all<'a>(ders: &'a [CertificateDer<'_>]) -> Result<Vec<Certificate<'a>>, CertificateProblem> {
    ders.iter().map(|der| Certificate::parse(der)).collect::<Result<_, _>>().map_err(|_| CertificateProblem::Unreadable)
}

/// The state of our own search for a path.
struct PathSearch<'a> {
    authority: &'a Authority,
    intermediates: &'a [Certificate<'a>],
    purpose: Purpose,
    now: UnixTime,
    signatures_left: usize,
}

impl<'a> PathSearch<'a> {
    /// Extends the path until a trusted CA has signed its last certificate, and returns that CA. If there is none, the error is the problem
    /// of the last candidate tried.
    fn extend_to_anchor(&mut self, path: &mut Vec<&'a Certificate<'a>>) -> Result<Certificate<'a>, CertificateProblem> {
        let Some(&end) = path.last() else { return Err(CertificateProblem::Unreadable) };
        let depth = path.len().saturating_sub(1);
        // A peer may send its root, too, which is self-signed where the peer's own certificate is not.
        let mut problem = match depth {
            0 => unknown_issuer(end, &[]),
            _ => CertificateProblem::UnknownIssuer { issuer: slash_of(end.issuer) },
        };
        for anchor in self.authority.anchors().filter(|anchor| anchor.subject == end.issuer) {
            let fits = check_ca(&anchor, depth, true, self.purpose, self.now)
                .and_then(|()| self.check_signature(end, &anchor))
                .and_then(|()| check_path(path, &anchor, self.purpose, self.now));
            match fits {
                Ok(()) => return Ok(anchor),
                Err(why) => problem = why,
            }
        }
        if path.len() >= MAX_DEPTH {
            return Err(ConstraintViolation::TooLong.by(end));
        }
        for next in self.intermediates.iter().filter(|next| next.subject == end.issuer) {
            if path.iter().any(|seen| seen.der == next.der) {
                continue;
            }
            let fits =
                check_ca(next, depth, false, self.purpose, self.now).and_then(|()| self.check_signature(end, next));
            let found = fits.and_then(|()| {
                path.push(next);
                self.extend_to_anchor(path).inspect_err(|_| _ = path.pop())
            });
            match found {
                Ok(anchor) => return Ok(anchor),
                Err(why) => problem = why,
            }
        }
        Err(problem)
    }

    fn check_signature(&mut self, of: &Certificate<'_>, by: &Certificate<'_>) -> Result<(), CertificateProblem> {
        self.signatures_left =
            self.signatures_left.checked_sub(1).ok_or_else(|| ConstraintViolation::TooLong.by(of))?;
        verify_signed(&of.signed, by.public_key, &self.authority.algorithms)
    }
}

/// The error for an unknown issuer. It names the issuer of the last certificate on the way up that the peer sent.
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

/// Translates webpki's error, for chains in which our own search found no fault.
fn problem_of(error: &webpki::Error) -> CertificateProblem {
    let certificate = "a certificate".to_owned();
    let constraint = |violation| CertificateProblem::Constraint { certificate: certificate.clone(), violation };
    match error {
        webpki::Error::CertExpired { not_after, .. } => {
            CertificateProblem::Expired { certificate, not_after: date_text(not_after.as_secs()) }
        }
        webpki::Error::CertNotValidYet { not_before, .. } => {
            CertificateProblem::NotYetValid { certificate, not_before: date_text(not_before.as_secs()) }
        }
        webpki::Error::CaUsedAsEndEntity => CertificateProblem::CaUsedAsEndEntity,
        webpki::Error::UnknownIssuer => CertificateProblem::UnknownIssuer { issuer: "of its chain".to_owned() },
        webpki::Error::InvalidSignatureForPublicKey => CertificateProblem::BadSignature,
        webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::EmptyEkuExtension => {
            CertificateProblem::WrongPurpose { certificate }
        }
        webpki::Error::UnsupportedSignatureAlgorithmContext(context) => {
            CertificateProblem::UnsupportedAlgorithm { algorithm: algorithm_name(&context.signature_algorithm_id) }
        }
        webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            CertificateProblem::UnsupportedAlgorithm { algorithm: algorithm_name(&context.signature_algorithm_id) }
        }
        webpki::Error::EndEntityUsedAsCa => constraint(ConstraintViolation::NotCa),
        webpki::Error::NameConstraintViolation => constraint(ConstraintViolation::Names),
        webpki::Error::PathLenConstraintViolated => constraint(ConstraintViolation::PathLength),
        webpki::Error::UnsupportedCriticalExtension => constraint(ConstraintViolation::CriticalExtension),
        webpki::Error::MaximumPathBuildCallsExceeded
        | webpki::Error::MaximumPathDepthExceeded
        | webpki::Error::MaximumSignatureChecksExceeded
        | webpki::Error::MaximumNameConstraintComparisonsExceeded => constraint(ConstraintViolation::TooLong),
        _ => CertificateProblem::Unreadable,
    }
}
