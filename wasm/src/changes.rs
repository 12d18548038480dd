//! Transactions of a binary log as plain values for JavaScript: their tables, their changes, and the cells of their rows.

use std::borrow::Cow;
use std::sync::Arc;

use sealwire_binlog::{Change, Column, ColumnKind, OwnedValue, Problem, Table, Transaction, json};
use sealwire_core::message::CHARSET_BINARY;
use serde::Serialize;

use crate::batch::Batch;

/// A transaction. The cells of its rows are in a [`Batch`]: those of the first change, row by row, each with the columns of `before` and
/// then those of `after`; then those of the next change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// Its GTID.
    pub gtid: Option<String>,
    /// The server at which it was made.
    pub server_id: u32,
    /// Seconds since 1970, when its last statement began.
    pub timestamp: u32,
    /// The tables to which the changes refer.
    pub tables: Vec<TableView>,
    /// The changes, in order. Rows that follow each other in the same way are one change.
    pub changes: Vec<ChangeView>,
    /// The number of further changes, as floating point, because JavaScript's numbers are.
    pub omitted: f64,
    /// Whether it was rolled back.
    pub is_rolled_back: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableView {
    /// The database.
    pub schema: String,
    /// The name.
    pub name: String,
    /// The columns.
    pub columns: Vec<ColumnView>,
    /// The indexes of the primary key's columns; empty where the log does not tell them.
    pub key: Vec<u16>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnView {
    /// The name; `@1`, `@2` where the log does not tell it.
    pub name: String,
    /// MySQL's name of the type, with UNSIGNED where the log tells it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The JavaScript type of the values: `number`, `bigint`, `string`, `bytes`; or `unknown` where the log does not tell text from bytes.
    pub kind: &'static str,
    /// The number of a text's collation.
    pub collation: Option<u32>,
}

/// Changes of one kind to rows of one table, or a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum ChangeView {
    /// A statement.
    Statement {
        /// The current database; empty for none.
        schema: String,
        /// The text.
        sql: String,
    },
    /// Inserted rows.
    Insert(RowsView),
    /// Updated rows.
    Update(RowsView),
    /// Deleted rows.
    Delete(RowsView),
}

/// The rows of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowsView {
    /// The index of the table.
    pub table: usize,
    /// The number of rows.
    pub rows: u32,
    /// The indexes of the columns that are in the rows before the change.
    pub before: Vec<usize>,
    /// The indexes of the columns that are in the rows after the change.
    pub after: Vec<usize>,
}

/// A row of a change: the table, and the row before and after.
type Images<'a> = (&'a Arc<Table>, &'a [Option<OwnedValue>], &'a [Option<OwnedValue>]);

impl TransactionView {
    /// The view of a transaction, whose cells are added to the batch.
    ///
    /// # Errors
    /// A value can't be read, or the batch gets too large for its indexes.
    pub fn new(transaction: &Transaction, batch: &mut Batch) -> Result<Self, Problem> {
        let mut known: Vec<&Arc<Table>> = Vec::new();
        let mut changes: Vec<ChangeView> = Vec::new();
        for change in &transaction.changes {
            let (kind, (table, before, after)): (fn(RowsView) -> ChangeView, Images<'_>) = match change {
                Change::Statement { database, sql } => {
                    changes.push(ChangeView::Statement { schema: text(database), sql: text(sql) });
                    continue;
                }
                Change::Insert { table, row } => (ChangeView::Insert, (table, &[], row)),
                Change::Update { table, before, after } => (ChangeView::Update, (table, before, after)),
                Change::Delete { table, row } => (ChangeView::Delete, (table, row, &[])),
            };
            for (index, value) in before.iter().enumerate().chain(after.iter().enumerate()) {
                if let Some(value) = value {
                    push(value, table, index, batch)?;
                }
            }
            let index = known.iter().rposition(|other| Arc::ptr_eq(other, table)).unwrap_or_else(|| {
                known.push(table);
                known.len() - 1
            });
            let view = kind(RowsView { table: index, rows: 1, before: present(before), after: present(after) });
            if !changes.last_mut().is_some_and(|last| last.join(&view)) {
                changes.push(view);
            }
        }
        Ok(Self {
            gtid: transaction.gtid.clone(),
            server_id: transaction.server_id,
            timestamp: transaction.timestamp,
            tables: known.into_iter().map(|table| TableView::from(&**table)).collect(),
            changes,
            omitted: transaction.omitted as f64,
            is_rolled_back: transaction.is_rolled_back,
        })
    }
}

