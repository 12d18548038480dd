//! Dates and times as rows hold them.
//!
//! Source: `my_time_packed_to_binary`, `my_datetime_packed_to_binary` in MySQL's mysys_time/my_time.cc.

use alloc::vec::Vec;
use core::fmt;

use sealwire_core::wire::{Put as _, Reader};

use crate::error::{Problem, Result};

const TIME_ZERO: u64 = 0x80_0000;
const DATETIME_ZERO: u64 = 0x80_0000_0000;

/// DATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
}

/// TIME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Whether the time is below zero.
    pub negative: bool,
    /// 0 to 838.
    pub hours: u16,
    /// 0 to 59.
    pub minutes: u8,
    /// 0 to 59.
    pub seconds: u8,
    /// 0 to 999,999.
    pub micros: u32,
    /// The digits behind the second that the column has.
    pub digits: u8,
}

/// DATETIME.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime {
    /// 0 to 9999.
    pub year: u16,
    /// 0 to 12.
    pub month: u8,
    /// 0 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub micros: u32,
    /// The digits behind the second that the column has.
    pub digits: u8,
}

/// TIMESTAMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since 1970 in UTC; 0 is MySQL's zero date.
    pub seconds: u32,
    /// 0 to 999,999.
    pub micros: u32,
    /// The digits behind the second that the column has.
    pub digits: u8,
}

impl Date {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let packed = reader.u24("a DATE")?;
        Ok(Self { year: (packed >> 9) as u16, month: (packed >> 5 & 15) as u8, day: (packed & 31) as u8 })
    }

    /// Appends the value and returns whether it fits.
    pub(crate) fn encode(self, out: &mut Vec<u8>) -> bool {
        out.put_u24(u32::from(self.year) << 9 | u32::from(self.month) << 5 | u32::from(self.day));
        self.year < 1 << 15 && self.month < 16 && self.day < 32
    }
}

/// The microseconds that one unit of the stored fraction stands for, by its bytes.
const fn unit(bytes: u8) -> u32 {
    match bytes {
        1 => 10_000,
        2 => 100,
        _ => 1,
    }
}

const fn fraction_bytes(digits: u8) -> u8 {
    digits.div_ceil(2)
}

