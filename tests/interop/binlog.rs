//! Binary logs of others: every event of MariaDB's test suite decodes and comes back to its bytes, and the crate mysql_common reads the same
//! values from rows. mariadb-binlog reads the logs that are written.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use mysql_common::Value as Theirs;
use mysql_common::binlog::consts::BinlogVersion;
use mysql_common::binlog::events::{EventData, RowsEventData};
use mysql_common::binlog::row::BinlogRow;
use mysql_common::binlog::value::BinlogValue;
use mysql_common::binlog::{BinlogFile, EventStreamReader};
use sealwire_binlog::{
    Body, Checksum, ColumnKind, DateTime, Event, EventType, Flavour, FormatDescription, GtidList, Head, Limits,
    MariaDbGtid, MariaDbGtidEvent, NewColumn, NewTable, Problem, Query, Reader, Rotate, RowMetadata, Rows, RowsBuilder,
    RowsFlags, RowsKind, Table, TableMap, Value, Writer, json,
};
use sealwire_tests::certificates::std_data;
use sealwire_tests::programs::needs;

fn suite(name: &str) -> PathBuf {
    Path::new("/usr/share/mysql/mysql-test/suite/binlog/std_data").join(name)
}

/// Decodes an event, and compares its encoding with its bytes. Returns the number of rows.
fn check(reader: &mut Reader, event: &Event<'_>) -> usize {
    let body = event.decode().unwrap();
    let mut encoded = Vec::new();
    body.encode(&mut encoded);
    assert_eq!(encoded, event.body, "{:?} at {}", event.header.event_type, event.position);
    let mut rows = 0;
    match body {
        Body::Rows(all) => rows += all.iter().unwrap().map(Result::unwrap).count(),
        Body::TransactionPayload(payload) => {
            let plain = payload.inflate(&reader.limits().inflate).unwrap();
            let mut inner = &*plain;
            while let Some(event) = reader.next_inside(&mut inner).unwrap() {
                rows += check(reader, &event);
            }
        }
        _ => {}
    }
    rows
}

#[test]
fn the_logs_of_mariadbs_test_suite_come_back_to_the_byte() {
    if !needs(&["/usr/share/mysql/mysql-test/std_data/mdev6020-mysql-bin.000001"]) {
        return;
    }
    // The events outside payloads, and the rows in and outside them.
    let files = [
        (std_data("binlog_savepoint.000001"), 12, 0),
        (std_data("binlog_transaction.000001"), 20, 0),
        (std_data("bug16266.000001"), 6, 0),
        (std_data("bug33029-slave-relay-bin.000001"), 43, 0),
        (std_data("bug40482-bin.000001"), 3, 0),
        (std_data("mariadb-5.5-binlog.000001"), 13, 0),
        (std_data("mdev29078-mysql-bin.000001"), 12, 0),
        (std_data("mdev35643_mysql_80_binlog.000001"), 40, 106),
        (std_data("mdev6020-mysql-bin.000001"), 7754, 8006),
        (std_data("rpl/master-bin-seq_10.3.36.000001"), 17, 2),
        (std_data("rpl/mysql-5.7.11-stm-temporal-round-binlog.000001"), 8, 0),
        (std_data("rpl/mysql-8.0.13-stm-temporal-round-binlog.000001"), 13, 0),
        (suite("update-full-row.binlog"), 10, 7),
        (suite("update-partial-row.binlog"), 10, 7),
        (suite("ver_5_1_23.001"), 24, 5),
        (suite("ver_trunk_row_v2.001"), 40, 5),
        (suite("write-full-row.binlog"), 9, 7),
        (suite("write-partial-row.binlog"), 10, 7),
    ];
    for (path, events, rows) in files {
        let file = std::fs::read(&path).unwrap();
        let (mut reader, mut rest, mut seen) = (Reader::file(Limits::default()), &file[..], (0, 0));
        while let Some(event) = reader.next(&mut rest).unwrap() {
            seen = (seen.0 + 1, seen.1 + check(&mut reader, &event));
        }
        reader.finish(rest).unwrap();
        assert_eq!(seen, (events, rows), "{}", path.display());
    }
}

