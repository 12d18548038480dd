//! The binary log through `mariadb_rpl_*`: of MariaDB, of our server, of a file, and of servers that send malformed events.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use sealwire_tests::capi::{MARIADB_HEADERS, compile, folder, heard, said, with_ours};
use sealwire_tests::certificates::CertificateSet;
use sealwire_tests::programs::needs;
use sealwire_tests::server::{Kind, Server, Settings};
use tempfile::tempdir;

use crate::programs::headers;
use crate::scripted::{Client, column, eof, error, lenenc, ok, serve};
use crate::servers::{PASSWORD, USER};

/// Statements whose events the original can't read: rows with CHAR, ENUM or SET, rows without metadata, a negative TIME with a fraction, and a
/// ROTATE event.
const OURS: [&str; 6] = [
    "CREATE TABLE test.all_types (a TINYINT, b SMALLINT UNSIGNED, c MEDIUMINT, d BIGINT UNSIGNED, e CHAR(10), f ENUM('x','y'), g SET('a','b','c'), h TIME(3), i YEAR, j GEOMETRY, k VARCHAR(300) COMPRESSED) CHARSET utf8mb4;",
    "INSERT INTO test.all_types VALUES (-1, 65535, -70000, 18446744073709551615, 'char', 'y', 'a,c', '-12:34:56.789', 0, POINT(1,2), REPEAT('compressed', 20));",
    "CREATE TABLE test.numbers (a INT, b INT);",
    "INSERT INTO test.numbers VALUES (1, -2);",
    "CREATE USER 'other'@'%';",
    "FLUSH BINARY LOGS;",
];

/// Statements whose events both read.
const BOTH: [&str; 16] = [
    "CREATE TABLE test.t (id INT PRIMARY KEY, a TINYINT, b SMALLINT, c MEDIUMINT, d BIGINT, e FLOAT, f DOUBLE, g DECIMAL(12,4), h BIT(11), i YEAR, j DATE, k TIME(3), l DATETIME(6), m TIMESTAMP(2) NULL, n VARCHAR(300), o TEXT, p BLOB, q TINYBLOB, r LONGTEXT);",
    "INSERT INTO test.t VALUES (1, -1, -2, -3, -4, 1.5, -2.25, -12345.6789, b'10101010101', 2024, '2024-02-29', '12:34:56.789', '2024-02-29 12:34:56.123456', '2024-02-29 12:34:56.78', 'varchar', 'text', x'00ff', 'tiny', 'long'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);",
    "UPDATE test.t SET n = 'changed' WHERE id = 1;",
    "DELETE FROM test.t WHERE id = 2;",
    "SET SESSION binlog_format = STATEMENT;",
    "SET @text = 'text', @number = 42, @real = 1.5e0, @decimal = 12.345, @nothing = NULL;",
    "INSERT INTO test.t (id, n) VALUES (10, @text), (11, @number), (12, @real), (13, @decimal), (14, @nothing);",
    "INSERT INTO test.t (id, n) VALUES (15, RAND());",
    "CREATE TABLE test.counted (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(10));",
    "INSERT INTO test.counted (a) VALUES ('x');",
    "SET SESSION binlog_format = ROW;",
    "SET GLOBAL log_bin_compress = 1;",
    "INSERT INTO test.t (id, o) VALUES (20, REPEAT('abc', 400));",
    "XA START 'global', 'branch', 7; ",
    "INSERT INTO test.counted (a) VALUES ('y');",
    "XA END 'global', 'branch', 7;",
];

/// MariaDB with a log of two files.
fn logging(set: &CertificateSet) -> Server {
    let mut statements = vec![
        "SET sql_log_bin = 0;".to_owned(),
        Kind::MariaDb.create_user(USER, "mysql_native_password", PASSWORD, "SSL"),
        format!("GRANT ALL ON *.* TO '{USER}'@'%';"),
        "SET sql_log_bin = 1;".to_owned(),
        "CREATE DATABASE test;".to_owned(),
    ];
    statements.extend(OURS.iter().chain(&BOTH).map(|statement| (*statement).to_owned()));
    statements.extend(["XA PREPARE 'global', 'branch', 7;".to_owned(), "XA COMMIT 'global', 'branch', 7;".to_owned()]);
    let options = ["--log-bin=bin", "--server-id=9", "--binlog-format=ROW", "--binlog-row-metadata=FULL"];
    let options = options.map(str::to_owned).to_vec();
    let settings = Settings { certificates: Some(set.clone()), statements, options, ..Settings::default() };
    Server::start(Kind::MariaDb, &settings).unwrap_or_else(|error| panic!("{error}"))
}

