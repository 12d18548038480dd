//! Whole logs: recorded ones come back to the byte, written ones are read, malformed ones are refused with their place.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

use std::borrow::Cow;
use std::sync::Arc;

use sealwire_binlog::{
    Body, Checksum, ColumnKind, Error, Event, EventFlags, EventType, Flavour, FormatDescription, GtidEvent, GtidList,
    GtidSet, Head, HeartbeatV2, IntVar, Limits, MAGIC, MariaDbGtid, MariaDbGtidEvent, NewColumn, NewTable, Problem,
    Query, Reader, Rotate, RowMetadata, Rows, RowsBuilder, RowsFlags, RowsKind, StartEncryption, StatusVariable, Table,
    TableMap, TransactionPayload, Value, Writer, deflate, encode_event, relocate,
};

const MARIADB: &[u8] = include_bytes!("data/mariadb-10.11.binlog");

/// Decodes all events of a file, and compares their encodings with their bytes.
fn events(file: &[u8], mut visit: impl FnMut(&Event<'_>, &Body<'_>)) -> usize {
    let (mut reader, mut rest, mut count) = (Reader::file(Limits::default()), file, 0);
    while let Some(event) = reader.next(&mut rest).unwrap() {
        let body = event.decode().unwrap();
        let mut encoded = Vec::new();
        body.encode(&mut encoded);
        assert_eq!(encoded, event.body, "{:?} at {}", event.header.event_type, event.position);
        if let Some(event_type) = body.event_type() {
            assert_eq!(event_type, event.header.event_type);
        }
        visit(&event, &body);
        count += 1;
    }
    reader.finish(rest).unwrap();
    assert_eq!(reader.position(), file.len() as u64);
    count
}

#[test]
fn a_log_of_mariadb_is_read_and_written_to_the_byte() {
    let (mut statements, mut rows, mut numbers) = (0, 0, 0);
    let count = events(MARIADB, |event, body| match body {
        Body::Query(query) => {
            statements += 1;
            assert!(query.status.iter().count() >= 4, "{query:?}");
            let mut status = Vec::new();
            query.status.iter().for_each(|variable| variable.encode(&mut status));
            assert_eq!(status, query.status.0);
        }
        Body::Rows(all) => {
            for row in all.iter().unwrap() {
                let row = row.map_err(|problem| event.error(problem)).unwrap();
                rows += 1;
                if let [Some(Value::Int(number))] = row.after[..] {
                    numbers += number;
                }
            }
        }
        _ => {}
    });
    assert_eq!((count, statements, rows, numbers), (610, 101, 3080, 13_190_324));
}

#[test]
fn the_recorded_statements_say_what_they_should() {
    let mut said = Vec::new();
    events(MARIADB, |event, body| {
        let line = match body {
            Body::FormatDescription(format) => {
                assert_eq!(format.flavour(), Flavour::MariaDb);
                assert!(event.header.flags.0 == 0 && event.checksum.is_some());
                String::from_utf8_lossy(format.server_version).into_owned()
            }
            Body::MariaDbGtid(gtid) if gtid.xid.is_some() || gtid.extra.is_some() || gtid.domain != 0 => {
                format!("{} {:#x} {:?}", gtid.gtid(event.header.server_id), gtid.flags, gtid.extra.map(|e| e.flags))
            }
            Body::UserVar(variable) => match variable.value {
                Some(value) if value.decimal().is_ok() => value.decimal().unwrap().to_string(),
                value => format!("{:?}", value.map(|value| value.data)),
            },
            Body::Query(query) if query.packed.is_some() => String::from_utf8_lossy(&query.sql).into_owned(),
            Body::LoadQuery(load) => {
                let name = load.query.sql.get(load.name_start as usize..load.name_end as usize).unwrap();
                String::from_utf8_lossy(name).into_owned()
            }
            Body::Rows(rows) if rows.packed.is_some() => {
                let row = rows.iter().unwrap().next().unwrap().unwrap();
                let Some(Some(Value::Bytes(text))) = row.after.last() else { panic!("{row:?}") };
                assert!(text.starts_with(b"abcabc") && text.len() == 600);
                format!("{} columns", row.after.len())
            }
            Body::XaPrepare(prepare) => format!("{prepare:?}"),
            Body::Rotate(rotate) => String::from_utf8_lossy(rotate.file).into_owned(),
            _ => return,
        };
        said.push(line);
    });
    let short: Vec<&str> = said.iter().map(|line| line.get(..50).unwrap_or(line)).collect();
    let expected = [
        "10.11.19-MariaDB-0+deb12u1-log",
        "4 columns",
        "insert into ty.n(c,d) values(\"zz\",concat(repeat(\"a",
        "Some([5, 0, 0, 0, 0, 0, 0, 0])",
        "Some([115, 116, 114])",
        "None",
        "1.5",
        " LOCAL INFILE '/srv/input/l2.csv' IGNORE INTO",
        "0-11-139 0x4c Some(1)",
        "XaPrepare { one_phase: false, xid: Xid { format: 1",
        "0-11-140 0x8d None",
        "0-11-142 0x8 Some(1)",
        "0-11-157 0x29 Some(2)",
        "0-11-158 0x29 Some(4)",
        "7-11-1 0xc None",
        "7-11-100 0xc None",
        "bin.000002",
    ];
    assert_eq!(short, expected);
}

