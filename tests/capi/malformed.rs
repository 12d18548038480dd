//! Malformed answers of a server: each ends with an error number, in blocking and non-blocking calls, and with prepared statements.

use std::io;
use std::sync::Arc;

use sealwire_tests::capi::{compile, folder, heard, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::scripted::{Client, column, eof, error, infile, lenenc, ok, packets, serve};

/// The command that has the malformed answer; the ones before have good answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Greeting,
    Login,
    Query,
    Prepare,
    Execute,
    Fetch,
}

/// A malformed answer, after which the server closes the connection.
struct Case {
    about: &'static str,
    at: At,
    bytes: Vec<u8>,
    /// The type of a statement's column.
    kind: u8,
    /// The error that the program gets.
    error: u16,
}

impl Case {
    fn with(self, error: u16) -> Self {
        Self { error, ..self }
    }
}

const LONG: u8 = 3;
const TEXT: u8 = 253;
const DATETIME: u8 = 12;
const TIME: u8 = 11;
const HUGE: &[u8] = &[0xfe, 0, 0, 0, 0, 0, 0, 0, 0x80];

/// The client's errors: unknown, lost, a packet that is too large, malformed, the oldest plugin, no such plugin, and a plugin that has failed.
const UNKNOWN: u16 = 2000;
const LOST: u16 = 2013;
const TOO_LARGE: u16 = 2020;
const MALFORMED: u16 = 2027;
const OLDEST: u16 = 2049;
const NO_PLUGIN: u16 = 2059;
const PLUGIN: u16 = 2061;

fn raw(about: &'static str, at: At, bytes: &[u8]) -> Case {
    Case { about, at, bytes: bytes.to_vec(), kind: TEXT, error: MALFORMED }
}

fn case(about: &'static str, at: At, payloads: &[&[u8]]) -> Case {
    let first = match at {
        At::Greeting => 0,
        At::Login => 2,
        _ => 1,
    };
    let payloads: Vec<Vec<u8>> = payloads.iter().map(|payload| payload.to_vec()).collect();
    raw(about, at, &packets(first, &payloads))
}

/// The columns of these types.
fn header(kinds: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = vec![lenenc(kinds.len() as u64)];
    payloads.extend(kinds.iter().map(|kind| column(b"c", *kind)));
    payloads.push(eof(0));
    payloads
}

fn answer(about: &'static str, at: At, kinds: &[u8], behind: &[&[u8]]) -> Case {
    let columns = header(kinds);
    case(about, at, &columns.iter().map(Vec::as_slice).chain(behind.iter().copied()).collect::<Vec<_>>())
}

/// A result of text columns.
fn rows(about: &'static str, columns: usize, behind: &[&[u8]]) -> Case {
    answer(about, At::Query, &vec![TEXT; columns], behind)
}

/// A row in the answer to an execution, and in the one to a fetch from a cursor.
fn binary(about: &'static str, kind: u8, row: &[u8]) -> [Case; 2] {
    [answer(about, At::Execute, &[kind], &[row, &eof(0)]), Case { kind, ..case(about, At::Fetch, &[row, &eof(0x40)]) }]
}

/// The login's answers one behind the other, each after the client's own.
fn exchange(about: &'static str, payloads: &[&[u8]], times: usize) -> Case {
    let mut bytes = Vec::new();
    let mut sequence = 2_u8;
    for payload in std::iter::repeat_n(payloads, times).flatten() {
        bytes.extend(packets(sequence, &[payload.to_vec()]));
        sequence = sequence.wrapping_add(2);
    }
    raw(about, At::Login, &bytes)
}

