//! Expressions of a table that MariaDB refuses, or that its replicas compute otherwise than this server. A log for MariaDB has no such table.

use std::collections::{BTreeMap, BTreeSet};

use sealwire_core::error::SqlError;

use super::schema::Column;
use crate::sql::lex::{Lexer, Piece, unquote};

/// Words of expressions that make a point of time of others, as MariaDB keeps it.
const OF_TIMES: [&str; 13] = [
    "ADDDATE",
    "DATE_ADD",
    "DATE_SUB",
    "DAY",
    "HOUR",
    "INTERVAL",
    "MINUTE",
    "MONTH",
    "SECOND",
    "SUBDATE",
    "TIMESTAMP",
    "WEEK",
    "YEAR",
];

/// The digits of a number that is a BIGINT at all servers.
const MOST_DIGITS: usize = 18;

/// A piece of an expression.
enum Part<'t> {
    /// A name or a number, without quotes.
    Word(String),
    /// The name of a function, in capitals. A parenthesis follows.
    Function(String),
    Symbol(&'t [u8]),
}

impl Part<'_> {
    fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }

    fn is_column(&self, name: &str) -> bool {
        self.word().is_some_and(|word| word.eq_ignore_ascii_case(name))
    }

    fn is_symbol(&self, symbol: u8) -> bool {
        matches!(self, Self::Symbol(own) if **own == [symbol])
    }
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let pieces: Vec<(Piece, &[u8])> =
        Lexer::new(text.as_bytes()).filter(|(piece, _)| !matches!(piece, Piece::Space)).collect();
    let is_function = |at: usize| pieces.get(at + 1).is_some_and(|(_, next)| *next == b"(");
    let part = |(at, (piece, word)): (usize, &(Piece, &'_ [u8]))| {
        let name = match piece {
            Piece::Word => String::from_utf8_lossy(word).into_owned(),
            // MariaDB takes a name in quotes for a function, too.
            Piece::QuotedName => String::from_utf8_lossy(&unquote(word)).into_owned(),
            _ => return None,
        };
        Some(if is_function(at) { Part::Function(name.to_ascii_uppercase()) } else { Part::Word(name) })
    };
    pieces.iter().enumerate().map(|each| part(each).unwrap_or(Part::Symbol(each.1.1))).collect()
}

/// Whether an expression consists of columns, whole numbers, some words and functions in capitals, and some symbols.
fn has_only(parts: &[Part<'_>], columns: &[Column], words: &[&str], symbols: &[u8]) -> bool {
    parts.iter().all(|part| match part {
        Part::Word(word) => {
            columns.iter().any(|own| own.name.eq_ignore_ascii_case(word))
                || word.bytes().all(|byte| byte.is_ascii_digit())
                || words.contains(&&*word.to_ascii_uppercase())
        }
        Part::Function(name) => words.contains(&&**name),
        Part::Symbol(symbol) => matches!(symbol, [symbol] if symbols.contains(symbol)),
    })
}

/// Whether an expression names a column elsewhere than in `RTRIM(column)`.
fn names_with_spaces(parts: &[Part<'_>], column: &str) -> bool {
    let at = |place: Option<usize>| place.and_then(|place| parts.get(place));
    (0..parts.len()).any(|place| {
        let is_trimmed = matches!(at(place.checked_sub(2)), Some(Part::Function(name)) if name == "RTRIM")
            && at(place.checked_sub(1)).is_some_and(|part| part.is_symbol(b'('))
            && at(Some(place + 1)).is_some_and(|part| part.is_symbol(b')'));
        at(Some(place)).is_some_and(|part| part.is_column(column)) && !is_trimmed
    })
}

/// A generated column and its expression.
struct Generated<'c> {
    column: &'c Column,
    parts: Vec<Part<'c>>,
    /// The columns that the expression names.
    inputs: Vec<&'c Column>,
}

impl<'c> Generated<'c> {
    fn all(columns: &'c [Column]) -> Vec<Self> {
        let by_name: BTreeMap<String, &Column> =
            columns.iter().map(|column| (column.name.to_ascii_lowercase(), column)).collect();
        let of = |column: &'c Column| {
            let parts = parts(column.stored.generated.as_deref()?);
            let words: BTreeSet<String> = parts.iter().filter_map(Part::word).map(str::to_ascii_lowercase).collect();
            let inputs = words.iter().filter_map(|word| by_name.get(word).copied()).collect();
            Some(Self { column, parts, inputs })
        };
        columns.iter().filter_map(of).collect()
    }
}

/// Refuses expressions that MariaDB refuses: those of a geometry, and, where a generated column is kept in the table or in a key, those of a
/// CHAR, whose spaces at the end are a matter of `sql_mode` there, differences of unsigned integers for the same reason, and points of time
/// that are made of more than other ones. MariaDB takes some comparisons of CHARs, which are refused here, too.
///
/// # Errors
/// 1235.
pub(super) fn check_expressions(
    columns: &[Column],
    checks: &[String],
    is_in_key: &dyn Fn(&Column) -> bool,
) -> Result<(), SqlError> {
    let checks: Vec<Vec<Part<'_>>> = checks.iter().map(|check| parts(check)).collect();
    for geometry in columns.iter().filter(|column| column.declared.is_geometry()) {
        if checks.iter().any(|check| computes(check, &geometry.name)) {
            return refuse("A CHECK", &format!("it: compare the geometry '{}' with NULL alone", geometry.name));
        }
    }
    Generated::all(columns).iter().try_for_each(|generated| {
        let is_kept = generated.column.generated == Some(true) || is_in_key(generated.column);
        check_generated(generated, columns, is_kept)
    })
}

