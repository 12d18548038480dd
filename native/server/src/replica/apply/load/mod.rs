//! LOAD DATA: its file comes in events of its own, and becomes INSERTs, because this server has no such statement.

mod file;
mod statement;

use std::sync::Arc;

use sealwire_binlog::{Event, FileBlock, LoadQuery, Query, StatusVariable};
use sealwire_core::error::SqlError;

use super::errors::{of_statement, unsupported};
use super::statement::{Given, Needs};
use super::{Applier, Boundary, Form, GroupKind, SourcePlace};
use crate::engine::TransactionStep;
use crate::sql::charset::of_collation;
use crate::sql::lex::{Lexer, Piece, unquote};
use crate::sql::text_literal;
use file::{Field, Rows};
use statement::{LoadData, Target, with_values};

/// The most rows of an INSERT, and the length at which it is run.
const MOST_ROWS: usize = 500;
const LONG: usize = 1 << 20;
const WAY_OUT: &str = "set binlog_format=ROW at the source";

/// A column of the table, with its type as SHOW CREATE TABLE has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TypedColumn {
    name: String,
    kind: String,
    /// The numbers in parentheses.
    length: Option<usize>,
    scale: Option<usize>,
    is_unsigned: bool,
}

impl Applier {
    /// Keeps a piece of a file. They wait on the disk, because a file may be long.
    pub(super) fn load_block(&mut self, block: &FileBlock<'_>, is_first: bool) -> Result<Boundary, SqlError> {
        if is_first {
            self.load_parts = 0;
        }
        self.server.engine.hold_events(&self.channel, &file_name(block.file_id), self.load_parts, block.data)?;
        self.load_parts += 1;
        Ok(Boundary::None)
    }

    /// Forgets a file that the source could not load.
    pub(super) fn forget_file(&self, file_id: u32) -> Result<Boundary, SqlError> {
        self.server.engine.release_events(&self.channel, &file_name(file_id))?;
        Ok(Boundary::None)
    }

    /// Runs the statement: within a transaction, or as a whole group.
    pub(super) fn load(
        &mut self,
        event: &Event<'_>,
        load: &LoadQuery<'_>,
        place: SourcePlace<'_>,
    ) -> Result<Boundary, SqlError> {
        let form = self.group.as_ref().map_or(Form::Announced, |group| group.form);
        let is_whole = form != Form::Transaction;
        if self.group.is_none() {
            self.begin(event, Form::Statement, None)?;
        }
        if self.is_left_out() {
            return if is_whole { self.leave_out(place) } else { Ok(Boundary::None) };
        }
        let Some(gtid) = self.group.as_ref().map(|group| group.gtid) else { return Ok(Boundary::None) };
        if is_whole {
            self.open_transaction()?;
        }
        let database = String::from_utf8_lossy(load.query.database).into_owned();
        let database = self.filters.rewritten(&database).to_owned();
        let loaded = self.load_rows(event, load, &database);
        loaded.map_err(|error| of_statement(error, Some(&database), &load.query.sql))?;
        self.forget_file(load.file_id)?;
        self.given = Given::default();
        if !is_whole {
            return Ok(Boundary::None);
        }
        let (gtids, end) = self.end_of(gtid, place)?;
        self.announce(Some(end.clone()))?;
        self.session.take_step(TransactionStep::Commit)?;
        self.settle()?;
        self.move_behind(gtids, end.place);
        self.keep_if_needed()?;
        Ok(Boundary::Applied(GroupKind::NonTransactional))
    }

