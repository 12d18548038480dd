//! Reads DER (X.690), field by field.

use der::Decode as _;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};

/// Error: the bytes are not valid DER, or not the structure that the caller expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// The DER tags that X.509 uses, as tag bytes.
pub(super) mod tag {
    pub(in super::super) const BOOLEAN: u8 = 0x01;
    pub(in super::super) const INTEGER: u8 = 0x02;
    pub(in super::super) const BIT_STRING: u8 = 0x03;
    pub(in super::super) const OCTET_STRING: u8 = 0x04;
    pub(in super::super) const OID: u8 = 0x06;
    pub(in super::super) const GENERAL_STRING: u8 = 0x1b;
    pub(in super::super) const UNIVERSAL_STRING: u8 = 0x1c;
    pub(in super::super) const BMP_STRING: u8 = 0x1e;
    pub(in super::super) const UTC_TIME: u8 = 0x17;
    pub(in super::super) const GENERALIZED_TIME: u8 = 0x18;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
    pub(in super::super) const SET: u8 = 0x31;
    /// The tag of a constructed, context-specific field with this number.
    pub(in super::super) const fn context(number: u8) -> u8 {
        0xa0 | number
    }
}

/// One DER field. `value` is its content; `whole` also includes tag and length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) tag: u8,
    pub(super) value: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Field<'a> {
    /// Reads `bytes` as exactly one field with this tag.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Result<Self, Malformed> {
        let mut fields = Fields::of(bytes);
        let field = fields.next(tag)?;
        fields.end()?;
        Ok(field)
    }

    /// An iterator over the fields inside this constructed field.
    pub(super) const fn fields(&self) -> Fields<'a> {
        Fields::of(self.value)
    }

    /// Reads the content as an object identifier.
    pub(super) fn oid(&self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.value).map_err(|_| Malformed)
    }

    /// The content of a BIT STRING whose number of bits is a multiple of 8.
    pub(super) fn bits(&self) -> Result<&'a [u8], Malformed> {
        match self.value.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    /// Reads the content as a small non-negative INTEGER.
    pub(super) fn small_number(&self) -> Result<u32, Malformed> {
        u32::from_der(self.whole).map_err(Malformed::from)
    }
}

/// Reads consecutive DER fields from a slice.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Starts reading at the first field of `bytes`.
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads the next field, whatever its tag. Tag numbers above 30 are refused, because no certificate uses them.
    pub(super) fn any(&mut self) -> Result<Field<'a>, Malformed> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>().ok_or(Malformed)?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(Malformed)?;
                let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                // DER requires the shortest form of the length.
                let is_short = bytes.first() == Some(&0) || length < 0x80;
                (Some(length).filter(|_| !is_short).ok_or(Malformed)?, rest)
            }
            _ => return Err(Malformed),
        };
        let (value, rest) = rest.split_at_checked(length).filter(|_| tag & 0x1f != 0x1f).ok_or(Malformed)?;
        let whole = self.0.get(..self.0.len() - rest.len()).ok_or(Malformed)?;
        self.0 = rest;
        Ok(Field { tag, value, whole })
    }

    /// Reads the next field, which must have this tag.
    pub(super) fn next(&mut self, tag: u8) -> Result<Field<'a>, Malformed> {
        self.optional(tag)?.ok_or(Malformed)
    }

    /// Reads the next field if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Field<'a>>, Malformed> {
        if self.0.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Reads the next field as UTCTime or GeneralizedTime, in seconds since the Unix epoch. A date before the epoch becomes 0.
    pub(super) fn time(&mut self) -> Result<u64, Malformed> {
        self.optional_time()?.ok_or(Malformed)
    }

    /// Reads the next field as [`time`](Self::time) does if it is a date.
    pub(super) fn optional_time(&mut self) -> Result<Option<u64>, Malformed> {
        if let Some(field) = self.optional(tag::UTC_TIME)? {
            // RFC 5280, section 4.1.2.5.1: two-digit years from 50 on belong to the 1900s.
            if field.value.first_chunk().is_some_and(|year| (b"50"..b"70").contains(&year)) {
                return before_1970(b"19", field.value).map(Some);
            }
            return Ok(Some(UtcTime::from_der(field.whole)?.to_unix_duration().as_secs()));
        }
        let Some(field) = self.optional(tag::GENERALIZED_TIME)? else { return Ok(None) };
        if field.value.first_chunk().is_some_and(|year| year < b"1970") {
            return before_1970(b"", field.value).map(Some);
        }
        Ok(Some(GeneralizedTime::from_der(field.whole)?.to_unix_duration().as_secs()))
    }

    /// Whether all fields have been read.
    pub(super) const fn is_finished(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails if fields are left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.is_finished() { Ok(()) } else { Err(Malformed) }
    }
}

