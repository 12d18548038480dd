//! Every column type as MariaDB 10.11 wrote it: the value is that of the statement, and its encoding is the recorded bytes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

// For wasm32, `#[test]` is wasm-bindgen's.
#[cfg(target_arch = "wasm32")]
#[macro_use]
extern crate sealwire_wasm_tests;

use std::borrow::Cow;
use std::sync::Arc;

use sealwire_binlog::{
    Column, ColumnKind, Inflate, NewColumn, NewTable, Problem, Row, RowMetadata, Rows, RowsBuilder, RowsFlags,
    RowsKind, Table, TableMap, Value,
};

/// A line of the recording: the column's type in SQL, the inserted value, the type's number, its metadata, the stored value, and the
/// optional metadata of `binlog_row_metadata=FULL`.
struct Recorded {
    sql: &'static str,
    literal: &'static str,
    column_type: u8,
    metadata: Vec<u8>,
    stored: Vec<u8>,
    optional: Vec<u8>,
}

fn recorded() -> Vec<Recorded> {
    let bytes = |text: &str| -> Vec<u8> {
        let pairs =
            text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
        pairs.collect()
    };
    let line = |line: &'static str| {
        let (what, fields) = line.split_once("type=").unwrap();
        let (sql, literal) = what.trim().rsplit_once("  ").or_else(|| what.trim().rsplit_once(' ')).unwrap();
        let field = |name: &str| fields.split_once(name).map_or("", |(_, rest)| rest.split(' ').next().unwrap());
        Recorded {
            sql: sql.trim(),
            literal,
            column_type: fields.trim().split(' ').next().unwrap().parse().unwrap(),
            metadata: bytes(field("meta=")),
            stored: bytes(field("row=")),
            optional: bytes(field("opt=")),
        }
    };
    include_str!("data/rows.txt").lines().map(line).collect()
}

impl Recorded {
    fn table(&self) -> Arc<Table> {
        let mut body = Vec::new();
        let map = TableMap {
            table_id: 7,
            flags: 1,
            database: b"d",
            table: b"t",
            types: &[self.column_type],
            metadata: &self.metadata,
            nullable: &[1],
            optional: &self.optional,
        };
        map.encode(&mut body);
        Arc::new(Table::decode(&body, 8).unwrap())
    }

