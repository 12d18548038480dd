//! Reads CHANGE REPLICATION FILTER.
//!
//! Source: MySQL Reference Manual, "CHANGE REPLICATION FILTER Statement".

use sealwire_core::error::SqlError;

use super::super::filters::FILTERS;
use super::control::end;
use super::types::{Chosen, Statement};
use crate::sql::Cursor;

pub(super) fn read_filter(words: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let mut lists = Vec::new();
    loop {
        let word = words.name()?.to_ascii_uppercase();
        let name = FILTERS.into_iter().find(|name| *name == word).ok_or_else(|| words.syntax_error())?;
        words.expect("=")?;
        words.expect("(")?;
        let mut list = Vec::new();
        while !words.accept(")") {
            if !list.is_empty() {
                words.expect(",")?;
            }
            list.push(read_filtered(name, words)?);
        }
        lists.push((name, list));
        if !words.accept(",") {
            break;
        }
    }
    let mut chosen = Chosen::All;
    end(&mut chosen, words)?;
    Ok(Statement::Filter(chosen, lists))
}

/// An entry of a filter: `db`, `db.table`, `'db.ta%'` or `(from, to)`.
fn read_filtered(filter: &str, words: &mut Cursor<'_>) -> Result<String, SqlError> {
    if filter == "REPLICATE_REWRITE_DB" {
        words.expect("(")?;
        let from = words.name()?;
        words.expect(",")?;
        let to = words.name()?;
        words.expect(")")?;
        return Ok(format!("{from}->{to}"));
    }
    if filter.contains("WILD") {
        let pattern = words.text().ok_or_else(|| words.syntax_error())?;
        return if pattern.contains('.') { Ok(pattern) } else { Err(words.syntax_error()) };
    }
    let database = words.name()?;
    if !filter.ends_with("TABLE") {
        return Ok(database);
    }
    words.expect(".")?;
    Ok(format!("{database}.{}", words.name()?))
}

#[cfg(test)]
mod tests {
    use super::super::assignments::read_change;
    use super::*;

    #[test]
    fn filters_are_lists() {
        let mut words = Cursor::new(
            "REPLICATION FILTER REPLICATE_DO_DB=(a, `b`), REPLICATE_WILD_DO_TABLE=('a.t%'), REPLICATE_REWRITE_DB=((a, c)), \
             REPLICATE_IGNORE_TABLE=(a.x), REPLICATE_IGNORE_DB=() FOR CHANNEL 'c'",
        );
        let Some(Statement::Filter(Chosen::One(_), lists)) = read_change(&mut words).unwrap() else { panic!() };
        let lists: Vec<(&str, String)> = lists.into_iter().map(|(name, list)| (name, list.join(" "))).collect();
        let expected = [
            ("REPLICATE_DO_DB", "a b"),
            ("REPLICATE_WILD_DO_TABLE", "a.t%"),
            ("REPLICATE_REWRITE_DB", "a->c"),
            ("REPLICATE_IGNORE_TABLE", "a.x"),
            ("REPLICATE_IGNORE_DB", ""),
        ];
        assert_eq!(lists, expected.map(|(name, list)| (name, list.to_owned())));
    }
}
