//! Rows whose values a statement wrote in another form than their columns have. SQLite gets the columns' form behind the statement, because a
//! trigger can't change the row that is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use sealwire_core::error::SqlError;

use crate::replication::{CacheLimits, temporary_file, too_large_for_files, unwritable};

/// The most ranges of row numbers that are in memory for a table.
const MOST_RANGES: usize = 10_000;
/// The bytes of a range in a file.
const RANGE: usize = 16;

/// The rows of each table, by the tables' numbers.
#[derive(Default)]
pub(super) struct UnsettledRows(pub(super) BTreeMap<i64, Ranges>);

/// The numbers of rows as first and last ones, in the order in which the rows were changed.
#[derive(Default)]
pub(super) struct Ranges {
    memory: Vec<(i64, i64)>,
    /// The ranges before those in memory.
    file: Option<File>,
    length: u64,
}

impl UnsettledRows {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a row.
    ///
    /// # Errors
    /// 1197 where the numbers are too many, 1026 where their file can't be written.
    pub(super) fn add(&mut self, table: i64, row: i64, limits: Option<CacheLimits>) -> Result<(), SqlError> {
        let ranges = self.0.entry(table).or_default();
        if let Some((_, last)) = ranges.memory.last_mut()
            && last.checked_add(1) == Some(row)
        {
            *last = row;
            return Ok(());
        }
        if ranges.memory.len() >= MOST_RANGES {
            if let Some(limits) = limits.filter(|limits| ranges.length > limits.disk) {
                return Err(too_large_for_files(limits));
            }
            ranges.spill().map_err(|error| unwritable(&error))?;
        }
        ranges.memory.push((row, row));
        Ok(())
    }
}

impl Ranges {
    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(temporary_file()?),
        };
        let bytes: Vec<u8> =
            self.memory.iter().flat_map(|(first, last)| [first.to_le_bytes(), last.to_le_bytes()]).flatten().collect();
        file.write_all(&bytes)?;
        self.length += bytes.len() as u64;
        self.memory.clear();
        Ok(())
    }

    /// Passes each range to a function.
    ///
    /// # Errors
    /// Those of `each`, and 1026 where the file can't be read.
    pub(super) fn for_each(self, mut each: impl FnMut((i64, i64)) -> Result<(), SqlError>) -> Result<(), SqlError> {
        if let Some(mut file) = self.file {
            file.seek(SeekFrom::Start(0)).map_err(|error| unwritable(&error))?;
            let mut file = io::BufReader::new(file);
            let mut range = [0; RANGE];
            for _ in 0..self.length / RANGE as u64 {
                file.read_exact(&mut range).map_err(|error| unwritable(&error))?;
                let (first, last) = range.split_at(RANGE / 2);
                let number = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().unwrap_or_default());
                each((number(first), number(last)))?;
            }
        }
        self.memory.into_iter().try_for_each(each)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_a_row_are_one_range_and_too_many_ranges_are_in_a_file() {
        let mut rows = UnsettledRows::default();
        [1, 2, 3, 7, 8, i64::MAX].into_iter().for_each(|row| rows.add(5, row, None).unwrap());
        (0..35_000).for_each(|row| rows.add(6, row * -2, None).unwrap());
        let mut all = |table: i64| {
            let mut all = Vec::new();
            let ranges = rows.0.remove(&table).unwrap();
            assert!(ranges.memory.len() <= MOST_RANGES);
            let mut take = |range| {
                all.push(range);
                Ok(())
            };
            ranges.for_each(&mut take).unwrap();
            all
        };
        assert_eq!(all(5), [(1, 3), (7, 8), (i64::MAX, i64::MAX)]);
        let expected: Vec<(i64, i64)> = (0..35_000).map(|row| (row * -2, row * -2)).collect();
        assert_eq!(all(6), expected);
    }

    #[test]
    fn a_file_of_ranges_has_its_limit() {
        let mut rows = UnsettledRows::default();
        let limits = CacheLimits { size: u64::MAX, disk: 200_000 };
        let refused = (0..50_000).find_map(|row| rows.add(6, row * 2, Some(limits)).err()).unwrap();
        assert_eq!(refused.code, 1197);
    }
}
