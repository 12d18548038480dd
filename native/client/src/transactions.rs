//! Whole transactions, with typed rows that own their values.

use std::sync::Arc;

use sealwire_binlog::{
    Body, Date, DateTime, Event, Inflate, Problem, Reader, Row, Rows, RowsKind, Table, Time, Timestamp, Value, json,
};

use super::Client;
use super::binlog::{BinlogFollower, Followed};
use super::error::ClientError;
use super::progress::Boundary;
use super::socket::Socket;

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

/// The transactions of a [`BinlogFollower`], which connects again as often as it has to.
#[derive(Debug)]
pub struct Transactions<C> {
    follower: BinlogFollower<C>,
    most_bytes: u64,
    current: Transaction,
    bytes: u64,
    /// Whether an error ended it.
    is_over: bool,
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> BinlogFollower<C> {
    /// The log as whole transactions.
    pub fn transactions(self) -> Transactions<C> {
        Transactions {
            follower: self,
            most_bytes: MOST_BYTES,
            current: Transaction::default(),
            bytes: 0,
            is_over: false,
        }
    }
}

impl<C> Transactions<C> {
    /// Sets the most bytes that a transaction's events may have. A larger transaction is an error: take the events one by one then.
    #[must_use]
    pub const fn most_bytes(mut self, most: u64) -> Self {
        self.most_bytes = most;
        self
    }
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> Iterator for Transactions<C> {
    type Item = Result<Transaction, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<C: FnMut() -> Result<Client<Socket>, ClientError>> Transactions<C> {
    /// Reads up to the end of a transaction.
    fn read(&mut self) -> Result<Option<Transaction>, ClientError> {
        loop {
            let next = match self.follower.next()? {
                Followed::Event(next) => next,
                Followed::Connected | Followed::Lost(..) => continue,
                Followed::End => return Ok(None),
            };
            if next.boundary == Boundary::Outside {
                continue;
            }
            let event = &next.event;
            self.bytes += u64::from(event.header.size);
            if self.bytes > self.most_bytes {
                let (size, limit) = (self.bytes, self.most_bytes);
                return Err(event.error(Problem::TooBig { what: "the transaction", size, limit }).into());
            }
            take(event, next.reader, &mut self.current)?;
            if next.boundary == Boundary::Commit {
                self.bytes = 0;
                return Ok(Some(std::mem::take(&mut self.current)));
            }
        }
    }
}

/// Adds the changes of an event.
fn take(event: &Event<'_>, reader: &mut Reader, to: &mut Transaction) -> Result<(), ClientError> {
    let inflate = reader.limits().inflate;
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
            sql => to.changes.push(Change::Statement { database: query.database.to_vec(), sql: sql.to_vec() }),
        },
        Body::LoadQuery(load) => {
            let (database, sql) = (load.query.database.to_vec(), load.query.sql.into_owned());
            to.changes.push(Change::Statement { database, sql });
        }
        Body::Rows(rows) => take_rows(&rows, &inflate, to).map_err(|problem| event.error(problem))?,
        Body::TransactionPayload(payload) => {
            let plain = payload.inflate(&inflate).map_err(|problem| event.error(problem))?;
            let mut rest = &*plain;
            while let Some(inner) = reader.next_inside(&mut rest)? {
                take(&inner, reader, to)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn take_rows(rows: &Rows<'_>, inflate: &Inflate, to: &mut Transaction) -> Result<(), Problem> {
    let (mut row, mut all) = (Row::default(), rows.iter()?);
    let Some(table) = &rows.table else { return Ok(()) };
    while all.next_into(&mut row)? {
        let own = |values: &[Option<Value<'_>>]| -> Result<Vec<Option<OwnedValue>>, Problem> {
            values.iter().map(|value| value.map(|value| owned(value, inflate)).transpose()).collect()
        };
        let table = Arc::clone(table);
        to.changes.push(match rows.kind {
            RowsKind::Write => Change::Insert { table, row: own(&row.after)? },
            RowsKind::Delete => Change::Delete { table, row: own(&row.before)? },
            RowsKind::Update | RowsKind::PartialUpdate => {
                Change::Update { table, before: own(&row.before)?, after: own(&row.after)? }
            }
        });
    }
    Ok(())
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
