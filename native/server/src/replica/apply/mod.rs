//! Applies the events of a channel to the engine, in the order of the source's log.
//!
//! A group is a transaction or a statement. Its rows and statements run in one transaction of the engine, whose commit keeps the place behind the
//! group in each database that it changes. A group that changes no database, because it was left out or changes accounts, has its place in a
//! file of the engine's own. Places therefore need no other file, and a killed server goes on where its databases are.

mod errors;
mod events;
mod filters;
mod load;
mod outcome;
mod positions;
mod prepared;
mod rewrites;
mod statement;
#[cfg(test)]
mod tests;
mod xa;
mod zones;

use std::collections::BTreeSet;
use std::sync::Arc;

use sealwire_binlog::{Checksum, Event, Limits, Reader};
use sealwire_core::error::SqlError;

use crate::engine::replicated::{GroupEnd, KeptPlace, PartialGroup, ReplicatedGroup};
use crate::engine::{Interruption, TransactionStep};
use crate::replication::Origin;
use crate::session::Session;
use crate::state::Server;
use positions::{Gtid, Gtids};
use statement::Given;
use xa::Holding;

pub(crate) use filters::Filters;
pub(crate) use outcome::{Applied, ApplierError, Boundary, GroupKind, SourcePlace};

/// The place of groups that were left out is kept at each so-many-th of them, and at the end. They can be left out again.
const LEFT_OUT_KEPT_EACH: u64 = 1000;

/// Applies the events of one channel's relay log, in order. One thread uses it at a time.
pub(crate) struct Applier {
    server: Arc<Server>,
    session: Session,
    channel: String,
    filters: Filters,
    /// Whether this server's own log gets the groups.
    is_logged: bool,
    applied: Applied,
    gtids: Gtids,
    /// The number of the last group.
    number: u64,
    /// How many groups were left out since a place was kept.
    left_out: u64,
    /// The group that a killed server may have applied in part.
    partial: Option<PartialGroup>,
    /// Whether a group was left out that may come from another server with this server's number, so that one warning tells all.
    has_told_own_id: bool,
    /// Reads the events in compressed transactions.
    reader: Reader,
    group: Option<Group>,
    /// The XA transaction whose events arrive.
    holding: Option<Holding>,
    /// How many pieces of LOAD DATA's file have come.
    load_parts: u64,
    given: Given,
    /// The statement whose rows follow.
    rows_statement: Option<String>,
}

/// The group that is open.
struct Group {
    form: Form,
    gtid: Option<Gtid>,
    /// Whether nothing of it is applied.
    is_left_out: bool,
    /// Whether a killed server may have carried its statement out.
    is_repeated: bool,
    /// The databases that have it already.
    done: BTreeSet<String>,
    origin: Option<Origin>,
}

/// How a group ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A GTID came, and the next event says the form.
    Announced,
    /// The next statement is the whole group.
    Statement,
    /// It ends with a commit.
    Transaction,
}

impl Applier {
    /// Makes the applier of a channel, which goes on behind what its databases say was applied.
    ///
    /// # Errors
    /// Where the places in the databases can't be read, or resources are short.
    pub(crate) fn new(server: &Arc<Server>, channel: &str, filters: Filters) -> Result<Self, SqlError> {
        let groups = server.engine.applied_groups(channel)?;
        let KeptPlace { number, file, position, gtids } = groups.last;
        let known = Gtids::parse(&gtids)?;
        let is_logged = server.log.is_some() && server.globals.log_slave_updates.is_on();
        Ok(Self {
            session: Session::of_replica(server, is_logged),
            server: Arc::clone(server),
            channel: channel.to_owned(),
            filters,
            is_logged,
            applied: Applied { file, position, gtids: known.text() },
            gtids: known,
            number,
            left_out: 0,
            partial: groups.partial,
            has_told_own_id: false,
            reader: Reader::stream(Checksum::None, Limits::default()),
            group: None,
            holding: None,
            load_parts: 0,
            given: Given::default(),
            rows_statement: None,
        })
    }

    /// The place behind the last group that was applied whole.
    pub(crate) const fn positions(&self) -> &Applied {
        &self.applied
    }

