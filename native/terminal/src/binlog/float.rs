//! Floating-point numbers as C's `%g` prints them, because `mariadb-binlog` prints them so.

use super::digits::number;

/// Appends a number with at most `digits` significant digits, without zeros at its end: `%.<digits>g`.
pub(super) fn general(value: f64, digits: usize, out: &mut Vec<u8>) {
    if !usual(value, digits, out) {
        out.extend_from_slice(any(value, digits).as_bytes());
    }
}

/// Appends a number that is neither large nor small, and returns whether it is such a number. It is printed digit by digit, because `fmt`
/// takes a multiple of the time: it prints all digits, and twice, because the first time shows the exponent.
fn usual(value: f64, digits: usize, out: &mut Vec<u8>) -> bool {
    if value == 0.0 {
        out.extend_from_slice(if value.is_sign_negative() { b"-0" } else { b"0" });
        return true;
    }
    // The number is this integer, divided by 2 as often as `places` says.
    let integer = value.to_bits() & ((1 << 52) - 1) | 1 << 52;
    let exponent = value.to_bits() >> 52 & 0x7ff;
    let Some(places @ 0..=60) = 1075_u64.checked_sub(exponent) else { return false };
    let (whole, mut fraction, half) = (integer >> places, integer & ((1 << places) - 1), (1 << places) >> 1);
    let mut left = digits.saturating_sub(whole.checked_ilog10().map_or(0, |log| log as usize + 1));
    if left == 0 {
        return false;
    }
    // A number from 1/256 on has two zeros behind its point at most.
    let mut decimals = [b'0'; 24];
    let (mut count, mut is_significant) = (0, whole > 0);
    for decimal in &mut decimals {
        if fraction == 0 || left == 0 {
            break;
        }
        fraction *= 10;
        let digit = fraction >> places;
        fraction &= (1 << places) - 1;
        *decimal += digit as u8;
        count += 1;
        is_significant |= digit > 0;
        left -= usize::from(is_significant);
    }
    let decimals = decimals.get_mut(..count).unwrap_or_default();
    if fraction > 0 && left > 0 {
        return false;
    }
    let is_odd = decimals.last().is_some_and(|decimal| decimal % 2 == 1);
    if fraction > half || fraction == half && is_odd && half > 0 {
        let Some(last) = decimals.iter().rposition(|decimal| *decimal != b'9') else { return false };
        for (place, decimal) in decimals.iter_mut().enumerate().skip(last) {
            *decimal = if place == last { *decimal + 1 } else { b'0' };
        }
    }
    let length = decimals.iter().rposition(|decimal| *decimal != b'0').map_or(0, |last| last + 1);
    if value.is_sign_negative() {
        out.push(b'-');
    }
    number(whole, out);
    if length > 0 {
        out.push(b'.');
        out.extend_from_slice(decimals.get(..length).unwrap_or_default());
    }
    true
}

/// Any number.
fn any(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let most = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= most {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(most - 1 - exponent).unwrap_or(0);
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// The number without zeros behind the point, and without a point that is the last.
fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::{any, general, usual};

    #[test]
    fn numbers_are_printed_as_c_prints_them() {
        for (value, digits, text) in [
            (0.0, 6, "0"),
            (-0.0, 6, "-0"),
            (1.5, 6, "1.5"),
            (100_000.0, 6, "100000"),
            (1_000_000.0, 6, "1e+06"),
            (1_234_567.0, 6, "1.23457e+06"),
            (0.0001, 6, "0.0001"),
            (0.000_012_345_678, 6, "1.23457e-05"),
            (-1.25, 20, "-1.25"),
            (0.1, 20, "0.10000000000000000555"),
            (1e300, 20, "1.0000000000000000525e+300"),
            (999_999.5, 6, "1e+06"),
            (3.0, 14, "3"),
            (f64::INFINITY, 6, "inf"),
            (f64::NAN, 6, "nan"),
        ] {
            let mut printed = Vec::new();
            general(value, digits, &mut printed);
            assert_eq!(String::from_utf8(printed).unwrap(), text);
            assert_eq!(any(value, digits), text);
        }
    }

    #[test]
    fn the_digits_of_usual_numbers_are_those_that_fmt_finds() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut count = 0;
        for round in 0..20_000_u32 {
            let bits = random();
            // Numbers from 2⁻¹⁰ to 2⁶⁶ with all digits, and with few, of which some lie in the middle between two texts.
            let exponent = 1013 + u64::from(round % 76);
            let kept = if round % 2 == 0 { u64::MAX } else { u64::MAX << (52 - round / 76 % 53) };
            let value = f64::from_bits(bits & 1 << 63 | exponent << 52 | bits & kept & ((1 << 52) - 1));
            let decimal = (bits >> 20) as f64 / 10_f64.powi((round % 17) as i32);
            for value in [value, f64::from(value as f32), decimal, decimal.trunc(), decimal.trunc() - 0.5] {
                for digits in [6, 14, 20] {
                    let mut printed = Vec::new();
                    if usual(value, digits, &mut printed) {
                        count += 1;
                        assert_eq!(String::from_utf8(printed).unwrap(), any(value, digits), "{value:?} {digits}");
                    }
                }
            }
        }
        assert!(count > 100_000, "{count} numbers are usual");
    }
}
