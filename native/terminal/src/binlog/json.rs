//! One JSON object in a line for each row and each statement.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use sealwire_binlog::{
    Body, Column, ColumnKind, Event, GtidEvent, Inflate, MariaDbGtidEvent, Row, Rows, RowsKind, Table, Value, json,
};

use super::collations;
use super::text::TextError;

/// The number of the collation of bytes.
const BINARY: u32 = 63;

/// Prints events as JSON.
#[derive(Debug, Default)]
pub(super) struct JsonPrinter {
    /// The GTID of the current transaction, as a JSON text.
    gtid: Option<String>,
    /// The statement behind the rows that follow, until the first of them has it.
    statement: Option<String>,
    inflate: Inflate,
}

impl JsonPrinter {
    /// Prints an event. Events that change nothing are left out.
    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        file: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), TextError> {
        match body {
            Body::MariaDbGtid(gtid) => self.gtid = Some(mariadb_gtid(gtid, event.header.server_id)),
            Body::Gtid(gtid) | Body::GtidTagged(gtid) => self.gtid = Some(mysql_gtid(gtid)),
            Body::AnonymousGtid(_) => self.gtid = None,
            Body::AnnotateRows(sql) | Body::RowsQuery(sql) => self.statement = Some(text_of(sql)),
            Body::Query(query) => {
                let kind = match &*query.sql {
                    b"BEGIN" => return Ok(()),
                    b"COMMIT" => "commit",
                    b"ROLLBACK" => "rollback",
                    _ => "statement",
                };
                let mut line = self.begin(kind, event, file);
                if kind == "statement" {
                    if !query.database.is_empty() {
                        let _ = write!(line, ",\"database\":{}", text_of(query.database));
                    }
                    let _ = write!(line, ",\"sql\":{}", text_of(&query.sql));
                    if query.error_code != 0 {
                        let _ = write!(line, ",\"error\":{}", query.error_code);
                    }
                }
                end(line, out);
            }
            Body::LoadQuery(load) => {
                let mut line = self.begin("statement", event, file);
                let sql = text_of(&load.query.sql);
                let _ = write!(line, ",\"database\":{},\"sql\":{sql}", text_of(load.query.database));
                end(line, out);
            }
            Body::Xid(xid) => {
                let mut line = self.begin("commit", event, file);
                let _ = write!(line, ",\"xid\":{xid}");
                end(line, out);
            }
            Body::XaPrepare(_) => end(self.begin("xa_prepare", event, file), out),
            Body::Incident(incident) => {
                let mut line = self.begin("incident", event, file);
                let _ = write!(line, ",\"message\":{}", text_of(incident.message));
                end(line, out);
            }
            Body::Rows(rows) => {
                self.rows(rows, event, file, out)?;
                if rows.flags.contains(sealwire_binlog::RowsFlags::STMT_END) {
                    self.statement = None;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The beginning of an object, without its closing brace.
    fn begin(&self, kind: &str, event: &Event<'_>, file: &str) -> String {
        let mut line = format!("{{\"type\":\"{kind}\",\"file\":");
        string(file, &mut line);
        let (position, time, server) = (event.position, event.header.timestamp, event.header.server_id);
        let _ = write!(line, ",\"position\":{position},\"time\":{time},\"server_id\":{server}");
        if let Some(gtid) = &self.gtid {
            let _ = write!(line, ",\"gtid\":{gtid}");
        }
        line
    }

    fn rows(&mut self, rows: &Rows<'_>, event: &Event<'_>, file: &str, out: &mut Vec<u8>) -> Result<(), TextError> {
        let kind = match rows.kind {
            RowsKind::Write => "insert",
            RowsKind::Update | RowsKind::PartialUpdate => "update",
            RowsKind::Delete => "delete",
        };
        let (mut row, mut all) = (Row::default(), rows.iter()?);
        let Some(table) = rows.table.as_deref() else { return Ok(()) };
        let mut start = self.begin(kind, event, file);
        let _ = write!(start, ",\"database\":{},\"table\":{}", text_of(table.database()), text_of(table.name()));
        while all.next_into(&mut row)? {
            let mut line = start.clone();
            // A statement of a megabyte may change a million rows.
            if let Some(statement) = self.statement.take() {
                let _ = write!(line, ",\"statement\":{statement}");
            }
            for (name, values) in [("before", &row.before), ("after", &row.after)] {
                if !values.is_empty() {
                    let _ = write!(line, ",\"{name}\":");
                    self.image(table, values, &mut line)?;
                }
            }
            end(line, out);
        }
        Ok(())
    }

    fn image(&self, table: &Table, values: &[Option<Value<'_>>], out: &mut String) -> Result<(), TextError> {
        out.push('{');
        let mut is_first = true;
        for (index, (column, value)) in table.columns().iter().zip(values).enumerate() {
            let Some(value) = value else { continue };
            if !std::mem::replace(&mut is_first, false) {
                out.push(',');
            }
            match table.column_name(index) {
                Some(name) => string(&String::from_utf8_lossy(name), out),
                None => {
                    let _ = write!(out, "\"@{}\"", index + 1);
                }
            }
            out.push(':');
            self.value(value, column, table, index, out)?;
        }
        out.push('}');
        Ok(())
    }

    fn value(
        &self,
        value: &Value<'_>,
        column: &Column,
        table: &Table,
        index: usize,
        out: &mut String,
    ) -> Result<(), TextError> {
        let _ = match *value {
            Value::Null => write!(out, "null"),
            Value::Int(number) => write!(out, "{number}"),
            Value::UInt(number) | Value::Bit(number) => write!(out, "{number}"),
            Value::Year(year) => write!(out, "{year}"),
            // JSON has no infinity.
            Value::Float(number) if number.is_finite() => write!(out, "{number}"),
            Value::Double(number) if number.is_finite() => write!(out, "{number}"),
            Value::Float(_) | Value::Double(_) => write!(out, "null"),
            Value::Decimal(number) => write!(out, "\"{number}\""),
            Value::Date(date) => write!(out, "\"{date}\""),
            Value::Time(time) => write!(out, "\"{time}\""),
            Value::DateTime(time) => write!(out, "\"{time}\""),
            Value::Timestamp(time) => write!(out, "\"{}\"", time.to_utc()),
            Value::Bytes(bytes) => {
                bytes_of(bytes, column, out);
                Ok(())
            }
            Value::Compressed(stored) => {
                bytes_of(&self.inflate.column(stored)?, column, out);
                Ok(())
            }
            Value::Json(document) => {
                json::to_text(document, out)?;
                Ok(())
            }
            Value::JsonDiff(diffs) => write!(out, "{{\"json_diff\":\"{}\"}}", Base64::encode_string(diffs)),
            Value::Enum(number) => {
                let name = usize::from(number).checked_sub(1).and_then(|at| table.members(index)?.nth(at));
                match name {
                    Some(name) => write!(out, "{}", text_of(name)),
                    None => write!(out, "{number}"),
                }
            }
            Value::Set(bits) => match table.members(index) {
                None => write!(out, "{bits}"),
                Some(members) => {
                    let named =
                        members.enumerate().filter(|(bit, _)| bits.checked_shr(*bit as u32).unwrap_or(0) & 1 != 0);
                    let names: Vec<String> = named.map(|(_, name)| text_of(name)).collect();
                    write!(out, "[{}]", names.join(","))
                }
            },
        };
        Ok(())
    }
}

/// A text as a JSON string; bytes, and texts that are not UTF-8, in base64.
fn bytes_of(bytes: &[u8], column: &Column, out: &mut String) {
    let is_binary = column.collation == Some(BINARY)
        || matches!(column.kind, ColumnKind::Geometry { .. } | ColumnKind::Vector { .. });
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_binary => string(text, out),
        _ => {
            let _ = write!(out, "{{\"base64\":\"{}\"", Base64::encode_string(bytes));
            if let Some(charset) = column.collation.filter(|_| !is_binary).and_then(collations::charset) {
                let _ = write!(out, ",\"charset\":\"{charset}\"");
            }
            out.push('}');
        }
    }
}

fn mariadb_gtid(gtid: &MariaDbGtidEvent<'_>, server: u32) -> String {
    format!("\"{}-{server}-{}\"", gtid.domain, gtid.sequence)
}

fn mysql_gtid(gtid: &GtidEvent<'_>) -> String {
    let tag = String::from_utf8_lossy(gtid.tag);
    let tag = if tag.is_empty() { String::new() } else { format!(":{tag}") };
    let mut text = String::new();
    string(&format!("{}{tag}:{}", gtid.uuid, gtid.number), &mut text);
    text
}

/// A text as a JSON string. Bytes that are not UTF-8 become U+FFFD.
fn text_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    string(&String::from_utf8_lossy(bytes), &mut text);
    text
}

/// Appends a JSON string. Characters that a terminal would execute are escaped too.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
}

fn end(line: String, out: &mut Vec<u8>) {
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sealwire_binlog::{
        Checksum, Flavour, FormatDescription, Head, Limits, NewColumn, NewTable, Reader, RowMetadata, RowsBuilder,
        RowsFlags, TableMap, Writer,
    };

    use super::*;

    #[test]
    fn the_first_row_alone_has_the_statement() {
        let format = FormatDescription::new(Flavour::MariaDb, b"10.11.9-MariaDB", 0, Checksum::Crc32);
        let (mut log, head) = (Vec::new(), Head::default());
        let mut writer = Writer::file(&format, head, &mut log).unwrap();
        let columns = vec![NewColumn::new(b"a", ColumnKind::Int)];
        let new = NewTable { table_id: 7, flags: 1, database: b"d", name: b"t", columns, primary_key: Vec::new() };
        let mut map = Vec::new();
        new.encode(RowMetadata::Full, &mut map).unwrap();
        let table = Arc::new(Table::decode(&map, 8).unwrap());
        for sql in [&b"first"[..], b"second"] {
            writer.write(head, &Body::AnnotateRows(sql), &mut log).unwrap();
            writer.write(head, &Body::TableMap(TableMap::parse(&map).unwrap()), &mut log).unwrap();
            for flags in [RowsFlags::default(), RowsFlags::STMT_END] {
                let mut rows = RowsBuilder::new(Arc::clone(&table), RowsKind::Write, 1);
                rows.push(&[], &[Some(Value::Int(1))]).unwrap();
                rows.push(&[], &[Some(Value::Int(2))]).unwrap();
                writer.write(head, &Body::Rows(rows.rows(flags)), &mut log).unwrap();
            }
        }
        let (mut rest, mut reader, mut out) = (log.as_slice(), Reader::file(Limits::default()), Vec::new());
        let mut printer = JsonPrinter::default();
        while let Some(event) = reader.next(&mut rest).unwrap() {
            printer.event(&event, &event.decode().unwrap(), "bin", &mut out).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        let statements: Vec<bool> = text.lines().map(|line| line.contains("\"statement\":")).collect();
        assert_eq!(statements, [true, false, false, false, true, false, false, false]);
        assert!(text.contains("\"statement\":\"second\",\"after\":{\"a\":1}"), "{text}");
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(text_of(b"a\"\\\n\x01\xff"), "\"a\\\"\\\\\\n\\u0001\u{fffd}\"");
    }

    #[test]
    fn bytes_that_are_no_text_are_in_base64() {
        let mut out = String::new();
        let column = |collation| {
            let mut column =
                Table::decode(&[&[1, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0, 1, 252, 1, 2, 1][..]].concat(), 8)
                    .unwrap()
                    .columns()[0];
            column.collation = collation;
            column
        };
        for (bytes, collation) in [(&b"\xe9"[..], Some(8)), (b"ab", Some(63)), (b"ab", None)] {
            bytes_of(bytes, &column(collation), &mut out);
        }
        assert_eq!(out, "{\"base64\":\"6Q==\",\"charset\":\"latin1\"}{\"base64\":\"YWI=\"}\"ab\"");
    }
}
