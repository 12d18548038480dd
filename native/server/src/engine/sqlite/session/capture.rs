//! Collects the rows that a transaction changes, for the binary log.
//!
//! SQLite has no safe way to tell changed rows but triggers. Each session makes TEMP triggers on a table before its first change of it. They call
//! a function with the old and the new values, which adds the rows to the transaction's cache. Only the triggers may call the function, which
//! the authorizer sees to, and they must give the number that the session has drawn for the table.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use sealwire_binlog::{Body, Flavour};
use sealwire_core::error::SqlError;

use super::super::capture_names::{FORM, FUNCTION, SETTLED};
use super::super::logged_values::{self, Checked};
use super::settling::{UnsettledRow, no_row_number, not_settled};
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
    author: Author,
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
    /// The rows that the triggers are bringing to the form of their columns. A foreign key's action may begin with another row before the last
    /// one has its form.
    unsettled: Vec<UnsettledRow>,
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
    /// Whether they bring rows to the form of their columns.
    pub(super) settles: bool,
    /// Whether they were made within the transaction that is open, with which they may be rolled back.
    pub(super) is_unsettled: bool,
    pub(super) logged: Arc<LoggedTable>,
    pub(super) checks: Arc<[Checked]>,
}

/// Where a change comes from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    #[default]
    Client,
    /// A statement of a source's.
    Source,
    /// A source's rows, which have the form of their columns.
    SourceRows,
}