    fn rows(&self, table: &Arc<Table>) -> Rows<'static> {
        Rows {
            kind: RowsKind::Write,
            version: 1,
            table_id: 7,
            flags: RowsFlags::STMT_END,
            extra: &[],
            columns: 1,
            before: &[],
            after: &[1],
            data: Cow::Owned([&[0xfe], &self.stored[..]].concat()),
            packed: None,
            table: Some(Arc::clone(table)),
        }
    }

    /// The value as it should be shown.
    fn expected(&self) -> String {
        let plain = self.literal.trim_matches('\'');
        match self.sql {
            "json" => plain.to_owned(),
            "point" => "00000000 0101000000000000000000f03f0000000000000040".to_owned(),
            "uuid" => "123e4567e89b12d3a4564266141740".to_owned(),
            "inet6" => "00000000000000000000000000000001".to_owned(),
            "inet4" => "01020304".to_owned(),
            "timestamp null" if plain == "0000-00-00" => "0000-00-00 00:00:00".to_owned(),
            _ if self.literal.starts_with("repeat('a',") => {
                "a".repeat(self.literal.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap())
            }
            _ if self.literal.starts_with("b'") => {
                let bits = u64::from_str_radix(plain.trim_start_matches("b'"), 2).unwrap();
                format!("bit {bits}")
            }
            sql if sql.starts_with("set(") => "257".to_owned(),
            sql if sql.starts_with("enum(") => if plain == "b" { "2" } else { "0" }.to_owned(),
            _ => plain.to_owned(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn shown(value: &Value<'_>, sql: &str) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::UInt(value) | Value::Set(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Double(value) => value.to_string(),
        Value::Decimal(value) => {
            let text = value.to_string();
            if text.contains('.') { text.trim_end_matches('0').to_owned() } else { text }
        }
        Value::Bit(value) => format!("bit {value}"),
        Value::Year(value) => value.to_string(),
        Value::Date(value) => value.to_string(),
        Value::Time(value) => value.to_string(),
        Value::DateTime(value) => value.to_string(),
        Value::Timestamp(value) => value.to_utc().to_string(),
        Value::Bytes(value) if sql == "point" => format!("{} {}", hex(&value[..4]), hex(&value[4..])),
        Value::Bytes(value) if ["uuid", "inet4", "inet6"].contains(&sql) => hex(value),
        Value::Bytes(value) => str::from_utf8(value).unwrap().to_owned(),
        Value::Compressed(stored) => {
            String::from_utf8(Inflate::default().column(stored).unwrap().into_owned()).unwrap()
        }
        Value::Enum(value) => value.to_string(),
        Value::Json(_) | Value::JsonDiff(_) => panic!("MariaDB has no binary JSON"),
    }
}

#[test]
fn each_type_has_the_value_of_its_statement() {
    let all = recorded();
    assert_eq!(all.len(), 59);
    for line in &all {
        let table = line.table();
        let rows = line.rows(&table);
        let row = rows.iter().unwrap().next().unwrap().unwrap();
        let [Some(value)] = &row.after[..] else { panic!("{row:?}") };
        assert_eq!(shown(value, line.sql), line.expected(), "{} {}", line.sql, line.literal);
        assert_eq!(rows.iter().unwrap().count(), 1, "{}", line.sql);
    }
}

#[test]
fn each_value_is_written_to_the_same_bytes() {
    for line in &recorded() {
        let table = line.table();
        let rows = line.rows(&table);
        let mut builder = RowsBuilder::new(Arc::clone(&table), RowsKind::Write, 1);
        for row in rows.iter().unwrap() {
            builder.push(&[], &row.unwrap().after).unwrap();
        }
        assert_eq!(builder.rows(RowsFlags::STMT_END), rows, "{} {}", line.sql, line.literal);
    }
}

#[test]
fn each_column_is_described_in_the_same_bytes() {
    for line in &recorded() {
        let table = line.table();
        let column: &Column = &table.columns()[0];
        let new = NewColumn {
            unsigned: column.unsigned.unwrap_or(false),
            collation: column.collation.unwrap_or(0),
            members: table.members(0).into_iter().flatten().collect(),
            geometry_type: column.geometry_type.unwrap_or(0),
            ..NewColumn::new(table.column_name(0).unwrap(), column.kind)
        };
        assert_eq!(new.name, b"c");
        let described =
            NewTable { table_id: 7, flags: 1, database: b"d", name: b"t", columns: vec![new], primary_key: Vec::new() };
        let mut body = Vec::new();
        described.encode(RowMetadata::Full, &mut body).unwrap();
        assert_eq!(body, table.body(), "{}", line.sql);
    }
}

#[test]
fn a_value_that_is_cut_short_is_an_error() {
    for line in recorded().iter().filter(|line| !line.stored.is_empty()) {
        let table = line.table();
        let mut rows = line.rows(&table);
        let length = rows.data.len();
        for cut in 1..length {
            rows.data.to_mut().truncate(length - cut);
            let mut iter = rows.iter().unwrap();
            assert!(matches!(iter.next(), Some(Err(Problem::Truncated(_)))), "{} cut by {cut}", line.sql);
            assert!(iter.next().is_none());
        }
    }
}

#[test]
fn a_value_that_its_column_can_not_hold_is_refused() {
    let refused = |kind: ColumnKind, value: Value<'_>| {
        let columns = vec![NewColumn { nullable: false, ..NewColumn::new(b"c", kind) }];
        let (database, name): (&[u8], &[u8]) = (b"d", b"t");
        let mut body = Vec::new();
        let table = NewTable { table_id: 1, flags: 1, database, name, columns, primary_key: Vec::new() };
        table.encode(RowMetadata::NoLog, &mut body).unwrap();
        let table = Arc::new(Table::decode(&body, 8).unwrap());
        let mut builder = RowsBuilder::new(table, RowsKind::Write, 2);
        assert_eq!(builder.push(&[], &[Some(value)]), Err(Problem::Value(0)), "{kind:?} {value:?}");
        assert_eq!(builder.size(), 0);
    };
    refused(ColumnKind::TinyInt, Value::Int(256));
    refused(ColumnKind::TinyInt, Value::Int(-129));
    refused(ColumnKind::Int, Value::UInt(1 << 32));
    refused(ColumnKind::BigInt, Value::Bytes(b"1"));
    refused(ColumnKind::Char { bytes: 2 }, Value::Bytes(b"abc"));
    refused(ColumnKind::Blob { length_bytes: 1 }, Value::Bytes(&[0; 256]));
    refused(ColumnKind::Bit { bits: 9 }, Value::Bit(512));
    refused(ColumnKind::Set { bytes: 1 }, Value::Set(256));
    refused(ColumnKind::Year, Value::Year(1900));
    refused(ColumnKind::Decimal { precision: 4, scale: 2 }, Value::Bytes(b"100"));
    refused(ColumnKind::Date, Value::Null);
}

#[test]
fn columns_may_be_left_out_of_images() {
    let columns = (0..10).map(|_| NewColumn::new(b"c", ColumnKind::TinyInt)).collect();
    let (database, name): (&[u8], &[u8]) = (b"d", b"t");
    let mut body = Vec::new();
    let table = NewTable { table_id: 1, flags: 1, database, name, columns, primary_key: vec![(0, 0)] };
    table.encode(RowMetadata::Full, &mut body).unwrap();
    let table = Arc::new(Table::decode(&body, 8).unwrap());
    assert_eq!(table.primary_key(), [(0, 0)]);
    let builder = RowsBuilder::new(Arc::clone(&table), RowsKind::Update, 2);
    let mut builder = builder.with_columns(|index| index == 0, |index| index > 0);
    let before: Vec<Option<Value<'_>>> = vec![Some(Value::Int(1))];
    let after: Vec<Option<Value<'_>>> =
        (0..10).map(|n| Some(if n == 5 { Value::Null } else { Value::Int(n) })).collect();
    builder.push(&before, &after).unwrap();
    assert_eq!(builder.size(), 1 + 1 + 2 + 8, "bits and values");
    let rows = builder.rows(RowsFlags::STMT_END);
    let (mut row, mut iter) = (Row::default(), rows.iter().unwrap());
    assert!(iter.next_into(&mut row).unwrap());
    assert_eq!(row.before.iter().flatten().count(), 1);
    assert_eq!((row.after[0], row.after[5], row.after[9]), (None, Some(Value::Null), Some(Value::Int(9))));
    assert!(!iter.next_into(&mut row).unwrap());
    assert_eq!(row, Row::default());
    // A row that served for one event has nothing left of it in the next.
    let mut second =
        RowsBuilder::new(Arc::clone(&table), RowsKind::Update, 2).with_columns(|_| true, |index| index == 0);
    second.push(&after, &before).unwrap();
    let second = second.rows(RowsFlags::STMT_END);
    let (mut first, mut second) = (rows.iter().unwrap(), second.iter().unwrap());
    assert!(first.next_into(&mut row).unwrap() && second.next_into(&mut row).unwrap());
    assert_eq!((row.before.iter().flatten().count(), row.after.iter().flatten().count()), (10, 1));
}
