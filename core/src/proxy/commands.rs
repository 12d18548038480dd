//! Finds the commands in a client's bytes: COM_CHANGE_USER and KILL are for the proxy, of the others only the first bytes are looked at.

use core::ops::Range;

use super::kill::{self, Kill};
use super::tracker::{COMMAND_HEAD, Tracker};
use crate::message::Capabilities;
use crate::wire::frame::{HEADER, MAX_FRAME_PAYLOAD};

/// The number of COM_CHANGE_USER.
const CHANGE_USER: u8 = 0x11;

/// The number of MySQL's last command, COM_SUBSCRIBE_GROUP_REPLICATION_STREAM.
const LAST_OF_MYSQL: u8 = 0x21;
/// The number of MariaDB's COM_STMT_BULK_EXECUTE.
const BULK_EXECUTE: u8 = 0xfa;
/// The first byte of a semi-synchronous replica's acknowledgement.
const ACKNOWLEDGEMENT: u8 = 0xef;

/// The largest COM_CHANGE_USER: attributes (64 KiB) and the other fields.
const MOST: usize = 64 * 1024 + 1024;

/// The place in a client's stream of packets.
#[derive(Debug)]
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
    /// A complete command of this number of bytes is in front that ends another connection or its statement. The place of the id's digits
    /// in its payload, which is empty in COM_PROCESS_KILL.
    Kill(usize, Kill, Range<usize>),
    /// A COM_CHANGE_USER is in front that is larger than any client's.
    TooLarge,
    /// A packet is in front that begins no command and is no part of a file. A server may take it for anything.
    OutOfOrder,
    /// A command is in front that is not known. It could have others within it, as MariaDB's COM_MULTI has.
    Unknown,
}

/// Whether a command is known. The acknowledgements of a replica come in a stream that nobody follows.
const fn is_known(command: u8, is_opaque: bool) -> bool {
    matches!(command, 0..=LAST_OF_MYSQL | BULK_EXECUTE) || (is_opaque && command == ACKNOWLEDGEMENT)
}

impl Commands {
    pub(super) const fn new() -> Self {
        Self { left: 0, continues: false }
    }