fn cases_of_the_login() -> Vec<Case> {
    let (definition, end) = (column(b"c", TEXT), eof(0));
    let native = [b"\xfemysql_native_password\0".as_slice(), &[b'x'; 20], b"\0"].concat();
    let sha2 = [b"\xfecaching_sha2_password\0".as_slice(), &[b'x'; 20], b"\0"].concat();
    vec![
        raw("nothing", At::Greeting, b"").with(LOST),
        raw("another protocol", At::Greeting, b"HTTP/1.1 400 Bad Request\r\n\r\n").with(TOO_LARGE),
        raw("a packet that ends early", At::Greeting, b"\x40\0\0\0\x0a10.11").with(LOST),
        raw("a packet that is too large", At::Greeting, b"\xff\xff\xff\0\x0a10.11").with(TOO_LARGE),
        case("an empty packet", At::Greeting, &[b""]),
        case("protocol 9", At::Greeting, &[b"\x095.0\0"]),
        case("a version without an end", At::Greeting, &[b"\x0a10.11.19-MariaDB"]),
        case("half of a greeting", At::Greeting, &[b"\x0a10.11.19-MariaDB\0\x07\0\0\0abcd"]),
        case("an error", At::Greeting, &[&error(1040, "Too many connections")]).with(1040),
        case("an error without its number", At::Greeting, &[b"\xff\x10"]),
        case("an error with the number 0", At::Greeting, &[&error(0, "of no number")]).with(UNKNOWN),
        case("an error with the number 0", At::Login, &[&error(0, "of no number")]).with(UNKNOWN),
        case("an empty packet", At::Login, &[b""]),
        case("half of an OK packet", At::Login, &[b"\0\0"]),
        case("an OK packet that ends in its numbers", At::Login, &[&[&[0], HUGE, HUGE].concat()]),
        case("an unknown plugin", At::Login, &[b"\xfeno_such_plugin\0salt"]).with(NO_PLUGIN),
        case("a plugin without an end", At::Login, &[b"\xfemysql_native_password"]).with(PLUGIN),
        case("a challenge that is too short", At::Login, &[b"\xfemysql_native_password\0abc\0"]).with(PLUGIN),
        case("the oldest plugin", At::Login, &[b"\xfe"]).with(OLDEST),
        case("more data than the plugin has", At::Login, &[b"\x01\x04"]).with(PLUGIN),
        case("rows", At::Login, &[b"\x01", &definition, &end, b"\x011", &end]).with(PLUGIN),
        case("a file is wanted", At::Login, &[&infile("/etc/passwd")]).with(PLUGIN),
        raw("a wrong number", At::Login, b"\x07\0\0\x09\0\0\0\x02\0\0\0"),
        exchange("the same plugin again and again", &[&native], 1000),
        exchange("two plugins again and again", &[&sha2, &native], 1000),
        exchange("more data again and again", &[&sha2, b"\x01\x03"], 1000),
    ]
}

