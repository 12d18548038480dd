//! A session whose transaction another thread can roll back while no statement of it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sealwire_core::error::SqlError;

use super::session::SqliteSession;
use super::shared::Shared;
use super::writers::{GivesWay, Writers};
use crate::engine::replicated::{GroupEnd, KeptPlace, ReplicatedGroup, RowChange};
use crate::engine::{
    Description, Done, EngineSession, Interruption, Limits, NamedTable, Request, RowSink, SessionContext,
    TransactionStep, UnlistedTable,
};
use crate::replication::{Awaited, Place};

/// A session in the list of those that can give way.
pub(super) struct SharedSession {
    session: Arc<Mutex<SqliteSession>>,
    interruption: Arc<Interruption>,
    writers: Writers,
    number: u64,
}

impl SharedSession {
    /// Opens a session.
    ///
    /// # Errors
    /// Where resources are short.
    pub(super) fn open(shared: Shared) -> Result<Self, SqlError> {
        let writers = shared.writers.clone();
        let session = SqliteSession::open(shared)?;
        let (interruption, writer) = (session.interruption(), session.writer());
        let session = Arc::new(Mutex::new(session));
        let weak = Arc::downgrade(&session);
        let number = writers.list(writer, weak as Weak<Mutex<dyn GivesWay>>);
        Ok(Self { session, interruption, writers, number })
    }

    fn session(&self) -> MutexGuard<'_, SqliteSession> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedSession {
    fn drop(&mut self) {
        self.writers.remove(self.number);
    }
}

impl EngineSession for SharedSession {
    fn describe(&mut self, request: &Request<'_>) -> Result<Description, SqlError> {
        self.session().describe(request)
    }

    fn execute(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        self.session().execute(request, rows)
    }

    fn transaction(&mut self, step: &TransactionStep) -> Result<(), SqlError> {
        self.session().transaction(step)
    }

    fn begin_snapshot(&mut self, context: &dyn SessionContext) -> Result<(), SqlError> {
        self.session().begin_snapshot(context)
    }

    fn take_awaited(&mut self) -> Option<Awaited> {
        self.session().take_awaited()
    }

    fn snapshot(&self) -> Option<Place> {
        self.session().snapshot()
    }

    fn is_in_transaction(&self) -> bool {
        self.session().is_in_transaction()
    }

    fn set_group(&mut self, group: ReplicatedGroup) {
        self.session().set_group(group);
    }

    fn end_group(&mut self) -> bool {
        self.session().end_group()
    }

    fn keep_place(&mut self, channel: &str, place: &KeptPlace) -> Result<(), SqlError> {
        self.session().keep_place(channel, place)
    }

    fn begin_outside(&mut self, channel: &str, end: &GroupEnd) -> Result<(), SqlError> {
        self.session().begin_outside(channel, end)
    }

    fn named_tables(&mut self, request: &Request<'_>) -> Result<Vec<NamedTable>, SqlError> {
        self.session().named_tables(request)
    }

    fn apply_rows(&mut self, change: &RowChange<'_>, limits: &Limits) -> Result<(), SqlError> {
        self.session().apply_rows(change, limits)
    }

    fn temporary_table(&self, database: &str, table: &str) -> Result<Option<UnlistedTable>, SqlError> {
        self.session().temporary_table(database, table)
    }

    fn interruption(&self) -> Arc<Interruption> {
        Arc::clone(&self.interruption)
    }
}
