//! Collects the rows that a transaction changes, for the binary log.
//!
//! SQLite has no safe way to tell changed rows but triggers. Each session makes TEMP triggers on a table before its first change of it. They call
//! a function with the old and the new values, which adds the rows to the transaction's cache. Only the triggers may call the function, which
//! the authorizer sees to, and they must give the number that the session has drawn for the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use sealwire_binlog::{Body, Flavour};
use sealwire_core::error::SqlError;

use super::super::capture_names::FUNCTION;
use super::super::logged_values::{self, Checked, Generated};
use super::unsettled_rows::UnsettledRows;
use crate::engine::Interruption;
use crate::replication::{
    Awaited, BinaryLog, CacheLimits, Change, Image, LoggedTable, Mark, RowImage, Statement, TransactionCache,
    position_text,
};

/// The collector of one session.
#[derive(Clone)]
pub(super) struct Capture {
    pub(super) log: Arc<BinaryLog>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) cache: TransactionCache,
    /// The tables with triggers, by the number that the triggers give.
    pub(super) tables: BTreeMap<i64, CapturedTable>,
    /// Whether the running statement is logged.
    is_on: bool,
    /// Whether it is a source's.
    is_applied: bool,
    limits: Option<CacheLimits>,
    image: RowImage,
    /// Why the running statement must fail.
    error: Option<SqlError>,
    /// The open savepoints, with the state of the cache at each.
    pub(super) savepoints: Vec<(String, Mark)>,
    /// The databases that the transaction has changed.
    pub(super) databases: BTreeSet<String>,
    row: Row,
    /// How many rows the statement has changed.
    rows: u64,
    /// Whether SQLite is storing rows in another form.
    is_settling: bool,
    /// The rows of the statement that SQLite is to store in another form.
    pub(super) unsettled: UnsettledRows,
    /// The state of the cache before the statement.
    before: Mark,
    /// The last commit whose answer is to wait for a replica.
    pub(super) awaited: Option<Awaited>,
}

/// A table with triggers.
#[derive(Clone)]
pub(super) struct CapturedTable {
    pub(super) database: String,
    pub(super) table: String,
    /// The version of the database's schema when the triggers were made.
    pub(super) version: i64,
    /// Whether they were made within the transaction that is open, with which they may be rolled back.
    pub(super) is_unsettled: bool,
    pub(super) logged: Arc<LoggedTable>,
    pub(super) checks: Arc<[Checked]>,
    /// The name by which SQLite numbers the rows; `None` where it has none.
    pub(super) row_number: Option<&'static str>,
}

/// The row whose values are arriving.
#[derive(Default)]
struct Row {
    before: Image,
    after: Image,
    bytes: Vec<u8>,
    /// Whether a value is stored in another form than it was written in.
    is_unsettled: bool,
}

