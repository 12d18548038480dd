//! Closes sessions on another thread, because closing one rolls its transaction back and may write a long log.

use std::sync::Arc;

use sealwire_core::error::SqlError;

use super::replicated::{GroupEnd, KeptPlace, ReplicatedGroup, RowChange};
use super::{
    Description, Done, EngineSession, Interruption, Limits, NamedTable, Pool, Request, RowSink, SessionContext,
    TransactionStep, UnlistedTable, interrupted,
};
use crate::replication::{Awaited, Place};

/// A session that a thread of the pool closes when this is dropped.
pub(crate) struct ClosedInBackground {
    /// `None` only while this is dropped.
    session: Option<Box<dyn EngineSession>>,
    interruption: Arc<Interruption>,
    pool: Pool,
}

impl ClosedInBackground {
    /// Has `pool` close the session.
    pub(crate) fn new(session: Box<dyn EngineSession>, pool: Pool) -> Self {
        Self { interruption: session.interruption(), session: Some(session), pool }
    }

    fn session(&mut self) -> Result<&mut Box<dyn EngineSession>, SqlError> {
        self.session.as_mut().ok_or_else(interrupted)
    }
}

impl Drop for ClosedInBackground {
    fn drop(&mut self) {
        let session = self.session.take();
        // Without another thread the session is closed here, with the call that holds it.
        let _ = self.pool.call(Box::new(move || drop(session)));
    }
}

impl EngineSession for ClosedInBackground {
    fn describe(&mut self, request: &Request<'_>) -> Result<Description, SqlError> {
        self.session()?.describe(request)
    }

    fn execute(&mut self, request: &Request<'_>, rows: &mut dyn RowSink) -> Result<Done, SqlError> {
        self.session()?.execute(request, rows)
    }

    fn transaction(&mut self, step: &TransactionStep) -> Result<(), SqlError> {
        self.session()?.transaction(step)
    }

    fn begin_snapshot(&mut self, context: &dyn SessionContext) -> Result<(), SqlError> {
        self.session()?.begin_snapshot(context)
    }

    fn take_awaited(&mut self) -> Option<Awaited> {
        self.session.as_mut().and_then(|session| session.take_awaited())
    }

    fn snapshot(&self) -> Option<Place> {
        self.session.as_ref().and_then(|session| session.snapshot())
    }

    fn is_in_transaction(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_in_transaction())
    }

    fn set_group(&mut self, group: ReplicatedGroup) {
        if let Ok(session) = self.session() {
            session.set_group(group);
        }
    }

    fn end_group(&mut self) -> bool {
        self.session().is_ok_and(|session| session.end_group())
    }

    fn keep_place(&mut self, channel: &str, place: &KeptPlace) -> Result<(), SqlError> {
        self.session()?.keep_place(channel, place)
    }

    fn begin_outside(&mut self, channel: &str, end: &GroupEnd) -> Result<(), SqlError> {
        self.session()?.begin_outside(channel, end)
    }

    fn named_tables(&mut self, request: &Request<'_>) -> Result<Vec<NamedTable>, SqlError> {
        self.session()?.named_tables(request)
    }

    fn apply_rows(&mut self, change: &RowChange<'_>, limits: &Limits) -> Result<(), SqlError> {
        self.session()?.apply_rows(change, limits)
    }

    fn temporary_table(&self, database: &str, table: &str) -> Result<Option<UnlistedTable>, SqlError> {
        self.session.as_ref().map_or(Ok(None), |session| session.temporary_table(database, table))
    }

    fn interruption(&self) -> Arc<Interruption> {
        Arc::clone(&self.interruption)
    }
}