fn cases_of_queries() -> Vec<Case> {
    let (definition, end) = (column(b"c", TEXT), eof(0));
    let lengths = [b"\x03def".as_slice(), HUGE].concat();
    let torn = |row: &[u8]| [&packets(1, &header(&[TEXT])), row].concat();
    vec![
        case("an empty packet", At::Query, &[b""]),
        case("half of an OK packet", At::Query, &[b"\0\x01"]),
        case("an error without its number", At::Query, &[b"\xff"]),
        case("an error with the number 0", At::Query, &[&error(0, "of no number")]).with(UNKNOWN),
        rows("an error with the number 0 among the rows", 1, &[b"\x011", &error(0, "of no number")]).with(UNKNOWN),
        case("a change of the session that is cut", At::Query, &[b"\0\0\0\x02\x40\0\0\0\x04\x01\x09ab"]),
        case("a variable without its value", At::Query, &[b"\0\0\0\x02\x40\0\0\0\x05\0\x03\x02ab"]),
        case("2^63 columns", At::Query, &[HUGE]),
        case("2^64 - 1 columns", At::Query, &[&[&[0xfe], &[0xff; 8][..]].concat()]),
        case("65536 columns, more than a table can have", At::Query, &[b"\xfd\0\0\x01"]),
        case("4096 columns of which none comes", At::Query, &[b"\xfc\0\x10"]).with(LOST),
        case("a count that ends early", At::Query, &[b"\xfc\x01"]),
        case("NULL columns", At::Query, &[b"\xfb"]).with(LOST),
        case("another file than the statement's", At::Query, &[&infile("/etc/passwd")]).with(LOST),
        case("half of a column", At::Query, &[b"\x01", &definition[..9], &end]),
        case("a column whose length is too long", At::Query, &[b"\x01", &lengths, &end]),
        case("EOF instead of a column", At::Query, &[b"\x02", &definition, &end, b"\x011\x012", &end]),
        case("an error instead of a column", At::Query, &[b"\x02", &definition, &error(1317, "interrupted")])
            .with(1317),
        case("no EOF behind the columns", At::Query, &[b"\x01", &definition, b"\x011", &end]),
        rows("a row that is too short", 2, &[b"\x011", &end]),
        rows("a row without values", 1, &[b"", &end]),
        rows("a value that is longer than its row", 1, &[b"\x05abc", &end]),
        rows("a value of 2^63 bytes", 2, &[&[b"\x011", HUGE, b"abc"].concat(), &end]),
        rows("a value of 2^63 bytes at the start", 1, &[&[HUGE, b"abc"].concat(), &end]),
        rows("a value whose length ends early", 1, &[b"\xfc\x05", &end]),
        rows("a value whose length is none", 2, &[b"\x011\xffabc", &end]),
        rows("half of EOF", 1, &[b"\x011", b"\xfe\0"]),
        rows("EOF with more behind it", 1, &[b"\x011", b"\xfe\0\0\x02\0\0\0\0\0"]),
        rows("an error among the rows", 1, &[b"\x011", &error(1317, "interrupted")]).with(1317),
        rows("an error without its number among the rows", 1, &[b"\x011", b"\xff\x01"]),
        rows("no end", 1, &[b"\x011", b"\x012"]).with(LOST),
        rows("a second result of which nothing comes", 1, &[b"\x011", &eof(8)]).with(LOST),
        rows("a second result that is malformed", 1, &[b"\x011", &eof(8), HUGE]),
        raw("a row whose packet ends early", At::Query, &torn(b"\x40\0\0\x04\x3fabc")).with(LOST),
        raw("a row with a wrong number", At::Query, &torn(b"\x02\0\0\x09\x011")),
    ]
}

fn cases_of_statements() -> Vec<Case> {
    let (definition, end) = (column(b"c", TEXT), eof(0));
    let lengths = [b"\x03def".as_slice(), HUGE].concat();
    let mut all = vec![
        case("an empty packet", At::Prepare, &[b""]),
        case("an error with the number 0", At::Prepare, &[&error(0, "of no number")]).with(UNKNOWN),
        case("an error with the number 0", At::Execute, &[&error(0, "of no number")]).with(UNKNOWN),
        case("an error with the number 0", At::Fetch, &[&error(0, "of no number")]).with(UNKNOWN),
        case("half of an OK packet", At::Prepare, &[b"\0\x01\0\0\0\x01"]),
        case("another status", At::Prepare, &[b"\x05\x01\0\0\0\0\0\0\0\0\0\0"]),
        case("65535 parameters of which none comes", At::Prepare, &[b"\0\x01\0\0\0\0\0\xff\xff\0\0\0"]).with(LOST),
        case("65535 columns of which none comes", At::Prepare, &[b"\0\x01\0\0\0\xff\xff\0\0\0\0\0"]).with(LOST),
        case("EOF instead of a column", At::Prepare, &[b"\0\x01\0\0\0\x02\0\0\0\0\0\0", &definition, &end, &end]),
        case("half of a column", At::Prepare, &[b"\0\x01\0\0\0\x01\0\0\0\0\0\0", &definition[..9], &end]),
        case("an empty packet", At::Execute, &[b""]),
        case("2^63 columns", At::Execute, &[HUGE]),
        case("NULL columns", At::Execute, &[b"\xfb"]).with(LOST),
        case("a column whose length is too long", At::Execute, &[b"\x01", &lengths, &end]),
        answer("no end", At::Execute, &[TEXT], &[b"\0\0\x011"]).with(LOST),
        case("an empty packet", At::Fetch, &[b""]),
        case("half of EOF", At::Fetch, &[b"\xfe"]),
        case("no end", At::Fetch, &[b"\0\0\x011"]).with(LOST),
    ];
    for (about, kind, row) in [
        ("a row without NULL bits", TEXT, b"\0".as_slice()),
        ("a row whose first byte is another", TEXT, b"\x07\0\x011"),
        ("a row without its value", TEXT, b"\0\0"),
        ("a value that is longer than its row", TEXT, b"\0\0\x05abc"),
        ("a value of 2^63 bytes", TEXT, b"\0\0\xfe\0\0\0\0\0\0\0\x80a"),
        ("a number that is too short", LONG, b"\0\0\x01\0"),
        ("a date of 255 bytes", DATETIME, b"\0\0\xff\x01"),
        ("a date of five bytes", DATETIME, b"\0\0\x05\xe8\x07\x01\x02\x03"),
        ("a date that is too short", DATETIME, b"\0\0\x07\xe8\x07"),
        ("a time of nine bytes", TIME, b"\0\0\x09\0\0\0\0\0\0\0\0\0"),
        ("a value of an unknown type", 200, b"\0\0\x09"),
    ] {
        all.extend(binary(about, kind, row));
    }
    all
}

