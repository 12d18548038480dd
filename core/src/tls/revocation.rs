//! Certificate revocation lists, version 1 or 2.

use alloc::vec::Vec;

use super::asn1::{Extension, Field, Malformed, Signed, for_each_extension, tag};
use super::date::date_text;
use super::error::ListPeriod;

/// A parsed revocation list.
#[derive(Debug)]
pub(super) struct RevocationList {
    pub(super) der: Vec<u8>,
    /// The issuer's name in DER.
    pub(super) issuer: Vec<u8>,
    /// The list counts from this time on, in seconds since the Unix epoch.
    this_update: u64,
    /// The list is out of date after this time, in seconds since the Unix epoch.
    pub(super) next_update: Option<u64>,
    serials: Vec<Vec<u8>>,
}

impl RevocationList {
    /// Parses a list in DER. `Ok(None)` means that the list has a critical extension, which may restrict the certificates that it covers.
    pub(super) fn parse(der: Vec<u8>) -> Result<Option<Self>, Malformed> {
        let signed = Signed::parse(&der)?;
        let mut fields = signed.message.fields();
        fields.optional(tag::INTEGER)?;
        fields.next(tag::SEQUENCE)?;
        let issuer = fields.next(tag::SEQUENCE)?.whole.to_vec();
        let this_update = fields.time()?;
        let next_update = fields.optional_time()?;
        let mut critical = false;
        let mut note = |extension: Extension<'_>| {
            critical |= extension.critical;
            Ok(())
        };
        let mut serials = Vec::new();
        if let Some(revoked) = fields.optional(tag::SEQUENCE)? {
            let mut revoked = revoked.fields();
            while !revoked.is_finished() {
                let mut entry = revoked.next(tag::SEQUENCE)?.fields();
                serials.push(entry.next(tag::INTEGER)?.value.to_vec());
                entry.time()?;
                if let Some(extensions) = entry.optional(tag::SEQUENCE)? {
                    for_each_extension(extensions, &mut note)?;
                }
            }
        }
        if let Some(extensions) = fields.optional(tag::context(0))? {
            for_each_extension(Field::only(extensions.value, tag::SEQUENCE)?, &mut note)?;
        }
        fields.end()?;
        serials.sort_unstable();
        let list = Self { issuer, this_update, next_update, serials, der: Vec::new() };
        Ok(if critical { None } else { Some(Self { der, ..list }) })
    }

    /// The list as a signed structure, for checking its signature.
    pub(super) fn signed(&self) -> Result<Signed<'_>, Malformed> {
        Signed::parse(&self.der)
    }

    /// The list's period, if `now` is outside of it.
    pub(super) fn missed_period(&self, now: u64) -> Option<ListPeriod> {
        if now < self.this_update {
            return Some(ListPeriod::Begins(date_text(self.this_update)));
        }
        self.next_update.filter(|next| *next < now).map(|next| ListPeriod::Ended(date_text(next)))
    }

    /// The number of revoked certificates.
    pub(super) const fn len(&self) -> usize {
        self.serials.len()
    }

    /// Whether the list contains this serial number.
    pub(super) fn lists(&self, serial: &[u8]) -> bool {
        self.serials.binary_search_by(|listed| listed.as_slice().cmp(serial)).is_ok()
    }
}
