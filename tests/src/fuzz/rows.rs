//! Fuzzes row images: any table, any rows. Values that were read are written and read back the same.

use std::borrow::Cow;
use std::sync::Arc;

use sealwire_binlog::{
    Column, Inflate, NewColumn, NewTable, Row, RowMetadata, Rows, RowsBuilder, RowsFlags, RowsKind, Table, TableMap,
    Value, json,
};

/// The most bytes that a value may inflate to.
const MOST_INFLATED: usize = 1 << 16;

/// The first byte decides the kind of event, the second how long the TABLE_MAP is that follows; then come the rows, with the bits of their
/// columns.
pub(super) fn run(data: &[u8]) {
    let Some((&[kind, length], data)) = data.split_first_chunk::<2>() else { return };
    let (map, data) = data.split_at(data.len().min(length.into()));
    let Ok(table) = Table::decode(map, 8) else { return };
    described(&table, map);
    let table = Arc::new(table);
    let kinds = [RowsKind::Write, RowsKind::Update, RowsKind::Delete, RowsKind::PartialUpdate];
    let kind = kinds[usize::from(kind % 4)];
    let bits = table.columns().len().div_ceil(8);
    let (before, data) = if kind == RowsKind::Write { (&[][..], data) } else { data.split_at(data.len().min(bits)) };
    let (after, data) = if kind == RowsKind::Delete { (&[][..], data) } else { data.split_at(data.len().min(bits)) };
    let rows = Rows {
        kind,
        version: 2,
        table_id: table.table_id(),
        flags: RowsFlags::STMT_END,
        extra: &[],
        columns: table.columns().len(),
        before,
        after,
        data: Cow::Borrowed(data),
        packed: None,
        table: Some(Arc::clone(&table)),
    };
    let Some(first) = rewritten(&rows, &table) else { return };
    let again = first.rows(RowsFlags::STMT_END);
    let second = rewritten(&again, &table).expect("values that were written are read");
    assert!(first.size() == second.size() && again.data == second.rows(RowsFlags::STMT_END).data);
}

/// Describes a table from its columns, and compares the description with it.
fn described(table: &Table, map: &[u8]) {
    let new = |(index, column): (usize, &Column)| NewColumn {
        nullable: column.nullable,
        unsigned: column.unsigned.unwrap_or(false),
        collation: column.collation.unwrap_or(0),
        members: table.members(index).into_iter().flatten().collect(),
        geometry_type: column.geometry_type.unwrap_or(0),
        dimensions: column.dimensions.unwrap_or(0),
        visible: column.visible.unwrap_or(true),
        ..NewColumn::new(table.column_name(index).unwrap_or_default(), column.kind)
    };
    let described = NewTable {
        table_id: table.table_id(),
        flags: table.flags(),
        database: table.database(),
        name: table.name(),
        columns: table.columns().iter().enumerate().map(new).collect(),
        primary_key: table.primary_key().to_vec(),
    };
    let mut body = Vec::new();
    if described.encode(RowMetadata::Full, &mut body).is_err() {
        return;
    }
    let again = Table::decode(&body, 8).expect("what was described is read");
    assert_eq!(again.database(), table.database());
    assert_eq!(again.primary_key(), table.primary_key());
    for (index, (own, other)) in table.columns().iter().zip(again.columns()).enumerate() {
        assert_eq!((own.kind, own.nullable), (other.kind, other.nullable));
        assert!(own.unsigned.is_none() || own.unsigned == other.unsigned);
        assert!(own.collation.is_none() || own.collation == other.collation);
        let members = |table: &Table| table.members(index).map(|all| all.map(<[u8]>::to_vec).collect::<Vec<_>>());
        assert!(members(table).is_none_or(|own| members(&again) == Some(own)));
    }
    assert!(TableMap::parse(map).is_ok());
}

/// Reads rows, and writes their values; `None` for rows that are malformed, and for values that no server writes.
fn rewritten(rows: &Rows<'_>, table: &Arc<Table>) -> Option<RowsBuilder> {
    let is_set = |bits: &[u8], index: usize| bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
    let builder = RowsBuilder::new(Arc::clone(table), rows.kind, rows.version);
    let mut builder = builder.with_columns(|index| is_set(rows.before, index), |index| is_set(rows.after, index));
    let mut iter = rows.iter().ok()?;
    let mut row = Row::default();
    let mut all = Some(());
    while iter.next_into(&mut row).ok()? {
        let images = row.before.iter().chain(&row.after);
        images.flatten().for_each(show);
        // A document that is given by its changes can't be written.
        let pushed = builder.push(&row.before, &row.after).ok();
        all = all.and(pushed);
    }
    all.map(|()| builder)
}

/// Prints a value in all ways that there are.
fn show(value: &Value<'_>) {
    match value {
        Value::Decimal(value) => assert!(value.to_string().len() < 100),
        Value::Timestamp(value) => drop(value.to_utc().to_string()),
        Value::Json(document) => drop(json::to_text(document, &mut String::new())),
        Value::JsonDiff(diffs) => json::diffs(diffs).for_each(drop),
        Value::Compressed(stored) => {
            let plain = Inflate { most: MOST_INFLATED, ..Inflate::default() }.column(stored);
            assert!(plain.is_ok_and(|plain| plain.len() <= MOST_INFLATED.max(stored.len())) || !stored.is_empty());
        }
        other => drop(format!("{other:?}")),
    }
}
