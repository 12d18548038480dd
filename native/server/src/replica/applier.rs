//! The thread that reads the relay log, and gives its events to the applier.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sealwire::{Boundary, ClientError, Progress, StartPosition};
use sealwire_binlog::{Body, Event, GtidSet, MAGIC, MariaDbGtid, MariaDbGtidSet};
use sealwire_core::error::SqlError;

use super::apply::{Applied, Applier, Boundary as Ended, GroupKind, SourcePlace};
use super::channel::{Channel, Part, Phase};
use super::gtids::{has_all, is_at_or_behind};
use super::relay_log::{RelayLog, RelayPlace};
use super::relay_reader::{RelayError, RelayReader};
use super::settings::Settings;
use super::statement::Until;
use crate::replication::BinaryLog;
use crate::state::Server;

/// MySQL's error number of a relay log that can't be read.
pub(super) const RELAY_LOG_READ: u16 = 1594;
/// How long the applier waits at most before it looks whether it shall stop.
const WAIT: Duration = Duration::from_secs(1);

/// The next step.
enum Next {
    /// An event may be read.
    Event,
    /// The applier stops here, without an error.
    Stop,
}

/// The applier's loop.
struct Loop<'a> {
    channel: &'a Channel,
    log: Option<&'a BinaryLog>,
    applier: Applier,
    settings: Settings,
    until: Until,
    reader: RelayReader,
    /// The groups of the relay log, by which the loop knows where one begins.
    progress: Progress,
    is_open: bool,
    /// Whether the open group is left out.
    leaves_out: bool,
    /// The GTIDs of the open group.
    gtid: Option<Gtid>,
    /// Where the open group begins.
    group: RelayPlace,
    /// The groups still to be left out.
    skip: u64,
    /// The position up to which the current file may be read.
    limit: u64,
}

#[derive(Debug, Clone)]
enum Gtid {
    MariaDb(MariaDbGtid),
    MySql(String),
}

/// Applies until STOP, the end of UNTIL, or an error.
pub(super) fn run(server: &Server, channel: &Channel, mut applier: Applier) -> Result<(), SqlError> {
    let interruption = applier.interruption()?;
    let (settings, until, from, skip) = {
        let mut state = channel.state();
        state.applier.phase = Phase::Running;
        state.interruption = Some(interruption);
        (state.settings.clone(), state.until.clone(), state.apply_from.clone(), std::mem::take(&mut state.skip))
    };
    let Some(reader) = wait_for_file(channel, &from)? else { return Ok(()) };
    let mut own = Loop {
        channel,
        log: server.log.as_deref(),
        applier,
        settings,
        until,
        reader,
        progress: no_progress()?,
        is_open: false,
        leaves_out: false,
        gtid: None,
        group: from,
        skip,
        limit: 0,
    };
    own.find_group()?;
    let mut retries = 0;
    loop {
        let outcome = own.step();
        match outcome {
            Ok(Step::Applied) => retries = 0,
            Ok(Step::Read) => {}
            Ok(Step::Stop) => {
                own.applier.abandon();
                return Ok(());
            }
            // STOP has stopped the statement.
            Err(_) if channel.must_stop(Part::Applier) => {
                own.applier.abandon();
                return Ok(());
            }
            Err(Failure { is_temporary: true, error }) if retries < server.globals.slave_transaction_retries.get() => {
                retries += 1;
                own.applier.abandon();
                tracing::info!("replication channel '{}': the group is applied again: {error}", channel.name);
                channel.state().retries += 1;
                drop(channel.wait_for_relay(channel.relay(), WAIT));
                if channel.must_stop(Part::Applier) {
                    return Ok(());
                }
                own.begin_group_again()?;
            }
            Err(Failure { error, .. }) => {
                own.applier.abandon();
                return Err(error);
            }
        }
    }
}

/// The outcome of a step.
enum Step {
    Read,
    Applied,
    Stop,
}

struct Failure {
    error: SqlError,
    is_temporary: bool,
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self { error, is_temporary: false }
    }
}

fn no_progress() -> Result<Progress, SqlError> {
    let start = StartPosition::File { name: Vec::new(), position: 4 };
    Progress::new(&start).map_err(|error| ClientError::from(error).to_sql_error())
}

