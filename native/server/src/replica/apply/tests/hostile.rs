//! Logs that are wrong.

use sealwire_binlog::{
    Body, Checksum, ColumnKind, Flavour, FormatDescription, Head, Incident, MariaDbGtidEvent, NewColumn, NewTable,
    Query, RowMetadata, RowsBuilder, RowsFlags, RowsKind, TableMap, UserValue, UserVar, Value, Writer,
};

use super::*;

/// A log without checksums, so that changed bytes reach the applier.
struct Log {
    writer: Writer,
    bytes: Vec<u8>,
}

impl Log {
    fn new() -> Self {
        let format = FormatDescription::new(Flavour::MariaDb, b"10.11.9-MariaDB", 0, Checksum::None);
        let mut bytes = Vec::new();
        let writer = Writer::file(&format, Head { server_id: 11, ..Head::default() }, &mut bytes).unwrap();
        Self { writer, bytes }
    }

    fn put(&mut self, body: &Body<'_>) {
        self.writer.write(Head { server_id: 11, ..Head::default() }, body, &mut self.bytes).unwrap();
    }

    fn query(&mut self, sql: &str) {
        self.put(&Body::Query(Query::new(1, b"d", sql.as_bytes())));
    }
}

/// A table with a column of each kind, and a row of it.
fn every_kind() -> (Vec<u8>, Vec<Option<Value<'static>>>) {
    let kinds = [
        (ColumnKind::TinyInt, Value::Int(1)),
        (ColumnKind::SmallInt, Value::Int(1)),
        (ColumnKind::MediumInt, Value::Int(1)),
        (ColumnKind::Int, Value::Int(1)),
        (ColumnKind::BigInt, Value::Int(1)),
        (ColumnKind::Float, Value::Float(1.5)),
        (ColumnKind::Double, Value::Double(1.5)),
        (ColumnKind::Bit { bits: 9 }, Value::Bit(3)),
        (ColumnKind::Year, Value::Year(2024)),
        (ColumnKind::VarChar { bytes: 40 }, Value::Bytes(b"text")),
        (ColumnKind::Blob { length_bytes: 2 }, Value::Bytes(b"bytes")),
        (ColumnKind::Enum { bytes: 1 }, Value::Enum(1)),
        (ColumnKind::Set { bytes: 1 }, Value::Set(3)),
    ];
    let names: Vec<String> = (0..kinds.len()).map(|number| format!("c{number}")).collect();
    let columns = kinds.iter().zip(&names).map(|((kind, _), name)| NewColumn {
        collation: 45,
        members: if matches!(kind, ColumnKind::Enum { .. } | ColumnKind::Set { .. }) {
            vec![b"x", b"y"]
        } else {
            vec![]
        },
        ..NewColumn::new(name.as_bytes(), *kind)
    });
    let table = NewTable {
        table_id: 7,
        flags: 1,
        database: b"d",
        name: b"t",
        columns: columns.collect(),
        primary_key: Vec::new(),
    };
    let mut body = Vec::new();
    table.encode(RowMetadata::Full, &mut body).unwrap();
    (body, kinds.iter().map(|(_, value)| Some(*value)).collect())
}

const TABLE: &str = "CREATE TABLE t (c0 TINYINT, c1 SMALLINT, c2 MEDIUMINT, c3 INT, c4 BIGINT, c5 FLOAT, c6 DOUBLE, c7 BIT(9), c8 YEAR, \
     c9 VARCHAR(10), c10 BLOB, c11 ENUM('x','y'), c12 SET('x','y'))";

/// A log with each kind of event that changes something.
fn whole() -> Log {
    let mut log = Log::new();
    let (map, row) = every_kind();
    let described = Arc::new(sealwire_binlog::Table::decode(&map, 8).unwrap());
    log.put(&Body::MariaDbGtid(MariaDbGtidEvent::new(0, 1, MariaDbGtidEvent::STANDALONE)));
    log.query("CREATE TABLE IF NOT EXISTS u (a INT)");
    for (number, kind) in [RowsKind::Write, RowsKind::Update, RowsKind::Delete].into_iter().enumerate() {
        log.put(&Body::MariaDbGtid(MariaDbGtidEvent::new(0, number as u64 + 2, MariaDbGtidEvent::TRANSACTIONAL)));
        log.put(&Body::TableMap(TableMap::parse(&map).unwrap()));
        let mut builder = RowsBuilder::new(Arc::clone(&described), kind, 1);
        let (before, after): (&[_], &[_]) = match kind {
            RowsKind::Write => (&[], &row),
            RowsKind::Delete => (&row, &[]),
            _ => (&row, &row),
        };
        builder.push(before, after).unwrap();
        log.put(&Body::Rows(builder.rows(RowsFlags::STMT_END)));
        log.query("INSERT INTO u VALUES (1)");
        log.put(&Body::Xid(1));
    }
    log
}