impl Capture {
    /// Registers the function with which the triggers tell of rows, and MariaDB's function about the log.
    pub(super) fn install(
        log: Arc<BinaryLog>,
        connection: &Connection,
        interruption: &Arc<Interruption>,
    ) -> rusqlite::Result<Self> {
        let capture = Self { log, state: Arc::default() };
        let state = Arc::clone(&capture.state);
        // TEMP triggers may call it, though SQLite does not trust the schema.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        connection.create_scalar_function(FUNCTION, -1, flags, move |context| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.take_values(context).map_err(|error| {
                let text = error.message.clone();
                state.error.get_or_insert(error);
                rusqlite::Error::UserFunctionError(text.into())
            })
        })?;
        if capture.log.format.flavour == Flavour::MariaDb {
            let (log, interruption) = (Arc::clone(&capture.log), Arc::clone(interruption));
            let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
            connection.create_scalar_function("binlog_gtid_pos", 2, flags, move |context| {
                let file: Option<String> = context.get(0)?;
                // mariadb-dump gives the number as a text.
                let position = match context.get_raw(1) {
                    ValueRef::Integer(number) => Some(number),
                    ValueRef::Text(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
                    _ => None,
                };
                let place = file.zip(position.and_then(|number: i64| u64::try_from(number).ok()));
                Ok(place.and_then(|(file, at)| position_text(&log, &file, at, &|| interruption.is_stopped())))
            })?;
        }
        // Without this, rows that REPLACE deletes call no trigger.
        connection.pragma_update(None, "recursive_triggers", true)?;
        Ok(capture)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the last statement failed, where a value was the reason.
    pub(super) fn take_error(&self) -> Option<SqlError> {
        self.state().error.take()
    }

    /// Forgets the changes of a transaction that was rolled back, and the triggers that were made in it.
    pub(super) fn roll_back(&self) {
        let mut state = self.state();
        state.cache.clear();
        state.savepoints.clear();
        state.databases.clear();
        state.tables.retain(|_, table| !table.is_unsettled);
    }

    /// Forgets the triggers of a database.
    pub(super) fn forget(&self, database: &str) {
        self.state().tables.retain(|_, table| table.database != database);
    }

    /// Whether there are triggers.
    pub(super) fn has_triggers(&self) -> bool {
        !self.state().tables.is_empty()
    }

    /// Whether the open transaction has changed rows.
    pub(super) fn has_rows(&self) -> bool {
        !self.state().cache.is_empty()
    }

    /// Notes a savepoint.
    pub(super) fn save(&self, name: &str) {
        let mut state = self.state();
        let mark = state.cache.mark();
        state.savepoints.push((name.to_owned(), mark));
    }

    /// Forgets the changes since a savepoint, which stays.
    pub(super) fn roll_back_to(&self, name: &str) {
        let mut state = self.state();
        if let Some(at) = state.find(name) {
            state.savepoints.truncate(at + 1);
            if let Some((_, mark)) = state.savepoints.last().cloned() {
                state.cache.go_back(mark);
            }
        }
        state.tables.retain(|_, table| !table.is_unsettled);
    }

    /// Ends a savepoint.
    pub(super) fn release(&self, name: &str) {
        let mut state = self.state();
        if let Some(at) = state.find(name) {
            state.savepoints.truncate(at);
        }
    }

    /// Notes that a change begins, or that one begins that is not logged; `is_applied` says whether it is a source's.
    pub(super) fn begin(&self, text: Option<&str>, is_on: bool, is_applied: bool, image: RowImage) -> Mark {
        let mut state = self.state();
        state.is_applied = is_applied;
        let limits = self.log.cache_limits();
        (state.is_on, state.error, state.rows, state.limits) = (is_on, None, 0, Some(limits));
        state.unsettled.clear();
        state.is_settling = false;
        state.image = image;
        state.before = state.cache.begin_statement(text.map(|text| text.as_bytes().to_vec()));
        state.before
    }

    /// Adds a statement to what the commit logs.
    pub(super) fn add_statement(&self, statement: &Statement<'_>) -> Result<(), SqlError> {
        let limits = self.log.cache_limits();
        let mut state = self.state();
        state.databases.extend(statement.databases.iter().map(|database| (*database).to_owned()));
        state.cache.add_query(&self.log.format, statement, limits)
    }

    /// Puts a statement, and the values that it reads, in the place of the rows since `mark`.
    pub(super) fn replace_rows(
        &self,
        mark: Mark,
        values: &[Body<'_>],
        statement: &Statement<'_>,
    ) -> Result<(), SqlError> {
        let limits = self.log.cache_limits();
        let mut state = self.state();
        state.cache.go_back(mark);
        let added = values.iter().try_for_each(|value| state.cache.add_value(value, limits));
        let added = added.and_then(|()| state.cache.add_query(&self.log.format, statement, limits));
        if added.is_err() {
            state.cache.go_back(mark);
        }
        added
    }

    /// Forgets the rows of the change that is running, because they were rolled back and come anew.
    pub(super) fn restart(&self) {
        let mut state = self.state();
        let before = state.before;
        state.cache.go_back(before);
        state.unsettled.clear();
    }

    /// Notes that the change has run, and takes the rows that SQLite is to store in another form.
    pub(super) fn begin_settling(&self) -> UnsettledRows {
        let mut state = self.state();
        state.is_settling = true;
        std::mem::take(&mut state.unsettled)
    }

    /// Notes that a change has ended; `is_done` says whether it succeeded.
    pub(super) fn end(&self, mark: Mark, is_done: bool) -> Result<(), SqlError> {
        let mut state = self.state();
        state.is_on = false;
        let limits = self.log.cache_limits();
        if is_done {
            let ended = state.cache.end_statement(limits);
            if ended.is_ok() {
                return Ok(());
            }
            state.cache.go_back(mark);
            return ended;
        }
        state.cache.go_back(mark);
        Ok(())
    }
}

impl State {
    fn find(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Takes values of a row: the table's number, the change, the first column's index, the row's number, values. After the last values the row
    /// is complete.
    fn take_values(&mut self, context: &Context<'_>) -> Result<Option<i64>, SqlError> {
        let wrong =
            || SqlError::new(1105, b"HY000", format!("the function {FUNCTION} was called by another than the engine"));
        let [ValueRef::Integer(number), ValueRef::Integer(change), ValueRef::Integer(first)] =
            [0, 1, 2].map(|index| if index < context.len() { context.get_raw(index) } else { ValueRef::Null })
        else {
            return Err(wrong());
        };
        let Self {
            tables,
            row,
            is_on,
            is_applied,
            is_settling,
            cache,
            databases,
            rows,
            limits,
            image: wanted,
            unsettled,
            ..
        } = self;
        let table = tables.get(&number).ok_or_else(wrong)?;
        let is_made = |kind: Generated| move |check: &Checked| check.generated == Some(kind);
        // The log has the new form of all columns but those that were made of the old one.
        let is_known = *is_settling && !table.checks.iter().any(is_made(Generated::Stored));
        if !*is_on || is_known {
            return Ok(None);
        }
        let change = match change {
            0 => Change::Insert,
            1 => Change::Update,
            _ => Change::Delete,
        };
        let columns = &table.logged.columns;
        let mut index = usize::try_from(first).map_err(|_| wrong())?;
        if index == 0 {
            row.before.clear();
            row.after.clear();
            row.is_unsettled = false;
        }
        for argument in 4..context.len() {
            let (at, is_after) = if change == Change::Update && index >= columns.len() {
                (index - columns.len(), true)
            } else {
                (index, change == Change::Insert)
            };
            let (Some(column), Some(check)) = (columns.get(at), table.checks.get(at)) else { return Err(wrong()) };
            let image = if is_after { &mut row.after } else { &mut row.before };
            let is_old = *is_applied || !is_after;
            let stored = logged_values::add(image, column, check, context.get_raw(argument), (*rows + 1, is_old))?;
            row.is_unsettled |= is_after && stored.is_some() && check.generated.is_none();
            index += 1;
        }
        let images = if change == Change::Update { 2 } else { 1 };
        if index < columns.len() * images {
            return Ok(None);
        }
        *rows += 1;
        if let (true, false, ValueRef::Integer(at)) = (row.is_unsettled, *is_settling, context.get_raw(3)) {
            unsettled.add(number, at, *limits)?;
        }
        if *is_settling && change == Change::Update {
            // Replicas make these of the new form already.
            let is_virtual = |index: usize| table.checks.get(index).is_some_and(is_made(Generated::Virtual));
            row.before.take_from(&row.after, is_virtual);
        }
        if change == Change::Update && row.before.is_same(&row.after) {
            return Ok(None);
        }
        row.bytes.clear();
        let present = table.logged.put_images(change, *wanted, (&row.before, &row.after), &mut row.bytes);
        if let Some(limits) = *limits {
            cache.add(&table.logged, change, (present, &row.bytes), limits)?;
        }
        if !databases.contains(&table.database) {
            databases.insert(table.database.clone());
        }
        Ok(None)
    }
}
