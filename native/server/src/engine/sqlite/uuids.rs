//! UUIDs as MariaDB's rows have them.

/// The bytes of a UUID.
pub(super) const LENGTH: usize = 16;

/// The bytes of a UUID in the order of its text, or rearranged where MariaDB would rearrange them; `None` for the few that it refuses.
pub(super) fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.iter().copied().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let pairs = digits.chunks(2);
    let bytes: Vec<u8> = pairs
        .map(|pair| Some((nibble(*pair.first()?)? << 4 | nibble(*pair.get(1)?)?) as u8))
        .collect::<Option<Vec<u8>>>()?;
    if !is_rearranged(&bytes) {
        return Some(bytes);
    }
    let part = |range: std::ops::Range<usize>| bytes.get(range).unwrap_or_default();
    let rearranged = [part(10..16), part(8..10), part(6..8), part(4..6), part(0..4)].concat();
    is_rearranged(&rearranged).then_some(rearranged)
}

/// Whether MariaDB takes the bytes of a UUID for those of earlier versions, which have its last part first. They are told by the version,
/// which is then in the ninth byte, and by the variant in the seventh.
fn is_rearranged(bytes: &[u8]) -> bool {
    bytes.get(6).is_some_and(|byte| *byte >= 0x80) && bytes.get(8).is_some_and(|byte| *byte <= 0x80)
}

/// The text of a UUID in a log, where its bytes are without the zeros at their end; `None` for more bytes than it has.
pub(super) fn text(stored: &[u8]) -> Option<String> {
    let mut bytes = [0; LENGTH];
    bytes.get_mut(..stored.len())?.copy_from_slice(stored);
    let part = |range: std::ops::Range<usize>| {
        let bytes = bytes.get(range).unwrap_or_default();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let parts = if is_rearranged(&bytes) {
        [part(12..16), part(10..12), part(8..10), part(6..8), part(0..6)]
    } else {
        [part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)]
    };
    Some(parts.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes are those of MariaDB 10.11.19.
    #[test]
    fn a_uuid_is_logged_in_the_order_of_its_text() {
        for written in [
            "123e4567-e89b-12d3-a456-426614174000",
            "00000000-0000-0000-0000-000000000001",
            "01020304-0506-4708-090a-0b0c0d0e0f10",
            "01020304-0506-8708-890a-0b0c0d0e0f10",
            "01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            let stored = bytes(written.as_bytes()).unwrap();
            assert_eq!(stored.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), written.replace('-', ""));
            assert_eq!(text(&stored).as_deref(), Some(written));
        }
        assert_eq!(bytes(b"01020304-0506-8708-090a-0b0c0d0e0f10"), None);
        assert_eq!(text(&[0; 17]), None);
        let stored = bytes(b"f5244457-0000-8000-8000-ab31da46892d").unwrap();
        assert_eq!(stored[..6], [0xab, 0x31, 0xda, 0x46, 0x89, 0x2d]);
        assert_eq!(text(&stored).as_deref(), Some("f5244457-0000-8000-8000-ab31da46892d"));
        let rearranged = *b"\x42\x66\x14\x17\x40\x00\xa4\x56\x12\xd3\xe8\x9b\x12\x3e\x45\x67";
        assert_eq!(text(&rearranged).as_deref(), Some("123e4567-e89b-12d3-a456-426614174000"));
    }
}
