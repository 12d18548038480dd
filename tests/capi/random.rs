//! The API in random order against a server that answers at random, also as no server should. `cargo xtask misuse` does it for longer.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sealwire_tests::capi::{compile, compile_sanitized, folder, heard, with_ours};
use sealwire_tests::programs::needs;
use tempfile::tempdir;

use crate::replication::{event, rows, table};
use crate::scripted::{Client, column, eof, error, infile, lenenc, ok, packets, serve};

/// The time for the random order in seconds, if it is not to be short.
pub(crate) const SECONDS: &str = "SEALWIRE_MISUSE_SECONDS";
/// The first seed, where it is not 1; a run tells the seed that has failed.
const SEED: &str = "SEALWIRE_MISUSE_SEED";

/// Numbers that depend on a seed alone.
struct Random(u64);

impl Random {
    /// The numbers of a connection, by the name of its user, which has the seed in it.
    fn of(name: &[u8]) -> Self {
        // FNV-1a.
        Self(
            name.iter()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
                | 1,
        )
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.pick(&[0, 1, 2, 7, 11, b'0', b'-', b'x', 0xfb, 0xfc, 0xfe, 0xff]))
            .collect()
    }
}

const TYPES: [u8; 14] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 246, 252, 253];

/// A server's side of one connection.
struct Session<'c> {
    client: &'c mut Client,
    random: Random,
    /// The types of the columns of the last statement that was prepared.
    columns: Vec<u8>,
    /// Whether the client has heard that its events are acknowledged.
    is_semi_sync: bool,
}

