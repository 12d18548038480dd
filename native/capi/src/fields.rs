//! The columns of a result as programs see them.

use std::ffi::{c_uint, c_ulong};
use std::ptr;

use sealwire_core::message::{ColumnDefinition, ColumnType};

use super::abi::MysqlField;
use super::arena::Arena;

/// The flag that the client, not the server, sets for numbers.
const NUM_FLAG: c_uint = 32768;

/// The columns of a result, with the texts to which they point.
#[derive(Debug)]
pub(crate) struct Fields {
    fields: Vec<MysqlField>,
    /// Keeps the texts.
    _texts: Arena,
}

impl Fields {
    /// The columns; `None` where the system has no memory.
    pub(crate) fn new(columns: &[ColumnDefinition]) -> Option<Self> {
        let mut texts = Arena::new();
        let mut fields = Vec::new();
        fields.try_reserve_exact(columns.len()).ok()?;
        for column in columns {
            fields.push(field(column, &mut texts)?);
        }
        Some(Self { fields, _texts: texts })
    }

    /// No columns.
    pub(crate) const fn none() -> Self {
        Self { fields: Vec::new(), _texts: Arena::new() }
    }

    pub(crate) fn pointer(&mut self) -> *mut MysqlField {
        if self.fields.is_empty() { ptr::null_mut() } else { self.fields.as_mut_ptr() }
    }

    pub(crate) const fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn count(&self) -> c_uint {
        c_uint::try_from(self.fields.len()).unwrap_or(c_uint::MAX)
    }

    /// Sets the length of each column's longest value.
    pub(crate) fn set_longest(&mut self, lengths: &[c_ulong]) {
        for (field, length) in self.fields.iter_mut().zip(lengths) {
            field.max_length = *length;
        }
    }
}

fn field(column: &ColumnDefinition, texts: &mut Arena) -> Option<MysqlField> {
    let length = |text: &[u8]| c_uint::try_from(text.len()).unwrap_or(c_uint::MAX);
    let mut flags = c_uint::from(column.flags.bits());
    if is_numeric(column) {
        flags |= NUM_FLAG;
    }
    Some(MysqlField {
        name: texts.text(&column.name)?,
        org_name: texts.text(&column.org_name)?,
        table: texts.text(&column.table)?,
        org_table: texts.text(&column.org_table)?,
        db: texts.text(&column.schema)?,
        catalog: texts.text(b"def")?,
        def: ptr::null_mut(),
        length: column.length.into(),
        max_length: 0,
        name_length: length(&column.name),
        org_name_length: length(&column.org_name),
        table_length: length(&column.table),
        org_table_length: length(&column.org_table),
        db_length: length(&column.schema),
        catalog_length: 3,
        def_length: 0,
        flags,
        decimals: column.decimals.into(),
        charsetnr: column.charset.into(),
        kind: column.column_type.0.into(),
        extension: ptr::null_mut(),
    })
}

/// Whether the client counts a column as a number. A TIMESTAMP is one only in the forms of MySQL 4.0.
const fn is_numeric(column: &ColumnDefinition) -> bool {
    match column.column_type {
        ColumnType::TIMESTAMP => matches!(column.length, 8 | 14),
        ColumnType::NULL => true,
        kind => kind.is_numeric(),
    }
}
