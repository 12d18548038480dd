//! Answers as servers give them, in pieces of every size.

use super::*;
use crate::wire::frame;

const AUTOCOMMIT: u8 = 0x02;
const IN_TRANS: u8 = 0x03;

/// The packets of an answer, numbered from 1.
fn answer(packets: &[&[u8]]) -> Vec<u8> {
    let (mut out, mut sequence) = (Vec::new(), 1);
    for packet in packets {
        frame::encode(packet, &mut sequence, &mut out);
    }
    out
}

const fn ok(status: u8) -> [u8; 7] {
    [0, 0, 0, status, 0, 0, 0]
}

const fn eof(status: u8) -> [u8; 5] {
    [0xfe, 0, 0, status, 0]
}

/// The end of rows where EOF is deprecated.
const fn ok_as_eof(status: u8, more: u8) -> [u8; 7] {
    [0xfe, 0, 0, status, more, 0, 0]
}

const ERR: &[u8] = b"\xff\x19\x04#42000wrong";
const DEFINITION: &[u8] = b"\x03def\0\0\0\x01a\0\x0c\x3f\0\x01\0\0\0\x03\0\0\0\0\0";

/// The activities after the command and after each part of its answer, where all arrives in pieces of `size`.
fn follow(tracker: &mut Tracker, command: &[u8], stream: &[u8], size: usize) -> Activity {
    tracker.command(command.get(..COMMAND_HEAD).unwrap_or(command), 0);
    let mut waiting = Vec::new();
    for piece in stream.chunks(size) {
        assert_eq!(tracker.activity(), Activity::Running, "{command:?}, in pieces of {size}");
        waiting.extend_from_slice(piece);
        loop {
            let passed = tracker.server_says(&waiting);
            waiting.drain(..passed);
            if passed == 0 {
                break;
            }
        }
    }
    assert!(waiting.is_empty(), "{command:?}: {} bytes wait for ever", waiting.len());
    tracker.activity()
}

