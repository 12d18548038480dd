//! The changes as statements that any server of the same tables can run: rows by their columns' names.

use std::fmt::Write as _;

use sealwire_binlog::{
    Body, Column, ColumnKind, Event, ExtraFlags, Inflate, IntVar, MariaDbGtidEvent, Row, Rows, RowsKind, Table, Value,
    json,
};

use super::collations;
use super::json_diff;
use super::session_text::SessionText;
use super::text::TextError;
use super::user_variable;
use super::writing::{END, put};

/// The number of the collation of bytes.
const BINARY: u32 = 63;

/// Prints events as SQL.
#[derive(Debug, Default)]
pub(super) struct SqlPrinter {
    session: SessionText,
    /// Whether a transaction is open.
    is_open: bool,
    inflate: Inflate,
}

impl SqlPrinter {
    /// Begins a log.
    pub(super) fn begin_log(out: &mut Vec<u8>) {
        put("DELIMITER /*!*/;\n", out);
    }

    /// Ends a log. A transaction that is not whole is rolled back.
    pub(super) fn end_log(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.is_open) {
            statement("ROLLBACK", out);
        }
        put("DELIMITER ;\n", out);
    }

    /// Prints an event. Events that change nothing are left out.
    pub(super) fn event(&mut self, event: &Event<'_>, body: &Body<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
        match body {
            Body::FormatDescription(format) => self.session.format(format),
            Body::MariaDbGtid(gtid) if gtid.flags & MariaDbGtidEvent::STANDALONE == 0 => self.begin(out),
            Body::Query(query) => match &*query.sql {
                b"BEGIN" => self.begin(out),
                b"COMMIT" | b"ROLLBACK" => {
                    statement(&String::from_utf8_lossy(&query.sql), out);
                    self.is_open = false;
                }
                sql => {
                    // Of a two-phase ALTER TABLE the end alone counts, which repeats the statement.
                    if SessionText::two_phase_alter(query) & (ExtraFlags::START_ALTER | ExtraFlags::ROLLBACK_ALTER) == 0
                    {
                        self.session.statement(&event.header, query, false, out);
                        out.extend_from_slice(sql);
                        put(format_args!("\n{END}\n"), out);
                    }
                }
            },
            Body::Xid(_) => {
                statement("COMMIT", out);
                self.is_open = false;
            }
            Body::Rows(rows) => self.rows(rows, out)?,
            Body::IntVar(variable) => {
                let name = if variable.kind == IntVar::LAST_INSERT_ID { "LAST_INSERT_ID" } else { "INSERT_ID" };
                statement(&format!("SET {name}={}", variable.value), out);
            }
            Body::Rand(seeds) => {
                statement(&format!("SET @@RAND_SEED1={}, @@RAND_SEED2={}", seeds.seed1, seeds.seed2), out);
            }
            Body::UserVar(variable) => {
                user_variable::assignment(variable, out);
                put(format_args!("{END}\n"), out);
            }
            Body::LoadQuery(_) | Body::XaPrepare(_) => {
                let name =
                    if matches!(body, Body::LoadQuery(_)) { "a LOAD DATA statement" } else { "an XA transaction" };
                return Err(TextError::Sentence(format!("--format=sql has no form for {name}: use --format=text")));
            }
            Body::Incident(_) => {
                let why = "the log has a gap (incident), so the statements behind it would not fit";
                return Err(TextError::Sentence(why.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.is_open, true) {
            statement("START TRANSACTION", out);
        }
    }

    fn rows(&self, rows: &Rows<'_>, out: &mut Vec<u8>) -> Result<(), TextError> {
        let (mut row, mut all) = (Row::default(), rows.iter()?);
        let Some(table) = rows.table.as_deref() else { return Ok(()) };
        while all.next_into(&mut row)? {
            let mut sql = String::new();
            match rows.kind {
                RowsKind::Write => {
                    sql.push_str("INSERT INTO ");
                    table_name(table, &mut sql);
                    let present = || row.after.iter().enumerate().filter(|(_, value)| value.is_some());
                    sql.push_str(" (");
                    for (number, (index, _)) in present().enumerate() {
                        sql.push_str(if number == 0 { "" } else { ", " });
                        column_name(table, index, &mut sql)?;
                    }
                    sql.push_str(") VALUES (");
                    for (number, (index, value)) in present().enumerate() {
                        sql.push_str(if number == 0 { "" } else { ", " });
                        self.value(value.as_ref(), table, index, &mut sql)?;
                    }
                    sql.push(')');
                }
                RowsKind::Update | RowsKind::PartialUpdate => {
                    sql.push_str("UPDATE ");
                    table_name(table, &mut sql);
                    sql.push_str(" SET ");
                    self.pairs(table, &row.after, ", ", " = ", |_| true, &mut sql)?;
                    self.condition(table, &row.before, &mut sql)?;
                }
                RowsKind::Delete => {
                    sql.push_str("DELETE FROM ");
                    table_name(table, &mut sql);
                    self.condition(table, &row.before, &mut sql)?;
                }
            }
            statement(&sql, out);
        }
        Ok(())
    }

    /// The condition that finds a row: by its primary key, else by all its values.
    fn condition(&self, table: &Table, before: &[Option<Value<'_>>], out: &mut String) -> Result<(), TextError> {
        let key = table.primary_key();
        let has_key = !key.is_empty()
            && key
                .iter()
                .all(|(column, prefix)| *prefix == 0 && before.get(usize::from(*column)).is_some_and(Option::is_some));
        let is_in = |index: usize| !has_key || key.iter().any(|(column, _)| usize::from(*column) == index);
        out.push_str(" WHERE ");
        self.pairs(table, before, " AND ", " <=> ", is_in, out)?;
        out.push_str(" LIMIT 1");
        Ok(())
    }

    fn pairs(
        &self,
        table: &Table,
        values: &[Option<Value<'_>>],
        separator: &str,
        sign: &str,
        is_wanted: impl Fn(usize) -> bool,
        out: &mut String,
    ) -> Result<(), TextError> {
        let wanted = values.iter().enumerate().filter(|(index, value)| value.is_some() && is_wanted(*index));
        for (number, (index, value)) in wanted.enumerate() {
            out.push_str(if number == 0 { "" } else { separator });
            column_name(table, index, out)?;
            out.push_str(sign);
            self.value(value.as_ref(), table, index, out)?;
        }
        Ok(())
    }

    fn value(&self, value: Option<&Value<'_>>, table: &Table, index: usize, out: &mut String) -> Result<(), TextError> {
        let column = table.columns().get(index);
        let _ = match value.copied().unwrap_or(Value::Null) {
            Value::Null => write!(out, "NULL"),
            Value::Int(number) => write!(out, "{number}"),
            Value::UInt(number) | Value::Set(number) => write!(out, "{number}"),
            Value::Bit(bits) => write!(out, "b'{bits:b}'"),
            Value::Year(year) => write!(out, "{year}"),
            // The shortest text that is read as the same number.
            Value::Float(number) => write!(out, "{number:e}"),
            Value::Double(number) => write!(out, "{number:e}"),
            Value::Decimal(number) => write!(out, "{number}"),
            Value::Date(date) => write!(out, "'{date}'"),
            Value::Time(time) => write!(out, "'{time}'"),
            Value::DateTime(time) => write!(out, "'{time}'"),
            // The session's time zone would change a date.
            Value::Timestamp(time) => write!(out, "FROM_UNIXTIME({time})"),
            Value::Bytes(bytes) => {
                text(bytes, column, out);
                Ok(())
            }
            Value::Compressed(stored) => {
                text(&self.inflate.column(stored)?, column, out);
                Ok(())
            }
            Value::Enum(number) => write!(out, "{number}"),
            Value::Json(document) => {
                let mut json = String::new();
                json::to_text(document, &mut json)?;
                let mut literal = Vec::new();
                utf8_hex(json.as_bytes(), &mut literal);
                out.push_str(&String::from_utf8_lossy(&literal));
                Ok(())
            }
            Value::JsonDiff(diffs) => {
                let (mut name, mut call) = (String::new(), Vec::new());
                column_name(table, index, &mut name)?;
                json_diff::calls(name.as_bytes(), diffs, utf8_hex, &mut call)?;
                out.push_str(&String::from_utf8_lossy(&call));
                Ok(())
            }
        };
        Ok(())
    }
}

/// A text in quotes, or its bytes in hex where quotes could mean something else.
fn text(bytes: &[u8], column: Option<&Column>, out: &mut String) {
    let collation = column.and_then(|column| column.collation);
    let is_geometry = column.is_some_and(|column| matches!(column.kind, ColumnKind::Geometry { .. }));
    let is_plain = bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\'));
    if let Ok(text) = std::str::from_utf8(bytes)
        && is_plain
        && !is_geometry
        && collation != Some(BINARY)
    {
        let _ = write!(out, "'{text}'");
        return;
    }
    if let Some(charset) = collation.filter(|number| *number != BINARY).and_then(collations::charset) {
        let _ = write!(out, "_{charset} ");
    }
    hex(bytes, out);
}

/// Appends a UTF-8 text as a literal that no session's settings change.
fn utf8_hex(text: &[u8], out: &mut Vec<u8>) {
    let mut literal = String::from("_utf8mb4 ");
    hex(text, &mut literal);
    out.extend_from_slice(literal.as_bytes());
}

fn hex(bytes: &[u8], out: &mut String) {
    out.push_str("X'");
    for byte in bytes {
        let _ = write!(out, "{byte:02X}");
    }
    out.push('\'');
}

fn statement(sql: &str, out: &mut Vec<u8>) {
    put(format_args!("{sql}{END}\n"), out);
}

fn table_name(table: &Table, out: &mut String) {
    identifier(table.database(), out);
    out.push('.');
    identifier(table.name(), out);
}

fn column_name(table: &Table, index: usize, out: &mut String) -> Result<(), TextError> {
    let Some(name) = table.column_name(index) else {
        return Err(TextError::Sentence(format!(
            "the log has no names of the columns of table '{}': set binlog_row_metadata=FULL at the server, or use --format=text",
            String::from_utf8_lossy(table.name())
        )));
    };
    identifier(name, out);
    Ok(())
}

fn identifier(name: &[u8], out: &mut String) {
    let _ = write!(out, "`{}`", String::from_utf8_lossy(name).replace('`', "``"));
}
