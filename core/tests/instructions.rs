//! The workloads whose instructions `cargo xtask instructions` counts. They use no cryptography and no clock, so valgrind gives the same
//! number each time.
//!
//! `instructions NAME COUNT` runs one workload COUNT times. Without arguments each one runs once, and its result is checked.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sealwire_core::auth::{Credential, Plugin};
use sealwire_core::client::{self, TlsPolicy};
use sealwire_core::facts::Transport;
use sealwire_core::message::{
    Attributes, BinaryRow, Capabilities, ColumnDefinition, ColumnType, Command, HandshakeResponse41, HandshakeV10,
    OkPacket, StatusFlags, TextRow, Value, encode_binary_row, encode_text_row,
};
use sealwire_core::random::Random;
use sealwire_core::server::{self, Candidate, Peer, RowBatch};
use sealwire_core::wire::frame::{self, Scan};
use sealwire_core::{Input, Now, Output};

/// A workload, which returns whether its result is right.
pub(crate) type Work = fn() -> bool;

/// The workloads by name.
pub(crate) const WORKS: [(&str, Work); 17] = [
    ("encode a text row of 3 columns", encode_text),
    ("decode a text row of 3 columns into (i64, &str, f64)", decode_text),
    ("encode a binary row of 3 columns", encode_binary),
    ("decode a binary row of 3 columns into (i64, &str, f64)", decode_binary),
    ("frame a packet of 100 bytes", encode_frame),
    ("find a packet of 100 bytes", find_frame),
    ("encode an OK packet", encode_ok),
    ("decode an OK packet", decode_ok),
    ("encode a column definition", encode_column),
    ("decode a column definition", decode_column),
    ("encode a server's greeting", encode_greeting),
    ("decode a server's greeting", decode_greeting),
    ("encode a client's response", encode_response),
    ("decode a client's response", decode_response),
    ("both machines: connect in plaintext, without a password", connect),
    ("both machines: connect, and SELECT 1", connect_and_select),
    ("both machines: connect, and 1,000 text rows of 3 columns", connect_and_read),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [list] if list == "list" => WORKS.iter().for_each(|(name, _)| println!("{name}")),
        [name, count] if count.parse::<u32>().is_ok() => {
            let (_, work) = WORKS.iter().find(|(known, _)| known == name).expect("a work of that name");
            for _ in 0..count.parse().unwrap() {
                assert!(black_box(work)());
            }
        }
        // `cargo test` runs this, whatever arguments it passes on.
        _ => WORKS.iter().for_each(|(name, work)| assert!(work(), "{name}")),
    }
}

const TEXT: [&[u8]; 3] = [b"123456", b"xxxxxxxxxxxxxxxxxx123456", b"30864.25"];
const TEXT_ROW: &[u8] = {
    const BYTES: &Aligned<[u8]> = &Aligned(*b"----\x06123456\x18xxxxxxxxxxxxxxxxxx123456\x0830864.25");
    BYTES.0.split_at(4).1
};
const BINARY_ROW: &[u8] = {
    const BYTES: &Aligned<[u8]> =
        &Aligned(*b"-------\0\0\x40\xe2\x01\0\x18xxxxxxxxxxxxxxxxxx123456\0\0\0\0\x10\x24\xde\x40");
    BYTES.0.split_at(7).1
};
const OK: &[u8] = b"\0\x01\x02\x02\0\0\0";

/// A row after some other bytes, so that its text is aligned as it was when the counts were taken: for each byte up to the next multiple of
/// eight, `str::from_utf8` takes six more instructions.
#[repr(align(8))]
struct Aligned<T: ?Sized>(T);

static COLUMNS: LazyLock<[ColumnDefinition; 3]> = LazyLock::new(|| {
    [("id", ColumnType::LONG), ("name", ColumnType::VAR_STRING), ("price", ColumnType::DOUBLE)]
        .map(|(name, kind)| ColumnDefinition::new(name, kind))
});

fn encode_text() -> bool {
    let mut out = Vec::with_capacity(64);
    encode_text_row(black_box(TEXT).map(Some), &mut out);
    out == TEXT_ROW
}

