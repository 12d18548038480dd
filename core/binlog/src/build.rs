//! TABLE_MAP and row events from values.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sealwire_core::wire::Put as _;

use crate::column::ColumnKind;
use crate::error::{Problem, Result};
use crate::format::Flavour;
use crate::rows::{Rows, RowsFlags, RowsKind};
use crate::table_map::{MOST_COLUMNS, Table, TableMap};
use crate::value::Value;

/// How much a TABLE_MAP event says beside types: `binlog_row_metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowMetadata {
    /// Nothing, as MariaDB by default.
    NoLog,
    /// Whether numbers are unsigned, collations of texts, kinds of geometries; as MySQL by default.
    Minimal,
    /// Also names, the values of ENUM and SET, the primary key.
    Full,
}

/// A table to describe in a TABLE_MAP event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable<'a> {
    /// The number by which row events will refer to the table, of 48 bits.
    pub table_id: u64,
    /// The flags; servers write 1.
    pub flags: u16,
    /// The database.
    pub database: &'a [u8],
    /// The table.
    pub name: &'a [u8],
    /// The columns.
    pub columns: Vec<NewColumn<'a>>,
    /// The primary key's columns, from 0 on, each with the length of its prefix in characters; 0 for the whole value.
    pub primary_key: Vec<(u16, u32)>,
}

/// A column to describe in a TABLE_MAP event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewColumn<'a> {
    /// The name.
    pub name: &'a [u8],
    /// The type.
    pub kind: ColumnKind,
    /// Whether the column may be NULL.
    pub nullable: bool,
    /// Whether a number is unsigned.
    pub unsigned: bool,
    /// The number of the collation of a text, an ENUM or a SET; 63 is binary.
    pub collation: u32,
    /// The values of an ENUM or SET.
    pub members: Vec<&'a [u8]>,
    /// The kind of a geometry.
    pub geometry_type: u32,
    /// The number of floats of a VECTOR.
    pub dimensions: u32,
    /// Whether `SELECT *` shows the column.
    pub visible: bool,
}

impl<'a> NewColumn<'a> {
    /// A column that may be NULL, signed, of the binary collation.
    pub const fn new(name: &'a [u8], kind: ColumnKind) -> Self {
        Self {
            name,
            kind,
            nullable: true,
            unsigned: false,
            collation: 63,
            members: Vec::new(),
            geometry_type: 0,
            dimensions: 0,
            visible: true,
        }
    }
}

