//! Row events: the rows that a statement inserted, updated or deleted.
//!
//! Source: MySQL's libs/mysql/binlog/event/rows_event.h, `Rows_event`; MariaDB, "Rows Event V1/V2".

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::column::ColumnKind;
use crate::error::{Problem, Result};
use crate::event_type::EventType;
use crate::inflate::Inflate;
use crate::table_map::{Column, Table, bit, columns, put_table_id, table_id};
use crate::value::Value;

/// The change to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsKind {
    /// INSERT: rows have an image after the change.
    Write,
    /// UPDATE: rows have two images.
    Update,
    /// DELETE: rows have an image before the change.
    Delete,
    /// UPDATE whose image after the change may have changes to JSON documents instead of the documents (MySQL).
    PartialUpdate,
}

impl RowsKind {
    const fn has_before(self) -> bool {
        !matches!(self, Self::Write)
    }

    const fn has_after(self) -> bool {
        !matches!(self, Self::Delete)
    }
}

/// The flags of a row event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowsFlags(pub u16);

impl RowsFlags {
    /// The event is the last of its statement: tables must be described anew.
    pub const STMT_END: Self = Self(1);
    /// The session had `foreign_key_checks` off.
    pub const NO_FOREIGN_KEY_CHECKS: Self = Self(2);
    /// The session had `unique_checks` off.
    pub const RELAXED_UNIQUE_CHECKS: Self = Self(4);
    /// All columns are in the images.
    pub const COMPLETE_ROWS: Self = Self(8);

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A row event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows<'a> {
    /// The change.
    pub kind: RowsKind,
    /// The version of the event: 1 (MariaDB, and MySQL before 5.6) or 2.
    pub version: u8,
    /// The table, as TABLE_MAP numbers it.
    pub table_id: u64,
    /// The flags.
    pub flags: RowsFlags,
    /// In version 2: further fields, without their length.
    pub extra: &'a [u8],
    /// The number of columns.
    pub columns: usize,
    /// One bit for each column: whether it is in the images before the change. Empty for [`RowsKind::Write`].
    pub before: &'a [u8],
    /// One bit for each column: whether it is in the images after the change. Empty for [`RowsKind::Delete`].
    pub after: &'a [u8],
    /// The rows.
    pub data: Cow<'a, [u8]>,
    /// The compressed form of `data` as it came in a compressed event of MariaDB, which is written again as it is.
    pub packed: Option<&'a [u8]>,
    /// The table, if a TABLE_MAP event described it.
    pub table: Option<Arc<Table>>,
}

/// The kind, version and compression of a row event's type.
const fn traits(event_type: EventType) -> Option<(RowsKind, u8, bool)> {
    Some(match event_type {
        EventType::WRITE_ROWS_V1 => (RowsKind::Write, 1, false),
        EventType::UPDATE_ROWS_V1 => (RowsKind::Update, 1, false),
        EventType::DELETE_ROWS_V1 => (RowsKind::Delete, 1, false),
        EventType::WRITE_ROWS => (RowsKind::Write, 2, false),
        EventType::UPDATE_ROWS => (RowsKind::Update, 2, false),
        EventType::DELETE_ROWS => (RowsKind::Delete, 2, false),
        EventType::PARTIAL_UPDATE_ROWS => (RowsKind::PartialUpdate, 2, false),
        EventType::WRITE_ROWS_COMPRESSED_V1 => (RowsKind::Write, 1, true),
        EventType::UPDATE_ROWS_COMPRESSED_V1 => (RowsKind::Update, 1, true),
        EventType::DELETE_ROWS_COMPRESSED_V1 => (RowsKind::Delete, 1, true),
        EventType::WRITE_ROWS_COMPRESSED => (RowsKind::Write, 2, true),
        EventType::UPDATE_ROWS_COMPRESSED => (RowsKind::Update, 2, true),
        EventType::DELETE_ROWS_COMPRESSED => (RowsKind::Delete, 2, true),
        _ => return None,
    })
}

/// Whether an event of this type has rows.
pub(crate) const fn is_rows(event_type: EventType) -> bool {
    traits(event_type).is_some()
}

/// The table's number and the flags of a row event.
pub(crate) fn peek(body: &[u8], post_header: u8) -> Result<(u64, RowsFlags)> {
    let mut reader = Reader::new(body);
    Ok((table_id(&mut reader, post_header)?, RowsFlags(reader.u16("the flags")?)))
}