fn decode_text() -> bool {
    TextRow::new(black_box(TEXT_ROW)).read() == Ok((123_456i64, "xxxxxxxxxxxxxxxxxx123456", 30864.25))
}

fn encode_binary() -> bool {
    let mut out = Vec::with_capacity(64);
    let values = black_box([Value::Int(123_456), Value::Bytes(TEXT[1]), Value::Double(30864.25)]);
    encode_binary_row(&*COLUMNS, &values, &mut out);
    out == BINARY_ROW
}

fn decode_binary() -> bool {
    let row = BinaryRow::new(black_box(BINARY_ROW), &*COLUMNS).expect("a row");
    row.read() == Ok((123_456i64, "xxxxxxxxxxxxxxxxxx123456", 30864.25))
}

fn encode_frame() -> bool {
    let (mut out, mut sequence) = (Vec::with_capacity(128), 7);
    frame::encode(black_box(&[1; 100]), &mut sequence, &mut out);
    out.len() == 104 && sequence == 8
}

fn find_frame() -> bool {
    let mut packet = [1; 104];
    packet[..4].copy_from_slice(&[100, 0, 0, 7]);
    matches!(frame::scan(black_box(&packet)), Scan::Complete(found) if found.payload_length == 100)
}

fn encode_ok() -> bool {
    let ok = OkPacket { affected_rows: 1, last_insert_id: 2, status: StatusFlags::AUTOCOMMIT, ..OkPacket::default() };
    let mut out = Vec::with_capacity(64);
    black_box(ok).encode(Capabilities::PROTOCOL_41, &mut out);
    out == OK
}

fn decode_ok() -> bool {
    OkPacket::decode(black_box(OK), Capabilities::PROTOCOL_41).is_ok_and(|ok| ok.last_insert_id == 2)
}

fn encode_column() -> bool {
    let mut out = Vec::with_capacity(64);
    black_box(&COLUMNS[0]).encode(Capabilities::PROTOCOL_41, &mut out);
    !out.is_empty()
}

fn decode_column() -> bool {
    const COLUMN: &[u8] = b"\x03def\x01d\x01t\x01t\x02id\x02id\x0c\x3f\0\x0b\0\0\0\x03\x03\x42\0\0\0";
    ColumnDefinition::decode(black_box(COLUMN), Capabilities::PROTOCOL_41).is_ok_and(|column| column.name == b"id")
}

const GREETING: &[u8] = b"\x0a8.4.0\0\x01\0\0\0abcdefgh\0\0\x82\xff\x02\0\x08\0\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_password\0";
const RESPONSE: &[u8] = b"\0\x82\x08\0\0\0\0\x01\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    bench\0\x14abcdefghijklmnopqrstmysql_native_password\0";
const PLUGIN: &[u8] = b"mysql_native_password";

fn plugin_capabilities() -> Capabilities {
    Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION | Capabilities::PLUGIN_AUTH
}

fn encode_greeting() -> bool {
    let greeting = HandshakeV10 {
        server_version: b"8.4.0",
        connection_id: 1,
        scramble: *b"abcdefghijklmnopqrst",
        capabilities: plugin_capabilities(),
        charset: 255,
        status: StatusFlags::AUTOCOMMIT,
        auth_plugin: Some(PLUGIN),
    };
    let mut out = Vec::with_capacity(128);
    black_box(greeting).encode(&mut out);
    out == GREETING
}

fn decode_greeting() -> bool {
    HandshakeV10::decode(black_box(GREETING)).is_ok_and(|greeting| greeting.auth_plugin == Some(PLUGIN))
}

fn encode_response() -> bool {
    let response = HandshakeResponse41 {
        capabilities: plugin_capabilities(),
        max_packet: 1 << 24,
        charset: 255,
        user: b"bench",
        auth_response: b"abcdefghijklmnopqrst",
        database: None,
        auth_plugin: Some(PLUGIN),
        attributes: Attributes::default(),
        zstd_level: None,
    };
    let mut out = Vec::with_capacity(128);
    black_box(response).encode(&mut out);
    out == RESPONSE
}

