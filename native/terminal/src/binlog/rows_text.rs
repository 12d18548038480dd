//! Rows as comments in the form of statements, as `mariadb-binlog --verbose` prints them.

use sealwire_binlog::{Problem, Row, Rows, RowsKind, Table, Value};

use super::digits::number;
use super::json_diff;
use super::value_text::{self, column_type};
use super::writing::{identifier, keep_in_comment, put};

/// The flag of a TABLE_MAP event whose table has triggers.
pub(super) const HAS_TRIGGERS: u16 = 1 << 14;

/// The event's name in its first line.
pub(super) const fn name(rows: &Rows<'_>) -> &'static str {
    match (rows.kind, rows.packed.is_some()) {
        (RowsKind::Write, false) => "Write_rows",
        (RowsKind::Update, false) => "Update_rows",
        (RowsKind::Delete, false) => "Delete_rows",
        (RowsKind::Write, true) => "Write_compressed_rows",
        (RowsKind::Update, true) => "Update_compressed_rows",
        (RowsKind::Delete, true) => "Delete_compressed_rows",
        (RowsKind::PartialUpdate, _) => "Update_rows_partial",
    }
}

/// Appends all rows, and returns their number. `with_types` adds each column's type.
pub(super) fn print(rows: &Rows<'_>, with_types: bool, out: &mut Vec<u8>) -> Result<u64, Problem> {
    let Some(table) = rows.table.as_deref() else {
        put(format_args!("### Row event for unknown table #{}", rows.table_id), out);
        return Ok(0);
    };
    if let [length, format, extra @ ..] = rows.extra {
        put(format_args!("### Extra row data format: {format}, len: {} :", length.saturating_sub(2)), out);
        if !extra.is_empty() {
            put("0x", out);
            extra.iter().for_each(|byte| put(format_args!("{byte:02X}"), out));
        }
        put("\n", out);
    }
    if rows.data.is_empty() && rows.kind == RowsKind::Write {
        put("### INSERT INTO ", out);
        table_name(table, out);
        put(" VALUES ()\n", out);
        return Ok(1);
    }
    let command = match rows.kind {
        RowsKind::Write => "### INSERT INTO ",
        RowsKind::Update | RowsKind::PartialUpdate => "### UPDATE ",
        RowsKind::Delete => "### DELETE FROM ",
    };
    // The first line of each row is the same.
    let mut first_line = command.as_bytes().to_vec();
    table_name(table, &mut first_line);
    first_line.push(b'\n');
    let (mut row, mut count, mut all) = (Row::default(), 0, rows.iter()?);
    while all.next_into(&mut row)? {
        out.extend_from_slice(&first_line);
        if rows.kind != RowsKind::Write {
            out.extend_from_slice(b"### WHERE\n");
            image(table, &row.before, with_types, out)?;
        }
        if rows.kind != RowsKind::Delete {
            let is_empty = row.after.iter().all(Option::is_none);
            out.extend_from_slice(if is_empty { b"### SET /* no columns */\n" } else { b"### SET\n" });
            image(table, &row.after, with_types, out)?;
        }
        count += 1;
    }
    Ok(count)
}

/// The number of rows.
pub(super) fn count(rows: &Rows<'_>) -> Result<u64, Problem> {
    if rows.table.is_none() {
        return Ok(0);
    }
    if rows.data.is_empty() && rows.kind == RowsKind::Write {
        return Ok(1);
    }
    let (mut row, mut count, mut all) = (Row::default(), 0, rows.iter()?);
    while all.next_into(&mut row)? {
        count += 1;
    }
    Ok(count)
}

fn table_name(table: &Table, out: &mut Vec<u8>) {
    let start = out.len();
    identifier(table.database(), out);
    out.push(b'.');
    identifier(table.name(), out);
    keep_in_comment(out, start);
}

fn image(table: &Table, values: &[Option<Value<'_>>], with_types: bool, out: &mut Vec<u8>) -> Result<(), Problem> {
    for (index, (column, of)) in table.columns().iter().zip(values).enumerate() {
        let Some(of) = of else { continue };
        out.extend_from_slice(b"###   @");
        number(index as u64 + 1, out);
        out.push(b'=');
        match of {
            Value::JsonDiff(diffs) => {
                json_diff::calls(format!("@{}", index + 1).as_bytes(), diffs, value_text::quoted, out)?;
            }
            _ => value_text::value(of, column.kind, out),
        }
        if with_types {
            let (name, metadata) = column_type(column.kind);
            let (nullable, is_null) = (u8::from(column.nullable), u8::from(*of == Value::Null));
            put(format_args!(" /* {name} meta={metadata} nullable={nullable} is_null={is_null} */"), out);
        }
        out.push(b'\n');
    }
    Ok(())
}
