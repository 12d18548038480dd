//! Finds a client's COM_CHANGE_USER in the bytes of its commands, of which only the headers are looked at.

use crate::wire::frame::{HEADER, MAX_FRAME_PAYLOAD};

/// The number of COM_CHANGE_USER.
const CHANGE_USER: u8 = 0x11;

/// The largest COM_CHANGE_USER: attributes (64 KiB) and the other fields.
const MOST: usize = 64 * 1024 + 1024;

/// The place in a client's stream of packets.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// The bytes of the current frame that have not come.
    left: usize,
    /// Whether the next frame continues the packet of the last one.
    continues: bool,
}

/// The next bytes of a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// This number of bytes may pass. The rest is the beginning of a frame, of which more must come.
    Pass(usize),
    /// A complete COM_CHANGE_USER of this number of bytes is in front.
    ChangeUser(usize),
    /// A COM_CHANGE_USER is in front that is larger than any client's.
    TooLarge,
}

impl Commands {
    /// Takes the waiting bytes of the client: those of the answer before do not come again.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Next {
        let mut at = self.left.min(bytes.len());
        self.left -= at;
        while self.left == 0 {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some((&[a, b, c, sequence], payload)) = rest.split_first_chunk::<HEADER>() else { break };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            if sequence == 0 && !self.continues && length > 0 {
                match payload.first() {
                    None => break,
                    Some(&CHANGE_USER) if at > 0 => break,
                    Some(&CHANGE_USER) if length > MOST => return Next::TooLarge,
                    Some(&CHANGE_USER) if payload.len() < length => break,
                    Some(&CHANGE_USER) => return Next::ChangeUser(HEADER + length),
                    Some(_) => {}
                }
            }
            self.continues = length == MAX_FRAME_PAYLOAD;
            let taken = (HEADER + length).min(rest.len());
            self.left = HEADER + length - taken;
            at += taken;
        }
        Next::Pass(at)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::wire::frame;

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let (mut out, mut sequence) = (Vec::new(), sequence);
        frame::encode(payload, &mut sequence, &mut out);
        out
    }

    /// The lengths that pass and, negative, those of the changes of user, where the bytes arrive in pieces of `size`.
    fn parts(stream: &[u8], size: usize) -> Vec<isize> {
        let (mut commands, mut waiting, mut parts) = (Commands::default(), Vec::new(), Vec::new());
        for piece in stream.chunks(size) {
            waiting.extend_from_slice(piece);
            loop {
                let (taken, part) = match commands.next(&waiting) {
                    Next::Pass(0) => break,
                    Next::Pass(count) => (count, count as isize),
                    Next::ChangeUser(count) => (count, -(count as isize)),
                    Next::TooLarge => panic!("too large"),
                };
                waiting.drain(..taken);
                match parts.last_mut() {
                    Some(last) if *last > 0 && part > 0 => *last += part,
                    _ => parts.push(part),
                }
            }
        }
        assert!(waiting.is_empty(), "{} bytes wait for ever", waiting.len());
        parts
    }

    #[test]
    fn a_change_of_user_is_found_between_other_commands() {
        let stream = [
            packet(0, b"\x03SELECT 1"),
            packet(0, b"\x0e"),
            packet(0, b"\x11user\0\0\0"),
            // The answer of the client to an AuthSwitchRequest, and one that is empty.
            packet(2, b"\x11\x11"),
            packet(3, b""),
            packet(0, b"\x11v\0\0\0"),
            packet(0, b"\x03\x11"),
        ]
        .concat();
        for size in [1, 2, 3, 4, 5, 7, 11, stream.len()] {
            assert_eq!(parts(&stream, size), [18, -12, 10, -9, 6], "in pieces of {size}");
        }
    }

    #[test]
    fn the_rest_of_a_large_packet_is_no_command() {
        let mut large = alloc::vec![0x03; MAX_FRAME_PAYLOAD];
        large.push(0x11);
        let mut stream = packet(255, &large);
        // The second frame has the number 0, as after 256 frames.
        assert_eq!(stream.get(HEADER + MAX_FRAME_PAYLOAD + 3), Some(&0));
        stream.extend(packet(0, b"\x11u\0\0\0"));
        let passed = stream.len() as isize - 9;
        for size in [64 * 1024 + 1, stream.len()] {
            assert_eq!(parts(&stream, size), [passed, -9]);
        }
    }

    #[test]
    fn a_change_of_user_has_a_limit() {
        let head = [0xff, 0xff, 0xff, 0, CHANGE_USER];
        assert_eq!(Commands::default().next(&head), Next::TooLarge);
        assert_eq!(Commands::default().next(&[0xff, 0xff, 0, 0, CHANGE_USER]), Next::Pass(0));
    }
}
