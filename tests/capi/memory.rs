//! Answers of a server that are larger than the memory that the program may have: each is an error, and the program goes on.

use std::io;
use std::process::Command;
use std::sync::Arc;

use sealwire_tests::capi::{compile, folder, heard, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::scripted::{Client, column, eof, error, infile, lenenc, ok, packets, serve};

/// The address space of the program, in KiB, as `ulimit -v` takes it.
const MOST: u32 = 60_000;
/// The largest payload of one frame.
const FRAME: usize = 0xff_ffff;
/// A packet that fits into the memory once, with the bytes around it, and not twice more; and one that never fits.
const LENGTHS: [usize; 2] = [16_000_000, 80_000_000];
const OUT_OF_MEMORY: &str = "2008";

const TEXT: u8 = 253;

/// The command whose answer is large, by its number: COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE, COM_STMT_FETCH.
const QUERY: u8 = 3;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const FETCH: u8 = 0x1c;

/// An answer whose last packet is `head` and so many further bytes that it has the length of the test.
struct Case {
    about: &'static str,
    command: u8,
    before: Vec<Vec<u8>>,
    head: Vec<u8>,
    /// The packets behind the large one, which are sent where that is whole.
    behind: Vec<Vec<u8>>,
}

/// A length of eight bytes for what fills a packet behind `before` bytes.
fn filling(length: usize, before: usize) -> Vec<u8> {
    [&[0xfe], &((length - before - 9) as u64).to_le_bytes()[..]].concat()
}

fn cases(length: usize) -> Vec<Case> {
    let columns = || vec![lenenc(1), column(b"c", TEXT), eof(0)];
    let case = |about, command, before: &[Vec<u8>], head: Vec<u8>, behind: &[Vec<u8>]| Case {
        about,
        command,
        before: before.to_vec(),
        head,
        behind: behind.to_vec(),
    };
    let binary = [b"\0\0".to_vec(), filling(length, 2)].concat();
    let database = [b"\x03def".to_vec(), filling(length, 4)].concat();
    let counts = b"\0\x01\0\0\0\x01\0\0\0\0\0\0".to_vec();
    vec![
        case("a row", QUERY, &columns(), filling(length, 0), &[eof(0)]),
        case("an OK packet", QUERY, &[], ok(0), &[]),
        case("an error", QUERY, &[], error(1064, ""), &[]),
        case("a column", QUERY, &[lenenc(1)], database.clone(), &[]),
        case("the name of a file", QUERY, &[], infile("/tmp/"), &[]),
        case("an error among the rows", QUERY, &columns(), error(1064, ""), &[]),
        case("a statement's column", PREPARE, &[counts], database, &[]),
        case("a row of a statement", EXECUTE, &columns(), binary.clone(), &[eof(0)]),
        case("a row of a cursor", FETCH, &[], binary, &[eof(0x80)]),
    ]
}

fn play(client: &mut Client, case: &Case, length: usize) -> io::Result<()> {
    client.welcome()?;
    loop {
        let command = client.receive()?;
        let number = command.first().copied().unwrap_or_default();
        if number == case.command {
            client.send(&case.before)?;
            let first = 1 + u8::try_from(case.before.len()).unwrap_or_default();
            let number = send_large(client, first, &case.head, length)?;
            client.send_bytes(&packets(number, &case.behind))?;
            continue;
        }
        client.send(&match number {
            QUERY => [vec![lenenc(1), column(b"c", TEXT), eof(0)], vec![b"\x011".to_vec(), eof(0)]].concat(),
            PREPARE => vec![b"\0\x01\0\0\0\x01\0\0\0\0\0\0".to_vec(), column(b"c", TEXT), eof(0)],
            // The columns alone open a cursor.
            EXECUTE if command.get(5) == Some(&1) => vec![lenenc(1), column(b"c", TEXT), eof(0x40)],
            _ => return Ok(()),
        })?;
    }
}

/// Sends a packet that begins with `head`, in as many frames as it needs; the number of the next packet.
fn send_large(client: &mut Client, first: u8, head: &[u8], length: usize) -> io::Result<u8> {
    let (mut number, mut left, mut frame) = (first, length, head.to_vec());
    loop {
        let now = left.min(FRAME);
        frame.resize(now, b'x');
        let [low, middle, high, _] = (now as u32).to_le_bytes();
        client.send_bytes(&[low, middle, high, number])?;
        client.send_bytes(&frame)?;
        number = number.wrapping_add(1);
        left -= now;
        if now < FRAME {
            return Ok(number);
        }
        frame.clear();
    }
}

/// The program with little memory.
fn limited(command: &Command) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -v {MOST} && exec \"$0\" \"$@\"")]).arg(command.get_program());
    limited.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

#[test]
fn an_answer_larger_than_memory_is_an_error() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("malformed", &folder().join("include"), place.path());
    for (length, case) in
        LENGTHS.into_iter().flat_map(|length| cases(length).into_iter().map(move |case| (length, case)))
    {
        let own = tempdir().unwrap();
        let case = Arc::new(case);
        let served = Arc::clone(&case);
        let socket = serve(own.path(), move |client| play(client, &served, length));
        let modes: &[&str] = match case.command {
            // Only a cursor has fetches.
            FETCH => &["use"],
            _ if case.behind.is_empty() => &["store"],
            _ => &["store", "use"],
        };
        for rows in modes {
            let output = heard(&mut limited(with_ours(&program).arg(&socket).args(["block", rows])));
            let line = String::from_utf8_lossy(&output.stdout).into_owned();
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            let shown = format!("{} of {length} bytes, {rows}: {} {line}{told}", case.about, output.status);
            println!("{shown}");
            assert!(output.status.success(), "{shown}");
            // A packet that fits may be shown.
            assert!(length == LENGTHS[0] || line.split(' ').nth(1) == Some(OUT_OF_MEMORY), "{shown}");
        }
    }
}
