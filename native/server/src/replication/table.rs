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

/// The columns of a row that the log has: `binlog_row_image`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RowImage {
    /// All.
    #[default]
    Full,
    /// The key before a change, and the changed columns after it.
    Minimal,
    /// All but large values that are neither of the key nor changed.
    NoBlob,
}

/// Which columns the images of a change have: one bit for each column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Present {
    before: Vec<u8>,
    after: Vec<u8>,
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
    /// The columns by which a row is found without the others; empty where the table has no key.
    key: Vec<usize>,
}

impl LoggedColumn {
    /// Whether its values may be large, so that NOBLOB leaves them out.
    const fn is_large(&self) -> bool {
        matches!(self.kind, ColumnKind::Blob { .. } | ColumnKind::Json { .. } | ColumnKind::Geometry { .. })
    }
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
        table.encode_for(flavour, metadata, &mut map)?;
        let (version, statement_event) = match flavour {
            Flavour::MariaDb => (1, EventType::ANNOTATE_ROWS),
            Flavour::MySql => (2, EventType::ROWS_QUERY),
        };
        Ok(Self { id, statement_event, map, columns, version, has_foreign_keys, key: primary_key.to_vec() })
    }

    /// The type of the event for rows changed in this way.
    pub(super) fn row_event(&self, change: Change) -> EventType {
        self.rows(change, &Present::default(), RowsFlags::default(), &[]).event_type()
    }

    /// Appends the images of a change with the columns that `image` wants, and says which these are.
    pub(crate) fn put_images(
        &self,
        change: Change,
        image: RowImage,
        (before, after): (&Image, &Image),
        out: &mut Vec<u8>,
    ) -> Present {
        let is_large = |index: usize| self.columns.get(index).is_some_and(LoggedColumn::is_large);
        let in_before = |index: usize| match image {
            RowImage::Minimal => self.key.is_empty() || self.key.contains(&index),
            RowImage::NoBlob => self.key.is_empty() || self.key.contains(&index) || !is_large(index),
            RowImage::Full => true,
        };
        let in_after = |index: usize| match image {
            // A new row has all its columns, because a replica may have other defaults.
            _ if change == Change::Insert => true,
            RowImage::Minimal => !before.is_same_at(after, index),
            RowImage::NoBlob => !is_large(index) || !before.is_same_at(after, index),
            RowImage::Full => true,
        };
        let mut present = Present::default();
        if change != Change::Insert {
            present.before = bits((0..self.columns.len()).map(in_before));
            before.put(in_before, out);
        }
        if change != Change::Delete {
            present.after = bits((0..self.columns.len()).map(in_after));
            after.put(in_after, out);
        }
        present
    }

    fn rows<'r>(&'r self, change: Change, present: &'r Present, flags: RowsFlags, data: &'r [u8]) -> Rows<'r> {
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
            before: &present.before,
            after: &present.after,
            data: data.into(),
            packed: None,
            table: None,
        }
    }

    /// Appends the body of an event with these rows, whose images have these columns.
    pub(super) fn put_rows(&self, change: Change, present: &Present, is_last: bool, rows: &[u8], out: &mut Vec<u8>) {
        let mut flags = 0;
        if is_last {
            flags |= RowsFlags::STMT_END.0;
        }
        if self.has_foreign_keys {
            flags |= RowsFlags::NO_FOREIGN_KEY_CHECKS.0;
        }
        Body::Rows(self.rows(change, present, RowsFlags(flags), rows)).encode(out);
    }
}

/// One image of a row, to which its values are added in the order of the columns.
#[derive(Debug, Default)]
pub(crate) struct Image {
    values: Vec<u8>,
    /// Whether each value is NULL, and where it ends.
    ends: Vec<(bool, usize)>,
}

