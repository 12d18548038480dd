//! Whole transactions, with typed rows that own their values.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::body::Body;
use crate::error::{Error, Problem};
use crate::event::Event;
use crate::inflate::Inflate;
use crate::json;
use crate::progress::Boundary;
use crate::reader::Reader;
use crate::rows::{Row, Rows, RowsKind};
use crate::table_map::Table;
use crate::temporal::{Date, DateTime, Time, Timestamp};
use crate::value::Value;

/// The most bytes that a transaction's events may have by default.
const MOST_BYTES: u64 = 256 << 20;

/// A transaction as the server committed it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Transaction {
    /// The GTID as text, if it has one: `0-1-100`, or `3e11fa47-71ca-11e1-9e33-c80aa9429562:5`.
    pub gtid: Option<String>,
    /// The server at which it was made.
    pub server_id: u32,
    /// Seconds since 1970, when its last statement began.
    pub timestamp: u32,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The number of further changes, which are left out: see [`TransactionBuilder::most_changes`].
    pub omitted: u64,
    /// Whether it was rolled back, after changes to tables that know no transactions.
    pub is_rolled_back: bool,
}

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A statement: DDL, or any statement of a server that logs statements.
    Statement {
        /// The current database; empty for none.
        database: Vec<u8>,
        /// The text.
        sql: Vec<u8>,
    },
    /// An inserted row.
    Insert {
        /// The table.
        table: Arc<Table>,
        /// The row; `None` is a column that the server left out.
        row: Vec<Option<OwnedValue>>,
    },
    /// An updated row.
    Update {
        /// The table.
        table: Arc<Table>,
        /// The row before.
        before: Vec<Option<OwnedValue>>,
        /// The row after.
        after: Vec<Option<OwnedValue>>,
    },
    /// A deleted row.
    Delete {
        /// The table.
        table: Arc<Table>,
        /// The row.
        row: Vec<Option<OwnedValue>>,
    },
}

/// A value that owns its bytes. [`Value`] is the one that borrows them.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedValue {
    /// NULL.
    Null,
    /// A signed integer, or one of which the log does not say whether it is unsigned.
    Int(i64),
    /// An unsigned integer.
    UInt(u64),
    /// FLOAT.
    Float(f32),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL, as text.
    Decimal(String),
    /// BIT.
    Bit(u64),
    /// YEAR.
    Year(u16),
    /// DATE.
    Date(Date),
    /// TIME.
    Time(Time),
    /// DATETIME.
    DateTime(DateTime),
    /// TIMESTAMP.
    Timestamp(Timestamp),
    /// Texts, in their columns' character sets, and bytes; compressed columns are inflated.
    Bytes(Vec<u8>),
    /// JSON of MySQL, as text.
    Json(String),
    /// The changes to parts of a JSON document, as [`json::diffs`] reads them.
    JsonDiff(Vec<u8>),
    /// ENUM: the number of the value, from 1 on.
    Enum(u16),
    /// SET: one bit for each value.
    Set(u64),
}

/// Puts transactions together from the events of a log.
#[derive(Debug, Clone)]
pub struct TransactionBuilder {
    /// The most bytes that a transaction's events may have; 256 MiB by default. A larger transaction is an error.
    pub most_bytes: u64,
    /// The most changes that a transaction keeps; all by default. Those behind are counted in [`Transaction::omitted`], and their events'
    /// bytes are not.
    pub most_changes: usize,
    current: Transaction,
    bytes: u64,
}

impl Default for TransactionBuilder {
    fn default() -> Self {
        Self { most_bytes: MOST_BYTES, most_changes: usize::MAX, current: Transaction::default(), bytes: 0 }
    }
}

impl TransactionBuilder {
    /// Takes an event, whose place in its transaction [`crate::Progress`] tells. Returns the transaction that it ends.
    ///
    /// # Errors
    /// The event can't be decoded, or the transaction is too large.
    pub fn event(
        &mut self,
        event: &Event<'_>,
        boundary: Boundary,
        reader: &mut Reader,
    ) -> Result<Option<Transaction>, Error> {
        if boundary == Boundary::Outside {
            return Ok(None);
        }
        if self.current.changes.len() < self.most_changes {
            self.bytes += u64::from(event.header.size);
        }
        if self.bytes > self.most_bytes {
            let (size, limit) = (self.bytes, self.most_bytes);
            return Err(event.error(Problem::TooBig { what: "the transaction", size, limit }));
        }
        self.take(event, reader)?;
        if boundary != Boundary::Commit {
            return Ok(None);
        }
        self.bytes = 0;
        Ok(Some(core::mem::take(&mut self.current)))
    }

