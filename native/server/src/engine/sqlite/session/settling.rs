//! Stores changed rows in the form of their columns.

use rusqlite::types::ValueRef;
use sealwire_core::error::SqlError;

use super::super::errors::to_mysql;
use super::super::logged_values;
use super::SqliteSession;
use super::capture::{Capture, CapturedTable};
use super::unsettled_rows::Ranges;
use crate::engine::translate::{quote, schema_of};
use crate::replication::Image;

impl SqliteSession {
    /// Stores the rows that the last statement changed in the form of their columns. The log has that form already, but not the stored generated
    /// columns that are made of it, whose change is logged.
    ///
    /// # Errors
    /// 1062 where the form is another row's in a unique key, those of a generated column's type, and SQLite's.
    pub(super) fn settle_rows(&self, capture: &Capture) -> Result<(), SqlError> {
        for (number, ranges) in capture.begin_settling().0 {
            let table = capture.state().tables.get(&number).cloned();
            if let Some(table) = table {
                let settled = self.settle_rows_of(&table, ranges);
                settled.map_err(|error| capture.take_error().unwrap_or(error))?;
            }
        }
        Ok(())
    }

    fn settle_rows_of(&self, table: &CapturedTable, ranges: Ranges) -> Result<(), SqlError> {
        let Some(row_number) = table.row_number else { return Ok(()) };
        let failed = |error: rusqlite::Error| to_mysql(&error, "");
        let name = format!("{}.{}", quote(&schema_of(&table.database))?, quote(&table.table)?);
        let all =
            || table.logged.columns.iter().zip(table.checks.iter()).filter(|(_, check)| check.generated.is_none());
        let names = all().map(|(column, _)| quote(&column.name)).collect::<Result<Vec<String>, SqlError>>()?;
        let sets: Vec<String> =
            names.iter().enumerate().map(|(index, name)| format!("{name} = ?{}", index + 2)).collect();
        let find =
            format!("SELECT {row_number}, {} FROM {name} WHERE {row_number} BETWEEN ?1 AND ?2", names.join(", "));
        let mut find = self.connection.prepare_cached(&find).map_err(failed)?;
        let update = format!("UPDATE {name} SET {} WHERE {row_number} = ?1", sets.join(", "));
        let mut update = self.connection.prepare_cached(&update).map_err(failed)?;
        ranges.for_each(|range| {
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
            Ok(())
        })
    }
}
