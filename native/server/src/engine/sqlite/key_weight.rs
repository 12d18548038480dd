//! `key_weight(value, kind)`: the bytes by which MariaDB compares a value in a key.
//!
//! SQLite compares values as they were given, MariaDB as their column's type has them. Indexes have the function in their text, so the kinds
//! and their bytes are part of the format of the files.

use std::convert::Infallible;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};
use sealwire_binlog::Flavour;

use super::logged_values::{self, Checked};
use crate::replication::{Image, LoggedColumn};
use crate::sql::{KeyCollation, TextCharset, without_case};

/// The function's name, which no statement of a user's may call.
pub(super) const FUNCTION: &str = "key_weight";

/// The names of the indexes of weights begin with this, and go on with the table and the key, as 1062 names them.
pub(super) const MARK: &str = "\u{1}key ";

/// How the values of a part of a key are compared.
#[derive(Debug)]
pub(super) enum Kind {
    /// By the weights of their first characters.
    Text { collation: KeyCollation, name: String, longest: Option<usize> },
    /// By their bytes, without the case of ASCII letters but for those of these spellings.
    Cased { spellings: Vec<String> },
    /// By their first bytes. The values of BINARY have all the same length, so zeros at the end do not count.
    /// Numbers are their digits where an expression makes the values; others have that form already.
    Bytes { is_padded: bool, longest: Option<usize>, has_numbers: bool },
    /// By the values that the type keeps.
    Typed { text: String, column: Box<LoggedColumn>, checked: Box<Checked> },
    /// No comparison: 0 for a value that the type keeps as another one, else 1.
    Form { text: String, column: Box<LoggedColumn>, checked: Box<Checked> },
}

impl Kind {
    /// The kind of a text; `None` where the collation's weights are not known.
    pub(super) fn of_text(collation: &str, is_char: bool, longest: Option<usize>) -> Option<Self> {
        let known = KeyCollation::named(collation)?;
        let (front, known) = if is_char { ("char ", known.of_char()) } else { ("", known) };
        Some(Self::Text { collation: known, name: format!("{front}{collation}"), longest })
    }

    /// The kind of a type in MySQL's notation.
    pub(super) fn of_type(text: &str) -> Self {
        let (column, checked) = typed(text);
        Self::Typed { text: text.to_owned(), column, checked }
    }

    /// The kind that tells whether a value is as a type keeps it; `None` where it always is.
    pub(super) fn form_of_type(text: &str) -> Option<Self> {
        let (column, checked) = typed(text);
        checked.has_form(&column).then(|| Self::Form { text: text.to_owned(), column, checked })
    }

    /// The second argument of the function.
    pub(super) fn to_text(&self) -> String {
        let number = |longest: &Option<usize>| longest.map(|longest| format!(" {longest}")).unwrap_or_default();
        match self {
            Self::Text { name, longest, .. } => format!("text {name}{}", number(longest)),
            Self::Cased { spellings } => format!("cased {}", spellings.join(",")),
            Self::Bytes { is_padded, longest, has_numbers } => {
                let (kind, numbers) =
                    (if *is_padded { "padded" } else { "bytes" }, if *has_numbers { "numbers " } else { "" });
                format!("{numbers}{kind}{}", number(longest))
            }
            Self::Typed { text, .. } => format!("type {text}"),
            Self::Form { text, .. } => format!("form {text}"),
        }
    }

    /// Reads the second argument; `None` where it is no kind.
    fn read(text: &str) -> Option<Self> {
        if let Some(text) = text.strip_prefix("type ") {
            return Some(Self::of_type(text));
        }
        if let Some(text) = text.strip_prefix("cased ") {
            return Some(Self::Cased { spellings: text.split(',').map(str::to_owned).collect() });
        }
        if let Some(text) = text.strip_prefix("form ") {
            return Self::form_of_type(text);
        }
        let mut words = text.split(' ').peekable();
        let has_numbers = words.next_if_eq(&"numbers").is_some();
        let first = words.next()?;
        let is_char = first == "text" && words.next_if_eq(&"char").is_some();
        let collation = if first == "text" { words.next()? } else { "" };
        let longest = words.next().map(str::parse).transpose().ok()?;
        match first {
            "text" => Self::of_text(collation, is_char, longest),
            "bytes" | "padded" => Some(Self::Bytes { is_padded: first == "padded", longest, has_numbers }),
            _ => None,
        }
    }

