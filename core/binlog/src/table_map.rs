//! TABLE_MAP: the table that row events speak of, with its columns.
//!
//! Source: MySQL's libs/mysql/binlog/event/rows_event.h, `Table_map_event`; MariaDB, "TABLE_MAP_EVENT".

use alloc::boxed::Box;
use alloc::vec::Vec;

use sealwire_core::wire::{Put as _, Reader};

use crate::column::ColumnKind;
use crate::error::{Problem, Result};
use crate::format::Flavour;

/// The most columns that a table may have, at MySQL and at MariaDB.
pub const MOST_COLUMNS: usize = 4096;
/// The post-header's length in logs of MySQL 5.1.4 to 5.1.15, whose table numbers have four bytes.
const SHORT_POST_HEADER: u8 = 6;
/// The post-header's length since.
const POST_HEADER: u8 = 8;

/// A TABLE_MAP event as its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableMap<'a> {
    /// The number by which row events refer to the table, of 48 bits.
    pub table_id: u64,
    /// The flags.
    pub flags: u16,
    /// The database.
    pub database: &'a [u8],
    /// The table.
    pub table: &'a [u8],
    /// The number of each column's type.
    pub types: &'a [u8],
    /// The metadata of all columns. MySQL 5.1.4 to 5.1.17 wrote none, and nothing behind it.
    pub metadata: &'a [u8],
    /// One bit for each column: whether it may be NULL.
    pub nullable: &'a [u8],
    /// The optional metadata: type, length, value, as often as there is room.
    pub optional: &'a [u8],
}

impl<'a> TableMap<'a> {
    /// Reads the body of an event, of any server since MySQL 5.1.16.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        Self::decode(body, POST_HEADER)
    }

    pub(crate) fn decode(body: &'a [u8], post_header: u8) -> Result<Self> {
        let mut reader = Reader::new(body);
        let table_id = table_id(&mut reader, post_header)?;
        let flags = reader.u16("the flags")?;
        let database = name(&mut reader, "the database's name")?;
        let table = name(&mut reader, "the table's name")?;
        let columns = columns(&mut reader)?;
        let types = reader.bytes(columns, "the columns' types")?;
        if reader.is_empty() {
            return Ok(Self { table_id, flags, database, table, types, metadata: &[], nullable: &[], optional: &[] });
        }
        Ok(Self {
            table_id,
            flags,
            database,
            table,
            types,
            metadata: reader.lenenc_bytes("the columns' metadata")?,
            nullable: reader.bytes(columns.div_ceil(8), "the bits of columns that may be NULL")?,
            optional: reader.rest(),
        })
    }

    /// Appends the body.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_table_id(self.table_id, out);
        out.put_u16(self.flags);
        put_name(self.database, out);
        put_name(self.table, out);
        out.put_lenenc_int(self.types.len() as u64);
        out.put(self.types);
        if self.nullable.is_empty() && !self.types.is_empty() {
            return;
        }
        out.put_lenenc_bytes(self.metadata);
        out.put(self.nullable);
        out.put(self.optional);
    }
}

/// Reads the number of a table, which has six bytes, or four in old logs.
pub(crate) fn table_id(reader: &mut Reader<'_>, post_header: u8) -> Result<u64> {
    let what = "the table's number";
    if post_header == SHORT_POST_HEADER {
        return Ok(u64::from(reader.u32(what)?));
    }
    let (low, high) = (reader.u32(what)?, reader.u16(what)?);
    Ok(u64::from(high) << 32 | u64::from(low))
}

pub(crate) fn put_table_id(table_id: u64, out: &mut Vec<u8>) {
    let [a, b, c, d, e, f, ..] = table_id.to_le_bytes();
    out.put(&[a, b, c, d, e, f]);
}

/// Reads the number of columns, which is bounded.
pub(crate) fn columns(reader: &mut Reader<'_>) -> Result<usize> {
    let columns = reader.lenenc_int("the number of columns")?;
    let limit = MOST_COLUMNS as u64;
    if columns > limit {
        return Err(Problem::TooBig { what: "the number of columns", size: columns, limit });
    }
    Ok(columns as usize)
}

/// Reads a name: its length of one byte, or more for MariaDB's long names, and a NUL behind it.
fn name<'a>(reader: &mut Reader<'a>, what: &'static str) -> Result<&'a [u8]> {
    let length = reader.u8(what)?;
    let name = reader.bytes(usize::from(length), what)?;
    if reader.u8(what)? == 0 { Ok(name) } else { Err(Problem::Malformed(what)) }
}

fn put_name(name: &[u8], out: &mut Vec<u8>) {
    crate::control::put_short(name, out);
    out.put_u8(0);
}

/// A table as its TABLE_MAP event describes it, read once for all its row events.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    table_id: u64,
    flags: u16,
    columns: Vec<Column>,
    /// The event's body, into which the spans point.
    body: Box<[u8]>,
    database: Span,
    name: Span,
    /// The primary key's columns, each with the length of its prefix; 0 is the whole value.
    key: Vec<(u16, u32)>,
}