const HEAD: Head = Head { timestamp: 1_700_000_000, server_id: 5, flags: EventFlags::NONE };

fn table(kinds: &[ColumnKind]) -> Arc<Table> {
    let columns = kinds.iter().map(|kind| NewColumn::new(b"c", *kind)).collect();
    let new = NewTable { table_id: 9, flags: 1, database: b"d", name: b"t", columns, primary_key: Vec::new() };
    let mut body = Vec::new();
    new.encode(RowMetadata::Full, &mut body).unwrap();
    Arc::new(Table::decode(&body, 8).unwrap())
}

/// A file with one event of most kinds.
fn written(flavour: Flavour, checksum: Checksum) -> Vec<u8> {
    let mut out = Vec::new();
    let version: &[u8] = if flavour == Flavour::MySql { b"8.0.99-Sealwire" } else { b"10.11.99-MariaDB-Sealwire" };
    let format = FormatDescription::new(flavour, version, 1_700_000_000, checksum);
    let in_use = Head { flags: EventFlags::IN_USE, ..HEAD };
    let mut writer = Writer::file(&format, in_use, &mut out).unwrap();
    let mut put = |body: Body<'_>| writer.write(HEAD, &body, &mut out).unwrap();
    let mut set = Vec::new();
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5".parse::<GtidSet>().unwrap().encode(&mut set);
    let mut list = Vec::new();
    GtidList::build(0, &[MariaDbGtid { domain: 0, server: 5, sequence: 9 }], &mut list);
    let mut status = Vec::new();
    StatusVariable::Flags2(0).encode(&mut status);
    StatusVariable::Charset { client: 45, connection: 45, server: 8 }.encode(&mut status);
    if flavour == Flavour::MySql {
        put(Body::PreviousGtids(&set));
        put(Body::Gtid(GtidEvent { number: 6, clock: Some(Default::default()), ..GtidEvent::default() }));
        put(Body::RowsQuery(b"insert into t values (1)"));
    } else {
        put(Body::MariaDbGtid(MariaDbGtidEvent::new(0, 10, MariaDbGtidEvent::TRANSACTIONAL)));
        put(Body::AnnotateRows(b"insert into t values (1)"));
        put(Body::BinlogCheckpoint(b"bin.000001"));
    }
    put(Body::Query(Query { status: sealwire_binlog::StatusVariables(&status), ..Query::new(3, b"d", b"BEGIN") }));
    put(Body::IntVar(IntVar { kind: IntVar::INSERT_ID, value: 7 }));
    let table = table(&[ColumnKind::Int, ColumnKind::VarChar { bytes: 300 }]);
    put(Body::TableMap(TableMap::parse(table.body()).unwrap()));
    let version = if flavour == Flavour::MySql { 2 } else { 1 };
    let row = |number: i64| [Some(Value::Int(number)), Some(Value::Bytes(b"text"))];
    for kind in [RowsKind::Write, RowsKind::Update, RowsKind::Delete] {
        let mut rows = RowsBuilder::new(Arc::clone(&table), kind, version);
        (1..4).for_each(|number| rows.push(&row(number), &row(number + 10)).unwrap());
        let flags = if kind == RowsKind::Delete { RowsFlags::STMT_END } else { RowsFlags::default() };
        put(Body::Rows(rows.rows(flags)));
    }
    put(Body::Xid(77));
    put(Body::Stop);
    put(Body::Rotate(Rotate { position: 4, file: b"bin.000002" }));
    assert_eq!(writer.position(), out.len() as u64);
    out
}

