//! DECIMAL as rows hold it: groups of nine digits in four bytes, big-endian, with the sign in the first bit.
//!
//! Source: `decimal2bin` in MySQL's strings/decimal.cc.

use alloc::vec::Vec;
use core::fmt;

use sealwire_core::wire::Reader;

use crate::error::Result;

/// The digits of a whole group.
const GROUP: u8 = 9;
/// The bytes of a group by its number of digits.
const GROUP_BYTES: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
/// The most bytes: of 65 digits.
const MOST: usize = 32;

/// A DECIMAL. Its `Display` is the number as MySQL prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal<'a> {
    bytes: &'a [u8],
    precision: u8,
    scale: u8,
}

/// The bytes of so many digits, of which those of the last group may be fewer.
fn bytes_of(digits: u8) -> usize {
    let rest = GROUP_BYTES.get(usize::from(digits % GROUP)).copied().unwrap_or(0);
    usize::from(digits / GROUP) * 4 + rest
}

impl<'a> Decimal<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>, precision: u8, scale: u8) -> Result<Self> {
        let length = bytes_of(precision.saturating_sub(scale)) + bytes_of(scale);
        Ok(Self { bytes: reader.bytes(length, "a DECIMAL")?, precision, scale })
    }

    /// The bytes as in the row.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All digits that the column has room for.
    pub const fn precision(&self) -> u8 {
        self.precision
    }

    /// The digits behind the point.
    pub const fn scale(&self) -> u8 {
        self.scale
    }

    /// Whether the number is below zero.
    pub fn is_negative(&self) -> bool {
        self.bytes.first().is_some_and(|byte| byte & 0x80 == 0)
    }
}

impl fmt::Display for Decimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flip: u8 = if self.is_negative() { 0xff } else { 0 };
        let mut bytes = self.bytes.iter().enumerate().map(|(index, byte)| {
            let byte = if index == 0 { byte ^ 0x80 } else { *byte };
            byte ^ flip
        });
        let mut group = |digits: u8| -> u32 {
            let length = GROUP_BYTES.get(usize::from(digits)).copied().unwrap_or(0);
            bytes.by_ref().take(length).fold(0, |value, byte| value << 8 | u32::from(byte))
        };
        if flip != 0 {
            f.write_str("-")?;
        }
        let whole = self.precision.saturating_sub(self.scale);
        let mut is_first = true;
        for digits in core::iter::once(whole % GROUP).chain((0..whole / GROUP).map(|_| GROUP)).filter(|d| *d > 0) {
            let value = group(digits);
            if !is_first {
                write!(f, "{value:09}")?;
            } else if value > 0 {
                write!(f, "{value}")?;
                is_first = false;
            }
        }
        if is_first {
            f.write_str("0")?;
        }
        if self.scale == 0 {
            return Ok(());
        }
        f.write_str(".")?;
        for digits in (0..self.scale / GROUP).map(|_| GROUP).chain([self.scale % GROUP]).filter(|d| *d > 0) {
            write!(f, "{:0width$}", group(digits), width = usize::from(digits))?;
        }
        Ok(())
    }
}

/// Appends a number, such as `-12.50`, as a column of this precision and scale holds it. Returns whether it fits; digits behind the scale
/// do not fit unless they are zeros.
pub(crate) fn encode(text: &str, precision: u8, scale: u8, out: &mut Vec<u8>) -> bool {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let room = usize::from(precision.saturating_sub(scale));
    if text.is_empty() || text == "." || !is_number(whole) || !is_number(fraction) {
        return false;
    }
    if whole.len() > room || fraction.len() > usize::from(scale) {
        return false;
    }
    let zeros = core::iter::repeat(b'0');
    let digits = zeros.clone().take(room - whole.len()).chain(whole.bytes());
    let mut digits = digits.chain(fraction.bytes()).chain(zeros);
    let mut bytes: Vec<u8> = Vec::with_capacity(MOST);
    let mut group = |count: u8, bytes: &mut Vec<u8>| {
        let value =
            digits.by_ref().take(usize::from(count)).fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
        let length = GROUP_BYTES.get(usize::from(count)).copied().unwrap_or(0);
        bytes.extend(value.to_be_bytes().into_iter().skip(4 - length));
    };
    let room = precision.saturating_sub(scale);
    for count in core::iter::once(room % GROUP).chain((0..room / GROUP).map(|_| GROUP)).filter(|count| *count > 0) {
        group(count, &mut bytes);
    }
    for count in (0..scale / GROUP).map(|_| GROUP).chain([scale % GROUP]).filter(|count| *count > 0) {
        group(count, &mut bytes);
    }
    // Zero has no sign.
    let flip = if negative && bytes.iter().any(|byte| *byte != 0) { 0xff } else { 0 };
    out.extend(bytes.iter().enumerate().map(|(index, byte)| (if index == 0 { byte ^ 0x80 } else { *byte }) ^ flip));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn numbers_come_back() {
        for (text, precision, scale) in [
            ("1234567.89", 10, 2),
            ("-1234567.89", 10, 2),
            ("1.0000000001", 20, 10),
            ("0.1234", 4, 4),
            ("-1.500000000000000000000000000000", 65, 30),
            ("0", 1, 0),
            ("-9", 1, 0),
            ("12345678901234567890123456789012345678901234567890123456789012345", 65, 0),
            ("0.00", 10, 2),
            ("1000000000", 10, 0),
        ] {
            let mut bytes = Vec::new();
            assert!(encode(text, precision, scale, &mut bytes), "{text}");
            let decimal = Decimal::read(&mut Reader::new(&bytes), precision, scale).unwrap();
            assert_eq!(decimal.to_string(), text);
            assert_eq!(decimal.bytes().len(), bytes.len());
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        for text in ["100", "1.234", "", "-", ".", "1e5", "1.x", "--1", "1 "] {
            assert!(!encode(text, 4, 2, &mut Vec::new()), "{text}");
        }
        let mut zero = Vec::new();
        assert!(encode("-0.0", 4, 2, &mut zero) && zero == [0x80, 0]);
    }
}
