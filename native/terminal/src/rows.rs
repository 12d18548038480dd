//! The rows of one result, stored until the widths of the columns are known.

use sealwire_core::message::{ColumnDefinition, ColumnFlags, ColumnType};
use sealwire_core::printable;

/// The properties of a column that printing needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name or alias, with control characters escaped.
    pub(crate) name: Vec<u8>,
    /// Whether its values are aligned to the right.
    pub(crate) is_number: bool,
    /// Whether it may be NULL, which is four characters wide.
    pub(crate) is_nullable: bool,
    /// Whether it holds bytes instead of text.
    pub(crate) is_binary: bool,
    /// The declared length of its values.
    pub(crate) length: usize,
}

impl From<&ColumnDefinition> for Column {
    fn from(definition: &ColumnDefinition) -> Self {
        let kind = definition.column_type;
        Self {
            name: printable::bytes(&definition.name).into_owned(),
            is_number: is_number(kind),
            is_nullable: !definition.flags.contains(ColumnFlags::NOT_NULL),
            length: definition.length as usize,
            is_binary: definition.charset == BINARY_CHARSET && holds_bytes(kind),
        }
    }
}

/// The id of the character set `binary`.
const BINARY_CHARSET: u16 = 63;

/// The types whose values mysql aligns to the right: its macro `IS_NUM`.
const fn is_number(kind: ColumnType) -> bool {
    (kind.0 <= ColumnType::INT24.0 && kind.0 != ColumnType::TIMESTAMP.0)
        || kind.0 == ColumnType::YEAR.0
        || kind.0 == ColumnType::NEWDECIMAL.0
}

/// The types whose values are bytes where their character set is `binary`.
const fn holds_bytes(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::BIT
            | ColumnType::TINY_BLOB
            | ColumnType::MEDIUM_BLOB
            | ColumnType::LONG_BLOB
            | ColumnType::BLOB
            | ColumnType::VARCHAR
            | ColumnType::VAR_STRING
            | ColumnType::STRING
            | ColumnType::GEOMETRY
    )
}

/// Rows in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    /// The start and end of each value; `None` for NULL.
    cells: Vec<Option<(usize, usize)>>,
    width: usize,
}

impl Rows {
    /// An empty set of rows with `width` columns.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Removes all rows.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.cells.clear();
    }

    /// Appends the next value, row by row.
    pub(crate) fn push(&mut self, value: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.cells.push(value.map(|_| (start, self.bytes.len())));
    }

    /// The rows, each as an iterator over its values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = impl Iterator<Item = Option<&[u8]>>> {
        self.cells
            .chunks(self.width.max(1))
            .map(|row| row.iter().map(|cell| cell.map(|(start, end)| self.bytes.get(start..end).unwrap_or_default())))
    }
}