fn unreadable(name: &str, error: &dyn std::fmt::Display) -> SqlError {
    let message = format!(
        "Relay log read failure: Could not parse relay log event entry in '{name}': {error}. STOP REPLICA and START REPLICA fetch the log again"
    );
    SqlError::new(RELAY_LOG_READ, b"HY000", message)
}

/// Opens a file that the receiver may have begun; `None` where its first bytes are not there yet.
fn open_begun(relay: &RelayLog, name: &str) -> Result<Option<RelayReader>, SqlError> {
    let end = relay.end();
    let has_bytes = end.file != name || end.position > MAGIC.len() as u64;
    match RelayReader::open(name, &relay.path(name)) {
        Ok(reader) => Ok(Some(reader)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof && !has_bytes => Ok(None),
        Err(error) => Err(unreadable(name, &error)),
    }
}

/// Opens the file from which to apply, as soon as it is there; `None` where the applier shall stop.
fn wait_for_file(channel: &Channel, from: &RelayPlace) -> Result<Option<RelayReader>, SqlError> {
    channel.state().has_caught_up = true;
    channel.state().applier.doing = "Slave has read all relay log; waiting for more updates";
    let mut relay = channel.relay();
    while !channel.must_stop(Part::Applier) {
        let name = if from.file.is_empty() { relay.names().first() } else { Some(&from.file) };
        if let Some(name) = name
            && let Some(reader) = open_begun(&relay, name)?
        {
            return Ok(Some(reader));
        }
        relay = channel.wait_for_relay(relay, WAIT);
    }
    Ok(None)
}

impl Loop<'_> {
    /// Reads up to the place from which to apply, because the descriptions before it say how to read on.
    fn find_group(&mut self) -> Result<(), SqlError> {
        while self.reader.offset() < self.group.position {
            match self.reader.next(u64::MAX) {
                Ok(Some(next)) if !next.is_own => {
                    let read = self.progress.event(&next.event, next.position);
                    read.map_err(|error| ClientError::from(error).to_sql_error())?;
                }
                Ok(Some(_)) => {}
                Ok(None) => return Err(unreadable(&self.group.file, &"the file ends early")),
                Err(error) => return Err(unreadable(&self.group.file, &error)),
            }
        }
        self.is_open = false;
        Ok(())
    }

    /// Goes back to the beginning of the open group.
    fn begin_group_again(&mut self) -> Result<(), SqlError> {
        let path = self.channel.relay().path(&self.group.file);
        self.reader =
            RelayReader::open(&self.group.file, &path).map_err(|error| unreadable(&self.group.file, &error))?;
        self.progress = no_progress()?;
        self.limit = 0;
        self.find_group()
    }

    /// Waits for the next event, and applies it.
    fn step(&mut self) -> Result<Step, Failure> {
        if let Next::Stop = self.wait()? {
            return Ok(Step::Stop);
        }
        let (name, position) = (Arc::clone(self.reader.name()), self.reader.offset());
        let next = match self.reader.next(u64::MAX) {
            Ok(Some(next)) => next,
            Ok(None) => return Err(unreadable(&name, &"the file ends early").into()),
            Err(error @ (RelayError::Io(_) | RelayError::Event(_))) => return Err(unreadable(&name, &error).into()),
        };
        if next.is_own {
            return Ok(Step::Read);
        }
        let event = &next.event;
        let boundary = self.progress.event(event, next.position).map_err(|error| unreadable(&name, &error))?;
        let begins = !self.is_open && boundary != Boundary::Outside;
        if begins {
            self.group = RelayPlace { file: name.to_string(), position };
            (self.gtid, self.leaves_out) = (gtid_of(event), false);
            if matches!(&self.until, Until::BeforeGtids(set) if is_in(self.gtid.as_ref(), set)) {
                return Ok(Step::Stop);
            }
            self.leaves_out = self.skip > 0 || is_ignored(&self.settings, event, self.gtid.as_ref());
            if !self.leaves_out && !delay(self.channel, &self.settings, event.header.timestamp) {
                return Ok(Step::Stop);
            }
            self.channel.state().applied_time = event.header.timestamp;
        }
        self.is_open = match boundary {
            Boundary::Inside => true,
            Boundary::Commit => false,
            Boundary::Outside => self.is_open,
        };
        let mut kind = None;
        if !self.leaves_out || boundary == Boundary::Outside {
            let place = SourcePlace { file: next.file, end_position: next.position };
            match self.applier.apply(event, place) {
                Ok(Ended::Applied(applied)) => kind = Some(applied),
                Ok(Ended::None | Ended::Skipped) => {}
                Err(failed) => return Err(Failure { error: failed.error, is_temporary: failed.is_temporary }),
            }
        }
        let (file, position) = (next.file.to_vec(), next.position);
        if boundary == Boundary::Commit {
            self.group_ended(kind, &file, position)?;
        }
        if !self.is_open {
            let mut state = self.channel.state();
            state.apply_from = RelayPlace { file: name.to_string(), position: self.reader.offset() };
            // A connection by GTID begins with events of the file's beginning, behind which groups are applied.
            let applied = (&*String::from_utf8_lossy(&state.applied.0), state.applied.1);
            if boundary == Boundary::Commit || is_at_or_behind((&String::from_utf8_lossy(&file), position), applied) {
                state.applied = (file, position);
            }
        }
        Ok(if boundary == Boundary::Commit { Step::Applied } else { Step::Read })
    }

    /// Notes that a group is applied, or left out.
    fn group_ended(&mut self, kind: Option<GroupKind>, file: &[u8], position: u64) -> Result<(), SqlError> {
        if self.leaves_out && self.skip > 0 {
            self.skip -= 1;
            let gtids = with(&self.applier.positions().gtids, self.gtid.as_ref());
            self.applier.start_at(Applied { file: file.to_vec(), position, gtids })?;
        }
        self.leaves_out = false;
        if let (Some(log), Some(Gtid::MariaDb(gtid))) = (&self.log, &self.gtid) {
            log.number_behind(std::iter::once(*gtid));
        }
        let mut state = self.channel.state();
        state.applied_gtids.clone_from(&self.applier.positions().gtids);
        let [definitions, others, transactions] = &mut state.groups;
        match kind {
            Some(GroupKind::Definition) => *definitions += 1,
            Some(GroupKind::NonTransactional) => *others += 1,
            Some(GroupKind::Transactional) => *transactions += 1,
            None => {}
        }
        Ok(())
    }

    /// Waits until an event may be read.
    fn wait(&mut self) -> Result<Next, SqlError> {
        let channel = self.channel;
        if channel.must_stop(Part::Applier) || (!self.is_open && self.has_reached_end()) {
            return Ok(Next::Stop);
        }
        if self.reader.offset() < self.limit {
            return Ok(Next::Event);
        }
        let mut relay = channel.relay();
        let mut has_told = false;
        loop {
            if channel.must_stop(Part::Applier) {
                return Ok(Next::Stop);
            }
            let end = relay.end();
            if **self.reader.name() != *end.file {
                let names = relay.names();
                let at = names.iter().position(|name| **name == **self.reader.name());
                self.limit = relay.path(self.reader.name()).metadata().map_or(0, |file| file.len());
                if self.reader.offset() < self.limit {
                    break;
                }
                let next = at.and_then(|at| names.get(at + 1)).cloned();
                let Some(next) = next else { return Err(unreadable(self.reader.name(), &"it is gone from the index")) };
                if let Some(reader) = open_begun(&relay, &next)? {
                    // The file before stays, because it has the last group that is applied.
                    let before = std::mem::replace(&mut self.reader, reader);
                    relay.purge_before(before.name()).map_err(|error| unreadable(before.name(), &error))?;
                    self.limit = 0;
                    continue;
                }
            } else if self.reader.offset() < end.position {
                self.limit = end.position;
                break;
            }
            if !has_told {
                has_told = true;
                let mut state = channel.state();
                state.has_caught_up = true;
                state.applier.doing = "Slave has read all relay log; waiting for more updates";
            }
            relay = channel.wait_for_relay(relay, WAIT);
        }
        drop(relay);
        if has_told {
            channel.state().applier.doing = "Reading event from the relay log";
        }
        Ok(Next::Event)
    }

    /// Whether the place of UNTIL is reached.
    fn has_reached_end(&self) -> bool {
        match &self.until {
            Until::None | Until::BeforeGtids(_) => false,
            Until::Source(file, position) => {
                let applied = self.channel.state().applied.clone();
                is_at_or_behind((&String::from_utf8_lossy(&applied.0), applied.1), (file, *position))
            }
            Until::Relay(file, position) => {
                is_at_or_behind((self.reader.name(), self.reader.offset()), (file, *position))
            }
            Until::AfterGtids(set) => has_all(&self.applier.positions().gtids, set),
        }
    }
}