#[test]
fn a_log_that_was_written_is_read() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        for checksum in [Checksum::None, Checksum::Crc32] {
            let file = written(flavour, checksum);
            let mut rows = 0;
            let count = events(&file, |event, body| {
                assert_eq!(u64::from(event.header.end_log_pos), event.position + event.bytes.len() as u64);
                assert_eq!(event.header.flags.contains(EventFlags::IN_USE), event.position == 4);
                let is_format = event.header.event_type == EventType::FORMAT_DESCRIPTION;
                assert_eq!(event.checksum.is_some(), is_format || checksum == Checksum::Crc32);
                if let Body::Rows(all) = body {
                    rows += all.iter().unwrap().map(Result::unwrap).count();
                }
            });
            assert_eq!((count, rows), (13, 9), "{flavour:?} {checksum:?}");
        }
    }
}

#[test]
fn how_a_file_is_cut_changes_nothing() {
    let file = written(Flavour::MariaDb, Checksum::Crc32);
    let mut reader = Reader::file(Limits::default());
    let (mut from, mut count) = (0, 0);
    for end in 0..=file.len() {
        let mut rest = &file[from..end];
        if let Some(event) = reader.next(&mut rest).unwrap() {
            event.decode().unwrap();
            count += 1;
        } else if rest.len() >= 19 {
            assert!(reader.needed(rest).unwrap() > rest.len());
        }
        from = end - rest.len();
    }
    assert_eq!((count, from), (13, file.len()));
    let mut rest = &file[..file.len() - 1];
    let mut reader = Reader::file(Limits::default());
    while reader.next(&mut rest).unwrap().is_some() {}
    let error = reader.finish(rest).unwrap_err();
    assert_eq!((error.event, error.problem), (Some(EventType::ROTATE), Problem::Truncated("the event")));
    assert_eq!(error.to_string(), format!("ROTATE event at position {}: the event is cut short", error.position));
}

#[test]
fn a_bit_that_changed_is_found_by_the_checksum() {
    let file = written(Flavour::MySql, Checksum::Crc32);
    // The server's version, which is before, says whether there are checksums at all.
    for at in (4 + 19 + 2 + 50..file.len()).step_by(7) {
        let mut bad = file.clone();
        bad[at] ^= 0x10;
        let (mut reader, mut rest) = (Reader::file(Limits::default()), &bad[..]);
        let failed = loop {
            match reader.next(&mut rest) {
                Ok(Some(_)) => {}
                Ok(None) => break reader.finish(rest).is_err(),
                Err(_) => break true,
            }
        };
        assert!(failed, "byte {at}");
    }
    // The flag IN_USE is not part of the checksum, because a server clears it when it closes the file.
    let mut closed = file;
    closed[21] &= !1;
    events(&closed, |_, _| {});
}