fn answer(client: &mut Client) -> io::Result<()> {
    client.greet()?;
    let login = client.receive()?;
    let name = login.get(32..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
    let mut session = Session { random: Random::of(name), client, columns: Vec::new(), is_semi_sync: false };
    if session.random.one_in(20) {
        let odd = vec![[&[0xfe], &session.random.bytes(40)[..]].concat()];
        return session.answer(odd);
    }
    session.client.send(&[ok(0)])?;
    loop {
        let command = session.client.receive()?;
        if !session.serve(&command)? {
            return Ok(());
        }
    }
}

impl Session<'_> {
    /// Answers a command; false at the end of the connection.
    fn serve(&mut self, command: &[u8]) -> io::Result<bool> {
        let reply = match command.first() {
            None | Some(1) => return Ok(false),
            Some(0x18 | 0x19 | 0xef) => return Ok(true),
            Some(3) if command.windows(4).any(|part| part == b"LOAD") => {
                self.client.send(&[infile("x")])?;
                while !self.client.receive()?.is_empty() {}
                vec![ok(0)]
            }
            Some(3) if command.starts_with(b"\x03SELECT @rpl_semi_sync") => {
                self.is_semi_sync = self.random.one_in(3);
                let value = if self.is_semi_sync { b"\x011".as_slice() } else { b"\xfb" };
                let mut reply = vec![lenenc(4)];
                reply.extend((0..4).map(|_| column(b"c", 253)));
                reply.extend([eof(0), [value, b"\xfb\xfb\xfb"].concat(), eof(0)]);
                reply
            }
            Some(3) => self.results(false),
            Some(0x12) => self.events(),
            Some(4) => {
                let count = self.random.below(4);
                let mut reply = self.definitions(count);
                reply.push(eof(0));
                reply
            }
            Some(9) => vec![b"Uptime: 7".to_vec()],
            Some(0x0d | 0x1b) => vec![eof(0)],
            Some(0x16) => self.prepared(command),
            Some(0x17) if command.get(5) == Some(&1) && self.random.below(3) > 0 => {
                let mut reply = vec![lenenc(self.columns.len() as u64)];
                let columns = self.columns.clone();
                reply.extend(columns.iter().map(|kind| column(b"c", *kind)));
                reply.push(eof(0x40));
                reply
            }
            Some(0x17 | 0xfa) => self.results(true),
            Some(0x1c) => {
                let columns = self.columns.clone();
                let rows = self.random.below(4);
                let mut reply: Vec<Vec<u8>> = (0..rows).map(|_| self.binary_row(&columns)).collect();
                let status = self.random.pick(&[0x40, 0x40, 0x80 | 0x40]);
                reply.push(eof(status));
                reply
            }
            Some(_) => vec![ok(0)],
        };
        if self.random.one_in(30) {
            self.answer(reply)?;
            return Ok(false);
        }
        let reply = if self.random.one_in(10) { vec![error(1064, "no")] } else { reply };
        self.client.send(&reply)?;
        Ok(true)
    }

    /// Sends packets that were damaged; the connection has to end then, because either side may wait for the other.
    fn answer(&mut self, mut reply: Vec<Vec<u8>>) -> io::Result<()> {
        let at = self.random.below(reply.len().max(1));
        match self.random.below(6) {
            0 => drop((!reply.is_empty()).then(|| reply.remove(at))),
            1 => reply.insert(at, self.random.bytes(60)),
            2 if !reply.is_empty() => {
                let length = self.random.below(reply[at].len() + 1);
                reply[at].truncate(length);
            }
            3 if !reply.is_empty() => {
                let more = self.random.bytes(20);
                reply[at].extend(more);
            }
            4 => reply = vec![[&[0xfe], &(1_u64 << 63).to_le_bytes()[..]].concat()],
            _ => {}
        }
        let mut bytes = packets(self.client.sequence, &reply);
        if self.random.one_in(2) {
            for _ in 0..=self.random.below(3) {
                let at = self.random.below(bytes.len().max(1));
                let value = self.random.pick(&[0, 1, 3, 0x7f, 0x80, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
        }
        if self.random.one_in(3) {
            let length = self.random.below(bytes.len() + 1);
            bytes.truncate(length);
        }
        self.client.send_bytes(&bytes)
    }

    fn definitions(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| column(b"c", self.random.pick(&TYPES))).collect()
    }

    fn prepared(&mut self, command: &[u8]) -> Vec<Vec<u8>> {
        let parameters = command.iter().filter(|byte| **byte == b'?').count();
        self.columns = (0..self.random.below(4)).map(|_| self.random.pick(&TYPES)).collect();
        let counts = [self.columns.len(), parameters].map(|count| u16::try_from(count).unwrap().to_le_bytes());
        let mut reply = vec![[&[0, 1, 0, 0, 0], &counts.concat()[..], &[0, 0, 0]].concat()];
        if parameters > 0 {
            reply.extend(self.definitions(parameters));
            reply.push(eof(0));
        }
        if !self.columns.is_empty() {
            reply.extend(self.columns.iter().map(|kind| column(b"c", *kind)));
            reply.push(eof(0));
        }
        reply
    }

    /// One result or several, without rows or with them.
    fn results(&mut self, is_binary: bool) -> Vec<Vec<u8>> {
        let mut reply = Vec::new();
        loop {
            let more = if self.random.one_in(5) { 8 } else { 0 };
            if self.random.one_in(3) {
                reply.push(ok(more));
            } else {
                let mut columns = self.columns.clone();
                if !is_binary || columns.is_empty() || self.random.one_in(6) {
                    columns = (0..=self.random.below(4)).map(|_| self.random.pick(&TYPES)).collect();
                }
                reply.push(lenenc(columns.len() as u64));
                reply.extend(columns.iter().map(|kind| column(b"c", *kind)));
                reply.push(eof(more));
                let rows = if self.random.one_in(20) { 2000 } else { self.random.below(5) };
                for _ in 0..rows {
                    let row = if is_binary { self.binary_row(&columns) } else { self.text_row(columns.len()) };
                    reply.push(row);
                }
                reply.push(if self.random.one_in(12) { error(1317, "interrupted") } else { eof(more) });
            }
            if more == 0 {
                return reply;
            }
        }
    }

    /// Events of a log, and its end.
    fn events(&mut self) -> Vec<Vec<u8>> {
        let mut reply = Vec::new();
        for _ in 0..self.random.below(8) {
            let body = self.random.bytes(60);
            let event = match self.random.below(6) {
                0 => event(4, 0x20, b"\x04\0\0\0\0\0\0\0bin.000007"),
                1 => event(2, 0, b"\x01\0\0\0\0\0\0\0\x03\0\0\0\0abc\0select 1"),
                2 => table(&[3, 15, 252], &[10, 0, 2], &[]),
                3 => rows(3, b"\xf8\x07\0\0\0\x02ab\x03\0xyz"),
                4 => rows(3, &body),
                _ => event(self.random.pick(&[2, 14, 16, 19, 23, 27, 160, 162, 163, 166]), 0, &body),
            };
            let head = if self.is_semi_sync { vec![0, 0xef, self.random.pick(&[0, 1])] } else { vec![0] };
            reply.push([head, event].concat());
        }
        reply.push(if self.random.one_in(4) { error(1236, "no such file") } else { eof(0) });
        reply
    }

    fn text_row(&mut self, columns: usize) -> Vec<u8> {
        let mut row = Vec::new();
        for _ in 0..columns {
            if self.random.one_in(5) {
                row.push(0xfb);
            } else {
                let value = self.random.bytes(300);
                row.extend(lenenc(value.len() as u64));
                row.extend(value);
            }
        }
        row
    }

    fn binary_row(&mut self, columns: &[u8]) -> Vec<u8> {
        let mut row = vec![0; 1 + (columns.len() + 9) / 8];
        for (at, kind) in columns.iter().enumerate() {
            if *kind == 6 || self.random.one_in(5) {
                row[1 + (at + 2) / 8] |= 1 << ((at + 2) % 8);
                continue;
            }
            match kind {
                1 => row.extend(self.fixed(1)),
                2 => row.extend(self.fixed(2)),
                3 | 4 => row.extend(self.fixed(4)),
                5 | 8 => row.extend(self.fixed(8)),
                7 | 10 | 12 => {
                    row.extend(self.random.pick(&[&[0][..], &[4, 0xe8, 7, 2, 3], &[7, 0xe8, 7, 2, 3, 4, 5, 6]]))
                }
                11 => row.extend(self.random.pick(&[&[0][..], &[8, 0, 1, 0, 0, 0, 2, 3, 4]])),
                _ => {
                    let value = self.random.bytes(260);
                    row.extend(lenenc(value.len() as u64));
                    row.extend(value);
                }
            }
        }
        row
    }

    fn fixed(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.random.below(256)).unwrap()).collect()
    }
}

