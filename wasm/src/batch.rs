//! Rows on their way to JavaScript: many at once, as two flat arrays, because every crossing costs.

use sealwire_core::message::{BinaryRow, TextRow, Value};
use sealwire_core::wire;

/// Marks a cell's end as that of NULL.
pub const NULL: u32 = 1 << 31;
/// A batch of this many bytes is handed over.
const FULL_BYTES: usize = 256 * 1024;
/// A batch of this many cells is handed over.
const FULL_CELLS: usize = 64 * 1024;

/// Cells in row order: their bytes one behind the other, and where each ends.
#[derive(Debug, Default)]
pub struct Batch {
    /// The cells' bytes, as the text protocol has them.
    pub data: Vec<u8>,
    /// The end of each cell in `data`; with [`NULL`] set where the cell is NULL.
    pub ends: Vec<u32>,
    /// How many rows.
    pub rows: u32,
}

impl Batch {
    /// Whether it should be handed over before more comes.
    pub fn is_full(&self) -> bool {
        self.data.len() >= FULL_BYTES || self.ends.len() >= FULL_CELLS
    }

    /// Adds a row of COM_QUERY.
    ///
    /// # Errors
    /// Where the row can't be read, or is too large to be counted.
    pub fn push_text(&mut self, row: TextRow<'_>) -> wire::Result<()> {
        for value in row {
            let value = value?;
            self.data.extend_from_slice(value.unwrap_or_default());
            self.end(value.is_none())?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Adds a row of COM_STMT_EXECUTE, as the text that the same row has in COM_QUERY.
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

    fn end(&mut self, is_null: bool) -> wire::Result<()> {
        let end = u32::try_from(self.data.len()).ok().filter(|end| *end < NULL);
        let end = end.ok_or(wire::Error::Malformed("a row of more than 2 GiB"))?;
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