/// The first error of a file, in reading or decoding.
fn first_error(file: &[u8], limits: Limits) -> Error {
    let (mut reader, mut rest) = (Reader::file(limits), file);
    loop {
        match reader.next(&mut rest) {
            Ok(Some(event)) => {
                if let Err(error) = event.decode() {
                    return error;
                }
            }
            Ok(None) => return reader.finish(rest).unwrap_err(),
            Err(error) => return error,
        }
    }
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let problem = |file: &[u8]| first_error(file, Limits::default()).problem;
    assert_eq!(problem(b"SQLite format 3\0"), Problem::NotABinaryLog);
    assert_eq!(problem(b""), Problem::NotABinaryLog);
    assert_eq!(problem(b"\xfdbin12345678"), Problem::Encrypted);
    let mut no_format = MAGIC.to_vec();
    encode_event(HEAD, 0, &Body::Stop, Checksum::None, &mut no_format).unwrap();
    assert!(matches!(problem(&no_format), Problem::Malformed(_)));
    let mut encrypted = written(Flavour::MariaDb, Checksum::Crc32);
    let mut writer = Writer::resume(encrypted.len() as u64, Checksum::Crc32);
    let start = StartEncryption { scheme: 1, key_version: 1, nonce: [7; 12] };
    writer.write(HEAD, &Body::StartEncryption(start), &mut encrypted).unwrap();
    events(&encrypted, |_, _| {});
    encrypted.extend([0; 40]);
    let error = first_error(&encrypted, Limits::default());
    assert_eq!((error.position, error.event, error.problem), (writer.position(), None, Problem::Encrypted));
    let mut small = written(Flavour::MySql, Checksum::None);
    small[4 + 9] = 18;
    small[4 + 10] = 0;
    assert_eq!(problem(&small), Problem::Malformed("the event's size"));
}

#[test]
fn sizes_and_counts_are_bounded() {
    let file = written(Flavour::MariaDb, Checksum::None);
    let too_big = |limits: Limits| match first_error(&file, limits).problem {
        Problem::TooBig { what, .. } => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(too_big(Limits { event: 100, ..Limits::default() }), "the event");
    assert_eq!(too_big(Limits { tables: 0, ..Limits::default() }), "the number of tables");
    for table_bytes in [10, 200] {
        let limits = Limits { table_bytes, ..Limits::default() };
        assert_eq!(too_big(limits), "the size of the tables' descriptions");
    }
}

#[test]
fn what_is_inflated_is_bounded() {
    let mut reader = Reader::stream(Checksum::None, Limits::default());
    let mut sql = Vec::new();
    deflate(&vec![b'x'; 1 << 20], &mut sql);
    assert!(sql.len() < 2000);
    let mut event = Vec::new();
    let query = Query { packed: Some(&sql), sql: Cow::Borrowed(b""), ..Query::new(1, b"", b"") };
    encode_event(HEAD, 0, &Body::Query(query), Checksum::None, &mut event).unwrap();
    let Body::Query(query) = reader.event(&event).unwrap().decode().unwrap() else { panic!() };
    assert_eq!(query.sql.len(), 1 << 20);
    let mut limits = Limits::default();
    limits.inflate.most = (1 << 20) - 1;
    let mut reader = Reader::stream(Checksum::None, limits);
    let error = reader.event(&event).unwrap().decode().unwrap_err();
    assert!(matches!(error.problem, Problem::TooBig { what: "the inflated size", .. }), "{error}");
    // A length that is not that of the stream.
    let at = event.len() - sql.len() + 3;
    event[at] ^= 1;
    let mut reader = Reader::stream(Checksum::None, Limits::default());
    assert_eq!(reader.event(&event).unwrap().decode().unwrap_err().problem, Problem::Inflate);
}

#[test]
fn the_checksum_of_the_first_rotate_follows_the_client() {
    let artificial = Head { timestamp: 0, server_id: 5, flags: EventFlags::ARTIFICIAL };
    let rotate = Body::Rotate(Rotate { position: 4, file: b"bin.000001" });
    for (asked, length) in [(Checksum::None, 37), (Checksum::Crc32, 41)] {
        let mut reader = Reader::stream(asked, Limits::default());
        for of_file in [Checksum::Crc32, Checksum::None] {
            let mut event = Vec::new();
            encode_event(artificial, 0, &rotate, asked, &mut event).unwrap();
            assert_eq!(event.len(), length);
            assert_eq!(reader.event(&event).unwrap().decode().unwrap(), rotate);
            assert_eq!(reader.position(), 4);
            let file = written(Flavour::MySql, of_file);
            let (mut whole, mut rest) = (Reader::file(Limits::default()), &file[..]);
            while let Some(event) = whole.next(&mut rest).unwrap() {
                let streamed = reader.event(event.bytes).unwrap();
                assert_eq!(streamed.decode().unwrap(), event.decode().unwrap());
            }
            assert_eq!(reader.position(), 4, "the ROTATE at the end");
        }
    }
}

/// MariaDB 10.11 does so for each further file, whatever the client asked.
#[test]
fn the_checksum_of_a_later_rotate_may_be_there_unasked() {
    let artificial = Head { timestamp: 0, server_id: 5, flags: EventFlags::ARTIFICIAL };
    let rotate = Body::Rotate(Rotate { position: 4, file: b"bin.000002" });
    let mut event = Vec::new();
    encode_event(artificial, 0, &rotate, Checksum::Crc32, &mut event).unwrap();
    let mut reader = Reader::stream(Checksum::None, Limits::default());
    let found = reader.event(&event).unwrap();
    assert!(found.checksum.is_some());
    assert_eq!(found.decode().unwrap(), rotate);
    // Any other last four bytes are those of the name.
    *event.last_mut().unwrap() ^= 1;
    let Body::Rotate(whole) = reader.event(&event).unwrap().decode().unwrap() else { panic!() };
    assert_eq!(whole.file.len(), 14);
}

#[test]
fn a_position_grows_over_4_gib_and_ignores_artificial_events() {
    let mut reader = Reader::stream(Checksum::None, Limits::default());
    let mut take = |head: Head, end: u32, body: Body<'_>| {
        let mut event = Vec::new();
        encode_event(head, end, &body, Checksum::None, &mut event).unwrap();
        reader.event(&event).unwrap();
        reader.position()
    };
    let rotate = Body::Rotate(Rotate { position: (1 << 32) - 100, file: b"bin.000001" });
    assert_eq!(take(Head { flags: EventFlags::ARTIFICIAL, ..HEAD }, 0, rotate), (1 << 32) - 100);
    assert_eq!(take(HEAD, u32::MAX - 9, Body::Xid(1)), (1 << 32) - 10);
    assert_eq!(take(HEAD, 0, Body::Xid(1)), (1 << 32) - 10, "MariaDB 11.4 within a transaction");
    assert_eq!(take(HEAD, 20, Body::Xid(1)), (1 << 32) + 20);
    assert_eq!(take(HEAD, 10, Body::Heartbeat(b"bin.000001")), (1 << 32) + 20);
    let heartbeat = HeartbeatV2 { file: b"bin.000001", position: (1 << 32) + 20 };
    assert_eq!(take(HEAD, 0, Body::HeartbeatV2(heartbeat)), (1 << 32) + 20);
}

