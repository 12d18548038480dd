//! Changes to parts of JSON documents, which MySQL's servers log with `binlog_row_value_options=PARTIAL_JSON`. The bytes are as MySQL's
//! `rows_event.h` (`Update_rows_partial`) and `json_diff.h` document them.

use sealwire_binlog::{Body, ColumnKind, NewColumn, NewTable, RowMetadata, Rows, RowsFlags, RowsKind, TableMap};

use super::made::{Log, apply, error_of, with_table};
use super::*;

/// The table `d.t` with the columns `id INT` and `doc JSON`.
fn table() -> Vec<u8> {
    let mut body = Vec::new();
    let table = NewTable {
        table_id: 7,
        flags: 1,
        database: b"d",
        name: b"t",
        columns: vec![
            NewColumn::new(b"id", ColumnKind::Int),
            NewColumn::new(b"doc", ColumnKind::Json { length_bytes: 4 }),
        ],
        primary_key: Vec::new(),
    };
    table.encode(RowMetadata::Full, &mut body).unwrap();
    body
}

/// A transaction that changes the documents of these rows; the images have `id` before and `doc` after.
fn put(log: &mut Log, rows: &[(u8, &[u8])]) {
    let mut data = Vec::new();
    for (id, changes) in rows {
        // NULL bits and `id`, the row's options with PARTIAL_JSON, the bits of JSON columns, NULL bits, and the length of the changes.
        data.extend([0xfe, *id, 0, 0, 0, 1, 1, 0xfe]);
        data.extend(u32::try_from(changes.len()).unwrap().to_le_bytes());
        data.extend_from_slice(changes);
    }
    let map = table();
    log.begin().put(&Body::TableMap(TableMap::parse(&map).unwrap()));
    let rows = Rows {
        kind: RowsKind::PartialUpdate,
        version: 2,
        table_id: 7,
        flags: RowsFlags::STMT_END,
        extra: &[],
        columns: 2,
        before: &[0xfd],
        after: &[0xfe],
        data: data.into(),
        packed: None,
        table: Some(Arc::new(sealwire_binlog::Table::decode(&map, 8).unwrap())),
    };
    log.put(&Body::Rows(rows)).commit();
}

/// `$.a` becomes 5, an INT16.
const REPLACE: &[u8] = b"\0\x03$.a\x03\x05\x05\0";
/// `$.b` is added, a string.
const INSERT: &[u8] = b"\x01\x03$.b\x03\x0c\x01x";
/// `$.c` is removed.
const REMOVE: &[u8] = b"\x02\x03$.c";

#[test]
fn parts_of_documents_are_changed() {
    let world = with_table("CREATE TABLE t (id INT PRIMARY KEY, doc JSON)");
    world
        .run(r#"INSERT INTO t VALUES (1, '{"a": 1, "c": 2, "d": [1]}'), (2, '{"a": {"b": 1}}'), (3, '{"a": 0}')"#)
        .unwrap();
    let mut log = Log::new();
    put(&mut log, &[(1, &[REPLACE, INSERT, REMOVE].concat()), (2, REPLACE)]);
    put(&mut log, &[(3, &[])]);
    apply(&world, &log).unwrap();
    assert_eq!(
        world.rows("SELECT doc FROM d.t ORDER BY id"),
        [r#"{"a": 5, "b": "x", "d": [1]}"#, r#"{"a": 5}"#, r#"{"a": 0}"#]
    );
}

#[test]
fn a_document_of_another_source_stops_the_channel_with_the_variable() {
    let other = "set binlog_row_value_options='' at the source";
    for (document, changes, expected) in [
        (r#"{"b": 1}"#, REPLACE, other),
        (r#"{"a": 1}"#, REMOVE, other),
        (r#"{"a": 1}"#, &REPLACE[..4], "malformed"),
        (r#"{"a": 1}"#, b"\x09\x03$.a", "malformed"),
    ] {
        let world = with_table("CREATE TABLE t (id INT PRIMARY KEY, doc JSON)");
        world.run(&format!("INSERT INTO t VALUES (1, '{document}')")).unwrap();
        let mut log = Log::new();
        put(&mut log, &[(1, changes)]);
        let (code, text) = error_of(&world, &log);
        assert!(code == 1105 && text.contains(expected), "{code} {text}");
        assert_eq!(world.rows("SELECT doc FROM d.t"), [document]);
    }
}
