//! The columns of a result as programs see them.

use std::cell::UnsafeCell;
use std::ffi::{c_uint, c_ulong};
use std::ptr;
use std::sync::Arc;

use sealwire_core::message::{ColumnDefinition, ColumnType};

use super::abi::MysqlField;
use super::arena::Arena;

/// The flag that the client, not the server, sets for numbers.
const NUM_FLAG: c_uint = 32768;

/// The columns of a result, with the texts to which they point. A copy shares them: programs take a statement's columns before its rows, and
/// look at the lengths of the longest values afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Fields(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    fields: UnsafeCell<Vec<MysqlField>>,
    count: usize,
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
        Some(Self::of(fields, texts))
    }

    /// No columns.
    pub(crate) fn none() -> Self {
        Self::of(Vec::new(), Arena::new())
    }

    #[expect(
        clippy::arc_with_non_send_sync,
        reason = "as in the original, a handle's user sees to it that one thread at a time uses it"
    )]
    fn of(fields: Vec<MysqlField>, texts: Arena) -> Self {
        Self(Arc::new(Shared { count: fields.len(), fields: UnsafeCell::new(fields), _texts: texts }))
    }

    pub(crate) fn pointer(&self) -> *mut MysqlField {
        if self.0.count == 0 {
            return ptr::null_mut();
        }
        // SAFETY: no reference to the vector lives longer than a call of this file, and nothing ever moves its elements.
        unsafe { (*self.0.fields.get()).as_mut_ptr() }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.count
    }

    pub(crate) fn count(&self) -> c_uint {
        c_uint::try_from(self.0.count).unwrap_or(c_uint::MAX)
    }

    /// Sets the length of each column's longest value.
    pub(crate) fn set_longest(&self, lengths: &[c_ulong]) {
        // SAFETY: as in `pointer`; programs read the elements between their calls alone.
        let fields = unsafe { &mut *self.0.fields.get() };
        for (field, length) in fields.iter_mut().zip(lengths) {
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
