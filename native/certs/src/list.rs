//! Parses certificate revocation lists.

use std::time::Duration;

use der::asn1::{Any, BitString, GeneralizedTime, Int, ObjectIdentifier};
use der::{Decode as _, Encode as _, Sequence};
use rcgen::RevocationReason;
use sealwire_core::tls::Name;
use x509_cert::ext::Extensions;
use x509_cert::spki::AlgorithmIdentifier;
use x509_cert::time::Time;

const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON_CODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");

/// RFC 5280's CertificateList. The type of x509-cert requires the version field, which the lists made by `openssl ca` lack by default.
#[derive(Debug, Sequence)]
struct Signed {
    list: Content,
    algorithm: AlgorithmIdentifier<Any>,
    signature: BitString,
}

#[derive(Debug, Sequence)]
struct Content {
    version: Option<u8>,
    algorithm: AlgorithmIdentifier<Any>,
    issuer: x509_cert::name::Name,
    this_update: Time,
    next_update: Option<Time>,
    revoked: Option<Vec<Revoked>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Debug, Sequence)]
struct Revoked {
    serial: Int,
    date: Time,
    extensions: Option<Extensions>,
}

/// A revocation list.
#[derive(Debug)]
pub(super) struct List {
    pub der: Vec<u8>,
    pub issuer: Name,
    /// The time of this list in seconds since the Unix epoch; `next_update` likewise.
    pub this_update: u64,
    pub next_update: Option<u64>,
    /// The CRL number, big endian; `None` in lists of version 1.
    pub number: Option<Vec<u8>>,
    pub entries: Vec<Entry>,
    /// Whether the list has a critical extension: it is a delta list, or covers only some kinds of certificates.
    pub is_partial: bool,
}

/// A revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The certificate's serial number, without leading zeros.
    pub serial: Vec<u8>,
    /// The time of the revocation, in seconds since the Unix epoch.
    pub since: u64,
    pub reason: Option<RevocationReason>,
    pub invalid_since: Option<u64>,
}

impl List {
    /// Parses a list in DER.
    pub(super) fn from_der(der: &[u8]) -> Option<Self> {
        let list = Signed::from_der(der).ok()?.list;
        let extensions = list.extensions.unwrap_or_default();
        let revoked = list.revoked.unwrap_or_default();
        let of_entries = revoked.iter().flat_map(|entry| entry.extensions.as_deref().unwrap_or_default());
        let is_partial = extensions.iter().chain(of_entries).any(|extension| extension.critical);
        let number = extensions.iter().find(|extension| extension.extn_id == CRL_NUMBER);
        let number = match number {
            Some(extension) => Some(number_of(extension.extn_value.as_bytes())?),
            None => None,
        };
        Some(Self {
            der: der.to_vec(),
            issuer: Name::from_der(&list.issuer.to_der().ok()?)?,
            this_update: seconds(list.this_update.to_unix_duration()),
            next_update: list.next_update.map(|time| seconds(time.to_unix_duration())),
            number,
            entries: revoked.iter().map(Entry::of).collect::<Option<_>>()?,
            is_partial,
        })
    }

    /// The entry of a certificate, found by serial number.
    pub(super) fn entry(&self, serial: &[u8]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.serial == serial)
    }
}

impl Entry {
    fn of(revoked: &Revoked) -> Option<Self> {
        let extensions = revoked.extensions.as_deref().unwrap_or_default();
        let value = |oid| {
            let extension = extensions.iter().find(|extension| extension.extn_id == oid)?;
            Some(extension.extn_value.as_bytes())
        };
        Some(Self {
            serial: serial(revoked.serial.as_bytes())?,
            since: seconds(revoked.date.to_unix_duration()),
            reason: value(REASON_CODE).and_then(reason),
            invalid_since: value(INVALIDITY_DATE)
                .and_then(|der| Some(seconds(GeneralizedTime::from_der(der).ok()?.to_unix_duration()))),
        })
    }
}

/// A serial number without leading zeros. `None` for a negative number, which no CA gives.
pub(super) fn serial(number: &[u8]) -> Option<Vec<u8>> {
    let is_negative = number.first().is_some_and(|byte| byte & 0x80 != 0);
    (!is_negative).then(|| significant(number).to_vec())
}

/// The bytes of a number without leading zeros.
pub(super) fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn number_of(der: &[u8]) -> Option<Vec<u8>> {
    let number = Int::from_der(der).ok()?;
    Some(significant(number.as_bytes()).to_vec())
}

/// The revocation reason in an ENUMERATED of one byte.
fn reason(der: &[u8]) -> Option<RevocationReason> {
    let &[0x0a, 1, code] = der else { return None };
    Some(match code {
        1 => RevocationReason::KeyCompromise,
        2 => RevocationReason::CaCompromise,
        3 => RevocationReason::AffiliationChanged,
        4 => RevocationReason::Superseded,
        5 => RevocationReason::CessationOfOperation,
        6 => RevocationReason::CertificateHold,
        9 => RevocationReason::PrivilegeWithdrawn,
        10 => RevocationReason::AaCompromise,
        _ => return None,
    })
}

const fn seconds(time: Duration) -> u64 {
    time.as_secs()
}