    /// The bytes of a value that is not NULL. A value that the type can't hold stands for itself: only a server without a binary log has it.
    fn weight(&self, value: ValueRef<'_>) -> Value {
        match (self, value) {
            (Self::Text { collation, longest, .. }, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
                let text = std::str::from_utf8(bytes);
                text.map_or_else(|_| itself(value), |text| Value::Text(collation.folded(text, *longest)))
            }
            (Self::Cased { spellings }, ValueRef::Text(bytes)) => {
                let text = std::str::from_utf8(bytes);
                let fold = |text| without_case(text, spellings.iter().map(String::as_str));
                text.map_or_else(|_| itself(value), |text| Value::Text(fold(text)))
            }
            (Self::Bytes { has_numbers: true, .. }, ValueRef::Integer(number)) => {
                self.weight(ValueRef::Text(number.to_string().as_bytes()))
            }
            (Self::Bytes { has_numbers: true, .. }, ValueRef::Real(number)) => {
                self.weight(ValueRef::Text(number.to_string().as_bytes()))
            }
            (Self::Bytes { is_padded, longest, .. }, ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => {
                let bytes = bytes.get(..longest.unwrap_or(bytes.len())).unwrap_or(bytes);
                let kept = if *is_padded { logged_values::without_end(bytes, 0) } else { bytes };
                Value::Blob(kept.to_vec())
            }
            (Self::Typed { column, checked, .. }, _) => {
                let mut image = Image::default();
                let added = logged_values::add(&mut image, column, checked, value, (0, true));
                added.map_or_else(|_| itself(value), |_| Value::Blob(image.value(0).to_vec()))
            }
            (Self::Form { column, checked, .. }, _) => {
                let form = logged_values::add(&mut Image::default(), column, checked, value, (0, true));
                Value::Integer(i64::from(!form.is_ok_and(|form| form.is_some())))
            }
            _ => itself(value),
        }
    }
}

/// A column of a type in MySQL's notation.
fn typed(text: &str) -> (Box<LoggedColumn>, Box<Checked>) {
    let (name, charset) = (String::new(), TextCharset::default());
    let (column, checked) = logged_values::column(name, text, Some(text), charset, true, Flavour::MariaDb);
    (Box::new(column), Box::new(checked))
}

fn itself(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        // A text need not be UTF-8.
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Registers the function on a connection that changes rows.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(FUNCTION, 2, flags, |context| {
        let value = context.get_raw(0);
        if value == ValueRef::Null {
            return Ok(Value::Null);
        }
        let kind = context
            .get_or_create_aux(1, |kind: ValueRef<'_>| Ok::<_, Infallible>(kind.as_str().ok().and_then(Kind::read)))?;
        Ok(kind.as_ref().as_ref().map_or_else(|| itself(value), |kind| kind.weight(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_mariadb_takes_for_the_same_have_the_same_weight() {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        let weight = |kind: &str, value: &str| -> String {
            let sql = format!("SELECT quote(key_weight({value}, ?1))");
            connection.query_row(&sql, [kind], |row| row.get(0)).unwrap()
        };
        for (kind, one, other, is_same) in [
            ("text utf8mb4_general_ci", "'ä'", "'A '", true),
            ("text utf8mb4_general_ci 3", "'abcd'", "'ABCE'", true),
            ("text utf8mb4_general_ci 4", "'abcd'", "'abce'", false),
            ("text char utf8mb4_nopad_bin", "'a'", "'a '", true),
            ("text utf8mb4_nopad_bin", "'a'", "'a '", false),
            ("text utf8mb4_bin", "'a'", "x'61'", true),
            ("bytes", "'a'", "x'61'", true),
            ("bytes 2", "x'616263'", "x'616264'", true),
            ("bytes", "x'61'", "x'6100'", false),
            ("padded", "x'61'", "x'6100'", true),
            ("bytes", "1", "'1'", false),
            ("numbers bytes", "1", "'1'", true),
            ("numbers bytes 2", "123", "x'3132'", true),
            ("numbers padded", "1.5", "x'312e3500'", true),
            ("cased cH,lL", "'chill'", "'CHILL'", true),
            ("cased cH,lL", "'ch'", "'cH'", false),
            ("type float", "0.1", "0.1000000001", true),
            ("type float", "0.1", "0.100001", false),
            ("type decimal(5,2)", "0.3", "0.1 + 0.2", true),
            ("type date", "'2020-1-1'", "'2020-01-01'", true),
            ("type datetime", "'2020-01-01'", "'2020-01-01 00:00:00'", true),
            ("type timestamp(3)", "'2020-01-01 00:00:00.5'", "'2020-01-01 00:00:00.500'", true),
            ("type time", "'10:00'", "'10:00:00'", true),
            ("type set('a','b')", "'a,b'", "'B,a,a'", true),
            ("type set('a','b')", "'a'", "'b'", false),
            ("type bit(8)", "1", "x'0001'", true),
            ("type uuid", "'123e4567-e89b-12d3-a456-426655440000'", "'123E4567-E89B-12D3-A456-426655440000'", true),
            ("type time", "'a'", "'b'", false),
        ] {
            assert_eq!(weight(kind, one) == weight(kind, other), is_same, "{kind} {one} {other}");
        }
        assert_eq!(weight("type time", "NULL"), "NULL");
        for (kind, value, expected) in [
            ("form int", "2.4", "0"),
            ("form int", "2", "1"),
            ("form int", "'abc'", "1"),
            ("form enum('a','b')", "'B'", "0"),
            ("form char(3)", "'a '", "0"),
            ("form date", "'2020-01-01'", "1"),
        ] {
            assert_eq!(weight(kind, value), expected, "{kind} {value}");
        }
    }
}