fn world() -> World {
    let world = World::new();
    world.server.engine.create_database("d", None).unwrap();
    world.run(TABLE).unwrap();
    world
}

#[test]
fn changed_bytes_are_an_error_and_no_panic() {
    let world = world();
    let log = whole();
    feed(&mut world.applier(), &log.bytes).unwrap();
    let first = {
        let (mut rest, mut reader) = (log.bytes.as_slice(), Reader::file(ReadLimits::default()));
        reader.next(&mut rest).unwrap();
        log.bytes.len() - rest.len()
    };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = |most: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize % most
    };
    let mut applier = world.applier();
    let mut failed = 0;
    for _ in 0..400 {
        let mut bytes = log.bytes.clone();
        for _ in 0..=roll(3) {
            let at = first + roll(bytes.len() - first);
            bytes[at] = roll(256) as u8;
        }
        applier.start_at(Applied::default()).unwrap();
        let (mut rest, mut reader) = (bytes.as_slice(), Reader::file(ReadLimits::default()));
        while let Ok(Some(event)) = reader.next(&mut rest) {
            if applier.apply(&event, place(&event)).is_err() {
                failed += 1;
                break;
            }
        }
    }
    assert!(failed > 50, "only {failed} failed");
    // The applier goes on.
    applier.start_at(Applied::default()).unwrap();
    world.run("DELETE FROM t").unwrap();
    feed(&mut applier, &log.bytes).unwrap();
}

/// The number of the error with which these events end.
fn error_of(put: impl FnOnce(&mut Log)) -> (u16, String) {
    let mut log = Log::new();
    put(&mut log);
    let error = feed(&mut world().applier(), &log.bytes).unwrap_err();
    (error.error.code, error.error.message)
}

#[test]
fn events_in_the_wrong_order_are_an_error() {
    let (map, row) = every_kind();
    let described = Arc::new(sealwire_binlog::Table::decode(&map, 8).unwrap());
    let mut builder = RowsBuilder::new(Arc::clone(&described), RowsKind::Write, 1);
    builder.push(&[], &row).unwrap();
    let rows = || Body::Rows(builder.rows(RowsFlags::STMT_END));

    assert_eq!(error_of(|log| log.put(&rows())).0, 1594, "rows outside of a transaction");
    let (code, text) = error_of(|log| {
        log.query("BEGIN");
        log.put(&rows());
    });
    assert!(code == 1594 && text.contains("no TABLE_MAP"), "{code} {text}");
    let (code, text) = error_of(|log| log.put(&Body::Incident(Incident { number: 1, message: b"lost" })));
    assert_eq!((code, &*text), (1590, "The incident LOST_EVENTS occured on the master. Message: lost"));
    let (code, _) = error_of(|log| {
        log.query("BEGIN");
        log.query("CREATE DATABASE e");
        log.query("DROP USER nobody");
    });
    assert!(code == 1105 || code == 1396, "{code}: a part of a transaction is never committed");
}

#[test]
fn a_statement_that_ended_otherwise_at_the_source_is_an_error() {
    let mut query = Query::new(1, b"d", b"INSERT INTO t (c0) VALUES (1)");
    query.error_code = 1062;
    let (code, text) = error_of(|log| log.put(&Body::Query(query.clone())));
    assert!(code == 3002 && text.starts_with("Query caused different errors"), "{code} {text}");
    let mut log = Log::new();
    query.sql = b"INSERT INTO missing VALUES (1)".into();
    query.error_code = 1146;
    log.put(&Body::Query(query));
    feed(&mut world().applier(), &log.bytes).unwrap();
}

#[test]
fn what_waits_for_a_statement_is_bounded() {
    let (code, text) = error_of(|log| {
        log.put(&Body::MariaDbGtid(MariaDbGtidEvent::new(0, 1, MariaDbGtidEvent::TRANSACTIONAL)));
        let data = vec![b'x'; 1 << 20];
        for number in 0..65 {
            let name = format!("v{number}");
            let value = UserValue { kind: UserValue::STRING, charset: 45, data: &data, flags: None };
            log.put(&Body::UserVar(UserVar { name: name.as_bytes(), value: Some(value) }));
        }
        log.query("INSERT INTO t (c0) VALUES (1)");
    });
    assert!(code == 1594 && text.contains("user variables"), "{code} {text}");
    let (code, text) = error_of(|log| log.query(&format!("INSERT INTO t (c0) VALUES (1{})", " ".repeat(64 << 20))));
    assert!(code == 1153 && text.contains("SET GLOBAL max_allowed_packet"), "{code} {text}");
}