/// A part of [`Table::body`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    start: u32,
    end: u32,
}

/// A column of a table. Most of it is `None` where the server logs no such metadata: see `binlog_row_metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The type.
    pub kind: ColumnKind,
    /// Whether the column may be NULL.
    pub nullable: bool,
    /// Whether a number is unsigned. MariaDB says it with `binlog_row_metadata` MINIMAL or FULL alone.
    pub unsigned: Option<bool>,
    /// The number of the collation of a text; 63 is binary.
    pub collation: Option<u32>,
    /// Whether the column is shown by `SELECT *` (MySQL).
    pub visible: Option<bool>,
    /// The kind of a geometry: 0 any, 1 point, 2 line, 3 polygon, 4 to 6 several of them, 7 a collection.
    pub geometry_type: Option<u32>,
    /// The number of floats of a VECTOR.
    pub dimensions: Option<u32>,
    name: Option<Span>,
    /// The values of an ENUM or SET: a count, and texts with their lengths.
    members: Option<Span>,
}

impl Column {
    const fn new(kind: ColumnKind, nullable: bool) -> Self {
        Self {
            kind,
            nullable,
            unsigned: None,
            collation: None,
            visible: None,
            geometry_type: None,
            dimensions: None,
            name: None,
            members: None,
        }
    }
}

impl Table {
    /// The bytes of memory that the table takes. A column takes many more than its type in the event does.
    pub(crate) const fn held(&self) -> usize {
        size_of::<Self>()
            + self.body.len()
            + self.columns.len() * size_of::<Column>()
            + self.key.len() * size_of::<(u16, u32)>()
    }

    /// Reads the body of a TABLE_MAP event of MariaDB, or of any server for a table without GEOMETRY. `post_header` is
    /// [`crate::FormatDescription::post_header_length`] of that type.
    pub fn decode(body: &[u8], post_header: u8) -> Result<Self> {
        Self::read(body, post_header, Flavour::MariaDb)
    }

    pub(crate) fn read(body: &[u8], post_header: u8, flavour: Flavour) -> Result<Self> {
        let map = TableMap::decode(body, post_header)?;
        let mut metadata = Reader::new(map.metadata);
        let mut columns = Vec::with_capacity(map.types.len());
        for (index, column_type) in map.types.iter().enumerate() {
            let kind = match ColumnKind::decode(*column_type, &mut metadata) {
                Err(_) if map.nullable.is_empty() => ColumnKind::Unknown(*column_type),
                kind => kind?,
            };
            columns.push(Column::new(kind, bit(map.nullable, index)));
        }
        let mut table = Self {
            table_id: map.table_id,
            flags: map.flags,
            columns,
            body: body.into(),
            database: span(body, map.database),
            name: span(body, map.table),
            key: Vec::new(),
        };
        let mut optional = Reader::new(map.optional);
        while !optional.is_empty() {
            let kind = optional.u8("optional metadata")?;
            table.optional(kind, body, optional.lenenc_bytes("optional metadata")?, flavour)?;
        }
        Ok(table)
    }

    /// Takes one piece of optional metadata over into the columns.
    fn optional(&mut self, kind: u8, body: &[u8], value: &[u8], flavour: Flavour) -> Result<()> {
        let has_collation = |column: &&mut Column| column.kind.has_collation(flavour);
        let mut reader = Reader::new(value);
        let is_enum = |column: &Column| matches!(column.kind, ColumnKind::Enum { .. });
        let is_set = |column: &Column| matches!(column.kind, ColumnKind::Set { .. });
        match kind {
            1 => {
                let numeric = self.columns.iter_mut().filter(|column| column.kind.is_numeric());
                numeric.enumerate().for_each(|(index, column)| column.unsigned = Some(high_bit(value, index)));
            }
            2 => default_collation(self.columns.iter_mut().filter(has_collation), &mut reader)?,
            3 => each_collation(self.columns.iter_mut().filter(has_collation), &mut reader)?,
            4 => {
                for column in &mut self.columns {
                    column.name = Some(span(body, reader.lenenc_bytes("a column's name")?));
                }
            }
            5 => members(self.columns.iter_mut().filter(|column| is_set(column)), &mut reader, body)?,
            6 => members(self.columns.iter_mut().filter(|column| is_enum(column)), &mut reader, body)?,
            7 => {
                let is_geometry = |column: &&mut Column| matches!(column.kind, ColumnKind::Geometry { .. });
                for column in self.columns.iter_mut().filter(is_geometry) {
                    column.geometry_type = Some(small(&mut reader, "a geometry's type")?);
                }
            }
            8 => self.key(&mut reader, false)?,
            9 => self.key(&mut reader, true)?,
            10 => default_collation(self.columns.iter_mut().filter(|c| is_enum(c) || is_set(c)), &mut reader)?,
            11 => each_collation(self.columns.iter_mut().filter(|c| is_enum(c) || is_set(c)), &mut reader)?,
            12 => {
                let all = self.columns.iter_mut().enumerate();
                all.for_each(|(index, column)| column.visible = Some(high_bit(value, index)));
            }
            13 => {
                let is_vector = |column: &&mut Column| matches!(column.kind, ColumnKind::Vector { .. });
                for column in self.columns.iter_mut().filter(is_vector) {
                    column.dimensions = Some(small(&mut reader, "a vector's dimensions")?);
                }
            }
            // Metadata of later versions.
            _ => {}
        }
        Ok(())
    }