/// The program's arguments for a server's log from this file on.
fn of_server(command: &mut Command, server: &Server, set: &CertificateSet, checksum: &str, file: &str) -> String {
    command.args(["127.0.0.1", &server.port.to_string(), USER, PASSWORD]).arg(&set.ca).args([checksum, file]);
    said(command)
}

/// The lines that were printed, without the cipher and the ROTATE events that a server makes for the stream.
fn of_the_log(said: &str) -> Vec<&str> {
    said.lines().filter(|line| !line.starts_with("TLS_") && !line.contains(" next 0 flags 32 ")).collect()
}

#[test]
fn a_log_reads_as_by_the_original_and_beyond() {
    if !needs(&["cc", "mariadbd", "mariadb-install-db", &format!("{MARIADB_HEADERS}/mysql.h")]) {
        return;
    }
    let place = tempdir().unwrap();
    let set = CertificateSet::by_openssl_rsa(place.path());
    let mut server = logging(&set);
    let programs: Vec<_> = headers().iter().map(|headers| compile("replication", headers, place.path())).collect();
    let mut theirs = Command::new(&programs[1]);
    let theirs = of_server(theirs.env_remove("LD_LIBRARY_PATH"), &server, &set, "CRC32", "bin.000002");
    assert!(theirs.starts_with("TLS_") && theirs.ends_with("end 0 , 0 \n"), "{theirs}");
    for shown in ["\n row\n  3 1\n  1 -1\n", "uservar.value=12.345\n", "rows.compressed=1", "gtid.xid=globalbranch\n"] {
        assert!(theirs.contains(shown), "{shown}: {theirs}");
    }
    let mut whole = String::new();
    for program in &programs {
        assert_eq!(of_server(&mut with_ours(program), &server, &set, "CRC32", "bin.000002"), theirs);
        whole = of_server(&mut with_ours(program), &server, &set, "CRC32", "bin.000001");
        // Without checksums the same events come.
        let plain = of_server(&mut with_ours(program), &server, &set, "NONE", "bin.000001");
        assert_eq!(of_the_log(&plain), of_the_log(&whole));
        for rotated in ["filename=bin.000001\n", "filename=bin.000002\n"] {
            assert!(plain.contains(rotated), "{rotated}: {plain}");
        }
    }
    let row = "\n row\n  1 -1\n  2 -1\n  9 -70000\n  8 -1\n  254  value->val.str=char\n  247 2\n  248 5\n  11 -0-0-0 12:34:56.789000 type 2\n  13 0\n";
    let compressed = format!("  141  value->val.str={}\n", "compressed".repeat(20));
    for shown in [row, &compressed, "\n row\n  3 1\n  3 -2\n"] {
        assert!(whole.contains(shown), "{shown}: {whole}");
    }
    server.stop();
    // A file has the same events, and none of another file's.
    let file = server.folder().join("data/bin.000001");
    let of_file = said(with_ours(&programs[0]).arg(&file));
    let first: Vec<&str> = of_the_log(&whole);
    let lines: Vec<&str> = of_file.lines().collect();
    let (end, lines) = lines.split_last().unwrap();
    assert_eq!(*end, "end 0 , 0 ");
    assert_eq!(lines, &first[..lines.len()]);
    assert!(lines.last().unwrap().contains("rotate.filename=bin.000002"), "{of_file}");
    bad_files(&programs[0], &fs::read(&file).unwrap(), place.path());
}

/// Files that are cut, changed, or none at all.
fn bad_files(program: &Path, log: &[u8], place: &Path) {
    let outcome = |name: &str, bytes: Option<&[u8]>| {
        let file = place.join(name);
        if let Some(bytes) = bytes {
            fs::write(&file, bytes).unwrap();
        }
        let output = heard(with_ours(program).arg(&file));
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = lines.lines().last().unwrap_or_default().to_owned();
        assert!(output.status.code().is_some(), "{name}: {output:?}");
        last
    };
    assert!(outcome("missing", None).starts_with("open 5004 "));
    assert!(outcome("empty", Some(b"")).starts_with("open 5022 "));
    assert!(outcome("text", Some(b"a text, and no log")).starts_with("open 5022 "));
    assert!(outcome("cut", Some(&log[..log.len() - 5])).starts_with("end 5021 "));
    let mut changed = log.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert!(outcome("changed", Some(&changed)).starts_with("end 5018 "));
    // The length of the first event: 1 GiB, which the file has not, and no memory is taken for.
    let mut long = log.to_vec();
    long[4 + 9..4 + 13].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    assert!(outcome("long", Some(&long)).starts_with("end 5021 "));
    long[4 + 9..4 + 13].copy_from_slice(&3_u32.to_le_bytes());
    assert!(outcome("short", Some(&long)).starts_with("end 5021 "));
}