    fn load_rows(&mut self, event: &Event<'_>, load: &LoadQuery<'_>, database: &str) -> Result<(), SqlError> {
        let query = &load.query;
        let mut needs = std::mem::take(&mut self.given).needs(query, &event.header, Some(database));
        self.session.surround(&needs.surroundings)?;
        let sql = self.session.canonical_text(&query.sql)?;
        let data = LoadData::read(&sql)?;
        let own = data.database.as_deref().unwrap_or(database).to_owned();
        if !self.filters.allow_database(Some(database)) || !self.filters.allow_tables([(&*own, &*data.table)]) {
            return Ok(());
        }
        if let Some(zone) = &needs.time_zone {
            return Err(unsupported(&format!("LOAD DATA in the time zone '{zone}'"), WAY_OUT));
        }
        let columns = typed_columns(&self.server.engine.table_definition(&own, &data.table)?.statement);
        let targets = match &data.targets[..] {
            [] => columns.iter().map(|column| Target::Column(column.name.clone())).collect(),
            given => given.to_vec(),
        };
        let is_utf8 = is_utf8(&data, query);
        let (engine, channel, name) = (Arc::clone(&self.server), self.channel.clone(), file_name(load.file_id));
        let (mut part, file_id) = (0, load.file_id);
        let interruption = self.interruption()?;
        let mut rows = Rows::new(&data.format, || {
            if interruption.is_stopped() {
                return Err(crate::engine::interrupted());
            }
            let held = engine.engine.held_events(&channel, &name, part)?;
            // No source logs the statement of a file that has nothing.
            if part == 0 && held.is_none() {
                return Err(missing_file(file_id));
            }
            part += 1;
            Ok(held)
        });
        rows.skip_lines(data.ignored_lines)?;
        let named: Vec<String> = targets.iter().filter_map(column_of).map(str::to_owned).collect();
        let front = data.front(&own, &named);
        let (mut text, mut count, mut number) = (front.clone(), 0, 0u64);
        while let Some(row) = rows.row()? {
            number += 1;
            if row.len() != targets.len() {
                let message = format!(
                    "Row {number} doesn't contain data for all columns, or more: such rows of LOAD DATA's file arrive only as rows; {WAY_OUT}"
                );
                return Err(SqlError::new(1261, b"01000", message));
            }
            let mut values = Vec::new();
            for (target, field) in targets.iter().zip(&row) {
                let column =
                    column_of(target).and_then(|name| columns.iter().find(|own| own.name.eq_ignore_ascii_case(name)));
                values.push((target.clone(), literal(field, column, is_utf8)?));
            }
            let own_values =
                values.iter().filter(|(target, _)| column_of(target).is_some()).map(|(_, value)| value.clone());
            let all: Vec<String> =
                own_values.chain(data.set.iter().map(|(_, expression)| with_values(expression, &values))).collect();
            text.push_str(if count == 0 { "(" } else { ", (" });
            text.push_str(&all.join(", "));
            text.push(')');
            count += 1;
            if count >= MOST_ROWS || text.len() >= LONG {
                self.run_part(query, &text, &mut needs)?;
                (text, count) = (front.clone(), 0);
            }
        }
        if count > 0 { self.run_part(query, &text, &mut needs) } else { Ok(()) }
    }

    /// Runs an INSERT of some rows. Those behind the first ones go on with the AUTO_INCREMENT values.
    fn run_part(&mut self, query: &Query<'_>, sql: &str, needs: &mut Needs) -> Result<(), SqlError> {
        self.run_prepared(query, sql, needs)?;
        needs.surroundings.insert_id = None;
        self.session.surround(&needs.surroundings)
    }
}

fn missing_file(file_id: u32) -> SqlError {
    let message =
        format!("Relay log read failure: nothing of LOAD DATA's file {file_id} has come before its statement");
    SqlError::new(1594, b"HY000", message)
}

/// The name under which a file's pieces wait. XA transactions have names with quotes.
fn file_name(file_id: u32) -> String {
    format!("file {file_id}")
}

fn column_of(target: &Target) -> Option<&str> {
    match target {
        Target::Column(name) => Some(name),
        Target::Variable(_) => None,
    }
}

/// Whether the file's texts are in UTF-8: by the statement, else by the database's default, else by the server's.
fn is_utf8(data: &LoadData, query: &Query<'_>) -> bool {
    let is_utf8 = |name: &str| name.starts_with("utf8") || name == "binary";
    if let Some(charset) = &data.charset {
        return is_utf8(&charset.to_ascii_lowercase());
    }
    let (mut of_server, mut of_database) = (None, None);
    for variable in query.status.iter() {
        match variable {
            StatusVariable::Charset { server, .. } => of_server = Some(server),
            StatusVariable::CollationDatabase(collation) => of_database = Some(collation),
            _ => {}
        }
    }
    let known = of_database.or(of_server).map(of_collation);
    matches!(known, Some(Ok((name, _))) if is_utf8(name))
}

/// The columns in a definition as SHOW CREATE TABLE has it.
fn typed_columns(definition: &str) -> Vec<TypedColumn> {
    let column = |line: &str| {
        let mut pieces = Lexer::new(line.as_bytes()).filter(|(piece, _)| *piece != Piece::Space);
        let (_, name) = pieces.next().filter(|(piece, _)| *piece == Piece::QuotedName)?;
        let (_, kind) = pieces.next()?;
        let rest: Vec<(Piece, &[u8])> = pieces.collect();
        let is_list = rest.first().is_some_and(|(piece, _)| *piece == Piece::Symbol(b'('));
        let number = |at: usize| {
            let (_, digits) = rest.get(at).filter(|_| is_list)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        };
        let (length, scale) = (number(1), number(3));
        Some(TypedColumn {
            name: String::from_utf8_lossy(&unquote(name)).into_owned(),
            kind: String::from_utf8_lossy(kind).to_ascii_lowercase(),
            length,
            scale,
            is_unsigned: rest
                .iter()
                .any(|(piece, word)| *piece == Piece::Word && word.eq_ignore_ascii_case(b"unsigned")),
        })
    };
    definition.lines().filter(|line| line.starts_with("  `")).filter_map(column).collect()
}