/// Checks a date before 1970, which the `der` crate does not read, and returns 0. The check uses a later year, because the calendar repeats
/// after 400 years.
fn before_1970(century: &[u8], rest: &[u8]) -> Result<u64, Malformed> {
    let text = [century, rest].concat();
    let (year, rest) = text.split_at_checked(4).ok_or(Malformed)?;
    let year = core::str::from_utf8(year).ok().and_then(|year| year.parse::<u16>().ok()).ok_or(Malformed)?;
    let later = alloc::format!("{:04}", year % 400 + 2000);
    let date = [&[tag::GENERALIZED_TIME, 15][..], later.as_bytes(), rest].concat();
    GeneralizedTime::from_der(&date)?;
    Ok(0)
}

/// A signed structure, `SEQUENCE { message, algorithm, signature }`: a certificate or a revocation list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// The signed bytes: the field with its tag and length.
    pub(super) message: Field<'a>,
    /// The content of the AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Splits a certificate or CRL into its three parts.
    pub(super) fn parse(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut fields = Field::only(der, tag::SEQUENCE)?.fields();
        let message = fields.next(tag::SEQUENCE)?;
        let algorithm = fields.next(tag::SEQUENCE)?.value;
        let signature = fields.next(tag::BIT_STRING)?.bits()?;
        fields.end()?;
        Ok(Self { message, algorithm, signature })
    }
}

/// One X.509 extension.
pub(super) struct Extension<'a> {
    pub(super) oid: ObjectIdentifier,
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// Calls `each` for every extension in a `SEQUENCE OF Extension`.
pub(super) fn for_each_extension<'a>(
    list: Field<'a>,
    mut each: impl FnMut(Extension<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut list = list.fields();
    while !list.is_finished() {
        let mut fields = list.next(tag::SEQUENCE)?.fields();
        let oid = fields.next(tag::OID)?.oid()?;
        let critical = fields.optional(tag::BOOLEAN)?.is_some_and(|field| field.value != [0]);
        let value = fields.next(tag::OCTET_STRING)?.value;
        fields.end()?;
        each(Extension { oid, critical, value })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_kinds_are_read() {
        let of = |tag: u8, text: &[u8]| {
            let mut field = alloc::vec![tag, u8::try_from(text.len()).unwrap()];
            field.extend_from_slice(text);
            Fields::of(&field).time()
        };
        let (utc, generalized) = (tag::UTC_TIME, tag::GENERALIZED_TIME);
        assert_eq!(of(utc, b"700101000001Z"), Ok(1));
        assert_eq!(of(utc, b"491231235959Z"), Ok(2_524_607_999));
        assert_eq!(of(generalized, b"20500101000000Z"), Ok(2_524_608_000));
        for (tag, text) in [
            (utc, &b"500101000000Z"[..]),
            (utc, b"691231235959Z"),
            (utc, b"600229000000Z"),
            (generalized, b"19691231235959Z"),
            (generalized, b"00000229000000Z"),
        ] {
            assert_eq!(of(tag, text), Ok(0), "{}", text.escape_ascii());
        }
        for (tag, text) in [
            (utc, &b"610229000000Z"[..]),
            (utc, b"6013010000Z"),
            (utc, b"600101000000"),
            (utc, b"5x0101000000Z"),
            (generalized, b"19000229000000Z"),
            (generalized, b"1900022800000Z"),
            (generalized, b"1969"),
            (generalized, b""),
        ] {
            assert_eq!(of(tag, text), Err(Malformed), "{}", text.escape_ascii());
        }
    }
}