#[test]
fn tables_live_until_their_statement_ends() {
    let file = written(Flavour::MySql, Checksum::None);
    let (mut reader, mut rest) = (Reader::file(Limits::default()), &file[..]);
    let mut last = Vec::new();
    while let Some(event) = reader.next(&mut rest).unwrap() {
        if event.header.event_type == EventType::DELETE_ROWS {
            last = event.bytes.to_vec();
        }
    }
    let mut again = &last[..];
    let event = reader.next(&mut again).unwrap().unwrap();
    let Body::Rows(rows) = event.decode().unwrap() else { panic!() };
    assert_eq!(rows.iter().err(), Some(Problem::NoTable(9)));
}

#[test]
fn a_geometry_is_a_text_for_mariadb_alone() {
    for flavour in [Flavour::MySql, Flavour::MariaDb] {
        let text = |collation| NewColumn { collation, ..NewColumn::new(b"c", ColumnKind::VarChar { bytes: 9 }) };
        let point = NewColumn { geometry_type: 1, ..NewColumn::new(b"p", ColumnKind::Geometry { length_bytes: 4 }) };
        let columns = vec![point, text(45), text(45), text(8)];
        let new = NewTable { table_id: 9, flags: 1, database: b"d", name: b"t", columns, primary_key: Vec::new() };
        let (mut body, mut file) = (Vec::new(), Vec::new());
        new.encode_for(flavour, RowMetadata::Full, &mut body).unwrap();
        let version: &[u8] = if flavour == Flavour::MySql { b"8.0.40" } else { b"10.11.9-MariaDB" };
        let format = FormatDescription::new(flavour, version, 0, Checksum::None);
        let mut writer = Writer::file(&format, HEAD, &mut file).unwrap();
        writer.write(HEAD, &Body::TableMap(TableMap::parse(&body).unwrap()), &mut file).unwrap();
        let (mut reader, mut rest) = (Reader::file(Limits::default()), &file[..]);
        reader.next(&mut rest).unwrap().unwrap();
        let table = reader.next(&mut rest).unwrap().unwrap().table.unwrap();
        let collations: Vec<_> = table.columns().iter().map(|column| column.collation).collect();
        let first = (flavour == Flavour::MariaDb).then_some(63);
        assert_eq!(collations, [first, Some(45), Some(45), Some(8)], "{flavour:?}");
    }
}