    /// Takes the waiting bytes of the client: those of the answer before do not come again. The tracker learns of the commands among them.
    pub(super) fn next(&mut self, bytes: &[u8], tracker: &mut Tracker, capabilities: Capabilities) -> Next {
        let mut at = self.left.min(bytes.len());
        self.left -= at;
        while self.left == 0 {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some((&[a, b, c, sequence], payload)) = rest.split_first_chunk::<HEADER>() else { break };
            let length = u32::from_le_bytes([a, b, c, 0]) as usize;
            if let Some(number) = tracker.file_number() {
                // The number of a file's packet can be 0, too: that of every 256th.
                if sequence != number {
                    return if at > 0 { Next::Pass(at) } else { Next::OutOfOrder };
                }
                tracker.file_continues(length == 0 && !self.continues);
            } else if self.continues {
                tracker.client_continues(sequence);
            } else if sequence == 0 && length > 0 {
                if tracker.is_full() {
                    break;
                }
                let Some(command) = payload.first() else { break };
                let is_whole = payload.len() >= length;
                let is_known = is_known(*command, tracker.is_opaque());
                if *command == CHANGE_USER || !is_known {
                    return if at > 0 {
                        Next::Pass(at)
                    } else if !is_known {
                        Next::Unknown
                    } else if length > MOST {
                        Next::TooLarge
                    } else if is_whole {
                        Next::ChangeUser(HEADER + length)
                    } else {
                        Next::Pass(0)
                    };
                }
                let known = payload.get(..length).unwrap_or(payload);
                let may_be_kill =
                    if tracker.is_opaque() { Some(false) } else { kill::may_be(known, length, capabilities) };
                match may_be_kill {
                    Some(true) if at > 0 || !is_whole => break,
                    Some(true) => {
                        if let Some((kill, digits)) = kill::find(known, capabilities) {
                            return Next::Kill(HEADER + length, kill, digits);
                        }
                    }
                    Some(false) => {}
                    None => break,
                }
                let Some(head) = payload.get(..length.min(COMMAND_HEAD)) else { break };
                tracker.command(head, sequence);
            } else {
                return if at > 0 { Next::Pass(at) } else { Next::OutOfOrder };
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
    use crate::message::StatusFlags;
    use crate::proxy::tracker::MOST_DUE;
    use crate::wire::frame;

    fn tracker() -> Tracker {
        Tracker::new(Capabilities::NONE, StatusFlags::NONE)
    }

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let (mut out, mut sequence) = (Vec::new(), sequence);
        frame::encode(payload, &mut sequence, &mut out);
        out
    }

    /// The lengths that pass and, negative, those of the changes of user, where the bytes arrive in pieces of `size`.
    fn parts(stream: &[u8], size: usize) -> Vec<isize> {
        let (mut commands, mut waiting, mut parts) = (Commands::new(), Vec::new(), Vec::new());
        let mut tracker = tracker();
        for piece in stream.chunks(size) {
            waiting.extend_from_slice(piece);
            loop {
                let (taken, part) = match commands.next(&waiting, &mut tracker, Capabilities::NONE) {
                    Next::Pass(0) => break,
                    Next::Pass(count) => (count, count as isize),
                    Next::ChangeUser(count) | Next::Kill(count, ..) => (count, -(count as isize)),
                    other => panic!("{other:?}"),
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
            packet(0, b"\x11v\0\0\0"),
            packet(0, b"\x03\x11"),
        ]
        .concat();
        for size in [1, 2, 3, 4, 5, 7, 11, stream.len()] {
            assert_eq!(parts(&stream, size), [18, -12, -9, 6], "in pieces of {size}");
        }
    }

    #[test]
    fn the_rest_of_a_large_packet_is_no_command() {
        let mut large = alloc::vec![0x03; MAX_FRAME_PAYLOAD];
        large.push(0x11);
        let mut stream = packet(0, &large);
        // As the 257th frame of a packet.
        *stream.get_mut(HEADER + MAX_FRAME_PAYLOAD + 3).unwrap() = 0;
        stream.extend(packet(0, b"\x11u\0\0\0"));
        let passed = stream.len() as isize - 9;
        for size in [64 * 1024 + 1, stream.len()] {
            assert_eq!(parts(&stream, size), [passed, -9]);
        }
    }

    #[test]
    fn commands_wait_where_too_many_answers_are_due() {
        let (ping, more) = (packet(0, b"\x0e"), 10);
        let stream = ping.repeat(MOST_DUE + more);
        let (mut commands, mut tracker) = (Commands::new(), tracker());
        let next = commands.next(&stream, &mut tracker, Capabilities::NONE);
        assert_eq!(next, Next::Pass(MOST_DUE * ping.len()));
        let rest = ping.repeat(more);
        assert_eq!(commands.next(&rest, &mut tracker, Capabilities::NONE), Next::Pass(0));
        let ok = packet(1, b"\0\0\0\x02\0\0\0");
        tracker.server_says(&ok.repeat(3));
        assert_eq!(commands.next(&rest, &mut tracker, Capabilities::NONE), Next::Pass(3 * ping.len()));
    }

    #[test]
    fn no_command_hides_in_a_file() {
        let change = packet(0, b"\x11u\0\0\0");
        let load = packet(0, b"\x03LOAD");
        let asks = packet(1, b"\xfbfile");
        let with_files = || Tracker::new(Capabilities::LOCAL_FILES, StatusFlags::NONE);
        // A packet with another number ends the file at a server, which takes its payload for commands.
        for number in [0, 1, 4, 77] {
            let (mut commands, mut tracker) = (Commands::new(), with_files());
            assert_eq!(commands.next(&load, &mut tracker, Capabilities::NONE), Next::Pass(load.len()));
            tracker.server_says(&asks);
            let (good, bad) = (packet(2, b"row"), packet(number, &change));
            let stream = [good.clone(), bad.clone()].concat();
            assert_eq!(commands.next(&stream, &mut tracker, Capabilities::NONE), Next::Pass(good.len()));
            assert_eq!(commands.next(&bad, &mut tracker, Capabilities::NONE), Next::OutOfOrder, "{number}");
        }
        // The end of the file comes before the server has asked for it.
        let (mut commands, mut tracker) = (Commands::new(), with_files());
        let stream = [load.clone(), packet(2, b""), change].concat();
        assert_eq!(commands.next(&stream, &mut tracker, Capabilities::NONE), Next::Pass(load.len()));
        let rest = stream.get(load.len()..).unwrap_or_default();
        assert_eq!(commands.next(rest, &mut tracker, Capabilities::NONE), Next::OutOfOrder);
        // No command is at the server ahead of its request, which would take it for the file's first packet.
        for ahead in [&b"\x0e"[..], b"\x19\0\0\0\0", b"\x03LOAD"] {
            let (mut commands, mut tracker) = (Commands::new(), with_files());
            let stream = [load.clone(), packet(0, ahead)].concat();
            assert_eq!(commands.next(&stream, &mut tracker, Capabilities::NONE), Next::Pass(load.len()), "{ahead:?}");
        }
    }

    #[test]
    fn nothing_passes_that_a_server_could_take_for_a_command_of_its_own() {
        let change = packet(0, b"\x11u\0\0\0");
        let dump: &[u8] = b"\x12\0\0\0\0";
        let multi = b"\xfe\x05\x11u\0\0\0";
        for capabilities in [Capabilities::NONE, Capabilities::LOCAL_FILES] {
            for before in [&b"\x0e"[..], dump] {
                let is_opaque = before == dump;
                for (bytes, expected) in [
                    (packet(77, &change), Next::OutOfOrder),
                    (packet(1, &change), Next::OutOfOrder),
                    (packet(2, b""), Next::OutOfOrder),
                    (packet(0, b""), Next::OutOfOrder),
                    (packet(0, multi), Next::Unknown),
                    (packet(0, b"\x22"), Next::Unknown),
                    (packet(0, b"\xef\0\0\0\0"), if is_opaque { Next::Pass(9) } else { Next::Unknown }),
                    (change.clone(), Next::ChangeUser(change.len())),
                ] {
                    let (mut commands, mut tracker) = (Commands::new(), Tracker::new(capabilities, StatusFlags::NONE));
                    tracker.command(before, 0);
                    tracker.server_says(&packet(1, b"\0\0\0\x02\0\0\0"));
                    let found = commands.next(&bytes, &mut tracker, capabilities);
                    assert_eq!(found, expected, "{bytes:?} behind {before:?}");
                    // The same behind a command in one piece.
                    let stream = [packet(0, b"\x0e"), bytes].concat();
                    let (mut commands, mut tracker) = (Commands::new(), Tracker::new(capabilities, StatusFlags::NONE));
                    assert_eq!(commands.next(&stream, &mut tracker, capabilities), Next::Pass(5));
                }
            }
        }
    }

    #[test]
    fn a_files_packets_are_no_commands() {
        let file: Vec<u8> = (2..=300_u16).flat_map(|number| packet(number as u8, b"\x11KILL 7")).collect();
        let change = packet(0, b"\x11u\0\0\0");
        let stream = [file, packet(45, b""), change.clone()].concat();
        for size in [1, 3, 11, stream.len()] {
            let mut tracker = Tracker::new(Capabilities::LOCAL_FILES, StatusFlags::NONE);
            tracker.command(b"\x03LOAD", 0);
            tracker.server_says(&packet(1, b"\xfbfile"));
            let (mut commands, mut waiting, mut passed) = (Commands::new(), Vec::new(), 0);
            for piece in stream.chunks(size) {
                waiting.extend_from_slice(piece);
                loop {
                    let taken = match commands.next(&waiting, &mut tracker, Capabilities::NONE) {
                        Next::Pass(0) => break,
                        Next::Pass(count) => count,
                        other => panic!("{other:?}, in pieces of {size}"),
                    };
                    passed += taken;
                    waiting.drain(..taken);
                }
            }
            assert_eq!(passed, stream.len() - change.len(), "in pieces of {size}");
            tracker.server_says(&packet(46, b"\0\0\0\x02\0\0\0"));
            let next = commands.next(&waiting, &mut tracker, Capabilities::NONE);
            assert_eq!(next, Next::ChangeUser(change.len()), "in pieces of {size}");
        }
    }

    #[test]
    fn a_change_of_user_has_a_limit() {
        let head = [0xff, 0xff, 0xff, 0, CHANGE_USER];
        let next = |bytes: &[u8]| Commands::new().next(bytes, &mut tracker(), Capabilities::NONE);
        assert_eq!(next(&head), Next::TooLarge);
        assert_eq!(next(&[0xff, 0xff, 0, 0, CHANGE_USER]), Next::Pass(0));
    }

    #[test]
    fn a_kill_is_found_between_other_commands() {
        let stream = [
            packet(0, b"\x03SELECT 1"),
            packet(0, b"\x03KILL QUERY 7"),
            packet(0, b"\x03KILL CONNECTION_ID()"),
            packet(0, b"\x0c\x07\0\0\0"),
            packet(0, b"\x0e"),
        ]
        .concat();
        for size in [1, 2, 3, 5, 11, stream.len()] {
            assert_eq!(parts(&stream, size), [13, -17, 25, -9, 5], "in pieces of {size}");
        }
    }
}