impl ChangeView {
    /// Counts the next row in, if it changed in the same way.
    fn join(&mut self, next: &Self) -> bool {
        let ((Self::Insert(mine), Self::Insert(other))
        | (Self::Update(mine), Self::Update(other))
        | (Self::Delete(mine), Self::Delete(other))) = (self, next)
        else {
            return false;
        };
        let is_same = mine.table == other.table && mine.before == other.before && mine.after == other.after;
        if is_same {
            mine.rows += other.rows;
        }
        is_same
    }
}

/// The indexes of the columns that an image has.
fn present(values: &[Option<OwnedValue>]) -> Vec<usize> {
    values.iter().enumerate().filter(|(_, value)| value.is_some()).map(|(index, _)| index).collect()
}

impl From<&Table> for TableView {
    fn from(table: &Table) -> Self {
        let columns = table.columns().iter().enumerate();
        Self {
            schema: text(table.database()),
            name: text(table.name()),
            columns: columns.map(|(index, column)| ColumnView::new(table, index, column)).collect(),
            key: table.primary_key().iter().map(|(column, _)| *column).collect(),
        }
    }
}

impl ColumnView {
    fn new(table: &Table, index: usize, column: &Column) -> Self {
        let kind = kind(column, table.members(index).is_some());
        Self {
            name: table.column_name(index).map_or_else(|| format!("@{}", index + 1), text),
            type_name: type_name(column),
            kind,
            collation: column.collation.filter(|_| kind == "string"),
        }
    }
}

/// The JavaScript type of a column's values.
const fn kind(column: &Column, has_members: bool) -> &'static str {
    match column.kind {
        ColumnKind::TinyInt
        | ColumnKind::SmallInt
        | ColumnKind::MediumInt
        | ColumnKind::Int
        | ColumnKind::Year
        | ColumnKind::Float
        | ColumnKind::Double => "number",
        ColumnKind::BigInt => "bigint",
        ColumnKind::Enum { .. } if !has_members => "number",
        ColumnKind::Set { .. } if !has_members => "bigint",
        ColumnKind::Bit { .. } | ColumnKind::Geometry { .. } | ColumnKind::Vector { .. } => "bytes",
        ColumnKind::Char { .. }
        | ColumnKind::VarChar { .. }
        | ColumnKind::CompressedVarChar { .. }
        | ColumnKind::Blob { .. }
        | ColumnKind::CompressedBlob { .. } => match column.collation {
            None => "unknown",
            Some(collation) if collation == CHARSET_BINARY as u32 => "bytes",
            Some(_) => "string",
        },
        _ => "string",
    }
}