#[test]
fn logs_that_are_broken_or_old_say_so_or_are_read() {
    if !needs(&["/usr/share/mysql/mysql-test/std_data/binlog_before_20574.bin"]) {
        return;
    }
    let problem = |path: PathBuf| {
        let file = std::fs::read(&path).unwrap();
        let (mut reader, mut rest) = (Reader::file(Limits::default()), &file[..]);
        loop {
            match reader.next(&mut rest) {
                Ok(Some(event)) => {
                    if let Err(error) = event.decode() {
                        return Some(error.problem);
                    }
                }
                Ok(None) => return reader.finish(rest).err().map(|error| error.problem),
                Err(error) => return Some(error.problem),
            }
        }
    };
    assert_eq!(problem(std_data("binlog_before_20574.bin")), Some(Problem::Encrypted));
    assert_eq!(problem(std_data("bug11747416_32228_binlog.000001")), Some(Problem::Truncated("the event")));
    assert_eq!(problem(std_data("corrupt-relay-bin.000624")), Some(Problem::Truncated("the status variables")));
    assert!(matches!(problem(std_data("mdev-39404-binlog.000001")), Some(Problem::Checksum { stored: 0, .. })));
    for old in ["trunc_binlog.000001", "bug47142_master-bin.000001", "mdev-4645-binlog_checksum.binlog"] {
        assert_eq!(problem(std_data(old)), None, "{old}");
    }
    for old in ["binlog_old_version_4_1.000001", "ver_5_1_17.001", "bug32407.001"] {
        assert_eq!(problem(suite(old)), None, "{old}");
    }
}

/// The rows of a file as mysql_common reads them: for each row event the values before and after.
fn theirs(file: &[u8]) -> Vec<Vec<(Vec<BinlogValue<'static>>, Vec<BinlogValue<'static>>)>> {
    let mut log = BinlogFile::new(BinlogVersion::Version4, file).unwrap();
    let mut all = Vec::new();
    while let Some(event) = log.next() {
        let event = event.unwrap();
        // It knows none of MariaDB's events.
        let Ok(Some(data)) = event.read_data() else { continue };
        match data {
            EventData::RowsEvent(rows) => all.push(their_rows(log.reader(), &rows)),
            EventData::TransactionPayloadEvent(payload) => {
                let mut inner = payload.decompressed().unwrap();
                while let Some(event) = log.reader_mut().read_decompressed(&mut inner).unwrap() {
                    if let Ok(Some(EventData::RowsEvent(rows))) = event.read_data() {
                        all.push(their_rows(log.reader(), &rows));
                    }
                }
            }
            _ => {}
        }
    }
    all
}

fn their_rows(
    reader: &EventStreamReader,
    rows: &RowsEventData<'_>,
) -> Vec<(Vec<BinlogValue<'static>>, Vec<BinlogValue<'static>>)> {
    let table = reader.get_tme(rows.table_id()).unwrap();
    let values = |row: Option<BinlogRow>| row.map_or_else(Vec::new, BinlogRow::unwrap);
    rows.rows(table)
        .map(|row| {
            let (before, after) = row.unwrap();
            (values(before), values(after))
        })
        .collect()
}

/// Compares all rows of a file with mysql_common's; returns how many values there are.
fn judge(file: &[u8]) -> usize {
    let theirs = theirs(file);
    let mut theirs = theirs.iter();
    let (mut reader, mut rest, mut count) = (Reader::file(Limits::default()), file, 0);
    while let Some(event) = reader.next(&mut rest).unwrap() {
        match event.decode().unwrap() {
            // It knows none of MariaDB's compressed events.
            Body::Rows(rows) if rows.packed.is_none() => count += compare(&rows, theirs.next().unwrap()),
            Body::TransactionPayload(payload) => {
                let plain = payload.inflate(&reader.limits().inflate).unwrap();
                let mut inner = &*plain;
                while let Some(event) = reader.next_inside(&mut inner).unwrap() {
                    if let Body::Rows(rows) = event.decode().unwrap() {
                        count += compare(&rows, theirs.next().unwrap());
                    }
                }
            }
            _ => {}
        }
    }
    assert!(theirs.next().is_none());
    count
}

