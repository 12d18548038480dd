//! A row sink for statements that give one value.

use sealwire_core::error::SqlError;
use sealwire_core::message::{CHARSET_BINARY, ColumnDefinition, ColumnType, TextRow};

use super::RowSink;
use crate::sql::Datum;

/// Keeps the first column of the first row and ignores the rest.
#[derive(Debug, Default)]
pub(super) struct FirstValue {
    columns: Vec<ColumnDefinition>,
    first: Option<Vec<u8>>,
    row: Vec<u8>,
}

impl FirstValue {
    /// The value; NULL where there was no row.
    pub(super) fn datum(&self) -> Datum {
        let (Some(column), Some(row)) = (self.columns.first(), &self.first) else { return Datum::Null };
        let Some(Ok(Some(bytes))) = TextRow::new(row).iter().next() else { return Datum::Null };
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match column.column_type {
            ColumnType::TINY | ColumnType::SHORT | ColumnType::LONG | ColumnType::INT24 | ColumnType::LONGLONG => {
                let text = text();
                let signed = text.parse().map(Datum::Int);
                signed.or_else(|_| text.parse().map(Datum::UInt)).unwrap_or(Datum::Text(text))
            }
            ColumnType::DOUBLE | ColumnType::FLOAT => text().parse().map_or(Datum::Null, Datum::Real),
            // A value that is not UTF-8 can't be a text.
            _ => match std::str::from_utf8(bytes) {
                Ok(text) if column.charset != CHARSET_BINARY || !is_bytes(column.column_type) => {
                    Datum::Text(text.to_owned())
                }
                _ => Datum::Blob(bytes.to_vec()),
            },
        }
    }
}

const fn is_bytes(kind: ColumnType) -> bool {
    matches!(
        kind,
        ColumnType::TINY_BLOB
            | ColumnType::MEDIUM_BLOB
            | ColumnType::LONG_BLOB
            | ColumnType::BLOB
            | ColumnType::VAR_STRING
            | ColumnType::STRING
    )
}

impl RowSink for FirstValue {
    fn begin(&mut self, columns: Vec<ColumnDefinition>) -> Result<(), SqlError> {
        self.columns = columns;
        Ok(())
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.row
    }

    fn end_row(&mut self) -> Result<(), SqlError> {
        let row = std::mem::take(&mut self.row);
        self.first.get_or_insert(row);
        Ok(())
    }
}
