//! Rows for JavaScript. They are passed in batches, as two flat arrays, because every call between wasm and JavaScript is expensive.

use sealwire_core::message::{BinaryRow, TextRow, Value};
use sealwire_core::wire;

/// The bit of a cell's end that marks the cell as NULL.
pub const NULL: u32 = 1 << 31;
/// The number of bytes that makes a batch full.
const FULL_BYTES: usize = 256 * 1024;
/// The number of cells that makes a batch full.
const FULL_CELLS: usize = 64 * 1024;

/// The cells of a batch in row order: their bytes concatenated, and the end of each cell.
#[derive(Debug, Default)]
pub struct Batch {
    /// The bytes of the cells in the text protocol's format.
    pub data: Vec<u8>,
    /// The index in `data` at which each cell ends, with the bit [`NULL`] set if the cell is NULL.
    pub ends: Vec<u32>,
    /// The number of rows.
    pub rows: u32,
}

impl Batch {
    /// Whether the batch should be passed on before more rows are added.
    pub fn is_full(&self) -> bool {
        self.data.len() >= FULL_BYTES || self.ends.len() >= FULL_CELLS
    }

    /// Adds a row of a COM_QUERY result.
    ///
    /// # Errors
    /// If the row can't be decoded or the batch gets too large for its indexes.
    pub fn push_text(&mut self, row: TextRow<'_>) -> wire::Result<()> {
        for value in row {
            self.push_cell(value?)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Adds a row of a COM_STMT_EXECUTE result, converted to the text that COM_QUERY would return.
    ///
    /// # Errors
    /// As [`push_text`](Self::push_text).
    pub fn push_binary(&mut self, row: BinaryRow<'_>) -> wire::Result<()> {
        use std::io::Write as _;
        for (value, column) in row.iter().zip(row.columns()) {
            let value = value?;
            match value {
                Value::Bytes(bytes) => self.data.extend_from_slice(bytes),
                Value::Null => {}
                // Writing to a vector can't fail.
                other => drop(write!(self.data, "{}", other.text_in(column))),
            }
            self.end(value == Value::Null)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Adds a cell in the text protocol's format; `None` is NULL.
    ///
    /// # Errors
    /// If the batch gets too large for its indexes.
    pub fn push_cell(&mut self, cell: Option<&[u8]>) -> wire::Result<()> {
        self.data.extend_from_slice(cell.unwrap_or_default());
        self.end(cell.is_none())
    }

    /// Adds a row of one cell.
    ///
    /// # Errors
    /// As [`push_cell`](Self::push_cell).
    pub fn push_row_of(&mut self, cell: &[u8]) -> wire::Result<()> {
        self.push_cell(Some(cell))?;
        self.rows += 1;
        Ok(())
    }

    fn end(&mut self, is_null: bool) -> wire::Result<()> {
        let end = u32::try_from(self.data.len()).ok().filter(|end| *end < NULL);
        let end = end.ok_or(wire::Error::Malformed("a row is larger than 2 GiB"))?;
        self.ends.push(if is_null { end | NULL } else { end });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_core::message::{ColumnDefinition, ColumnType, encode_binary_row, encode_text_row};

    #[test]
    fn text_and_binary_rows_come_to_the_same_cells() {
        let columns = [
            ColumnDefinition::new("a", ColumnType::LONG),
            ColumnDefinition::new("b", ColumnType::VAR_STRING),
            ColumnDefinition::new("c", ColumnType::DATE),
        ];
        let (mut text, mut binary) = (Vec::new(), Vec::new());
        encode_text_row([Some(&b"-5"[..]), None, Some(b"2026-11-22")], &mut text);
        let values = [Value::Int(-5), Value::Null, Value::Date { year: 2026, month: 11, day: 22 }];
        encode_binary_row(&columns, &values, &mut binary);
        let mut batch = Batch::default();
        batch.push_text(TextRow::new(&text)).unwrap();
        batch.push_binary(BinaryRow::new(&binary, &columns).unwrap()).unwrap();
        assert_eq!(batch.data, b"-52026-11-22-52026-11-22");
        assert_eq!(batch.ends, [2, 2 | NULL, 12, 14, 14 | NULL, 24]);
        assert_eq!(batch.rows, 2);
    }

    #[test]
    fn a_cut_row_is_an_error() {
        assert!(Batch::default().push_text(TextRow::new(&[5, b'x'])).is_err());
    }
}
