//! Walking over DER, field by field.

use der::Decode as _;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};

/// The bytes are not the DER that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// The tags that X.509 uses, as they stand in the bytes.
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
    /// A constructed field with the context's own number.
    pub(in super::super) const fn context(number: u8) -> u8 {
        0xa0 | number
    }
}

/// One field: its tag, its content, and both with the length in between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) tag: u8,
    pub(super) value: &'a [u8],
    pub(super) whole: &'a [u8],
}

impl<'a> Field<'a> {
    /// The one field that the bytes consist of.
    pub(super) fn only(bytes: &'a [u8], tag: u8) -> Result<Self, Malformed> {
        let mut fields = Fields::of(bytes);
        let field = fields.next(tag)?;
        fields.end()?;
        Ok(field)
    }

    /// The fields inside.
    pub(super) const fn fields(&self) -> Fields<'a> {
        Fields::of(self.value)
    }

    /// The content as object identifier.
    pub(super) fn oid(&self) -> Result<ObjectIdentifier, Malformed> {
        ObjectIdentifier::from_bytes(self.value).map_err(|_| Malformed)
    }

    /// The content as whole bytes of a bit string.
    pub(super) fn bits(&self) -> Result<&'a [u8], Malformed> {
        match self.value.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(Malformed),
        }
    }

    /// The content as a small non-negative number.
    pub(super) fn small_number(&self) -> Result<u32, Malformed> {
        u32::from_der(self.whole).map_err(Malformed::from)
    }
}

/// The fields that stand one after another in some bytes.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The fields of these bytes.
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next field, whatever it is. Numbers of tags above 30 stand in no certificate.
    pub(super) fn any(&mut self) -> Result<Field<'a>, Malformed> {
        let (&[tag, first], rest) = self.0.split_first_chunk::<2>().ok_or(Malformed)?;
        let (length, rest) = match first {
            ..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(Malformed)?;
                let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                // No shorter form would do.
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

    /// The next field, which must have that tag.
    pub(super) fn next(&mut self, tag: u8) -> Result<Field<'a>, Malformed> {
        self.optional(tag)?.ok_or(Malformed)
    }

    /// The next field if it has that tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<Field<'a>>, Malformed> {
        if self.0.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// The next field, a date of either kind, in seconds since the Unix epoch; one before it is 0.
    pub(super) fn time(&mut self) -> Result<u64, Malformed> {
        self.optional_time()?.ok_or(Malformed)
    }

    /// The next field if it is a date.
    pub(super) fn optional_time(&mut self) -> Result<Option<u64>, Malformed> {
        if let Some(field) = self.optional(tag::UTC_TIME)? {
            // Source: RFC 5280, section 4.1.2.5.1: from 50 on, the year is one of the last century.
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

    /// Whether nothing is left.
    pub(super) const fn is_finished(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.is_finished() { Ok(()) } else { Err(Malformed) }
    }
}

/// A date before 1970, which the library does not read: 0, if it is one. The calendar is the same again after 400 years.
fn before_1970(century: &[u8], rest: &[u8]) -> Result<u64, Malformed> {
    let text = [century, rest].concat();
    let (year, rest) = text.split_at_checked(4).ok_or(Malformed)?;
    let year = core::str::from_utf8(year).ok().and_then(|year| year.parse::<u16>().ok()).ok_or(Malformed)?;
    let later = alloc::format!("{:04}", year % 400 + 2000);
    let date = [&[tag::GENERALIZED_TIME, 15][..], later.as_bytes(), rest].concat();
    GeneralizedTime::from_der(&date)?;
    Ok(0)
}

/// A thing with a signature over it: `SEQUENCE { message, algorithm, signature }`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed<'a> {
    /// What is signed, tag and length included.
    pub(super) message: Field<'a>,
    /// The content of the AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Splits a certificate or CRL.
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

/// The extensions in a `SEQUENCE OF Extension`, handed one by one to `each`.
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