/// Answers well up to the case's command, and then as the case says.
fn play(client: &mut Client, case: &Case) -> io::Result<()> {
    if case.at == At::Greeting {
        return client.send_bytes(&case.bytes);
    }
    client.greet()?;
    client.receive()?;
    if case.at == At::Login {
        return client.send_bytes(&case.bytes);
    }
    client.send(&[ok(0)])?;
    loop {
        let command = client.receive()?;
        let (at, good) = match command.first() {
            Some(3) => (At::Query, [header(&[TEXT]), vec![b"\x011".to_vec(), eof(0)]].concat()),
            Some(0x16) => (At::Prepare, prepared(case.kind)),
            // The columns alone open a cursor, where the client asks for one.
            Some(0x17) if command.get(5) == Some(&1) => {
                (At::Execute, [vec![lenenc(1), column(b"c", case.kind)], vec![eof(0x40)]].concat())
            }
            Some(0x17) => (At::Execute, [header(&[TEXT]), vec![b"\0\0\x011".to_vec(), eof(0)]].concat()),
            Some(0x1c) => (At::Fetch, vec![eof(0xc0)]),
            Some(0x19) => continue,
            _ => return Ok(()),
        };
        if case.at == at {
            return client.send_bytes(&case.bytes);
        }
        client.send(&good)?;
    }
}

/// The answer for a statement with a parameter and a column.
fn prepared(kind: u8) -> Vec<Vec<u8>> {
    let counts = b"\0\x01\0\0\0\x01\0\x01\0\0\0\0".to_vec();
    vec![counts, column(b"?", TEXT), eof(0), column(b"c", kind), eof(0)]
}

#[test]
fn each_ends_with_an_error_number() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("malformed", &folder().join("include"), place.path());
    let all = [cases_of_the_login(), cases_of_queries(), cases_of_statements()];
    for (number, case) in all.into_iter().flatten().map(Arc::new).enumerate() {
        let own = place.path().join(number.to_string());
        std::fs::create_dir(&own).unwrap();
        let served = Arc::clone(&case);
        let socket = serve(&own, move |client| play(client, &served));
        for (wait, rows) in [("block", "store"), ("block", "use"), ("start", "store"), ("start", "use")] {
            // Only a cursor has fetches.
            if case.at == At::Fetch && rows == "store" {
                continue;
            }
            let output = heard(with_ours(&program).arg(&socket).args([wait, rows]));
            let line = String::from_utf8_lossy(&output.stdout).into_owned();
            let shown = format!("{:?} {} {wait} {rows}: {} {line}", case.at, case.about, output.status);
            assert!(output.status.success(), "{shown}");
            let mut words = line.splitn(3, ' ');
            let steps: &[&str] = match case.at {
                At::Greeting | At::Login => &["connect"],
                At::Query => &["query", "rows", "next"],
                At::Prepare => &["prepare"],
                At::Execute => &["execute", "fetch"],
                At::Fetch => &["fetch"],
            };
            assert!(words.next().is_some_and(|step| steps.contains(&step)), "{shown}");
            assert_eq!(words.next(), Some(case.error.to_string().as_str()), "{shown}");
            assert!(words.next().is_some_and(|text| text.len() > 5), "it has a text: {shown}");
        }
    }
}
