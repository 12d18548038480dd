//! The character sets and collations within the expressions of a table, which a replica of MariaDB's judges by the table's columns.
//!
//! SQLite has one set and takes them all. MariaDB reads a literal in the set of the table, and refuses the definition where the set, or a column that
//! the expression names, lacks a character. COLLATE must be one of its operand's set, and columns of two collations are compared by neither.

use std::collections::BTreeMap;

use sealwire_core::error::SqlError;

use super::schema::{Column, DefaultValue};
use super::stored_definitions::StoredTable;
use crate::sql::TextCharset;
use crate::sql::charset::collation_of_another;
use crate::sql::lex::{Lexer, Piece, unquote};

/// Words and symbols that compare texts.
const COMPARISONS: [&str; 22] = [
    "=",
    "<",
    ">",
    "BETWEEN",
    "CASE",
    "FIELD",
    "FIND_IN_SET",
    "GREATEST",
    "IN",
    "INSTR",
    "LEAST",
    "LIKE",
    "LOCATE",
    "NULLIF",
    "POSITION",
    "REGEXP",
    "REPLACE",
    "RLIKE",
    "SOUNDS",
    "STRCMP",
    "SUBSTRING_INDEX",
    "TRIM",
];

/// Checks the expressions of a table.
///
/// # Errors
/// 1253 for a COLLATE of another set, 1918 for a literal that the table's set lacks, and 1267 for a column that lacks it, or for two collations.
pub(super) fn check(columns: &[Column], table: &StoredTable) -> Result<(), SqlError> {
    let of_table = table.charset;
    let by_name: BTreeMap<Vec<u8>, &Column> =
        columns.iter().map(|column| (column.name.to_ascii_lowercase().into_bytes(), column)).collect();
    let generated = columns.iter().filter_map(|column| column.stored.generated.as_deref());
    for text in table.checks.iter().map(String::as_str).chain(generated) {
        let expression = Expression::new(text, &by_name, of_table);
        expression.check_literals()?;
        expression.check_collates()?;
        expression.check_comparisons()?;
    }
    for column in columns {
        let Some(DefaultValue::Expression(text)) = column.default_value() else { continue };
        Expression::new(&text, &by_name, of_table).check_default()?;
    }
    Ok(())
}

/// An expression of a table.
struct Expression<'e> {
    /// The pieces without spaces.
    pieces: Vec<(Piece, &'e [u8])>,
    /// The columns that the pieces name.
    columns: Vec<Option<&'e Column>>,
    /// The set of the table.
    of_table: TextCharset,
}

impl<'e> Expression<'e> {
    fn new(text: &'e str, by_name: &BTreeMap<Vec<u8>, &'e Column>, of_table: TextCharset) -> Self {
        let pieces: Vec<(Piece, &[u8])> =
            Lexer::new(text.as_bytes()).filter(|(piece, _)| !matches!(piece, Piece::Space)).collect();
        // A word before a parenthesis is a function.
        let is_function = |at: usize| pieces.get(at + 1).is_some_and(|(_, next)| *next == b"(");
        let column = |(at, (piece, word)): (usize, &(Piece, &[u8]))| match piece {
            Piece::Word if !is_function(at) => by_name.get(&word.to_ascii_lowercase()).copied(),
            Piece::QuotedName => by_name.get(&unquote(word).to_ascii_lowercase()).copied(),
            _ => None,
        };
        let columns = pieces.iter().enumerate().map(column).collect();
        Self { pieces, columns, of_table }
    }