/// The type as in a table's definition, as far as the log tells it.
fn type_name(column: &Column) -> String {
    let is_binary = column.collation == Some(u32::from(CHARSET_BINARY));
    let name = match column.kind {
        ColumnKind::TinyInt => "TINYINT",
        ColumnKind::SmallInt => "SMALLINT",
        ColumnKind::MediumInt => "MEDIUMINT",
        ColumnKind::Int => "INT",
        ColumnKind::BigInt => "BIGINT",
        ColumnKind::Year => "YEAR",
        ColumnKind::Float => "FLOAT",
        ColumnKind::Double => "DOUBLE",
        ColumnKind::Decimal { .. } => "DECIMAL",
        ColumnKind::Bit { .. } => "BIT",
        ColumnKind::Date => "DATE",
        ColumnKind::Time { .. } | ColumnKind::OldTime => "TIME",
        ColumnKind::DateTime { .. } | ColumnKind::OldDateTime => "DATETIME",
        ColumnKind::Timestamp { .. } | ColumnKind::OldTimestamp => "TIMESTAMP",
        ColumnKind::Char { .. } if is_binary => "BINARY",
        ColumnKind::Char { .. } => "CHAR",
        ColumnKind::VarChar { .. } | ColumnKind::CompressedVarChar { .. } if is_binary => "VARBINARY",
        ColumnKind::VarChar { .. } | ColumnKind::CompressedVarChar { .. } => "VARCHAR",
        ColumnKind::Blob { .. } | ColumnKind::CompressedBlob { .. } if !is_binary && column.collation.is_some() => {
            "TEXT"
        }
        ColumnKind::Blob { .. } | ColumnKind::CompressedBlob { .. } => "BLOB",
        ColumnKind::Json { .. } | ColumnKind::TypedArray => "JSON",
        ColumnKind::Geometry { .. } => "GEOMETRY",
        ColumnKind::Vector { .. } => "VECTOR",
        ColumnKind::Enum { .. } => "ENUM",
        ColumnKind::Set { .. } => "SET",
        ColumnKind::Null | ColumnKind::Unknown(_) => "",
    };
    let size = match column.kind {
        ColumnKind::Decimal { precision, scale } => format!("({precision},{scale})"),
        ColumnKind::Bit { bits } => format!("({bits})"),
        _ => String::new(),
    };
    let is_unsigned = column.unsigned == Some(true) && column.kind != ColumnKind::Year;
    format!("{name}{size}{}", if is_unsigned { " UNSIGNED" } else { "" })
}

/// Adds a cell, in the text protocol's form.
fn push(value: &OwnedValue, table: &Table, index: usize, batch: &mut Batch) -> Result<(), Problem> {
    let kind = table.columns().get(index).map(|column| column.kind);
    let cell: Cow<'_, [u8]> = match value {
        OwnedValue::Null => return Ok(batch.push_cell(None)?),
        OwnedValue::Bytes(bytes) => bytes.into(),
        OwnedValue::Json(text) | OwnedValue::Decimal(text) => text.as_bytes().into(),
        OwnedValue::JsonDiff(diffs) => json_diff(diffs)?.into_bytes().into(),
        OwnedValue::Bit(bits) => {
            let bytes = match kind {
                Some(ColumnKind::Bit { bits }) => usize::from(bits.div_ceil(8)).min(8),
                _ => 8,
            };
            bits.to_be_bytes().get(8 - bytes..).unwrap_or_default().to_vec().into()
        }
        OwnedValue::Enum(number) => {
            let name = number.checked_sub(1).and_then(|at| table.members(index)?.nth(usize::from(at)));
            match name {
                Some(name) => name.into(),
                // 0 is the empty text of invalid values.
                None if *number == 0 && table.members(index).is_some() => (&[] as &[u8]).into(),
                None => number.to_string().into_bytes().into(),
            }
        }
        OwnedValue::Set(bits) => match table.members(index) {
            Some(members) => {
                let chosen = members.take(64).enumerate().filter(|(at, _)| bits >> at & 1 == 1);
                chosen.map(|(_, name)| name).collect::<Vec<_>>().join(&b',').into()
            }
            None => bits.to_string().into_bytes().into(),
        },
        OwnedValue::Int(number) => number.to_string().into_bytes().into(),
        OwnedValue::UInt(number) => number.to_string().into_bytes().into(),
        OwnedValue::Float(number) => number.to_string().into_bytes().into(),
        OwnedValue::Double(number) => number.to_string().into_bytes().into(),
        OwnedValue::Year(year) => format!("{year:04}").into_bytes().into(),
        OwnedValue::Date(date) => date.to_string().into_bytes().into(),
        OwnedValue::Time(time) => time.to_string().into_bytes().into(),
        OwnedValue::DateTime(time) => time.to_string().into_bytes().into(),
        OwnedValue::Timestamp(time) => time.to_utc().to_string().into_bytes().into(),
    };
    Ok(batch.push_cell(Some(&cell))?)
}