impl NewTable<'_> {
    /// Appends the body of the TABLE_MAP event, for a log of MariaDB; it is the same for MySQL where no column is GEOMETRY.
    pub fn encode(&self, detail: RowMetadata, out: &mut Vec<u8>) -> Result<()> {
        self.encode_for(Flavour::MariaDb, detail, out)
    }

    /// Appends the body of the TABLE_MAP event for a log of this flavour.
    pub fn encode_for(&self, flavour: Flavour, detail: RowMetadata, out: &mut Vec<u8>) -> Result<()> {
        let limit = MOST_COLUMNS as u64;
        if self.columns.len() > MOST_COLUMNS {
            return Err(Problem::TooBig { what: "the number of columns", size: self.columns.len() as u64, limit });
        }
        for (what, name) in [("the database's name", self.database), ("the table's name", self.name)] {
            if name.len() > 255 {
                return Err(Problem::TooBig { what, size: name.len() as u64, limit: 255 });
            }
        }
        let (mut types, mut metadata) = (Vec::with_capacity(self.columns.len()), Vec::new());
        for column in &self.columns {
            types.push(column.kind.encode(&mut metadata)?);
        }
        let mut optional = Vec::new();
        if detail >= RowMetadata::Minimal {
            self.minimal(flavour, &mut optional);
        }
        if detail >= RowMetadata::Full {
            self.full(&mut optional);
        }
        let nullable = low_bits(self.columns.iter().map(|column| column.nullable));
        let (database, table) = (self.database, self.name);
        let (types, metadata, nullable, optional) = (&types, &metadata, &nullable, &optional);
        let (table_id, flags) = (self.table_id, self.flags);
        TableMap { table_id, flags, database, table, types, metadata, nullable, optional }.encode(out);
        Ok(())
    }

    fn minimal(&self, flavour: Flavour, out: &mut Vec<u8>) {
        let numeric = self.columns.iter().filter(|column| column.kind.is_numeric());
        field(1, &high_bits(numeric.map(|column| column.unsigned)), out);
        let texts = self.columns.iter().filter(|column| column.kind.has_collation(flavour));
        collations(2, texts.map(|column| column.collation), out);
        let is_geometry = |column: &&NewColumn<'_>| matches!(column.kind, ColumnKind::Geometry { .. });
        numbers(7, self.columns.iter().filter(is_geometry).map(|column| column.geometry_type), out);
        let is_vector = |column: &&NewColumn<'_>| matches!(column.kind, ColumnKind::Vector { .. });
        numbers(13, self.columns.iter().filter(is_vector).map(|column| column.dimensions), out);
    }

    fn full(&self, out: &mut Vec<u8>) {
        let mut names = Vec::new();
        self.columns.iter().for_each(|column| names.put_lenenc_bytes(column.name));
        field(4, &names, out);
        let is_enum = |column: &&NewColumn<'_>| matches!(column.kind, ColumnKind::Enum { .. });
        let is_set = |column: &&NewColumn<'_>| matches!(column.kind, ColumnKind::Set { .. });
        let either = self.columns.iter().filter(|column| is_enum(column) || is_set(column));
        collations(10, either.map(|column| column.collation), out);
        members(5, self.columns.iter().filter(is_set), out);
        members(6, self.columns.iter().filter(is_enum), out);
        if self.primary_key.iter().all(|(_, prefix)| *prefix == 0) {
            numbers(8, self.primary_key.iter().map(|(column, _)| u32::from(*column)), out);
        } else {
            numbers(9, self.primary_key.iter().flat_map(|(column, prefix)| [u32::from(*column), *prefix]), out);
        }
        // Servers leave this out where all columns are visible.
        if self.columns.iter().any(|column| !column.visible) {
            field(12, &high_bits(self.columns.iter().map(|column| column.visible)), out);
        }
    }
}

/// Appends a piece of optional metadata, unless it is empty.
fn field(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    if !value.is_empty() {
        out.put_u8(kind);
        out.put_lenenc_bytes(value);
    }
}

fn numbers(kind: u8, numbers: impl Iterator<Item = u32>, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    numbers.for_each(|number| value.put_lenenc_int(number.into()));
    field(kind, &value, out);
}

/// The most frequent collation, and the columns that have another.
fn collations(kind: u8, collations: impl Iterator<Item = u32>, out: &mut Vec<u8>) {
    let collations: Vec<u32> = collations.collect();
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    collations.iter().for_each(|collation| *counts.entry(*collation).or_default() += 1);
    let Some((default, _)) = counts.into_iter().max_by_key(|(_, count)| *count) else { return };
    let others = collations.iter().zip(0_u32..).filter(|(collation, _)| **collation != default);
    numbers(kind, core::iter::once(default).chain(others.flat_map(|(collation, index)| [index, *collation])), out);
}

fn members<'c>(kind: u8, columns: impl Iterator<Item = &'c NewColumn<'c>>, out: &mut Vec<u8>) {
    let mut value = Vec::new();
    for column in columns {
        value.put_lenenc_int(column.members.len() as u64);
        column.members.iter().for_each(|member| value.put_lenenc_bytes(member));
    }
    field(kind, &value, out);
}

/// Bits, of which the lowest of each byte comes first.
fn low_bits(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    packed(bits, |place| 1 << place)
}

/// Bits, of which the highest of each byte comes first.
fn high_bits(bits: impl Iterator<Item = bool>) -> Vec<u8> {
    packed(bits, |place| 0x80 >> place)
}

fn packed(bits: impl Iterator<Item = bool>, mask: fn(usize) -> u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, bit) in bits.enumerate() {
        if index % 8 == 0 {
            bytes.push(0);
        }
        if let (Some(byte), true) = (bytes.last_mut(), bit) {
            *byte |= mask(index % 8);
        }
    }
    bytes
}