    /// Goes on at another place, as CHANGE MASTER and `gtid_slave_pos` ask: groups are no longer compared with those applied before.
    ///
    /// # Errors
    /// 1941 where the GTIDs can't be read, and those of keeping the place.
    pub(crate) fn start_at(&mut self, place: Applied) -> Result<(), SqlError> {
        self.abandon();
        self.gtids = Gtids::parse(&place.gtids)?;
        self.applied = Applied { gtids: self.gtids.text(), ..place };
        self.partial = None;
        self.number += 1;
        self.keep_place()
    }

    /// Forgets the places of a channel, as RESET REPLICA asks. No applier of the channel may exist.
    ///
    /// # Errors
    /// Where a database can't be written.
    pub(crate) fn forget(server: &Arc<Server>, channel: &str) -> Result<(), SqlError> {
        server.engine.forget_places(channel)
    }

    /// Stops the running event from another thread, which then fails with error 1317.
    ///
    /// # Errors
    /// Where resources are short.
    pub(crate) fn interruption(&mut self) -> Result<Arc<Interruption>, SqlError> {
        Ok(self.session.own_engine()?.interruption())
    }

    /// Applies an event. Artificial events, heartbeats and descriptions of formats must be passed, too: they are read or ignored.
    ///
    /// # Errors
    /// MySQL's, with the place of the event.
    pub(crate) fn apply(&mut self, event: &Event<'_>, place: SourcePlace<'_>) -> Result<Boundary, ApplierError> {
        self.apply_event(event, place).map_err(|error| {
            self.abandon();
            ApplierError::new(error)
        })
    }

    /// Whether a group is open.
    #[cfg(test)]
    pub(crate) const fn is_in_group(&self) -> bool {
        self.group.is_some()
    }

    /// Rolls an open group back: after STOP, an error, or the loss of the source. Its events must be passed again from its first one on.
    pub(crate) fn abandon(&mut self) {
        if self.session.has_transaction() {
            // The engine rolls back whatever it says: a session that can't is dropped.
            let _ = self.session.take_step(TransactionStep::Rollback);
        }
        if let Ok(engine) = self.session.own_engine() {
            engine.end_group();
        }
        self.group = None;
        self.holding = None;
        self.given = Given::default();
        self.rows_statement = None;
        if self.left_out > 0
            && let Err(error) = self.keep_place()
        {
            tracing::warn!(
                "the place of the channel '{}' can't be kept, so it leaves groups out again: {error}",
                self.channel
            );
        }
    }

    fn kept(&self) -> KeptPlace {
        let Applied { file, position, .. } = &self.applied;
        KeptPlace { number: self.number, file: file.clone(), position: *position, gtids: self.gtids.kept_text() }
    }

    fn keep_place(&mut self) -> Result<(), SqlError> {
        let place = self.kept();
        self.session.own_engine()?.keep_place(&self.channel, &place)?;
        self.left_out = 0;
        Ok(())
    }

    /// The places around the open group, which ends at `place`.
    fn end_of(&self, gtid: Option<Gtid>, place: SourcePlace<'_>) -> Result<(Gtids, GroupEnd), SqlError> {
        let mut gtids = self.gtids.clone();
        if let Some(gtid) = gtid {
            gtids.add(gtid)?;
        }
        let text = gtids.kept_text();
        let behind =
            KeptPlace { number: self.number + 1, file: place.file.to_vec(), position: place.end_position, gtids: text };
        Ok((gtids, GroupEnd { before: self.kept(), place: behind }))
    }

    /// Tells the engine of the open group.
    fn announce(&mut self, end: Option<GroupEnd>) -> Result<(), SqlError> {
        let Some(group) = &self.group else { return Ok(()) };
        let replicated =
            ReplicatedGroup { channel: self.channel.clone(), done: group.done.clone(), end, origin: group.origin };
        self.session.set_origin(group.origin);
        self.session.own_engine()?.set_group(replicated);
        Ok(())
    }

    /// Moves behind a group that is committed.
    fn move_behind(&mut self, gtids: Gtids, place: KeptPlace) {
        self.applied = Applied { file: place.file, position: place.position, gtids: gtids.text() };
        self.gtids = gtids;
        self.number = place.number;
        self.partial = None;
        self.group = None;
        self.given = Given::default();
        self.rows_statement = None;
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        self.abandon();
    }
}
