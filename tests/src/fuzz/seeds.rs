//! The initial inputs of fuzzing: recorded messages, and conversations of real machines as scripts.

use std::path::Path;

use sealwire_binlog::{Event, EventType, Limits, Reader};
use sealwire_core::client;
use sealwire_core::message::Value;
use sealwire_core::message::vectors::{self, Kind};
use sealwire_core::wire::Put as _;
use sealwire_core::wire::compressed::{self, Algorithm};
use sealwire_core::wire::frame::{self, HEADER, Scan};
use sealwire_simnet::{Host, OwnedEvent, Pair, Toward};

use super::script::{ACT, PACKET, step};
use super::{accounts, client as client_target, lexer, messages, proxy_seeds, server as server_target, sql};

/// The initial inputs of a target. Those of `pem` are files of the repository, whose folder is `root`.
pub fn seeds(target: &str, root: &Path) -> Vec<Vec<u8>> {
    match target {
        "messages" => {
            vectors::ALL.iter().map(|vector| message(vector.kind, vector.capabilities.bits(), vector.payload)).collect()
        }
        "frames" => frames(),
        "accounts" => statements(),
        "options" => OPTIONS.iter().map(|(mode, text)| under(*mode, text.as_bytes())).collect(),
        "pem" => files(root),
        "client" => clients(),
        "server" => servers(),
        "sql" => sql::SEEDS.iter().map(|text| under(0, text.as_bytes())).collect(),
        "lexer" => lexer::SEEDS.iter().flat_map(|text| [0, 4, 7].map(|how| under(how, text.as_bytes()))).collect(),
        "events" => events(root),
        "rows" => rows(root),
        "proxy_header" => proxy_seeds::headers(root),
        "proxy" => proxy_seeds::conversations(),
        "bridge" => BRIDGE.iter().map(|(mode, bytes)| under(*mode, bytes)).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn under(mode: u8, bytes: &[u8]) -> Vec<u8> {
    [&[mode][..], bytes].concat()
}

fn message(kind: Kind, capabilities: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let place = messages::KINDS.iter().position(|known| *known == kind);
    // A kind beyond the table is taken by its remainder by three.
    let beyond = messages::KINDS.len().next_multiple_of(3);
    let number = place.unwrap_or_else(|| beyond + usize::from(matches!(kind, Kind::StmtExecute(_))));
    out.put_u8(u8::try_from(number).expect("few kinds"));
    out.put_u64(capabilities);
    match kind {
        Kind::BinaryRow(types) => {
            out.put_u8(u8::try_from(types.len()).expect("few columns"));
            out.extend(types.iter().map(|kind| kind.0));
            out.put_u8(0);
            out.put(payload);
        }
        Kind::StmtExecute(count) => {
            out.put(&[u8::try_from(count).expect("few parameters"), 0, 0]);
            out.put(payload.get(1..).unwrap_or_default());
        }
        _ => out.put(payload),
    }
    out
}

/// The recorded log of MariaDB.
fn log(root: &Path) -> Vec<u8> {
    std::fs::read(root.join("core/binlog/tests/data/mariadb-10.11.binlog")).expect("the recorded log")
}

/// Shows each event of the recorded log.
fn each_event(log: &[u8], mut visit: impl FnMut(&Event<'_>)) {
    let (mut reader, mut rest) = (Reader::file(Limits::default()), log);
    while let Some(event) = reader.next(&mut rest).expect("a log that is whole") {
        visit(&event);
    }
}

/// The first events as a file, each kind of event as a script, texts.
fn events(root: &Path) -> Vec<Vec<u8>> {
    let log = log(root);
    let mut all = vec![under(0, &log[..3000])];
    let mut seen = std::collections::BTreeSet::new();
    each_event(&log, |event| {
        let Ok(length) = u8::try_from(event.body.len()) else { return };
        if seen.insert((event.header.event_type, event.header.flags.0, length / 32)) {
            let head = [2, event.header.event_type.0, event.header.flags.0 as u8, length];
            all.push([&head[..], event.body].concat());
        }
    });
    let uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    for text in ["{\"a\": [1, -2.5e3, \"\\u00e4\", true, null]}", &format!("{uuid}:1-5:7:tag:9"), "0-1-100,7-1-3"] {
        all.push(under(5, text.as_bytes()));
        let mut bytes = Vec::new();
        if sealwire_binlog::json::from_text(text, &mut bytes).is_ok() {
            all.push(under(4, &bytes));
        }
    }
    let set: sealwire_binlog::GtidSet = format!("{uuid}:1-5:7:tag:9").parse().expect("a set");
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    all.push(under(3, &bytes));
    all
}

/// The rows of each table in the recorded log.
fn rows(root: &Path) -> Vec<Vec<u8>> {
    let (mut all, mut map) = (Vec::new(), Vec::new());
    each_event(&log(root), |event| {
        let kind = match event.header.event_type {
            EventType::TABLE_MAP => {
                map = event.body.to_vec();
                return;
            }
            EventType::WRITE_ROWS_V1 => 0,
            EventType::UPDATE_ROWS_V1 => 1,
            EventType::DELETE_ROWS_V1 => 2,
            _ => return,
        };
        let Ok(length) = u8::try_from(map.len()) else { return };
        // Behind the table's number, the flags, and the number of columns.
        let rows = event.body.get(9..).unwrap_or_default();
        all.push([&[kind, length][..], &map, rows.get(..1000).unwrap_or(rows)].concat());
    });
    all.truncate(60);
    all
}

fn frames() -> Vec<Vec<u8>> {
    let (mut plain, mut sequence) = (Vec::new(), 0);
    frame::encode(b"\x03select 1", &mut sequence, &mut plain);
    let packed = |algorithm| {
        let mut packed = Vec::new();
        compressed::encode(algorithm, &plain.repeat(20), 0, &mut packed);
        packed
    };
    let (zlib, zstd) = (packed(Algorithm::Zlib), packed(Algorithm::Zstd { level: 3 }));
    let body = |packed: &[u8]| [&[4, 1][..], &packed[compressed::HEADER..]].concat();
    vec![
        under(0, &plain),
        under(1, &plain),
        under(1, b"\xff2f"),
        under(2, &zlib),
        under(2, &zstd),
        under(3, &body(&zlib)),
        under(3, &body(&zstd)),
        under(4, &plain),
        under(4, &under(1, &plain.repeat(9))),
    ]
}

const STATEMENTS: &[&str] = &[
    "CREATE USER IF NOT EXISTS 'u'@'10.0.0.0/255.0.0.0' IDENTIFIED WITH caching_sha2_password BY 'p' REQUIRE SSL",
    "CREATE OR REPLACE USER u, v@localhost IDENTIFIED BY PASSWORD '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19' \
     REQUIRE SUBJECT '/CN=it''s' AND ISSUER '/O=x' CIPHER 'TLS_AES_128_GCM_SHA256' WITH MAX_USER_CONNECTIONS 7 ACCOUNT LOCK",
    "CREATE USER e IDENTIFIED VIA ed25519 USING PASSWORD('p'); GRANT SELECT, INSERT (a) ON `d``b`.* TO e WITH GRANT OPTION;",
    "ALTER USER IF EXISTS CURRENT_USER() IDENTIFIED WITH ed25519 AS 'x' REQUIRE X509 ACCOUNT UNLOCK",
    "CREATE USER a; RENAME USER a TO b@'%.example.com'; DROP USER IF EXISTS c; REVOKE ALL PRIVILEGES, GRANT OPTION FROM b@'%.example.com';",
    "SET PASSWORD FOR 'a'@'b' = PASSWORD('x'); SHOW GRANTS FOR a; SHOW CREATE USER a; FLUSH PRIVILEGES",
    "/*!50001 GRANT ALL ON *.* TO ''@`h` REQUIRE NONE */ -- and so on\n# more",
];

fn statements() -> Vec<Vec<u8>> {
    let words = [
        "CREATE USER",
        "u",
        "IDENTIFIED WITH",
        "mysql_native_password",
        "AS",
        "'*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'",
        "REQUIRE",
        "SUBJECT",
        "'/CN=a/O=it''s'",
        "WITH",
        "MAX_USER_CONNECTIONS",
        "7",
        ";",
        "GRANT",
        "SELECT",
        "ON",
        "`d``b`.`t`",
        "TO",
        "u",
        "WITH",
        "GRANT OPTION",
        ";",
        "RENAME USER",
        "u",
        "TO",
        "'u'@'h'",
        ";",
    ];
    let place = |word: &&str| accounts::WORDS.iter().position(|known| known == word);
    let words: Vec<u8> = words.iter().filter_map(place).filter_map(|place| u8::try_from(place).ok()).collect();
    let mut seeds: Vec<Vec<u8>> = STATEMENTS.iter().map(|text| under(0, text.as_bytes())).collect();
    seeds.push(under(1, &words));
    seeds
}

const OPTIONS: &[(u8, &str)] = &[
    (0, "# c\n[client]\nhost = 'a # b' # c\nport=3307\npassword=\"it\\'s\\n\\s\"\nskip-ssl\n; c\n[mysqld]\nx=1\n"),
    (0, "[ mysql ]\r\nloose_x = 1\nport = 1K\nenable-ssl\nexecute=a\nexecute=b\ndisable_batch\nuse = 3\n"),
    (1, "--host=a\n-uroot\n-pB\n--port\n3306\n-Be\nselect 1\n--\ndb"),
    (1, "--loose-nothing=1\n--ssl=OFF\n--skip-batch\n--pass\n-?\n--version"),
    (2, "a \\ 'b' \"c\" # d\n\t\r"),
];

fn files(root: &Path) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "/O=Sealwire/CN=it\\/s/emailAddress=a@b",
        "ECDHE-RSA-AES256-GCM-SHA384:TLS_AES_128_GCM_SHA256",
        "TLSv1.2,TLSv1.3",
        "VERIFY_IDENTITY",
        "192.0.2.0/255.255.255.0",
        "%.example.com",
        "db.example.com",
        "[::1]",
    ]
    .iter()
    .map(|text| under(2, text.as_bytes()))
    .collect();
    for folder in ["core/tests/data", "core/simnet/data"] {
        let entries = std::fs::read_dir(root.join(folder)).expect("the repository").flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|kind| kind == "pem" || kind == "crl")) {
            let text = std::fs::read(path).expect("a file of the repository");
            seeds.push(under(0, &text));
            let certificates = sealwire_core::tls::NamedPem::new("seed", text).certificates();
            for der in certificates.into_iter().flatten() {
                seeds.push(under(1, &der));
                let length = u16::try_from(der.len()).expect("a short certificate").to_le_bytes();
                seeds.extend([0, 1].map(|trust| [&[3, trust][..], &length, &der].concat()));
            }
        }
    }
    seeds
}

