//! Finds the database and the table for which a query of `information_schema` asks, so that no others are read.
//!
//! SQLite runs the query's conditions in any case, so the filter must only leave out rows that those would. It understands one form, which
//! SHOW COLUMNS and tools use: one table, and conditions joined by AND that compare a column with a text.

use crate::sql::lex::{Lexer, Piece, unquote};

/// The names that rows must have; `None` lets all through.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableFilter {
    schema: Option<String>,
    table: Option<String>,
}

/// Words that may change the meaning of a condition, or begin another query.
const AMBIGUOUS_WORDS: &[&str] =
    &["BETWEEN", "CASE", "JOIN", "OR", "STRAIGHT_JOIN", "TABLE", "UNION", "VALUES", "WITH", "XOR"];
/// Words that end the conditions.
const END_WORDS: &[&str] = &["GROUP", "HAVING", "LIMIT", "ORDER"];

impl TableFilter {
    /// The filter of a statement.
    pub(super) fn of(sql: &str) -> Self {
        Self::read(sql).unwrap_or_default()
    }

    /// Whether rows of this database may be in the result.
    pub(super) fn matches_schema(&self, name: &str) -> bool {
        may_equal(self.schema.as_deref(), name)
    }

    /// Whether rows of this table may be in the result.
    pub(super) fn matches_table(&self, name: &str) -> bool {
        may_equal(self.table.as_deref(), name)
    }

    fn read(sql: &str) -> Option<Self> {
        let tokens: Vec<(Piece, &[u8])> = Lexer::new(sql.as_bytes()).filter(|(piece, _)| !piece.is_blank()).collect();
        let is_word = |token: &(Piece, &[u8]), words: &[&str]| {
            token.0 == Piece::Word && words.iter().any(|word| token.1.eq_ignore_ascii_case(word.as_bytes()))
        };
        let count = |word: &str| tokens.iter().filter(|token| is_word(token, &[word])).count();
        if count("SELECT") != 1 || count("FROM") != 1 || tokens.iter().any(|token| is_word(token, AMBIGUOUS_WORDS)) {
            return None;
        }
        let (_, rest) = split_at_word(&tokens, |token| is_word(token, &["FROM"]))?;
        let (tables, rest) = split_at_word(rest, |token| is_word(token, &["WHERE"]))?;
        if tables.iter().any(|(piece, _)| matches!(piece, Piece::Symbol(b',' | b'('))) {
            return None;
        }
        let conditions =
            split_at_word(rest, |token| is_word(token, END_WORDS)).map_or(rest, |(conditions, _)| conditions);
        let mut filter = Self::default();
        let mut depth = 0usize;
        let parts = conditions.split(|token| {
            match token.0 {
                Piece::Symbol(b'(') => depth += 1,
                Piece::Symbol(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && is_word(token, &["AND"])
        });
        for part in parts {
            let ((_, column), value) = match part {
                [column, (Piece::Symbol(b'='), _), (Piece::Text, value)]
                | [_, (Piece::Symbol(b'.'), _), column, (Piece::Symbol(b'='), _), (Piece::Text, value)] => {
                    (*column, value)
                }
                _ => continue,
            };
            let value = String::from_utf8_lossy(&unquote(value)).into_owned();
            if is_column(column, b"TABLE_SCHEMA") {
                filter.schema = Some(value);
            } else if is_column(column, b"TABLE_NAME") {
                filter.table = Some(value);
            }
        }
        Some(filter)
    }
}

fn is_column(written: &[u8], name: &[u8]) -> bool {
    let bare = written.strip_prefix(b"`").and_then(|rest| rest.strip_suffix(b"`")).unwrap_or(written);
    bare.eq_ignore_ascii_case(name)
}

/// The tokens before and behind the first token for which `is_kind` holds.
fn split_at_word<T>(tokens: &[T], is_kind: impl Fn(&T) -> bool) -> Option<(&[T], &[T])> {
    let at = tokens.iter().position(is_kind)?;
    Some((tokens.get(..at)?, tokens.get(at + 1..)?))
}

/// Whether any of our collations could compare them as equal.
fn may_equal(wanted: Option<&str>, name: &str) -> bool {
    wanted.is_none_or(|wanted| wanted.trim_end().to_lowercase() == name.trim_end().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_lets_through_all_rows_that_the_query_may_show() {
        let of = |sql: &str| {
            let TableFilter { schema, table } = TableFilter::of(sql);
            (schema.unwrap_or_default(), table.unwrap_or_default())
        };
        let both = ("d".to_owned(), "t'x".to_owned());
        for sql in [
            "SELECT a FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 't''x' ORDER BY 1",
            "select c.* from COLUMNS AS c where c.table_name='t''x' and (a = 1 AND b = 2) AND `c`.`table_schema` = 'd'",
            "SELECT 1 FROM COLUMNS WHERE table_name = 't''x' AND NOT b AND TABLE_SCHEMA = 'd' LIMIT 1",
        ] {
            assert_eq!(of(sql), both, "{sql}");
        }
        let schema = ("d".to_owned(), String::new());
        for sql in [
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 't' 'x'",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME LIKE 't'",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' AND NOT TABLE_NAME = 't'",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' AND (TABLE_NAME = 't' AND 0)",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 't' IS NULL",
        ] {
            assert_eq!(of(sql), schema, "{sql}");
        }
        for sql in [
            "SELECT 1 FROM COLUMNS",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' OR 1",
            "SELECT 1 FROM COLUMNS WHERE a BETWEEN 1 AND TABLE_SCHEMA = 'd'",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' AND 1 IN (SELECT 1 FROM COLUMNS)",
            "SELECT 1 FROM COLUMNS, TABLES WHERE TABLE_SCHEMA = 'd'",
            "SELECT 1 FROM COLUMNS a LEFT JOIN COLUMNS b ON 1 WHERE TABLE_SCHEMA = 'd'",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'd' UNION SELECT 1 FROM COLUMNS",
            "SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = DATABASE()",
        ] {
            assert_eq!(of(sql), Default::default(), "{sql}");
        }
        assert!(TableFilter::default().matches_schema("any"));
        let filter = TableFilter::of("SELECT 1 FROM COLUMNS WHERE TABLE_SCHEMA = 'Ä ' AND TABLE_NAME = 'x'");
        assert!(filter.matches_schema("ä") && filter.matches_table("X") && !filter.matches_table("y"));
    }
}