#[test]
fn the_log_of_our_server_reads_as_by_the_original() {
    if !needs(&["cc", &format!("{MARIADB_HEADERS}/mysql.h"), "/usr/lib/x86_64-linux-gnu/libmariadb.so.3"]) {
        return;
    }
    let place = tempdir().unwrap();
    let set = CertificateSet::by_openssl_rsa(place.path());
    let statements = [
        Kind::Sealwired.create_user(USER, "mysql_native_password", PASSWORD, "SSL"),
        format!("GRANT ALL ON *.* TO '{USER}'@'%';"),
        "CREATE DATABASE test;".to_owned(),
        "CREATE TABLE test.t (id INT PRIMARY KEY, d DATETIME(3), name VARCHAR(20));".to_owned(),
        "INSERT INTO test.t VALUES (1, '2024-02-29 12:34:56.789', 'one'), (2, NULL, NULL);".to_owned(),
        "DELETE FROM test.t WHERE id = 1;".to_owned(),
        "UPDATE test.t SET name = 'two' WHERE id = 2;".to_owned(),
    ];
    let settings = Settings {
        certificates: Some(set.clone()),
        statements: statements.to_vec(),
        options: vec!["--log-bin".to_owned(), "--server-id=9".to_owned()],
        ..Settings::default()
    };
    let server = Server::start(Kind::Sealwired, &settings).unwrap_or_else(|error| panic!("{error}"));
    let program = compile("replication", Path::new(MARIADB_HEADERS), place.path());
    let ours = of_server(&mut with_ours(&program), &server, &set, "CRC32", "binlog.000001");
    let mut theirs = Command::new(&program);
    let theirs = of_server(theirs.env_remove("LD_LIBRARY_PATH"), &server, &set, "CRC32", "binlog.000001");
    // The original takes the second bitmap of MySQL's UPDATE for rows.
    let parts =
        |said: &str| said.split_once("\n31 server ").map(|(before, behind)| (before.to_owned(), behind.to_owned()));
    let ((ours, changed), (theirs, _)) = (parts(&ours).unwrap(), parts(&theirs).unwrap());
    assert_eq!(ours, theirs);
    assert!(changed.contains("value->val.str=two") && changed.ends_with("end 0 , 0 \n"), "{changed}");
}