/// An action of an application: its bytes in a script, and the call on the machine.
type Act = (&'static [u8], fn(&mut client::Connection));

/// The last two are for clients that send local files.
const ACTS: &[Act] = &[
    (b"\0select 1", |client| drop(client.query(b"select 1"))),
    (b"\0TWICE", |client| drop(client.query(b"TWICE"))),
    (b"\0FAIL", |client| drop(client.query(b"FAIL"))),
    (b"\x0f", |client| drop(client.ping())),
    (b"\x08", |client| drop(client.statistics())),
    (b"\x0bt", |client| drop(client.field_list(b"t", b"%"))),
    (b"\x09", |client| drop(client.reset_connection())),
    (b"\x0a", |client| drop(client.set_option(1))),
    (b"\x01select ?", |client| drop(client.prepare(b"select ?"))),
    (b"\0LOAD DATA LOCAL INFILE 'f'", |client| drop(client.query(b"LOAD DATA LOCAL INFILE 'f'"))),
    (b"\x0edata", |client| drop(client.local_infile_data(b"data").and_then(|()| client.local_infile_end()))),
];

/// Executes the prepared statement.
const EXECUTE: &[u8] = b"\x02x";
/// Sends the requested file, which begins no new exchange.
const FILE: u8 = 0x0e;

/// Local files are sent to verified servers, or over a Unix socket.
const GIVES_FILES: u8 = client_target::LOCAL_INFILE | client_target::UNIX_SOCKET;

/// A conversation in parts: before the first action, and after each one.
pub(super) type Talk = Vec<Part>;

#[derive(Default)]
pub(super) struct Part {
    act: &'static [u8],
    /// The payloads of the packets.
    pub(super) to_client: Vec<Vec<u8>>,
    pub(super) to_server: Vec<Vec<u8>>,
}

pub(super) fn talk(mut pair: Pair, gives_files: bool) -> Talk {
    let (mut talk, mut told) = (Talk::new(), 0);
    let mut part = |pair: &mut Pair, act| {
        pair.run();
        let since = |toward| pair.wire[told..].iter().filter(move |(to, _)| *to == toward).flat_map(|(_, bytes)| bytes);
        let to_client = payloads(since(Toward::Client).copied().collect());
        let to_server = payloads(since(Toward::Server).copied().collect());
        told = pair.wire.len();
        talk.push(Part { act, to_client, to_server });
    };
    part(&mut pair, b"");
    for (act, run) in &ACTS[..ACTS.len() - if gives_files { 0 } else { 2 }] {
        run(&mut pair.client);
        part(&mut pair, act);
        let prepared = pair.seen.iter().find_map(|seen| match seen {
            OwnedEvent::Prepared(prepared) => Some(prepared.clone()),
            _ => None,
        });
        if let Some(prepared) = prepared {
            // An error shows in the packets that follow.
            let _ = pair.client.execute(&prepared, &[Value::Bytes(b"x")]);
            part(&mut pair, EXECUTE);
        }
    }
    talk
}

fn payloads(wire: Vec<u8>) -> Vec<Vec<u8>> {
    let (mut payloads, mut rest) = (Vec::new(), wire.as_slice());
    while let Scan::Complete(found) = frame::scan(rest) {
        payloads.push(rest[HEADER..found.wire_length].to_vec());
        rest = &rest[found.wire_length..];
    }
    payloads
}

fn clients() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (plugin, name) in
        [(1, "mysql_native_password"), (2, "caching_sha2_password"), (3, "sha256_password"), (5, "ed25519")]
    {
        for flags in [0, client_target::FETCH_KEY, GIVES_FILES | client_target::EXTRAS] {
            let accounts = format!("CREATE USER 'fuzzer'@'%' IDENTIFIED WITH {name} BY '{}';", client_target::PASSWORD);
            let host = Host::new(&accounts).expect("an account");
            for server in [0, server_target::TLS] {
                let client = client_target::Settings { flags, plugin }.config();
                let gives_files = flags & client_target::LOCAL_INFILE != 0;
                let talk = talk(Pair::new(client, server_target::config(server), host.clone()), gives_files);
                let mut script = Vec::new();
                for part in &talk {
                    if !part.act.is_empty() {
                        script.extend(step(ACT, part.act));
                    }
                    script.extend(part.to_client.iter().flat_map(|payload| step(PACKET, payload)));
                }
                let tls = if server == 0 { 0 } else { client_target::TLS | client_target::VERIFIES };
                seeds.push([&[flags | tls, plugin][..], &script].concat());
            }
        }
    }
    seeds
}