fn compare(rows: &Rows<'_>, theirs: &[(Vec<BinlogValue<'static>>, Vec<BinlogValue<'static>>)]) -> usize {
    let ours: Vec<_> = rows.iter().unwrap().map(Result::unwrap).collect();
    let table = rows.table.as_deref().unwrap();
    assert_eq!(ours.len(), theirs.len());
    let mut count = 0;
    for (ours, (before, after)) in ours.iter().zip(theirs) {
        for (ours, theirs) in [(&ours.before, before), (&ours.after, after)] {
            let ours =
                ours.iter().zip(table.columns()).filter_map(|(value, column)| Some((value.as_ref()?, column.kind)));
            let ours: Vec<_> = ours.collect();
            assert_eq!(ours.len(), theirs.len());
            for ((value, kind), theirs) in ours.into_iter().zip(theirs) {
                same(value, kind, theirs);
                count += 1;
            }
        }
    }
    count
}

fn same(value: &Value<'_>, kind: ColumnKind, theirs: &BinlogValue<'_>) {
    let theirs = match (value, theirs) {
        (Value::Json(document), BinlogValue::Jsonb(theirs)) => {
            let mut text = String::new();
            json::to_text(document, &mut text).unwrap();
            let ours: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(ours, serde_json::Value::try_from(theirs.clone()).unwrap());
            return;
        }
        (Value::JsonDiff(diffs), BinlogValue::JsonDiff(theirs)) => {
            let paths: Vec<_> = json::diffs(diffs).map(|diff| diff.unwrap().path.to_vec()).collect();
            assert_eq!(paths, theirs.iter().map(|diff| diff.path_str().as_bytes().to_vec()).collect::<Vec<_>>());
            return;
        }
        (_, BinlogValue::Value(theirs)) => theirs,
        other => panic!("{other:?}"),
    };
    let ours = match *value {
        Value::Null => Theirs::NULL,
        Value::Int(value) => Theirs::Int(value),
        Value::UInt(value) if matches!(theirs, Theirs::Int(_)) => Theirs::Int(i64::try_from(value).unwrap()),
        Value::UInt(value) => Theirs::UInt(value),
        Value::Float(value) => Theirs::Float(value),
        Value::Double(value) => Theirs::Double(value),
        Value::Decimal(value) => Theirs::Bytes(value.to_string().into()),
        Value::Bit(value) => {
            let ColumnKind::Bit { bits } = kind else { panic!("{kind:?}") };
            Theirs::Bytes(value.to_be_bytes()[8 - usize::from(bits.div_ceil(8))..].into())
        }
        // It takes the year 0 for 1900.
        Value::Year(0) => Theirs::Bytes(b"1900".into()),
        Value::Year(value) => Theirs::Bytes(value.to_string().into()),
        Value::Date(value) => Theirs::Date(value.year, value.month, value.day, 0, 0, 0, 0),
        Value::Time(time) => {
            let (days, hours) = (u32::from(time.hours) / 24, (time.hours % 24) as u8);
            // It leaves the hours of old times as they are, and does not know their sign.
            let (days, hours) = if kind == ColumnKind::OldTime { (0, time.hours as u8) } else { (days, hours) };
            Theirs::Time(time.negative, days, hours, time.minutes, time.seconds, time.micros)
        }
        Value::DateTime(at) => Theirs::Date(at.year, at.month, at.day, at.hour, at.minute, at.second, at.micros),
        Value::Timestamp(at) if kind == ColumnKind::OldTimestamp => Theirs::Int(at.seconds.into()),
        // It writes six digits, or none.
        Value::Timestamp(at) if at.micros > 0 => Theirs::Bytes(format!("{}.{:06}", at.seconds, at.micros).into()),
        Value::Timestamp(at) => Theirs::Bytes(at.seconds.to_string().into()),
        Value::Bytes(bytes) => Theirs::Bytes(bytes.into()),
        Value::Enum(value) => Theirs::Int(value.into()),
        Value::Set(value) => {
            let ColumnKind::Set { bytes } = kind else { panic!("{kind:?}") };
            Theirs::Bytes(value.to_le_bytes()[..usize::from(bytes)].into())
        }
        Value::Compressed(_) | Value::Json(_) | Value::JsonDiff(_) => panic!("{value:?}"),
    };
    assert_eq!(&ours, theirs, "{kind:?}");
}