impl<'a> Rows<'a> {
    pub(crate) fn decode(
        event_type: EventType,
        body: &'a [u8],
        post_header: u8,
        inflate: &Inflate,
        table: Option<Arc<Table>>,
    ) -> Result<Self> {
        let (kind, version, is_packed) = traits(event_type).ok_or(Problem::UnknownEvent)?;
        let mut reader = Reader::new(body);
        let table_id = table_id(&mut reader, post_header)?;
        let flags = RowsFlags(reader.u16("the flags")?);
        let extra = if version == 2 {
            // The length counts itself.
            let length = usize::from(reader.u16("the extra fields")?).checked_sub(2);
            reader.bytes(length.ok_or(Problem::Malformed("the extra fields"))?, "the extra fields")?
        } else {
            &[]
        };
        let columns = columns(&mut reader)?;
        let mut bits = |is_there: bool| {
            if is_there { reader.bytes(columns.div_ceil(8), "the bits of the columns") } else { Ok(&[][..]) }
        };
        let (before, after) = (bits(kind.has_before())?, bits(kind.has_after())?);
        let rest = reader.rest();
        let data = if is_packed { Cow::Owned(inflate.event(rest)?) } else { Cow::Borrowed(rest) };
        let packed = is_packed.then_some(rest);
        Ok(Self { kind, version, table_id, flags, extra, columns, before, after, data, packed, table })
    }

    /// The type of the event.
    pub const fn event_type(&self) -> EventType {
        match (self.kind, self.version, self.packed.is_some()) {
            (RowsKind::Write, 1, false) => EventType::WRITE_ROWS_V1,
            (RowsKind::Update, 1, false) => EventType::UPDATE_ROWS_V1,
            (RowsKind::Delete, 1, false) => EventType::DELETE_ROWS_V1,
            (RowsKind::Write, _, false) => EventType::WRITE_ROWS,
            (RowsKind::Update, _, false) => EventType::UPDATE_ROWS,
            (RowsKind::Delete, _, false) => EventType::DELETE_ROWS,
            (RowsKind::PartialUpdate, ..) => EventType::PARTIAL_UPDATE_ROWS,
            (RowsKind::Write, 1, true) => EventType::WRITE_ROWS_COMPRESSED_V1,
            (RowsKind::Update, 1, true) => EventType::UPDATE_ROWS_COMPRESSED_V1,
            (RowsKind::Delete, 1, true) => EventType::DELETE_ROWS_COMPRESSED_V1,
            (RowsKind::Write, _, true) => EventType::WRITE_ROWS_COMPRESSED,
            (RowsKind::Update, _, true) => EventType::UPDATE_ROWS_COMPRESSED,
            (RowsKind::Delete, _, true) => EventType::DELETE_ROWS_COMPRESSED,
        }
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_table_id(self.table_id, out);
        out.put_u16(self.flags.0);
        if self.version == 2 {
            out.put_u16(self.extra.len() as u16 + 2);
            out.put(self.extra);
        }
        out.put_lenenc_int(self.columns as u64);
        out.put(self.before);
        out.put(self.after);
        out.put(self.packed.unwrap_or(&self.data));
    }

    /// The rows, in order. After an error there are no more.
    pub fn iter(&self) -> Result<RowIter<'_>> {
        let table = self.table.as_deref().ok_or(Problem::NoTable(self.table_id))?;
        if table.columns().len() != self.columns {
            return Err(Problem::Malformed("the number of columns"));
        }
        Ok(RowIter {
            reader: Reader::new(&self.data),
            of: [&*self.data, self.before, self.after].map(|part| part.as_ptr() as usize),
            columns: self.columns,
            documents: table.columns().iter().filter(|column| is_json(column.kind)).count(),
            kind: self.kind,
            before: present(table.columns(), self.before),
            after: present(table.columns(), self.after),
        })
    }
}

/// One row: a value for each column of the table, or `None` for a column that is not in the image.
#[derive(Debug, Clone, Default)]
pub struct Row<'r> {
    /// The row before the change; empty for [`RowsKind::Write`].
    pub before: Vec<Option<Value<'r>>>,
    /// The row after the change; empty for [`RowsKind::Delete`].
    pub after: Vec<Option<Value<'r>>>,
    /// The places in memory of the rows and the bits of columns to which the images belong.
    of: [usize; 3],
}

