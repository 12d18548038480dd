//! The bytes of an event as `mariadb-binlog --hexdump` prints them.

use std::fmt::Write as _;

use sealwire_binlog::HEADER;

/// The bytes in a line.
const LINE: usize = 16;

/// Appends the event at this position, as comments: its header by fields, then the rest.
pub(super) fn print(position: u64, event: &[u8], out: &mut Vec<u8>) {
    let (header, body) = event.split_at_checked(HEADER).unwrap_or((event, &[]));
    let mut text =
        String::from("\n# Position\n#           |Timestamp   |Type |Master ID   |Size        |Master Pos  |Flags\n");
    let _ = write!(text, "# {position:8x}  ");
    let mut rest = header;
    for width in [4, 1, 4, 4, 4, 2] {
        let (field, behind) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        rest = behind;
        text.push('|');
        for byte in field {
            let _ = write!(text, "{byte:02x} ");
        }
        if width == 1 {
            text.push_str("  ");
        }
    }
    // No space ends the line.
    text.truncate(text.trim_end().len());
    text.push_str("\n#\n");
    let mut at = position.saturating_add(HEADER as u64);
    for line in body.chunks(LINE) {
        let _ = write!(text, "# {at:8x}  ");
        let start = text.len();
        for (index, byte) in line.iter().enumerate() {
            if index == LINE / 2 {
                text.push(' ');
            }
            let _ = write!(text, "{byte:02x} ");
        }
        let written = text.len() - start;
        text.extend(std::iter::repeat_n(' ', (3 * LINE + 2).saturating_sub(written)));
        text.push('|');
        text.extend(line.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' }));
        text.push_str("|\n");
        at = at.saturating_add(LINE as u64);
    }
    if !body.is_empty() {
        text.push_str("#\n");
    }
    text.push_str("# Event: ");
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::print;

    #[test]
    fn an_event_is_printed_as_mariadb_binlog_prints_it() {
        let event = b"\x17\x3f\x0c\x6b\x10\x0b\0\0\0\x1f\0\0\0\xc1\x07\0\0\0\0\x0e\0\0\0\0\0\0\0UR\xb0\xd5";
        let mut out = Vec::new();
        print(0x7a2, event, &mut out);
        let expected = "
# Position
#           |Timestamp   |Type |Master ID   |Size        |Master Pos  |Flags
#      7a2  |17 3f 0c 6b |10   |0b 00 00 00 |1f 00 00 00 |c1 07 00 00 |00 00
#
#      7b5  0e 00 00 00 00 00 00 00  55 52 b0 d5              |........UR..|
#
# Event: ";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
