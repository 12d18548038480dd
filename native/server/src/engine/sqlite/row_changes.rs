//! Applies the rows of an event of a binary log to their table: [`plan`] makes the statements, [`target`] describes the table, [`values`] turns
//! the log's values into the engine's, and [`json_patch`] changes parts of documents.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use sealwire_binlog::{Problem, Row, Rows, RowsKind};
use sealwire_core::error::SqlError;

pub(super) use json_patch::register;
pub(super) use plan::Plan;
pub(super) use target::Target;

mod json_patch;
mod plan;
mod target;
mod values;

/// MySQL's number.
const DUPLICATE: u16 = 1062;

const fn is_duplicate(error: &SqlError) -> bool {
    error.code == DUPLICATE
}

/// The savepoint around an event.
const EVENT: &str = "`\u{1}event`";

/// The rows of an event, and the table to which they are applied within an open transaction.
pub(super) struct RowChanges<'a> {
    pub(super) connection: &'a Connection,
    pub(super) plan: &'a Plan,
    pub(super) rows: &'a Rows<'a>,
    /// The table's name, for errors.
    pub(super) table: &'a str,
    /// Makes MySQL's error of SQLite's.
    pub(super) failed: &'a dyn Fn(rusqlite::Error) -> SqlError,
    /// Has SQLite ignore foreign keys, or mind them again.
    pub(super) ignore_keys: &'a dyn Fn(bool) -> Result<(), SqlError>,
    /// Fails where the work must stop, which is asked for each row.
    pub(super) go_on: &'a dyn Fn() -> Result<(), SqlError>,
    /// Called where all that was applied is undone, and applied in another way.
    pub(super) undone: &'a dyn Fn(),
}

impl RowChanges<'_> {
    /// Applies the rows.
    ///
    /// # Errors
    /// 1032 where a row is missing, 1062 where one is there already, 1594 for malformed bytes.
    pub(super) fn apply(&self) -> Result<(), SqlError> {
        let is_update = matches!(self.rows.kind, RowsKind::Update | RowsKind::PartialUpdate);
        // Rows of one event may exchange the values of a unique key, and SQLite checks the key at each row.
        if !(is_update && self.plan.moves_keys() && has_several(self.rows)?) {
            return self.apply_each();
        }
        self.run(&format!("SAVEPOINT {EVENT}"))?;
        let mut applied = self.apply_each();
        if applied.as_ref().is_err_and(is_duplicate) {
            self.run(&format!("ROLLBACK TO {EVENT}"))?;
            (self.undone)();
            let exchanged = self.exchange();
            // The first error names the row.
            applied = if exchanged.as_ref().is_err_and(is_duplicate) { applied } else { exchanged };
        }
        if !self.connection.is_autocommit() {
            self.run(&format!("RELEASE {EVENT}"))?;
        }
        applied
    }

    fn run(&self, sql: &str) -> Result<(), SqlError> {
        self.connection.execute_batch(sql).map_err(self.failed)
    }

    /// Passes each row to a function, with its number.
    fn each(&self, act: &mut dyn FnMut(usize, &Row<'_>) -> Result<(), SqlError>) -> Result<(), SqlError> {
        let mut rows = self.rows.iter().map_err(malformed)?;
        let (mut row, mut number) = (Row::default(), 0);
        while rows.next_into(&mut row).map_err(malformed)? {
            (self.go_on)()?;
            act(number, &row)?;
            number += 1;
        }
        Ok(())
    }

    /// Applies rows one after the other.
    fn apply_each(&self) -> Result<(), SqlError> {
        let mut statement = self.connection.prepare_cached(&self.plan.sql).map_err(self.failed)?;
        self.each(&mut |_, row| {
            self.plan.bind(&mut statement, row)?;
            let changed = statement.raw_execute().map_err(self.failed)?;
            if changed == 0 && self.rows.kind != RowsKind::Write { Err(self.missing_row()) } else { Ok(()) }
        })
    }

    /// Applies updates all at once: takes the old rows away, then adds the new ones.
    fn exchange(&self) -> Result<(), SqlError> {
        (self.ignore_keys)(true)?;
        let mut kept: Vec<Vec<Stored>> = Vec::new();
        let moves = &self.plan.moves;
        let mut find = self.connection.prepare_cached(&moves.find).map_err(self.failed)?;
        let mut take = self.connection.prepare_cached(&moves.take).map_err(self.failed)?;
        self.each(&mut |_, row| {
            self.plan.bind_place(&mut find, row, 0)?;
            let mut found = find.raw_query();
            let old = found.next().map_err(self.failed)?.ok_or_else(|| self.missing_row())?;
            let values = (0..moves.columns).map(|index| old.get(index)).collect::<rusqlite::Result<Vec<_>>>();
            kept.push(values.map_err(self.failed)?);
            drop(found);
            self.plan.bind_place(&mut take, row, 0)?;
            take.raw_execute().map(drop).map_err(self.failed)
        })?;
        let mut add = self.connection.prepare_cached(&moves.add).map_err(self.failed)?;
        self.each(&mut |number, row| {
            let old = kept.get(number).map(Vec::as_slice).unwrap_or_default();
            self.plan.bind_moved(&mut add, row, old)?;
            add.raw_execute().map(drop).map_err(self.failed)
        })?;
        (self.ignore_keys)(false)
    }

    fn missing_row(&self) -> SqlError {
        SqlError::new(1032, b"HY000", format!("Can't find record in '{}'", self.table))
    }
}

/// One bit for each column that any row of an event changes. SQLite leaves the indexes of the other columns alone.
pub(super) fn changed_columns(rows: &Rows<'_>) -> Result<Vec<u8>, SqlError> {
    if !matches!(rows.kind, RowsKind::Update | RowsKind::PartialUpdate) {
        return Ok(rows.after.to_vec());
    }
    let mut changed = vec![0; rows.after.len()];
    let (mut rows, mut row) = (rows.iter().map_err(malformed)?, Row::default());
    while rows.next_into(&mut row).map_err(malformed)? {
        for (index, after) in row.after.iter().enumerate() {
            if after.is_some()
                && row.before.get(index) != Some(after)
                && let Some(byte) = changed.get_mut(index / 8)
            {
                *byte |= 1 << (index % 8);
            }
        }
    }
    Ok(changed)
}

/// Whether an event has more than one row.
fn has_several(rows: &Rows<'_>) -> Result<bool, SqlError> {
    let (mut rows, mut row) = (rows.iter().map_err(malformed)?, Row::default());
    Ok(rows.next_into(&mut row).map_err(malformed)? && rows.next_into(&mut row).map_err(malformed)?)
}

/// The error of an event whose bytes are wrong.
pub(super) fn malformed(problem: Problem) -> SqlError {
    SqlError::new(1594, b"HY000", format!("Relay log read failure: Could not parse relay log event entry: {problem}"))
}