fn servers() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (user, password) in [("empty", ""), ("native", "secret"), ("ed25519", "secret"), ("ssl", ""), ("nobody", "x")] {
        for flags in [0, server_target::TLS, server_target::NATIVE] {
            let mut config = client_target::Settings { flags: GIVES_FILES, plugin: 0 }.config();
            config.user = user.to_owned();
            config.password = password.into();
            let host = Host::new(server_target::ACCOUNTS).expect("accounts");
            let talk = talk(Pair::new(config, server_target::config(flags), host), true);
            let mut script = if flags & server_target::TLS == 0 { Vec::new() } else { step(ACT, &[1]) };
            for part in &talk {
                if part.act.first().is_some_and(|act| *act != FILE) {
                    script.extend(step(ACT, &[0]));
                }
                script.extend(part.to_server.iter().flat_map(|payload| step(PACKET, payload)));
            }
            seeds.push([&[flags, 0][..], &script].concat());
        }
    }
    seeds
}

const BRIDGE: &[(u8, &[u8])] = &[
    (0, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    (0, b"GET /metrics HTTP/1.0\r\nConnection: keep-alive\r\nAccept-Encoding: br, gzip\r\nIf-None-Match: \"x\"\r\n\r\n"),
    (0, b"POST /tcp/db HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"),
    (0, b"GET /tcp/none HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://localhost:1\r\nAuthorization: Bearer x\r\n\
          Sec-WebSocket-Protocol: sealwire, bearer.x\r\n\r\n"),
    (1, b"\x82\x85\x01\x02\x03\x04igohn\x89\x80\x01\x02\x03\x04\x88\x82\x01\x02\x03\x04\x02\xea"),
    (2, b"\x82\x05hello\x02\x03abc\x80\x03def\x89\x01p\x8a\0\x88\x02\x03\xe8"),
    (2, b"\x81\x04text"),
    (2, b"\xc2\x01x"),
];