impl Image {
    /// Begins anew; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.ends.clear();
    }

    /// Adds the value of the next column.
    ///
    /// # Errors
    /// Where the column's type can't hold it.
    pub(crate) fn add(&mut self, column: &LoggedColumn, value: Value<'_>) -> Result<(), Problem> {
        let is_null = value == Value::Null;
        if !is_null {
            value.encode(column.kind, self.ends.len(), &mut self.values)?;
        }
        self.ends.push((is_null, self.values.len()));
        Ok(())
    }

    /// Appends the image with the columns that `is_wanted` names.
    fn put(&self, is_wanted: impl Fn(usize) -> bool, out: &mut Vec<u8>) {
        let mut count = 0;
        for (is_null, _) in self.ends.iter().enumerate().filter(|(index, _)| is_wanted(*index)).map(|(_, end)| end) {
            if count % 8 == 0 {
                // As servers do, bits that stand for no column are set.
                out.push(0xff);
            }
            if let Some(byte) = out.last_mut().filter(|_| !is_null) {
                *byte &= !(1 << (count % 8));
            }
            count += 1;
        }
        if count == self.ends.len() {
            return out.put(&self.values);
        }
        for index in (0..self.ends.len()).filter(|index| is_wanted(*index)) {
            out.put(self.value(index));
        }
    }

    /// The bytes of a value; none for NULL.
    pub(crate) fn value(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(_, end)| *end);
        let end = self.ends.get(index).map_or(start, |(_, end)| *end);
        self.values.get(start..end).unwrap_or_default()
    }

    fn is_same_at(&self, other: &Self, index: usize) -> bool {
        let is_null = |image: &Self| image.ends.get(index).map(|(is_null, _)| *is_null);
        is_null(self) == is_null(other) && self.value(index) == other.value(index)
    }

    /// Whether both images are of the same values.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.ends == other.ends && self.values == other.values
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

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnKind) -> LoggedColumn {
        let name = name.to_owned();
        LoggedColumn { name, kind, is_nullable: true, is_unsigned: false, collation: BINARY, members: Vec::new() }
    }

    fn image(columns: &[LoggedColumn], values: [Value<'_>; 3]) -> Image {
        let mut image = Image::default();
        for (column, value) in columns.iter().zip(values) {
            image.add(column, value).unwrap();
        }
        image
    }

    #[test]
    fn an_image_has_the_columns_that_are_wanted() {
        let blob = ColumnKind::Blob { length_bytes: 1 };
        let columns = [column("id", ColumnKind::TinyInt), column("n", ColumnKind::TinyInt), column("b", blob)];
        let before = image(&columns, [Value::Int(1), Value::Null, Value::Bytes(b"x")]);
        let after = image(&columns, [Value::Int(1), Value::Int(7), Value::Bytes(b"x")]);
        let put = |key: &[usize], change, wanted| {
            let names = ("d", "t");
            let all = columns.to_vec();
            let table = LoggedTable::new(Flavour::MariaDb, RowMetadata::Full, names, all, key, false).unwrap();
            let mut out = Vec::new();
            let present = table.put_images(change, wanted, (&before, &after), &mut out);
            (present.before, present.after, out)
        };
        let (full, none) = (vec![0b111], Vec::new());
        let (old, new) = ([0b1111_1010, 1, 1, b'x'], [0b1111_1000, 1, 7, 1, b'x']);
        assert_eq!(put(&[0], Change::Update, RowImage::Full), (full.clone(), full.clone(), [&old[..], &new].concat()));
        assert_eq!(
            put(&[0], Change::Update, RowImage::Minimal),
            (vec![0b001], vec![0b010], vec![0b1111_1110, 1, 0b1111_1110, 7])
        );
        assert_eq!(
            put(&[0], Change::Update, RowImage::NoBlob),
            (vec![0b011], vec![0b011], vec![0b1111_1110, 1, 0b1111_1100, 1, 7])
        );
        assert_eq!(put(&[0], Change::Delete, RowImage::Minimal), (vec![0b001], none.clone(), vec![0b1111_1110, 1]));
        assert_eq!(put(&[0], Change::Insert, RowImage::Minimal), (none.clone(), full.clone(), new.to_vec()));
        // Without a key a row is found by all its columns.
        assert_eq!(put(&[], Change::Delete, RowImage::NoBlob), (full, none, old.to_vec()));
    }
}
