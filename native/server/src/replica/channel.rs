//! A channel: its settings, the state of its two threads, and its relay log.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use sealwire::StartPosition;
use sealwire_core::error::SqlError;
use sealwire_core::facts::TlsFacts;
use sealwire_core::printable;
use sealwire_core::secret::Secret;

use super::filters::FilterLists;
use super::relay_log::{RelayLog, RelayPlace};
use super::settings::Settings;
use super::statement::Until;
use crate::engine::Interruption;
use crate::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A channel.
#[derive(Debug)]
pub(crate) struct Channel {
    /// The name; empty for the channel without one.
    pub(crate) name: String,
    /// Held by the statement that starts, stops or changes the channel.
    pub(crate) control: Mutex<()>,
    state: Mutex<State>,
    changed: Condvar,
    relay: Mutex<RelayLog>,
    grew: Condvar,
    stops_receiver: AtomicBool,
    stops_applier: AtomicBool,
}

/// One of a channel's threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The thread that receives the source's log.
    Receiver,
    /// The thread that applies it.
    Applier,
}

/// The state of a channel.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    /// The user and the password that START gave, until STOP.
    pub(crate) login: (Option<String>, Option<Secret>),
    pub(crate) receiver: Thread,
    pub(crate) applier: Thread,
    /// The connection, through which STOP ends the receiver's wait.
    pub(crate) link: Option<TcpStream>,
    /// The TLS parameters of the connection; `None` without a connection, or over plaintext.
    pub(crate) tls: Option<TlsFacts>,
    /// The source, as the connection has told it.
    pub(crate) source: SourceFacts,
    /// The place in the source's log up to which the receiver has it.
    pub(crate) read: (Vec<u8>, u64),
    /// The place from which the next connection requests the log; `None` until the relay log was read.
    pub(crate) resume: Option<Resume>,
    /// Whether the applier could not read the relay log, so that the next START with both threads fetches it again.
    pub(crate) is_relay_unreadable: bool,
    /// The place in the relay log from which to apply.
    pub(crate) apply_from: RelayPlace,
    /// The place in the source's log up to which it is applied, and the GTIDs.
    pub(crate) applied: (Vec<u8>, u64),
    pub(crate) applied_gtids: String,
    pub(crate) until: Until,
    /// The filters, with those of the server's variables.
    pub(crate) filters: FilterLists,
    /// Stops the statement that the applier runs.
    pub(crate) interruption: Option<Arc<Interruption>>,
    /// The time of the last event applied, and of the last received, in seconds since 1970 by the source's clock.
    pub(crate) applied_time: u32,
    /// The groups applied: definitions, others that are no transactions, transactions.
    pub(crate) groups: [u64; 3],
    pub(crate) retries: u64,
    pub(crate) heartbeats: u64,
    pub(crate) last_heartbeat: Option<SystemTime>,
    /// The groups that the applier leaves out when it starts next: `sql_slave_skip_counter`.
    pub(crate) skip: u64,
    /// When the delayed group may be applied.
    pub(crate) delayed_until: Option<SystemTime>,
    /// Whether the applier has all that the receiver has.
    pub(crate) has_caught_up: bool,
}

/// The place from which a connection requests the source's log.
#[derive(Debug, Clone)]
pub(crate) struct Resume {
    pub(crate) start: StartPosition,
    /// The position in the file, of which a request has 32 bits alone.
    pub(crate) position: u64,
}

/// The source.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceFacts {
    pub(crate) server_id: u32,
    pub(crate) uuid: String,
    /// Seconds by which its clock is ahead of this server's.
    pub(crate) clock_ahead: i64,
    pub(crate) has_semi_sync: bool,
}

/// The state of a thread.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) phase: Phase,
    /// The text of Slave_IO_State or Slave_SQL_Running_State.
    pub(crate) doing: &'static str,
    /// The last error since START, and when it happened.
    pub(crate) error: Option<(SqlError, SystemTime)>,
}

/// How far a thread has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Stopped,
    Preparing,
    Connecting,
    Running,
}

impl Phase {
    /// The value of Slave_IO_Running.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "No",
            Self::Preparing => "Preparing",
            Self::Connecting => "Connecting",
            Self::Running => "Yes",
        }
    }
}

impl Thread {
    const STOPPED: Self = Self { phase: Phase::Stopped, doing: "", error: None };

    /// Whether the thread is there.
    pub(crate) fn is_running(&self) -> bool {
        self.phase != Phase::Stopped
    }

    /// Notes an error as one line, because its text may be the source's.
    pub(crate) fn fail(&mut self, error: SqlError) {
        let message = printable::line(&error.message).into_owned();
        self.error = Some((SqlError { message, ..error }, SystemTime::now()));
    }
}

impl State {
    fn new(settings: Settings) -> Self {
        Self {
            read: (settings.log_file.clone().into_bytes(), settings.log_pos),
            applied: (settings.log_file.clone().into_bytes(), settings.log_pos),
            applied_gtids: settings.gtids.clone(),
            filters: settings.filters.clone(),
            settings,
            login: (None, None),
            receiver: Thread::STOPPED,
            applier: Thread::STOPPED,
            link: None,
            tls: None,
            source: SourceFacts::default(),
            resume: None,
            is_relay_unreadable: false,
            apply_from: RelayPlace::default(),
            until: Until::None,
            interruption: None,
            applied_time: 0,
            groups: [0; 3],
            retries: 0,
            heartbeats: 0,
            last_heartbeat: None,
            skip: 0,
            delayed_until: None,
            has_caught_up: false,
        }
    }