    fn key(&mut self, reader: &mut Reader<'_>, with_prefixes: bool) -> Result<()> {
        let what = "the primary key";
        while !reader.is_empty() {
            let column = small(reader, what)?;
            let prefix = if with_prefixes { small(reader, what)? } else { 0 };
            let column = u16::try_from(column).ok().filter(|column| usize::from(*column) < self.columns.len());
            // Each column is in a key once at most.
            if self.key.len() >= self.columns.len() {
                return Err(Problem::Malformed(what));
            }
            self.key.push((column.ok_or(Problem::Malformed(what))?, prefix));
        }
        Ok(())
    }

    /// The number by which row events refer to the table.
    pub const fn table_id(&self) -> u64 {
        self.table_id
    }

    /// The flags of the event.
    pub const fn flags(&self) -> u16 {
        self.flags
    }

    /// The database.
    pub fn database(&self) -> &[u8] {
        self.at(self.database)
    }

    /// The table.
    pub fn name(&self) -> &[u8] {
        self.at(self.name)
    }

    /// The columns, in the order of the table's definition.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The name of a column, from 0 on; servers log it with `binlog_row_metadata=FULL`.
    pub fn column_name(&self, index: usize) -> Option<&[u8]> {
        Some(self.at(self.columns.get(index)?.name?))
    }

    /// The values of an ENUM or SET column, in order; servers log them with `binlog_row_metadata=FULL`.
    pub fn members(&self, index: usize) -> Option<impl Iterator<Item = &[u8]>> {
        let mut reader = Reader::new(self.at(self.columns.get(index)?.members?));
        let count = reader.lenenc_int("the number of values").unwrap_or(0);
        Some((0..count).map_while(move |_| reader.lenenc_bytes("a value").ok()))
    }

    /// The primary key: the columns, from 0 on, each with the length of its prefix in characters, 0 for the whole value. Servers log it
    /// with `binlog_row_metadata=FULL`.
    pub fn primary_key(&self) -> &[(u16, u32)] {
        &self.key
    }

    /// The body of the event.
    pub const fn body(&self) -> &[u8] {
        &self.body
    }

    fn at(&self, span: Span) -> &[u8] {
        self.body.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

/// Where `part` is in `body`, of which it is a part.
fn span(body: &[u8], part: &[u8]) -> Span {
    let start = (part.as_ptr() as usize).saturating_sub(body.as_ptr() as usize);
    Span { start: start as u32, end: (start + part.len()) as u32 }
}

/// Bit `index`, where the lowest bit of each byte comes first.
pub(crate) fn bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 != 0)
}

/// Bit `index`, where the highest bit of each byte comes first.
fn high_bit(bits: &[u8], index: usize) -> bool {
    bits.get(index / 8).is_some_and(|byte| byte << (index % 8) & 0x80 != 0)
}

/// A number that fits into 32 bits.
fn small(reader: &mut Reader<'_>, what: &'static str) -> Result<u32> {
    u32::try_from(reader.lenenc_int(what)?).map_err(|_| Problem::Malformed(what))
}

/// The collation of most columns, and the exceptions.
fn default_collation<'a>(columns: impl Iterator<Item = &'a mut Column>, reader: &mut Reader<'_>) -> Result<()> {
    let what = "a column's collation";
    let default = small(reader, what)?;
    let mut columns: Vec<&mut Column> = columns.collect();
    columns.iter_mut().for_each(|column| column.collation = Some(default));
    while !reader.is_empty() {
        let (index, collation) = (small(reader, what)?, small(reader, what)?);
        let column = columns.get_mut(index as usize).ok_or(Problem::Malformed(what))?;
        column.collation = Some(collation);
    }
    Ok(())
}

fn each_collation<'a>(columns: impl Iterator<Item = &'a mut Column>, reader: &mut Reader<'_>) -> Result<()> {
    for column in columns {
        column.collation = Some(small(reader, "a column's collation")?);
    }
    Ok(())
}

/// The values of ENUM and SET columns, which stay in the body.
fn members<'a>(columns: impl Iterator<Item = &'a mut Column>, reader: &mut Reader<'_>, body: &[u8]) -> Result<()> {
    let what = "the values of an ENUM or SET";
    for column in columns {
        let mut rest = *reader;
        for _ in 0..reader.lenenc_int(what)? {
            reader.lenenc_bytes(what)?;
        }
        let length = rest.remaining() - reader.remaining();
        column.members = Some(span(body, rest.bytes(length, what)?));
    }
    Ok(())
}
