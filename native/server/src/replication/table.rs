//! A table as the binary log describes it, and the images of its rows.

use std::sync::atomic::{AtomicU64, Ordering};

use sealwire_binlog::{
    Body, ColumnKind, EventType, Flavour, NewColumn, NewTable, Problem, RowMetadata, Rows, RowsFlags, RowsKind, Value,
};
use sealwire_core::message::CHARSET_BINARY;
use sealwire_core::wire::Put as _;

/// The kind of a changed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A new row.
    Insert,
    /// A row with new values.
    Update,
    /// A row that is gone.
    Delete,
}

/// A column of a table that is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedColumn {
    pub(crate) name: String,
    pub(crate) kind: ColumnKind,
    pub(crate) is_nullable: bool,
    pub(crate) is_unsigned: bool,
    /// The number of the collation, of a text; binary for bytes.
    pub(crate) collation: u16,
    /// The members of an ENUM or SET.
    pub(crate) members: Vec<String>,
}

/// A table that is logged.
#[derive(Debug)]
pub(crate) struct LoggedTable {
    /// The number by which row events refer to it.
    pub(super) id: u64,
    /// The type of the event that holds a statement's text.
    pub(super) statement_event: EventType,
    /// The body of its TABLE_MAP.
    pub(super) map: Vec<u8>,
    pub(crate) columns: Vec<LoggedColumn>,
    version: u8,
    has_foreign_keys: bool,
    /// One bit for each column, all set.
    present: Vec<u8>,
}

/// The flag of a TABLE_MAP that MySQL and MariaDB always set: the types have metadata.
const HAS_METADATA: u16 = 1;

impl LoggedTable {
    /// Describes a table. `has_foreign_keys` says whether changes of it may change other tables, whose rows are then logged, too, so that a
    /// replica must not change them again by itself.
    ///
    /// # Errors
    /// Where a column's type can't be in the log.
    pub(crate) fn new(
        flavour: Flavour,
        metadata: RowMetadata,
        (database, name): (&str, &str),
        columns: Vec<LoggedColumn>,
        primary_key: &[usize],
        has_foreign_keys: bool,
    ) -> Result<Self, Problem> {
        static LAST: AtomicU64 = AtomicU64::new(17);
        let id = LAST.fetch_add(1, Ordering::Relaxed);
        let described = columns.iter().map(|column| NewColumn {
            nullable: column.is_nullable,
            unsigned: column.is_unsigned,
            collation: column.collation.into(),
            members: column.members.iter().map(String::as_bytes).collect(),
            ..NewColumn::new(column.name.as_bytes(), column.kind)
        });
        let table = NewTable {
            table_id: id,
            flags: HAS_METADATA,
            database: database.as_bytes(),
            name: name.as_bytes(),
            columns: described.collect(),
            primary_key: primary_key.iter().map(|index| (u16::try_from(*index).unwrap_or(u16::MAX), 0)).collect(),
        };
        let mut map = Vec::new();
        table.encode(metadata, &mut map)?;
        let present = bits(columns.iter().map(|_| true));
        let (version, statement_event) = match flavour {
            Flavour::MariaDb => (1, EventType::ANNOTATE_ROWS),
            Flavour::MySql => (2, EventType::ROWS_QUERY),
        };
        Ok(Self { id, statement_event, map, columns, version, has_foreign_keys, present })
    }

    /// The type of the event for rows changed in this way.
    pub(super) fn row_event(&self, change: Change) -> EventType {
        self.rows(change, RowsFlags::default(), &[]).event_type()
    }

    fn rows<'r>(&'r self, change: Change, flags: RowsFlags, data: &'r [u8]) -> Rows<'r> {
        let kind = match change {
            Change::Insert => RowsKind::Write,
            Change::Update => RowsKind::Update,
            Change::Delete => RowsKind::Delete,
        };
        Rows {
            kind,
            version: self.version,
            table_id: self.id,
            flags,
            extra: &[],
            columns: self.columns.len(),
            before: if change == Change::Insert { &[] } else { &self.present },
            after: if change == Change::Delete { &[] } else { &self.present },
            data: data.into(),
            packed: None,
            table: None,
        }
    }

    /// Appends the body of an event with these rows.
    pub(super) fn put_rows(&self, change: Change, is_last: bool, rows: &[u8], out: &mut Vec<u8>) {
        let mut flags = 0;
        if is_last {
            flags |= RowsFlags::STMT_END.0;
        }
        if self.has_foreign_keys {
            flags |= RowsFlags::NO_FOREIGN_KEY_CHECKS.0;
        }
        Body::Rows(self.rows(change, RowsFlags(flags), rows)).encode(out);
    }
}

/// One image of a row, to which its values are added in the order of the columns.
#[derive(Debug, Default)]
pub(crate) struct Image {
    nulls: Vec<u8>,
    values: Vec<u8>,
    count: usize,
}

impl Image {
    /// Begins anew; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.nulls.clear();
        self.values.clear();
        self.count = 0;
    }

    /// Adds the value of the next column.
    ///
    /// # Errors
    /// Where the column's type can't hold it.
    pub(crate) fn add(&mut self, column: &LoggedColumn, value: Value<'_>) -> Result<(), Problem> {
        if self.count.is_multiple_of(8) {
            // As servers do, bits that stand for no column are set.
            self.nulls.push(0xff);
        }
        let is_null = value == Value::Null;
        if let Some(byte) = self.nulls.last_mut().filter(|_| !is_null) {
            *byte &= !(1 << (self.count % 8));
        }
        if !is_null {
            value.encode(column.kind, self.count, &mut self.values)?;
        }
        self.count += 1;
        Ok(())
    }

    /// Appends the image.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.put(&self.nulls);
        out.put(&self.values);
    }

    /// Whether both images are of the same values.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.nulls == other.nulls && self.values == other.values
    }
}

/// One bit for each, the lowest first.
fn bits(all: impl Iterator<Item = bool>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, is_set) in all.enumerate() {
        if index % 8 == 0 {
            bytes.push(0);
        }
        if let Some(byte) = bytes.last_mut().filter(|_| is_set) {
            *byte |= 1 << (index % 8);
        }
    }
    bytes
}

/// The collation of bytes.
pub(crate) const BINARY: u16 = CHARSET_BINARY;