/// Reads an integer of some bytes, big-endian.
fn big_endian(reader: &mut Reader<'_>, bytes: u8, what: &'static str) -> Result<u64> {
    let bytes = reader.bytes(usize::from(bytes), what)?;
    Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn put_big_endian(value: u64, bytes: u8, out: &mut Vec<u8>) {
    let all = value.to_be_bytes();
    out.put(all.get(8 - usize::from(bytes)..).unwrap_or_default());
}

/// The microseconds of a stored fraction.
fn micros(fraction: u64, digits: u8) -> Result<u32> {
    let unit = unit(fraction_bytes(digits));
    match u32::try_from(fraction) {
        _ if digits == 0 => Ok(0),
        Ok(fraction) if fraction < 1_000_000 / unit => Ok(fraction * unit),
        _ => Err(Problem::Malformed("a second's fraction")),
    }
}

/// The stored fraction of microseconds, and whether it has no digits that the column lacks.
fn fraction(micros: u32, digits: u8) -> (u64, bool) {
    let step = 10_u32.pow(6 - u32::from(digits.min(6)));
    let stored = if digits == 0 { 0 } else { micros / unit(fraction_bytes(digits)) };
    (u64::from(stored), micros < 1_000_000 && micros.is_multiple_of(step))
}

impl Time {
    pub(crate) fn read(reader: &mut Reader<'_>, digits: u8) -> Result<Self> {
        let shift = 8 * fraction_bytes(digits);
        let stored = big_endian(reader, 3 + fraction_bytes(digits), "a TIME")?;
        let zero = TIME_ZERO << shift;
        let packed = stored.abs_diff(zero);
        let whole = packed >> shift;
        Ok(Self {
            negative: stored < zero,
            hours: (whole >> 12) as u16,
            minutes: (whole >> 6 & 63) as u8,
            seconds: (whole & 63) as u8,
            micros: micros(packed & ((1 << shift) - 1), digits)?,
            digits,
        })
    }

    /// Appends the value for a column of so many digits and returns whether it fits.
    pub(crate) fn encode(self, digits: u8, out: &mut Vec<u8>) -> bool {
        let shift = 8 * fraction_bytes(digits);
        let (fraction, fits) = fraction(self.micros, digits);
        let whole = u64::from(self.hours) << 12 | u64::from(self.minutes) << 6 | u64::from(self.seconds);
        let packed = whole << shift | fraction;
        let zero = TIME_ZERO << shift;
        let stored = if self.negative { zero.wrapping_sub(packed) } else { zero.wrapping_add(packed) };
        put_big_endian(stored, 3 + fraction_bytes(digits), out);
        fits && self.hours < 1 << 11 && self.minutes < 64 && self.seconds < 64
    }

    pub(crate) fn read_old(reader: &mut Reader<'_>) -> Result<Self> {
        let stored = (reader.u24("a TIME")? << 8) as i32 >> 8;
        let packed = stored.unsigned_abs();
        Ok(Self {
            negative: stored < 0,
            hours: (packed / 10_000) as u16,
            minutes: (packed / 100 % 100) as u8,
            seconds: (packed % 100) as u8,
            micros: 0,
            digits: 0,
        })
    }

    pub(crate) fn encode_old(self, out: &mut Vec<u8>) -> bool {
        let packed = u32::from(self.hours) * 10_000 + u32::from(self.minutes) * 100 + u32::from(self.seconds);
        out.put_u24(if self.negative { packed.wrapping_neg() } else { packed });
        self.micros == 0 && self.hours < 839 && self.minutes < 100 && self.seconds < 100
    }
}

impl DateTime {
    pub(crate) fn read(reader: &mut Reader<'_>, digits: u8) -> Result<Self> {
        let packed = big_endian(reader, 5, "a DATETIME")?;
        let packed = packed.checked_sub(DATETIME_ZERO).ok_or(Problem::Malformed("a DATETIME"))?;
        let micros = micros(big_endian(reader, fraction_bytes(digits), "a DATETIME")?, digits)?;
        let months = packed >> 22;
        Ok(Self {
            year: (months / 13) as u16,
            month: (months % 13) as u8,
            day: (packed >> 17 & 31) as u8,
            hour: (packed >> 12 & 31) as u8,
            minute: (packed >> 6 & 63) as u8,
            second: (packed & 63) as u8,
            micros,
            digits,
        })
    }

    /// Appends the value for a column of so many digits and returns whether it fits.
    pub(crate) fn encode(self, digits: u8, out: &mut Vec<u8>) -> bool {
        let (fraction, fits) = fraction(self.micros, digits);
        let months = u64::from(self.year) * 13 + u64::from(self.month);
        let time = u64::from(self.hour) << 12 | u64::from(self.minute) << 6 | u64::from(self.second);
        put_big_endian(DATETIME_ZERO | months << 22 | u64::from(self.day) << 17 | time, 5, out);
        put_big_endian(fraction, fraction_bytes(digits), out);
        let is_date = months < 1 << 17 && self.month < 13 && self.day < 32;
        fits && is_date && self.hour < 32 && self.minute < 64 && self.second < 64
    }

    pub(crate) fn read_old(reader: &mut Reader<'_>) -> Result<Self> {
        let packed = reader.u64("a DATETIME")?;
        let two = |divisor: u64| (packed / divisor % 100) as u8;
        Ok(Self {
            year: u16::try_from(packed / 10_000_000_000).map_err(|_| Problem::Malformed("a DATETIME"))?,
            month: two(100_000_000),
            day: two(1_000_000),
            hour: two(10_000),
            minute: two(100),
            second: two(1),
            micros: 0,
            digits: 0,
        })
    }

    pub(crate) fn encode_old(self, out: &mut Vec<u8>) -> bool {
        let parts = [self.month, self.day, self.hour, self.minute, self.second];
        out.put_u64(parts.iter().fold(u64::from(self.year), |packed, part| packed * 100 + u64::from(*part)));
        self.micros == 0 && parts.iter().all(|part| *part < 100)
    }
}

impl Timestamp {
    pub(crate) fn read(reader: &mut Reader<'_>, digits: u8) -> Result<Self> {
        let seconds = reader.array("a TIMESTAMP").map(u32::from_be_bytes)?;
        let fraction = big_endian(reader, fraction_bytes(digits), "a TIMESTAMP")?;
        Ok(Self { seconds, micros: micros(fraction, digits)?, digits })
    }

    /// Appends the value for a column of so many digits and returns whether it fits.
    pub(crate) fn encode(self, digits: u8, out: &mut Vec<u8>) -> bool {
        let (fraction, fits) = fraction(self.micros, digits);
        out.put(&self.seconds.to_be_bytes());
        put_big_endian(fraction, fraction_bytes(digits), out);
        fits
    }

    pub(crate) fn read_old(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Self { seconds: reader.u32("a TIMESTAMP")?, micros: 0, digits: 0 })
    }

    /// The date and time in UTC. Zero is MySQL's zero date.
    pub fn to_utc(self) -> DateTime {
        if self.seconds == 0 && self.micros == 0 {
            let digits = self.digits;
            return DateTime { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0, digits };
        }
        let (days, rest) = (self.seconds / 86_400, self.seconds % 86_400);
        // Days since 1 March of the year 0, in eras of 400 years: "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        DateTime {
            year: (year_of_era + era * 400 + u32::from(month <= 2)) as u16,
            month: month as u8,
            day: (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            micros: self.micros,
            digits: self.digits,
        }
    }
}

