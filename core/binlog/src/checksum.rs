//! The checksum of an event.

use crate::format::CHECKSUM;
use crate::header::{EventFlags, HEADER};

/// The checksum of an event's bytes, which end with it. FORMAT_DESCRIPTION is summed up without the flag IN_USE, because the server
/// clears the flag in the file without touching the checksum.
pub(crate) fn checksum_of(bytes: &[u8], is_format: bool) -> u32 {
    const FLAGS: usize = HEADER - 2;
    let mut hasher = crc32fast::Hasher::new();
    let covered = bytes.get(..bytes.len().saturating_sub(CHECKSUM)).unwrap_or_default();
    match covered.split_at_checked(FLAGS) {
        Some((head, [flags, rest @ ..])) if is_format => {
            hasher.update(head);
            hasher.update(&[flags & !(EventFlags::IN_USE.0 as u8)]);
            hasher.update(rest);
        }
        _ => hasher.update(covered),
    }
    hasher.finalize()
}

/// Whether the last bytes of an event are the checksum of those before.
pub(crate) fn ends_with_checksum(bytes: &[u8]) -> bool {
    bytes.last_chunk::<CHECKSUM>().is_some_and(|stored| u32::from_le_bytes(*stored) == checksum_of(bytes, false))
}