/// A value as a literal.
fn literal(field: &Field, column: Option<&TypedColumn>, is_utf8: bool) -> Result<String, SqlError> {
    let Some(bytes) = field else { return Ok("NULL".to_owned()) };
    if !is_utf8 && !bytes.is_ascii() {
        return Err(unsupported("LOAD DATA of a file with texts that are not in UTF-8", WAY_OUT));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        return Ok(format!("X'{hex}'"));
    };
    if let Some(column) = column.filter(|column| !column.keeps(text)) {
        let short: String = text.chars().take(64).collect();
        let what = format!("LOAD DATA with the value '{short}' for the {} column '{}'", column.kind, column.name);
        return Err(unsupported(&what, WAY_OUT));
    }
    Ok(text_literal(text))
}

impl TypedColumn {
    /// Whether the source keeps a text as it is. Another value, such as '' or 'x' for a number, it replaces by the nearest one.
    fn keeps(&self, text: &str) -> bool {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_of = |shape: &str| {
            text.len() == shape.len()
                && shape
                    .bytes()
                    .zip(text.bytes())
                    .all(|(form, byte)| if form == b'0' { byte.is_ascii_digit() } else { form == byte })
        };
        let number = |bits: u32| {
            let unsigned = digits(text.strip_prefix('-').unwrap_or(text)).then(|| text.parse::<i128>().ok()).flatten();
            let (least, most) = if self.is_unsigned {
                (0, (1i128 << bits) - 1)
            } else {
                (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
            };
            unsigned.is_some_and(|number| (least..=most).contains(&number))
        };
        match self.kind.as_str() {
            "tinyint" => number(8),
            "smallint" => number(16),
            "mediumint" => number(24),
            "int" => number(32),
            "bigint" => number(64),
            "float" | "double" => text.parse::<f64>().is_ok_and(f64::is_finite),
            "year" => is_of("0000"),
            "date" => is_of("0000-00-00"),
            "time" => is_of("00:00:00") || text.strip_prefix('-').is_some_and(|text| text.len() == 8),
            "datetime" | "timestamp" => is_of("0000-00-00 00:00:00"),
            "decimal" => {
                let text = text.strip_prefix('-').unwrap_or(text);
                let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
                let scale = self.scale.unwrap_or(0);
                let most = self.length.unwrap_or(10).saturating_sub(scale);
                let fits = whole.trim_start_matches('0').len() <= most && fraction.trim_end_matches('0').len() <= scale;
                digits(whole) && digits(fraction) && fits
            }
            "bit" => false,
            "char" | "varchar" => self.length.is_none_or(|length| text.chars().count() <= length),
            "binary" | "varbinary" => self.length.is_none_or(|length| text.len() <= length),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_the_source_would_change_are_found() {
        let definition = "CREATE TABLE `t` (\n  `a` tinyint(4) DEFAULT NULL,\n  `b` int(10) unsigned NOT NULL,\n  `c` varchar(3) DEFAULT NULL,\n  \
                          `d` datetime DEFAULT NULL,\n  `e` decimal(5,2),\n  `f` text,\n  PRIMARY KEY (`a`)\n)";
        let columns = typed_columns(definition);
        assert_eq!(columns.len(), 6);
        assert_eq!((columns[1].is_unsigned, columns[2].length), (true, Some(3)));
        for (at, text, keeps) in [
            (0, "127", true),
            (0, "-128", true),
            (0, "128", false),
            (0, "", false),
            (0, "1x", false),
            (0, "+1", false),
            (1, "4294967295", true),
            (1, "-1", false),
            (2, "äöü", true),
            (2, "abcd", false),
            (3, "2024-02-29 01:02:03", true),
            (3, "2024-2-29", false),
            (4, "-1.5", true),
            (4, "999.25", true),
            (4, "1000", false),
            (4, "1.555", false),
            (4, ".", false),
            (5, "", true),
        ] {
            assert_eq!(columns[at].keeps(text), keeps, "{at} {text}");
        }
        assert_eq!(literal(&None, None, true).unwrap(), "NULL");
        assert_eq!(literal(&Some(b"a'b\\".to_vec()), None, true).unwrap(), text_literal("a'b\\"));
        assert_eq!(literal(&Some(b"\xff\x00".to_vec()), None, true).unwrap(), "X'FF00'");
        assert_eq!(literal(&Some(b"\xfc".to_vec()), None, false).unwrap_err().code, 1235);
    }
}