#[test]
fn the_end_of_every_answer_is_found() {
    let old = Capabilities::PROTOCOL_41;
    let new = old | Capabilities::DEPRECATE_EOF;
    let reporting = new | Capabilities::MARIADB_PROGRESS;
    let cached = new | Capabilities::MARIADB_CACHE_METADATA;
    let row: &[u8] = b"\x011";
    let end = eof(AUTOCOMMIT);
    let more = ok_as_eof(AUTOCOMMIT | 8, 0);
    let long_row = alloc::vec![0xfe; 40];
    let prepared = b"\0\x01\0\0\0\x01\0\x02\0\0\0\0";
    /// Capabilities, a command, the packets that answer it, and what the session then does.
    type Case<'c> = (Capabilities, &'c [u8], &'c [&'c [u8]], Activity);
    let cases: &[Case<'_>] = &[
        (old, b"\x0e", &[&ok(AUTOCOMMIT)], Activity::Idle),
        (old, b"\x03BEGIN", &[&ok(IN_TRANS)], Activity::Open),
        (old, b"\x03x", &[ERR], Activity::Idle),
        (old, b"\x03S", &[b"\x01", DEFINITION, &end, row, row, &end], Activity::Idle),
        (old, b"\x03S", &[b"\x01", DEFINITION, &end, row, &eof(IN_TRANS)], Activity::Open),
        (old, b"\x03S", &[b"\x01", DEFINITION, &end, &long_row, &end], Activity::Idle),
        (old, b"\x03S", &[b"\x01", DEFINITION, &end, row, ERR], Activity::Idle),
        (new, b"\x03S", &[b"\x01", DEFINITION, row, &ok_as_eof(AUTOCOMMIT, 0)], Activity::Idle),
        (new, b"\x03S", &[b"\x01", DEFINITION, row, &more, &ok(AUTOCOMMIT)], Activity::Idle),
        (
            new,
            b"\x03S",
            &[b"\x01", DEFINITION, &more, b"\x01", DEFINITION, row, &ok_as_eof(AUTOCOMMIT, 0)],
            Activity::Idle,
        ),
        (reporting, b"\x03S", &[b"\xff\xff\xff\x01\x01\x01", &ok(AUTOCOMMIT)], Activity::Idle),
        (reporting, b"\x03S", &[b"\xff\xff\xff#45000SIGNAL"], Activity::Idle),
        (new, b"\x03S", &[b"\xff\xff\xff#45000SIGNAL"], Activity::Idle),
        (new, b"\x03S", &[b"\xff\xff\xff\x01\x01\x01"], Activity::Idle),
        (cached, b"\x17\x05\0\0\0", &[b"\x01\x00", b"\0\0\x01", &ok_as_eof(AUTOCOMMIT, 0)], Activity::Idle),
        (cached, b"\x17\x05\0\0\0", &[b"\x01\x01", DEFINITION, b"\0\0\x01", &ok_as_eof(AUTOCOMMIT, 0)], Activity::Idle),
        (old, b"\x16S", &[prepared, DEFINITION, DEFINITION, &end, DEFINITION, &end], Activity::Idle),
        (new, b"\x16S", &[prepared, DEFINITION, DEFINITION, DEFINITION], Activity::Idle),
        (new, b"\x16S", &[b"\0\x01\0\0\0\0\0\0\0\0\0\0"], Activity::Idle),
        (old, b"\x16S", &[ERR], Activity::Idle),
        (old, b"\x09", &[b"Uptime: 5"], Activity::Idle),
        (old, b"\x04t\0", &[DEFINITION, DEFINITION, &end], Activity::Idle),
        (old, b"\x1b\0\0", &[&end], Activity::Idle),
        (old, b"\x03LOAD", &[b"\xfb/etc/passwd"], Activity::Opaque),
        (old, b"\x03", &[b""], Activity::Opaque),
    ];
    for (capabilities, command, packets, expected) in cases {
        let stream = answer(packets);
        for size in [1, 2, 3, 4, 5, 7, 25, stream.len()] {
            let mut tracker = Tracker::new(*capabilities, StatusFlags::AUTOCOMMIT);
            let found = follow(&mut tracker, command, &stream, size);
            assert_eq!(found, *expected, "{command:?} {packets:?} in pieces of {size}");
        }
    }
}

#[test]
fn a_cursor_is_open_until_its_last_row_or_its_statements_end() {
    for ends in [&b"\x19\x07\0\0\0"[..], b"\x1c\x07\0\0\0", b"\x1a\x07\0\0\0"] {
        let mut tracker = Tracker::new(Capabilities::PROTOCOL_41, StatusFlags::AUTOCOMMIT);
        let opened = answer(&[b"\x01", DEFINITION, &eof(AUTOCOMMIT | 0x40)]);
        assert_eq!(follow(&mut tracker, b"\x17\x07\0\0\0", &opened, 9), Activity::Open);
        let rows = answer(&[b"\0\0\x01", &eof(AUTOCOMMIT | 0x40)]);
        assert_eq!(follow(&mut tracker, b"\x1c\x07\0\0\0", &rows, 9), Activity::Open);
        let last = match ends.first() {
            Some(0x19) => Vec::new(),
            Some(0x1a) => answer(&[&ok(AUTOCOMMIT)]),
            _ => answer(&[b"\0\0\x01", &eof(AUTOCOMMIT | 0xc0)]),
        };
        assert_eq!(follow(&mut tracker, ends, &last, 9), Activity::Idle, "{ends:?}");
    }
}

#[test]
fn commands_ahead_and_without_answers_are_counted() {
    let mut tracker = Tracker::new(Capabilities::DEPRECATE_EOF, StatusFlags::AUTOCOMMIT);
    tracker.command(b"\x18\x01\0\0\0", 0);
    assert_eq!(tracker.activity(), Activity::Open, "a long parameter");
    for command in [&b"\x16SELE"[..], b"\x17\xff\xff\xff\xff", b"\x0e"] {
        tracker.command(command, 0);
    }
    tracker.client_continues(1);
    for (stream, activity) in [
        (answer(&[b"\0\x01\0\0\0\0\0\0\0\0\0\0"]), Activity::Running),
        (answer(&[&ok(AUTOCOMMIT)]), Activity::Running),
        (answer(&[&ok(AUTOCOMMIT)]), Activity::Idle),
    ] {
        assert_eq!(tracker.server_says(&stream), stream.len());
        assert_eq!(tracker.activity(), activity);
    }
}

