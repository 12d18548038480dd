//! Who is connected: what SHOW PROCESSLIST shows and KILL finds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use sealwire_core::facts::Facts;

use super::engine::Interruption;
use super::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use super::sync::{Mutex, MutexGuard, PoisonError};

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<Connections>,
    last: AtomicU32,
}

#[derive(Debug, Default)]
struct Connections {
    by_id: BTreeMap<u32, Arc<Presence>>,
    /// How many of them are logged in.
    logged_in: usize,
}

/// A connection's place among all: taken out when the last who needs it drops it, the connection itself or a statement of it that is
/// still running. Else a user who kills his own connections could have any number of statements run.
pub(crate) struct Entry {
    registry: Arc<Registry>,
    id: u32,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.registry.leave(self.id);
    }
}

/// Why a user gets no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many sessions as there may be.
    Server,
    /// He has as many as he may have.
    User,
}

/// How many sessions there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MostSessions {
    /// In all.
    pub(crate) in_all: usize,
    /// Of the same user.
    pub(crate) of_user: Option<usize>,
}

/// What is known of a connection outside of its worker.
pub(crate) struct Presence {
    /// Its number.
    pub(crate) id: u32,
    /// Where it comes from, with the port, as SHOW PROCESSLIST prints it.
    pub(crate) host: String,
    state: Mutex<State>,
    killed: AtomicBool,
    put_out: AtomicBool,
    /// Makes its worker look at it.
    wake: Box<dyn Fn() + Send + Sync>,
}

/// What changes in a connection's life.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// The user, once he is in.
    pub(crate) user: Option<String>,
    /// The current database.
    pub(crate) database: Option<String>,
    /// `Sleep`, `Query`, ….
    pub(crate) command: &'static str,
    /// Since when.
    pub(crate) since: Instant,
    /// The statement, cut where it is long.
    pub(crate) info: Option<String>,
    /// What the connection negotiated, once the user is in.
    pub(crate) facts: Arc<Facts>,
    /// What stops its running statement.
    pub(crate) interruption: Option<Arc<Interruption>>,
    /// Whether somebody asked for the end of the command.
    pub(crate) is_stopped: bool,
}

/// As much of a statement is shown.
const MOST_INFO: usize = 1024;

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("id", &self.id).field("host", &self.host).finish_non_exhaustive()
    }
}

impl Registry {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection's number: never 0.
    pub(crate) fn next_id(&self) -> u32 {
        loop {
            let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id != 0 && !self.connections().by_id.contains_key(&id) {
                return id;
            }
        }
    }

    /// Adds a connection.
    pub(crate) fn enter(&self, id: u32, host: String, wake: Box<dyn Fn() + Send + Sync>) -> Arc<Presence> {
        let state = State {
            user: None,
            database: None,
            command: "Connect",
            since: Instant::now(),
            info: None,
            facts: Arc::default(),
            interruption: None,
            is_stopped: false,
        };
        let (killed, put_out) = (AtomicBool::new(false), AtomicBool::new(false));
        let presence = Arc::new(Presence { id, host, state: Mutex::new(state), killed, put_out, wake });
        self.connections().by_id.insert(id, Arc::clone(&presence));
        presence
    }

    /// The place of a connection that was added.
    pub(crate) fn entry(self: &Arc<Self>, id: u32) -> Arc<Entry> {
        Arc::new(Entry { registry: Arc::clone(self), id })
    }

    /// Takes a connection out, whatever runs of it; see [`Entry`].
    pub(crate) fn leave(&self, id: u32) {
        let mut connections = self.connections();
        if let Some(presence) = connections.by_id.remove(&id)
            && presence.locked().user.is_some()
        {
            connections.logged_in = connections.logged_in.saturating_sub(1);
        }
    }

    /// How many there are, logged in or not.
    pub(crate) fn len(&self) -> usize {
        self.connections().by_id.len()
    }

    /// Notes the user of a connection; how many sessions there are with it. Of two logins at once none gets a place too many.
    ///
    /// # Errors
    /// There are `most` others.
    pub(crate) fn log_in(&self, presence: &Presence, user: &str, most: MostSessions) -> Result<usize, Full> {
        let mut connections = self.connections();
        // COM_CHANGE_USER keeps the place that the connection has.
        let is_new = presence.locked().user.is_none();
        if is_new && connections.logged_in >= most.in_all {
            return Err(Full::Server);
        }
        let is_his = |other: &&Arc<Presence>| other.id != presence.id && other.locked().user.as_deref() == Some(user);
        if most.of_user.is_some_and(|most| connections.by_id.values().filter(is_his).count() >= most) {
            return Err(Full::User);
        }
        presence.locked().user = Some(user.to_owned());
        connections.logged_in += usize::from(is_new);
        Ok(connections.logged_in)
    }

    /// One of them.
    pub(crate) fn find(&self, id: u32) -> Option<Arc<Presence>> {
        self.connections().by_id.get(&id).cloned()
    }

    /// All, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Presence>> {
        self.connections().by_id.values().cloned().collect()
    }
}

impl Presence {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is doing.
    pub(crate) fn state(&self) -> State {
        self.locked().clone()
    }

    /// Changes what is known of it.
    pub(crate) fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.locked());
    }

    /// It begins a command.
    pub(crate) fn begin(&self, command: &'static str, info: Option<&[u8]>) {
        let info = info
            .map(|sql| String::from_utf8_lossy(sql.get(..sql.len().min(MOST_INFO)).unwrap_or_default()).into_owned());
        let mut state = self.locked();
        state.command = command;
        state.since = Instant::now();
        state.info = info;
        state.is_stopped = false;
    }

    /// A statement of the command begins, which this stops. A KILL that came since the command began stops it, too.
    pub(crate) fn runs(&self, interruption: Arc<Interruption>) {
        interruption.reset();
        let mut state = self.locked();
        if state.is_stopped {
            interruption.stop();
        }
        state.interruption = Some(interruption);
    }

    /// It waits for a command.
    pub(crate) fn rest(&self) {
        let mut state = self.locked();
        state.command = "Sleep";
        state.since = Instant::now();
        state.info = None;
    }

    /// KILL QUERY: stops its running statement.
    pub(crate) fn stop_statement(&self) {
        let interruption = {
            let mut state = self.locked();
            state.is_stopped = true;
            state.interruption.clone()
        };
        if let Some(interruption) = interruption {
            interruption.stop();
        }
    }

    /// KILL: ends it.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.locked().command = "Killed";
        self.stop_statement();
        (self.wake)();
    }

    /// Whether somebody asked for the end of the command that it began last.
    pub(crate) fn is_stopped(&self) -> bool {
        self.locked().is_stopped
    }

    /// Closes it at once: nobody is logged in, and others want its place.
    pub(crate) fn put_out(&self) {
        self.put_out.store(true, Ordering::Release);
        (self.wake)();
    }

    /// Whether it is to be closed at once.
    pub(crate) fn is_put_out(&self) -> bool {
        self.put_out.load(Ordering::Acquire)
    }

    /// Whether it is to end.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }
}
