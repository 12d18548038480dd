//! The tables of a database as SQLite describes them: columns, indexes and definitions.

use rusqlite::{Connection, Result as SqliteResult};

use super::key_weight::MARK;
use super::stored_definitions::{self, StoredColumn, StoredTable};
use crate::engine::annotations::Annotation;
use crate::engine::types::{DeclaredType, Extent};
use crate::sql::charset::default_collation;
use crate::sql::collations::compares_bytes;
use crate::sql::lex::{Lexer, Piece, unquote};
use crate::sql::{AsciiCase, TextCharset, backquoted, text_literal};

/// A table or a view.
pub(super) struct Table {
    /// The schema under which its database is attached.
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) is_view: bool,
    pub(super) sql: String,
}

/// A column of a table or view.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) declared: DeclaredType,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    /// The position in the primary key, from 1; 0 where it is not in the key.
    pub(super) primary: i64,
    pub(super) position: i64,
    pub(super) unique: bool,
    pub(super) indexed: bool,
    pub(super) auto_increment: bool,
    /// `Some` for a generated column: whether its values are stored.
    pub(super) generated: Option<bool>,
    pub(super) stored: StoredColumn,
}

/// An index that is not the primary key.
pub(super) struct Index {
    pub(super) name: String,
    pub(super) unique: bool,
    /// The columns; `None` for an expression.
    pub(super) columns: Vec<Option<String>>,
    /// The parts in MySQL's notation.
    pub(super) parts: Vec<String>,
    /// How many characters of each part the index was declared to hold.
    pub(super) prefixes: Vec<Option<u32>>,
    /// Whether the server made it for a foreign key, so that it gives way to one of the user's.
    pub(super) is_for_foreign_key: bool,
}

pub(super) fn tables_of(connection: &Connection) -> SqliteResult<Vec<Table>> {
    let mut statement = connection.prepare(
        "SELECT name, type = 'view', coalesce(sql, '') FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND substr(name, 1, 1) <> char(1) ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Table { schema: "main".to_owned(), name: row.get(0)?, is_view: row.get(1)?, sql: row.get(2)? })
    })?;
    rows.collect()
}

pub(super) fn columns_of(connection: &Connection, table: &Table) -> SqliteResult<Vec<Column>> {
    let auto_increment = table.sql.to_ascii_uppercase().contains("AUTOINCREMENT");
    let mut stored = if table.is_view { StoredTable::default() } else { StoredTable::read(&table.sql) };
    let indexes = if table.is_view { Vec::new() } else { indexes_of(connection, table)? };
    let mut statement = connection.prepare(
        "SELECT name, type, \"notnull\", dflt_value, pk, cid, hidden FROM pragma_table_xinfo(?1, ?2) WHERE hidden IN (0, 2, 3)",
    )?;
    let rows = statement.query_map([&table.name, &table.schema], |row| {
        let name: String = row.get(0)?;
        let declared: String = row.get(1)?;
        let primary: i64 = row.get(4)?;
        let leads = |unique: bool| {
            indexes.iter().any(|index| {
                index.unique == unique
                    && index.columns.first() == Some(&Some(name.clone()))
                    && (!unique || index.columns.len() == 1)
            })
        };
        Ok(Column {
            unique: leads(true),
            indexed: leads(false),
            auto_increment: auto_increment && primary > 0 && declared == "INTEGER",
            declared: DeclaredType::parse(&declared),
            not_null: row.get::<_, bool>(2)? || primary > 0,
            default: row.get(3)?,
            primary,
            position: row.get::<_, i64>(5)? + 1,
            generated: match row.get::<_, i64>(6)? {
                2 => Some(false),
                3 => Some(true),
                _ => None,
            },
            stored: stored.take(&name),
            name,
        })
    })?;
    rows.collect()
}