#[test]
fn many_tables_in_one_statement_take_no_more_time_each() {
    let mut reader = Reader::stream(Checksum::None, Limits { tables: 50_000, ..Limits::default() });
    let mut event = Vec::new();
    let map = table(&[ColumnKind::Int]);
    encode_event(HEAD, 0, &Body::TableMap(TableMap::parse(map.body()).unwrap()), Checksum::None, &mut event).unwrap();
    for number in 0..50_000_u32 {
        event[19..23].copy_from_slice(&number.to_le_bytes());
        let described = reader.event(&event).unwrap().table.unwrap();
        assert_eq!(described.table_id(), u64::from(number));
    }
    event[19..23].copy_from_slice(&50_000_u32.to_le_bytes());
    assert!(matches!(reader.event(&event).unwrap_err().problem, Problem::TooBig { what: "the number of tables", .. }));
}

#[test]
fn an_unknown_event_is_skipped_only_if_its_flags_allow_it() {
    let mut event = Vec::new();
    encode_event(HEAD, 0, &Body::Stop, Checksum::None, &mut event).unwrap();
    event[4] = 140;
    let mut reader = Reader::stream(Checksum::None, Limits::default());
    let error = reader.event(&event).unwrap().decode().unwrap_err();
    assert_eq!((error.event, error.problem), (Some(EventType(140)), Problem::UnknownEvent));
    event[17] = EventFlags::IGNORABLE.0 as u8;
    assert_eq!(reader.event(&event).unwrap().decode().unwrap(), Body::Other(&[]));
    assert_eq!(reader.event(&event[..18]).unwrap_err().problem, Problem::Truncated("the event's header"));
    event.push(0);
    assert_eq!(reader.event(&event).unwrap_err().problem, Problem::Size(19));
}

#[test]
fn a_payload_holds_events_without_checksums_and_no_second_payload() {
    let mut inside = Vec::new();
    let table = table(&[ColumnKind::Int]);
    let map = Body::TableMap(TableMap::parse(table.body()).unwrap());
    encode_event(HEAD, 0, &map, Checksum::None, &mut inside).unwrap();
    let mut rows = RowsBuilder::new(table, RowsKind::Write, 2);
    rows.push(&[], &[Some(Value::Int(3))]).unwrap();
    encode_event(HEAD, 0, &Body::Rows(rows.rows(RowsFlags::STMT_END)), Checksum::None, &mut inside).unwrap();
    let payload = TransactionPayload { compression: 255, plain_size: None, payload: &inside };
    let mut file = written(Flavour::MySql, Checksum::Crc32);
    let mut writer = Writer::resume(file.len() as u64, Checksum::Crc32);
    writer.write(HEAD, &Body::TransactionPayload(payload), &mut file).unwrap();
    let (mut reader, mut rest, mut values) = (Reader::file(Limits::default()), &file[..], Vec::new());
    while let Some(event) = reader.next(&mut rest).unwrap() {
        let Body::TransactionPayload(payload) = event.decode().unwrap() else { continue };
        let plain = payload.inflate(&reader.limits().inflate).unwrap();
        let mut inner = &*plain;
        while let Some(event) = reader.next_inside(&mut inner).unwrap() {
            if let Body::Rows(rows) = event.decode().unwrap() {
                values.extend(rows.iter().unwrap().map(|row| row.unwrap().after == [Some(Value::Int(3))]));
            }
        }
    }
    assert_eq!(values, [true]);
    let mut nested = Vec::new();
    encode_event(HEAD, 0, &Body::TransactionPayload(payload), Checksum::None, &mut nested).unwrap();
    assert!(reader.next_inside(&mut &nested[..]).is_err());
    assert!(reader.next_inside(&mut &inside[..30]).is_err());
}

