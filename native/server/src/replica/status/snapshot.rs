//! A channel's state at one moment.

use std::time::{SystemTime, UNIX_EPOCH};

use sealwire::StartPosition;
use sealwire_binlog::GtidSet;
use sealwire_core::facts::TlsFacts;

use super::super::channel::{Channel, Phase, SourceFacts, Thread};
use super::super::filters::FilterLists;
use super::super::relay_log::RelayPlace;
use super::super::settings::Settings;
use super::super::statement::Until;
use crate::sql::{Datum, text};

/// A channel's state at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) filters: FilterLists,
    pub(super) receiver: Thread,
    pub(super) applier: Thread,
    pub(super) tls: Option<TlsFacts>,
    pub(super) source: SourceFacts,
    pub(super) read: (Vec<u8>, u64),
    pub(super) io_gtids: Option<StartPosition>,
    pub(super) relay: RelayPlace,
    pub(super) applied: (Vec<u8>, u64),
    pub(super) applied_gtids: String,
    pub(super) until: Until,
    pub(super) seconds_behind: Option<u64>,
    pub(super) remaining_delay: Option<u64>,
    pub(super) groups: [u64; 3],
    pub(super) retries: u64,
    pub(super) heartbeats: u64,
    pub(super) last_heartbeat: Option<SystemTime>,
    pub(super) skip: u64,
    pub(super) space: u64,
    pub(super) user: String,
}

impl Snapshot {
    /// The state of a channel now.
    pub(crate) fn of(channel: &Channel) -> Self {
        let space = channel.relay().space();
        let state = channel.state();
        let now = SystemTime::now();
        let both = state.receiver.phase == Phase::Running && state.applier.is_running();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
        let behind = (seconds + state.source.clock_ahead - i64::from(state.applied_time)).max(0).unsigned_abs();
        let behind = if state.has_caught_up || state.applied_time == 0 { 0 } else { behind };
        Self {
            name: channel.name.clone(),
            settings: state.settings.clone(),
            filters: state.filters.clone(),
            receiver: state.receiver.clone(),
            applier: state.applier.clone(),
            tls: state.tls.clone(),
            source: state.source.clone(),
            read: state.read.clone(),
            io_gtids: state.resume.as_ref().map(|resume| resume.start.clone()),
            relay: state.apply_from.clone(),
            applied: state.applied.clone(),
            applied_gtids: state.applied_gtids.clone(),
            until: state.until.clone(),
            seconds_behind: both.then_some(behind),
            remaining_delay: state.delayed_until.map(|due| due.duration_since(now).unwrap_or_default().as_secs()),
            groups: state.groups,
            retries: state.retries,
            heartbeats: state.heartbeats,
            last_heartbeat: state.last_heartbeat,
            skip: state.skip,
            space,
            user: state.login.0.clone().unwrap_or_else(|| state.settings.user.clone()),
        }
    }

    /// The state of a channel that does not exist, for the names of columns.
    pub(crate) fn none() -> Self {
        let stopped = Thread { phase: Phase::Stopped, doing: "", error: None };
        Self {
            name: String::new(),
            settings: Settings::default(),
            filters: FilterLists::default(),
            receiver: stopped.clone(),
            applier: stopped,
            tls: None,
            source: SourceFacts::default(),
            read: (Vec::new(), 0),
            io_gtids: None,
            relay: RelayPlace::default(),
            applied: (Vec::new(), 0),
            applied_gtids: String::new(),
            until: Until::None,
            seconds_behind: None,
            remaining_delay: None,
            groups: [0; 3],
            retries: 0,
            heartbeats: 0,
            last_heartbeat: None,
            skip: 0,
            space: 0,
            user: String::new(),
        }
    }

    pub(super) fn io_gtids(&self) -> String {
        match &self.io_gtids {
            Some(StartPosition::MariaDbGtid(list)) => list.clone(),
            Some(StartPosition::MySqlGtid(set)) => GtidSet::decode(set).map(|set| set.to_string()).unwrap_or_default(),
            _ => String::new(),
        }
    }

    pub(super) fn until(&self) -> (&'static str, String, u64) {
        match &self.until {
            Until::None => ("None", String::new(), 0),
            Until::Source(file, position) => ("Master", file.clone(), *position),
            Until::Relay(file, position) => ("Relay", file.clone(), *position),
            Until::AfterGtids(set) if set.contains(':') => ("SQL_AFTER_GTIDS", String::new(), 0),
            Until::AfterGtids(_) => ("Gtid", String::new(), 0),
            Until::BeforeGtids(_) => ("SQL_BEFORE_GTIDS", String::new(), 0),
        }
    }

    /// The state of the applier as one text.
    pub(super) fn applier_doing(&self) -> Datum {
        text(self.applier.doing)
    }
}