/// An event without checksum: type, flags and body.
pub(crate) fn event(kind: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = 7_u32.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(9_u32.to_le_bytes());
    bytes.extend(u32::try_from(19 + body.len()).unwrap().to_le_bytes());
    bytes.extend(100_u32.to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Accepts the login and the program's statements, then sends these packets as the log. It keeps the registration and the acknowledgements.
fn stream(
    client: &mut Client,
    packets: &[Vec<u8>],
    semi_sync: bool,
    kept: &Mutex<Vec<Vec<u8>>>,
) -> std::io::Result<()> {
    client.welcome()?;
    loop {
        let command = client.receive()?;
        match command.split_first() {
            Some((3, sql)) if sql.starts_with(b"SELECT ") => {
                let value = if semi_sync { b"\x011".as_slice() } else { b"\xfb" };
                let mut answer = vec![lenenc(4)];
                answer.extend((0..4).map(|_| column(b"c", 253)));
                answer.extend([eof(0), [value, b"\xfb\xfb\xfb"].concat(), eof(0)]);
                client.send(&answer)?;
            }
            Some((3, _)) => client.send(&[ok(0)])?,
            Some((0x12, _)) => client.send(packets)?,
            Some((0x15, replica)) => {
                kept.lock().unwrap().push(replica.to_vec());
                client.send(&[ok(0)])?;
            }
            Some((0xef, ack)) => kept.lock().unwrap().push(ack.to_vec()),
            _ => return Ok(()),
        }
    }
}

/// A table map of table 1 with these types, metadata and bits; `rows` with this number of columns and bitmap, and these data.
pub(crate) fn table(types: &[u8], metadata: &[u8], optional: &[u8]) -> Vec<u8> {
    let mut body = b"\x01\0\0\0\0\0\0\0\x01d\0\x01t\0".to_vec();
    body.extend(lenenc(types.len() as u64));
    body.extend(types);
    body.extend(lenenc(metadata.len() as u64));
    body.extend(metadata);
    body.extend(vec![0xff; types.len().div_ceil(8)]);
    body.extend(optional);
    event(19, 0, &body)
}

pub(crate) fn rows(columns: usize, data: &[u8]) -> Vec<u8> {
    let mut body = b"\x01\0\0\0\0\0\x01\0".to_vec();
    body.extend(lenenc(columns as u64));
    body.extend(vec![0xff; columns.div_ceil(8)]);
    body.extend(data);
    event(23, 0, &body)
}

#[test]
fn malformed_events_end_with_an_error_number() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("replication", &folder().join("include"), place.path());
    let huge = [0xfe, 0, 0, 0, 0, 0, 0, 0, 0x80];
    let sized = |size: u32| {
        let mut bytes = event(2, 0, b"body");
        bytes[9..13].copy_from_slice(&size.to_le_bytes());
        bytes
    };
    let many_nulls = rows(4096, &vec![0xff; 512 * 2000]);
    let wide = table(&[3; 4096], &[], &[]);
    let list = [&0x0fff_ffff_u32.to_le_bytes()[..], &[0; 16]].concat();
    let mut query = b"\x01\0\0\0\0\0\0\0\x03\0\0\xff\xff".to_vec();
    query.extend(b"abc\0select 1");
    // The events, and the number with which the log ends, or that of the rows.
    let cases: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        ("half of a header", vec![event(2, 0, b"")[..10].to_vec()], "end 5021 "),
        ("nothing", vec![Vec::new()], "end 5021 "),
        ("a size of 4 GiB", vec![sized(u32::MAX)], "end 5021 "),
        ("a size of 0", vec![sized(0)], "end 5021 "),
        ("a size that is too small", vec![sized(20)], "end 5021 "),
        ("an unknown type", vec![event(99, 0, b"?")], "end 5020 "),
        ("a type of MySQL before 5.0", vec![event(6, 0, b"?")], "end 5020 "),
        ("a gap in the log", vec![event(26, 0, b"\x01\0\0")], "end 5020 "),
        ("an unknown type that may be skipped", vec![event(99, 0x80, b"?"), event(3, 0, b"")], "end 0 "),
        ("status variables that are too long", vec![event(2, 0, &query)], "end 5021 "),
        ("2^28 GTIDs", vec![event(163, 0, &list)], "end 5021 "),
        ("a GTID that is cut", vec![event(162, 0, b"\x01\0\0")], "end 5021 "),
        ("an old format", vec![event(15, 0, &[[3, 0].as_slice(), &[0; 60]].concat())], "end 0 "),
        ("a format that is unknown", vec![event(15, 0, &[[9, 0].as_slice(), &[0; 60]].concat())], "end 5019 "),
        ("a name of 4 GiB", vec![event(14, 0, &[0xff; 6])], "end 5021 "),
        (
            "a variable of type REAL without a number",
            vec![event(14, 0, b"\x01\0\0\0v\0\x01\x08\0\0\0\x02\0\0\0xx")],
            "end 5021 ",
        ),
        ("a DECIMAL of 255 digits", vec![event(14, 0, b"\x01\0\0\0v\0\x04\x08\0\0\0\x02\0\0\0\xff\xff")], "end 5021 "),
        (
            "2^63 columns",
            vec![event(19, 0, &[b"\x01\0\0\0\0\0\0\0\x01d\0\x01t\0".as_slice(), &huge].concat())],
            "end 5021 ",
        ),
        (
            "metadata of 2^63 bytes",
            vec![event(19, 0, &[b"\x01\0\0\0\0\0\0\0\x01d\0\x01t\0\x01\x03".as_slice(), &huge].concat())],
            "end 5021 ",
        ),
        ("optional metadata that is cut", vec![table(&[3], &[], &[1, 0xfc, 1])], "end 5021 "),
        (
            "compressed rows of 2 GiB",
            vec![event(166, 0, b"\x01\0\0\0\0\0\x01\0\x01\x01\x84\x7f\xff\xff\xffxx")],
            "end 5021 ",
        ),
        ("compressed rows that are none", vec![event(166, 0, b"\x01\0\0\0\0\0\x01\0\x01\x01\x81\x10xx")], "end 5017 "),
        ("a row that is cut", vec![table(&[3], &[], &[]), rows(1, b"\xfe\x01\0")], " no rows: 5021 "),
        ("another number of columns", vec![table(&[3], &[], &[]), rows(2, b"\xfc\0\0\0\0")], " no rows: 5021 "),
        (
            "a text that is longer than its row",
            vec![table(&[15], &[10, 0], &[]), rows(1, b"\xfe\x09ab")],
            " no rows: 5021 ",
        ),
        ("a column of an unknown type", vec![table(&[99], &[], &[]), rows(1, b"\xfeabc")], " no rows: 5021 "),
        ("a row without columns", vec![table(&[], &[], &[]), rows(0, b"abc")], " no rows: 5021 "),
        ("2000 rows of 4096 columns", vec![wide, many_nulls], " no rows: 2008 "),
        ("no event", vec![], "end 0 "),
    ];
    for (number, (about, events, expected)) in cases.into_iter().enumerate() {
        let own = place.path().join(number.to_string());
        fs::create_dir(&own).unwrap();
        let mut packets: Vec<Vec<u8>> = events.iter().map(|event| [b"\0", event.as_slice()].concat()).collect();
        packets.push(eof(0));
        let packets = Arc::new(packets);
        let socket = serve(&own, move |client| stream(client, &packets, false, &Mutex::default()));
        let mut command = with_ours(&program);
        let output = heard(command.env("SOCKET", socket).args(["x", "0", "u", "", "", "NONE", "bin.000001"]));
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let short: String = lines.chars().take(2000).collect();
        assert!(output.status.success(), "{about}: {output:?}");
        assert!(lines.lines().any(|line| line.starts_with(expected)), "{about}: {short}");
        let last = lines.lines().last().unwrap_or_default();
        assert!(last.starts_with("end "), "{about}: {short}");
    }
}