fn decode_response() -> bool {
    HandshakeResponse41::decode(black_box(RESPONSE)).is_ok_and(|response| response.auth_plugin == Some(PLUGIN))
}

fn connect() -> bool {
    let mut pair = Pair::new();
    pair.drive();
    pair.rows == 0
}

fn connect_and_select() -> bool {
    let mut pair = Pair::new();
    pair.drive();
    pair.client.query(b"SELECT 1").expect("a session");
    pair.drive();
    pair.rows == 1
}

fn connect_and_read() -> bool {
    let mut pair = Pair::new();
    pair.drive();
    pair.client.query(b"SELECT id, name, price FROM t").expect("a session");
    pair.drive();
    pair.rows == 1000
}

/// A client and a server in memory.
struct Pair {
    client: client::Connection,
    server: server::Connection,
    rows: usize,
}

const NOW: Now = Now { monotonic: Duration::ZERO, wall: Duration::ZERO };

/// A counter in place of random bytes, the same in each run.
#[derive(Debug)]
struct Counter;

impl Random for Counter {
    fn fill(&self, out: &mut [u8]) {
        (1..).zip(out).for_each(|(number, byte)| *byte = number);
    }
}

impl Pair {
    fn new() -> Self {
        let mut config = client::Config::new("u", "".into(), Arc::new(Counter));
        config.tls = TlsPolicy::Disabled;
        let client = client::Connection::new(Arc::new(config), NOW);
        let config = Arc::new(server::Config::new("8.4.0", Arc::new(Counter)));
        let peer = Peer { transport: Transport::Tcp, host: "h".into(), user: None };
        Self { client, server: server::Connection::new(config, 1, peer, NOW), rows: 0 }
    }

    /// Moves bytes until the client is connected or has its result.
    fn drive(&mut self) {
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        loop {
            while self.client.advance_row().is_some() {
                self.rows += 1;
            }
            match self.client.poll_output(&mut to_server).expect("the client goes on") {
                Output::Event(client::Event::Row(_)) => self.rows += 1,
                Output::Event(client::Event::Connected(_) | client::Event::ResultEnd { .. }) => return,
                Output::Event(_) | Output::Transmit | Output::Wait(_) => {}
            }
            self.server.handle_input(Input::Bytes(&mut to_server), NOW).expect("the server takes it");
            match self.server.poll_output(&mut to_client).expect("the server goes on") {
                Output::Event(server::Event::Login(_)) => {
                    let plugin = Plugin::MysqlNativePassword;
                    let credential = Credential::from_password(plugin, b"", &Counter).expect("a credential");
                    let candidate = Candidate { credential, ..Candidate::decoy(plugin) };
                    self.server.authenticate(candidate).expect("a login waits");
                }
                Output::Event(server::Event::Authenticated { .. }) => {
                    self.server.accept(StatusFlags::AUTOCOMMIT).expect("a login waits");
                }
                Output::Event(server::Event::Command(Command::Query(query))) => {
                    let is_one = query.sql == b"SELECT 1";
                    self.answer(is_one);
                }
                Output::Event(_) | Output::Transmit | Output::Wait(_) => {}
            }
            self.client.handle_input(Input::Bytes(&mut to_client), NOW).expect("the client takes it");
        }
    }

    /// Answers with one row of one column, or with a thousand rows of three columns.
    fn answer(&mut self, is_one: bool) {
        let mut batch = RowBatch::default();
        for _ in 0..if is_one { 1 } else { 1000 } {
            if is_one {
                encode_text_row([Some(&b"1"[..])], batch.row());
            } else {
                encode_text_row(TEXT.map(Some), batch.row());
            }
            batch.end_row();
        }
        self.server.begin_rows(if is_one { &COLUMNS[..1] } else { &*COLUMNS }).expect("a command waits");
        self.server.rows(batch).expect("columns were given");
        self.server.end_rows(StatusFlags::AUTOCOMMIT, 0).expect("rows were given");
    }
}