    /// Adds the changes of an event.
    fn take(&mut self, event: &Event<'_>, reader: &mut Reader) -> Result<(), Error> {
        let inflate = reader.limits().inflate;
        let to = &mut self.current;
        (to.server_id, to.timestamp) = (event.header.server_id, event.header.timestamp);
        match event.decode()? {
            Body::MariaDbGtid(gtid) => {
                to.gtid = Some(format!("{}-{}-{}", gtid.domain, event.header.server_id, gtid.sequence));
            }
            Body::Gtid(gtid) | Body::GtidTagged(gtid) => {
                let tag = String::from_utf8_lossy(gtid.tag);
                let tag = if tag.is_empty() { String::new() } else { format!(":{tag}") };
                to.gtid = Some(format!("{}{tag}:{}", gtid.uuid, gtid.number));
            }
            Body::Query(query) => match &*query.sql {
                b"BEGIN" | b"COMMIT" => {}
                b"ROLLBACK" => to.is_rolled_back = true,
                sql => self.push(|| Ok(statement(query.database, sql))).map_err(|problem| event.error(problem))?,
            },
            Body::LoadQuery(load) => self
                .push(|| Ok(statement(load.query.database, &load.query.sql)))
                .map_err(|problem| event.error(problem))?,
            Body::Rows(rows) => self.rows(&rows, &inflate).map_err(|problem| event.error(problem))?,
            Body::TransactionPayload(payload) => {
                let plain = payload.inflate(&inflate).map_err(|problem| event.error(problem))?;
                let mut rest = &*plain;
                while let Some(inner) = reader.next_inside(&mut rest)? {
                    self.take(&inner, reader)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn rows(&mut self, rows: &Rows<'_>, inflate: &Inflate) -> Result<(), Problem> {
        let (mut row, mut all) = (Row::default(), rows.iter()?);
        let Some(table) = &rows.table else { return Ok(()) };
        let own = |values: &[Option<Value<'_>>]| -> Result<Vec<Option<OwnedValue>>, Problem> {
            values.iter().map(|value| value.map(|value| owned(value, inflate)).transpose()).collect()
        };
        while all.next_into(&mut row)? {
            self.push(|| {
                let table = Arc::clone(table);
                Ok(match rows.kind {
                    RowsKind::Write => Change::Insert { table, row: own(&row.after)? },
                    RowsKind::Delete => Change::Delete { table, row: own(&row.before)? },
                    RowsKind::Update | RowsKind::PartialUpdate => {
                        Change::Update { table, before: own(&row.before)?, after: own(&row.after)? }
                    }
                })
            })?;
        }
        Ok(())
    }

    /// Keeps a change, or counts it.
    fn push(&mut self, change: impl FnOnce() -> Result<Change, Problem>) -> Result<(), Problem> {
        if self.current.changes.len() < self.most_changes {
            self.current.changes.push(change()?);
        } else {
            self.current.omitted += 1;
        }
        Ok(())
    }
}

fn statement(database: &[u8], sql: &[u8]) -> Change {
    Change::Statement { database: database.to_vec(), sql: sql.to_vec() }
}

fn owned(value: Value<'_>, inflate: &Inflate) -> Result<OwnedValue, Problem> {
    Ok(match value {
        Value::Null => OwnedValue::Null,
        Value::Int(number) => OwnedValue::Int(number),
        Value::UInt(number) => OwnedValue::UInt(number),
        Value::Float(number) => OwnedValue::Float(number),
        Value::Double(number) => OwnedValue::Double(number),
        Value::Decimal(number) => OwnedValue::Decimal(number.to_string()),
        Value::Bit(bits) => OwnedValue::Bit(bits),
        Value::Year(year) => OwnedValue::Year(year),
        Value::Date(date) => OwnedValue::Date(date),
        Value::Time(time) => OwnedValue::Time(time),
        Value::DateTime(time) => OwnedValue::DateTime(time),
        Value::Timestamp(time) => OwnedValue::Timestamp(time),
        Value::Bytes(bytes) => OwnedValue::Bytes(bytes.to_vec()),
        Value::Compressed(stored) => OwnedValue::Bytes(inflate.column(stored)?.into_owned()),
        Value::Json(document) => {
            let mut text = String::new();
            json::to_text(document, &mut text)?;
            OwnedValue::Json(text)
        }
        Value::JsonDiff(diffs) => OwnedValue::JsonDiff(diffs.to_vec()),
        Value::Enum(number) => OwnedValue::Enum(number),
        Value::Set(bits) => OwnedValue::Set(bits),
    })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::build::{NewColumn, NewTable, RowMetadata, RowsBuilder};
    use crate::column::ColumnKind;
    use crate::format::Checksum;
    use crate::gtid::MariaDbGtidEvent;
    use crate::query::Query;
    use crate::reader::Limits;
    use crate::rows::RowsFlags;
    use crate::table_map::TableMap;
    use crate::writer::{Head, encode_event};

    /// The transaction of these events, the last of which ends it.
    fn built(builder: &mut TransactionBuilder, bodies: &[Body<'_>]) -> Result<Transaction, Error> {
        let mut reader = Reader::stream(Checksum::None, Limits::default());
        let head = Head { timestamp: 7, server_id: 11, ..Head::default() };
        for (left, body) in (0..bodies.len()).rev().zip(bodies) {
            let mut bytes = Vec::new();
            encode_event(head, 0, body, Checksum::None, &mut bytes).unwrap();
            let boundary = if left == 0 { Boundary::Commit } else { Boundary::Inside };
            let event = reader.event(&bytes)?;
            if let Some(transaction) = builder.event(&event, boundary, &mut reader)? {
                return Ok(transaction);
            }
        }
        panic!("no transaction ended");
    }

    /// The events of a transaction that inserts so many rows.
    fn inserted(rows: i64, check: impl FnOnce(&[Body<'_>])) {
        let columns = vec![NewColumn::new(b"id", ColumnKind::BigInt)];
        let new = NewTable { table_id: 9, flags: 1, database: b"d", name: b"t", columns, primary_key: Vec::new() };
        let mut described = Vec::new();
        new.encode(RowMetadata::Full, &mut described).unwrap();
        let table = Arc::new(Table::decode(&described, 8).unwrap());
        let mut builder = RowsBuilder::new(table, RowsKind::Write, 2);
        for id in 0..rows {
            builder.push(&[], &[Some(Value::Int(id))]).unwrap();
        }
        check(&[
            Body::MariaDbGtid(MariaDbGtidEvent::new(0, 5, 0)),
            Body::TableMap(TableMap::parse(&described).unwrap()),
            Body::Rows(builder.rows(RowsFlags::STMT_END)),
            Body::Query(Query::new(1, b"d", b"COMMIT")),
        ]);
    }

    #[test]
    fn a_transaction_has_its_gtid_and_its_rows() {
        inserted(2, |bodies| {
            let transaction = built(&mut TransactionBuilder::default(), bodies).unwrap();
            assert_eq!(transaction.gtid.as_deref(), Some("0-11-5"));
            assert_eq!((transaction.server_id, transaction.timestamp, transaction.omitted), (11, 7, 0));
            let rows: Vec<_> = transaction
                .changes
                .iter()
                .map(|change| match change {
                    Change::Insert { table, row } if table.name() == b"t" => row.as_slice(),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(rows, [[Some(OwnedValue::Int(0))], [Some(OwnedValue::Int(1))]]);
        });
        let ended = [Body::Query(Query::new(1, b"d", b"INSERT 1")), Body::Query(Query::new(1, b"d", b"ROLLBACK"))];
        let transaction = built(&mut TransactionBuilder::default(), &ended).unwrap();
        let statement = Change::Statement { database: b"d".to_vec(), sql: b"INSERT 1".to_vec() };
        assert_eq!((transaction.changes, transaction.is_rolled_back), (vec![statement], true));
    }

    #[test]
    fn what_is_over_the_limits_is_an_error_or_counted() {
        inserted(1000, |bodies| {
            let mut builder = TransactionBuilder { most_bytes: 1000, ..TransactionBuilder::default() };
            let problem = built(&mut builder, bodies).unwrap_err().problem;
            assert!(matches!(problem, Problem::TooBig { what: "the transaction", limit: 1000, .. }), "{problem}");
            let mut builder = TransactionBuilder { most_changes: 10, ..TransactionBuilder::default() };
            for _ in 0..2 {
                let transaction = built(&mut builder, bodies).unwrap();
                assert_eq!((transaction.changes.len(), transaction.omitted), (10, 990));
            }
        });
    }
}