// Not the recorded log of MariaDB 10.11: mysql_common 0.37.3 panics at a negative TIME(1).
#[test]
fn mysql_common_reads_the_same_values_from_recorded_logs() {
    if !needs(&["/usr/share/mysql/mysql-test/std_data/mdev6020-mysql-bin.000001"]) {
        return;
    }
    for path in [
        std_data("mdev35643_mysql_80_binlog.000001"),
        suite("ver_trunk_row_v2.001"),
        suite("update-full-row.binlog"),
        suite("update-partial-row.binlog"),
        std_data("mdev6020-mysql-bin.000001"),
    ] {
        assert!(judge(&std::fs::read(&path).unwrap()) > 0, "{}", path.display());
    }
}

#[test]
fn mysql_common_reads_the_logs_that_are_written() {
    let value = |kind: ColumnKind| -> Vec<Value<'static>> {
        match kind {
            ColumnKind::BigInt => vec![Value::Int(i64::MIN), Value::Int(5)],
            // Not below zero, because mysql_common 0.37.3 takes those for large numbers.
            ColumnKind::MediumInt => vec![Value::Int(1), Value::Int(8_388_607)],
            ColumnKind::Decimal { .. } => vec![Value::Bytes(b"-1234567.89"), Value::Bytes(b"0.05")],
            ColumnKind::VarChar { .. } => vec![Value::Bytes(b""), Value::Bytes(b"some text")],
            ColumnKind::Enum { .. } => vec![Value::Enum(1), Value::Enum(300)],
            ColumnKind::Set { .. } => vec![Value::Set(0), Value::Set(0x1234)],
            ColumnKind::Bit { .. } => vec![Value::Bit(1), Value::Bit(0x3ff)],
            ColumnKind::Json { .. } => {
                vec![Value::Json(b"\x00\x01\x00\x0c\x00\x0b\x00\x01\x00\x05\x01\x00a"), Value::Null]
            }
            _ => vec![Value::Float(1.5), Value::Null],
        }
    };
    let kinds = [
        ColumnKind::BigInt,
        ColumnKind::MediumInt,
        ColumnKind::Decimal { precision: 12, scale: 2 },
        ColumnKind::VarChar { bytes: 400 },
        ColumnKind::Enum { bytes: 2 },
        ColumnKind::Set { bytes: 2 },
        ColumnKind::Bit { bits: 10 },
        ColumnKind::Json { length_bytes: 4 },
        ColumnKind::Float,
    ];
    let columns = kinds.iter().map(|kind| NewColumn::new(b"c", *kind)).collect();
    let (database, name): (&[u8], &[u8]) = (b"d", b"t");
    let mut body = Vec::new();
    let table = NewTable { table_id: 5, flags: 1, database, name, columns, primary_key: vec![(0, 0)] };
    table.encode(RowMetadata::Full, &mut body).unwrap();
    let table = Arc::new(Table::decode(&body, 8).unwrap());
    for checksum in [Checksum::None, Checksum::Crc32] {
        let mut file = Vec::new();
        let format = FormatDescription::new(Flavour::MySql, b"8.0.40-Sealwire", 0, checksum);
        let mut writer = Writer::file(&format, Head::default(), &mut file).unwrap();
        for kind in [RowsKind::Write, RowsKind::Update, RowsKind::Delete] {
            writer.write(Head::default(), &Body::TableMap(TableMap::parse(&body).unwrap()), &mut file).unwrap();
            let mut rows = RowsBuilder::new(Arc::clone(&table), kind, 2);
            let row = |number: usize| -> Vec<_> { kinds.iter().map(|kind| Some(value(*kind)[number])).collect() };
            rows.push(&row(0), &row(1)).unwrap();
            rows.push(&row(1), &row(0)).unwrap();
            writer.write(Head::default(), &Body::Rows(rows.rows(RowsFlags::STMT_END)), &mut file).unwrap();
        }
        assert_eq!(judge(&file), 4 * 2 * kinds.len());
        let mut log = BinlogFile::new(BinlogVersion::Version4, &file[..]).unwrap();
        assert!(log.all(|event| event.is_ok_and(|event| event.header().event_type_raw() != EventType::STOP.0)));
    }
}