pub(super) fn indexes_of(connection: &Connection, of: &Table) -> SqliteResult<Vec<Index>> {
    let table = of.name.as_str();
    let mut statement = connection.prepare(&format!(
        "SELECT l.name, l.\"unique\", coalesce((SELECT sql FROM `{}`.sqlite_master WHERE name = l.name), '') \
         FROM pragma_index_list(?1, ?2) AS l WHERE l.origin <> 'pk' AND l.name NOT GLOB '{MARK}*' ORDER BY l.seq DESC",
        of.schema.replace('`', "``")
    ))?;
    let found: Vec<(String, bool, String)> = statement
        .query_map([table, &of.schema], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<SqliteResult<_>>()?;
    let mut indexes = Vec::new();
    for (name, unique, sql) in found {
        let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1, ?2) ORDER BY seqno")?;
        let columns: Vec<Option<String>> =
            statement.query_map([&name, &of.schema], |row| row.get(0))?.collect::<SqliteResult<_>>()?;
        // Indexes of CREATE INDEX have their table's name in front; those that SQLite made itself get the name of their first column.
        let short = name.get(table.len()..).and_then(|rest| rest.strip_prefix('.')).filter(|_| !sql.is_empty());
        let short = short.map(str::to_owned);
        let name = short.unwrap_or_else(|| columns.iter().flatten().next().cloned().unwrap_or(name));
        let parts = if sql.is_empty() {
            columns.iter().flatten().map(|column| backquoted(column)).collect()
        } else {
            stored_definitions::key_parts(&sql)
        };
        let prefixes = stored_definitions::key_prefixes(&sql);
        let is_for_foreign_key = stored_definitions::has_annotation(&sql, Annotation::ForForeignKey);
        indexes.push(Index { name, unique, columns, parts, prefixes, is_for_foreign_key });
    }
    Ok(indexes)
}

pub(super) fn primary_key(columns: &[Column]) -> Vec<String> {
    let mut primary: Vec<&Column> = columns.iter().filter(|column| column.primary > 0).collect();
    primary.sort_by_key(|column| column.primary);
    primary.iter().map(|column| column.name.clone()).collect()
}

