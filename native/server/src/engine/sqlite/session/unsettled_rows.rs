//! Rows whose values a statement wrote in another form than their columns have. SQLite gets the columns' form behind the statement, because a
//! trigger can't change the row that is written.

use std::collections::BTreeMap;

use rusqlite::types::ValueRef;
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::logged_values;
use super::SqliteSession;
use super::capture::{Capture, CapturedTable};
use crate::engine::translate::{quote, schema_of};
use crate::replication::Image;

/// The most ranges of row numbers that are told apart for a table. More are one, because a row within it that has its form already stays.
const MOST_RANGES: usize = 10_000;

/// The numbers of rows as first and last ones, by the tables' numbers.
#[derive(Default)]
pub(super) struct UnsettledRows(BTreeMap<i64, Vec<(i64, i64)>>);

impl UnsettledRows {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn add(&mut self, table: i64, row: i64) {
        let ranges = self.0.entry(table).or_default();
        let has_most = ranges.len() >= MOST_RANGES;
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(row) => *last = row,
            Some((first, last)) if has_most => (*first, *last) = (row.min(*first), row.max(*last)),
            _ => ranges.push((row, row)),
        }
    }
}

impl SqliteSession {
    /// Stores the rows that the last statement changed in the form of their columns. The log has that form already.
    ///
    /// # Errors
    /// 1062 where the form is another row's in a unique key, and SQLite's.
    pub(super) fn settle_rows(&self, capture: &Capture) -> Result<(), SqlError> {
        let unsettled = std::mem::take(&mut capture.state().unsettled);
        for (number, ranges) in unsettled.0 {
            let table = capture.state().tables.get(&number).cloned();
            if let Some(table) = table {
                self.settle_rows_of(&table, &ranges)?;
            }
        }
        Ok(())
    }

    fn settle_rows_of(&self, table: &CapturedTable, ranges: &[(i64, i64)]) -> Result<(), SqlError> {
        let Some(row_number) = table.row_number else { return Ok(()) };
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let name = format!("{}.{}", quote(&schema_of(&table.database))?, quote(&table.table)?);
        let all = || table.logged.columns.iter().zip(table.checks.iter()).filter(|(_, check)| !check.is_generated);
        let names = all().map(|(column, _)| quote(&column.name)).collect::<Result<Vec<String>, SqlError>>()?;
        let sets: Vec<String> =
            names.iter().enumerate().map(|(index, name)| format!("{name} = ?{}", index + 2)).collect();
        let find =
            format!("SELECT {row_number}, {} FROM {name} WHERE {row_number} BETWEEN ?1 AND ?2", names.join(", "));
        let mut find = self.connection.prepare_cached(&find).map_err(failed)?;
        let update = format!("UPDATE {name} SET {} WHERE {row_number} = ?1", sets.join(", "));
        let mut update = self.connection.prepare_cached(&update).map_err(failed)?;
        for range in ranges {
            let mut rows = find.query([range.0, range.1]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let value = |index: usize| row.get_ref(index).unwrap_or(ValueRef::Null);
                let mut is_same = true;
                update.raw_bind_parameter(1, row.get::<_, i64>(0).map_err(failed)?).map_err(failed)?;
                for (index, (column, check)) in all().enumerate() {
                    let written = value(index + 1);
                    let stored = logged_values::add(&mut Image::default(), column, check, written, (1, true))?;
                    is_same &= stored.is_none();
                    let bound = match stored {
                        Some(stored) => update.raw_bind_parameter(index + 2, stored),
                        None => update.raw_bind_parameter(index + 2, rusqlite::types::ToSqlOutput::Borrowed(written)),
                    };
                    bound.map_err(failed)?;
                }
                if !is_same {
                    update.raw_execute().map_err(failed)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_a_row_are_one_range_and_too_many_ranges_are_one() {
        let mut rows = UnsettledRows::default();
        [1, 2, 3, 7, 8, i64::MAX].into_iter().for_each(|row| rows.add(5, row));
        assert_eq!(rows.0[&5], [(1, 3), (7, 8), (i64::MAX, i64::MAX)]);
        (0..20_000).for_each(|row| rows.add(6, row * -2));
        assert_eq!(rows.0[&6].len(), MOST_RANGES);
        assert_eq!(rows.0[&6].last(), Some(&(-39_998, -19_998)));
    }
}