#[test]
fn mariadb_binlog_reads_the_logs_that_are_written() {
    if !needs(&["mariadb-binlog"]) {
        return;
    }
    let kinds = [ColumnKind::Int, ColumnKind::VarChar { bytes: 40 }, ColumnKind::DateTime { digits: 3 }];
    let columns = kinds.iter().map(|kind| NewColumn { collation: 45, ..NewColumn::new(b"c", *kind) }).collect();
    let (database, name): (&[u8], &[u8]) = (b"d", b"t");
    let mut body = Vec::new();
    let table = NewTable { table_id: 5, flags: 1, database, name, columns, primary_key: vec![(0, 0)] };
    table.encode(RowMetadata::Full, &mut body).unwrap();
    let table = Arc::new(Table::decode(&body, 8).unwrap());
    let at = DateTime { year: 2024, month: 2, day: 29, hour: 12, minute: 34, second: 56, micros: 789_000, digits: 3 };
    let row = |number, text| [Some(Value::Int(number)), Some(Value::Bytes(text)), Some(Value::DateTime(at))];
    for (checksum, version) in [(Checksum::Crc32, 1), (Checksum::None, 2)] {
        let mut file = Vec::new();
        let format = FormatDescription::new(Flavour::MariaDb, b"10.11.99-MariaDB-Sealwire", 0, checksum);
        let head = Head { timestamp: 1_709_210_096, server_id: 7, ..Head::default() };
        let mut writer = Writer::file(&format, head, &mut file).unwrap();
        let mut put = |body: Body<'_>| writer.write(head, &body, &mut file).unwrap();
        let mut list = Vec::new();
        GtidList::build(0, &[MariaDbGtid { domain: 0, server: 7, sequence: 9 }], &mut list);
        put(Body::GtidList(GtidList::parse(&list).unwrap()));
        put(Body::BinlogCheckpoint(b"bin.000001"));
        put(Body::MariaDbGtid(MariaDbGtidEvent::new(0, 10, MariaDbGtidEvent::TRANSACTIONAL)));
        put(Body::AnnotateRows(b"update t"));
        put(Body::TableMap(TableMap::parse(&body).unwrap()));
        let mut rows = RowsBuilder::new(Arc::clone(&table), RowsKind::Update, version);
        rows.push(&row(-1, b"old"), &row(2, b"new")).unwrap();
        put(Body::Rows(rows.rows(RowsFlags::STMT_END)));
        put(Body::Xid(77));
        put(Body::MariaDbGtid(MariaDbGtidEvent::new(0, 11, MariaDbGtidEvent::STANDALONE | MariaDbGtidEvent::DDL)));
        put(Body::Query(Query::new(3, b"d", b"create table u (a int)")));
        put(Body::Rotate(Rotate { position: 4, file: b"bin.000002" }));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bin.000001");
        std::fs::write(&path, &file).unwrap();
        let output =
            Command::new("mariadb-binlog").args(["--verify-binlog-checksum", "-v"]).arg(&path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        for line in [
            "GTID 0-7-10 trans",
            "GTID 0-7-11 ddl",
            "#Q> update t",
            "### UPDATE `d`.`t`",
            "###   @1=-1",
            "###   @2='old'",
            "###   @1=2",
            "###   @2='new'",
            "###   @3='2024-02-29 12:34:56.789'",
            "Xid = 77",
            "create table u (a int)",
            "Rotate to bin.000002  pos: 4",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