#[test]
fn the_place_of_an_error_is_the_next_packet_of_the_answer() {
    let mut tracker = Tracker::new(Capabilities::DEPRECATE_EOF, StatusFlags::AUTOCOMMIT);
    assert_eq!(tracker.place(), Place::Between);
    tracker.command(b"\x03SELE", 0);
    assert_eq!(tracker.place(), Place::Answer(1));
    tracker.client_continues(1);
    assert_eq!(tracker.place(), Place::Answer(2), "after two frames of the client");
    let stream = answer(&[b"\x01", DEFINITION]);
    tracker.server_says(&stream);
    assert_eq!(tracker.place(), Place::Answer(3));
    tracker.server_says(b"\x40\0\0\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(tracker.place(), Place::Nowhere, "within a row");

    let mut tracker = Tracker::new(Capabilities::DEPRECATE_EOF, StatusFlags::AUTOCOMMIT);
    tracker.server_says(&answer(&[ERR]));
    assert_eq!(tracker.place(), Place::Nowhere, "the server has said why it ends");
}

#[test]
fn a_file_of_the_client_is_part_of_an_answer() {
    let mut tracker = Tracker::new(Capabilities::LOCAL_FILES, StatusFlags::AUTOCOMMIT);
    assert_eq!(follow(&mut tracker, b"\x03LOAD", &answer(&[b"\xfbname"]), 3), Activity::Running);
    assert_eq!((tracker.file_number(), tracker.place()), (Some(2), Place::Answer(2)));
    tracker.file_continues(false);
    assert_eq!(tracker.file_number(), Some(3));
    tracker.file_continues(true);
    assert_eq!(tracker.file_number(), None);
    assert_eq!(tracker.place(), Place::Answer(4), "after the file");
    let (mut reply, mut sequence) = (Vec::new(), 4);
    frame::encode(&ok(IN_TRANS), &mut sequence, &mut reply);
    assert_eq!(tracker.server_says(&reply), reply.len());
    assert_eq!(tracker.activity(), Activity::Open);

    // The server answers before the file has ended.
    let mut tracker = Tracker::new(Capabilities::LOCAL_FILES, StatusFlags::AUTOCOMMIT);
    follow(&mut tracker, b"\x03LOAD", &answer(&[b"\xfbname", ERR]), 99);
    assert_eq!((tracker.activity(), tracker.file_number()), (Activity::Opaque, None));

    // The file was not agreed upon.
    let mut tracker = Tracker::new(Capabilities::NONE, StatusFlags::AUTOCOMMIT);
    assert_eq!(follow(&mut tracker, b"\x03LOAD", &answer(&[b"\xfbname"]), 99), Activity::Opaque);
}

#[test]
fn commands_that_cannot_be_followed_make_the_session_opaque() {
    for command in [&b"\x12\x04\0\0\0"[..], b"\x1e\0\0\0\0", b"\x20"] {
        let mut tracker = Tracker::new(Capabilities::NONE, StatusFlags::AUTOCOMMIT);
        tracker.command(command, 0);
        assert_eq!(tracker.activity(), Activity::Opaque, "{command:?}");
        assert_eq!(tracker.server_says(b"anything"), 8, "all passes");
    }
    let tracker = Tracker::new(Capabilities::OPTIONAL_RESULTSET_METADATA, StatusFlags::NONE);
    assert_eq!(tracker.activity(), Activity::Opaque);
    let mut tracker = Tracker::new(Capabilities::OPTIONAL_RESULTSET_METADATA, StatusFlags::NONE);
    tracker.command(b"\x01", 0);
    assert!(tracker.has_quit());
}
