//! Who is connected: what SHOW PROCESSLIST shows and KILL finds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::engine::Interruption;
use super::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use super::sync::{Mutex, MutexGuard, PoisonError};

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: Mutex<BTreeMap<u32, Arc<Presence>>>,
    last: AtomicU32,
}

/// What is known of a connection outside of its worker.
pub(crate) struct Presence {
    /// Its number.
    pub(crate) id: u32,
    /// Where it comes from, with the port, as SHOW PROCESSLIST prints it.
    pub(crate) host: String,
    state: Mutex<State>,
    killed: AtomicBool,
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
    /// Whether TLS is on.
    pub(crate) is_tls: bool,
    /// What stops its running statement.
    pub(crate) interruption: Option<Arc<Interruption>>,
}

/// As much of a statement is shown.
const MOST_INFO: usize = 1024;

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("id", &self.id).field("host", &self.host).finish_non_exhaustive()
    }
}

impl Registry {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Presence>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next connection's number: never 0.
    pub(crate) fn next_id(&self) -> u32 {
        loop {
            let id = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id != 0 && !self.connections().contains_key(&id) {
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
            is_tls: false,
            interruption: None,
        };
        let presence = Arc::new(Presence { id, host, state: Mutex::new(state), killed: AtomicBool::new(false), wake });
        self.connections().insert(id, Arc::clone(&presence));
        presence
    }

    /// Takes a connection out.
    pub(crate) fn leave(&self, id: u32) {
        self.connections().remove(&id);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.connections().len()
    }

    /// Notes the user of a connection. `false` where he has `most` others: he gets none of two that he asks for at once.
    pub(crate) fn log_in(&self, presence: &Presence, user: &str, most: Option<usize>) -> bool {
        let connections = self.connections();
        let is_his = |other: &&Arc<Presence>| other.id != presence.id && other.locked().user.as_deref() == Some(user);
        let room = most.is_none_or(|most| connections.values().filter(is_his).count() < most);
        if room {
            presence.locked().user = Some(user.to_owned());
        }
        room
    }

    /// One of them.
    pub(crate) fn find(&self, id: u32) -> Option<Arc<Presence>> {
        self.connections().get(&id).cloned()
    }

    /// All, by number.
    pub(crate) fn all(&self) -> Vec<Arc<Presence>> {
        self.connections().values().cloned().collect()
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
        let interruption = self.locked().interruption.clone();
        if let Some(interruption) = interruption {
            interruption.stop();
        }
    }

    /// KILL: ends it.
    pub(crate) fn kill(&self) {
        self.killed.store(true, Ordering::Release);
        self.stop_statement();
        (self.wake)();
    }

    /// Whether it is to end.
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }
}