    fn column(&self, at: usize) -> Option<&'e Column> {
        self.columns.get(at).copied().flatten()
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.pieces.get(at).is_some_and(|(_, word)| word.eq_ignore_ascii_case(text.as_bytes()))
    }

    /// The columns that the expression names.
    fn named(&self) -> impl Iterator<Item = &'e Column> {
        self.columns.iter().copied().flatten()
    }

    /// The literals that name no set of their own.
    fn literals(&self) -> impl Iterator<Item = &str> {
        let has_set = |at: usize| {
            let before = at.checked_sub(1).and_then(|at| self.pieces.get(at));
            before.is_some_and(|(piece, word)| {
                *piece == Piece::Word && (word.starts_with(b"_") || word.eq_ignore_ascii_case(b"N"))
            })
        };
        let texts = self.pieces.iter().enumerate().filter(|(_, (piece, _))| *piece == Piece::Text);
        texts.filter(move |(at, _)| !has_set(*at)).filter_map(|(_, (_, text))| std::str::from_utf8(text).ok())
    }

    fn check_literals(&self) -> Result<(), SqlError> {
        let mut of_each_set: Vec<&Column> = Vec::new();
        for column in self.named().filter(|column| text_set(column).is_some()) {
            if of_each_set.iter().all(|own| text_set(own) != text_set(column)) {
                of_each_set.push(column);
            }
        }
        for literal in self.literals() {
            let name = self.of_table.name();
            if self.of_table.encode(literal).is_none() {
                let message = format!("Encountered illegal value {literal} when converting to {name}");
                return Err(SqlError::new(1918, b"22007", message));
            }
            let lacks = |column: &&&Column| text_set(column).is_some_and(|set| set.encode(literal).is_none());
            if let Some(column) = of_each_set.iter().find(lacks) {
                let own = column.stored.charset.name();
                return Err(mixed(&format!("of {own} in the column '{}' and of {name} in {literal}", column.name)));
            }
        }
        Ok(())
    }

    /// Checks each COLLATE. The operand is the column or the literal before it, else perhaps any part of the expression.
    fn check_collates(&self) -> Result<(), SqlError> {
        for at in (0..self.pieces.len()).filter(|at| self.is(*at, "COLLATE")) {
            let Some(collation) = self.collation(at + 1) else { continue };
            let before = at.checked_sub(1);
            let is_literal = before.and_then(|at| self.pieces.get(at)).is_some_and(|(piece, _)| *piece == Piece::Text);
            let introducer = at.checked_sub(2).and_then(|at| self.pieces.get(at)).and_then(|(piece, word)| {
                let word = std::str::from_utf8(word).ok().filter(|_| *piece == Piece::Word)?;
                TextCharset::named(word.strip_prefix('_')?)
            });
            let sets: Vec<TextCharset> = match before.and_then(|at| self.column(at)) {
                Some(column) => vec![self.set_of(column)],
                None if is_literal => vec![introducer.unwrap_or(self.of_table)],
                None => self.named().map(|column| self.set_of(column)).chain([self.of_table]).collect(),
            };
            if let Some(set) = sets.iter().find(|set| !set.has_collation(&collation)) {
                return Err(collation_of_another(&collation, set.name()));
            }
        }
        Ok(())
    }

    /// The name of a collation.
    fn collation(&self, at: usize) -> Option<String> {
        let (piece, word) = self.pieces.get(at)?;
        let name = if *piece == Piece::Word { word.to_vec() } else { unquote(word).into_owned() };
        Some(String::from_utf8_lossy(&name).into_owned())
    }

    /// The set of a column's values as texts: that of the table for numbers and times.
    fn set_of(&self, column: &Column) -> TextCharset {
        match column.declared.name() {
            _ if column.declared.is_text() => column.stored.charset,
            // MariaDB's JSON is a text.
            "JSON" => TextCharset::Utf8mb4,
            "BIT" | "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => TextCharset::Binary,
            _ if column.declared.is_geometry() => TextCharset::Binary,
            _ => self.of_table,
        }
    }

    /// Checks that columns of two collations are not compared with each other. Parts that AND and OR join are looked at one by one.
    fn check_comparisons(&self) -> Result<(), SqlError> {
        let is_joined = |at: &usize| self.is(*at, "AND") || self.is(*at, "OR");
        let has_range = (0..self.pieces.len()).any(|at| self.is(at, "BETWEEN"));
        let mut ends: Vec<usize> = (0..self.pieces.len()).filter(|at| !has_range && is_joined(at)).collect();
        ends.push(self.pieces.len());
        let mut start = 0;
        for end in ends {
            let part = start..end;
            start = end;
            let compares = part.clone().any(|at| COMPARISONS.iter().any(|word| self.is(at, word)));
            if !compares || part.clone().any(|at| self.is(at, "COLLATE")) {
                continue;
            }
            let mut texts: Vec<&Column> = Vec::new();
            for column in part.filter_map(|at| self.column(at)).filter(|column| text_set(column).is_some()) {
                // A part with several columns of one collation is judged by the first of them.
                if texts.iter().all(|own| own.named_collation() != column.named_collation()) {
                    texts.push(column);
                }
            }
            for (at, one) in texts.iter().enumerate() {
                for other in texts.iter().skip(at + 1) {
                    check_pair(one, other)?;
                }
            }
        }
        Ok(())
    }

    /// Checks a DEFAULT, whose parts are read in the set of the session first, and then in that of the table.
    fn check_default(&self) -> Result<(), SqlError> {
        for at in (0..self.pieces.len()).filter(|at| self.is(*at, "COLLATE")) {
            let Some(collation) = self.collation(at + 1) else { continue };
            // The name of an account is a text of utf8mb3.
            let names_user = (0..self.pieces.len()).any(|at| self.is(at, "USER") || self.is(at, "CURRENT_USER"));
            let user = names_user.then_some(TextCharset::Utf8mb3);
            let sets = [Some(TextCharset::Utf8mb4), Some(self.of_table), user];
            if let Some(set) = sets.into_iter().flatten().find(|set| !set.has_collation(&collation)) {
                return Err(collation_of_another(&collation, set.name()));
            }
        }
        Ok(())
    }
}

/// The set of a text; `None` for other values and for bytes.
fn text_set(column: &Column) -> Option<TextCharset> {
    Some(column.stored.charset).filter(|set| column.declared.is_text() && *set != TextCharset::Binary)
}

/// MariaDB compares texts of one set by `_bin` where one of them has it, and texts of two sets by the collation of the larger one.
fn check_pair(one: &Column, other: &Column) -> Result<(), SqlError> {
    let (first, second) = (one.named_collation(), other.named_collation());
    let is_binary = |name: &str| name.ends_with("_bin");
    if one.stored.charset != other.stored.charset || first == second || is_binary(first) != is_binary(second) {
        return Ok(());
    }
    Err(mixed(&format!(
        "({first}) of the column '{}' and ({second}) of '{}'; name one of them by COLLATE",
        one.name, other.name
    )))
}

fn mixed(what: &str) -> SqlError {
    SqlError::new(1267, b"HY000", format!("Illegal mix of collations {what}"))
}