impl Column {
    pub(super) const fn key(&self) -> &'static str {
        match (self.primary > 0, self.unique, self.indexed) {
            (true, _, _) => "PRI",
            (_, true, _) => "UNI",
            (_, _, true) => "MUL",
            _ => "",
        }
    }

    /// The type in MySQL's notation.
    pub(super) fn type_text(&self) -> String {
        match (self.stored.annotations.get(Annotation::Type), self.declared.name()) {
            (Some(annotations), _) => annotations.to_owned(),
            // A table of another program's does not say the members.
            (None, "ENUM" | "SET") => "varchar(255)".to_owned(),
            (None, _) => self.declared.to_mysql(),
        }
    }

    pub(super) fn extent(&self) -> Extent {
        match self.stored.annotations.get(Annotation::Type) {
            Some(annotations) if self.auto_increment => DeclaredType::parse(annotations).extent(),
            _ => self.declared.extent(),
        }
    }

    /// The collation that the definition names: the column's own, that of its character set, or the table's.
    pub(super) fn named_collation(&self) -> &str {
        let annotations = &self.stored.annotations;
        match (annotations.get(Annotation::Collation), annotations.get(Annotation::Charset)) {
            (Some(own), _) => own,
            (None, Some(_)) => default_collation(self.stored.charset.name()).unwrap_or_default(),
            (None, None) => &self.stored.of_table,
        }
    }

    /// Whether it is a text that ignores case here, and whose collation tells some texts of ASCII apart by it.
    pub(super) fn tells_case(&self) -> bool {
        let is_told = || AsciiCase::of(self.named_collation()) != AsciiCase::Ignored;
        // The members of ENUM and SET differ in more than their case.
        let is_text = self.declared.is_text() && !matches!(self.declared.name(), "ENUM" | "SET");
        is_text && self.stored.ignores_case && is_told()
    }

    /// The collation of a text, where it compares otherwise than the table's does.
    pub(super) fn collation(&self) -> Option<&str> {
        let (named, of_table) = (self.named_collation(), self.stored.of_table.as_str());
        if !self.declared.is_text() || self.stored.ignores_case {
            return Some(named)
                .filter(|_| self.declared.is_text() && compares_bytes(of_table) && !compares_bytes(named));
        }
        if compares_bytes(named) {
            return Some(named).filter(|_| named != of_table);
        }
        Some(match self.stored.charset {
            TextCharset::Utf8mb4 => "utf8mb4_bin",
            TextCharset::Utf8mb3 => "utf8mb3_bin",
            TextCharset::Latin1 => "latin1_bin",
            TextCharset::Ascii => "ascii_bin",
            TextCharset::Binary => "binary",
        })
    }

    pub(super) fn extra(&self) -> String {
        let on_update = self.stored.annotations.get(Annotation::OnUpdate).map(|value| format!("on update {value}"));
        let first = match self.generated {
            Some(true) => "STORED GENERATED",
            Some(false) => "VIRTUAL GENERATED",
            None if self.auto_increment => "auto_increment",
            None if matches!(self.default_value(), Some(DefaultValue::Expression(_))) => "DEFAULT_GENERATED",
            None => "",
        };
        [Some(first.to_owned()).filter(|first| !first.is_empty()), on_update]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The default; `None` where there is none or it is NULL.
    pub(super) fn default_value(&self) -> Option<DefaultValue> {
        let sqlite = self.default.as_deref()?;
        let written = self
            .stored
            .annotations
            .get(Annotation::Default)
            .map_or_else(|| stored_definitions::in_mysql(sqlite), str::to_owned);
        let mut inner = written.as_str();
        while let Some(within) = single_parenthesis(inner) {
            inner = within;
        }
        let bare = inner.trim_end_matches("()");
        let is_number = |text: &str| {
            text.parse::<f64>().is_ok() && !text.contains(|c: char| c.is_ascii_alphabetic() && c != 'e' && c != 'E')
        };
        Some(if bare.eq_ignore_ascii_case("NULL") {
            return None;
        } else if ["NOW", "CURRENT_TIMESTAMP"].iter().any(|now| bare.eq_ignore_ascii_case(now)) {
            DefaultValue::Now
        } else if is_number(&inner.replace(' ', "")) {
            DefaultValue::Number(inner.replace(' ', ""))
        } else {
            match Lexer::new(inner.as_bytes()).collect::<Vec<_>>().as_slice() {
                [(Piece::Text, quoted)] => DefaultValue::Text(String::from_utf8_lossy(&unquote(quoted)).into_owned()),
                [(Piece::Word, _)] | [(Piece::Word, _), (Piece::Text, _)] => DefaultValue::Literal(inner.to_owned()),
                _ => DefaultValue::Expression(inner.to_owned()),
            }
        })
    }
}

/// A default in MySQL's notation.
pub(super) enum DefaultValue {
    /// A text, without quotes.
    Text(String),
    Number(String),
    /// `X'…'`, TRUE and the like.
    Literal(String),
    Now,
    /// An expression, without parentheses.
    Expression(String),
}

impl DefaultValue {
    /// The form of `information_schema`: a text has no quotes.
    pub(super) fn into_value(self) -> String {
        match self {
            Self::Text(text) | Self::Number(text) | Self::Literal(text) | Self::Expression(text) => text,
            Self::Now => "CURRENT_TIMESTAMP".to_owned(),
        }
    }

    /// The form of CREATE TABLE.
    pub(super) fn into_sql(self, is_binary: bool) -> String {
        match self {
            // MySQL prints numbers in quotes.
            Self::Number(text) if is_binary => text,
            Self::Text(text) | Self::Number(text) => text_literal(&text),
            Self::Literal(text) => text,
            Self::Now => "CURRENT_TIMESTAMP".to_owned(),
            Self::Expression(text) => format!("({text})"),
        }
    }
}

/// The contents of parentheses that enclose the whole text.
fn single_parenthesis(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    let mut depth = 0usize;
    for (piece, _) in Lexer::new(inner.as_bytes()) {
        match piece {
            Piece::Symbol(b'(') => depth += 1,
            Piece::Symbol(b')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    Some(inner.trim())
}