impl PartialEq for Row<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.before == other.before && self.after == other.after
    }
}

/// A column that is in an image.
#[derive(Debug, Clone, Copy)]
struct Present {
    index: usize,
    kind: ColumnKind,
    is_unsigned: bool,
    /// The number of the column among those of JSON documents.
    document: Option<usize>,
}

/// The columns whose bits are set.
fn present(columns: &[Column], bits: &[u8]) -> Vec<Present> {
    let mut documents = 0..;
    let column = |(index, column): (usize, &Column)| {
        let document = if is_json(column.kind) { documents.next() } else { None };
        let is_unsigned = column.unsigned == Some(true);
        bit(bits, index).then_some(Present { index, kind: column.kind, is_unsigned, document })
    };
    columns.iter().enumerate().filter_map(column).collect()
}

/// The rows of an event.
#[derive(Debug, Clone)]
pub struct RowIter<'r> {
    reader: Reader<'r>,
    of: [usize; 3],
    columns: usize,
    /// The number of columns of JSON documents.
    documents: usize,
    kind: RowsKind,
    before: Vec<Present>,
    after: Vec<Present>,
}

impl<'r> RowIter<'r> {
    /// Reads the next row into `row`, whose memory serves for all rows. `false` is the end. Many rows at a time may take far more memory
    /// than the event, because a column that is not in an image, or is NULL, has next to no bytes in it.
    pub fn next_into(&mut self, row: &mut Row<'r>) -> Result<bool> {
        if self.reader.is_empty() {
            *row = Row::default();
            return Ok(false);
        }
        // All rows of an event have the same columns, so that the others stay as they are. `row` borrows from its event, so that no other
        // event can be in the same place.
        if row.of != self.of {
            *row = Row { of: self.of, ..Row::default() };
        }
        let left = self.reader.remaining();
        let read = self.images(row);
        // A row without bytes would come for ever.
        let read = read.and_then(|()| {
            if self.reader.remaining() < left { Ok(true) } else { Err(Problem::Malformed("a row without columns")) }
        });
        if read.is_err() {
            self.reader.rest();
            *row = Row::default();
        }
        read
    }

    fn images(&mut self, row: &mut Row<'r>) -> Result<()> {
        if self.kind.has_before() {
            row.before.resize(self.columns, None);
            image(&mut self.reader, &self.before, None, &mut row.before)?;
        }
        if !self.kind.has_after() {
            return Ok(());
        }
        let mut partial = None;
        if self.kind == RowsKind::PartialUpdate && self.reader.lenenc_int("the row's options")? & 1 != 0 {
            partial = Some(self.reader.bytes(self.documents.div_ceil(8), "the bits of JSON columns")?);
        }
        row.after.resize(self.columns, None);
        image(&mut self.reader, &self.after, partial, &mut row.after)
    }
}

impl<'r> Iterator for RowIter<'r> {
    type Item = Result<Row<'r>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = Row::default();
        match self.next_into(&mut row) {
            Ok(true) => Some(Ok(row)),
            Ok(false) => None,
            Err(problem) => Some(Err(problem)),
        }
    }
}

const fn is_json(kind: ColumnKind) -> bool {
    matches!(kind, ColumnKind::Json { .. })
}

/// Reads one image. The bits of NULL values are those of the columns that are present; `partial` has one bit for each JSON column.
fn image<'r>(
    reader: &mut Reader<'r>,
    present: &[Present],
    partial: Option<&[u8]>,
    values: &mut [Option<Value<'r>>],
) -> Result<()> {
    let nulls = reader.bytes(present.len().div_ceil(8), "the bits of NULL values")?;
    for (number, column) in present.iter().enumerate() {
        let is_partial = || column.document.zip(partial).is_some_and(|(number, partial)| bit(partial, number));
        let value = if bit(nulls, number) {
            Value::Null
        } else if is_partial() {
            let length = reader.u32("the changes to a JSON document")?;
            Value::JsonDiff(reader.bytes(length as usize, "the changes to a JSON document")?)
        } else {
            Value::read(reader, column.kind, column.is_unsigned, column.index)?
        };
        if let Some(place) = values.get_mut(column.index) {
            *place = Some(value);
        }
    }
    Ok(())
}