/// The GTID of a group's first event.
fn gtid_of(event: &Event<'_>) -> Option<Gtid> {
    match event.decode().ok()? {
        Body::MariaDbGtid(gtid) => Some(Gtid::MariaDb(MariaDbGtid {
            domain: gtid.domain,
            server: event.header.server_id,
            sequence: gtid.sequence,
        })),
        Body::Gtid(gtid) | Body::GtidTagged(gtid) if gtid.number > 0 => {
            let tag = String::from_utf8_lossy(gtid.tag);
            let tag = if tag.is_empty() { String::new() } else { format!("{tag}:") };
            Some(Gtid::MySql(format!("{}:{tag}{}", gtid.uuid, gtid.number)))
        }
        _ => None,
    }
}

/// The GTIDs with another one.
fn with(gtids: &str, gtid: Option<&Gtid>) -> String {
    match gtid {
        Some(Gtid::MariaDb(gtid)) => {
            let Ok(mut set) = gtids.parse::<MariaDbGtidSet>() else { return gtid.to_string() };
            // A full set keeps what it has.
            let _ = set.set(*gtid);
            set.to_string()
        }
        Some(Gtid::MySql(gtid)) => match (gtids.parse::<GtidSet>(), gtid.parse::<GtidSet>()) {
            (Ok(mut set), Ok(one)) => {
                let _ = set.add_all(&one);
                set.to_string()
            }
            _ => gtid.clone(),
        },
        None => gtids.to_owned(),
    }
}