/// Runs seeds until the time is over; the number of seeds.
fn play(place: &Path, program: &Path, time: Duration, steps: u32, run: impl Fn() -> Command) -> u64 {
    let socket = serve(place, answer);
    let first: u64 = std::env::var(SEED).ok().map_or(1, |seed| seed.parse().unwrap());
    let begin = Instant::now();
    let (mut seed, mut events) = (first, 0);
    while seed == first || begin.elapsed() < time {
        let output = heard(run().arg(program).arg(&socket).args([seed.to_string(), steps.to_string()]));
        let shown = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{SEED}={seed}: {}: {shown}", output.status);
        let number = |at| shown.split(", ").nth(at).and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
        let refused = number(1);
        assert!(refused > 20, "some calls come at the wrong time: {shown}");
        events += number(2);
        seed += 1;
    }
    assert!(events > 0, "no event was read");
    seed - first
}

fn seconds(usual: u64) -> Duration {
    Duration::from_secs(std::env::var(SECONDS).ok().map_or(usual, |seconds| seconds.parse().unwrap()))
}

#[test]
fn no_order_of_calls_breaks_the_program() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("random", &folder().join("include"), place.path());
    let seeds = play(place.path(), &program, seconds(10), 20_000, || with_ours("env"));
    println!("{seeds} seeds");
}

#[test]
fn no_order_of_calls_makes_the_address_sanitizer_report() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile_sanitized("random", "address", place.path());
    let seeds = play(place.path(), &program, seconds(10), 20_000, || with_ours("env"));
    println!("{seeds} seeds with AddressSanitizer");
}

#[test]
fn no_order_of_calls_touches_foreign_memory_or_leaks() {
    if !needs(&["cc", "valgrind"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("random", &folder().join("include"), place.path());
    let seeds = play(place.path(), &program, seconds(10), 6000, || {
        let mut command = with_ours("valgrind");
        command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
        command
    });
    println!("{seeds} seeds under valgrind");
}
