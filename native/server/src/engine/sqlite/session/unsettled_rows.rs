//! Rows whose values a statement wrote in another form than their columns have. SQLite gets the columns' form behind the statement, because a
//! trigger can't change the row that is written.

use std::collections::BTreeMap;

/// The most ranges of row numbers that are told apart for a table. More are one, because a row within it that has its form already stays.
const MOST_RANGES: usize = 10_000;

/// The numbers of rows as first and last ones, by the tables' numbers.
#[derive(Default)]
pub(super) struct UnsettledRows(pub(super) BTreeMap<i64, Vec<(i64, i64)>>);

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