/// The changes to parts of a JSON document as text: `REPLACE $.a 5, REMOVE $.b`.
fn json_diff(diffs: &[u8]) -> Result<String, Problem> {
    let mut out = String::new();
    for diff in json::diffs(diffs) {
        let diff = diff?;
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(match diff.operation {
            json::Operation::Replace => "REPLACE ",
            json::Operation::Insert => "INSERT ",
            json::Operation::Remove => "REMOVE ",
        });
        out.push_str(&String::from_utf8_lossy(diff.path));
        if let Some(value) = diff.value {
            out.push(' ');
            json::to_text(value, &mut out)?;
        }
    }
    Ok(out)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_binlog::{
        Body, Boundary, Checksum, Head, Limits, NewColumn, NewTable, Query, Reader, RowMetadata, RowsBuilder,
        RowsFlags, RowsKind, TableMap, TransactionBuilder, Value, encode_event,
    };

    /// The view of a transaction whose events are these, the last of which ends it.
    fn view(bodies: &[Body<'_>], most_changes: usize) -> (TransactionView, Batch) {
        let mut reader = Reader::stream(Checksum::None, Limits::default());
        let mut builder = TransactionBuilder::default();
        builder.most_changes = most_changes;
        let head = Head { timestamp: 1_795_878_355, server_id: 11, ..Head::default() };
        let mut ended = None;
        for (index, body) in bodies.iter().enumerate() {
            let mut bytes = Vec::new();
            encode_event(head, 0, body, Checksum::None, &mut bytes).unwrap();
            let event = reader.event(&bytes).unwrap();
            let boundary = if index + 1 == bodies.len() { Boundary::Commit } else { Boundary::Inside };
            ended = builder.event(&event, boundary, &mut reader).unwrap();
        }
        let mut batch = Batch::default();
        (TransactionView::new(&ended.unwrap(), &mut batch).unwrap(), batch)
    }

    /// The cells of a batch.
    fn cells(batch: &Batch) -> Vec<Option<String>> {
        let mut start = 0;
        let cell = |end: &u32| {
            let (from, to) = (start, (*end & !crate::batch::NULL) as usize);
            start = to;
            (*end & crate::batch::NULL == 0).then(|| String::from_utf8_lossy(&batch.data[from..to]).into_owned())
        };
        batch.ends.iter().map(cell).collect()
    }

    fn table(detail: RowMetadata) -> Vec<u8> {
        let mut price = NewColumn::new(b"price", ColumnKind::Decimal { precision: 6, scale: 2 });
        price.unsigned = true;
        let mut color = NewColumn::new(b"color", ColumnKind::Enum { bytes: 1 });
        color.members = vec![b"red", b"green"];
        let mut name = NewColumn::new(b"name", ColumnKind::VarChar { bytes: 80 });
        name.collation = 45;
        let id = NewColumn { unsigned: true, nullable: false, ..NewColumn::new(b"id", ColumnKind::BigInt) };
        let columns = vec![id, name, price, color];
        let (database, table) = (b"shop", b"staff");
        let table = NewTable { table_id: 5, flags: 1, database, name: table, columns, primary_key: vec![(0, 0)] };
        let mut body = Vec::new();
        table.encode(detail, &mut body).unwrap();
        body
    }

    fn row(id: u64, name: &'static [u8]) -> Vec<Option<Value<'static>>> {
        vec![Some(Value::UInt(id)), Some(Value::Bytes(name)), Some(Value::Bytes(b"1.50")), Some(Value::Enum(2))]
    }

    #[test]
    fn changes_come_with_names_types_and_cells_in_order() {
        let described = table(RowMetadata::Full);
        let known = Arc::new(Table::decode(&described, 8).unwrap());
        let mut inserted = RowsBuilder::new(Arc::clone(&known), RowsKind::Write, 2);
        inserted.push(&[], &row(1, b"Ada")).unwrap();
        inserted.push(&[], &row(u64::MAX, b"Grace")).unwrap();
        let updated = RowsBuilder::new(Arc::clone(&known), RowsKind::Update, 2);
        // An image of the key, and one of what has changed, as with binlog_row_image=MINIMAL.
        let mut updated = updated.with_columns(|column| column == 0, |column| column == 1);
        updated.push(&row(1, b""), &[None, Some(Value::Null), None, None]).unwrap();
        let mut deleted = RowsBuilder::new(known, RowsKind::Delete, 2);
        deleted.push(&row(7, b"Alan"), &[]).unwrap();
        let map = TableMap::parse(&described).unwrap();
        let bodies = [
            Body::Query(Query::new(1, b"shop", b"BEGIN")),
            Body::TableMap(map),
            Body::Rows(inserted.rows(RowsFlags::default())),
            Body::Rows(updated.rows(RowsFlags::default())),
            Body::Rows(deleted.rows(RowsFlags::STMT_END)),
            Body::Query(Query::new(1, b"shop", b"CREATE TABLE t (a INT)")),
        ];
        let (shown, batch) = view(&bodies, usize::MAX);
        let column = |name: &str, type_name: &str, kind, collation| ColumnView {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            kind,
            collation,
        };
        let columns = vec![
            column("id", "BIGINT UNSIGNED", "bigint", None),
            column("name", "VARCHAR", "string", Some(45)),
            column("price", "DECIMAL(6,2) UNSIGNED", "string", None),
            column("color", "ENUM", "string", Some(63)),
        ];
        let expected = TableView { schema: "shop".to_owned(), name: "staff".to_owned(), columns, key: vec![0] };
        assert_eq!(shown.tables, [expected]);
        let rows = |rows, before: &[usize], after: &[usize]| RowsView {
            table: 0,
            rows,
            before: before.to_vec(),
            after: after.to_vec(),
        };
        let all = [0, 1, 2, 3];
        let sql = "CREATE TABLE t (a INT)".to_owned();
        let expected = [
            ChangeView::Insert(rows(2, &[], &all)),
            ChangeView::Update(rows(1, &[0], &[1])),
            ChangeView::Delete(rows(1, &all, &[])),
            ChangeView::Statement { schema: "shop".to_owned(), sql },
        ];
        assert_eq!(shown.changes, expected);
        let told = cells(&batch);
        let told: Vec<&str> = told.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
        let expected = "1 Ada 1.50 green 18446744073709551615 Grace 1.50 green 1 NULL 7 Alan 1.50 green";
        assert_eq!(told.join(" "), expected);
        assert_eq!((shown.timestamp, shown.server_id, shown.omitted), (1_795_878_355, 11, 0.0));
        assert_eq!(serde_json::to_value(&shown).unwrap()["changes"][2]["kind"], "delete");
        // Changes over the limit are counted.
        let (short, batch) = view(&bodies, 1);
        assert_eq!((short.changes.len(), short.omitted, batch.ends.len()), (1, 4.0, 4));
    }

    #[test]
    fn a_log_without_metadata_leaves_names_and_texts_open() {
        let described = table(RowMetadata::NoLog);
        let known = Arc::new(Table::decode(&described, 8).unwrap());
        let mut inserted = RowsBuilder::new(known, RowsKind::Write, 2);
        inserted.push(&[], &row(1, b"Ada")).unwrap();
        let bodies =
            [Body::TableMap(TableMap::parse(&described).unwrap()), Body::Rows(inserted.rows(RowsFlags::STMT_END))];
        let (shown, batch) = view(&bodies, usize::MAX);
        let columns: Vec<_> = shown.tables[0].columns.iter().map(|view| (view.name.as_str(), view.kind)).collect();
        assert_eq!(columns, [("@1", "bigint"), ("@2", "unknown"), ("@3", "string"), ("@4", "number")]);
        assert_eq!(shown.tables[0].key, [0; 0]);
        assert_eq!(cells(&batch)[3].as_deref(), Some("2"), "the number of the ENUM's value");
    }

    #[test]
    fn changes_to_documents_are_told_as_text() {
        // Replaces $.a by 1, and removes $[0].
        let diffs = b"\x00\x03$.a\x03\x05\x01\x00\x02\x04$[0]";
        assert_eq!(json_diff(diffs).unwrap(), "REPLACE $.a 1, REMOVE $[0]");
        assert!(json_diff(b"\x07").is_err());
    }
}