fn is_in(gtid: Option<&Gtid>, set: &str) -> bool {
    match gtid {
        Some(Gtid::MariaDb(gtid)) => set.parse::<MariaDbGtidSet>().is_ok_and(|set| set.contains(*gtid)),
        Some(Gtid::MySql(gtid)) => match (set.parse::<GtidSet>(), gtid.parse::<GtidSet>()) {
            (Ok(set), Ok(one)) => set.contains_all(&one),
            _ => false,
        },
        None => false,
    }
}

/// Whether a group is ignored because of the server at which it was made, or of its domain. Its place is noted with the next group.
fn is_ignored(settings: &Settings, event: &Event<'_>, gtid: Option<&Gtid>) -> bool {
    let domain = match gtid {
        Some(Gtid::MariaDb(gtid)) => Some(gtid.domain),
        _ => None,
    };
    let is_unwanted = |domain: u32| {
        settings.ignore_domain_ids.contains(&domain)
            || (!settings.do_domain_ids.is_empty() && !settings.do_domain_ids.contains(&domain))
    };
    settings.ignore_server_ids.contains(&event.header.server_id) || domain.is_some_and(is_unwanted)
}

/// Waits until a group of this time may be applied; false where the applier shall stop.
fn delay(channel: &Channel, settings: &Settings, timestamp: u32) -> bool {
    if settings.delay == 0 {
        return true;
    }
    let due = i64::from(timestamp) + i64::try_from(settings.delay).unwrap_or(0) - channel.state().source.clock_ahead;
    let due = UNIX_EPOCH + Duration::from_secs(u64::try_from(due).unwrap_or(0));
    while let Ok(left) = due.duration_since(SystemTime::now()) {
        if channel.must_stop(Part::Applier) {
            return false;
        }
        {
            let mut state = channel.state();
            state.delayed_until = Some(due);
            state.applier.doing = "Waiting until MASTER_DELAY seconds after master executed event";
        }
        drop(channel.wait_for_relay(channel.relay(), left.min(WAIT)));
    }
    channel.state().delayed_until = None;
    true
}