#[test]
fn errors_of_the_server_and_the_connection_are_told() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("replication", &folder().join("include"), place.path());
    let stop = || [b"\0".as_slice(), &event(3, 0, b"")].concat();
    let cases: [(Vec<Vec<u8>>, &str); 4] = [
        (vec![error(1236, "no such file")], "end 1236 no such file, 1236 no such file"),
        (vec![stop(), error(1236, "a gap")], "end 1236 a gap, 1236 a gap"),
        (vec![stop(), b"\x07?".to_vec()], "end 2027 "),
        (vec![stop(), Vec::new()], "end 2027 "),
    ];
    for (number, (packets, expected)) in cases.into_iter().enumerate() {
        let own = place.path().join(number.to_string());
        fs::create_dir(&own).unwrap();
        let socket = serve(&own, move |client| stream(client, &packets, false, &Mutex::default()));
        let mut command = with_ours(&program);
        let said = said(command.env("SOCKET", socket).args(["x", "0", "u", "", "", "NONE", "bin.000001"]));
        assert!(said.lines().last().unwrap().starts_with(expected), "{expected}: {said}");
    }
}

#[test]
fn semi_synchronous_events_are_acknowledged() {
    if !needs(&["cc"]) {
        return;
    }
    let place = tempdir().unwrap();
    let program = compile("replication", &folder().join("include"), place.path());
    let rotate = event(4, 0x20, b"\x04\0\0\0\0\0\0\0bin.000007");
    let packet = |wants: u8, event: &[u8]| [&[0, 0xef, wants], event].concat();
    let packets = vec![packet(0, &rotate), packet(1, &event(16, 0, &[0; 8])), packet(0, &event(3, 0, b"")), eof(0)];
    let acks = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let kept = Arc::clone(&acks);
    let socket = serve(place.path(), move |client| stream(client, &packets, true, &kept));
    let mut command = with_ours(&program);
    let lines = said(command.env("SOCKET", socket).args(["x", "0", "u", "", "", "NONE", "bin.000001"]));
    let mut flags = String::new();
    for line in lines.lines().filter(|line| line.contains(" semi ")) {
        let (_, after) = line.split_once(" semi ").unwrap();
        write!(flags, "{}; ", &after[..3]).unwrap();
    }
    assert_eq!(flags, "1 0; 1 1; 1 0; ", "{lines}");
    assert_eq!(*acks.lock().unwrap(), [b"\x64\0\0\0\0\0\0\0bin.000007".to_vec()]);
}

#[test]
fn a_reader_is_listed_under_the_host_that_the_program_names() {
    if !needs(&["cc", &format!("{MARIADB_HEADERS}/mysql.h"), "/usr/lib/x86_64-linux-gnu/libmariadb.so.3"]) {
        return;
    }
    let place = tempdir().unwrap();
    let kept = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let server = Arc::clone(&kept);
    let socket = serve(place.path(), move |client| stream(client, &[eof(0)], false, &server));
    let program = compile("replication", Path::new(MARIADB_HEADERS), place.path());
    for mut command in [with_ours(&program), Command::new(&program)] {
        command.env("SOCKET", &socket).env("REPLICA", "listed");
        heard(command.args(["x", "0", "u", "", "", "NONE", "bin.000001"]));
        let registered = kept.lock().unwrap().pop();
        assert_eq!(registered.unwrap(), b"\x4d\0\0\0\x06listed\0\0\xeb\x0c\0\0\0\0\0\0\0\0");
    }
}
