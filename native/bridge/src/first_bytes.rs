//! A client's first bytes. They must not be a header of the PROXY protocol, because a target that trusts the bridge's address would take the
//! client's word for the bridge's.

use sealwire_core::proxy_protocol::{DECIDING, begins};

/// The first bytes of a client, as many as decide.
#[derive(Debug, Default)]
pub(super) struct FirstBytes {
    bytes: [u8; DECIDING],
    length: usize,
}

impl FirstBytes {
    /// Takes the next bytes of the client. Returns whether they make its first ones the begin of a header.
    pub(super) fn begin_header(&mut self, next: &[u8]) -> bool {
        if self.length == DECIDING {
            return false;
        }
        for (place, byte) in self.bytes.iter_mut().skip(self.length).zip(next) {
            *place = *byte;
            self.length = self.length.saturating_add(1);
        }
        self.length == DECIDING && begins(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_however_it_is_cut() {
        let (text, binary): (&[u8], &[u8]) = (b"PROXY TCP4 10.0.0.1", b"\r\n\r\n\0\r\nQUIT\n!");
        for header in [text, binary] {
            for size in 1..=header.len() {
                let mut first = FirstBytes::default();
                assert!(header.chunks(size).any(|chunk| first.begin_header(chunk)), "{size}");
            }
        }
        let mut first = FirstBytes::default();
        assert!(!first.begin_header(b"\x20\0\0\x01") && !first.begin_header(text), "later bytes are the client's own");
        assert!(!FirstBytes::default().begin_header(b"PRO"));
    }
}