/// A text of digits, put together before it is written, because a formatter takes longer for each part than all the digits do.
struct Text {
    /// As many as the largest values of all fields take.
    bytes: [u8; 36],
    length: usize,
}

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; 36], length: 0 }
    }

    /// Appends a character.
    fn put(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Appends a number in at least so many digits.
    fn number(&mut self, mut value: u32, width: usize) {
        let end = self.length + width.max(value.checked_ilog10().map_or(1, |log| log as usize + 1));
        let Some(places) = self.bytes.get_mut(self.length..end) else { return };
        for place in places.iter_mut().rev() {
            *place = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.length = end;
    }

    /// Appends three numbers with a character between them, the first in at least so many digits.
    fn numbers(&mut self, [first, second, third]: [u32; 3], width: usize, between: u8) {
        self.number(first, width);
        self.put(between);
        self.number(second, 2);
        self.put(between);
        self.number(third, 2);
    }

    /// Appends the digits behind the second, with their point.
    fn fraction(&mut self, micros: u32, digits: u8) {
        let digits = u32::from(digits.min(6));
        if digits > 0 {
            self.put(b'.');
            self.number(micros / 10_u32.pow(6 - digits), digits as usize);
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.bytes.get(..self.length).unwrap_or_default();
        f.write_str(core::str::from_utf8(text).unwrap_or_default())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new();
        text.numbers([self.year.into(), self.month.into(), self.day.into()], 4, b'-');
        text.write(f)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new();
        if self.negative {
            text.put(b'-');
        }
        text.numbers([self.hours.into(), self.minutes.into(), self.seconds.into()], 2, b':');
        text.fraction(self.micros, self.digits);
        text.write(f)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new();
        text.numbers([self.year.into(), self.month.into(), self.day.into()], 4, b'-');
        text.put(b' ');
        text.numbers([self.hour.into(), self.minute.into(), self.second.into()], 2, b':');
        text.fraction(self.micros, self.digits);
        text.write(f)
    }
}

/// The seconds since 1970, as mysqlbinlog prints them.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::new();
        text.number(self.seconds, 1);
        text.fraction(self.micros, self.digits);
        text.write(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_timestamp_in_utc_is_the_date_that_it_is() {
        let text = |seconds| Timestamp { seconds, micros: 0, digits: 0 }.to_utc().to_string();
        assert_eq!(text(0), "0000-00-00 00:00:00");
        assert_eq!(text(1), "1970-01-01 00:00:01");
        assert_eq!(text(1_709_210_096), "2024-02-29 12:34:56");
        assert_eq!(text(951_782_399), "2000-02-28 23:59:59");
        assert_eq!(text(u32::MAX), "2106-02-07 06:28:15");
    }

    #[test]
    fn all_digits_of_any_values_are_printed() {
        let time = Time { negative: true, hours: 12, minutes: 5, seconds: 59, micros: 70_000, digits: 2 };
        assert_eq!(time.to_string(), "-12:05:59.07");
        let most = u8::MAX;
        let date = Date { year: u16::MAX, month: most, day: most };
        assert_eq!(date.to_string(), "65535-255-255");
        let (hour, minute, second, micros) = (most, most, most, u32::MAX);
        let all = DateTime { year: u16::MAX, month: most, day: most, hour, minute, second, micros, digits: most };
        assert_eq!(all.to_string(), "65535-255-255 255:255:255.4294967295");
        let at = |micros, digits| Timestamp { seconds: 7, micros, digits }.to_string();
        assert_eq!((at(0, 0), at(1, 6), at(999_999, 1)), ("7".into(), "7.000001".into(), "7.9".into()));
    }

    #[test]
    fn midnight_has_no_sign() {
        let zero = Time::read(&mut Reader::new(&[0x80, 0, 0]), 0).unwrap();
        assert_eq!((zero.to_string(), zero.negative), ("00:00:00".into(), false));
        let most = Time::read(&mut Reader::new(&[0x4b, 0x91, 0x05]), 0).unwrap();
        assert_eq!(most.to_string(), "-838:59:59");
    }

    #[test]
    fn fractions_that_are_none_are_refused() {
        assert_eq!(Time::read(&mut Reader::new(&[0x80, 0, 0, 100]), 1), Err(Problem::Malformed("a second's fraction")));
        assert!(Timestamp::read(&mut Reader::new(&[0, 0, 0, 0, 0xff, 0xff, 0xff]), 6).is_err());
        assert!(DateTime::read(&mut Reader::new(&[0x7f, 0xff, 0xff, 0xff, 0xff]), 0).is_err());
    }
}