/// Collects the rows of one row event.
#[derive(Debug, Clone)]
pub struct RowsBuilder {
    table: Arc<Table>,
    kind: RowsKind,
    version: u8,
    before: Vec<u8>,
    after: Vec<u8>,
    data: Vec<u8>,
}

impl RowsBuilder {
    /// Rows of a table in an event of this version, 1 or 2. All columns are in the images.
    pub fn new(table: Arc<Table>, kind: RowsKind, version: u8) -> Self {
        let all = || low_bits(table.columns().iter().map(|_| true));
        let before = if kind == RowsKind::Write { Vec::new() } else { all() };
        let after = if kind == RowsKind::Delete { Vec::new() } else { all() };
        Self { before, after, table, kind, version, data: Vec::new() }
    }

    /// Leaves columns out of the images: those for which the functions say `false`. Call it before the first row.
    pub fn with_columns(mut self, before: impl Fn(usize) -> bool, after: impl Fn(usize) -> bool) -> Self {
        let columns = self.table.columns().len();
        if self.kind != RowsKind::Write {
            self.before = low_bits((0..columns).map(before));
        }
        if self.kind != RowsKind::Delete {
            self.after = low_bits((0..columns).map(after));
        }
        self
    }

    /// Appends a row: a value for each column of the table before and after the change. Values of columns outside an image are not looked
    /// at, nor are `before` of an inserted row and `after` of a deleted one. After an error the row is not there.
    pub fn push(&mut self, before: &[Option<Value<'_>>], after: &[Option<Value<'_>>]) -> Result<()> {
        let length = self.data.len();
        let pushed = self.images(before, after);
        if pushed.is_err() {
            self.data.truncate(length);
        }
        pushed
    }

    fn images(&mut self, before: &[Option<Value<'_>>], after: &[Option<Value<'_>>]) -> Result<()> {
        if self.kind != RowsKind::Write {
            image(&self.table, &self.before, before, &mut self.data)?;
        }
        if self.kind == RowsKind::PartialUpdate {
            // No document is given by its changes.
            self.data.put_u8(0);
        }
        if self.kind != RowsKind::Delete {
            image(&self.table, &self.after, after, &mut self.data)?;
        }
        Ok(())
    }

    /// The bytes of the rows so far. Servers begin another event at 8 KiB (`binlog_row_event_max_size`).
    pub fn size(&self) -> usize {
        self.data.len()
    }

    /// The event's body.
    pub fn rows(&self, flags: RowsFlags) -> Rows<'_> {
        Rows {
            kind: self.kind,
            version: self.version,
            table_id: self.table.table_id(),
            flags,
            extra: &[],
            columns: self.table.columns().len(),
            before: &self.before,
            after: &self.after,
            data: Cow::Borrowed(&self.data),
            packed: None,
            table: Some(Arc::clone(&self.table)),
        }
    }

    /// Removes the rows, for the next event.
    pub fn clear(&mut self) {
        self.data.clear();
    }
}

fn image(table: &Table, present: &[u8], values: &[Option<Value<'_>>], out: &mut Vec<u8>) -> Result<()> {
    let is_present = |index: usize| crate::table_map::bit(present, index);
    let columns = table.columns().iter().enumerate().filter(|(index, _)| is_present(*index));
    let mut nulls = Vec::new();
    for (index, column) in columns.clone() {
        let value = values.get(index).and_then(Option::as_ref).ok_or(Problem::Value(index))?;
        if *value == Value::Null && !column.nullable {
            return Err(Problem::Value(index));
        }
        nulls.push(*value == Value::Null);
    }
    // Servers set the bits that belong to no column.
    let rest = (8 - nulls.len() % 8) % 8;
    out.put(&low_bits(nulls.iter().copied().chain(core::iter::repeat_n(true, rest))));
    for (index, column) in columns {
        if let Some(Some(value)) = values.get(index) {
            value.encode(column.kind, index, out)?;
        }
    }
    Ok(())
}
