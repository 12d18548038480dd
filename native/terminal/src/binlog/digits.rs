//! Numbers as text, without the machinery of `fmt`, because that takes longer than all else that is done for a row.

/// Appends a number.
pub(super) fn number(mut value: u64, out: &mut Vec<u8>) {
    if value < 10 {
        out.push(b'0' + value as u8);
        return;
    }
    // The largest number has 20 digits.
    let mut digits = [0; 20];
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        start -= 1;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Appends a number that may be below zero.
pub(super) fn signed(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    number(value.unsigned_abs(), out);
}

/// The last two digits of a number.
pub(super) const fn two(value: u8) -> [u8; 2] {
    [b'0' + value / 10 % 10, b'0' + value % 10]
}

/// The eight hexadecimal digits of a number.
pub(super) fn hex(value: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (place, digit) in digits.iter_mut().rev().enumerate() {
        let value = (value >> (4 * place) & 15) as u8;
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_fmt_prints_them() {
        let numbers = (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1, 10_u64.pow(bit % 20)]).chain([0, u64::MAX]);
        for value in numbers {
            let mut text = Vec::new();
            number(value, &mut text);
            text.push(b' ');
            signed(value.cast_signed(), &mut text);
            text.push(b' ');
            text.extend(two(value as u8 % 100));
            text.extend(hex(value as u32));
            let expected = format!("{value} {} {:02}{:08x}", value.cast_signed(), value as u8 % 100, value as u32);
            assert_eq!(String::from_utf8(text).unwrap(), expected);
        }
    }
}