/// Whether an expression does more with a geometry than to compare it with NULL.
fn computes(parts: &[Part<'_>], geometry: &str) -> bool {
    let is_compared = |at: usize| parts.get(at + 1).is_some_and(|next| next.is_column("IS"));
    parts.iter().enumerate().any(|(at, part)| part.is_column(geometry) && !is_compared(at))
}

fn refuse(what: &str, why: &str) -> Result<(), SqlError> {
    Err(SqlError::not_supported_yet(format!("{what} can't be in the binary log, because MariaDB refuses {why}")))
}

fn check_generated(generated: &Generated<'_>, columns: &[Column], is_kept: bool) -> Result<(), SqlError> {
    let is_time = |own: &Column| matches!(own.declared.name(), "TIME" | "DATETIME" | "TIMESTAMP");
    let is_of_times = |own: &Column| is_time(own) || own.declared.name() == "DATE" || own.declared.is_integer();
    let digits = |own: &Column| own.declared.arguments().first().copied().unwrap_or(0);
    let Generated { column, parts, inputs } = generated;
    let what = format!("The generated column '{}'", column.name);
    for input in inputs {
        let (name, kind) = (&input.name, input.declared.name());
        if input.declared.is_geometry() {
            return refuse(&what, &format!("to compute with the geometry '{name}'"));
        }
        if !is_kept {
            continue;
        }
        if kind == "CHAR" && names_with_spaces(parts, name) {
            let why = format!("to keep what is made of a CHAR: use RTRIM({name}), or make '{name}' a VARCHAR");
            return refuse(&what, &why);
        }
        if is_unsigned(input) && parts.iter().any(|part| part.is_symbol(b'-')) {
            return refuse(&what, &format!("to keep a difference of the unsigned '{name}': make it signed"));
        }
        if is_time(column) && !is_of_times(input) {
            return refuse(&what, &format!("to keep a point of time that is made of the {kind} '{name}'"));
        }
        if is_time(column) && is_time(input) && digits(input) > digits(column) {
            return refuse(&what, &format!("to cut the fractions of a second of '{name}': give it as many digits"));
        }
    }
    if is_kept && is_time(column) && !has_only(parts, columns, &OF_TIMES, b"(),+-") {
        return refuse(&what, "to keep a point of time that is made by other means than intervals");
    }
    Ok(())
}

fn is_unsigned(column: &Column) -> bool {
    column.type_text().contains("unsigned")
}

/// Refuses a virtual column that MariaDB's replicas may compute otherwise than this server, where it matters to them: they find the rows of a table
/// without a key by all their values, and take a row's own value out of an index. Sums and products of integers are the same everywhere. The table of a
/// source is refused, too, because this server's replicas would stop at its rows.
pub(super) fn check_virtual(
    columns: &[Column],
    has_row_key: bool,
    is_in_key: &dyn Fn(&Column) -> bool,
    is_made_here: bool,
) -> Result<(), SqlError> {
    let alike = computed_alike(columns);
    let differs = |column: &&Column| column.generated == Some(false) && !alike.contains(&*column.name);
    for column in columns.iter().filter(differs) {
        let place = match (is_in_key(column), has_row_key) {
            (true, _) => "in a key",
            (false, false) => "of a table without a primary key",
            (false, true) => continue,
        };
        let message = format!(
            "The virtual column '{}' {place} can't be in the binary log, because MariaDB's replicas may compute another value; make the column STORED, \
             or give the table a primary key and the column none{}",
            column.name,
            if is_made_here {
                ""
            } else {
                ", at the source; or leave the table out by replicate_ignore_table, or --log-bin here"
            }
        );
        return Err(SqlError::not_supported_yet(message));
    }
    Ok(())
}

/// The virtual columns that are sums and products of signed integers, and of such columns before them.
fn computed_alike(columns: &[Column]) -> BTreeSet<&str> {
    let mut alike = BTreeSet::new();
    for own in Generated::all(columns).iter().filter(|own| own.column.generated == Some(false)) {
        if is_computed_alike(own, &alike) {
            alike.insert(&*own.column.name);
        }
    }
    alike
}

fn is_computed_alike(own: &Generated<'_>, alike: &BTreeSet<&str>) -> bool {
    // MariaDB refuses a difference of unsigned integers that is below 0.
    let is_signed = |input: &Column| input.declared.is_integer() && !is_unsigned(input);
    let is_known = |input: &Column| input.generated != Some(false) || alike.contains(&*input.name);
    let is_input = |name: &str| own.inputs.iter().any(|input| input.name.eq_ignore_ascii_case(name));
    let is_alike = |part: &Part<'_>| match part {
        Part::Word(word) if word.bytes().all(|byte| byte.is_ascii_digit()) => word.len() < MOST_DIGITS,
        Part::Word(word) => is_input(word),
        Part::Function(_) => false,
        Part::Symbol(symbol) => matches!(*symbol, b"+" | b"-" | b"*" | b"(" | b")"),
    };
    own.column.declared.is_integer()
        && own.inputs.iter().all(|input| is_signed(input) && is_known(input))
        && own.parts.iter().all(is_alike)
}
