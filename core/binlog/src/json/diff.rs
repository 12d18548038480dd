//! The changes to parts of documents: MySQL's `binlog_row_value_options=PARTIAL_JSON`.

use sealwire_core::wire::Reader;

use crate::error::{Problem, Result};

/// A change to a part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diff<'a> {
    /// The change.
    pub operation: Operation,
    /// The path, as in SQL: `$.a[1]`.
    pub path: &'a [u8],
    /// The new value, in binary form; `None` if the part is removed.
    pub value: Option<&'a [u8]>,
}

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// JSON_REPLACE.
    Replace,
    /// JSON_INSERT, and JSON_ARRAY_INSERT.
    Insert,
    /// JSON_REMOVE.
    Remove,
}

/// The changes of a [`crate::Value::JsonDiff`], in order. After an error there are no more.
pub fn diffs(bytes: &[u8]) -> impl Iterator<Item = Result<Diff<'_>>> {
    let mut reader = Reader::new(bytes);
    core::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let diff = diff(&mut reader);
        if diff.is_err() {
            reader.rest();
        }
        Some(diff)
    })
}

fn diff<'a>(reader: &mut Reader<'a>) -> Result<Diff<'a>> {
    let operation = match reader.u8("the operation")? {
        0 => Operation::Replace,
        1 => Operation::Insert,
        2 => Operation::Remove,
        _ => return Err(Problem::Malformed("the operation on a JSON document")),
    };
    let path = reader.lenenc_bytes("a JSON path")?;
    let value = if operation == Operation::Remove { None } else { Some(reader.lenenc_bytes("the new JSON value")?) };
    Ok(Diff { operation, path, value })
}