    /// A thread's state.
    pub(crate) const fn thread(&mut self, part: Part) -> &mut Thread {
        match part {
            Part::Receiver => &mut self.receiver,
            Part::Applier => &mut self.applier,
        }
    }

    /// Whether one of the threads is there.
    pub(crate) fn is_running(&self) -> bool {
        self.receiver.is_running() || self.applier.is_running()
    }

    /// Whether the channel was removed, and keeps its GTIDs alone.
    pub(crate) fn is_removed(&self) -> bool {
        self.settings.host.is_empty() && self.settings.has_gtids
    }

    /// Forgets the places, because the settings name others.
    pub(crate) fn begin_anew(&mut self) {
        let settings = self.settings.clone();
        let (skip, errors) = (self.skip, [self.receiver.error.clone(), self.applier.error.clone()]);
        *self = Self::new(settings);
        self.skip = skip;
        [self.receiver.error, self.applier.error] = errors;
    }
}

impl Channel {
    /// A channel whose threads do not run.
    pub(crate) fn new(name: &str, settings: Settings, relay: RelayLog) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            control: Mutex::new(()),
            state: Mutex::new(State::new(settings)),
            changed: Condvar::new(),
            relay: Mutex::new(relay),
            grew: Condvar::new(),
            stops_receiver: AtomicBool::new(false),
            stops_applier: AtomicBool::new(false),
        })
    }

    /// The state.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the channel has a source. Without one it keeps the GTIDs that `gtid_slave_pos` was given.
    pub(crate) fn is_configured(&self) -> bool {
        !self.state().settings.host.is_empty()
    }

    /// Whether the channel was removed, and keeps its GTIDs alone.
    pub(crate) fn is_removed(&self) -> bool {
        self.state().is_removed()
    }

    /// The relay log.
    pub(crate) fn relay(&self) -> MutexGuard<'_, RelayLog> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the applier that the relay log has grown.
    pub(crate) fn relay_grew(&self) {
        self.grew.notify_all();
    }

    /// Waits until the relay log grows, the applier shall stop, or the time is over.
    pub(crate) fn wait_for_relay<'a>(
        &self,
        relay: MutexGuard<'a, RelayLog>,
        most: Duration,
    ) -> MutexGuard<'a, RelayLog> {
        if self.must_stop(Part::Applier) {
            return relay;
        }
        self.grew.wait_timeout(relay, most).unwrap_or_else(PoisonError::into_inner).0
    }

    const fn stops(&self, part: Part) -> &AtomicBool {
        match part {
            Part::Receiver => &self.stops_receiver,
            Part::Applier => &self.stops_applier,
        }
    }

    /// Whether a thread shall stop.
    pub(crate) fn must_stop(&self, part: Part) -> bool {
        self.stops(part).load(Ordering::Acquire)
    }

    /// Notes that a thread begins.
    pub(crate) fn begin(&self, part: Part) {
        let mut state = self.state();
        self.stops(part).store(false, Ordering::Release);
        *state.thread(part) = Thread { phase: Phase::Preparing, ..Thread::STOPPED };
    }

    /// Notes that a thread has ended, for this reason.
    pub(crate) fn end(&self, part: Part, error: Option<SqlError>) {
        let mut state = self.state();
        let thread = state.thread(part);
        thread.phase = Phase::Stopped;
        thread.doing = "";
        if let Some(error) = error {
            thread.fail(error);
        }
        match part {
            Part::Receiver => {
                (state.link, state.tls) = (None, None);
                state.login = (None, None);
            }
            Part::Applier => state.interruption = None,
        }
        self.changed.notify_all();
    }

    /// Waits in the receiver for this time, or until it shall stop.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        while !self.must_stop(Part::Receiver) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells a thread to stop; returns whether it was there.
    pub(crate) fn ask_to_stop(&self, part: Part) -> bool {
        let mut state = self.state();
        if !state.thread(part).is_running() {
            return false;
        }
        self.stops(part).store(true, Ordering::Release);
        match (part, &state.link, &state.interruption) {
            // The receiver waits in a read, which ends so.
            (Part::Receiver, Some(link), _) => drop(link.shutdown(Shutdown::Both)),
            (Part::Applier, _, Some(interruption)) => interruption.stop(),
            _ => {}
        }
        self.changed.notify_all();
        drop(state);
        // The applier looks at its flag with the relay log locked, so it misses no notice.
        drop(self.relay());
        self.grew.notify_all();
        true
    }

    /// Waits until a thread has ended; false where `gives_up` says so before.
    pub(crate) fn wait_for_end(&self, part: Part, gives_up: &dyn Fn() -> bool) -> bool {
        const LOOK: Duration = Duration::from_millis(100);
        let mut state = self.state();
        while state.thread(part).is_running() {
            if gives_up() {
                return false;
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