#[test]
fn a_compressed_event_becomes_plain() {
    let mut seen = 0;
    events(MARIADB, |event, body| {
        let Body::Rows(rows) = body else { return };
        if rows.packed.is_none() {
            return;
        }
        seen += 1;
        let plain = Rows { packed: None, ..rows.clone() };
        let mut body = Vec::new();
        plain.encode(&mut body);
        let bytes = event.with_body(plain.event_type(), &body, Checksum::Crc32).unwrap();
        let mut reader = Reader::stream(Checksum::Crc32, Limits::default());
        let again = reader.event(&bytes).unwrap();
        assert_eq!(again.header.event_type, EventType::WRITE_ROWS_V1);
        assert_eq!(again.header.end_log_pos, event.header.end_log_pos);
        let Body::Rows(again) = again.decode().unwrap() else { panic!() };
        assert_eq!(again.data, rows.data);
    });
    assert_eq!(seen, 1);
}

#[test]
fn a_transaction_moves_to_its_place() {
    let mut event = Vec::new();
    encode_event(HEAD, 0, &Body::Xid(5), Checksum::Crc32, &mut event).unwrap();
    relocate(&mut event, 1234, Checksum::Crc32);
    let mut reader = Reader::stream(Checksum::Crc32, Limits::default());
    assert_eq!(reader.event(&event).unwrap().header.end_log_pos, 1234);
}

#[test]
fn logs_of_old_and_patched_servers_are_read() {
    // MySQL 4.1: START_V3, and statements without status variables.
    let mut start = vec![3, 0];
    start.extend(b"4.1.22-log");
    start.resize(2 + 50 + 4, 0);
    let old = |event_type: u8, body: &[u8], header: usize, out: &mut Vec<u8>| {
        let from = out.len();
        out.resize(from + header, 0);
        out[from + 4] = event_type;
        out[from + 9] = (header + body.len()) as u8;
        out.extend(body);
    };
    let mut file = MAGIC.to_vec();
    old(1, &start, 19, &mut file);
    old(2, b"\x01\0\0\0\0\0\0\0\x04\0\0test\0insert", 19, &mut file);
    old(8, b"file", 19, &mut file);
    let bodies = |file: &[u8]| -> Vec<String> {
        let (mut reader, mut rest, mut all) = (Reader::file(Limits::default()), file, Vec::new());
        while let Some(event) = reader.next(&mut rest).unwrap() {
            all.push(match event.decode().unwrap() {
                Body::FormatDescription(format) => String::from_utf8_lossy(format.server_version).into_owned(),
                Body::Query(query) => String::from_utf8_lossy(&query.sql).into_owned(),
                Body::TableMap(map) => format!("{:?}", map.types),
                other => format!("{other:?}"),
            });
        }
        all
    };
    assert_eq!(bodies(&file), ["4.1.22-log", "insert", "Obsolete([102, 105, 108, 101])"]);
    // A patched MySQL 5.1 with headers of 23 bytes, and early ones whose TABLE_MAP has no metadata.
    let mut format = vec![4, 0];
    format.extend(b"5.1.16-beta");
    format.resize(2 + 50 + 4, 0);
    format.extend([23, 56, 13, 0, 8]);
    let mut file = MAGIC.to_vec();
    old(15, &format, 19, &mut file);
    old(2, b"\x01\0\0\0\0\0\0\0\x04\0\0\0\0test\0insert", 23, &mut file);
    old(19, b"\x01\0\0\0\0\0\0\0\x01d\0\x01t\0\x02\x03\x0f", 23, &mut file);
    old(4, b"\x04\0\0\0\0\0\0\0bin.2", 19, &mut file);
    let rotate = "Rotate(Rotate { position: 4, file: [98, 105, 110, 46, 50] })";
    assert_eq!(bodies(&file), ["5.1.16-beta", "insert", "[3, 15]", rotate]);
}