/// The row whose values are arriving.
#[derive(Default)]
struct Row {
    before: Image,
    after: Image,
    bytes: Vec<u8>,
    /// Whether a value is stored in another form than it was written in.
    is_unsettled: bool,
    /// Why a generated column can't hold its value, which may be another one in the row's form.
    problem: Option<SqlError>,
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
            let taken = state.take_values(context);
            taken.map_err(|error| state.fail(error))
        })?;
        let state = Arc::clone(&capture.state);
        connection.create_scalar_function(FORM, 3, flags, move |context| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let form = state.form(context);
            form.map_err(|error| state.fail(error))
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
        // Without this, rows that REPLACE deletes call no trigger, nor those that the triggers bring to their form.
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

    /// Notes that a change begins, or that one begins that is not logged.
    pub(super) fn begin(&self, text: Option<&str>, is_on: bool, author: Author, image: RowImage) -> Mark {
        let mut state = self.state();
        state.author = author;
        let limits = self.log.cache_limits();
        (state.is_on, state.error, state.rows, state.limits) = (is_on, None, 0, Some(limits));
        state.unsettled.clear();
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

    /// Keeps an error for the statement's client, and gives SQLite its text.
    fn fail(&mut self, error: SqlError) -> rusqlite::Error {
        let text = error.message.clone();
        self.error.get_or_insert(error);
        rusqlite::Error::UserFunctionError(text.into())
    }

    /// Takes values of a row: the table's number, the change, the first column's index, the row's number, values. After the last values the row
    /// is complete. Returns whether it has values in another form than its columns have, so that the trigger must store that form.
    fn take_values(&mut self, context: &Context<'_>) -> Result<bool, SqlError> {
        let [ValueRef::Integer(number), ValueRef::Integer(change), ValueRef::Integer(first)] =
            [0, 1, 2].map(|index| if index < context.len() { context.get_raw(index) } else { ValueRef::Null })
        else {
            return Err(wrong(FUNCTION));
        };
        let at = match (context.len() > 3).then(|| context.get_raw(3)) {
            Some(ValueRef::Integer(at)) => Some(at),
            _ => None,
        };
        let Self { tables, row, is_on, author, cache, databases, rows, limits, image: wanted, unsettled, .. } = self;
        let table = tables.get(&number).ok_or_else(|| wrong(FUNCTION))?;
        if !*is_on {
            return Ok(false);
        }
        let is_it = |own: &UnsettledRow| own.table == number && Some(own.row) == at;
        let change = match change {
            0 => Change::Insert,
            1 => Change::Update,
            SETTLED if unsettled.iter().any(is_it) => return Err(not_settled(&table.table)),
            SETTLED => return Ok(false),
            _ => Change::Delete,
        };
        let is_settled = change == Change::Update && unsettled.last().is_some_and(is_it);
        let columns = &table.logged.columns;
        let first = usize::try_from(first).map_err(|_| wrong(FUNCTION))?;
        if first == 0 {
            row.before.clear();
            row.after.clear();
            (row.is_unsettled, row.problem) = (false, None);
        }
        let row_in_error = *rows + u64::from(!is_settled);
        for (index, argument) in (first..).zip(4..context.len()) {
            let (at, is_after) = if change == Change::Update && index >= columns.len() {
                (index - columns.len(), true)
            } else {
                (index, change == Change::Insert)
            };
            let (Some(column), Some(check)) = (columns.get(at), table.checks.get(at)) else {
                return Err(wrong(FUNCTION));
            };
            if is_settled && !is_after {
                // The log has the row as it was before the statement.
                continue;
            }
            let image = if is_after { &mut row.after } else { &mut row.before };
            let is_old = *author != Author::Client || !is_after;
            match logged_values::add(image, column, check, context.get_raw(argument), (row_in_error, is_old)) {
                Ok(stored) => row.is_unsettled |= is_after && stored.is_some() && !check.is_generated,
                Err(problem) if is_after && check.is_generated => drop(row.problem.get_or_insert(problem)),
                Err(problem) => return Err(problem),
            }
        }
        let images = if change == Change::Update { 2 } else { 1 };
        if first + context.len().saturating_sub(4) < columns.len() * images {
            return Ok(false);
        }
        let change = match unsettled.pop_if(|_| is_settled) {
            // The action of a foreign key has changed or deleted the row before it had its form.
            Some(_) if row.is_unsettled => return Err(not_settled(&table.table)),
            None if change == Change::Delete && unsettled.iter().any(is_it) => return Err(not_settled(&table.table)),
            Some(unsettled) => {
                row.before = unsettled.before;
                unsettled.change
            }
            None => {
                *rows += 1;
                change
            }
        };
        if row.is_unsettled && *author != Author::SourceRows {
            let at = at.ok_or_else(|| no_row_number(&table.table))?;
            unsettled.push(UnsettledRow { table: number, row: at, change, before: std::mem::take(&mut row.before) });
            return Ok(true);
        }
        if let Some(problem) = row.problem.take() {
            return Err(problem);
        }
        if change == Change::Update && row.before.is_same(&row.after) {
            return Ok(false);
        }
        row.bytes.clear();
        let present = table.logged.put_images(change, *wanted, (&row.before, &row.after), &mut row.bytes);
        if let Some(limits) = *limits {
            cache.add(&table.logged, change, (present, &row.bytes), limits)?;
        }
        if !databases.contains(&table.database) {
            databases.insert(table.database.clone());
        }
        Ok(false)
    }

    /// The form that a column has a value in; `None` where it is the value. The arguments are the table's number, the column's index, the value.
    fn form(&self, context: &Context<'_>) -> Result<Option<Value>, SqlError> {
        let (ValueRef::Integer(number), ValueRef::Integer(index)) = (context.get_raw(0), context.get_raw(1)) else {
            return Err(wrong(FORM));
        };
        let table = self.tables.get(&number).ok_or_else(|| wrong(FORM))?;
        let of = usize::try_from(index).ok().and_then(|at| table.logged.columns.get(at).zip(table.checks.get(at)));
        let (column, check) = of.ok_or_else(|| wrong(FORM))?;
        logged_values::add(&mut Image::default(), column, check, context.get_raw(2), (self.rows, true))
    }
}

/// The error of a function that only the triggers may call.
fn wrong(function: &str) -> SqlError {
    SqlError::new(1105, b"HY000", format!("the function {function} was called by another than the engine"))
}
